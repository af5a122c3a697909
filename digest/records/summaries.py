"""Texts to be summarised, their embeddings, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Unit-length embeddings, one a row: shape (n, dimensions)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text ready to be summarised: `sentences` in reading order, word for word as in the source.

    `paragraphs` gives for each sentence the number of its paragraph (same length). Of a long text
    `sentences` are the first ones, and `text` is all of it; else `text` is empty.
    """

    id: str
    title: str
    sentences: tuple[str, ...]
    paragraphs: tuple[int, ...] = ()
    language: str = ""
    content_hash: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document's embeddings: `title` of shape (d,), `sentences` of shape (n, d), unit length."""

    title: Vectors
    sentences: Vectors


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """One sentence of a summary and what it stands on.

    `source` are the indices of the document's sentences that support it, `support` (0 to 1)
    how well; a sentence taken word for word has support 1.
    """

    text: str
    source: tuple[int, ...]
    support: float


@dataclass(frozen=True, slots=True)
class DroppedSentence:
    """A sentence that a model wrote and verification did not let through, and why, in words."""

    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary, with the name of what wrote it. No sentences: there was nothing to summarise.

    `dropped` are the sentences that verification took out. `instead_of` names the model whose
    summary had nothing left, or that could not write one; then `model` stood in for it.
    """

    sentences: tuple[SummarySentence, ...]
    model: str
    dropped: tuple[DroppedSentence, ...] = ()
    instead_of: str = ""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification says of one sentence of a summary.

    `score` (0 to 1) is how well the source supports it, `supported` whether that is enough,
    `source` the indices of the document's sentences that support it best, `reasons` what is
    wrong with it, in words that an editor understands (empty when nothing is).
    """

    text: str
    supported: bool
    score: float
    reasons: tuple[str, ...]
    source: tuple[int, ...]
