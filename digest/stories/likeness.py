"""How alike two articles are: one point an article, and the likeness of two is their product.

A point holds the article's telling words and its embedding, each scaled, so that the product of two
points is a weighted sum of the two cosines. Since the mean product over all pairs of two groups is
the product of the groups' sums, average linkage needs no list of pairs.

The numbers of `Parameters` are one set for everybody, chosen by `scripts/choose_grouping.py` on 255
full articles of 96 events, 2,000 headlines of 25 and 98 articles of our own of 45: it prints the
scores of their neighbours, and what is chosen when a fifth of the events is left out each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from digest.records import Article, Vectors
from digest.stories.languages import language_of, level_languages
from digest.stories.words import Words

Hours = NDArray[np.float64]
Pairs = NDArray[np.intp]
"""Rows that are compared: shape (pairs, 2)."""

# One word alone is no evidence: a town has more than one event a day, and "rape" is a crime and a
# singer's misspelt trade. Two are: on 2,000 headlines the B-cubed F1 falls by half a point.
_EVIDENCE = 2

_BLOCK = 65536

# From here on a text is long enough for its words to speak for themselves, and up to here it is a
# headline; in between on the logarithm of the number of words.
_HEADLINE, _FULL = 12, 60
# News of one event comes within three days; from there on the likeness halves every three days, so
# that next week's sequel joins only if it is very much like it, and last month's never.
_DAYS = 72.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """What decides whether articles tell the same event.

    Two groups of articles are one story when their mean likeness reaches `threshold`. The likeness
    of two full articles is `words_share` times the cosine of their telling words, and the rest
    times that of their embeddings: these know that both are about a bank's interest rate, only
    names and numbers, which weigh `names_raise` times as much as other words, tell that it is not
    the same bank. Headlines share fewer words, for the same
    event too: theirs count `words_share_headline`, and the sum is `headline_raise` times as large.
    """

    threshold: float = 0.26
    words_share: float = 0.75
    words_share_headline: float = 0.65
    headline_raise: float = 2.1
    names_raise: float = 1.25


USED = Parameters()


@dataclass(frozen=True, slots=True)
class Points:
    """Articles as points, one a row: scaled telling words and scaled embeddings.

    `hours` is the time of publication, not a number where the feed gave none; `sizes` is what a
    headline is raised by.
    """

    words: csr_matrix
    vectors: Vectors
    hours: Hours
    sizes: Hours

    def __len__(self) -> int:
        return len(self.hours)

    def products(self, pairs: Pairs, shared: tuple[Hours, Hours] | None = None) -> Hours:
        """The likeness of the two rows of each pair, times aside; none for fewer shared words.

        `shared` is what `shared_words` gives for `pairs`, where it was asked already.
        """
        words, number = shared or self.shared_words(pairs)
        return np.where(number >= _EVIDENCE, words + _in_blocks(pairs, self._meaning), 0.0)

    def shared_words(self, pairs: Pairs) -> tuple[Hours, Hours]:
        """What the telling words have in the likeness of each pair, and how many are shared."""
        weights, numbers = _in_blocks(pairs, self._words)
        return weights, numbers

    def _words(self, pairs: Pairs) -> Hours:
        product = csr_matrix(self.words[pairs[:, 0]].multiply(self.words[pairs[:, 1]]))
        return np.stack([np.asarray(product.sum(axis=1)).ravel(), np.diff(product.indptr)])

    def _meaning(self, pairs: Pairs) -> Hours:
        found = np.einsum("ij,ij->i", self.vectors[pairs[:, 0]], self.vectors[pairs[:, 1]])
        return np.asarray(found, dtype=np.float64)


def _in_blocks(pairs: Pairs, act: Callable[[Pairs], Hours]) -> Hours:
    """`act` on some pairs at a time, so that the copies of their rows stay small.

    What it gives has a place for each pair in its last dimension.
    """
    starts = range(0, max(1, len(pairs)), _BLOCK)
    parts = [act(pairs[start : start + _BLOCK]) for start in starts]
    return np.concatenate(parts, axis=-1)


def points_of(
    articles: Sequence[Article],
    lengths: Sequence[int],
    words: Words,
    vectors: Vectors,
    parameters: Parameters,
) -> Points:
    """The articles as points: of their telling words and `vectors`, one embedding an article.

    `lengths` are their lengths in words.
    """
    # 1 for a headline, 0 for a full article.
    short = np.interp(np.log(np.maximum(lengths, 1)), np.log([_HEADLINE, _FULL]), [1.0, 0.0])
    share = parameters.words_share + short * (
        parameters.words_share_headline - parameters.words_share
    )
    # The root, since the likeness of two is the product of both.
    size = np.sqrt(1.0 + short * (parameters.headline_raise - 1.0))
    level = level_languages(vectors, [language_of(article) for article in articles])
    return Points(
        words=csr_matrix(diags(size * np.sqrt(share)) @ words.rows, dtype=np.float32),
        vectors=np.asarray(level * (size * np.sqrt(1.0 - share))[:, None], dtype=np.float32),
        hours=np.array([_hours(article) for article in articles]),
        sizes=size,
    )


def nearness(apart: Hours) -> Hours:
    """What time leaves of a likeness, 0 to 1, by hours `apart`; all where they are unknown."""
    factor = 0.5 ** ((np.maximum(np.abs(apart), _DAYS) - _DAYS) / _DAYS)
    return np.where(np.isnan(apart), 1.0, factor)


def _hours(article: Article) -> float:
    # A time that we set ourselves says when we looked, not when it was written.
    return article.published.timestamp() / 3600 if article.date_origin == "feed" else math.nan
