"""Sentence encoders for tests: small ones with random weights, made from a configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def write_transformer(folder: Path, pieces: Sequence[str], layers: int) -> None:
    """Writes a Bert of 32 dimensions that reads `pieces` of words into `folder`."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *pieces, *(f"##{piece}" for piece in pieces)]
    tokenizer = Tokenizer(
        models.WordPiece({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)


def make_sentence_encoder(
    folder: Path,
    pooling: str = "mean_tokens",
    settings: dict[str, object] | None = None,
    kind: str = "sentence_transformers.models.Transformer",
) -> None:
    """Makes a folder of sentence-transformers of one that holds a transformer."""
    pool = {"word_embedding_dimension": 32, f"pooling_mode_{pooling}": True}
    if pooling != "mean_tokens":
        pool["pooling_mode_mean_tokens"] = False
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pool))
    pooled = "sentence_transformers.models.Pooling"
    parts = [
        {"idx": 0, "name": "0", "path": "", "type": kind},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": pooled},
    ]
    (folder / "modules.json").write_text(json.dumps(parts))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings or {}))
