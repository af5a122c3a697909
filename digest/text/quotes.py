"""Where quotations and brackets begin and end within a paragraph.

Marks are told by their form and by what stands beside them: “ opens in English and closes in
German, » the other way round in French, a straight mark may do either, ’ is an apostrophe too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile("[\"'“”„‟«»‹›‘’‚「」『』《》()\\[\\]（）]")
_CLOSES = {
    "”": "“„‟",
    "“": "„",
    "»": "«",
    "«": "»",
    "›": "‹",
    "‹": "›",
    "’": "‘‚",
    "‘": "‚",
    "」": "「",
    "』": "『",
    "》": "《",
    ")": "(",
    "]": "[",
    "）": "（",
    '"': '"',
    "'": "'",
}
_ALWAYS_OPEN = frozenset("„‚‟「『《([（")
_BEFORE_OPEN = frozenset("([{—–-/=¿¡（\"'“„«‘")
_AFTER_CLOSE = frozenset(".,;:!?…)]}—–-/）\"'”“»’。，、！？")


@dataclass(frozen=True, slots=True)
class Marks:
    """`pairs` of (opening, closing) offsets; `blanks` are all offsets but those of [ and ]."""

    pairs: tuple[tuple[int, int], ...]
    blanks: tuple[int, ...]


def marks(text: str) -> Marks:
    """The quotations and brackets of `text`; a mark without its partner is in no pair."""
    opened: list[tuple[str, int]] = []
    pairs: list[tuple[int, int]] = []
    blanks: list[int] = []
    for match in _MARK.finditer(text):
        place, mark = match.start(), match[0]
        before = text[place - 1] if place else " "
        after = text[place + 1] if place + 1 < len(text) else " "
        if mark in "'’" and before.isalnum() and after.isalnum():
            continue  # an apostrophe
        if mark not in "[]":  # sentencex knows "[1]" behind a full stop
            blanks.append(place)
        partner = _partner(mark, before, after, opened)
        if partner is not None:
            pairs.append((opened[partner][1], place))
            del opened[partner:]
        elif _may_open(mark, before, after):
            # A second opening mark of the kind: the first was never closed, as where each
            # paragraph of a long quotation begins with one.
            opened = [(open_, at) for open_, at in opened if open_ != mark]
            opened.append((mark, place))
    return Marks(tuple(pairs), tuple(blanks))


def _partner(mark: str, before: str, after: str, opened: list[tuple[str, int]]) -> int | None:
    """Which of the open marks `mark` closes."""
    if mark in _ALWAYS_OPEN or mark not in _CLOSES:
        return None
    free_left = before.isspace() or before in _BEFORE_OPEN
    free_right = after.isspace() or after in _AFTER_CLOSE
    if mark == '"' and free_left and not free_right:
        return None
    if mark == "'" and before not in ".,!?…":  # "the players' boat"
        return None
    if mark in "‘’" and after.isalnum():
        return None
    for number in range(len(opened) - 1, -1, -1):
        if opened[number][0] in _CLOSES[mark]:
            return number
    return None


def _may_open(mark: str, before: str, after: str) -> bool:
    if mark in _ALWAYS_OPEN or mark in "“‘«»‹›":
        return True
    if mark == '"':  # 12" is twelve inches
        return not after.isspace() and not before.isdigit()
    return mark == "'" and (before.isspace() or before in _BEFORE_OPEN) and after.isalpha()
