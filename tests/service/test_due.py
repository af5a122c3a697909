"""What is due: dates, not moments. A date has one edition, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.config import DigestSpec
from digest.records import DueEdition, EditionState, EditionStatus
from digest.service.due import (
    Build,
    Decision,
    Skip,
    decide,
    moments,
    newest_due,
    next_due,
)

GRACE = timedelta(hours=6)
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)  # the moment of 2026-03-02


def spec(schedule: str | None = "0 7 * * *", zone: str = "UTC") -> DigestSpec:
    return DigestSpec(name="morning", schedule=schedule, timezone=zone)


def often(schedule: str) -> DigestSpec:
    """A digest that is due several times a day, as feeds.yaml refuses it."""
    return spec().model_copy(update={"schedule": schedule})


def row(
    day: str,
    state: EditionState,
    *,
    asked: datetime | None = None,
    send_at: datetime | None = None,
    updated: datetime | None = None,
    until: datetime | None = None,
    not_before: datetime | None = None,
) -> EditionStatus:
    return EditionStatus(
        "morning",
        day,
        state,
        updated or asked or MONDAY - timedelta(days=1),
        asked=asked,
        send_at=send_at,
        until=until,
        not_before=not_before,
    )


def known(*rows: EditionStatus) -> dict[str, EditionStatus]:
    return {one.date: one for one in rows}


def sent(day: str) -> EditionStatus:
    """A date that the schedule has dealt with."""
    moment = datetime.fromisoformat(f"{day}T07:00Z")
    return row(day, "sent", asked=moment, send_at=moment)


def told(decisions: list[Decision]) -> list[str]:
    """The decisions in short: `build 2026-03-02`."""
    return [
        f"{'build' if isinstance(decision, Build) else 'skip'} {decision.due.date}"
        for decision in decisions
    ]


def reasons(decisions: list[Decision]) -> list[str]:
    return [decision.reason for decision in decisions if isinstance(decision, Skip)]


# --- when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "schedule", "day", "moment"),
    [
        # An hour that does not exist: as long after the jump as after the moment before it.
        ("Europe/London", "30 1 * * *", "2026-03-29", "2026-03-29T01:30Z"),  # 02:30 BST
        ("America/New_York", "30 2 * * *", "2026-03-08", "2026-03-08T07:30Z"),  # 03:30 EDT
        ("Europe/Helsinki", "30 3 * * *", "2026-03-29", "2026-03-29T01:30Z"),  # 04:30 EEST
        ("Europe/Berlin", "0 2 * * *", "2026-03-29", "2026-03-29T01:00Z"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", "2026-10-03T15:45Z"),  # 02:45 +11
        ("America/Havana", "0 0 * * *", "2026-03-08", "2026-03-08T05:00Z"),  # 01:00
        ("Asia/Beirut", "0 0 * * *", "2026-03-29", "2026-03-28T22:00Z"),  # 01:00
        ("Africa/Cairo", "30 0 * * *", "2026-04-24", "2026-04-23T22:30Z"),  # 01:30
        # The clock has passed midnight by then; the date stays.
        ("America/Nuuk", "30 23 * * *", "2026-03-28", "2026-03-29T01:30Z"),  # 29 March, 00:30
        # The days before and after.
        ("Europe/London", "30 1 * * *", "2026-03-28", "2026-03-28T01:30Z"),
        ("Europe/London", "30 1 * * *", "2026-03-30", "2026-03-30T00:30Z"),
        # A time that comes twice: the first.
        ("Europe/London", "30 1 * * *", "2026-10-25", "2026-10-25T00:30Z"),
        ("America/New_York", "30 1 * * *", "2026-11-01", "2026-11-01T05:30Z"),
        ("Europe/Helsinki", "30 3 * * *", "2026-10-25", "2026-10-25T00:30Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", "2026-04-04T14:45Z"),
        ("America/Havana", "30 0 * * *", "2026-11-01", "2026-11-01T04:30Z"),
        ("America/St_Johns", "0 0 * * *", "2010-11-07", "2010-11-07T02:30Z"),
        ("America/Nuuk", "30 23 * * *", "2026-10-24", "2026-10-25T00:30Z"),
        # A zone whose clocks never change, half an hour off.
        ("Asia/Kolkata", "0 7 * * *", "2026-03-29", "2026-03-29T01:30Z"),
        ("Asia/Kathmandu", "0 7 * * *", "2026-03-29", "2026-03-29T01:15Z"),
        # Beside a date that was left out.
        ("Pacific/Apia", "0 7 * * *", "2011-12-29", "2011-12-29T17:00Z"),
        ("Pacific/Apia", "0 7 * * *", "2011-12-31", "2011-12-30T17:00Z"),
    ],
)
def test_each_date_is_due_once(zone: str, schedule: str, day: str, moment: str) -> None:
    found = moments(spec(schedule, zone), date.fromisoformat(day))
    assert found == [datetime.fromisoformat(moment)]
    assert found[0].tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Apia", "2011-12-30"),
        ("Pacific/Fakaofo", "2011-12-30"),
        ("Pacific/Kwajalein", "1993-08-21"),
        ("Pacific/Kiritimati", "1994-12-31"),
    ],
)
@pytest.mark.parametrize("schedule", ["0 0 * * *", "0 7 * * *", "59 23 * * *"])
def test_a_date_that_its_zone_left_out_is_never_due(zone: str, day: str, schedule: str) -> None:
    left_out = date.fromisoformat(day)
    digest = spec(schedule, zone)
    assert moments(digest, left_out) == []
    (before,) = moments(digest, left_out - timedelta(days=1))
    (after,) = moments(digest, left_out + timedelta(days=1))
    assert after - before == timedelta(days=1)
    # Nor is it skipped.
    earlier = (left_out - timedelta(days=1)).isoformat()
    there = known(row(earlier, "sent", asked=before, send_at=before))
    assert told(decide(digest, there, after, GRACE)) == [
        f"build {left_out + timedelta(days=1):%Y-%m-%d}"
    ]


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("0 7 * * mon-fri", ["02", "03", "04", "05", "06", "09"]),
        ("0 7 * * 0", ["01", "08"]),
        ("0 7 * * 7", ["01", "08"]),
        ("0 7 1,9 * *", ["01", "09"]),
        ("0 7 * 4 *", []),
    ],
)
def test_a_date_is_due_when_the_line_names_its_day(schedule: str, days: list[str]) -> None:
    march = [date(2026, 3, 1) + timedelta(days=day) for day in range(9)]
    assert [f"{day:%d}" for day in march if moments(spec(schedule), day)] == days


def test_a_date_is_known_by_the_place_it_is_read_at() -> None:
    """Seven in Auckland is the evening before in UTC."""
    due = newest_due(spec(zone="Pacific/Auckland"), datetime(2026, 3, 1, 18, tzinfo=UTC))
    assert due == DueEdition("morning", "2026-03-02", datetime(2026, 3, 1, 18, tzinfo=UTC))


def test_a_late_evening_is_still_due_after_midnight() -> None:
    late = spec("55 23 * * *")
    now = datetime(2026, 3, 3, 0, 4, tzinfo=UTC)
    due = DueEdition("morning", "2026-03-02", datetime(2026, 3, 2, 23, 55, tzinfo=UTC))
    assert decide(late, {}, now, GRACE) == [Build(due)]


def test_a_midnight_that_was_already_is_due_although_yesterday_came_back() -> None:
    """St. John's, 2010-11-07: at 00:01 it was 23:01 again."""
    midnight = spec("0 0 * * *", "America/St_Johns")
    now = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert now.astimezone(ZoneInfo("America/St_Johns")).day == 6
    assert told(decide(midnight, known(sent("2010-11-06")), now, GRACE)) == ["build 2010-11-07"]


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
    day=st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    minute=st.integers(0, 24 * 60 - 1),
)
def test_a_date_that_is_there_is_due_once_and_before_the_next(
    zone: str, day: date, minute: int
) -> None:
    digest = spec(f"{minute % 60} {minute // 60} * * *", zone)
    found = [moments(digest, day + timedelta(days=ahead)) for ahead in range(3)]
    assert all(len(each) <= 1 for each in found)
    flat = [moment for each in found for moment in each]
    assert len(flat) >= 2, "no zone has left out two dates in a row since 1990"
    assert flat == sorted(set(flat))
    for moment, each in zip(found[0], [day], strict=False):
        reading = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        wanted = datetime.combine(each, reading.time()).replace(
            hour=minute // 60, minute=minute % 60
        )
        # Later by what the clocks jumped over, an hour or two; never earlier.
        assert timedelta(0) <= reading - wanted.replace(second=reading.second) <= 2 * HOUR


