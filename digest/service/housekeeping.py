"""What a service forgets once a day: who never confirmed, and what is older than it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.config import Config
from digest.errors import StoreError
from digest.pipeline.wiring import Workshop
from digest.store.pruning import Pruned

# Whoever has not confirmed for so long won't; their address is not ours to keep.
_UNCONFIRMED = timedelta(days=30)
# A window reaches back from a run, a memory from a local date, and what came late a day further.
_SLACK = timedelta(days=2)
# Of this file in the state folder: the date of the last time.
_NOTE = "housekeeping"


@dataclass(frozen=True, slots=True)
class Kept:
    """What went: subscriptions that were never confirmed, and what was too old."""

    forgotten: int
    pruned: Pruned

    def __str__(self) -> str:
        plural = "" if self.forgotten == 1 else "s"
        return (
            f"{self.forgotten} unconfirmed subscription{plural} forgotten; removed: {self.pruned}"
        )


def keep_house(
    workshop: Workshop,
    config: Config,
    keep_days: int,
    now: datetime,
    go_on: Callable[[], None] = lambda: None,
) -> Kept:
    """Forgets what is not to be kept at `now` (aware UTC). Raises StoreError, and as `go_on` does.

    What is `keep_days` old goes, but for what the digests' windows and memories reach back to. A
    clock that is ahead for a day costs nothing: the service must have run on three dates.
    """
    store = workshop.store
    trusted = store.pruning.trusted(now)
    if trusted is None:
        return Kept(0, Pruned())
    forgotten = store.subscribers.forget_unconfirmed(trusted - _UNCONFIRMED)
    before, feeds = kept(config, keep_days, trusted)
    return Kept(forgotten, store.pruning.prune(before, feeds, go_on))


def keep_house_daily(
    workshop: Workshop,
    config: Config,
    keep_days: int,
    now: datetime,
    go_on: Callable[[], None] = lambda: None,
) -> Kept | None:
    """`keep_house`, for commands that cron starts; None where it was done at this date already.

    Where `go_on` stops it, the next one of the date goes on with it.
    """
    note, today = workshop.state / _NOTE, now.date().isoformat().encode()
    try:
        if note.is_file() and note.read_bytes() == today:
            return None
        go_on()
        done = keep_house(workshop, config, keep_days, now, go_on)
        note.write_bytes(today)
    except OSError as error:
        raise StoreError(
            f"{note}: {error.strerror}; the state folder must be writable (DIGEST_STATE_DIR)"
        ) from error
    return done


def kept(config: Config, keep_days: int, now: datetime) -> tuple[datetime, frozenset[str]]:
    """Before when articles are old, and the feeds of which none is: those without a window."""
    spans = [timedelta(days=keep_days)]
    for spec in config.digests:
        # An edition that is remembered told articles which were as old as its window then.
        spans.append(spec.memory + (spec.window or timedelta(0)) + _SLACK)
    endless = [spec for spec in config.digests if spec.window is None]
    return now - max(spans), frozenset(
        feed.name for spec in endless for feed in config.feeds_of(spec)
    )
