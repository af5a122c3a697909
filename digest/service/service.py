"""The service: what is due is built, what may leave is sent, whatever happens.

Each job can be called by itself, with any clock and without threads. None of them raises: what goes
wrong is logged, and the next turn goes on from what the store says. So a database that is gone for
a minute costs a minute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from structlog.contextvars import bound_contextvars

from digest.config import Config, DigestSpec, Settings
from digest.errors import DigestError
from digest.outbox.retrying import waits
from digest.pipeline.confirming import send_confirmations
from digest.pipeline.delivering import deliver
from digest.pipeline.progress import Progress, silent
from digest.pipeline.run import fetch_only, run
from digest.pipeline.wiring import Workshop
from digest.records import DueEdition, EditionStatus, RunReport, SendReport
from digest.service.due import Build, Skip, decide
from digest.service.housekeeping import keep_house
from digest.service.schedule import Job

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# Digests that are due within a quarter of an hour share one asking of their feeds.
_FRESH = timedelta(minutes=15)
# Catches what the moments of the digests miss: a machine that slept, an edition to be tried again.
_TICK = timedelta(minutes=1)
# How long an approved edition, and who subscribed just now, wait at the most.
_DELIVERIES = timedelta(seconds=5)
_WATCH = timedelta(seconds=2)
_HOUSEKEEPING = timedelta(days=1)


class Stopped(BaseException):
    """Ends a build in hand from its `progress`. No Exception, lest a stage takes it for its own."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edition that is on its way and could not go on now: `left` of `total` deliveries wait.

    `until` is the next try, None where something else is waited for; both counts are 0 before
    the recipients are known.
    """

    digest: str
    date: str
    left: int
    total: int
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DueReport:
    """What a look at the schedule led to. `letters` are those that ask people to confirm.

    `waiting` are editions on their way that are not among `sent`.
    """

    skipped: tuple[Skip, ...] = ()
    run: RunReport | None = None
    sent: tuple[SendReport, ...] = ()
    letters: int = 0
    waiting: tuple[Waiting, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was due and nothing waited."""
        return not (self.skipped or self.run or self.sent or self.letters or self.waiting)


def build_due(
    workshop: Workshop,
    config: Config,
    digests: Sequence[DigestSpec],
    now: datetime,
    grace: timedelta,
    progress: Progress = silent,
) -> DueReport:
    """Records the skipped dates of `digests` and builds what is due. Raises StoreError."""
    skipped: list[Skip] = []
    builds: dict[str, DueEdition] = {}
    editions = workshop.store.editions
    for spec in digests:
        known = {row.date: row for row in editions.statuses(spec.name)}
        for decision in decide(spec, known, now, grace):
            due = decision.due
            if isinstance(decision, Build):
                if not _in_others_hands(known.get(due.date), workshop.owner, now):
                    builds[spec.name] = due
            elif editions.skip(due.digest, due.date, decision.reason, now, asked=due.moment):
                skipped.append(decision)
                log.warning(
                    "%s/%s: no edition: %s",
                    due.digest,
                    due.date,
                    decision.reason,
                    extra={"edition": f"{due.digest}/{due.date}"},
                )
    if not builds:
        return DueReport(tuple(skipped))
    wanted = [spec for spec in digests if spec.name in builds]
    report = run(workshop, config, wanted, now, due=builds, need=_FRESH, progress=progress)
    return DueReport(tuple(skipped), report)


def _in_others_hands(row: EditionStatus | None, owner: str, now: datetime) -> bool:
    """Whether another service on the database builds it; a run would find no more than that."""
    return (
        row is not None
        and row.state == "building"
        and row.owner != owner
        and row.until is not None
        and row.until > now
    )


