"""A backup put back: verified, made fit, and moved into place; what was there is kept beside it.

All is prepared beside its place first, and moved by renames at the end, the database before the
outbox: should the power go in between, the database knows editions that the outbox doesn't have
yet, which are in doubt anyway, and nothing is sent. `digest restore --force` does it again then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from digest import __version__
from digest.config import Config, Settings, load_config
from digest.editions.frozen import load_edition
from digest.errors import BusyError, ConfigError, OutboxError, UsageError
from digest.outbox.outbox import Outbox
from digest.pipeline.backup import ENVIRONMENT, OUTBOX
from digest.pipeline.delivering import fingerprint
from digest.pipeline.owner import owner_of
from digest.pipeline.placing import BEFORE, RESTORING, Place, Staged, staging
from digest.pipeline.sealed import Manifest, look_through, told
from digest.records import DueEdition, EditionStatus
from digest.store.database import Database
from digest.store.editions import Editions
from digest.store.resuming import Lying, Resumed, hand_over, resume
from digest.store.snapshots import file_address, finish_file

Due = Callable[[Config, datetime, datetime], Sequence[DueEdition]]
"""The editions of a configuration that may have been built between two moments."""

# States of an edition that was not built, as far as the database knows.
_UNBUILT = ("building", "failed")
# A database learns of an edition right after it is written, or at the next run after a power cut.
# What it doesn't know a day later it has forgotten (`keep_days`), or was put there by hand.
_KNOWN_BY_THEN = timedelta(days=1)
_LOCKS = ("serve.lock", "run.lock", "send.lock")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be put back, and how. `force` moves away what is there.

    `nothing_sent` says that no service has worked since the backup: all goes on where it was.
    """

    force: bool = False
    outbox: bool = True
    configuration: bool = True
    nothing_sent: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `schema` is the database's before and after, `kept` what was there."""

    manifest: Manifest
    schema: tuple[str, str]
    resumed: Resumed
    kept: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def restore(
    settings: Settings, config: Path, file: Path, now: datetime, due: Due, wishes: Wishes
) -> Restored:
    """Puts the backup `file` to where `settings` and `config` (feeds.yaml) say, as of `now`.

    Nothing is touched before the whole file was verified, its database brought to this version's
    schema and everything it holds made ready beside its place. Raises BackupError for a file that
    was cut off, altered, or written by a newer version; UsageError where something is in the way
    and `wishes` don't say that it may be moved, or where no feeds.yaml says what was due since;
    BusyError where a service works there; StoreError.
    """
    with alone(settings), staging(settings) as staged:
        manifest = look_through(file, partial(_goes, staged, wishes))
        _refuse_newer(file, manifest)
        place = Place(settings, config, staged, wishes.outbox, wishes.configuration)
        if (there := place.in_the_way()) and not wishes.force:
            raise UsageError(_in_the_way(there))
        database = Database(file_address(staged.database), upgrade=False)
        try:
            schema = database.upgrade()
            owner = owner_of(settings.state_dir)
            if manifest.instance != owner:
                hand_over(database, manifest.instance, owner)
            remarks: list[str] = []
            resumed = Resumed()
            if not wishes.nothing_sent:
                outbox = Outbox(staged.outbox if wishes.outbox else settings.outbox_dir)
                feeds = staged.feeds if wishes.configuration and staged.feeds.is_file() else config
                taken, now = manifest.taken, max(now, manifest.taken)
                known = {(one.digest, one.date): one for one in Editions(database).statuses()}
                lying = _lying(known, outbox, taken - _KNOWN_BY_THEN, remarks)
                coming = due(_config(file, feeds), taken, now)
                resumed = resume(database, lying, coming, taken, now)
        finally:
            database.close()
        finish_file(staged.database)
        kept = place.put(f"{BEFORE}-{now:%Y%m%dT%H%M%SZ}")
    return Restored(manifest, schema, resumed, tuple(kept), tuple(remarks))


