"""Programs that are measured: run to their end, with what all their processes took. Linux only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOOKS = 0.1  # seconds between two looks
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Watched:
    """What a program and all that it started took; `said` is what it printed, read as JSON.

    `seconds` is wall-clock time. `peak` is the largest sum of their proportional set sizes (shared
    pages are shared out), in bytes, and `cpu` their processor seconds, both as seen in ten looks a
    second: what came and went between two looks is missing.
    """

    seconds: float = 0.0
    peak: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    _ticks: dict[str, int] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        return sum(self._ticks.values()) / _TICKS

    def look(self, session: int) -> None:
        """Look at the processes of a session."""
        kilobytes = 0
        for folder in Path("/proc").iterdir():
            with suppress(OSError):  # it ended just now
                if folder.name.isdigit() and os.getsid(int(folder.name)) == session:
                    sizes = (folder / "smaps_rollup").read_text().splitlines()
                    kilobytes += sum(int(line.split()[1]) for line in sizes if line[:4] == "Pss:")
                    # After the name, which may hold anything: the 12th and 13th (proc(5)).
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    self._ticks[folder.name] = int(fields[11]) + int(fields[12])
        self.peak = max(self.peak, 1024 * kilobytes)


def run(
    command: Sequence[str], given: dict[str, Any], look: Callable[[], None], **environment: str
) -> Watched:
    """Runs a program that reads JSON and prints JSON or nothing; raises if it failed.

    `look` is called ten times a second. What it started is ended with it.
    """
    seen = Watched()
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        question.write(json.dumps(given).encode())
        question.seek(0)
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=question,
            stdout=answer,
            env={**os.environ, "no_proxy": "*", **environment},
            start_new_session=True,  # all that it starts is found by this
        )
        try:
            while process.poll() is None:
                seen.look(process.pid)
                look()
                time.sleep(_LOOKS)
        finally:
            with suppress(ProcessLookupError):  # it and all that it started have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seen.seconds = time.monotonic() - start
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, list(command))
        answer.seek(0)
        said = answer.read()
    seen.said = json.loads(said) if said else {}
    return seen
