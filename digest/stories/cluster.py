"""Articles to stories: the articles that tell the same event, across feeds.

Average linkage on a similarity that is half embedding, half shared telling words (TF-IDF), cut
at a fixed threshold, so that no number of stories is asked for. Deterministic, and independent
of the order of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform
from sklearn.feature_extraction.text import TfidfVectorizer

from digest.records import Article, Vectors

# Chosen on 255 full articles of which it is known who tells the same event (B-cubed F1 is within
# 0.01 of its best from 0.26 to 0.32), and `_RAISE` on 2,000 headlines; `make eval` measures both.
THRESHOLD = 0.29
# Two headlines share fewer words than two full articles on the same event, and less of their
# embeddings. A pair is raised by the length of its shorter text: by this factor for up to
# `_SHORT` words, falling to none (on the logarithm) at `_FULL` words.
_RAISE = 1.75
_SHORT, _FULL = 12, 150
# News of one event comes within days; a week later the same words tell its sequel.
MAX_APART = timedelta(hours=72)

# Rows compared at a time, so that memory stays at a block's size and not at the square.
_BLOCK = 1024


def cluster(articles: Sequence[Article], vectors: Vectors) -> list[list[int]]:
    """Groups of indices into `articles`, each one story.

    `vectors` holds one embedding an article, shape (n, d), unit length. The groups come in the
    order of their first member, and members in the order of the input.
    """
    if not articles:
        return []
    # Work in an order of our own, so that ties fall the same way for every order of the input.
    order = sorted(range(len(articles)), key=lambda index: articles[index].id)
    labels = _labels([articles[index] for index in order], vectors[order])
    groups: dict[int, list[int]] = {}
    for index, label in sorted(zip(order, labels, strict=True)):
        groups.setdefault(label, []).append(index)
    return list(groups.values())


def _labels(articles: Sequence[Article], vectors: Vectors) -> list[int]:
    words = _words(articles)
    lengths = np.array([len(f"{article.title} {article.text}".split()) for article in articles])
    raises = np.interp(np.log(np.maximum(lengths, 1)), np.log([_SHORT, _FULL]), [_RAISE, 1.0])
    hours = np.array([article.published.timestamp() / 3600 for article in articles])
    known = np.array([article.date_origin == "feed" for article in articles])
    near = _neighbours(vectors, words, hours, known, raises)
    # Average linkage merges two groups only if their mean similarity reaches the threshold, so
    # at least one pair does: no story can cross the components of the neighbour graph.
    count, component = connected_components(near, directed=False)
    labels = [0] * len(articles)
    next_label = 0
    members: list[list[int]] = [[] for _ in range(count)]
    for index, number in enumerate(component):
        members[number].append(index)
    for indices in members:
        chosen = np.array(indices)
        similarity = _similarity(chosen, chosen, vectors, words, hours, known, raises)
        for index, local in zip(indices, _cut(similarity), strict=True):
            labels[index] = next_label + local
        next_label += len(indices)
    return labels


def _words(articles: Sequence[Article]) -> csr_matrix:
    """TF-IDF rows of unit length, over the title (twice, it says most) and the text's beginning."""
    texts = [f"{article.title}\n{article.title}\n{article.text[:2000]}" for article in articles]
    vectorizer = TfidfVectorizer(
        sublinear_tf=True, stop_words="english", token_pattern=r"(?u)\b\w+\b", dtype=np.float32
    )
    try:
        return csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:  # no words at all, as in emoji-only articles: nothing is shared
        return csr_matrix((len(texts), 1), dtype=np.float32)


def _similarity(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    vectors: Vectors,
    words: csr_matrix,
    hours: NDArray[np.float64],
    known: NDArray[np.bool_],
    raises: NDArray[np.float64],
) -> Vectors:
    """Similarity (0 to 1) of each of `rows` to each of `columns`; 0 where the times lie too far apart."""
    shared = (words[rows] @ words[columns].T).toarray()
    similarity = 0.5 * (vectors[rows] @ vectors[columns].T) + 0.5 * shared
    similarity = similarity * np.maximum(raises[rows][:, None], raises[columns][None, :])
    apart = np.abs(hours[rows][:, None] - hours[columns][None, :])
    dated = known[rows][:, None] & known[columns][None, :]
    far = dated & (apart > MAX_APART.total_seconds() / 3600)
    return np.where(far, 0.0, np.clip(similarity, 0.0, 1.0)).astype(np.float32)


def _neighbours(
    vectors: Vectors,
    words: csr_matrix,
    hours: NDArray[np.float64],
    known: NDArray[np.bool_],
    raises: NDArray[np.float64],
) -> csr_matrix:
    """The pairs whose similarity reaches the threshold, as a sparse graph."""
    count = len(hours)
    everything = np.arange(count)
    found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    for start in range(0, count, _BLOCK):
        rows = everything[start : start + _BLOCK]
        block = _similarity(rows, everything, vectors, words, hours, known, raises)
        first, second = np.nonzero(block >= THRESHOLD)
        found.append((first + start, second))
    first = np.concatenate([pair[0] for pair in found])
    second = np.concatenate([pair[1] for pair in found])
    return csr_matrix(coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count)))


def _cut(similarity: Vectors) -> list[int]:
    """Average linkage over one component, cut at the threshold: a label a row, from 0."""
    if len(similarity) == 1:
        return [0]
    distance = 1.0 - similarity.astype(np.float64)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), method="average")
    return [int(label) - 1 for label in fcluster(tree, 1.0 - THRESHOLD, criterion="distance")]
