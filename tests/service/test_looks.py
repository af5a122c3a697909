"""What may be slow or gone is asked once at a time, waited for briefly, and remembered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from digest.service.looks import Look

SOON = 0.05
"""Seconds that are waited for what does not come."""
LONG = 20.0
"""Seconds within which what comes has come, on a busy machine too."""


class Source:
    """Answers when it is let; `asked` counts how often it was."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = threading.Event()
        self.trouble: Exception | None = None
        self.now = 0.0
        self.takes = 0.0

    def __call__(self) -> int:
        self.asked += 1
        assert self.gate.wait(LONG)
        self.now += self.takes
        if self.trouble is not None:
            raise self.trouble
        return self.asked

    def look(self, good_for: float = 5.0) -> Look[int]:
        return Look("test", self, good_for, share=0.01, clock=lambda: self.now)


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.gate.set()


async def test_what_hangs_is_asked_once_however_many_wait(source: Source) -> None:
    look = source.look()
    found = await asyncio.gather(*(look.take(SOON) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(one, TimeoutError) for one in found)
    assert source.asked == 1
    source.gate.set()
    assert await look.take(LONG) == 1


async def test_what_was_found_lately_is_not_asked_again(source: Source) -> None:
    source.gate.set()
    look = source.look(good_for=5.0)
    assert await look.take(LONG) == 1
    source.now = 4.9
    assert await look.take(LONG) == 1
    source.now = 5.0
    assert await look.take(LONG) == 2


async def test_what_takes_long_is_asked_for_a_hundredth_of_the_time(source: Source) -> None:
    source.gate.set()
    source.takes = 3.0
    look = source.look(good_for=5.0)
    assert await look.take(LONG) == 1  # at 3.0
    source.now = 302.9
    assert await look.take(LONG) == 1
    source.now = 303.0
    assert await look.take(LONG) == 2


async def test_what_fails_says_so_and_is_asked_again(source: Source) -> None:
    source.gate.set()
    source.takes = 3.0
    source.trouble = ValueError("the disk is gone")
    look = source.look(good_for=5.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="the disk is gone"):
            await look.take(LONG)
    assert source.asked == 1
    source.trouble = None
    source.now = 8.0  # a failure is not remembered for longer because it took long
    assert await look.take(LONG) == 2


async def test_while_it_is_late_the_last_one_is_told_if_it_is_not_too_old(source: Source) -> None:
    source.gate.set()
    look = source.look(good_for=5.0)
    assert await look.latest(LONG, at_most=60.0) == 1
    source.gate.clear()
    source.now = 65.0  # sixty seconds after it was to be replaced
    assert await look.latest(SOON, at_most=60.0) == 1
    source.now = 65.1
    assert await look.latest(SOON, at_most=60.0) is None


async def test_what_fails_has_no_last_one(source: Source) -> None:
    source.gate.set()
    look = source.look(good_for=5.0)
    assert await look.latest(LONG, at_most=60.0) == 1
    source.now, source.trouble = 10.0, OSError("gone")
    assert await look.latest(LONG, at_most=60.0) is None
