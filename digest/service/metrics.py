"""What Prometheus is told at `/metrics`, and how it is counted. The only door to its client.

Values of the database are counted when somebody asks, in threads beside, and remembered for 15
seconds or a hundred times as long as counting took (`looks`). Where the database is away they are
left out, as Prometheus wants it, and `digest_check_ok` says so. Labels have few values: states,
stages, jobs, and the digests of feeds.yaml; no feed and no person is named.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest import __version__
from digest.config import Config
from digest.pipeline.checking import known
from digest.pipeline.progress import Stage
from digest.records import DeliveryState, DigestStatus, EditionState, HealthState, Outcome
from digest.service.health import ANSWER, Check, Health, Space, Standing
from digest.service.looks import Look
from digest.service.pulse import JobRuns, Pulse
from digest.service.service import DueReport
from digest.store.counts import Sizes, Work
from digest.store.store import Store

_GOOD_FOR = 15.0
# Of a million articles in 10,000 feeds, and 700,000 deliveries of the week, counting takes 0.02 s,
# 2 s and 0.5 s. (The stories would take 5 s, which is why nobody counts them.)
_SHARE = 0.01
# What could not be counted again in time is told as it was for so long after: a busy database
# doesn't make holes in a graph, and one that is gone doesn't look alive.
_OLD = 120.0
# Of older editions that are done with, nothing changes any more but by late bounces.
_WEEK = timedelta(days=7)
# From a fetch that asks nobody to a model that writes for an hour.
_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_WAITING: tuple[DeliveryState, ...] = ("pending", "sending", "deferred")


@dataclass(frozen=True, slots=True)
class Values:
    """All that is read when somebody asks; None for what could not be had."""

    now: datetime
    checks: Sequence[Check]
    jobs: Sequence[JobRuns]
    silence: float
    desk_jobs: int
    work: Work | None = None
    sizes: Sizes | None = None
    feeds: Mapping[HealthState, int] | None = None
    standings: Sequence[Standing] | None = None
    spaces: Mapping[str, Space | None] | None = None
    backup: datetime | None = None


class Metrics:
    """The metrics of a service: what it is told of its work, and what it finds when asked.

    `backup` gives when the last one was taken, 1970 where none was, `desk_jobs` how many of the
    desk's jobs wait or run; `silence` is the scheduler's, as in `Health`; `clock` gives the time
    (aware UTC). Without `sends` no mail is set up: editions are published only, and none is late to
    leave.
    """

    def __init__(
        self,
        store: Store,
        config: Callable[[], Config],
        watched: Health,
        pulse: Pulse,
        silence: Callable[[], float],
        clock: Callable[[], datetime],
        backup: Callable[[], datetime],
        desk_jobs: Callable[[], int] = lambda: 0,
        *,
        sends: bool,
    ) -> None:
        # Else each counter brings another one with the time at which it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._health = watched
        self._pulse = pulse
        self._silence = silence
        self._clock = clock
        self._desk_jobs = desk_jobs
        self._found = _Found()
        self.registry.register(self._found)
        self._work = Look(
            "counting what is under way", lambda: _work(store, clock(), sends), _GOOD_FOR, _SHARE
        )
        self._sizes = Look(
            "counting what is kept",
            lambda: store.counts.sizes([spec.name for spec in config().digests]),
            _GOOD_FOR,
            _SHARE,
        )
        self._feeds = Look(
            "looking at the feeds", lambda: _feeds(store, config(), clock()), _GOOD_FOR, _SHARE
        )
        self._backup = Look("looking for the last backup", backup, _GOOD_FOR)
        info = Info("digest_build", "Version and kind of database.", registry=self.registry)
        info.info({"version": __version__, "database": store.address.split(":")[0].split("+")[0]})
        self._stages = Histogram(
            "digest_stage_duration_seconds",
            "How long a stage of a run took, or the sending of an edition.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._failures = Counter(
            "digest_stage_failures",
            "What failed in a stage: feeds that were asked in vain, else the stage as a whole.",
            ["stage"],
            registry=self.registry,
        )
        self._builds = Counter(
            "digest_edition_builds",
            "Editions that the schedule asked for, by what became of them.",
            ["digest", "outcome"],
            registry=self.registry,
        )
        self._attempts = Counter(
            "digest_delivery_attempts",
            "Messages handed to the mail server, by what it said.",
            ["outcome"],
            registry=self.registry,
        )
        self._stories = Counter(
            "digest_stories",
            "Stories of the editions that were built: printed, without room, or told before.",
            ["digest", "fate"],
            registry=self.registry,
        )
        # From the start, so that the first failure is seen as a rise.
        for stage in get_args(Stage):
            self._stages.labels(stage)
            self._failures.labels(stage)
        for outcome in get_args(Outcome):
            self._attempts.labels(outcome)
        for spec in config().digests:
            for status in get_args(DigestStatus):
                self._builds.labels(spec.name, status)
            for fate in ("printed", "left_out", "retold"):
                self._stories.labels(spec.name, fate)

    def routes(self) -> list[Route]:
        """`/metrics`. Who may read it is the door's business."""
        return [Route("/metrics", self._page)]

    def stage(self, stage: Stage, seconds: float, failed: int) -> None:
        """A stage has ended (`digest.pipeline.progress.Listener`)."""
        self._stages.labels(stage).observe(seconds)
        if failed:
            self._failures.labels(stage).inc(failed)

    def report(self, report: DueReport) -> None:
        """What a turn of the service led to."""
        for built in report.run.digests if report.run else ():
            self._builds.labels(built.digest, built.status).inc()
            self._stories.labels(built.digest, "printed").inc(built.stories)
            self._stories.labels(built.digest, "left_out").inc(built.left_out)
            self._stories.labels(built.digest, "retold").inc(built.retold)
        for sent in report.sent:
            self.stage("send", sent.seconds, int(bool(sent.reason)))
            for outcome, count in sent.tried.items():
                self._attempts.labels(outcome).inc(max(count, 0))

    async def _page(self, request: Request) -> Response:
        found = await self._look()
        # Nothing else runs between these two: they share the loop's thread.
        self._found.values = found
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self.registry), media_type=kind)

    async def _look(self) -> Values:
        checks, work, sizes, feeds, standings, folders = await asyncio.gather(
            self._health.checks(),
            self._work.latest(ANSWER, _OLD),
            self._sizes.latest(ANSWER, _OLD),
            self._feeds.latest(ANSWER, _OLD),
            self._health.standings.latest(ANSWER, _OLD),
            self._look_at_folders(),
        )
        spaces, backup = folders
        return Values(
            now=self._clock(),
            checks=checks,
            jobs=self._pulse.runs(),
            silence=self._silence(),
            desk_jobs=self._desk_jobs(),
            work=work,
            sizes=sizes,
            feeds=feeds,
            standings=standings,
            spaces=spaces,
            backup=backup,
        )

    async def _look_at_folders(self) -> tuple[dict[str, Space | None], datetime | None]:
        """How full their disks are, and when the last backup was noted in one of them."""
        looks = self._health.spaces
        spaces, backup = await asyncio.gather(
            asyncio.gather(*(look.latest(ANSWER, _OLD) for look in looks.values())),
            self._backup.latest(ANSWER, _OLD),
        )
        return dict(zip(looks, spaces, strict=True)), backup


