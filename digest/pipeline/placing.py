"""Where a backup's parts go: made ready beside their places, then moved, what was there kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from digest.config import Settings
from digest.errors import BusyError, StoreError
from digest.pipeline.backup import DATABASE, FEEDS, OUTBOX, TEMPLATES
from digest.pipeline.sealed import told
from digest.store.copying import copy_database, holds_anything
from digest.store.database import Database
from digest.store.snapshots import file_address, others_at_work, snapshot, sqlite_file

RESTORING = ".restoring"
BEFORE = "before-restore"


@dataclass(frozen=True, slots=True)
class Staged:
    """Where the backup lies until it is moved: each part on the disk that it goes to."""

    database: Path
    outbox: Path
    configuration: Path

    def place(self, name: str) -> Path | None:
        """Where a member goes; None for one that isn't put back by itself."""
        if name == DATABASE:
            return self.database
        room, _, rest = name.partition("/")
        if room == OUTBOX and rest:
            return self.outbox / rest
        if name == FEEDS or name.startswith(f"{TEMPLATES}/"):
            return self.configuration / rest
        return None

    @property
    def feeds(self) -> Path:
        """The feeds.yaml of the backup, if it has one."""
        return self.configuration / Path(FEEDS).name

    @property
    def templates(self) -> Path:
        """The themes of the backup, if it has any."""
        return self.configuration / Path(TEMPLATES).name


@contextmanager
def staging(settings: Settings) -> Iterator[Staged]:
    """Empty places for a backup, gone at the end; those of a killed restore go first."""
    file = sqlite_file(settings.database)
    beside = file.parent if file is not None else settings.state_dir
    staged = Staged(
        beside / RESTORING / DATABASE,
        # In the outbox itself, which may be a volume of its own.
        settings.outbox_dir / RESTORING,
        settings.state_dir / f"{RESTORING}-configuration",
    )
    folders = (staged.database.parent, staged.outbox, staged.configuration)
    try:
        with told(beside):
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
        yield staged
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where `staged` goes, by the settings and by `config`, the path of feeds.yaml.

    `outbox` and `configuration` say whether these go there at all.
    """

    settings: Settings
    config: Path
    staged: Staged
    outbox: bool = True
    configuration: bool = True

    def in_the_way(self) -> list[str]:
        """What is there already and would have to go. Raises StoreError and BusyError."""
        found = [self._database()]
        if self.outbox:
            root = self.settings.outbox_dir
            full = [path.name for path in self._digests(root) if any(path.iterdir())]
            found += [str(root)] if full else []
        pairs = [*self._files(), *(self._beside() if self.outbox else ())]
        found += [str(goes) for lies, goes in pairs if _differs(lies, goes)]
        return [one for one in found if one]

    def put(self, mark: str) -> list[str]:
        """Moves all to its place; gives what was there, now under other names, marked `mark`.

        What was moved before an error is moved back, but for a server's database: that has what it
        is to have then, and what it had is kept. Raises StoreError, BusyError, BackupError.
        """
        moves = _Moves()
        try:
            with told(self.settings.state_dir):
                self._put_database(mark, moves)
                if self.outbox:
                    self._put_outbox(mark, moves)
                for lies, goes in self._files():
                    if _differs(lies, goes):
                        moves.keep(goes, goes.with_name(f"{goes.name}.{mark}"))
                    moves.put(lies, goes)
        except BaseException:
            moves.undo()
            raise
        return moves.kept

    # --- the database --------------------------------------------------------------------

    def _database(self) -> str:
        """The address of the database that is there with anything in it; empty if none is."""
        file = sqlite_file(self.settings.database)
        if file is not None and not file.exists():
            return ""
        try:
            database = Database(self.settings.database, upgrade=False)
        except StoreError:
            if file is None:
                raise
            return str(file)  # damaged, or a newer version's
        try:
            if others := others_at_work(database):
                raise BusyError(
                    f"{database.address}: {others} connections of digest are open to it; stop the "
                    "services, restore, and start them again"
                )
            return database.address if holds_anything(database) else ""
        except StoreError:
            if file is None:
                raise
            return str(file)
        finally:
            database.close()

    def _put_database(self, mark: str, moves: _Moves) -> None:
        file = sqlite_file(self.settings.database)
        if file is None:
            self._fill(mark, moves)
            return
        _leave_wal(file)
        # With its `-wal` and `-shm`, which would be taken for those of the file that comes.
        for side in ("", "-wal", "-shm", "-journal"):
            beside = file.with_name(file.name + side)
            if beside.exists():
                moves.keep(beside, file.with_name(f"{file.name}.{mark}{side}"), stays=not side)
        moves.move(self.staged.database, file)
        flush_folder(file.parent)

    def _fill(self, mark: str, moves: _Moves) -> None:
        """Fills the database of a server, after what it had was written into a file."""
        source = Database(file_address(self.staged.database))
        target = Database(self.settings.database)
        try:
            if holds_anything(target):
                file = self.settings.state_dir / f"{mark}.sqlite"
                snapshot(target, file)
                moves.kept.append(str(file))
            copy_database(source, target, replace=True)
        finally:
            source.close()
            target.close()

    # --- the outbox ----------------------------------------------------------------------

    @staticmethod
    def _digests(root: Path) -> list[Path]:
        if not root.is_dir():
            return []
        return sorted(
            path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
        )

    def _beside(self) -> list[tuple[Path, Path]]:
        """Files beside the digests' folders, in the backup and where they go."""
        root = self.settings.outbox_dir
        files = [path for path in self.staged.outbox.iterdir() if path.is_file()]
        return [(path, root / path.name) for path in sorted(files)]

    def _put_outbox(self, mark: str, moves: _Moves) -> None:
        """Moves all digests' folders away, then the backup's there."""
        root = self.settings.outbox_dir
        away = root / f".{mark}"
        for path in self._digests(root):
            moves.move(path, away / path.name)
        for lies, goes in self._beside():
            if _differs(lies, goes):
                moves.move(goes, away / goes.name)
            moves.put(lies, goes)
        for path in self._digests(self.staged.outbox):
            moves.move(path, root / path.name)
        flush_folder(root)
        if away.exists():
            moves.kept.append(str(away))

    # --- the configuration ---------------------------------------------------------------

    def _files(self) -> list[tuple[Path, Path]]:
        """The files of the configuration, in the backup and where they go."""
        if not self.configuration:
            return []
        found = [(self.staged.feeds, self.config)] if self.staged.feeds.is_file() else []
        themes = self.staged.templates
        files = sorted(path for path in themes.rglob("*") if path.is_file())
        goes = self.settings.templates_dir
        return found + [(path, goes / path.relative_to(themes)) for path in files]


