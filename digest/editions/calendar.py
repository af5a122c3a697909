"""Dates, zones and times of what was written to be read again: what types don't say of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from zoneinfo import ZoneInfo


def wrong(day: str, timezone: str, moments: Iterable[datetime]) -> str:
    """What is wrong with a local date (ISO 8601), an IANA zone, or times; empty when nothing is."""
    try:
        if date.fromisoformat(day).isoformat() != day:
            raise ValueError(day)  # 20261124 and 2026-W48-2 are ISO dates too
    except ValueError:
        return f"date: {day!r} is not like 2026-11-24"
    try:
        ZoneInfo(timezone)
    # ZoneInfoNotFoundError is a KeyError; `America` is a folder of the zones, and an OSError.
    except (KeyError, ValueError, OSError):
        return f"timezone: {timezone!r} is unknown"
    for moment in moments:
        if moment.tzinfo is None:
            return "a time has no zone"
        if not MINYEAR < moment.year < MAXYEAR:
            return "a time is at the end of the calendar"  # another zone may lead out of it
    return ""


def json_time(value: object) -> str:
    """For `json.dumps`: a time in ISO 8601 with `Z`. Raises TypeError for anything else."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in it")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