def _work(store: Store, now: datetime, sends: bool) -> Work:
    work = store.counts.work(now, (now - _WEEK).date().isoformat())
    return work if sends else replace(work, leaving=None)


def _feeds(store: Store, config: Config, now: datetime) -> Mapping[HealthState, int]:
    """How many feeds are in which state of health."""
    tally = Tally(one.health.state for one in known(config.records(), store, now))
    return {state: tally[state] for state in get_args(HealthState)}


class _Found(Collector):
    """Gives the registry what was found when somebody asked."""

    def __init__(self) -> None:
        self.values: Values | None = None

    def collect(self) -> Iterable[Metric]:
        return () if self.values is None else families(self.values)


def families(values: Values) -> Iterator[Metric]:
    """The metrics that say what `values` hold."""
    bad = [check.name for check in values.checks if check.problem]
    yield _gauge("digest_ready", "1 where /readyz answers 200.", {(): not bad})
    yield _gauge(
        "digest_check_ok",
        "1 for each check of /readyz that finds nothing wrong.",
        {(check.name,): check.name not in bad for check in values.checks},
        "check",
    )
    yield _gauge(
        "digest_scheduler_silence_seconds",
        "Since the scheduler last began something.",
        {(): values.silence},
    )
    yield from _jobs(values)
    yield from _kept(values)
    if values.work is not None:
        yield from _under_way(values.work, values.now, values.desk_jobs)
    yield from _editions(values)


