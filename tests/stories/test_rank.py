from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Article, Story
from digest.stories.rank import choose_lead, rank, sources, tellings

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
    assert set(found.rank_parts) == {"coverage", "recency", "weight", "topic"}
    assert found.rank == pytest.approx(sum(found.rank_parts.values()), abs=1e-6)


def test_a_copy_is_no_further_source(make_article: Make, now: datetime) -> None:
    told = story(make_article("a"), make_article("b"), make_article("c"))
    copied = replace(told, copies={"b": "a", "c": "b"})
    assert [sources(told), sources(copied)] == [3, 1]
    assert rank([copied], {}, now)[0].rank_parts["coverage"] == 0


def test_the_same_page_in_two_feeds_is_one_source(make_article: Make) -> None:
    page = "https://paper.example/fire"
    assert sources(story(make_article("a", url=page), make_article("b", url=page))) == 1


def test_two_feeds_of_one_house_count_little_more_than_one(make_article: Make) -> None:
    def at(id: str, host: str) -> Article:
        return make_article(id, url=f"https://{host}/{id}")

    house = story(at("a", "www.paper.example"), at("b", "m.paper.example"))
    two = story(at("a", "paper.example"), at("b", "post.example"))
    assert (sources(house), sources(two)) == (1.25, 2)
    four = story(*(at(id, "paper.example") for id in "abcd"), at("e", "post.example"))
    assert sources(four) == 2.5


def test_a_copy_counts_for_the_house_of_its_original(make_article: Make) -> None:
    articles = [
        make_article("a", url="https://wire.example/1", hours=3),
        make_article("b", url="https://paper.example/2", hours=2),
        make_article("c", url="https://paper.example/3", hours=1),
    ]
    assert sources(replace(story(*articles), copies={"b": "a"})) == 2


def test_a_lead_that_is_a_copy_stands_for_its_text(make_article: Make) -> None:
    lead, original = make_article("a", hours=1), make_article("b", hours=2)
    (telling,) = tellings(replace(story(lead, original), copies={"a": "b"}))
    assert (telling.original, telling.copies) == (lead, (original,))


def test_a_topic_listed_earlier_decides_between_equals_only(
    make_article: Make, now: datetime
) -> None:
    sport = replace(story(make_article("a")), topic="Sport")
    world, more = story(make_article("b")), replace(story(make_article("c")), topic="More")
    ranked = rank([more, sport, world], {}, now, ("World", "Sport"))
    assert [found.topic for found in ranked] == ["World", "Sport", "More"]
    assert [found.rank_parts["topic"] for found in ranked] == [0.2, 0.1, 0.0]
    twice = replace(story(make_article("a"), make_article("d")), topic="Sport")
    assert rank([world, twice], {}, now, ("World", "Sport"))[0].topic == "Sport"


def test_a_longer_window_has_a_longer_half_life(make_article: Make, now: datetime) -> None:
    (found,) = rank([story(make_article("a", hours=84))], {}, now, half_life=timedelta(days=3.5))
    assert found.rank_parts["recency"] == pytest.approx(0.5)


def test_a_time_that_the_feed_did_not_give_is_neither_new_nor_old(
    make_article: Make, now: datetime
) -> None:
    undated = make_article("a", hours=400, date_origin="missing")
    assert rank([story(undated)], {}, now)[0].rank_parts["recency"] == pytest.approx(0.5)


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

FULL = "A full report. " * 200


def test_the_lead_is_of_the_heavier_of_two_equal_reports(make_article: Make) -> None:
    light, heavy = make_article("a", text=FULL), make_article("b", text=FULL)
    assert choose_lead([light, heavy], {"feed-b": 1.5}).id == "b"


def test_among_equal_feeds_the_fullest_text_leads(make_article: Make) -> None:
    short, long = make_article("a", text="x" * 10), make_article("b", text="x" * 1000)
    assert choose_lead([short, long], {}).id == "b"


def test_a_full_report_goes_before_a_heavier_feed_s_teaser(make_article: Make) -> None:
    full = make_article("a", text=FULL)
    teaser = make_article("b", text="A fire broke out at the harbour and the whole town saw …")
    assert choose_lead([full, teaser], {"feed-b": 2.0}).id == "a"


def test_a_text_that_breaks_off_is_a_teaser(make_article: Make) -> None:
    whole = make_article("a", text="x" * 900 + " end.")
    torn = [
        make_article("b", text="x" * 1200 + end)
        for end in ("…", " ...", " [...]", " Read more", " Continue reading →")
    ]
    assert [choose_lead([whole, other], {}).id for other in torn] == ["a"] * len(torn)


def test_what_everybody_can_read_leads_before_what_is_for_subscribers(make_article: Make) -> None:
    walled = make_article("a", text="x" * 1000, paywall=True)
    free = make_article("b", text="x" * 900, hours=2)
    assert choose_lead([walled, free], {}).id == "b"


def test_the_same_text_for_everybody_leads_before_the_original_behind_a_paywall(
    make_article: Make,
) -> None:
    original = make_article("a", text="x" * 1000, paywall=True)
    copy = make_article("b", text="x" * 1000, hours=2)
    assert choose_lead([original, copy], {}, copies={"b"}).id == "b"
    assert choose_lead([original, replace(copy, paywall=True)], {}, copies={"b"}).id == "a"


def test_what_is_closest_to_the_story_s_centre_leads(make_article: Make) -> None:
    articles = [make_article("a", text=FULL), make_article("b", text=FULL)]
    assert choose_lead(articles, {}, {"a": 0.7, "b": 0.9}).id == "b"
    assert choose_lead(articles, {}, {"a": 0.9, "b": 0.7}).id == "a"


def test_a_copy_leads_only_where_there_is_nothing_else(make_article: Make) -> None:
    original, copy = make_article("a", text="x" * 500), make_article("b", text=FULL)
    assert choose_lead([original, copy], {"feed-b": 9.0}, copies={"b": "a"}).id == "a"
    assert choose_lead([copy], {}, copies={"b": "a"}).id == "b"


@pytest.mark.parametrize(
    "title", ["Live: fire at the harbour", "Morning briefing: fire, ferries, football"]
)
def test_a_report_goes_before_round_ups_and_live_blogs(make_article: Make, title: str) -> None:
    gathered = make_article("a", title, FULL)
    report = make_article("b", "Fire at the harbour", "x" * 300)
    assert choose_lead([gathered, report], {"feed-a": 9.0}).id == "b"
    assert choose_lead([gathered], {}).id == "a"


def test_beyond_2000_characters_the_first_to_tell_leads(make_article: Make, now: datetime) -> None:
    late = make_article("a", text="x" * 9000, hours=1)
    early = make_article("b", text="x" * 2000, published=now - timedelta(hours=2))
    assert choose_lead([late, early], {}).id == "b"


@given(st.permutations(range(5)), st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_the_lead_does_not_depend_on_the_order(
    make_article: Make, order: list[int], near: list[float]
) -> None:
    articles = [make_article(str(number), text="x" * (number % 3) * 700) for number in range(5)]
    closeness = {article.id: near[number] for number, article in enumerate(articles)}
    lead = choose_lead(articles, {}, closeness, {"4": "3"})
    assert choose_lead([articles[number] for number in order], {}, closeness, {"4": "3"}) is lead
    assert lead.id != "4"
