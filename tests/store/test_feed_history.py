"""What feeds brought day by day, and when they failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from digest.errors import StoreError
from digest.records import Article, Feed, FeedDay, FeedFailure, FeedState, Validators
from digest.store.feed_history import FAILURES_KEPT
from digest.store.store import Store

FEED = Feed("gazette", "https://gazette.example/feed")
NOTHING = Validators(None, None)
DAY = timedelta(days=1)
Make = Callable[..., Article]
Save = Callable[..., tuple[int, int]]


def failed(now: datetime, reason: str = "HTTP 503", feed: str = "gazette") -> FeedState:
    return FeedState(feed, FEED.url, checked=now, failures=1, reason=reason)


def counts(days: Sequence[FeedDay]) -> list[int]:
    return [day.articles for day in days]


def test_articles_are_counted_by_day_and_days_without_any_are_told(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    times = [now, now - timedelta(hours=6), now - timedelta(hours=7), now - 3 * DAY, now - 9 * DAY]
    articles = [make_article(f"a{n}", published=time) for n, time in enumerate(times)]
    save(store, FEED, articles, NOTHING, now)
    other = Feed("herald", "https://herald.example/feed")
    save(store, other, [make_article("b1", feed="herald")], NOTHING, now)

    assert store.feed_days("gazette", now - 4 * DAY, now) == [
        FeedDay("2026-02-26", 0),
        FeedDay("2026-02-27", 1),
        FeedDay("2026-02-28", 0),
        FeedDay("2026-03-01", 1),
        FeedDay("2026-03-02", 2),
    ]


def test_the_first_day_counts_from_midnight_and_the_last_to_the_moment(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    midnight = now.replace(hour=0, minute=0)
    moments = (midnight - timedelta(seconds=1), midnight, now, now + timedelta(seconds=1))
    articles = [make_article(f"a{n}", published=moment) for n, moment in enumerate(moments)]
    save(store, FEED, articles, NOTHING, now)

    assert counts(store.feed_days("gazette", now, now)) == [2]
    assert counts(store.feed_days("gazette", now - DAY, now)) == [1, 2]
    assert store.feed_days("gazette", now + DAY, now) == []


def test_days_are_in_utc_whatever_the_zone_of_the_span(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    tokyo = timezone(timedelta(hours=9))
    until = now.replace(hour=20).astimezone(tokyo)  # 2026-03-03 there

    assert store.feed_days("gazette", until - DAY, until) == [
        FeedDay("2026-03-01", 0),
        FeedDay("2026-03-02", 1),
    ]


def test_failures_are_noted_with_what_the_run_stores(store: Store, now: datetime) -> None:
    store.save_feeds([failed(now), failed(now, "no address", "herald")], {}, now)
    later = now + DAY
    store.save_feeds([failed(later, "timed out")], {}, later)

    assert store.feed_failures("gazette") == [
        FeedFailure(later, "timed out"),
        FeedFailure(now, "HTTP 503"),
    ]
    assert store.feed_failures("gazette", most=1) == [FeedFailure(later, "timed out")]
    assert store.feed_failures("herald") == [FeedFailure(now, "no address")]
    assert store.feed_failures("unknown") == []


def test_only_what_failed_now_is_noted(store: Store, now: datetime) -> None:
    works = FeedState("gazette", FEED.url, checked=now)
    store.save_feeds([works], {}, now)
    store.save_feeds([replace(failed(now - DAY), feed="herald")], {}, now)  # not asked this time
    assert store.feed_failures("gazette") == store.feed_failures("herald") == []


def test_a_run_made_again_for_the_same_moment_counts_once(store: Store, now: datetime) -> None:
    store.save_feeds([failed(now)], {}, now)
    store.save_feeds([failed(now, "HTTP 500")], {}, now)
    assert store.feed_failures("gazette") == [FeedFailure(now, "HTTP 500")]


def test_so_many_failures_of_each_feed_are_kept(store: Store, now: datetime) -> None:
    for n in range(FAILURES_KEPT + 5):
        at = now + n * DAY
        feeds = ["gazette", "herald"] if n % 2 else ["gazette"]
        store.save_feeds([failed(at, f"failure {n}", feed) for feed in feeds], {}, at)

    kept = store.feed_failures("gazette", most=100)
    assert [failure.reason for failure in kept] == [
        f"failure {n}" for n in range(FAILURES_KEPT + 4, 4, -1)
    ]
    assert len(store.feed_failures("herald", most=100)) == (FAILURES_KEPT + 5) // 2


def test_many_feeds_may_fail_at_once(store: Store, now: datetime) -> None:
    names = [f"feed{n}" for n in range(2000)]
    store.save_feeds([failed(now, feed=name) for name in names], {}, now)
    assert all(len(store.feed_failures(name)) == 1 for name in names[::500])


def test_a_failure_is_not_noted_when_the_run_could_not_be_stored(
    store: Store, make_article: Make, now: datetime
) -> None:
    broken = make_article(published=now.replace(tzinfo=None))
    with pytest.raises(StoreError):
        store.save_feeds([failed(now)], {"herald": [broken]}, now)
    assert store.feed_failures("gazette") == []