def _jobs(values: Values) -> Iterator[Metric]:
    # Not labelled `job`: Prometheus puts there what it calls the service.
    runs = CounterMetricFamily("digest_job_runs", "Runs of a job of the service.", labels=["name"])
    for job in values.jobs:
        runs.add_metric([job.name], job.runs)
    yield runs
    yield _gauge(
        "digest_job_last_end_time_seconds",
        "When a job last ended, in seconds since 1970.",
        {(job.name,): job.ended for job in values.jobs if job.ended is not None},
        "name",
    )
    yield _gauge(
        "digest_job_running_seconds",
        "How long the run in hand of a job has been going; 0 where there is none.",
        {(job.name,): job.running or 0.0 for job in values.jobs},
        "name",
    )


def _kept(values: Values) -> Iterator[Metric]:
    if values.feeds is not None:
        yield _gauge(
            "digest_feeds",
            "Feeds of feeds.yaml by health.",
            {(state.replace(" ", "_"),): count for state, count in values.feeds.items()},
            "state",
        )
    if (sizes := values.sizes) is not None:
        yield _gauge("digest_articles", "Articles in the database.", {(): sizes.articles})
        yield _gauge(
            "digest_subscriptions",
            "Subscriptions by state.",
            {(digest, state): count for (digest, state), count in sizes.subscriptions.items()},
            "digest",
            "state",
        )
        yield _gauge("digest_database_size_bytes", "Size of the database.", {(): sizes.database})
    yield _gauge(
        "digest_last_backup_time_seconds",
        "When the last backup was taken, in seconds since 1970; 0 where none was.",
        {(): values.backup.timestamp()} if values.backup else {},
    )
    spaces = {name: space for name, space in (values.spaces or {}).items() if space is not None}
    yield _gauge(
        "digest_disk_free_bytes",
        "Room that is left on the disk of a folder.",
        {(name,): space.free for name, space in spaces.items()},
        "folder",
    )
    yield _gauge(
        "digest_disk_size_bytes",
        "Size of the disk of a folder.",
        {(name,): space.size for name, space in spaces.items()},
        "folder",
    )


def _under_way(work: Work, now: datetime, desk_jobs: int) -> Iterator[Metric]:
    yield _gauge(
        "digest_editions",
        "Editions by state.",
        {(state,): work.editions.get(state, 0) for state in get_args(EditionState)},
        "state",
    )
    yield _gauge(
        "digest_deliveries",
        "Deliveries by state, of editions on their way and those of the last seven days.",
        {(state,): work.deliveries.get(state, 0) for state in get_args(DeliveryState)},
        "state",
    )
    waiting = sum(work.deliveries.get(state, 0) for state in _WAITING)
    yield _gauge(
        "digest_queue_length",
        "What waits to be done: messages to send, letters that ask to confirm, the desk's jobs.",
        {("deliveries",): waiting, ("letters",): work.letters, ("desk_jobs",): desk_jobs},
        "queue",
    )
    late = (now - work.leaving).total_seconds() if work.leaving else 0.0
    yield _gauge(
        "digest_edition_unsent_seconds",
        "Since the oldest edition should be leaving that has not begun to; 0 where there is none.",
        {(): late},
    )
    if work.run is not None:
        started, seconds = work.run
        yield _gauge(
            "digest_last_run_start_time_seconds",
            "When the last run began, in seconds since 1970.",
            {(): started.timestamp()},
        )
        yield _gauge("digest_last_run_duration_seconds", "How long it took.", {(): seconds})


def _editions(values: Values) -> Iterator[Metric]:
    if values.standings is None:
        return
    now = values.now
    yield _gauge(
        "digest_edition_age_seconds",
        "Since a digest's last edition was built.",
        {
            (one.digest,): (now - one.built).total_seconds()
            for one in values.standings
            if one.built is not None
        },
        "digest",
    )
    yield _gauge(
        "digest_edition_overdue_seconds",
        "Since a digest's edition was due that is not there; 0 where none is overdue.",
        {
            (one.digest,): (now - one.since).total_seconds() if one.since else 0.0
            for one in values.standings
        },
        "digest",
    )


def _gauge(
    name: str, told: str, samples: Mapping[tuple[str, ...], float], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, float(number))
    return family
