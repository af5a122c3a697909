"""What is due: from a cron line, a time zone, what the store knows and the time to decisions.

A local date has exactly one edition. So the question is never "which moments have passed since the
scheduler last looked?", which a killed or sleeping scheduler answers wrongly, but "which local
dates have no edition yet?", which the store answers after any crash, on any machine. Nothing here
has a memory of its own, reads a clock or writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.config import DigestSpec
from digest.cron import CronLine, parse_cron
from digest.records import DueEdition, EditionStatus

MOST_SKIPPED = timedelta(days=366)
"""How far back dates are recorded as skipped after the service was down."""

# So far apart local dates can be at one instant (UTC+14 and UTC-12). An edition of a later date
# than that comes of a clock that was wrong.
_FARTHEST = timedelta(days=2)
# By how much the clocks of two machines on one database may differ. NTP keeps them within a second;
# a virtual machine that was paused needs some minutes.
_CLOCKS_DIFFER = timedelta(minutes=5)
# 29 February can be eight years off (2096 to 2104).
_AHEAD = timedelta(days=8 * 366)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Build:
    """The edition is to be built now, or to be given its time of sending if it is there already."""

    due: DueEdition


@dataclass(frozen=True, slots=True)
class Skip:
    """The date stays without an edition; `reason` is for `digest outbox`."""

    due: DueEdition
    reason: str


Decision = Build | Skip


def decide(
    spec: DigestSpec, known: Mapping[str, EditionStatus], now: datetime, grace: timedelta
) -> list[Decision]:
    """What is to be done now about the editions of `spec`: skips in order of date, then the build.

    `known` has what the store knows of this digest by local date (ISO 8601), of at least the last
    `MOST_SKIPPED` and of all dates to come; `now` is aware. Only the newest date whose moment has
    come is ever built, and only within `grace` of its moment:

    - no edition yet: built; beyond the grace, skipped;
    - `building`: built. The run finds out, under its lock, whether the builder lives. Beyond the
      grace, what was cut short is skipped;
    - `draft`, `approved` with no time of sending, as built by hand: built, so that the run finds it
      there and sets the time; with one: nothing, it is on its way;
    - `sending`, `sent`: nothing, whatever the clock, the cron line or the time zone say now;
    - `skipped`, `failed`: built when a later moment of the same date has come (another time of day
      in the configuration, or a run by hand before it), or when the row was written by a clock that
      was ahead of this one; `failed` again when its `not_before` has passed;
    - a later date's edition has left (the time zone was changed, the clock set back): skipped. Rows
      more than two days ahead block nothing.

    Earlier dates are skipped where their building was cut short, and where they have no row, back
    to the last date that the schedule has dealt with. A digest of which the schedule has dealt with
    none has no such history: it is built within the grace, and skipped if it is still today's.
    """
    newest = newest_due(spec, now)
    if newest is None:
        return []
    before = [day for day, row in known.items() if row.asked is not None and day < newest.date]
    if not before and now - newest.moment > grace and newest.date < _today(spec, now).isoformat():
        return []
    earlier = [day for day in known if day < newest.date and _is_unrecorded(known[day], now)]
    if before:
        earlier += _between(known, max(before), newest.date, _today(spec, now) - MOST_SKIPPED)
    decisions: list[Decision] = [
        Skip(due, _missed(due, now, grace, newest))
        for day in sorted(earlier)
        if (due := _last(spec, date.fromisoformat(day), now))
    ]
    decision = _newest(spec, known, now, grace, newest)
    return decisions if decision is None else [*decisions, decision]


def newest_due(spec: DigestSpec, now: datetime) -> DueEdition | None:
    """The latest local date whose moment has come, with its last moment up to `now`."""
    # Tomorrow too: where clocks go back across midnight (St. John's until 2011, at 00:01), its
    # first minute has been when today's last hour comes again.
    first = _today(spec, now) + _DAY
    for back in range(MOST_SKIPPED.days + 2):
        if found := _last(spec, first - back * _DAY, now):
            return found
    return None


def next_due(
    spec: DigestSpec, known: Mapping[str, EditionStatus], now: datetime
) -> DueEdition | None:
    """The next moment after `now` for which `spec` has no edition on its way; None without one."""
    if spec.schedule is None:
        return None
    first = _today(spec, now) - _DAY
    for ahead in range(_AHEAD.days):
        day = first + ahead * _DAY
        row = known.get(day.isoformat())
        if row is not None and (row.state in ("sending", "sent") or row.send_at is not None):
            continue
        coming = [moment for moment in moments(spec, day) if moment > now]
        if coming:
            return DueEdition(spec.name, day.isoformat(), min(coming))
    return None


def moments(spec: DigestSpec, day: date) -> list[datetime]:
    """When the edition of `day` is due (aware UTC): once in practice, never on some dates.

    A time that the clocks jump over is due as long after the jump as it is after the moment before
    it (half past two becomes half past three), and the edition's date stays `day` even where the
    clock has passed midnight by then (Nuuk, 23:30 in March). A time that comes twice is due the
    first time. Both is what PEP 495 says of fold=0. A date that its zone left out (Apia,
    2011-12-30) is never due.
    """
    if spec.schedule is None:
        return []
    line, zone = _line(spec.schedule), ZoneInfo(spec.timezone)
    if not line.names(day) or not _is_there(day, zone):
        return []
    return [
        datetime.combine(day, at, zone).astimezone(UTC)  # datetime.combine has fold=0
        for at in line.times()
    ]


def _newest(
    spec: DigestSpec,
    known: Mapping[str, EditionStatus],
    now: datetime,
    grace: timedelta,
    due: DueEdition,
) -> Decision | None:
    row = known.get(due.date)
    overtaken = _overtaken_by(known, due, _today(spec, now))
    if overtaken is not None:
        reason = (
            f"the edition of {overtaken} had left before it: the clock was set back, or the "
            "digest's time zone was changed"
        )
    elif now - due.moment > grace:
        reason = _too_late(due, grace)
    else:
        return Build(due) if _is_open(row, due, now) else None
    return Skip(due, reason) if _is_unrecorded(row, now) else None


def _is_open(row: EditionStatus | None, due: DueEdition, now: datetime) -> bool:
    """Whether a moment that has just come has anything to do."""
    if row is None or row.state == "building":
        return True
    if row.state in ("draft", "approved"):
        # Built by hand before its time: it leaves at its time. Built by hand afterwards, when this
        # moment had been answered (there was nothing new), it leaves by hand.
        return row.send_at is None and (row.asked is None or row.asked < due.moment)
    if row.state in ("sending", "sent"):
        return False
    # The row answers an earlier moment, or it comes of a clock that was ahead; without this, a
    # clock that was a year ahead for a minute would leave a year of skipped dates behind.
    if row.asked is None or row.asked < due.moment or row.updated > now + _CLOCKS_DIFFER:
        return True
    return row.state == "failed" and (row.not_before is None or row.not_before <= now)


def _is_unrecorded(row: EditionStatus | None, now: datetime) -> bool:
    """Whether nothing says yet what became of the date. A `failed` row says it."""
    if row is None:
        return True
    return row.state == "building" and (row.until is None or row.until <= now)


def _overtaken_by(known: Mapping[str, EditionStatus], due: DueEdition, today: date) -> str | None:
    """The later date, if any, whose edition has left or will leave by itself."""
    last = (today + _FARTHEST).isoformat()
    later = [
        day
        for day, row in known.items()
        if due.date < day <= last
        and (
            row.state in ("sending", "sent")
            or (row.state in ("draft", "approved") and row.send_at is not None)
        )
    ]
    return min(later, default=None)


def _between(known: Mapping[str, EditionStatus], after: str, before: str, first: date) -> list[str]:
    """The dates between two, and after `first`, of which nothing is known."""
    day = max(date.fromisoformat(after), first) + _DAY
    found: list[str] = []
    while (name := day.isoformat()) < before:
        if name not in known:
            found.append(name)
        day += _DAY
    return found


def _missed(due: DueEdition, now: datetime, grace: timedelta, newest: DueEdition) -> str:
    """Why an earlier date than the newest one has no edition."""
    if now - due.moment > grace:
        return _too_late(due, grace)
    return (
        f"it was due at {_shown(due.moment)}, and before it could be built, the edition of "
        f"{newest.date} was due"
    )


def _last(spec: DigestSpec, day: date, now: datetime) -> DueEdition | None:
    """The last moment of `day` that has come."""
    past = [moment for moment in moments(spec, day) if moment <= now]
    return DueEdition(spec.name, day.isoformat(), max(past)) if past else None


@lru_cache(maxsize=256)  # asked for each date of a year, with the same few lines
def _line(schedule: str) -> CronLine:
    return parse_cron(schedule)


def _today(spec: DigestSpec, now: datetime) -> date:
    return now.astimezone(ZoneInfo(spec.timezone)).date()


def _is_there(day: date, zone: ZoneInfo) -> bool:
    """Whether `zone` has this date: a jump of the clocks leaves out its start, its end, or all."""
    walls = (datetime.combine(day, at, zone) for at in (time(0), time(12), time(23, 59, 59)))
    return any(wall.astimezone(UTC).astimezone(zone).date() == day for wall in walls)


def _too_late(due: DueEdition, grace: timedelta) -> str:
    hours = f"{grace / timedelta(hours=1):g} h"
    return (
        f"it was due at {_shown(due.moment)} and was not built within {hours} of that: no service "
        "was running then, or none could build"
    )


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
