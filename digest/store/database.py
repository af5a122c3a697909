"""Opening a database: the engine, its transactions, its migrations, its complaints in plain words.

A database that is locked, full, read-only, damaged or gone raises StoreError with the address
(never with a password) and what to do.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from digest.errors import StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"

# How long a writer waits for another one. A run's longest transaction stores some thousand
# articles, seconds at the most; half a minute later the lock is somebody's mistake.
LOCK_SECONDS = 30.0


# Marks the connections that only read, for `_on_begin`.
_READ_ONLY = "digest_read_only"


class Database:
    """Opens (and where needed creates or upgrades) the database at `url`. Raises StoreError.

    `lock_seconds` is how long it waits for another writer (SQLite).
    """

    def __init__(self, url: str, lock_seconds: float = LOCK_SECONDS) -> None:
        self._lock_seconds = lock_seconds
        try:
            address = make_url(url)
            self.address = address.render_as_string(hide_password=True)
            is_file = address.database and not address.database.startswith((":memory:", "file:"))
            if address.get_backend_name() == "sqlite" and is_file:
                Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(url, lock_seconds)
            if address.get_backend_name() == "sqlite" and is_file:
                _made_once(self._engine, Path(str(address.database)))
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
            raise StoreError(
                "DIGEST_DATABASE_URL is no database address that can be used here "
                "(example: sqlite:///state/digest.db)"
            ) from error
        except OSError as error:
            raise StoreError(f"{self.address}: can't make its folder: {error.strerror}") from error
        try:
            with self.reading() as connection:
                current = self._is_current(connection)
            if not current:
                with self.transaction() as connection:
                    self._upgrade(connection)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at the data, which waits for no writer and keeps none waiting."""
        try:
            with (
                self._engine.connect().execution_options(**{_READ_ONLY: True}) as connection,
                connection.begin(),
            ):
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"{self.address}: {self._plainly(error)}") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any error."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"{self.address}: {self._plainly(error)}") from error

    def _is_current(self, connection: Connection) -> bool:
        """Whether the schema is this version's. Raises StoreError when it is a newer one's."""
        scripts = ScriptDirectory.from_config(_alembic(connection))
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
            raise StoreError(
                f"{self.address} was written by a newer version of digest (its schema is "
                f"{current!r}); upgrade digest, or name another database"
            )
        return current == scripts.get_current_head()

    @staticmethod
    def _upgrade(connection: Connection) -> None:
        # Where another process was quicker this does nothing.
        command.upgrade(_alembic(connection), "head")

    def _plainly(self, error: BaseException) -> str:
        """The database's complaint in a user's words."""
        text = str(getattr(error, "orig", None) or error).splitlines()[0]
        advice: Mapping[str, str] = {
            "database is locked": "another process has held it for over "
            f"{self._lock_seconds:g} s; wait for it, or end it",
            "disk is full": "the disk is full; make room and run again, nothing half-written "
            "was kept",
            "readonly": "it can't be written; check the rights of the file and its folder",
            "read-only": "it can't be written; check the rights of the file and its folder",
            "unable to open": "it can't be opened; check that its folder is there and writable",
            "not a database": "the file is not a database; move it away and run again",
            "malformed": "the file is damaged; restore a backup, or move it away and run again",
            "disk I/O error": "the disk reported an error; check it and run again",
        }
        for sign, words in advice.items():
            if sign in text:
                return f"{words} ({text})"
        return text


def _alembic(connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str, lock_seconds: float) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": lock_seconds})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # WAL: readers and one writer don't block one another. Its default of syncing at
        # checkpoints only (NORMAL) can lose the last commits in a power cut; FULL can't.
        _to_wal(connection, lock_seconds)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        # SQLAlchemy sends BEGIN itself (below), so that DDL is part of the transaction too.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: waiting works, whereas a reader that turns
        # writer half-way gets "database is locked" without waiting.
        reading = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _to_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Turns a database to WAL, which stays so. Two that make it at once must take turns.

    SQLite doesn't wait for the lock that this takes, whatever its time-out.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _made_once(engine: Engine, path: Path) -> None:
    """SQLite makes the file that is missing: only for the first connection, or an open service
    whose database is moved away for a minute would go on with an empty one, for good."""
    known: list[bool] = []

    @event.listens_for(engine, "do_connect")
    def _on_opening(*_: object) -> None:
        if known and not path.exists():
            raise sqlite3.OperationalError("unable to open database file: it is gone")
        known[:] = [True]
