"""A long text in parts that fit a model's window, cut at the borders of paragraphs and sentences.

What this costs is bounded: of a text longer than `most` windows, `most` stretches are looked at,
evenly spaced from its beginning to its end, and the rest is not even tokenized.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from digest.text.sentences import split_sentences

Count = Callable[[Sequence[str]], Sequence[int]]
"""How many tokens each of some texts has, by the model's own tokenizer."""

# No tokenizer of the presets averages more over prose (English: four to five); a stretch of this
# many characters fills the window.
_CHARACTERS_A_TOKEN = 8
# A part that is this full ends at the next paragraph's border.
_FULL_ENOUGH = 0.75

_PARAGRAPHS = re.compile(r"\n\s*\n")
_BORDERS = (_PARAGRAPHS, re.compile(r"(?<=[.!?。！？])\s*"), re.compile(r"\s+"))


def split_parts(text: str, count: Count, window: int, most: int) -> list[str]:
    """`text` in parts of at most `window` tokens each, at most `most` of them, in order.

    A text that fits is its only part. When there would be more parts than `most`, evenly spaced
    ones are kept, the first and the last among them; what lies between is left out.
    """
    text = text.strip()
    stretch = window * _CHARACTERS_A_TOKEN
    if len(text) > stretch * most:
        # Each stretch gives its first part: it begins at a border and fills the window.
        return [_packed(piece, count, window)[0] for piece in _stretches(text, stretch, most)]
    if not text or count([text])[0] <= window:
        return [text] if text else []
    parts = _packed(text, count, window)
    return [parts[index] for index in spaced(len(parts), most)]


def spaced(length: int, most: int) -> list[int]:
    """At most `most` of `length` indices, evenly spaced, with the first and the last."""
    if length <= most:
        return list(range(length))
    if most == 1:
        return [0]
    return [round(place * (length - 1) / (most - 1)) for place in range(most)]


def _stretches(text: str, size: int, most: int) -> list[str]:
    starts = [round(place * (len(text) - size) / max(most - 1, 1)) for place in range(most)]
    found = []
    for start in starts:
        piece = text[start : start + size]
        found.append(piece if start == 0 else _from_border(piece).strip() or piece)
    return found


def _from_border(piece: str) -> str:
    """`piece` from its first paragraph on, else its first sentence, else its first word."""
    for border in _BORDERS:
        # In the first half, so that enough is left.
        match = border.search(piece, 1, len(piece) // 2)
        if match:
            return piece[match.end() :]
    return piece


def _packed(text: str, count: Count, window: int) -> list[str]:
    units = [
        (number, unit)
        for number, paragraph in enumerate(_PARAGRAPHS.split(text))
        for sentence in split_sentences(paragraph)
        for unit in _fitting(sentence, count, window)
    ]
    # One more for what joins it to the one before.
    costs = [cost + 1 for cost in count([unit for _, unit in units])]
    parts: list[str] = []
    part, used, last = "", 0, -1
    for (number, unit), cost in zip(units, costs, strict=True):
        fresh = number != last
        if part and (used + cost > window or (fresh and used >= _FULL_ENOUGH * window)):
            parts.append(part)
            part, used = "", 0
        part += ("\n\n" if fresh else " ") + unit if part else unit
        used += cost
        last = number
    return [*parts, part] if part else parts or [text]


def _fitting(sentence: str, count: Count, window: int) -> list[str]:
    """A sentence in pieces that fit: itself, or for a wall of text its halves and their halves."""
    # A token has at least a byte, so the first test spares most of the counting.
    if len(sentence.encode()) < window or len(sentence) < 2 or count([sentence])[0] < window:
        return [sentence]
    middle = len(sentence) // 2
    space = sentence.rfind(" ", 1, middle)
    cut = space if space > 0 else middle
    halves = (sentence[:cut].strip(), sentence[cut:].strip())
    return [piece for half in halves if half for piece in _fitting(half, count, window)]
