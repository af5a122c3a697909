"""A database that is locked, full, read-only, newer or none at all says so in plain words."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from digest.errors import StoreError
from digest.records import (
    Article,
    Feed,
    FeedState,
    Image,
    Summary,
    SummarySentence,
    Validators,
)
from digest.store import database as opening
from digest.store.database import Database, _alembic
from digest.store.schema import Base
from digest.store.store import Store

Make = Callable[..., Article]
Save = Callable[..., tuple[int, int]]
FEED = Feed("gazette", "https://gazette.example/feed")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'digest.db'}"


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_the_migrations_give_the_tables_of_the_models(url: str) -> None:
    Database(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_new_database_is_for_its_owner_alone(url: str) -> None:
    """Whatever the umask: readers' addresses are in it."""
    store = Store(url)
    store.save_story_ids("morning", {"a": "s1"})
    files = sorted(path_of(url).parent.iterdir())
    assert len(files) == 3  # with -shm and -wal
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_a_database_of_the_first_version_is_brought_up_with_what_is_in_it(url: str) -> None:
    path_of(url).parent.mkdir()
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0001")
        connection.exec_driver_sql(
            "INSERT INTO summaries (content_hash, method, model, sentences)"
            """ VALUES ('h', 'm', 'extractive', '[{"text": "A.", "source": [0], "support": 1}]')"""
        )
    engine.dispose()
    store = Store(url)
    expected = Summary((SummarySentence("A.", (0,), 1.0),), "extractive")
    assert store.summaries("m", ["h"]) == {"h": expected}
    store.save_story_ids("morning", {"a": "s1"})
    assert store.story_ids("morning", ["a"]) == {"a": "s1"}
    store.close()


def test_a_database_of_the_fourth_version_keeps_the_addresses_of_its_pictures(
    url: str, make_article: Make, now: datetime
) -> None:
    path_of(url).parent.mkdir()
    values = {
        **dict.fromkeys(("guid", "author", "language", "summary"), ""),
        **{"feed": "gazette", "url": "https://gazette.example/harbour", "date_origin": "feed"},
        **{"title": "The harbour opens", "text": "The harbour opened on Monday."},
        **{"published": now.isoformat(" "), "first_seen": now.isoformat(" ")},
        **{"tags": '["Local", "Skarland"]', "content_hash": "h1"},
    }
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0004")
        for id, image in (("a", "https://gazette.example/pier.jpg"), ("b", "")):
            row = {**values, "id": id, "image": image}
            connection.exec_driver_sql(
                f"INSERT INTO articles ({', '.join(row)})"
                f" VALUES ({', '.join(f':{name}' for name in row)})",
                row,
            )
    engine.dispose()
    store = Store(url)
    pier = Image("https://gazette.example/pier.jpg")
    expected = {"a": make_article("a", image=pier), "b": make_article("b")}
    assert store.articles_by_id(["a", "b"]) == expected
    store.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        command.downgrade(_alembic(connection), "0004")
        rows = connection.exec_driver_sql("SELECT id, image FROM articles ORDER BY id").all()
        assert [tuple(row) for row in rows] == [("a", pier.url), ("b", "")]
    engine.dispose()


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/a/b/digest.db").close()
    assert (tmp_path / "a" / "b" / "digest.db").is_file()


def test_readers_and_a_writer_do_not_block_one_another(url: str, store: Store) -> None:
    with closing(sqlite3.connect(path_of(url))) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert store.feed_states([FEED])["gazette"].checked is None
        with closing(Store(url, lock_seconds=0)) as other:
            assert other.told("morning", "2026-03-02") == set()
        writer.rollback()


def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    Store(url).close()
    with closing(sqlite3.connect(path_of(url))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path_of(url).read_bytes()
    with pytest.raises(StoreError, match=r"newer version of digest .*'9999'.*upgrade digest"):
        Store(url)
    assert path_of(url).read_bytes() == before


def test_a_locked_database_says_who_to_wait_for(url: str, store: Store, now: datetime) -> None:
    with closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another process has held it for over 0\.1 s"):
            store.save_run(now, 1.0, {})
        other.execute("ROLLBACK")
    store.save_run(now, 1.0, {})


def test_a_new_database_that_is_locked_says_so_too(url: str) -> None:
    path_of(url).parent.mkdir()
    with closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process has held it"):
            Store(url, lock_seconds=0.1)


def test_a_database_that_cannot_be_written_says_what_to_check(url: str, now: datetime) -> None:
    Store(url).close()
    read_only = f"sqlite:///file:{path_of(url)}?mode=ro&uri=true"
    store = Store(read_only)
    with pytest.raises(StoreError, match="can't be written; check the rights"):
        store.save_run(now, 1.0, {})
    store.close()


def test_a_folder_in_the_database_s_place_says_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        Store(f"sqlite:///{tmp_path}")


def test_a_file_in_the_folder_s_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match="can't make its folder"):
        Store(f"sqlite:///{tmp_path}/state/digest.db")


def test_a_file_that_is_no_database_says_so_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "digest.db"
    file.write_text("This is a letter, not a database. " * 100)
    with pytest.raises(StoreError, match="not a database; move it away"):
        Store(f"sqlite:///{file}")
    assert file.read_text().startswith("This is a letter")


def test_a_damaged_database_says_so(
    url: str, save: Save, make_article: Make, now: datetime
) -> None:
    store = Store(url)
    articles = [make_article(f"a{number}", text="x" * 500) for number in range(200)]
    save(store, FEED, articles, Validators(), now)
    store.close()
    content = path_of(url).read_bytes()
    path_of(url).write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreError, match=r"damaged|not a database"):
        Store(url).articles(["gazette"], None, now)


def test_a_full_disk_keeps_nothing_half_written(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    with store._transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
    articles = [make_article(f"a{number}", text="x" * 4000) for number in range(50)]
    with pytest.raises(StoreError, match="disk is full"):
        save(store, FEED, articles, Validators('"1"', None), now)
    assert store.articles(["gazette"], None, now) == []
    assert store.feed_states([FEED]) == {"gazette": FeedState("gazette", FEED.url)}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://host.invalid/db?user=x&password=hunter2",
        "postgresql+psycopg://user:hunt@er2@127.0.0.1:1/db",
        "postgresql+psycopg://user:hunter2@127.0.0.1:1/db",
    ],
)
def test_no_password_is_printed_wherever_it_stands(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_START_SECONDS", 0.0)
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert "hunt" not in str(caught.value)
    assert "er2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nosuchdriver://user:hunter2@host/db",
        "nosuchbase://user:hunter2@host/db",
        "postgresql://user:hunter2@host:port/db",
        "user:hunter2@host",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(StoreError, match=r"examples: sqlite:///state/digest\.db") as caught:
        Store(url)
    assert "hunter2" not in str(caught.value)


def test_a_transaction_that_fails_is_undone_as_a_whole(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    good, bad = make_article("good"), make_article("bad", published=now.replace(tzinfo=None))
    with pytest.raises(StoreError):
        save(store, FEED, [good, bad], Validators('"1"', None), now)
    assert store.articles(["gazette"], None, now) == []
    assert store.feed_states([FEED])["gazette"].checked is None
