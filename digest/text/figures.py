"""Numbers, amounts, percentages, dates and times in any usual spelling, and their comparison.

`1,000`, `1000`, `one thousand` and `1 thousand` are one number; so are `$1.2m` and `1.2 million
dollars`, `5%` and `five per cent`, `3 March` and `2024-03-03`, `7pm` and `19:00`. Words are read in
English, digits in every script that Unicode knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from digest.text.figure_words import (
    CURRENCY,
    DAYS,
    MONTH_NUMBER,
    ORDINALS,
    SCALES,
    SHORT,
    TOKEN,
    WORDS,
)

Kind = Literal["number", "pair", "date", "weekday", "time"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One mention: `text` as it is written, `values` what it can mean.

    A number has its value in `values`, more than one where the spelling leaves it open (`1.234`,
    `200 m`); `unit` is `%`, a currency, `th` for an ordinal, `s` for a decade, or empty. A pair
    (a score, a range) has both numbers, the smaller first; a date has (year, month, day) with 0
    for what it leaves out; a weekday its number from Monday; a time its minutes of the day.
    """

    text: str
    kind: Kind
    values: frozenset[tuple[float, ...]]
    unit: str = ""


_JOINED = re.compile(
    r"\s?[-–—:/]\s?|\s+(?:to|and|or|till|until|bis|und|et|y|a|à)\s+", re.IGNORECASE
)
_SHORT_UNIT = re.compile(r"[a-zA-Z]{1,3}\b")
_RUN_OF_DIGITS = re.compile(r"\d+(?:[.,]\d+)*(?!\d|(?:st|nd|rd|th)\b)")


def figures(text: str) -> tuple[Figure, ...]:
    """The numbers, pairs, dates and times of `text`, in order; a pair's numbers stand in it."""
    found = list(_mentions(text))
    merged: list[Figure] = []
    skip = False
    for (figure, start, end), following in zip(found, [*found[1:], None], strict=False):
        if skip:
            skip = False
            continue
        pair = None
        if following is not None:
            pair = _pair(text, figure, start, end, *following)
        if pair is None:
            merged.append(figure)
        else:
            merged += pair
            skip = True
    return tuple(merged)


def _pair(
    text: str, first: Figure, start: int, end: int, second: Figure, begin: int, stop: int
) -> list[Figure] | None:
    """Two numbers joined: a score or a range. A range's unit is that of its end."""
    if first.kind != "number" or second.kind != "number" or "th" in (first.unit, second.unit):
        return None
    joint = text[end:begin]
    if not _JOINED.fullmatch(joint):
        return None
    written = text[start:stop]
    if joint.strip() not in {"-", "–", "—", ":", "/"}:
        # "three and five per cent": two numbers, the first has the unit of the second.
        unit = first.unit or second.unit
        return [Figure(first.text, "number", first.values, unit), second]
    scaled = _same_scale(first, second)
    if first.unit or second.unit or scaled != first.values or len(second.values) > 1:
        unit = first.unit or second.unit
        last = Figure(second.text, "number", second.values, second.unit or unit)
        return [Figure(first.text, "number", scaled, unit), last]
    ends = sorted([*next(iter(first.values)), *next(iter(second.values))])
    return [Figure(written, "pair", frozenset([tuple(ends)]))]


def _same_scale(first: Figure, second: Figure) -> frozenset[tuple[float, ...]]:
    """The first number of "2-3 million" is open: 2, or 2 million."""
    values = set(first.values)
    for (value,) in first.values:
        for scale in _scales_of(second.text):
            if value < 1000:
                values.add((value * scale,))
    return frozenset(values)


def _scales_of(written: str) -> list[float]:
    words = re.findall(r"[a-z]+", written.lower())
    known = SCALES | SHORT
    return [known[word] for word in words if word in known]


def _mentions(text: str) -> Iterator[tuple[Figure, int, int]]:
    for match in TOKEN.finditer(text):
        figure = _read(match, text)
        if figure is not None:
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            yield figure, start, match.end()


