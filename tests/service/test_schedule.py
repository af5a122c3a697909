"""The schedule, with APScheduler for real; the clock is only asked, never waited for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.config import DigestSpec
from digest.service.schedule import Build, Schedule, cron_trigger, last_due

GRACE = timedelta(hours=6)
PATIENCE = 20.0  # seconds until a run that never comes fails the test


def spec(
    name: str = "morning", schedule: str | None = "0 7 * * *", zone: str = "UTC"
) -> DigestSpec:
    return DigestSpec(name=name, schedule=schedule, timezone=zone)


def times(wanted: DigestSpec, after: datetime, count: int) -> list[datetime]:
    """The next `count` times that `wanted` is due after `after`, in UTC."""
    trigger = cron_trigger(wanted)
    found: list[datetime] = []
    due = trigger.get_next_fire_time(None, after)
    while due is not None and len(found) < count:
        found.append(due.astimezone(UTC))
        due = trigger.get_next_fire_time(due, due)
    return found


@contextmanager
def started(digests: list[DigestSpec], build: Build) -> Iterator[Schedule]:
    schedule = Schedule(digests, build, GRACE)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.stop()


def due_now(schedule: Schedule, *names: str, late: timedelta = timedelta(0)) -> None:
    """Makes the digests' next run one that was due `late` ago."""
    for name in names:
        schedule._scheduler.modify_job(name, next_run_time=datetime.now(UTC) - late)


# --- when ----------------------------------------------------------------------------------


def test_seven_in_the_morning_stays_seven_through_summer_time() -> None:
    london = spec(zone="Europe/London")
    spring = times(london, datetime(2026, 3, 28, tzinfo=UTC), 2)
    assert [f"{due:%d %H:%M}" for due in spring] == ["28 07:00", "29 06:00"]
    autumn = times(london, datetime(2026, 10, 24, tzinfo=UTC), 2)
    assert [f"{due:%d %H:%M}" for due in autumn] == ["24 06:00", "25 07:00"]


def test_an_hour_that_the_clocks_jump_over_is_not_lost() -> None:
    """New York, 8 March 2026: two o'clock is three o'clock."""
    new_york = spec(schedule="30 2 * * *", zone="America/New_York")
    days = [
        due.astimezone(ZoneInfo("America/New_York"))
        for due in times(new_york, datetime(2026, 3, 7, 0, tzinfo=UTC), 3)
    ]
    assert [due.day for due in days] == [7, 8, 9]


def test_an_hour_that_comes_twice_belongs_to_one_date() -> None:
    """Berlin, 25 October 2026: half past two comes twice. The second finds its edition there."""
    berlin = spec(schedule="30 2 * * *", zone="Europe/Berlin")
    due = times(berlin, datetime(2026, 10, 24, 12, tzinfo=UTC), 3)
    local = [moment.astimezone(ZoneInfo("Europe/Berlin")) for moment in due]
    assert [f"{moment:%d %H:%M}" for moment in local] == ["25 02:30", "25 02:30", "26 02:30"]


