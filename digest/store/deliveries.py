"""One edition to one subscriber: who gets it, who has it, who has it in hand.

A message takes two commits. One notes what became of the message before and takes the next in hand:
it is reserved, and nobody else's. The other comes right before the server may have it, and makes it
`sending`. A process that is killed leaves doubt about no message but those that it had got so far
with: one for each of its connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, not_, or_, select, update

from digest.records import Delivery, DeliveryState
from digest.store.delivery_statements import (
    BEGIN,
    LONGEST_WAIT,
    NEXT,
    RESERVE,
    RESERVED,
    SETTLE,
    STILL_WANTED,
    has_run_out,
    key,
    of_edition,
    owned_by,
)
from digest.store.delivery_views import DeliveryViews, counted, delivery_of, is_row, with_people
from digest.store.incoming import parts
from digest.store.schema import DeliveryRow, EditionRow, SubscriberRow, SubscriptionRow

# Rows of an INSERT of many: what a statement takes in one go without large memory.
_AT_ONCE = 5000
_FOR_NOBODY = "nobody is to get it: there is no subscriber, or none who wants what is in it"

Wants = Callable[[tuple[str, ...], tuple[str, ...]], bool]
"""Whether a copy of the edition for these topics and languages holds anything."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a delivery that was in hand.

    `not_before` is when a deferred one is tried again; `counts` is False where the server was not
    reached, which is no attempt.
    """

    delivery: Delivery
    state: DeliveryState
    reason: str = ""
    not_before: datetime | None = None
    counts: bool = True


class Deliveries(DeliveryViews):
    """The deliveries of editions; times are aware UTC."""

    def freeze(
        self, digest: str, date: str, now: datetime, wants: Wants, fingerprint: str | None = None
    ) -> int | None:
        """Freezes the recipients of an approved edition, which is `sending` from then on.

        They are the active subscribers of the digest whose address is not dead and whose copy holds
        anything. Gives their number; None, and nothing is changed, when the edition is not approved
        (any more), or is another build than the one with this `fingerprint`.
        """
        where = [
            EditionRow.digest == digest,
            EditionRow.date == date,
            EditionRow.state == "approved",
        ]
        if fingerprint is not None:
            where.append(EditionRow.fingerprint == fingerprint)
        with self._transaction() as connection:
            started = connection.execute(
                update(EditionRow)
                .where(*where)
                .values(state="sending", started=now, updated=now, attempts=0, not_before=None)
            )
            if started.rowcount != 1:
                return None
            people = select(
                SubscriptionRow.subscriber, SubscriptionRow.topics, SubscriptionRow.languages
            ).join(SubscriberRow, SubscriberRow.id == SubscriptionRow.subscriber)
            people = people.where(
                SubscriptionRow.digest == digest,
                SubscriptionRow.state == "active",
                SubscriberRow.bounced.is_(None),
            )
            count = 0
            # Read whole before anything is written: a cursor must not run into its own rows.
            chosen = _Wanted(wants)
            found = [row for row in connection.execute(people) if chosen(row.topics, row.languages)]
            for at in range(0, len(found), _AT_ONCE):
                rows = [
                    {
                        "digest": digest,
                        "date": date,
                        "subscriber": subscriber,
                        "state": "pending",
                        "topics": topics,
                        "languages": languages,
                    }
                    for subscriber, topics, languages in found[at : at + _AT_ONCE]
                ]
                connection.execute(insert(DeliveryRow), rows)
                count += len(rows)
            return count

    def turn(
        self,
        digest: str,
        date: str,
        owner: str,
        now: datetime,
        until: datetime,
        *,
        done: Settled | None = None,
        claim: bool = True,
    ) -> Delivery | None:
        """Settles `done`, and reserves the next delivery, in one transaction.

        None when there is no next one now, or none is wanted (`claim`). It is ours until `until`;
        after that it is anybody's.
        """
        with self._transaction() as connection:
            if done is not None:
                _settle(connection, owner, done, now)
            found = _next(connection, digest, date, now) if claim else None
            if found is None:
                return None
            values = {**key(found), "in_state": found.state, "holder": owner, "to": until}
            return found if connection.execute(RESERVE, values).rowcount == 1 else None

    def begin(self, delivery: Delivery, owner: str, now: datetime, way: str = "") -> bool:
        """A reserved delivery is `sending`: from now on its server may have it, which is at `way`.

        False when it may not be sent: the person has left, or the reservation has run out and gone
        to another.
        """
        values = {**key(delivery), "of": owner, "at": now, "way": way}
        with self._transaction() as connection:
            return connection.execute(BEGIN, values).rowcount == 1

    def withdraw(self, delivery: Delivery, owner: str) -> None:
        """A delivery that `owner` has reserved is none any more: the copy would hold nothing."""
        query = delete(DeliveryRow).where(
            is_row(delivery), DeliveryRow.owner == owner, DeliveryRow.state.in_(RESERVED)
        )
        with self._transaction() as connection:
            connection.execute(query)

    def left_over(self, digest: str, date: str, owner: str, now: datetime) -> list[Delivery]:
        """Those `sending` by a process that is gone: of our own `owner`, or whose time is over.

        The caller holds the lock that keeps two processes of one owner apart.
        """
        query = with_people().where(
            of_edition(digest, date),
            DeliveryRow.state == "sending",
            or_(owned_by(owner), has_run_out(now)),
        )
        with self._reading() as connection:
            return [delivery_of(row) for row in connection.execute(query).mappings()]

    def free(self, digest: str, date: str, owner: str) -> None:
        """Nothing is reserved by `owner` (or its connections) any more: it waits as before."""
        query = (
            update(DeliveryRow)
            .where(of_edition(digest, date), DeliveryRow.state.in_(RESERVED), owned_by(owner))
            .values(owner="", until=None)
        )
        with self._transaction() as connection:
            connection.execute(query)

    def resolve(self, delivery: Delivery, state: DeliveryState, reason: str) -> bool:
        """Settles one of `left_over`, unless its owner has done so meanwhile."""
        with self._transaction() as connection:
            query = (
                update(DeliveryRow)
                .where(
                    is_row(delivery),
                    DeliveryRow.state == "sending",
                    or_(DeliveryRow.tried == delivery.tried, DeliveryRow.tried.is_(None)),
                )
                .values(
                    state=state, reason=reason, owner="", until=None, attempts=delivery.attempts + 1
                )
            )
            return connection.execute(query).rowcount == 1

    def decide(
        self,
        digest: str,
        date: str,
        expected: tuple[DeliveryState, ...],
        state: DeliveryState,
        reason: str,
        subscribers: Collection[int],
        not_before: datetime | None = None,
    ) -> int:
        """Those of `subscribers` that are in `expected` → `state`. Gives how many there were."""
        with self._transaction() as connection:
            return _decide(
                connection, digest, date, expected, state, reason, subscribers, not_before
            )

    def again(
        self,
        digest: str,
        date: str,
        expected: tuple[DeliveryState, ...],
        subscribers: Collection[int],
        gone: str,
        now: datetime,
    ) -> int:
        """Those of `subscribers` in `expected` are sent again, and the edition with them.

        One transaction, so that none waits in an edition that is done. Who has left meanwhile, or
        whose address is dead, is not tried again, for the reason `gone`. Gives how many are.
        """
        with self._transaction() as connection:
            query = select(DeliveryRow.subscriber).where(of_edition(digest, date), STILL_WANTED)
            wanted = set(connection.execute(query).scalars()) & set(subscribers)
            left = set(subscribers) - wanted
            _decide(connection, digest, date, ("unconfirmed",), "bounced", gone, left)
            count = _decide(connection, digest, date, expected, "pending", "", wanted)
            if count:
                connection.execute(
                    update(EditionRow)
                    .where(
                        EditionRow.digest == digest,
                        EditionRow.date == date,
                        EditionRow.state.in_(("sent", "failed")),
                    )
                    .values(
                        state="sending",
                        reason="",
                        finished=None,
                        updated=now,
                        attempts=0,
                        not_before=None,
                    )
                )
            return count

    def bounced(self, digest: str, date: str, address: str, reason: str, now: datetime) -> bool:
        """A report says that a message which the server took has come back."""
        whose = select(SubscriberRow.id).where(SubscriberRow.address_key == address.casefold())
        query = (
            update(DeliveryRow)
            .where(
                DeliveryRow.digest == digest,
                DeliveryRow.date == date,
                DeliveryRow.subscriber.in_(whose),
                DeliveryRow.state.in_(("sent", "unconfirmed")),
            )
            .values(state="bounced", reason=reason, tried=now)
        )
        with self._transaction() as connection:
            return connection.execute(query).rowcount == 1

    def finish(self, digest: str, date: str, now: datetime) -> bool:
        """A `sending` edition whose deliveries are all settled is sent, in one transaction.

        It is skipped where nobody was to get it, and failed where every address bounced. Who has
        left meanwhile, or was erased, is no recipient any more. False when some are still to go, or
        it is not being sent.
        """
        with self._transaction() as connection:
            # Not those in hand: their holder finds out.
            connection.execute(
                delete(DeliveryRow).where(
                    of_edition(digest, date),
                    DeliveryRow.state.in_(RESERVED),
                    DeliveryRow.owner == "",
                    not_(STILL_WANTED),
                )
            )
            query = (
                select(DeliveryRow.state, func.count())
                .where(DeliveryRow.digest == digest, DeliveryRow.date == date)
                .group_by(DeliveryRow.state)
            )
            counts = Counter(counted(connection, query))
            if counts["pending"] or counts["sending"] or counts["deferred"]:
                return False
            state, reason = "sent", ""
            if not counts:
                state, reason = "skipped", _FOR_NOBODY
            elif not counts["sent"] and not counts["unconfirmed"]:
                state, reason = "failed", "no server took it for any of its recipients"
            done = connection.execute(
                update(EditionRow)
                .where(
                    EditionRow.digest == digest,
                    EditionRow.date == date,
                    EditionRow.state == "sending",
                )
                .values(
                    state=state,
                    reason=reason,
                    # Nothing was frozen of nobody: it may be built and sent once somebody is.
                    started=EditionRow.started if counts else None,
                    finished=now,
                    updated=now,
                    attempts=0,
                    not_before=None,
                )
            )
            return done.rowcount == 1


class _Wanted:
    """Whether a subscriber's copy holds anything; asked once for each choice that people made."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], bool] = {}

    def __call__(self, topics: Sequence[str], languages: Sequence[str]) -> bool:
        choice = (tuple(topics), tuple(languages))
        if choice not in self._known:
            self._known[choice] = self._wants(*choice)
        return self._known[choice]


