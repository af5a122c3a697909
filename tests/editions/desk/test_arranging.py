"""An editor's changes on a draft: what each does, and what it does after a rebuild."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.editions.desk.arranging import arranged, sections
from digest.records import Draft, Operation, Update
from digest.words import desk_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Make

    Change = Callable[..., Operation]

GONE, EXCLUDED, PLACE_GONE = map(desk_words(), ("idle.gone", "idle.excluded", "idle.place_gone"))
JOINED = desk_words()("together.joined")


def printed(draft: Draft, *operations: Operation, most: int | None = None) -> dict[str, list[str]]:
    """The ids of the stories under each heading, in the order of print."""
    found = sections(arranged(draft, operations), draft.plan, most)
    return {topic: [story.id for story in stories] for topic, stories in found}


def reasons(draft: Draft, *operations: Operation) -> list[tuple[int, str]]:
    return [(idle.operation, idle.reason) for idle in arranged(draft, operations).idle]


@pytest.fixture
def draft(make: Make) -> Draft:
    """Stories a to c of the world, d and e of business, all printed."""
    topics = {"a": "World", "b": "World", "c": "World", "d": "Business", "e": "Business"}
    stories = [make.story(id, topic, rank=5.0 - n) for n, (id, topic) in enumerate(topics.items())]
    return make.draft(*stories)


def test_without_changes_the_best_are_printed_under_the_headings_of_the_plan(make: Make) -> None:
    stories = [
        make.story(f"s{number}", ("World", "Odd", "Business")[number % 3]) for number in range(9)
    ]
    draft = make.draft(*stories, topics=("Business", "World"), most=7)
    assert list(printed(draft).items()) == [
        ("Business", ["s2", "s5"]),
        ("World", ["s0", "s3", "s6"]),
        ("Odd", ["s1", "s4"]),
    ]
    found = arranged(draft, [])
    assert found.stories == tuple(stories)
    assert found.sections == ("Business", "World", "Odd")
    assert found.idle == ()


# --- places -----------------------------------------------------------------------------------


def test_a_story_moves_behind_another_or_to_the_first_place(draft: Draft, change: Change) -> None:
    first = change("move", "c", topic="World", after="")
    assert printed(draft, first)["World"] == ["c", "a", "b"]
    behind = change("move", "a", topic="World", after="b")
    assert printed(draft, first, behind)["World"] == ["c", "b", "a"]
    assert printed(draft, first, behind, change("move", "a", topic="Business", after="d")) == {
        "World": ["c", "b"],
        "Business": ["d", "a", "e"],
    }


def test_a_story_that_changes_its_topic_stands_there_by_its_rank(
    draft: Draft, change: Change
) -> None:
    assert printed(draft, change("topic", "b", topic="Business"))["Business"] == ["b", "d", "e"]
    assert printed(draft, change("topic", "d", topic="World"))["World"] == ["a", "b", "c", "d"]


def test_a_topic_can_be_one_that_the_plan_does_not_have(draft: Draft, change: Change) -> None:
    assert printed(draft, change("topic", "a", topic="Sea"))["Sea"] == ["a"]
    assert arranged(draft, [change("move", "a", topic="Sea", after="")]).sections == (
        "World",
        "Business",
        "Sea",
    )


def test_headings_are_put_in_another_order(draft: Draft, change: Change) -> None:
    assert list(printed(draft, change("section", topic="Business", after=""))) == [
        "Business",
        "World",
    ]
    swapped = change("section", topic="World", after="Business")
    assert list(printed(draft, swapped)) == ["Business", "World"]
    assert reasons(draft, swapped, change("section", topic="Sea", after="")) == [
        (3, "the heading isn't there any more")
    ]
    assert reasons(draft, change("section", topic="World", after="Sea")) == [
        (4, "the heading that it was put behind isn't there any more")
    ]


def test_behind_a_story_that_is_gone_it_stands_under_the_heading_by_rank(
    draft: Draft, change: Change
) -> None:
    move = change("move", "d", topic="World", after="gone")
    assert printed(draft, move)["World"] == ["a", "b", "c", "d"]
    assert reasons(draft, move) == [(1, PLACE_GONE)]


def test_behind_a_story_that_was_merged_it_stands_behind_what_that_became(
    draft: Draft, change: Change
) -> None:
    merge = change("merge", "a", others=[{"story": "b", "article": "b1"}])
    move = change("move", "d", topic="World", after="b")
    assert printed(draft, merge, move)["World"] == ["a", "d", "c"]
    assert reasons(draft, merge, move) == []


def test_behind_itself_a_story_stays_where_it_is(draft: Draft, change: Change) -> None:
    assert printed(draft, change("move", "b", topic="World", after="b")) == printed(draft)
    other = change("move", "b", topic="Business", after="b")
    assert printed(draft, other)["Business"] == ["b", "d", "e"]


# --- printed or not -----------------------------------------------------------------------------


def test_a_dropped_story_is_not_printed_and_none_moves_up(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    assert printed(draft, change("drop", "a")) == {"World": ["b"]}
    assert arranged(draft, [change("drop", "a")]).dropped == {"a"}


def test_a_pinned_story_is_printed_whatever_its_rank(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    assert printed(draft, change("pin", "c")) == {"World": ["a", "b", "c"]}


def test_the_later_of_drop_and_pin_counts(draft: Draft, change: Change) -> None:
    drop, pin = change("drop", "a"), change("pin", "a")
    assert printed(draft, drop, pin)["World"] == ["a", "b", "c"]
    assert printed(draft, pin, change("drop", "a"))["World"] == ["b", "c"]


def test_a_story_that_is_put_at_a_place_is_printed(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    move = change("move", "c", topic="World", after="a")
    assert printed(draft, move) == {"World": ["a", "c", "b"]}
    assert printed(draft, move, change("topic", "c", topic="Business"))["Business"] == ["c"]
    assert printed(draft, move, change("drop", "c")) == {"World": ["a", "b"]}


def test_what_is_taken_in_again_is_as_it_was_before_it_was_dropped(
    make: Make, change: Change
) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    drop, undrop, pin = change("drop", "c"), change("undrop", "c"), change("pin", "c")
    again = arranged(draft, [pin, drop, change("drop", "c"), undrop])
    assert (again.pinned, again.kept, again.dropped) == ({"c"}, {"c"}, frozenset())
    again = arranged(draft, [drop, undrop])
    assert (again.pinned, again.kept, again.dropped) == (frozenset(), {"c"}, frozenset())
    assert arranged(draft, [undrop]) == arranged(draft, [])
    # A part of what was dropped is taken in by itself.
    articles = [make.article("d1"), make.article("d2")]
    draft = make.draft(make.story("d", articles=articles))
    split = [change("drop", "d"), change("split", "d", articles=["d2"])]
    (part,) = arranged(draft, split).dropped - {"d"}
    assert arranged(draft, [*split, change("undrop", part, "d2")]).dropped == {"d"}
    # What became part of what is dropped, too.
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=1)
    together = change("merge", "b", others=[{"story": "c", "article": "c1"}])
    dropped = [change("pin", "c"), change("drop", "c"), change("drop", "b"), together]
    assert printed(draft, *dropped) == {"World": ["a"]}
    assert printed(draft, *dropped, change("undrop", "b")) == {"World": ["a", "b"]}


def test_what_is_unpinned_goes_by_its_rank_unless_it_was_put_at_a_place(
    make: Make, change: Change
) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    pin, unpin = change("pin", "c"), change("unpin", "c")
    assert printed(draft, pin, unpin) == {"World": ["a", "b"]}
    move = change("move", "c", topic="World", after="")
    assert printed(draft, move, pin, unpin) == {"World": ["c", "a", "b"]}
    topic = change("topic", "c", topic="Odd")
    assert printed(draft, move, topic, pin, unpin) == {"World": ["a", "b"], "Odd": ["c"]}
    other = make.draft(make.story("x"), make.story("a"), make.story("c"), most=1)
    joined = change("merge", "a", others=[{"story": "c", "article": "c1"}])
    pin, unpin = change("pin", "a"), change("unpin", "a")
    assert printed(other, move, joined, pin, unpin) == {"World": ["x", "a"]}


def test_a_dropped_story_that_is_put_at_a_place_is_printed_again(
    draft: Draft, change: Change
) -> None:
    drop, move = change("drop", "a"), change("move", "a", topic="Business", after="d")
    assert printed(draft, drop, move) == {"World": ["b", "c"], "Business": ["d", "a", "e"]}
    assert arranged(draft, [drop, move]).stories[0].topic == "Business"


def test_moving_or_merging_one_story_costs_no_other_its_place(make: Make, change: Change) -> None:
    draft = make.draft(*(make.story(id) for id in "abcd"), make.story("e", "Business"), most=4)
    draft = replace(draft, plan=replace(draft.plan, max_per_topic=3))
    assert printed(draft) == {"World": ["a", "b", "c"], "Business": ["e"]}
    assert printed(draft, change("topic", "e", topic="World")) == {"World": ["a", "b", "c", "e"]}
    merge = change("merge", "a", others=[{"story": "b", "article": ""}])
    assert printed(draft, merge) == {"World": ["a", "c"], "Business": ["e"]}


def test_what_an_email_has_no_room_for_goes_by_rank_and_what_is_pinned_last(
    draft: Draft, change: Change
) -> None:
    assert printed(draft, most=3) == {"World": ["a", "b", "c"]}
    pin = change("pin", "e")
    assert printed(draft, pin, most=3) == {"World": ["a", "b"], "Business": ["e"]}
    pins = [change("pin", id) for id in "cde"]
    assert printed(draft, *pins, most=2) == {"World": ["c"], "Business": ["d"]}


# --- stories reshaped ---------------------------------------------------------------------------


def test_merging_puts_the_articles_behind_and_says_who_did_it(make: Make, change: Change) -> None:
    told = [make.article("b1", minutes=5), make.article("b2", minutes=9)]
    update = Update("2026-03-01", "b", "Yesterday's headline", ("nine",))
    draft = make.draft(
        make.story("b", "Business", told, rank=2.0, rank_parts={"coverage": 2.0}, update=update),
        make.story("a", rank=1.0, rank_parts={"coverage": 1.0}),
    )
    merge = change("merge", "a", others=[{"story": "b", "article": "b1"}])
    (story,) = arranged(draft, [merge]).stories
    assert [article.id for article in story.articles] == ["a1", "b1", "b2"]
    assert (story.id, story.topic, story.lead.id) == ("a", "World", "a1")
    assert story.why == {"b1": JOINED, "b2": "like “What b1 tells”: 1 h apart"}
    assert (story.rank, story.rank_parts) == (2.0, {"coverage": 2.0})
    assert story.update == update


def test_a_story_into_which_a_better_one_is_merged_stands_by_the_better_rank(
    draft: Draft, change: Change
) -> None:
    merge = change("merge", "c", others=[{"story": "a", "article": "a1"}])
    assert printed(draft, merge)["World"] == ["c", "b"]
    placed = change("move", "c", topic="World", after="b")
    assert printed(draft, placed, merge)["World"] == ["b", "c"]


def test_what_is_printed_or_pinned_stays_so_in_what_it_is_merged_into(
    make: Make, change: Change
) -> None:
    draft = make.draft(make.story("a"), make.story("b"), make.story("c"), most=2)
    into_left_out = change("merge", "c", others=[{"story": "a", "article": "a1"}])
    assert printed(draft, into_left_out) == {"World": ["c", "b"]}
    pin = change("pin", "b")
    merge = change("merge", "a", others=[{"story": "b", "article": "b1"}])
    assert arranged(draft, [pin, merge]).pinned == {"a"}
    drop = change("drop", "a")
    assert printed(draft, drop, merge) == {"World": ["a"]}
    assert printed(draft, drop, change("drop", "b"), merge) == {}


def test_texts_of_a_story_that_was_merged_are_told_as_without_effect(
    draft: Draft, change: Change
) -> None:
    edit = change("headline", "b", text="Ferries sail again")
    merge = change("merge", "a", others=[{"story": "b", "article": "b1"}])
    assert arranged(draft, [edit, merge]).headlines == {}
    assert reasons(draft, edit, merge) == [
        (1, "the story became part of another, whose own text is printed")
    ]


def test_merging_with_itself_or_with_what_is_gone_changes_nothing(
    draft: Draft, change: Change
) -> None:
    others = [{"story": "a", "article": "a1"}, {"story": "x", "article": "x1"}]
    merge = change("merge", "a", others=others)
    assert printed(draft, merge) == printed(draft)
    assert reasons(draft, merge) == [
        (1, "a story didn't join: it is part of this one already"),
        (1, f"a story didn't join: {GONE}"),
    ]


def test_splitting_makes_a_story_of_its_own_right_behind(make: Make, change: Change) -> None:
    told = [make.article(f"a{number}", minutes=number) for number in range(4)]
    draft = make.draft(make.story("a", articles=told, rank=3.0), make.story("b"))
    split = change("split", "a", articles=["a3", "a2"])
    rest, part, other = arranged(draft, [split]).stories
    assert [article.id for article in rest.articles] == ["a0", "a1"]
    assert [article.id for article in part.articles] == ["a2", "a3"]
    assert (part.topic, part.rank, other.id) == ("World", 3.0, "b")
    assert part.id not in ("a", "b")
    assert part.id == arranged(draft, [split]).stories[1].id
    # They were like an article that is elsewhere now; the lead needs no reason.
    assert rest.why == {"a1": "like “What a0 tells”: 1 h apart"}
    assert part.why == {"a3": "an editor split it off together with the others"}
    assert printed(draft, split)["World"] == ["a", part.id, "b"]


def test_what_is_split_off_is_printed_where_the_whole_was(make: Make, change: Change) -> None:
    told = [make.article("a1"), make.article("a2")]
    draft = make.draft(make.story("b"), make.story("a", articles=told), most=1)
    split = change("split", "a", articles=["a2"])
    part = arranged(draft, [split]).stories[2].id
    assert printed(draft, split) == {"World": ["b"]}
    assert printed(draft, change("pin", "a"), split) == {"World": ["b", "a", part]}
    first = change("move", "a", topic="World", after="")
    assert printed(draft, first, split) == {"World": ["a", part, "b"]}
    assert arranged(draft, [change("drop", "a"), split]).dropped == {"a", part}


def test_the_earliest_leads_what_lost_its_lead_by_splitting(make: Make, change: Change) -> None:
    told = [make.article(f"a{number}", minutes=9 - number) for number in range(3)]
    draft = make.draft(make.story("a", articles=told))
    rest, part = arranged(draft, [change("split", "a", articles=["a0"])]).stories
    assert [article.id for article in rest.articles] == ["a2", "a1"]
    assert rest.why == {"a1": "it stayed with the others when an editor split the story"}
    assert (part.lead.id, part.why) == ("a0", {})


def test_splitting_off_all_or_nothing_changes_nothing(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a", articles=[make.article("a1"), make.article("a2")]))
    every = change("split", "a", articles=["a1", "a2"])
    none = change("split", "a", articles=["x"])
    assert arranged(draft, [every, none]).stories == draft.stories
    assert reasons(draft, every, none) == [
        (1, "the story has no other articles any more"),
        (2, "an article wasn't split off: it isn't part of the story any more"),
    ]


def test_the_articles_that_are_left_are_split_off(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a", articles=[make.article("a1"), make.article("a2")]))
    split = change("split", "a", articles=["a2", "gone"])
    assert [len(story.articles) for story in arranged(draft, [split]).stories] == [1, 1]
    assert [number for number, _ in reasons(draft, split)] == [1]


def test_what_was_meant_for_a_part_is_not_for_the_whole_when_the_split_is_undone(
    make: Make, change: Change
) -> None:
    draft = make.draft(make.story("a", articles=[make.article("a1"), make.article("a2")]))
    split = change("split", "a", articles=["a2"])
    part = arranged(draft, [split]).stories[1].id
    drop = change("drop", part, "a2")
    assert printed(draft, split, drop) == {"World": ["a"]}
    undone = replace(split, undone=split.made)
    assert printed(draft, undone, drop) == {"World": ["a"]}
    assert reasons(draft, undone, drop) == [(2, GONE)]


def test_parts_can_be_put_together_and_split_again(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a", articles=[make.article("a1"), make.article("a2")]))
    split = change("split", "a", articles=["a2"])
    part = arranged(draft, [split]).stories[1].id
    merge = change("merge", "a", others=[{"story": part, "article": "a2"}])
    assert [one.id for one in arranged(draft, [split, merge]).stories[0].articles] == ["a1", "a2"]
    again = change("split", "a", articles=["a2"])
    rest, anew = arranged(draft, [split, merge, again]).stories
    assert [[one.id for one in story.articles] for story in (rest, anew)] == [["a1"], ["a2"]]
    assert anew.id not in ("a", part)


def test_excluding_a_feed_gives_what_was_split_off_no_other_id(make: Make, change: Change) -> None:
    told = [make.article("a1"), make.article("a2", feed="post", minutes=1)]
    draft = make.draft(
        make.story("a", articles=[*told, make.article("a3", minutes=2)]),
    )
    split, exclude = change("split", "a", articles=["a2", "a3"]), change("exclude", feed="post")
    part = arranged(draft, [split]).stories[1].id
    drop = change("drop", part, "a2")
    found = arranged(draft, [split, drop, exclude])
    assert [story.id for story in found.stories] == ["a", part]
    assert found.dropped == {part}


def test_what_was_meant_for_a_part_whose_feed_is_left_out_is_not_for_the_rest(
    make: Make, change: Change
) -> None:
    told = [make.article("a1"), make.article("a2", feed="post")]
    draft = make.draft(make.story("a", articles=told))
    split, exclude = change("split", "a", articles=["a2"]), change("exclude", feed="post")
    drop = change("drop", arranged(draft, [split]).stories[1].id, "a2")
    assert printed(draft, split, drop, exclude) == {"World": ["a"]}
    assert (3, EXCLUDED) in reasons(draft, split, drop, exclude)


def test_what_was_meant_for_a_part_is_for_the_story_of_which_nothing_else_is_left(
    make: Make, change: Change
) -> None:
    told = [make.article("a1", feed="post"), make.article("a2")]
    draft = make.draft(make.story("a", articles=told))
    split, exclude = change("split", "a", articles=["a2"]), change("exclude", feed="post")
    drop = change("drop", arranged(draft, [split]).stories[1].id, "a2")
    assert printed(draft, split, drop, exclude) == {}


def test_a_change_is_for_what_its_story_has_left_when_the_lead_is_excluded(
    make: Make, change: Change
) -> None:
    told = [make.article("a1", feed="post"), make.article("a2")]
    draft = make.draft(make.story("anew", articles=told))
    drop, exclude = change("drop", "a", "a1"), change("exclude", feed="post")
    assert printed(draft, drop, exclude) == {}


def test_a_copy_stays_a_copy_when_its_original_goes_elsewhere(make: Make, change: Change) -> None:
    told = [make.article(f"a{number}", minutes=number) for number in range(4)]
    copies = {"a1": "a0", "a2": "a0", "a3": "a1"}
    draft = make.draft(make.story("a", articles=told, copies=copies))
    rest, part = arranged(draft, [change("split", "a", articles=["a0"])]).stories
    assert (rest.copies, part.copies) == ({"a2": "a1", "a3": "a1"}, {})


def test_another_lead_goes_first(make: Make, change: Change) -> None:
    draft = make.draft(make.story("a", articles=[make.article(id) for id in ("a1", "a2", "a3")]))
    (story,) = arranged(draft, [change("lead", "a", lead="a3")]).stories
    assert [article.id for article in story.articles] == ["a3", "a1", "a2"]
    assert reasons(draft, change("lead", "a", lead="x")) == [
        (2, "the article isn't part of the story any more")
    ]


# --- texts --------------------------------------------------------------------------------------


def test_the_last_text_counts(draft: Draft, change: Change) -> None:
    first, last = change("headline", "a", text="One"), change("headline", "a", text="Two")
    assert arranged(draft, [first, last]).headlines == {"a": last}
    summary = change("summary", "a", text="They sail.")
    length = change("length", "a", sentences=4, model="extractive")
    found = arranged(draft, [summary, length])
    assert (found.summaries, found.lengths) == ({}, {"a": length})
    summary = change("summary", "a", text="They sail.")
    found = arranged(draft, [length, summary])
    assert (found.summaries, found.lengths) == ({"a": summary}, {})


def test_a_note_is_parted_by_empty_lines(draft: Draft, change: Change) -> None:
    assert arranged(draft, []).note is None
    note = change("note", text="Good\r\nmorning.\r\n \r\n\r\nThe office is closed. \n")
    assert arranged(draft, [note]).note == ("Good morning.", "The office is closed.")
    assert arranged(draft, [note, change("note", text="")]).note == ()


def test_a_subject_is_set(draft: Draft, change: Change) -> None:
    assert arranged(draft, []).subject is None
    assert arranged(draft, [change("subject", text="Ferries")]).subject == "Ferries"


# --- feeds left out -----------------------------------------------------------------------------


def test_an_excluded_feed_leaves_with_its_articles(make: Make, change: Change) -> None:
    told = [
        make.article("a1", feed="post", minutes=1),
        make.article("a2", minutes=7),
        make.article("a3", minutes=3),
    ]
    draft = make.draft(
        make.story("a", articles=told),
        make.story("b", articles=[make.article("b1", feed="post")]),
        make.story("c"),
        most=2,
    )
    exclude = change("exclude", feed="post")
    found = arranged(draft, [exclude])
    assert [[one.id for one in story.articles] for story in found.stories] == [["a3", "a2"], ["c1"]]
    # The machine chooses anew, as if the feed had not been there.
    assert printed(draft, exclude) == {"World": ["a", "c"]}


def test_a_change_to_what_left_with_its_feed_says_so_whichever_came_first(
    make: Make, change: Change
) -> None:
    told = [make.article("a1"), make.article("a2", feed="post")]
    draft = make.draft(
        make.story("a", articles=told), make.story("b", articles=[make.article("b1", feed="post")])
    )
    lead, drop = change("lead", "a", lead="a2"), change("drop", "b", "b1")
    exclude = change("exclude", feed="post")
    assert reasons(draft, lead, drop, exclude) == [(1, EXCLUDED), (2, EXCLUDED)]
    assert reasons(draft, exclude, drop, lead) == [(2, EXCLUDED), (1, EXCLUDED)]


def test_excluding_a_feed_that_brought_nothing_is_told(draft: Draft, change: Change) -> None:
    assert reasons(draft, change("exclude", feed="post")) == [
        (1, "the edition has nothing of the feed")
    ]


# --- undone, rebuilt ----------------------------------------------------------------------------

EVERY: list[dict[str, Any]] = [
    {"kind": "move", "story": "c", "topic": "World", "after": ""},
    {"kind": "topic", "story": "b", "topic": "Business"},
    {"kind": "drop", "story": "a"},
    {"kind": "pin", "story": "d"},
    {"kind": "merge", "story": "a", "others": [{"story": "c", "article": "c1"}]},
    {"kind": "headline", "story": "e", "text": "Another"},
]


@pytest.mark.parametrize("fields", EVERY, ids=lambda fields: fields["kind"])
def test_a_change_that_is_undone_does_not_count(
    draft: Draft, change: Change, fields: dict[str, Any]
) -> None:
    assert arranged(draft, [change(**fields)]) != arranged(draft, [])
    assert arranged(draft, [change(**fields, undone=True)]) == arranged(draft, [])


@pytest.mark.parametrize("fields", EVERY, ids=lambda fields: fields["kind"])
def test_after_a_rebuild_a_change_finds_its_story_by_the_article(
    draft: Draft, change: Change, fields: dict[str, Any]
) -> None:
    """Another id, another article ahead of the old ones: the same change, the same result."""
    operation = change(**fields, article=f"{fields['story']}1")
    rebuilt = replace(
        draft, stories=tuple(replace(story, id=f"{story.id}new") for story in draft.stories)
    )
    names = {topic: [f"{id}new" for id in ids] for topic, ids in printed(draft, operation).items()}
    assert printed(rebuilt, operation) == names
    assert reasons(rebuilt, operation) == []


def test_a_change_to_a_story_that_is_gone_is_told(draft: Draft, change: Change) -> None:
    drop = change("drop", "x", "x1")
    assert printed(draft, drop) == printed(draft)
    assert reasons(draft, drop) == [(1, GONE)]