class _Moves:
    """Renames that can be undone. `kept` names what was there before."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._done: list[tuple[Path, Path]] = []
        self._made: list[Path] = []

    def move(self, path: Path, to: Path) -> None:
        """Renames, on the same disk."""
        self._make(to.parent)
        path.rename(to)
        self._done.append((path, to))

    def keep(self, path: Path, to: Path, *, stays: bool = False) -> None:
        """Gives what was there another name.

        With `stays` it has its own, too, until something else gets that: so at no instant is
        nothing there, and a service that starts after a power cut doesn't begin with nothing.
        """
        if stays and _linked(path, to):
            self._done.append((path, to))
        else:
            self.move(path, to)
        self.kept.append(str(to))

    def put(self, lies: Path, goes: Path) -> None:
        """Copies a file to its place, on another disk too; one that is there is the same."""
        if goes.exists():
            return
        part = goes.with_name(f".{goes.name}{RESTORING}")
        self._make(goes.parent)
        try:
            with part.open("wb") as file:
                file.write(lies.read_bytes())
                file.flush()
                os.fsync(file.fileno())
            self.move(part, goes)
        finally:
            part.unlink(missing_ok=True)

    def undo(self) -> None:
        """Renames all back, the last first."""
        for path, to in reversed(self._done):
            to.rename(path)
            # Two names of one file are left as they are by a rename.
            to.unlink(missing_ok=True)
        for folder in reversed(self._made):
            folder.rmdir()

    def _make(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir()
            self._made.append(one)


def _linked(path: Path, to: Path) -> bool:
    """Gives a file a second name; False on a disk that knows none."""
    try:
        os.link(path, to)
    except OSError:
        return False
    return True


def flush_folder(path: Path) -> None:
    """Makes renames in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _differs(lies: Path, goes: Path) -> bool:
    return goes.exists() and (not goes.is_file() or goes.read_bytes() != lies.read_bytes())


def _leave_wal(file: Path) -> None:
    """Makes a SQLite database that nobody has open one file. Raises BusyError where somebody has.

    One that is damaged is left as it is, with what lies beside it.
    """
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=1)) as old:
            # It leaves WAL only where no other connection is open.
            old.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise BusyError(
                f"{file}: a service has it open; stop it, restore, and start it again"
            ) from error
