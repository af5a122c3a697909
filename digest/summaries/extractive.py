"""Extractive summaries: the article's own sentences, chosen by salience.

Nothing can be invented this way: each summary sentence is one of the document's sentences, word
for word, and says which. Salience is a weighted sum of features over the sentence embeddings
(position, similarity to the whole document and to the title) and over the sentence's form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from digest.records import Document, Encoded, Summary, SummarySentence, Vectors

VERSION = 4

# `benchmarks/quality.py summaries` prints what these weights reach on 500 news articles with
# human highlights, beside the first sentences, and what is lost without each of them. Four can't
# be measured there: the articles have no titles (`_TITLE`) and no addresses (`_ADDRESS`), and are
# whole (`_CUT_OFF`), in whole sentences (`_UNFINISHED`).
_POSITION = 0.5
_DOCUMENT = 2.0
_TITLE = 0.6
_LENGTH = 1.1
_DANGLING = 0.3
_QUOTE = 0.1
# Costs nothing measurable and keeps rhetorical questions from standing for an answer.
_QUESTION = 0.3
# A teaser's cut-off last sentence is taken only where hardly anything else is there.
_CUT_OFF = 1.5
# The same for a sentence with an address in it, as the descriptions of videos have.
_ADDRESS = 1.5
# A line without a stop (a scoreline, a label) runs into the sentence that is printed after it.
_UNFINISHED = 0.5

# A sentence of 12 to 40 words tells most; below and above, its salience fades (`_length`).
_SHORT, _LONG = 12, 40
# Two sentences this alike say the same; from 0.75 to 0.9 the scores hardly move.
_REPEAT = 0.82
# A sentence that shares this part of its words with the title, both ways, is the title again.
_TITLE_AGAIN = 0.8

# Beginnings that lean on the sentence before: pronouns, demonstratives and connectives.
_LEANS = re.compile(
    r"^[\"“'‘]?(?:he|she|it|they|his|her|its|their|this|that|these|those|such|but|and|so|yet|also|"
    r"however|meanwhile|moreover|still|then|there|instead|in addition|for example|as a result)\b",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?…。！？।॥؟۔።][\"'”’»›)\]]*$")
_QUOTED = re.compile(r"[\"“”«»„]")
_ELLIPSIS = re.compile(r"(?:…|\.\.\.|\[(?:…|\.\.\.)\]|\((?:…|\.\.\.)\))[\"”’»]?$")
_WORD = re.compile(r"\w+")


class Extractive:
    """The default summariser: at most `max_sentences` sentences of the document, in its order."""

    def __init__(self, max_sentences: int = 2) -> None:
        self._max_sentences = max_sentences

    @property
    def name(self) -> str:
        return "extractive"

    @property
    def key(self) -> str:
        return f"extractive/{VERSION}/{self._max_sentences}"

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        return [
            Summary(_pick(document, encoded[document.id], self._max_sentences), self.name)
            for document in documents
        ]


def salience(document: Document, encoded: Encoded) -> Vectors:
    """How much each sentence tells of the document: shape (n,), higher is more."""
    count = len(document.sentences)
    if count == 0:
        return np.zeros(0, dtype=np.float32)
    centre = encoded.sentences.mean(axis=0)
    position = 1.0 / (1.0 + 0.5 * np.arange(count))
    form = [_form(sentence, leans=index > 0) for index, sentence in enumerate(document.sentences)]
    title = encoded.sentences @ encoded.title if document.title else np.zeros(count)
    return np.asarray(
        _POSITION * position
        + _DOCUMENT * (encoded.sentences @ centre)
        + _TITLE * title
        + np.asarray(form),
        dtype=np.float32,
    )


def _form(sentence: str, *, leans: bool) -> float:
    """The part of salience that the sentence's own shape gives."""
    score = _LENGTH * _length(sentence)
    if leans and _LEANS.match(sentence):
        score -= _DANGLING
    if _QUOTED.search(sentence):
        score -= _QUOTE
    if sentence.endswith(("?", "？")):
        score -= _QUESTION
    if _ELLIPSIS.search(sentence):
        score -= _CUT_OFF
    if "://" in sentence:
        score -= _ADDRESS
    if not _STOP.search(sentence):
        score -= _UNFINISHED
    return score


def _length(sentence: str) -> float:
    """1 for a sentence of good length, falling to 0 for a fragment or a wall of text."""
    # Languages without spaces: 12 characters hold at least as much as one word.
    words = max(len(sentence.split()), len(sentence) / 12)
    if words < _SHORT:
        return words / _SHORT
    return min(1.0, _LONG / words)


def _pick(document: Document, encoded: Encoded, max_sentences: int) -> tuple[SummarySentence, ...]:
    scores = salience(document, encoded)
    # The headline is printed above the summary: a sentence that only repeats it tells nothing more.
    title = _words(document.title)
    repeats = [_same_words(_words(sentence), title) for sentence in document.sentences]
    if not all(repeats):
        scores[repeats] = -np.inf
    # A stable sort: of two equal sentences the earlier one is taken.
    order = np.argsort(-scores, kind="stable").tolist()
    chosen: list[int] = []
    for index in order:
        if len(chosen) == max_sentences or scores[index] == -np.inf:
            break
        text = document.sentences[index]
        alike = encoded.sentences[chosen] @ encoded.sentences[index]
        if (alike < _REPEAT).all() and all(text != document.sentences[other] for other in chosen):
            chosen.append(index)
    return tuple(
        SummarySentence(text=document.sentences[index], source=(index,), support=1.0)
        for index in sorted(chosen)
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _same_words(words: frozenset[str], title: frozenset[str]) -> bool:
    """Whether two sets of words are nearly one (Jaccard index)."""
    return bool(words) and len(words & title) >= _TITLE_AGAIN * len(words | title)
