"""From the address of a site to the address of its feed.

What the page names itself (`<link rel="alternate">`, WHATWG HTML section 4.6.7.1) comes first, then
what it links to that looks like a feed, then the places where feeds usually are.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol
from urllib.parse import urlsplit

from w3lib.encoding import html_to_unicode

from digest.errors import FeedError, ParseError
from digest.feeds.http import Answer, Refused
from digest.feeds.markup import Tag, scan
from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, Hop, ParsedFeed
from digest.text.addresses import same_address, web_address, without_user
from digest.text.html import one_line
from digest.text.urls import redact

MOST_REQUESTS = 9
"""The page, and eight places; a feed that isn't there is named by hand."""

_PAGE = 2 * 1024 * 1024
_NAMES = ("base", "link", "a", "body")
_RAW = ("script", "style", "template", "textarea", "noscript")
_FEED_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/feed+json",
        "application/x.atom+xml",
        "application/x-atom+xml",
    }
)
# What some sites say instead; `application/json` is WordPress's own interface, no feed.
_XML_TYPES = frozenset({"application/xml", "text/xml", "text/rss+xml", "text/atom+xml"})
_COMMENTS = re.compile(
    r"\b(?:comment|kommentar|comentari|comentário|commenti\b|reacties)|комментари|コメント|评论",
    re.IGNORECASE,
)
# How the addresses of feeds end, where a page only links to them.
_LOOKS_LIKE_FEED = re.compile(
    r"/(?:feeds?|rss|atom|index\.rdf|feed\.json|(?:feed|rss|atom|index|news)\.xml)/?$"
    r"|\.(?:rss|atom|rdf)$|/feeds/posts/default$|^/?\?feed=(?:rss2?|atom)$",
    re.IGNORECASE,
)
_SAYS_FEED = re.compile(r"\b(?:rss|atom|feed|feeds)\b", re.IGNORECASE)
_FEEDISH = re.compile(r"rss|atom|feed|\.xml$|\.rdf$", re.IGNORECASE)

# WordPress and Ghost, Hugo and Jekyll, Blogger. Below a folder, the commonest of them.
_AT_HOST = ("feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json")
_AT_FOLDER = ("feed", "rss.xml", "atom.xml", "index.xml")
_BLOGGER = "feeds/posts/default"
_PERMANENT = (301, 308)
_BUSY = (429, 503)


