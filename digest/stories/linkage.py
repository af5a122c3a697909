"""Average linkage over a graph of neighbours, cut at a threshold.

Groups that are each other's nearest are merged, all such pairs at once, until none is near enough.
Average linkage is reducible: merging mutual nearest neighbours gives the same groups as merging the
nearest pair of all, one after the other (Murtagh 1983, A survey of recent advances in hierarchical
clustering algorithms). Only groups that the graph joins are compared, but always by all their
members.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digest.stories.likeness import Hours, Pairs, Points, nearness

Labels = NDArray[np.intp]

# Likenesses are compared to this many decimals: what differs less, differs by rounding.
_DECIMALS = 6
# Primes, the last one large: neighbouring rows land far apart.
_SHUFFLE = (104_729, 1_299_709, 2_147_483_647)


def average_linkage(points: Points, pairs: Pairs, threshold: float) -> Labels:
    """A group's number for each point, shape (n,).

    `pairs` are those that may be together, shape (pairs, 2); those whose own likeness is below the
    threshold may be left out, since a mean reaches it only where one of its terms does. Equal
    points in the same order give equal groups.
    """
    labels = np.arange(len(points))
    groups = _Groups.of(points)
    likeness = groups.likeness(pairs)
    while True:
        near = likeness >= threshold
        mutual = _mutual_nearest(len(groups.sizes), pairs[near], likeness[near])
        if not len(mutual):
            return labels
        into = np.arange(len(groups.sizes))
        into[mutual[:, 1]] = mutual[:, 0]
        kept, into = np.unique(into, return_inverse=True)
        changed = np.zeros(len(kept), dtype=bool)
        changed[into[mutual[:, 0]]] = True
        labels = into[labels]
        groups = groups.merged(into, len(kept))
        pairs, likeness = _joined(into[pairs], likeness)
        again = changed[pairs].any(axis=1)
        likeness[again] = groups.likeness(pairs[again])


def follow(
    points: Points, labels: Labels, pairs: Pairs, followers: NDArray[np.bool_], threshold: float
) -> Labels:
    """`labels` with each of `followers` in the nearest group that the threshold lets it join.

    `pairs` say which points may be near. Followers are in groups of their own before, and bring no
    others together: they are compared with what the others made.
    """
    groups = _Groups.of(points)
    kept, into = np.unique(labels, return_inverse=True)
    groups = groups.merged(into, len(kept))
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[followers[both[:, 0]] & ~followers[both[:, 1]]]
    candidates = np.unique(into[both], axis=0)
    likeness = groups.likeness(candidates)
    joined = labels.copy()
    # The nearest last, so that it has the word.
    for place in np.lexsort((-candidates[:, 1], likeness)):
        if likeness[place] >= threshold:
            joined[into == candidates[place, 0]] = kept[candidates[place, 1]]
    return joined


class _Groups:
    """Sums over the members of each group, and the span of time that they fill."""

    def __init__(self, sums: Points, sizes: NDArray[np.float64], first: Hours, last: Hours) -> None:
        self._sums = sums
        self.sizes = sizes
        self._first = first
        self._last = last

    @classmethod
    def of(cls, points: Points) -> _Groups:
        """Each point a group of its own."""
        return cls(points, np.ones(len(points)), points.hours, points.hours)

    def likeness(self, pairs: Pairs) -> Hours:
        """The mean likeness of all members of one group to all of the other, for each pair.

        Times apart are those between the two spans: a story that goes on for a week is near to its
        next day, however long ago it began.
        """
        one, two = pairs[:, 0], pairs[:, 1]
        mean = self._sums.products(pairs) / (self.sizes[one] * self.sizes[two])
        between = np.maximum(self._first[one] - self._last[two], self._first[two] - self._last[one])
        return np.round(mean * nearness(np.maximum(between, 0.0)), _DECIMALS)

    def merged(self, into: Labels, count: int) -> _Groups:
        """The groups that these become: each is merged into the one whose number `into` gives."""
        matrix = csr_matrix(
            (np.ones(len(into), dtype=np.float32), (into, np.arange(len(into)))),
            shape=(count, len(into)),
        )
        sums = replace(
            self._sums,
            words=csr_matrix(matrix @ self._sums.words),
            vectors=matrix @ self._sums.vectors,
            hours=np.zeros(count),
            sizes=np.ones(count),
        )
        # `fmin` and `fmax` pass over what is not a number, where there is one.
        first, last = np.full(count, np.nan), np.full(count, np.nan)
        np.fmin.at(first, into, self._first)
        np.fmax.at(last, into, self._last)
        return _Groups(sums, matrix @ self.sizes, first, last)


def _mutual_nearest(count: int, pairs: Pairs, likeness: Hours) -> Pairs:
    """The pairs of groups that are each other's nearest."""
    best = np.full(count, -1, dtype=np.intp)
    # The nearest comes last and so stays. Equally near ones are told apart by a shuffle that is
    # always the same: by their rows, five thousand equal headlines would be merged one by one.
    shuffle = (pairs[:, 0] * _SHUFFLE[0] + pairs[:, 1] * _SHUFFLE[1]) % _SHUFFLE[2]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], shuffle, likeness))
    place = np.arange(len(order))
    for side in (0, 1):
        last = np.full(count, -1, dtype=np.intp)
        np.maximum.at(last, pairs[order, side], place)
        best = np.maximum(best, last)
    chosen = order[np.unique(best[best >= 0])]
    mutual = (order[best[pairs[chosen, 0]]] == chosen) & (order[best[pairs[chosen, 1]]] == chosen)
    return np.asarray(pairs[chosen[mutual]], dtype=np.intp)


def _joined(pairs: Pairs, likeness: Hours) -> tuple[Pairs, Hours]:
    """`pairs` after their ends were merged: each once, none with itself, the smaller row first."""
    pairs = np.sort(pairs, axis=1)
    apart = pairs[:, 0] != pairs[:, 1]
    pairs, likeness = pairs[apart], likeness[apart]
    _, first = np.unique(pairs[:, 0] * (pairs.max(initial=0) + 1) + pairs[:, 1], return_index=True)
    return pairs[first], likeness[first]
