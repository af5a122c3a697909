"""Jobs that ran lately, and lanes that stand still."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.service.pulse import JobRuns, Pulse
from digest.service.schedule import Job


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def jobs(clock: Clock, *, takes: float = 0.0) -> list[Job]:
    def work() -> None:
        clock.seconds += takes

    minute = timedelta(minutes=1)
    return [
        Job("tick", work, minute, "build"),
        Job("fetch", work, 30 * minute, "build"),
        Job("deliveries", work, timedelta(seconds=5), "send"),
    ]


def test_a_job_that_ran_is_counted(clock: Clock) -> None:
    pulse = Pulse(jobs(clock), clock, lambda: 5.0)
    tick = pulse.jobs[0]
    tick.call()
    tick.call()
    assert pulse.runs() == [JobRuns("tick", 2, 5.0), JobRuns("fetch"), JobRuns("deliveries")]


def test_a_job_that_fails_has_run_too(clock: Clock) -> None:
    def fail() -> None:
        raise KeyError("x")

    pulse = Pulse([Job("tick", fail, timedelta(minutes=1), "build")], clock, lambda: 5.0)
    with pytest.raises(KeyError):
        pulse.jobs[0].call()
    assert pulse.runs() == [JobRuns("tick", 1, 5.0)]


def test_what_is_in_hand_says_for_how_long(clock: Clock) -> None:
    seen: list[JobRuns] = []

    def work() -> None:
        clock.seconds += 90
        seen.extend(pulse.runs())

    pulse = Pulse([Job("tick", work, timedelta(minutes=1), "build")], clock, lambda: 5.0)
    pulse.jobs[0].call()
    assert [job.running for job in seen] == [90.0]
    assert [job.running for job in pulse.runs()] == [None]


def test_a_lane_stands_still_when_its_shortest_job_has_not_ended_in_time(clock: Clock) -> None:
    pulse = Pulse(jobs(clock), clock)
    clock.seconds += 75
    assert pulse.standing_still() == {}
    clock.seconds += 1
    assert pulse.standing_still() == {"send": 76.0}
    pulse.jobs[2].call()
    assert pulse.standing_still() == {}
    clock.seconds += 165
    assert pulse.standing_still() == {"build": 241.0, "send": 165.0}


def test_a_lane_with_a_job_in_hand_does_not_stand_still(clock: Clock) -> None:
    found: list[object] = []

    def work() -> None:
        clock.seconds += 10_000
        found.append(pulse.standing_still())

    pulse = Pulse([Job("tick", work, timedelta(minutes=1), "build")], clock)
    pulse.jobs[0].call()
    assert found == [{}]
