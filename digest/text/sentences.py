"""Paragraphs to sentences, word for word.

sentencex (a rule-based splitter in Rust, kept by the Wikimedia Foundation) was preferred to
pysbd: of the cases in `tests/text/test_sentences.py` pysbd 0.3.4 missed a full stop without a
space after it, "Sr. Pérez" and a quotation in single marks, and it raises for languages that it
doesn't know, such as Thai.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import sentencex

from digest.records import Document

# Raise it when the same text would split differently: kept embeddings are keyed by it.
VERSION = 1

_LETTER = re.compile(r"\w")

# Salience falls with position: of the 1,000 sentences chosen for 500 news articles 99 in 100 stand
# among the first 34 and none beyond the 60th (`benchmarks/quality.py summaries`); so this loses
# nothing, and bounds what a book costs.
MAX_SENTENCES = 60


# sentencex takes quadratic time over unmatched quotation marks (200 kB of them: ten seconds), so
# it is given a long paragraph in windows; the sentence at a window's end starts the next one.
_WINDOW = 5000


def split_sentences(paragraph: str, language: str = "") -> list[str]:
    """The sentences of one paragraph, each a substring of it, in order, without outer space.

    `language` is a BCP 47 tag; unknown and empty ones are split by English rules.
    """
    return list(_sentences(paragraph, language))


def _sentences(paragraph: str, language: str) -> Iterator[str]:
    code = language.partition("-")[0].lower() or "en"
    rest = paragraph.strip()
    while rest:
        window = rest[:_WINDOW]
        if len(window) < len(rest) and window.count('"') % 2:
            # One straight mark without its partner, and sentencex splits all quotations there are.
            window = window[: window.rindex('"')] or window
        pieces = sentencex.segment(code, window)
        if len(window) < len(rest) and len(pieces) > 1:
            pieces = pieces[:-1]
        sentence, letters = "", 0
        for piece in pieces:
            sentence += piece
            # "M." before "Dupont", or a bullet alone, is no sentence but the next one's beginning.
            letters += len(_LETTER.findall(piece))
            if letters > 1:
                yield sentence.strip()
                sentence, letters = "", 0
        if sentence.strip():
            yield sentence.strip()
        rest = rest[sum(map(len, pieces)) :].lstrip()


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
        found = list(islice(_sentences(paragraph, language), max_sentences - len(sentences)))
        sentences += found
        paragraphs += [number] * len(found)
        if len(sentences) >= max_sentences:
            break
    return Document(
        id=id,
        title=title,
        sentences=tuple(sentences),
        paragraphs=tuple(paragraphs),
        language=language,
        content_hash=content_hash,
    )
