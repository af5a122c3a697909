"""Messages as files."""

from __future__ import annotations

import errno
import mailbox
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from digest.errors import RelayError
from digest.outbox.transport import open_transport
from digest.records import Envelope

Letter = Callable[..., Envelope]
Opened = Callable[..., Any]

KINDS = ["maildir", "file"]


def messages(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_maildir_holds_the_message_as_mail_readers_want_it(
    tmp_path: Path, letter: Letter, opened: Opened
) -> None:
    envelope = letter()
    receipt = opened(f"maildir:{tmp_path}/mail").send(envelope)
    assert receipt.outcome == "sent"
    [path] = messages(tmp_path)
    assert path.parent == tmp_path / "mail" / "new"
    assert path.read_bytes() == envelope.message.replace(b"\r\n", b"\n")
    [read] = mailbox.Maildir(tmp_path / "mail", create=False)
    assert read["Message-ID"] == envelope.message_id


def test_a_file_holds_the_message_byte_for_byte_and_is_named_for_people(
    tmp_path: Path, letter: Letter, opened: Opened
) -> None:
    envelope = letter()
    assert opened(f"file:{tmp_path}/mail").send(envelope).outcome == "sent"
    [path] = messages(tmp_path)
    assert path.read_bytes() == envelope.message
    assert path.name.startswith("morning.2026-03-02.1-")
    assert path.suffix == ".eml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_never_lies_there_twice(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str
) -> None:
    url = f"{kind}:{tmp_path}"
    assert opened(url).has(letter()) is False
    for _ in range(2):
        assert opened(url).send(letter()).outcome == "sent"
    assert opened(url).has(letter()) is True
    assert len(messages(tmp_path)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_another_recipient_or_another_message_is_another_file(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str
) -> None:
    transport = opened(f"{kind}:{tmp_path}")
    for envelope in (letter(), letter("bob@example.org"), letter(number=2)):
        assert transport.has(envelope) is False
        transport.send(envelope)
    assert len(messages(tmp_path)) == 3


def test_a_message_that_was_read_already_is_not_delivered_again(
    tmp_path: Path, letter: Letter, opened: Opened
) -> None:
    transport = opened(f"maildir:{tmp_path}")
    transport.send(letter())
    [path] = messages(tmp_path)
    path.rename(tmp_path / "cur" / f"{path.name}:2,RS")
    assert transport.has(letter()) is True
    transport.send(letter())
    assert opened(f"maildir:{tmp_path}").has(letter()) is True
    assert len(messages(tmp_path)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_message_that_the_caller_takes_back_does_not_appear(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str, error: type[Exception]
) -> None:
    transport, seen = opened(f"{kind}:{tmp_path}"), []

    def withdraw() -> None:
        seen.append(transport.has(letter()))
        raise error

    with pytest.raises(error):
        transport.send(letter(), withdraw)
    assert seen == [False]
    assert messages(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_caller_is_asked_also_where_the_message_lies_already(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str
) -> None:
    transport, asked = opened(f"{kind}:{tmp_path}"), []
    for _ in range(2):
        transport.send(letter(), lambda: asked.append(1))
    assert asked == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_id_cannot_lead_out_of_the_folder(
    tmp_path: Path, opened: Opened, kind: str
) -> None:
    strange = ["<../../x@a>", "<>", "", "<" + "n" * 4000 + "@a>", "</etc/passwd\x00\n@a>", "<.@b>"]
    transport = opened(f"{kind}:{tmp_path}/mail")
    for message_id in strange:
        transport.send(Envelope("n@example.org", "a@example.org", message_id, b"Subject: A\r\n"))
    paths = messages(tmp_path)
    assert len(paths) == len(strange)
    inside = tmp_path / "mail" / ("new" if kind == "maildir" else "")
    assert {path.parent for path in paths} == {inside}
    assert not any(path.name.startswith(".") for path in paths)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "can't be written"),
        (errno.EIO, "can't be written"),
    ],
)
def test_a_disk_that_fails_leaves_no_half_message_and_it_goes_on_later(
    tmp_path: Path,
    letter: Letter,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    number: int,
    words: str,
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    transport = opened(f"{kind}:{tmp_path}")
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", fail)
        with pytest.raises(RelayError, match=words) as caught:
            transport.send(letter())
    assert str(caught.value).startswith(f"{kind}:{tmp_path}")
    assert not caught.value.lasting
    assert messages(tmp_path) == []
    assert transport.has(letter()) is False
    assert transport.send(letter()).outcome == "sent"
    assert transport.has(letter()) is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_really_full_is_told(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str
) -> None:
    """A file system of 64 KiB, where the machine lets us make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        transport = opened(f"{kind}:{folder}")
        large = letter(message=b"Subject: A\r\n\r\n" + b"x" * 100_000 + b"\r\n")
        with pytest.raises(RelayError, match="the disk is full"):
            transport.send(large)
        assert messages(folder) == []
        assert transport.send(letter()).outcome == "sent"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_may_not_be_written_is_told(
    tmp_path: Path,
    letter: Letter,
    opened: Opened,
    kind: str,
    unprivileged: Callable[[], AbstractContextManager[None]],
) -> None:
    tmp_path.chmod(0o555)
    with unprivileged(), pytest.raises(RelayError, match="check its rights"):
        opened(f"{kind}:{tmp_path}/mail").send(letter())
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_the_folders_place_is_told(
    tmp_path: Path, letter: Letter, opened: Opened, kind: str
) -> None:
    (tmp_path / "mail").write_text("")
    with pytest.raises(RelayError, match="a file stands where a folder is needed"):
        opened(f"{kind}:{tmp_path}/mail").send(letter())


KILLED = """
import os, sys
from pathlib import Path
from digest.outbox.transport import open_transport
from digest.records import Envelope

kind, folder = sys.argv[1:]
BODY = b"Subject: A\\r\\n\\r\\n" + b"x" * 50_000 + b"\\r\\n"
left = 0

def dying(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    setattr(os, name, call)

def send():
    for name in ("fsync", "rename", "mkdir", "open", "close"):
        dying(name)
    for number in range(2):
        envelope = Envelope("n@example.org", "a@example.org", f"<{number}@x>", BODY)
        open_transport(f"{kind}:{folder}").send(envelope)
    os._exit(0)

for left in range(40):
    child = os.fork() or send()
    _, status = os.waitpid(child, 0)
    seen = [
        path.stat().st_size
        for path in Path(folder).rglob("*")
        if path.is_file() and path.parent.name != "tmp" and not path.name.startswith(".")
    ]
    print(os.WTERMSIG(status), *seen)
    if not status:
        break
"""


@pytest.mark.parametrize(("kind", "size"), [("maildir", 50_013), ("file", 50_016)])
def test_whoever_looks_never_sees_half_a_message_and_a_kill_leaves_none(
    tmp_path: Path, kind: str, size: int
) -> None:
    """Killed before every system call in turn, then done again: there once, and whole."""
    folder = tmp_path / "mail"
    command = [sys.executable, "-c", KILLED, kind, str(folder)]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    *killed, last = (line.split() for line in done.stdout.splitlines())
    assert len(killed) > 4
    for signal, *sizes in killed:
        assert signal == "9"
        assert set(sizes) <= {str(size)}
        assert len(sizes) <= 2
    assert last == ["0", str(size), str(size)]
    assert len(messages(folder)) == 2


@pytest.mark.parametrize("kind", ["maildir", "file"])
def test_a_folder_is_tried_without_a_message(kind: str, tmp_path: Path) -> None:
    open_transport(f"{kind}:{tmp_path / 'mail'}").check()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(RelayError, match="taken"):
        open_transport(f"{kind}:{tmp_path / 'taken'}").check()
