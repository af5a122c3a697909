"""The word to stop, for those who wait for a mail server's answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from digest.protocols import Transport

PATIENCE = 4.0
"""Seconds that a server has left to answer after the word to stop: ten are all there are, and
closing takes its part of them."""

_LOOKS = 0.1


@contextmanager
def cutting(
    stop: threading.Event, transports: Sequence[Transport], patience: float | None = None
) -> Iterator[None]:
    """Cuts what `transports` then holds `patience` (PATIENCE) seconds after `stop` is set."""
    over = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if over.wait(_LOOKS):
                return
        wait = PATIENCE if patience is None else patience
        while not over.wait(wait):
            for transport in tuple(transports):
                transport.cut()
            # Again and again: one that looked at `stop` a moment too early connects only now.
            wait = _LOOKS

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
