"""A round of sending: the deliveries of one edition, over one or more connections.

Each connection takes one delivery after the other, and at any instant has at most one message in
doubt: the one of which the server was told that it is whole, and has not said yet that it took it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from digest.errors import DigestError, OutboxError, RelayError, StoreError
from digest.outbox.pacing import Pacer
from digest.outbox.retrying import delivery_is_given_up, next_delivery
from digest.pipeline.copies import Copies
from digest.pipeline.stopping import cutting
from digest.protocols import Transport
from digest.records import Delivery, EditionStatus, Receipt
from digest.store.deliveries import Settled
from digest.store.store import Store
from digest.text.masking import masked, without_addresses

log = logging.getLogger(__name__)

# So many refusals in a row are no longer the addresses' fault: of a list that people subscribed to
# themselves one in fifty is refused at the most, and twenty in a row never by chance.
_REFUSALS = 20
# Each message in doubt is a reader who may have to be asked: after so many in a row, with none
# taken in between, the server is let alone for a while.
_DOUBTS = 3
# A wait that is longer than these seconds is for the next round: others are not kept waiting.
_LONG = 60.0
# How long a database that can't be used is asked again: a commit may be all that is missing.
_DATABASE_WAIT = (0.5, 15.0)


class _Withdrawn(Exception):
    """The reader has left, at the last moment."""


class Round:
    """Sends what waits of `status`, which is `sending`, until nothing is left or nothing works.

    `open_transport` is called once for each connection, `clock` gives aware UTC. After `run`:
    `tried` counts what became of messages, `trouble` is why the round ended early, `pause_until`
    when the limits leave room again.
    """

    def __init__(
        self,
        store: Store,
        status: EditionStatus,
        copies: Copies,
        open_transport: Callable[[], Transport],
        pacer: Pacer,
        clock: Callable[[], datetime],
        *,
        owner: str,
        lease: timedelta,
        retry: timedelta,
        stop: threading.Event,
    ) -> None:
        self._store = store
        self._status = status
        self._copies = copies
        self._open = open_transport
        self._pacer = pacer
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._retry = retry
        self._stop = stop
        self._lock = threading.Lock()
        self._transports: list[Transport] = []
        # Whom the server refused since it last took a message, and what it said; first those of
        # whom the store doesn't know yet.
        self._unnoted: dict[int, tuple[Delivery, Receipt]] = {}
        self._refused: dict[int, tuple[Delivery, Receipt]] = {}
        self._accepted = bool(store.deliveries.counts(status.digest, status.date).get("sent"))
        self._streak = self._doubts = 0
        self.tried: Counter[str] = Counter()
        self.trouble: DigestError | None = None
        self.pause_until: datetime | None = None

    def run(self, connections: int) -> None:
        """Works until the round is over. Raises what no round is prepared for."""
        with cutting(self._stop, self._transports):
            if connections == 1:
                self._work(0)
            else:
                self._work_together(connections)
        self._end()

    def _work_together(self, connections: int) -> None:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                self._work(number)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _work(self, number: int) -> None:
        owner = f"{self._owner}.{number}"
        transport = self._open()
        self._transports.append(transport)
        done: Settled | None = None
        try:
            # What became of the one before is noted when the next is taken in hand, so that nothing
            # is in doubt while one waits; and nobody waits for leave to send to nobody.
            while delivery := self._turn(owner, done, claim=not self._is_over()):
                done = None
                if not self._pacer.take(self._stop, _LONG):
                    self._turn(owner, _as_before(delivery), claim=False)
                    self._pause()
                    return
                done = self._attempt(transport, delivery, owner)
        finally:
            transport.close()

    def _pause(self) -> None:
        """Notes from when on the limits leave room again."""
        delay = self._pacer.delay()
        if delay > _LONG:
            self.pause_until = self._clock() + timedelta(seconds=delay)

    def _is_over(self) -> bool:
        return self._stop.is_set() or self.trouble is not None

    def _turn(self, owner: str, done: Settled | None, *, claim: bool) -> Delivery | None:
        """One transaction; a database that is away is waited for, since only we know of `done`."""
        if done is None and not claim:
            return None
        wait, longest = _DATABASE_WAIT
        failed = False
        while True:
            now = self._clock()
            try:
                if failed:
                    # Whether the commit that failed had come through nobody can say.
                    self._store.deliveries.free(self._status.digest, self._status.date, owner)
                taken = self._store.deliveries.turn(
                    self._status.digest,
                    self._status.date,
                    owner,
                    now,
                    now + self._lease,
                    done=done,
                    claim=claim and not self._is_over(),
                )
                if done is not None:
                    self._noted(done.delivery)
                return taken
            except StoreError as error:
                if not failed:
                    log.error("%s: sending waits for the database: %s", self._status.name, error)
                if done is None or self._stop.is_set():
                    self._trouble(error)
                    return None
                failed = True
                self._stop.wait(wait)
                wait = min(longest, 2 * wait)

    def _attempt(self, transport: Transport, delivery: Delivery, owner: str) -> Settled | None:
        """What became of the message; None when it is not to be sent any more."""
        deliveries = self._store.deliveries

        def ready() -> None:
            if not deliveries.begin(delivery, owner, self._clock(), transport.address):
                raise _Withdrawn

        try:
            if not self._copies.holds_any(delivery.topics, delivery.languages):
                deliveries.withdraw(delivery, owner)  # they chose anew, and nothing is left
                return None
            envelope = self._copies.envelope(delivery)
        except StoreError as error:
            return self._not_now(delivery, error)
        except OutboxError as error:
            return self._settled(delivery, Receipt("bounced", str(error)))
        # A theme can stumble over one reader's name; the others have done nothing to deserve it.
        except Exception as error:
            if not isinstance(error, DigestError):
                log.exception("%s: one reader's copy", self._status.name)
            return self._settled(delivery, Receipt("deferred", f"could not be made: {error}"))
        try:
            receipt = transport.send(envelope, ready)
        except _Withdrawn:
            return None
        except DigestError as error:
            return self._not_now(delivery, error)
        return self._settled(delivery, receipt)

    def _not_now(self, delivery: Delivery, error: DigestError) -> Settled:
        """The message did not go, and it is not this reader's fault: all wait as before."""
        self._trouble(error)
        return _as_before(delivery)

    def _settled(self, delivery: Delivery, receipt: Receipt) -> Settled:
        now, reason = self._clock(), without_addresses(receipt.reason)
        receipt = replace(receipt, reason=reason)
        with self._lock:
            self.tried[receipt.outcome] += 1
            if receipt.outcome == "sent":
                self._accepted = True
                self._streak, self._doubts = 0, 0
                self._believe_refusals()
            else:
                self._count_failures(delivery, receipt)
        if receipt.outcome == "unconfirmed":
            log.warning(
                "%s: nobody knows whether %s has it: %s; `digest outbox %s` tells how to settle it",
                self._status.name,
                masked(delivery.address),
                reason,
                self._status.name,
            )
        elif receipt.outcome != "sent":
            log.info(
                "%s: %s for %s: %s",
                self._status.name,
                receipt.outcome,
                masked(delivery.address),
                reason,
            )
        # One that is refused is put off until the server takes another's: then it was meant.
        if receipt.outcome in ("sent", "unconfirmed"):
            return Settled(delivery, receipt.outcome, reason)
        attempts = delivery.attempts + 1
        if delivery_is_given_up(attempts, self._retry):
            hours = self._retry.total_seconds() / 3600
            return Settled(delivery, "bounced", f"tried for over {hours:g} hours: {reason}")
        return Settled(delivery, "deferred", reason, next_delivery(attempts, now))

    def _count_failures(self, delivery: Delivery, receipt: Receipt) -> None:
        """Ends a round in which nobody's message gets through any more."""
        self._streak += 1
        self._doubts += receipt.outcome == "unconfirmed"
        if receipt.outcome == "bounced":
            self._unnoted[delivery.subscriber] = (delivery, receipt)
        if self.trouble is not None:
            return
        if self._doubts >= _DOUBTS:
            self.trouble = RelayError(
                f"the mail server left the fate of {self._doubts} messages in a row unknown; the "
                f"last: {receipt.reason}"
            )
        elif self._streak >= _REFUSALS:
            self.trouble = RelayError(
                f"{self._streak} messages in a row did not get through, so it is taken for trouble "
                f"of the mail server's or the theme's, and not theirs; the last: {receipt.reason}"
            )

    def _noted(self, delivery: Delivery) -> None:
        with self._lock:
            refusal = self._unnoted.pop(delivery.subscriber, None)
            if refusal is not None:
                self._refused[delivery.subscriber] = refusal

    def _believe_refusals(self) -> None:
        """What a server refused that takes others' messages, it refused for its own sake."""
        refused, self._refused = self._refused, {}
        now = self._clock()
        try:
            for reason in {receipt.reason for _, receipt in refused.values()}:
                those = [id for id, (_, receipt) in refused.items() if receipt.reason == reason]
                self._store.deliveries.decide(
                    self._status.digest, self._status.date, ("deferred",), "bounced", reason, those
                )
            for delivery, receipt in refused.values():
                if receipt.dead:
                    self._store.subscribers.bounced(delivery.address, receipt.reason, now)
        except StoreError as error:  # they are tried once more, and refused once more
            log.error("%s: refusals could not be noted: %s", self._status.name, error)

    def _end(self) -> None:
        """Believes what was refused last, if the server has taken any message of the edition."""
        if self.trouble is None and self._accepted:
            self._believe_refusals()
        elif self.trouble is None and self._refused:
            _, last = next(reversed(self._refused.values()))
            self.trouble = RelayError(
                f"the mail server took none of {len(self._refused)} messages, so it is taken for "
                f"its trouble and not theirs; the last: {last.reason}"
            )
        self.tried["bounced"] -= len(self._refused)
        self.tried["deferred"] += len(self._refused)

    def _trouble(self, error: DigestError) -> None:
        with self._lock:
            if self.trouble is None:
                self.trouble = error


def _as_before(delivery: Delivery) -> Settled:
    """Back to those who wait, as if it had never been in hand."""
    return Settled(delivery, delivery.state, delivery.reason, delivery.not_before, counts=False)
