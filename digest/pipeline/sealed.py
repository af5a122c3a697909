"""The file of a backup: a `.tar.gz` whose last member says what the others must be.

`manifest.json` comes last, with size and SHA-256 of every other member: it can tell them only when
they are written, and a file that was cut off has none. What is written appears under its name only
when it is whole, flushed, and was read back. What is read is not trusted before all of it was seen.
Checksums find accidents; whoever can write the file can write the checksums too.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from digest.errors import DigestError, UsageError
from digest.outbox.disk import flush_folder, want_of_room

FORMAT = 1
"""The newest format of backups that this version reads, and the one it writes."""

MANIFEST = "manifest.json"

# What a member may be called: plain names, never `.` or `..`, below one another.
_NAME = re.compile(r"(?!\.{1,2}(?:/|$))[^/\\\0]+(?:/(?!\.{1,2}(?:/|$))[^/\\\0]+)*")
# Enough for a million members; what is longer is none of ours.
_LONGEST_MANIFEST = 256 << 20
_CHUNK = 1 << 20
# Texts shrink to a fifth at any level; the higher ones take thrice the time for a tenth less.
_LEVEL = 5


class BackupError(DigestError):
    """A backup can't be written, or is no whole one; the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the backup: its name there, its size in bytes, its SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, and of what.

    `taken` is when its database was (aware UTC), `version` the digest that wrote it, `schema` the
    database's, `engine` what it was kept in, `instance` the id of the service's state folder.
    """

    format: int
    version: str
    taken: datetime
    schema: str
    engine: str
    instance: str
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Bytes of all members together."""
        return sum(member.size for member in self.members)

    def names(self, folder: str) -> list[str]:
        """The members below `folder`."""
        return [one.name for one in self.members if one.name.startswith(f"{folder}/")]


_MANIFEST = TypeAdapter(Manifest)


