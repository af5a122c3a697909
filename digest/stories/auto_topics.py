"""`topics: auto`: finds the topics in the stories themselves and names them by their telling words.

The stories' embeddings, reduced to their main directions, are joined by Ward's linkage and settled
by k-means; how many topics there are is told by the silhouette (Rousseeuw, 1987). Deterministic,
and independent of the order of the stories. Unlike a topic of a list, what is found here depends on
all stories of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from digest.records import Article, TopicChoice, Vectors
from digest.stories.topic_names import Meaning, telling_names
from digest.stories.topics import MORE, Encode

# Headings that one mail can bear; the built-in list has as many.
MOST = 10
# Fewer stories are no topic: they go to the nearest one, or to More.
LEAST = 3
# Directions that are kept. With 20 the silhouette finds the number of topics that was meant, on 619
# articles of five and on a hundred short items of ten (`benchmarks/quality.py topics` prints what
# is found); with more it missed it on the short ones.
_DIRECTIONS = 20
# A story's similarity to the middle of its topic, below which it stands under More: of the 619
# articles, all of which belong to a topic, 4 are that far from every one.
_FLOOR = 0.2
# Stories that the linkage and the silhouette see, both quadratic; more are told by the middles of
# the topics that these have.
_SEEN = 2000
_ROUNDS = 30

_Rows = NDArray[np.float64]
_Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class AutoTopics:
    """Topics found: `names` in the order of print, the largest first, without More.

    `choices` has a choice for each story, in the order they were given.
    """

    names: tuple[str, ...]
    choices: tuple[TopicChoice, ...]


def find_topics(
    stories: Sequence[Sequence[Article]], centres: Vectors, encode: Encode | None = None
) -> AutoTopics:
    """The topics of `stories`; `centres` are their embeddings: shape (stories, d).

    With `encode` (texts to embeddings) words that are near to a topic in meaning are preferred for
    its name; without, those that tell it apart are all that counts.

    A story that fits none stands under More, and so do all where they are too few for two topics,
    or all alike. Stories are told apart by their articles' ids.
    """
    keys = [_key(story) for story in stories]
    order = sorted(range(len(stories)), key=keys.__getitem__)
    usable = [index for index in order if np.any(centres[index])]
    rows = _main_directions(centres[usable].astype(np.float64)) if usable else np.zeros((0, 1))
    middles = _middles(rows)
    similarities = rows @ middles.T
    labels = _labels(similarities)
    members = [np.flatnonzero(labels == number).tolist() for number in range(len(middles))]
    meaning = _meaning(centres[usable], members, encode) if encode and members else None
    names = telling_names([[stories[usable[row]] for row in found] for found in members], meaning)
    kept = [number for number in range(len(middles)) if names[number]]
    kept.sort(key=lambda number: (-len(members[number]), names[number]))
    printed = tuple(names[number] for number in kept)
    choices = [TopicChoice(MORE, 0.0)] * len(stories)
    for row, index in enumerate(usable):
        choices[index] = _choice(similarities[row, kept], printed)
    return AutoTopics(printed, tuple(choices))


def _key(story: Sequence[Article]) -> str:
    return sha256("\n".join(sorted(article.id for article in story)).encode()).hexdigest()


def _meaning(vectors: Vectors, members: Sequence[Sequence[int]], encode: Encode) -> Meaning:
    sums = [vectors[list(rows)].sum(axis=0, dtype=np.float64) for rows in members]
    middles = _unit(np.array(sums))

    def nearness(words: Sequence[str]) -> _Rows:
        similarities = encode(words) @ middles.T
        return np.asarray(similarities - similarities.mean(axis=1, keepdims=True))

    return nearness


def _main_directions(vectors: _Rows) -> _Rows:
    """`vectors` in the directions in which they differ most, unit length (or zero)."""
    apart = vectors - vectors.mean(axis=0)
    spreads, directions = np.linalg.eigh(apart.T @ apart)
    # What is below this is rounding: the stories are all alike.
    count = min(_DIRECTIONS, int((spreads > 1e-6).sum()))
    return _unit(apart @ directions[:, ::-1][:, :count])


def _unit(rows: _Rows) -> _Rows:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def _middles(rows: _Rows) -> _Rows:
    """The middle of each topic, unit length: shape (topics, directions); none for too few rows."""
    seen = rows[:_SEEN]
    most = min(MOST, len(seen) // LEAST)
    if most < 2 or not rows.shape[1]:
        return np.zeros((0, rows.shape[1]))
    # Loaded here, as in `words`.
    from scipy.cluster.hierarchy import fcluster, linkage
    from sklearn.metrics import silhouette_score

    tree = linkage(seen, "ward")
    distances = np.clip(1 - seen @ seen.T, 0.0, None)
    np.fill_diagonal(distances, 0.0)
    best, found = -1.0, np.zeros((0, rows.shape[1]))
    for count in range(2, most + 1):
        labels = np.asarray(fcluster(tree, count, "maxclust") - 1, dtype=np.intp)
        labels, middles = _settled(seen, labels)
        if len(middles) < 2:
            continue
        score = float(silhouette_score(distances, labels, metric="precomputed"))
        if score > best:
            best, found = score, middles
    return _settled(rows, _nearest(rows, found))[1] if len(found) else found


def _settled(rows: _Rows, labels: _Numbers) -> tuple[_Numbers, _Rows]:
    """Spherical k-means from `labels` on; topics that have become too small are given up."""
    middles = _middles_of(rows, labels)
    for _ in range(_ROUNDS):
        nearest = _nearest(rows, middles)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        middles = _middles_of(rows, labels)
        labels = _nearest(rows, middles)
    return _nearest(rows, middles), middles


def _middles_of(rows: _Rows, labels: _Numbers) -> _Rows:
    found = [rows[labels == label] for label in np.unique(labels)]
    large = [members.mean(axis=0) for members in found if len(members) >= LEAST]
    return _unit(np.array(large)) if large else np.zeros((0, rows.shape[1]))


def _nearest(rows: _Rows, middles: _Rows) -> _Numbers:
    if not len(middles):
        return np.zeros(len(rows), dtype=np.intp)
    return np.asarray(np.argmax(rows @ middles.T, axis=1), dtype=np.intp)


def _labels(similarities: _Rows) -> _Numbers:
    """The topic of each story, -1 for More."""
    if not similarities.shape[1]:
        return np.full(len(similarities), -1, dtype=np.intp)
    return np.where(similarities.max(axis=1) < _FLOOR, -1, similarities.argmax(axis=1))


def _choice(similarities: _Rows, names: Sequence[str]) -> TopicChoice:
    if not names:
        return TopicChoice(MORE, 0.0)
    order = np.argsort(-similarities, kind="stable")
    best = int(order[0])
    second = int(order[1]) if len(order) > 1 else best
    score = float(similarities[best])
    if score < _FLOOR:
        return TopicChoice(MORE, score, names[best], score)
    runner_up = names[second] if len(order) > 1 else ""
    return TopicChoice(names[best], score, runner_up, float(similarities[second]))
