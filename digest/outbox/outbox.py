"""Editions as files, written so that a reader never sees half of one.

`outbox/<digest>/<YYYY-MM-DD>/` appears by one rename of a folder that was written beside it and
flushed to disk. Replacing an edition takes two renames; if the power goes between them, the
next `recover` puts the old edition back. What is published beside the editions (the list of them,
their feed) is replaced file by file, each by one rename. The caller holds the lock that keeps two
writers apart.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from digest.errors import OutboxError
from digest.outbox.disk import flush_folder, want_of_room

EDITION = "edition.json"
CATALOGUE = ".catalogue.json"
"""A note for ourselves beside the editions: the one file there whose name is hidden."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BUILDING = ".building"
_REPLACED = ".replaced"
# Of a file, not of a folder: `recover` clears the two in ways of their own.
_PART = ".part"


class Outbox:
    """The outbox at `root`; made when the first edition is written.

    `digest` and the names of files are plain names, `date` is an ISO date; OutboxError for any
    other, so that no name leads out of the outbox.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, digest: str, date: str) -> Path:
        """Where the edition of `digest` for `date` lies, or would lie."""
        if not _DATE.fullmatch(date):
            raise OutboxError(f"{date!r} is not a date such as 2026-03-02")
        return self._parent(digest) / date

    def has(self, digest: str, date: str) -> bool:
        """Whether that edition is there, whole."""
        path = self.folder(digest, date) / EDITION
        with _told(path):
            return path.is_file()

    def dates(self, digest: str) -> list[str]:
        """The dates that `digest` has editions for, oldest first."""
        parent = self._parent(digest)
        with _told(parent):
            if not parent.is_dir():
                return []
            return sorted(
                child.name
                for child in parent.iterdir()
                if _DATE.fullmatch(child.name) and (child / EDITION).is_file()
            )

    def read(self, digest: str, date: str, name: str = EDITION) -> bytes:
        """One file of an edition. Raises OutboxError."""
        path = self.folder(digest, date) / _plain_name(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise OutboxError(f"{path}: {error.strerror}; is that edition there?") from error

    def write(self, digest: str, date: str, files: Mapping[str, bytes]) -> Path:
        """Writes the edition of `digest` for `date`, in place of an older one; gives its folder.

        All of `files` (by name) or nothing. Raises OutboxError when the disk is full or the
        folder can't be written; what was there before stays.
        """
        final = self.folder(digest, date)
        building = final.with_name(f".{date}{_BUILDING}")
        replaced = final.with_name(f".{date}{_REPLACED}")
        self.recover(digest)
        try:
            with _told(final):
                final.parent.mkdir(parents=True, exist_ok=True)
                flush_folder(self.root)
                building.mkdir()
                for name, data in files.items():
                    _write_flushed(building / _plain_name(name), data)
                flush_folder(building)
                if final.exists():
                    final.rename(replaced)
                building.rename(final)
                flush_folder(final.parent)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            if replaced.exists() and not final.exists():
                replaced.rename(final)
            raise
        # The edition is out; what can't be cleared now, the next `recover` clears.
        shutil.rmtree(replaced, ignore_errors=True)
        return final

    def stamp(self, digest: str, date: str) -> tuple[int, int]:
        """When that edition's `edition.json` was written (ns since 1970), and its size in bytes."""
        path = self.folder(digest, date) / EDITION
        with _told(path):
            found = path.stat()
        return found.st_mtime_ns, found.st_size

    def publish(self, digest: str, files: Mapping[str, bytes]) -> Path:
        """Writes `files` (by name) beside the editions of `digest`, in place of older ones.

        Whoever reads one gets it whole, old or new; after a power cut some may be new and others
        old, until the next time. Gives their folder. Raises OutboxError.
        """
        parent = self._parent(digest)
        for name in files:
            _beside(name)
        self.recover(digest)
        with _told(parent):
            parent.mkdir(parents=True, exist_ok=True)
            flush_folder(self.root)
        for name, data in files.items():
            final = parent / name
            part = parent / f".{name.removeprefix('.')}{_PART}"
            try:
                with _told(final):
                    _write_flushed(part, data)
                    part.replace(final)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        with _told(parent):
            flush_folder(parent)
        return parent

    def published(self, digest: str, name: str) -> bytes | None:
        """A file beside the editions, None when there is none. Raises OutboxError."""
        path = self._parent(digest) / _beside(name)
        with _told(path):
            return path.read_bytes() if path.is_file() else None

    def recover(self, digest: str) -> None:
        """Clears what was interrupted: half editions and files go, a replaced edition comes back.

        Raises OutboxError when the folder can't be read or written.
        """
        parent = self._parent(digest)
        with _told(parent):
            if not parent.is_dir():
                return
            for leftover in list(parent.glob(f".*{_PART}")):
                leftover.unlink()
            for leftover in list(parent.glob(f".*{_BUILDING}")):
                shutil.rmtree(leftover)
            for leftover in list(parent.glob(f".*{_REPLACED}")):
                final = parent / leftover.name.removeprefix(".").removesuffix(_REPLACED)
                if final.exists():
                    shutil.rmtree(leftover)
                else:
                    leftover.rename(final)

    def _parent(self, digest: str) -> Path:
        return self.root / _plain_name(digest)


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise OutboxError(f"{name!r} can't be a name in the outbox; use letters, digits, - and _")
    return name


def _beside(name: str) -> str:
    """The name of a file beside the editions, which no edition's folder can have."""
    if name == CATALOGUE:
        return name
    if _DATE.fullmatch(name):
        raise OutboxError(f"{name!r} can't be a file beside the editions: it is a date")
    return _plain_name(name)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system refuses in the block becomes an OutboxError about `path`."""
    try:
        yield
    except OSError as error:
        raise OutboxError(f"{path}: {_plainly(error)}") from error


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _plainly(error: OSError) -> str:
    if why := want_of_room(error):
        return why
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"the outbox can't be read and written ({error.strerror}); check its rights, or set "
            "DIGEST_OUTBOX_DIR"
        )
    if error.errno == errno.EISDIR:
        return "a folder stands where a file is needed; move it away"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file stands where a folder is needed; move it away"
    return f"can't be written ({error.strerror})"
