"""Which articles may tell the same event: those that share their most telling words.

Comparing all pairs grows with the square of the articles. Here each article looks for others under
its own telling words only; under a word that hundreds share, only for those of about the same time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

from digest.stories.likeness import Pairs, Points

# Articles that are looked through under one word: the time and memory of a run grow with it.
_TOGETHER = 128
# The nearest that are kept of those. Stories of more articles hang together through one another.
_NEAREST = 16


def neighbours(points: Points) -> Pairs:
    """Pairs of rows that may belong together: shape (pairs, 2), the smaller row first, sorted.

    What is in no pair has no telling word that another article has.
    """
    found = [_nearest(spans) for spans in _spans(points.words, points.hours)]
    pairs = np.concatenate(found)
    codes = np.unique(pairs[:, 0] * len(points) + pairs[:, 1])
    return np.stack([codes // len(points), codes % len(points)], axis=1)


def _nearest(words: csr_matrix) -> Pairs:
    """The pairs that share most, `_NEAREST` for each row."""
    found = sp_matmul_topn(words, csr_matrix(words.T), top_n=_NEAREST + 1, n_threads=os.cpu_count())
    first = np.repeat(np.arange(words.shape[0]), np.diff(found.indptr))
    pairs = np.sort(np.stack([first, found.indices.astype(np.intp)], axis=1), axis=1)
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]], dtype=np.intp)


def _spans(words: csr_matrix, hours: NDArray[np.float64]) -> Iterator[csr_matrix]:
    """`words` with each column of more than `_TOGETHER` entries cut into spans of time.

    A span holds `_TOGETHER` entries that follow one another in time. It is cut twice, the second
    time half a span later, so that no border keeps neighbours apart.
    """
    words = words.tocoo()
    # Undated ones last; which of them are together doesn't matter.
    age = np.argsort(np.argsort(hours, kind="stable"), kind="stable")
    order = np.lexsort((age[words.row], words.col))
    row, column, weight = words.row[order], words.col[order], words.data[order]
    start = np.r_[0, np.cumsum(np.bincount(column, minlength=words.shape[1]))]
    place = np.arange(len(column)) - start[column]
    often = np.diff(start)[column] > _TOGETHER
    for shift in (0, _TOGETHER // 2):
        # Numbered from the place of the column's first entry in the whole: no two share a number.
        span = start[column] + np.where(often, (place + shift) // _TOGETHER, 0)
        yield csr_matrix((weight, (row, span)), shape=(words.shape[0], len(column) + 1))
        if not often.any():
            return
