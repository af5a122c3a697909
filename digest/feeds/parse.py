"""Bytes to articles, for every feed format. The only module that knows feedparser."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, cast
from xml.sax import SAXParseException

import feedparser  # type: ignore[import-untyped]

from digest.errors import ParseError
from digest.feeds.captions import captions
from digest.feeds.dates import RawDate
from digest.feeds.entries import Body, Entry, build_articles, language_tag
from digest.feeds.images import Picture
from digest.feeds.jsonfeed import NotJsonFeedError, looks_like_json, read_json_feed
from digest.feeds.links import feeds_of_text
from digest.feeds.rhythm import rhythm
from digest.feeds.xmltext import XmlText, xml_text
from digest.records import Feed, Fetched, ParsedFeed
from digest.text.html import one_line
from digest.text.urls import canonical_url, is_http

_Node = dict[str, Any]  # feedparser's dictionaries, untyped

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_FEED_ROOTS = ("rss", "feed", "rdf:rdf", "channel")
_FORMATS = {
    "rss090": "RSS 0.90",
    "rss091n": "RSS 0.91",
    "rss091u": "RSS 0.91",
    "rss092": "RSS 0.92",
    "rss093": "RSS 0.93",
    "rss094": "RSS 0.94",
    "rss10": "RSS 1.0",
    "rss20": "RSS 2.0",
    "rss": "RSS",
    "atom01": "Atom 0.1",
    "atom02": "Atom 0.2",
    "atom03": "Atom 0.3",
    "atom10": "Atom 1.0",
    "atom": "Atom",
}
_CDF = re.compile(r"<channel\s[^<>]*\b(?:href|base)\s*=", re.IGNORECASE)  # feedparser names it not
_BREAKS_OFF = ("no element found", "unclosed token", "unclosed cdata", "partial character")
_PAGE_HEAD = 256 * 1024
_FEED_ELEMENT = re.compile(r"<(?:rss|feed|rdf:RDF|item|entry)[\s>]")  # feeds wrapped in a page


# Twice the largest feed that must be read; an entry takes 2 kB of memory, however short.
_MOST_ENTRIES = 100_000
_ENTRY = re.compile(r"<(?:item|entry)[\s/>]", re.IGNORECASE)
# Elements that are never closed keep 600 bytes each in feedparser's stacks. Real feeds have up to
# 600 (`<br>` and `<img>` in their markup).
_MOST_OPEN = 200_000


def parse_feed(feed: Feed, fetched: Fetched, now: datetime) -> ParsedFeed:
    """Read RSS 0.9x/1.0/2.0, Atom, RDF, CDF or JSON Feed, also broken ones.

    Pure, and CPU-bound (10,000 entries take seconds): call it off the event loop. `now` is aware
    UTC. Which format it is shows in the body, not in the content type. Raises ParseError with a
    reason for an editor; what is odd but readable becomes a note.
    """
    body = fetched.body or b""
    if not body.strip(b" \t\r\n\0"):
        raise ParseError(feed.name, "empty: 0 bytes" if not body else "empty: only white space")
    address = fetched.url if is_http(fetched.url) else ""
    if looks_like_json(body):
        return _parse_json(feed, body, address, now)
    return _parse_xml(feed, xml_text(body, fetched.content_type), address, now)


def _parse_json(feed: Feed, body: bytes, address: str, now: datetime) -> ParsedFeed:
    try:
        found = read_json_feed(body, address)
    except NotJsonFeedError as error:
        raise ParseError(feed.name, str(error)) from error
    articles, notes = build_articles(feed.name, found.entries, found.language, now)
    empty = () if found.entries else ("has no entries",)
    return ParsedFeed(
        title=found.title,
        link=found.link,
        language=language_tag(found.language),
        articles=articles,
        notes=(*found.notes, *empty, *notes),
        format=f"JSON Feed {found.version}".rstrip(),
    )


def _parse_xml(feed: Feed, document: XmlText, address: str, now: datetime) -> ParsedFeed:
    is_page = document.root.lower() == "html"
    if is_page and not _FEED_ELEMENT.search(document.text):
        raise ParseError(feed.name, _page_reason(document.text, address))
    if not document.root:
        raise ParseError(feed.name, "not a feed: neither XML nor JSON")
    text, excess = _bounded(feed, document.text)
    result = _feedparser(feed, text)
    entries = result["entries"]
    version = str(result.get("version") or "")
    if is_page and not entries:
        raise ParseError(feed.name, _page_reason(document.text, address))
    if not entries and not version and document.root.lower() in _FEED_ROOTS:
        raise ParseError(feed.name, "broken before its first entry; nothing of it can be read")
    if not entries and not version:
        raise ParseError(feed.name, f"not a feed: XML whose root element is <{document.root}>")
    head = cast(_Node, result["feed"])
    link = canonical_url(_string(head, "link"), address)
    # Atom resolves against where it was found (RFC 3987, 4287); RSS writers mean their site.
    base = (address or link) if version.startswith("atom") else (link or address)
    language = _string(head, "language")
    inherited = _authors(head) if version.startswith("atom") else ()
    said = captions(text)
    articles, notes = build_articles(
        feed.name,
        [_entry(entry, base, version, inherited, said) for entry in entries],
        language,
        now,
    )
    empty = () if entries else ("has no entries",)
    # What was cut off on purpose will not come with the next fetch either.
    xml_notes = excess or _xml_notes(result)
    return ParsedFeed(
        title=one_line(_string(head, "title")[:10_000]),
        link=link if is_http(link) else "",
        language=language_tag(language),
        articles=articles,
        notes=(*document.notes, *xml_notes, *empty, *notes),
        complete=_BROKEN_OFF not in xml_notes,
        rhythm=rhythm(
            document.text,
            ttl=_string(head, "ttl"),
            period=_string(head, "sy_updateperiod"),
            frequency=_string(head, "sy_updatefrequency"),
        ),
        format=_FORMATS.get(version) or ("CDF" if _CDF.match(document.text) else ""),
    )


def _bounded(feed: Feed, text: str) -> tuple[str, tuple[str, ...]]:
    """`text` as far as it can be read in bounded memory, and a note where that is not all."""
    if text.count("<") - 2 * text.count("</") - text.count("/>") > _MOST_OPEN:
        raise ParseError(feed.name, f"not a feed: over {_MOST_OPEN:,} elements that are not closed")
    excess = next(islice(_ENTRY.finditer(text), _MOST_ENTRIES, None), None)
    if excess is None:
        return text, ()
    return text[: excess.start()], (f"has over {_MOST_ENTRIES:,} entries; the rest is not read",)


def _feedparser(feed: Feed, text: str) -> Mapping[str, Any]:
    # A stream: feedparser takes bare bytes for a file name first.
    stream = io.BytesIO((_DECLARATION + text).encode("utf-8", "replace"))
    try:
        return cast(
            Mapping[str, Any],
            feedparser.parse(stream, sanitize_html=False, resolve_relative_uris=False),
        )
    except Exception as error:  # its lenient parser trips over some broken mark-up, in many ways
        raise ParseError(feed.name, "too broken to be read as a feed") from error


_BROKEN_OFF = "the XML breaks off; what came before is kept"


def _xml_notes(result: Mapping[str, Any]) -> tuple[str, ...]:
    error = result.get("bozo_exception")
    if not isinstance(error, SAXParseException):
        return ()
    message = str(error.getMessage()).lower()
    if message.startswith(_BREAKS_OFF):
        return (_BROKEN_OFF,)
    return (f"not well-formed XML ({message}); read leniently",)


def _page_reason(page: str, address: str) -> str:
    """Says that it is a web page, and which feed that page names."""
    for link in feeds_of_text(page[:_PAGE_HEAD], address):
        if link.kind == "named":
            return f"an HTML page, not a feed; the feed it names is {link.url}"
    return "an HTML page, not a feed; look on that page for the address of its feed"


# --- entries -------------------------------------------------------------------------------


def _entry(
    entry: _Node,
    base: str,
    version: str,
    inherited: tuple[str, ...],
    said: Mapping[str, str],
) -> Entry:
    atom = version.startswith("atom")
    title = _body(_node(entry, "title_detail"), atom) or Body(_string(entry, "title"))
    details = [_body(detail, atom) for detail in _nodes(entry, "content")]
    summary = _body(_node(entry, "summary_detail"), atom) or Body(_string(entry, "summary"))
    return Entry(
        guid=_string(entry, "id"),
        links=tuple(_links(entry)),
        base=base,
        title=_escaped(title),
        summary=summary if summary.value else None,
        contents=tuple(detail for detail in details if detail is not None),
        dates=tuple(
            RawDate(_string(entry, key), _value(entry, f"{key}_parsed"))
            for key in ("published", "updated", "created")
        ),
        authors=_authors(entry) or inherited,
        language=_language(entry),
        images=_images(entry, said),
        tags=tuple(_string(tag, "label") or _string(tag, "term") for tag in _nodes(entry, "tags")),
    )


def _value(entry: _Node, key: str) -> Any:
    """The value as stored: feedparser's own look-up gives `published` for `updated`, warning."""
    return dict.get(entry, key)


