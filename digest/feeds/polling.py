"""When a feed may be asked again: what its server and the feed itself ask for, in bounds. Pure.

Sources: RFC 9111 (Cache-Control, Expires, Age), RFC 9110, section 10.2.3 (Retry-After), RSS 2.0
(ttl, skipHours, skipDays), RSS 1.0's syndication module. Miniflux, FreshRSS and others honour some
of these; servers that are asked sooner answer 429, and then nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus

from digest.records import Headers, Rhythm

LONGEST = timedelta(hours=12)
"""No server or feed keeps us away longer: an edition a day must find every feed asked that day.

Half a day, since the usual `ttl` of 1440 minutes, counted from yesterday's run, would end a few
seconds after today's begins.
"""

LONGEST_RETRY = timedelta(hours=24)
"""Retry-After is a demand, not a hint, and is kept for a day. Longer ones are typing errors."""

FIRST_RETRY = timedelta(minutes=5)
"""A feed that failed once is asked again after about so long, then twice, four times … as long."""

FAILED = "it failed"
"""Why a feed waits for which nobody asked."""

_NUMBER = re.compile(r"\d{1,9}")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_RETRY_STATUS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_HOUR = timedelta(hours=1)


def after_success(headers: Headers, rhythm: Rhythm, now: datetime) -> tuple[datetime, str]:
    """When a feed that answered at `now` (aware UTC) may be asked again, and for what reason.

    The latest of what Cache-Control, Expires and the feed's own ttl ask for, within LONGEST; `now`
    and "" where nothing asks.
    """
    given = _joined(headers)
    waits = {
        "its server says that it won't change sooner (Cache-Control)": _max_age(given),
        "its server says that it won't change sooner (Expires)": _expires(given, now),
        "the feed asks for it (ttl)": timedelta(minutes=rhythm.ttl or 0),
    }
    reason, wait = max(waits.items(), key=lambda item: item[1])
    return now + min(wait, LONGEST), reason if wait else ""


def spared_until(rhythm: Rhythm, asked: datetime, now: datetime) -> datetime:
    """The first moment from `now` on that the feed doesn't want to be spared (skipHours, skipDays).

    `now` itself once LONGEST has passed since it was last `asked`, and where it blocks every hour.
    """
    if now >= asked + LONGEST:
        return now
    return min(_spared(now, rhythm), asked + LONGEST)


def after_failure(
    feed: str, failures: int, status: int | None, headers: Headers, now: datetime
) -> tuple[datetime, str]:
    """When a feed that failed at `now`, `failures` times in a row, may be asked again, and why.

    Exponential backoff within LONGEST; Retry-After of a 429 or 503 where that is later. The jitter
    (half to whole of the wait) comes from the feed's name, so that a thousand feeds of one dead
    service don't come back together, and nothing depends on chance.
    """
    doublings = min(failures - 1, 20)
    wait = min(FIRST_RETRY * 2**doublings, LONGEST) * _jitter(feed, failures)
    asked = retry_after(_joined(headers), now) if status in _RETRY_STATUS else None
    if asked is not None and asked > wait:
        return now + asked, "its server asks not to be asked (Retry-After)"
    return now + wait, FAILED


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What Retry-After asks for, seconds or date, within LONGEST_RETRY; None where it doesn't."""
    value = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(value):
        return min(timedelta(seconds=int(value)), LONGEST_RETRY)
    moment = _date(value)
    if moment is None or moment <= now:
        return None
    return min(moment - now, LONGEST_RETRY)


def _joined(headers: Headers) -> dict[str, str]:
    """By name; what stands in several headers of a name is one list (RFC 9110, section 5.3)."""
    given: dict[str, str] = {}
    for name, value in headers:
        given[name] = f"{given[name]}, {value}" if name in given else value
    return given


def _max_age(headers: Mapping[str, str]) -> timedelta:
    """What is left of the freshness that Cache-Control gives; a cache on the way has used some."""
    control = headers.get("cache-control", "")
    match = _MAX_AGE.search(control)
    if match is None or re.search(r"\bno-(?:cache|store)\b(?!=)", control, re.IGNORECASE):
        return timedelta(0)
    age = headers.get("age", "").strip()
    used = int(age) if _NUMBER.fullmatch(age) else 0
    return timedelta(seconds=max(0, int(match[1]) - used))


def _expires(headers: Mapping[str, str], now: datetime) -> timedelta:
    expires = _date(headers.get("expires", ""))
    if expires is None:  # "0" and "-1" mean: at once (RFC 9111, section 5.3)
        return timedelta(0)
    # By the server's own clock, where it tells it.
    date = _date(headers.get("date", "")) or now
    return max(expires - date, timedelta(0))


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _spared(due: datetime, rhythm: Rhythm) -> datetime:
    """The first moment from `due` on that is in none of the feed's hours and days of rest.

    `due` where there is none within a week: then the feed has blocked every hour.
    """
    hours, days = set(rhythm.skip_hours), set(rhythm.skip_days)
    moment = due
    for _ in range(7 * 24):
        if moment.hour not in hours and moment.weekday() not in days:
            return moment
        moment = moment.replace(minute=0, second=0, microsecond=0) + _HOUR
    return due


def _jitter(feed: str, failures: int) -> float:
    """A number from 0.5 to 1 that is always the same for this feed and this failure."""
    digest = sha256(f"{feed}\0{failures}".encode()).digest()
    return 0.5 + digest[0] / 510
