"""`digest db`, `digest backup` and `digest restore`, as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command as alembic
from filelock import FileLock
from sqlalchemy import create_engine

from digest.store.copying import checksums
from digest.store.database import Database, _alembic
from digest.store.store import Store

Command = Callable[..., Any]  # tests/conftest.py


@pytest.fixture
def kept(command: Command, tmp_path: Path) -> Path:
    """A folder with feeds.yaml and a subscriber."""
    (tmp_path / "feeds.yaml").write_text(
        "digests: [{name: morning, schedule: '0 7 * * *'}]\nfeeds: [{name: town, url: town.xml}]\n"
    )
    assert command("subscribers", "add", "ann@example.org").returncode == 0
    return tmp_path


def older(path: Path, revision: str = "0006") -> str:
    path.parent.mkdir(exist_ok=True)
    url = f"sqlite:///{path}"
    engine = create_engine(url)
    with engine.begin() as connection:
        alembic.upgrade(_alembic(connection), revision)
    engine.dispose()
    return url


def execute(folder: Path, statement: str) -> None:
    url = f"sqlite:///{folder}/state/digest.db"
    with closing(Database(url)) as database, database.transaction() as connection:
        connection.exec_driver_sql(statement)


def sums(url: str) -> Any:
    with closing(Database(url.replace("postgresql://", "postgresql+psycopg://"))) as database:
        return checksums(database)


# --- digest db -----------------------------------------------------------------------------------


def test_upgrade_says_from_what_to_what(command: Command, tmp_path: Path) -> None:
    older(tmp_path / "state" / "digest.db")
    done = command("db", "upgrade")
    assert done.returncode == 0
    assert "brought up from schema 0006 to " in done.stdout
    assert "is up to date" in command("db", "upgrade").stdout


def test_upgrade_makes_a_database_that_is_not_there(command: Command, tmp_path: Path) -> None:
    done = command("db", "upgrade")
    assert (done.returncode, ": made, with schema " in done.stdout) == (0, True)
    assert (tmp_path / "state" / "digest.db").is_file()


def test_a_newer_database_is_refused_in_words(command: Command, kept: Path) -> None:
    execute(kept, "UPDATE alembic_version SET version_num = '9999'")
    for words in (["db", "upgrade"], ["db", "check"]):
        done = command(*words)
        assert (done.returncode, done.stdout) == (3, "")
        assert "was written by a newer version of digest" in done.stderr


@pytest.mark.usefixtures("kept")
def test_check_says_of_each_thing_whether_it_is_well(command: Command) -> None:
    done = command("db", "check")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        *("schema: ok", "file: ok", "rows: ok", "builds: ok", "relations: ok", "numbers: ok")
    ]


def test_check_tells_what_is_wrong_and_ends_with_status_1(command: Command, kept: Path) -> None:
    execute(kept, "DELETE FROM subscribers")
    done = command("db", "check", "--json")
    assert done.returncode == 1
    assert '"ok": false, "problem": "1 subscriptions of nobody"' in done.stdout


def test_check_leaves_an_older_schema_and_makes_no_database(
    command: Command, tmp_path: Path
) -> None:
    done = command("db", "check")
    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no database" in done.stderr
    assert not (tmp_path / "state").exists()
    url = older(tmp_path / "state" / "digest.db")
    done = command("db", "check")
    assert done.returncode == 1
    assert "schema: it is 0006" in done.stdout
    with closing(Database(url, upgrade=False)) as database:
        assert database.revision() == "0006"


def test_copy_moves_an_installation_to_postgresql(
    command: Command, kept: Path, postgres_url: str
) -> None:
    there = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    here = f"sqlite:///{kept}/state/digest.db"
    done = command("db", "copy", here, there)
    assert done.returncode == 0, done.stderr
    assert "the same in both" in done.stdout
    assert any(line.split()[:2] == ["subscribers", "1"] for line in done.stdout.splitlines())
    assert sums(there) == sums(here)
    assert "ann@example.org" in command("subscribers", "list", DIGEST_DATABASE_URL=there).stdout
    again = command("db", "copy", here, there)
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def test_nothing_is_copied_from_under_a_service(command: Command, kept: Path) -> None:
    with FileLock(kept / "state" / "serve.lock"):
        done = command("db", "copy", "sqlite:///./state/digest.db", "sqlite:///new.db")
        assert (done.returncode, done.stdout) == (3, "")
        assert "a service works with it; stop it, copy, and start it again" in done.stderr
        assert not (kept / "new.db").exists()
        # That of another installation is none of this folder's.
        (kept / "state" / "digest.db").rename(kept / "other.db")
        assert command("db", "copy", "sqlite:///other.db", "sqlite:///new.db").returncode == 0


@pytest.mark.parametrize(
    ("of", "to", "words"),
    [
        ("sqlite:///missing.db", "sqlite:///new.db", "there is no such file"),
        ("state/digest.db", "sqlite:///new.db", "is no address of a database"),
        ("sqlite:///state/digest.db", "sqlite:///./state/digest.db", "the same database"),
    ],
)
def test_what_cannot_be_copied_is_told(
    of: str, to: str, words: str, command: Command, kept: Path
) -> None:
    done = command("db", "copy", of, to)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not (kept / "missing.db").exists()
    assert not (kept / "new.db").exists()


# --- digest backup, digest restore ---------------------------------------------------------------


def test_a_backup_is_made_checked_and_restored(
    command: Command, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command("backup", "--now", "2026-03-02T03:00Z")
    assert done.returncode == 0, done.stderr
    file = kept / "digest-2026-03-02T030000Z.tar.gz"
    assert done.stdout.startswith(f"{file.name}: 0.0 MB, taken 2026-03-02 03:00 UTC by digest ")
    before = sums(f"sqlite:///{kept}/state/digest.db")
    checked = command("restore", str(file), "--check")
    assert (checked.returncode, "whole, taken 2026-03-02" in checked.stdout) == (0, True)
    elsewhere = kept / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    done = command("restore", str(file), "--now", "2026-03-02T10:00Z")
    assert done.returncode == 0, done.stderr
    assert "morning/2026-03-02: skipped; it was due, and may have gone out" in done.stdout
    assert "whoever has left since is subscribed again" in done.stdout
    after = sums(f"sqlite:///{elsewhere}/state/digest.db")
    changed = [one.name for one, other in zip(before, after, strict=True) if one != other]
    assert changed == ["editions"]
    assert (elsewhere / "feeds.yaml").read_bytes() == (kept / "feeds.yaml").read_bytes()


def test_a_restore_over_something_is_refused_and_forced(command: Command, kept: Path) -> None:
    assert command("backup", "b.tar.gz").returncode == 0
    command("subscribers", "add", "bob@example.org")
    done = command("restore", "b.tar.gz")
    assert done.returncode == 2
    assert "there is something already" in done.stderr
    done = command("restore", "b.tar.gz", "--force", "--json")
    assert done.returncode == 0, done.stderr
    (aside,) = done.json["kept"]
    with closing(Store(f"sqlite:///{kept}/{aside}")) as store:
        assert len(list(store.subscribers.listed())) == 2
    with closing(Store(f"sqlite:///{kept}/state/digest.db")) as store:
        assert len(list(store.subscribers.listed())) == 1


def test_settings_come_back_first_and_count(command: Command, kept: Path) -> None:
    (kept / ".env").write_text("DIGEST_STATE_DIR=data\n")
    command("subscribers", "add", "cid@example.org")
    assert "leave --with-env out" not in command("backup", "b.tar.gz", "--with-env").stderr
    (kept / ".env").unlink()
    (kept / "data" / "digest.db").rename(kept / "lost.db")
    done = command("restore", "b.tar.gz", "--with-env", "--force")
    assert done.returncode == 0, done.stderr
    assert (kept / ".env").read_text() == "DIGEST_STATE_DIR=data\n"
    assert (kept / "data" / "digest.db").is_file()


def test_settings_stay_as_they_are_where_the_restore_is_refused(
    command: Command, kept: Path
) -> None:
    (kept / ".env").write_text("DIGEST_STATE_DIR=data\n")
    command("subscribers", "add", "cid@example.org")
    command("backup", "b.tar.gz", "--with-env")
    (kept / ".env").write_text("DIGEST_LOG_LEVEL=info\n")
    with FileLock(kept / "data" / "serve.lock"):
        done = command("restore", "b.tar.gz", "--with-env", "--force")
    assert (done.returncode, done.stdout) == (3, "")
    assert "a service works with it" in done.stderr
    assert (kept / ".env").read_text() == "DIGEST_LOG_LEVEL=info\n"
    assert [path.name for path in kept.glob(".env*")] == [".env"]


def test_a_folder_that_is_missing_does_not_become_a_file(command: Command, kept: Path) -> None:
    done = command("backup", "backups")
    assert (done.returncode, done.stdout) == (2, "")
    assert "backups is no folder" in done.stderr
    assert not (kept / "backups").exists()


@pytest.mark.usefixtures("kept")
def test_env_that_is_not_there_is_told(command: Command) -> None:
    done = command("backup", "--with-env")
    assert done.returncode == 2
    assert "there is no .env" in done.stderr


def test_a_file_that_was_cut_off_is_refused_with_status_3(command: Command, kept: Path) -> None:
    command("backup", "b.tar.gz")
    (kept / "b.tar.gz").write_bytes((kept / "b.tar.gz").read_bytes()[:-500])
    before = (kept / "state" / "digest.db").read_bytes()
    for words in (["restore", "b.tar.gz", "--check"], ["restore", "b.tar.gz", "--force"]):
        done = command(*words)
        assert (done.returncode, done.stdout) == (3, "")
        assert "was cut off or altered" in done.stderr
    assert (kept / "state" / "digest.db").read_bytes() == before
