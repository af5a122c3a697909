"""Where the lists of a YAML text are, and how to put items in or take them out.

A loader that dumps again changes quotes, spaces and line breaks that it was not asked to change.
So the text is cut at the marks of the parser's events, and every other character stays. Whether
the result means what was wanted is for the caller to check.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning
from ruamel.yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from digest.config.yaml_lines import YamlPath

Splice = tuple[int, int, str]
"""Put this text in place of `text[start:end]`."""

_BREAK = re.compile(r"\r\n|\n|\r")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_REST_OF_ITEM = re.compile(r"[ \t]*(,?)[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|$)")
_COMMA = re.compile(r"\s*,")
# Plain scalars that mean text in YAML 1.1 too and need no second thought.
_PLAIN = re.compile(r"[^\W\d_](?:[\w .()/'&+-]*[\w.)'+])?")
_PLAIN_URL = re.compile(r"https?://[\w./?=&%~+@-]+(?::\d+)?[\w./?=&%~+@-]*", re.ASCII)
_NOT_TEXT = frozenset("true false yes no on off y n null".split())
# JSON leaves these as they are, and YAML forbids them or takes some for line breaks.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(slots=True)
class Item:
    """An item of a list, `text[start:end]`, without its dash. `flow`: in braces, or a scalar."""

    start: int
    end: int
    column: int
    flow: bool
    url_style: str = '"'


@dataclass(slots=True)
class Listing:
    """A list: where its first dash or bracket is, and its items. `end` is a flow list's only."""

    start: int
    column: int
    flow: bool
    end: int = 0
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """The lists of a text by path; `scalars` the places of its texts and numbers."""

    lists: dict[YamlPath, Listing] = field(default_factory=dict)
    scalars: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)
    column: int = 0


@dataclass(slots=True)
class _Open:
    """A collection that is being read: `step` is the present key or index."""

    path: YamlPath
    listing: Listing | None
    step: str | int | None = None
    key_next: bool = True


def layout(text: str) -> Layout:
    """Where the lists of `text` stand. It must have been parsed before (`parse_yaml`)."""
    found = Layout()
    stack: list[_Open] = []
    last = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        for event in YAML(typ="rt", pure=True).parse(text):
            start, end = event.start_mark.index, event.end_mark.index
            if isinstance(event, NodeEvent):
                parent = stack[-1] if stack else None
                if parent and parent.listing is None and parent.key_next:
                    if isinstance(event, ScalarEvent):
                        parent.step, parent.key_next, last = event.value, False, end
                        continue
                    parent.step = None  # a key that is no text: its value is no list of ours
                path = _begin(found, parent, event, start, last)
                if isinstance(event, MappingStartEvent | SequenceStartEvent):
                    listing = None
                    if isinstance(event, SequenceStartEvent):
                        column, flow = event.start_mark.column, bool(event.flow_style)
                        listing = found.lists[path] = Listing(start, column, flow)
                    elif not stack:
                        found.column = event.start_mark.column
                    stack.append(_Open(path, listing))
                else:
                    if isinstance(event, ScalarEvent) and event.style in ("|", ">"):
                        end = len(text[:end].rstrip())  # not the empty lines behind it
                    last = max(last, end) if end > start else last
                    _finish(parent, last)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                # The end of a block has no place of its own: it is noticed at what comes next.
                last = max(last, end) if end > start else last
                closed = stack.pop()
                if closed.listing is not None:
                    closed.listing.end = end
                _finish(stack[-1] if stack else None, last)
    return found


def _begin(
    found: Layout, parent: _Open | None, event: NodeEvent, start: int, last: int
) -> YamlPath:
    if parent is None:
        return ()
    if parent.listing is not None:
        flow = not isinstance(event, MappingStartEvent | SequenceStartEvent) or bool(
            event.flow_style
        )
        parent.step = len(parent.listing.items)
        parent.listing.items.append(Item(start, start, event.start_mark.column, flow))
    path = (*parent.path, "" if parent.step is None else parent.step)
    if isinstance(event, ScalarEvent):
        # An empty scalar's own mark is where the next thing begins; its key's end is here.
        found.scalars[path] = (start, event.end_mark.index) if event.value else (last, last)
        if parent.step == "url" and parent.listing is None and len(path) > 1:
            holder = found.lists.get(path[:-2])
            if holder is not None and holder.items:
                holder.items[-1].url_style = event.style or ""
    return path


