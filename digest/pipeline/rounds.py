"""A round of sending: the deliveries of one edition, over one or more connections.

Each connection takes one delivery after the other, and at any instant has at most one message in
doubt: the one of which the server was told that it is whole, and has not said yet that it took it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from digest.errors import DigestError, OutboxError, RelayError, StoreError
from digest.outbox.pacing import Pacer
from digest.outbox.retrying import next_delivery
from digest.pipeline.copies import Copies
from digest.protocols import Transport
from digest.records import Delivery, EditionStatus, Receipt
from digest.store.deliveries import Settled
from digest.store.store import Store
from digest.text.masking import masked

log = logging.getLogger(__name__)

# After the word to stop, what waits for a server's answer is cut off: ten seconds are all there
# are, and closing takes its part of them.
_PATIENCE = 4.0
# So many refusals in a row, from the first message on, are no longer the addresses' fault.
_REFUSALS = 20
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
        self._refused: list[int] = []
        self.tried: Counter[str] = Counter()
        self.trouble: DigestError | None = None
        self.pause_until: datetime | None = None

    def run(self, connections: int) -> None:
        """Works until the round is over. Raises what no round is prepared for."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watcher.start()
        try:
            if connections == 1:
                self._work(0)
            else:
                self._work_together(connections)
        finally:
            over.set()
            watcher.join()
        self._acquit()

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

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            if self._stop.is_set():
                if not over.wait(_PATIENCE):
                    for transport in tuple(self._transports):
                        transport.cut()
                return

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
                    self._store.deliveries.free(owner)
                return self._store.deliveries.turn(
                    self._status.digest,
                    self._status.date,
                    owner,
                    now,
                    now + self._lease,
                    done=done,
                    claim=claim and not self._is_over(),
                )
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
        """What became of the message; None when it may not be sent any more."""

        def ready() -> None:
            if not self._store.deliveries.begin(delivery, owner, self._clock()):
                raise _Withdrawn

        try:
            envelope = self._copies.envelope(delivery)
            receipt = transport.send(envelope, ready)
        except _Withdrawn:
            return None
        except OutboxError as error:
            return self._settled(delivery, Receipt("bounced", str(error)))
        except DigestError as error:
            return self._not_now(delivery, error)
        return self._settled(delivery, receipt)

    def _not_now(self, delivery: Delivery, error: DigestError) -> Settled:
        """The message did not go, and it is not this reader's fault: all wait as before."""
        self._trouble(error)
        return _as_before(delivery)

    def _settled(self, delivery: Delivery, receipt: Receipt) -> Settled:
        now = self._clock()
        with self._lock:
            self.tried[receipt.outcome] += 1
            self._count_refusals(delivery, receipt)
        if receipt.outcome != "sent":
            log.warning(
                "%s: %s for %s: %s",
                self._status.name,
                receipt.outcome,
                masked(delivery.address),
                receipt.reason,
            )
        if receipt.dead:
            self._bury(delivery, receipt.reason, now)
        if receipt.outcome != "deferred":
            return Settled(delivery, receipt.outcome, receipt.reason)
        begun = self._status.started or now
        if now - begun > self._retry:
            hours = self._retry.total_seconds() / 3600
            return Settled(
                delivery, "bounced", f"put off for over {hours:g} hours: {receipt.reason}"
            )
        later = next_delivery(delivery.attempts + 1, now)
        return Settled(delivery, "deferred", receipt.reason, later)

    def _bury(self, delivery: Delivery, reason: str, now: datetime) -> None:
        try:
            self._store.subscribers.bounced(delivery.address, reason, now)
        except StoreError as error:  # the next edition finds the address dead again
            log.error("%s: a dead address could not be noted: %s", self._status.name, error)

    def _count_refusals(self, delivery: Delivery, receipt: Receipt) -> None:
        """Ends a round in which the server takes nothing from nobody."""
        if receipt.outcome == "bounced" and not receipt.dead:
            self._refused.append(delivery.subscriber)
        if len(self._refused) >= _REFUSALS and not self.tried["sent"] and self.trouble is None:
            self.trouble = RelayError(
                f"the mail server refused the first {len(self._refused)} messages, so it is taken "
                f"for its trouble and not theirs: {receipt.reason}"
            )

    def _acquit(self) -> None:
        """Those who were refused together with everybody else are tried again."""
        if self.trouble is not None and len(self._refused) >= _REFUSALS and not self.tried["sent"]:
            count = self._store.deliveries.decide(
                self._status.digest,
                self._status.date,
                ("bounced",),
                "deferred",
                str(self.trouble),
                self._refused,
            )
            self.tried["bounced"] -= count
            self.tried["deferred"] += count

    def _trouble(self, error: DigestError) -> None:
        with self._lock:
            if self.trouble is None:
                self.trouble = error


def _as_before(delivery: Delivery) -> Settled:
    """Back to those who wait, as if it had never been in hand."""
    return Settled(delivery, delivery.state, delivery.reason, delivery.not_before, counts=False)
