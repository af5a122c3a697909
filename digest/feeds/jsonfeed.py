"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1): no parser for it on PyPI is maintained."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from digest.feeds.dates import RawDate
from digest.feeds.entries import Body, Entry
from digest.feeds.images import Picture
from digest.text.html import one_line
from digest.text.urls import canonical_url, is_http

# Byte order marks, white space, and the zero bytes of UTF-16 and UTF-32.
_BEFORE = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
# Of objects and lists, each at least 60 bytes of memory; 50,000 entries have about 200,000.
_MOST_PARTS = 2_000_000
_MOST_ENTRIES = 100_000  # as for XML
_VERSION = re.compile(r"https?://jsonfeed\.org/version/(\d(?:\.\d)?)/?")


@dataclass(frozen=True, slots=True)
class JsonFeed:
    """A JSON Feed before cleaning. `version` is `1.0` or `1.1`, empty when it isn't named."""

    title: str
    link: str
    language: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    version: str = ""


class NotJsonFeedError(ValueError):
    """The JSON is broken or something else; the message says which, in plain words."""


def looks_like_json(body: bytes) -> bool:
    """Whether the first character is a brace or bracket, in any Unicode encoding."""
    return body[:1024].lstrip(_BEFORE).startswith((b"{", b"["))


def read_json_feed(body: bytes, address: str) -> JsonFeed:
    """Read a JSON Feed; what is of the wrong type inside an item is passed over.

    `address` is where it came from, the base of relative links. Raises NotJsonFeedError.
    """
    data = _load(body)
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(items, list):
        raise NotJsonFeedError("JSON, but not JSON Feed (it has no list of items)")
    home = canonical_url(_text(data, "home_page_url"), address)
    link = home if is_http(home) else ""
    authors = _authors(data)
    read = items[:_MOST_ENTRIES]
    entries = tuple(_entry(item, link or address, authors) for item in read if _is_object(item))
    strange = len(read) - len(entries)
    notes = []
    if strange:
        notes.append(f"{strange} of its items are no objects, left out")
    if len(items) > len(read):
        notes.append(f"has over {_MOST_ENTRIES:,} entries; the rest is not read")
    version = _VERSION.fullmatch(_text(data, "version").strip())
    return JsonFeed(
        title=one_line(html.escape(_text(data, "title"))),
        link=link,
        language=_text(data, "language"),
        entries=entries,
        notes=tuple(notes),
        version={"1": "1.0"}.get(version[1], version[1]) if version else "",
    )


def _load(body: bytes) -> object:
    if body.count(b"{") + body.count(b"[") > _MOST_PARTS:
        raise NotJsonFeedError(f"JSON of over {_MOST_PARTS:,} objects and lists, too many to read")
    try:
        encoding = json.detect_encoding(body)
        # strict=False: raw line breaks inside strings, which hand-made feeds have.
        return json.loads(body.decode(encoding, "replace"), strict=False)
    except json.JSONDecodeError as error:
        raise NotJsonFeedError(
            f"broken JSON: {error.msg.lower()} (line {error.lineno}, column {error.colno})"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 10,000 brackets
        raise NotJsonFeedError("broken JSON: nested too deep, or with too long a number") from error


def _entry(item: Mapping[str, object], base: str, feed_authors: tuple[str, ...]) -> Entry:
    attachments = [
        _text(attachment, "url")
        for attachment in _list(item, "attachments")
        if _is_object(attachment) and _text(attachment, "mime_type").startswith("image/")
    ]
    contents = (
        Body(_text(item, "content_html")),
        Body(_text(item, "content_text"), plain=True),
    )
    summary = _text(item, "summary")
    return Entry(
        guid=_text(item, "id"),
        links=tuple(filter(None, (_text(item, "url"), _text(item, "external_url")))),
        base=base,
        title=html.escape(_text(item, "title"), quote=False),
        summary=Body(summary, plain=True) if summary else None,
        contents=tuple(content for content in contents if content.value),
        dates=(RawDate(_text(item, "date_published")), RawDate(_text(item, "date_modified"))),
        authors=_authors(item) or feed_authors,
        language=_text(item, "language"),
        images=tuple(
            (Picture(address),)
            for address in (_text(item, "image"), _text(item, "banner_image"), *attachments)
        ),
        tags=tuple(html.escape(tag) for tag in _list(item, "tags") if isinstance(tag, str)),
    )


def _authors(data: Mapping[str, object]) -> tuple[str, ...]:
    """Names from `authors` (1.1) or `author` (1.0); some feeds give bare strings."""
    return tuple(_names([*_list(data, "authors"), data.get("author")]))


def _names(authors: list[object]) -> Iterator[str]:
    for author in authors:
        name = author if isinstance(author, str) else ""
        if _is_object(author):
            name = _text(author, "name")
        if name:
            yield html.escape(name, quote=False)


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)


def _list(data: Mapping[str, object], key: str) -> list[object]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _text(data: Mapping[str, object], key: str) -> str:
    """A string, or a number as a string (ids and times often are); "" for anything else."""
    value = data.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""
