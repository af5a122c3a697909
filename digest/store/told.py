"""What editions have told, so that none tells it again.

A year of daily editions leaves ten thousand rows and more, and they stay for good: so the store is
asked about the articles at hand, never for all that was ever told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from digest.store.database import Database
from digest.store.incoming import parts
from digest.store.schema import ArticleRow, ToldRow


class ToldArticles:
    """Which articles the editions of a digest told, by local date (ISO 8601)."""

    def __init__(self, database: Database) -> None:
        self._reading = database.reading
        self._transaction = database.transaction

    def told(self, digest: str, other_than: str, among: Sequence[str] | None = None) -> set[str]:
        """The articles that editions of `digest` for dates other than `other_than` have told.

        Of those `among` these ids only, or, when None, all there ever were.
        """
        with self._reading() as connection:
            if among is None:
                return set(connection.execute(_told(digest, other_than)).scalars())
            return _told_among(connection, digest, other_than, among)

    def told_pages(
        self, digest: str, other_than: str, addresses: Collection[str]
    ) -> set[tuple[str, str]]:
        """Address and title of those articles, of the ones that have one of `addresses`."""
        pages: dict[str, tuple[str, str]] = {}
        with self._reading() as connection:
            for part in parts(sorted(set(addresses) - {""})):
                query = select(ArticleRow.id, ArticleRow.url, ArticleRow.title).where(
                    ArticleRow.url.in_(part), ArticleRow.url != ""
                )
                pages.update((id, (url, title)) for id, url, title in connection.execute(query))
            # Not joined: SQLite would begin with all that the digest has told.
            told = _told_among(connection, digest, other_than, list(pages))
        return {pages[id] for id in told}

    def told_dates(self, digest: str) -> set[str]:
        """The local dates whose editions of `digest` have noted what they tell."""
        with self._reading() as connection:
            query = distinct(ToldRow.date, ToldRow.digest == digest)
            return set(connection.execute(query).scalars())

    def save_told(self, digest: str, date: str, articles: Sequence[str]) -> None:
        """Notes what the edition of `digest` for `date` tells, in place of any earlier note."""
        with self._transaction() as connection:
            connection.execute(
                delete(ToldRow).where(ToldRow.digest == digest, ToldRow.date == date)
            )
            if articles:
                connection.execute(
                    insert(ToldRow),
                    [{"digest": digest, "date": date, "article": id} for id in set(articles)],
                )


def _told(digest: str, other_than: str) -> Select[str]:
    return select(ToldRow.article).where(ToldRow.digest == digest, ToldRow.date != other_than)


def _told_among(
    connection: Connection, digest: str, other_than: str, ids: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    for part in parts(ids):
        query = _told(digest, other_than).where(ToldRow.article.in_(part))
        found.update(connection.execute(query).scalars())
    return found


def distinct(column: InstrumentedAttribute[str], *where: ColumnElement[bool]) -> Select[str]:
    """The values of `column` where `where` holds, in order, from an index that begins with them.

    SELECT DISTINCT would read all rows; this takes a step in the index for each value.
    """
    least = select(func.min(column).label("value")).where(*where).cte(recursive=True)
    after = select(func.min(column)).where(*where, column > least.c.value).scalar_subquery()
    values = least.union_all(select(after).where(least.c.value.is_not(None)))
    return select(values.c.value).where(values.c.value.is_not(None))
