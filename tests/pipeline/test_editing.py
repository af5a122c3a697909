"""What editors change, from the first look to the edition that may leave."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.editions.frozen import load_edition
from digest.errors import ConflictError, GoneError, ModelError, UsageError
from digest.pipeline.approving import approve
from digest.pipeline.delivering import frozen
from digest.pipeline.editing import (
    Sheet,
    as_sent,
    builds,
    change,
    check_text,
    complete,
    evidence,
    put_back,
    redo,
    sheet,
    take_out,
    undo,
    writers,
)
from digest.pipeline.outgoing import copy_to_try, outgoing, release, take_back
from digest.pipeline.wiring import Workshop
from digest.records import EditionStory, NewOperation, Operation

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = ("daily", "2026-03-02")
FOUR = ("Alpha", "Beta", "Gamma", "Delta")


@dataclass
class Table:
    """An editor at work on the edition of NOON; each thing done is at a time of its own."""

    house: House
    workshop: Workshop
    who: str = "Asha"
    keys: Iterator[int] = field(default_factory=itertools.count)

    @property
    def sheet(self) -> Sheet:
        return sheet(self.workshop, *KEY)

    @property
    def headlines(self) -> list[str]:
        return [story.headline for story in self.sheet.edition.stories]

    def story(self, headline: str) -> EditionStory:
        (found,) = (one for one in self.sheet.edition.stories if one.headline == headline)
        return found

    def id(self, headline: str) -> str:
        (found,) = (id for id, one in self.sheet.stories.items() if one.lead.title == headline)
        return found

    def do(
        self, kind: Any, headline: str = "", *, seen: int | None = None, **values: Any
    ) -> Operation:
        story = self.id(headline) if headline else ""
        at = self.sheet.status.revision if seen is None else seen
        key = f"key{next(self.keys)}"
        new = NewOperation(kind, values, self.who, key, at, story)
        return change(self.workshop, *KEY, new, NOON)

    def merge(self, headline: str, other: str) -> Operation:
        return self.do("merge", headline, others=[{"story": self.id(other), "article": ""}])

    def undo(self) -> Operation:
        return undo(self.workshop, *KEY, self.sheet.status.revision, NOON)

    def redo(self) -> Operation:
        return redo(self.workshop, *KEY, self.sheet.status.revision, NOON)

    def rebuild(self, minutes: int = 30) -> None:
        (outcome,) = self.house.run(NOON + timedelta(minutes=minutes), force=True).digests
        assert outcome.status == "built", outcome


@pytest.fixture
def table(house: House) -> Iterator[Table]:
    """A draft with four stories."""
    house.configure(
        "{name: daily, window: 24h, review: true, topics: {Town: streets and shops}}",
        "world",
        "town",
    )
    house.feed("world", *map(house.item, FOUR[:2]))
    house.feed("town", *map(house.item, FOUR[2:]))
    house.run()
    with at_table(house) as found:
        yield found


@contextmanager
def at_table(house: House, **values: Any) -> Iterator[Table]:
    opened = contextmanager(house.workshop)
    with opened() as workshop:
        yield Table(house, workshop, **values)


# --- looking -------------------------------------------------------------------------------


def test_a_draft_is_shown_as_it_was_built(table: Table) -> None:
    shown = table.sheet
    assert shown.edition == table.house.edition()
    assert (shown.status.state, shown.locked, shown.build) == ("draft", "", 1)
    assert (shown.operations, shown.idle, shown.waiting) == ((), (), ())
    assert (shown.undo, shown.redo, shown.left_out) == (None, None, ())


def test_the_evidence_is_the_article_s_own_text(table: Table) -> None:
    story = table.story("Alpha")
    found = evidence(table.sheet, story.id)
    sentences = dict(itertools.chain.from_iterable(found.paragraphs))
    assert [sentences[place] for one in found.sentences for place in one.source] == [
        one.text for one in story.summary
    ]
    assert (found.article.title, found.model, found.dropped) == ("Alpha", "extractive", ())


def test_what_the_article_says_later_changes_no_evidence(table: Table) -> None:
    before = evidence(table.sheet, table.id("Alpha"))
    table.house.feed("world", table.house.item("Omega", guid="Alpha"), table.house.item("Beta"))
    table.house.fetch(NOON + timedelta(hours=2))
    assert evidence(table.sheet, table.id("Alpha")) == before


@pytest.mark.parametrize("key", [("daily", "2026-03-01"), ("weekly", "2026-03-02")])
def test_an_edition_that_is_not_there_is_gone(table: Table, key: tuple[str, str]) -> None:
    with pytest.raises(GoneError, match=f"no edition {key[0]}/{key[1]}"):
        sheet(table.workshop, *key)


def test_an_edition_whose_draft_was_cleared_away_can_be_read_and_not_changed(table: Table) -> None:
    table.workshop.store.desk.prune("2026-04-01")
    shown = table.sheet
    assert shown.edition == table.house.edition()
    assert "build it again to change it" in shown.locked
    with pytest.raises(ConflictError, match="build it again"):
        table.do("note", text="Hello")


def test_an_edition_that_only_the_outbox_knows_can_be_read_and_approved(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run()
    house.options["database_url"] = f"sqlite:///{house.folder / 'new.db'}"
    with at_table(house) as table:
        assert table.headlines == ["Alpha"]
        assert table.sheet.locked
        approve(table.workshop, *KEY, NOON, seen=table.sheet.status.revision)
        assert table.sheet.status.state == "approved"


# --- changing ------------------------------------------------------------------------------


def test_a_change_shows_at_once_and_is_kept_with_who_and_when(table: Table) -> None:
    table.do("drop", "Beta")
    assert "Beta" not in table.headlines
    with at_table(table.house) as elsewhere:
        assert "Beta" not in elsewhere.headlines
        (operation,) = elsewhere.sheet.operations
    assert (operation.kind, operation.who, operation.made) == ("drop", "Asha", NOON)
    assert [story.lead.title for story in table.sheet.left_out] == ["Beta"]


def test_undo_and_redo_go_through_the_changes_one_by_one(table: Table) -> None:
    before = table.sheet.edition
    table.do("drop", "Beta")
    one = table.sheet.edition
    table.do("subject", text="Today")
    two = table.sheet.edition
    assert table.undo().kind == "subject"
    assert table.sheet.edition == one
    assert table.undo().kind == "drop"
    assert table.sheet.edition == before
    assert table.sheet.undo is None
    assert table.redo().kind == "drop"
    assert table.redo().kind == "subject"
    assert table.sheet.edition == two
    assert table.sheet.redo is None


def test_a_new_change_leaves_nothing_to_redo_but_the_list_keeps_all(table: Table) -> None:
    table.do("drop", "Beta")
    table.undo()
    table.do("drop", "Gamma")
    assert table.sheet.redo is None
    with pytest.raises(ConflictError, match="no change to do again"):
        table.redo()
    put_back(table.workshop, *KEY, 1, table.sheet.status.revision, NOON)
    assert set(table.headlines) == {"Alpha", "Delta"}
    take_out(table.workshop, *KEY, 2, table.sheet.status.revision, NOON)
    assert set(table.headlines) == {"Alpha", "Gamma", "Delta"}


def test_with_nothing_changed_there_is_nothing_to_undo(table: Table) -> None:
    with pytest.raises(ConflictError, match="no change to take back"):
        table.undo()


def test_the_same_request_twice_is_one_change(table: Table) -> None:
    others = [{"story": table.id("Beta"), "article": ""}]
    new = NewOperation("merge", {"others": others}, "Asha", "once", 1, table.id("Alpha"))
    first = change(table.workshop, *KEY, new, NOON)
    assert change(table.workshop, *KEY, new, NOON + timedelta(minutes=1)) == first
    assert table.sheet.operations == (first,)


def test_a_summary_can_be_longer_and_shorter(table: Table) -> None:
    assert len(table.story("Alpha").summary) == 2
    table.do("length", "Alpha", sentences=3, model="extractive")
    assert len(table.story("Alpha").summary) == 3
    table.do("length", "Alpha", sentences=1, model="extractive")
    assert len(table.story("Alpha").summary) == 1
    assert table.sheet.waiting == ()


def test_a_model_s_summary_is_waited_for_and_then_printed(table: Table) -> None:
    table.house.writer.writes = lambda text: f"{text.partition('. ')[0]}. Nobody said 4711."
    before = table.story("Alpha")
    table.do("length", "Alpha", sentences=2, model="writer")
    assert table.sheet.waiting == ("the summary of “Alpha”",)
    with pytest.raises(ConflictError, match="still being made: the summary of “Alpha”"):
        approve(table.workshop, *KEY, NOON)
    assert table.story("Alpha").summary == before.summary
    assert complete(table.workshop, *KEY, NOON)
    assert not complete(table.workshop, *KEY, NOON)
    story = table.story("Alpha")
    assert (story.model, table.sheet.waiting) == ("writer", ())
    assert [dropped.text for dropped in story.dropped] == ["Nobody said 4711."]
    assert evidence(table.sheet, story.id).dropped == story.dropped


def test_a_model_that_wrote_nothing_is_not_asked_for_ever(table: Table) -> None:
    table.house.writer.writes = lambda _: ""
    table.do("length", "Alpha", sentences=2, model="writer")
    assert complete(table.workshop, *KEY, NOON)
    story = table.story("Alpha")
    assert (story.model, story.instead_of, table.sheet.waiting) == ("extractive", "writer", ())


def test_the_models_that_write_are_named(table: Table) -> None:
    assert "extractive" not in writers(table.workshop, table.sheet)


# --- what an editor writes is verified -----------------------------------------------------


def test_a_sentence_that_its_source_does_not_say_is_marked_and_not_printed(table: Table) -> None:
    said = table.story("Alpha").summary[0].text
    table.do("summary", "Alpha", text=f"{said} It happened in Paris, 450 people say.")
    story, wording = table.story("Alpha"), table.sheet.wordings[table.id("Alpha")]
    assert [one.supported for one in wording.sentences] == [True, False]
    assert any("450" in reason for reason in wording.sentences[1].reasons)
    assert [one.text for one in story.summary] == [said]
    assert story.model == "editor"
    table.do("summary", "Alpha", text=said)
    assert all(one.supported for one in table.sheet.wordings[table.id("Alpha")].sentences)


def test_a_headline_that_its_source_does_not_say_stays_as_it_was(table: Table) -> None:
    table.do("headline", "Alpha", text="450 people in Paris")
    wording = table.sheet.wordings[table.id("Alpha")]
    assert wording.headline is not None
    assert not wording.headline.supported
    assert "Alpha" in table.headlines
    words = table.story("Alpha").summary[0].text
    table.do("headline", "Alpha", text=words)
    assert words in table.headlines


def test_what_is_written_before_the_model_is_loaded_waits_for_its_verdict(table: Table) -> None:
    table.house.encoder.loaded = False
    before = table.story("Alpha").summary
    table.do("summary", "Alpha", text="It happened in Paris, 450 people say.")
    assert table.sheet.waiting == ("the check of “Alpha”",)
    assert not table.sheet.wordings[table.id("Alpha")].checked
    assert table.story("Alpha").summary == before
    with pytest.raises(ConflictError, match="not ready"):
        approve(table.workshop, *KEY, NOON)
    assert complete(table.workshop, *KEY, NOON)
    assert table.sheet.waiting == ()
    assert table.story("Alpha").summary == ()


def test_a_text_is_checked_while_it_is_written_and_nothing_is_kept(table: Table) -> None:
    said = table.story("Alpha").summary[0].text
    id = table.id("Alpha")
    verdicts = check_text(table.workshop, table.sheet, id, f"{said} But 450 left.", "summary")
    assert [one.supported for one in verdicts] == [True, False]
    assert table.sheet.operations == ()


def test_with_another_lead_a_text_is_held_against_the_other_article(table: Table) -> None:
    said = table.story("Alpha").summary[0].text
    table.merge("Alpha", "Beta")
    table.do("summary", "Alpha", text=said)
    story = table.sheet.stories[table.id("Alpha")]
    (other,) = (one for one in story.articles if one.title == "Beta")
    table.do("lead", "Alpha", lead=other.id)
    assert table.sheet.waiting == ("the check of “Beta”",)
    complete(table.workshop, *KEY, NOON)
    (verdict,) = table.sheet.wordings[story.id].sentences
    assert not verdict.supported
    table.undo()
    assert table.story("Alpha").summary[0].text == said


# --- what can't be -------------------------------------------------------------------------


def test_a_change_to_a_story_that_is_gone_says_so(table: Table) -> None:
    with pytest.raises(GoneError, match="has no story 'nowhere'"):
        change(table.workshop, *KEY, NewOperation("drop", {}, "Asha", "k", 1, "nowhere"), NOON)
    with pytest.raises(GoneError, match="no topic 'Moon'"):
        table.do("topic", "Alpha", topic="Moon")
    with pytest.raises(GoneError, match="no article of the feed 'radio'"):
        table.do("exclude", feed="radio")
    with pytest.raises(UsageError, match="merged with itself"):
        table.merge("Alpha", "Alpha")
    with pytest.raises(UsageError, match="not all"):
        table.do("split", "Alpha", articles=[table.story("Alpha").article])
    with pytest.raises(GoneError, match="isn't in the story"):
        table.do("lead", "Alpha", lead="other")
    assert table.sheet.operations == ()


def test_the_second_of_two_editors_is_told_of_the_first(table: Table) -> None:
    seen = table.sheet.status.revision
    table.do("drop", "Beta")
    with at_table(table.house, who="Ben", keys=itertools.count(100)) as other:
        with pytest.raises(ConflictError, match="Asha dropped “Beta” at 12:00 UTC"):
            other.do("pin", "Beta", seen=seen)
        other.do("pin", "Gamma", seen=seen)  # another story: both are done
        with pytest.raises(ConflictError, match="look at it, then do it again"):
            undo(other.workshop, *KEY, seen, NOON)
        with pytest.raises(ConflictError, match="changed since you looked"):
            approve(other.workshop, *KEY, NOON, seen=seen)
    assert [one.who for one in table.sheet.operations] == ["Asha", "Ben"]


def test_two_editors_at_the_same_moment_both_get_through(table: Table) -> None:
    ids = [table.id(headline) for headline in FOUR]
    errors: list[BaseException] = []
    start = threading.Barrier(len(ids))

    def edit(number: int, story: str) -> None:
        try:
            with at_table(table.house) as mine:
                start.wait(20)
                new = NewOperation("pin", {}, f"editor {number}", f"k{number}", 1, story)
                change(mine.workshop, *KEY, new, NOON)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=edit, args=pair) for pair in enumerate(ids)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert table.sheet.pinned == set(ids)
    assert [one.number for one in table.sheet.operations] == [1, 2, 3, 4]


# --- built again ---------------------------------------------------------------------------


def test_changes_are_applied_again_when_newer_articles_come(table: Table) -> None:
    table.do("drop", "Beta")
    table.do("note", text="Good morning.\n\nAll is well.")
    table.merge("Gamma", "Delta")
    table.do("subject", text="Today")
    house = table.house
    house.feed("world", *map(house.item, (*FOUR[:2], "Epsilon")))
    table.rebuild()
    assert set(table.headlines) == {"Alpha", "Gamma", "Epsilon"}
    edition = table.sheet.edition
    assert (edition.subject, edition.note) == ("Today", ("Good morning.", "All is well."))
    assert [other.headline for other in table.story("Gamma").also] == ["Delta"]
    assert table.sheet.idle == ()
    # What lies in the outbox is what the page shows, and undoing still works.
    assert house.edition() == edition
    take_out(table.workshop, *KEY, 2, table.sheet.status.revision, NOON)
    assert table.sheet.edition.note == ()


def test_what_no_longer_applies_is_listed_and_not_lost(table: Table) -> None:
    table.do("pin", "Beta")
    table.do("exclude", feed="town")
    house = table.house
    house.configure(
        "{name: daily, window: 24h, review: true, topics: {Town: streets and shops}}", "world"
    )
    house.feed("world", house.item("Alpha"))
    with table.workshop.store._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM articles WHERE title != 'Alpha'")
    table.rebuild()
    assert table.headlines == ["Alpha"]
    assert [idle.operation for idle in table.sheet.idle] == [1, 2]
    assert len(table.sheet.operations) == 2


def test_a_note_from_the_command_line_stands_where_no_editor_wrote_one(table: Table) -> None:
    table.house.run(NOON + timedelta(minutes=5), force=True, note=("From the command.",))
    table.do("note", text="From the desk.")
    table.rebuild()
    assert table.sheet.edition.note == ("From the desk.",)
    table.undo()
    assert table.sheet.edition.note == ("From the command.",)


def test_the_builds_can_be_looked_at_again(table: Table) -> None:
    table.do("drop", "Beta")
    table.rebuild()
    first, second = builds(table.workshop, *KEY)
    assert (first.number, second.number) == (1, 2)
    assert {one.headline for one in first.edition.stories} == set(FOUR)
    assert second.edition == table.sheet.edition


def test_an_approval_that_was_taken_back_stays_so_when_it_is_built_again(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run()
    with at_table(house) as table:
        assert table.sheet.status.state == "approved"
        take_back(table.workshop, table.sheet.status, NOON)
        table.rebuild()
        assert table.sheet.status.state == "draft"


# --- approving -----------------------------------------------------------------------------


def test_what_was_approved_is_what_was_seen(table: Table) -> None:
    table.do("drop", "Beta")
    table.do("subject", text="Today")
    seen = table.sheet
    status = approve(table.workshop, *KEY, NOON, seen=seen.status.revision)
    assert status.state == "approved"
    assert frozen(table.workshop, status) == seen.edition == table.house.edition()
    assert table.sheet.edition == seen.edition
    assert [build.reason for build in builds(table.workshop, *KEY)] == ["built", "approved"]
    # What was dropped wasn't told: tomorrow may tell it.
    beta = next(a.id for one in seen.left_out for a in one.articles)
    assert beta not in table.workshop.store.told(KEY[0], "2026-03-03")


def test_an_approved_edition_is_changed_only_when_the_approval_is_taken_back(table: Table) -> None:
    approve(table.workshop, *KEY, NOON)
    assert "take the approval back" in table.sheet.locked
    with pytest.raises(ConflictError, match="is approved; take its approval back"):
        table.do("drop", "Beta")
    take_back(table.workshop, table.sheet.status, NOON)
    table.do("drop", "Beta")
    status = approve(table.workshop, *KEY, NOON)
    assert "Beta" not in {one.headline for one in frozen(table.workshop, status).stories}


def test_an_edition_that_is_being_sent_can_not_be_changed(table: Table) -> None:
    approve(table.workshop, *KEY, NOON)
    table.workshop.store.editions.move(*KEY, ("approved",), NOON, state="sending", started=NOON)
    assert table.sheet.locked == "it is being sent"
    with pytest.raises(ConflictError, match="is being sent"):
        table.do("drop", "Beta")
    with pytest.raises(ConflictError, match="sending, not approved"):
        take_back(table.workshop, table.sheet.status, NOON)


def test_an_approved_edition_leaves_at_the_time_that_was_chosen(table: Table) -> None:
    later = NOON + timedelta(hours=3)
    status = approve(table.workshop, *KEY, NOON, send_at=later)
    assert status.send_at == later
    take_back(table.workshop, status, NOON)
    assert table.sheet.status.send_at is None


def test_a_test_copy_of_a_draft_holds_its_changes(table: Table) -> None:
    table.do("subject", text="Today")
    table.do("drop", "Beta")
    envelope = copy_to_try(table.workshop, table.sheet.status, "me@example.org")
    assert b"Subject: [Test] Today" in envelope.message
    assert b"Beta" not in envelope.message
    assert outgoing(table.workshop, table.sheet.status).edition == as_sent(
        table.workshop, table.sheet
    )


def test_nothing_in_the_outbox_is_touched_before_the_approval(table: Table) -> None:
    before = table.house.files()
    table.do("drop", "Beta")
    table.do("summary", "Alpha", text="Something else.")
    assert table.house.files() == before
    assert load_edition(before["edition.json"], "before").stories


# --- what a second pair of eyes found --------------------------------------------------------


def killed(table: Table) -> None:
    """A rebuild was claimed, and its process is gone."""
    store, owner = table.workshop.store.editions, table.workshop.owner
    assert store.begin(*KEY, owner, NOON, NOON + timedelta(hours=1), again=True)


@pytest.mark.parametrize("force", [False, True])
def test_a_killed_rebuild_lets_nothing_leave_that_waited_for_a_person(
    house: House, force: bool
) -> None:
    house.feed("world", *map(house.item, FOUR))
    house.feed("town")
    house.run()
    with at_table(house) as table:
        take_back(table.workshop, table.sheet.status, NOON)
        table.do("drop", "Beta")
        killed(table)
        house.run(NOON + timedelta(minutes=5), force=force)
        assert table.sheet.status.state == "draft"
        assert "Beta" not in table.headlines
        approve(table.workshop, *KEY, NOON)
        assert "Beta" not in house.headlines()


def test_what_nobody_approved_is_not_sent_after_a_kill_and_a_failure(table: Table) -> None:
    killed(table)
    table.house.configure(
        "{name: daily, window: 24h, review: true, summary: {model: distilbart, sentences: 2}, "
        "topics: {Town: streets and shops}}",
        "world",
        "town",
    )

    def fails(_: str) -> str:
        raise ModelError("out of memory")

    table.house.writer.writes = fails
    (outcome,) = table.house.run(NOON + timedelta(minutes=5), force=True).digests
    assert outcome.status == "failed"
    assert table.sheet.status.state == "draft"
    with pytest.raises(UsageError, match="waits for approval"):
        release(table.workshop, table.sheet.status, NOON)


def test_a_run_that_is_stopped_after_a_kill_keeps_the_edition_and_its_changes(table: Table) -> None:
    table.do("drop", "Beta")
    killed(table)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        table.house.run(NOON + timedelta(minutes=5), force=True, progress=stop)
    assert table.sheet.status.state == "draft"
    table.do("drop", "Gamma")
    assert set(table.headlines) == {"Alpha", "Delta"}


def test_what_came_in_after_one_looked_must_be_looked_at_before_approving(table: Table) -> None:
    table.house.encoder.loaded = False
    table.do("summary", "Alpha", text="It happened in Paris, 450 people say.")
    seen = table.sheet.status.revision
    complete(table.workshop, *KEY, NOON)
    with pytest.raises(ConflictError, match="changed since you looked"):
        approve(table.workshop, *KEY, NOON, seen=seen)


def test_redo_puts_back_what_was_taken_out_last(table: Table) -> None:
    for headline in ("Alpha", "Beta", "Gamma"):
        table.do("pin", headline)
    take_out(table.workshop, *KEY, 2, table.sheet.status.revision, NOON)
    assert table.undo().number == 3
    assert table.redo().number == 3
    assert table.sheet.redo is None


def test_redo_does_not_bring_back_what_was_given_up(table: Table) -> None:
    table.do("drop", "Alpha")
    table.undo()
    table.do("drop", "Beta")
    table.undo()
    assert table.redo().number == 2


def test_a_sentence_that_leans_on_one_that_is_left_out_is_left_out_too(table: Table) -> None:
    first, second = (one.text for one in table.story("Alpha").summary)
    table.do("summary", "Alpha", text=f"In Paris 450 people left. {first} {first} {second}")
    wording = table.sheet.wordings[table.id("Alpha")]
    assert [one.supported for one in wording.sentences] == [False, True, False, True]
    assert wording.sentences[2].reasons == ("it says again what was said",)
    assert [one.text for one in table.story("Alpha").summary] == [first, second]


def test_a_sentence_from_the_end_of_a_long_article_is_found_there(house: House) -> None:
    item = replace(house.item("Alpha"), text=prose_of(400) + " The keeper closed the door at nine.")
    house.feed("world", item)
    house.feed("town")
    house.run()
    with at_table(house) as table:
        take_back(table.workshop, table.sheet.status, NOON)
        table.do("summary", "Alpha", text="The keeper closed the door at nine.")
        (verdict,) = table.sheet.wordings[table.id("Alpha")].sentences
        assert verdict.supported
        sentences = dict(
            itertools.chain.from_iterable(evidence(table.sheet, table.id("Alpha")).paragraphs)
        )
        assert [sentences[place] for place in verdict.source] == [verdict.text]


def prose_of(sentences: int) -> str:
    return " ".join(
        f"Number {n} of the long list was read out by the clerk." for n in range(sentences)
    )


def test_a_model_that_fails_costs_its_summary_and_no_build(table: Table) -> None:
    def fails(_: str) -> str:
        raise ModelError("out of memory")

    table.house.writer.writes = fails
    before = table.story("Alpha").summary
    table.do("length", "Alpha", sentences=2, model="writer")
    with pytest.raises(ModelError, match="out of memory"):
        complete(table.workshop, *KEY, NOON)
    house = table.house
    house.feed("world", *map(house.item, (*FOUR[:2], "Epsilon")))
    table.rebuild()
    assert "Epsilon" in table.headlines
    assert table.story("Alpha").summary == before
    assert table.sheet.waiting == ("the summary of “Alpha”",)
    table.undo()
    assert table.sheet.waiting == ()


def test_without_its_model_a_story_has_the_article_s_own_sentences(table: Table) -> None:
    table.merge("Alpha", "Beta")
    table.do("length", "Alpha", sentences=2, model="writer")
    (beta,) = (
        one.id for one in table.sheet.stories[table.id("Alpha")].articles if one.title == "Beta"
    )
    table.do("lead", "Alpha", lead=beta)

    class Gone:
        name = "writer"

        @property
        def key(self) -> str:
            raise ModelError("model 'writer' isn't on this disk")

    table.house.writer = Gone()
    table.workshop.summarizers._generators.clear()
    assert table.story("Beta").model == "extractive"
    assert table.story("Beta").summary
    assert [idle.reason for idle in table.sheet.idle] == ["model 'writer' isn't on this disk"]


def test_a_note_from_the_command_line_that_is_overruled_is_told(table: Table) -> None:
    table.do("note", text="From the desk.")
    (outcome,) = table.house.run(NOON + timedelta(minutes=5), force=True, note=("Other.",)).digests
    assert [one.message for one in outcome.findings if one.rule == "note"] == [
        "the note that Asha wrote at the desk is printed, not the one given now"
    ]


def test_what_editions_of_last_month_were_made_from_is_cleared_away(table: Table) -> None:
    store, later = table.workshop.store, NOON + timedelta(days=36)
    table.house.feed("world", table.house.item("Omega", later - timedelta(hours=1)))
    table.house.run(later)
    assert store.desk.draft(*KEY) is not None, "a draft waits for its editor"
    assert store.editions.move(*KEY, ("draft",), later, state="approved")
    later += timedelta(days=1)
    table.house.feed("world", table.house.item("Psi", later - timedelta(hours=1)))
    (outcome,) = table.house.run(later).digests
    assert outcome.status == "built"
    assert store.desk.draft(*KEY) is None
    assert store.desk.draft("daily", outcome.date) is not None
