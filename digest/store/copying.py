"""A whole database into another one, table by table, counted and compared.

What is compared is a checksum of the rows as Python sees them, so it is the same on every engine:
times are aware UTC, JSON is parsed, bytes are hashed. It is the sum of the rows' SHA-256 modulo
2**256 (an additive multiset hash, Bellare and Micciancio 1997): engines sort texts differently, and
a sum needs no order. It finds accidents, not attackers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    RowMapping,
    String,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal,
    select,
)

from digest.errors import StoreError, UsageError
from digest.store.counters import highest, set_highest
from digest.store.database import Database
from digest.store.schema import Base

TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)

# Rows in memory at once. An article with its text takes some kilobytes, a build some hundred: a few
# hundred rows are megabytes, and larger batches are no faster.
_AT_ONCE = 200
# Rows that don't fit are named one by one, so many at the most.
_NAMED = 10
_MODULUS = 1 << 256
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

Told = Callable[[str, int, int], None]
"""Is told, as it goes on, of which table how many rows of how many were copied."""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table as it is in both databases: how many rows, and their checksum in hex."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied. `mended` names the texts whose NUL became U+FFFD: table, key, column."""

    tables: tuple[CopiedTable, ...]
    mended: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows all tables have together."""
        return sum(table.rows for table in self.tables)


def copy_database(
    source: Database, target: Database, told: Told = lambda *_: None, *, replace: bool = False
) -> Copied:
    """Copies all rows of `source` into the empty `target`, which gets this version's schema.

    One transaction reads, so the copy is of one moment; one writes, and ends only after every table
    was read back and found equal: all or nothing. With `replace` what `target` had goes, in the
    same transaction. Numbers that a table has given once are not given again.

    A NUL character, which PostgreSQL can't hold and SQLite can, becomes U+FFFD there, as in HTML:
    it can't be printed or mailed, and a database must not be tied to one engine by it. In a key,
    where another character would name another thing, and where a text or a number is too long for
    its column, the copy is refused. Raises UsageError for databases that can't be copied,
    StoreError for rows.
    """
    _make_ready(source, target, replace)
    strict = not target.is_sqlite
    tables: list[CopiedTable] = []
    found = _Found()
    with source.reading(untimed=True) as old, target.transaction(untimed=True) as new:
        if replace:
            _empty(new, target)
        for table in TABLES:
            read, total = _Sum(), _count(old, table)
            for rows in _batches(old, table, source.address):
                fitting = [_fitted(row, table, found) if strict else dict(row) for row in rows]
                read.add(fitting, table)
                # One that doesn't fit ends it all, but the others should be told of too.
                if not found.misfits:
                    new.execute(insert(table), fitting)
                told(table.name, read.rows, total)
            if not found.misfits:
                set_highest(new, table, highest(old, table))
                _compare(new, table, read, target.address)
            tables.append(CopiedTable(table.name, read.rows, read.checksum))
        if found.misfits:
            raise StoreError(_does_not_fit(source.address, target.address, found.misfits))
        if strict:
            # Plans are made from statistics, which come by themselves only minutes later.
            for table in TABLES:
                new.exec_driver_sql(f"ANALYZE {table.name}")
    return Copied(tuple(tables), tuple(found.mended))


def checksums(database: Database) -> tuple[CopiedTable, ...]:
    """Every table's rows, counted and summed. Raises StoreError for one that can't be read."""
    tables = []
    with database.reading(untimed=True) as connection:
        for table in TABLES:
            read = _Sum()
            for rows in _batches(connection, table, database.address):
                read.add(rows, table)
            tables.append(CopiedTable(table.name, read.rows, read.checksum))
    return tuple(tables)


def holds_anything(database: Database) -> bool:
    """Whether any of our tables, of whatever version, has a row."""
    with database.reading() as connection:
        there = set(inspect(connection).get_table_names())
        return any(
            connection.execute(select(literal(1)).select_from(table).limit(1)).first() is not None
            for table in TABLES
            if table.name in there
        )


def _make_ready(source: Database, target: Database, replace: bool) -> None:
    """Gives an empty target its tables. Raises UsageError where nothing can be copied."""
    _must_be_current(source)
    if target.revision():
        _must_be_current(target)
    else:
        _must_have_no_tables(target)
        target.upgrade()
    if _identity(source) == _identity(target):
        raise UsageError(f"{source.address} and {target.address} are the same database")
    if not replace and holds_anything(target):
        raise UsageError(
            f"{target.address} is not empty; name an empty database, since a copy is never mixed "
            "with what is there"
        )


def _must_be_current(database: Database) -> None:
    if (revision := database.revision()) != database.head():
        raise UsageError(
            f"{database.address} has the schema {revision or 'of no version'}, this version's is "
            f"{database.head()}; with its address in DIGEST_DATABASE_URL: digest db upgrade"
        )


def _must_have_no_tables(database: Database) -> None:
    """Raises UsageError for a database that belongs to something else."""
    with database.reading() as connection:
        names = sorted(inspect(connection).get_table_names())
    if names:
        raise UsageError(
            f"{database.address} has tables that are not digest's ({names[0]!r}); name an empty "
            "database"
        )


def _identity(database: Database) -> tuple[object, ...]:
    """What two addresses of one database have in common."""
    with database.reading() as connection:
        if database.is_sqlite:
            file = str(connection.exec_driver_sql("PRAGMA database_list").all()[0][2])
            return (Path(file).resolve(),) if file else (id(database),)
        query = (
            "SELECT pg_postmaster_start_time(), oid FROM pg_database "
            "WHERE datname = current_database()"
        )
        return tuple(connection.exec_driver_sql(query).one())


def _empty(connection: Connection, database: Database) -> None:
    if database.is_sqlite:
        for table in TABLES:
            connection.execute(delete(table))
    else:
        names = ", ".join(table.name for table in TABLES)
        connection.exec_driver_sql(f"TRUNCATE {names}")


def _batches(connection: Connection, table: Table, address: str) -> Iterator[Sequence[RowMapping]]:
    """The rows of a table, some at a time. Raises StoreError for one that can't be read."""
    query = select(table).execution_options(yield_per=_AT_ONCE)
    try:
        yield from connection.execute(query).mappings().partitions()
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"{address}: a row of {table.name} can't be read ({error}); restore a backup, or "
            "remove that row"
        ) from error


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


