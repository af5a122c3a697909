"""The tables. Portable SQLAlchemy: nothing here is SQLite's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times in and out, whether or not the database keeps time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times are stored in UTC")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables' common base; `Base.metadata` is what the migrations are checked against."""


class FeedRow(Base):
    """What is known of a feed between runs: `FeedState`."""

    __tablename__ = "feeds"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    checked: Mapped[datetime | None] = mapped_column(UtcDateTime)
    succeeded: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    entries: Mapped[int] = mapped_column(Integer, default=0)
    worked: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone: Mapped[datetime | None] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    body_hash: Mapped[str] = mapped_column(Text, server_default="")
    told: Mapped[str] = mapped_column(Text, server_default="")
    waits_for: Mapped[str] = mapped_column(Text, server_default="")
    moved_to: Mapped[str] = mapped_column(Text, server_default="")
    successes: Mapped[int] = mapped_column(Integer, server_default="0")
    moving_to: Mapped[str] = mapped_column(Text, server_default="")
    moved_seen: Mapped[int] = mapped_column(Integer, server_default="0")
    read_by: Mapped[str] = mapped_column(Text, server_default="")
    answers: Mapped[int] = mapped_column(Integer, server_default="0")
    unchanged: Mapped[int] = mapped_column(Integer, server_default="0")
    seconds: Mapped[float] = mapped_column(Float, server_default="0")
    rhythm: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    troubled: Mapped[bool] = mapped_column(Boolean, server_default=false())


class FeedFailureRow(Base):
    """A failure of a feed, at the time of the run that met it: `FeedFailure`."""

    __tablename__ = "feed_failures"

    feed: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)


class ArticleRow(Base):
    """An article as it last came in. `first_seen` never changes.

    `entry_hash`, `entry_url` and `entry_image` are the content hash, the link and the picture's
    address that the feed's entry gave, in whose place those of the article's page may stand.
    `page_asked` is when that was settled, one way or the other; until then it may be asked for
    from `page_after` on, and was `page_tries` times.
    """

    __tablename__ = "articles"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    guid: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    published: Mapped[datetime] = mapped_column(UtcDateTime)
    date_origin: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    image: Mapped[str] = mapped_column(Text)
    image_width: Mapped[int] = mapped_column(Integer, server_default="0")
    image_height: Mapped[int] = mapped_column(Integer, server_default="0")
    image_alt: Mapped[str] = mapped_column(Text, server_default="")
    tags: Mapped[list[Any]] = mapped_column(JSON)
    content_hash: Mapped[str] = mapped_column(String(64))
    first_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    entry_hash: Mapped[str] = mapped_column(String(64), server_default="")
    entry_url: Mapped[str] = mapped_column(Text, server_default="")
    entry_image: Mapped[str] = mapped_column(Text, server_default="")
    text_from: Mapped[str] = mapped_column(String(8), server_default="feed")
    paywall: Mapped[bool] = mapped_column(Boolean, server_default=false())
    page_asked: Mapped[datetime | None] = mapped_column(UtcDateTime)
    page_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    page_tries: Mapped[int] = mapped_column(Integer, server_default="0")

    __table_args__ = (
        Index("ix_articles_feed_published", "feed", "published"),
        # An address may be longer than an entry of PostgreSQL's trees may be (2,704 bytes); and of
        # those that are empty a hash would make one long chain.
        *(
            Index(
                f"ix_articles_{column}",
                column,
                postgresql_using="hash",
                postgresql_where=text(f"{column} <> ''"),
            )
            for column in ("url", "entry_url")
        ),
        Index("ix_articles_content", "content_hash"),
    )


class EmbeddingRow(Base):
    """The embeddings of one content by one encoder: float16, the title's, then the sentences'."""

    __tablename__ = "embeddings"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    encoder: Mapped[str] = mapped_column(String(120), primary_key=True)
    dimensions: Mapped[int] = mapped_column(Integer)
    vectors: Mapped[bytes] = mapped_column(LargeBinary)


class SummaryRow(Base):
    """A summary of one content by one method with its parameters."""

    __tablename__ = "summaries"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(200), primary_key=True)
    model: Mapped[str] = mapped_column(String(120))
    sentences: Mapped[list[Any]] = mapped_column(JSON)
    dropped: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    instead_of: Mapped[str] = mapped_column(String(120), server_default="")


class ToldRow(Base):
    """An article that an edition of a digest has told, on which local date."""

    __tablename__ = "told"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    article: Mapped[str] = mapped_column(String(40), primary_key=True)
    date: Mapped[str] = mapped_column(String(10), primary_key=True)

    __table_args__ = (Index("ix_told_date", "digest", "date"),)


