"""One edition to one subscriber: who gets it, who has it, who has it in hand.

A message takes one commit: the transaction that notes what became of one takes the next in hand.
A process that is killed leaves one delivery `sending` for each of its connections, and no other
doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from digest.records import Delivery, DeliveryState
from digest.store.delivery_views import DeliveryViews, counted, delivery_of, is_row, with_people
from digest.store.incoming import parts
from digest.store.schema import DeliveryRow, EditionRow, SubscriberRow, SubscriptionRow

# Rows of an INSERT of many: what a statement takes in one go without large memory.
_AT_ONCE = 5000

LONGEST_WAIT = timedelta(hours=6)
"""No delivery is put off for longer: what is to wait longer still was put off by a clock that was
wrong, and may be tried now."""

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
        """Settles `done`, and takes the next delivery in hand, in one transaction.

        None when there is no next one now, or none is wanted (`claim`). It is ours until `until`;
        after that another service may take it for lost.
        """
        with self._transaction() as connection:
            if done is not None:
                _settle(connection, owner, done, now)
            if not claim:
                return None
            found = _next(connection, digest, date, now)
            if found is None:
                return None
            taken = connection.execute(
                update(DeliveryRow)
                .where(is_row(found), DeliveryRow.state == found.state)
                .values(state="sending", owner=owner, until=until, tried=now)
            )
            # On a database with row locks another one may have been quicker.
            return found if taken.rowcount == 1 else None

    def settle(self, owner: str, done: Settled, now: datetime) -> bool:
        """Notes what became of a delivery that `owner` had in hand."""
        with self._transaction() as connection:
            return _settle(connection, owner, done, now)

    def left_over(self, owner: str, now: datetime) -> list[Delivery]:
        """Those in hand of a process that is gone: of our own `owner`, or whose time has run out.

        An owner's connections have names that begin with its own. The caller holds the lock that
        keeps two processes of one owner apart.
        """
        mine = or_(DeliveryRow.owner.startswith(owner, autoescape=True), DeliveryRow.until < now)
        query = with_people().where(DeliveryRow.state == "sending", mine)
        with self._reading() as connection:
            return [delivery_of(row) for row in connection.execute(query).mappings()]

    def put_back(self, owner: str, less: Delivery | None = None) -> None:
        """Nothing is in the hands of `owner`, but for `less`: what a lost commit may have claimed.

        It was not sent, and waits as before.
        """
        where = [DeliveryRow.state == "sending", DeliveryRow.owner == owner]
        if less is not None:
            where.append(not_(is_row(less)))
        values = {"state": "pending", "owner": "", "until": None}
        with self._transaction() as connection:
            connection.execute(update(DeliveryRow).where(*where).values(**values))

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


def _next(connection: Connection, digest: str, date: str, now: datetime) -> Delivery | None:
    """Who is first: those never tried, then those whose wait is over."""
    mine = with_people().where(
        DeliveryRow.digest == digest, DeliveryRow.date == date, SubscriberRow.id.is_not(None)
    )
    waited = or_(
        DeliveryRow.not_before.is_(None),
        DeliveryRow.not_before <= now,
        DeliveryRow.not_before > now + LONGEST_WAIT,
    )
    for query in (
        mine.where(DeliveryRow.state == "pending"),
        mine.where(DeliveryRow.state == "deferred", waited),
    ):
        locked = query.limit(1).with_for_update(skip_locked=True, of=DeliveryRow)
        row = connection.execute(locked).mappings().first()
        if row is not None:
            return delivery_of(row)
    return None


def _settle(connection: Connection, owner: str, done: Settled, now: datetime) -> bool:
    attempts = done.delivery.attempts + int(done.counts)
    query = (
        update(DeliveryRow)
        .where(is_row(done.delivery), DeliveryRow.state == "sending", DeliveryRow.owner == owner)
        .values(
            state=done.state,
            reason=done.reason,
            not_before=done.not_before,
            attempts=attempts,
            tried=now if done.counts else done.delivery.tried,
            owner="",
            until=None,
        )
    )
    return connection.execute(query).rowcount == 1
