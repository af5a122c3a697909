"""Which of the service's jobs ran, when, and how long: what tells a service at work from one that
only answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from digest.service.schedule import Job, Lane

# A lane has ended nothing for so many of its shortest periods, and a minute besides for a machine
# that is busy with a model: then it stands still.
_PERIODS = 3
_SLACK = 60.0


@dataclass(frozen=True, slots=True)
class JobRuns:
    """How a job ran since the start: how often, when it last ended (seconds since 1970, None for
    never), and for how many seconds the run in hand has been going, None when there is none."""

    name: str
    runs: int = 0
    ended: float | None = None
    running: float | None = None


@dataclass(frozen=True, slots=True)
class _Beat:
    runs: int = 0
    ended: float | None = None
    since: float | None = None


class Pulse:
    """Notes the runs of `jobs`; `jobs` then has them as they are to be scheduled. For any threads.

    `clock` is the monotonic one, `now` gives seconds since 1970.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._beats = {job.name: _Beat() for job in jobs}
        self._moved = {job.lane: clock() for job in jobs}
        self._planned = {job.name: job for job in jobs}
        self.jobs = [replace(job, call=self.noting(job.name, job.call)) for job in jobs]

    def noting(self, name: str, call: Callable[[], None]) -> Callable[[], None]:
        """`call`, whose runs count as those of the job `name`."""

        def noted() -> None:
            with self._running(name):
                call()

        return noted

    def runs(self) -> list[JobRuns]:
        """How each job ran."""
        with self._lock:
            beats, at = dict(self._beats), self._clock()
        return [
            JobRuns(name, beat.runs, beat.ended, None if beat.since is None else at - beat.since)
            for name, beat in beats.items()
        ]

    def standing_still(self) -> dict[Lane, float]:
        """The lanes in which no job runs, nor has ended one when it should; seconds since then."""
        with self._lock:
            at = self._clock()
            busy = {
                self._planned[name].lane
                for name, beat in self._beats.items()
                if beat.since is not None
            }
            silent = {lane: at - moved for lane, moved in self._moved.items() if lane not in busy}
        return {lane: length for lane, length in silent.items() if length > self._longest(lane)}

    def _longest(self, lane: Lane) -> float:
        periods = [job.every for job in self._planned.values() if job.lane == lane]
        return _PERIODS * min(periods).total_seconds() + _SLACK

    @contextmanager
    def _running(self, name: str) -> Iterator[None]:
        with self._lock:
            self._beats[name] = replace(self._beats[name], since=self._clock())
        try:
            yield
        finally:
            with self._lock:
                beat, at = self._beats[name], self._clock()
                self._beats[name] = _Beat(beat.runs + 1, self._now(), None)
                self._moved[self._planned[name].lane] = at
