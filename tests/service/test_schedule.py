"""When jobs wake, with APScheduler for real; the clock is only asked, never waited for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.config import DigestSpec
from digest.service.due import moments
from digest.service.schedule import Job, Schedule, cron_trigger

GRACE = timedelta(hours=6)
FAR = timedelta(days=30)
PATIENCE = 20.0  # seconds until a run that never comes fails the test


def spec(
    name: str = "morning", schedule: str | None = "0 7 * * *", zone: str = "UTC"
) -> DigestSpec:
    return DigestSpec(name=name, schedule=schedule, timezone=zone)


class Recorder:
    """A job that only notes that it ran, and who ran it."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self._news = threading.Condition()

    def __call__(self) -> None:
        with self._news:
            self.threads.append(threading.current_thread().name)
            self._news.notify_all()

    def wait(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.threads) >= count, PATIENCE)


@contextmanager
def started(
    digests: Sequence[DigestSpec],
    wake: Callable[[], None] = lambda: None,
    *jobs: Job,
    offset: Callable[[], float] = lambda: 0.0,
) -> Iterator[Schedule]:
    schedule = Schedule(jobs, wake, GRACE, offset)
    schedule.set_digests(digests)
    schedule.start()
    try:
        yield schedule
    finally:
        assert schedule.stop(PATIENCE) == []


def due_now(schedule: Schedule, *names: str, late: timedelta = timedelta(0)) -> None:
    """Makes the digests' next moment one that was `late` ago."""
    for name in names:
        schedule._scheduler.modify_job(f"digest:{name}", next_run_time=datetime.now(UTC) - late)


