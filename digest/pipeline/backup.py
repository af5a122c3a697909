"""A backup: database, outbox and configuration in one checked file, while the service works.

The database is taken first, then the outbox. An edition is written into the outbox before the
database knows that it was built or approved, and never goes from there by itself. So whatever the
database speaks of lies in an outbox that is copied later, and nothing is lost; what came in between
is an edition that the database doesn't know yet, as after a power cut, and it is learned from the
outbox. The other way round, an edition that was built in between would be known and nowhere.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest import __version__
from digest.config import Settings, load_config
from digest.errors import ConfigError, StoreError
from digest.pipeline.owner import owner_of
from digest.pipeline.sealed import BackupError, Manifest, Sealer, refuse_existing, sealing, told
from digest.store.database import Database
from digest.store.snapshots import editions_in, snapshot, sqlite_file

DATABASE = "database.sqlite"
OUTBOX = "outbox"
FEEDS = "configuration/feeds.yaml"
TEMPLATES = "configuration/templates"
ENVIRONMENT = "configuration/env"

NEVER = datetime.fromtimestamp(0, UTC)

_SCRATCH = ".digest-backup-"
# A backup takes minutes; what a killed one left behind is removed by one that comes a day later.
_LEFTOVER_SECONDS = 86_400
# A folder that is being replaced is away for the time of two renames, and written for much longer
# than it takes to read: one try would do, but for a service that replaces it over and over.
_TRIES = 50
# In the state folder: when the last backup was taken (UTC), for whoever watches that.
_LAST = "last-backup"
# Of feeds that are files, so many are named.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made. `remarks` say what is not in it and might be looked for."""

    path: Path
    size: int
    manifest: Manifest
    remarks: tuple[str, ...] = ()


def back_up(
    settings: Settings, config: Path, path: Path, now: datetime, *, environment: Path | None = None
) -> BackedUp:
    """Makes a backup of what `settings` name, with `config` for feeds.yaml, at the new file `path`.

    `environment` is a file of settings, with its passwords, that is to be in it. `now` (aware) is
    when the database is taken, which `last_backup` tells afterwards. It needs room for the
    database, uncompressed, beside `path`. Raises UsageError, StoreError, BackupError; no half file
    is left.
    """
    refuse_existing(path)
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        raise StoreError(f"{file}: there is no database, so there is nothing to back up yet")
    remarks: list[str] = []
    with told(path), _scratch(path.parent) as scratch:
        copy = scratch / DATABASE
        database = Database(settings.database, upgrade=False)
        try:
            schema, is_sqlite = database.revision(), database.is_sqlite
            snapshot(database, copy)
        finally:
            database.close()
        with sealing(path, now, scratch / "backup.part") as sealer:
            sealer.add_file(DATABASE, copy)
            _add_outbox(sealer, settings.outbox_dir, editions_in(copy), remarks)
            _add_file(sealer, FEEDS, config, remarks)
            remarks += _feeds_left_out(config)
            for name, file in _files(settings.templates_dir, remarks):
                _add_file(sealer, f"{TEMPLATES}/{name}", file, remarks)
            if environment is not None:
                _add_file(sealer, ENVIRONMENT, environment, remarks)
            manifest = sealer.seal(
                __version__,
                schema,
                "sqlite" if is_sqlite else "postgresql",
                owner_of(settings.state_dir),
            )
    try:
        # A made-up `now` must not say for years that all is well.
        _note(settings.state_dir / _LAST, min(now, datetime.now(UTC)))
    except OSError as error:
        remarks.append(
            f"{settings.state_dir / _LAST}: {error.strerror}; the backup is made, but /metrics "
            "won't tell of it"
        )
    return BackedUp(path, path.stat().st_size, manifest, tuple(remarks))


