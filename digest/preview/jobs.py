"""Work that takes longer than a page may: building, completing, sending; one after another."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Literal

from digest.config import Config, DigestSpec
from digest.errors import DigestError, UsageError
from digest.pipeline.delivering import deliver
from digest.pipeline.editing import complete
from digest.pipeline.progress import Progress
from digest.pipeline.run import local_date, run
from digest.pipeline.wiring import Workshop
from digest.words import desk_words

log = logging.getLogger(__name__)

JobKind = Literal["build", "complete", "deliver"]
JobState = Literal["queued", "running", "done", "failed"]

# Ended work that is still told of; an editor looks at what ended last.
_KEPT = 20
# How long a page that was reloaded still says that work has ended: long enough to be read.
_NEWS = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work: `done` of `total` things of `stage`; `message` is what came of it, in words.

    `date` is empty for a build, which is of the digest's local date. `number` counts what was asked
    for, `changed` is the time of the last news (aware UTC).
    """

    kind: JobKind
    digest: str
    date: str
    number: int
    state: JobState
    changed: datetime
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""

    @property
    def name(self) -> str:
        """What is asked for twice is done once: `build morning`, `complete morning/2026-03-02`."""
        return f"{self.kind} {self.digest}" + (f"/{self.date}" if self.date else "")

    @property
    def is_open(self) -> bool:
        """Whether it waits or is being done."""
        return self.state in ("queued", "running")


class _Stopped(BaseException):
    """Ends work in hand from its `progress`. No Exception, lest a stage takes it for its own."""


