"""When an editor is told that somebody else was quicker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.editions.desk.clashes import clash
from digest.records import Draft, NewOperation, Operation, OperationKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Make

    Change = Callable[..., Operation]


@pytest.fixture
def draft(make: Make) -> Draft:
    told = [make.article("a1"), make.article("a2", feed="post")]
    return make.draft(make.story("a", articles=told), make.story("b"), make.story("c"))


def asks(kind: OperationKind, story: str = "", article: str = "", **values: Any) -> NewOperation:
    return NewOperation(kind, values, "Ben", "key", 3, story=story, article=article)


def test_the_same_story_is_not_changed_twice_blindly(draft: Draft, change: Change) -> None:
    since = [change("summary", "a", "a1", text="They sail.")]
    assert clash(asks("headline", "a", "a1", text="Ferries"), since, draft) == (
        "Asha changed the summary of “What a1 tells” at 06:01 UTC: look at it, then do it again"
    )


def test_the_last_change_to_it_is_told(draft: Draft, change: Change) -> None:
    since = [change("pin", "a", "a1"), change("drop", "a", "a1"), change("drop", "b", "b1")]
    assert clash(asks("lead", "a", "a1", lead="a2"), since, draft).startswith(
        "Asha dropped “What a1 tells”"
    )


def test_changes_to_other_stories_do_not_clash_wherever_they_stand(
    draft: Draft, change: Change
) -> None:
    since = [
        change("move", "b", "b1", topic="World", after="a"),
        change("topic", "c", "c1", topic="Business"),
        change("note", text="Good morning."),
        change("section", topic="World", after=""),
    ]
    assert clash(asks("move", "a", "a1", topic="World", after="c"), since, draft) == ""


def test_a_story_that_took_part_in_a_merge_was_changed(draft: Draft, change: Change) -> None:
    merge = change("merge", "a", "a1", others=[{"story": "b", "article": "b1"}])
    assert "put stories together, “What b1 tells” among them" in clash(
        asks("drop", "b", "b1"), [merge], draft
    )
    new = asks("merge", "c", "c1", others=[{"story": "b", "article": "b1"}])
    assert "dropped one of these stories" in clash(new, [change("drop", "b", "b1")], draft)


def test_a_story_is_known_by_its_article_when_its_id_is_another(
    draft: Draft, change: Change
) -> None:
    assert clash(asks("pin", "anew", "a1"), [change("drop", "a", "a1")], draft) != ""
    split = change("split", "a", "a1", articles=["a2"])
    assert clash(asks("drop", "part", "a2"), [split], draft) != ""


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("note", {"text": "Good morning."}),
        ("subject", {"text": "Ferries"}),
        ("section", {"topic": "World", "after": ""}),
        ("exclude", {"feed": "post"}),
    ],
)
def test_what_an_edition_has_once_clashes_with_its_own_kind_alone(
    draft: Draft, change: Change, kind: OperationKind, values: dict[str, Any]
) -> None:
    since = [change(kind, **values)]
    assert clash(asks(kind, **values), since, draft) != ""
    for other, more in (("note", {"text": ""}), ("exclude", {"feed": "courier"})):
        if other != kind:
            assert clash(asks(other, **more), since, draft) == ""  # type: ignore[arg-type]


def test_excluding_different_feeds_does_not_clash(draft: Draft, change: Change) -> None:
    since = [change("exclude", feed="post")]
    assert clash(asks("exclude", feed="courier"), since, draft) == ""


def test_excluding_a_feed_clashes_with_a_change_that_names_its_article(
    draft: Draft, change: Change
) -> None:
    exclude, lead = change("exclude", feed="post"), change("lead", "a", "a1", lead="a2")
    assert "left out the feed post" in clash(asks("lead", "a", "a1", lead="a2"), [exclude], draft)
    assert "chose another lead" in clash(asks("exclude", feed="post"), [lead], draft)
    assert clash(asks("drop", "b", "b1"), [exclude], draft) == ""


def test_a_change_that_was_taken_back_is_told_as_such(draft: Draft, change: Change) -> None:
    drop = change("drop", "a", "a1")
    undone = replace(drop, undone=drop.made.replace(hour=9, minute=12))
    assert clash(asks("pin", "a", "a1"), [undone], draft) == (
        "what Asha did (dropped “What a1 tells”) was taken back at 09:12 UTC: "
        "look at it, then do it again"
    )


def test_nothing_since_is_no_clash(draft: Draft) -> None:
    assert clash(asks("drop", "a", "a1"), [], draft) == ""
