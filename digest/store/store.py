"""The store: records in, records out. SQL stays behind this door.

Every public method is one transaction; what can go wrong with a database is said by StoreError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from digest.records import Article, Encoded, Feed, FeedRate, FeedState, Summary
from digest.store.counts import Counts
from digest.store.database import LOCK_SECONDS, Database
from digest.store.deliveries import Deliveries
from digest.store.desk import DeskStore
from digest.store.editions import Editions
from digest.store.feed_history import FeedHistory, note_failures
from digest.store.incoming import parts, save_entries
from digest.store.pruning import Pruning
from digest.store.rows import article_of, article_values, state_of, state_values, summary_of
from digest.store.schema import (
    ArticleRow,
    EmbeddingRow,
    FeedRow,
    RunRow,
    StoryRow,
    SummaryRow,
)
from digest.store.subscribers import Subscribers
from digest.store.told import ToldArticles

# What a feed's articles a week are counted over: four weeks even out holidays and bad days.
_LATELY = timedelta(weeks=4)
# So many tries without an answer settle that a page can't be had.
_TRIES = 3
# Characters of a model's name that are kept.
_NAME = 120


class Store(FeedHistory, ToldArticles):
    """Opens (and where needed creates or upgrades) the database at `url`.

    `url` is a SQLAlchemy address such as `sqlite:///state/digest.db`; `lock_seconds` is how long
    it waits while another process writes. Raises StoreError.
    """

    def __init__(self, url: str, lock_seconds: float = LOCK_SECONDS) -> None:
        self._database = Database(url, lock_seconds)
        FeedHistory.__init__(self, self._database)
        ToldArticles.__init__(self, self._database)
        self.editions = Editions(self._database)
        self.deliveries = Deliveries(self._database)
        self.desk = DeskStore(self._database)
        self.subscribers = Subscribers(self._database)
        self.counts = Counts(self._database)
        self.pruning = Pruning(self._database)

    @property
    def address(self) -> str:
        """The database's address, without its password."""
        return self._database.address

    def close(self) -> None:
        """Gives all connections back."""
        self._database.close()

    # --- feeds ---------------------------------------------------------------------------

    def feed_states(self, feeds: Iterable[Feed]) -> dict[str, FeedState]:
        """How each of `feeds` is, by name; what is known of another address doesn't count."""
        feeds = list(feeds)
        known: dict[str, RowMapping] = {}
        with self._reading() as connection:
            for part in parts(sorted({feed.name for feed in feeds})):
                query = select(FeedRow).where(FeedRow.name.in_(part))
                known.update((row["name"], row) for row in connection.execute(query).mappings())
        return {
            feed.name: state_of(row)
            if (row := known.get(feed.name)) is not None and row["url"] == feed.url
            else FeedState(feed.name, feed.url)
            for feed in feeds
        }

    def save_feeds(
        self,
        states: Sequence[FeedState],
        articles: Mapping[str, Sequence[Article]],
        now: datetime,
    ) -> dict[str, tuple[int, int]]:
        """Stores how feeds went and what they brought, all or nothing.

        `articles` are by feed name. Gives the number of (new, updated) articles of each feed.
        """
        counts: dict[str, tuple[int, int]] = {}
        with self._transaction() as connection:
            for part in parts([state.feed for state in states]):
                connection.execute(delete(FeedRow).where(FeedRow.name.in_(part)))
            if states:
                connection.execute(insert(FeedRow), [state_values(state) for state in states])
            note_failures(connection, states, now)
            for feed, entries in articles.items():
                counts[feed] = save_entries(connection, feed, entries, now)
        return counts

    def feed_rates(self, feeds: Iterable[Feed], now: datetime) -> dict[str, FeedRate]:
        """How often each of `feeds` brings an article, by name, as of `now`."""
        newest, oldest = func.max(ArticleRow.published), func.min(ArticleRow.published)
        lately = func.sum(case((ArticleRow.published > now - _LATELY, 1), else_=0))
        query = (
            select(ArticleRow.feed, newest, oldest, func.count(), lately)
            .where(ArticleRow.published <= now)
            .group_by(ArticleRow.feed)
        )
        feeds = list(feeds)
        rows: dict[str, Any] = {}
        with self._reading() as connection:
            for part in parts(sorted({feed.name for feed in feeds})):
                asked = query.where(ArticleRow.feed.in_(part))
                rows.update((row[0], row) for row in connection.execute(asked))
        rates: dict[str, FeedRate] = {}
        for feed in feeds:
            if (row := rows.get(feed.name)) is None:
                rates[feed.name] = FeedRate()
                continue
            _, last, first, count, recent = row
            gap = (last - first) / timedelta(days=1) / (count - 1) if count > 1 else None
            rates[feed.name] = FeedRate(last, recent / (_LATELY / timedelta(weeks=1)), gap)
        return rates

    # --- pages ---------------------------------------------------------------------------

    def pages_to_ask(
        self, feeds: Sequence[str], since: datetime | None, until: datetime
    ) -> list[Article]:
        """Articles whose page may be asked for, published like `articles`, newest first."""
        may = or_(ArticleRow.page_after.is_(None), ArticleRow.page_after <= until)
        settled = ArticleRow.page_asked.is_not(None)
        return self._articles(feeds, since, until, None, not_(settled), may, ArticleRow.url != "")

    def save_pages(
        self,
        articles: Sequence[Article],
        settled: Sequence[str],
        later: Mapping[str, datetime],
        now: datetime,
    ) -> None:
        """Stores `articles` as their pages made them.

        The pages of the ids `settled` are not asked for again, those of `later` from that time on,
        unless this was the last try.
        """
        with self._transaction() as connection:
            for article in articles:
                connection.execute(
                    update(ArticleRow)
                    .where(ArticleRow.id == article.id)
                    .values(**article_values(article))
                )
            for part in parts(settled):
                connection.execute(
                    update(ArticleRow).where(ArticleRow.id.in_(part)).values(page_asked=now)
                )
            for id, after in later.items():
                tries = ArticleRow.page_tries + 1
                asked = case((tries >= _TRIES, now), else_=None)
                connection.execute(
                    update(ArticleRow)
                    .where(ArticleRow.id == id)
                    .values(page_after=after, page_tries=tries, page_asked=asked)
                )

    # --- articles ------------------------------------------------------------------------

    def articles(
        self,
        feeds: Sequence[str],
        since: datetime | None,
        until: datetime,
        late: tuple[datetime, datetime] | None = None,
    ) -> list[Article]:
        """The articles of `feeds` published after `since` and not after `until`, newest first.

        `late` adds what came late: published after its first time (before `since`), but first
        seen after its second.
        """
        return self._articles(feeds, since, until, late)

    def _articles(
        self,
        feeds: Sequence[str],
        since: datetime | None,
        until: datetime,
        late: tuple[datetime, datetime] | None,
        *further: ColumnElement[bool],
    ) -> list[Article]:
        found: list[Article] = []
        with self._reading() as connection:
            for names in parts(feeds):
                query = select(ArticleRow).where(
                    ArticleRow.feed.in_(names), ArticleRow.published <= until, *further
                )
                if since is not None:
                    oldest, timely = since, ArticleRow.published > since
                    if late is not None:
                        oldest = min(since, late[0])
                        timely = or_(timely, ArticleRow.first_seen > late[1])
                    # By itself, for the index: of what is said with OR it can make no use.
                    query = query.where(ArticleRow.published > oldest, timely)
                found.extend(article_of(row) for row in connection.execute(query).mappings())
        return sorted(found, key=lambda article: (-article.published.timestamp(), article.id))

    def articles_by_id(self, ids: Sequence[str]) -> dict[str, Article]:
        """Those of `ids` that the store has, by id."""
        with self._reading() as connection:
            return self._known(connection, ids)

    def story_ids(self, digest: str, articles: Sequence[str]) -> dict[str, str]:
        """The stories of `digest` that those of `articles` were last in that were in any, by id."""
        found: dict[str, str] = {}
        with self._reading() as connection:
            for part in parts(articles):
                query = select(StoryRow.article, StoryRow.story).where(
                    StoryRow.digest == digest, StoryRow.article.in_(part)
                )
                found.update((article, story) for article, story in connection.execute(query))
        return found

    def save_story_ids(self, digest: str, ids: Mapping[str, str]) -> None:
        """Notes the story of `digest` that each article is in, by article id."""
        with self._transaction() as connection:
            for part in parts(list(ids)):
                connection.execute(
                    delete(StoryRow).where(StoryRow.digest == digest, StoryRow.article.in_(part))
                )
            if ids:
                connection.execute(
                    insert(StoryRow),
                    [
                        {"digest": digest, "article": article, "story": story}
                        for article, story in ids.items()
                    ],
                )

    # --- what was computed ---------------------------------------------------------------

    def embeddings(self, encoder: str, hashes: Sequence[str]) -> dict[str, Encoded]:
        """The kept embeddings of those contents that have any, by content hash."""
        found: dict[str, Encoded] = {}
        with self._reading() as connection:
            for part in parts(hashes):
                query = select(EmbeddingRow).where(
                    EmbeddingRow.encoder == encoder, EmbeddingRow.content_hash.in_(part)
                )
                for row in connection.execute(query).mappings():
                    vectors = np.frombuffer(row["vectors"], dtype="<f2").astype(np.float32)
                    vectors = vectors.reshape(-1, row["dimensions"])
                    found[row["content_hash"]] = Encoded(vectors[0], vectors[1:])
        return found

    def save_embeddings(self, encoder: str, encoded: Mapping[str, Encoded]) -> None:
        """Keeps embeddings by content hash; those already kept are replaced."""
        rows = [
            {
                "content_hash": content_hash,
                "encoder": encoder,
                "dimensions": item.title.shape[0],
                "vectors": np.vstack([item.title[None, :], item.sentences]).astype("<f2").tobytes(),
            }
            for content_hash, item in encoded.items()
        ]
        self._replace(EmbeddingRow, EmbeddingRow.encoder == encoder, rows)

    def summaries(self, method: str, hashes: Sequence[str]) -> dict[str, Summary]:
        """The kept summaries of those contents that have one by `method`, by content hash."""
        found: dict[str, Summary] = {}
        with self._reading() as connection:
            for part in parts(hashes):
                query = select(SummaryRow).where(
                    SummaryRow.method == method, SummaryRow.content_hash.in_(part)
                )
                for row in connection.execute(query).mappings():
                    found[row["content_hash"]] = summary_of(row)
        return found

    def save_summaries(self, method: str, summaries: Mapping[str, Summary]) -> None:
        """Keeps summaries by content hash; those already kept are replaced."""
        rows = [
            {
                "content_hash": content_hash,
                "method": method,
                "model": summary.model[:_NAME],
                "sentences": [asdict(sentence) for sentence in summary.sentences],
                "dropped": [asdict(sentence) for sentence in summary.dropped],
                "instead_of": summary.instead_of[:_NAME],
            }
            for content_hash, summary in summaries.items()
        ]
        self._replace(SummaryRow, SummaryRow.method == method, rows)

    def save_run(
        self, started: datetime, seconds: float, report: Mapping[str, Any], kind: str = "run"
    ) -> None:
        """Keeps the report of a run, or of a round of sending (`kind` is `send`)."""
        row = {"started": started, "seconds": seconds, "report": dict(report), "kind": kind}
        with self._transaction() as connection:
            connection.execute(insert(RunRow), [row])

    def runs(self, kind: str = "run", most: int = 1) -> list[dict[str, Any]]:
        """The newest reports of a kind, newest first, with `started` and `seconds`."""
        query = select(RunRow).where(RunRow.kind == kind).order_by(RunRow.id.desc()).limit(most)
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def last_run(self) -> dict[str, Any] | None:
        """The newest run report, with `started` and `seconds`; None before the first run."""
        return next(iter(self.runs()), None)

    # --- inside --------------------------------------------------------------------------

    @staticmethod
    def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Article]:
        """The articles that are there already, by id."""
        found: dict[str, Article] = {}
        for part in parts(ids):
            query = select(ArticleRow).where(ArticleRow.id.in_(part))
            found.update(
                (row["id"], article_of(row)) for row in connection.execute(query).mappings()
            )
        return found

    def _replace(
        self,
        row: type[EmbeddingRow | SummaryRow],
        same: ColumnElement[bool],
        rows: list[dict[str, Any]],
    ) -> None:
        """Writes `rows`, first removing the `same` ones of the same content hash."""
        with self._transaction() as connection:
            for part in parts([item["content_hash"] for item in rows]):
                connection.execute(delete(row).where(same, row.content_hash.in_(part)))
            if rows:
                connection.execute(insert(row), rows)
