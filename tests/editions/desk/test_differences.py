"""What differs between two builds, told for a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.desk.differences import Difference, Place, Printed, differences
from digest.records import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    SummarySentence,
)

BUILT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def told(id: str, *articles: str, **more: Any) -> EditionStory:
    """A story of `articles`, the first its lead; of one named after it if none."""
    ids = articles or (f"{id}1",)
    story = EditionStory(
        id=id,
        article=ids[0],
        headline=f"Headline of {id}",
        url=f"https://news.example.org/{ids[0]}",
        source="Harbour Courier",
        published=BUILT,
        date_origin="feed",
        summary=(SummarySentence(f"What {id} is about.", (0,), 1.0),),
        model="extractive",
        minutes=2,
        articles=dict.fromkeys(ids, "hash"),
    )
    return replace(story, **more)


def edition(topics: dict[str, list[EditionStory]], **more: Any) -> Edition:
    made = Edition(
        digest="morning",
        title="Morning",
        date="2026-03-02",
        timezone="UTC",
        built=BUILT,
        subject="Morning: ferries",
        preheader="And more",
        sender="Desk <desk@example.org>",
        template="plain",
        topics=tuple(EditionTopic(name, tuple(stories)) for name, stories in topics.items()),
    )
    return replace(made, **more)


def world(*ids: str) -> Edition:
    return edition({"World": [told(id) for id in ids]})


def moved(old: Edition, new: Edition) -> list[str]:
    return [change.id for change in differences(old, new).changed if "moved" in change.what]


def test_two_builds_that_print_the_same_do_not_differ() -> None:
    old = world("a", "b")
    found = differences(old, replace(old, built=BUILT.replace(hour=9)))
    assert found == Difference()
    assert found.total == 0


def test_stories_that_are_new_and_gone_are_told_with_their_places() -> None:
    found = differences(world("a", "b"), world("c", "b"))
    assert found.added == (Printed("c", "Headline of c", Place("World", 1)),)
    assert found.gone == (Printed("a", "Headline of a", Place("World", 1)),)
    assert (found.changed, found.total) == ((), 2)


def test_a_story_with_another_id_is_the_same_by_its_articles() -> None:
    old = edition({"World": [told("a", "x", "y", "z"), told("b")]})
    new = edition({"World": [told("anew", "y", "x", "w"), told("b")]})
    found = differences(old, new)
    assert (found.added, found.gone) == ((), ())
    (change,) = found.changed
    assert (change.old_id, change.id) == ("a", "anew")
    assert change.what == {"headline", "summary", "lead", "details"}
    assert (change.joined, change.left) == (1, 1)
    assert change.old_lead == ("Harbour Courier", "https://news.example.org/x")


def test_the_story_with_the_most_articles_in_common_is_the_same() -> None:
    old = edition({"World": [told("a", "x", "y", "z")]})
    new = edition({"World": [told("one", "x"), told("two", "y", "z")]})
    found = differences(old, new)
    assert [change.id for change in found.changed] == ["two"]
    assert found.added == (Printed("one", "Headline of one", Place("World", 1), "Headline of a"),)


def test_a_story_that_was_merged_is_gone_into_the_other() -> None:
    old = edition({"World": [told("a"), told("b")]})
    also = EditionSource("Post", "Headline of b", "https://post.example/b", BUILT, article="b1")
    new = edition({"World": [told("a", "a1", "b1", also=(also,))]})
    found = differences(old, new)
    assert found.gone == (Printed("b", "Headline of b", Place("World", 2), "Headline of a"),)
    assert [(change.what, change.joined) for change in found.changed] == [({"sources"}, 1)]


@pytest.mark.parametrize(
    ("before", "after", "stories"),
    [
        ("abcd", "dabc", ["d"]),
        ("abcd", "bcda", ["a"]),
        ("abcd", "bcd", []),
        ("abcd", "abxcd", []),
        ("ab", "ba", ["b"]),
        ("abcdef", "abedcf", ["e", "d"]),
    ],
)
def test_as_few_stories_as_can_be_have_moved(before: str, after: str, stories: list[str]) -> None:
    found = moved(world(*before), world(*after))
    assert len(found) == len(stories)
    if len(stories) == 1 and len(before) > 2:
        assert found == stories


def test_a_story_under_another_topic_changed_its_topic() -> None:
    old = edition({"World": [told("a"), told("b")], "Business": [told("c")]})
    new = edition({"World": [told("b")], "Business": [told("a"), told("c")]})
    (change,) = differences(old, new).changed
    assert (change.id, change.what) == ("a", {"topic"})
    assert (change.old_place, change.place) == (Place("World", 1), Place("Business", 1))


def test_headline_and_summary_are_told_before_and_after() -> None:
    new = edition({"World": [told("a", headline="Ferries sail", summary=())]})
    (change,) = differences(world("a"), new).changed
    assert change.what == {"headline", "summary"}
    assert (change.old_headline, change.headline) == ("Headline of a", "Ferries sail")
    assert (change.old_summary, change.summary) == (("What a is about.",), ())


def test_what_is_printed_once_is_told_before_and_after() -> None:
    old = edition({"World": [told("a")], "Business": [told("b")], "Odd": [told("c")]})
    new = replace(
        edition({"Business": [told("b")], "World": [told("a")]}),
        subject="Ferries",
        preheader="Nothing else",
        note=("Good morning.",),
        failed=(FailedFeed("post", "it is gone"),),
        left_out=4,
        title="Evening",
    )
    found = differences(old, new)
    assert found.topics == (("World", "Business"), ("Business", "World"))
    assert found.subject == ("Morning: ferries", "Ferries")
    assert found.preheader == ("And more", "Nothing else")
    assert found.note == ((), ("Good morning.",))
    assert found.failed == ((), ("post: it is gone",))
    assert found.counts == {"stories": (3, 2), "left_out": (0, 4)}
    assert found.settings == {"title": ("Morning", "Evening")}
    assert found.total == 7


ids = st.lists(st.sampled_from("abcdef"), unique=True)


@settings(deadline=None)
@given(before=ids, after=ids)
def test_every_story_is_told_of_once(before: list[str], after: list[str]) -> None:
    found = differences(world(*before), world(*after))
    assert {one.id for one in found.added} == set(after) - set(before)
    assert {one.id for one in found.gone} == set(before) - set(after)
    changed = [change.id for change in found.changed]
    assert len(changed) == len(set(changed))
    # What stayed is in the order in which it was.
    both = set(before) & set(after) - set(changed)
    assert [id for id in before if id in both] == [id for id in after if id in both]


@settings(deadline=None)
@given(
    old=st.lists(st.sets(st.sampled_from("uvwxyz"), min_size=1), max_size=4),
    new=st.lists(st.sets(st.sampled_from("uvwxyz"), min_size=1), max_size=4),
)
def test_stories_are_paired_one_to_one_whatever_they_share(
    old: list[set[str]], new: list[set[str]]
) -> None:
    before = edition({"W": [told(f"o{n}", *sorted(ids)) for n, ids in enumerate(old)]})
    after = edition({"W": [told(f"n{n}", *sorted(ids)) for n, ids in enumerate(new)]})
    found = differences(before, after)
    assert len(found.changed) + len(found.added) == len(new)
    assert len(found.changed) + len(found.gone) == len(old)
    assert len({change.old_id for change in found.changed}) == len(found.changed)
