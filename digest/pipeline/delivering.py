"""Editions to their recipients: who is due, who is left over, a round of sending, its report."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from structlog.contextvars import bound_contextvars

from digest.editions.frozen import load_edition
from digest.errors import DigestError, OutboxError, StoreError
from digest.outbox.outbox import EDITION
from digest.outbox.pacing import Pace, Pacer
from digest.outbox.retrying import may_leave, next_round, server_is_given_up, waits
from digest.pipeline.copies import Copies
from digest.pipeline.rounds import Round
from digest.pipeline.wiring import Mail, Workshop
from digest.protocols import Transport
from digest.records import Delivery, Edition, EditionStatus, Envelope, SendReport
from digest.text.masking import without_addresses

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
"""The time, aware UTC."""

# Services on one database may have clocks that differ by a little.
_CLOCKS_DIFFER = timedelta(minutes=5)
_KILLED = "the process ended while the server may have had the message already"


def deliver(
    workshop: Workshop,
    clock: Clock,
    *,
    editions: Sequence[EditionStatus] | None = None,
    stop: threading.Event | None = None,
) -> list[SendReport]:
    """Sends what may leave now, or just `editions`, and gives a report on each that was looked at.

    What is being sent goes on, retries included. What is approved has its recipients frozen first;
    what has waited for longer than the grace is skipped, unless it is among `editions`. `stop` ends
    the round after the message in hand. Nothing happens where no mail server is set, or while
    another process of the same state folder sends. Raises StoreError when the store can't be used.
    """
    mail = workshop.mail
    if mail is None:
        return []
    now = clock()
    waiting = _waiting(workshop, mail, now) if editions is None else list(editions)
    if not waiting:
        return []
    reports: list[SendReport] = []
    with workshop.sending() as alone:
        if not alone:
            return []
        pacer = _pacer(workshop, mail, now)
        for status in waiting:
            if stop is not None and stop.is_set():
                break
            with bound_contextvars(digest=status.digest, edition=status.name):
                report = _safely(workshop, mail, status, pacer, clock, stop or threading.Event())
            if report is not None:
                reports.append(report)
    return reports


def frozen(workshop: Workshop, status: EditionStatus) -> Edition:
    """The edition as it was built, from the outbox.

    Raises OutboxError when it isn't there, or isn't what was built and approved.
    """
    data = workshop.outbox.read(status.digest, status.date)
    if status.fingerprint and fingerprint(data) != status.fingerprint:
        path = workshop.outbox.folder(status.digest, status.date) / EDITION
        again = f", or build it again: digest run {status.digest} --force"
        if status.started is not None:
            again = " from a backup: some readers have this edition already"
        raise OutboxError(
            f"{path} was changed after the edition was built, so it is not sent; put the file "
            f"back{again}"
        )
    return load_edition(data, status.name)


def fingerprint(data: bytes) -> str:
    """What an `edition.json` is recognised by: its SHA-256."""
    return hashlib.sha256(data).hexdigest()


def copies_of(workshop: Workshop, edition: Edition, moment: datetime | None = None) -> Copies:
    """What makes the readers' messages of an edition, dated `moment`. Raises OutboxError."""
    # As the desk showed it: a theme file that came since must count here too.
    return Copies(workshop.renderer.anew(), edition, workshop.links, workshop.signer, moment)


def _waiting(workshop: Workshop, mail: Mail, now: datetime) -> list[EditionStatus]:
    """The editions to look at now, oldest first; those whose time is over are skipped."""
    found = []
    for status in reversed(workshop.store.editions.statuses(states=("approved", "sending"))):
        leaves = may_leave(status, now, mail.grace)
        if leaves == "never":
            _skip(workshop, mail, status, now)
        # One that another service built may lie in its outbox: whoever has it sends it. Ours that
        # isn't here is trouble, which is told, and over when it is back.
        elif leaves == "now" and (
            status.owner == workshop.owner or workshop.outbox.has(status.digest, status.date)
        ):
            found.append(status)
    return found


