"""The schedule: one cron job a digest, in the digest's own time zone. The only door to APScheduler.

Explicit where APScheduler's defaults would lose an edition: its misfire grace is one second, so
that a machine that slept at seven would skip the day, and a backlog would run once a miss.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from digest.config import DigestSpec
from digest.cron import parse_cron

log = logging.getLogger(__name__)

Build = Callable[[DigestSpec, datetime], None]
"""Builds the edition of a digest that was due at a moment (aware UTC)."""


class Schedule:
    """Runs `build` for each of `digests` that has a schedule, one at a time, until stopped.

    `grace` is how late a run may still start.
    """

    def __init__(self, digests: Sequence[DigestSpec], build: Build, grace: timedelta) -> None:
        self._build = build
        self._grace = grace
        self._stopping = threading.Event()
        # One worker: runs share models, memory and the state's lock, so two would only wait.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={
                "misfire_grace_time": int(grace.total_seconds()),
                "coalesce": True,
                "max_instances": 1,
            },
        )
        for spec in digests:
            if spec.schedule is not None:
                self._scheduler.add_job(
                    self._run, cron_trigger(spec), args=(spec,), id=spec.name, name=spec.name
                )
        self._scheduler.add_listener(_on_trouble, EVENT_JOB_MISSED | EVENT_JOB_ERROR)

    def start(self) -> None:
        """Starts the clock; returns at once."""
        self._scheduler.start()

    def stop(self) -> None:
        """Starts no further run and waits for the one in hand."""
        # The worker would go on with the runs that wait behind the one in hand.
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def next_runs(self) -> dict[str, datetime]:
        """When each scheduled digest runs next (aware UTC), by name; after `start`."""
        return {
            job.id: job.next_run_time.astimezone(UTC)
            for job in self._scheduler.get_jobs()
            if job.next_run_time is not None
        }

    def _run(self, spec: DigestSpec) -> None:
        if not self._stopping.is_set():
            self._build(spec, last_due(spec, datetime.now(UTC), self._grace))


def cron_trigger(spec: DigestSpec) -> CronTrigger:
    """When `spec` is due. Its schedule must not be None."""
    if spec.schedule is None:
        raise ValueError(f"digest {spec.name!r} has no schedule")
    return CronTrigger(**asdict(parse_cron(spec.schedule)), timezone=spec.timezone)


def last_due(spec: DigestSpec, now: datetime, grace: timedelta) -> datetime:
    """The latest moment up to `now` at which `spec` was due, within `grace`; else `now`.

    A run of 23:55 that starts after midnight builds the edition of the day that it was due.
    """
    trigger = cron_trigger(spec)
    due = now
    fire = trigger.get_next_fire_time(None, now - grace)
    while fire is not None and fire <= now:
        due = fire
        fire = trigger.get_next_fire_time(fire, fire + timedelta(seconds=1))
    return due.astimezone(UTC)


def _on_trouble(event: JobExecutionEvent) -> None:
    if event.code == EVENT_JOB_MISSED:
        log.error(
            "digest %s: its run of %s was missed for longer than the grace allows; "
            "`digest run %s` builds it now",
            event.job_id,
            event.scheduled_run_time,
            event.job_id,
        )
    else:
        log.error("digest %s: its run failed: %s", event.job_id, event.exception)
