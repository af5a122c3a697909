"""The right to build an edition: one service at a time, and never what readers have already."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from digest.config import DigestSpec
from digest.editions.frozen import load_edition
from digest.errors import OutboxError, StoreError
from digest.outbox.retrying import next_build
from digest.pipeline.delivering import fingerprint
from digest.pipeline.wiring import Workshop
from digest.records import DueEdition, EditionState, EditionStatus

log = logging.getLogger(__name__)

# A run over thousands of feeds with everything new takes minutes. A claim is renewed when the
# edition is written; after this long another service on the database may take it for lost.
_LEASE = timedelta(hours=1)
_TAKEN = "{edition}: another service builds this edition now, since this run took over an hour"


class Claims:
    """The claims of one run at `now` (aware UTC). The caller holds the lock of the state folder.

    `due` are the editions that the schedule asks for, by digest; the others are built by hand.
    """

    def __init__(self, workshop: Workshop, now: datetime, due: Mapping[str, DueEdition]) -> None:
        self._editions = workshop.store.editions
        self._outbox = workshop.outbox
        self._owner = workshop.owner
        self._now = now
        self._began = time.monotonic()
        self._due = due
        self._before: dict[tuple[str, str], EditionStatus | None] = {}

    def take(self, spec: DigestSpec, date: str, *, again: bool) -> str:
        """Claims the edition of `spec` for `date`; gives why it can't be had, or nothing.

        `again` claims also one that is built, unless it is being sent. Raises OutboxError.
        """
        status = self._editions.status(spec.name, date)
        # What we built ourselves, and what is not in the outbox any more, is built again.
        lost = status is not None and status.owner == self._owner
        lost = lost and not self._outbox.has(spec.name, date)
        until = self._until()
        if self._editions.begin(
            spec.name, date, self._owner, self._now, until, again=again or lost
        ):
            # Of what a killed process left before it was ever built, nobody knows anything.
            unknown = status is not None and status.state == "building" and status.built is None
            self._before[spec.name, date] = None if unknown else status
            return ""
        return _why_not(self._editions.status(spec.name, date))

    def found(self, spec: DigestSpec, date: str) -> EditionStatus | None:
        """Takes note of the edition that lies in the outbox, and lets it leave if it is due.

        Gives how far it is. Raises OutboxError when it can't be read.
        """
        name, status = spec.name, self._editions.status(spec.name, date)
        # Its process was killed, or the store failed, when the edition was out and not noted yet.
        if status is None or (status.started is None and status.state in ("building", "failed")):
            data = self._outbox.read(name, date)
            edition = load_edition(data, f"{name}/{date}")
            mark = fingerprint(data)
            if status is None:
                self._editions.adopt(
                    name,
                    date,
                    self._now,
                    fingerprint=mark,
                    built=edition.built,
                    review=spec.review,
                    owner=self._owner,
                )
            elif self._editions.begin(
                name, date, self._owner, self._now, self._until(), again=False
            ):
                self._editions.built(
                    name,
                    date,
                    self._owner,
                    self._now,
                    fingerprint=mark,
                    built=edition.built,
                    review=spec.review or _waits(status),
                )
        self._let_leave(name, date)
        return self._editions.status(name, date)

    def keep(self, digest: str, date: str) -> None:
        """Renews a claim. Raises OutboxError when another service has taken it."""
        if not self._editions.renew(digest, date, self._owner, self._until()):
            raise OutboxError(_TAKEN.format(edition=f"{digest}/{date}"))

    def built(self, spec: DigestSpec, date: str, mark: str) -> None:
        """The claimed edition is in the outbox, and its `edition.json` has the hash `mark`."""
        before = self._before.pop((spec.name, date), None)
        if not self._editions.built(
            spec.name,
            date,
            self._owner,
            self._now,
            fingerprint=mark,
            built=self._now,
            review=spec.review or _waits(before),
        ):
            raise OutboxError(_TAKEN.format(edition=f"{spec.name}/{date}"))
        self._let_leave(spec.name, date)

    def failed(self, digest: str, date: str, reason: str) -> None:
        """The claimed edition could not be built; one that was there before stays."""
        if self._kept(digest, date):
            return
        before = self._before.pop((digest, date), None)
        asked = self._asked(digest)
        again = before is not None and before.state == "failed" and before.asked == asked
        attempts = 1 + (before.attempts if before is not None and again else 0)
        later = next_build(attempts, self._now)
        self._end(digest, date, "failed", reason, attempts=attempts, not_before=later)

    def not_begun(self, digest: str, date: str, reason: str) -> None:
        """An edition could not even be claimed: noted where the schedule asks for it, and waits.

        Otherwise it would be asked for at every turn.
        """
        if digest not in self._due:
            return
        status, until = self._editions.status(digest, date), self._until()
        if self._editions.begin(digest, date, self._owner, self._now, until, again=False):
            killed = status is not None and status.state == "building"
            self._before[digest, date] = None if killed else status
            self.failed(digest, date, reason)

    def empty(self, digest: str, date: str, reason: str) -> None:
        """There is nothing to tell; an edition that was there before stays."""
        if self._kept(digest, date):
            return
        self._before.pop((digest, date), None)
        self._end(digest, date, "skipped", reason)

    def release(self) -> None:
        """Gives back what was claimed and not settled: the run was stopped."""
        for digest, date in list(self._before):
            try:
                self._give_back(digest, date)
            except StoreError as error:  # the claim of a process that is gone is taken over
                log.error("%s/%s: its claim could not be given back: %s", digest, date, error)

    def _end(
        self, digest: str, date: str, state: EditionState, reason: str, **changes: Any
    ) -> None:
        self._editions.move(
            digest,
            date,
            ("building",),
            self._now,
            owner=self._owner,
            state=state,
            reason=reason,
            asked=self._asked(digest),
            **changes,
        )

    def _kept(self, digest: str, date: str) -> bool:
        """Gives the claim back where there was an edition before."""
        before = self._before.get((digest, date))
        if before is None or before.state not in ("draft", "approved", "building"):
            return False
        self._give_back(digest, date)
        return True

    def _give_back(self, digest: str, date: str) -> None:
        before = self._before.pop((digest, date))
        if before is not None and before.state == "building":
            self._mend(digest, date, before)
        else:
            self._editions.give_back(digest, date, self._owner, self._now, before)

    def _mend(self, digest: str, date: str, before: EditionStatus) -> None:
        """Ends the claim on an edition whose rebuild was killed: it is what the outbox has."""
        try:
            data = self._outbox.read(digest, date)
            built = load_edition(data, f"{digest}/{date}").built
        except OutboxError as error:
            self._end(digest, date, "failed", f"a killed build left nothing of it: {error}")
            return
        self._editions.built(
            digest,
            date,
            self._owner,
            self._now,
            fingerprint=fingerprint(data),
            built=built,
            review=_waits(before),
        )

    def _let_leave(self, digest: str, date: str) -> None:
        """An edition that the schedule asks for leaves at its time."""
        if (due := self._due.get(digest)) is None or due.date != date:
            return
        self._editions.move(
            digest,
            date,
            ("draft", "approved"),
            self._now,
            asked=due.moment,
            send_at=due.moment,
        )

    def _until(self) -> datetime:
        """The end of a claim that is made or renewed now; `now` is when the run began."""
        return self._now + timedelta(seconds=time.monotonic() - self._began) + _LEASE

    def _asked(self, digest: str) -> datetime | None:
        return self._due[digest].moment if digest in self._due else None


@contextmanager
def claiming(workshop: Workshop, now: datetime, due: Mapping[str, DueEdition]) -> Iterator[Claims]:
    """Claims that are given back at the end, but for those that were settled."""
    claims = Claims(workshop, now, due)
    try:
        yield claims
    finally:
        claims.release()


def _waits(before: EditionStatus | None) -> bool:
    """Whether it waited for a person, or a person took the approval back: then it waits still."""
    if before is None:
        return False
    if before.state == "building":  # a rebuild was killed; what it was before can be read off
        return before.built is not None and before.approved is None
    return before.state == "draft"


def _why_not(status: EditionStatus | None) -> str:
    if status is None:
        return "another service has just given it back; run again"
    if status.started is not None and status.state == "failed":
        return (
            f"this date's edition has its recipients, and could not be sent ({status.reason}); "
            f"`digest send {status.name}` tries again"
        )
    if status.started is not None:
        done = "is being sent" if status.state == "sending" else "has been sent"
        return f"this date's edition {done}: a date has one edition, so it isn't built again"
    if status.state == "building":
        return f"another service builds this date's edition, since {status.updated:%H:%M} UTC"
    return f"this date's edition is {status.state}, in another outbox than this one"
