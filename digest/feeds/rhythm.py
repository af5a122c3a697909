"""When a feed asks to be asked: RSS 2.0's ttl, skipHours and skipDays, RSS 1.0's syndication."""

from __future__ import annotations

import re
from collections.abc import Callable

from digest.records import Rhythm

# Minutes. A month is what one is on average, so that twelve are a year.
_PERIODS = {
    "hourly": 60,
    "daily": 24 * 60,
    "weekly": 7 * 24 * 60,
    "monthly": 365 * 24 * 60 // 12,
    "yearly": 365 * 24 * 60,
}
_LONGEST = _PERIODS["yearly"]
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ITEM = re.compile(r"<(?:item|entry)[\s>]", re.IGNORECASE)
_LAST_ITEM = ("</item>", "</entry>")
# 24 elements of 30 characters; nobody writes three times as much.
_LIST = 2500


def rhythm(document: str, *, ttl: str = "", period: str = "", frequency: str = "") -> Rhythm:
    """What a feed says in its head; what is out of range is left out.

    `ttl`, `period` and `frequency` are the texts of those elements. feedparser keeps one only of
    the elements in `skipHours` and `skipDays`, so these are looked for in `document`: before the
    first entry and after the last.
    """
    first = _ITEM.search(document)
    last = max(document.rfind(end) for end in _LAST_ITEM)
    edges = (document[: first.start()], document[last:]) if first and last > 0 else (document,)
    return Rhythm(
        ttl=_minutes(ttl) or _syndication(period, frequency),
        skip_hours=_skipped(edges, "skipHours", "hour", 24, _hour),
        skip_days=_skipped(edges, "skipDays", "day", 7, _day),
    )


def _minutes(ttl: str) -> int | None:
    number = _number(ttl)
    return number if number is not None and 1 <= number <= _LONGEST else None


def _syndication(period: str, frequency: str) -> int | None:
    """RSS 1.0, module Syndication: how often in which period; "daily" and once by default."""
    if not period.strip() and not frequency.strip():
        return None
    minutes = _PERIODS.get(period.strip().lower() or "daily")
    times = _number(frequency) if frequency.strip() else 1
    return max(1, minutes // times) if minutes and times else None


def _skipped(
    edges: tuple[str, ...], outer: str, inner: str, most: int, read: Callable[[str], int | None]
) -> tuple[int, ...]:
    """The values in the first element `outer`; none where all are named, which would mean never."""
    for text in edges:
        start = text.find(f"<{outer}")
        if start >= 0:
            part = text[start : start + _LIST].partition(f"</{outer}")[0]
            found = re.findall(rf"<{inner}>\s*([^<>]{{1,20}}?)\s*</{inner}>", part, re.IGNORECASE)
            values = {value for value in map(read, found) if value is not None}
            return tuple(sorted(values)) if len(values) < most else ()
    return ()


def _hour(text: str) -> int | None:
    # RSS 0.91 counts from 1 to 24.
    number = _number(text)
    return number % 24 if number is not None and number <= 24 else None


def _day(text: str) -> int | None:
    name = text.lower()
    return _DAYS.index(name) if name in _DAYS else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None
