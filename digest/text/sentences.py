"""Paragraphs to sentences, word for word.

sentencex (a rule-based splitter in Rust, kept by the Wikimedia Foundation) was preferred to
pysbd: of the cases in `tests/text/test_sentences.py` pysbd missed a full stop without a space
after it, "Sr. Pérez" and the Hindi danda, and its last release is older.
"""

from __future__ import annotations

import re

import sentencex

from digest.records import Document

# Raise it when the same text would split differently: kept embeddings are keyed by it.
VERSION = 1

# Salience falls with position: of the 500 CNN articles tried, the best sentence stood beyond the
# 60th in none, and this bounds what a book costs (`make eval` shows the share).
MAX_SENTENCES = 60


def split_sentences(paragraph: str, language: str = "") -> list[str]:
    """The sentences of one paragraph, each a substring of it, in order, without outer space.

    `language` is a BCP 47 tag; unknown and empty ones are split by English rules.
    """
    code = language.partition("-")[0].lower() or "en"
    pieces = [piece.strip() for piece in sentencex.segment(code, paragraph)]
    return [piece for piece in pieces if piece]


def make_document(
    id: str,
    title: str,
    text: str,
    *,
    language: str = "",
    content_hash: str = "",
    max_sentences: int = MAX_SENTENCES,
) -> Document:
    """A text (paragraphs parted by an empty line) as a document of at most `max_sentences`."""
    sentences: list[str] = []
    paragraphs: list[int] = []
    for number, paragraph in enumerate(text.split("\n\n")):
        if len(sentences) >= max_sentences:
            break
        for sentence in split_sentences(paragraph, language):
            sentences.append(sentence)
            paragraphs.append(number)
    return Document(
        id=id,
        title=title,
        sentences=tuple(sentences[:max_sentences]),
        paragraphs=tuple(paragraphs[:max_sentences]),
        language=language,
        content_hash=content_hash,
    )
