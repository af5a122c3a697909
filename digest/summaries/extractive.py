"""Extractive summaries: the article's own sentences, chosen by salience.

Nothing can be invented this way: each summary sentence is one of the document's sentences, word
for word, and says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digest.records import Document, Encoded, Summary, SummarySentence
from digest.summaries.leaning import leans, torn_quotations
from digest.summaries.salience import is_whole, length, salience, weights_key

VERSION = 5

WORDS_PER_SENTENCE = 35
"""The word budget of a summary whose length isn't given, for each sentence that it may have."""

# Two sentences say the same when they are this far up from the likeness of the article's other
# sentences (about 0.25 with the packaged encoder) to being one; from 0.55 to 0.7 the scores of
# `scripts/train_salience.py` move by less than 0.1.
_REPEAT = 0.65
_USUAL = 0.25
# Or when they share this part of their words.
_SAME_WORDS = 0.6
# A sentence that shares this part of its words with the title, both ways, is the title again.
_TITLE_AGAIN = 0.8

_WORD = re.compile(r"\w+")


class Extractive:
    """The default summariser: some sentences of the document, in its order.

    At most `max_sentences`, and at most `max_words` in all (35 a sentence when None) unless the
    document has only longer ones.
    """

    def __init__(self, max_sentences: int = 2, max_words: int | None = None) -> None:
        self._max_sentences = max_sentences
        self._max_words = max_words or WORDS_PER_SENTENCE * max_sentences

    @property
    def name(self) -> str:
        return "extractive"

    @property
    def writes(self) -> bool:
        """The article's own sentences are chosen, by vectors that are there already."""
        return False

    @property
    def key(self) -> str:
        return f"extractive/{VERSION}-{weights_key()}/{self._max_sentences}/{self._max_words}"

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        return [
            Summary(self._sentences(document, encoded[document.id]), self.name)
            for document in documents
        ]

    def _sentences(self, document: Document, encoded: Encoded) -> tuple[SummarySentence, ...]:
        chosen = pick(document, encoded, self._max_sentences, self._max_words)
        return tuple(
            SummarySentence(text=document.sentences[index], source=(index,), support=1.0)
            for index in chosen
        )


def pick(document: Document, encoded: Encoded, max_sentences: int, max_words: int) -> list[int]:
    """The indices of the chosen sentences, in reading order.

    The most salient first, but no near-repeats, none that leans on a sentence which isn't chosen
    ("But he said"), and no torn quotation. Where nothing keeps to all of that, the sentences that
    can't stand alone are taken after all, and then one that is too long: better than no summary.
    """
    if max_sentences < 1:
        return []
    scores = salience(document, encoded)
    # A stable sort: of two equal sentences the earlier one is taken.
    order = np.argsort(-scores, kind="stable").tolist()
    # The headline is printed above the summary: a sentence that only repeats it tells nothing more.
    title = _words(document.title)
    news = [
        i for i in order if not _same_words(_words(document.sentences[i]), title, _TITLE_AGAIN)
    ] or order
    torn = torn_quotations(document.sentences, document.paragraphs)
    whole = [index for index in news if not torn[index]]
    fits = [i for i in whole if length(document.sentences[i]) <= max_words]
    first = [i for i in fits if i == 0 or not leans(document.sentences[i], document.language)]
    # The first choice, and what to begin with where there is none.
    starts = next((some for some in (first, fits, whole, news) if some), [])[:1]
    if starts and is_whole(document.sentences[starts[0]]):
        # A scoreline or a broken-off end would run into what stands beside it.
        fits = [i for i in fits if is_whole(document.sentences[i])]
    return sorted(_fill(document, encoded, starts, fits, max_sentences, max_words))


def _fill(
    document: Document,
    encoded: Encoded,
    starts: Sequence[int],
    order: Sequence[int],
    max_sentences: int,
    max_words: int,
) -> list[int]:
    """Adds to `starts` the best that go with it, one at a time, until nothing does."""
    chosen = list(starts)
    alike = np.asarray(encoded.sentences @ encoded.sentences.T, dtype=np.float64)

    def goes_with(index: int) -> bool:
        if index in chosen or _total(document, [*chosen, index]) > max_words:
            return False
        alone = index > 0 and index - 1 not in chosen
        if alone and leans(document.sentences[index], document.language):
            return False
        return not any(_repeats(document, alike, index, other) for other in chosen)

    while chosen and len(chosen) < max_sentences:
        following = next((index for index in order if goes_with(index)), None)
        if following is None:
            break
        chosen.append(following)
    return chosen


def _repeats(document: Document, alike: NDArray[np.float64], one: int, other: int) -> bool:
    """Whether two sentences say the same; `alike` are the cosines of all, shape (n, n)."""
    here, there = document.sentences[one], document.sentences[other]
    if here == there or _same_words(_words(here), _words(there), _SAME_WORDS):
        return True
    # What the others have in common, each pair counted twice, as in the matrix.
    pairs = len(alike) * (len(alike) - 1) - 2
    others = alike.sum() - np.trace(alike) - 2 * alike[one, other]
    usual = others / pairs if pairs else _USUAL
    return bool(alike[one, other] >= usual + _REPEAT * (1 - usual))


def _total(document: Document, indices: Iterable[int]) -> float:
    return sum(length(document.sentences[index]) for index in indices)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _same_words(some: frozenset[str], others: frozenset[str], share: float) -> bool:
    """Whether two sets of words have `share` of all their words in common (Jaccard index)."""
    return bool(some) and len(some & others) >= share * len(some | others)
