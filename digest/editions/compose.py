"""Stories to an edition: which are chosen, and how they are printed. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from digest.editions.limits import MAX_BYTES
from digest.editions.opening import opened
from digest.editions.words import Words
from digest.records import (
    Article,
    Draft,
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    Story,
    Summary,
    SummarySentence,
)
from digest.text.shorten import shorten
from digest.text.teaser import TEASER_WORDS
from digest.text.urls import page_of

# English prose is read at 238 words a minute (Brysbaert 2019, a meta-analysis of 190 studies).
_WORDS_A_MINUTE = 238
# Scripts without spaces: about 500 characters a minute (Chinese and Japanese readers).
_CHARACTERS_A_MINUTE = 500
# Most characters of a printed summary. An extractive one can be asked for 1,000 words, which are
# about 6,000 characters. What is longer is no summary, and would fill the mail.
_SUMMARY = 8000


Sections = Sequence[tuple[str, Sequence[Story]]]
"""Topics with their stories, in the order of print."""


def compose(
    draft: Draft,
    sections: Sections,
    summaries: Mapping[str, Summary],
    *,
    left_out: int,
    trimmed: int = 0,
    headlines: Mapping[str, str] | None = None,
    note: tuple[str, ...] | None = None,
    subject: str | None = None,
    words: Words | None = None,
) -> Edition:
    """The edition that `draft` becomes when `sections` are printed.

    `summaries` are by article id. `left_out` counts the stories that aren't printed, `trimmed`
    those of them that only an e-mail's size has no room for. `headlines` (by story id), `note` and
    `subject` are an editor's, in place of what would stand there. `words` are those of the plan's
    language, for the subject; English when None.
    """
    plan, told = draft.plan, headlines or {}
    topics = tuple(
        EditionTopic(
            name, tuple(_printed(story, summaries, draft.labels, told) for story in stories)
        )
        for name, stories in sections
        if stories
    )
    articles = (article.id for _, some in sections for story in some for article in story.articles)
    edition = Edition(
        digest=plan.digest,
        title=plan.title,
        date=draft.date,
        timezone=plan.timezone,
        built=draft.built,
        subject=plan.title,
        subject_form=plan.subject,
        preheader="",
        sender=plan.sender,
        template=plan.template,
        topics=topics,
        failed=draft.failed,
        feeds=draft.feeds,
        articles=draft.considered,
        left_out=left_out,
        told=tuple(sorted(articles)),
        retold=draft.retold,
        archive=plan.archive,
        show_failed=plan.show_failed,
        language=plan.language,
        note=plan.note if note is None else note,
        images=plan.images,
        postal=plan.postal,
        trimmed=trimmed,
    )
    edition = opened(edition, words or Words())
    return edition if subject is None else replace(edition, subject=subject)


def fit(
    build: Callable[[int | None], Edition],
    size: Callable[[Edition], int],
    limit: int = MAX_BYTES,
) -> Edition:
    """The edition with all its stories, or with as many as keep its `size` within `limit`.

    `build` composes it with that many, the least important left out first; one always stays. A
    bisection: each try renders the whole page, and 200 stories take at most nine.
    """
    whole = build(None)
    if size(whole) <= limit:
        return whole
    fits, over = 1, len(whole.stories)
    while over - fits > 1:
        middle = (fits + over) // 2
        if size(build(middle)) <= limit:
            fits = middle
        else:
            over = middle
    return build(fits) if fits < len(whole.stories) else whole


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
    story: Story,
    summaries: Mapping[str, Summary],
    labels: Mapping[str, str],
    headlines: Mapping[str, str],
) -> EditionStory:
    lead = story.lead
    headline = headlines.get(story.id, lead.title)
    summary = summaries.get(lead.id, Summary((), ""))
    source = labels.get(lead.feed, lead.feed)
    return EditionStory(
        id=story.id,
        article=lead.id,
        headline=headline,
        url=lead.url,
        source=source,
        published=lead.published,
        date_origin=lead.date_origin,
        summary=_within(_news_beside(headline, summary.sentences)),
        model=summary.model,
        minutes=reading_minutes(lead.text),
        language=lead.language,
        direction=direction(headline),
        # A paper that signs with its own name names nobody.
        author="" if lead.author.casefold() in source.casefold() else lead.author,
        image=lead.image,
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


def _within(sentences: tuple[SummarySentence, ...]) -> tuple[SummarySentence, ...]:
    """The sentences that a summary has room for; whole ones, or the beginning of the first."""
    length = 0
    for number, sentence in enumerate(sentences):
        length += len(sentence.text)
        if length > _SUMMARY:
            return sentences[:number] or (replace(sentence, text=shorten(sentence.text, _SUMMARY)),)
    return sentences


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
            date_origin=article.date_origin,
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
