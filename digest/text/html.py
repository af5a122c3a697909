"""Markup to plain text: blocks of an HTML fragment, and one-line titles.

lxml's HTML parser takes any input; what is read here is text only, so no markup of a feed
ever reaches a page (the templates escape what these functions return).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

from lxml import etree
from lxml import html as lxml_html

BlockKind = Literal["text", "item", "heading", "caption"]


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph-like piece of a page: its text on one line, and what it was in the markup."""

    text: str
    kind: BlockKind = "text"


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Elements whose text is never part of the article.
_SKIPPED = _names(
    "script style noscript template head title iframe object embed svg math canvas audio video "
    "form button select option textarea nav aside footer"
)
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_CAPTIONS = _names("figcaption caption")
_BLOCKS = (
    _HEADINGS
    | _CAPTIONS
    | _names(
        "address article blockquote body center dd details div dl dt fieldset figure header hr "
        "html legend li main ol p pre section summary table tbody td tfoot th thead tr ul"
    )
)
_ITEMS = _names("li dd")

# A tag that HTML knows. Titles such as "x <y> z" or "a < b" must keep what only looks like one.
# No part may run over the start of another match: that would take quadratic time on "<!--<!--…".
_TAG = re.compile(
    r"<!--(?:(?!<!--).)*?-->|</?(?:a|abbr|b|big|blockquote|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|kbd|"
    r"li|mark|ol|p|q|s|samp|script|small|span|strike|strong|style|sub|sup|table|td|tr|tt|u|ul|var)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
# `html.unescape` raises ValueError for a number of over 4,300 digits; no character has over seven.
_HUGE_REFERENCE = re.compile(r"&#\d{8,};?")
_BREAK = re.compile(
    r"</?(?:article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|main|ol|p|pre|section|table|td|th|tr|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")

# C1 controls are windows-1252 punctuation under a wrong label (\x92 for ’): put them right.
_CP1252 = {
    code: bytes([code]).decode("cp1252", errors="ignore") or None for code in range(0x80, 0xA0)
}
# Invisible or dangerous in print: controls, soft hyphen, zero-width space and no-break, bidi
# embeddings, overrides and isolates (they can turn a headline round), surrogates, specials.
# ZWJ, ZWNJ and the plain direction marks stay: Persian, Indic scripts and emoji need them.
_UNPRINTABLE: dict[int, None] = dict.fromkeys(
    [
        *range(0x00, 0x09),
        *range(0x0B, 0x0D),
        *range(0x0E, 0x20),
        0x7F,
        0xAD,
        0x200B,
        0x2060,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
        0xFFFE,
        0xFFFF,
    ]
)
_TRANSLATION: dict[int, str | None] = {**_CP1252, **_UNPRINTABLE}


def printable(text: str) -> str:
    """`text` without characters that can't or mustn't be printed; line breaks and tabs stay."""
    return text.translate(_TRANSLATION)


def squeeze(text: str) -> str:
    """`text` on one line: every run of white space (no-break spaces too) is one space."""
    return _SPACE.sub(" ", text).strip()


def one_line(markup: str) -> str:
    """A title or name as plain text on one line: tags gone, entities resolved.

    Two rounds, since many feeds escape their titles twice (`&amp;#8217;`, `&lt;em&gt;`); what
    only looks like a tag (`a < b`, `<y>`) stays.
    """
    text = markup
    for _ in range(2):
        text = html.unescape(_HUGE_REFERENCE.sub("", _TAG.sub("", _SCRIPT.sub("", text))))
    return squeeze(printable(_TAG.sub("", _SCRIPT.sub("", text))))


def has_markup(text: str) -> bool:
    """Whether `text` holds at least one tag that HTML knows."""
    return _TAG.search(text) is not None


def blocks(markup: str) -> list[Block]:
    """The blocks of an HTML fragment or page, in reading order, without scripts, forms and menus.

    Walks the tree without recursion, so that depth costs no stack. An empty or hopeless input
    gives no blocks.
    """
    source = printable(markup)
    if not source.strip():
        return []
    # Bytes with a named encoding: lxml refuses str input that carries an XML declaration.
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root = lxml_html.document_fromstring(source.encode("utf-8"), parser=parser)
    except etree.ParserError:  # "Document is empty": only comments, say
        return []
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        # libxml2 drops all that follows once it is nested too deep; the words are there all
        # the same.
        return [Block(line) for part in _BREAK.split(source) if (line := one_line(part))]
    return _Walk().of(root)


class _Walk:
    """Collects blocks over one tree: inline text gathers until a block element starts or ends."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._inline: list[str] = []
        self._kinds: list[BlockKind] = ["text"]

    def of(self, root: lxml_html.HtmlElement) -> list[Block]:
        skipped: object | None = None
        for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
            name = element.tag if isinstance(element.tag, str) else ""
            if skipped is None and event == "start":
                if name in _SKIPPED:
                    skipped = element
                else:
                    self._start(name, element.text or "")
            elif event == "end":
                if skipped is element:
                    skipped = None
                elif skipped is None:
                    self._end(name)
            if event != "start" and skipped is None:
                self._inline.append(element.tail or "")
        self._flush()
        return self._blocks

    def _start(self, name: str, text: str) -> None:
        if name in _BLOCKS:
            self._flush()
            self._kinds.append(self._kind(name))
        elif name == "br":
            self._flush()
        self._inline.append(text)

    def _end(self, name: str) -> None:
        if name in _BLOCKS:
            self._flush()
            self._kinds.pop()

    def _kind(self, name: str) -> BlockKind:
        if name in _HEADINGS:
            return "heading"
        if name in _CAPTIONS:
            return "caption"
        if name in _ITEMS:
            return "item"
        # A paragraph inside a list item or a caption is still that.
        return self._kinds[-1]

    def _flush(self) -> None:
        text = squeeze("".join(self._inline))
        self._inline.clear()
        if text:
            self._blocks.append(Block(text, self._kinds[-1]))
