"""When a feed asks to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, Rhythm

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"


def rhythm(body: str) -> Rhythm:
    fetched = Fetched("news", "https://e.org/feed", body.encode())
    return parse_feed(Feed("news", fetched.url), fetched, NOW).rhythm


def rss(items: str, channel: str = "") -> str:
    return (
        f'<rss version="2.0" xmlns:sy="{SYNDICATION}"><channel><title>T</title>'
        f"{channel}{items}</channel></rss>"
    )


HOURLY = (
    '<sy:updatePeriod xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">hourly'
    "</sy:updatePeriod>"
)


@pytest.mark.parametrize(
    ("head", "ttl"),
    [
        ("<ttl>60</ttl>", 60),
        ("<ttl> 60\n</ttl>", 60),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>1.5</ttl>", None),
        ("<ttl>1000000</ttl>", None),
        ("<ttl>99999999999</ttl>", None),
        ("<ttl>soon</ttl>", None),
        (HOURLY, 60),
        ("<sy:updatePeriod>Daily</sy:updatePeriod>", 1440),
        (f"{HOURLY}<sy:updateFrequency>2</sy:updateFrequency>", 30),
        ("<sy:updatePeriod>weekly</sy:updatePeriod>", 10_080),
        ("<sy:updateFrequency>4</sy:updateFrequency>", 360),
        (f"{HOURLY}<sy:updateFrequency>0</sy:updateFrequency>", None),
        (f"{HOURLY}<sy:updateFrequency>999</sy:updateFrequency>", 1),
        ("<sy:updatePeriod>often</sy:updatePeriod>", None),
        ("<ttl>90</ttl><sy:updatePeriod>daily</sy:updatePeriod>", 90),
        ("", None),
    ],
)  # fmt: skip
def test_a_feed_says_how_long_it_keeps(head: str, ttl: int | None) -> None:
    entry = "<item><title>One</title><ttl>7</ttl></item>"
    assert rhythm(rss(entry, head)).ttl == ttl


def test_atom_may_say_it_in_the_words_of_rss() -> None:
    assert rhythm(f'<feed xmlns="http://www.w3.org/2005/Atom">{HOURLY}<entry/></feed>').ttl == 60


@pytest.mark.parametrize(
    ("head", "hours", "days"),
    [
        ("<skipHours><hour>0</hour><hour> 23 </hour></skipHours>", (0, 23), ()),
        ("<skipHours><hour>24</hour><hour>25</hour><hour>x</hour><hour>-1</hour></skipHours>",
         (0,), ()),
        ("<skipDays><day>Sunday</day><day>monday</day><day>Dienstag</day></skipDays>", (), (0, 6)),
        ("<skipHours></skipHours><skipDays/>", (), ()),
        ("<skipHours><hour>1</hour>", (1,), ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("last", [False, True])
def test_a_feed_names_the_hours_and_days_to_skip(
    head: str, hours: tuple[int, ...], days: tuple[int, ...], last: bool
) -> None:
    item = "<item><title>One</title><skipHours><hour>7</hour></skipHours></item>"
    body = rss(item + head) if last else rss(item, head)
    found = rhythm(body)
    assert (found.skip_hours, found.skip_days) == (hours, days)


def test_a_feed_that_skips_every_hour_means_none() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(24))
    days = "".join(
        f"<day>{day}day</day>" for day in ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun")
    )
    head = f"<skipHours>{hours}</skipHours><skipDays>{days}</skipDays>"
    assert rhythm(rss("<item><title>One</title></item>", head)) == Rhythm()
