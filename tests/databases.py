"""A database in a file with today's tables and nothing in them: made once, then copied.

That migrations make it so is what the tests of migrations are for; there are a thousand tests that
want a new one, and for most of them that would be the longest part.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from digest.store.store import Store


def new_store(path: Path) -> str:
    """Puts one at `path`, which nothing is at; gives its address."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(_empty())
    return f"sqlite:///{path}"


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digest.db"
        Store(f"sqlite:///{path}").close()
        return path.read_bytes()
