"""Opening a database: the engine, its transactions, its migrations, its complaints in plain words.

A database that is locked, full, read-only, damaged or gone raises StoreError with the address
(never with a password) and what to do.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from digest.errors import StoreError
from digest.store.connecting import READING, UNTIMED
from digest.store.postgres import AWAY_SECONDS, connected, postgres_advice, postgres_engine, unfit
from digest.store.sqlite import sqlite_advice, sqlite_engine

_MIGRATIONS = Path(__file__).parent / "migrations"

# How long a writer waits for another one. A run's longest transaction stores some thousand
# articles, seconds at the most; half a minute later the lock is somebody's mistake.
LOCK_SECONDS = 30.0

# How long a server is waited for that isn't there when a command starts: longer, and whoever wrote
# a wrong address would think that the command hangs. A restart takes up to five seconds.
_START_SECONDS = 6.0


class Database:
    """Opens (and where needed creates or upgrades) the database at `url`. Raises StoreError.

    `lock_seconds` is how long it waits for another writer. Without `upgrade` a database of another
    version is left as it is, and nothing may be read or written but what `revision` and the tables
    of that version hold.
    """

    def __init__(
        self, url: str, lock_seconds: float = LOCK_SECONDS, *, upgrade: bool = True
    ) -> None:
        try:
            address = make_url(url)
            if "@" in (address.host or ""):
                raise StoreError(
                    "DIGEST_DATABASE_URL: an @ in a user's name or a password is written %40, a "
                    "slash %2F, a colon %3A"
                )
            self.address = shown(address)
            self.is_sqlite = address.get_backend_name() == "sqlite"
            if self.is_sqlite:
                self._engine = sqlite_engine(address, lock_seconds)
                self._advice = sqlite_advice(lock_seconds)
            elif address.get_backend_name() == "postgresql":
                self._engine = postgres_engine(address, lock_seconds)
                self._advice = postgres_advice(lock_seconds)
            else:
                raise NoSuchModuleError(address.drivername)
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
            raise StoreError(_no_address(error)) from error
        except OSError as error:
            raise StoreError(f"{self.address}: can't make its folder: {error.strerror}") from error
        self._away_seconds = _START_SECONDS
        try:
            if upgrade:
                self.upgrade()
            else:
                self.revision()
        except StoreError:
            self.close()
            raise
        self._away_seconds = AWAY_SECONDS

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()

    @contextmanager
    def reading(self, *, untimed: bool = False) -> Iterator[Connection]:
        """One consistent look at the data, which waits for no writer and keeps none waiting.

        A statement of an `untimed` one may take as long as it likes, as when tables are copied.
        """
        options = {**READING, **(UNTIMED if untimed else {})}
        with self._connection(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self, *, untimed: bool = False) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any error."""
        with (
            self._connection(**(UNTIMED if untimed else {})) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _connection(self, **options: bool) -> Iterator[Connection]:
        try:
            with connected(self._engine, self._away_seconds, **options) as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"{self.address}: {self._plainly(error)}") from error

    def upgrade(self) -> tuple[str, str]:
        """Brings the schema to this version's; from which to which, the first `""` for a new one.

        Raises StoreError when it is a newer version's.
        """
        with self.reading() as connection:
            self._check(connection)
            before, head = self._current(connection), _head()
        if before != head:
            with self.transaction(untimed=True) as connection:
                # Where another process was quicker this does nothing.
                command.upgrade(_alembic(connection), "head")
        return before, head

    def revision(self) -> str:
        """The schema that the database has, `""` for none. Raises StoreError for a newer one."""
        with self.reading() as connection:
            self._check(connection)
            return self._current(connection)

    def head(self) -> str:
        """The schema of this version of digest."""
        return _head()

    def _check(self, connection: Connection) -> None:
        if not self.is_sqlite and (why := unfit(connection)):
            raise StoreError(f"{self.address}: {why}")

    def _current(self, connection: Connection) -> str:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in _revisions():
            raise StoreError(
                f"{self.address} was written by a newer version of digest (its schema is "
                f"{current!r}); upgrade digest, or name another database"
            )
        return current or ""

    def _plainly(self, error: BaseException) -> str:
        """The database's complaint in a user's words."""
        text = _first_line(str(getattr(error, "orig", None) or error))
        for sign, words in self._advice.items():
            if sign.lower() in text.lower():
                return f"{words} ({text})"
        return text


def shown(address: URL) -> str:
    """An address as it may be printed: libpq takes a password among the options, too."""
    options = {
        name: "***" if "pass" in name.lower() else value for name, value in address.query.items()
    }
    return address.set(query=options).render_as_string(hide_password=True)


def _first_line(text: str) -> str:
    """PostgreSQL tells each address that it tried, on lines of their own, and gives hints."""
    line = next(iter(text.strip().splitlines()), "")
    return re.sub(r"^connection failed: ", "", line)


def _no_address(error: BaseException) -> str:
    if isinstance(error, ImportError) and "psycopg" in str(error):
        return (
            "DIGEST_DATABASE_URL names a PostgreSQL database, for which psycopg is missing; "
            "run: pip install 'psycopg[binary]'"
        )
    return (
        "DIGEST_DATABASE_URL is no database address that can be used here "
        "(examples: sqlite:///state/digest.db, postgresql://user:password@host/name)"
    )


@cache
def _revisions() -> tuple[str, ...]:
    """All schemas that this version knows, the newest first; they don't change while it runs."""
    scripts = ScriptDirectory(_MIGRATIONS)
    return tuple(script.revision for script in scripts.walk_revisions())


def _head() -> str:
    return _revisions()[0]


def _alembic(connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
