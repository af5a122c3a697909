"""The way from each earlier version of the database to this one, on both engines.

Rows are made for every table that a version has, whatever its columns are: a table or a column that
a later version adds is tried without a change here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    Engine,
    LargeBinary,
    MetaData,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from digest.errors import StoreError
from digest.records import Feed
from digest.store import database
from digest.store.database import Database
from digest.store.schema import Base
from digest.store.store import Store

if TYPE_CHECKING:
    from ..postgres import PostgresServer

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
STARTERS = 3
# Of the statements of an upgrade, some sixty, each fifth is the last one that is carried out.
STEP = 5
VERSION = "alembic_version"
# What changes a database; whatever else is executed only looks.
CHANGES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")

Rows = dict[str, list[dict[str, Any]]]


def revisions() -> list[str]:
    """All versions of the schema, the first one first."""
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    return [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that isn't there yet, or has nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'digest.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A transaction, of which no connection is left."""
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def bring_to(url: str, revision: str) -> None:
    """Makes the database that a version had."""
    with connected(url) as connection:
        command.upgrade(database._alembic(connection), revision)


def fill(url: str, rows: int = 2) -> None:
    """Puts rows into every table that there is."""
    with connected(url) as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            if table.name == VERSION:
                continue
            # What the database counts by itself it is to count on after a migration.
            counted = table.autoincrement_column
            columns = [column for column in table.columns if column is not counted]
            for number in range(1, rows + 1):
                values = {column.name: value(column, number) for column in columns}
                connection.execute(insert(table).values(values))


def value(column: Column[Any], number: int) -> Any:
    """Something that the column holds, another one for each number."""
    kind = column.type
    if isinstance(kind, JSON):
        return [{"text": f"Ä {column.name}", "source": [number], "support": 1.0}]
    if isinstance(kind, DateTime):
        return NOW + timedelta(hours=number)
    if isinstance(kind, LargeBinary):
        return bytes([0, 255, number])
    if kind.python_type is str:
        return f"{number} ä {column.name}"[: getattr(kind, "length", None)]
    return kind.python_type(number)


def contents(url: str) -> Rows:
    """All rows of all tables."""
    found: Rows = {}
    with connected(url) as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            found[table.name] = sorted(rows, key=repr)
    return found


def everything(url: str) -> tuple[Rows, dict[str, str]]:
    """All rows, and how the tables are made."""
    with connected(url) as connection:
        tables = MetaData()
        tables.reflect(connection)
        made = {
            table.name: f"{CreateTable(table)}{sorted(str(CreateIndex(i)) for i in table.indexes)}"
            for table in tables.sorted_tables
        }
    return contents(url), made


def differences(url: str) -> list[Any]:
    """What the tables lack of those that the code asks for, or have more."""
    with connected(url) as connection:
        options = {"compare_type": True, "compare_server_default": defaults_differ}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))


def defaults_differ(
    _context: Any, _there: Any, _wanted: Any, there: str | None, _value: Any, wanted: str | None
) -> bool:
    """As Alembic compares them, but for what PostgreSQL can't compare (JSON)."""
    return plain(there) != plain(wanted)


def plain(default: str | None) -> str | None:
    """A default without quotes, parentheses and casts."""
    return default and re.sub(r"::[\w ]+$", "", default).strip("()'")


def of_columns(rows: list[dict[str, Any]], columns: list[str]) -> list[dict[str, Any]]:
    return sorted(({name: row[name] for name in columns} for row in rows), key=repr)


# --- each version ----------------------------------------------------------------------------


def test_each_schema_has_one_that_follows_it() -> None:
    """`digest.store.database` takes the first that is listed for the newest."""
    scripts = ScriptDirectory(Path(database.__file__).parent / "migrations")
    assert scripts.get_heads() == [scripts.get_current_head()]
    assert database._revisions()[0] == scripts.get_current_head()
    assert list(database._revisions()) == sorted(database._revisions(), reverse=True)


@pytest.mark.parametrize("revision", revisions())
def test_what_a_version_kept_is_there_in_this_one(url: str, revision: str) -> None:
    bring_to(url, revision)
    fill(url)
    before = contents(url)
    assert [row["version_num"] for row in before.pop(VERSION)] == [revision]
    assert {len(rows) for rows in before.values()} == {2}
    Store(url).close()
    after = contents(url)
    assert [row["version_num"] for row in after.pop(VERSION)] == [revisions()[-1]]
    for table, rows in before.items():
        assert of_columns(after[table], list(rows[0])) == rows, table
    assert {table for table, rows in after.items() if rows} == before.keys()
    assert differences(url) == []