def _finish(parent: _Open | None, last: int) -> None:
    if parent is None:
        return
    if parent.listing is not None:
        parent.listing.items[-1].end = last
    else:
        parent.key_next = True


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """`text` with all `splices` done; none may overlap another."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


# --- taking out ----------------------------------------------------------------------------


def without_item(text: str, listing: Listing, index: int) -> list[Splice]:
    """Takes an item out of a list that keeps others: its lines, with the comments on them."""
    item = listing.items[index]
    if listing.flow:
        return _without_flow_item(text, listing, index)
    before = listing.items[index - 1].end if index else listing.start
    dash = re.compile(rf"^ {{{listing.column}}}-(?=\s)", re.MULTILINE)
    dashes = [match.start() for match in dash.finditer(text, _line_start(text, before), item.start)]
    first = dashes[-1] if dashes else _line_start(text, item.start)
    return [_whole_lines(text, first, item.end)]


def _without_flow_item(text: str, listing: Listing, index: int) -> list[Splice]:
    item = listing.items[index]
    is_last = index == len(listing.items) - 1
    line = _line_start(text, item.start)
    rest = _REST_OF_ITEM.match(text, item.end)
    if line > listing.start and not text[line : item.start].strip() and rest is not None:
        splices = [_whole_lines(text, line, item.end)]
        if is_last and not rest[1] and index:
            # The comma before it came with it.
            comma = _COMMA.match(text, listing.items[index - 1].end)
            splices += [(listing.items[index - 1].end, comma.end(), "")] if comma else []
        return splices
    if is_last:
        return [(listing.items[index - 1].end, item.end, "")]
    return [(item.start, listing.items[index + 1].start, "")]


def _whole_lines(text: str, start: int, end: int) -> Splice:
    rest = _REST_OF_LINE.match(text, end)
    stop = rest.end() if rest else len(text)
    following = _BREAK.match(text, stop)
    if following:
        return (start, following.end(), "")
    # The last line, without an end: the one before it is the last now, and has none either.
    before = text[:start]
    for mark in ("\r\n", "\n", "\r"):
        if before.endswith(mark):
            return (start - len(mark), stop, "")
    return (start, stop, "")


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


# --- putting in ----------------------------------------------------------------------------


def with_items(
    text: str, found: Layout, key: str, entries: Sequence[Mapping[str, str | Sequence[str]]]
) -> list[Splice]:
    """Appends mappings to the list under the root's `key`, in the form of its last item.

    A key that is not there, or has no value, gets a list of one line an item.
    """
    newline = line_break(text)
    listing = found.lists.get((key,))
    if listing is None:
        lines = [" " * (found.column + 2) + f"- {_flow(entry)}" for entry in entries]
        if (key,) in found.scalars:
            start, end = found.scalars[key,]
            rest = _REST_OF_LINE.match(text, end)
            stop = rest.end() if rest else len(text)
            added = "".join(newline + line for line in lines)
            # `feeds: null` loses its null; a bare `feeds:` has nothing to lose.
            return [(stop, stop, added), *([(start, end, "")] if end > start else [])]
        lead = "" if not text or text.endswith(("\n", "\r")) else newline
        head = " " * found.column + f"{key}:"
        return [(len(text), len(text), lead + newline.join([head, *lines]) + newline)]
    if not listing.items:
        items = ", ".join(_flow(entry) for entry in entries)
        return [(listing.start + 1, listing.start + 1, items)]
    last = listing.items[-1]
    if listing.flow:
        return _with_flow_items(text, listing, [_flow(e, last.url_style) for e in entries])
    gap = " " * max(1, last.column - listing.column - 1)
    if _line_start(text, last.start) != _dash_line(text, listing):
        gap = " "
    indent = " " * listing.column
    lines = []
    for entry in entries:
        form = [_flow(entry, last.url_style)] if last.flow else _block(entry, last.url_style)
        inner = " " * (listing.column + 1 + len(gap))
        lines += [f"{indent}-{gap}{form[0]}", *(inner + line for line in form[1:])]
    rest = _REST_OF_LINE.match(text, last.end)
    stop = rest.end() if rest else len(text)
    return [(stop, stop, "".join(newline + line for line in lines))]


def _dash_line(text: str, listing: Listing) -> int:
    """Where the line of the last item's dash begins."""
    before = listing.items[-2].end if len(listing.items) > 1 else listing.start
    dash = re.compile(rf"^ {{{listing.column}}}-(?=\s)", re.MULTILINE)
    at = listing.items[-1].start
    found = [match.start() for match in dash.finditer(text, _line_start(text, before), at)]
    return found[-1] if found else _line_start(text, at)


def _with_flow_items(text: str, listing: Listing, items: list[str]) -> list[Splice]:
    last = listing.items[-1]
    line = _line_start(text, last.start)
    rest = _REST_OF_ITEM.match(text, last.end)
    if line <= listing.start or text[line : last.start].strip() or rest is None:
        return [(last.end, last.end, "".join(f", {item}" for item in items))]
    indent, newline = text[line : last.start], line_break(text)
    comma = rest[1]
    added = ",".join(f"{newline}{indent}{item}" for item in items) + comma
    if rest.end() == last.end:
        return [(last.end, last.end, ("" if comma else ",") + added)]
    return [
        (rest.end(), rest.end(), added),
        *([] if comma else [(last.end, last.end, ",")]),
    ]


def line_break(text: str) -> str:
    """How the lines of `text` end."""
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def _flow(entry: Mapping[str, str | Sequence[str]], url_style: str = '"') -> str:
    return "{" + ", ".join(_block(entry, url_style)) + "}"


def _block(entry: Mapping[str, str | Sequence[str]], url_style: str) -> list[str]:
    lines = []
    for key, value in entry.items():
        if not isinstance(value, str):
            written = "[" + ", ".join(scalar(word) for word in value) + "]"
        elif key == "url":
            written = _address(value, url_style)
        else:
            written = scalar(value)
        lines.append(f"{key}: {written}")
    return lines


def scalar(text: str) -> str:
    """A text as YAML, in a list or mapping of either form; quoted where that is needed."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _address(url: str, style: str) -> str:
    """Quoted like its neighbour's, as far as the characters of it allow."""
    if not style and _PLAIN_URL.fullmatch(url):
        return url
    if style == "'" and "'" not in url and url.isascii() and url.isprintable():
        return f"'{url}'"
    quoted = json.dumps(url, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
