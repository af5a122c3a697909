"""Ranked stories to an edition: what is printed, in which order, and what is left out. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from digest.records import (
    Article,
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    Feed,
    Story,
    Summary,
    SummarySentence,
)

# English prose is read at 238 words a minute (Brysbaert 2019, a meta-analysis of 190 studies).
_WORDS_A_MINUTE = 238
# Scripts without spaces: about 500 characters a minute (Chinese and Japanese readers).
_CHARACTERS_A_MINUTE = 500
# Below this a feed gave only a teaser; how long the article is, nobody knows.
_TEASER_WORDS = 80
# Mail clients show 60 to 90 characters of a subject, and about as many of the preheader.
_SUBJECT = 90
_PREHEADER = 140


@dataclass(frozen=True, slots=True)
class Plan:
    """What a digest's owner decided about its editions, as `feeds.yaml` says it."""

    digest: str
    title: str
    timezone: str
    template: str
    sender: str
    topics: tuple[str, ...]
    max_stories: int


def compose(
    plan: Plan,
    stories: Sequence[Story],
    summaries: Mapping[str, Summary],
    feeds: Sequence[Feed],
    failed: Sequence[FailedFeed],
    *,
    date: str,
    built: datetime,
    articles: int,
) -> Edition:
    """The edition of `plan` for local `date`, from `stories` in the order of their rank.

    `summaries` are by article id; `articles` is how many were considered; `built` is aware UTC.
    """
    chosen = choose(stories, plan.max_stories)
    labels = {feed.name: feed.label for feed in feeds}
    order = {name: number for number, name in enumerate(plan.topics)}
    names = sorted({story.topic for story in chosen}, key=lambda name: order.get(name, len(order)))
    topics = tuple(
        EditionTopic(
            name,
            tuple(_printed(story, summaries, labels) for story in chosen if story.topic == name),
        )
        for name in names
    )
    # Subject and preheader name what the reader finds first: each topic's top, then the others.
    tops = [topic.stories[0].headline for topic in topics]
    headlines = tops + [story.headline for topic in topics for story in topic.stories[1:]]
    return Edition(
        digest=plan.digest,
        title=plan.title,
        date=date,
        timezone=plan.timezone,
        built=built,
        subject=shorten(f"{plan.title}: {headlines[0]}" if headlines else plan.title, _SUBJECT),
        preheader=shorten(" · ".join(headlines[1:4]), _PREHEADER),
        sender=plan.sender,
        template=plan.template,
        topics=topics,
        failed=tuple(failed),
        feeds=len(feeds),
        articles=articles,
        left_out=len(stories) - len(chosen),
        told=tuple(sorted(article.id for story in chosen for article in story.articles)),
    )


def choose(stories: Sequence[Story], most: int) -> list[Story]:
    """At most `most` of the ranked `stories`, in rank order, no topic with over half of them.

    A topic may have more only when the others have nothing left to fill the edition.
    """
    half = max(1, (most + 1) // 2)
    taken: Counter[str] = Counter()
    first: list[int] = []
    for number, story in enumerate(stories):
        if len(first) < most and taken[story.topic] < half:
            taken[story.topic] += 1
            first.append(number)
    there = set(first)
    rest = [number for number in range(len(stories)) if number not in there]
    return [stories[number] for number in sorted(first + rest[: most - len(first)])]


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > limit // 2 else cut).rstrip(" ,;:·-–—") + "…"


def reading_minutes(text: str) -> int:
    """Minutes to read `text`, at least 1; 0 when it is only a teaser, or nothing."""
    words = len(text.split())
    if words and len(text) / words > 15:  # no spaces between words
        characters = len(text)
        return round(characters / _CHARACTERS_A_MINUTE) or 1 if characters > 200 else 0
    return (round(words / _WORDS_A_MINUTE) or 1) if words >= _TEASER_WORDS else 0


def direction(text: str) -> Literal["ltr", "rtl"]:
    """The writing direction of `text` by its first strong character (UAX #9, rules P2 and P3)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def _printed(
    story: Story, summaries: Mapping[str, Summary], labels: Mapping[str, str]
) -> EditionStory:
    lead = story.lead
    summary = summaries.get(lead.id, Summary((), ""))
    source = labels.get(lead.feed, lead.feed)
    return EditionStory(
        id=story.id,
        article=lead.id,
        headline=lead.title,
        url=lead.url,
        source=source,
        published=lead.published,
        date_origin=lead.date_origin,
        summary=_news_beside(lead.title, summary.sentences),
        model=summary.model,
        minutes=reading_minutes(lead.text),
        language=lead.language,
        direction=direction(lead.title),
        # A paper that signs with its own name names nobody.
        author="" if lead.author.casefold() in source.casefold() else lead.author,
        image=lead.image,
        also=_others(story, labels),
        rank=story.rank,
        topic_score=round(story.topic_score, 4),
        dropped=summary.dropped,
        instead_of=summary.instead_of,
    )


def _news_beside(
    headline: str, sentences: tuple[SummarySentence, ...]
) -> tuple[SummarySentence, ...]:
    """The sentences that don't just say the headline again."""
    said = headline.casefold().rstrip(".!… ")
    return tuple(item for item in sentences if item.text.casefold().rstrip(".!… ") != said)


def _others(story: Story, labels: Mapping[str, str]) -> tuple[EditionSource, ...]:
    """The story's other articles: one of each other feed, then what else there is, by time.

    The same page in a second feed of the same house (front page and section), and the same
    headline again in one feed, are no other telling.
    """
    feeds = {story.lead.feed}
    pages = {story.lead.url or story.lead.id, (story.lead.feed, story.lead.title)}
    first: list[Article] = []
    further: list[Article] = []
    for article in sorted(story.articles[1:], key=lambda other: (other.published, other.id)):
        marks = {article.url or article.id, (article.feed, article.title)}
        if not pages & marks:
            (further if article.feed in feeds else first).append(article)
            feeds.add(article.feed)
        pages |= marks
    return tuple(
        EditionSource(
            labels.get(article.feed, article.feed), article.title, article.url, article.published
        )
        for article in first + further
    )
