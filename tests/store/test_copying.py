"""A database copied to another engine is the same there, or isn't there at all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import (
    JSON,
    Boolean,
    Float,
    Integer,
    LargeBinary,
    String,
    create_engine,
    insert,
    update,
)

from digest.errors import StoreError, UsageError
from digest.records import NewSubscriber
from digest.store.copying import TABLES, checksums, copy_database, holds_anything
from digest.store.database import Database, _alembic
from digest.store.schema import Base, UtcDateTime
from digest.store.snapshots import file_address, finish_file, snapshot
from digest.store.store import Store

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
TEXTS = ["", "Plain.", "Ærøskøbing, 東京", "'; DROP TABLE articles; --", "a\\b\n\tc", "\ufffd𝄞"]
VALUES: list[Any] = [[], {}, {"b": 1, "a": [None, True, 2.5, "é\u0000"]}, ["x", 1e-9], "text", None]


@pytest.fixture
def target_url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An empty database of the other engine than `store_url`'s."""
    if request.getfixturevalue("store_url").startswith("sqlite"):
        url: str = request.getfixturevalue("postgres_url")
        return url
    return file_address(tmp_path / "copy" / "digest.db")


@pytest.fixture
def opened() -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(closing(Database(url)))


def fill(database: Database, rows: int = 5, seed: int = 7) -> None:
    """Puts `rows` rows of all that columns can hold into every table."""
    dice = random.Random(seed)

    def value(kind: Any, number: int) -> Any:
        if isinstance(kind, UtcDateTime):
            return NOW + timedelta(microseconds=dice.randrange(10**12))
        if isinstance(kind, JSON):
            return dice.choice(VALUES)
        if isinstance(kind, Boolean):
            return dice.random() < 0.5
        if isinstance(kind, Float):
            return dice.choice([0.0, 0.1, -2.5e-300, 1e300, 3.0])
        if isinstance(kind, Integer):
            return number
        if isinstance(kind, LargeBinary):
            return dice.randbytes(dice.randrange(50))
        assert isinstance(kind, String)
        return f"{number}{dice.choice(TEXTS)}"[: kind.length]

    with database.transaction() as connection:
        for table in TABLES:
            connection.execute(
                insert(table),
                [
                    {
                        column.name: None
                        if column.nullable and dice.random() < 0.3
                        else value(column.type, number)
                        for column in table.columns
                    }
                    for number in range(1, rows + 1)
                ],
            )


def counts(database: Database) -> dict[str, int]:
    return {table.name: table.rows for table in checksums(database)}


def test_every_row_of_every_table_is_the_same_on_the_other_engine(
    store_url: str, target_url: str, opened: Any
) -> None:
    source, target = opened(store_url), opened(target_url)
    fill(source)
    copied = copy_database(source, target)
    assert {table.name: table.rows for table in copied.tables} == dict.fromkeys(
        Base.metadata.tables, 5
    )
    assert checksums(target) == checksums(source) == copied.tables
    assert copied.mended == ()


OTHERS: dict[type[Any], Any] = {
    UtcDateTime: NOW,
    JSON: [7],
    Boolean: None,
    Float: 7.25,
    Integer: 77,
    LargeBinary: b"other",
    String: "other",
}


def test_a_change_of_any_column_changes_the_checksum(tmp_path: Path, opened: Any) -> None:
    database = opened(file_address(tmp_path / "digest.db"))
    fill(database, rows=1)
    before = {table.name: table.checksum for table in checksums(database)}
    for column in [column for table in TABLES for column in table.columns]:
        other = next(value for kind, value in OTHERS.items() if isinstance(column.type, kind))
        with database.transaction() as connection:
            value = ~column if isinstance(column.type, Boolean) else other
            connection.execute(update(column.table).values({column: value}))
        after = {table.name: table.checksum for table in checksums(database)}
        assert {name for name in after if after[name] != before[name]} == {column.table.name}
        before = after


def test_a_copy_is_of_one_moment_though_others_write(
    store_url: str, target_url: str, opened: Any
) -> None:
    source, target, other = opened(store_url), opened(target_url), opened(store_url)
    fill(source)
    before = checksums(source)
    written = iter(range(100, 10_000))

    def write(*_: Any) -> None:
        with other.transaction() as connection:
            row = {"name": f"s{next(written)}", "value": "v"}
            connection.execute(insert(Base.metadata.tables["secrets"]), [row])

    assert copy_database(source, target, write).tables == before
    assert counts(source)["secrets"] > 5


def test_a_number_that_was_given_is_not_given_again(store_url: str, target_url: str) -> None:
    with closing(Store(store_url)) as store:
        people = [NewSubscriber(f"{name}@example.org") for name in ("ann", "bo")]
        store.subscribers.subscribe("morning", people, NOW)
        last = max(one.subscriber.id for one in store.subscribers.listed("morning", ("active",)))
        store.save_run(NOW, 1.0, {})
    with closing(Database(store_url)) as source, closing(Database(target_url)) as target:
        with source.transaction() as connection:
            for table, column in (("subscriptions", "subscriber"), ("subscribers", "id")):
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = {last}")
        copy_database(source, target)
    with closing(Store(target_url)) as store:
        store.save_run(NOW, 2.0, {})
        store.subscribers.subscribe("morning", [NewSubscriber("cy@example.org")], NOW)
        listed = list(store.subscribers.listed("morning", ("active",)))
        assert [run["seconds"] for run in store.runs(most=5)] == [2.0, 1.0]
    assert max(one.subscriber.id for one in listed) > last


