"""Editions as files, written so that a reader never sees half of one.

`outbox/<digest>/<YYYY-MM-DD>/` appears by one rename of a folder that was written beside it and
flushed to disk. Replacing an edition takes two renames; if the power goes between them, the
next `recover` puts the old edition back. The caller holds the lock that keeps two writers apart.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from digest.errors import OutboxError

EDITION = "edition.json"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_BUILDING = ".building"
_REPLACED = ".replaced"


class Outbox:
    """The outbox at `root`; made when the first edition is written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, digest: str, date: str) -> Path:
        """Where the edition of `digest` for `date` lies, or would lie."""
        return self.root / digest / date

    def has(self, digest: str, date: str) -> bool:
        """Whether that edition is there, whole."""
        return (self.folder(digest, date) / EDITION).is_file()

    def dates(self, digest: str) -> list[str]:
        """The dates that `digest` has editions for, oldest first."""
        parent = self.root / digest
        if not parent.is_dir():
            return []
        return sorted(
            child.name
            for child in parent.iterdir()
            if _DATE.fullmatch(child.name) and (child / EDITION).is_file()
        )

    def read(self, digest: str, date: str, name: str = EDITION) -> bytes:
        """One file of an edition. Raises OutboxError."""
        path = self.folder(digest, date) / name
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
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            self.recover(digest)
            building.mkdir()
            for name, data in files.items():
                _write_flushed(building / name, data)
            _flush_folder(building)
            if final.exists():
                replaced = final.with_name(f".{date}{_REPLACED}")
                final.rename(replaced)
                building.rename(final)
                _flush_folder(final.parent)
                shutil.rmtree(replaced)
            else:
                building.rename(final)
                _flush_folder(final.parent)
        except OSError as error:
            shutil.rmtree(building, ignore_errors=True)
            raise OutboxError(f"{final}: {_plainly(error)}") from error
        return final

    def recover(self, digest: str) -> None:
        """Clears what an interrupted `write` left: half editions go, a replaced one comes back."""
        parent = self.root / digest
        if not parent.is_dir():
            return
        for leftover in parent.iterdir():
            name = leftover.name
            if not name.startswith("."):
                continue
            if name.endswith(_BUILDING):
                shutil.rmtree(leftover)
            elif name.endswith(_REPLACED):
                final = parent / name.removeprefix(".").removesuffix(_REPLACED)
                if final.exists():
                    shutil.rmtree(leftover)
                else:
                    leftover.rename(final)


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    """Makes a rename or a new name in `path` survive a power cut (POSIX asks for it by itself)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plainly(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room and run again, nothing half-written was kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the outbox can't be written; check its rights, or set DIGEST_OUTBOX_DIR"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file stands where a folder is needed; move it away"
    return f"can't be written ({error.strerror})"