def _skip(workshop: Workshop, mail: Mail, status: EditionStatus, now: datetime) -> None:
    hours = mail.grace.total_seconds() / 3600
    reason = f"could not be sent within {hours:g} hours of its time"
    if status.reason:
        reason += f"; the last time because: {status.reason}"
    if workshop.store.editions.move(
        status.digest, status.date, ("approved",), now, state="skipped", reason=reason
    ):
        log.error("%s %s; `digest send %s` sends it all the same", status.name, reason, status.name)


def _pacer(workshop: Workshop, mail: Mail, now: datetime) -> Pacer:
    """The limits, with what earlier processes have used up of them."""
    pacer = Pacer(Pace(mail.per_second, mail.per_hour))
    if mail.per_hour is not None:
        hour_ago, store = now - timedelta(hours=1), workshop.store
        tried = store.deliveries.tried_since(hour_ago) + store.subscribers.letters_since(hour_ago)
        # What was noted by a clock that was ahead says nothing of the last hour.
        pacer.seed([moment for moment in tried if moment <= now + _CLOCKS_DIFFER], now)
    return pacer


def _safely(
    workshop: Workshop,
    mail: Mail,
    status: EditionStatus,
    pacer: Pacer,
    clock: Clock,
    stop: threading.Event,
) -> SendReport | None:
    """What `_send` reports; what stops one edition costs the others nothing."""
    started = time.monotonic()
    try:
        return _send(workshop, mail, status, pacer, clock, stop, started)
    except StoreError:
        raise
    except DigestError as error:
        return _trouble(workshop, status, error, clock(), started)
    except Exception as error:
        log.exception("%s: sending failed", status.name)
        wrong = OutboxError(f"unexpected {type(error).__name__}: {error} (please report it)")
        return _trouble(workshop, status, wrong, clock(), started)


def _send(
    workshop: Workshop,
    mail: Mail,
    status: EditionStatus,
    pacer: Pacer,
    clock: Clock,
    stop: threading.Event,
    started: float,
) -> SendReport | None:
    store, key = workshop.store, (status.digest, status.date)
    # While other editions were sent this one may have been built again, or taken back.
    status = store.editions.status(*key) or status
    if status.state not in ("approved", "sending"):
        return None
    if status.state == "sending" and server_is_given_up(status.attempts, mail.retry):
        return _give_up(workshop, mail, status, clock(), started)
    edition = frozen(workshop, status)
    if status.state == "approved":
        copies = copies_of(workshop, edition)
        mark = status.fingerprint
        if store.deliveries.freeze(*key, clock(), copies.holds_any, mark) is None:
            return None  # another service was quicker, or the approval was taken back
        status = store.editions.status(*key) or status
    copies = copies_of(workshop, edition, status.started)
    _take_up(workshop, mail, status, copies, clock())
    round_ = Round(
        store,
        status,
        copies,
        mail.open_transport,
        pacer,
        clock,
        owner=workshop.owner,
        lease=mail.lease,
        retry=mail.retry,
        stop=stop,
    )
    round_.run(mail.connections)
    now = clock()
    if round_.trouble is not None:
        return _trouble(workshop, status, round_.trouble, now, started, round_.tried)
    if not store.deliveries.finish(status.digest, status.date, now):
        # What is left was put off by servers, is in another service's hands, or was stopped.
        later = round_.pause_until or store.deliveries.next_try(status.digest, status.date)
        store.editions.move(
            status.digest,
            status.date,
            ("sending",),
            now,
            not_before=later,
            attempts=0,
            reason="the limit of messages an hour is reached" if round_.pause_until else "",
        )
    return _report(workshop, status, started, tried=round_.tried, now=now)


