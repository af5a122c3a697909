"""What can be done elsewhere: fetching and parsing a batch of feeds, or of articles' pages.

Functions of picklable records that give picklable records, for any `concurrent.futures.Executor`.
The sockets are served by a thread of their own while this one parses: feedparser and trafilatura
hold the interpreter for long, and a server must not wait for them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus

from digest import __version__
from digest.errors import FeedError, FetchError
from digest.feeds.extract import extract_page
from digest.feeds.fetch import fetch_feeds
from digest.feeds.options import FetchOptions
from digest.feeds.pages import FetchedPage, PageRequest, ask_pages
from digest.feeds.parse import parse_feed
from digest.feeds.threads import TooSlowError, elsewhere, within
from digest.records import Feed, FeedAnswer, Fetched, Page, Validators

log = logging.getLogger(__name__)

UNREADABLE = "what it sent could not be read"


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """A feed to be asked at `address` (its url, or where it moved to), and what is known of it."""

    feed: Feed
    address: str
    validators: Validators
    body_hash: str = ""


FetchedFeed = tuple[FeedRequest, Fetched | FetchError]


def fetch_and_parse(
    requests: Sequence[FeedRequest], options: FetchOptions, now: datetime
) -> list[FeedAnswer]:
    """Asks the feeds of `requests`, at once, and reads what they send; an answer a feed, unordered.

    `now` is aware UTC. Raises nothing that one feed could be the reason of.
    """
    found = fetched_feeds(requests, options)
    return [read_feed(item, options, now) for item in found if item is not None]


def fetched_feeds(
    requests: Sequence[FeedRequest], options: FetchOptions
) -> Iterator[FetchedFeed | None]:
    """What the feeds of `requests` sent, as it comes; None now and then while nothing does."""
    by_name = {request.feed.name: request for request in requests}
    feeds = [replace(request.feed, url=request.address) for request in requests]
    validators = {name: request.validators for name, request in by_name.items()}
    for result in elsewhere(lambda: fetch_feeds(feeds, validators, options)):
        yield None if result is None else (by_name[result.feed], result)


def is_read_at_once(item: FetchedFeed) -> bool:
    """Whether there is nothing to parse: nothing came, or what is known already."""
    request, result = item
    if isinstance(result, FetchError) or result.body is None:
        return True
    return bool(request.body_hash) and body_hash(result.body) == request.body_hash


def read_feeds(
    items: Sequence[FetchedFeed], options: FetchOptions, now: datetime
) -> list[FeedAnswer]:
    """The answers that `items` are, in their order."""
    return [read_feed(item, options, now) for item in items]


def fetch_pages(
    requests: Sequence[PageRequest], options: FetchOptions, now: datetime
) -> list[Page]:
    """Asks for the pages of `requests`, at once, and takes their texts; a page each, unordered.

    `now` is aware UTC. Raises nothing that one page could be the reason of.
    """
    found = fetched_pages(requests, options)
    return [read_page(item, options, now) for item in found if item is not None]


def fetched_pages(
    requests: Sequence[PageRequest], options: FetchOptions
) -> Iterator[FetchedPage | None]:
    """What the pages of `requests` sent, as it comes; None now and then while nothing does."""
    yield from elsewhere(lambda: ask_pages(requests, options))


def read_pages(items: Sequence[FetchedPage], options: FetchOptions, now: datetime) -> list[Page]:
    """The pages that `items` are, in their order."""
    return [read_page(item, options, now) for item in items]


# --- feeds ---------------------------------------------------------------------------------


def read_feed(item: FetchedFeed, options: FetchOptions, now: datetime) -> FeedAnswer:
    """What came of one feed."""
    request, result = item
    name = request.feed.name
    if isinstance(result, FetchError):
        return FeedAnswer(
            name,
            "failed",
            reason=result.reason,
            told=_told(result.status),
            http=result.status,
            hops=result.hops,
            headers=result.headers,
            seconds=result.seconds,
        )
    answer = FeedAnswer(
        name,
        "unchanged",
        http=result.status,
        url=result.url,
        hops=result.hops,
        headers=result.headers,
        seconds=result.seconds,
        validators=result.validators,
        body_hash=body_hash(result.body) if result.body is not None else request.body_hash,
    )
    if result.body is None or answer.body_hash == request.body_hash:
        return answer
    try:
        with within(options.parse):
            parsed = parse_feed(request.feed, result, now)
    except FeedError as error:
        reason = error.reason
    except TooSlowError:
        reason = f"could not be read within {options.parse:g} s"
    except MemoryError:
        reason = "too large to be read: memory ran out"
    except Exception as error:
        # A feed that trips the parsers in a way nobody has seen costs itself only.
        reason = f"could not be read ({type(error).__name__}: {error}); please report it"
    else:
        # Times that are relative to the fetch say something new each time.
        moves = any(article.relative for article in parsed.articles)
        hash_ = "" if moves else answer.body_hash
        return replace(answer, status="fetched", parsed=parsed, body_hash=hash_)
    return replace(answer, status="failed", reason=reason, told=UNREADABLE, body_hash="")


def body_hash(body: bytes) -> str:
    """What tells that a body, read by this version, says nothing new."""
    return sha256(__version__.encode() + b"\0" + body).hexdigest()


def _told(status: int | None) -> str:
    """Why a feed is missing, for readers: no host, no path, no advice."""
    if status is None:
        return "it could not be reached"
    if status == HTTPStatus.GONE:
        return "it was closed"
    return f"HTTP {status}" if status >= HTTPStatus.BAD_REQUEST else UNREADABLE


# --- pages ---------------------------------------------------------------------------------


def read_page(item: FetchedPage, options: FetchOptions, now: datetime) -> Page:
    """What came of one page."""
    request, answer = item
    if isinstance(answer, Page):
        return answer
    content_type = dict(answer.headers).get("content-type", "")
    try:
        with within(options.parse):
            return extract_page(request.article, answer.body, content_type, answer.url, now=now)
    except TooSlowError:
        reason = f"could not be read within {options.parse:g} s"
    except Exception as error:
        reason = f"could not be read ({type(error).__name__}: {error}); please report it"
    return Page(request.article, reason=reason)