class Jobs:
    """Does one job at a time, in a thread of its own; for any number of threads to ask.

    `serves`: a service beside sends by itself, so nothing is delivered here.
    """

    def __init__(
        self,
        workshop: Workshop,
        config: Callable[[], Config | None],
        config_error: Callable[[], str],
        clock: Callable[[], datetime],
        *,
        serves: bool = False,
    ) -> None:
        self._workshop = workshop
        self._config = config
        self._config_error = config_error
        self._clock = clock
        self._serves = serves
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._lock = Lock()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._number = 0
        self.heard: Callable[[Job], None] = lambda _: None
        """Told of every change, from whatever thread; must not wait."""

    def build(self, digest: str) -> Job:
        """Builds the edition of today, anew where there is one that nobody has got yet.

        Raises UsageError where feeds.yaml is of no use or has no such digest.
        """
        self._spec(digest)
        return self._ask("build", digest, "")

    def complete(self, digest: str, date: str) -> Job:
        """Makes the summaries and checks that an edition still waits for."""
        return self._ask("complete", digest, date)

    def deliver(self, digest: str, date: str) -> Job | None:
        """Sends an edition that may leave; None where the service does that by itself."""
        return None if self._serves else self._ask("deliver", digest, date)

    def all(self) -> tuple[Job, ...]:
        """What is open and what ended last, newest first."""
        with self._lock:
            return tuple(reversed(self._jobs.values()))

    def news(self) -> tuple[Job, ...]:
        """What is open, and what ended just now, newest first."""
        since = self._clock() - _NEWS
        return tuple(job for job in self.all() if job.is_open or job.changed >= since)

    def open_of(self, digest: str, date: str = "") -> Job | None:
        """What waits or is being done for an edition, a build of its digest too."""
        for job in self.all():
            if job.is_open and job.digest == digest and job.date in ("", date):
                return job
        return None

    def failed_of(self, digest: str, date: str) -> Job | None:
        """What should have completed an edition, where the last that tried failed."""
        for job in self.all():
            if (job.kind, job.digest, job.date) == ("complete", digest, date):
                return job if job.state == "failed" else None
        return None

    def stop(self, seconds: float = 5.0) -> list[str]:
        """Begins nothing more; what is in hand ends at its next step, sending after its message.

        Waits up to `seconds` for that, and gives the names of what goes on all the same.
        """
        self._stopping.set()
        thread = self._thread
        if thread is None:
            return []
        thread.join(seconds)
        if not thread.is_alive():
            return []
        return [job.name for job in self.all() if job.state == "running"]

    def _ask(self, kind: JobKind, digest: str, date: str) -> Job:
        with self._lock:
            wanted = Job(kind, digest, date, self._number + 1, "queued", self._clock())
            for job in self._jobs.values():
                # One that is running may have looked at what was there before the change.
                open_states = ("queued",) if kind == "complete" else ("queued", "running")
                if job.name == wanted.name and job.state in open_states:
                    return job
            self._number += 1
            self._jobs[wanted.number] = wanted
            self._forget()
            self._waiting.put(wanted.number)
            if self._thread is None:
                self._thread = Thread(target=self._work, name="desk jobs", daemon=True)
                self._thread.start()
        self.heard(wanted)
        return wanted

    def _forget(self) -> None:
        ended = [number for number, job in self._jobs.items() if not job.is_open]
        for number in ended[: max(0, len(ended) - _KEPT)]:
            del self._jobs[number]

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                number = self._waiting.get(timeout=0.2)
            except Empty:
                continue
            self._do(number)

    def _do(self, number: int) -> None:
        job = self._news(number, state="running")
        try:
            message = self._done(job, self._progress(number))
        except _Stopped:
            self._news(number, state="failed", message=desk_words()("jobs.ended"))
        except DigestError as error:
            self._news(number, state="failed", message=str(error))
        except Exception as error:
            log.exception("%s", job.name)
            kind = type(error).__name__
            text = desk_words()("trouble.unexpected", kind=kind, error=error)
            self._news(number, state="failed", message=text)
        else:
            self._news(number, state="done", message=message)

    def _done(self, job: Job, progress: Progress) -> str:
        if job.kind == "build":
            return self._build(job.digest, progress)
        if job.kind == "complete":
            made = complete(self._workshop, job.digest, job.date, self._clock(), progress)
            return "" if made else desk_words()("jobs.complete_already")
        return self._deliver(job.digest, job.date)

    def _build(self, digest: str, progress: Progress) -> str:
        config, spec = self._spec(digest)
        now = self._clock()
        status = self._workshop.store.editions.status(digest, local_date(spec, now))
        force = status is not None and status.started is None
        report = run(self._workshop, config, [spec], now, force=force, progress=progress)
        [outcome] = report.digests
        if outcome.status == "failed":
            raise UsageError(outcome.reason)
        failed = [feed.feed for feed in report.feeds if feed.status == "failed"]
        t = desk_words()
        without = t("jobs.no_answer", feeds=", ".join(failed)) if failed else ""
        if outcome.status == "built":
            stories = t("read.stories", n=outcome.stories)
            articles = t("read.articles", n=outcome.articles)
            return t("jobs.built", stories=stories, articles=articles) + without
        return outcome.reason + without

    def _deliver(self, digest: str, date: str) -> str:
        if self._workshop.mail is None:
            raise UsageError(desk_words()("jobs.no_mail"))
        status = self._workshop.store.editions.status(digest, date)
        if status is None or status.state not in ("approved", "sending"):
            raise UsageError(desk_words()("jobs.not_approved", edition=f"{digest}/{date}"))
        reports = deliver(self._workshop, self._clock, editions=[status], stop=self._stopping)
        if not reports:
            return desk_words()("jobs.sent_elsewhere")
        return reports[0].reason

    def _spec(self, digest: str) -> tuple[Config, DigestSpec]:
        config = self._config()
        if config is None:
            raise UsageError(desk_words()("jobs.unusable_config", error=self._config_error()))
        spec = config.digest(digest)
        if spec is None:
            there = ", ".join(one.name for one in config.digests)
            raise UsageError(desk_words()("jobs.unknown_digest", digest=digest, there=there))
        return config, spec

    def _progress(self, number: int) -> Progress:
        def tell(stage: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise _Stopped
            self._news(number, stage=stage, done=done, total=total)

        return tell

    def _news(self, number: int, **changes: object) -> Job:
        with self._lock:
            job = replace(self._jobs[number], changed=self._clock(), **changes)  # type: ignore[arg-type]
            self._jobs[number] = job
        self.heard(job)
        return job