# --- which ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (timedelta(minutes=-1), []),
        (timedelta(0), ["build 2026-03-02"]),
        (timedelta(hours=6), ["build 2026-03-02"]),
        (timedelta(hours=6, seconds=1), ["skip 2026-03-02"]),
    ],
)
def test_an_edition_is_built_from_its_moment_to_the_end_of_the_grace(
    late: timedelta, expected: list[str]
) -> None:
    there = known(sent("2026-03-01"))
    assert told(decide(spec(), there, MONDAY + late, GRACE)) == expected


def test_a_skipped_date_says_when_it_was_due_and_why_it_has_none() -> None:
    decisions = decide(spec(), {}, MONDAY + timedelta(hours=9), GRACE)
    assert reasons(decisions) == [
        "it was due at 2026-03-02 07:00 UTC and was not built within 6 h of that: no service was "
        "running then, or none could build"
    ]


def test_a_digest_without_schedule_is_never_due() -> None:
    assert decide(spec(None), {}, MONDAY, GRACE) == []
    assert next_due(spec(None), {}, MONDAY) is None


@pytest.mark.parametrize("state", ["sending", "sent"])
def test_what_has_left_is_done(state: EditionState) -> None:
    assert decide(spec(), known(row("2026-03-02", state)), MONDAY, GRACE) == []