def last_backup(state: Path) -> datetime:
    """When the last backup was taken (UTC) with the state folder `state`; NEVER when none was.

    Raises StoreError when that can't be read.
    """
    path = state / _LAST
    try:
        moment = datetime.fromisoformat(path.read_text("ascii").strip())
    except FileNotFoundError:
        return NEVER
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: can't be read ({error}); remove it") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _note(path: Path, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{_LAST}.{os.getpid()}")
    try:
        part.write_text(f"{now.astimezone(UTC).isoformat()}\n", "ascii")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the backup, gone at the end; those of killed backups go too."""
    for leftover in folder.glob(f"{_SCRATCH}*"):
        if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        made = tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder)
    except OSError as error:
        raise BackupError(
            f"{folder}: the backup can't be put there: {error.strerror}; name another folder, or "
            "make this one, for the user that makes backups to write to"
        ) from error
    with made as name:
        yield Path(name)


def _add_outbox(
    sealer: Sealer, root: Path, known: set[tuple[str, str]], remarks: list[str]
) -> None:
    """The folders of the digests: their editions, and what is published beside them.

    What is hidden is half-written, or can be made again. Editions that are `known` (digest, date)
    are asked for by name too: listing a folder can miss what is renamed meanwhile.
    """
    if not root.is_dir():
        return
    for digest in sorted(root.iterdir()):
        if digest.name.startswith("."):
            continue
        if digest.is_symlink() or not digest.is_dir():
            # A note of people's, a server's robots.txt: not ours, and no trouble to keep.
            _add_file(sealer, f"{OUTBOX}/{digest.name}", digest, remarks)
            continue
        folders = {child.name for child in digest.iterdir() if child.is_dir()}
        # The one that is being replaced: between two renames, or since the power went there.
        folders |= {name[1:].removesuffix(".replaced") for name in folders if _is_replaced(name)}
        folders |= {date for of, date in known if of == digest.name}
        for name in sorted(folder for folder in folders if not folder.startswith(".")):
            for file, data in _edition(digest / name).items():
                sealer.add(f"{OUTBOX}/{digest.name}/{name}/{file}", data)
        for file_path in sorted(digest.iterdir()):
            if not file_path.name.startswith(".") and not file_path.is_dir():
                _add_file(sealer, f"{OUTBOX}/{digest.name}/{file_path.name}", file_path, remarks)


def _is_replaced(name: str) -> bool:
    return name.startswith(".") and name.endswith(".replaced")


def _edition(folder: Path) -> dict[str, bytes]:
    """The files of an edition, all of one build, whatever is done to its folder meanwhile.

    None of them where it has no folder: not built yet, or removed. Raises BackupError where it
    never stays long enough to be read.
    """
    replaced = folder.with_name(f".{folder.name}.replaced")
    for _ in range(_TRIES):
        found = _read_folder(folder)
        if found is None:
            found = _read_folder(replaced)
            # Where the new one is there by now, the old one may have been half removed.
            if found is None or folder.exists():
                continue
        return found
    if folder.exists() or replaced.exists():
        raise BackupError(f"{folder}: is replaced over and over; make the backup when it is built")
    return {}


def _read_folder(path: Path) -> dict[str, bytes] | None:
    """All plain files in a folder that was there from the first to the last of them, else None.

    Through one handle: a rename can't put others in their place.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        files = {}
        for name in sorted(os.listdir(handle)):  # noqa: PTH208 - of the handle, not of a path
            is_plain = stat.S_ISREG(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
            if is_plain and not name.startswith("."):
                with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=handle), "rb") as file:
                    files[name] = file.read()
        # A folder that was replaced meanwhile may have lost files before they were listed.
        is_the_same = os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
        return files if is_the_same else None
    except FileNotFoundError:
        return None
    finally:
        os.close(handle)


def _feeds_left_out(config: Path) -> list[str]:
    """Says which feeds are files of this machine, and whether feeds.yaml can be used at all."""
    if not config.is_file():
        return []
    try:
        files = [feed.url for feed in load_config(config).feeds if "://" not in feed.url]
    except ConfigError as error:
        return [f"{config} is in the backup, but can't be used: {error.problems[0].message}"]
    if not files:
        return []
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    are = "1 feed is a file" if len(files) == 1 else f"{len(files)} feeds are files"
    return [f"{are}, and not in the backup: {', '.join(files[:_NAMED])}{more}"]


def _files(folder: Path, remarks: list[str]) -> Iterator[tuple[str, Path]]:
    """Names and paths of the plain files below a folder, hidden ones left out."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or path.is_dir():
            if path.is_symlink():
                remarks.append(f"{path} is a link, and is not in the backup")
            continue
        yield name.as_posix(), path


def _add_file(sealer: Sealer, name: str, path: Path, remarks: list[str]) -> None:
    """A file of people's, or of the web's: what is none, or went, costs a remark."""
    if not path.is_file():
        what = "is no plain file" if path.exists() else "isn't there"
        remarks.append(f"{path} {what}, and is not in the backup")
        return
    try:
        sealer.add(name, path.read_bytes())
    except FileNotFoundError:
        remarks.append(f"{path} went while the backup was made")
