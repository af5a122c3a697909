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
    Image,
    Story,
    Summary,
    SummarySentence,
)
from digest.text.teaser import TEASER_WORDS
from digest.text.urls import page_of

# English prose is read at 238 words a minute (Brysbaert 2019, a meta-analysis of 190 studies).
_WORDS_A_MINUTE = 238
# Scripts without spaces: about 500 characters a minute (Chinese and Japanese readers).
_CHARACTERS_A_MINUTE = 500
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
    max_per_topic: int | None = None
    max_per_feed: int | None = None
    archive: str = ""
    show_failed: bool = False


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
    retold: int = 0,
) -> Edition:
    """The edition of `plan` for local `date`, from `stories` in the order of their rank.

    `summaries` are by article id; `articles` is how many were considered, `retold` how many stories
    were left out because an earlier edition told them; `built` is aware UTC.
    """
    chosen = choose(stories, plan.max_stories, plan.max_per_topic, plan.max_per_feed)
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
        retold=retold,
        archive=plan.archive,
        show_failed=plan.show_failed,
    )


def choose(
    stories: Sequence[Story],
    most: int,
    per_topic: int | None = None,
    per_feed: int | None = None,
) -> list[Story]:
    """At most `most` of the ranked `stories`, in rank order.

    At most `per_topic` of one topic (half of `most`, when None) and `per_feed` led by one feed (a
    third). Where that leaves room, the limit for feeds is let go first, then instead that for
    topics, then both: a short edition helps nobody.
    """
    topics = per_topic if per_topic is not None else _share(most, 2)
    feeds = per_feed if per_feed is not None else _share(most, 3)
    by_topic: Counter[str] = Counter()
    by_feed: Counter[str] = Counter()
    taken: set[int] = set()
    for topic_limit, feed_limit in ((topics, feeds), (topics, most), (most, feeds), (most, most)):
        for number, story in enumerate(stories):
            if len(taken) == most:
                break
            if (
                number not in taken
                and by_topic[story.topic] < topic_limit
                and by_feed[story.lead.feed] < feed_limit
            ):
                taken.add(number)
                by_topic[story.topic] += 1
                by_feed[story.lead.feed] += 1
    return [stories[number] for number in sorted(taken)]


def _share(most: int, parts: int) -> int:
    """A part of `most`, rounded up.

    Half for a topic: readers of World news want much of it, and see that there is more in the
    world. A third for a feed: of two feeds neither is held back for long (what is over fills the
    edition all the same), and the fastest of ten can't push out the other nine.
    """
    return max(1, -(-most // parts))


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
    return (round(words / _WORDS_A_MINUTE) or 1) if words >= TEASER_WORDS else 0


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
        image=Image(lead.image) if lead.image else None,
        also=_others(story, labels),
        rank=story.rank,
        topic_score=round(story.topic_score, 4),
        dropped=summary.dropped,
        instead_of=summary.instead_of,
        articles={article.id: article.content_hash for article in story.articles},
        update=story.update,
        rank_parts={part: round(value, 6) for part, value in story.rank_parts.items()},
        runner_up=story.runner_up,
        runner_up_score=round(story.runner_up_score, 4),
        why=story.why.get(lead.id, ""),
        paywall=lead.paywall,
    )


def _news_beside(
    headline: str, sentences: tuple[SummarySentence, ...]
) -> tuple[SummarySentence, ...]:
    """The sentences that don't just say the headline again."""
    said = headline.casefold().rstrip(".!… ")
    return tuple(item for item in sentences if item.text.casefold().rstrip(".!… ") != said)


def _others(story: Story, labels: Mapping[str, str]) -> tuple[EditionSource, ...]:
    """The story's other articles: one of each other feed, then what else there is, by time.

    A copy stands behind what it is a copy of: the lead's copies first, then each other telling
    with its own. The same page in a second feed of the same house (front page and section), and
    the same headline again in one feed, are not printed.
    """
    originals = _originals(story)
    printed_in = {article.id: article.feed for article in story.articles}
    feeds = {story.lead.feed}
    pages = _marks(story.lead)
    first: list[Article] = []
    further: list[Article] = []
    copies: dict[str, list[Article]] = {}
    for article in sorted(story.articles[1:], key=lambda other: _order(other, originals)):
        marks = _marks(article)
        if not pages & marks:
            if article.id in originals:
                # The same text twice in one feed is the feed's own untidiness.
                same = copies.setdefault(originals[article.id], [])
                at = {printed_in[originals[article.id]], *(other.feed for other in same)}
                if article.feed not in at:
                    same.append(article)
            else:
                (further if article.feed in feeds else first).append(article)
            feeds.add(article.feed)
        pages |= marks

    def printed(article: Article) -> EditionSource:
        return EditionSource(
            labels.get(article.feed, article.feed),
            article.title,
            article.url,
            article.published,
            copy=article.id in originals,
            article=article.id,
            why=story.why.get(article.id, ""),
        )

    return tuple(
        printed(article)
        for telling in (story.lead, *first, *further)
        for article in (telling, *copies.get(telling.id, ()))
        if article is not story.lead
    )


def _marks(article: Article) -> set[object]:
    """What two articles that are one page have in common."""
    return {page_of(article.url) or article.id, (article.feed, article.title)}


def _originals(story: Story) -> dict[str, str]:
    """What each copy is a copy of, by id: the lead where that has the same text.

    Only of articles that are there: a copy whose original is not is a telling of its own.
    """
    there = {article.id for article in story.articles}

    def first(id: str) -> str:
        seen = {id}
        while (original := story.copies.get(id, id)) in there - seen:
            seen.add(original)
            id = original
        return id

    roots = {article.id: first(article.id) for article in story.articles}
    lead = story.lead.id
    return {
        id: lead if root == roots[lead] else root
        for id, root in roots.items()
        if id != lead and (root != id or root == roots[lead])
    }


def _order(article: Article, originals: Mapping[str, str]) -> tuple[bool, datetime, str]:
    """Originals before copies, so that a page that is both is printed as what it is."""
    return article.id in originals, article.published, article.id
