from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import OutboxError
from digest.outbox.outbox import EDITION, Outbox

OLD = {EDITION: b"old" * 1000, "index.html": b"<p>old</p>" * 5000, "digest.txt": b"old"}
NEW = {EDITION: b"new" * 1000, "index.html": b"<p>new</p>" * 5000, "digest.eml": b"new"}
DATE = "2026-03-02"


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hidden(outbox: Outbox, digest: str = "morning") -> list[str]:
    return [path.name for path in (outbox.root / digest).iterdir() if path.name.startswith(".")]


# --- writing and reading -------------------------------------------------------------------


def test_an_edition_is_read_back_as_it_was_written(outbox: Outbox) -> None:
    folder = outbox.write("morning", DATE, OLD)
    assert folder == outbox.root / "morning" / DATE
    assert contents(folder) == OLD
    assert outbox.read("morning", DATE) == OLD[EDITION]
    assert outbox.read("morning", DATE, "digest.txt") == b"old"
    assert hidden(outbox) == []


def test_an_edition_replaces_the_one_of_its_date_with_nothing_left_of_it(outbox: Outbox) -> None:
    outbox.write("morning", DATE, OLD)
    outbox.write("morning", DATE, NEW)
    assert contents(outbox.folder("morning", DATE)) == NEW
    assert hidden(outbox) == []


def test_dates_lists_whole_editions_oldest_first(outbox: Outbox) -> None:
    assert outbox.dates("morning") == []
    for date in ("2026-03-02", "2025-12-31", "2026-03-01"):
        outbox.write("morning", date, OLD)
    (outbox.root / "morning" / "2026-03-03").mkdir()  # not an edition: it has no edition.json
    (outbox.root / "morning" / "notes").mkdir()
    assert outbox.dates("morning") == ["2025-12-31", "2026-03-01", "2026-03-02"]
    assert outbox.has("morning", "2026-03-01")
    assert not outbox.has("morning", "2026-03-03")
    assert not outbox.has("evening", "2026-03-01")


def test_reading_an_edition_that_is_not_there_names_the_path(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match=r"morning/2026-03-02/edition\.json: .*is that edition"):
        outbox.read("morning", DATE)


def test_a_reader_never_sees_half_an_edition(outbox: Outbox) -> None:
    """The same folder, seen through an open handle, has all files of one edition or is gone."""
    whole = {frozenset(OLD.items()), frozenset(NEW.items())}
    seen: set[str] = set()
    wrong: list[dict[str, bytes]] = []
    done = threading.Event()
    folder = outbox.folder("morning", DATE)

    def watch() -> None:
        while not done.is_set():
            try:
                handle = os.open(folder, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                found = read_through(handle)
            except FileNotFoundError:
                continue  # it was replaced while it was read, and is being cleared away
            finally:
                os.close(handle)
            names = set(found)
            if frozenset(found.items()) in whole:
                seen.add("digest.txt" if "digest.txt" in names else "digest.eml")
            elif outbox_still_is(folder, found):
                wrong.append(found)

    def read_through(handle: int) -> dict[str, bytes]:
        found = {}
        for name in os.listdir(handle):
            file = os.open(name, os.O_RDONLY, dir_fd=handle)
            with os.fdopen(file, "rb") as stream:
                found[name] = stream.read()
        return found

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        # Sixty times, and until the watcher has had a turn in both: it may come late.
        for turn in range(6000):
            outbox.write("morning", DATE, NEW if turn % 2 else OLD)
            if turn > 60 and len(seen) == 2:
                break
    finally:
        done.set()
        watcher.join()
    assert wrong == []
    assert seen == {"digest.txt", "digest.eml"}


def outbox_still_is(folder: Path, found: dict[str, bytes]) -> bool:
    """Whether a part of an edition stands under the final name, not under the old one's."""
    try:
        return set(contents(folder)) == set(found)
    except FileNotFoundError:
        return False


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["..", "../x", "a/b", "/etc", "", ".", ".hidden", "a\0b", "ä"])
def test_no_digest_name_leads_out_of_the_outbox(outbox: Outbox, digest: str) -> None:
    for act in (
        lambda: outbox.write(digest, DATE, OLD),
        lambda: outbox.read(digest, DATE),
        lambda: outbox.has(digest, DATE),
        lambda: outbox.dates(digest),
        lambda: outbox.recover(digest),
    ):
        with pytest.raises(OutboxError, match="can't be a name"):
            act()
    assert not outbox.root.exists()


