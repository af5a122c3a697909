"""What a web page says of itself in its head: address, picture, author, time, language, paywall.

Ours and not trafilatura's: on 38 pages its authors hold words of the date and the publisher's name
(it reads them from the running text), and its dates have no time of day and come from the address
or the text where the page names none. What is taken here the page says in as many words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from digest.feeds.dates import exact_date
from digest.feeds.entries import author_names, language_tag
from digest.feeds.images import Picture, best_image
from digest.feeds.jsonld import Described, read_json_ld
from digest.records import Image
from digest.text.html import one_line, printable
from digest.text.urls import canonical_url, page_of

# Open Graph allows several pictures, and sites repeat them for sizes.
_MOST_VALUES = 10
_DRESS = re.compile(r"^(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_MARKED_TIME = re.compile(
    r"(?:^|[\s_-])(?:published|entry-date|pubdate|datepublished)(?:[\s_-]|$)", re.I
)
# A profile's address or handle in place of a name.
_NO_NAME = re.compile(r"://|^@|^www\.|\.(?:com|org|net)/|^\W*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Metadata:
    """A page's own words about itself; empty where it has none. `published` is aware UTC."""

    url: str
    image: Image | None = None
    author: str = ""
    published: datetime | None = None
    language: str = ""
    paywall: bool = False


