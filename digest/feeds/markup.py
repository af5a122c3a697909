"""Tags of mark-up that may be broken: what a person would read out of it.

XML parsers stop at the first fault, and in recovery drop what stands behind a stray quote or `&`;
HTML parsers know only HTML. Lists of feeds are made by hand and by careless programs, and each
line of them can be read by itself. Well-formed mark-up is read as XML says. Time is linear in the
size of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from digest.text.addresses import unescaped

MAX_TAG = 64 * 1024
"""Characters of one tag; the longest seen (a description with a page in it) has 4,000."""

MAX_ATTRIBUTES = 64
"""Of one tag; eight are usual. Keeps unclosed quotes from taking quadratic time."""

# What attributes of lists and links are called: where one of these begins, a quote was forgotten.
_KNOWN = (
    "text|title|type|xmlurl|htmlurl|feedurl|url|rss|description|version|language|category|rel|href"
)
_NEXT = re.compile(r"\s*(?:(?P<end>/?>)|(?P<name>[^\W\d][\w:.-]*)(?P<equals>\s*=\s*)?|\S)")
_ENDS_QUOTE = r"(?=\s*[/?]?>|\s*$|\s+[\w:.-]+\s*=|[\w:.-]+\s*=\s*[\"'])"
_CLOSING = {quote: re.compile(quote + _ENDS_QUOTE) for quote in "\"'"}
_QUOTES = {quote: re.compile(quote) for quote in "\"'"}
# No address has a quote in it.
_ADDRESSES = frozenset({"xmlurl", "htmlurl", "feedurl", "rssurl", "url", "href"})
_FORGOTTEN = {
    name: re.compile(rf"\s(?:{_KNOWN})\s*=\s*{quotes}", re.IGNORECASE)
    for name, quotes in (('"', '"'), ("'", "'"), ("any", "[\"']"))
}
_OPENS_NEXT = re.compile(rf"\s(?:{_KNOWN})\s{{0,9}}=\s{{0,9}}$", re.IGNORECASE)
_LONGEST_NAME = 40
# No "<" may stand in a tag, and descriptions with links in them, quotes and all, do.
_INNER = re.compile(r"</?[a-zA-Z][^<>]{0,1000}>")
_ADDRESS = re.compile(r"\s(?:xmlurl|htmlurl|feedurl)\s*=", re.IGNORECASE)
_GOES_ON = re.compile(r"\s(?:xmlurl|feedurl)\s*=\s*[\"']", re.IGNORECASE)
_TAG_END = re.compile(r"\s*/?>")
_UNQUOTED = re.compile(r"[^\s>\"']*")
_CURLY = re.compile(r"[“”„«»]([^“”„«»<>]*)[“”„«»]")
_SKIPPED = {"<!--": "-->", "<![CDATA[": "]]>"}


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag, `text[start:end]`. Names are lower-case and without prefix.

    `empty`: it holds nothing (`<br/>`). `cut`: the text breaks off within it.
    """

    name: str
    start: int
    end: int
    attributes: dict[str, str] = field(default_factory=dict)
    closing: bool = False
    empty: bool = False
    cut: bool = False


def scan(text: str, names: Sequence[str], *, raw: Sequence[str] = ()) -> Iterator[Tag]:
    """The tags of `text` that are called one of `names`, outside of comments and CDATA.

    `raw` names elements whose content is no mark-up (HTML's scripts). Never raises.
    """
    wanted = "|".join(map(re.escape, (*names, *raw)))
    opening = re.compile(
        rf"<!--|<!\[CDATA\[|<(/?)(?:[\w.-]+:)?({wanted})(?=[\s/>]|$)", re.IGNORECASE
    )
    unclosed: set[str] = set()
    at = 0
    while match := opening.search(text, at):
        at = match.end()
        if match[2] is None:
            at = _after(text, at, _SKIPPED[match[0].upper()], unclosed)
            continue
        name = match[2].lower()
        if match[1]:
            yield Tag(name, match.start(), at, closing=True)
            continue
        following = opening.search(text, at)
        limit = following.start() if following else len(text)
        stop = min(limit, at + MAX_TAG)
        tag, at = _read(text, match.start(), at, stop, name)
        if name in raw:
            at = _after(text, at, f"</{name}", unclosed)
        else:
            yield tag


