"""How feeds are, asked now: for whoever looks after them. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.errors import ModelError
from digest.feeds.health import after, health
from digest.feeds.options import FetchOptions
from digest.feeds.pages import PageRequest
from digest.feeds.work import FeedRequest, fetch_pages
from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.fetching import ask
from digest.pipeline.full_text import with_page
from digest.pipeline.progress import Progress, silent
from digest.pipeline.summarizing import article_documents, summarize
from digest.protocols import Summarizer
from digest.records import (
    Article,
    Feed,
    FeedAnswer,
    FeedHealth,
    FeedRate,
    FeedState,
    Page,
    Validators,
)
from digest.store.store import Store
from digest.text.teaser import is_teaser
from digest.text.urls import is_http


@dataclass(frozen=True, slots=True)
class Checked:
    """A feed's answer, and what is known of it with that answer; None where it wasn't asked."""

    feed: Feed
    health: FeedHealth
    state: FeedState
    answer: FeedAnswer | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What a reader would see of an article: with the text of its page, where that was wanted.

    `page` is None where the page was not asked for; `summary` holds the sentences.
    """

    article: Article
    page: Page | None
    summary: tuple[str, ...]


def known(feeds: Sequence[Feed], store: Store | None, now: datetime) -> list[Checked]:
    """How `feeds` are by what `store` knows of them."""
    states, rates = _stored(feeds, store, now)
    return [
        Checked(feed, health(states[feed.name], rates[feed.name], now), states[feed.name])
        for feed in feeds
    ]


def check(
    feeds: Sequence[Feed],
    store: Store | None,
    options: FetchOptions,
    now: datetime,
    progress: Progress = silent,
) -> list[Checked]:
    """Asks `feeds`, all of them and for everything they have; how each is, in order.

    What `store` knows of them (None: nothing) is taken into account. Raises StoreError.
    """
    states, rates = _stored(feeds, store, now)
    requests = [FeedRequest(feed, feed.url, Validators()) for feed in feeds]
    answers: dict[str, FeedAnswer] = {}
    for batch in ask(requests, options, now):
        answers.update({answer.feed: answer for answer in batch})
        progress("feeds", len(answers), len(feeds))
    checked: list[Checked] = []
    for feed in feeds:
        answer = answers[feed.name]
        state = after(states[feed.name], answer, now)
        rate = rates[feed.name]
        if rate.newest is None and answer.parsed:
            rate = _rate(answer.parsed.articles)
        checked.append(Checked(feed, health(state, rate, now), state, answer))
    return checked


def samples(
    checked: Checked,
    options: FetchOptions,
    now: datetime,
    encoder: Encoder,
    summarizer: Summarizer,
    most: int = 3,
) -> list[Sample]:
    """The newest articles of a feed that answered, at most `most`, as a reader would see them."""
    parsed = checked.answer.parsed if checked.answer else None
    if parsed is None:
        return []
    newest = sorted(parsed.articles, key=lambda article: article.published, reverse=True)[:most]
    wish = checked.feed.full_text
    wanted = [
        PageRequest(article.id, article.url)
        for article in newest
        if is_http(article.url)
        and (wish == "always" or (wish == "auto" and is_teaser(article.text)))
        and (wish == "always" or is_http(checked.feed.url))
    ]
    pages: Mapping[str, Page] = {page.article: page for page in fetch_pages(wanted, options, now)}
    full = [
        with_page(article, pages[article.id]) if article.id in pages else article
        for article in newest
    ]
    summaries = _summaries(full, encoder, summarizer)
    return [Sample(article, pages.get(article.id), summaries[article.id]) for article in full]


def _summaries(
    articles: Sequence[Article], encoder: Encoder, summarizer: Summarizer
) -> dict[str, tuple[str, ...]]:
    documents = article_documents(articles)
    remembering = RememberingEncoder(encoder)
    try:
        encoded = remembering.documents(documents)
    except ModelError:  # `digest doctor` tells; the feed can be judged without
        return {article.id: (article.text[:300],) for article in articles}
    made = summarize(documents, encoded, summarizer, remembering.key)
    return {
        id: tuple(sentence.text for sentence in summary.sentences)
        for id, summary in made.summaries.items()
    }


def _stored(
    feeds: Sequence[Feed], store: Store | None, now: datetime
) -> tuple[dict[str, FeedState], dict[str, FeedRate]]:
    if store is None:
        return (
            {feed.name: FeedState(feed.name, feed.url) for feed in feeds},
            {feed.name: FeedRate() for feed in feeds},
        )
    return store.feed_states(feeds), store.feed_rates(feeds, now)


def _rate(articles: Sequence[Article]) -> FeedRate:
    """How often a feed seems to bring something, by what it carries now."""
    times = sorted(article.published for article in articles if article.date_origin == "feed")
    if not times:
        return FeedRate()
    days = (times[-1] - times[0]).total_seconds() / 86_400
    if len(times) == 1 or days == 0:
        return FeedRate(times[-1])
    gap = days / (len(times) - 1)
    return FeedRate(times[-1], round(7 / gap, 1), gap)
