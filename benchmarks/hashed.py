"""An encoder that needs no model: for benchmarks of all but the model."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from digest.models.encoder import Encoder
from digest.records import Vectors

WIDTH = 128


class HashedEncoder(Encoder):
    """Unit vectors that are near where two texts share words."""

    @property
    def key(self) -> str:
        return f"hashed@{WIDTH}"

    @property
    def dimensions(self) -> int:
        return WIDTH

    @property
    def is_loaded(self) -> bool:
        return True

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                # Short words are in every text: they tell nothing.
                vectors[row, zlib.crc32(word.encode()) % WIDTH] += 1.0 if len(word) > 4 else 0.05
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, 1e-9)
        return unit.astype(np.float16).astype(np.float32)  # as the store keeps them


def no_model(model: str) -> Any:
    """Stands in for what opens models that write: none is asked for."""
    raise ValueError(f"no model {model!r} here")
