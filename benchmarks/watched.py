"""Programs that are measured: run to their end, with the memory of all their processes.

Memory is the proportional set size (shared pages are shared out) of a program and all that it
started, the highest of ten looks a second. Linux only.
"""

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


@dataclass(slots=True)
class Watched:
    """A way's run, from outside: seconds, the most memory in bytes, and what it said as JSON."""

    seconds: float = 0.0
    peak: int = 0
    said: dict[str, Any] = field(default_factory=dict)


def run(
    command: Sequence[str], given: dict[str, Any], look: Callable[[], None], **environment: str
) -> Watched:
    """Runs a program to its end, looking at it ten times a second; raises if it failed."""
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
                seen.peak = max(seen.peak, _memory(process.pid))
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


def _memory(session: int) -> int:
    """Bytes that the processes of a session hold together; shared pages are shared out."""
    kilobytes = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it ended just now
            if folder.name.isdigit() and os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 1024 * kilobytes