@contextmanager
def watched(logger: str) -> Iterator[threading.Event]:
    """An event that is set as soon as `logger` says something."""
    told = threading.Event()

    class Bell(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
            told.set()

    bell = Bell()
    logging.getLogger(logger).addHandler(bell)
    try:
        yield told
    finally:
        logging.getLogger(logger).removeHandler(bell)


# --- when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "weekdays"),
    [
        ("0 7 * * 0", {"Sun"}),
        ("0 7 * * 7", {"Sun"}),
        ("0 7 * * 1-5", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("0 7 * * 6", {"Sat"}),
        ("@weekly", {"Sun"}),
    ],
)
def test_weekdays_are_cron_s_not_apscheduler_s(line: str, weekdays: set[str]) -> None:
    trigger = cron_trigger(spec(schedule=line))
    found = set()
    due = trigger.get_next_fire_time(None, datetime(2026, 3, 1, tzinfo=UTC))
    for _ in range(14):
        found.add(f"{due:%a}")
        due = trigger.get_next_fire_time(due, due + timedelta(seconds=1))
    assert found == weekdays


def test_it_wakes_at_the_moment_that_is_due() -> None:
    """On a day without a change of the clocks; on the others a minute's tick makes up for it."""
    for zone in ("Asia/Tokyo", "Europe/Paris", "America/St_Johns"):
        digest = spec(zone=zone)
        woken = cron_trigger(digest).get_next_fire_time(None, datetime(2026, 3, 2, tzinfo=UTC))
        (moment,) = moments(digest, woken.astimezone(ZoneInfo(zone)).date())
        assert woken == moment


def test_a_digest_without_schedule_is_not_scheduled() -> None:
    with started([spec("daily"), spec("by-hand", schedule=None)]) as schedule:
        assert set(schedule.next_runs()) == {"daily"}
    with pytest.raises(ValueError, match="'by-hand' has no schedule"):
        cron_trigger(spec("by-hand", schedule=None))


def test_another_configuration_reschedules_what_has_changed() -> None:
    with started([spec("kept"), spec("moved"), spec("gone")]) as schedule:
        due_now(schedule, "kept", late=-timedelta(minutes=9))
        kept = schedule.next_runs()["kept"]
        schedule.set_digests([spec("kept"), spec("moved", "0 19 * * *"), spec("new")])
        runs = schedule.next_runs()
        assert set(runs) == {"kept", "moved", "new"}
        assert runs["kept"] == kept
        assert runs["moved"].hour == 19
        schedule.set_digests([spec("moved", "0 19 * * *", "Asia/Tokyo")])
        assert schedule.next_runs()["moved"].hour == 10
        schedule.set_digests([spec("moved", None)])
        assert schedule.next_runs() == {}


# --- how -----------------------------------------------------------------------------------


def test_a_digest_may_be_hours_late_and_a_backlog_is_one_run() -> None:
    with started([spec()]) as schedule:
        job = schedule._scheduler.get_job("digest:morning")
        assert job.misfire_grace_time == GRACE.total_seconds()
        assert (job.coalesce, job.max_instances) == (True, 1)


def test_a_moment_that_was_slept_through_wakes_once() -> None:
    woken = Recorder()
    often = spec().model_copy(update={"schedule": "* * * * *"})
    with started([often], woken) as schedule:
        due_now(schedule, "morning", late=timedelta(hours=3))  # 180 times missed
        woken.wait(1)
    assert len(woken.threads) in (1, 2)  # 2: a new minute began meanwhile


def test_a_moment_missed_for_longer_than_the_grace_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    woken = Recorder()
    # One whose own moments are years apart: today's, if it just was, would be within the grace.
    seldom = spec(schedule="0 7 29 2 *")
    with watched("digest.service.schedule") as told, started([seldom], woken) as schedule:
        due_now(schedule, "morning", late=timedelta(hours=9))
        assert told.wait(PATIENCE)
        # It is told to this test first, and to the log in the next moment.
        end = time.monotonic() + PATIENCE
        while "its moment of" not in caplog.text and time.monotonic() < end:
            time.sleep(0.01)
    assert woken.threads == []
    assert "morning: its moment of " in caplog.text
    assert "DIGEST_MISFIRE_GRACE_HOURS" in caplog.text


def test_jobs_run_at_once_and_again_and_again() -> None:
    ran, waits = Recorder(), Recorder()
    jobs = (
        Job("often", ran, timedelta(seconds=0.1), "send"),
        Job("later", waits, FAR, "watch", timedelta(hours=1)),
    )
    with started([], lambda: None, *jobs):
        ran.wait(3)
    assert waits.threads == []


def test_a_lane_does_one_thing_at_a_time_and_holds_up_no_other() -> None:
    building, leave, sent = threading.Event(), threading.Event(), Recorder()
    fetched = Recorder()

    def build() -> None:
        building.set()
        assert leave.wait(PATIENCE)

    jobs = (
        Job("tick", build, FAR, "build"),
        Job("fetch", fetched, FAR, "build", timedelta(milliseconds=1)),
        Job("deliveries", sent, timedelta(seconds=0.1), "send"),
    )
    with started([], lambda: None, *jobs):
        assert building.wait(PATIENCE)
        sent.wait(2)
        assert fetched.threads == []
        leave.set()
        fetched.wait(1)


def test_a_job_that_breaks_is_logged_and_the_others_live_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ran = Recorder()

    def broken() -> None:
        raise RuntimeError("no paper")

    jobs = (Job("broken", broken, FAR, "send"), Job("sound", ran, timedelta(seconds=0.1), "send"))
    with watched("digest.service.schedule") as told, started([], lambda: None, *jobs):
        assert told.wait(PATIENCE)
        ran.wait(2)
    assert "broken: failed: no paper" in caplog.text


# --- clocks --------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """APScheduler alone would sleep until the old time comes again: a year here."""
    ran, offset = Recorder(), [0.0]
    jobs = (Job("deliveries", ran, timedelta(seconds=5), "send", timedelta(days=366)),)
    with started([spec()], lambda: None, *jobs, offset=lambda: offset[0]) as schedule:
        due_now(schedule, "morning", late=-timedelta(days=366))
        assert not schedule.look_at_clock()
        assert ran.threads == []
        offset[0] = -366 * 86400.0
        assert schedule.look_at_clock()
        ran.wait(1)
        assert schedule.next_runs()["morning"] < datetime.now(UTC) + timedelta(days=2)
        assert not schedule.look_at_clock(), "once"


def test_a_clock_that_is_put_right_bit_by_bit_is_none_of_our_business() -> None:
    offset = [0.0]
    with started([spec()], offset=lambda: offset[0]) as schedule:
        for _ in range(10):
            offset[0] -= 2.0
            assert not schedule.look_at_clock()
        offset[0] += 3600.0
        assert not schedule.look_at_clock(), "forward is what APScheduler copes with"


# --- stopping ------------------------------------------------------------------------------


def test_stopping_waits_for_what_runs_and_starts_nothing_more() -> None:
    entered, leave, after = threading.Event(), threading.Event(), Recorder()

    def build() -> None:
        entered.set()
        assert leave.wait(PATIENCE)

    schedule = Schedule([Job("tick", build, FAR, "build")], after, GRACE)
    schedule.set_digests([spec("one")])
    schedule.start()
    assert entered.wait(PATIENCE)
    due_now(schedule, "one")  # waits in the lane
    assert schedule.stop(0.05) == ["tick"], "what doesn't end in time is named"
    leave.set()
    assert schedule.stop(PATIENCE) == []
    assert after.threads == []


def test_a_schedule_that_never_started_can_be_stopped() -> None:
    assert Schedule([], lambda: None, GRACE).stop(0.0) == []