def run_due(
    workshop: Workshop,
    config: Config,
    digests: Sequence[DigestSpec],
    now: datetime,
    grace: timedelta,
    *,
    clock: Clock,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> DueReport:
    """One turn of the service for a timer: builds what is due at `now`, sends what may leave.

    `stop` ends it after the message in hand; a build ends where `progress` raises. Raises
    StoreError; what one digest or one edition costs stands in the report.
    """
    report = build_due(workshop, config, digests, now, grace, progress)
    sent = tuple(deliver(workshop, clock, stop=stop))
    letters = send_letters(workshop, config, clock(), stop=stop)
    told = {(one.digest, one.date) for one in sent}
    waiting = tuple(
        one for one in still_waiting(workshop, clock()) if (one.digest, one.date) not in told
    )
    return replace(report, sent=sent, letters=letters, waiting=waiting)


def still_waiting(workshop: Workshop, now: datetime) -> list[Waiting]:
    """The editions of our outbox that are on their way, oldest first. Raises StoreError."""
    found: list[Waiting] = []
    store = workshop.store
    for status in reversed(store.editions.statuses(states=("approved", "sending"))):
        until = status.not_before if waits(status.not_before, now) else None
        if status.state == "approved" and until is None:
            continue  # it waits for its time, or for a person
        if status.owner != workshop.owner and not workshop.outbox.has(status.digest, status.date):
            continue
        counts = store.deliveries.counts(status.digest, status.date)
        left = sum(counts.get(state, 0) for state in ("pending", "sending", "deferred"))
        if status.state == "sending" and not left:
            continue
        total = sum(counts.values())
        found.append(Waiting(status.digest, status.date, left, total, until, status.reason))
    return found


def send_letters(
    workshop: Workshop, config: Config, now: datetime, *, stop: threading.Event | None = None
) -> int:
    """Sends the letters that ask people to confirm, until `stop`; how many went out.

    Raises StoreError.
    """
    if workshop.mail is None:
        return 0
    transport = workshop.mail.open_transport()  # connects when there is a letter
    try:
        return send_confirmations(workshop, config, transport, now, stop=stop)
    finally:
        transport.close()


class Service:
    """The jobs of `digest serve`.

    `config` is the configuration at first, and `changed` gives another one when there is one.
    `on_report` is told what was built, skipped or sent, `on_config` of a configuration that was
    taken up.
    """

    def __init__(
        self,
        workshop: Workshop,
        settings: Settings,
        config: Config,
        changed: Callable[[], Config | None] = lambda: None,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        on_report: Callable[[DueReport], None] = lambda _: None,
        on_config: Callable[[Config], None] = lambda _: None,
    ) -> None:
        self.config = config
        self._workshop = workshop
        self._settings = settings
        self._changed = changed
        self._clock = clock
        self._on_report = on_report
        self._on_config = on_config
        self._stopping = threading.Event()
        self._told: dict[str, str] = {}

    def jobs(self) -> list[Job]:
        """What is to run by itself, and how often; `tick` at the digests' moments besides."""
        jobs = [
            Job("tick", self.tick, _TICK, "build"),
            Job("deliveries", self.deliver, _DELIVERIES, "send"),
            Job("letters", self.confirm, _DELIVERIES, "letters"),
            Job("configuration", self.reload, _WATCH, "watch"),
            Job("housekeeping", self.housekeep, _HOUSEKEEPING, "watch", _TICK),
        ]
        if self._settings.fetch_minutes:
            every = timedelta(minutes=self._settings.fetch_minutes)
            jobs.append(Job("fetch", self.fetch, every, "build", every))
        return jobs

    @property
    def grace(self) -> timedelta:
        """How late an edition may still be built."""
        return timedelta(hours=self._settings.misfire_grace_hours)

    def stop(self) -> None:
        """Nothing new is begun, a build ends at its next step, sending after the message in hand.

        May be called from anywhere, a signal handler too.
        """
        self._stopping.set()

    def tick(self) -> None:
        """Builds the editions that are due."""
        self._safely("building", self._tick)

    def deliver(self) -> None:
        """Sends what may leave by now."""
        self._safely("sending", self._deliver)

    def confirm(self) -> None:
        """Sends the letters that ask people to confirm."""
        self._safely("sending letters to confirm", self._confirm)

    def fetch(self) -> None:
        """Fetches the feeds that may be asked again, so that an edition has less to wait for."""
        self._safely("fetching", self._fetch)

    def reload(self) -> None:
        """Takes up another configuration, where there is one; a run in hand keeps the old one."""
        self._safely("reading the configuration", self._reload)

    def housekeep(self) -> None:
        """Forgets who never confirmed, and what is older than is kept."""
        self._safely("housekeeping", self._housekeep)

    def _tick(self) -> None:
        config = self.config
        report = build_due(
            self._workshop, config, config.digests, self._clock(), self.grace, self._progress
        )
        if not report.is_empty:
            self._on_report(report)

    def _deliver(self) -> None:
        sent = deliver(self._workshop, self._clock, stop=self._stopping)
        if sent:
            self._on_report(DueReport(sent=tuple(sent)))

    def _confirm(self) -> None:
        letters = send_letters(self._workshop, self.config, self._clock(), stop=self._stopping)
        if letters:
            log.info("letters to confirm: %d sent", letters)

    def _fetch(self) -> None:
        config = self.config
        report = fetch_only(
            self._workshop, config, config.digests, self._clock(), progress=self._progress
        )
        new = sum(outcome.new for outcome in report.feeds)
        failed = sum(outcome.status == "failed" for outcome in report.feeds)
        log.info("fetched: %s, %s failed", _count(new, "new article"), _count(failed, "feed"))

    def _reload(self) -> None:
        config = self._changed()
        if config is not None:
            self.config = config
            self._on_config(config)

    def _housekeep(self) -> None:
        done = keep_house(
            self._workshop,
            self.config,
            self._settings.keep_days,
            self._clock(),
            partial(self._progress, "housekeeping", 0, 0),
        )
        log.info("housekeeping: %s", done)

    def _progress(self, stage: str, done: int, total: int) -> None:
        log.debug("%s: %d of %d", stage, done, total)
        if self._stopping.is_set():
            raise Stopped

    def _safely(self, job: str, work: Callable[[], None]) -> None:
        """Does `work` unless stopping. What goes wrong is logged, once until something else does.

        A job comes back within seconds or a minute, and a disk stays full for hours.
        """
        if self._stopping.is_set():
            return
        with bound_contextvars(job=job):
            try:
                work()
            except Stopped:
                log.warning("%s was broken off to stop; it is taken up at the next start", job)
            except DigestError as error:
                if self._told.get(job) != str(error):
                    log.error("%s: %s; it is tried again by itself", job, error)
                self._told[job] = str(error)
            except Exception as error:
                text = f"unexpected {type(error).__name__}: {error}"
                if self._told.get(job) != text:
                    log.exception("%s: %s (please report it); it is tried again", job, text)
                self._told[job] = text
            else:
                if self._told.pop(job, ""):
                    log.warning("%s works again", job)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
