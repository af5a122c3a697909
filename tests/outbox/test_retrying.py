"""When what failed is tried again, and what may leave by itself, also by clocks that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.outbox.retrying import (
    LONGEST,
    may_leave,
    next_build,
    next_delivery,
    next_round,
    waits,
)
from digest.records import EditionState, EditionStatus
from digest.store.deliveries import LONGEST_WAIT

SEVEN = datetime(2026, 3, 2, 7, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
GRACE = 6 * HOUR
Next = Callable[[int, datetime], datetime]

moments = st.integers(0, 36_000).map(
    lambda days: datetime(2000, 1, 1, tzinfo=UTC) + days * 24 * HOUR
)
spans = st.timedeltas(-timedelta(days=4000), timedelta(days=4000))


def edition(state: EditionState = "approved", **values: datetime | int | None) -> EditionStatus:
    status = EditionStatus("daily", "2026-03-02", state, SEVEN, send_at=SEVEN, approved=SEVEN)
    return replace(status, **values)  # type: ignore[arg-type]


# --- what may leave -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (-SECOND, "later"),
        (0 * SECOND, "now"),
        (GRACE, "now"),
        (GRACE + SECOND, "never"),
        (300 * 24 * HOUR, "never"),
    ],
)
def test_an_approved_edition_leaves_from_its_time_until_the_grace_is_over(
    after: timedelta, expected: str
) -> None:
    assert may_leave(edition(), SEVEN + after, GRACE) == expected


def test_an_edition_that_was_approved_late_has_its_grace_from_then_on() -> None:
    late = SEVEN + 30 * HOUR
    status = edition(approved=late)
    assert may_leave(status, late + GRACE, GRACE) == "now"
    assert may_leave(status, late + GRACE + SECOND, GRACE) == "never"


def test_an_edition_that_was_approved_early_waits_for_its_time() -> None:
    status = edition(approved=SEVEN - 30 * HOUR)
    assert may_leave(status, SEVEN - SECOND, GRACE) == "later"
    assert may_leave(status, SEVEN + GRACE, GRACE) == "now"


def test_an_edition_without_a_time_leaves_by_hand_only() -> None:
    assert may_leave(edition(send_at=None), SEVEN + 300 * HOUR, GRACE) == "later"


@pytest.mark.parametrize("state", ["building", "draft", "sent", "skipped", "failed"])
def test_nothing_else_leaves_by_itself(state: EditionState) -> None:
    assert may_leave(edition(state), SEVEN, GRACE) == "later"


@pytest.mark.parametrize("state", ["approved", "sending"])
@pytest.mark.parametrize(
    ("before", "expected"), [(SECOND, "later"), (timedelta(0), "now"), (-SECOND, "now")]
)
def test_what_failed_waits_until_it_may_be_tried(
    state: EditionState, before: timedelta, expected: str
) -> None:
    status = edition(state, not_before=SEVEN + HOUR, attempts=1)
    assert may_leave(status, SEVEN + HOUR - before, GRACE) == expected


@given(moments, spans, spans)
def test_what_is_being_sent_goes_on_whatever_the_clock_says(
    now: datetime, started: timedelta, wait: timedelta
) -> None:
    status = edition("sending", started=now + started, not_before=now + wait)
    assert may_leave(status, now, GRACE) != "never"
    # It waits for as long as anything may wait, and not until a wrong clock's time comes.
    assert may_leave(status, now + max(wait, 0 * HOUR) + SECOND, GRACE) == "now"
    if wait > LONGEST:
        assert may_leave(status, now, GRACE) == "now"


@given(moments, spans)
def test_a_clock_that_jumps_back_makes_an_approved_edition_wait_and_loses_it_not(
    now: datetime, back: timedelta
) -> None:
    earlier = now - abs(back)
    status = edition(send_at=now, approved=now)
    assert may_leave(status, earlier, GRACE) == ("later" if earlier < now else "now")


# --- how long one waits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (next_delivery, [5, 10, 20, 40, 80, 160, 180, 180]),
        (next_round, [0.5, 1, 2, 4, 8, 15, 15]),
        (next_build, [5, 10, 20, 40, 60, 60]),
    ],
)
def test_each_wait_is_twice_the_one_before_up_to_a_longest(
    after: Next, expected: list[float]
) -> None:
    waited = [(after(n, SEVEN) - SEVEN) / MINUTE for n in range(1, len(expected) + 1)]
    assert waited == expected


@given(
    st.sampled_from([next_delivery, next_round, next_build]),
    st.integers(-3, 10**9),
    moments,
)
def test_every_wait_is_one_that_is_kept_and_that_ends(
    after: Next, attempts: int, now: datetime
) -> None:
    then = after(attempts, now)
    assert now < then <= now + LONGEST
    assert then <= after(attempts + 1, now)
    assert waits(then, now)
    assert not waits(then, then)


def test_the_store_keeps_every_wait_that_is_made() -> None:
    # The store takes a delivery's longer waits for those of a wrong clock.
    assert next_delivery(99, SEVEN) - SEVEN <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, False),
        (-SECOND, False),
        (timedelta(0), False),
        (SECOND, True),
        (LONGEST, True),
        (LONGEST + SECOND, False),
    ],
)
def test_a_wait_longer_than_any_was_set_by_a_wrong_clock(
    before: timedelta | None, expected: bool
) -> None:
    assert waits(None if before is None else SEVEN + before, SEVEN) == expected
