"""The numbers that databases give to new rows: where they stand, and setting them.

A number must not be given twice, even where the row that had it is gone: deliveries name people by
theirs. So a copy of a database takes over where the counter stood, not just the highest number.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, text


def highest(connection: Connection, table: Table) -> int:
    """The highest number that `table` has given; 0 where it has given, or gives, none."""
    column = table.autoincrement_column
    if column is None:
        return 0
    there = int(connection.execute(select(func.max(column))).scalar() or 0)
    return max(there, _given(connection, table))


def set_highest(connection: Connection, table: Table, number: int) -> None:
    """From now on `table` gives higher numbers than `number`."""
    column = table.autoincrement_column
    if column is None or number < 1:
        return
    values = {"table": table.name, "column": column.name, "number": number}
    if connection.dialect.name != "sqlite":
        query = "SELECT setval(pg_get_serial_sequence(:table, :column), :number)"
        connection.execute(text(query), values)
    elif table.dialect_options["sqlite"]["autoincrement"]:
        # SQLite keeps no counter for other tables: it takes the number after the highest.
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
        query = "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :number)"
        connection.execute(text(query), values)


def next_is_taken(connection: Connection, table: Table) -> bool:
    """Whether the next number that `table` would give belongs to a row: nothing can be added."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name == "sqlite":
        return False
    there = int(connection.execute(select(func.max(column))).scalar() or 0)
    return _given(connection, table) < there


def _given(connection: Connection, table: Table) -> int:
    """Where the counter of `table` stands; 0 where it has none, or was never asked."""
    column = table.autoincrement_column
    assert column is not None
    values = {"table": table.name, "column": column.name}
    if connection.dialect.name == "sqlite":
        there = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
        if connection.execute(text(there)).first() is None:
            return 0
        query = "SELECT seq FROM sqlite_sequence WHERE name = :table"
        return int(connection.execute(text(query), values).scalar() or 0)
    name = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), values
    ).scalar()
    if name is None:
        return 0
    # The name comes quoted as it needs to be.
    last, called = connection.execute(text(f"SELECT last_value, is_called FROM {name}")).one()
    return int(last) if called else 0
