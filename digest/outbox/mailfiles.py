"""Messages that somebody has put away: mailbox files, Maildir folders, folders of .eml files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from digest.errors import UsageError

LARGEST = 4 * 1024 * 1024
"""Bytes of a message that are read. A report comes first in its message, and what it returns of
ours after it; whatever else hangs on it may be of any size."""

_LONGEST_LINE = 1 << 20


def messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """The messages there, each with a name for it, cut at `LARGEST`.

    A file that begins with `From ` is a mailbox (mbox, RFC 4155), any other is one message; a
    folder with `cur` and `new` is a Maildir, any other holds .eml files. Raises UsageError.
    """
    try:
        if not path.is_dir():
            with path.open("rb") as file:
                yield from messages_of(file, str(path))
            return
        for one in _files(path):
            try:
                with one.open("rb") as file:
                    yield str(one), file.read(LARGEST)
            except FileNotFoundError:  # a mail program has moved it meanwhile: the next import
                continue
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror}") from error


def messages_of(file: BinaryIO, name: str) -> Iterator[tuple[str, bytes]]:
    """The messages of an open file: a mailbox, or one message."""
    line = file.readline(_LONGEST_LINE)
    if not line.startswith(b"From "):
        if data := line + file.read(LARGEST):
            yield name, data
        return
    number = 0
    kept: list[bytes] = []
    size = 0
    was_blank, is_beginning = False, True
    while line := file.readline(_LONGEST_LINE):
        if is_beginning and was_blank and line.startswith(b"From "):
            number += 1
            yield f"{name}, message {number}", b"".join(kept)
            kept, size = [], 0
        elif size < LARGEST:
            kept.append(line)
            size += len(line)
        was_blank = is_beginning and not line.strip()
        is_beginning = line.endswith(b"\n")
    yield f"{name}, message {number + 1}", b"".join(kept)


def _files(folder: Path) -> list[Path]:
    """The files of a folder that are messages, in order. Raises UsageError."""
    halves = [folder / "cur", folder / "new"]
    if all(half.is_dir() for half in halves):
        there = (file for half in halves for file in half.iterdir())
        return sorted(file for file in there if not file.name.startswith(".") and file.is_file())
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".eml")
    if not files and any(folder.iterdir()):
        raise UsageError(f"{folder}: is no Maildir (it has no cur and new) and holds no .eml files")
    return files
