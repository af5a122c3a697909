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

VERSION = 1

# Weights, found by coordinate search on half of 500 news articles with human highlights and
# checked on the other half; `make eval` prints what they reach beside the first sentences.
_POSITION = 0.5
_DOCUMENT = 2.0
_TITLE = 0.6
_LENGTH = 1.1
_DANGLING = 0.3
_QUOTE = 0.1
_QUESTION = 0.3

# A sentence of 12 to 40 words tells most; below and above, its salience fades (`_length`).
_SHORT, _LONG = 12, 40
# Two sentences this alike say the same. Chosen over pairs of sentences of one article: at 0.85
# only rewordings are left, at 0.75 different facts about one subject begin.
_REPEAT = 0.82

# Beginnings that lean on the sentence before: pronouns, demonstratives and connectives.
_LEANS = re.compile(
    r"^[\"“'‘]?(?:he|she|it|they|his|her|its|their|this|that|these|those|such|but|and|so|yet|also|"
    r"however|meanwhile|moreover|still|then|there|instead|in addition|for example|as a result)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”«»„]")


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
    return score


def _length(sentence: str) -> float:
    """1 for a sentence of good length, falling to 0 for a fragment or a wall of text."""
    # Languages without spaces: about two characters a word.
    words = max(len(sentence.split()), len(sentence) / 12)
    if words < _SHORT:
        return words / _SHORT
    return min(1.0, _LONG / words)


def _pick(document: Document, encoded: Encoded, max_sentences: int) -> tuple[SummarySentence, ...]:
    scores = salience(document, encoded)
    # A stable sort: of two equal sentences the earlier one is taken.
    order = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    for index in order:
        if len(chosen) == max_sentences:
            break
        alike = encoded.sentences[chosen] @ encoded.sentences[index] if chosen else np.zeros(1)
        text = document.sentences[index]
        if alike.max() < _REPEAT and all(text != document.sentences[other] for other in chosen):
            chosen.append(int(index))
    return tuple(
        SummarySentence(text=document.sentences[index], source=(index,), support=1.0)
        for index in sorted(chosen)
    )