class _Asks(Protocol):
    """What is used of `digest.feeds.http.Web`."""

    async def get(self, url: str, *, named: bool = False) -> Answer: ...


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A feed that a page points to: `named` in its head, `comments` likewise, or `linked`."""

    url: str
    title: str = ""
    kind: Literal["named", "comments", "linked"] = "named"


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


def feeds_of_page(page: bytes, content_type: str, url: str) -> tuple[FoundLink, ...]:
    """The feeds that an HTML page points to, each once: named, then linked, comments last.

    `url` is where the page was found. Pure; never raises.
    """
    text = html_to_unicode(content_type or None, page[:_PAGE], default_encoding="utf-8")[1]
    base = url
    named: list[FoundLink] = []
    linked: list[FoundLink] = []
    based = False
    for tag in scan(text, _NAMES, raw=_RAW):
        href = tag.attributes.get("href", "").strip()
        if tag.closing or not href:
            continue
        if tag.name == "base" and not based:
            base, based = web_address(href, url) or url, True
        elif tag.name == "link" and _names_feed(tag):
            named.append(FoundLink(web_address(href, base), _said(tag.attributes.get("title", ""))))
        elif tag.name == "a" and (link := _linked(text, tag, web_address(href, base))):
            linked.append(link)
    links = [
        replace(link, kind="comments") if _about_comments(link) else link
        for link in (*named, *linked)
        if link.url
    ]
    links.sort(key=lambda link: link.kind == "comments")
    once = {same_address(link.url): link for link in reversed(links)}
    return tuple(link for link in links if once[same_address(link.url)] is link)


def usual_paths(url: str) -> tuple[str, ...]:
    """Where the feed of the site at `url` usually is: beside the page first, then at the top."""
    parts = urlsplit(url)
    top = f"{parts.scheme}://{parts.netloc}/"
    folder, _, last = parts.path.rpartition("/")
    # `/blog` is a folder to whoever writes it so; `/blog/index.html` is not.
    path = "/".join(filter(None, (*folder.split("/"), "" if "." in last else last)))
    near = tuple(f"{top}{path}/{name}" for name in _AT_FOLDER) if path else ()
    host = parts.hostname or ""
    at_host = (_BLOGGER, *_AT_HOST) if host.endswith(".blogspot.com") else (*_AT_HOST, _BLOGGER)
    return (*near, *(f"{top}{name}" for name in at_host))


async def discover(web: _Asks, url: str, now: datetime) -> FoundFeed:
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
    links = feeds_of_page(answer.body, answer.header("content-type"), answer.url)
    # What a page calls its feed is asked first; only a page that has none is searched by guessing.
    guesses = () if any(link.kind == "named" for link in links) else usual_paths(answer.url)
    asked = {same_address(answer.url), same_address(url)}
    tried: list[str] = []
    for candidate in (*(link.url for link in links), *guesses):
        if same_address(candidate) in asked:
            continue
        if len(tried) >= MOST_REQUESTS - 1:
            break
        asked.add(same_address(candidate))
        try:
            reply = await web.get(
                _with_user(candidate, url), named=_place(candidate) == _place(url)
            )
            found = await _read(_with_user(candidate, url), reply, now)
        except Refused as refused:
            tried.append(f"{redact(candidate)} ({refused.reason})")
            if refused.status is None or refused.status in _BUSY:
                break  # it answers nobody, or asks to be left alone
        except ParseError as error:
            tried.append(f"{redact(candidate)} ({error.reason.partition(';')[0]})")
        else:
            others = tuple(
                link
                for link in links
                if same_address(link.url) not in (same_address(candidate), same_address(found.url))
            )
            return replace(found, others=others)
    where = f"; tried {', '.join(tried)}" if tried else ""
    raise FeedError(shown, f"it is a web page, and no feed of it was found{where}")


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
        lasting = _with_user(hop.url, url)
    return lasting


def _with_user(address: str, given: str) -> str:
    """`address` with the user and password of `given`, but never for another host."""
    user = urlsplit(given).netloc.rpartition("@")[0]
    parts, there = urlsplit(address), urlsplit(given)
    secure = parts.scheme == there.scheme or (there.scheme, parts.scheme) == ("http", "https")
    if not user or _place(address)[0] != _place(given)[0] or not secure:
        return address
    return parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}").geturl()


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


def _names_feed(tag: Tag) -> bool:
    rel = tag.attributes.get("rel", "").lower().split()
    kind = tag.attributes.get("type", "").partition(";")[0].strip().lower()
    if "stylesheet" in rel or not {"alternate", "feed"}.intersection(rel):
        return False
    if kind in _FEED_TYPES or ("feed" in rel and "alternate" not in rel):
        return True
    # Hreflang marks the page in another language, whatever its type claims.
    return kind in _XML_TYPES and "hreflang" not in tag.attributes


def _linked(text: str, tag: Tag, url: str) -> FoundLink | None:
    """The link, if its address looks like a feed's, or its words say so and the address may be."""
    if not url:
        return None
    words = _said(text[tag.end : tag.end + 500].partition("</a")[0])
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query.startswith("feed=") else parts.path
    kind = tag.attributes.get("type", "").partition(";")[0].strip().lower()
    says = len(words) <= 40 and _SAYS_FEED.search(words) and _FEEDISH.search(parts.path)
    if kind in _FEED_TYPES or _LOOKS_LIKE_FEED.search(path) or says:
        return FoundLink(url, words, "linked")
    return None


def _about_comments(link: FoundLink) -> bool:
    return _COMMENTS.search(link.title) is not None or "/comments/" in urlsplit(link.url).path


def _said(text: str) -> str:
    return one_line(text[:2000])[:200].strip()
