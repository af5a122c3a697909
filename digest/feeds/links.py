"""The feeds that a web page points to, and where feeds usually are.

What the page names itself (`<link rel="alternate">`, WHATWG HTML section 4.6.7.1) comes first, then
what it links to that looks like a feed, then what is about comments only. Nothing is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal
from urllib.parse import urlsplit

from w3lib.encoding import html_to_unicode

from digest.feeds.markup import Tag, scan
from digest.text.addresses import same_address, web_address
from digest.text.html import one_line

_PAGE = 2 * 1024 * 1024  # characters; the largest real pages have one
# Front pages of newspapers have some hundred links; what has more than this is a trap.
_MOST_TAGS = 20_000
_NAMES = ("base", "link", "a")
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
    r"(?<!/dialog)/(?:feeds?|rss|atom|index\.rdf|feed\.json|(?:feed|rss|atom|index|news)\.xml)/?$"
    r"|/(?:rss|feeds?)/[\w./-]{1,200}\.xml$|\.(?:rss|atom|rdf)$|/feeds/posts/default$|^/?\?feed=(?:rss2?|atom)$",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"</?[a-zA-Z][^<>]*(?:>|$)")
_SAYS_FEED = re.compile(r"\b(?:rss|atom|feed|feeds)\b", re.IGNORECASE)
_FEEDISH = re.compile(r"(?<!/dialog/)(?:rss|atom|feed)|\.xml$|\.rdf$", re.IGNORECASE)

# WordPress and Ghost, Hugo and Jekyll, Blogger. Below a folder, the commonest of them.
_AT_HOST = ("feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json")
_AT_FOLDER = ("feed", "rss.xml", "atom.xml", "index.xml")
_BLOGGER = "feeds/posts/default"


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A feed that a page points to: `named` in its head, `comments` likewise, or `linked`."""

    url: str
    title: str = ""
    kind: Literal["named", "comments", "linked"] = "named"


def feeds_of_page(page: bytes, content_type: str, url: str) -> tuple[FoundLink, ...]:
    """The feeds that an HTML page points to, each once: named, then linked, comments last.

    `url` is where the page was found. Pure; never raises.
    """
    text = html_to_unicode(content_type or None, page[:_PAGE], default_encoding="utf-8")[1]
    return feeds_of_text(text, url)


def feeds_of_text(text: str, url: str) -> tuple[FoundLink, ...]:
    """Like `feeds_of_page`, of a page that is decoded."""
    text = text[:_PAGE]
    base = url
    named: list[FoundLink] = []
    linked: list[FoundLink] = []
    based = False
    for tag in islice(scan(text, _NAMES, raw=_RAW), _MOST_TAGS):
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
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query.startswith("feed=") else parts.path
    kind = tag.attributes.get("type", "").partition(";")[0].strip().lower()
    sure = kind in _FEED_TYPES or _LOOKS_LIKE_FEED.search(path)
    if not url or not (sure or _FEEDISH.search(path)):
        return None
    words = _said(text[tag.end : tag.end + 1000].partition("</a")[0])
    if sure or (len(words) <= 40 and _SAYS_FEED.search(words)):
        return FoundLink(url, words, "linked")
    return None


def _about_comments(link: FoundLink) -> bool:
    return _COMMENTS.search(link.title) is not None or "/comments/" in urlsplit(link.url).path


def _said(text: str) -> str:
    """Plain words; mark-up that titles have no use for, such as pictures, goes too."""
    return one_line(_ANY_TAG.sub(" ", text[:2000]))[:200].strip()
