"""What is told again, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Article, Story, Told, Update
from digest.stories.memory import retell

Make = Callable[..., Article]

DEAD = "{} people died when a ferry sank off Skarland, the coastguard said."


@pytest.fixture
def three(make_article: Make) -> Article:
    return make_article("a", "Three die on ferry", DEAD.format("Three"), hours=30)


@pytest.fixture
def five(make_article: Make) -> Article:
    return make_article("b", "Ferry: five dead", DEAD.format("Five"), hours=5)


@pytest.fixture
def rewrite(make_article: Make) -> Article:
    return make_article("c", "Ferry sinks, three dead", DEAD.format("Three"), hours=4)


def story(*articles: Article, id: str = "s1", **copies: str) -> Story:
    why = {article.id: f"why {article.id}" for article in articles}
    return Story(id, articles, "World", why=why, copies=copies)


def told(*articles: str, id: str = "s1", date: str = "2026-03-01", headline: str = "Then") -> Told:
    return Told(id, date, headline, articles)


def test_without_memory_all_is_told(three: Article, five: Article) -> None:
    stories = (story(three), story(five, id="s2"))
    assert retell(stories, [], {}).to_tell == stories
    assert retell([], [told("x")], {}) == retell([], [], {})


def test_a_story_that_nobody_told_stays_as_it_is(three: Article, five: Article) -> None:
    new = story(three, five)
    assert retell([new], [told("x")], {}).to_tell == (new,)


def test_a_told_story_without_new_articles_is_gone(three: Article) -> None:
    found = retell([story(three)], [told("a")], {})
    assert (found.to_tell, found.left_out, found.repeats) == ((), (), ())


def test_a_told_story_without_news_is_left_out(three: Article, rewrite: Article) -> None:
    whole = story(three, rewrite)
    found = retell([whole], [told("a")], {})
    assert (found.to_tell, found.left_out, found.repeats) == ((), (whole,), ("c",))


def test_a_told_story_with_news_comes_back_as_an_update(three: Article, five: Article) -> None:
    found = retell([story(three, five)], [told("a", headline="Three die on ferry")], {})
    (update,) = found.to_tell
    assert (update.id, update.articles, update.why) == ("s1", (five,), {"b": "why b"})
    assert update.update == Update("2026-03-01", "s1", "Three die on ferry", ("five",))
    assert (found.left_out, found.repeats) == ((), ())


def test_an_update_is_led_by_an_article_with_the_news(
    three: Article, five: Article, rewrite: Article
) -> None:
    fuller = replace(rewrite, text=rewrite.text + " And so on." * 300)
    (update,) = retell([story(three, fuller, five)], [told("a")], {"feed-c": 5.0}).to_tell
    assert [article.id for article in update.articles] == ["b", "c"]


def test_numbers_of_an_article_that_is_older_than_what_was_told_are_no_news(
    three: Article, five: Article
) -> None:
    early = replace(five, published=three.published)
    assert retell([story(three, early)], [told("a")], {}).repeats == ("b",)


def test_a_copy_of_a_told_article_is_no_news(
    three: Article, rewrite: Article, make_article: Make
) -> None:
    # A paper names its own town above an agency's text.
    local = make_article("b", "Three from Fellhaven die on ferry", "FELLHAVEN. " + three.text)
    for copies in ({"b": "a"}, {"a": "b"}):
        found = retell([story(three, local, **copies)], [told("a")], {})
        assert (found.to_tell, found.repeats) == ((), ("b",))
    assert retell([story(three, rewrite, c="a")], [told("a")], {}).repeats == ("c",)


def test_the_next_version_of_a_told_text_is_news_by_its_numbers(
    three: Article, five: Article
) -> None:
    (update,) = retell([story(three, five, b="a")], [told("a")], {}).to_tell
    assert (update.articles, update.copies) == ((five,), {})
    assert update.update is not None
    assert update.update.news == ("five",)


def test_a_copy_of_a_copy_is_one_whatever_came_between(three: Article, rewrite: Article) -> None:
    again = replace(rewrite, id="b", title="Three die")
    found = retell([story(three, again, rewrite, b="c", c="a")], [told("a")], {})
    assert (found.to_tell, sorted(found.repeats)) == ((), ["b", "c"])


def test_copies_of_what_was_told_are_no_part_of_an_update(
    three: Article, five: Article, rewrite: Article
) -> None:
    copied = replace(five, id="d", feed="feed-d")
    whole = story(three, rewrite, five, copied, c="a", d="b")
    found = retell([whole], [told("a")], {})
    (update,) = found.to_tell
    assert ([one.id for one in update.articles], update.copies) == (["b", "d"], {"d": "b"})
    assert found.repeats == ("c",)


def test_an_update_names_the_latest_edition_that_told_of_it(
    three: Article, five: Article, make_article: Make
) -> None:
    seven = make_article("d", "Ferry: seven dead", DEAD.format("Seven"), hours=1)
    editions = [
        told("b", date="2026-03-01", headline="Five"),
        told("a", date="2026-02-28", headline="Three"),
    ]
    (update,) = retell([story(three, five, seven)], editions, {}).to_tell
    assert update.update == Update("2026-03-01", "s1", "Five", ("seven",))
    # Also where the later report is in no group with the others today.
    found = retell([story(three, seven), story(five, id="s2")], editions, {})
    assert [one.update for one in found.to_tell] == [update.update]


def test_what_was_told_in_another_group_is_known_all_the_same(
    three: Article, five: Article, make_article: Make
) -> None:
    again = make_article("d", "Five die on ferry", DEAD.format("Five"), hours=1)
    editions = [told("a"), told("b", date="2026-03-02")]
    found = retell([story(three, again), story(five, id="s2")], editions, {})
    assert (found.to_tell, found.repeats) == ((), ("d",))


def test_an_update_has_the_id_that_was_printed(three: Article, five: Article) -> None:
    (update,) = retell([story(three, five, id="other")], [told("a")], {}).to_tell
    assert update.id == "s1"


def test_of_a_story_that_has_split_one_part_keeps_the_id(
    three: Article, five: Article, make_article: Make
) -> None:
    other = make_article("x", "Ferry talks", DEAD.format("Three"), hours=30)
    six = make_article("y", "Ferry: six dead", DEAD.format("Six"), hours=2)
    parts = [story(three, five, id="p"), story(other, six, id="q")]
    first, second = retell(parts, [told("a", "x")], {}).to_tell
    assert (first.id, second.id) == ("s1", "q")


def test_stories_told_on_one_day_that_have_become_one_are_known(
    three: Article, five: Article, make_article: Make
) -> None:
    later = make_article("d", "Ferry: nine dead", DEAD.format("Nine"), hours=1)
    editions = [told("a", id="s1"), told("b", id="s2", headline="Five")]
    (update,) = retell([story(three, five, later)], editions, {}).to_tell
    assert update.update == Update("2026-03-01", "s2", "Five", ("nine",))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 60)), max_size=12))
def test_each_article_is_told_at_most_once(
    make_article: Make, marks: list[tuple[int, bool, int]]
) -> None:
    members: dict[int, list[Article]] = {}
    known = set()
    for number, (group, was_told, hours) in enumerate(marks):
        text = DEAD.format(str(3 + number))
        members.setdefault(group, []).append(make_article(str(number), text, text, hours=hours))
        known |= {str(number)} if was_told else set()
    stories = [story(*articles, id=f"s{group}") for group, articles in members.items()]
    found = retell(stories, [told(*sorted(known))], {})
    printed = [article.id for one in found.to_tell for article in one.articles]
    assert len(printed) == len(set(printed))
    assert not known & {*printed, *found.repeats}
    assert not set(printed) & set(found.repeats)
    assert len({one.id for one in found.to_tell}) == len(found.to_tell)
    for one in found.to_tell:
        assert (one.update is not None) == any(id in known for id in ids_of(one, stories))


def ids_of(one: Story, stories: list[Story]) -> set[str]:
    """All articles of the group that `one` came from."""
    (group,) = (found for found in stories if {*one.articles} <= {*found.articles})
    return {article.id for article in group.articles}
