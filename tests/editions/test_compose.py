"""What is printed, in which order, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.compose import (
    choose,
    compose,
    direction,
    reading_minutes,
)
from digest.editions.desk.arranging import arranged, sections
from digest.records import (
    Article,
    Draft,
    Edition,
    FailedFeed,
    Feed,
    Image,
    Plan,
    Story,
    Summary,
    SummarySentence,
    Update,
)
from digest.text.shorten import shorten

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
    return printed(
        plan,
        stories,
        {one.lead.id: summaries.get(one.lead.title, says("Said.")) for one in stories},
        failed=(FailedFeed("Gone", "HTTP 410 Gone"),),
        considered=7,
        feeds=2,
    )


def printed(
    plan: Plan, stories: Sequence[Story], summaries: Mapping[str, Summary], **more: Any
) -> Edition:
    """The edition as a run composes it, without an editor's changes."""
    labels = {feed.name: feed.label for feed in FEEDS}
    draft = Draft(plan, "2026-03-02", SEVEN, tuple(stories), summaries, labels, **more)
    laid = sections(arranged(draft, ()), plan)
    left = len(stories) - sum(len(some) for _, some in laid)
    return compose(draft, laid, summaries, left_out=left)


def says(*sentences: str) -> Summary:
    return Summary(
        tuple(SummarySentence(text, (number,), 1.0) for number, text in enumerate(sentences)),
        "extractive",
    )


# --- choosing ------------------------------------------------------------------------------


def taken(stories: str, most: int, per_topic: int | None = None, feed: int | None = None) -> str:
    """`choose` over stories as `topic + feed`, "Aa Ab Ba": the numbers of those taken."""
    ranked = [
        story(str(number), marks[0], lead=article(str(number), feed=marks[1:] or str(number)))
        for number, marks in enumerate(stories.split())
    ]
    return " ".join(one.lead.title for one in choose(ranked, most, per_topic, feed))


@pytest.mark.parametrize(
    ("stories", "most", "numbers"),
    [
        ("A A B", 5, "0 1 2"),
        ("A A A A B", 4, "0 1 2 4"),  # half is A's; B has one; one more of A fills the edition
        ("A A A A B B", 4, "0 1 4 5"),
        ("A A A A B B C C", 4, "0 1 4 5"),
        ("A B C A B C", 3, "0 1 2"),
        ("A A A A", 3, "0 1 2"),  # nothing else is there
        ("A B", 1, "0"),
        ("", 3, ""),
    ],
)
def test_no_topic_takes_over_half_while_others_have_stories(
    stories: str, most: int, numbers: str
) -> None:
    assert taken(stories, most) == numbers


@pytest.mark.parametrize(
    ("stories", "most", "numbers"),
    [
        ("Ax Bx Cx Dx Ay Bz", 6, "0 1 2 3 4 5"),  # there is room for all
        ("Ax Bx Cx Dx Ay By", 3, "0 1 4"),  # one is x's, one y's; the third x's, which ranks higher
        ("Ax Bx Cx Dx Ay Bz", 3, "0 4 5"),
        ("Ax Bx Cx Dx", 3, "0 1 2"),  # nothing else is there
        ("Ax Ax Ax Ax By", 4, "0 1 2 4"),
    ],
)
def test_no_feed_leads_over_a_third_while_others_have_stories(
    stories: str, most: int, numbers: str
) -> None:
    assert taken(stories, most) == numbers


@pytest.mark.parametrize(
    ("per_topic", "per_feed", "numbers"),
    [(None, None, "0 1 4 5"), (1, None, "0 2 3 4"), (4, 4, "0 1 2 3"), (2, 1, "0 3 4 5")],
)
def test_the_owner_s_limits_go_before_the_usual_ones(
    per_topic: int | None, per_feed: int | None, numbers: str
) -> None:
    assert taken("Ax Ax Bx Ay Bz Bv", 4, per_topic, per_feed) == numbers


def test_the_limit_for_feeds_is_let_go_before_that_for_topics() -> None:
    # Two of x at most, three of A: the fourth place is x's third with another topic.
    assert taken("Ax Ax Ay Az Bx", 4, 3, 2) == "0 1 2 4"


