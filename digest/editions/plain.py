"""An edition's texts in the forms without HTML: lines of plain text, and CommonMark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

TEXT_WIDTH = 72
"""Columns of the plain-text mail: room for two levels of `> ` within the 78 of RFC 5322, 2.1.1."""

# East Asian text is broken between any two characters, but not before what closes or after what
# opens (JIS X 4051); all else between blanks only.
_WIDE = (
    "\u1100-\u115f\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60"
)
_OPENS, _CLOSES = (
    "「『（〔［｛〈《【",
    "、。，．・：；？！」』）〕］｝〉》】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々",
)
_PIECE = re.compile(f"[{_OPENS}]*(?:[{_WIDE}]|[^{_WIDE}]+)[{_CLOSES}]*|[{_OPENS}]+")
# What CommonMark gives a meaning within a line, GFM's tables, strikes and bare addresses included.
_MARKUP = re.compile(r"[\\`*_\[\]<>&~|@]|:(?=//)|(?<=www)\.|!(?=$|\[)", re.IGNORECASE)
# At the start of a line: headings, lists, rules, underlines of headings (quotes: above).
_BLOCK_START = re.compile(r"^(\d{0,9})([#+=-]|(?<=\d)[.)])")


def wrap(text: str, indent: int = 0) -> str:
    """Lines of at most 72 columns; words and addresses stay whole, East Asian text is parted."""
    margin = " " * indent
    lines = [margin]
    for piece, apart in _pieces(text):
        between = " " if apart and lines[-1] != margin else ""
        if lines[-1] != margin and _columns(f"{lines[-1]}{between}{piece}") > TEXT_WIDTH:
            lines.append(margin + piece)
        else:
            lines[-1] += between + piece
    return "\n".join(lines) if text.strip(" ") else ""


def underlined(text: str, line: str = "-") -> str:
    """The text, wrapped, over a line of its own width (wide characters take two columns)."""
    wrapped = wrap(text)
    widest = max((_columns(row) for row in wrapped.splitlines()), default=0)
    return f"{wrapped}\n{line * min(widest, TEXT_WIDTH)}"


def markdown(text: str) -> str:
    """The text such that CommonMark shows exactly it: no markup, no link, no HTML comes of it."""
    escaped = _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
    return _BLOCK_START.sub(r"\g<1>\\\g<2>", escaped)


def markdown_url(address: str) -> str:
    """A `safe_url` for between `<` and `>`, where CommonMark still reads `&copy;` as a sign."""
    return re.sub(r"&(?=#?\w+;)", "&amp;", address)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """What a line may be broken between, each with whether a blank stands before it."""
    for word in text.split(" "):
        if word:
            for number, piece in enumerate(_PIECE.findall(word)):
                yield piece, number == 0


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )
