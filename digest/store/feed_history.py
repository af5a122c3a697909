"""What feeds brought day by day, and when they failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection, and_, bindparam, delete, insert, select

from digest.records import FeedDay, FeedFailure, FeedState
from digest.store.database import Database
from digest.store.incoming import parts
from digest.store.schema import ArticleRow, FeedFailureRow

# Failures of a feed that are kept: whether it fails each night or has for days is seen from these.
FAILURES_KEPT = 20

_DAY = timedelta(days=1)


class FeedHistory:
    """How feeds, each known by its name, went in the past."""

    def __init__(self, database: Database) -> None:
        self._reading = database.reading

    def feed_days(self, feed: str, since: datetime, until: datetime) -> list[FeedDay]:
        """How many articles the feed published on each day from `since`'s to `until`'s, in order.

        Days are in UTC; the first counts from its midnight, the last up to `until`.
        """
        first, last = since.astimezone(UTC), until.astimezone(UTC)
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        query = select(ArticleRow.published).where(
            ArticleRow.feed == feed, ArticleRow.published >= midnight, ArticleRow.published <= last
        )
        span = (last.date() - first.date()).days
        counts = {(midnight + n * _DAY).date().isoformat(): 0 for n in range(span + 1)}
        with self._reading() as connection:
            # Counted here: databases have no common word for the day of a time in UTC.
            for published in connection.execute(query).scalars():
                counts[published.date().isoformat()] += 1
        return [FeedDay(date, count) for date, count in counts.items()]

    def feed_failures(self, feed: str, most: int = 10) -> list[FeedFailure]:
        """The last failures of the feed, newest first; at most `FAILURES_KEPT` are known."""
        query = (
            select(FeedFailureRow.at, FeedFailureRow.reason)
            .where(FeedFailureRow.feed == feed)
            .order_by(FeedFailureRow.at.desc())
            .limit(most)
        )
        with self._reading() as connection:
            return [FeedFailure(at, reason) for at, reason in connection.execute(query)]


def note_failures(connection: Connection, states: Sequence[FeedState], now: datetime) -> None:
    """Notes those of `states` that failed at `now`, within the transaction that stores them.

    A run that is made again for the same moment counts once. What is too old to keep goes.
    """
    failed = {state.feed: state for state in states if state.failures and state.checked == now}
    if not failed:
        return
    old: list[dict[str, object]] = []
    for part in parts(sorted(failed)):
        connection.execute(
            delete(FeedFailureRow).where(FeedFailureRow.feed.in_(part), FeedFailureRow.at == now)
        )
        connection.execute(
            insert(FeedFailureRow),
            [{"feed": feed, "at": now, "reason": failed[feed].reason} for feed in part],
        )
        query = (
            select(FeedFailureRow.feed, FeedFailureRow.at)
            .where(FeedFailureRow.feed.in_(part))
            .order_by(FeedFailureRow.feed, FeedFailureRow.at.desc())
        )
        for feed, rows in groupby(connection.execute(query), key=lambda row: row.feed):
            old += [{"of": feed, "when": row.at} for row in list(rows)[FAILURES_KEPT:]]
    if old:
        its = and_(FeedFailureRow.feed == bindparam("of"), FeedFailureRow.at == bindparam("when"))
        connection.execute(delete(FeedFailureRow).where(its), old)
