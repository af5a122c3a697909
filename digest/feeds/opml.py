"""Lists of feeds: OPML 1.0 and 2.0 in and out (opml.org/spec2), also broken ones.

Read tag by tag rather than as a tree, so that one fault costs one line, nothing is expanded or
fetched, and no depth is too deep. Tab lists of iGoogle are read along; lists in RDF are `foaf`'s.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote, unquote

from digest.feeds.foaf import read_foaf
from digest.feeds.markup import Tag, scan
from digest.feeds.xmltext import XmlText, xml_text
from digest.text.addresses import MAX_LENGTH, same_address, web_address, without_user
from digest.text.html import one_line
from digest.text.urls import redact

MAX_TEXT = 200
"""Characters of a title or tag: as long as one of `feeds.yaml` may be."""

MAX_TAGS = 20
"""Of one feed, the outermost folders first. People use one to five."""

_ENTRIES = ("outline", "moduleprefs", "tab")
_NAMES = (*_ENTRIES, "opml", "head", "body", "title")
_FEED_KEYS = ("xmlurl", "feedurl", "rssurl", "rss")
# What a program may call the type of a feed; what else has a `url` is a page or another list.
_FEED_TYPES = ("", "rss", "atom", "rdf", "feed", "xml", "pie", "json", "rss1", "rss2", "atom1")
_LIST_TYPES = ("link", "include", "source", "opml")
_HTTP = re.compile(r"\s*(?:https?|feed):", re.IGNORECASE)
_CATEGORY_MARKS = re.compile(r"[,/]|%(?=[0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """A feed of a list: its http(s) address, title, website ("" where not given) and tags."""

    url: str
    title: str = ""
    site: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpmlList:
    """`problems` are what could not be taken, `notes` what is odd but lost nothing; by line."""

    title: str
    feeds: tuple[OpmlFeed, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_opml(data: bytes) -> OpmlList:
    """The feeds of a list, in its order, each once; the folders they stand in become tags.

    Never raises: what can't be used is a problem, with its line. Addresses keep user and password;
    messages don't show them. Lists that the list points to are not followed.
    """
    document = xml_text(data)
    reader = _Reader(document, data)
    if document.root.lower().endswith("rdf"):
        for found in read_foaf(document.text):
            reader.add(found.at, found.url, found.title, found.site, found.tags)
    else:
        for tag in scan(document.text, _NAMES):
            reader.take(tag)
        reader.end()
    return OpmlList(
        reader.title,
        tuple(reader.feeds.values()),
        tuple(reader.problems),
        tuple(reader.notes),
    )


def write_opml(title: str, feeds: Iterable[OpmlFeed], now: datetime) -> bytes:
    """`feeds` as OPML 2.0: in folders by their first tag, all tags as `category`.

    Users and passwords of addresses are left out. `now` is aware. Reading it again gives the same
    addresses, titles, sites and tags.
    """
    root = ET.Element("opml", version="2.0")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = _line(title)
    ET.SubElement(head, "dateCreated").text = format_datetime(now)
    ET.SubElement(head, "docs").text = "http://opml.org/spec2.opml"
    body = ET.SubElement(root, "body")
    folders: dict[str, ET.Element] = {"": body}
    for feed in feeds:
        tags = [tag for tag in map(_line, feed.tags) if tag]
        first = tags[0] if tags else ""
        if first not in folders:
            folders[first] = ET.SubElement(body, "outline", text=first)
        name = _line(feed.title) or without_user(feed.url)
        attributes = {"type": "rss", "text": name, "xmlUrl": without_user(feed.url)}
        if feed.title:
            attributes["title"] = name
        if feed.site:
            attributes["htmlUrl"] = without_user(feed.site)
        if tags:
            attributes["category"] = ",".join(_category(tag) for tag in tags)
        ET.SubElement(folders[first], "outline", attributes)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


# --- reading -------------------------------------------------------------------------------


class _Reader:
    def __init__(self, document: XmlText, data: bytes) -> None:
        self.title = ""
        self.feeds: dict[str, OpmlFeed] = {}
        self.problems: list[str] = []
        self.notes = [note for note in document.notes if "labelled" not in note]
        self._document = document
        text = document.text
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        # What stood before the root element was taken off, the NULs of UTF-16 too.
        self._before = max(0, data.replace(b"\0", b"").count(b"\n") - len(self._breaks))
        self._lines: dict[str, int] = {}
        self._folders: list[str] = []
        self._in_head = True
        self._ended = False
        self._seen = 0

    def take(self, tag: Tag) -> None:
        if tag.name in _ENTRIES:
            self._in_head = False
            self._seen += 1
            self._outline(tag)
        elif tag.name == "title":
            if self._in_head and not tag.closing and not self.title:
                rest = self._document.text[tag.end : tag.end + 1000]
                self.title = _line(rest.partition("<")[0])
        elif tag.closing and tag.name == "opml":
            self._ended = True
        elif not tag.closing and tag.name == "body":
            self._in_head = False

    def end(self) -> None:
        root = self._document.root.lower()
        if not self._seen and root != "opml":
            what = f"XML whose root element is <{self._document.root}>" if root else "no XML"
            self.problems.append(f"is no OPML but {what}")
        elif root == "opml" and not self._ended:
            self.problems.append("ends before </opml>; what came before was read")

    def _outline(self, tag: Tag) -> None:
        if tag.closing:
            if self._folders:
                self._folders.pop()
            return
        given = {key: value for key, value in tag.attributes.items() if value.strip()}
        title = _title(given)
        feed = next((given[key] for key in _FEED_KEYS if key in given), "")
        kind = given.get("type", "").strip().lower()
        if not feed and kind in _FEED_TYPES:
            feed = given.get("url", "")
        taken = bool(feed)
        if tag.cut:
            self._problem(tag, title, "breaks off here")
        elif kind in _LIST_TYPES and (not feed or "sourcetype" in given or kind == "include"):
            where = feed or given.get("url", "")
            self._problem(tag, title, f"is a list of its own, not followed: {redact(where)[:200]}")
        elif feed:
            self._feed(tag, feed, title, given)
        elif kind in _FEED_TYPES[1:] or _elsewhere(given):
            self._problem(tag, title, _no_feed(given))
            taken = True
        # A feed that was never closed is no folder; but its end tag, if there is one, is its own.
        if not tag.empty:
            self._folders.append("" if taken else title)

    def _feed(self, tag: Tag, url: str, title: str, given: dict[str, str]) -> None:
        site = web_address(given.get("htmlurl", ""))
        tags = [*self._folders[: MAX_TAGS * 2], *_categories(given.get("category", ""))]
        self.add(tag.start, url, title, site, tags)

    def add(self, at: int, given: str, title: str, site: str, tags: Iterable[str]) -> None:
        """Take a feed, or say why not. One that is there already only brings its tags."""
        url = web_address(given)
        if not url:
            where = redact(given)[:200].strip()
            why = f"longer than {MAX_LENGTH} characters" if len(given) > MAX_LENGTH else repr(where)
            self._problem_at(at, title, f"has no http(s) address: {why}")
            return
        key = same_address(url)
        known = self.feeds.get(key)
        together = (*(known.tags if known else ()), *filter(None, map(_line, tags)))
        kept = tuple(dict.fromkeys(together))[:MAX_TAGS]
        if known is None:
            self._lines[key] = self._line(at)
            self.feeds[key] = OpmlFeed(url, title if title != url else "", site, kept)
            return
        self.notes.append(
            f"line {self._line(at)}: {title or redact(url)!r}: has the address of line "
            f"{self._lines[key]}; taken once"
        )
        self.feeds[key] = OpmlFeed(known.url, known.title or title, known.site or site, kept)

    def _problem(self, tag: Tag, title: str, message: str) -> None:
        self._problem_at(tag.start, title, message)

    def _problem_at(self, at: int, title: str, message: str) -> None:
        name = f"{redact(title)!r} " if title else ""
        self.problems.append(f"line {self._line(at)}: {name}{message}")

    def _line(self, at: int) -> int:
        return self._before + bisect_right(self._breaks, at) + 1


def _no_feed(given: dict[str, str]) -> str:
    site = given.get("htmlurl", "")
    if site:
        where = redact(site.strip())[:200]
        return f"names only its website; `digest feeds add {where}` looks for the feed"
    if key := _elsewhere(given):
        return f"has no xmlUrl; the address {redact(given[key].strip())[:200]} is its {key}"
    return "has no address (xmlUrl)"


def _elsewhere(given: dict[str, str]) -> str:
    """An attribute that holds an address, though it is not called so; "" for none."""
    texts = ("text", "title", "description", "category")
    return next((key for key, text in given.items() if key not in texts and _HTTP.match(text)), "")


def _title(given: dict[str, str]) -> str:
    return _line(given.get("text", "")) or _line(given.get("title", ""))


def _categories(value: str) -> list[str]:
    """OPML 2.0: `/World/Asia,tech`: commas between categories, slashes between their levels."""
    return [unquote(word.strip()) for word in re.split("[,/]", value)]


def _category(tag: str) -> str:
    """A tag as one word of `category`."""
    return _CATEGORY_MARKS.sub(lambda match: quote(match[0], safe=""), tag)


def _line(text: str) -> str:
    """One line without mark-up, not longer than feeds.yaml allows."""
    return one_line(text[: MAX_TEXT * 10])[:MAX_TEXT].strip()
