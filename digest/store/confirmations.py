"""Letters that ask people whether they want a digest: to whom, when, and what if nobody answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from digest.records import Subscription
from digest.store.database import Database
from digest.store.schema import SubscriberRow, SubscriptionRow
from digest.store.subscribing import erase, in_parts, is_subscription, joined, subscription_of

BETWEEN_LETTERS = timedelta(days=1)
"""Whoever types a stranger's address into the form can't have them get more than a letter a day for
one digest, and LETTERS_A_DAY for all."""

LETTERS_A_DAY = 3
"""Letters to one address within BETWEEN_LETTERS that nobody has answered; others wait until then.

Few people want more than three new digests on one day; and who confirms has shown that they do.
"""

# So many tries, hours apart, show that a letter doesn't get through.
_TRIES = 5

# How long a letter stays with who took it: fifty letters to a server that answers slowly.
_IN_HAND = timedelta(minutes=15)


class Confirmations:
    """The letters of the subscriptions' table. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def letters_wait(self, now: datetime) -> bool:
        """Whether `confirmations` would find anybody."""
        query = joined().where(*_may_go(now)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def confirmations(self, now: datetime, most: int) -> list[Subscription]:
        """Takes up to `most` of those who are to be asked now by letter, longest waiting first.

        Nobody else gets them within a quarter of an hour: no second service, and no later round
        when it could not be noted that a letter went out, or the mail server was down. Whoever has
        LETTERS_A_DAY waits until it is a day since the first.
        """
        query = (
            joined()
            .where(*_may_go(now))
            .order_by(SubscriptionRow.asked, SubscriptionRow.subscriber, SubscriptionRow.digest)
            .limit(most)
        )
        taken = []
        with self._database.transaction() as connection:
            for row in connection.execute(query).mappings().all():
                subscription = subscription_of(row)
                if not _has_room(connection, subscription.subscriber.id, now):
                    continue
                changed = connection.execute(
                    update(SubscriptionRow)
                    .where(_wants_letter(subscription), _is_free(now))
                    .values(confirmation_after=now + _IN_HAND)
                )
                if changed.rowcount:
                    taken.append(subscription)
        return taken

    def put_back(self, taken: Sequence[Subscription], now: datetime) -> None:
        """Letters that `confirmations` gave at `now` wait as before; they are in nobody's hand."""
        with self._database.transaction() as connection:
            for subscription in taken:
                connection.execute(
                    update(SubscriptionRow)
                    .where(
                        _wants_letter(subscription),
                        SubscriptionRow.confirmation_after == now + _IN_HAND,
                    )
                    .values(confirmation_after=None)
                )

    def letters_since(self, moment: datetime) -> list[datetime]:
        """When letters went out after `moment`; of one that was confirmed, when that was."""
        query = select(SubscriptionRow.confirmation_after).where(
            SubscriptionRow.confirmation == "sent",
            SubscriptionRow.confirmation_after > moment + BETWEEN_LETTERS,
        )
        confirmed = select(SubscriptionRow.confirmed).where(SubscriptionRow.confirmed > moment)
        with self._database.reading() as connection:
            sent = [
                after - BETWEEN_LETTERS for after in connection.execute(query).scalars() if after
            ]
            return sent + [at for at in connection.execute(confirmed).scalars() if at]

    def confirmation_sent(self, subscription: Subscription, now: datetime) -> None:
        """The letter is out; there is no other within a day."""
        with self._database.transaction() as connection:
            connection.execute(
                update(SubscriptionRow)
                .where(_wants_letter(subscription))
                .values(confirmation="sent", confirmation_after=now + BETWEEN_LETTERS)
            )

    def confirmation_failed(
        self,
        subscription: Subscription,
        reason: str,  # noqa: ARG002 - for the log of whoever calls; none is kept
        after: datetime,
    ) -> None:
        """The letter did not get out; it is tried again `after` then, five times in all."""
        tries = SubscriptionRow.confirmation_tries + 1
        with self._database.transaction() as connection:
            connection.execute(
                update(SubscriptionRow)
                .where(_wants_letter(subscription))
                .values(confirmation_tries=tries, confirmation_after=after)
            )
            connection.execute(
                update(SubscriptionRow)
                .where(_wants_letter(subscription), SubscriptionRow.confirmation_tries >= _TRIES)
                .values(confirmation="")
            )

    def forget_unconfirmed(self, before: datetime) -> int:
        """Forgets who was asked by a letter before then and did not answer; how many that were.

        Also those whom no letter could be sent to since. People that nothing else is known of are
        forgotten altogether.
        """
        sent = and_(
            SubscriptionRow.confirmation == "sent",
            SubscriptionRow.confirmation_after < before + BETWEEN_LETTERS,
        )
        never = and_(SubscriptionRow.confirmation != "sent", SubscriptionRow.asked < before)
        old = (SubscriptionRow.state == "pending", or_(sent, never))
        with self._database.transaction() as connection:
            people = list(
                connection.execute(select(SubscriptionRow.subscriber).where(*old)).scalars()
            )
            connection.execute(delete(SubscriptionRow).where(*old))
            for part in in_parts(sorted(set(people))):
                others = exists().where(SubscriptionRow.subscriber == SubscriberRow.id)
                alone = select(SubscriberRow.id).where(SubscriberRow.id.in_(part), ~others)
                erase(connection, list(connection.execute(alone).scalars()))
            return len(people)


def _is_free(now: datetime) -> ColumnElement[bool]:
    """Whether a letter is in nobody's hand, and not put off."""
    after = SubscriptionRow.confirmation_after
    return or_(after.is_(None), after <= now)


def _may_go(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Which rows of `joined` are those of letters that may go out now."""
    return (
        SubscriptionRow.confirmation == "wanted",
        SubscriberRow.bounced.is_(None),
        _is_free(now),
        _letters(now) < LETTERS_A_DAY,
    )


def _letters(now: datetime) -> ColumnElement[int]:
    """How many letters the subscriber of a row got within a day, or may be getting."""
    others = aliased(SubscriptionRow)
    counted = select(func.count()).where(
        others.subscriber == SubscriptionRow.subscriber, *_under_way(others, now)
    )
    return counted.correlate(SubscriptionRow).scalar_subquery()


def _has_room(connection: Connection, person: int, now: datetime) -> bool:
    """Whether the person may get another letter; their row is locked against other services."""
    lock = select(SubscriberRow.id).where(SubscriberRow.id == person).with_for_update()
    connection.execute(lock)
    letters = select(func.count()).where(
        SubscriptionRow.subscriber == person, *_under_way(SubscriptionRow, now)
    )
    return int(connection.execute(letters).scalar_one()) < LETTERS_A_DAY


def _under_way(row: type[SubscriptionRow], now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Sent within a day, in hand, or put off by a server that may have it out soon.

    What a clock that was wrong has put further off does not count, as in `Subscribers.ask`.
    """
    return (
        row.confirmation != "",
        row.confirmation_after > now,
        row.confirmation_after <= now + BETWEEN_LETTERS,
    )


def _wants_letter(subscription: Subscription) -> ColumnElement[bool]:
    return and_(
        is_subscription(subscription.subscriber.id, subscription.digest),
        SubscriptionRow.confirmation == "wanted",
    )
