from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.dates import EARLIEST, TOLERANCE, DateReader, RawDate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(*texts: str) -> tuple[datetime, str]:
    return DateReader(NOW).read([RawDate(text) for text in texts])


def struct(moment: datetime) -> time.struct_time:
    return moment.utctimetuple()


def test_what_the_feed_parser_made_of_it_comes_first() -> None:
    given_date = RawDate("3 hours ago", struct(datetime(2026, 2, 1, 8, 30, tzinfo=UTC)))
    assert DateReader(NOW).read([given_date]) == (datetime(2026, 2, 1, 8, 30, tzinfo=UTC), "feed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-01T10:00:00+02:00", datetime(2026, 2, 1, 8, tzinfo=UTC)),
        ("2026-02-01T10:00:00Z", datetime(2026, 2, 1, 10, tzinfo=UTC)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("3 hours ago", NOW - timedelta(hours=3)),
        ("95 minutes ago", NOW - timedelta(minutes=95)),
        ("vor 3 Stunden", NOW - timedelta(hours=3)),
        ("12. Januar 2024 10:00", datetime(2024, 1, 12, 10, tzinfo=UTC)),
        ("2 mars 2025 10:00", datetime(2025, 3, 2, 10, tzinfo=UTC)),
        ("vie, 03 ene 2025 10:00:00 GMT", datetime(2025, 1, 3, 10, tzinfo=UTC)),
        ("1738000000", datetime(2025, 1, 27, 17, 46, 40, tzinfo=UTC)),
    ],
)
def test_other_forms_and_languages_are_read(text: str, expected: datetime) -> None:
    assert read(text) == (expected, "feed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # NOW is a Sunday, noon.
        ("Sunday 05:30", datetime(2026, 3, 1, 5, 30, tzinfo=UTC)),
        ("sunday, 12:00", NOW),
        ("Sunday 12:01", datetime(2026, 2, 22, 12, 1, tzinfo=UTC)),
        ("Saturday 23:59", datetime(2026, 2, 28, 23, 59, tzinfo=UTC)),
        ("Monday 7:05", datetime(2026, 2, 23, 7, 5, tzinfo=UTC)),
    ],
)
def test_a_weekday_is_the_last_one_that_has_been(text: str, expected: datetime) -> None:
    assert read(text) == (expected, "feed")


def test_a_missing_date_is_now_and_marked() -> None:
    assert read() == (NOW, "missing")
    assert read("", "  ") == (NOW, "missing")


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "12",
        "10:30",
        "2" * 65,
        "2025-13-45",
        "9999-99-99",
        "Mon, 32 Feb 2025 10:00:00 GMT",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_broken_date_is_now_and_marked(text: str) -> None:
    assert read(text) == (NOW, "broken")


def test_a_date_ahead_of_now_is_now_and_marked() -> None:
    assert read("2031-01-01T00:00:00Z") == (NOW, "future")
    assert read("9999-12-31T23:59:59-14:00")[1] in ("future", "broken")


def test_a_clock_that_is_a_little_fast_is_believed() -> None:
    edge = NOW + TOLERANCE
    assert read(edge.isoformat()) == (edge, "feed")
    assert read((edge + timedelta(seconds=1)).isoformat()) == (NOW, "future")


def test_the_next_date_serves_where_the_first_is_broken() -> None:
    assert read("junk 1", "2026-02-01") == (datetime(2026, 2, 1, tzinfo=UTC), "feed")
    assert read("", "junk 1") == (NOW, "broken")
    assert read("2031-01-01", "junk 1") == (NOW, "future")


def test_years_out_of_range_are_broken() -> None:
    far = time.struct_time((99999, 1, 1, 0, 0, 0, 0, 1, 0))
    assert DateReader(NOW).read([RawDate("x", far)]) == (NOW, "broken")


def test_after_twenty_unreadable_dates_a_feed_gets_no_further_tries() -> None:
    reader = DateReader(NOW)
    for number in range(20):
        assert reader.read([RawDate(f"qz {number} zq")]) == (NOW, "broken")
    assert reader.read([RawDate("3 hours ago")]) == (NOW, "broken")
    assert reader.read([RawDate("2026-02-01")])[1] == "feed"


@given(st.text(alphabet="0123456789-:TZ+. ", max_size=30) | st.text(max_size=5))
def test_any_text_gives_a_sane_time(text: str) -> None:
    moment, origin = read(text)
    assert moment.utcoffset() == timedelta(0)
    assert EARLIEST <= moment <= NOW + TOLERANCE
    assert origin == "feed" or moment == NOW


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_between_1990_and_now_survives(moment: datetime) -> None:
    value, origin = read(moment.isoformat())
    if EARLIEST <= moment <= NOW + TOLERANCE:
        assert (value, origin) == (moment, "feed")
    else:
        assert (value, origin) == (NOW, "broken" if moment < EARLIEST else "future")
