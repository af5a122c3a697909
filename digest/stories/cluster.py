"""Articles to stories: the articles that tell the same event, across feeds.

Copies are found first and stand for one another; what is left is joined by average linkage on
shared telling words, embeddings and closeness in time, over a graph of neighbours. Deterministic,
independent of the order of the input, without a number of stories to give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digest.records import Article, Encoded, Vectors
from digest.stories.copies import near_copies, originals, same_pages
from digest.stories.likeness import USED, Pairs, Parameters, Points, points_of
from digest.stories.linkage import average_linkage, follow
from digest.stories.neighbours import neighbours
from digest.stories.reasons import Found, reasons
from digest.stories.roundups import is_live, is_roundup
from digest.stories.series import in_series
from digest.stories.words import read, telling_words

# An article's embedding: its headline counts half as much as the mean of its sentences.
_TITLE_SHARE = 0.5


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
    """One embedding for an article, of its title and its sentences.

    Shape (d,), unit length; zero when there is neither title nor sentence.
    """
    vector = _TITLE_SHARE * encoded.title
    if len(encoded.sentences):
        vector = vector + encoded.sentences.mean(axis=0)
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length else vector, dtype=np.float32)


def cluster(
    articles: Sequence[Article], vectors: Vectors, parameters: Parameters = USED
) -> list[Group]:
    """The stories of `articles`, as indices.

    `vectors` holds one embedding an article, shape (n, d), unit length. The groups come in the
    order of their first member, and members in the order of the input.
    """
    if not articles:
        return []
    # Work in an order of our own, so that ties fall the same way for every order of the input.
    order = sorted(range(len(articles)), key=lambda index: articles[index].id)
    found = _stories([articles[index] for index in order], vectors[order], parameters)
    members: dict[int, list[int]] = {}
    for index, place in sorted((index, place) for place, index in enumerate(order)):
        members.setdefault(int(found.labels[place]), []).append(index)
    why = {order[place]: line for place, line in found.why.items()}
    copies = {
        order[place]: order[original]
        for place, original in enumerate(found.originals.tolist())
        if original != place
    }
    return [
        Group(
            tuple(indices),
            {index: why[index] for index in indices if index in why},
            {index: copies[index] for index in indices if index in copies},
        )
        for indices in members.values()
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """By article: its story's number, the article it is a copy of (or itself), why it is there."""

    labels: NDArray[np.intp]
    originals: NDArray[np.intp]
    why: Mapping[int, str]


def _stories(articles: Sequence[Article], vectors: Vectors, parameters: Parameters) -> _Found:
    texts = read(articles)
    same = same_pages(articles, texts)
    # The same page again must not make its words look common.
    pages = np.unique(originals(articles, same))
    kept = [articles[index] for index in pages]
    words = telling_words(texts, pages, parameters.names_raise, [article.feed for article in kept])
    points = points_of(
        kept, [texts.length(index) for index in pages], words, vectors[pages], parameters
    )
    pairs = neighbours(points)
    shared = points.shared_words(pairs)
    copies = pages[near_copies(texts, pages, pairs, shared[0])]
    original = originals(articles, np.concatenate([same, copies]))
    # Where an article, or its original, stands among `pages`.
    place = np.searchsorted(pages, original)
    joinable = original[pages] == pages
    # Groups whose mean likeness reaches the threshold have two members whose own does.
    near = points.products(pairs, shared) >= parameters.threshold
    joinable &= ~in_series(kept, texts, pages)
    labels = _joined(kept, points, pairs[near & joinable[pairs].all(axis=1)], parameters)[place]
    why = reasons(articles, texts, Found(labels, original, place), points, words)
    return _Found(labels, original, why)


def _joined(
    articles: Sequence[Article], points: Points, pairs: Pairs, parameters: Parameters
) -> NDArray[np.intp]:
    """Each article's story: by average linkage; round-ups alone, live blogs as followers."""
    live = np.zeros(len(articles), dtype=bool)
    glue = live.copy()
    for index in np.unique(pairs):
        live[index] = is_live(articles[index])
        glue[index] = live[index] or is_roundup(articles[index])
    labels = average_linkage(points, pairs[~glue[pairs].any(axis=1)], parameters.threshold)
    following = pairs[live[pairs].any(axis=1) & ~(glue & ~live)[pairs].any(axis=1)]
    return follow(points, labels, following, live, parameters.threshold)
