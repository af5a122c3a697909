"""How fast messages may leave."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.outbox.pacing import HOUR, Pace, Pacer

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


class Clock:
    """Seconds that pass when told; waiting for `stop` lets them pass too."""

    def __init__(self, now: float = 5_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Stop(threading.Event):
    """An event whose waits take no time but the clock's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.now += timeout or 0
        return self.is_set()


def left_at(pace: Pace, count: int, clock: Clock | None = None) -> list[float]:
    clock = clock or Clock()
    pacer, stop, start, moments = Pacer(pace, clock=clock), Stop(clock), clock.now, []
    for _ in range(count):
        assert pacer.take(stop)
        moments.append(clock.now - start)
    return moments


def test_without_limits_nobody_waits() -> None:
    assert left_at(Pace(), 5) == [0, 0, 0, 0, 0]


def test_a_limit_a_second_is_a_gap_between_any_two() -> None:
    assert left_at(Pace(per_second=4), 4) == pytest.approx([0, 0.25, 0.5, 0.75])
    assert left_at(Pace(per_second=0.1), 3) == pytest.approx([0, 10, 20])


def test_a_limit_an_hour_holds_for_every_hour() -> None:
    moments = left_at(Pace(per_hour=3), 7)
    assert moments[:3] == [0, 0, 0]
    assert moments[3:6] == [HOUR] * 3
    assert HOUR * 2 <= moments[6] <= HOUR * 2 + 10


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 2000), min_size=1, max_size=60),
    st.integers(1, 8),
    st.one_of(st.none(), st.floats(0.01, 10)),
)
def test_no_hour_and_no_second_has_more_than_its_limit(
    pauses: list[float], per_hour: int, per_second: float | None
) -> None:
    clock = Clock()
    pacer, stop, moments = Pacer(Pace(per_second, per_hour), clock=clock), Stop(clock), []
    for pause in pauses:
        clock.now += pause
        assert pacer.take(stop)
        moments.append(clock.now)
    for first, later in zip(moments, moments[per_hour:], strict=False):
        assert later - first >= HOUR - 1e-6
    for first, later in pairwise(moments):
        assert not per_second or later - first >= 1 / per_second - 1e-6


def test_what_earlier_processes_sent_counts() -> None:
    clock = Clock()
    pacer = Pacer(Pace(per_hour=3), clock=clock)
    pacer.seed([NOW - timedelta(minutes=minutes) for minutes in (90, 30, 20)], NOW)
    stop = Stop(clock)
    assert pacer.delay() == 0
    assert pacer.take(stop)
    # The one of half an hour ago makes room in half an hour.
    assert pacer.delay() == pytest.approx(30 * 60, abs=10)
    assert pacer.take(stop)
    assert pacer.delay() == pytest.approx(10 * 60, abs=10)


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    clock = Clock()
    pacer, stop = Pacer(Pace(per_hour=1), clock=clock), Stop(clock)
    assert pacer.take(stop, most=60)
    assert not pacer.take(stop, most=60)
    assert clock.now == 5_000
    assert pacer.delay() >= HOUR
    clock.now += HOUR + 10
    assert pacer.take(stop, most=60)


@pytest.mark.parametrize("back", [1.0, 3_000.0, 1e6])
def test_a_clock_that_jumps_back_costs_no_more_than_the_period(back: float) -> None:
    clock = Clock(2e6)
    pace = Pace(per_second=2, per_hour=2)
    pacer, stop = Pacer(pace, clock=clock), Stop(clock)
    assert pacer.take(stop)
    for most in (0.5, HOUR + 10):
        clock.now -= back
        start = clock.now
        assert pacer.take(stop)
        assert clock.now - start <= most


def test_moments_of_the_future_count_as_now() -> None:
    clock = Clock()
    pacer = Pacer(Pace(per_hour=1), clock=clock)
    pacer.seed([NOW + timedelta(days=3)], NOW)
    assert 0 < pacer.delay() <= HOUR + 10


def test_stopping_ends_the_wait() -> None:
    pacer, stop = Pacer(Pace(per_hour=1)), threading.Event()
    assert pacer.take(stop)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(pacer.take(stop)))
    thread.start()
    stop.set()
    thread.join(5)
    assert answers == [False]
    assert not pacer.take(stop)


def test_several_threads_share_one_pace() -> None:
    pacer, stop = Pacer(Pace(per_hour=100)), threading.Event()
    taken: list[int] = []

    def work() -> None:
        while pacer.take(stop, most=1):
            taken.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 100


def test_memory_does_not_grow_with_what_was_sent() -> None:
    clock = Clock()
    pacer, stop = Pacer(Pace(per_hour=10_000_000), clock=clock), Stop(clock)
    for _ in range(20_000):
        assert pacer.take(stop)
        clock.now += 0.5
    assert len(pacer._hour) <= HOUR / 10 + 2
