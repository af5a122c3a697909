"""Headlines that come again: "Weather", "Letters to the editor", "Obituary".

What stands under them is another matter each day. By their titles they would be one story, and the
memory of what was told would keep all but the first from being told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from digest.records import Article
from digest.stories.copies import share_of_runs
from digest.stories.words import Texts

# A paper that goes on with an event under the same headline does so within hours.
_NEXT = timedelta(hours=6)
# Of the runs of the shorter text, or of its words where it is a teaser: less in common than this,
# and it is another text. A paper that goes on with an event repeats more of it than that.
_SAME_RUNS, _SAME_WORDS = 0.15, 0.5
_DATES = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june
    july august september october november december
    """.split()
)


def in_series(
    articles: Sequence[Article], texts: Texts, places: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Which of `articles` have a headline that their feed gives to another matter too.

    `places` says where each stands in `texts`. Dates and numbers in a headline don't count.
    """
    found = np.zeros(len(articles), dtype=bool)
    groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for index, article in enumerate(articles):
        if title := _title(texts, int(places[index])):
            groups.setdefault((article.feed, title), []).append(index)
    for members in groups.values():
        members.sort(key=lambda index: (articles[index].published, articles[index].id))
        for number, index in enumerate(members[1:], 1):
            before = members[number - 1]
            apart = articles[index].published - articles[before].published
            if apart >= _NEXT and _differ(texts, int(places[before]), int(places[index])):
                found[[before, index]] = True
    return found


def _title(texts: Texts, article: int) -> tuple[str, ...]:
    terms = (str(term) for term in texts.terms[texts.title(article)])
    return tuple(term for term in terms if term not in _DATES and not term[0].isdigit())


def _differ(texts: Texts, first: int, second: int) -> bool:
    """Whether two texts are about different matters; two titles without text are, on their days."""
    share = share_of_runs(texts, first, second)
    if share is not None:
        return share < _SAME_RUNS
    mine, theirs = set(texts.text(first).tolist()), set(texts.text(second).tolist())
    return len(mine & theirs) < _SAME_WORDS * max(1, min(len(mine), len(theirs)))
