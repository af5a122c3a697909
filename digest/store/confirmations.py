"""Letters that ask people whether they want a digest: to whom, when, and what if nobody answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update

from digest.records import Subscription
from digest.store.database import Database
from digest.store.schema import SubscriberRow, SubscriptionRow
from digest.store.subscribing import erase, in_parts, is_subscription, joined, subscription_of

BETWEEN_LETTERS = timedelta(days=1)
"""Whoever types a stranger's address into the form can't have them get more than a letter a day."""

# So many tries, hours apart, show that a letter doesn't get through.
_TRIES = 5

# How long a letter stays with who took it: fifty letters to a server that answers slowly.
_IN_HAND = timedelta(minutes=15)


class Confirmations:
    """The letters of the subscriptions' table. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def confirmations(self, now: datetime, most: int) -> list[Subscription]:
        """Takes up to `most` of those who are to be asked now by letter, longest waiting first.

        Nobody else gets them within a quarter of an hour: no second service, and no later round
        when it could not be noted that a letter went out, or the mail server was down.
        """
        after = SubscriptionRow.confirmation_after
        free = or_(after.is_(None), after <= now)
        query = (
            joined()
            .where(SubscriptionRow.confirmation == "wanted", SubscriberRow.bounced.is_(None), free)
            .order_by(SubscriptionRow.asked, SubscriptionRow.subscriber, SubscriptionRow.digest)
            .limit(most)
        )
        with self._database.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        taken = []
        with self._database.transaction() as connection:
            for row in connection.execute(query).mappings().all():
                subscription = subscription_of(row)
                changed = connection.execute(
                    update(SubscriptionRow)
                    .where(_wants_letter(subscription), free)
                    .values(confirmation_after=now + _IN_HAND)
                )
                if changed.rowcount:
                    taken.append(subscription)
        return taken

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


def _wants_letter(subscription: Subscription) -> ColumnElement[bool]:
    return and_(
        is_subscription(subscription.subscriber.id, subscription.digest),
        SubscriptionRow.confirmation == "wanted",
    )
