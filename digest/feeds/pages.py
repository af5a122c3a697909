"""Articles' pages, asked for politely: robots.txt, a host's pages in turn, rest for the weary.

Bytes or one plain reason come out; `extract` makes texts of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from digest.feeds.http import PAGES, Answer, Refused, Web
from digest.feeds.options import FetchOptions
from digest.feeds.polling import retry_after
from digest.feeds.robots import Robots
from digest.records import Page
from digest.text.urls import redact

log = logging.getLogger(__name__)

# After so many pages of a host that gave no answer at all, the others are not asked.
_MOST_SILENT = 3
# Seconds until a page that could not be had is asked for again.
_RETRY = 3600.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page at `url` to be asked for the text of the article of that id."""

    article: str
    url: str


FetchedPage = tuple[PageRequest, Answer | Page]
"""A request with what came, or with a page that says why nothing did."""


def host_of(url: str) -> str:
    """What "at most two connections a host" counts by; "" for files and for what is no address."""
    try:
        return (urlsplit(url).hostname or "") if "://" in url else ""
    except ValueError:
        return ""


async def ask_pages(
    requests: Sequence[PageRequest], options: FetchOptions
) -> AsyncIterator[FetchedPage]:
    """Each request with its answer, or with a page that says why there is none."""
    done: asyncio.Queue[FetchedPage] = asyncio.Queue(maxsize=1)
    # A host's pages one or two at a time, so that a host which doesn't answer, or wants to be left
    # alone, is noticed before all of its pages have been asked for.
    hosts = {host_of(r.url): _Host(asyncio.Semaphore(options.per_host)) for r in requests}
    until = asyncio.get_running_loop().time() + options.pages_total

    async def permit(url: str) -> None:
        allowed = await robots.allows(url)
        if not allowed:
            raise _NotAllowed(url, now=allowed is None)

    async def ask(request: PageRequest, host: _Host) -> Answer | Page:
        if asyncio.get_running_loop().time() > until:
            return Page(request.article, reason="no time was left for it", again=0)
        if host.resting is not None:
            return Page(request.article, reason=host.reason, again=host.resting)
        try:
            return await web.get(
                request.url, accept=PAGES, max_bytes=options.max_page_bytes, permit=permit
            )
        except Refused as refused:
            again = host.refused(refused)
            return Page(request.article, reason=refused.reason, again=again)
        except Exception as error:  # one page's trouble is that page's
            log.exception("page %s: unexpected error", redact(request.url))
            return Page(request.article, reason=f"{type(error).__name__}; please report it")

    async def ask_in_turn(request: PageRequest) -> None:
        host = hosts[host_of(request.url)]
        async with host.turns:
            answer = await ask(request, host)
        await done.put((request, answer))

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


class _NotAllowed(Refused):
    """robots.txt forbids it, or can't be had `now`."""

    def __init__(self, url: str, *, now: bool) -> None:
        host = host_of(url)
        super().__init__(
            f"the robots.txt of {host} can't be had now"
            if now
            else f"the robots.txt of {host} asks not to fetch it"
        )
        self.now = now


@dataclass(slots=True)
class _Host:
    """What is known of a host while its pages are asked for, `turns` at a time.

    `resting` is in how many seconds it may be asked again, None while it may be now; `reason` why.
    """

    turns: asyncio.Semaphore
    silent: int = 0
    resting: float | None = None
    reason: str = ""

    def refused(self, refused: Refused) -> float | None:
        """Notes a refusal; in how many seconds this page may be asked for again."""
        if isinstance(refused, _NotAllowed) and not refused.now:
            return None
        if refused.status in _BUSY:
            asked = retry_after(dict(refused.headers), datetime.now(UTC))
            self.resting = max(_RETRY, asked.total_seconds() if asked else 0.0)
            self.reason = f"not asked, since for another page its host answered: {refused.reason}"
            return self.resting
        if refused.status is None:
            self.silent += 1
            if self.silent >= _MOST_SILENT:
                self.resting = _RETRY
                self.reason = f"not asked, since of other pages of its host: {refused.reason}"
            return _RETRY
        return _RETRY if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
