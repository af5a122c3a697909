from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from digest.errors import StoreError
from digest.records import (
    Article,
    DroppedSentence,
    Encoded,
    Feed,
    Summary,
    SummarySentence,
    Validators,
)
from digest.store.store import Store

Make = Callable[..., Article]
FEED = Feed("gazette", "https://gazette.example/feed")
NOTHING = Validators()


def everything(store: Store, feed: str = "gazette") -> list[Article]:
    return store.articles([feed], None, datetime(2030, 1, 1, tzinfo=UTC))


def test_an_article_comes_back_as_it_went_in(
    store: Store, make_article: Make, now: datetime
) -> None:
    article = make_article(author="Åse H.", language="nb", summary="Kort.", guid="g-1", image="")
    assert store.save_articles(FEED, [article], NOTHING, now) == (1, 0)
    assert everything(store) == [article]


def test_the_same_article_again_is_neither_new_nor_updated(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article()], NOTHING, now)
    later = now + timedelta(hours=1)
    assert store.save_articles(FEED, [make_article()], NOTHING, later) == (0, 0)


def test_an_article_whose_text_changed_is_updated(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article()], NOTHING, now)
    changed = make_article(text="The harbour stays shut.", content_hash="h2")
    assert store.save_articles(FEED, [changed], NOTHING, now) == (0, 1)
    assert everything(store) == [changed]


@pytest.mark.parametrize("content_hash", ["h1", "h2"])
def test_an_article_without_a_date_keeps_the_time_it_was_first_seen(
    store: Store, make_article: Make, now: datetime, content_hash: str
) -> None:
    store.save_articles(FEED, [make_article(date_origin="missing")], NOTHING, now)
    again = make_article(
        date_origin="missing", published=now + timedelta(days=1), content_hash=content_hash
    )
    store.save_articles(FEED, [again], NOTHING, now + timedelta(days=1))
    (kept,) = everything(store)
    assert (kept.published, kept.date_origin) == (now, "missing")


def test_a_time_that_the_feed_gives_later_is_taken(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article(date_origin="missing")], NOTHING, now)
    earlier = now - timedelta(hours=5)
    assert store.save_articles(FEED, [make_article(published=earlier)], NOTHING, now) == (0, 0)
    (kept,) = everything(store)
    assert (kept.published, kept.date_origin) == (earlier, "feed")


def test_a_time_relative_to_the_fetch_moves_with_it(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article(published=now)], NOTHING, now)
    later = now + timedelta(days=1)
    store.save_articles(FEED, [make_article(published=later)], NOTHING, later)
    assert [article.published for article in everything(store)] == [later]


def test_articles_are_given_by_feed_and_time_newest_first(
    store: Store, make_article: Make, now: datetime
) -> None:
    hours = {"old": 30, "edge": 24, "young": 1, "newest": 0, "ahead": -1}
    articles = [make_article(id, published=now - timedelta(hours=h)) for id, h in hours.items()]
    store.save_articles(FEED, articles, NOTHING, now)
    store.save_articles(Feed("other", "x"), [make_article("b", feed="other")], NOTHING, now)
    found = store.articles(["gazette"], now - timedelta(hours=24), now)
    assert [article.id for article in found] == ["newest", "young"]


def test_times_are_kept_in_utc_whatever_zone_they_came_in(
    store: Store, make_article: Make, now: datetime
) -> None:
    tokyo = now.astimezone(timezone(timedelta(hours=9)))
    store.save_articles(FEED, [make_article(published=tokyo)], NOTHING, now)
    (kept,) = everything(store)
    assert kept.published == now
    assert kept.published.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store, make_article: Make, now: datetime) -> None:
    naive = make_article(published=now.replace(tzinfo=None))
    with pytest.raises(StoreError, match="has no time zone"):
        store.save_articles(FEED, [naive], NOTHING, now)
    assert everything(store) == []


def test_ten_thousand_articles_are_saved_in_one_go(
    store: Store, make_article: Make, now: datetime
) -> None:
    articles = [make_article(f"a{number}") for number in range(10_000)]
    assert store.save_articles(FEED, articles, NOTHING, now) == (10_000, 0)
    assert store.save_articles(FEED, articles, NOTHING, now) == (0, 0)
    assert len(store.articles(["gazette"], None, now + timedelta(days=1))) == 10_000


