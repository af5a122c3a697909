"""What PostgreSQL complains of is said in plain words; what a restart costs is a moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from digest.errors import StoreError
from digest.store import database as opening
from digest.store import postgres as engine
from digest.store.database import Database
from digest.store.store import Store

if TYPE_CHECKING:
    from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that these tests stop."""
    from tests.postgres import PostgresServer

    with PostgresServer() as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a server that is away."""
    monkeypatch.setattr(engine, "AWAY_SECONDS", 0.2)
    monkeypatch.setattr(opening, "AWAY_SECONDS", 0.2)
    monkeypatch.setattr(opening, "_START_SECONDS", 0.2)


def complaint(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        Store(url)
    return str(caught.value)


def with_user(url: str, name: str) -> str:
    return make_url(url).set(username=name, password="hunter2").render_as_string(False)


def test_a_database_that_is_not_there_is_told_with_the_command_that_makes_it(
    postgres: PostgresServer,
) -> None:
    said = complaint(postgres.url("nowhere"))
    assert "no such database on the server; make it: createdb NAME" in said
    assert '"nowhere"' in said


def test_a_user_that_is_not_there_is_told_and_no_password(postgres_url: str) -> None:
    said = complaint(with_user(postgres_url, "nobody"))
    assert "there is no such user on the server" in said
    assert "hunter2" not in said


def test_a_user_without_rights_is_told_which(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN")
    said = complaint(with_user(postgres_url, "guest"))
    assert "GRANT CREATE, USAGE ON SCHEMA public" in said
    # Half a schema was not left behind: the owner goes on as if nothing had been.
    Store(postgres_url).close()


def test_tables_of_another_are_told(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.execute("DROP ROLE IF EXISTS visitor")
    postgres.execute("CREATE ROLE visitor LOGIN")
    Store(postgres_url).close()
    assert "the user lacks rights" in complaint(with_user(postgres_url, "visitor"))


def test_a_copy_that_only_reads_is_told(postgres: PostgresServer, postgres_url: str) -> None:
    name = make_url(postgres_url).database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "the server is a copy that only reads" in complaint(postgres_url)


def test_a_database_that_cannot_hold_all_letters_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("DROP DATABASE IF EXISTS latin")
    postgres.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    said = complaint(postgres.url("latin"))
    assert "the database's encoding is LATIN1; make one with: createdb --encoding=UTF8" in said


def test_an_old_server_is_refused(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_OLDEST", 99)
    assert "99 or newer is needed" in complaint(postgres_url)


def test_a_newer_version_is_refused(postgres_url: str) -> None:
    Store(postgres_url).close()
    with closing(Database(postgres_url)) as database, database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "written by a newer version of digest (its schema is '9999')" in complaint(postgres_url)


def test_an_old_schema_is_left_alone_when_asked_to(postgres_url: str) -> None:
    with closing(Database(postgres_url, upgrade=False)) as database:
        assert database.revision() == ""
        assert database.upgrade() == ("", database.head())
        assert database.revision() == database.head()
        assert database.upgrade() == (database.head(), database.head())


def test_a_writer_that_holds_on_is_told(postgres: PostgresServer) -> None:
    url = postgres.new_store()
    with (
        closing(Database(url)) as mine,
        closing(Database(url, lock_seconds=0.2)) as other,
        mine.transaction(),
    ):
        with other.reading() as connection:
            connection.execute(text("SELECT count(*) FROM feeds"))
        told = pytest.raises(StoreError, match=r"another process has written for over 0\.2 s")
        with told, other.transaction():
            raise AssertionError("it came in")


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_writers_take_turns_whatever_the_server_thinks(
    postgres: PostgresServer, isolation: str
) -> None:
    """Each adds one to what it has read: with two at once one would be lost."""
    url = postgres.new_store()
    name = make_url(url).database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    with closing(Database(url)) as database:
        with database.transaction() as connection:
            connection.execute(text("INSERT INTO secrets VALUES ('count', '0')"))

        def add(_: int) -> None:
            with closing(Database(url)) as mine:
                for _ in range(10):
                    with mine.transaction() as connection:
                        value = connection.scalar(text("SELECT value FROM secrets"))
                        connection.execute(
                            text("UPDATE secrets SET value = :value"), {"value": int(value) + 1}
                        )

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(4)))
        with database.reading() as connection:
            assert connection.scalar(text("SELECT value FROM secrets")) == "40"


def test_a_look_is_one_look_and_changes_nothing(postgres: PostgresServer) -> None:
    url = postgres.new_store()
    with closing(Database(url)) as database, closing(Database(url)) as other:
        with database.reading() as connection:
            assert connection.scalar(text("SELECT count(*) FROM secrets")) == 0
            with other.transaction() as writing:
                writing.execute(text("INSERT INTO secrets VALUES ('a', 'b')"))
            assert connection.scalar(text("SELECT count(*) FROM secrets")) == 0
        with pytest.raises(StoreError, match="read-only"), database.reading() as connection:
            connection.execute(text("DELETE FROM secrets"))


def test_a_statement_that_hangs_is_ended(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_STATEMENT_SECONDS", 0.2)
    with closing(Database(postgres.new_store())) as database:
        for way in (database.reading, database.transaction):
            with pytest.raises(StoreError, match=r"a statement took over 0\.2 s"), way() as looked:
                looked.execute(text("SELECT pg_sleep(5)"))


def test_a_restart_costs_a_moment_and_no_error(own: PostgresServer) -> None:
    with closing(Store(own.new_store())) as store:
        assert store.last_run() is None
        own.restart()  # the pool's connections are cut
        assert store.last_run() is None
        own.stop()
        back = threading.Timer(0.5, own.start)
        back.start()
        assert store.last_run() is None
        back.join()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_away_is_told_and_asked_again(own: PostgresServer) -> None:
    url = own.new_store()
    with closing(Store(url)) as store:
        own.stop()
        try:
            with pytest.raises(StoreError, match="the server does not answer; start it"):
                store.last_run()
            assert "the server does not answer" in complaint(url)
        finally:
            own.start()
        assert store.last_run() is None


def test_what_was_begun_when_the_server_died_is_not_there_half(own: PostgresServer) -> None:
    with closing(Database(own.new_store())) as database:
        told = pytest.raises(StoreError, match="nothing half-written was kept")
        with told, database.transaction() as connection:
            connection.execute(text("INSERT INTO secrets VALUES ('a', 'b')"))
            own.kill()
            own.start()
            connection.execute(text("INSERT INTO secrets VALUES ('c', 'd')"))
        with database.reading() as connection:
            assert connection.scalar(text("SELECT count(*) FROM secrets")) == 0


def test_nobody_waits_long_for_an_address_where_nobody_is(tmp_path: Path) -> None:
    """At the start, so that a wrong address doesn't look like a command that hangs."""
    assert opening._START_SECONDS <= 6
    said = complaint(f"postgresql+psycopg://ada@/digest?host={tmp_path}")
    assert "the server does not answer; start it, or check host and port" in said
