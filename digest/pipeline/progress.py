"""How far a stage is, told to whoever watches."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told as a stage goes on; `done` of `total` things of `stage` are finished."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """For when nobody watches."""
