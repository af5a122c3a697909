"""What is printed, in which order, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.compose import (
    Plan,
    choose,
    compose,
    direction,
    reading_minutes,
    shorten,
)
from digest.records import (
    Article,
    Edition,
    FailedFeed,
    Feed,
    Story,
    Summary,
    SummarySentence,
)

SEVEN = datetime(2026, 3, 2, 7, tzinfo=UTC)
PLAN = Plan("daily", "The Daily", "Europe/London", "classic", "d@e.org", ("World", "Sport"), 20)
FEEDS = (Feed("post", "https://p.org", "The Post"), Feed("wire", "https://w.org"))


def article(title: str, feed: str = "post", minutes: int = 0, **fields: object) -> Article:
    base = Article(
        id=f"{feed}-{title}",
        feed=feed,
        title=title,
        text="One sentence. Another one.",
        published=SEVEN - timedelta(minutes=minutes),
        url=f"https://{feed}.org/{title}",
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def story(title: str, topic: str = "World", *others: Article, lead: Article | None = None) -> Story:
    first = lead or article(title)
    return Story(f"s-{title}", (first, *others), topic, topic_score=0.123456, rank=1.5)


def edition(*stories: Story, plan: Plan = PLAN, **summaries: Summary) -> Edition:
    return compose(
        plan,
        stories,
        {one.lead.id: summaries.get(one.lead.title, says("Said.")) for one in stories},
        FEEDS,
        [FailedFeed("Gone", "HTTP 410 Gone")],
        date="2026-03-02",
        built=SEVEN,
        articles=7,
    )


def says(*sentences: str) -> Summary:
    return Summary(
        tuple(SummarySentence(text, (number,), 1.0) for number, text in enumerate(sentences)),
        "extractive",
    )


# --- choosing ------------------------------------------------------------------------------


def topics(letters: str, most: int) -> str:
    """`choose` over stories whose topics are the `letters`: the numbers of those taken."""
    ranked = [story(str(number), letter) for number, letter in enumerate(letters)]
    return " ".join(one.lead.title for one in choose(ranked, most))


@pytest.mark.parametrize(
    ("letters", "most", "taken"),
    [
        ("AAB", 5, "0 1 2"),
        ("AAAAB", 4, "0 1 2 4"),  # half is A's; B has one; one more of A fills the edition
        ("AAAABB", 4, "0 1 4 5"),
        ("AAAABBCC", 4, "0 1 4 5"),
        ("ABCABC", 3, "0 1 2"),
        ("AAAA", 3, "0 1 2"),  # nothing else is there
        ("AB", 1, "0"),
        ("", 3, ""),
    ],
)
def test_no_topic_takes_over_half_while_others_have_stories(
    letters: str, most: int, taken: str
) -> None:
    assert topics(letters, most) == taken


@given(st.lists(st.sampled_from("ABC"), max_size=30), st.integers(1, 12))
def test_choosing_fills_the_edition_in_rank_order(letters: list[str], most: int) -> None:
    ranked = [story(str(number), letter) for number, letter in enumerate(letters)]
    chosen = choose(ranked, most)
    numbers = [int(one.lead.title) for one in chosen]
    assert len(chosen) == min(most, len(ranked))
    assert numbers == sorted(set(numbers))
    for letter in set(letters):
        mine = sum(one.topic == letter for one in chosen)
        others_left = any(
            one.topic != letter and sum(c.topic == one.topic for c in chosen) < (most + 1) // 2
            for one in ranked
            if one not in chosen
        )
        assert mine <= max(1, (most + 1) // 2) or not others_left


# --- texts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short enough", 12, "short enough"),
        ("cut between words", 12, "cut between…"),
        ("cut, before punctuation", 6, "cut…"),
        ("Donaudampfschiffahrt", 10, "Donaudamp…"),  # one long word is cut anyway
        ("", 5, ""),
    ],
)
def test_a_text_is_shortened_between_words(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_keeps_to_its_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("", 0),
        ("word " * 79, 0),  # a teaser: how long the article is, nobody knows
        ("word " * 80, 1),
        ("word " * 238, 1),
        ("word " * 1000, 4),
        ("字" * 200, 0),
        ("字" * 300, 1),
        ("字" * 2000, 4),
    ],
)
def test_the_reading_time_is_told_of_whole_articles_only(text: str, minutes: int) -> None:
    assert reading_minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Latin", "ltr"),
        ("مكتبة عامة", "rtl"),
        ("עברית", "rtl"),
        ("2026: مكتبة", "rtl"),  # digits are not strong
        ("«Bonjour» مكتبة", "ltr"),
        ("… 12", "ltr"),
        ("", "ltr"),
    ],
)
def test_the_direction_is_that_of_the_first_strong_character(text: str, expected: str) -> None:
    assert direction(text) == expected


# --- the edition ---------------------------------------------------------------------------


def test_topics_stand_in_the_order_of_the_plan_and_more_comes_last() -> None:
    made = edition(story("a", "More"), story("b", "Sport"), story("c", "World"), story("d", "More"))
    assert [topic.name for topic in made.topics] == ["World", "Sport", "More"]
    assert [one.headline for one in made.stories] == ["c", "b", "a", "d"]


def test_a_topic_without_stories_is_not_printed() -> None:
    assert [topic.name for topic in edition(story("a", "Sport")).topics] == ["Sport"]


def test_subject_and_preheader_are_the_headlines_that_the_reader_finds_first() -> None:
    made = edition(
        story("a", "Sport"), story("b", "World"), story("c", "World"), story("d", "World")
    )
    assert made.subject == "The Daily: b"
    assert made.preheader == "a · c · d"


def test_a_headline_of_100_kB_leaves_a_subject_of_a_line() -> None:
    made = edition(story("word " * 20_000), story("word " * 20_000))
    assert len(made.subject) <= 90
    assert len(made.preheader) <= 140


def test_an_edition_without_stories_still_has_title_and_failed_feeds() -> None:
    made = edition()
    assert (made.topics, made.stories, made.told) == ((), (), ())
    assert (made.subject, made.preheader) == ("The Daily", "")
    assert made.failed == (FailedFeed("Gone", "HTTP 410 Gone"),)


def test_the_edition_carries_what_the_plan_and_the_run_say() -> None:
    made = edition(story("a"))
    assert (made.digest, made.title, made.timezone) == ("daily", "The Daily", "Europe/London")
    assert (made.template, made.sender, made.date) == ("classic", "d@e.org", "2026-03-02")
    assert (made.built, made.feeds, made.articles, made.format) == (SEVEN, 2, 7, 3)


def test_a_story_is_printed_from_its_lead() -> None:
    lead = article(
        "Headline",
        text="word " * 500,
        author="Ann Author",
        image="https://p.org/i.jpg",
        language="en",
        date_origin="missing",
    )
    (printed,) = edition(
        story("Headline", lead=lead), Headline=says("It was.", "So be it.")
    ).stories
    assert (printed.article, printed.url) == (lead.id, lead.url)
    assert (printed.source, printed.author, printed.image) == ("The Post", "Ann Author", lead.image)
    assert (printed.published, printed.date_origin) == (lead.published, "missing")
    assert [sentence.text for sentence in printed.summary] == ["It was.", "So be it."]
    assert (printed.model, printed.minutes, printed.language) == ("extractive", 2, "en")
    assert (printed.rank, printed.topic_score) == (1.5, 0.1235)


def test_a_paper_that_signs_with_its_own_name_is_no_author() -> None:
    (printed,) = edition(story("a", lead=article("a", author="the post"))).stories
    assert (printed.source, printed.author) == ("The Post", "")


def test_a_sentence_that_only_says_the_headline_again_is_left_out() -> None:
    (printed,) = edition(
        story("Rain stops play"), **{"Rain stops play": says("RAIN STOPS PLAY.", "It poured.")}
    ).stories
    assert [sentence.text for sentence in printed.summary] == ["It poured."]


def test_an_article_without_summary_is_printed_with_its_headline_alone() -> None:
    (printed,) = edition(story("a"), a=Summary((), "extractive")).stories
    assert (printed.headline, printed.summary) == ("a", ())


def test_one_article_of_each_other_feed_is_listed_first_then_what_else_there_is() -> None:
    made = edition(
        story(
            "lead",
            "World",
            article("later", "wire", minutes=5),
            article("earlier", "wire", minutes=50),
            article("own second", "post", minutes=90),
            article("unknown feed", "gone", minutes=20),
        )
    )
    assert [(other.feed, other.headline) for other in made.stories[0].also] == [
        ("wire", "earlier"),
        ("gone", "unknown feed"),
        ("The Post", "own second"),
        ("wire", "later"),
    ]


def test_the_same_page_in_another_feed_is_no_other_telling() -> None:
    page = "https://post.org/lead"
    made = edition(
        story(
            "lead",
            "World",
            article("lead", "post-front-page", url=page),
            article("told", "wire", url="https://wire.org/told", minutes=2),
            article("told", "wire-world", url="https://wire.org/told", minutes=1),
            article("without address", "one", url=""),
            article("without address", "two", url=""),
        )
    )
    assert [other.feed for other in made.stories[0].also] == ["wire", "one", "two"]


def test_the_same_headline_again_in_one_feed_is_no_other_telling() -> None:
    made = edition(story("lead", "World", replace(article("other", "post"), title="lead")))
    assert made.stories[0].also == ()


def test_stories_that_find_no_room_are_counted() -> None:
    made = edition(story("a"), story("b"), story("c"), plan=replace(PLAN, max_stories=1))
    assert made.left_out == 2


def test_what_is_told_is_every_article_of_the_printed_stories_only() -> None:
    made = edition(
        story("a", "World", article("b", "wire")),
        story("c", "Sport"),
        plan=replace(PLAN, max_stories=1),
    )
    assert made.told == ("post-a", "wire-b")


def test_a_story_without_any_summary_given_is_still_printed() -> None:
    made = compose(PLAN, [story("a")], {}, FEEDS, [], date="2026-03-02", built=SEVEN, articles=1)
    assert made.stories[0].summary == ()