@pytest.mark.parametrize(
    ("line", "weekdays"),
    [
        ("0 7 * * 0", {"Sun"}),
        ("0 7 * * 7", {"Sun"}),
        ("0 7 * * 1-5", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("0 7 * * mon-fri", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("0 7 * * 6", {"Sat"}),
        ("@weekly", {"Sun"}),
    ],
)
def test_weekdays_are_cron_s_not_apscheduler_s(line: str, weekdays: set[str]) -> None:
    due = times(spec(schedule=line), datetime(2026, 3, 1, tzinfo=UTC), 14)
    assert {f"{moment:%a}" for moment in due} == weekdays


def test_each_digest_has_its_own_time_zone() -> None:
    digests = [spec("tokyo", zone="Asia/Tokyo"), spec("paris", zone="Europe/Paris")]
    with started(digests, lambda *_: None) as schedule:
        due = schedule.next_runs()
    assert set(due) == {"tokyo", "paris"}
    assert due["tokyo"].astimezone(ZoneInfo("Asia/Tokyo")).hour == 7
    assert due["paris"].astimezone(ZoneInfo("Europe/Paris")).hour == 7
    assert {moment.tzinfo for moment in due.values()} == {UTC}


def test_a_digest_without_schedule_is_not_scheduled() -> None:
    with started([spec("daily"), spec("by-hand", schedule=None)], lambda *_: None) as schedule:
        assert set(schedule.next_runs()) == {"daily"}
    with pytest.raises(ValueError, match="'by-hand' has no schedule"):
        cron_trigger(spec("by-hand", schedule=None))


# --- how -----------------------------------------------------------------------------------


def test_a_late_run_may_start_for_hours_and_a_backlog_is_one_run() -> None:
    with started([spec()], lambda *_: None) as schedule:
        job = schedule._scheduler.get_job("morning")
        assert job.misfire_grace_time == GRACE.total_seconds()
        assert job.coalesce is True
        assert job.max_instances == 1


def test_a_run_that_was_due_while_the_machine_slept_is_made_up_once() -> None:
    built = Recorder()
    # feeds.yaml refuses such a line; here it stands for many mornings missed.
    often = spec().model_copy(update={"schedule": "* * * * *"})
    with started([often], built) as schedule:
        due_now(schedule, "morning", late=timedelta(hours=3))  # 180 times missed
        built.wait(1)
    assert built.names in (["morning"], ["morning"] * 2)  # 2: a new minute began meanwhile


def test_a_run_missed_for_longer_than_the_grace_is_told_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    built, told = Recorder(), threading.Event()
    with watched("digest.service.schedule", told), started([spec()], built) as schedule:
        due_now(schedule, "morning", late=timedelta(hours=9))
        assert told.wait(PATIENCE)
    assert built.names == []
    assert "`digest run morning` builds it now" in caplog.text


def test_a_build_is_given_its_digest_and_the_moment_in_utc() -> None:
    built = Recorder()
    with started([spec()], built) as schedule:
        due_now(schedule, "morning")
        built.wait(1)
    assert built.names == ["morning"]
    assert built.moments[0].tzinfo is UTC


def test_two_digests_due_at_once_are_built_one_after_the_other() -> None:
    busy = threading.Lock()
    overlaps: list[str] = []

    def build(wanted: DigestSpec, now: datetime) -> None:
        if not busy.acquire(blocking=False):
            overlaps.append(wanted.name)
            return
        built(wanted, now)
        built.pause.wait(0.2)
        busy.release()

    built = Recorder()
    with started([spec("one"), spec("two"), spec("three")], build) as schedule:
        due_now(schedule, "one", "two", "three")
        built.wait(3)
    assert sorted(built.names) == ["one", "three", "two"]
    assert overlaps == []


def test_a_build_that_fails_is_logged_and_the_schedule_lives_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    built = Recorder()

    def build(wanted: DigestSpec, now: datetime) -> None:
        built(wanted, now)
        if wanted.name == "broken":
            raise RuntimeError("no paper")

    with started([spec("broken"), spec("sound")], build) as schedule:
        due_now(schedule, "broken")
        built.wait(1)
        due_now(schedule, "sound")
        built.wait(2)
        assert set(schedule.next_runs()) == {"broken", "sound"}
    assert built.names == ["broken", "sound"]
    assert "digest broken: its run failed: no paper" in caplog.text


def test_stopping_waits_for_the_run_in_hand_and_starts_no_other() -> None:
    entered, leave = threading.Event(), threading.Event()
    finished: list[str] = []

    def build(wanted: DigestSpec, _: datetime) -> None:
        entered.set()
        assert leave.wait(PATIENCE)
        finished.append(wanted.name)

    schedule = Schedule([spec("one"), spec("two")], build, GRACE)
    schedule.start()
    due_now(schedule, "one", "two")
    assert entered.wait(PATIENCE)
    stopper = threading.Thread(target=schedule.stop)
    stopper.start()
    stopper.join(0.2)
    assert stopper.is_alive(), "stop must wait for the run in hand"
    assert finished == []
    leave.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert len(finished) == 1


class Recorder:
    """A build that only notes what it was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.moments: list[datetime] = []
        self.pause = threading.Event()  # never set: something to wait on
        self._news = threading.Condition()

    def __call__(self, wanted: DigestSpec, now: datetime) -> None:
        with self._news:
            self.names.append(wanted.name)
            self.moments.append(now)
            self._news.notify_all()

    def wait(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.names) >= count, PATIENCE)


@contextmanager
def watched(logger: str, told: threading.Event) -> Iterator[None]:
    """Sets `told` as soon as `logger` says something."""

    class Bell(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
            told.set()

    bell = Bell()
    logging.getLogger(logger).addHandler(bell)
    try:
        yield
    finally:
        logging.getLogger(logger).removeHandler(bell)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-03T00:04:00Z", "2026-03-02T23:55:00Z"),
        ("2026-03-02T23:55:00Z", "2026-03-02T23:55:00Z"),
        ("2026-03-03T05:54:00Z", "2026-03-02T23:55:00Z"),
        ("2026-03-03T12:00:00Z", "2026-03-03T12:00:00Z"),  # beyond the grace
    ],
)
def test_a_late_run_knows_when_it_was_due(now: str, due: str) -> None:
    late = DigestSpec(name="late", schedule="55 23 * * *")
    found = last_due(late, datetime.fromisoformat(now), timedelta(hours=6))
    assert found == datetime.fromisoformat(due)
