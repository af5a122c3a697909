"""Which statements read a whole table, by the database's own plans.

Statements are noted as they are really sent to a database. SQLite plans without looking at the
rows; PostgreSQL goes by its statistics, so what is planned for a table of a thousand rows says
little about one of a million.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from digest.store.database import Database

GROWING = (
    *("articles", "deliveries", "embeddings", "summaries", "told", "stories", "operations"),
    *("subscribers", "subscriptions", "runs", "builds"),
)
"""The tables that grow with time and readers."""

FILLED = ("articles", "deliveries", "embeddings", "summaries", "told", "stories")
"""Those of which `filled` makes rows: PostgreSQL rightly reads a small table whole."""

Statements = dict[str, Any]
"""The values of the first time, by text."""

Scans = Callable[[Connection, str, Any], list[str]]
"""A statement's text and values to those steps of its plan that read a whole table."""


@contextmanager
def collected() -> Iterator[Statements]:
    """All statements that are sent to databases meanwhile."""
    found: Statements = {}

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        found.setdefault(statement, values[0] if many else values)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def queries(found: Statements) -> Statements:
    """Those that look for rows of a table that grows."""
    return {
        text: values
        for text, values in found.items()
        if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", text)
        and re.search(rf"\b({'|'.join(GROWING)})\b", text)
    }


def scans_of_sqlite(connection: Connection, text: str, values: Any) -> list[str]:
    """The steps of SQLite's plan that go through a whole table."""
    steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
    return [step for step in steps if re.match(rf"SCAN ({'|'.join(GROWING)})(_\d+)?\b", step)]


def scans_of_postgres(connection: Connection, text: str, values: Any) -> list[str]:
    """The nodes of PostgreSQL's plan that go through a whole table of those that are filled."""
    [[plan]] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", values)
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        relation, kind = node.get("Relation Name", ""), node["Node Type"]
        narrow = "Index Cond" in node or kind == "Bitmap Heap Scan"
        if relation in FILLED and "Scan" in kind and not narrow:
            found.append(f"{kind} {relation} {node.get('Index Name', '')}".rstrip())
        for child in node.get("Plans", ()):
            walk(child)

    walk(plan[0]["Plan"])
    return found


def scans(url: str, found: Statements, of: Scans | None = None) -> tuple[int, list[str]]:
    """How many queries were looked at, and a line for each step that reads a whole table.

    `of` tells a query's steps that do; without it, the function here for the database's engine.
    """
    database = Database(url)
    of = of or (scans_of_sqlite if database.is_sqlite else scans_of_postgres)
    asked = queries(found)
    bad: list[str] = []
    try:
        for text, values in asked.items():
            with database.transaction() as connection:
                for step in of(connection, text, values):
                    bad.append(f"{step}: {' '.join(text.split())}")
    finally:
        database.close()
    return len(asked), bad
