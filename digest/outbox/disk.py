"""What a disk keeps, and why it doesn't, for whoever writes files that must survive a power cut."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def flush_folder(path: Path) -> None:
    """Makes a rename or a new name in `path` survive a power cut (POSIX asks for it by itself)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def want_of_room(error: OSError) -> str:
    """What to do where a file found no room; empty when something else is the matter."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room and run again, nothing half-written was kept"
    if error.errno == errno.EFBIG:
        return "larger than a file may be here (ulimit -f); raise the limit and run again"
    return ""
