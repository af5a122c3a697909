"""What `digest db check` finds; it changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, insert

from digest.records import NewSubscriber
from digest.store.checking import check_database
from digest.store.database import Database, _alembic
from digest.store.schema import BuildRow, DeliveryRow, EditionRow
from digest.store.snapshots import file_address
from digest.store.store import Store

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def wrong(url: str) -> dict[str, str]:
    """What is found wrong, by the name of the check."""
    with closing(Database(url, upgrade=False)) as database:
        return {name: problem for name, problem in check_database(database) if problem}


def execute(url: str, statement: str) -> None:
    with closing(Database(url)) as database, database.transaction() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture
def kept(store_url: str) -> str:
    """A database with an edition, its delivery, a build and a subscriber: nothing is wrong."""
    with closing(Store(store_url)) as store:
        store.subscribers.subscribe("morning", [NewSubscriber("ann@example.org")], NOW)
        store.editions.adopt("morning", "2026-03-02", NOW, fingerprint="f", built=NOW, review=False)
        store.desk.save_build("morning", "2026-03-02", NOW, "run", b"{}", None)
        store.deliveries.freeze("morning", "2026-03-02", NOW, lambda *_: True)
    assert wrong(store_url) == {}
    return store_url


def test_an_older_schema_is_told_and_left_alone(tmp_path: Path) -> None:
    url = file_address(tmp_path / "digest.db")
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0006")
    engine.dispose()
    found = wrong(url)
    assert list(found) == ["schema"]
    assert "it is 0006" in found["schema"]
    assert "digest db upgrade" in found["schema"]
    with closing(Database(url, upgrade=False)) as database:
        assert database.revision() == "0006"


def test_tables_that_were_changed_by_hand_are_told(kept: str) -> None:
    execute(kept, "DROP INDEX ix_editions_state")
    execute(kept, "ALTER TABLE secrets ADD COLUMN more INTEGER")
    execute(kept, "CREATE TABLE somebody_elses (id INTEGER)")
    found = wrong(kept)
    assert list(found) == ["schema"]
    assert "add index ix_editions_state" in found["schema"]
    assert "remove column secrets.more" in found["schema"]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    with closing(Store(file_address(path))) as store:
        store.save_story_ids("morning", {f"article {n}": f"story {n}" for n in range(2000)})
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE").close()
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'stories'")
    data = bytearray(path.read_bytes())
    start = (int(root[0]) - 1) * 4096
    data[start : start + 4096] = b"\x55" * 4096
    path.write_bytes(data)
    found = wrong(file_address(path))
    assert "restore a backup" in found["file"]
    assert "rows" in found


def test_deliveries_and_builds_of_an_edition_that_is_gone_are_told(kept: str) -> None:
    execute(kept, "DELETE FROM editions")
    found = wrong(kept)
    assert list(found) == ["relations"]
    assert "1 deliveries of morning/2026-03-02, which isn't there" in found["relations"]
    assert "1 builds of morning/2026-03-02, which isn't there" in found["relations"]


def test_a_subscription_of_nobody_is_told(kept: str) -> None:
    execute(kept, "DELETE FROM subscribers")
    assert wrong(kept) == {"relations": "1 subscriptions of nobody"}


def test_a_build_that_cannot_be_read_is_told(kept: str) -> None:
    with closing(Database(kept)) as database, database.transaction() as connection:
        row = {"digest": "morning", "date": "2026-03-02", "number": 2, "made": NOW}
        row |= {"reason": "run", "edition": b"no zlib", "draft": b"neither"}
        connection.execute(insert(BuildRow), [row])
    assert wrong(kept) == {
        "builds": "the edition of build 2 of morning/2026-03-02 can't be read; "
        "the draft of build 2 of morning/2026-03-02 can't be read"
    }


def test_words_that_are_no_states_are_told(kept: str) -> None:
    execute(kept, "UPDATE editions SET state = 'lost'")
    assert wrong(kept) == {"rows": "1 of editions in no state ('lost')"}


def test_a_row_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    url = file_address(tmp_path / "digest.db")
    with closing(Store(url)) as store:
        store.save_run(NOW, 1.0, {})
    execute(url, "UPDATE runs SET report = '{half'")
    assert "a row of runs can't be read" in wrong(url)["rows"]


def test_many_of_one_kind_are_counted_not_listed(kept: str) -> None:
    with closing(Database(kept)) as database, database.transaction() as connection:
        for day in range(10, 20):
            row = {"digest": "evening", "date": f"2026-02-{day}", "subscriber": 1, "state": "sent"}
            connection.execute(insert(DeliveryRow), [row])
    found = wrong(kept)["relations"]
    assert found.count("evening/") == 5
    assert found.endswith("and 5 more")


def test_numbers_that_postgresql_would_give_twice_are_told(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        store.save_run(NOW, 1.0, {})
    execute(postgres_url, "UPDATE runs SET id = 40")
    assert "the next row of runs would get a number that is taken" in wrong(postgres_url)["numbers"]


def test_editions_of_the_same_state_are_no_trouble(kept: str) -> None:
    with closing(Database(kept)) as database, database.transaction() as connection:
        row = {"digest": "morning", "date": "2026-03-03", "state": "skipped", "updated": NOW}
        connection.execute(insert(EditionRow), [row])
    assert wrong(kept) == {}
