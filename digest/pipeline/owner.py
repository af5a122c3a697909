"""Who this service is to others on the same database: the id of its state folder."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from digest.errors import StoreError

_NAME = "instance"


def owner_of(state: Path) -> str:
    """The id that the state folder `state` got when it was first used (32 characters).

    Whoever copies a folder to run a second service must leave the file `instance` out: two that
    are called the same take each other's work in hand for the leftovers of a killed process. Raises
    StoreError when the folder can't be used.
    """
    path = state / _NAME
    try:
        if not path.exists():
            _make(path)
        owner = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: can't be read or written ({error}); the state folder must be writable "
            "(DIGEST_STATE_DIR)"
        ) from error
    if len(owner) != 32 or not owner.isalnum():
        raise StoreError(f"{path}: is damaged; remove it while nothing is being sent")
    return owner


def _make(path: Path) -> None:
    """Writes it whole, once: where two try, both read what the first wrote."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{_NAME}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        with part.open("w", encoding="ascii") as file:
            file.write(uuid.uuid4().hex)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)
