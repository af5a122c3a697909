"""How fast messages may leave: so many a second, so many an hour, over all connections."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

HOUR = 3600.0
"""Seconds of the longer period."""

# Messages are counted in parts of the hour, so that neither memory nor time grows with the limit. A
# part is let go as a whole, by its last moment: the limit is never passed, and 10 s lost at most.
_PART = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits: messages a second, kept by a gap between any two, and in any hour."""

    per_second: float | None = None
    per_hour: int | None = None

    def wait(self, now: float, last: float | None, hour: Sequence[tuple[float, int]]) -> float:
        """Seconds until the next message may leave; 0 when it may at once.

        All moments are seconds of one clock that never goes back. `last` is when a message left
        last; `hour` holds moments, oldest first, with how many left up to each of them. One in the
        future counts as now: no wait is longer than its period.
        """
        return max(self._gap(now, last), self._room(now, hour))

    def _gap(self, now: float, last: float | None) -> float:
        if not self.per_second or last is None:
            return 0.0
        return max(0.0, min(last, now) + 1 / self.per_second - now)

    def _room(self, now: float, hour: Sequence[tuple[float, int]]) -> float:
        if not self.per_hour:
            return 0.0
        too_many = sum(count for moment, count in hour if now - moment < HOUR) - self.per_hour
        wait = 0.0
        for moment, count in hour:
            if too_many < 0:
                break
            if now - moment < HOUR:
                wait = max(wait, min(moment, now) + HOUR - now)
                too_many -= count
        return wait


class Pacer:
    """Lets messages of several threads leave at one pace. `clock` gives seconds.

    Where it jumps back, no time has passed; where it jumps ahead, that time has passed.
    """

    def __init__(self, pace: Pace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._guard = threading.Lock()
        self._last: float | None = None
        self._read = clock()
        self._lag = 0.0
        self._hour: deque[tuple[float, int]] = deque()

    def seed(self, sent: Iterable[datetime], now: datetime) -> None:
        """Counts what earlier processes sent, as the store says; aware moments, in any order."""
        ages = sorted((now - moment).total_seconds() for moment in sent)
        with self._guard:
            moment = self._now()
            # What lies in the future was sent before the clock was set back: it counts as new.
            for age in reversed(ages):
                if age < HOUR:
                    self._count(moment - max(age, 0.0))

    def delay(self) -> float:
        """Seconds until the next message may leave, as things are now."""
        with self._guard:
            return self._pace.wait(self._now(), self._last, self._hour)

    def take(self, stop: threading.Event, most: float = math.inf) -> bool:
        """Waits until a message may leave, and counts it.

        False, with nothing counted, when `stop` is set first, or when the wait would be longer than
        `most` seconds: `delay` says how long.
        """
        while not stop.is_set():
            with self._guard:
                now = self._now()
                wait = self._pace.wait(now, self._last, self._hour)
                if wait <= 0:
                    self._last = now
                    self._count(now)
                    return True
            if wait > most:
                return False
            stop.wait(wait)
        return False

    def _now(self) -> float:
        """The clock's time, which goes on where it was when the clock is set back."""
        read = self._clock()
        self._lag += max(0.0, self._read - read)
        self._read = read
        return read + self._lag

    def _count(self, moment: float) -> None:
        """Adds one message; moments come in order."""
        if not self._pace.per_hour:
            return
        while self._hour and moment - self._hour[0][0] >= HOUR:
            self._hour.popleft()
        # Parts end at multiples of their length; a part counts up to its end.
        end = math.ceil(moment / _PART) * _PART
        if self._hour and self._hour[-1][0] == end:
            self._hour[-1] = (end, self._hour[-1][1] + 1)
        else:
            self._hour.append((end, 1))