def test_a_target_that_belongs_to_something_else_is_refused(
    store_url: str, target_url: str, opened: Any
) -> None:
    with closing(Database(target_url, upgrade=False)) as target:
        with target.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE ledger (id INTEGER PRIMARY KEY)")
        with pytest.raises(UsageError, match=r"not digest's \('ledger'\)"):
            copy_database(opened(store_url), target)
        assert target.revision() == ""


def test_a_target_with_anything_in_it_is_refused(
    store_url: str, target_url: str, opened: Any
) -> None:
    source, target = opened(store_url), opened(target_url)
    fill(source)
    with target.transaction() as connection:
        row = {"name": "links", "value": "theirs"}
        connection.execute(insert(Base.metadata.tables["secrets"]), [row])
    before = checksums(target)
    with pytest.raises(UsageError, match="is not empty; name an empty database"):
        copy_database(source, target)
    assert checksums(target) == before


def test_what_a_target_had_goes_where_it_is_to_be_replaced(
    store_url: str, target_url: str, opened: Any
) -> None:
    source, target = opened(store_url), opened(target_url)
    fill(source)
    fill(target, rows=9, seed=1)
    copy_database(source, target, replace=True)
    assert checksums(target) == checksums(source)


def test_a_database_is_not_copied_into_itself(
    store_url: str, tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(store_url)
    monkeypatch.chdir(tmp_path)
    relative = store_url.replace(f"{tmp_path}/", "") if "sqlite" in store_url else store_url
    with pytest.raises(UsageError, match="are the same database"):
        copy_database(source, opened(relative))


def test_an_older_source_is_told_to_be_brought_up_first_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = create_engine(file_address(path))
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0007")
    engine.dispose()
    target = tmp_path / "new.db"
    with (
        closing(Database(file_address(path), upgrade=False)) as source,
        closing(Database(file_address(target), upgrade=False)) as new,
    ):
        with pytest.raises(UsageError, match=r"has the schema 0007, .* digest db upgrade"):
            copy_database(source, new)
        assert source.revision() == "0007"
        assert new.revision() == ""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_table_that_comes_out_differently_leaves_nothing_behind(
    engine: str, tmp_path: Path, opened: Any, request: pytest.FixtureRequest
) -> None:
    source = opened(file_address(tmp_path / "digest.db"))
    fill(source)
    if engine == "sqlite":
        target = opened(file_address(tmp_path / "copy.db"))
        meddling = [
            "CREATE TRIGGER meddling AFTER INSERT ON told BEGIN "
            "UPDATE told SET date = 'x' WHERE article = NEW.article; END"
        ]
    else:
        target = opened(request.getfixturevalue("postgres_url"))
        meddling = [
            "CREATE FUNCTION meddling() RETURNS trigger AS "
            "$$ BEGIN NEW.date := 'x'; RETURN NEW; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER meddling BEFORE INSERT ON told "
            "FOR EACH ROW EXECUTE FUNCTION meddling()",
        ]
    with target.transaction() as connection:
        for statement in meddling:
            connection.exec_driver_sql(statement)
    with pytest.raises(StoreError, match=r"told came out differently .* nothing was kept there"):
        copy_database(source, target)
    assert not holds_anything(target)


def secret(database: Database, name: str, value: str) -> None:
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO secrets VALUES (?, ?)", (name, value))


def test_a_nul_that_postgresql_cannot_hold_is_mended_in_texts_and_told(
    tmp_path: Path, postgres_url: str, opened: Any
) -> None:
    source, target = opened(file_address(tmp_path / "digest.db")), opened(postgres_url)
    secret(source, "links", "be\0fore")
    copied = copy_database(source, target)
    assert copied.mended == ("secrets links: value",)
    with target.reading() as connection:
        value = connection.exec_driver_sql("SELECT value FROM secrets").scalar_one()
    assert value == "be\ufffdfore"


def test_keys_with_a_nul_and_texts_that_are_too_long_are_told_and_nothing_is_copied(
    tmp_path: Path, postgres_url: str, opened: Any
) -> None:
    source, target = opened(file_address(tmp_path / "digest.db")), opened(postgres_url)
    secret(source, "a\0b", "x")
    secret(source, "n" * 33, "x")
    secret(source, "fits", "x")
    with pytest.raises(StoreError) as caught:
        copy_database(source, target)
    told = str(caught.value).splitlines()
    assert told[0].endswith("can't hold what follows, so nothing was copied:")
    assert sorted(line.strip() for line in told[1:]) == [
        "secrets a\0b: name holds a NUL character",
        f"secrets {'n' * 33}: name is longer than 32 characters",
    ]
    assert not holds_anything(target)


def test_a_snapshot_is_one_file_and_the_database_goes_on(store_url: str, tmp_path: Path) -> None:
    path = tmp_path / "with ? and %41" / "snapshot.sqlite"
    path.parent.mkdir()
    with closing(Database(store_url)) as source:
        fill(source)
        before = checksums(source)
        snapshot(source, path)
        assert [file.name for file in path.parent.iterdir()] == ["snapshot.sqlite"]
        secret_row = {"name": "later", "value": "x"}
        with source.transaction() as connection:
            connection.execute(insert(Base.metadata.tables["secrets"]), [secret_row])
    with closing(Database(file_address(path))) as copy:
        assert checksums(copy) == before


def test_a_damaged_file_is_not_taken_for_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    with closing(Database(file_address(path))) as database:
        fill(database, rows=200)
    finish_file(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = b"\xff" * 20_000
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        finish_file(path)
