"""Whether the service lives (`/healthz`), and whether it can do its work (`/readyz`).

What they say is fit for strangers: names of digests and plain words, no address, path or person.
The details stand in the log. Both answer within seconds whatever is away: what may hang is looked
at in threads beside (`looks`).
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from digest.config import Config, DigestSpec
from digest.errors import DigestError
from digest.records import EditionStatus
from digest.service.due import decide, newest_due
from digest.service.looks import Look
from digest.service.pulse import Pulse
from digest.service.schedule import Lane
from digest.store.store import Store

log = logging.getLogger(__name__)

ANSWER = 2.0
"""Seconds within which a database and a disk must answer."""
# Whoever asks more often than that gets what was found for the last one.
_GOOD_FOR = 5.0
_EDITIONS_GOOD_FOR = 15.0
# The shortest period of a job is two seconds; a machine whose cores a model has all to itself may
# be late by some. A minute later the scheduler's thread is gone, or waits for ever.
_SILENCE = 60.0
# A run takes a few minutes when a hundred feeds are all new, and a model that writes may take a
# quarter of an hour.
_BUILDING = timedelta(minutes=30)
# As in `digest doctor`: a year of two daily digests takes about half of it.
_LITTLE_SPACE = 200_000_000
_NAMED = 5

_LANES: Mapping[Lane, str] = {
    "build": "building",
    "send": "sending",
    "letters": "the letters that ask people to confirm",
    "watch": "the look at feeds.yaml",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what is wrong and to be done; `problem` is empty when nothing is.

    `detail` is for the log: it may name addresses and paths.
    """

    name: str
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a digest is: when its last edition was built, and the date and moment (aware UTC) that
    has no edition although it should; None where there is none."""

    digest: str
    built: datetime | None = None
    overdue: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """A folder's disk, in bytes."""

    free: int
    size: int


class Health:
    """Looks after a service. `folders` are the outbox and the state by these names.

    `silence` gives the seconds since the scheduler's thread last did anything, `clock` the time.
    """

    def __init__(
        self,
        store: Store,
        folders: Mapping[str, Path],
        config: Callable[[], Config],
        grace: timedelta,
        silence: Callable[[], float],
        pulse: Pulse,
        clock: Callable[[], datetime],
    ) -> None:
        self._silence = silence
        self._pulse = pulse
        self._clock = clock
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()
        self._database = Look("looking at the database", store.counts.answer, _GOOD_FOR)
        self.spaces = {
            name: Look(f"looking at the {name}", partial(try_folder, path), _GOOD_FOR)
            for name, path in folders.items()
        }
        self.standings = Look(
            "looking at the editions",
            lambda: standings(store, config().digests, clock(), grace),
            _EDITIONS_GOOD_FOR,
        )

    def routes(self) -> list[Route]:
        """`/healthz` and `/readyz`."""
        return [Route("/healthz", self._alive), Route("/readyz", self._ready)]

    async def checks(self) -> list[Check]:
        """What is right and wrong now, within seconds. What has changed is logged."""
        found = await asyncio.gather(
            self._look_at_database(),
            *(self._look_at_folder(name) for name in self.spaces),
            self._look_at_editions(),
        )
        checks = [*found, self._look_at_scheduler()]
        self._log(checks)
        return checks

    async def _alive(self, _: Request) -> Response:
        # Not in one of the threads that wait for the database, of which there are forty.
        if (silent := self._silence()) <= _SILENCE:
            return JSONResponse({"status": "ok"})
        problem = (
            f"nothing was begun for {silent:.0f} s: the scheduler is gone; restart the service"
        )
        return JSONResponse({"status": "not alive", "problem": problem}, 503)

    async def _ready(self, _: Request) -> Response:
        checks = await self.checks()
        ready = not any(check.problem for check in checks)
        told = {check.name: {"ok": not check.problem, "problem": check.problem} for check in checks}
        status = "ready" if ready else "not ready"
        return JSONResponse({"status": status, "checks": told}, 200 if ready else 503)

    async def _look_at_database(self) -> Check:
        try:
            await self._database.take(ANSWER)
        except TimeoutError:
            return Check("database", _DATABASE_LATE)
        except Exception as error:
            return Check("database", _DATABASE_BAD, _detail(error))
        return Check("database")

    async def _look_at_folder(self, name: str) -> Check:
        setting = f"DIGEST_{name.upper()}_DIR"
        try:
            space = await self.spaces[name].take(ANSWER)
        except TimeoutError:
            problem = (
                f"the disk of the {name} folder did not answer within {ANSWER:g} s; look at it"
            )
            return Check(name, problem)
        except OSError as error:
            problem = (
                f"the {name} folder can't be written ({error.strerror}); make room, or check the "
                f"rights of {setting}"
            )
            return Check(name, problem, str(error))
        except Exception as error:
            return Check(name, f"the {name} folder can't be looked at; see the log", _detail(error))
        if space.free < _LITTLE_SPACE:
            left = f"{space.free // 1_000_000} MB left"
            problem = f"the disk of the {name} folder has {left}; make room ({setting})"
            return Check(name, problem)
        return Check(name)

    async def _look_at_editions(self) -> Check:
        try:
            found = await self.standings.take(ANSWER)
        except TimeoutError:
            return Check("editions", "the database did not say in time which editions there are")
        except Exception as error:
            problem = "the database can't say which editions there are; see the log"
            return Check("editions", problem, _detail(error))
        late = [one for one in found if one.overdue]
        if not late:
            return Check("editions")
        told = [f"{one.digest}/{one.overdue} (due {_shown(one.since)})" for one in late[:_NAMED]]
        further = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        problem = f"overdue: {', '.join(told)}{further}; `digest outbox` says why"
        return Check("editions", problem)

    def _look_at_scheduler(self) -> Check:
        if (silent := self._silence()) > _SILENCE:
            problem = f"the scheduler has begun nothing for {silent:.0f} s; restart the service"
            return Check("scheduler", problem)
        still = self._pulse.standing_still()
        if not still:
            return Check("scheduler")
        told = [f"{_LANES[lane]} ({length:.0f} s)" for lane, length in still.items()]
        return Check("scheduler", f"stands still: {', '.join(told)}; restart the service")

    def _log(self, checks: Sequence[Check]) -> None:
        """Says what has begun to be wrong, and what is right again; each once."""
        with self._lock:
            before = self._told
            self._told = {check.name: check.problem for check in checks if check.problem}
        for check in checks:
            was, problem = before.get(check.name, ""), check.problem
            if problem and not was:
                detail = f" ({check.detail})" if check.detail else ""
                log.error("not ready: %s: %s%s", check.name, problem, detail)
            elif was and not problem:
                log.warning("ready again: %s", check.name)


