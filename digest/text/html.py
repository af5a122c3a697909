"""Markup to plain text: blocks of an HTML fragment, and one-line titles.

lxml's HTML parser takes any input; what is read here is text only, so no markup of a feed
ever reaches a page (the templates escape what these functions return).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from lxml import etree
from lxml import html as lxml_html

BlockKind = Literal["text", "item", "heading", "caption", "code", "link"]


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph-like piece of a page: its text on one line, and what it was in the markup.

    `place` names the elements round it; paragraphs of one article share it.
    """

    text: str
    kind: BlockKind = "text"
    place: str = field(default="", compare=False, repr=False)


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Elements whose text is never part of the article.
_SKIPPED = _names(
    "script style noscript template head title iframe object embed svg math canvas audio video "
    "button select option textarea"
)
_FURNITURE = _names("form nav aside footer")
# What these classes mark is for screen readers only, a post set in, or a plug-in's share buttons.
_SKIPPED_CLASS = re.compile(
    r"(?:^|\s)(?:screen-reader-text|sr-only|visually-?hidden|twitter-tweet|instagram-media|"
    r"tiktok-embed|bluesky-embed|fb-post|sharedaddy|jp-relatedposts|feedflare|rollover-people-block)(?:\s|$)",
    re.IGNORECASE,
)
_CAPTION_CLASS = re.compile(
    r"(?:^|\s)(?:wp-caption-text|wp-element-caption|image-caption|photo-caption|photo-credit|"
    r"image-credit)(?:\s|$)",
    re.IGNORECASE,
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# ASP.NET sets whole pages into one form; forms of readers hold a paragraph or two.
_FORM_PARAGRAPHS = 4
# Nineteen in twenty characters of prose are letters or spaces, of code three in four.
_CODE_LETTERS = 0.85
_CODE_SAMPLE = 2000
# A bold line of its own is a subhead, unless it is long or a sentence.
_BOLD_WORDS = 12
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
_BOLD = _names("b strong")
_ARTICLES = _names("article h1")

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
_ANY_TAG = re.compile(r"<[!/?]?[a-zA-Z][^<>]*>")
_BREAK = re.compile(
    r"</?(?:article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|main|ol|p|pre|section|table|td|th|tr|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")
_LETTER = re.compile(r"\w")
_STOPPED = re.compile(r"[.!?…:;。！？।॥؟۔]['\"’”»›)\]」』]*$")

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
_NOT_PRINTABLE = re.compile(f"[{''.join(map(re.escape, map(chr, _TRANSLATION)))}]")


def printable(text: str) -> str:
    """`text` without characters that can't or mustn't be printed; line breaks and tabs stay."""
    # Looking first is ten times faster than translating what needs none.
    return text.translate(_TRANSLATION) if _NOT_PRINTABLE.search(text) else text


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


def joined_lines(lines: list[str]) -> list[str]:
    """`lines` with those put together that only a line break parts: no stop, then no capital."""
    out: list[str] = []
    for line in lines:
        if out and line[:1].islower() and not _STOPPED.search(out[-1]):
            out[-1] += " " + line
        else:
            out.append(line)
    return out


def blocks(markup: str, *, furniture: bool = False) -> list[Block]:
    """The blocks of an HTML fragment or page, in reading order, without scripts, forms and menus.

    With `furniture` forms, menus and footers are there too. Walks the tree without recursion, so
    that depth costs no stack. An empty or hopeless input gives no blocks.
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
        return [
            Block(line)
            for part in _BREAK.split(_SCRIPT.sub("", source))
            if (line := one_line(_ANY_TAG.sub("", part)))
        ]
    return _Walk(furniture).of(root)


class _Walk:
    """Collects blocks over one tree: inline text gathers until a block element starts or ends."""

    def __init__(self, furniture: bool) -> None:
        self._furniture = furniture
        self._blocks: list[Block] = []
        self._inline: list[str] = []
        self._kinds: list[BlockKind] = ["text"]
        self._places = [""]
        self._articles = 0  # begun so far, by their element or their heading
        self._bold = self._linked = 0  # how many such elements are open
        self._plain = self._loose = False  # whether letters were gathered outside of those
        self._broken = False  # whether a line break alone stands before the gathered text

    def of(self, root: lxml_html.HtmlElement) -> list[Block]:
        skipped: object | None = None
        for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
            name = element.tag if isinstance(element.tag, str) else ""
            if skipped is None and event == "start":
                if self._is_skipped(name, element):
                    skipped = element
                else:
                    self._start(name, element)
            elif event == "end":
                if skipped is element:
                    skipped = None
                elif skipped is None:
                    self._end(name)
            if event != "start" and skipped is None:
                self._gather(element.tail or "")
        self._flush()
        return self._blocks

    def _is_skipped(self, name: str, element: lxml_html.HtmlElement) -> bool:
        if name in _SKIPPED:
            return True
        if element.get("hidden") is not None or _HIDDEN_STYLE.search(element.get("style") or ""):
            return True
        if _SKIPPED_CLASS.search(element.get("class") or ""):
            return True
        if self._furniture or name not in _FURNITURE:
            return False
        if name != "form":
            return True
        paragraphs = islice(element.iter("p", "h1", "article"), _FORM_PARAGRAPHS)
        return sum(4 if part.tag != "p" else 1 for part in paragraphs) < _FORM_PARAGRAPHS

    def _start(self, name: str, element: lxml_html.HtmlElement) -> None:
        if name in _BLOCKS:
            self._flush()
            self._kinds.append(self._kind(name, element))
            self._places.append(f"{name}.{element.get('class') or ''}")
            self._articles += name in _ARTICLES
        elif name == "br":
            self._flush()
            self._broken = bool(self._blocks) and not self._broken
        elif name in _BOLD:
            self._bold += 1
        elif name == "a":
            self._linked += 1
        self._gather(element.text or "")

    def _end(self, name: str) -> None:
        if name in _BLOCKS:
            self._flush()
            self._kinds.pop()
            self._places.pop()
        elif name in _BOLD:
            self._bold -= 1
        elif name == "a":
            self._linked -= 1

    def _gather(self, text: str) -> None:
        self._inline.append(text)
        if not (self._plain and self._loose) and _LETTER.search(text):
            self._plain |= not self._bold
            self._loose |= not self._linked

    def _kind(self, name: str, element: lxml_html.HtmlElement) -> BlockKind:
        if name in _HEADINGS:
            return "heading"
        if name in _CAPTIONS or _CAPTION_CLASS.search(element.get("class") or ""):
            return "caption"
        if name in _ITEMS:
            return "item"
        if name == "pre" and _is_code(element):
            return "code"
        # A paragraph inside a list item or a caption is still that.
        return self._kinds[-1]

    def _flush(self) -> None:
        text = squeeze("".join(self._inline))
        self._inline.clear()
        kind, bold, link = self._kinds[-1], not self._plain, not self._loose
        self._plain = self._loose = False
        if not text:
            return
        before = self._blocks[-1] if self._blocks else None
        if self._broken and before and before.kind == kind:
            lines = joined_lines([before.text, text])
            self._blocks[-1:] = [Block(line, kind, before.place) for line in lines]
        else:
            if kind == "text" and bold and len(text.split()) <= _BOLD_WORDS and text[-1] != ".":
                kind = "heading"
            elif kind in ("text", "item") and link and not _STOPPED.search(text):
                kind = "link"
            place = f"{self._articles} {' > '.join(self._places[-3:])}"
            self._blocks.append(Block(text, kind, place))
        self._broken = False


def _is_code(pre: lxml_html.HtmlElement) -> bool:
    """Whether a `pre` holds code; some feeds set whole articles into one."""
    if len(pre) and pre[0].tag == "code":
        return True
    text = "".join(islice(pre.itertext(), 200))[:_CODE_SAMPLE]
    letters = sum(character.isalpha() or character.isspace() for character in text)
    return bool(text.strip()) and letters < _CODE_LETTERS * len(text)
