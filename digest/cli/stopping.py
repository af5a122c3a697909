"""SIGTERM and Ctrl-C for commands that send: the message in hand is finished, no other begun."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from digest.cli.common import SOME_FAILED, complain

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Ten seconds are promised. What isn't finished by then is left as a power cut would leave it.
_AT_THE_LATEST = 9.3


@contextmanager
def until_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; a second one ends the process as usual.

    What doesn't heed the event within ten seconds is ended with the process.
    """
    stop = threading.Event()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}

    def on_signal(number: int, _: object) -> None:
        if not stop.is_set():
            complain("stopping after the message in hand; the others wait for the next time")
            threading.Thread(target=end_at_the_latest, args=(SOME_FAILED,), daemon=True).start()
        stop.set()
        signal.signal(number, before[number])

    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])


def end_at_the_latest(status: int) -> None:
    """Ends the process with `status` shortly before ten seconds are over; for a daemon thread."""
    time.sleep(_AT_THE_LATEST)
    os._exit(status)
