"""Ranking: which stories a reader should see first. A pure function of the stories and `now`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from digest.records import Article, Story

# After half a day a story weighs half: a morning's digest of 24 hours then puts this night's
# news before yesterday noon's, unless more feeds told the latter.
_HALF_LIFE_HOURS = 12.0
_COVERAGE = 1.0
_RECENCY = 1.0
_WEIGHT = 0.5


def choose_lead(articles: Sequence[Article], weights: Mapping[str, float]) -> Article:
    """The article that stands for a story: of the heaviest feed, the fullest text, the earliest."""
    return max(
        articles,
        key=lambda article: (
            weights.get(article.feed, 1.0),
            # Beyond 2,000 characters more text makes no better lead.
            min(len(article.text), 2000),
            -article.published.timestamp(),
            article.id,
        ),
    )


def rank(stories: Sequence[Story], weights: Mapping[str, float], now: datetime) -> list[Story]:
    """The stories by falling rank, each with the parts of its score. `weights` by feed name."""
    ranked = []
    for story in stories:
        feeds = {article.feed for article in story.articles}
        # Two feeds of one house that carry the same page are one telling of it.
        pages = {article.url or article.id for article in story.articles}
        hours = min(_age(article, now) for article in story.articles)
        parts = {
            "coverage": _COVERAGE * math.log2(min(len(feeds), len(pages))),
            "recency": _RECENCY * 0.5 ** (hours / _HALF_LIFE_HOURS),
            "weight": _WEIGHT * max(weights.get(feed, 1.0) for feed in feeds),
        }
        ranked.append(replace(story, rank=round(sum(parts.values()), 6), rank_parts=parts))
    return sorted(ranked, key=lambda story: (-story.rank, story.id))


def _age(article: Article, now: datetime) -> float:
    """Hours since it was published; for a time that the feed didn't give, neither new nor old."""
    if article.date_origin != "feed":
        return _HALF_LIFE_HOURS
    return max(0.0, (now - article.published).total_seconds() / 3600)
