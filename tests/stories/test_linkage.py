"""Average linkage over a graph: the same groups as linkage over all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_matrix

from digest.stories.likeness import Points, nearness
from digest.stories.linkage import average_linkage, follow


def points(vectors: Sequence[Sequence[float]], hours: Sequence[float] | None = None) -> Points:
    rows = np.array(vectors, dtype=np.float32)
    when = np.zeros(len(rows)) if hours is None else np.array(hours)
    # Two words that all share, of next to no weight: without any nothing is alike.
    words = csr_matrix(np.full((len(rows), 2), 1e-5, dtype=np.float32))
    return Points(words, rows, when, np.ones(len(rows)))


def all_pairs(count: int) -> np.ndarray:
    return np.stack(np.triu_indices(count, 1), axis=1)


def partition(labels: Sequence[int]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(np.array(labels) == label)) for label in set(labels)}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(0.1, 0.9))
def test_it_is_average_linkage(seed: int, count: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, 6))
    rows = centres[rng.integers(0, 5, count)] + 0.6 * rng.normal(size=(count, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = (rows @ rows.T)[np.triu_indices(count, 1)]
    wanted = fcluster(linkage(1.0 - likeness, "average"), 1.0 - threshold, "distance")
    found = average_linkage(points(rows), all_pairs(count), threshold)
    assert partition(found) == partition(wanted)


def test_what_shares_no_two_words_stays_apart() -> None:
    alike = points([[1, 0]] * 2)
    one_word = Points(alike.words[:, :1], alike.vectors, alike.hours, alike.sizes)
    assert len(set(average_linkage(one_word, all_pairs(2), 0.5))) == 2


def test_what_no_pair_joins_stays_apart() -> None:
    alike = points([[1, 0]] * 4)
    found = average_linkage(alike, np.array([[0, 1], [2, 3]]), 0.5)
    assert partition(found) == {frozenset({0, 1}), frozenset({2, 3})}


def test_without_pairs_each_stands_alone() -> None:
    assert len(set(average_linkage(points([[1, 0]] * 3), np.empty((0, 2), dtype=int), 0.1))) == 3


def test_one_between_two_groups_does_not_bring_them_together() -> None:
    left, right, between = [1.0, 0.0], [0.0, 1.0], [0.7071, 0.7071]
    found = average_linkage(points([left, left, right, right, between]), all_pairs(5), 0.6)
    assert found[0] == found[1] != found[2] == found[3]


@pytest.mark.parametrize(
    ("hours", "left"), [(0, 1), (72, 1), (-72, 1), (144, 0.5), (216, 0.25), (float("nan"), 1)]
)
def test_likeness_halves_every_three_days_after_three(hours: float, left: float) -> None:
    assert nearness(np.array([hours]))[0] == pytest.approx(left)


def test_undated_articles_are_near_in_time_to_all() -> None:
    found = average_linkage(points([[1, 0], [1, 0]], [0, float("nan")]), all_pairs(2), 0.9)
    assert found[0] == found[1]
    apart = average_linkage(points([[1, 0], [1, 0]], [0, 200]), all_pairs(2), 0.9)
    assert apart[0] != apart[1]


def test_a_story_that_goes_on_is_near_to_its_next_day() -> None:
    alike = [[1.0, 0.0]] * 4
    daily = average_linkage(points(alike, [0, 70, 140, 210]), all_pairs(4), 0.9)
    assert len(set(daily)) == 1
    after_a_gap = average_linkage(points(alike, [0, 70, 140, 300]), all_pairs(4), 0.9)
    assert partition(after_a_gap) == {frozenset({0, 1, 2}), frozenset({3})}


def test_a_follower_joins_the_nearest_group_and_joins_no_groups() -> None:
    rows = points([[1, 0], [1, 0], [0, 1], [0.8, 0.6]])
    pairs, live = all_pairs(4), np.array([False, False, False, True])
    labels = average_linkage(rows, pairs[~live[pairs].any(axis=1)], 0.5)
    followed = follow(rows, labels, pairs[live[pairs].any(axis=1)], live, 0.5)
    assert followed[3] == followed[0] == followed[1] != followed[2]
    alone = follow(rows, labels, pairs[live[pairs].any(axis=1)], live, 0.9)
    assert len(set(alone[[0, 2, 3]])) == 3
