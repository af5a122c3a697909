"""Fetch, parse, store: the feeds' news into the database, one line of report a feed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import datetime
from functools import partial
from http import HTTPStatus

from digest.errors import FeedError, FetchError, StoreError
from digest.feeds.fetch import fetch_feeds
from digest.feeds.options import FetchOptions
from digest.feeds.parse import parse_feed
from digest.pipeline.progress import Progress, silent
from digest.records import Feed, FeedOutcome, Fetched, Validators
from digest.store.store import Store

log = logging.getLogger(__name__)

_UNREADABLE = "what it sent could not be read"


def fetch(
    feeds: Sequence[Feed],
    store: Store,
    options: FetchOptions,
    now: datetime,
    progress: Progress = silent,
) -> list[FeedOutcome]:
    """Fetches `feeds` at once and stores what is new; an outcome a feed, in the order given.

    Raises StoreError only; whatever else happens to a feed is that feed's outcome.
    """
    return asyncio.run(_fetch(feeds, store, options, now, progress))


async def _fetch(
    feeds: Sequence[Feed], store: Store, options: FetchOptions, now: datetime, progress: Progress
) -> list[FeedOutcome]:
    by_name = {feed.name: feed for feed in feeds}
    outcomes: dict[str, FeedOutcome] = {}
    loop = asyncio.get_running_loop()
    # Parsing and writing hold the interpreter's and the database's lock: one thread for both
    # leaves the event loop free for the sockets, and a second one would only wait.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="parse") as pool:
        results = fetch_feeds(feeds, store.validators(feeds), options)
        async with aclosing(results):  # type: ignore[type-var]
            async for result in results:
                feed = by_name[result.feed]
                take_in = partial(_take_in, feed, result, store, now)
                outcome = await loop.run_in_executor(pool, take_in)
                outcomes[feed.name] = outcome
                log.info("feed %s: %s %s", feed.name, outcome.status, outcome.reason)
                progress("feeds", len(outcomes), len(feeds))
    return [outcomes[feed.name] for feed in feeds]


def _take_in(feed: Feed, result: Fetched | FetchError, store: Store, now: datetime) -> FeedOutcome:
    """What came of one feed, into the store."""
    if isinstance(result, FetchError):
        return _failed(feed, result.reason, store, now, _told(result.status))
    if result.unchanged:
        entries = store.save_unchanged(feed, now)
        return FeedOutcome(feed.name, "unchanged", entries=entries, seconds=result.seconds)
    try:
        parsed = parse_feed(feed, result, now)
        # Half a feed must be fetched again: its validators would say that nothing changed.
        validators = result.validators if parsed.complete else Validators()
        new, updated = store.save_articles(feed, parsed.articles, validators, now)
    except FeedError as error:
        return _failed(feed, error.reason, store, now)
    except StoreError:
        raise
    except Exception as error:
        # A feed that trips the parsers in a way nobody has seen costs itself only.
        log.exception("feed %s: unexpected error", feed.name)
        return _failed(feed, f"could not be read ({type(error).__name__}: {error})", store, now)
    return FeedOutcome(
        feed.name,
        "fetched",
        entries=len(parsed.articles),
        new=new,
        updated=updated,
        seconds=result.seconds,
        notes=parsed.notes,
    )


def _told(status: int | None) -> str:
    """Why a feed is missing, for readers: no host, no path, no advice."""
    if status is None:
        return "it could not be reached"
    return f"HTTP {status}" if status >= HTTPStatus.BAD_REQUEST else _UNREADABLE


def _failed(
    feed: Feed,
    reason: str,
    store: Store,
    now: datetime,
    told: str = _UNREADABLE,
) -> FeedOutcome:
    store.save_failure(feed, reason, now)
    return FeedOutcome(feed.name, "failed", reason=reason, told=told)