@pytest.mark.parametrize("date", ["..", "../../x", "2026-03-02/..", "2026-3-2", "", "today"])
def test_no_date_leads_out_of_the_outbox(outbox: Outbox, date: str) -> None:
    with pytest.raises(OutboxError, match="is not a date"):
        outbox.write("morning", date, OLD)
    assert not outbox.root.exists()


@pytest.mark.parametrize("name", ["../index.html", "/etc/passwd", ".hidden", "a/b", ""])
def test_no_file_name_leads_out_of_the_edition(outbox: Outbox, name: str) -> None:
    outbox.write("morning", DATE, OLD)
    with pytest.raises(OutboxError, match="can't be a name"):
        outbox.write("morning", DATE, {**NEW, name: b"x"})
    with pytest.raises(OutboxError, match="can't be a name"):
        outbox.read("morning", DATE, name)
    assert contents(outbox.folder("morning", DATE)) == OLD
    assert hidden(outbox) == []


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_names_the_folder_lies_in_the_outbox(digest: str, date: str) -> None:
    root = Path("/outbox")
    try:
        folder = Outbox(root).folder(digest, date)
    except OutboxError:
        return
    assert Path(os.path.normpath(folder)).parent.parent == root


# --- trouble -------------------------------------------------------------------------------


def test_a_file_in_the_place_of_the_outbox_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_bytes(b"")
    outbox = Outbox(tmp_path / "outbox")
    with pytest.raises(OutboxError, match=r"outbox.*a file stands where a folder is needed"):
        outbox.write("morning", DATE, OLD)


def test_a_file_in_the_place_of_a_leftover_is_named(outbox: Outbox) -> None:
    outbox.write("morning", "2026-03-01", OLD)
    (outbox.root / "morning" / f".{DATE}.building").write_bytes(b"")
    with pytest.raises(OutboxError, match="a file stands where a folder is needed"):
        outbox.recover("morning")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, where nobody may write")
def test_an_outbox_that_cannot_be_written_is_told() -> None:
    with pytest.raises(OutboxError, match="/proc/digest-outbox"):
        Outbox(Path("/proc/digest-outbox")).write("morning", DATE, OLD)


def test_a_read_only_outbox_says_which_setting_moves_it(
    outbox: Outbox, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    outbox.write("morning", DATE, OLD)
    (outbox.root / "morning").chmod(0o500)
    try:
        with unprivileged(), pytest.raises(OutboxError, match="DIGEST_OUTBOX_DIR"):
            outbox.write("morning", DATE, NEW)
    finally:
        (outbox.root / "morning").chmod(0o700)
    assert contents(outbox.folder("morning", DATE)) == OLD


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EDQUOT, "the disk is full; make room"),
        (errno.EROFS, "DIGEST_OUTBOX_DIR"),
        (errno.EACCES, "DIGEST_OUTBOX_DIR"),
        (errno.EIO, r"can't be written \(Input/output error\)"),
    ],
)
@pytest.mark.parametrize("before", [{}, OLD], ids=["first", "replacement"])
def test_a_write_that_the_disk_refuses_leaves_what_was_there(
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
    before: dict[str, bytes],
) -> None:
    if before:
        outbox.write("morning", DATE, before)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OutboxError, match=words):
            outbox.write("morning", DATE, NEW)
    assert outbox.has("morning", DATE) == bool(before)
    if before:
        assert contents(outbox.folder("morning", DATE)) == before
    assert outbox.root.joinpath("morning").exists() is False or hidden(outbox) == []
    outbox.write("morning", DATE, NEW)
    assert contents(outbox.folder("morning", DATE)) == NEW


