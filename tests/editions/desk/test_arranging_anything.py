"""Whatever editors do, in whatever order: nothing is lost, doubled or in the way of a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.editions.desk.arranging import Arranged, arranged, sections
from digest.records import Draft, Operation, OperationKind, Story

if TYPE_CHECKING:
    from conftest import Make

TOPICS = ("World", "Business", "Odd")
FEEDS = ("courier", "post", "gazette")
KINDS: tuple[OperationKind, ...] = get_args(OperationKind)
# A draft takes a while to be thought up; on a busy machine that is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def drafts(draw: st.DrawFn, make: Make) -> Draft:
    stories = []
    for number in range(draw(st.integers(0, 6))):
        articles = [
            make.article(
                f"a{number}.{place}",
                feed=draw(st.sampled_from(FEEDS)),
                minutes=draw(st.integers(0, 9)),
            )
            for place in range(draw(st.integers(1, 4)))
        ]
        # Of an article that isn't there too: a run leaves out what is too old.
        ids = [article.id for article in articles]
        copies = draw(st.dictionaries(st.sampled_from(ids), st.sampled_from([*ids, "old"])))
        topic = draw(st.sampled_from(TOPICS))
        stories.append(make.story(f"s{number}", topic, articles, rank=9.0 - number, copies=copies))
    return make.draft(*stories, topics=TOPICS[:2], most=draw(st.integers(1, 6)))


def values_of(draw: st.DrawFn, stories: Sequence[Story], kind: OperationKind) -> dict[str, Any]:
    """What an editor might ask for who sees these stories, and some that have gone."""
    ids = st.sampled_from([*(story.id for story in stories), "gone"])
    articles = st.sampled_from([*(a.id for story in stories for a in story.articles), "gone"])
    topics = st.sampled_from((*TOPICS, "Sea"))
    others = st.sampled_from(
        [
            *({"story": story.id, "article": story.lead.id} for story in stories),
            {"story": "gone", "article": "gone1"},
        ]
    )
    match kind:
        case "move":
            return {"topic": draw(topics), "after": draw(st.just("") | ids)}
        case "topic":
            return {"topic": draw(topics)}
        case "section":
            return {"topic": draw(topics), "after": draw(st.just("") | topics)}
        case "merge":
            return {"others": draw(st.lists(others, max_size=3))}
        case "split":
            return {"articles": draw(st.lists(articles, max_size=3))}
        case "lead":
            return {"lead": draw(articles)}
        case "length":
            return {"sentences": draw(st.integers(1, 6)), "model": "extractive"}
        case "exclude":
            return {"feed": draw(st.sampled_from(FEEDS))}
        case "headline" | "summary" | "note" | "subject":
            return {"text": draw(st.text(max_size=20))}
    return {}


@st.composite
def changed_drafts(
    draw: st.DrawFn, make: Make, kinds: Sequence[OperationKind] = KINDS, *, all_count: bool = False
) -> tuple[Draft, list[Operation]]:
    """A draft, and a morning's changes to it, each by somebody who sees those before."""
    draft = draw(drafts(make))
    operations: list[Operation] = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        stories = arranged(draft, operations).stories
        kind = draw(st.sampled_from(kinds))
        story = draw(st.sampled_from(stories)) if stories else make.story("gone")
        operation = make.operation(
            number, kind, story.id, story.lead.id, **values_of(draw, stories, kind)
        )
        operations.append(operation)
    if not all_count:
        undone = draw(st.sets(st.sampled_from([0, *(one.number for one in operations)])))
        operations = [
            replace(one, undone=one.made) if one.number in undone else one for one in operations
        ]
    return draft, operations


def articles_of(stories: Sequence[Story]) -> Counter[str]:
    return Counter(article.id for story in stories for article in story.articles)


def excluded(operations: Sequence[Operation]) -> set[str]:
    return {one.values["feed"] for one in operations if one.kind == "exclude" and not one.undone}


@PATIENT
@given(data=st.data())
def test_no_article_and_no_story_is_lost_or_doubled(make: Make, data: st.DataObject) -> None:
    draft, operations = data.draw(changed_drafts(make))
    found = arranged(draft, operations)
    feeds = excluded(operations)
    assert articles_of(found.stories) == Counter(
        article.id
        for story in draft.stories
        for article in story.articles
        if article.feed not in feeds
    )
    ids = [story.id for story in found.stories]
    assert len(ids) == len(set(ids))
    assert Counter(id for under in found.order.values() for id in under) == Counter(ids)
    for story in found.stories:
        assert story.id in found.order[story.topic]
        here = {article.id for article in story.articles}
        assert story.why.keys() <= here
        assert story.copies.keys() <= here
    for named in (found.dropped, found.pinned, found.kept, found.headlines, found.lengths):
        assert set(named) <= set(ids)
    assert found.roots.keys() == set(ids)
    assert set(found.order) <= set(found.sections)