def _read(match: re.Match[str], text: str) -> Figure | None:
    written = match[0].strip()
    if match["digits"]:
        return _number(match, text, written)
    if match["spelt"]:
        value = _spelt(match["spelt"])
        if value is None:
            return None
        return Figure(written, "number", frozenset([(value,)]), _unit("", match["unit2"]))
    if match["ordinal"]:
        value = float(sum(ORDINALS.get(w, WORDS.get(w, 0)) for w in written.lower().split("-")))
        return Figure(written, "number", frozenset([(value,)]), "th")
    if match["nth"]:
        value = float(re.sub(r"\D", "", written))
        return Figure(written, "number", frozenset([(value,)]), "th")
    if match["decade"]:
        value = float(re.sub(r"\D", "", written))
        values = {(value,)} if value > 99 else {(1900 + value,), (2000 + value,)}
        return Figure(written, "number", frozenset(values), "s")
    if match["clock"]:
        times = frozenset((float(minutes),) for minutes in _minutes(written.lower()))
        return Figure(written, "time", times) if times else None
    if match["weekday"]:
        # "sunday" in lower case is rare enough to be taken for the day.
        return Figure(
            written, "weekday", frozenset([(float(DAYS.index(written.lower().rstrip("s"))),)])
        )
    if match["month"]:
        # "may" and "march" are words, "May" at a sentence's start and "Mar" may be a name.
        if not written[0].isupper() or (written == "May" and not _in_month(text, match.start())):
            return None
        if len(written.rstrip(".")) <= 4 and written.lower() not in {"may", "june", "july"}:
            return None
    dates = frozenset(_dates(written))
    return Figure(written, "date", dates) if dates else None


_BEFORE_MONTH = re.compile(
    r"\b(?:in|of|since|until|till|by|last|next|this|late|early|mid|from|to|and|or|between)[\s-]+$",
    re.IGNORECASE,
)


def _in_month(text: str, start: int) -> bool:
    return _BEFORE_MONTH.search(text, max(0, start - 12), start) is not None


def _number(match: re.Match[str], text: str, written: str) -> Figure | None:
    after = text[match.end() : match.end() + 1]
    if not match["money"] and _part_of_a_name(text, match.start("digits")):
        return None
    # "6ft", "26in": the number counts, the letters don't; "3Com" is a name.
    glued = after.isalpha() and _is_latin(after) and not match["unit"]
    if glued and not _SHORT_UNIT.match(text, match.end()):
        return None
    values = set(_digit_values(match["digits"]))
    unit = _unit(match["money"] or "", match["unit"])
    scale = (match["scale"] or "").lower()
    if scale:
        factor = SCALES.get(scale) or SHORT[scale]
        scaled = {value * factor for value in values}
        # "200 m" is metres or millions; after a currency it is millions.
        values = (
            scaled
            if scale in SCALES or unit not in {"", "%"} or len(scale) > 1
            else (values | scaled)
        )
    return Figure(written, "number", frozenset((_rounded(v),) for v in values), unit)


def _part_of_a_name(text: str, start: int) -> bool:
    """ "Covid-19", "F-16": digits after a hyphen after a capital letter's word."""
    before = re.search(r"([^\W\d_]+)[-‑]$", text[max(0, start - 20) : start])
    return before is not None and before[1][0].isupper() and before[1].lower() not in WORDS


def _is_latin(letter: str) -> bool:
    return letter < "ɐ"


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


def _digit_values(written: str) -> Iterator[float]:
    """What digits with separators can mean: `1.234` is 1234 or a little over one."""
    compact = re.sub(r"[\s'’]", "", written).replace("·", ".")
    digits = "".join(str(int(c)) if c.isdigit() and c.isdecimal() else c for c in compact)
    digits = "".join(c for c in digits if c in "0123456789.,")
    groups = re.split(r"[.,]", digits)
    if len(groups) == 1:
        yield float(groups[0] or 0)
        return
    *whole, last = groups
    if len(last) == 3 and all(len(group) == 3 for group in whole[1:]):
        yield float("".join(groups))
        if len(groups) == 2 and "." in digits:
            yield float(".".join(groups))
        return
    yield float(f"{''.join(whole) or 0}.{last or 0}")


def _unit(sign: str, word: str | None) -> str:
    if word:
        lowered = " ".join(word.lower().split())
        last = lowered.split()[-1]
        return CURRENCY.get(last, "%")
    return CURRENCY.get(sign.strip().lower().rstrip("."), "")