_DATABASE_LATE = (
    f"the database did not answer within {ANSWER:g} s; see whether it runs and can be reached, and "
    "what keeps it busy"
)
_DATABASE_BAD = "the database can't be used; the log of the service says why and what to do"


def try_folder(path: Path) -> Space:
    """Writes into `path`, or to where it is to be made, and leaves nothing. Raises OSError."""
    while not path.exists() and path != path.parent:
        path = path.parent
    # Without a name where the system has such files, so that nobody ever sees it.
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(b"\0" * 4096)
        file.flush()
    usage = shutil.disk_usage(path)
    return Space(usage.free, usage.total)


def standings(
    store: Store, digests: Sequence[DigestSpec], now: datetime, grace: timedelta
) -> list[Standing]:
    """Where each of `digests` is. Raises StoreError."""
    # Of what a clock that was wrong wrote for later dates, nothing is known.
    until = {
        spec.name: (now.astimezone(ZoneInfo(spec.timezone)).date() + timedelta(days=1)).isoformat()
        for spec in digests
    }
    known = store.counts.newest_editions(until)
    return [standing(spec, known[spec.name], now, grace) for spec in digests]


def standing(
    spec: DigestSpec, newest: Sequence[EditionStatus], now: datetime, grace: timedelta
) -> Standing:
    """Where `spec` is by its `newest` editions, newest first. Pure.

    An edition is overdue half an hour after its moment, when the schedule would still build it or
    has to say that it is skipped, or when it failed; until it is there, is skipped, or the next one
    is due. What an editor has yet to approve is there.
    """
    built = max((row.built for row in newest if row.built is not None), default=None)
    due = newest_due(spec, now)
    if due is None or now - due.moment <= _BUILDING:
        return Standing(spec.name, built)
    known = {row.date: row for row in newest}
    row = known.get(due.date)
    unfinished = row is not None and row.state in ("building", "failed")
    wanted = any(decision.due.date == due.date for decision in decide(spec, known, now, grace))
    if unfinished or wanted:
        return Standing(spec.name, built, due.date, due.moment)
    return Standing(spec.name, built)


def _detail(error: Exception) -> str:
    return str(error) if isinstance(error, DigestError) else f"{type(error).__name__}: {error}"


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
