"""Feeds in, bytes or one plain reason out: over HTTP (`http`), or from files.

A feed that can't be fetched is a `FetchError` among the results, never an exception: one broken
address costs itself only. Messages are for editors, and never hold a password.
"""

from __future__ import annotations

import asyncio
import stat
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from digest.errors import FetchError
from digest.feeds.http import Answer, Refused, Web
from digest.feeds.options import FetchOptions
from digest.feeds.reasons import error_words, os_words, size_words
from digest.records import Feed, Fetched, Validators
from digest.text.urls import is_http

Result = Fetched | FetchError

# After so many feeds of a server in a row that it gave no answer for, the others are not asked.
_MOST_SILENT = 3


async def fetch_feeds(
    feeds: Sequence[Feed], validators: Mapping[str, Validators], options: FetchOptions
) -> AsyncIterator[Result]:
    """Fetch all `feeds` at once; yield one result a feed, in the order in which they complete.

    `validators` are by feed name. A slow consumer holds the fetching back, so that no more than
    `concurrency` bodies wait in memory. Whoever leaves early closes the iterator
    (`contextlib.aclosing`): everything under way is cancelled and the session closed.
    """
    results: asyncio.Queue[Result] = asyncio.Queue(maxsize=1)
    disk = asyncio.Semaphore(options.per_host)  # all files count as one host
    servers: defaultdict[str, _Server] = defaultdict(_Server)

    async def fetch_in_turn(feed: Feed) -> None:
        known = validators.get(feed.name, Validators())

        async def take(answer: Answer) -> None:
            await results.put(_fetched(feed, known, answer))

        try:
            if is_http(feed.url):
                server = servers[_server(feed.url)]
                with server.watched():
                    await web.get(
                        feed.url,
                        headers=_conditions(known),
                        named=True,
                        take=take,
                        ready=server.check,
                    )
                return
            async with disk:
                await results.put(await _file(feed, options))
        except Refused as refused:
            await results.put(_failed(feed, refused))
        except Exception as error:  # nobody has seen it; and nobody shall wait for this feed
            await results.put(_failed(feed, Refused(error_words(error, options))))

    async with Web(options) as web:
        tasks = [asyncio.create_task(fetch_in_turn(feed)) for feed in feeds]
        try:
            for _ in feeds:
                yield await results.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _Server:
    """What is known of a host and port while its feeds are asked.

    One that gave no answer for a few feeds gives none for fifty: those are not waited for.
    """

    silent: int = 0
    reason: str = ""

    def check(self) -> None:
        """Raises Refused when the server has been silent too often."""
        if self.silent >= _MOST_SILENT:
            raise Refused(self.rest)

    @property
    def rest(self) -> str:
        """Why a feed was not asked."""
        return f"not asked, since of other feeds of its server: {self.reason}"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Counts what the block finds silent, in a row."""
        try:
            yield
        except Refused as refused:
            if refused.reason != self.rest:
                self.silent = self.silent + 1 if refused.status is None else 0
                self.reason = refused.reason
            raise
        self.silent = 0


def _server(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _conditions(known: Validators) -> dict[str, str]:
    conditions: dict[str, str] = {}
    if known.etag:
        conditions["If-None-Match"] = known.etag
    if known.last_modified:
        conditions["If-Modified-Since"] = known.last_modified
    return conditions


def _fetched(feed: Feed, known: Validators, answer: Answer) -> Fetched:
    given = Validators(answer.etag, answer.last_modified)
    unchanged = answer.status == HTTPStatus.NOT_MODIFIED
    if unchanged:  # may leave out what did not change (RFC 9110, section 15.4.5)
        given = Validators(given.etag or known.etag, given.last_modified or known.last_modified)
    return Fetched(
        feed=feed.name,
        url=answer.url,
        body=None if unchanged else answer.body,
        validators=given,
        content_type=answer.header("content-type"),
        status=answer.status,
        seconds=answer.seconds,
        hops=answer.hops,
        headers=answer.headers,
    )


def _failed(feed: Feed, refused: Refused) -> FetchError:
    error = FetchError(
        feed.name,
        refused.reason,
        refused.status,
        headers=refused.headers,
        hops=refused.hops,
        seconds=refused.seconds,
    )
    error.__cause__ = refused
    return error


async def _file(feed: Feed, options: FetchOptions) -> Fetched:
    started = time.monotonic()
    body = await asyncio.to_thread(_read_file, feed.url, options.max_bytes)
    return Fetched(feed.name, feed.url, body, seconds=time.monotonic() - started)


def _read_file(path: str, limit: int) -> bytes:
    file = Path(path)
    if "://" in path or not file.is_absolute():
        raise Refused("not an http(s) address or a path (check the feed's url)")
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Refused(f"{path} is a folder, not a file")
        if not stat.S_ISREG(mode):  # a pipe or a device could keep us waiting for ever
            raise Refused(f"{path} is not a regular file")
        with file.open("rb") as stream:
            body = stream.read(limit + 1)
    except FileNotFoundError as error:
        raise Refused(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        why = os_words(error) if isinstance(error, OSError) else "not a valid path"
        raise Refused(f"{path} can't be read: {why}") from error
    if len(body) > limit:
        raise Refused(f"{path} is larger than {size_words(limit)}, not read further")
    return body
