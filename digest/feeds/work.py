"""What can be done elsewhere: fetching and parsing a batch of feeds, or of articles' pages.

Functions of picklable records that give picklable records, for any `concurrent.futures.Executor`.
The sockets are served by a thread of their own while this one parses: feedparser and trafilatura
hold the interpreter for long, and a server must not wait for them.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from types import FrameType
from typing import TypeVar
from urllib.parse import urlsplit

from digest import __version__
from digest.errors import FeedError, FetchError
from digest.feeds.extract import extract_page
from digest.feeds.fetch import fetch_feeds
from digest.feeds.http import PAGES, Answer, Refused, Web
from digest.feeds.options import FetchOptions
from digest.feeds.parse import parse_feed
from digest.feeds.robots import Robots
from digest.records import Feed, FeedAnswer, Fetched, Page, Validators

UNREADABLE = "what it sent could not be read"

# Results that wait to be parsed. One would do; a few keep the parser busy.
_WAITING = 4
# Seconds of silence after which whoever waits is told so.
_MOMENT = 0.1
# After so many pages of a host that gave no answer at all, the others are not asked.
_MOST_SILENT = 3

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """A feed to be asked at `address` (its url, or where it moved to), and what is known of it."""

    feed: Feed
    address: str
    validators: Validators
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page at `url` to be asked for the text of the article of that id."""

    article: str
    url: str


FetchedFeed = tuple[FeedRequest, Fetched | FetchError]
FetchedPage = tuple[PageRequest, Answer | Page]
"""A request with what came, or with a page that says why nothing did."""


def host_of(url: str) -> str:
    """What "at most two connections a host" counts by; "" for files and for what is no address."""
    try:
        return (urlsplit(url).hostname or "") if "://" in url else ""
    except ValueError:
        return ""


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
    for result in _elsewhere(lambda: fetch_feeds(feeds, validators, options)):
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
    yield from _elsewhere(lambda: _pages(requests, options))


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
        with _within(options.parse):
            parsed = parse_feed(request.feed, result, now)
    except FeedError as error:
        reason = error.reason
    except _TooSlowError:
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
    return f"HTTP {status}" if status >= HTTPStatus.BAD_REQUEST else UNREADABLE


# --- pages ---------------------------------------------------------------------------------


async def _pages(
    requests: Sequence[PageRequest], options: FetchOptions
) -> AsyncIterator[FetchedPage]:
    """Each request with its answer, or with a page that says why there is none."""
    silent: Counter[str] = Counter()
    done: asyncio.Queue[FetchedPage] = asyncio.Queue(maxsize=1)

    async def ask(request: PageRequest) -> Answer | Page:
        host = host_of(request.url)
        if silent[host] >= _MOST_SILENT:
            reason = f"{host} did not answer for other pages; not asked"
            return Page(request.article, reason=reason, again=True)
        try:
            allowed = await robots.allows(request.url)
            if allowed is None:
                silent[host] += 1
                reason = f"the robots.txt of {host} can't be had now"
                return Page(request.article, reason=reason, again=True)
            if not allowed:
                return Page(request.article, reason="robots.txt asks not to fetch it")
            return await web.get(request.url, accept=PAGES, max_bytes=options.max_page_bytes)
        except Refused as refused:
            silent[host] += refused.status is None
            return Page(request.article, reason=refused.reason, again=_may_change(refused.status))

    async def ask_in_turn(request: PageRequest) -> None:
        async with turns[host_of(request.url)]:
            answer = await ask(request)
        await done.put((request, answer))

    # A host's pages one or two at a time, so that a host which doesn't answer is noticed before
    # all of its pages have been waited for.
    turns = {host_of(r.url): asyncio.Semaphore(options.per_host) for r in requests}
    async with Web(options) as web:
        robots = Robots(web)
        tasks = [asyncio.create_task(ask_in_turn(request)) for request in requests]
        try:
            for _ in requests:
                yield await done.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _may_change(status: int | None) -> bool:
    return status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500


def read_page(item: FetchedPage, options: FetchOptions, now: datetime) -> Page:
    """What came of one page."""
    request, answer = item
    if isinstance(answer, Page):
        return answer
    content_type = dict(answer.headers).get("content-type", "")
    try:
        with _within(options.parse):
            return extract_page(request.article, answer.body, content_type, answer.url, now=now)
    except _TooSlowError:
        reason = f"could not be read within {options.parse:g} s"
    except Exception as error:
        reason = f"could not be read ({type(error).__name__}: {error}); please report it"
    return Page(request.article, reason=reason)


# --- threads and time ----------------------------------------------------------------------


def _elsewhere(source: Callable[[], AsyncIterator[Item]]) -> Iterator[Item | None]:
    """What `source` gives, from an event loop in a thread of its own.

    None where nothing came for a moment, so that who waits can do something else. No more than a
    few items wait: a slow consumer holds the source back. What is raised there is raised here;
    leaving early ends the thread.
    """
    items: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(_WAITING)
    left = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None] | None]] = []

    def put(item: Item | None, error: BaseException | None) -> None:
        while not left.is_set():
            try:
                items.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return

    async def pump() -> None:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        async with aclosing(source()) as found:  # type: ignore[type-var]
            async for item in found:
                await asyncio.to_thread(put, item, None)

    def run() -> None:
        try:
            asyncio.run(pump())
        except BaseException as error:
            put(None, error)
        else:
            put(None, StopIteration())

    thread = threading.Thread(target=run, name="fetch", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = items.get(timeout=_MOMENT)
            except queue.Empty:
                yield None
                continue
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        left.set()
        for loop, task in running:
            if task is not None and thread.is_alive():
                with suppress(RuntimeError):  # the loop ended between the two
                    loop.call_soon_threadsafe(task.cancel)
        thread.join()


class _TooSlowError(BaseException):
    """The time is up. No Exception, lest a parser's own "except Exception" swallow it."""


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises _TooSlowError in the block once `seconds` have passed.

    Only a process's main thread can be interrupted; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    # And once a second from then on: a parser may catch everything.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