def _body(detail: _Node, atom: bool) -> Body | None:
    """Only Atom says what is plain text; in RSS the type is feedparser's guess."""
    value = _string(detail, "value")
    if not value:
        return None
    return Body(value, plain=atom and _string(detail, "type") == "text/plain")


def _escaped(title: Body) -> str:
    # one_line undoes it; "<" and "&" of a plain title stay what they are.
    return html.escape(title.value, quote=False) if title.plain else title.value


def _links(entry: _Node) -> Iterator[str]:
    """Candidates for the article's address: its alternate links, then what else might be one."""
    links = [link for link in _nodes(entry, "links") if _string(link, "href")]
    alternate = [link for link in links if _string(link, "rel") in ("alternate", "")]
    pages = [link for link in alternate if _string(link, "type") in ("", "text/html")]
    yield from (_string(link, "href") for link in (*pages, *alternate))
    yield _string(entry, "link")
    if is_http(_string(entry, "id")) and _value(entry, "guidislink"):
        yield _string(entry, "id")


def _authors(node: _Node) -> tuple[str, ...]:
    names = tuple(filter(None, (_string(author, "name") for author in _nodes(node, "authors"))))
    return names or tuple(filter(None, (_string(node, "author"),)))


def _language(entry: _Node) -> str:
    details = (_node(entry, "title_detail"), *_nodes(entry, "content"))
    return next(filter(None, (_string(node, "language") for node in (entry, *details))), "")


