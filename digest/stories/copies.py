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
from digest.stories.likeness import Hours, Pairs
from digest.stories.words import Texts
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
# What shares less than this of its telling words is never a copy. Low, since in a thousand
# copies what is common to all of them tells little, and what each has of its own much.
_WORTH_COMPARING = 0.10
# "Weather" and "Live: the day's news" are headlines of many days; five telling words are one
# article's.
_ENOUGH_WORDS = 5
# So many are written once, not once a season.
_A_TEXT = 30
_SAME_DAYS = timedelta(days=3)

# Rows compared at a time.
_BLOCK = 65536
# Odd, large and without a pattern in its bits, so that the polynomial spreads (the golden ratio's
# fraction of 2^64, as in Knuth's multiplicative hashing).
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_BITS = 22
_NONE = np.zeros(0, dtype=np.uint64)

Originals = NDArray[np.intp]


def same_pages(articles: Sequence[Article], texts: Texts) -> Pairs:
    """Pairs of articles that are one page, or one text word for word: shape (pairs, 2).

    A page is the same when the address is, less what follows readers about, and the text, or for
    want of one the title, shares words: feeds there are that give each entry one address. A text
    of a few words is the same article only for some days: a weather warning has the same words
    next winter.
    """

    def one_page(first: int, second: int) -> bool:
        # The texts decide where both are there, else the titles; nothing decides nothing.
        for part, enough in ((texts.text, _ENOUGH_WORDS), (texts.title, 1)):
            mine, theirs = set(part(first).tolist()), set(part(second).tolist())
            fewer = min(len(mine), len(theirs))
            if fewer >= enough:
                return 2 * len(mine & theirs) >= fewer
        return False

    def one_text(first: int, second: int) -> bool:
        if len(texts.title(first)) + len(texts.text(first)) >= _A_TEXT:
            return True
        apart = articles[first].published - articles[second].published
        dated = articles[first].date_origin == articles[second].date_origin == "feed"
        return not dated or abs(apart) <= _SAME_DAYS

    def words(article: int) -> Hashable | None:
        title, text = texts.title(article), texts.text(article)
        enough = len(title) + len(text) >= _ENOUGH_WORDS
        return (title.tobytes(), text.tobytes()) if enough else None

    pages = [page_of(article.url) or None for article in articles]
    alike = [words(article) for article in range(len(articles))]
    found = [*_alike(pages, one_page), *_alike(alike, one_text)]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def near_copies(texts: Texts, articles: Originals, pairs: Pairs, shared: Hours) -> Pairs:
    """Those of `pairs` whose texts are copies of one another, with small changes.

    A pair are places in `articles`, which are those of `texts` that matter here; `shared` is what
    the telling words have in the likeness of each pair.
    """
    close = pairs[shared >= _WORTH_COMPARING]
    compared, place = np.unique(close, return_inverse=True)
    place = place.reshape(close.shape)
    runs = _runs(texts, articles[compared])
    size = np.diff(runs.indptr)
    fewer = size[place].min(axis=1, initial=np.iinfo(size.dtype).max)
    # In blocks, so that the copies of the rows stay small.
    common = np.concatenate(
        [
            np.asarray(runs[part[:, 0]].multiply(runs[part[:, 1]]).sum(axis=1)).ravel()
            for part in np.array_split(place, len(place) // _BLOCK + 1)
        ]
    )
    resemble = common >= _RESEMBLANCE * (size[place].sum(axis=1) - common)
    contained = common >= _CONTAINMENT * fewer
    return np.asarray(close[(fewer >= _ENOUGH_RUNS) & (resemble | contained)], dtype=np.intp)


def share_of_runs(texts: Texts, first: int, second: int) -> float | None:
    """Of the runs of the shorter of two texts those that the other has too, 0 to 1.

    None where a text is too short to tell.
    """
    mine = np.unique(_hashes(texts.text(first).astype(np.uint64)))
    theirs = np.unique(_hashes(texts.text(second).astype(np.uint64)))
    fewer = min(len(mine), len(theirs))
    if fewer < _ENOUGH_RUNS:
        return None
    return len(np.intersect1d(mine, theirs, assume_unique=True)) / fewer


def _runs(texts: Texts, articles: Originals) -> csr_matrix:
    """Which runs of `_RUN` words each text has: shape (articles, runs), ones and nothing else."""
    found = [texts.text(article).astype(np.uint64) for article in articles]
    hashes = [_hashes(numbers) for numbers in found]
    lengths = [len(each) for each in hashes]
    # The first bits are enough: of two texts of 300 runs, one in fifty has a run in common by them.
    column = (np.concatenate([*hashes, _NONE]) >> np.uint64(64 - _BITS)).astype(np.intp)
    row = np.repeat(np.arange(len(found)), lengths)
    runs = csr_matrix(
        (np.ones(len(row), dtype=np.float32), (row, column)), shape=(len(found), 1 << _BITS)
    )
    runs.sum_duplicates()
    runs.data[:] = 1.0
    return runs


def _hashes(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for each run of words; that two runs have the same is not to be expected (2^-64)."""
    count = max(0, len(numbers) - _RUN + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for shift in range(_RUN):
        # Unsigned numbers overflow on purpose: this is a polynomial modulo 2^64.
        hashes = hashes * _FACTOR + numbers[shift : shift + count] + np.uint64(1)
    return hashes


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