def _take_up(
    workshop: Workshop, mail: Mail, status: EditionStatus, copies: Copies, now: datetime
) -> None:
    """Settles what a killed process had in hand: by looking, where one can look."""
    key = (status.digest, status.date)
    workshop.store.deliveries.free(*key, workshop.owner)
    left = workshop.store.deliveries.left_over(*key, workshop.owner, now)
    if not left:
        return
    transport = mail.open_transport()
    try:
        for delivery in left:
            # Only there where it went to can one look: not in another service's folders.
            ours = delivery.owner.startswith(workshop.owner) and delivery.by == transport.address
            found = _is_there(transport, copies, delivery) if ours else None
            if found is None:
                log.warning("%s: one delivery is unconfirmed: %s", status.name, _KILLED)
                workshop.store.deliveries.resolve(delivery, "unconfirmed", _KILLED)
            else:
                workshop.store.deliveries.resolve(delivery, "sent" if found else "pending", "")
    finally:
        transport.close()


def _is_there(transport: Transport, copies: Copies, delivery: Delivery) -> bool | None:
    """Whether the message lies there, which its name alone tells: it need not be made again."""
    if not delivery.address:
        return None
    name = copies.message_id(delivery)
    return transport.has(Envelope("", delivery.address, name, b""))


def _give_up(
    workshop: Workshop, mail: Mail, status: EditionStatus, now: datetime, started: float
) -> SendReport:
    counts = workshop.store.deliveries.counts(status.digest, status.date)
    left = counts.get("pending", 0) + counts.get("deferred", 0)
    hours = mail.retry.total_seconds() / 3600
    reason = (
        f"given up after {hours:g} hours with {left} of {sum(counts.values())} not sent, the last "
        f"time because: {status.reason}"
    )
    workshop.store.editions.move(
        status.digest,
        status.date,
        ("sending",),
        now,
        state="failed",
        reason=reason,
        finished=now,
        not_before=None,
    )
    log.error("%s: %s; `digest send %s` goes on", status.name, reason, status.name)
    return _report(workshop, status, started, now=now)


def _trouble(
    workshop: Workshop,
    status: EditionStatus,
    error: DigestError,
    now: datetime,
    started: float,
    tried: dict[str, int] | None = None,
) -> SendReport:
    """Notes why an edition waits, and until when."""
    # A server that took messages in this round is up: the next wait is the shortest again.
    attempts = 1 if tried and tried.get("sent") else status.attempts + 1
    later, reason = next_round(attempts, now), without_addresses(str(error))
    log.error("%s: not sent now, next try at %s: %s", status.name, _clock_time(later), reason)
    if isinstance(error, StoreError):
        counts: dict[str, int] = {}
        return SendReport(
            status.digest, status.date, status.state, counts, dict(tried or {}), reason, later
        )
    workshop.store.editions.move(
        status.digest,
        status.date,
        ("approved", "sending"),
        now,
        attempts=attempts,
        not_before=later,
        reason=reason,
    )
    return _report(workshop, status, started, tried=tried, now=now)


def _report(
    workshop: Workshop,
    status: EditionStatus,
    started: float,
    *,
    tried: dict[str, int] | None = None,
    now: datetime,
) -> SendReport:
    """What is to be said of an edition now; kept in the store where anything was tried."""
    store = workshop.store
    after = store.editions.status(status.digest, status.date) or status
    report = SendReport(
        digest=status.digest,
        date=status.date,
        state=after.state,
        counts=store.deliveries.counts(status.digest, status.date),
        tried={state: count for state, count in (tried or {}).items() if count},
        reason=after.reason,
        waits_until=after.not_before if waits(after.not_before, now) else None,
        seconds=round(time.monotonic() - started, 3),
    )
    log.info("%s: %s, %s", status.name, report.state, _told(report.counts) or "nobody is to get it")
    if report.tried or report.state != status.state or report.reason != status.reason:
        store.save_run(now, report.seconds, send_json(report), kind="send")
    return report


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def send_json(report: SendReport) -> dict[str, object]:
    """The report as JSON can hold it, times in ISO 8601."""
    until = report.waits_until
    return {**asdict(report), "waits_until": until.isoformat() if until else None}


def _clock_time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