def test_what_was_asked_for_many_feeds_at_once_is_found(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article()], NOTHING, now)
    names = [f"feed-{number}" for number in range(2000)]
    assert len(store.articles([*names, "gazette"], None, now)) == 1


# --- feeds ----------------------------------------------------------------------------------


def test_validators_are_given_back_byte_for_byte(store: Store, now: datetime) -> None:
    given = Validators('W/"a\\"b; é"', "Mon, 02 Mar 2026 06:30:00 GMT ")
    store.save_articles(FEED, [], given, now)
    assert store.validators([FEED]) == {"gazette": given}


def test_validators_are_forgotten_when_the_feed_moves(store: Store, now: datetime) -> None:
    moved = Feed("gazette", "https://gazette.example/new")
    store.save_articles(FEED, [], Validators('"1"', None), now)
    assert store.validators([moved]) == {}
    store.save_failure(moved, "gone", now)
    # Back at the old address, that server's answer may be about another body by now.
    assert store.validators([FEED]) == {}
    assert store.validators([moved]) == {"gazette": Validators()}


def test_a_failure_keeps_validators_and_counts_up_until_a_success(
    store: Store, now: datetime
) -> None:
    store.save_articles(FEED, [], Validators('"1"', None), now)
    for _ in range(2):
        store.save_failure(FEED, "answered 503", now + timedelta(hours=1))
    state = store.feed_states()["gazette"]
    assert (state["failures"], state["reason"]) == (2, "answered 503")
    assert (state["succeeded"], state["checked"]) == (now, now + timedelta(hours=1))
    assert store.validators([FEED])["gazette"].etag == '"1"'
    store.save_unchanged(FEED, now + timedelta(hours=2))
    assert store.feed_states()["gazette"]["failures"] == 0


def test_an_unchanged_feed_tells_how_many_entries_it_had(
    store: Store, make_article: Make, now: datetime
) -> None:
    assert store.save_unchanged(FEED, now) == 0
    store.save_articles(FEED, [make_article("a"), make_article("b")], NOTHING, now)
    assert store.save_unchanged(FEED, now) == 2


# --- what was computed ----------------------------------------------------------------------


def test_embeddings_come_back_exactly_as_float16_holds_them(store: Store) -> None:
    values = np.random.default_rng(7).normal(size=(4, 384)).astype(np.float16).astype(np.float32)
    store.save_embeddings(
        "enc", {"h1": Encoded(values[0], values[1:]), "h2": Encoded(values[0], values[:0])}
    )
    found = store.embeddings("enc", ["h1", "h2", "h3"])
    assert set(found) == {"h1", "h2"}
    np.testing.assert_array_equal(found["h1"].title, values[0])
    np.testing.assert_array_equal(found["h1"].sentences, values[1:])
    assert found["h2"].sentences.shape == (0, 384)
    assert store.embeddings("another encoder", ["h1"]) == {}


def test_embeddings_that_are_saved_again_are_replaced(store: Store) -> None:
    one = np.ones(4, dtype=np.float32)
    store.save_embeddings("enc", {"h": Encoded(one, one[None, :])})
    store.save_embeddings("enc", {"h": Encoded(-one, np.zeros((0, 4), np.float32))})
    assert store.embeddings("enc", ["h"])["h"].title.tolist() == [-1.0] * 4


def test_embeddings_of_thousands_of_contents_are_found(store: Store) -> None:
    row = np.ones(2, dtype=np.float32)
    hashes = [f"h{number}" for number in range(2500)]
    store.save_embeddings("enc", {hash_: Encoded(row, row[None, :]) for hash_ in hashes})
    assert len(store.embeddings("enc", hashes)) == 2500


def test_a_summary_comes_back_as_it_went_in(store: Store) -> None:
    summary = Summary((SummarySentence("«Ja», sa hun.", (3, 4), 0.875),), "extractive")
    store.save_summaries("extractive/2", {"h": summary, "none": Summary((), "extractive")})
    assert store.summaries("extractive/2", ["h", "none", "unknown"]) == {
        "h": summary,
        "none": Summary((), "extractive"),
    }
    assert store.summaries("extractive/3", ["h"]) == {}


