"""When what failed is tried again, and what may leave by itself. Pure; times are aware UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from digest.records import EditionStatus

# What a server puts off it often takes minutes later (greylisting asks for 5 to 15); then less and
# less often, so that a full mailbox isn't knocked at all day.
_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=3)
# A mail server that is restarted is back within the minute; one that is down for long is noticed
# by people, and asked four times an hour.
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=15)
# An edition that could not be built: feeds and networks come back within minutes.
_FIRST_REBUILD = timedelta(minutes=5)
_LONGEST_REBUILD = timedelta(hours=1)

LONGEST = max(_LONGEST_WAIT, _LONGEST_PAUSE, _LONGEST_REBUILD)
"""Nothing waits longer than this: a later time was set by a clock that was wrong."""

Leave = Literal["now", "later", "never"]


def next_delivery(attempts: int, now: datetime) -> datetime:
    """When a delivery that failed `attempts` times (1 and more) is tried again."""
    return now + _doubled(_FIRST_WAIT, attempts, _LONGEST_WAIT)


def next_round(attempts: int, now: datetime) -> datetime:
    """When a mail server that failed `attempts` times in a row is tried again."""
    return now + _doubled(_FIRST_PAUSE, attempts, _LONGEST_PAUSE)


def next_build(attempts: int, now: datetime) -> datetime:
    """When an edition whose building failed `attempts` times in a row is built again."""
    return now + _doubled(_FIRST_REBUILD, attempts, _LONGEST_REBUILD)


def delivery_is_given_up(attempts: int, most: timedelta) -> bool:
    """Whether a delivery that failed `attempts` times has been tried for longer than `most`.

    By the waits between its tries, not by a clock: one that is wrong, or a machine that was off,
    takes nobody's tries away.
    """
    return _waited(_FIRST_WAIT, attempts, _LONGEST_WAIT) > most


def server_is_given_up(attempts: int, most: timedelta) -> bool:
    """Whether a mail server that failed `attempts` times in a row was tried for over `most`."""
    return _waited(_FIRST_PAUSE, attempts, _LONGEST_PAUSE) > most


def waits(not_before: datetime | None, now: datetime) -> bool:
    """Whether it is too early still."""
    return not_before is not None and now < not_before <= now + LONGEST


def may_leave(status: EditionStatus, now: datetime, grace: timedelta) -> Leave:
    """Whether an edition leaves by itself now.

    What is being sent goes on. What is approved leaves from its time on; `never` when it could not
    for longer than `grace`, counted from its time or from its approval, whichever came last: a
    morning's news helps nobody in the evening.
    """
    if status.state == "approved":
        if status.send_at is None or status.send_at > now:
            return "later"
        if now - max(status.send_at, status.approved or status.send_at) > grace:
            return "never"
    elif status.state != "sending":
        return "later"
    return "later" if waits(status.not_before, now) else "now"


def _waited(first: timedelta, attempts: int, longest: timedelta) -> timedelta:
    """All the waits after `attempts` tries but the last."""
    doublings = 0
    while first * (1 << doublings) < longest:
        doublings += 1
    growing = min(attempts - 1, doublings)
    return first * ((1 << max(0, growing)) - 1) + longest * max(0, attempts - 1 - doublings)


def _doubled(first: timedelta, attempts: int, longest: timedelta) -> timedelta:
    # Doubled ten times, the shortest is over any of the longest.
    return min(longest, first * (1 << min(10, max(0, attempts - 1))))
