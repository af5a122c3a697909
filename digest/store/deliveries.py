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
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from digest.records import Delivery, DeliveryState
from digest.store.delivery_views import DeliveryViews, counted, delivery_of, is_row, with_people
from digest.store.incoming import parts
from digest.store.schema import (
    DeliveryRow,
    EditionRow,
    SubscriberRow,
    SubscriptionRow,
    UtcDateTime,
)

# Rows of an INSERT of many: what a statement takes in one go without large memory.
_AT_ONCE = 5000

LONGEST_WAIT = timedelta(hours=6)
"""No delivery is put off for longer: what is to wait longer still was put off by a clock that was
wrong, and may be tried now."""

_RESERVED: tuple[DeliveryState, ...] = ("pending", "deferred")

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

    def freeze(self, digest: str, date: str, now: datetime, wants: Wants) -> int | None:
        """Freezes the recipients of an approved edition, which is `sending` from then on.

        They are the active subscribers of the digest whose address is not dead and whose copy holds
        anything. Gives their number; None, and nothing is changed, when the edition is not approved
        (any more).
        """
        with self._transaction() as connection:
            started = connection.execute(
                update(EditionRow)
                .where(
                    EditionRow.digest == digest,
                    EditionRow.date == date,
                    EditionRow.state == "approved",
                )
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
            values = {**_key(found), "in_state": found.state, "by": owner, "to": until}
            return found if connection.execute(_RESERVE, values).rowcount == 1 else None

    def begin(self, delivery: Delivery, owner: str, now: datetime) -> bool:
        """A reserved delivery is `sending`: from now on its server may have it.

        False when it may not be sent: the person has left, or the reservation has run out and gone
        to another.
        """
        values = {**_key(delivery), "of": owner, "at": now}
        with self._transaction() as connection:
            return connection.execute(_BEGIN, values).rowcount == 1

    def left_over(self, owner: str, now: datetime) -> list[Delivery]:
        """Those `sending` by a process that is gone: of our own `owner`, or whose time is over.

        An owner's connections have names that begin with its own. The caller holds the lock that
        keeps two processes of one owner apart.
        """
        mine = or_(_owned_by(owner), DeliveryRow.until < now)
        query = with_people().where(DeliveryRow.state == "sending", mine)
        with self._reading() as connection:
            return [delivery_of(row) for row in connection.execute(query).mappings()]

    def free(self, owner: str) -> None:
        """Nothing is reserved by `owner` (or its connections) any more: it waits as before."""
        query = (
            update(DeliveryRow)
            .where(
                _owned_by(owner),
                DeliveryRow.state.in_(_RESERVED),
            )
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
        subscribers: Collection[int] | None = None,
    ) -> int:
        """What a person decides: those of `subscribers` (all, when None) in `expected` → `state`.

        Gives how many there were.
        """
        where = [
            DeliveryRow.digest == digest,
            DeliveryRow.date == date,
            DeliveryRow.state.in_(expected),
        ]
        values = {"state": state, "reason": reason, "owner": "", "until": None, "not_before": None}
        with self._transaction() as connection:
            if subscribers is None:
                query = update(DeliveryRow).where(*where).values(**values)
                return connection.execute(query).rowcount
            return sum(
                connection.execute(
                    update(DeliveryRow)
                    .where(*where, DeliveryRow.subscriber.in_(part))
                    .values(**values)
                ).rowcount
                for part in parts(sorted(subscribers))
            )

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

        It is skipped where nobody was to get it, and failed where every address bounced. False when
        some are still to go, or it is not being sent.
        """
        with self._transaction() as connection:
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
                state, reason = "skipped", "nobody subscribes to it"
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


# What each message takes. Made once: to put such a statement together takes SQLAlchemy longer than
# SQLite takes to carry it out.

_THIS = (
    DeliveryRow.digest == bindparam("of_digest"),
    DeliveryRow.date == bindparam("of_date"),
    DeliveryRow.subscriber == bindparam("of_subscriber"),
)
_BEGIN = (
    update(DeliveryRow)
    .where(*_THIS, DeliveryRow.owner == bindparam("of"), DeliveryRow.state.in_(_RESERVED))
    .values(state="sending", tried=bindparam("at"))
)
_RESERVE = (
    update(DeliveryRow)
    .where(*_THIS, DeliveryRow.state == bindparam("in_state"))
    .values(owner=bindparam("by"), until=bindparam("to"))
)
_SETTLE = (
    update(DeliveryRow)
    .where(
        *_THIS,
        DeliveryRow.owner == bindparam("of"),
        DeliveryRow.state.in_((*_RESERVED, "sending")),
    )
    .values(
        state=bindparam("to_state"),
        reason=bindparam("why"),
        not_before=bindparam("later"),
        attempts=bindparam("tries"),
        tried=bindparam("at"),
        owner="",
        until=None,
    )
)


def _first(state: DeliveryState, *where: ColumnElement[bool]) -> Select[Any]:
    query = with_people().where(
        DeliveryRow.digest == bindparam("of_digest"),
        DeliveryRow.date == bindparam("of_date"),
        DeliveryRow.state == state,
        SubscriberRow.id.is_not(None),
        or_(DeliveryRow.owner == "", DeliveryRow.until < bindparam("at", type_=UtcDateTime)),
        *where,
    )
    return query.limit(1).with_for_update(skip_locked=True, of=DeliveryRow)


# Who is first: those never tried, then those whose wait is over; nobody who is reserved.
_NEXT = (
    _first("pending"),
    _first(
        "deferred",
        or_(
            DeliveryRow.not_before.is_(None),
            DeliveryRow.not_before <= bindparam("at"),
            DeliveryRow.not_before > bindparam("too_late"),
        ),
    ),
)


def _key(delivery: Delivery) -> dict[str, Any]:
    """The delivery as `_THIS` asks for it."""
    return {
        "of_digest": delivery.digest,
        "of_date": delivery.date,
        "of_subscriber": delivery.subscriber,
    }


def _owned_by(owner: str) -> ColumnElement[bool]:
    """Of `owner`, or of one of its connections, whose names are the owner's, a dot, and more."""
    mine: ColumnElement[bool] = DeliveryRow.owner == owner
    return or_(mine, DeliveryRow.owner.startswith(f"{owner}.", autoescape=True))


def _next(connection: Connection, digest: str, date: str, now: datetime) -> Delivery | None:
    values = {"of_digest": digest, "of_date": date, "at": now, "too_late": now + LONGEST_WAIT}
    for query in _NEXT:
        row = connection.execute(query, values).mappings().first()
        if row is not None:
            return delivery_of(row)
    return None


def _settle(connection: Connection, owner: str, done: Settled, now: datetime) -> bool:
    values = {
        **_key(done.delivery),
        "of": owner,
        "to_state": done.state,
        "why": done.reason,
        "later": done.not_before,
        "tries": done.delivery.attempts + int(done.counts),
        "at": now if done.counts else done.delivery.tried,
    }
    return connection.execute(_SETTLE, values).rowcount == 1