def test_what_was_dropped_of_a_summary_is_kept_with_it(store: Store) -> None:
    summary = Summary(
        (SummarySentence("Two ships sank.", (0,), 1.0),),
        "extractive",
        (DroppedSentence("Nine ships sank.", ("the number nine is not in the source",)),),
        instead_of="distilbart",
    )
    store.save_summaries("distilbart", {"h": summary})
    assert store.summaries("distilbart", ["h"]) == {"h": summary}


# --- what was told --------------------------------------------------------------------------


def test_what_an_edition_told_is_known_to_the_editions_of_other_dates(store: Store) -> None:
    store.save_told("morning", "2026-03-01", ["a", "b", "a"])
    assert store.told("morning", "2026-03-02") == {"a", "b"}
    assert store.told("morning", "2026-03-01") == set()
    assert store.told("evening", "2026-03-02") == set()


def test_an_edition_built_again_replaces_what_it_told(store: Store) -> None:
    store.save_told("morning", "2026-03-01", ["a", "b"])
    store.save_told("morning", "2026-03-01", ["b", "c"])
    assert store.told("morning", "2026-03-02") == {"b", "c"}


def test_the_stories_of_articles_are_known_to_their_digest_alone(store: Store) -> None:
    store.save_story_ids("morning", {"a": "s1", "b": "s1", "c": "s2"})
    assert store.story_ids("morning", ["c", "a", "z"]) == {"a": "s1", "c": "s2"}
    assert store.story_ids("evening", ["a"]) == {}
    assert store.story_ids("morning", []) == {}


def test_an_article_that_moved_to_another_story_is_known_there(store: Store) -> None:
    store.save_story_ids("morning", {"a": "s1", "b": "s1"})
    store.save_story_ids("evening", {"a": "s9"})
    store.save_story_ids("morning", {"a": "s2"})
    store.save_story_ids("morning", {})
    assert store.story_ids("morning", ["a", "b"]) == {"a": "s2", "b": "s1"}
    assert store.story_ids("evening", ["a"]) == {"a": "s9"}


def test_the_stories_of_thousands_of_articles_are_found(store: Store) -> None:
    ids = {f"a{number}": f"s{number // 3}" for number in range(5000)}
    store.save_story_ids("morning", ids)
    store.save_story_ids("morning", ids)
    assert store.story_ids("morning", list(ids)) == ids


def test_articles_are_found_by_their_ids(store: Store, make_article: Make, now: datetime) -> None:
    store.save_articles(FEED, [make_article("a"), make_article("b")], NOTHING, now)
    assert store.articles_by_id(["b", "z"]) == {"b": make_article("b")}
    assert store.articles_by_id([]) == {}


def test_the_last_run_report_is_the_one_saved_last(store: Store, now: datetime) -> None:
    assert store.last_run() is None
    store.save_run(now, 1.5, {"feeds": [1]})
    store.save_run(now - timedelta(days=1), 2.5, {"feeds": [2]})
    last = store.last_run()
    assert last is not None
    assert (last["started"], last["seconds"], last["report"]) == (
        now - timedelta(days=1),
        2.5,
        {"feeds": [2]},
    )


def test_all_is_there_after_closing_and_opening_again(
    url: str, make_article: Make, now: datetime
) -> None:
    for expected in ((1, 0), (0, 0)):
        store = Store(url)
        assert store.save_articles(FEED, [make_article()], NOTHING, now) == expected
        store.close()


def test_a_corrected_link_is_taken_although_the_content_is_the_same(
    store: Store, make_article: Make, now: datetime
) -> None:
    store.save_articles(FEED, [make_article(url="https://gazette.example/wrong")], NOTHING, now)
    right = make_article(url="https://gazette.example/right")
    assert store.save_articles(FEED, [right], NOTHING, now) == (0, 0)
    assert [article.url for article in everything(store)] == ["https://gazette.example/right"]