class StoryRow(Base):
    """The story of a digest that an article was last grouped into."""

    __tablename__ = "stories"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    article: Mapped[str] = mapped_column(String(40), primary_key=True)
    story: Mapped[str] = mapped_column(String(40))

    __table_args__ = (Index("ix_stories_article", "article"),)


class RunRow(Base):
    """A report of a run, or of a round of sending, kept for whoever looks after the service."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(8), server_default="run")
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    seconds: Mapped[float] = mapped_column(Float)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("ix_runs_kind", "kind", "id"), Index("ix_runs_started", "started"))


class EditionRow(Base):
    """How far the edition of a digest for a local date is: `EditionStatus`.

    `owner` builds it, until `until` at the latest. `asked` is the due moment that the schedule last
    tried it for.
    """

    __tablename__ = "editions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    date: Mapped[str] = mapped_column(String(10), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
    owner: Mapped[str] = mapped_column(String(40), server_default="")
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fingerprint: Mapped[str] = mapped_column(String(64), server_default="")
    built: Mapped[datetime | None] = mapped_column(UtcDateTime)
    asked: Mapped[datetime | None] = mapped_column(UtcDateTime)
    send_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, server_default="")
    revision: Mapped[int] = mapped_column(Integer, server_default="0")

    __table_args__ = (Index("ix_editions_state", "state"),)


class OperationRow(Base):
    """A change that an editor made to an edition: `Operation`.

    `key` came with the request, so that one that is sent twice is done once.
    """

    __tablename__ = "operations"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    date: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(8))
    story: Mapped[str] = mapped_column(String(40), server_default="")
    article: Mapped[str] = mapped_column(String(40), server_default="")
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    who: Mapped[str] = mapped_column(Text)
    made: Mapped[datetime] = mapped_column(UtcDateTime)
    undone: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revision: Mapped[int] = mapped_column(Integer)
    switched: Mapped[datetime | None] = mapped_column(UtcDateTime)
    switched_by: Mapped[str] = mapped_column(Text, server_default="")
    checked: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")

    __table_args__ = (
        Index("ix_operations_key", "digest", "date", "key", unique=True),
        Index("ix_operations_date", "date"),
    )


class BuildRow(Base):
    """An edition as it was built or approved: `Build`, with the `Draft` that it was made from.

    Both are compressed JSON; what was approved has no draft of its own.
    """

    __tablename__ = "builds"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    date: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    made: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(16))
    edition: Mapped[bytes] = mapped_column(LargeBinary)
    draft: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_builds_date", "date"),)


class SubscriberRow(Base):
    """A person with an address. `key` stands for them in links, and is never given twice.

    `address_key` is the address by which two writings of it are one. `bounced` is when the address
    was found dead.
    """

    __tablename__ = "subscribers"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    address: Mapped[str] = mapped_column(String(320))
    address_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(Text, server_default="")
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    bounced: Mapped[datetime | None] = mapped_column(UtcDateTime)
    bounce_reason: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = ({"sqlite_autoincrement": True},)


class SubscriptionRow(Base):
    """A digest that a subscriber gets, asked for, or has left.

    `consent` says in words how the person agreed. `confirmation` is how far the letter is that asks
    for it: `wanted`, `sent`, or empty where none is needed.
    """

    __tablename__ = "subscriptions"

    subscriber: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    topics: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    languages: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    asked: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime)
    consent: Mapped[str] = mapped_column(Text, server_default="")
    confirmation: Mapped[str] = mapped_column(String(8), server_default="")
    confirmation_tries: Mapped[int] = mapped_column(Integer, server_default="0")
    confirmation_after: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_subscriptions_digest_state", "digest", "state"),
        Index("ix_subscriptions_confirmation", "confirmation"),
        Index("ix_subscriptions_confirmed", "confirmed"),
        Index("ix_subscriptions_asked", "state", "asked"),
    )


class DeliveryRow(Base):
    """An edition to one of its recipients, who were frozen with it: `Delivery`.

    `owner` has it in hand, until `until` at the latest; `by` is where it was `sending` it to.
    """

    __tablename__ = "deliveries"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    date: Mapped[str] = mapped_column(String(10), primary_key=True)
    subscriber: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(11))
    topics: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    languages: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    owner: Mapped[str] = mapped_column(String(40), server_default="")
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    tried: Mapped[datetime | None] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, server_default="")
    by: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        Index("ix_deliveries_state", "digest", "date", "state"),
        Index("ix_deliveries_subscriber", "subscriber"),
        Index("ix_deliveries_tried", "tried"),
    )


class SecretRow(Base):
    """What signs links, made at first use and shared by all services on the database."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
