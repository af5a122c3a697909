from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Article, Story
from digest.stories.rank import choose_lead, rank

Make = Callable[..., Article]


def story(*articles: Article) -> Story:
    return Story("s" + "".join(article.id for article in articles), articles, "World")


def order(
    stories: list[Story], now: datetime, weights: dict[str, float] | None = None
) -> list[str]:
    return [found.id for found in rank(stories, weights or {}, now)]


def test_a_story_that_more_feeds_tell_comes_first(make_article: Make, now: datetime) -> None:
    two = story(make_article("a", hours=5), make_article("b", hours=5))
    one = story(make_article("c", hours=5))
    assert order([one, two], now) == ["sab", "sc"]


def test_a_feed_that_tells_a_story_twice_counts_once(make_article: Make, now: datetime) -> None:
    twice = story(make_article("a", feed="f"), make_article("b", feed="f"))
    once = story(make_article("c", feed="g"))
    ranked = rank([twice, once], {}, now)
    assert ranked[0].rank == ranked[1].rank


def test_a_fresh_story_comes_before_an_old_one(make_article: Make, now: datetime) -> None:
    assert order([story(make_article("a", hours=9)), story(make_article("b", hours=8))], now) == [
        "sb",
        "sa",
    ]


def test_a_story_is_as_fresh_as_its_newest_article(make_article: Make, now: datetime) -> None:
    (renewed,) = rank([story(make_article("a", hours=40), make_article("b", hours=0))], {}, now)
    assert renewed.rank_parts["recency"] == 1.0


def test_after_half_a_day_a_story_weighs_half(make_article: Make, now: datetime) -> None:
    (found,) = rank([story(make_article("a", hours=12))], {}, now)
    assert found.rank_parts["recency"] == pytest.approx(0.5)


def test_a_time_ahead_of_now_is_no_advantage(make_article: Make, now: datetime) -> None:
    (found,) = rank([story(make_article("a", hours=-1))], {}, now)
    assert found.rank_parts["recency"] == 1.0


def test_a_heavier_feed_comes_first(make_article: Make, now: datetime) -> None:
    stories = [story(make_article("a", feed="light")), story(make_article("b", feed="heavy"))]
    assert order(stories, now, {"heavy": 1.5}) == ["sb", "sa"]


def test_the_rank_is_the_sum_of_its_parts(make_article: Make, now: datetime) -> None:
    (found,) = rank([story(make_article("a", hours=3), make_article("b"))], {"feed-a": 2.0}, now)
    assert set(found.rank_parts) == {"coverage", "recency", "weight"}
    assert found.rank == pytest.approx(sum(found.rank_parts.values()), abs=1e-6)


def test_equal_stories_stand_in_the_order_of_their_ids(make_article: Make, now: datetime) -> None:
    stories = [story(make_article(id)) for id in "cab"]
    assert order(stories, now) == ["sa", "sb", "sc"]


def test_no_stories_are_no_trouble(now: datetime) -> None:
    assert rank([], {}, now) == []


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1000), st.floats(0, 1000), st.integers(1, 6))
def test_weight_age_and_coverage_each_move_the_rank_one_way(
    make_article: Make, light: float, more: float, young: float, older: float, feeds: int
) -> None:
    now = make_article("x").published

    def ranked(weight: float, hours: float, count: int) -> float:
        articles = [make_article(str(number), hours=hours) for number in range(count)]
        weights = {article.feed: weight for article in articles}
        return rank([story(*articles)], weights, now)[0].rank

    base = ranked(light, young, feeds)
    assert ranked(light + more, young, feeds) >= base
    assert ranked(light, young + older, feeds) <= base
    assert ranked(light, young, feeds + 1) > base


# --- the lead -------------------------------------------------------------------------------


def test_the_lead_is_of_the_heaviest_feed(make_article: Make) -> None:
    long, heavy = make_article("a", text="x" * 1000), make_article("b", text="x")
    assert choose_lead([long, heavy], {"feed-b": 1.5}).id == "b"


def test_among_equal_feeds_the_fullest_text_leads(make_article: Make) -> None:
    short, long = make_article("a", text="x" * 10), make_article("b", text="x" * 1000)
    assert choose_lead([short, long], {}).id == "b"


def test_beyond_2000_characters_the_first_to_tell_leads(make_article: Make, now: datetime) -> None:
    late = make_article("a", text="x" * 9000, hours=1)
    early = make_article("b", text="x" * 2000, published=now - timedelta(hours=2))
    assert choose_lead([late, early], {}).id == "b"
