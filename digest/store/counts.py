"""How much there is of what, for whoever watches the service. Nothing here reads a text.

Counts of what is under way go by an index, whatever the database holds. `sizes` counts all there
is, by the smallest index where there is one: whoever asks remembers the answer for a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import Connection, RowMapping, case, func, or_, select, text

from digest.records import EditionStatus
from digest.store.database import Database
from digest.store.delivery_views import counted
from digest.store.schema import (
    ArticleRow,
    DeliveryRow,
    EditionRow,
    RunRow,
    SecretRow,
    SubscriptionRow,
)

_FIELDS = tuple(field.name for field in fields(EditionStatus))


@dataclass(frozen=True, slots=True)
class Work:
    """What is under way: editions and deliveries by state, letters that wait to be sent.

    `run` is when the last run began and the seconds that it took, None before the first; `leaving`
    since when an approved edition should be leaving that has not begun to (its time or its
    approval, whichever came last), None without any.
    """

    editions: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    letters: int = 0
    run: tuple[datetime, float] | None = None
    leaving: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is kept: articles; subscriptions by digest and state; bytes."""

    articles: int
    subscriptions: dict[tuple[str, str], int]
    database: int


class Counts:
    """Counts over the tables; nothing here changes any. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._reading = database.reading

    def answer(self) -> None:
        """Asks the database for next to nothing: it answers, or StoreError is raised."""
        with self._reading() as connection:
            connection.execute(select(SecretRow.name).limit(1)).first()

    def work(self, now: datetime, since: str) -> Work:
        """What is under way at `now`. Deliveries are those of editions that are being sent,
        and of all others of the local date `since` or later."""
        editions = select(EditionRow.state, func.count()).group_by(EditionRow.state)
        letters = select(func.count()).where(SubscriptionRow.confirmation == "wanted")
        last = (
            select(RunRow.started, RunRow.seconds)
            .where(RunRow.kind == "run")
            .order_by(RunRow.id.desc())
            .limit(1)
        )
        # As `outbox.retrying.may_leave` counts its grace.
        since_when = case(
            (EditionRow.approved > EditionRow.send_at, EditionRow.approved),
            else_=EditionRow.send_at,
        )
        leaving = select(func.min(since_when)).where(
            EditionRow.state == "approved", EditionRow.send_at <= now
        )
        with self._reading() as connection:
            run = connection.execute(last).first()
            return Work(
                counted(connection, editions),
                _deliveries(connection, since),
                int(connection.execute(letters).scalar_one()),
                None if run is None else (run[0], run[1]),
                connection.execute(leaving).scalar(),
            )

    def newest_editions(
        self, until: Mapping[str, str], most: int = 14
    ) -> dict[str, list[EditionStatus]]:
        """The `most` newest editions of each digest up to the local date that it is given with.

        Newest first; the newest one that was built is among them, however old it is.
        """
        found: dict[str, list[EditionStatus]] = {}
        with self._reading() as connection:
            for digest, date in until.items():
                newest = (
                    select(EditionRow)
                    .where(EditionRow.digest == digest, EditionRow.date <= date)
                    .order_by(EditionRow.date.desc())
                    .limit(most)
                )
                rows = connection.execute(newest).mappings().all()
                if len(rows) == most and not any(row["built"] for row in rows):
                    built = newest.where(EditionRow.built.is_not(None)).limit(1)
                    rows = [*rows, *connection.execute(built).mappings()]
                found[digest] = [_of(row) for row in rows]
        return found

    def sizes(self, digests: Sequence[str]) -> Sizes:
        """How much is kept, of `digests` where it is by digest."""
        subscriptions = (
            select(SubscriptionRow.digest, SubscriptionRow.state, func.count())
            .where(SubscriptionRow.digest.in_(digests))
            .group_by(SubscriptionRow.digest, SubscriptionRow.state)
        )
        with self._reading() as connection:
            articles = connection.execute(select(func.count()).select_from(ArticleRow))
            return Sizes(
                int(articles.scalar_one()),
                {(digest, state): n for digest, state, n in connection.execute(subscriptions)},
                int(connection.execute(text(_SIZE[connection.dialect.name])).scalar_one()),
            )


# The one thing that no two databases say alike.
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def _deliveries(connection: Connection, since: str) -> dict[str, int]:
    """Deliveries by state, edition by edition, since the index begins with the edition.

    In one statement SQLite would rather read all deliveries, which may be a hundred million.
    """
    watched = or_(EditionRow.date >= since, EditionRow.state == "sending")
    editions = connection.execute(select(EditionRow.digest, EditionRow.date).where(watched))
    found: Counter[str] = Counter()
    for digest, date in editions.all():
        query = (
            select(DeliveryRow.state, func.count())
            .where(DeliveryRow.digest == digest, DeliveryRow.date == date)
            .group_by(DeliveryRow.state)
        )
        found.update(counted(connection, query))
    return dict(found)


def _of(row: RowMapping) -> EditionStatus:
    return EditionStatus(**{name: row[name] for name in _FIELDS})
