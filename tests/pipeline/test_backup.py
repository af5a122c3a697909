"""A backup holds all, restores into either engine, and lets nothing be sent twice."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import random
import resource
import shutil
import sqlite3
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from filelock import FileLock
from sqlalchemy import create_engine

from digest.config import Config
from digest.editions.frozen import dump_edition
from digest.editions.sample import sample_edition
from digest.errors import BusyError, DigestError, StoreError, UsageError
from digest.outbox.outbox import EDITION, Outbox
from digest.pipeline.approving import approve
from digest.pipeline.backup import DATABASE, NEVER, BackedUp, back_up, last_backup
from digest.pipeline.outgoing import settle
from digest.pipeline.restoring import Restored, Wishes, environment, restore
from digest.pipeline.sealed import MANIFEST, BackupError, look_through
from digest.records import DueEdition
from digest.store.copying import checksums
from digest.store.database import Database, _alembic
from digest.store.snapshots import file_address, finish_file
from digest.store.store import Store

Mailroom = Any  # tests/pipeline/conftest.py
SEVEN = datetime(2026, 3, 2, 7, tzinfo=UTC)
LATER = SEVEN + timedelta(hours=3)


def backup(room: Mailroom, name: str = "backup.tar.gz", **more: Any) -> BackedUp:
    return back_up(room.settings, room.folder / "feeds.yaml", room.folder / name, SEVEN, **more)


def put_back(
    room: Mailroom,
    file: Path,
    *,
    now: datetime = LATER,
    due: Sequence[DueEdition] = (),
    **wishes: bool,
) -> Restored:
    def came_due(_config: Config, since: datetime, until: datetime) -> Sequence[DueEdition]:
        assert since <= until
        return due

    config = room.folder / "feeds.yaml"
    return restore(room.settings, config, file, now, came_due, Wishes(**wishes))


def files_below(folder: Path) -> dict[str, bytes]:
    """The files that a reader may see."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }


@pytest.fixture
def old(mailroom: Mailroom) -> Mailroom:
    """A house with an edition that waits for half past seven, a reader, and files of its own."""
    mailroom.subscribe("ann", "bob")
    mailroom.build(send_at=SEVEN + timedelta(minutes=30))
    mailroom.outbox.write("sample", "2026-03-01", {EDITION: b"{}", "index.html": b"<p>old</p>"})
    mailroom.outbox.publish("sample", {"index.html": b"<ul></ul>", ".catalogue.json": b"{}"})
    (mailroom.folder / "outbox" / "robots.txt").write_text("User-agent: *\n")
    return mailroom


@pytest.fixture
def new(old: Mailroom, tmp_path: Path) -> Mailroom:
    """An empty house elsewhere."""
    (tmp_path / "new").mkdir()
    return replace(old, folder=tmp_path / "new", options=dict(old.options))


def sums(room: Mailroom) -> Any:
    with closing(Database(room.settings.database)) as database:
        return checksums(database)


# --- all is there ------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
@pytest.mark.parametrize("of", ["sqlite", "postgresql"])
def test_what_is_restored_elsewhere_is_what_was_backed_up(
    of: str, to: str, old: Mailroom, new: Mailroom, postgres: Any
) -> None:
    before = sums(old)
    for room, engine in ((old, of), (new, to)):
        if engine == "postgresql":
            room.options["database_url"] = postgres.new_database()
    if of == "postgresql":
        from digest.store.copying import copy_database

        with (
            closing(Database(file_address(old.folder / "base" / "digest.db"))) as source,
            closing(Database(old.settings.database)) as target,
        ):
            copy_database(source, target)
    made = backup(old)
    assert made.manifest.engine == of
    assert made.remarks == (f"1 feed is a file, and not in the backup: {old.folder / 'town.xml'}",)
    put_back(new, made.path, nothing_sent=True)
    assert sums(new) == before
    for folder in ("outbox", "templates"):
        assert files_below(new.folder / folder) == files_below(old.folder / folder)
    assert (new.folder / "feeds.yaml").read_bytes() == (old.folder / "feeds.yaml").read_bytes()
    assert not list(new.folder.rglob("*restoring*"))


