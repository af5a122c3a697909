from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digest.errors import ModelError
from digest.models.encoder import WEIGHTS, Encoder
from tests.encoders import make_sentence_encoder, write_transformer

TEXTS = [
    "The ferry reached the island before dawn.",
    "A boat arrived at the isle early in the morning.",
    "The central bank left its interest rate unchanged.",
    "Short.",
    "The minister, who had said on Friday that she would stay, left on Monday with all her staff.",
]
MANY = ["Le port rouvre.", "Гавань снова открыта.", "港は再び開いた。", "Der Hafen ist offen."]


# --- a tiny model of one's own ----------------------------------------------------------------


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Bert of two layers with random weights, that reads letters of several scripts."""
    folder = tmp_path_factory.mktemp("transformer")
    letters = sorted(set("".join([*MANY, *TEXTS, "query: passage"]).lower()) - {" "})
    write_transformer(folder, letters, layers=2)
    return folder


@pytest.fixture
def build(transformer: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a sentence-transformers folder around the tiny transformer."""

    def make(
        name: str = "tiny",
        pooling: str = "mean_tokens",
        settings: dict[str, Any] | None = None,
        kind: str = "sentence_transformers.models.Transformer",
    ) -> Path:
        folder = tmp_path / name
        shutil.copytree(transformer, folder)
        make_sentence_encoder(folder, pooling, settings, kind)
        return folder

    return make


def hidden(folder: Path, text: str) -> Any:
    """The last layer's states of one text, by transformers alone: shape (tokens, d)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0].numpy()


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mean_tokens", lambda states: states.mean(axis=0)),
        ("cls_token", lambda states: states[0]),
        ("max_tokens", lambda states: states.max(axis=0)),
    ],
)
def test_a_models_own_pooling_is_used(
    build: Callable[..., Path], pooling: str, pool: Callable[[Any], Any]
) -> None:
    folder = build(pooling=pooling)
    found = Encoder(folder).encode(MANY)
    assert found.shape == (4, 32)
    for row, text in zip(found, MANY, strict=True):
        np.testing.assert_allclose(row, unit(pool(hidden(folder, text))), atol=5e-4)


def test_a_plain_transformer_is_pooled_by_the_mean(transformer: Path) -> None:
    found = Encoder(transformer).encode(MANY[:1])[0]
    expected = unit(hidden(transformer, MANY[0]).mean(axis=0))
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_a_default_prompt_stands_before_every_text(build: Callable[..., Path]) -> None:
    prompts = {"query": "query: ", "passage": "passage: "}
    with_prompt = build(
        "prompted", "mean_tokens", {"prompts": prompts, "default_prompt_name": "query"}
    )
    without = build("plain", "mean_tokens", {"prompts": prompts})
    asked = Encoder(without).encode([f"query: {text}" for text in MANY])
    np.testing.assert_allclose(Encoder(with_prompt).encode(MANY), asked, atol=5e-4)
    assert np.abs(Encoder(without).encode(MANY) - asked).max() > 0.01


def test_a_prompt_changes_the_key(build: Callable[..., Path]) -> None:
    folder = build(settings={"prompts": {"query": "query: "}})
    before = Encoder(folder).key
    settings = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    assert Encoder(folder).key != before


def test_the_key_names_folder_and_weights(build: Callable[..., Path]) -> None:
    folder = build("my-model")
    before = Encoder(folder).key
    assert before.startswith("my-model@")
    flip_a_byte(folder / WEIGHTS)
    assert Encoder(folder).key.startswith("my-model@")
    assert Encoder(folder).key != before


def test_a_relative_path_is_a_folder_and_no_repository(
    build: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build("e5")
    monkeypatch.chdir(folder.parent.parent)
    assert Encoder(Path(folder.parent.name) / "e5").name == "e5"
    with pytest.raises(ModelError, match="there is no such folder"):
        Encoder(Path("models/e5")).encode(["text"])


def test_no_texts_give_rows_of_the_models_width(build: Callable[..., Path]) -> None:
    assert Encoder(build()).encode([]).shape == (0, 32)


def test_a_text_longer_than_the_models_window_counts_by_its_beginning(
    build: Callable[..., Path],
) -> None:
    encoder = Encoder(build())
    long = "гавань " * 500
    np.testing.assert_array_equal(encoder.encode([long]), encoder.encode([long + "открыта"]))


# --- models that are refused ------------------------------------------------------------------


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def test_a_truncated_weight_file_is_refused(build: Callable[..., Path]) -> None:
    folder = build()
    os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 100)
    encoder = Encoder(folder)
    with pytest.raises(ModelError, match=r"model\.safetensors: is damaged"):
        encoder.encode(["text"])
    assert "is damaged" in encoder.info().problem


def test_weights_that_are_no_numbers_are_noticed(build: Callable[..., Path]) -> None:
    from safetensors.torch import load_file, save_file

    folder = build()
    tensors = load_file(folder / WEIGHTS)
    tensors["embeddings.LayerNorm.weight"].fill_(float("nan"))
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="are no numbers"):
        Encoder(folder).encode(["text"])


def test_a_folder_without_a_tokenizer_is_refused(build: Callable[..., Path]) -> None:
    folder = build()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="there is no tokenizer"):
        Encoder(folder).encode(["text"])


def test_a_tokenizer_of_another_model_is_refused(build: Callable[..., Path]) -> None:
    folder = build()
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {w: n + (900 if n > 4 else 0) for w, n in vocabulary.items()}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="can't encode"):
        Encoder(folder).encode(MANY)


def test_pickled_weights_are_refused_and_it_says_how_to_convert_them(
    build: Callable[..., Path],
) -> None:
    folder = build()
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is a pickle.*save_pretrained"):
        Encoder(folder).encode(["text"])


def test_a_model_with_code_of_its_own_is_refused(build: Callable[..., Path]) -> None:
    folder = build(kind="custom.Transformer")
    (folder / "custom.py").write_text("raise SystemExit('this code must not run')")
    with pytest.raises(ModelError, match=r"has code of its own \(custom\.Transformer\)"):
        Encoder(folder).encode(["text"])


def test_a_damaged_list_of_parts_is_refused(build: Callable[..., Path]) -> None:
    folder = build()
    (folder / "modules.json").write_text('[{"idx": 0, "path": ""}]')
    with pytest.raises(ModelError, match=r"modules\.json: is damaged"):
        Encoder(folder).encode(["text"])


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        Encoder(tmp_path).encode(["text"])


def test_a_device_that_is_not_there_is_named(build: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="can't be loaded as an encoder on spaceship"):
        Encoder(build(), device="spaceship").encode(["text"])


# --- a repository of the hub ------------------------------------------------------------------


def test_a_repository_that_is_not_on_this_disk_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    encoder = Encoder("example/multilingual-small")
    with pytest.raises(ModelError, match="digest models pull example/multilingual-small"):
        encoder.encode(["text"])
    assert "digest models pull" in encoder.info().problem


@pytest.mark.parametrize("wanted", ["example/multi", "example/multi@main"])
def test_a_repository_in_the_hubs_cache_is_used_and_named_by_its_commit(
    build: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = build()
    repository = tmp_path / "cache" / "models--example--multi"
    shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    encoder = Encoder(wanted)
    assert encoder.key == "example/multi@0123456789ab"
    assert encoder.info().revision == commit
    np.testing.assert_array_equal(encoder.encode(MANY), Encoder(folder).encode(MANY))
