"""SQLite: its engine, its settings, its complaints."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from digest.store.connecting import is_reading


def sqlite_engine(address: URL, lock_seconds: float) -> Engine:
    """An engine for a file or for memory; makes the file's folder. Raises OSError."""
    engine = create_engine(address, connect_args={"timeout": lock_seconds})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # A new file gives back what is removed (`pruning`); one that has tables stays as it is.
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
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
        connection.exec_driver_sql("BEGIN" if is_reading(connection) else "BEGIN IMMEDIATE")

    if address.database and not address.database.startswith((":memory:", "file:")):
        path = Path(address.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readers' addresses will be in it, and are nobody's else to read; SQLite gives the files
        # beside it the same rights. What can't be made is SQLite's to tell.
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _made_once(engine, path)
    return engine


def sqlite_advice(lock_seconds: float) -> Mapping[str, str]:
    """What to do, by a sign of the complaint."""
    return {
        "database is locked": f"another process has held it for over {lock_seconds:g} s; wait for "
        "it, or end it",
        "disk is full": "the disk is full; make room and run again, nothing half-written was kept",
        "readonly": "it can't be written; check the rights of the file and its folder",
        "read-only": "it can't be written; check the rights of the file and its folder",
        "unable to open": "it can't be opened; check that its folder is there and writable",
        "not a database": "the file is not a database; move it away and run again",
        "malformed": "the file is damaged; restore a backup, or move it away and run again",
        "disk I/O error": "the disk reported an error; check it and run again",
    }


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