def test_the_file_is_for_its_owners_eyes_and_nothing_lies_beside_it(old: Mailroom) -> None:
    before = set(old.folder.iterdir())
    made = backup(old)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert set(old.folder.iterdir()) - before == {made.path, old.folder / "state"} - before
    assert look_through(made.path) == made.manifest
    assert made.size == made.path.stat().st_size


def test_settings_are_in_it_only_when_asked_for(old: Mailroom, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DIGEST_SMTP_URL=smtp://user:hush@mail.example.org\n")
    without, with_it = backup(old), backup(old, "with.tar.gz", environment=env)
    target = tmp_path / "put" / ".env"
    target.parent.mkdir()

    def put(file: BackedUp, *, force: bool) -> str:
        with environment(file.path, target, force=force, now=LATER) as theirs:
            assert theirs.path.read_bytes() == env.read_bytes()
            assert theirs.path.stat().st_mode & 0o777 == 0o600
        return theirs.kept

    with pytest.raises(UsageError, match="made without --with-env"):
        put(without, force=False)
    assert put(with_it, force=False) == ""
    assert target.read_bytes() == env.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    target.write_text("DIGEST_LOG_LEVEL=info\n")
    with pytest.raises(UsageError, match="--force keeps it beside"):
        put(with_it, force=False)
    kept = put(with_it, force=True)
    assert Path(kept).read_text() == "DIGEST_LOG_LEVEL=info\n"
    assert target.read_bytes() == env.read_bytes()
    assert sorted(path.name for path in target.parent.iterdir()) == [".env", Path(kept).name]


def test_settings_stay_as_they_are_where_what_follows_fails(old: Mailroom, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DIGEST_LOG_LEVEL=debug\n")
    made = backup(old, environment=env)
    env.write_text("DIGEST_LOG_LEVEL=info\n")
    before = set(tmp_path.iterdir())
    with (
        pytest.raises(BusyError, match="works"),
        environment(made.path, env, force=True, now=LATER),
    ):
        raise BusyError("somebody works there")
    assert env.read_text() == "DIGEST_LOG_LEVEL=info\n"
    assert set(tmp_path.iterdir()) == before


def test_each_edition_is_of_one_build_and_known_ones_are_there_while_the_service_works(
    old: Mailroom,
) -> None:
    stop = threading.Event()

    def work() -> None:
        number = 0
        with old.store() as store:
            while not stop.is_set():
                number += 1
                text = f"build {number}".encode()
                files = {f"{name}.txt": text for name in "abcdefgh"}
                for date in ("2026-02-01", f"2027-{number % 12 + 1:02}-{number % 28 + 1:02}"):
                    old.outbox.write("sample", date, {EDITION: text, **files})
                    store.editions.adopt(
                        "sample", date, SEVEN, fingerprint="f", built=SEVEN, review=True
                    )

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = [backup(old, f"{number}.tar.gz") for number in range(3)]
    finally:
        stop.set()
        worker.join()
    for one in made:
        unpacked = old.folder / "unpacked" / one.path.name
        look_through(one.path, unpacked.joinpath)
        for folder in (unpacked / "outbox" / "sample").iterdir():
            if folder.is_dir() and folder.name not in ("2026-03-01", "2026-03-02"):
                texts = {path.read_bytes() for path in folder.iterdir()}
                assert len(texts) == 1, folder
                assert len(list(folder.iterdir())) == 9, folder
        with closing(Store(file_address(unpacked / DATABASE))) as store:
            for status in store.editions.statuses():
                assert Outbox(unpacked / "outbox").has("sample", status.date)


def test_an_edition_that_the_power_left_between_two_renames_is_in_it(old: Mailroom) -> None:
    folder = old.outbox.folder("sample", "2026-03-01")
    before = files_below(folder)
    folder.rename(folder.with_name(".2026-03-01.replaced"))
    made = backup(old)
    names = made.manifest.names("outbox/sample/2026-03-01")
    assert sorted(Path(name).name for name in names) == sorted(before)


def test_when_the_last_one_was_taken_is_noted_for_whoever_watches(old: Mailroom) -> None:
    state = old.settings.state_dir
    assert last_backup(state) == NEVER
    backup(old, "first.tar.gz")
    assert last_backup(state) == SEVEN
    second = old.folder / "second.tar.gz"
    for _ in range(2):
        with suppress(UsageError):  # the second time it is there
            back_up(old.settings, old.folder / "feeds.yaml", second, LATER)
        assert last_backup(state) == LATER
    (state / "last-backup").write_text("yesterday")
    with pytest.raises(StoreError, match=r"last-backup: can't be read .*; remove it"):
        last_backup(state)


def test_a_state_folder_that_cannot_be_written_costs_the_note_and_not_the_backup(
    old: Mailroom,
) -> None:
    (old.settings.state_dir / "last-backup").mkdir(parents=True)
    made = backup(old)
    assert made.remarks[-1] == (
        f"{old.settings.state_dir / 'last-backup'}: Is a directory; the backup is made, but "
        "/metrics won't tell of it"
    )
    look_through(made.path)


def test_a_known_edition_that_listing_its_folder_missed_is_in_it(
    old: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is renamed meanwhile; POSIX promises nothing of such names."""
    listed = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda path: (one for one in listed(path) if "2026-03-02" not in one.name)
    )
    names = backup(old).manifest.names("outbox/sample/2026-03-02")
    monkeypatch.undo()
    before = files_below(old.outbox.folder("sample", "2026-03-02"))
    assert sorted(Path(name).name for name in names) == sorted(before)


@pytest.mark.parametrize("between", [False, True], ids=["whole", "between two renames"])
def test_an_edition_that_is_replaced_while_it_is_read_is_in_it_whole(
    old: Mailroom, monkeypatch: pytest.MonkeyPatch, between: bool
) -> None:
    folder = old.outbox.folder("sample", "2026-03-01")
    if between:
        folder.rename(folder.with_name(".2026-03-01.replaced"))
    new = {EDITION: b"new", **{f"{number}.txt": b"new" for number in range(5)}}
    listed, readings, rmtree = os.listdir, iter([True]), shutil.rmtree

    def half_removed(path: Path, **options: Any) -> None:
        if str(path).endswith(".replaced"):
            (Path(path) / "index.html").unlink()
        else:
            rmtree(path, **options)

    monkeypatch.setattr(shutil, "rmtree", half_removed)

    def listdir(path: Any) -> list[str]:
        if isinstance(path, int) and next(readings, False):
            old.outbox.write("sample", "2026-03-01", new)
        return listed(path)

    monkeypatch.setattr(os, "listdir", listdir)
    made = backup(old)
    monkeypatch.undo()
    unpacked = old.folder / "unpacked"
    look_through(made.path, unpacked.joinpath)
    assert files_below(unpacked / "outbox" / "sample" / "2026-03-01") == new


def test_what_is_no_plain_file_is_left_out_and_told(old: Mailroom, tmp_path: Path) -> None:
    (old.folder / "outbox" / "latest").symlink_to(tmp_path)
    (old.folder / "templates" / "bare" / "secret.j2").symlink_to("/nowhere")
    (old.folder / "feeds.yaml").unlink()
    made = backup(old)
    assert len(made.remarks) == 3
    assert all("is not in the backup" in remark for remark in made.remarks)
    assert not [name for name in made.manifest.members if "secret" in name.name]


def test_feeds_that_are_files_are_told_to_be_left_out(old: Mailroom) -> None:
    names = [f"town{number}.xml" for number in range(7)]
    lines = [f"  - {{name: {name.removesuffix('.xml')}, url: {name}}}" for name in names]
    web = "  - {name: web, url: 'https://town.example/feed'}"
    top = ["digests: [{name: sample}]", "feeds:"]
    (old.folder / "feeds.yaml").write_text("\n".join([*top, web, *lines]) + "\n")
    told = ", ".join(str(old.folder / name) for name in names[:5])
    assert backup(old).remarks == (f"7 feeds are files, and not in the backup: {told} and 2 more",)
    (old.folder / "feeds.yaml").write_text("\n".join([*top, web]) + "\n")
    assert backup(old, "web.tar.gz").remarks == ()


# --- no half backup ----------------------------------------------------------------------------


def test_a_backup_takes_no_other_files_place(old: Mailroom) -> None:
    (old.folder / "backup.tar.gz").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        backup(old)
    assert (old.folder / "backup.tar.gz").read_text() == "mine"


@pytest.mark.parametrize("bytes_allowed", [2_000, 40_000, 200_000])
def test_a_full_disk_leaves_nothing_half_written_and_is_told(
    old: Mailroom, bytes_allowed: int
) -> None:
    # The database takes some 200 kB, the file some 20; a limit on the size of files is as a full
    # disk to both.
    old.outbox.write("sample", "2026-02-28", {EDITION: os.urandom(300_000)})
    folder = old.folder / "disk"
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_allowed, hard))
    try:
        with pytest.raises((BackupError, StoreError)) as caught:
            backup(old, "disk/backup.tar.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "disk" in str(caught.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [("missing", "No such file or directory"), ("feeds.yaml", "Not a directory")],
)
def test_a_folder_that_is_none_is_told(place: str, words: str, old: Mailroom) -> None:
    with pytest.raises(BackupError, match=words):
        backup(old, f"{place}/backup.tar.gz")


def test_where_there_is_no_database_there_is_no_backup(new: Mailroom) -> None:
    with pytest.raises(StoreError, match="nothing to back up yet"):
        backup(new)
    assert not (new.folder / "base").exists()


def test_a_damaged_database_is_no_backup(old: Mailroom) -> None:
    path = old.folder / "base" / "digest.db"
    finish_file(path)
    data = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'editions'")
    start = (int(root[0]) - 1) * 4096
    data[start : start + 4096] = b"\x55" * 4096
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        backup(old)
    assert not (old.folder / "backup.tar.gz").exists()


def test_what_a_killed_backup_left_behind_goes_a_day_later(old: Mailroom) -> None:
    for name, hours in ((".digest-backup-old", 25), (".digest-backup-new", 1)):
        (old.folder / name).mkdir()
        (old.folder / name / DATABASE).write_bytes(b"half")
        then = time.time() - hours * 3600
        os.utime(old.folder / name, (then, then))
    backup(old)
    assert not (old.folder / ".digest-backup-old").exists()
    assert (old.folder / ".digest-backup-new").exists()


# --- only whole backups --------------------------------------------------------------------------


def refused(new: Mailroom, file: Path, words: str) -> None:
    with pytest.raises(DigestError, match=words):
        put_back(new, file)
    there = {path.name for path in new.folder.rglob("*") if path.is_file()}
    assert there <= {"serve.lock", "run.lock", "send.lock"}


def test_a_backup_that_was_cut_off_anywhere_is_refused_and_nothing_touched(
    old: Mailroom, new: Mailroom
) -> None:
    data = backup(old).path.read_bytes()
    file = old.folder / "cut.tar.gz"
    for end in [0, 5, 100, *range(1000, len(data), len(data) // 8), len(data) - 1]:
        file.write_bytes(data[:end])
        refused(new, file, "was cut off or altered, so nothing of it is used")


def test_a_bit_that_turned_anywhere_is_found_or_changes_nothing(old: Mailroom) -> None:
    made = backup(old)
    data = made.path.read_bytes()
    file = old.folder / "turned.tar.gz"
    found = 0
    for place in range(12, len(data), len(data) // 40):
        file.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            # What is packed can be packed in several ways, and a bit lead from one to the other.
            assert look_through(file) == made.manifest
        except BackupError as error:
            assert "was cut off or altered" in str(error)  # noqa: PT017 - or nothing is raised
            found += 1
    assert found > 30


def test_what_was_altered_is_named_where_it_can_still_be_read(old: Mailroom) -> None:
    """As it mostly can: what is stored as it is, like random bytes, unpacks to something else."""
    noise = random.Random(1).randbytes(200_000)
    old.outbox.write("sample", "2026-03-01", {EDITION: noise})
    made = backup(old)
    data = made.path.read_bytes()
    place = data.index(noise[100_000:100_100])
    made.path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(BackupError, match=r"outbox/sample/2026-03-01/edition\.json is not what it"):
        look_through(made.path)


def test_a_folder_that_a_backup_cannot_go_to_is_named(old: Mailroom) -> None:
    with pytest.raises(BackupError, match=r"nowhere: the backup can't be put there: No such file"):
        backup(old, "nowhere/backup.tar.gz")


def repacked(file: Path, to: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], Any]):
    """The backup with its members changed by who knows tar."""
    with tarfile.open(file) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    change(members)
    with tarfile.open(to, "w:gz") as tar:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return to


def named(members: list[tuple[tarfile.TarInfo, bytes]], name: str) -> int:
    return next(at for at, (info, _) in enumerate(members) if info.name == name)


ROBOTS = "outbox/robots.txt"


def _changed(members: list[Any]) -> None:
    at = named(members, ROBOTS)
    members[at] = (members[at][0], b"Disallow: /\n")


def _renamed(members: list[Any]) -> None:
    members[named(members, ROBOTS)][0].name = "outbox/humans.txt"


def _without_manifest(members: list[Any]) -> None:
    del members[-1]


def _one_more(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[list[Any]], None]:
    def change(members: list[Any]) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        members.insert(1, (info, b"x"))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_changed, f"{ROBOTS} is not what it was"),
        (_renamed, "outbox/(humans.txt doesn't belong to it|robots.txt is missing in it)"),
        (_without_manifest, "it ends after configuration/"),
        (_one_more("outbox/more.txt"), r"more\.txt doesn't belong to it"),
        (_one_more("../../escaped.txt"), r"'\.\./\.\./escaped\.txt' is no plain file in it"),
        (_one_more("outbox/../../escaped.txt"), "escaped.txt' is no plain file in it"),
        (_one_more("/tmp/escaped.txt"), "escaped.txt' is no plain file in it"),
        (_one_more("outbox/link", tarfile.SYMTYPE), "outbox/link' is no plain file in it"),
        (_one_more("outbox/hard", tarfile.LNKTYPE), "outbox/hard' is no plain file in it"),
        (_one_more("outbox/pipe", tarfile.FIFOTYPE), "outbox/pipe' is no plain file in it"),
        (_one_more(ROBOTS), "it can't be read any more|members of the same name|Fil"),
    ],
)
def test_a_backup_that_was_packed_anew_is_refused_and_says_which_member(
    change: Any, words: str, old: Mailroom, new: Mailroom
) -> None:
    file = repacked(backup(old).path, old.folder / "anew.tar.gz", change)
    refused(new, file, words)
    assert not list(new.folder.parent.rglob("escaped.txt"))


def test_what_is_no_backup_is_refused(old: Mailroom, new: Mailroom) -> None:
    for name, data in (("text", b"Dear reader"), ("empty", b""), ("zip", b"PK\3\4" + bytes(99))):
        (old.folder / name).write_bytes(data)
        refused(new, old.folder / name, "was cut off or altered")
    refused(new, old.folder / "missing.tar.gz", "No such file")
    refused(new, old.folder, "Is a directory")


def with_manifest(file: Path, to: Path, **changes: Any) -> Path:
    def change(members: list[Any]) -> None:
        info, data = members[-1]
        assert info.name == MANIFEST
        members[-1] = (info, json.dumps({**json.loads(data), **changes}).encode())

    return repacked(file, to, change)


@pytest.mark.parametrize("changes", [{"format": 2, "new": 1}, {"version": "99.1.0"}])
def test_a_backup_of_a_newer_version_is_refused(
    changes: dict[str, Any], old: Mailroom, new: Mailroom
) -> None:
    file = with_manifest(backup(old).path, old.folder / "newer.tar.gz", **changes)
    refused(new, file, "written by (a newer version of )?digest")


def with_database(file: Path, to: Path, database: Path) -> Path:
    """The backup with another database, which its manifest knows."""
    data = database.read_bytes()

    def change(members: list[Any]) -> None:
        at = named(members, DATABASE)
        members[at] = (members[at][0], data)
        info, raw = members[-1]
        manifest = json.loads(raw)
        its = next(one for one in manifest["members"] if one["name"] == DATABASE)
        its.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        members[-1] = (info, json.dumps(manifest).encode())

    return repacked(file, to, change)


def test_a_database_of_a_newer_schema_is_refused(old: Mailroom, new: Mailroom) -> None:
    path = old.folder / "newer.db"
    with closing(Database(file_address(path))) as database, database.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    finish_file(path)
    file = with_database(backup(old).path, old.folder / "newer.tar.gz", path)
    refused(new, file, "written by a newer version of digest")


def test_an_older_schema_is_brought_up(old: Mailroom, new: Mailroom) -> None:
    path = old.folder / "older.db"
    engine = create_engine(file_address(path))
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0007")
        connection.exec_driver_sql("INSERT INTO secrets VALUES ('links', 'kept')")
    engine.dispose()
    finish_file(path)
    done = put_back(new, with_database(backup(old).path, old.folder / "older.tar.gz", path))
    with closing(Database(new.settings.database, upgrade=False)) as database:
        assert done.schema == ("0007", database.head()) == ("0007", database.revision())
        with database.reading() as connection:
            assert connection.exec_driver_sql("SELECT value FROM secrets").scalar() == "kept"


def test_an_older_database_is_backed_up_as_it_is(old: Mailroom) -> None:
    path = old.folder / "older.db"
    engine = create_engine(file_address(path))
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0006")
    engine.dispose()
    old.options["database_url"] = file_address(path)
    assert backup(old).manifest.schema == "0006"
    with closing(Database(file_address(path), upgrade=False)) as database:
        assert database.revision() == "0006"


# --- what is there already -----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_is_restored_over_what_is_there_unless_it_is_forced_and_then_it_is_kept(
    engine: str, old: Mailroom, new: Mailroom, request: pytest.FixtureRequest
) -> None:
    made = backup(old)
    before = sums(old)
    if engine == "postgresql":
        new.options["database_url"] = request.getfixturevalue("postgres_url")
    new.subscribe("somebody")
    new.outbox.write("other", "2026-03-02", {EDITION: b"theirs"})
    (new.folder / "feeds.yaml").write_text("digests: [{name: other}]\nfeeds: []\n")
    theirs = sums(new)
    with pytest.raises(UsageError) as caught:
        put_back(new, made.path)
    for place in ("outbox", "feeds.yaml", "digest.db" if engine == "sqlite" else "postgresql"):
        assert place in str(caught.value)
    assert sums(new) == theirs
    assert new.outbox.read("other", "2026-03-02") == b"theirs"
    done = put_back(new, made.path, force=True, nothing_sent=True)
    assert sums(new) == before
    assert new.outbox.dates("other") == []
    assert len(done.kept) == 3
    kept = {Path(one).name.partition("before-restore")[0]: Path(one) for one in done.kept}
    assert "name: other" in kept["feeds.yaml."].read_text()
    assert (kept["."] / "other" / "2026-03-02" / EDITION).read_bytes() == b"theirs"
    database = kept["digest.db." if engine == "sqlite" else ""]
    with closing(Database(file_address(database))) as opened:
        assert checksums(opened) == theirs


def files_of_people(room: Mailroom) -> dict[str, bytes]:
    """All but what the program keeps to itself."""
    own = ("base/", "state/")
    files = files_below(room.folder)
    return {path: data for path, data in files.items() if not path.startswith(own)}


@pytest.mark.parametrize("number", [0, 1, 3, 6])
def test_what_was_moved_before_an_error_is_moved_back(
    number: int, old: Mailroom, new: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backup(old)
    new.subscribe("somebody")
    new.outbox.write("sample", "2026-03-02", {EDITION: b"theirs"})
    (new.folder / "outbox" / "robots.txt").write_text("theirs")
    (new.folder / "feeds.yaml").write_text("digests: [{name: other}]\nfeeds: []\n")
    theirs, before = sums(new), files_of_people(new)
    rename, done = Path.rename, []

    def refuse(self: Path, target: Path) -> Path:
        done.append(target)
        if len(done) == number + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(BackupError, match="the disk is full"):
            put_back(new, made.path, force=True)
    assert (sums(new), files_of_people(new)) == (theirs, before)
    put_back(new, made.path, force=True)
    assert new.outbox.dates("sample") == ["2026-03-01", "2026-03-02"]


def test_a_disk_that_is_full_when_a_backup_is_unpacked_costs_nothing(
    old: Mailroom, new: Mailroom
) -> None:
    made = backup(old)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        refused(new, made.path, "ulimit|disk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_a_killed_restore_left_behind_is_in_nobodys_way(old: Mailroom, new: Mailroom) -> None:
    made = backup(old)
    for folder in ("base/.restoring", "outbox/.restoring/sample", "state/.restoring-configuration"):
        (new.folder / folder).mkdir(parents=True)
        (new.folder / folder / "database.sqlite").write_bytes(b"half")
    put_back(new, made.path, nothing_sent=True)
    assert new.status.state == "approved"
    assert not list(new.folder.rglob("*restoring*"))


def test_a_database_that_is_no_database_any_more_can_be_replaced(
    old: Mailroom, new: Mailroom
) -> None:
    made = backup(old)
    path = new.folder / "base" / "digest.db"
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 400)
    path.with_name("digest.db-wal").write_bytes(b"nor a log of one")
    with pytest.raises(UsageError, match=r"digest\.db"):
        put_back(new, made.path)
    done = put_back(new, made.path, force=True)
    assert Path(done.kept[0]).read_bytes() == b"not a database" * 400
    assert new.status.state == "draft"


def test_the_same_files_are_in_nobodys_way(old: Mailroom, new: Mailroom) -> None:
    made = backup(old)
    shutil.copytree(old.folder / "templates", new.folder / "templates")
    shutil.copy(old.folder / "feeds.yaml", new.folder / "feeds.yaml")
    assert put_back(new, made.path).kept == ()


def test_outbox_and_configuration_stay_as_they_are_where_they_are_to(
    old: Mailroom, new: Mailroom
) -> None:
    made = backup(old)
    data = dump_edition(replace(sample_edition("bare"), digest="sample", date="2026-03-02"))
    new.outbox.write("sample", "2026-03-02", {EDITION: data})
    (new.folder / "feeds.yaml").write_text(
        "digests: [{name: sample}]\nfeeds: [{name: x, url: x.xml}]\n"
    )
    done = put_back(new, made.path, outbox=False, configuration=False)
    assert done.kept == ()
    assert new.outbox.dates("sample") == ["2026-03-02"]
    assert "x.xml" in (new.folder / "feeds.yaml").read_text()


@pytest.mark.parametrize("lock", ["serve.lock", "run.lock", "send.lock"])
def test_nothing_is_restored_under_a_service(lock: str, old: Mailroom, new: Mailroom) -> None:
    made = backup(old)
    (new.folder / "state").mkdir()
    with FileLock(new.folder / "state" / lock):
        refused(new, made.path, "a service works with it; stop it")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_is_restored_into_a_database_that_others_have_open(
    engine: str, old: Mailroom, new: Mailroom, request: pytest.FixtureRequest
) -> None:
    made = backup(old)
    if engine == "postgresql":
        new.options["database_url"] = request.getfixturevalue("postgres_url")
    new.subscribe("somebody")
    theirs = sums(new)
    with closing(Store(new.settings.database)) as store:
        assert list(store.subscribers.listed())
        with pytest.raises(BusyError, match=r"stop (it|the services), restore"):
            put_back(new, made.path, force=True)
    assert sums(new) == theirs
    assert list(new.outbox.dates("sample")) == []


def test_a_feeds_yaml_that_cannot_be_read_is_told_before_anything_is_touched(
    old: Mailroom, new: Mailroom
) -> None:
    (old.folder / "feeds.yaml").write_text("digests: 7\n")
    made = backup(old)
    with pytest.raises(UsageError, match="--without-configuration"):
        put_back(new, made.path)
    assert not (new.folder / "base" / "digest.db").exists()


def test_without_any_feeds_yaml_nothing_is_restored_unless_nothing_was_sent(
    old: Mailroom, new: Mailroom
) -> None:
    made = backup(old)
    (old.folder / "feeds.yaml").unlink()
    bare = backup(old, "bare.tar.gz")
    for file, configuration in ((made.path, False), (bare.path, True)):
        with pytest.raises(UsageError, match=r"feeds\.yaml isn't there.*--nothing-sent-since"):
            put_back(new, file, configuration=configuration)
        assert not (new.folder / "base" / "digest.db").exists()
    put_back(new, bare.path, nothing_sent=True)
    assert new.status.state == "approved"


# --- nothing is sent twice -----------------------------------------------------------------------


def test_what_was_approved_and_may_have_gone_out_waits_for_a_person(
    old: Mailroom, new: Mailroom, mail_server: Any
) -> None:
    made = backup(old)
    old.later(minutes=31)
    old.deliver()
    assert set(mail_server.counts.values()) == {1}
    done = put_back(new, made.path)
    assert done.resumed.drafts == ("sample/2026-03-01", "sample/2026-03-02")[1:]
    new.now = LATER
    assert new.deliver() == []
    assert set(mail_server.counts.values()) == {1}
    assert new.status.state == "draft"
    assert "may have gone out since" in new.status.reason
    with new.opened() as workshop:
        approve(workshop, "sample", "2026-03-02", LATER)
    new.deliver()
    assert mail_server.counts == {"ann@example.org": 2, "bob@example.org": 2}


def test_deliveries_under_way_are_unconfirmed_and_settled_by_a_person(
    old: Mailroom, new: Mailroom, mail_server: Any
) -> None:
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    old.later(minutes=31)
    old.deliver()
    made = backup(old)
    old.deliver_until_done()
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}
    done = put_back(new, made.path)
    assert done.resumed.unconfirmed == {"sample/2026-03-02": 1}
    new.now = LATER + timedelta(hours=9)
    assert new.deliver() == []
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}
    assert new.status.state == "sent"
    assert new.who("unconfirmed") == {"bob@example.org"}
    with new.opened() as workshop:
        settle(workshop, new.status, new.now, arrived=False)
    new.deliver()
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 2}
    assert new.counts == {"sent": 2}


def test_where_nothing_was_sent_since_all_goes_on(
    old: Mailroom, new: Mailroom, mail_server: Any
) -> None:
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    old.later(minutes=31)
    old.deliver()
    made = backup(old)
    put_back(new, made.path, nothing_sent=True)
    new.now = old.now
    new.deliver_until_done()
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}
    with new.opened() as workshop:
        assert new.status.owner in ("", workshop.owner)


def test_what_the_database_has_forgotten_long_ago_does_not_come_back_as_a_draft(
    old: Mailroom, new: Mailroom
) -> None:
    edition = replace(sample_edition("bare"), digest="sample", date="2025-01-07")
    long_ago = replace(edition, built=SEVEN - timedelta(days=419))
    old.outbox.write("sample", "2025-01-07", {EDITION: dump_edition(long_ago)})
    assert put_back(new, backup(old).path).resumed.drafts == ("sample/2026-03-02",)


def test_letters_that_ask_for_confirmation_are_not_sent_again(old: Mailroom, new: Mailroom) -> None:
    from digest.records import NewSubscriber

    with old.store() as store:
        store.subscribers.ask("sample", NewSubscriber("cy@example.org"), SEVEN)
        assert store.subscribers.letters_wait(SEVEN)
    done = put_back(new, backup(old).path)
    assert done.resumed.letters == 1
    with new.store() as store:
        assert not store.subscribers.letters_wait(LATER + timedelta(days=9))


def test_the_service_goes_by_the_id_of_the_state_folder_that_it_has_now(
    old: Mailroom, new: Mailroom
) -> None:
    with old.opened() as workshop, old.store() as store:
        until = SEVEN + timedelta(hours=1)
        assert store.editions.begin(
            "sample", "2026-03-04", workshop.owner, SEVEN, until, again=True
        )
        theirs = workshop.owner
    put_back(new, backup(old).path)
    with new.opened() as workshop, new.store() as store:
        status = store.editions.status("sample", "2026-03-04")
        assert status is not None
        assert (status.owner, status.state) == (workshop.owner, "skipped")
        assert workshop.owner != theirs
