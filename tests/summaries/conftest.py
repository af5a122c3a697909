"""Documents with embeddings made by hand: a sentence's direction is what it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from digest.records import Document, Encoded, Summary
from digest.summaries.extractive import Extractive

Summarise = Callable[..., Summary]


@pytest.fixture
def summarise() -> Summarise:
    """Summarises sentences whose embeddings are given, or else each its own direction."""

    def summarise(
        sentences: Sequence[str],
        vectors: np.ndarray | None = None,
        *,
        title: str = "",
        count: int = 2,
    ) -> Summary:
        if vectors is None:
            vectors = np.eye(max(len(sentences), 1), 16)[: len(sentences)]
        vectors = np.asarray(vectors, dtype=np.float32)
        width = vectors.shape[1] if vectors.ndim == 2 else 16
        encoded = Encoded(np.zeros(width, dtype=np.float32), vectors.reshape(-1, width))
        document = Document("d", title, tuple(sentences))
        return Extractive(count).summarize([document], {"d": encoded})[0]

    return summarise