def _decide(
    connection: Connection,
    digest: str,
    date: str,
    expected: tuple[DeliveryState, ...],
    state: DeliveryState,
    reason: str,
    subscribers: Collection[int],
    not_before: datetime | None = None,
) -> int:
    values = {
        "state": state,
        "reason": reason,
        "owner": "",
        "until": None,
        "not_before": not_before,
    }
    return sum(
        connection.execute(
            update(DeliveryRow)
            .where(
                of_edition(digest, date),
                DeliveryRow.state.in_(expected),
                DeliveryRow.subscriber.in_(part),
            )
            .values(**values)
        ).rowcount
        for part in parts(sorted(subscribers))
    )


def _next(connection: Connection, digest: str, date: str, now: datetime) -> Delivery | None:
    values = {"of_digest": digest, "of_date": date, "at": now, "too_late": now + LONGEST_WAIT}
    for query in NEXT:
        row = connection.execute(query, values).mappings().first()
        if row is not None:
            return delivery_of(row)
    return None


def _settle(connection: Connection, owner: str, done: Settled, now: datetime) -> bool:
    values = {
        **key(done.delivery),
        "of": owner,
        "to_state": done.state,
        "why": done.reason,
        "later": done.not_before,
        "tries": done.delivery.attempts + int(done.counts),
        "at": now if done.counts else done.delivery.tried,
    }
    return connection.execute(SETTLE, values).rowcount == 1