@dataclass(frozen=True, slots=True)
class Environment:
    """A backup's settings: where they lie to be read, and where those that are there will be."""

    path: Path
    kept: str = ""


@contextmanager
def environment(file: Path, target: Path, *, force: bool, now: datetime) -> Iterator[Environment]:
    """The settings of a backup, put to `target` at the end of the block, unless that raises.

    Raises UsageError where the backup has none, or others are there; BackupError.
    """
    part = target.with_name(f"{target.name}{RESTORING}")
    part.unlink(missing_ok=True)
    try:
        look_through(file, lambda name: part if name == ENVIRONMENT else None)
        if not part.exists():
            raise UsageError(f"{file} has no settings in it: it was made without --with-env")
        kept = target.with_name(f"{target.name}.{BEFORE}-{now:%Y%m%dT%H%M%SZ}")
        with told(target):
            part.chmod(0o600)
            differs = target.exists() and target.read_bytes() != part.read_bytes()
        if differs and not force:
            raise UsageError(f"{target} is there, and differs; --force keeps it beside")
        yield Environment(part, str(kept) if differs else "")
        with told(target):
            if differs:
                target.rename(kept)
            part.rename(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def alone(settings: Settings, what: str = "restore") -> Iterator[None]:
    """Holds all locks of the state folder. Raises BusyError where somebody works there.

    `what` is done meanwhile, as the message has it.
    """
    with ExitStack() as stack, told(settings.state_dir):
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        for name in _LOCKS:
            lock = FileLock(settings.state_dir / name)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise BusyError(
                    f"{settings.state_dir}: a service works with it; stop it, {what}, and start "
                    "it again"
                ) from error
            stack.callback(lock.release)
        yield


def _refuse_newer(file: Path, manifest: Manifest) -> None:
    if _numbers(manifest.version) > _numbers(__version__):
        raise UsageError(
            f"{file} was written by digest {manifest.version}, this is {__version__}; install that "
            "version, or a newer one, to restore it"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _goes(staged: Staged, wishes: Wishes, name: str) -> Path | None:
    """Where a member goes, by the wishes."""
    return staged.place(name) if wishes.outbox or not name.startswith(f"{OUTBOX}/") else None


def _in_the_way(there: Sequence[str]) -> str:
    return (
        f"there is something already: {', '.join(there)}; with --force it is kept beside what is "
        "restored"
    )


def _config(file: Path, feeds: Path) -> Config:
    if not feeds.is_file():
        # Nothing would be skipped then, and what has gone out be built and sent once more.
        raise UsageError(
            f"{feeds} isn't there, and without it can't be told what was due since the backup; put "
            "it there, or restore the configuration too; --nothing-sent-since, if no service has "
            "worked since"
        )
    try:
        return load_config(feeds)
    except ConfigError as error:
        raise UsageError(
            f"{file}: what was due since can't be told without a feeds.yaml that can be read; put "
            f"a good one to its place, and add --without-configuration: {error.problems[0].message}"
        ) from error


def _lying(
    statuses: Mapping[tuple[str, str], EditionStatus],
    outbox: Outbox,
    since: datetime,
    remarks: list[str],
) -> dict[tuple[str, str], Lying]:
    """The editions in the outbox, built after `since`, of which the database doesn't know that."""
    found = {}
    for digest in sorted(path.name for path in outbox.root.iterdir() if path.is_dir()):
        if digest.startswith("."):
            continue
        try:
            for date in outbox.dates(digest):
                status = statuses.get((digest, date))
                if status is None or (status.started is None and status.state in _UNBUILT):
                    data = outbox.read(digest, date)
                    built = load_edition(data, f"{digest}/{date}").built
                    if built > since:
                        found[digest, date] = Lying(fingerprint(data), built)
        except OutboxError as error:
            remarks.append(str(error))
    return found