def _spelt(written: str) -> float | None:
    """The value of number words; None for "one" alone, which is mostly a pronoun."""
    words = [word for word in re.split(r"[\s-]+", written.lower()) if word != "and"]
    if words in (["one"], ["zero"]) or not words:
        return None
    total, part = 0.0, 0.0
    for word in words:
        if word in ("a", "an"):
            part += 1
        elif word == "dozen":
            part = max(part, 1) * 12
        elif word in WORDS:
            part += WORDS[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        else:
            total += max(part, 1) * SCALES[word]
            part = 0
    return _rounded(total + part)


def _minutes(written: str) -> Iterator[int]:
    if written in ("noon", "midday"):
        yield 720
    elif written == "midnight":
        yield 0
    else:
        hour, minute = 0, 0
        if digits := re.match(r"(\d+)(?:[:.](\d\d))?", written):
            hour, minute = int(digits[1]), int(digits[2] or 0)
        else:
            hour = WORDS[written.split()[0]]
        if hour > 24 or minute > 59:
            return
        bare = written.replace(".", "").replace(" ", "")
        if bare.endswith("pm"):
            yield hour % 12 * 60 + 720 + minute
        elif bare.endswith("am"):
            yield hour % 12 * 60 + minute
        else:
            yield hour % 24 * 60 + minute
            if hour <= 12:
                yield (hour % 12 + 12) * 60 + minute


def _dates(written: str) -> Iterator[tuple[float, ...]]:
    lowered = written.lower()
    month = next((MONTH_NUMBER[w] for w in re.findall(r"[a-z]+", lowered) if w in MONTH_NUMBER), 0)
    numbers = [int(digits) for digits in re.findall(r"\d+", lowered)]
    if not month:
        if numbers[0] > 31:
            year, month, day = numbers
            yield (year, month, day)
        else:
            # 3/4/2024 is March in one country, April in another.
            yield (numbers[2], numbers[1], numbers[0])
            yield (numbers[2], numbers[0], numbers[1])
        return
    year = next((number for number in numbers if number > 31), 0)
    day = next((number for number in numbers if number <= 31), 0)
    yield (year, month, day)


# --- comparing -------------------------------------------------------------------------------


# Beyond small ones ("the third ship" is not three ships) an ordinal counts what the source may give
# by number: the 87th minute is "87 mins" in a match report.
_MINUTE = 12


class FigureIndex:
    """The figures of a source, ready to be asked."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._numbers: dict[float, set[str]] = {}
        self._others: set[tuple[Kind, tuple[float, ...]]] = set()
        self._yearless: set[tuple[float, float]] = set()
        for text in texts:
            for figure in figures(text):
                self._add(figure)
            for digits in _RUN_OF_DIGITS.findall(text):
                for value in _digit_values(digits):
                    self._numbers.setdefault(_rounded(value), set())

    def _add(self, figure: Figure) -> None:
        for values in figure.values:
            if figure.kind == "number":
                self._numbers.setdefault(values[0], set()).add(figure.unit)
                continue
            self._others.add((figure.kind, values))
            if figure.kind == "pair":
                for value in values:
                    self._numbers.setdefault(value, set()).add("")
            elif figure.kind == "date":
                year, month, day = values
                self._others |= {("date", (0, month, day)), ("date", (0, month, 0))}
                self._others.add(("date", (year, month, 0)))
                if year:
                    self._numbers.setdefault(year, set()).add("")
                else:
                    self._yearless |= {(month, day), (month, 0.0)}
                if day:
                    self._numbers.setdefault(day, set()).add("th")

    def __contains__(self, figure: Figure) -> bool:
        return any(self._has(figure, values) for values in figure.values)

    def _has(self, figure: Figure, values: tuple[float, ...]) -> bool:
        if figure.kind == "number":
            if figure.text.lower() == "second" and self._has_number(values[0], ""):
                return True  # "a second man" of two, or a second of time
            if figure.unit == "th" and values[0] > _MINUTE and self._has_number(values[0], ""):
                return True
            return self._has_number(values[0], figure.unit)
        if (figure.kind, values) in self._others:
            return True
        if figure.kind == "date":
            year, month, day = values
            # "3 March" and "2024" may be one date, but 3 March 1960 is none of 2024.
            return bool(year and year in self._numbers and (month, day) in self._yearless)
        if figure.kind == "pair":
            low, high = values
            # A range "1990-95", "10 to 15": the numbers stand apart in the source.
            return low in self._numbers and high in self._numbers and low > 9
        return False

    def _has_number(self, value: float, unit: str) -> bool:
        if unit == "s":
            return any(
                value <= number < value + 10 for number in self._numbers if 1000 < number < 2100
            )
        units = self._numbers.get(value)
        if units is None:
            return False
        if unit in units:
            return True
        # "3 million" of "$3 million" is there; "$3 million" of three million people is not, nor
        # "two bombs" of "the second bomb".
        return unit == "" and (not units or not units <= {"%", "th"})