@pytest.mark.parametrize("state", ["draft", "approved"])
def test_an_edition_built_by_hand_before_its_time_is_given_its_time(state: EditionState) -> None:
    there = known(sent("2026-03-01"), row("2026-03-02", state))
    assert decide(spec(), there, MONDAY - HOUR, GRACE) == []
    assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]
    assert decide(spec(), there, MONDAY + 9 * HOUR, GRACE) == []
    timed = known(row("2026-03-02", state, asked=MONDAY, send_at=MONDAY))
    assert decide(spec(), timed, MONDAY + HOUR, GRACE) == []


def test_an_edition_that_somebody_builds_is_left_to_the_run_to_judge() -> None:
    for asked in (None, MONDAY):
        there = known(row("2026-03-02", "building", asked=asked, until=MONDAY + HOUR))
        assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]


def test_a_build_that_was_cut_short_is_skipped_when_its_time_is_over() -> None:
    there = known(row("2026-03-02", "building", until=MONDAY + HOUR))
    late = MONDAY + 9 * HOUR
    assert told(decide(spec(), there, late, GRACE)) == ["skip 2026-03-02"]
    alive = known(row("2026-03-02", "building", until=late + HOUR))
    assert decide(spec(), alive, late, GRACE) == []


def test_a_failed_edition_is_tried_again_after_its_pause_and_within_the_grace() -> None:
    failed = row("2026-03-02", "failed", asked=MONDAY, not_before=MONDAY + HOUR)
    there = known(failed)
    assert decide(spec(), there, MONDAY + timedelta(minutes=59), GRACE) == []
    assert told(decide(spec(), there, MONDAY + HOUR, GRACE)) == ["build 2026-03-02"]
    # It has a reason of its own already.
    assert decide(spec(), there, MONDAY + 7 * HOUR, GRACE) == []


@pytest.mark.parametrize("state", ["skipped", "failed"])
def test_a_later_time_of_the_same_date_is_another_chance(state: EditionState) -> None:
    """The schedule was moved from six to seven; or it was built by hand, and failed."""
    for asked in (MONDAY - HOUR, None):
        there = known(row("2026-03-02", state, asked=asked, not_before=MONDAY + HOUR))
        assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]


def test_an_empty_date_is_not_asked_for_again() -> None:
    there = known(row("2026-03-02", "skipped", asked=MONDAY))
    assert decide(spec(), there, MONDAY + timedelta(minutes=1), GRACE) == []


def test_a_digest_that_is_due_twice_a_day_has_one_edition_a_date() -> None:
    twice = often("0 7,18 * * *")
    evening = MONDAY.replace(hour=18)
    assert decide(twice, known(sent("2026-03-02")), evening, GRACE) == []
    empty = known(row("2026-03-02", "skipped", asked=MONDAY))
    assert decide(twice, empty, MONDAY + HOUR, GRACE) == []
    due = DueEdition("morning", "2026-03-02", evening)
    assert decide(twice, empty, evening + HOUR, GRACE) == [Build(due)]
    assert decide(twice, known(sent("2026-03-01")), evening + HOUR, GRACE) == [Build(due)]


# --- after a pause -------------------------------------------------------------------------


def test_of_several_dates_only_the_newest_is_built() -> None:
    there = known(sent("2026-03-01"))
    now = MONDAY + timedelta(days=2, hours=1)
    decisions = decide(spec(), there, now, timedelta(hours=72))
    assert told(decisions) == ["skip 2026-03-02", "skip 2026-03-03", "build 2026-03-04"]
    assert reasons(decisions)[0] == (
        "it was due at 2026-03-02 07:00 UTC, and before it could be built, the edition of "
        "2026-03-04 was due"
    )


def test_a_failed_edition_is_over_when_the_next_one_is_due() -> None:
    failed = row("2026-03-02", "failed", asked=MONDAY, not_before=MONDAY + HOUR)
    there = known(failed, row("2026-03-03", "skipped", asked=MONDAY + timedelta(days=1)))
    assert decide(spec(), there, MONDAY + timedelta(days=1, hours=1), timedelta(hours=72)) == []


def test_after_years_a_year_of_dates_is_skipped() -> None:
    there = known(row("2020-01-01", "sent", asked=datetime(2020, 1, 1, 7, tzinfo=UTC)))
    decisions = decide(spec(), there, MONDAY + 9 * HOUR, GRACE)
    assert {type(decision) for decision in decisions} == {Skip}
    assert len(decisions) == 366
    assert told(decisions)[0] == "skip 2025-03-02"
    assert told(decisions)[-1] == "skip 2026-03-02"


