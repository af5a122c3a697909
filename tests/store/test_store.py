from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from digest.errors import StoreError
from digest.records import (
    Article,
    DroppedSentence,
    Encoded,
    Feed,
    FeedRate,
    FeedState,
    Image,
    Rhythm,
    Summary,
    SummarySentence,
    Validators,
)
from digest.store.store import Store

Make = Callable[..., Article]
Save = Callable[..., tuple[int, int]]
FEED = Feed("gazette", "https://gazette.example/feed")
NOTHING = Validators()


def everything(store: Store, feed: str = "gazette") -> list[Article]:
    return store.articles([feed], None, datetime(2030, 1, 1, tzinfo=UTC))


def test_an_article_comes_back_as_it_went_in(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    article = make_article(author="Åse H.", language="nb", summary="Kort.", guid="g-1")
    assert save(store, FEED, [article], NOTHING, now) == (1, 0)
    assert everything(store) == [article]


def test_the_same_article_again_is_neither_new_nor_updated(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    later = now + timedelta(hours=1)
    assert save(store, FEED, [make_article()], NOTHING, later) == (0, 0)


def test_a_picture_comes_back_as_it_went_in(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    articles = [
        make_article("a", image=Image("https://gazette.example/pier.jpg", 1200, 630, "Brygga")),
        make_article("b", image=Image("https://gazette.example/pier.jpg")),
        make_article("c", image=None),
    ]
    save(store, FEED, articles, NOTHING, now)
    assert store.articles_by_id(["a", "b", "c"]) == {article.id: article for article in articles}


def test_a_picture_that_changed_makes_nothing_new(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(image=Image("https://gazette.example/a.jpg"))], NOTHING, now)
    sized = Image("https://gazette.example/a.jpg", 640, 480, "A pier")
    assert save(store, FEED, [make_article(image=sized)], NOTHING, now) == (0, 0)
    assert [article.image for article in everything(store)] == [sized]


def test_an_article_whose_text_changed_is_updated(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    changed = make_article(text="The harbour stays shut.", content_hash="h2")
    assert save(store, FEED, [changed], NOTHING, now) == (0, 1)
    assert everything(store) == [changed]


@pytest.mark.parametrize("content_hash", ["h1", "h2"])
def test_an_article_without_a_date_keeps_the_time_it_was_first_seen(
    store: Store, save: Save, make_article: Make, now: datetime, content_hash: str
) -> None:
    save(store, FEED, [make_article(date_origin="missing")], NOTHING, now)
    again = make_article(
        date_origin="missing", published=now + timedelta(days=1), content_hash=content_hash
    )
    save(store, FEED, [again], NOTHING, now + timedelta(days=1))
    (kept,) = everything(store)
    assert (kept.published, kept.date_origin) == (now, "missing")


def test_a_time_that_the_feed_gives_later_is_taken(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(date_origin="missing")], NOTHING, now)
    earlier = now - timedelta(hours=5)
    assert save(store, FEED, [make_article(published=earlier)], NOTHING, now) == (0, 0)
    (kept,) = everything(store)
    assert (kept.published, kept.date_origin) == (earlier, "feed")


def test_a_time_relative_to_the_fetch_moves_with_it(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(published=now, relative=True)], NOTHING, now)
    later = now + timedelta(days=1)
    save(store, FEED, [make_article(published=later, relative=True)], NOTHING, later)
    assert [article.published for article in everything(store)] == [later]


def test_a_time_that_moves_without_a_change_is_not_believed(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    later = now + timedelta(days=1)
    save(store, FEED, [make_article(published=now)], NOTHING, now)
    assert save(store, FEED, [make_article(published=later)], NOTHING, later) == (0, 0)
    assert [article.published for article in everything(store)] == [now]
    changed = make_article(published=later, text="It reopened.", content_hash="h2")
    assert save(store, FEED, [changed], NOTHING, later) == (0, 1)
    assert [article.published for article in everything(store)] == [later]


def test_a_time_that_is_corrected_backwards_is_taken(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(published=now)], NOTHING, now)
    earlier = now - timedelta(hours=3)
    save(store, FEED, [make_article(published=earlier)], NOTHING, now)
    assert [article.published for article in everything(store)] == [earlier]


def test_articles_are_given_by_feed_and_time_newest_first(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    hours = {"old": 30, "edge": 24, "young": 1, "newest": 0, "ahead": -1}
    articles = [make_article(id, published=now - timedelta(hours=h)) for id, h in hours.items()]
    save(store, FEED, articles, NOTHING, now)
    save(store, Feed("other", "x"), [make_article("b", feed="other")], NOTHING, now)
    found = store.articles(["gazette"], now - timedelta(hours=24), now)
    assert [article.id for article in found] == ["newest", "young"]


def test_times_are_kept_in_utc_whatever_zone_they_came_in(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    tokyo = now.astimezone(timezone(timedelta(hours=9)))
    save(store, FEED, [make_article(published=tokyo)], NOTHING, now)
    (kept,) = everything(store)
    assert kept.published == now
    assert kept.published.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    naive = make_article(published=now.replace(tzinfo=None))
    with pytest.raises(StoreError, match="has no time zone"):
        save(store, FEED, [naive], NOTHING, now)
    assert everything(store) == []


def test_ten_thousand_articles_are_saved_in_one_go(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    articles = [make_article(f"a{number}") for number in range(10_000)]
    assert save(store, FEED, articles, NOTHING, now) == (10_000, 0)
    assert save(store, FEED, articles, NOTHING, now) == (0, 0)
    assert len(store.articles(["gazette"], None, now + timedelta(days=1))) == 10_000


def test_what_was_asked_for_many_feeds_at_once_is_found(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    names = [f"feed-{number}" for number in range(2000)]
    assert len(store.articles([*names, "gazette"], None, now)) == 1


# --- feeds ----------------------------------------------------------------------------------


def test_a_feed_s_state_comes_back_as_it_went_in(store: Store, now: datetime) -> None:
    state = FeedState(
        "gazette",
        FEED.url,
        validators=Validators('W/"a\\"b; é"', "Mon, 02 Mar 2026 06:30:00 GMT "),
        body_hash="b" * 64,
        checked=now,
        succeeded=now - timedelta(days=1),
        worked=now - timedelta(days=9),
        failing_since=now,
        failures=2,
        successes=0,
        reason="HTTP 503 Service Unavailable",
        told="HTTP 503",
        gone=None,
        not_before=now + timedelta(hours=1),
        waits_for="it failed",
        moved_to="https://gazette.example/new",
        moving_to="https://gazette.example/newer",
        moved_seen=1,
        read_by="0.9",
        rhythm=Rhythm(60, (0, 1, 23), (5, 6)),
        answers=10,
        unchanged=4,
        seconds=0.25,
        entries=30,
        troubled=True,
    )
    store.save_feeds([state], {}, now)
    assert store.feed_states([FEED]) == {"gazette": state}


def test_what_is_known_of_a_feed_is_forgotten_when_its_address_changes(
    store: Store, save: Save, now: datetime
) -> None:
    moved = Feed("gazette", "https://gazette.example/new")
    save(store, FEED, [], Validators('"1"', None), now)
    assert store.feed_states([moved]) == {"gazette": FeedState("gazette", moved.url)}
    save(store, moved, [], NOTHING, now)
    # Back at the old address, that server's answer may be about another body by now.
    assert store.feed_states([FEED])["gazette"].validators == NOTHING


def test_how_often_a_feed_brings_something_is_counted(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    days = [0, 1, 2, 3, 40]
    articles = [make_article(f"a{d}", published=now - timedelta(days=d)) for d in days]
    save(store, FEED, articles, NOTHING, now)
    ahead = make_article("ahead", published=now + timedelta(days=2))
    save(store, FEED, [*articles, ahead], NOTHING, now)
    quiet = Feed("quiet", "https://quiet.example/feed")
    assert store.feed_rates([FEED, quiet], now) == {
        "gazette": FeedRate(newest=now, weekly=1.0, gap=10.0),
        "quiet": FeedRate(),
    }


# --- entries that don't keep their promises ----------------------------------------------------


def churned(make_article: Make, round_: int, **kwargs: object) -> list[Article]:
    """Four entries whose ids are new each time."""
    return [
        make_article(
            f"{round_}-{n}",
            url=f"https://gazette.example/{n}",
            title=f"Story {n}",
            guid=f"{round_}-{n}",
            content_hash=f"h{n}",
            **kwargs,
        )
        for n in range(4)
    ]


def test_entries_with_new_guids_each_time_are_the_same_articles(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    assert save(store, FEED, churned(make_article, 1), NOTHING, now) == (4, 0)
    for round_ in (2, 3):
        later = now + timedelta(days=round_)
        again = churned(make_article, round_, published=later)
        assert save(store, FEED, again, NOTHING, later) == (0, 0)
    assert {article.id for article in everything(store)} == {"1-0", "1-1", "1-2", "1-3"}


def test_entries_with_new_guids_and_new_texts_are_the_same_articles_too(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, churned(make_article, 1), NOTHING, now)
    changed = [
        replace(article, content_hash=article.content_hash + "x", published=now + timedelta(1))
        for article in churned(make_article, 2)
    ]
    assert save(store, FEED, changed, NOTHING, now) == (0, 4)
    assert len(everything(store)) == 4


def test_one_new_entry_under_an_old_title_and_link_is_new(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    page = "https://gazette.example/weather"
    monday = make_article("mon", title="Weather", url=page, content_hash="rain")
    save(store, FEED, [monday, *churned(make_article, 1)], NOTHING, now)
    tuesday = make_article(
        "tue", title="Weather", url=page, content_hash="sun", published=now + timedelta(days=1)
    )
    assert save(store, FEED, [tuesday, *churned(make_article, 1)], NOTHING, now) == (1, 0)


def test_two_entries_of_one_title_and_link_stay_two(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    page = "https://gazette.example/live"
    twins = [make_article(f"t{n}", title="Live", url=page, content_hash="same") for n in (1, 2)]
    assert save(store, FEED, twins, NOTHING, now) == (2, 0)
    assert save(store, FEED, twins, NOTHING, now) == (0, 0)


# --- texts from pages -----------------------------------------------------------------------


def test_a_page_is_asked_for_once_and_its_text_stays(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    (teaser,) = store.pages_to_ask(["gazette"], None, now)
    full = replace(teaser, text="All of it.", content_hash="h9", text_from="page", paywall=True)
    store.save_pages([full], [full.id], {}, now)
    assert store.pages_to_ask(["gazette"], None, now) == []
    assert save(store, FEED, [make_article()], NOTHING, now) == (0, 0)
    assert everything(store) == [full]


def test_what_a_page_said_stays_although_its_text_was_not_taken(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    told = replace(
        make_article(),
        url="https://gazette.example/2026/harbour",
        image=Image("https://gazette.example/pier.jpg", 1200, 630, "A pier"),
        author="A. Holm",
        language="en",
        paywall=True,
    )
    store.save_pages([told], [told.id], {}, now)
    save(store, FEED, [make_article(summary="Short.")], NOTHING, now)
    assert everything(store) == [replace(told, summary="Short.")]


def test_what_a_page_said_of_the_feed_s_picture_stays_while_it_is_the_same(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    pier = Image("https://gazette.example/pier.jpg", 640)
    save(store, FEED, [make_article(image=pier)], NOTHING, now)
    told = make_article(image=Image(pier.url, 1200, 630, "A pier"))
    store.save_pages([told], [told.id], {}, now)
    assert save(store, FEED, [make_article(image=pier)], NOTHING, now) == (0, 0)
    assert [article.image for article in everything(store)] == [told.image]
    other = Image("https://gazette.example/crane.jpg")
    assert save(store, FEED, [make_article(image=other)], NOTHING, now) == (0, 0)
    assert [article.image for article in everything(store)] == [other]


def test_a_page_s_picture_stays_while_the_feed_names_the_same_thumbnail(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    thumbnail = Image("https://gazette.example/thumb.jpg", 144, 81)
    save(store, FEED, [make_article(image=thumbnail)], NOTHING, now)
    pier = Image("https://gazette.example/pier.jpg", 1200, 630)
    store.save_pages([make_article(image=pier)], ["a1"], {}, now)

    def after(image: Image | None) -> Image | None:
        assert save(store, FEED, [make_article(image=image)], NOTHING, now) == (0, 0)
        (article,) = everything(store)
        return article.image

    assert after(thumbnail) == pier
    assert after(None) == pier
    # What the feed names anew goes before it.
    other = Image("https://gazette.example/other.jpg")
    assert after(other) == other
    assert after(thumbnail) == thumbnail


def test_a_feed_s_correction_goes_before_what_the_page_said(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    full = replace(
        make_article(), text="All of it.", text_from="page", content_hash="h9", author="A. Holm"
    )
    store.save_pages([full], [full.id], {}, now)
    earlier = now - timedelta(hours=2)
    corrected = make_article(
        url="https://gazette.example/right", author="B. Lund", published=earlier
    )
    save(store, FEED, [corrected], NOTHING, now)
    (kept,) = everything(store)
    assert (kept.url, kept.author, kept.published) == (corrected.url, "B. Lund", earlier)
    assert kept.text == "All of it."
    # And a new guid with the corrected link is still the same article.
    again = replace(corrected, id="a2", guid="2")
    assert save(store, FEED, [again], NOTHING, now) == (0, 0)


def test_a_page_that_can_t_be_had_is_asked_for_three_times(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    hour = timedelta(hours=1)
    for number in range(3):
        moment = now + number * hour
        (article,) = store.pages_to_ask(["gazette"], None, moment)
        store.save_pages([], [], {article.id: moment + hour}, moment)
        assert store.pages_to_ask(["gazette"], None, moment + hour / 2) == []
    assert store.pages_to_ask(["gazette"], None, now + 9 * hour) == []


def test_an_entry_that_changed_is_read_anew_and_its_page_asked_again(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article()], NOTHING, now)
    full = replace(make_article(), text="All of it.", content_hash="h9", text_from="page")
    store.save_pages([full], [full.id], {}, now)
    changed = make_article(text="It reopened.", content_hash="h2")
    assert save(store, FEED, [changed], NOTHING, now) == (0, 1)
    assert store.pages_to_ask(["gazette"], None, now) == [changed]


def test_articles_without_an_address_have_no_page(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(url="")], NOTHING, now)
    assert store.pages_to_ask(["gazette"], None, now) == []


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


def test_articles_are_found_by_their_ids(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article("a"), make_article("b")], NOTHING, now)
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
    url: str, save: Save, make_article: Make, now: datetime
) -> None:
    for expected in ((1, 0), (0, 0)):
        store = Store(url)
        assert save(store, FEED, [make_article()], NOTHING, now) == expected
        store.close()


def test_a_corrected_link_is_taken_although_the_content_is_the_same(
    store: Store, save: Save, make_article: Make, now: datetime
) -> None:
    save(store, FEED, [make_article(url="https://gazette.example/wrong")], NOTHING, now)
    right = make_article(url="https://gazette.example/right")
    assert save(store, FEED, [right], NOTHING, now) == (0, 0)
    assert [article.url for article in everything(store)] == ["https://gazette.example/right"]