class _Sum:
    """The checksum of rows, and how many they were."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Mapping[str, Any] | RowMapping], table: Table) -> None:
        """Adds rows of `table`."""
        names = [column.name for column in table.columns]
        for row in rows:
            text = json.dumps([row[name] for name in names], default=_shown, sort_keys=True)
            self._sum += int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        self.rows += len(rows)

    @property
    def checksum(self) -> str:
        """In hex."""
        return f"{self._sum % _MODULUS:064x}"


def _shown(value: object) -> str:
    """What JSON doesn't know."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"a value of type {type(value).__name__}")


def _compare(connection: Connection, table: Table, wanted: _Sum, address: str) -> None:
    """Reads a table back. Raises StoreError when it is not what was written."""
    there = _Sum()
    for rows in _batches(connection, table, address):
        there.add(rows, table)
    if (there.rows, there.checksum) != (wanted.rows, wanted.checksum):
        raise StoreError(
            f"{address}: {table.name} came out differently ({there.rows} rows with the checksum "
            f"{there.checksum[:12]}, not {wanted.rows} with {wanted.checksum[:12]}); nothing was "
            "kept there, please report it"
        )


@dataclass(slots=True)
class _Found:
    """What does not fit, and what was made fit."""

    misfits: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)


def _fitted(row: RowMapping, table: Table, found: _Found) -> dict[str, Any]:
    """The row as an engine that is strict about its types takes it."""
    values = dict(row)
    for column in table.columns:
        value = values[column.name]
        where = f"{table.name} {_key(values, table)}: {column.name}"
        if isinstance(value, str) and "\0" in value and not _names_a_thing(column):
            values[column.name] = value = value.replace("\0", _REPLACEMENT)
            found.mended.append(where)
        if why := _why_not(column, value):
            found.misfits.append(f"{where} {why}")
    return values


def _why_not(column: Column[Any], value: object) -> str:
    """Why a column can't hold a value; empty when it can."""
    kind = column.type
    if isinstance(value, str):
        if "\0" in value:
            return "holds a NUL character"
        if isinstance(kind, String) and kind.length is not None and len(value) > kind.length:
            return f"is longer than {kind.length} characters"
    elif isinstance(kind, Integer) and isinstance(value, int):
        if not -(1 << 31) <= value < 1 << 31:
            return "is a larger number than its column holds"
    elif isinstance(kind, JSON):
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            return "holds a number that JSON doesn't know"
    return ""


def _names_a_thing(column: Column[Any]) -> bool:
    return column.primary_key or bool(column.unique)


def _key(values: Mapping[str, Any], table: Table) -> str:
    return "/".join(str(values[column.name]) for column in table.primary_key.columns)


def _does_not_fit(source: str, target: str, misfits: Sequence[str]) -> str:
    more = len(misfits) - _NAMED
    lines = [*misfits[:_NAMED], *([f"and {more} more"] if more > 0 else [])]
    return "\n  ".join(
        [f"{source}: {target} can't hold what follows, so nothing was copied:", *lines]
    )
