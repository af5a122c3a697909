"""What stories and topics are measured against, and how: other ways of clustering, and scores.

Where a way has a threshold or must be told the number of clusters, it is given the best one for
each data set, or the right number, which nobody has in use: what it scores here flatters it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from digest.records import Vectors

Members = Sequence[Sequence[int]]
SEED = 5


# --- scores --------------------------------------------------------------------------------


def b_cubed(found: Members, truth: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean over items (Bagga and Baldwin, 1998)."""
    sizes = Counter(truth)
    precision = recall = 0.0
    for members in found:
        counts = Counter(truth[index] for index in members)
        for label, count in counts.items():
            precision += count * count / len(members)
            recall += count * count / sizes[label]
    precision, recall = precision / len(truth), recall / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


def agreement(found: Members, truth: Sequence[str]) -> tuple[float, float]:
    """Normalised mutual information (arithmetic mean) and adjusted Rand index."""
    labels = np.zeros(len(truth), dtype=int)
    for number, members in enumerate(found):
        labels[list(members)] = number
    return (
        float(normalized_mutual_info_score(truth, labels)),
        float(adjusted_rand_score(truth, labels)),
    )


# --- clustering ----------------------------------------------------------------------------


def k_means(vectors: Vectors, count: int) -> list[list[int]]:
    """k-means with `count` clusters, the best of ten starts."""
    labels = KMeans(count, n_init=10, random_state=SEED).fit_predict(vectors)
    return grouped(labels)


def hdbscan(vectors: Vectors) -> list[list[int]]:
    """HDBSCAN with clusters of two and more; what it calls noise is a story of its own each."""
    # On unit vectors Euclidean distance orders pairs as cosine does, and has a fast tree.
    labels = HDBSCAN(min_cluster_size=2, copy=True).fit_predict(vectors.astype(np.float64))
    noise = labels < 0
    labels[noise] = labels.max() + 1 + np.arange(noise.sum())
    return grouped(labels)


def best_linkage(similarity: NDArray[Any], truth: Sequence[str]) -> tuple[list[list[int]], float]:
    """Average linkage cut where B-cubed F1 is best for `truth`, and that similarity.

    `similarity` has shape (n, n). The cuts tried are 0.01 apart.
    """
    distances = np.clip(1.0 - similarity, 0.0, None).astype(np.float64)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), method="average")
    tried = [
        (grouped(fcluster(tree, 1.0 - float(cut), criterion="distance")), float(cut))
        for cut in np.arange(0.02, 0.96, 0.01)
    ]
    return max(tried, key=lambda each: b_cubed(each[0], truth)[2])


def words_similarity(texts: Sequence[str]) -> NDArray[Any]:
    """The cosine of the texts' TF-IDF rows, shape (n, n)."""
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(texts)
    return np.asarray((words @ words.T).toarray())


def grouped(labels: Sequence[int] | NDArray[Any]) -> list[list[int]]:
    """The members of each label, in the order of their first member."""
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(int(label), []).append(index)
    return list(members.values())


# --- topics --------------------------------------------------------------------------------


def nearest(vectors: NDArray[Any], descriptions: NDArray[Any], names: Sequence[str]) -> list[str]:
    """For each row of `vectors` the name whose row of `descriptions` is nearest."""
    return [names[int(best)] for best in np.argmax(vectors @ descriptions.T, axis=1)]


def words_nearest(
    texts: Sequence[str], descriptions: Sequence[str], names: Sequence[str]
) -> list[str]:
    """For each text the name of the description with which it shares most telling words."""
    rows = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(
        [*texts, *descriptions]
    )
    scores = (rows[: len(texts)] @ rows[len(texts) :].T).toarray()
    return [names[int(best)] for best in np.argmax(scores, axis=1)]


def k_means_topics(vectors: Vectors, truth: Sequence[str], names: Sequence[str]) -> list[str]:
    """k-means with as many clusters as names, each cluster called by its most frequent label."""
    chosen = [""] * len(truth)
    for members in k_means(vectors, len(names)):
        (label, _), *_ = Counter(truth[index] for index in members).most_common(1)
        for index in members:
            chosen[index] = label
    return chosen
