"""Who is compared with whom, and how the number of comparisons grows."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from digest.stories.likeness import Points
from digest.stories.neighbours import neighbours


def points(words: np.ndarray, hours: np.ndarray | None = None) -> Points:
    rows = csr_matrix(np.asarray(words, dtype=np.float32))
    count = rows.shape[0]
    when = np.zeros(count) if hours is None else hours
    return Points(rows, np.zeros((count, 1), dtype=np.float32), when, np.ones(count))


def test_neighbours_share_a_word() -> None:
    found = neighbours(points(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]])))
    assert found.tolist() == [[0, 1], [1, 2]]


def test_articles_without_words_have_no_neighbours() -> None:
    assert neighbours(points(np.zeros((3, 2)))).tolist() == []


def test_under_a_common_word_those_of_the_same_time_are_neighbours() -> None:
    count = 1000
    hours = np.random.default_rng(1).permutation(count).astype(float)
    found = neighbours(points(np.ones((count, 1)), hours))
    apart = np.abs(hours[found[:, 0]] - hours[found[:, 1]])
    assert apart.max() <= 128, "of a thousand under one word, only those near in time"
    assert set(found.ravel()) == set(range(count)), "and nobody is left out"


def test_spans_of_time_overlap_so_that_all_under_a_word_hang_together() -> None:
    from scipy.sparse.csgraph import connected_components

    count = 700
    found = neighbours(points(np.ones((count, 1)), np.arange(count, dtype=float)))
    graph = csr_matrix((np.ones(len(found)), (found[:, 0], found[:, 1])), shape=(count, count))
    assert connected_components(graph, directed=False)[0] == 1


def test_pairs_grow_with_the_articles_and_not_with_their_square() -> None:
    rng = np.random.default_rng(2)

    def pairs(count: int) -> int:
        words = np.zeros((count, 50), dtype=np.float32)
        for row in words:
            row[rng.integers(0, 50, 5)] = rng.random(5) + 0.1
        return len(neighbours(points(words, rng.random(count))))

    small, large = pairs(4000), pairs(16000)
    assert large < 4.5 * small
