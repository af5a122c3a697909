"""The same article under several addresses, or syndicated with small changes.

Recognised before stories are formed, so that an agency's text in ten papers is one telling. Equal
pages and equal texts are found by what they are; texts with small changes among the neighbours that
share their telling words, by the runs of words that they share (resemblance and containment of
shingles: Broder 1997, On the resemblance and containment of documents), exactly and not by MinHash,
since the neighbours are few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from digest.records import Article
from digest.stories.neighbours import Pairs
from digest.stories.words import Terms, Words
from digest.text.urls import page_of

# Runs of this many words: two papers that tell an event in their own words share few of them,
# names and set phrases aside.
_RUN = 4
# Of their runs together, this share is common to copies: an editor changed a sentence here and
# there. Two accounts of one event in their own words share under a tenth.
_RESEMBLANCE = 0.5
# Of the shorter one's runs: a paper prints the first paragraphs of an agency's text.
_CONTAINMENT = 0.8
# With fewer runs than this a quotation that two articles share would make them copies.
_ENOUGH_RUNS = 20
# What shares less than this of its telling words (cosine) is never a copy. Low, since in a thousand
# copies what is common to all of them tells little, and what each has of its own much.
_WORTH_COMPARING = 0.15
# "Weather" and "Live: the day's news" are headlines of many days; five telling words are one
# article's.
_ENOUGH_WORDS = 5
# So many are written once, not once a season.
_A_TEXT = 30
_SAME_DAYS = timedelta(days=3)

Originals = NDArray[np.intp]


def same_pages(articles: Sequence[Article], read: Sequence[Terms]) -> Pairs:
    """Pairs of articles that are one page, or one text word for word: shape (pairs, 2).

    A page is the same when the address is, less what follows readers about, and the title shares
    words: feeds there are that give each entry the address of one page. A text of a few words is
    the same article only for some days: a weather warning has the same words next winter.
    """

    def one_page(first: int, second: int) -> bool:
        mine, theirs = set(read[first].title), set(read[second].title)
        return not (mine and theirs) or 2 * len(mine & theirs) >= min(len(mine), len(theirs))

    def one_text(first: int, second: int) -> bool:
        if len(read[first].title) + len(read[first].text) >= _A_TEXT:
            return True
        apart = articles[first].published - articles[second].published
        dated = articles[first].date_origin == articles[second].date_origin == "feed"
        return not dated or abs(apart) <= _SAME_DAYS

    pages = [page_of(article.url) or None for article in articles]
    texts = [
        words if len(words.title) + len(words.text) >= _ENOUGH_WORDS else None for words in read
    ]
    found = [*_alike(pages, one_page), *_alike(texts, one_text)]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def near_copies(read: Sequence[Terms], words: Words, pairs: Pairs) -> Pairs:
    """Those of `pairs` whose texts are copies of one another, with small changes."""
    if not len(pairs):
        return pairs
    likeness = words.rows[pairs[:, 0]].multiply(words.rows[pairs[:, 1]]).sum(axis=1)
    close = pairs[np.asarray(likeness).ravel() >= _WORTH_COMPARING]
    runs = {index: _runs(read[index].text) for index in np.unique(close).tolist()}
    copies = [_is_copy(runs[first], runs[second]) for first, second in close.tolist()]
    return np.asarray(close[np.array(copies, dtype=bool)], dtype=np.intp)


def originals(articles: Sequence[Article], copies: Pairs) -> Originals:
    """For each article the one that stands for it and its copies; itself where it has none.

    That is the fullest text, then the earliest.
    """
    count = len(articles)
    graph = csr_matrix((np.ones(len(copies)), (copies[:, 0], copies[:, 1])), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    best: dict[int, int] = {}
    for index in sorted(range(count), key=lambda index: _rank(articles[index])):
        best.setdefault(int(group[index]), index)
    return np.array([best[int(number)] for number in group], dtype=np.intp)


def _rank(article: Article) -> tuple[int, bool, float, str]:
    # A hundred characters more or less are a credit line, not a fuller text.
    fullness = len(article.text) // 100
    return -fullness, article.date_origin != "feed", article.published.timestamp(), article.id


def _alike(
    keys: Sequence[Hashable | None], really: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """Chains through those with equal keys; each link is asked `really`."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        if key is not None:
            groups.setdefault(key, []).append(index)
    for group in groups.values():
        # The chain, and each with the first: a stranger in between parts no others.
        links = {*pairwise(group), *((group[0], other) for other in group[1:])}
        yield from (link for link in sorted(links) if really(*link))


def _runs(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(zip(*(words[start:] for start in range(_RUN)), strict=False))


def _is_copy(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> bool:
    fewer = min(len(first), len(second))
    if fewer < _ENOUGH_RUNS:
        return False
    common = len(first & second)
    return common >= _CONTAINMENT * fewer or common >= _RESEMBLANCE * (
        len(first) + len(second) - common
    )
