"""When an entry was published: aware UTC, and whether the feed really said so."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from digest.records import DateOrigin

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""The web is younger: 1970 (an empty field read as zero) and 0001 (.NET's) are mistakes."""

TOLERANCE = timedelta(hours=1)
"""How far ahead of us a publisher's clock may be; also a summer-time mistake of one hour."""

_MAX_LENGTH = 64  # the longest real form, with weekday, month and zone written out, has under 50
_MAX_FAILURES = 20  # each can take a second in dateparser, the first in every process does
_DIGIT = re.compile(r"\d")
# dateparser tries its 205 languages in one order, the most used first, and loads all of them before
# it begins: 1.5 s, against 0.5 s for these. What they can't read goes to all.
_COMMON_LANGUAGES = 40
_TIME_OF_DAY = re.compile(r"\d[T ]\d\d:?\d\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|^\s*\d{8}")
_UTC = re.compile(r"\s+(?:UTC|GMT)$")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(rf"({'|'.join(_WEEKDAYS)}),? ([01]?\d|2[0-3]):([0-5]\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawDate:
    """A date as the feed gave it: the text, and what the feed's parser made of it (UTC)."""

    text: str = ""
    parsed: time.struct_time | None = None


@dataclass(slots=True)
class DateReader:
    """Reads the dates of one feed, against one `now` (aware UTC).

    What feedparser and ISO 8601 don't cover goes through dateparser: other languages' month
    names, and "3 hours ago". One reader per feed: it remembers the feed's language, and stops
    trying after 20 different texts that nobody can read.
    """

    now: datetime
    _known: dict[str, datetime | None] = field(default_factory=dict)
    _failures: int = 0
    _parsers: list[DateDataParser] = field(default_factory=list)

    def read(self, dates: Iterable[RawDate]) -> tuple[datetime, DateOrigin]:
        """The first date that holds; else `now` and what was wrong with the first one given."""
        wrong: DateOrigin = "missing"
        for date in dates:
            if date.parsed is None and not date.text.strip():
                continue
            value = _from_struct(date.parsed) or self._from_text(date.text.strip())
            if value is None or value < EARLIEST:
                problem: DateOrigin = "broken"
            elif value > self.now + TOLERANCE:
                problem = "future"
            else:
                return value, "feed"
            wrong = problem if wrong == "missing" else wrong
        return self.now, wrong

    def _from_text(self, text: str) -> datetime | None:
        if len(text) > _MAX_LENGTH or not _DIGIT.search(text):
            return None
        if text not in self._known:
            value = _from_iso(text) or _from_weekday(text, self.now)
            if value is None and self._failures < _MAX_FAILURES:
                value = self._ask_dateparser(text)
                self._failures += value is None
            self._known[text] = value
        return self._known[text]

    def _ask_dateparser(self, text: str) -> datetime | None:
        if not self._parsers:
            # It takes 0.1 s to load, and most feeds never need it.
            from dateparser.data.languages_info import language_order
            from dateparser.date import DateDataParser

            settings = {
                "TIMEZONE": "UTC",
                "TO_TIMEZONE": "UTC",
                "RETURN_AS_TIMEZONE_AWARE": True,
                "STRICT_PARSING": True,
                "RELATIVE_BASE": self.now.astimezone(UTC).replace(tzinfo=None),
            }
            self._parsers = [
                DateDataParser(languages=languages, settings=settings)
                for languages in (language_order[:_COMMON_LANGUAGES], None)
            ]
        for parser in self._parsers:
            try:
                found = parser.get_date_data(text).date_obj
            except (ValueError, OverflowError, TypeError, AttributeError, RecursionError):
                return None  # it has raised all of these on junk
            if found is not None:
                return _in_utc(found)
        return None


def exact_date(text: str, now: datetime) -> datetime | None:
    """The moment that `text` names in ISO 8601 or as e-mails do (RFC 5322), as aware UTC.

    None for what names no time of day, and for what lies in the future or before the web. Without
    a zone it is UTC, as in feeds.
    """
    text = text.strip()
    if len(text) > _MAX_LENGTH or not _TIME_OF_DAY.search(text):
        return None
    value = _from_iso(_UTC.sub("Z", text)) or _from_mail(text)
    return value if value and EARLIEST <= value <= now + TOLERANCE else None


def _from_mail(text: str) -> datetime | None:
    try:
        return _in_utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def is_relative(dates: Iterable[RawDate]) -> bool:
    """Whether the first of `dates` that is given means another time with each fetch.

    "3 hours ago" and "Tuesday 05:30" do: what names no year, and what feedparser can't read.
    """
    first = next((date for date in dates if date.parsed or date.text.strip()), None)
    return first is not None and first.parsed is None and not _YEAR.search(first.text)


def _from_struct(parsed: time.struct_time | None) -> datetime | None:
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-?\d\d-?\d\d(?:\D|$)", text):
        return None  # "2026" or "20260301123" isn't meant as ISO 8601
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _from_weekday(text: str, now: datetime) -> datetime | None:
    """The latest moment meant by "Tuesday 05:30" (UTC); dateparser wants a day of the month too."""
    match = _WEEKDAY.fullmatch(text)
    if match is None:
        return None
    weekday, hour, minute = _WEEKDAYS.index(match[1].lower()), int(match[2]), int(match[3])
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    value = today - timedelta(days=(today.weekday() - weekday) % 7)
    return value if value <= now else value - timedelta(days=7)


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:  # year 1 or 9999, moved over the edge by its zone
        return None
