"""When the service's jobs wake: APScheduler, of which this is the only door.

APScheduler only wakes; what is then due is decided from the store (`due`), so that nothing depends
on what a scheduler remembers. Explicit where its defaults would lose an edition: its misfire grace
is one second, so that a machine that slept at seven would skip the day, and a backlog would run
once a miss. And where the clock is set back, it would sleep until the old time comes again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_SUBMITTED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from digest.config import DigestSpec
from digest.cron import parse_cron

log = logging.getLogger(__name__)

Lane = Literal["build", "send", "letters", "watch"]
"""Jobs of one lane run one after the other: runs share models, memory and the state's lock. Sending
isn't held up by building, a letter that somebody waits for not by ten thousand that nobody does,
nor the look at the configuration by any."""

_LANES: tuple[Lane, ...] = ("build", "send", "letters", "watch")
# How often the clock is looked at, and by how much it must have been set back to be worth waking
# everybody for: the shortest period of a job.
_CLOCK_SECONDS = 5.0
_CRON = "digest:"


@dataclass(frozen=True, slots=True)
class Job:
    """What runs `every` so often in its lane, first `after` the start."""

    name: str
    call: Callable[[], None]
    every: timedelta
    lane: Lane
    after: timedelta = timedelta(0)


def _clock_offset() -> float:
    """Seconds by which the clock on the wall is ahead of the one that can't be set."""
    return time.time() - time.monotonic()


class Schedule:
    """Runs `jobs` in their lanes, and `wake` at the moments of the digests, until stopped.

    `wake` runs in the lane `build`; `grace` is how late it may still run for a digest's moment.
    `offset` gives the seconds from the monotonic to the real clock.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        wake: Callable[[], None],
        grace: timedelta,
        offset: Callable[[], float] = _clock_offset,
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._wake = wake
        self._offset = offset
        self._was_off = offset()
        self._stopping = threading.Event()
        self._running: list[str] = []
        self._change = threading.Condition()
        self._digests: dict[str, DigestSpec] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={lane: ThreadPoolExecutor(1) for lane in _LANES},
            job_defaults={
                "misfire_grace_time": int(grace.total_seconds()),
                "coalesce": True,
                "max_instances": 1,
            },
        )
        self._scheduler.add_listener(_on_trouble, EVENT_JOB_MISSED | EVENT_JOB_ERROR)
        self._scheduler.add_listener(self._on_look, EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES)
        self._looked = time.monotonic()
        self._clock = threading.Thread(target=self._watch_clock, name="clock", daemon=True)

    def start(self) -> None:
        """Starts the jobs; returns at once."""
        now = datetime.now(UTC)
        for job in self._jobs.values():
            self._scheduler.add_job(
                self._run,
                IntervalTrigger(seconds=job.every.total_seconds(), timezone=UTC),
                args=(job.name, job.call),
                id=job.name,
                name=job.name,
                executor=job.lane,
                misfire_grace_time=None,  # however late: what it finds to do is still to be done
                next_run_time=now + job.after,
            )
        self._scheduler.start()
        self._clock.start()

    def set_digests(self, digests: Sequence[DigestSpec]) -> None:
        """Wakes at the moments of these digests from now on, and of no others."""
        wanted = {spec.name: spec for spec in digests if spec.schedule is not None}
        for name in self._digests.keys() - wanted.keys():
            self._scheduler.remove_job(_CRON + name)
        for name, spec in wanted.items():
            before = self._digests.get(name)
            if before is None or (before.schedule, before.timezone) != (
                spec.schedule,
                spec.timezone,
            ):
                self._scheduler.add_job(
                    self._run,
                    cron_trigger(spec),
                    args=(name, self._wake),
                    id=_CRON + name,
                    name=name,
                    executor="build",
                    replace_existing=True,
                )
        self._digests = wanted

    def stop(self, seconds: float) -> list[str]:
        """Starts nothing more, waits up to `seconds` for what runs, and names what still does."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._change:
            self._change.wait_for(lambda: not self._running, seconds)
            return list(self._running)

    def next_runs(self) -> dict[str, datetime]:
        """When each scheduled digest wakes next (aware UTC), by name; after `start`."""
        return {
            job.name: job.next_run_time.astimezone(UTC)
            for job in self._scheduler.get_jobs()
            if job.id.startswith(_CRON) and job.next_run_time is not None
        }

    def silence(self) -> float:
        """Seconds since the scheduler's thread last woke a job, or found it running still.

        No more than the shortest period of a job, however long jobs take, while the thread lives.
        """
        return time.monotonic() - self._looked

    def look_at_clock(self) -> bool:
        """Whether the clock was set back since the last look; everything is woken anew then."""
        off = self._offset()
        # What NTP does little by little is followed, not summed up.
        back, self._was_off = self._was_off - off, off
        if back < _CLOCK_SECONDS:
            return False
        log.warning("the clock was set back by %.0f s; the jobs are timed anew", back)
        now = datetime.now(UTC)
        for name in self._jobs:
            self._scheduler.modify_job(name, next_run_time=now)
        for name, spec in self._digests.items():
            self._scheduler.reschedule_job(_CRON + name, trigger=cron_trigger(spec))
        return True

    def _on_look(self, _: JobSubmissionEvent) -> None:
        self._looked = time.monotonic()

    def _watch_clock(self) -> None:
        while not self._stopping.wait(_CLOCK_SECONDS):
            self.look_at_clock()

    def _run(self, name: str, call: Callable[[], None]) -> None:
        # A lane goes on with what waits in it after the scheduler has ended.
        if not self._stopping.is_set():
            with self._in_hand(name):
                call()

    @contextmanager
    def _in_hand(self, name: str) -> Iterator[None]:
        with self._change:
            self._running.append(name)
        try:
            yield
        finally:
            with self._change:
                self._running.remove(name)
                self._change.notify_all()


def cron_trigger(spec: DigestSpec) -> CronTrigger:
    """When `spec` is due. Its schedule must not be None."""
    if spec.schedule is None:
        raise ValueError(f"digest {spec.name!r} has no schedule")
    line = parse_cron(spec.schedule)
    return CronTrigger(**asdict(line), timezone=spec.timezone)


def _on_trouble(event: JobExecutionEvent) -> None:
    name = event.job_id.removeprefix(_CRON)
    if event.code == EVENT_JOB_MISSED:
        log.error(
            "%s: its moment of %s was missed for longer than the grace allows "
            "(DIGEST_MISFIRE_GRACE_HOURS); `digest outbox` shows what became of it",
            name,
            event.scheduled_run_time,
        )
    else:
        log.error("%s: failed: %s (please report it)", name, event.exception)
