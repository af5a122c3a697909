"""What is too old to keep goes: a little at a time, so that nobody waits for it.

Never removed are what editions have told (`told`) and how far they are (`editions`): by these a
date has one edition and an article is told once, in a hundred bytes each. Nor is anything of an
edition that is not sent yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    delete,
    exists,
    not_,
    select,
)

from digest.records import EditionState
from digest.store.database import Database
from digest.store.schema import (
    ArticleRow,
    BuildRow,
    DeliveryRow,
    EditionRow,
    EmbeddingRow,
    FeedFailureRow,
    FeedRow,
    OperationRow,
    RunRow,
    StoryRow,
    SummaryRow,
)
from digest.store.told import distinct

# Rows that one transaction removes. 500 articles with what was made of them take some hundredths of
# a second and 5,000 deliveries a tenth (benchmarks/million.py), the longest that others wait.
_AT_ONCE = 500
_DELIVERIES_AT_ONCE = 5_000
# After each the database is left alone for as long as it was held, at most this long (seconds).
_LONGEST_REST = 0.2
# A feed still lists about its newest articles, as many as its last answer had entries. So many
# times as many stay, however old: had they gone, they would come in again as new.
_LISTED = 2
_LISTED_AT_LEAST = 50
# In so many turns, one a day, all embeddings and summaries are gone through for those of no
# article any more: a feed that corrects its texts leaves an old one behind with each correction.
_TURNS = 32
# SQLite's file is made smaller where more than this share of it is empty, down to half of that;
# what is empty takes what comes next. In steps of so many pages, mostly of 4 KiB.
_EMPTY = 0.2
_PAGES_AT_ONCE = 2_000
_INCREMENTAL = 2  # of PRAGMA auto_vacuum

# The dates that must have had runs, and the runs that are looked at for them.
_DATES = 3
_RUNS = 1_000

_NEVER = datetime.min.replace(tzinfo=UTC)
_SENT: tuple[EditionState, ...] = ("sent",)
_SETTLED: tuple[EditionState, ...] = ("sent", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went, by what they were; `pages` of SQLite's file were given back."""

    articles: int = 0
    embeddings: int = 0
    summaries: int = 0
    deliveries: int = 0
    operations: int = 0
    builds: int = 0
    runs: int = 0
    failures: int = 0
    pages: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        names = [field.name for field in fields(self)]
        return Pruned(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def __str__(self) -> str:
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"


class Pruning:
    """Removes what is old. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def trusted(self, now: datetime) -> datetime | None:
        """The time by which things may be removed: the earliest start of the runs of three dates.

        A clock that is a year ahead for a day must not cost the archive. Not after `now`; None
        where there were no runs on so many dates yet.
        """
        query = select(RunRow.started).where(RunRow.kind == "run").order_by(RunRow.id.desc())
        started: list[datetime] = [now]
        with self._database.reading() as connection:
            for moment in connection.execute(query.limit(_RUNS)).scalars():
                started.append(moment)
                if len({one.date() for one in started[1:]}) == _DATES:
                    return min(started)
        return None

    def prune(
        self,
        before: datetime,
        keep: Collection[str] = (),
        go_on: Callable[[], None] = lambda: None,
    ) -> Pruned:
        """Removes what came and went before `before` (aware UTC); says what that was.

        Articles published and first seen before then, with their embeddings, summaries and
        stories, but for those of the feeds `keep` and those that their feed may still list;
        deliveries of editions that were sent, editors' changes and builds of editions that are
        settled; reports of runs, failures of feeds. It may be stopped by what `go_on` raises, which
        is called between its transactions, and done again at any time.
        """
        work = _Work(self._database, before, go_on)
        gone = work.articles(keep) + work.orphans() + work.editions() + work.reports()
        return gone + Pruned(pages=work.give_back())


class _Work:
    """One pruning."""

    def __init__(self, database: Database, before: datetime, go_on: Callable[[], None]) -> None:
        self._database = database
        self._before = before
        self._date = before.date().isoformat()
        self._go_on = go_on

    # --- articles ------------------------------------------------------------------------

    def articles(self, keep: Collection[str]) -> Pruned:
        names = distinct(ArticleRow.feed).subquery()
        with_old = select(names.c.value).where(
            exists().where(ArticleRow.feed == names.c.value, ArticleRow.published < self._before)
        )
        gone, waiting = Pruned(), list[str]()
        for feed in self._values(with_old):
            if feed not in keep:
                waiting += self._old(feed)
            # Of many feeds together: a day leaves a few articles of each.
            while len(waiting) >= _AT_ONCE:
                gone += self._remove(waiting[:_AT_ONCE])
                del waiting[:_AT_ONCE]
        return gone + self._remove(waiting)

    def _old(self, feed: str) -> list[str]:
        """The articles of a feed that may go, by id."""
        with self._database.reading() as connection:
            end = _end_of_old(connection, feed, self._before)
            old = select(ArticleRow.id).where(
                ArticleRow.feed == feed,
                ArticleRow.published < end,
                ArticleRow.first_seen < self._before,
            )
            return list(connection.execute(old).scalars())

    def _remove(self, ids: Sequence[str]) -> Pruned:
        if not ids:
            return Pruned()
        with self._turn() as connection:
            # Meanwhile a feed may have said something else of one.
            old = select(ArticleRow.id, ArticleRow.content_hash).where(
                ArticleRow.id.in_(ids), ArticleRow.published < self._before
            )
            found = connection.execute(old).all()
            still = [row.id for row in found]
            connection.execute(delete(StoryRow).where(StoryRow.article.in_(still)))
            count = _count(connection, delete(ArticleRow).where(ArticleRow.id.in_(still)))
            return Pruned(articles=count) + _forget(connection, [row.content_hash for row in found])

    def orphans(self) -> Pruned:
        """Embeddings and summaries of contents that no article has, of a part of all hashes.

        Those of topics' descriptions go too, and are made again by the next run.
        """
        # Of SHA-256 in hexadecimal digits; after "ff" comes "g".
        turn, width = self._before.toordinal() % _TURNS, 256 // _TURNS
        end = f"{(turn + 1) * width:02x}" if turn + 1 < _TURNS else "g"
        gone = Pruned()
        for row in (EmbeddingRow, SummaryRow):
            lonely = (
                select(row.content_hash)
                .where(
                    row.content_hash >= f"{turn * width:02x}",
                    row.content_hash < end,
                    not_(exists().where(ArticleRow.content_hash == row.content_hash)),
                )
                .limit(_AT_ONCE)
            )
            while hashes := self._values(lonely):
                with self._turn() as connection:
                    gone += _forget(connection, hashes)
        return gone

    # --- editions ------------------------------------------------------------------------

    def editions(self) -> Pruned:
        gone = Pruned()
        for digest in self._values(distinct(EditionRow.digest)):
            its = DeliveryRow.digest == digest
            for date in self._values(
                distinct(DeliveryRow.date, its, DeliveryRow.date < self._date)
            ):
                gone += Pruned(deliveries=self._deliveries(digest, date))
        with self._turn() as connection:
            operations = delete(OperationRow).where(
                OperationRow.date < self._date, self._are_done(OperationRow, _SETTLED)
            )
            builds = delete(BuildRow).where(
                BuildRow.date < self._date, self._are_done(BuildRow, _SETTLED)
            )
            return gone + Pruned(
                operations=_count(connection, operations), builds=_count(connection, builds)
            )

    def _deliveries(self, digest: str, date: str) -> int:
        its = (DeliveryRow.digest == digest, DeliveryRow.date == date)
        # Of an edition that failed some are still to go: `digest send` goes on with them.
        done = (*its, self._are_done(DeliveryRow, _SENT))
        some = select(DeliveryRow.subscriber).where(*done).order_by(DeliveryRow.subscriber)
        gone = 0
        while True:
            with self._turn() as connection:
                people = list(connection.execute(some.limit(_DELIVERIES_AT_ONCE)).scalars())
                if people:
                    first = delete(DeliveryRow).where(*its, DeliveryRow.subscriber <= people[-1])
                    gone += _count(connection, first)
            if len(people) < _DELIVERIES_AT_ONCE:
                return gone

    def _are_done(
        self,
        row: type[DeliveryRow | OperationRow | BuildRow],
        states: tuple[EditionState, ...],
    ) -> ColumnElement[bool]:
        """Whether the edition of a row is in one of `states`, and has been for as long."""
        return (
            exists()
            .where(
                EditionRow.digest == row.digest,
                EditionRow.date == row.date,
                EditionRow.state.in_(states),
                EditionRow.updated < self._before,
            )
            .correlate(row)
        )

    # --- reports -------------------------------------------------------------------------

    def reports(self) -> Pruned:
        old = select(RunRow.id).where(RunRow.started < self._before).order_by(RunRow.started)
        gone = Pruned()
        while ids := self._values(old.limit(_AT_ONCE)):
            with self._turn() as connection:
                gone += Pruned(runs=_count(connection, delete(RunRow).where(RunRow.id.in_(ids))))
        with self._turn() as connection:
            # Of each feed a few are kept at the most.
            failures = delete(FeedFailureRow).where(FeedFailureRow.at < self._before)
            return gone + Pruned(failures=_count(connection, failures))

    # --- inside --------------------------------------------------------------------------

    def give_back(self) -> int:
        """Makes SQLite's file smaller where much of it is empty; by how many pages.

        A file that was not made for it stays as it is until VACUUM. On PostgreSQL autovacuum sees
        to it.
        """
        if not self._database.is_sqlite:
            return 0
        with self._database.reading() as connection:
            mode, pages, empty = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
                for name in ("auto_vacuum", "page_count", "freelist_count")
            )
        if mode != _INCREMENTAL or empty <= _EMPTY * pages:
            return 0
        wanted = empty - int(_EMPTY * pages / 2)
        for start in range(0, wanted, _PAGES_AT_ONCE):
            some = min(_PAGES_AT_ONCE, wanted - start)
            with self._turn() as connection:
                # sqlite3 takes one step of this statement, which is one page, whatever it asks for.
                cursor = connection.connection.cursor()
                for _ in range(some):
                    cursor.execute("PRAGMA incremental_vacuum(1)")
                cursor.close()
        return wanted

    def _values(self, query: Any) -> list[Any]:
        """The first column of a query, which is over before anything is done with it."""
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        """A transaction, and a rest in which others get their turn."""
        self._go_on()
        began = time.monotonic()
        with self._database.transaction() as connection:
            yield connection
        time.sleep(min(time.monotonic() - began, _LONGEST_REST))


def _end_of_old(connection: Connection, feed: str, before: datetime) -> datetime:
    """What was published before then is old, and its feed doesn't list it (any more)."""
    state = select(FeedRow.entries, FeedRow.succeeded).where(FeedRow.name == feed)
    row = connection.execute(state).first()
    if row is None or row.succeeded is None or row.succeeded < before:
        return before  # nobody knows what it lists
    most = max(_LISTED * row.entries, _LISTED_AT_LEAST)
    newest = (
        select(ArticleRow.published)
        .where(ArticleRow.feed == feed)
        .order_by(ArticleRow.published.desc())
    )
    oldest: datetime | None = connection.execute(newest.offset(most - 1).limit(1)).scalar()
    return _NEVER if oldest is None else min(before, oldest)


def _forget(connection: Connection, hashes: Sequence[str]) -> Pruned:
    """Removes what was made of those contents that no article has."""
    used = select(ArticleRow.content_hash).where(ArticleRow.content_hash.in_(hashes))
    lonely = sorted(set(hashes) - set(connection.execute(used).scalars()))
    counts = [
        _count(connection, delete(row).where(row.content_hash.in_(lonely)))
        for row in (EmbeddingRow, SummaryRow)
    ]
    return Pruned(embeddings=counts[0], summaries=counts[1])


def _count(connection: Connection, statement: Delete) -> int:
    return connection.execute(statement).rowcount