@given(
    st.lists(st.sampled_from(["Aa", "Ab", "Ba", "Bc", "Cd"]), max_size=30),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_choosing_fills_the_edition_in_rank_order_within_its_limits(
    marks: list[str], most: int, per_topic: int, per_feed: int
) -> None:
    numbers = list(map(int, taken(" ".join(marks), most, per_topic, per_feed).split()))
    assert len(numbers) == min(most, len(marks))
    assert numbers == sorted(set(numbers))
    topics = Counter(marks[number][0] for number in numbers)
    feeds = Counter(marks[number][1] for number in numbers)
    for number, (topic, feed) in enumerate(marks):
        # What is left out although there was a limit over it for another: none is as good within.
        if number not in numbers and topics[topic] < per_topic and feeds[feed] < per_feed:
            assert all(count <= per_topic for count in topics.values())
            assert all(count <= per_feed for count in feeds.values())


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
    assert (made.built, made.feeds, made.articles, made.format) == (SEVEN, 2, 7, 6)


def test_a_story_is_printed_from_its_lead() -> None:
    lead = article(
        "Headline",
        text="word " * 500,
        author="Ann Author",
        image=Image("https://p.org/i.jpg", 640, 480, "A pier"),
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


def test_a_story_carries_what_its_editors_ask_for() -> None:
    other = article("b", "wire")
    told = Update("2026-03-01", "s-old", "Old", ("five",))
    made = edition(
        replace(
            story("a", "World", other),
            rank_parts={"coverage": 1.00000049, "recency": 0.5},
            runner_up="Sport",
            runner_up_score=0.12345678,
            why={"post-a": "same names", "wire-b": "similarity 0.71"},
            update=told,
        ),
        plan=replace(PLAN, archive="https://d.org"),
    )
    (printed,) = made.stories
    assert (list(printed.articles), printed.update) == (["post-a", "wire-b"], told)
    assert printed.rank_parts == {"coverage": 1.0, "recency": 0.5}
    assert (printed.runner_up, printed.runner_up_score) == ("Sport", 0.1235)
    assert (printed.why, printed.also[0].why) == ("same names", "similarity 0.71")
    assert printed.also[0].article == "wire-b"
    assert (made.archive, made.retold) == ("https://d.org", 0)


def test_another_telling_says_whether_its_time_is_the_feed_s_own() -> None:
    others = (article("b", "wire", date_origin="missing"), article("c", "gazette"))
    also = edition(story("a", "World", *others)).stories[0].also
    assert {source.article: source.date_origin for source in also} == {
        "wire-b": "missing",
        "gazette-c": "feed",
    }


LEAD = article("lead", id="lead")


def copied(*others: Article, **copies: str) -> list[tuple[str, bool]]:
    """The feeds under a story in the order of print, and whether each is a copy (of which)."""
    whole = replace(story("lead", "World", *others, lead=LEAD), copies=copies)
    return [(source.feed, source.copy) for source in edition(whole).stories[0].also]


def test_copies_stand_behind_what_they_are_copies_of() -> None:
    others = (
        article("told otherwise", "wire", id="wire"),
        article("told otherwise", "paper", id="paper"),
        article("lead", "gazette", id="gazette"),
        article("lead", "nordlys", id="nordlys"),
    )
    order = [("gazette", True), ("nordlys", True), ("wire", False), ("paper", True)]
    copies = {"gazette": "lead", "nordlys": "gazette", "paper": "wire"}
    assert copied(*others, **copies) == order
    assert copied(*reversed(others), **copies) == order


def test_what_a_lead_is_a_copy_of_is_the_same_text_as_the_lead() -> None:
    others = (article("lead", "wire", id="wire"), article("lead", "paper", id="paper"))
    whole = replace(
        story("lead", "World", *others, lead=LEAD), copies={"lead": "wire", "paper": "wire"}
    )
    assert [(source.feed, source.copy) for source in edition(whole).stories[0].also] == [
        ("paper", True),
        ("wire", True),
    ]


def test_a_copy_on_the_same_page_or_in_the_same_feed_is_not_printed() -> None:
    others = (
        article("lead", "post-front", id="front", url="https://www.post.org/lead"),
        article("Lead, again", "post", id="again", url="https://post.org/again"),
    )
    assert copied(*others, front="lead", again="lead") == []


def test_a_copy_whose_original_is_not_there_is_a_telling() -> None:
    assert copied(article("x", "wire", id="x"), x="gone") == [("wire", False)]


def test_stories_that_were_told_before_are_counted() -> None:
    made = printed(PLAN, [story("a")], {}, retold=4)
    assert made.retold == 4


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
    made = printed(PLAN, [story("a")], {})
    assert made.stories[0].summary == ()
