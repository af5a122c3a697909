"""Ranking: which stories a reader should see first, and which article stands for a story.

Pure functions of the stories and `now`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from digest.records import Article, Story
from digest.stories.roundups import is_live, is_roundup
from digest.text.teaser import is_broken_off
from digest.text.urls import page_of

# After half a day a story weighs half: a morning's digest of 24 hours then puts this night's
# news before yesterday noon's, unless more feeds told the latter. A longer window needs a longer
# half-life (half of it), or all that is older than two days would be equally old.
HALF_LIFE = timedelta(hours=12)
_COVERAGE = 1.0
_RECENCY = 1.0
_WEIGHT = 0.5
# The first of a digest's topics counts this much, the last one next to nothing. The order of the
# topics is an order of print above all; what it may decide is which of two stories finds room that
# are otherwise level: 0.2 is worth three to four hours, and never another source (1.0).
_TOPIC = 0.2
# Two papers of one publisher often print one newsroom's report. Telling it in two sections says a
# little about its weight: a second feed of a house counts a quarter of what another house does.
_SAME_HOUSE = 0.25

# --- the lead: each part lies between 0 and about 1, but for the weight of feeds ---
# Beyond 2,000 characters more text makes no better lead.
_FULL_TEXT = 2000
# A text that breaks off tells less than its length says.
_BROKEN_OFF = 0.5
# What most readers can't open stands behind what they can, where the two are else about level.
_PAYWALL = 0.5
# Doubling a feed's weight counts as much as a full text against none: the owner has said whom they
# would rather read, and a full report still goes before a heavier feed's teaser.
_LEAD_WEIGHT = 1.0
# Articles of one event have cosines of 0.6 to 0.95 to their centre. Doubled, the difference between
# a report and one that tells another matter beside it is about that between a full text and half.
_LEAD_CLOSENESS = 2.0

_COMMON_HOSTS = re.compile(r"^(?:www\d?|m|mobile|amp|edition|rss|feeds?)\.(?=[^.]+\.)")


def choose_lead(
    articles: Sequence[Article],
    weights: Mapping[str, float],
    closeness: Mapping[str, float] | None = None,
    copies: Collection[str] = (),
) -> Article:
    """The article that stands for a story: full text, a heavy feed, close to the story's centre.

    `weights` are by feed name, `closeness` by article id: the cosine to the story's centre, 0 to 1.
    `copies` are the ids of articles that repeat another one's text: none leads while another
    is there, and no round-up or live blog while there is a report. Independent of the order.
    """
    originals = [article for article in articles if article.id not in copies] or articles
    if all(article.paywall for article in originals):
        # The same text where everybody can read it is as good as the original.
        originals = [*originals, *(one for one in articles if not one.paywall)]
    reports = [one for one in originals if not (is_roundup(one) or is_live(one))] or originals
    near = closeness or {}

    def score(article: Article) -> float:
        weight = max(weights.get(article.feed, 1.0), 1e-3)
        return (
            min(len(article.text), _FULL_TEXT) / _FULL_TEXT
            - (_BROKEN_OFF if is_broken_off(article.text) else 0.0)
            - (_PAYWALL if article.paywall else 0.0)
            + _LEAD_WEIGHT * math.log2(weight)
            + _LEAD_CLOSENESS * near.get(article.id, 0.0)
        )

    # Rounded, so that two machines' last bits don't choose; then the first to tell.
    return min(
        reports,
        key=lambda article: (
            -round(score(article), 4),
            article.published.timestamp(),
            article.id,
        ),
    )


def rank(
    stories: Sequence[Story],
    weights: Mapping[str, float],
    now: datetime,
    topics: Sequence[str] = (),
    half_life: timedelta = HALF_LIFE,
) -> list[Story]:
    """The stories by falling rank, each with the parts of its score.

    `weights` are by feed name, `topics` are the digest's in their order. Parts: `coverage` (the
    binary logarithm of the independent sources), `recency` (1 now, half after each `half_life`),
    `weight` of the heaviest feed, and `topic`.
    """
    places = {name: (len(topics) - place) / len(topics) for place, name in enumerate(topics)}
    hours = half_life.total_seconds() / 3600
    ranked = []
    for story in stories:
        age = min(_age(article, now, hours) for article in story.articles)
        heaviest = max(weights.get(article.feed, 1.0) for article in story.articles)
        parts = {
            "coverage": _COVERAGE * math.log2(sources(story)),
            "recency": _RECENCY * 0.5 ** (age / hours),
            "weight": _WEIGHT * heaviest,
            "topic": _TOPIC * places.get(story.topic, 0.0),
        }
        ranked.append(replace(story, rank=round(sum(parts.values()), 6), rank_parts=parts))
    return sorted(ranked, key=lambda story: (-story.rank, story.id))


def sources(story: Story) -> float:
    """How many independent sources tell the story, at least 1.

    A copy and the same page in a second feed are one telling with their original; a feed that
    tells a story twice is one source; further feeds of one house (the host of their articles)
    count little.
    """
    found: dict[str, tuple[set[str], int]] = {}
    for telling in tellings(story):
        original = telling.original
        feeds, count = found.get(_house(original), (set(), 0))
        found[_house(original)] = (feeds | {original.feed}, count + 1)
    return sum(
        1 + _SAME_HOUSE * math.log2(min(len(feeds), count)) for feeds, count in found.values()
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """One text about a story: its `original`, and the same text or page elsewhere."""

    original: Article
    copies: tuple[Article, ...]


def tellings(story: Story) -> list[Telling]:
    """The story's articles, copies with their original; the lead's telling first, then by time.

    The lead counts as its telling's original, whatever it is a copy of.
    """
    group: dict[str, str] = {}

    def root(id: str) -> str:
        while group.setdefault(id, id) != id:
            id = group[id]
        return id

    pages: dict[str, str] = {}
    for article in story.articles:
        original = story.copies.get(article.id)
        if original is not None:
            group[root(article.id)] = root(original)
        if page := page_of(article.url):
            group[root(article.id)] = root(pages.setdefault(page, article.id))
    members: dict[str, list[Article]] = {}
    for article in story.articles:
        members.setdefault(root(article.id), []).append(article)

    def order(article: Article) -> tuple[bool, bool, float, str]:
        copy = article.id in story.copies
        return article is not story.lead, copy, article.published.timestamp(), article.id

    found = [sorted(together, key=order) for together in members.values()]
    return [
        Telling(first, tuple(others))
        for first, *others in sorted(found, key=lambda together: order(together[0]))
    ]


def _house(article: Article) -> str:
    """Who publishes an article: the host of its page, and its feed where it has no page."""
    host = (urlsplit(article.url).hostname or "") if article.url else ""
    return _COMMON_HOSTS.sub("", host) or f"feed {article.feed}"


def _age(article: Article, now: datetime, half_life: float) -> float:
    """Hours since it was published; for a time that the feed didn't give, neither new nor old."""
    if article.date_origin != "feed":
        return half_life
    return max(0.0, (now - article.published).total_seconds() / 3600)