def test_the_tables_are_those_of_the_code_from_the_first_version_on(url: str) -> None:
    for revision in revisions():
        bring_to(url, revision)
    assert differences(url) == []
    Store(url).close()


def test_rows_of_the_first_version_are_read_and_written_on(url: str) -> None:
    bring_to(url, revisions()[0])
    fill(url)
    old = contents(url)
    store = Store(url)
    feed = old["feeds"][0]
    state = store.feed_states([Feed(feed["name"], feed["url"])])[feed["name"]]
    assert state.succeeded == state.worked == NOW + timedelta(hours=1)
    assert state.failing_since == state.checked == NOW + timedelta(hours=1)
    row = old["articles"][0]
    (article,) = store.articles_by_id([row["id"]]).values()
    assert (article.title, article.text, article.url) == (row["title"], row["text"], row["url"])
    assert article.published == NOW + timedelta(hours=1)
    assert article.image is not None
    assert article.image.url == row["image"]
    assert len(store.runs(most=10)) == 2
    store.save_run(NOW, 1.5, {"feeds": []})
    newest, *others = store.runs(most=10)
    assert (newest["seconds"], len(others)) == (1.5, 2)
    store.close()
    for row in contents(url)["articles"]:
        assert (row["entry_hash"], row["entry_url"]) == (row["content_hash"], row["url"])
        assert row["entry_image"] == row["image"]


def test_a_newer_version_is_refused_in_words_and_left_alone(url: str) -> None:
    Store(url).close()
    fill(url)
    with connected(url) as connection:
        connection.execute(text(f"UPDATE {VERSION} SET version_num = '9999'"))
    before = everything(url)
    for upgrade in (True, False):
        with pytest.raises(StoreError, match=r"newer version of digest .*'9999'.*upgrade digest"):
            Database(url, upgrade=upgrade)
    assert everything(url) == before


# --- half-way ----------------------------------------------------------------------------------


def half_way(url: str) -> dict[str, Any]:
    """Kills an upgrade from the first version at some of the statements that change anything, lets
    it be done in the end, and says what came of it all."""
    bring_to(url, revisions()[0])
    fill(url)
    before = everything(url)
    killed, changed = [], []
    at = 1
    while (status := ended(start(url, killed_at=at))) == -signal.SIGKILL:
        killed.append(at)
        if everything(url) != before:
            changed.append(at)
        at += STEP
    after = contents(url)
    kept = {
        table: of_columns(after[table], list(rows[0])) == rows
        for table, rows in before[0].items()
        if table != VERSION
    }
    return {"killed": killed, "changed": changed, "status": status, "kept": kept}


def all_at_once(url: str) -> list[int]:
    """Some processes open a database of the first version at the same moment."""
    bring_to(url, revisions()[0])
    fill(url)
    return [ended(one) for one in [start(url) for _ in range(STARTERS)]]


def start(url: str, killed_at: int = 0) -> int:
    """A process that opens the database; it is killed at a statement, counted from 1."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        seen = 0

        @event.listens_for(Engine, "after_cursor_execute")
        def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal seen
            seen += statement.lstrip().upper().startswith(CHANGES)
            if killed_at and seen == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

        Database(url).close()
        status = 0
    finally:
        os._exit(status)


def ended(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def in_a_process(what: str, url: str) -> Any:
    """What a function above gives, called where there are no threads, so that it may fork."""
    ran = subprocess.run(
        [sys.executable, __file__, what, url],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_an_upgrade_that_is_killed_leaves_the_database_as_it_was(url: str) -> None:
    said = in_a_process("half_way", url)
    assert len(said["killed"]) >= 10
    assert (said["changed"], said["status"]) == ([], 0)
    assert said["kept"] == dict.fromkeys(said["kept"], True)
    assert len(said["kept"]) == 6
    assert differences(url) == []


def test_of_several_that_start_at_once_one_upgrades_and_the_others_wait(url: str) -> None:
    assert in_a_process("all_at_once", url) == [0] * STARTERS
    assert {len(rows) for rows in contents(url).values() if rows} == {1, 2}
    assert differences(url) == []


if __name__ == "__main__":
    work = {"half_way": half_way, "all_at_once": all_at_once}[sys.argv[1]]
    json.dump(work(sys.argv[2]), sys.stdout)
