"""Articles to stories: the articles that tell the same event, across feeds.

Average linkage on a similarity of shared telling words (TF-IDF) and of embeddings, cut at a
fixed threshold, so that no number of stories is asked for. Deterministic, and independent of
the order of the input. The numbers below were chosen with `benchmarks/quality.py stories`,
which prints their neighbours' scores too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from digest.records import Article, Encoded, Vectors
from digest.text.language import detect_language

# On 255 full articles of 96 events B-cubed F1 is within a point of its best from 0.22 to 0.26.
# The upper end is taken: two events under one headline mislead, one event told twice is untidy.
THRESHOLD = 0.26
# How much the shared words count; the embeddings have the rest. Embeddings know that two articles
# are about a bank's interest rate, only names and numbers tell that it is not the same bank.
WORDS_SHARE = 0.7
# Two headlines share fewer words than two full articles on the same event, and less of their
# embeddings. A pair is raised by the length of its shorter text: by this factor for up to
# `_SHORT` words, falling to none (on the logarithm) at `_FULL` words. Chosen on 2,000 headlines.
HEADLINE_RAISE = 2.25
_SHORT, _FULL = 12, 150
# News of one event comes within days; a week later the same words tell its sequel.
MAX_APART = timedelta(hours=72)

# An article's embedding: its headline counts half as much as its opening, the first six sentences,
# which tell the event; what follows is background that other events share.
_TITLE_SHARE = 0.5
OPENING = 6

# An English encoder puts all texts of another language close together, whatever they tell. What
# they have in common is taken off (the mean of the language's articles); with fewer articles than
# this the mean would be of their events, and the shared words alone decide. `make eval` shows
# nothing of it, its data are English: before, 94 French articles of a hundred real feeds were one
# story.
ENCODER_LANGUAGE = "en"
_ENOUGH = 8

# Rows compared at a time, so that memory stays at a block's size and not at the square.
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Group:
    """Articles of one story: `members` are their indices, in the order of the input.

    `why` says in a line what makes a member part of the story, `copies` which member another is a
    copy of; both by index.
    """

    members: tuple[int, ...]
    why: Mapping[int, str] = field(default_factory=dict)
    copies: Mapping[int, int] = field(default_factory=dict)


def article_vector(encoded: Encoded) -> Vectors:
    """One embedding for an article, of its title and its first sentences.

    Shape (d,), unit length; zero when there is neither title nor sentence.
    """
    vector = _TITLE_SHARE * encoded.title
    if len(encoded.sentences):
        vector = vector + encoded.sentences[:OPENING].mean(axis=0)
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length else vector, dtype=np.float32)


def level_languages(vectors: Vectors, languages: Sequence[str]) -> Vectors:
    """`vectors` less what the articles of a language share for being in it.

    Shape (n, d) in and out, unit length, or zero where too few articles share a language. The
    encoder's own language and the unknown one (`""`) are left as they are.
    """
    levelled = vectors.copy()
    for language in set(languages) - {ENCODER_LANGUAGE, ""}:
        rows = np.array([other == language for other in languages])
        enough = int(rows.sum()) >= _ENOUGH
        levelled[rows] = vectors[rows] - vectors[rows].mean(axis=0) if enough else 0.0
    lengths = np.linalg.norm(levelled, axis=1, keepdims=True)
    return np.asarray(levelled / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def cluster(
    articles: Sequence[Article],
    vectors: Vectors,
    *,
    threshold: float = THRESHOLD,
    words_share: float = WORDS_SHARE,
    headline_raise: float = HEADLINE_RAISE,
) -> list[Group]:
    """The stories of `articles`, as indices.

    `vectors` holds one embedding an article, shape (n, d), unit length. The groups come in the
    order of their first member, and members in the order of the input.
    """
    if not articles:
        return []
    # Work in an order of our own, so that ties fall the same way for every order of the input.
    order = sorted(range(len(articles)), key=lambda index: articles[index].id)
    pairs = _pairs(
        [articles[index] for index in order], vectors[order], words_share, headline_raise
    )
    groups: dict[int, list[int]] = {}
    for index, label in sorted(zip(order, _labels(pairs, threshold), strict=True)):
        groups.setdefault(label, []).append(index)
    return [Group(tuple(members)) for members in groups.values()]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What the likeness of two articles is made of; one row an article in each field."""

    vectors: Vectors
    words: csr_matrix
    words_share: float
    raises: NDArray[np.float64]
    hours: NDArray[np.float64]
    dated: NDArray[np.bool_]

    def similarity(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Vectors:
        """Each of `rows` with each of `columns`: 0 to 1, and 0 for times too far apart."""
        shared = (self.words[rows] @ self.words[columns].T).toarray()
        near = self.vectors[rows] @ self.vectors[columns].T
        raises = np.maximum(self.raises[rows][:, None], self.raises[columns][None, :])
        similarity = (self.words_share * shared + (1.0 - self.words_share) * near) * raises
        apart = np.abs(self.hours[rows][:, None] - self.hours[columns][None, :])
        # A time that we set ourselves (the feed gave none) keeps nothing apart.
        dated = self.dated[rows][:, None] & self.dated[columns][None, :]
        far = dated & (apart > MAX_APART.total_seconds() / 3600)
        return np.where(far, 0.0, np.clip(similarity, 0.0, 1.0)).astype(np.float32)


def _pairs(
    articles: Sequence[Article], vectors: Vectors, words_share: float, headline_raise: float
) -> _Pairs:
    lengths = np.array([len(f"{article.title} {article.text}".split()) for article in articles])
    raises = np.interp(
        np.log(np.maximum(lengths, 1)), np.log([_SHORT, _FULL]), [headline_raise, 1.0]
    )
    languages = [_language(article) for article in articles]
    return _Pairs(
        vectors=level_languages(vectors, languages),
        words=_words(articles),
        words_share=words_share,
        raises=raises,
        hours=np.array([article.published.timestamp() / 3600 for article in articles]),
        dated=np.array([article.date_origin == "feed" for article in articles]),
    )


def _language(article: Article) -> str:
    """What the article's text says, else what its feed says (labels are copied from templates)."""
    return detect_language(f"{article.title} {article.text}") or article.language.partition("-")[0]


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


def _labels(pairs: _Pairs, threshold: float) -> list[int]:
    """A story's number for each article."""
    # Average linkage merges two groups only if their mean similarity reaches the threshold, so
    # at least one pair does: no story can cross the components of the neighbour graph.
    component = _components(pairs, threshold)
    labels = np.zeros(len(component), dtype=int)
    used = 0
    members = np.split(np.argsort(component, kind="stable"), np.cumsum(np.bincount(component))[:-1])
    for indices in members:
        local = _cut(pairs, indices, threshold)
        labels[indices] = used + local
        used += len(indices)
    return [int(label) for label in labels]


def _components(pairs: _Pairs, threshold: float) -> NDArray[np.intp]:
    """The component of each article, each pair joined whose similarity reaches the threshold."""
    everything = np.arange(len(pairs.hours))
    component = everything
    for start in range(0, len(everything), _BLOCK):
        block = pairs.similarity(everything[start : start + _BLOCK], everything)
        rows, columns = np.nonzero(block >= threshold)
        # What earlier blocks joined, as one edge an article: to its component's first member.
        _, first, number = np.unique(component, return_index=True, return_inverse=True)
        ends = (np.append(rows + start, everything), np.append(columns, first[number]))
        shape = (len(everything), len(everything))
        graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=shape)
        _, component = connected_components(graph, directed=False)
    return np.asarray(component, dtype=np.intp)


def _cut(pairs: _Pairs, indices: NDArray[np.intp], threshold: float) -> NDArray[np.intp]:
    """Average linkage over one component, cut at the threshold: a label for each of `indices`."""
    count = len(indices)
    if count == 1:
        return np.zeros(1, dtype=np.intp)
    # The distances above the diagonal, row by row: scipy's condensed form. Filled in blocks, since
    # a feed of 10,000 entries that are all alike is one component.
    distances = np.empty(count * (count - 1) // 2)
    end = 0
    for start in range(0, count, _BLOCK):
        block = 1.0 - pairs.similarity(indices[start : start + _BLOCK], indices)
        for row, values in enumerate(block, start + 1):
            begin, end = end, end + count - row
            distances[begin:end] = values[row:]
    tree = linkage(distances, method="average")
    return np.asarray(fcluster(tree, 1.0 - threshold, criterion="distance"), dtype=np.intp) - 1
