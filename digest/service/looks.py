"""Looks at what may be slow or gone: taken in a thread beside, waited for briefly, remembered.

However many ask, one look at a time is under way; and when it never comes back, as from a disk
that is gone, one thread waits for it, and nobody else does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Look(Generic[T]):
    """What `ask` gives, asked for again when it is older than `good_for` seconds.

    What takes long is asked for more rarely, so that it takes at most `share` of the time: a count
    of a million rows must not keep the database busy. What `ask` raises is remembered for
    `good_for`. `ask` runs in a thread of its own.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], T],
        good_for: float,
        share: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._ask = ask
        self._good_for = good_for
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: Future[T] | None = None
        self._until = 0.0
        self._last: tuple[float, T] | None = None

    async def take(self, wait: float) -> T:
        """What was found lately, or is found within `wait` seconds.

        Raises TimeoutError after that, and whatever `ask` raised.
        """
        return await asyncio.wait_for(asyncio.wrap_future(self._begun()), wait)

    async def latest(self, wait: float, at_most: float) -> T | None:
        """The same; where that takes too long, what was found last.

        None where that should have been replaced over `at_most` seconds ago, and where `ask` raised
        something.
        """
        try:
            return await self.take(wait)
        except TimeoutError:
            with self._lock:
                last = self._last
            return last[1] if last and self._clock() - last[0] <= at_most else None
        except Exception:
            return None  # whoever answers for it tells it, as `Health` does for the database

    def _begun(self) -> Future[T]:
        """What is under way or still good; else a new look, begun now."""
        with self._lock:
            asked = self._asked
            if asked is not None and (not asked.done() or self._clock() < self._until):
                return asked
            future: Future[T] = Future()
            future.set_running_or_notify_cancel()  # so that nobody who gives up can cancel it
            self._asked = future
        threading.Thread(target=self._run, args=(future,), name=self._name, daemon=True).start()
        return future

    def _run(self, future: Future[T]) -> None:
        begun = self._clock()
        try:
            found = self._ask()
        except BaseException as error:
            self._settle(begun)
            future.set_exception(error)
        else:
            self._settle(begun, found)
            future.set_result(found)

    def _settle(self, begun: float, *found: T) -> None:
        now = self._clock()
        with self._lock:
            self._until = now + max(self._good_for, (now - begun) / self._share if found else 0.0)
            if found:
                self._last = (self._until, found[0])