def _after(text: str, at: int, end: str, unclosed: set[str]) -> int:
    """Behind the next `end`; where there is none, `at`: the rest is read after all."""
    if end in unclosed:
        return at
    found = text.find(end, at)
    if found < 0:
        unclosed.add(end)
        return at
    return found + len(end)


def _read(text: str, start: int, at: int, stop: int, name: str) -> tuple[Tag, int]:
    attributes: dict[str, str] = {}
    chunk = _Chunk(text[at:stop])
    position, closed = 0, True
    end = ""
    while match := _NEXT.match(chunk.text, position):
        position = match.end()
        if match["end"]:
            end = match["end"]
            if chunk.find(_GOES_ON, position):
                continue  # that was a ">" of a text with a stray quote before it
            break
        if not match["equals"]:
            continue
        key = _local(match["name"])
        value, position, closed = _value(chunk, position, key in _ADDRESSES)
        attributes.setdefault(key, unescaped(value))
        if len(attributes) >= MAX_ATTRIBUTES:
            position = len(chunk.text)
    cut = not end and not closed and stop == len(text)
    return Tag(name, start, at + position, attributes, empty=end == "/>", cut=cut), at + position


class _Chunk:
    """The text of a tag, in which the next match of a pattern is looked for only once."""

    def __init__(self, text: str) -> None:
        self.text = _INNER.sub(_blank, text)
        self._next: dict[re.Pattern[str], re.Match[str] | None] = {}

    def find(self, pattern: re.Pattern[str], at: int) -> re.Match[str] | None:
        """Like `pattern.search`, for places that only go forward."""
        known = self._next.get(pattern, _UNKNOWN)
        if known is _UNKNOWN or (known is not None and known.start() < at):
            known = self._next[pattern] = pattern.search(self.text, at)
        return known


def _blank(match: re.Match[str]) -> str:
    """Spaces, unless an inner tag that never ends has swallowed the address."""
    return match[0] if _ADDRESS.search(match[0]) else " " * len(match[0])


_UNKNOWN = re.compile("").search("")


def _value(chunk: _Chunk, at: int, address: bool) -> tuple[str, int, bool]:
    """The value that begins at `at`, where it ends, and whether its end can be seen."""
    text = chunk.text
    quote = text[at : at + 1]
    if quote and quote in _CLOSING:
        return _quoted(chunk, at + 1, quote, address)
    if curly := _CURLY.match(text, at):
        return curly[1], curly.end(), True
    bare = _UNQUOTED.match(text, at)
    value = bare[0] if bare else ""
    end = at + len(value)
    if value.endswith("/") and text[end : end + 1] == ">":
        return value[:-1], end - 1, True
    return value, end, end < len(text)


def _quoted(chunk: _Chunk, at: int, quote: str, address: bool) -> tuple[str, int, bool]:
    """XML ends at the next quote; here, texts end at the next that something of a tag follows."""
    text = chunk.text
    closing = chunk.find((_QUOTES if address else _CLOSING)[quote], at)
    stop = closing.start() if closing else len(text)
    # Without an end of its own, the quote is a stray one, and what follows may have the other kind.
    forgotten = chunk.find(_FORGOTTEN[quote if closing else "any"], at)
    if forgotten and forgotten.end() <= stop:
        return text[at : forgotten.start()], forgotten.start(), True
    # The quote that seems to close may be the opening one of what follows.
    tail = max(at, stop - _LONGEST_NAME)
    if closing and (opened := _OPENS_NEXT.search(text, tail, stop)):
        return text[at : opened.start()], opened.start(), True
    if closing:
        return text[at:stop], closing.end(), True
    if end := chunk.find(_TAG_END, at):
        return text[at : end.start()], end.start(), True
    return text[at:], len(text), False


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower().replace("-", "").replace("_", "")
