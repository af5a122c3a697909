"""A story's id: from its oldest article, and kept when articles join it or leave."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from digest.records import Article


def story_ids(stories: Sequence[Sequence[Article]], known: Mapping[str, str]) -> list[str]:
    """One id for each of `stories`, all different.

    `known` are the ids that articles' stories had before, by article id. A story keeps the id that
    most of its articles had; where two claim one (it has split), the one with more of its articles
    has it, then the one with the oldest article. A new story's id comes from its oldest article, so
    that without any memory too it stays when later articles join.
    """
    oldest = [min(story, key=_age) for story in stories]
    claims = []
    for number, story in enumerate(stories):
        had = Counter(known[article.id] for article in story if article.id in known)
        claims += [(-count, _age(oldest[number]), id, number) for id, count in had.items()]
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for _, _, id, number in sorted(claims):
        if number not in ids and id not in taken:
            ids[number] = id
            taken.add(id)
    # An id that another story had before is never given anew, even where its story is gone.
    taken |= set(known.values())
    for number in sorted(range(len(stories)), key=lambda number: _age(oldest[number])):
        if number not in ids:
            ids[number] = _new_id(oldest[number], taken)
            taken.add(ids[number])
    return [ids[number] for number in range(len(stories))]


def _age(article: Article) -> tuple[float, str]:
    return article.published.timestamp(), article.id


def _new_id(oldest: Article, taken: set[str]) -> str:
    for attempt in range(len(taken) + 1):
        seed = f"{oldest.id}\n{attempt}" if attempt else oldest.id
        id = "s" + hashlib.sha256(seed.encode()).hexdigest()[:16]
        if id not in taken:
            return id
    raise AssertionError("as many ids as attempts can't all be taken")