def test_a_second_rename_that_fails_puts_the_old_edition_back(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.write("morning", DATE, OLD)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".building"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(OutboxError):
            outbox.write("morning", DATE, NEW)
    assert contents(outbox.folder("morning", DATE)) == OLD
    assert hidden(outbox) == []


def child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


LIMITED = """
import resource, signal, sys
from pathlib import Path
from digest.errors import OutboxError
from digest.outbox.outbox import EDITION, Outbox
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    Outbox(Path(sys.argv[1])).write("morning", "2026-03-02", {EDITION: b"x" * 8192})
except OutboxError as error:
    print(error)
"""


def test_a_limit_on_the_size_of_files_is_told_and_harmless(outbox: Outbox) -> None:
    outbox.write("morning", DATE, OLD)
    result = child(LIMITED, str(outbox.root))
    assert "ulimit -f" in result.stdout
    assert f"morning/{DATE}" in result.stdout
    assert contents(outbox.folder("morning", DATE)) == OLD
    assert hidden(outbox) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(self: Path, mode: str = "r", **rest: object) -> object:
        wanted = Path("/dev/full") if self.name == "index.html" else self
        return real(wanted, mode.replace("x", "w") if wanted is not self else mode, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OutboxError, match="the disk is full"):
            outbox.write("morning", DATE, NEW)
    assert not outbox.has("morning", DATE)
    assert hidden(outbox) == []


# --- a kill between every two steps --------------------------------------------------------

# Every call that touches the disk raises an audit event before it acts (PEP 578), but for fsync.
# The child kills itself before the `fatal`-th of them inside the outbox; with 0 it only counts.
KILLED = """
import os, signal, sys
from pathlib import Path
from digest.outbox.outbox import EDITION, Outbox

root, fatal, word = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
files = {EDITION: word.encode() * 1000, "index.html": word.encode() * 9000, word: b"x"}
steps = 0

def step(*_):
    global steps
    steps += 1
    if steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

DISK = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.scandir", "os.listdir",
        "shutil.rmtree")
armed = False

def hook(event, _):
    if armed and event in DISK:
        step()

fsync = os.fsync
def counted(handle):
    step()
    fsync(handle)
os.fsync = counted

outbox = Outbox(root)
sys.addaudithook(hook)
armed = True
outbox.write("morning", "2026-03-02", files)
step()
armed = False
print(steps)
"""


def edition_of(word: str) -> dict[str, bytes]:
    data = word.encode()
    return {EDITION: data * 1000, "index.html": data * 9000, word: b"x"}


def write_and_die(outbox: Outbox, fatal: int, word: str) -> bool:
    """Writes in a child that is killed at step `fatal`; whether it lived to the end."""
    result = child(KILLED, str(outbox.root), str(fatal), word)
    assert result.returncode in (0, -signal.SIGKILL), result.stderr
    return result.returncode == 0


def test_a_kill_between_any_two_steps_of_a_first_write_leaves_all_or_nothing(
    tmp_path: Path,
) -> None:
    wholes = nothings = 0
    for fatal in range(1, 100):
        outbox = Outbox(tmp_path / str(fatal))
        survived = write_and_die(outbox, fatal, "new")
        outbox.recover("morning")
        if outbox.has("morning", DATE):
            wholes += 1
            assert contents(outbox.folder("morning", DATE)) == edition_of("new")
        else:
            nothings += 1
            assert not outbox.folder("morning", DATE).exists()
        outbox.write("morning", DATE, OLD)
        assert contents(outbox.folder("morning", DATE)) == OLD
        assert hidden(outbox) == []
        if survived:
            break
    assert survived
    assert nothings >= 8  # two folders, three files opened and flushed
    assert wholes >= 2  # before the parent is flushed, and after


def test_a_kill_between_any_two_steps_of_a_replacement_leaves_the_old_or_the_new(
    tmp_path: Path,
) -> None:
    found: list[str] = []
    for fatal in range(1, 100):
        outbox = Outbox(tmp_path / str(fatal))
        outbox.write("morning", DATE, edition_of("old"))
        survived = write_and_die(outbox, fatal, "new")
        outbox.recover("morning")
        word = "new" if (outbox.folder("morning", DATE) / "new").exists() else "old"
        assert contents(outbox.folder("morning", DATE)) == edition_of(word)
        assert hidden(outbox) == []
        found.append(word)
        outbox.write("morning", DATE, OLD)
        assert contents(outbox.folder("morning", DATE)) == OLD
        assert hidden(outbox) == []
        if survived:
            break
    assert survived
    assert found == sorted(found, reverse=True), "once the new one is out it stays out"
    assert found.count("old") >= 9
    assert found.count("new") >= 4


def test_a_kill_while_clearing_up_is_cleared_up_next_time(outbox: Outbox) -> None:
    outbox.write("morning", DATE, OLD)
    parent = outbox.root / "morning"
    (parent / f".{DATE}.replaced").mkdir()  # half deleted: edition.json is gone already
    (parent / f".{DATE}.replaced" / "index.html").write_bytes(b"older")
    (parent / ".2026-03-03.building").mkdir()
    outbox.recover("morning")
    assert contents(outbox.folder("morning", DATE)) == OLD
    assert hidden(outbox) == []
    assert outbox.dates("morning") == [DATE]
