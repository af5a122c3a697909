"""When a feed may be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.polling import (
    FIRST_RETRY,
    LONGEST,
    LONGEST_RETRY,
    after_failure,
    after_success,
    retry_after,
    spared_until,
)
from digest.records import Headers, Rhythm

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
WHENEVER = Rhythm()


def wait(headers: dict[str, str], rhythm: Rhythm = WHENEVER) -> timedelta:
    return after_success(tuple(headers.items()), rhythm, NOW)[0] - NOW


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, timedelta(0)),
        ({"cache-control": "max-age=3600"}, HOUR),
        ({"cache-control": "public, MAX-AGE=3600, must-revalidate"}, HOUR),
        ({"cache-control": 'max-age="3600"'}, HOUR),
        ({"cache-control": "max-age=3600", "age": "600"}, timedelta(minutes=50)),
        ({"cache-control": "max-age=60", "age": "600"}, timedelta(0)),
        ({"cache-control": "s-maxage=3600"}, timedelta(0)),
        ({"cache-control": "no-cache, max-age=3600"}, timedelta(0)),
        ({"cache-control": "max-age=nonsense"}, timedelta(0)),
        ({"cache-control": "max-age=999999999"}, LONGEST),
        ({"expires": "Mon, 02 Mar 2026 07:30:00 GMT"}, HOUR),
        ({"expires": "Mon, 02 Mar 2026 05:30:00 GMT"}, timedelta(0)),
        ({"expires": "0"}, timedelta(0)),
        ({"expires": "-1"}, timedelta(0)),
        ({"expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, LONGEST),
        # The server's clock is an hour behind: what counts is how long it says.
        (
            {"expires": "Mon, 02 Mar 2026 06:30:00 GMT", "date": "Mon, 02 Mar 2026 05:30:00 GMT"},
            HOUR,
        ),
        (
            {"cache-control": "max-age=60", "expires": "Mon, 02 Mar 2026 07:30:00 GMT"},
            HOUR,
        ),
    ],
)
def test_a_server_s_word_is_kept(headers: dict[str, str], expected: timedelta) -> None:
    assert wait(headers) == expected


@pytest.mark.parametrize(
    ("ttl", "expected"), [(60, HOUR), (1440, LONGEST), (0, timedelta(0)), (None, timedelta(0))]
)
def test_a_feed_s_ttl_is_kept(ttl: int | None, expected: timedelta) -> None:
    assert wait({}, Rhythm(ttl=ttl)) == expected


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (Rhythm(skip_hours=(6, 7)), timedelta(minutes=90)),
        (Rhythm(skip_hours=(7,)), timedelta(0)),
        (Rhythm(skip_days=(0,)), LONGEST - HOUR),
        (Rhythm(skip_days=(6,)), timedelta(0)),
        (Rhythm(skip_hours=tuple(range(24))), timedelta(0)),
        (WHENEVER, timedelta(0)),
    ],
)
def test_a_feed_s_hours_and_days_of_rest_are_kept(rhythm: Rhythm, expected: timedelta) -> None:
    assert spared_until(rhythm, NOW - HOUR, NOW) - NOW == expected


def test_a_daily_digest_in_an_hour_of_rest_asks_all_the_same() -> None:
    assert spared_until(Rhythm(skip_hours=(6,)), NOW - 24 * HOUR, NOW) == NOW


def test_two_headers_of_a_name_are_one_list() -> None:
    headers = (("cache-control", "public"), ("cache-control", "max-age=60"))
    assert after_success(headers, WHENEVER, NOW)[0] == NOW + timedelta(minutes=1)
    headers = (("cache-control", "max-age=60"), ("cache-control", "public"))
    assert after_success(headers, WHENEVER, NOW)[0] == NOW + timedelta(minutes=1)


def test_the_longest_wait_counts_and_is_named() -> None:
    headers = (("cache-control", "max-age=600"),)
    due, reason = after_success(headers, Rhythm(ttl=120), NOW)
    assert (due - NOW, reason) == (2 * HOUR, "the feed asks for it (ttl)")
    assert after_success((), Rhythm(), NOW) == (NOW, "")


@given(
    st.lists(
        st.tuples(st.sampled_from(["cache-control", "expires", "age", "date"]), st.text()),
        max_size=4,
    ),
    st.builds(
        Rhythm,
        st.none() | st.integers(0, 10**6),
        st.lists(st.integers(0, 23)).map(tuple),
        st.lists(st.integers(0, 6)).map(tuple),
    ),
)
def test_nothing_makes_a_feed_wait_longer_than_half_a_day(
    headers: list[tuple[str, str]], rhythm: Rhythm
) -> None:
    assert NOW <= after_success(tuple(headers), rhythm, NOW)[0] <= NOW + LONGEST


# --- failures ------------------------------------------------------------------------------


def test_each_failure_doubles_the_wait_up_to_half_a_day() -> None:
    waits = [after_failure("gazette", n, 500, (), NOW)[0] - NOW for n in range(1, 30)]
    for number, wait in enumerate(waits):
        whole = min(FIRST_RETRY * 2**number, LONGEST)
        assert whole / 2 <= wait <= whole
    assert waits[-1] > LONGEST / 3


def test_feeds_that_failed_together_don_t_come_back_together() -> None:
    waits = {after_failure(f"feed-{n}", 3, None, (), NOW)[0] for n in range(100)}
    assert len(waits) > 50
    assert after_failure("gazette", 3, None, (), NOW) == after_failure("gazette", 3, None, (), NOW)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["7200", "Mon, 02 Mar 2026 08:30:00 GMT"])
def test_retry_after_is_kept(status: int, value: str) -> None:
    headers: Headers = (("retry-after", value),)
    due, reason = after_failure("gazette", 1, status, headers, NOW)
    assert (due, reason) == (NOW + 2 * HOUR, "its server asks not to be asked (Retry-After)")


def test_retry_after_of_another_status_is_no_demand() -> None:
    due, reason = after_failure("gazette", 1, 500, (("retry-after", "7200"),), NOW)
    assert due <= NOW + FIRST_RETRY
    assert reason == "it failed"


def test_the_backoff_counts_where_it_is_longer_than_retry_after() -> None:
    due, _ = after_failure("gazette", 9, 503, (("retry-after", "1"),), NOW)
    assert due >= NOW + LONGEST / 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("Mon, 02 Mar 2026 06:00:00 GMT", None),
        ("0", timedelta(0)),
        ("999999999", LONGEST_RETRY),
        ("Thu, 01 Jan 2099 00:00:00 GMT", LONGEST_RETRY),
        ("Fri, 99 Xyz 2099 00:00:00 GMT", None),
    ],
)
def test_odd_values_of_retry_after(value: str, expected: timedelta | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == expected