@dataclass(slots=True)
class _Head:
    """What was found in the tree, as it is written."""

    base: str = ""
    language: str = ""
    canonical: list[str] = field(default_factory=list)
    metas: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[dict[str, str]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    marked_times: list[str] = field(default_factory=list)
    linked_authors: set[str] = field(default_factory=set)
    locked: bool = False

    def values(self, *keys: str) -> list[str]:
        return [value for key in keys for value in self.metas.get(key, ())]


def read_metadata(markup: str, url: str, now: datetime | None) -> Metadata:
    """What the page at `url` (where the redirects ended) says of itself.

    `now` is aware UTC; without it no time is taken, since none may lie in the future. Never raises.
    """
    address = canonical_url(url)
    head = _head(markup)
    base = canonical_url(head.base, url) or url
    canonical = _own_address([*head.canonical, *head.values("og:url")], base, address)
    described = read_json_ld(head.scripts, canonical)
    title = one_line("".join(head.values("og:title")[:1]))
    return Metadata(
        url=canonical,
        image=best_image(_offers(head, described), base, title),
        author=_author(head, described),
        published=_published(head, described, now) if now else None,
        language=language_tag(head.language),
        paywall=described.paywall or head.locked or _is_locked(head),
    )


def _head(markup: str) -> _Head:
    head = _Head()
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root = lxml_html.document_fromstring(printable(markup).encode("utf-8"), parser=parser)
    except etree.ParserError:  # "Document is empty"
        return head
    head.language = root.get("lang") or root.get("xml:lang") or ""
    for element in root.iter("a", "base", "meta", "link", "script", "time", "section"):
        match element.tag:
            case "a":
                if "author" in (element.get("rel") or "").lower().split():
                    head.linked_authors.update(filter(None, (one_line(element.text or ""),)))
            case "base":
                head.base = head.base or element.get("href") or ""
            case "meta":
                _read_meta(element, head)
            case "link":
                if "canonical" in (element.get("rel") or "").lower().split():
                    head.canonical.append(element.get("href") or "")
            case "script":
                if "ld+json" in (element.get("type") or "").lower():
                    head.scripts.append(element.text or "")
            case "time":
                if element.get("datetime"):
                    _read_time(element, head)
            case _:  # AMP's subscriptions: shown to subscribers only (amp-subscriptions)
                head.locked |= (element.get("subscriptions-section") or "") == "content"
    return head


def _read_meta(element: lxml_html.HtmlElement, head: _Head) -> None:
    value = element.get("content") or ""
    for attribute in ("property", "name", "itemprop"):
        key = (element.get(attribute) or "").strip().lower()
        if key and value.strip():
            values = head.metas.setdefault(key, [])
            if len(values) < _MOST_VALUES:
                values.append(value)
            if key.startswith("og:image"):
                _read_picture(key.removeprefix("og:image").lstrip(":"), value.strip(), head)


def _read_picture(part: str, value: str, head: _Head) -> None:
    """A part of a picture is said of the one named last (Open Graph, "structured properties")."""
    part = {"": "url"}.get(part, part)
    last = head.pictures[-1] if head.pictures else None
    if part in ("url", "secure_url"):
        if last is None or last.get(part, value) != value:
            last = {}
            head.pictures.append(last)
        last[part] = value
    elif last is not None and part in ("width", "height", "alt"):
        last.setdefault(part, value)


def _offers(head: _Head, described: Described) -> Iterator[Iterable[Picture]]:
    """The pictures that the page offers to others: networks first, then search engines."""
    graph = [
        Picture(
            picture.get("secure_url") or picture.get("url", ""),
            picture.get("width"),
            picture.get("height"),
            picture.get("alt", ""),
        )
        for picture in head.pictures[:_MOST_VALUES]
    ]
    yield graph
    cards = head.values("twitter:image", "twitter:image:src")
    alt = "".join(head.values("twitter:image:alt")[:1])
    # A card without a picture of its own shows Open Graph's first, and is described as well.
    for number, url in enumerate(cards or [picture.url for picture in graph[:1]]):
        yield (Picture(url, alt="" if number else alt),)
    yield from described.images


def _read_time(element: lxml_html.HtmlElement, head: _Head) -> None:
    value = element.get("datetime") or ""
    marks = f"{element.get('class') or ''} {element.get('itemprop') or ''}"
    if element.get("pubdate") is not None or _MARKED_TIME.search(marks):
        head.marked_times.append(value)
    head.times.append(value)


def _own_address(given: Iterable[str], base: str, address: str) -> str:
    """The first of `given` that is a page of the same site as `address`, else `address`."""
    for candidate in given:
        found = canonical_url(candidate, base)
        if page_of(found) and _is_same_site(found, address):
            if address.startswith("https:") and page_of(found) == page_of(address):
                # Many templates still write http: into pages that are served over TLS.
                found = re.sub("^http:", "https:", found)
            return found
    return address


def _is_same_site(one: str, other: str) -> bool:
    """Whether the hosts are the same, or one is a sub-domain of the other; on the same port."""
    first, second = urlsplit(one), urlsplit(other)
    if first.port != second.port:
        return False
    hosts = [_DRESS.sub("", parts.hostname or "") for parts in (first, second)]
    return hosts[0] == hosts[1] or any(
        a.endswith(f".{b}") and "." in b for a, b in (hosts, hosts[::-1])
    )


def _author(head: _Head, described: Described) -> str:
    publishers = {one_line(name).casefold() for name in head.values("og:site_name")}
    publishers.add(one_line(described.publisher).casefold())
    for given in (
        described.authors,
        head.values("author"),
        head.values("article:author", "dc.creator", "dcterms.creator", "parsely-author"),
        # HTML's link to the author; several are those of other articles.
        head.linked_authors if len(head.linked_authors) == 1 else (),
    ):
        names = [
            name
            for name in given
            if not _NO_NAME.search(name) and one_line(name[:2000]).casefold() not in publishers
        ]
        if author := author_names(names):
            return author
    return ""


def _published(head: _Head, described: Described, now: datetime) -> datetime | None:
    """The first of what names the time; `time` elements only where they agree."""
    said = [
        described.published,
        *head.values("article:published_time", "datepublished", "og:article:published_time"),
        *head.values("parsely-pub-date", "dcterms.issued", "dc.date.issued"),
    ]
    for times in (head.marked_times, head.times):
        # Several are those of other articles or of comments.
        said += set(times) if len(set(times)) == 1 else ()
    return next(filter(None, (exact_date(text, now) for text in said)), None)


def _is_locked(head: _Head) -> bool:
    """Facebook's content tier, and schema.org's mark in a `meta` element."""
    tiers = {tier.strip().lower() for tier in head.values("article:content_tier")}
    free = {value.strip().lower() for value in head.values("isaccessibleforfree")}
    return bool(tiers & {"locked", "metered"}) or bool(free & {"false", "no", "0"})
