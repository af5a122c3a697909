"""Deliveries to look at: who has what, who waits, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, select

from digest.records import Delivery, DeliveryState
from digest.store.database import Database
from digest.store.schema import DeliveryRow, EditionRow, SubscriberRow


class DeliveryViews:
    """Counts and lists of deliveries; nothing here changes any. Times are aware UTC."""

    def __init__(self, database: Database) -> None:
        self._transaction = database.transaction
        self._reading = database.reading

    def counts(self, digest: str, date: str) -> dict[str, int]:
        """How many are in which state."""
        query = (
            select(DeliveryRow.state, func.count())
            .where(DeliveryRow.digest == digest, DeliveryRow.date == date)
            .group_by(DeliveryRow.state)
        )
        with self._reading() as connection:
            return counted(connection, query)

    def reasons(self, digest: str, date: str) -> dict[tuple[str, str], int]:
        """How many are in which state for which reason, less those that went well."""
        query = (
            select(DeliveryRow.state, DeliveryRow.reason, func.count())
            .where(
                DeliveryRow.digest == digest, DeliveryRow.date == date, DeliveryRow.state != "sent"
            )
            .group_by(DeliveryRow.state, DeliveryRow.reason)
        )
        with self._reading() as connection:
            return {(state, reason): count for state, reason, count in connection.execute(query)}

    def listed(
        self, digest: str, date: str, states: tuple[DeliveryState, ...], most: int | None = None
    ) -> list[Delivery]:
        """Those in `states`, at most `most`, by the order of subscribing."""
        query = with_people().where(
            DeliveryRow.digest == digest, DeliveryRow.date == date, DeliveryRow.state.in_(states)
        )
        query = query.order_by(DeliveryRow.subscriber).limit(most)
        with self._reading() as connection:
            return [delivery_of(row) for row in connection.execute(query).mappings()]

    def next_try(self, digest: str, date: str) -> datetime | None:
        """When the first of the deferred may be tried again; None when none is deferred."""
        query = select(func.min(DeliveryRow.not_before)).where(
            DeliveryRow.digest == digest,
            DeliveryRow.date == date,
            DeliveryRow.state == "deferred",
        )
        with self._reading() as connection:
            found: datetime | None = connection.execute(query).scalar()
            return found

    def tried_since(self, moment: datetime) -> list[datetime]:
        """When the deliveries that were tried after `moment` were last tried."""
        query = select(DeliveryRow.tried).where(DeliveryRow.tried > moment)
        with self._reading() as connection:
            return [tried for tried in connection.execute(query).scalars() if tried]

    def with_state(self, state: DeliveryState) -> dict[tuple[str, str], int]:
        """The editions, as digest and date, that have deliveries in `state`, and how many."""
        # By edition, of which there are few, since the index begins with it.
        count = (
            select(func.count())
            .where(
                DeliveryRow.digest == EditionRow.digest,
                DeliveryRow.date == EditionRow.date,
                DeliveryRow.state == state,
            )
            .correlate(EditionRow)
            .scalar_subquery()
        )
        query = select(EditionRow.digest, EditionRow.date, count)
        with self._reading() as connection:
            return {(digest, date): n for digest, date, n in connection.execute(query) if n}

    def total(self) -> Mapping[str, int]:
        """How many deliveries of all editions are in which state."""
        query = select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state)
        with self._reading() as connection:
            return counted(connection, query)


def counted(connection: Connection, query: Select[str, int]) -> dict[str, int]:
    """The rows of `query` as a mapping."""
    return {row[0]: row[1] for row in connection.execute(query)}


def is_row(delivery: Delivery) -> ColumnElement[bool]:
    """The row of this delivery."""
    return and_(
        DeliveryRow.digest == delivery.digest,
        DeliveryRow.date == delivery.date,
        DeliveryRow.subscriber == delivery.subscriber,
    )


def with_people() -> Select[Any]:
    """Deliveries with the person's address of now."""
    # A person who was erased is nobody to send to, and to whom nothing can be addressed.
    return select(
        DeliveryRow.digest,
        DeliveryRow.date,
        DeliveryRow.subscriber,
        func.coalesce(SubscriberRow.key, "").label("key"),
        func.coalesce(SubscriberRow.address, "").label("address"),
        func.coalesce(SubscriberRow.name, "").label("name"),
        DeliveryRow.state,
        DeliveryRow.topics,
        DeliveryRow.languages,
        DeliveryRow.attempts,
        DeliveryRow.tried,
        DeliveryRow.not_before,
        DeliveryRow.reason,
        DeliveryRow.owner,
        DeliveryRow.by,
    ).join(SubscriberRow, SubscriberRow.id == DeliveryRow.subscriber, isouter=True)


def delivery_of(row: RowMapping) -> Delivery:
    """The delivery that a row of `with_people` holds."""
    return Delivery(
        **{
            **row,
            "topics": tuple(row["topics"]),
            "languages": tuple(row["languages"]),
        }
    )
