"""A model's files: which a folder must hold, and whether they are whole.

Nothing here loads a model; whatever is found wrong is a ModelError that names the file.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from digest.errors import ModelError

Use = Literal["encoder", "summaries"]

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"
INDEX = ".index.json"

# Any one of these is enough to make a tokenizer from.
TOKENIZERS = (
    "tokenizer.json",
    "spiece.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "vocab.json",
    "vocab.txt",
)

# Configuration and tokenizers, by their endings.
SMALL = (".json", ".txt", ".model", ".spm", ".jinja")

# The format's own bound.
_LONGEST_HEADER = 100_000_000


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ModelError that names the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})") from error
    except ValueError as error:
        raise ModelError(f"{path}: is damaged, it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: is damaged, it is not a JSON object")
    return value


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder's weights, safetensors before pickles; none when it has none.

    Raises ModelError for an index that can't be read or that names files which are not there.
    """
    for whole in (SAFETENSORS, PICKLE):
        index = folder / f"{whole}{INDEX}"
        if (folder / whole).is_file():
            return [folder / whole]
        if index.is_file():
            parts = read_json(index).get("weight_map")
            if not isinstance(parts, dict) or not parts:
                raise ModelError(f"{index}: is damaged, it has no weight_map")
            # Names only: an index must not lead out of its folder.
            paths = [folder / Path(str(name)).name for name in sorted(set(parts.values()))]
            for path in paths:
                if not path.is_file():
                    raise ModelError(f"{path} is missing")
            return paths
    return []


def check_folder(folder: Path, use: Use, gguf: str = "") -> None:
    """Raises ModelError naming what the folder lacks or which of its files is broken.

    Structure and lengths are looked at, not every byte: this takes no time.
    """
    if gguf:
        check_gguf(folder / gguf)
    elif use == "encoder" and (folder / "modules.json").is_file():
        first = _first_module(folder)
        _check_transformer(first, tokenizer_folders=(first, folder))
    else:
        _check_transformer(folder, tokenizer_folders=(folder,))


def _first_module(folder: Path) -> Path:
    """The folder of the transformer in a sentence-transformers folder; often the same."""
    path = folder / "modules.json"
    try:
        modules = json.loads(path.read_text(encoding="utf-8"))
        return folder / str(modules[0]["path"])
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{path}: is damaged, it doesn't list the model's parts") from error


def _check_transformer(folder: Path, tokenizer_folders: Iterable[Path]) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: there is no config.json, so this is not a model's folder")
    read_json(folder / "config.json")
    weights = weight_files(folder)
    if not weights:
        raise ModelError(f"{folder}: there are no weights ({SAFETENSORS} or {PICKLE})")
    for path in weights:
        if path.suffix == ".safetensors":
            check_safetensors(path)
        elif path.stat().st_size == 0:
            raise ModelError(f"{path}: is damaged, it is empty")
    if not any((place / name).is_file() for place in tokenizer_folders for name in TOKENIZERS):
        raise ModelError(f"{folder}: there is no tokenizer (tokenizer.json, or spiece.model)")


def check_safetensors(path: Path) -> None:
    """Raises ModelError when the header can't be read or the file is not as long as it says.

    The format: eight bytes of header length (little endian), a JSON header with each tensor's
    `data_offsets`, the data. https://huggingface.co/docs/safetensors
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_LONGEST_HEADER, size):
                raise ValueError("the header would be longer than the file")
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        expected = 8 + length + max(ends, default=0)
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(f"{path}: is damaged, its header can't be read") from error
    if size != expected:
        raise ModelError(f"{path}: is damaged, {size:,} bytes instead of {expected:,}")


def check_gguf(path: Path) -> None:
    """Raises ModelError when the file is not there or doesn't begin as GGUF does."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror})") from error
    if start != b"GGUF":
        raise ModelError(f"{path}: is damaged, or no GGUF file")


# --- hashes --------------------------------------------------------------------------------


def sha256(path: Path) -> str:
    """Hash of a file, hex; worked out once in a process as long as the file doesn't change."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(paths: Iterable[Path]) -> str:
    """One hash over names and contents of files, hex."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}\0{sha256(path)}\n".encode())
    return total.hexdigest()


def published_sha256(path: Path) -> str:
    """The hash under which the hub's cache keeps a large file, hex; empty where it has none.

    The cache names what the hub keeps in LFS by its SHA-256; the snapshot links to it.
    """
    if not path.is_symlink():
        return ""
    name = path.readlink().name
    return name if len(name) == 64 and set(name) <= set("0123456789abcdef") else ""


def check_published_sha256(path: Path) -> None:
    """Raises ModelError when a file of the hub's cache is not what its name says."""
    published = published_sha256(path)
    if published and sha256(path) != published:
        raise ModelError(f"{path}: is damaged, its SHA-256 is not {published[:12]}…")
