"""An event loop beside the thread that reads, and a limit to how long that one may."""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from types import FrameType
from typing import TypeVar

# Results that wait to be parsed. One would do; a few keep the parser busy.
_WAITING = 4
# Seconds of silence after which whoever waits is told so.
_MOMENT = 0.1

Item = TypeVar("Item")


def elsewhere(source: Callable[[], AsyncIterator[Item]]) -> Iterator[Item | None]:
    """What `source` gives, from an event loop in a thread of its own.

    None where nothing came for a moment, so that who waits can do something else. No more than a
    few items wait: a slow consumer holds the source back. What is raised there is raised here;
    leaving early ends the thread.
    """
    items: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(_WAITING)
    left = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None] | None]] = []

    def put(item: Item | None, error: BaseException | None) -> None:
        while not left.is_set():
            try:
                items.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return

    async def pump() -> None:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        async with aclosing(source()) as found:  # type: ignore[type-var]
            async for item in found:
                await asyncio.to_thread(put, item, None)

    def run() -> None:
        try:
            asyncio.run(pump())
        except BaseException as error:
            put(None, error)
        else:
            put(None, StopIteration())

    thread = threading.Thread(target=run, name="fetch", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = items.get(timeout=_MOMENT)
            except queue.Empty:
                yield None
                continue
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        left.set()
        for loop, task in running:
            if task is not None and thread.is_alive():
                with suppress(RuntimeError):  # the loop ended between the two
                    loop.call_soon_threadsafe(task.cancel)
        thread.join()


class TooSlowError(BaseException):
    """The time is up. No Exception, lest a parser's own "except Exception" swallow it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TooSlowError in the block once `seconds` have passed.

    Only a process's main thread can be interrupted; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    # And once a second from then on: a parser may catch everything.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
