"""Subscribers and what they subscribed to: records in, records out.

Every public method is one transaction; `listed`, which is for any number of people, one a part.
Whoever left, or has an address that is dead, is only brought back by themselves or by `again`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import (
    Connection,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from digest.errors import StoreError
from digest.records import NewSubscriber, Subscription, SubscriptionState
from digest.store import subscribing
from digest.store.confirmations import BETWEEN_LETTERS, Confirmations
from digest.store.schema import DeliveryRow, SecretRow, SubscriberRow, SubscriptionRow
from digest.store.subscribing import (
    PEOPLE_AT_ONCE,
    WAITING,
    Subscribed,
    is_subscription,
    joined,
    subscription_of,
)
from digest.text.masking import without_addresses

T = TypeVar("T")


class Subscribers(Confirmations):
    """The people of the database. Raises StoreError."""

    # --- coming and going ------------------------------------------------------------------

    def subscribe(
        self,
        digest: str,
        people: Iterable[NewSubscriber],
        now: datetime,
        *,
        confirm: bool = False,
        again: bool = False,
        dry_run: bool = False,
    ) -> list[tuple[NewSubscriber, Subscribed]]:
        """Subscribes people to `digest`, and says of each what became of them, in order.

        With `confirm` they are only asked, by a letter. `again` brings back who left or whose
        address was dead. Whoever is there keeps topics, languages, name and consent where the
        record has none. With `dry_run` nothing is kept.
        """
        people = list(people)

        def work(connection: Connection) -> list[tuple[NewSubscriber, Subscribed]]:
            outcomes: list[tuple[NewSubscriber, Subscribed]] = []
            for some in subscribing.batches(people):
                outcomes += subscribing.subscribe(connection, digest, some, now, confirm, again)
            if dry_run:
                raise _DryRun(outcomes)
            return outcomes

        try:
            return self._once_more(work)
        except _DryRun as dry:
            return dry.outcomes

    def ask(self, digest: str, person: NewSubscriber, now: datetime) -> bool:
        """Somebody unknown asks for `digest` in this person's name; whether a letter will go out.

        It won't to those who have the digest, who were asked within a day, or whose address is
        dead. Until it is confirmed, nothing else changes for somebody who is known.
        """

        def work(connection: Connection) -> bool:
            known = subscribing.known(connection, digest, [person])
            row = known.get(subscribing.key_of(person.address))
            if row is None or row["subscriber"] is None:
                outcomes = subscribing.subscribe(
                    connection, digest, [person], now, confirm=True, again=False
                )
                return outcomes[0][1] == "asked"
            after = row["confirmation_after"]
            lately = after is not None and timedelta(0) < after - now <= BETWEEN_LETTERS
            if (
                row["bounced"] is not None
                or row["state"] == "active"
                or row["confirmation"] == "wanted"
                or lately
            ):
                return False
            connection.execute(
                update(SubscriptionRow)
                .where(is_subscription(row["id"], digest))
                .values(**subscribing.wanting(person, row, now))
            )
            return True

        return self._once_more(work)

    def confirm(self, key: str, digest: str, consent: str, now: datetime) -> bool:
        """The person says yes; whether they have the digest now. `consent` says how, in words.

        Not so when they left after they were asked. Their address is alive: the letter came.
        """
        with self._database.transaction() as connection:
            row = subscribing.of_key(connection, key, digest)
            if row is None:
                return False
            if row["state"] == "active":
                return True
            if row["state"] == "ended" and not row["confirmation"]:
                return False
            connection.execute(
                update(SubscriptionRow)
                .where(is_subscription(row["id"], digest))
                .values(
                    state="active",
                    confirmed=now,
                    ended=None,
                    consent=consent or row["consent"],
                    confirmation="",
                    confirmation_tries=0,
                    confirmation_after=None,
                )
            )
            connection.execute(
                update(SubscriberRow)
                .where(SubscriberRow.id == row["id"])
                .values(bounced=None, bounce_reason="")
            )
            return True

    def end(self, key: str, digest: str, now: datetime) -> bool:
        """The person leaves, at once: what waits for them is taken back. False if they had left."""
        with self._database.transaction() as connection:
            row = subscribing.of_key(connection, key, digest)
            return row is not None and subscribing.end(connection, row["id"], [digest], now) > 0

    def remove(self, address: str, digest: str | None, now: datetime) -> int:
        """Ends the subscription of an address to `digest`, or all it has; how many that were."""
        with self._database.transaction() as connection:
            person = subscribing.of_address(connection, address)
            if person is None:
                return 0
            query = select(SubscriptionRow.digest).where(SubscriptionRow.subscriber == person)
            if digest is not None:
                query = query.where(SubscriptionRow.digest == digest)
            return subscribing.end(
                connection, person, list(connection.execute(query).scalars()), now
            )

    def erase(self, address: str) -> bool:
        """Forgets a person: address, name, subscriptions. Whether there was one.

        What was sent to them stays on record under their number alone.
        """
        with self._database.transaction() as connection:
            person = subscribing.of_address(connection, address)
            if person is not None:
                subscribing.erase(connection, [person])
            return person is not None

    def set_preferences(
        self,
        key: str,
        digest: str,
        topics: Sequence[str],
        languages: Sequence[str],
        now: datetime,  # noqa: ARG002 - no time is kept of it
    ) -> bool:
        """What the person wants of the digest, in copies that wait too; False if they left."""
        values = {"topics": list(topics), "languages": list(languages)}
        with self._database.transaction() as connection:
            row = subscribing.of_key(connection, key, digest)
            if row is None or row["state"] == "ended":
                return False
            connection.execute(
                update(SubscriptionRow).where(is_subscription(row["id"], digest)).values(**values)
            )
            connection.execute(
                update(DeliveryRow)
                .where(
                    DeliveryRow.subscriber == row["id"],
                    DeliveryRow.digest == digest,
                    DeliveryRow.state.in_(WAITING),
                )
                .values(**values)
            )
            return True

    def bounced(self, address: str, reason: str, now: datetime) -> bool:
        """The address is dead: nothing goes there any more. False if it is unknown, or was dead."""
        reason = without_addresses(reason)
        with self._database.transaction() as connection:
            person = subscribing.of_address(connection, address)
            if person is None:
                return False
            changed = connection.execute(
                update(SubscriberRow)
                .where(SubscriberRow.id == person, SubscriberRow.bounced.is_(None))
                .values(bounced=now, bounce_reason=reason)
            )
            connection.execute(
                update(SubscriptionRow)
                .where(SubscriptionRow.subscriber == person)
                .values(confirmation="")
            )
            connection.execute(
                update(DeliveryRow)
                .where(DeliveryRow.subscriber == person, DeliveryRow.state.in_(WAITING))
                .values(state="bounced", reason=reason, owner="", until=None, not_before=None)
            )
            return changed.rowcount > 0

    # --- looking ---------------------------------------------------------------------------

    def subscription(self, key: str, digest: str) -> Subscription | None:
        """What the person of `key` has to do with `digest`."""
        query = joined().where(SubscriberRow.key == key, SubscriptionRow.digest == digest)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else subscription_of(row)

    def of_address(self, address: str) -> list[Subscription]:
        """All that this address has subscribed to, asked for, or left, by digest."""
        query = joined().where(SubscriberRow.address_key == subscribing.key_of(address))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(SubscriptionRow.digest)).mappings().all()
        return [subscription_of(row) for row in rows]

    def listed(
        self, digest: str | None = None, states: tuple[SubscriptionState, ...] = ()
    ) -> Iterator[Subscription]:
        """All subscriptions, of `digest` and in `states` if given; whoever came first is first.

        Read in parts, so that a million take no more memory than a thousand, and each part as it
        then is.
        """
        last = 0
        while True:
            ids = (
                select(SubscriberRow.id)
                .where(SubscriberRow.id > last)
                .order_by(SubscriberRow.id)
                .limit(PEOPLE_AT_ONCE)
            )
            with self._database.reading() as connection:
                people = list(connection.execute(ids).scalars())
                # By the person alone: with the digest in it, SQLite would go through all of the
                # digest's subscriptions for each part.
                query = (
                    joined()
                    .where(SubscriptionRow.subscriber.in_(people))
                    .order_by(SubscriptionRow.subscriber, SubscriptionRow.digest)
                )
                rows = connection.execute(query).mappings().all() if people else []
            for row in rows:
                if digest in (None, row["digest"]) and (not states or row["state"] in states):
                    yield subscription_of(row)
            if len(people) < PEOPLE_AT_ONCE:
                return
            last = people[-1]

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many subscriptions there are, by digest and state."""
        query = select(SubscriptionRow.digest, SubscriptionRow.state, func.count()).group_by(
            SubscriptionRow.digest, SubscriptionRow.state
        )
        with self._database.reading() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    # --- what signs the links --------------------------------------------------------------

    def secret(self, make: Callable[[], str]) -> str:
        """What signs links: made once by `make`, the same for all services on the database."""

        def work(connection: Connection) -> str:
            query = select(SecretRow.value).where(SecretRow.name == "links")
            kept = connection.execute(query).scalar()
            if kept is None:
                kept = make()
                connection.execute(insert(SecretRow), [{"name": "links", "value": kept}])
            return kept

        return self._once_more(work)

    def _once_more(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, and anew where another process wrote the same row first."""
        try:
            with self._database.transaction() as connection:
                return work(connection)
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        with self._database.transaction() as connection:
            return work(connection)


class _DryRun(Exception):
    """Rolls a transaction back, and brings out what it would have done."""

    def __init__(self, outcomes: list[tuple[NewSubscriber, Subscribed]]) -> None:
        self.outcomes = outcomes
        super().__init__("nothing is kept")