@PATIENT
@given(data=st.data(), most=st.none() | st.integers(0, 4))
def test_what_is_printed_is_printed_once_and_what_is_dropped_is_not(
    make: Make, data: st.DataObject, most: int | None
) -> None:
    draft, operations = data.draw(changed_drafts(make))
    found = arranged(draft, operations)
    printed = [story for _, stories in sections(found, draft.plan, most) for story in stories]
    ids = [story.id for story in printed]
    assert len(ids) == len(set(ids))
    assert found.dropped.isdisjoint(ids)
    assert most is None or len(ids) <= most
    if most is None:
        assert found.pinned <= set(ids)
    by_id = {story.id: story for story in found.stories}
    assert all(by_id[story.id] == story for story in printed)
    assert all(
        story.topic == topic for topic, some in sections(found, draft.plan) for story in some
    )


@PATIENT
@given(data=st.data())
def test_undoing_all_gives_what_the_machine_made(make: Make, data: st.DataObject) -> None:
    draft, operations = data.draw(changed_drafts(make))
    undone = [replace(one, undone=one.made) for one in operations]
    found = arranged(draft, undone)
    assert found == arranged(draft, [])
    assert found.stories == draft.stories


@PATIENT
@given(data=st.data())
def test_operations_that_make_no_sense_change_nothing_and_raise_nothing(
    make: Make, data: st.DataObject
) -> None:
    draft = data.draw(drafts(make))
    nonsense = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["story", "article"]), inner)
        ),
        max_leaves=4,
    )
    names = ("topic", "after", "others", "articles", "lead", "text", "sentences", "model", "feed")
    operations = [
        replace(
            make.operation(number, kind, "s0", "a0.0"),
            values=data.draw(st.dictionaries(st.sampled_from(names), nonsense)),
        )
        for number, kind in enumerate(data.draw(st.lists(st.sampled_from(KINDS), max_size=4)), 1)
    ]
    found = arranged(draft, operations)
    sections(found, draft.plan)
    assert articles_of(found.stories) == articles_of(draft.stories)


def renamed(found: Arranged, ids: dict[str, str]) -> Any:
    """What an arrangement says, under other ids."""

    def name(id: str) -> str:
        return ids.get(id, id)

    return (
        [replace(story, id=name(story.id)) for story in found.stories],
        {name(id) for id in found.dropped},
        {name(id) for id in found.pinned},
        {name(id): one for id, one in found.headlines.items()},
        {name(id): one for id, one in found.summaries.items()},
        {name(id): one for id, one in found.lengths.items()},
        {topic: [name(id) for id in some] for topic, some in found.order.items()},
        (found.note, found.subject, found.sections, found.idle),
    )


@PATIENT
@given(data=st.data())
def test_a_rebuild_with_other_ids_finds_every_story_by_its_article(
    make: Make, data: st.DataObject
) -> None:
    """All but what a story was put behind, which is named by its id alone."""
    kinds = tuple(kind for kind in KINDS if kind != "move")
    draft, operations = data.draw(changed_drafts(make, kinds, all_count=True))
    ids = {story.id: f"new{story.id}" for story in draft.stories}
    rebuilt = replace(
        draft, stories=tuple(replace(story, id=ids[story.id]) for story in draft.stories)
    )
    assert renamed(arranged(rebuilt, operations), {}) == renamed(arranged(draft, operations), ids)


SINGLE: tuple[OperationKind, ...] = (
    *("topic", "drop", "pin", "lead", "split"),
    *("headline", "summary", "length", "note", "subject", "exclude"),
)


@PATIENT
@given(data=st.data())
def test_changes_to_different_stories_can_be_made_in_any_order(
    make: Make, data: st.DataObject
) -> None:
    draft = data.draw(drafts(make))
    # A heading that is new comes last, so that of two new ones the first made is the first.
    draft = replace(draft, plan=replace(draft.plan, topics=(*TOPICS, "Sea")))
    operations = []
    for number, story in enumerate(draft.stories, 1):
        kind = data.draw(st.sampled_from(SINGLE))
        if kind in {one.kind for one in operations} & {"note", "subject"}:
            continue
        values = data.draw(st.composite(values_of)([story], kind))
        operations.append(make.operation(number, kind, story.id, story.lead.id, **values))
    shuffled = data.draw(st.permutations(operations))
    one, other = arranged(draft, operations), arranged(draft, shuffled)
    assert replace(one, idle=()) == replace(other, idle=())
    assert set(one.idle) == set(other.idle)
