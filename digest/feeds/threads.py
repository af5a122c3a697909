"""An event loop beside the thread that reads, and a limit to how long that one may."""

from __future__ import annotations

import asyncio
import ctypes
import queue
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from types import FrameType
from typing import TypeVar

# Results that wait to be parsed. One would do; a few keep the parser busy.
_WAITING = 4
# Seconds after which whoever goes on all the same is stopped again: a parser may catch everything.
_AGAIN = 1.0
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
    """Raises TooSlowError in the block once `seconds` have passed, between two steps of Python."""
    is_main = threading.current_thread() is threading.main_thread()
    with _alarmed(seconds) if is_main else _watched(seconds):
        yield


@contextmanager
def _alarmed(seconds: float) -> Iterator[None]:
    """The limit of a process's main thread, to which a signal comes even while it waits."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """The limit of any other thread, as a Dask worker's are: another one raises the error in it."""
    thread = ctypes.c_ulong(threading.get_ident())
    over = threading.Event()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TooSlowError))
            wait = _AGAIN

    watcher = threading.Thread(target=watch, name="limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        while watcher.is_alive():
            try:
                over.set()
                watcher.join()
            except TooSlowError:  # it came when the block was done
                continue
        # One that has not been raised yet is taken back.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)
