"""Whole simulated years, zone by zone, with random downtime: one edition a due date, never two.

The store is a dict and the service a loop, so that a year takes tenths of a second. When a date is
due is found a second way: by asking each quarter of an hour of the year what the clock reads.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.config import DigestSpec
from digest.records import DueEdition, EditionStatus
from digest.service.due import Build, decide

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GRACE = timedelta(hours=6)

# Each at an hour that its clocks jump over or repeat, where they do.
YEARS = [
    ("Europe/London", "30 1 * * *", 2026),
    ("America/New_York", "30 2 * * *", 2026),
    ("Europe/Helsinki", "30 3 * * *", 2026),
    ("Australia/Lord_Howe", "15 2 * * *", 2026),
    ("Asia/Kolkata", "0 7 * * mon-fri", 2026),
    ("Pacific/Apia", "0 7 * * *", 2011),
    ("Africa/Cairo", "0 0 * * *", 2026),
    ("America/Havana", "30 0 * * *", 2026),
    ("America/Nuuk", "30 23 * * *", 2026),
]


def digest(zone: str, schedule: str) -> DigestSpec:
    return DigestSpec(name="morning", schedule=schedule, timezone=zone)


def by_the_clock(spec: DigestSpec, year: int) -> dict[str, datetime]:
    """The due dates of a year and their moments, from what the clock reads in each quarter hour.

    For a time that is jumped over: the length of the jump later than the hands would be.
    """
    assert spec.schedule is not None
    minute, hour, _, _, weekdays = spec.schedule.split()
    at = time(int(hour), int(minute))
    zone = ZoneInfo(spec.timezone)
    moment = datetime(year - 1, 12, 30, tzinfo=UTC)
    readings: dict[datetime, datetime] = {}
    dates: dict[date, None] = {}
    while moment < datetime(year + 1, 1, 3, tzinfo=UTC):
        reading = moment.astimezone(zone).replace(tzinfo=None)
        readings.setdefault(reading, moment)
        dates[reading.date()] = None
        moment += QUARTER
    due: dict[str, datetime] = {}
    for day in dates:
        if day.year != year or (weekdays == "mon-fri" and day.weekday() > 4):
            continue
        wall = datetime.combine(day, at)
        before = wall
        while before not in readings:
            before -= QUARTER
        due[day.isoformat()] = readings[before] + (wall - before)
    return due


@dataclass
class Newsroom:
    """The store, and what a service would do with the decisions. `built` counts by date."""

    dice: random.Random
    trouble: float = 0.0
    rows: dict[str, EditionStatus] = field(default_factory=dict)
    built: Counter[str] = field(default_factory=Counter)

    def tick(self, spec: DigestSpec, now: datetime) -> None:
        for decision in decide(spec, self.rows, now, GRACE):
            due = decision.due
            row = self.rows.get(due.date)
            if not isinstance(decision, Build):
                assert row is None or row.state == "building", "only what nothing is known of"
                assert decision.reason
                self.put(due, "skipped", now, reason=decision.reason)
                continue
            assert now - GRACE <= due.moment <= now
            assert row is None or row.state in ("building", "skipped", "failed")
            self.build(due, now)

    def build(self, due: DueEdition, now: datetime) -> None:
        chance = self.dice.random()
        if chance < self.trouble / 3:
            self.put(due, "building", now, until=now + HOUR)  # the process is killed
        elif chance < self.trouble * 2 / 3:
            again = now + timedelta(minutes=self.dice.randrange(1, 90))
            self.put(due, "failed", now, not_before=again, reason="no paper")
        elif chance < self.trouble:
            self.put(due, "skipped", now, reason="nothing new")
        else:
            self.built[due.date] += 1
            self.put(due, "sent", now, send_at=due.moment)

    def put(self, due: DueEdition, state: str, now: datetime, **values: object) -> None:
        row = EditionStatus(due.digest, due.date, state, now, asked=due.moment)  # type: ignore[arg-type]
        self.rows[due.date] = replace(row, **values)  # type: ignore[arg-type]


def ups(dice: random.Random, start: datetime, end: datetime) -> Iterator[datetime]:
    """Moments at which a service looks: up for hours or days, down for minutes or days."""
    now = start
    while now < end:
        until = now + HOUR * dice.expovariate(1 / 40)
        while now < until and now < end:
            yield now
            now += timedelta(minutes=dice.choice([3, 20, 60, 120]))
        now += HOUR * dice.choice([0.1, 1, 5, 9, 30, 80]) * dice.random()


@pytest.mark.parametrize(("zone", "schedule", "year"), YEARS)
def test_a_year_with_downtime(zone: str, schedule: str, year: int) -> None:
    spec = digest(zone, schedule)
    due = by_the_clock(spec, year)
    dates = sorted(due)
    dice = random.Random(f"{zone}, up and down")
    room = Newsroom(dice)
    first = DueEdition("morning", dates[0], due[dates[0]])
    room.put(first, "sent", first.moment)
    end = due[dates[-1]]
    looks = list(ups(dice, first.moment + HOUR, end - HOUR))
    for now in [*looks, end]:
        room.tick(spec, now)
    late = {
        day: [
            now
            for now in [*looks, end]
            if due[day] <= now <= due[day] + GRACE
            and not any(due[day] < later <= now for later in due.values())
        ]
        for day in dates[1:]
    }
    assert dict(room.built) == {day: 1 for day, at in late.items() if at}
    skipped = {day: row for day, row in room.rows.items() if row.state == "skipped"}
    assert set(skipped) == {day for day, at in late.items() if not at}
    assert set(room.rows) == set(dates), "no other dates"
    assert len(room.built) > 100, "too much downtime to see anything"
    assert len(skipped) > 10, "too little downtime to see anything"
    assert all(row.asked == due[day] for day, row in room.rows.items())


@pytest.mark.parametrize(("zone", "schedule", "year"), YEARS[:3])
def test_a_year_of_trouble_with_clocks_that_jump(zone: str, schedule: str, year: int) -> None:
    """Killed builds, failures, clocks that are wrong by minutes, by days, and once by a year."""
    spec = digest(zone, schedule)
    due = by_the_clock(spec, year)
    dice = random.Random(f"{zone}, in trouble")
    room = Newsroom(dice, trouble=0.3)
    start, end = min(due.values()), max(due.values())
    wrong, until = timedelta(0), start
    for now in ups(dice, start, end + GRACE):
        if now >= until:
            wrong = dice.choice([timedelta(0)] * 9 + [-HOUR, HOUR, -2 * DAY, DAY, 366 * DAY])
            until = now + dice.random() * 8 * HOUR
        room.tick(spec, now + wrong)
    room.tick(spec, end + GRACE + DAY)
    assert set(due) <= set(room.rows), "each date is built, skipped or failed"
    assert max(room.built.values()) == 1
    assert {room.rows[day].state for day in due} <= {"sent", "skipped", "failed"}
    assert len(room.built) > 100
    assert all(row.reason for row in room.rows.values() if row.state in ("skipped", "failed"))


@pytest.mark.slow
def test_a_clock_that_was_a_year_ahead_for_a_minute_costs_no_edition_after_it() -> None:
    spec = digest("Europe/London", "0 7 * * *")
    room = Newsroom(random.Random(1))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for hour in range(24 * 400):
        wrong = timedelta(days=365) if hour == 100 else timedelta(0)
        room.tick(spec, now + hour * HOUR + wrong)
    dates = {(date(2026, 1, 1) + timedelta(days=day)).isoformat() for day in range(400)}
    assert set(room.built) == dates
    assert set(room.built.values()) == {1}


ZONES = [
    "Pacific/Kiritimati",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Europe/Helsinki",
    "UTC",
    "America/St_Johns",
    "Pacific/Honolulu",
    "Pacific/Pago_Pago",
]


@pytest.mark.parametrize("seed", range(3))
def test_a_year_in_which_the_time_zone_and_the_hour_are_changed_again_and_again(seed: int) -> None:
    dice = random.Random(seed)
    room = Newsroom(dice)
    spec = digest("UTC", "0 7 * * *")
    start = datetime(2026, 1, 1, 7, tzinfo=UTC)
    end = start + timedelta(days=365)
    for now in ups(dice, start, end):
        if dice.random() < 0.01:
            hour = dice.randrange(24)
            spec = digest(dice.choice(ZONES), f"{dice.choice([0, 15, 30])} {hour} * * *")
        room.tick(spec, now)
    room.tick(digest("UTC", "0 7 * * *"), end)
    dates = {(date(2026, 1, 1) + timedelta(days=day)).isoformat() for day in range(365)}
    assert dates <= set(room.rows)
    assert max(room.built.values()) == 1
    assert len(room.built) > 200
