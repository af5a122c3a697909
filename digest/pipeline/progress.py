"""How far a stage is, and how long it took, told to whoever watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Literal, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Stage = Literal["fetch", "pages", "encode", "group", "summarise", "compose", "publish", "send"]


class Progress(Protocol):
    """Told as a stage goes on; `done` of `total` things of `stage` are finished."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """For when nobody watches."""


class Listener(Protocol):
    """Told when a stage has ended: the seconds that it took, and how many things failed in it.

    Called from the thread that did the work; must not wait or raise.
    """

    def __call__(self, stage: Stage, seconds: float, failed: int) -> None: ...


# Of the process, as the handlers of a log are: runs begin in several places (the schedule, the
# desk), and who measures them is no business of any of these.
_listeners: tuple[Listener, ...] = ()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tells `listener` of all stages that end in this process meanwhile."""
    global _listeners
    _listeners = (*_listeners, listener)
    try:
        yield
    finally:
        _listeners = tuple(one for one in _listeners if one is not listener)


def measured(
    stage: Stage, failures: Callable[[Any], int] = lambda _: 0
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Makes of a function one whose time is told as that of `stage`.

    `failures` counts what failed by what the function gave. What it raises is a failure as well,
    unless that only ends it (`KeyboardInterrupt` and the like): then nothing is told.
    """

    def measuring(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            begun = time.monotonic()
            try:
                done = work(*args, **kwargs)
            except Exception:
                _tell(stage, time.monotonic() - begun, 1)
                raise
            _tell(stage, time.monotonic() - begun, failures(done))
            return done

        return timed

    return measuring


def _tell(stage: Stage, seconds: float, failed: int) -> None:
    for listener in _listeners:
        listener(stage, seconds, failed)
