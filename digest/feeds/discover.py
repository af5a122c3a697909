"""From the address of a site to its feed: asked, read, and with the address to keep."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from digest.errors import FeedError, ParseError
from digest.feeds.http import Answer, Refused, Web
from digest.feeds.links import FoundLink, feeds_of_page, usual_paths
from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, Hop, ParsedFeed
from digest.text.addresses import same_address, with_user, without_user
from digest.text.urls import redact

# So many of the addresses that were tried are named.
_TOLD = 3
MOST_REQUESTS = 9
"""The page, and eight places; a feed that isn't there is named by hand."""

# Room for the usual places beside them.
_MOST_LINKED = 3
_PERMANENT = (301, 308)
_BUSY = (429, 503)


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed that was asked and read. `others` are further ones that the page points to.

    `url` is what to ask from now on: permanent redirects are followed, and it has the user and
    password that were given for it.
    """

    url: str
    title: str
    parsed: ParsedFeed
    others: tuple[FoundLink, ...] = ()


async def discover(web: Web, url: str, now: datetime) -> FoundFeed:
    """The feed at `url`, or that of the page there; at most `MOST_REQUESTS`, one after another.

    `now` is aware UTC. Raises FeedError that says what was tried.
    """
    shown = redact(url)
    try:
        answer = await web.get(url, named=True)
    except Refused as refused:
        raise FeedError(shown, refused.reason) from refused
    try:
        return await _read(url, answer, now)
    except ParseError as error:
        if not _is_page(answer):
            raise FeedError(shown, error.reason) from error
    links = _links(answer)
    asked = {same_address(answer.url), same_address(url)}
    waiting = deque(_candidates(links, answer.url))
    tried: list[str] = []
    while waiting and len(tried) < MOST_REQUESTS - 1:
        candidate, is_page_link = waiting.popleft()
        if same_address(candidate) in asked:
            continue
        asked.add(same_address(candidate))
        ours = _place(candidate) == _place(url)
        try:
            reply = await web.get(with_user(candidate, url), named=ours)
        except Refused as refused:
            tried.append(f"{redact(candidate)} ({refused.reason})")
            if ours and (refused.status is None or refused.status in _BUSY):
                break  # it answers nobody, or asks to be left alone
            continue
        try:
            found = await _read(with_user(candidate, url), reply, now)
        except ParseError as error:
            tried.append(f"{redact(candidate)} ({error.reason.partition(';')[0]})")
            if is_page_link and _is_page(reply):  # a page about the feeds, called "RSS"
                listed = [link.url for link in _links(reply) if link.kind != "comments"]
                waiting.extendleft((address, False) for address in reversed(listed))
            continue
        taken = (same_address(candidate), same_address(found.url))
        others = tuple(link for link in links if same_address(link.url) not in taken)
        return replace(found, others=others)
    # Eight usual places with no feed at any of them are a case for the address, not for a list.
    where = f"; tried {', '.join(tried[:_TOLD])}" if tried else ""
    more = f" and {len(tried) - _TOLD} other usual places" if len(tried) > _TOLD else ""
    advice = '. Look for "RSS" on the site, and give that address'
    raise FeedError(shown, f"it is a web page, and no feed of it was found{where}{more}{advice}")


def _links(answer: Answer) -> tuple[FoundLink, ...]:
    return feeds_of_page(answer.body, answer.header("content-type"), answer.url)


def _candidates(links: Sequence[FoundLink], page: str) -> list[tuple[str, bool]]:
    """What to ask, in order, and whether it may be a page that lists feeds.

    What a page calls its feed comes first; only a page that names none is searched by guessing.
    """
    named = [(link.url, False) for link in links if link.kind == "named"]
    linked = [(link.url, True) for link in links if link.kind == "linked"][:_MOST_LINKED]
    comments = [(link.url, False) for link in links if link.kind == "comments"][:1]
    room = MOST_REQUESTS - 1 - len(linked) - len(comments)
    guessed = [] if named else [(address, False) for address in usual_paths(page)[:room]]
    return [*named, *linked, *guessed, *comments]


async def _read(url: str, answer: Answer, now: datetime) -> FoundFeed:
    """`answer` as a feed. Raises ParseError."""
    name = urlsplit(url).hostname or url
    fetched = Fetched(name, answer.url, answer.body, content_type=answer.header("content-type"))
    # Seconds for a large feed: off the event loop.
    parsed = await asyncio.to_thread(parse_feed, Feed(name, answer.url), fetched, now)
    return FoundFeed(_lasting(url, answer.hops), parsed.title, parsed)


def _lasting(url: str, hops: tuple[Hop, ...]) -> str:
    """Where `url` has moved for good: as far as the redirects are permanent ones."""
    lasting = url
    for hop in hops:
        if hop.status not in _PERMANENT:
            break
        lasting = with_user(hop.url, url)
    return lasting


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(same_address(without_user(url)))
    return parts.hostname or "", parts.port


def _is_page(answer: Answer) -> bool:
    """Whether to look for links: the server says HTML, or it begins like it."""
    head = answer.body[:4096].lower()
    return (
        "html" in answer.header("content-type").lower()
        or b"<html" in head
        or b"<!doctype html" in head
    )