class Sealer:
    """Writes members one after the other, then the manifest."""

    def __init__(self, tar: tarfile.TarFile, moment: datetime) -> None:
        self._tar = tar
        self._moment = moment
        self._members: list[Member] = []

    def add(self, name: str, data: bytes) -> None:
        """Adds a member from memory."""
        self._put(name, len(data), io.BytesIO(data))

    def add_file(self, name: str, path: Path) -> None:
        """Adds a file that nobody changes meanwhile."""
        with path.open("rb") as file:
            self._put(name, path.stat().st_size, file)

    def seal(self, version: str, schema: str, engine: str, instance: str) -> Manifest:
        """Writes the manifest, after which nothing may be added; gives it."""
        manifest = Manifest(
            FORMAT, version, self._moment, schema, engine, instance, tuple(self._members)
        )
        self.add(MANIFEST, _MANIFEST.dump_json(manifest, indent=1))
        return manifest

    def _put(self, name: str, size: int, file: IO[bytes]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(self._moment.timestamp())
        read = _Summed(file)
        self._tar.addfile(info, read)
        self._members.append(Member(name, size, read.sha256))


class _Summed(io.RawIOBase):
    """A file that is summed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()


@contextmanager
def sealing(path: Path, moment: datetime, part: Path) -> Iterator[Sealer]:
    """Writes a backup that appears at `path` at the end of the block, whole and read back.

    `part` is where it is written first, on the same disk. After an error there is nothing. Its
    owner alone may read it. Raises BackupError.
    """
    try:
        with told(path), _private(part) as file:
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL)
            try:
                with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    yield Sealer(tar, moment)
                packed.close()
            except BaseException:
                # What it still holds can't be written either, as a rule, and is of no use.
                with contextlib.suppress(OSError):
                    packed.close()
                raise
            file.flush()
            os.fsync(file.fileno())
        look_through(part, named=path)
        refuse_existing(path)
        with told(path):
            part.rename(path)
            flush_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Raises UsageError where a file is there: a backup never replaces one."""
    if path.exists():
        raise UsageError(f"{path} is there already; name another file, or a folder")


def look_through(
    path: Path, place: Callable[[str], Path | None] = lambda _: None, named: Path | None = None
) -> Manifest:
    """Reads a whole backup and holds it against its manifest.

    `place` says where each member goes, None for nowhere; what it wrote there is to be used only
    when this returns. Raises BackupError for a file that is no backup, was cut off or altered, and
    says which member; for one of a newer format; for a name that leads elsewhere.
    """
    shown, at = named or path, "its beginning"
    found: list[Member] = []
    manifest: Manifest | None = None
    try:
        with told(shown), gzip.open(path) as packed:
            with tarfile.open(fileobj=packed, mode="r:") as tar:
                for info in tar:
                    at = info.name
                    if manifest is not None:
                        raise _altered(shown, f"{at} comes after its manifest")
                    if info.name == MANIFEST:
                        manifest = _manifest(shown, tar, info)
                    else:
                        found.append(_member(shown, tar, info, place))
                    at = f"what follows {info.name}"
            # To the very end, where gzip has a checksum of everything.
            while packed.read(_CHUNK):
                at = "its end"
    except (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile) as error:
        if manifest is not None:
            _compare(shown, manifest, found)  # which knows what of it was altered
        raise _altered(shown, f"it can't be read any more at {at} ({error})") from error
    if manifest is None:
        raise _altered(shown, f"it ends after {found[-1].name if found else at}")
    _compare(shown, manifest, found)
    return manifest


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the system refuses in the block becomes a BackupError about `path`."""
    try:
        yield
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise BackupError(f"{error.filename or path}: {_plainly(error)}") from error


def _member(
    shown: Path, tar: tarfile.TarFile, info: tarfile.TarInfo, place: Callable[[str], Path | None]
) -> Member:
    """Reads a member, and writes it where it goes."""
    file = tar.extractfile(info) if info.isreg() and _NAME.fullmatch(info.name) else None
    if file is None:
        raise _altered(shown, f"{info.name!r} is no plain file in it")
    summed, size, goes = hashlib.sha256(), 0, place(info.name)
    with contextlib.ExitStack() as stack:
        copy = stack.enter_context(_new(goes)) if goes is not None else None
        while data := file.read(_CHUNK):
            summed.update(data)
            size += len(data)
            if copy is not None:
                copy.write(data)
        if copy is not None:
            copy.flush()
            os.fsync(copy.fileno())
    return Member(info.name, size, summed.hexdigest())


def _manifest(shown: Path, tar: tarfile.TarFile, info: tarfile.TarInfo) -> Manifest:
    file = tar.extractfile(info) if info.isreg() and info.size < _LONGEST_MANIFEST else None
    if file is None:
        raise _altered(shown, f"its {MANIFEST} is no plain file")
    data = file.read()
    if (written := _format(data)) > FORMAT:
        raise BackupError(
            f"{shown} was written by a newer version of digest (format {written}, this one reads "
            f"{FORMAT}); install the newer version to restore it"
        )
    try:
        return _MANIFEST.validate_json(data)
    except ValidationError as error:
        raise _altered(shown, f"its {MANIFEST} is damaged") from error


def _format(data: bytes) -> int:
    """The format that a manifest says it has; 0 where it says none."""
    found = re.search(rb'"format"\s*:\s*(\d{1,6})\b', data)
    return int(found[1]) if found else 0


def _compare(shown: Path, manifest: Manifest, found: list[Member]) -> None:
    wanted = {member.name: member for member in manifest.members}
    there = {member.name: member for member in found}
    if len(there) != len(found):
        raise _altered(shown, "it has members of the same name")
    for name in wanted.keys() | there.keys():
        if name not in there:
            raise _altered(shown, f"{name} is missing in it")
        if name not in wanted:
            raise _altered(shown, f"{name} doesn't belong to it")
        if there[name] != wanted[name]:
            raise _altered(shown, f"{name} is not what it was")


def _altered(path: Path, what: str) -> BackupError:
    return BackupError(
        f"{path}: was cut off or altered, so nothing of it is used: {what}. Take another backup"
    )


def _new(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _private(path: Path) -> IO[bytes]:
    """A new file for its owner's eyes: it holds addresses of people."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _plainly(error: OSError) -> str:
    return want_of_room(error) or error.strerror or str(error)