def test_a_new_digest_has_no_history() -> None:
    assert told(decide(spec(), {}, MONDAY, GRACE)) == ["build 2026-03-02"]
    by_hand = known(row("2026-02-10", "approved"))
    assert told(decide(spec(), by_hand, MONDAY, GRACE)) == ["build 2026-03-02"]
    weekly = spec("0 7 * * mon")
    assert decide(weekly, {}, MONDAY + timedelta(days=3), GRACE) == []
    assert told(decide(weekly, {}, MONDAY + HOUR, GRACE)) == ["build 2026-03-02"]
    assert told(decide(weekly, {}, MONDAY + 9 * HOUR, GRACE)) == ["skip 2026-03-02"]
    assert decide(spec(), {}, MONDAY - HOUR, GRACE) == [], "yesterday was before its time"


def test_dates_that_the_line_does_not_name_are_not_skipped() -> None:
    there = known(sent("2026-02-23"))
    decisions = decide(spec("0 7 * * mon,thu"), there, MONDAY, GRACE)
    assert told(decisions) == ["skip 2026-02-26", "build 2026-03-02"]


def test_a_date_that_has_a_row_is_not_skipped_again() -> None:
    there = known(
        sent("2026-02-27"),
        row("2026-02-28", "approved"),
        row("2026-03-01", "failed", asked=None),
    )
    assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]


# --- clocks and zones that are changed -----------------------------------------------------


def test_a_clock_that_is_set_back_builds_nothing_twice() -> None:
    there = known(*(sent(f"2026-02-{day}") for day in range(20, 29)), sent("2026-03-01"))
    for back in range(1, 9):
        assert decide(spec(), there, MONDAY - timedelta(days=back), GRACE) == []


def test_no_edition_follows_that_of_a_later_date() -> None:
    """The zone was changed from Kiritimati to Honolulu, where it is still the day before."""
    there = known(sent("2026-02-28"), sent("2026-03-03"))
    decisions = decide(spec(), there, MONDAY, GRACE)
    assert told(decisions) == ["skip 2026-03-01", "skip 2026-03-02"]
    assert reasons(decisions)[-1] == (
        "the edition of 2026-03-03 had left before it: the clock was set back, or the digest's "
        "time zone was changed"
    )
    waiting = known(row("2026-03-03", "draft", asked=MONDAY, send_at=MONDAY))
    assert told(decide(spec(), waiting, MONDAY, GRACE)) == ["skip 2026-03-02"]
    tried = known(row("2026-03-03", "draft"))  # by hand, with --now: it goes nowhere by itself
    assert told(decide(spec(), tried, MONDAY, GRACE)) == ["build 2026-03-02"]


def test_an_edition_of_another_year_blocks_nothing() -> None:
    there = known(sent("2026-03-01"), sent("2027-03-02"), sent("2026-03-05"))
    assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]


def test_what_a_clock_that_was_ahead_has_skipped_is_built_when_its_day_comes() -> None:
    ahead = MONDAY + timedelta(days=200)
    wrong = [
        row(f"2026-03-0{day}", "skipped", asked=MONDAY + timedelta(days=day - 2), updated=ahead)
        for day in range(2, 9)
    ]
    there = known(sent("2026-03-01"), *wrong)
    for day in range(7):
        now = MONDAY + timedelta(days=day)
        assert told(decide(spec(), there, now, GRACE)) == [f"build 2026-03-0{day + 2}"]


def test_a_pause_that_a_clock_that_was_ahead_has_set_is_over() -> None:
    far = MONDAY + timedelta(days=200)
    there = known(row("2026-03-02", "failed", asked=MONDAY, updated=far, not_before=far + HOUR))
    assert told(decide(spec(), there, MONDAY, GRACE)) == ["build 2026-03-02"]


# --- next ----------------------------------------------------------------------------------


def test_the_next_edition_is_the_next_moment_without_one() -> None:
    due = DueEdition("morning", "2026-03-03", MONDAY + timedelta(days=1))
    assert next_due(spec(), {}, MONDAY) == due
    assert next_due(spec(), known(sent("2026-03-03")), MONDAY) == DueEdition(
        "morning", "2026-03-04", MONDAY + timedelta(days=2)
    )
    earlier = next_due(spec(), {}, MONDAY - timedelta(seconds=1))
    assert earlier == DueEdition("morning", "2026-03-02", MONDAY)


def test_the_next_29_february_can_be_eight_years_off() -> None:
    leap = spec("0 7 29 2 *")
    due = next_due(leap, {}, datetime(2096, 3, 1, tzinfo=UTC))
    assert due is not None
    assert due.date == "2104-02-29"
