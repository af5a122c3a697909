"""A database as one SQLite file, while others work with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from digest.errors import StoreError
from digest.store.copying import copy_database
from digest.store.database import Database


def others_at_work(database: Database) -> int:
    """How many other connections of digest are open to a database on a server; 0 for a file."""
    if database.is_sqlite:
        return 0
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'digest' AND pid <> pg_backend_pid()"
    )
    with database.reading() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


def file_address(path: Path) -> str:
    """The address of a SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file that an address names; None for a database in memory, on a server, or nowhere."""
    try:
        address = make_url(url)
    except ArgumentError:
        return None  # which is told when it is opened
    name = address.database
    if address.get_backend_name() != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return None
    return Path(name)


def snapshot(database: Database, path: Path) -> None:
    """Writes the database, as it is at this moment, into a new SQLite file, and checks that.

    A service may go on working. A SQLite database is copied page by page, whatever its version, by
    SQLite's online backup (https://sqlite.org/backup.html), another one row by row
    (`copy_database`). Raises StoreError and UsageError.
    """
    if database.is_sqlite:
        _copy_pages(database, path)
    else:
        copy = Database(file_address(path))
        try:
            copy_database(database, copy)
        finally:
            copy.close()
    finish_file(path)


def finish_file(path: Path) -> None:
    """Makes a SQLite database that nobody has open one file, without `-wal`, and checks it.

    Raises StoreError.
    """
    try:
        with closing(sqlite3.connect(path)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE").close()
            found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(1)")]
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_plainly(error)}") from error
    if found != ["ok"]:
        raise StoreError(f"{path}: the database is damaged ({found[0]}); `digest db check`")


def editions_in(path: Path) -> set[tuple[str, str]]:
    """Digest and date of the editions that a snapshot, of any version, knows. Raises StoreError."""
    try:
        with closing(sqlite3.connect(path)) as copy:
            if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'editions'").fetchone():
                return set()
            return set(copy.execute("SELECT digest, date FROM editions"))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_plainly(error)}") from error


def _copy_pages(database: Database, path: Path) -> None:
    with database.reading() as connection:
        # The transaction's view of the data begins with its first look at them.
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").close()
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise StoreError(f"{database.address}: has no online backup")
        try:
            with closing(sqlite3.connect(path)) as copy:
                # All pages in one go: writers go on beside it (WAL), and none makes it begin again.
                raw.backup(copy, pages=-1)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {_plainly(error)}") from error


def _plainly(error: sqlite3.Error) -> str:
    if "full" in str(error):
        return "the disk is full; make room and run again, nothing half-written was kept"
    return str(error)