def _images(entry: _Node, said: Mapping[str, str]) -> tuple[tuple[Picture, ...], ...]:
    """What the entry offers: Media RSS gives one picture in several sizes, the others just one."""
    contents = [
        media
        for media in _nodes(entry, "media_content")
        if "image" in f"{_string(media, 'medium')} {_string(media, 'type')}"
        or re.search(r"\.(?:jpe?g|png|webp|gif)$", _string(media, "url"), re.I)
    ]
    enclosed = [
        (Picture(_string(link, "href")),)
        for link in _nodes(entry, "links")
        if _string(link, "rel") == "enclosure" and _string(link, "type").startswith("image/")
    ]
    return (
        tuple(_picture(media, said) for media in contents),
        tuple(_picture(media, said) for media in _nodes(entry, "media_thumbnail")),
        *enclosed,
        (Picture(_string(_node(entry, "image"), "href")),),
    )


def _picture(media: _Node, said: Mapping[str, str]) -> Picture:
    url = _string(media, "url").strip()
    return Picture(url, _string(media, "width"), _string(media, "height"), said.get(url, ""))


def _string(node: _Node, key: str) -> str:
    value = _value(node, key)
    return value if isinstance(value, str) else ""


def _node(node: _Node, key: str) -> _Node:
    value = _value(node, key)
    return value if isinstance(value, dict) else {}


def _nodes(node: _Node, key: str) -> list[_Node]:
    value = _value(node, key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
