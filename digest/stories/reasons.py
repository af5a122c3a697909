"""Why articles stand together, in a line for editors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digest.records import Article
from digest.stories.likeness import Points
from digest.stories.words import Texts, Words

# Shared words that a line names, of so many that are looked at for names among them.
_NAMED, _LOOKED_AT = 4, 8
# An article is compared with the earliest of its story: a story of thousands has enough of them.
_EARLIEST = 12


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of each article, in their order.

    `labels` are the stories, `originals` the article that each is a copy of (or itself), `places`
    where that one stands among the points.
    """

    labels: NDArray[np.intp]
    originals: NDArray[np.intp]
    places: NDArray[np.intp]


def reasons(
    articles: Sequence[Article], texts: Texts, found: Found, points: Points, words: Words
) -> dict[int, str]:
    """A line for each article that joined a story; none for the one that began it."""
    lines = {
        index: f"copy of {_called(articles[original])}"
        for index, original in enumerate(found.originals.tolist())
        if original != index
    }
    asked, others = _comparisons(articles, found)
    place = found.places
    pairs = np.stack([place[asked], place[others]], axis=1)
    # Without what headlines are raised by: a share that an editor can read, 1 for the same text.
    likeness = points.products(pairs) / (points.sizes[pairs[:, 0]] * points.sizes[pairs[:, 1]])
    # The nearest of each, which is the last in this order; of equally near ones the earliest.
    order = np.lexsort((-np.arange(len(asked)), likeness, asked))
    nearest = order[np.flatnonzero(np.diff(asked[order], append=-1))]
    shared = words.shared(pairs[nearest], _LOOKED_AT)
    for number, terms in zip(nearest.tolist(), shared, strict=True):
        index, other = int(asked[number]), int(others[number])
        names = texts.as_written(index, (term for term in terms if texts.is_name(term)))
        written = names or texts.as_written(index, terms)
        said = f"same {'names' if names else 'words'}: {', '.join(written[:_NAMED])}"
        lines[index] = _line(
            articles[index], articles[other], said if written else "", likeness[number]
        )
    return lines


def _comparisons(
    articles: Sequence[Article], found: Found
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each article of a story but its first, with every one of its earliest (itself apart)."""
    stories: dict[int, list[int]] = {}
    for index in np.flatnonzero(found.originals == np.arange(len(articles))).tolist():
        stories.setdefault(int(found.labels[index]), []).append(index)

    def pairs() -> Iterator[tuple[int, int]]:
        for members in stories.values():
            if len(members) > 1:
                members.sort(
                    key=lambda index: (articles[index].published.timestamp(), articles[index].id)
                )
                earliest = members[:_EARLIEST]
                yield from ((one, two) for one in members[1:] for two in earliest if one != two)

    compared = np.array(list(pairs()), dtype=np.intp).reshape(-1, 2)
    return compared[:, 0], compared[:, 1]


def _line(article: Article, other: Article, shared: str, likeness: float) -> str:
    parts = [shared] if shared else []
    parts.append(f"similarity {min(1.0, float(likeness)):.2f}")
    hours = _hours_apart(article, other)
    if not math.isnan(hours):
        parts.append(_apart(hours))
    return f"like {_called(other)}: {', '.join(parts)}"


def _called(article: Article) -> str:
    return f"“{article.title}”" if article.title else article.id


def _hours_apart(article: Article, other: Article) -> float:
    if article.date_origin != "feed" or other.date_origin != "feed":
        return math.nan
    return abs((article.published - other.published).total_seconds()) / 3600


def _apart(hours: float) -> str:
    if hours < 1:
        return f"{round(hours * 60)} min apart"
    return f"{round(hours)} h apart" if hours < 48 else f"{round(hours / 24)} days apart"
