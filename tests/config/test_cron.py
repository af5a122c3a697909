"""Cron lines mean to APScheduler what they mean to cron."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.cron import CronLine, parse_cron

START = datetime(2024, 1, 29, tzinfo=UTC)  # a Monday, in a month that ends in a leap February
DAYS = 35


def fire_times(line: str) -> list[datetime]:
    """When APScheduler fires `line`, from `START` for `DAYS` days."""
    trigger = CronTrigger(**asdict(parse_cron(line)), timezone=UTC)
    times: list[datetime] = []
    moment = trigger.get_next_fire_time(None, START)
    while moment is not None and moment < START + timedelta(days=DAYS):
        times.append(moment)
        moment = trigger.get_next_fire_time(moment, moment + timedelta(seconds=1))
    return times


def by_hand(
    minutes: set[int], hours: set[int], weekdays: set[int], days: set[int], months: set[int]
) -> list[datetime]:
    """The minutes of the same time span that fit; `weekdays` are cron's, Sunday is 0."""
    dates = [START + timedelta(days=day) for day in range(DAYS)]
    return [
        date.replace(hour=hour, minute=minute)
        for date in dates
        if date.isoweekday() % 7 in weekdays and date.day in days and date.month in months
        for hour in sorted(hours)
        for minute in sorted(minutes)
    ]


ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS = set(range(1, 32)), set(range(1, 13)), set(range(7))


@pytest.mark.parametrize(
    ("written", "weekdays"),
    [
        ("*", ALL_WEEKDAYS),
        ("0", {0}),
        ("7", {0}),
        ("sun", {0}),
        ("SUN", {0}),
        ("1", {1}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("Mon-Fri", {1, 2, 3, 4, 5}),
        ("5-7", {5, 6, 0}),
        ("0-6", ALL_WEEKDAYS),
        ("0-7", ALL_WEEKDAYS),
        ("7-2", {0, 1, 2}),
        ("sun-tue", {0, 1, 2}),
        ("fri-mon", {5, 6, 0, 1}),
        ("sat-sun", {6, 0}),
        ("mon-sun", ALL_WEEKDAYS),
        ("sun-sun", {0}),
        ("*/2", {0, 2, 4, 6}),
        ("1-5/2", {1, 3, 5}),
        ("fri-tue/2", {5, 0, 2}),
        ("1,3,sat", {1, 3, 6}),
        ("mon,5-7", {1, 5, 6, 0}),
    ],
)
def test_weekdays_fire_on_the_days_that_cron_means(written: str, weekdays: set[int]) -> None:
    expected = by_hand({0}, {7}, weekdays, ALL_DAYS, ALL_MONTHS)
    assert fire_times(f"0 7 * * {written}") == expected


@pytest.mark.parametrize(
    ("line", "minutes", "hours", "days", "months"),
    [
        ("*/15 8-18/5 * * *", {0, 15, 30, 45}, {8, 13, 18}, ALL_DAYS, ALL_MONTHS),
        ("5,10-12 23 * * *", {5, 10, 11, 12}, {23}, ALL_DAYS, ALL_MONTHS),
        ("0 0 1,15 * *", {0}, {0}, {1, 15}, ALL_MONTHS),
        ("0 0 */10 feb *", {0}, {0}, {1, 11, 21, 31}, {2}),
        ("0 6 29-31 jan,MAR *", {0}, {6}, {29, 30, 31}, {1, 3}),
        ("  30   4  29 2 * ", {30}, {4}, {29}, {2}),
        ("@hourly", {0}, set(range(24)), ALL_DAYS, ALL_MONTHS),
        ("@Daily", {0}, {0}, ALL_DAYS, ALL_MONTHS),
        ("@monthly", {0}, {0}, {1}, ALL_MONTHS),
    ],
)
def test_the_other_fields_fire_when_cron_means(
    line: str, minutes: set[int], hours: set[int], days: set[int], months: set[int]
) -> None:
    assert fire_times(line) == by_hand(minutes, hours, ALL_WEEKDAYS, days, months)


def test_weekly_is_sunday_at_midnight() -> None:
    assert fire_times("@weekly") == by_hand({0}, {0}, {0}, ALL_DAYS, ALL_MONTHS)


def test_a_line_is_written_with_names_for_weekdays() -> None:
    assert parse_cron("0 7 * * 1-5") == CronLine("0", "7", "*", "*", "mon,tue,wed,thu,fri")


@given(
    first=st.integers(0, 7), last=st.integers(0, 7), step=st.integers(1, 7), hour=st.integers(0, 23)
)
@settings(max_examples=60, deadline=None)
def test_any_range_of_weekdays_fires_as_counted_by_hand(
    first: int, last: int, step: int, hour: int
) -> None:
    # Count forward from the first day to the last, around the week when it must.
    span = (last - first) if last >= first else (last - first) % 7
    weekdays = {(first + offset) % 7 for offset in range(0, span + 1, step)}
    expected = by_hand({0}, {hour}, weekdays, ALL_DAYS, ALL_MONTHS)
    assert fire_times(f"0 {hour} * * {first}-{last}/{step}") == expected


@given(st.text(alphabet="0123456789*/,-@ adefmnorstu٣", max_size=20))
@settings(deadline=None)
def test_any_text_is_either_refused_or_understood_by_the_scheduler(line: str) -> None:
    try:
        fields = parse_cron(line)
    except ValueError:
        return
    CronTrigger(**asdict(fields), timezone=UTC)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "0 7 * *",
            "'0 7 * *' has 4 of the five fields of a cron line (minute, hour, day of month, "
            "month, day of week); for example '0 7 * * mon-fri'",
        ),
        ("60 7 * * *", "minute '60' is not allowed; allowed: 0-59"),
        ("0 24 * * *", "hour '24' is not allowed; allowed: 0-23"),
        ("0 7 0 * *", "day of month '0' is not allowed; allowed: 1-31"),
        ("0 7 * 13 *", "month '13' is not allowed; allowed: 1-12 or jan-dec"),
        ("0 7 * * 8", "day of week '8' is not allowed; allowed: 0-7 or sun-sat"),
        ("0 7 * * funday", "day of week 'funday' is not allowed; allowed: 0-7 or sun-sat"),
        ("0 mon * * *", "hour 'mon' is not allowed; allowed: 0-23"),
        (
            "0 7am * * *",
            "hour '7am' can't be read; allowed: *, 0-23, ranges (1-5), lists (1,3) and steps (*/2)",
        ),
        ("0 22-2 * * *", "hour '22-2' runs backwards; write it as two ranges"),
        ("*/0 * * * *", "minute '*/0' has a step of 0; allowed: 1-60"),
        ("*/90 * * * *", "minute '*/90' has a step of 90; allowed: 1-60"),
        ("5/15 * * * *", "minute '5/15' has a step but no range; write 5-59/15"),
        (
            "0 7 1,, * *",
            "day of month '' can't be read; allowed: *, 1-31, ranges (1-5), lists (1,3) "
            "and steps (*/2)",
        ),
        (
            "0 7 1 * mon",
            "'0 7 1 * mon' names both days of the month and days of the week, which cron reads as "
            "either of them; make two digests, one for each",
        ),
        ("0 7 30-31 2 *", "'0 7 30-31 2 *' names a day that none of its months has"),
        ("@reboot", "'@reboot' is not one of @hourly, @daily, @weekly, @monthly"),
        (
            "",
            "'' has 0 of the five fields of a cron line (minute, hour, day of month, "
            "month, day of week); for example '0 7 * * mon-fri'",
        ),
    ],
)
def test_a_bad_line_names_the_field_and_what_is_allowed(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_cron(line)
