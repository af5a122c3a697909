"""What editors change: each form once, in words, and never over what another has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from digest.errors import ModelError
from digest.pipeline import editing
from digest.pipeline.editing import Sheet
from digest.preview import telling
from digest.records import NewOperation, OperationKind

from .conftest import GULL, LANTERN, DeskFixture, Item, prose, seen_of, words_of

COMET = GULL[4].title
GLACIER = GULL[5].title
TRAMS = GULL[3].title
MARKET = LANTERN[2].title
FERRIES = GULL[1].title


@pytest.fixture
def desk(desk_on: DeskFixture) -> Iterator[DeskFixture]:
    """A running desk with a draft, which waits for an editor."""
    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        yield desk_on


def sheet_of(desk: DeskFixture) -> Sheet:
    return editing.sheet(desk.workshop, desk.digest, desk.date)


def printed(desk: DeskFixture) -> list[tuple[str, list[str]]]:
    """The topics with the headlines of their stories, as they would be sent."""
    topics = sheet_of(desk).edition.topics
    return [(topic.name, [story.headline for story in topic.stories]) for topic in topics]


def under(desk: DeskFixture, topic: str) -> list[str]:
    return dict(printed(desk))[topic]


_KEYS = iter(range(10**9))


def fields(desk: DeskFixture, title: str = "", **more: Any) -> dict[str, Any]:
    """What a form of the desk carries, for a story where one is named."""
    found: dict[str, Any] = {"seen": str(desk.revision), "key": f"key-{next(_KEYS)}"}
    if title:
        story = sheet_of(desk).stories[desk.stories()[title]]
        found |= {"story": story.id, "article": story.lead.id}
    return {**found, **more}


def do(desk: DeskFixture, title: str = "", **more: Any) -> httpx.Response:
    """Sends a form that is expected to do what it says."""
    answer = desk.post(f"{desk.path}/operations", **fields(desk, title, **more))
    assert answer.status_code == 303, words_of(answer.text)
    return answer


def another(desk: DeskFixture, kind: OperationKind, title: str = "", **values: Any) -> None:
    """Another editor's change, Asha's, made meanwhile."""
    shown = sheet_of(desk)
    story = desk.stories()[title] if title else ""
    new = NewOperation(kind, values, "Asha", f"asha-{next(_KEYS)}", shown.status.revision, story)
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)


def typed_in(page: str, element: str) -> str:
    """What stands in a text field of a page."""
    match = re.search(rf'<textarea id="{element}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    match = match or re.search(rf'<input id="{element}"[^>]*\svalue="([^"]*)"', page)
    assert match, f"the page has no field {element}"
    return unescape(match[1])


# --- each change -------------------------------------------------------------------------------


def test_a_story_moves_a_place_at_a_time_and_over_the_border_of_its_topic(
    desk: DeskFixture,
) -> None:
    first, second = under(desk, "Town")[:2]
    do(desk, second, do="up")
    assert under(desk, "Town")[:2] == [second, first]
    do(desk, second, do="last")
    assert under(desk, "Town")[-1] == second
    do(desk, second, do="first")
    assert under(desk, "Town")[0] == second
    names = [name for name, _ in printed(desk)]
    above = names[names.index("Town") - 1]
    do(desk, second, do="up")
    assert under(desk, above)[-1] == second
    do(desk, second, do="down")
    assert under(desk, "Town")[0] == second


def test_a_story_at_the_end_stays_there_and_nothing_is_noted(desk: DeskFixture) -> None:
    very_first = printed(desk)[0][1][0]
    do(desk, very_first, do="up")
    assert sheet_of(desk).operations == ()


def test_a_drag_says_where_the_story_was_dropped(desk: DeskFixture) -> None:
    goal = desk.stories()[TRAMS]
    do(desk, COMET, kind="move", topic="Town", after=goal)
    town = under(desk, "Town")
    assert town.index(COMET) == town.index(TRAMS) + 1


def test_a_story_is_put_under_another_topic(desk: DeskFixture) -> None:
    do(desk, COMET, do="topic", topic="Harbour")
    assert COMET in under(desk, "Harbour")


def test_a_topic_moves(desk: DeskFixture) -> None:
    before = [name for name, _ in printed(desk)]
    do(desk, kind="section", topic=before[1], step="up")
    assert [name for name, _ in printed(desk)] == [before[1], before[0], before[2]]
    do(desk, kind="section", topic=before[1], step="down")
    assert [name for name, _ in printed(desk)] == before


def test_a_dropped_story_is_left_out_and_can_be_taken_in(desk: DeskFixture) -> None:
    story = desk.stories()[COMET]
    do(desk, COMET, do="drop")
    assert COMET not in desk.stories()
    page = desk.client.get(desk.path).text
    assert f"Take in {COMET}" in unescape(page)
    do(desk, story=story, do="undrop")
    assert COMET in desk.stories()
    assert [one.kind for one in sheet_of(desk).operations] == ["drop", "undrop"]


def test_a_story_is_pinned_and_unpinned(desk: DeskFixture) -> None:
    do(desk, COMET, do="pin")
    assert sheet_of(desk).pinned == {desk.stories()[COMET]}
    assert "Unpin" in desk.client.get(desk.path).text
    do(desk, COMET, do="unpin")
    assert sheet_of(desk).pinned == frozenset()


@pytest.mark.parametrize(("do_it", "back"), [("pin", "unpin"), ("drop", "undrop")])
def test_what_was_unpinned_or_taken_in_is_undone_like_any_other_change(
    desk: DeskFixture, do_it: str, back: str
) -> None:
    story = desk.stories()[COMET]
    do(desk, COMET, do=do_it)
    do(desk, TRAMS, do="pin")
    do(desk, story=story, do=back)
    desk.post(f"{desk.path}/undo", **fields(desk))
    sheet = sheet_of(desk)
    assert story in (sheet.pinned if do_it == "pin" else sheet.dropped)
    assert desk.stories()[TRAMS] in sheet.pinned
    desk.post(f"{desk.path}/redo", **fields(desk))
    sheet = sheet_of(desk)
    assert story not in sheet.pinned | sheet.dropped
    # Twice, from two pages, is told.
    answer = desk.post(f"{desk.path}/operations", **fields(desk, story=story, do=back))
    assert answer.status_code == 404
    assert "Somebody has taken that back already" in words_of(answer.text)


def test_a_new_lead_is_told_by_the_titles_of_both(desk: DeskFixture) -> None:
    whole = next(story for story in sheet_of(desk).stories.values() if len(story.articles) > 1)
    first, second = whole.articles[0], whole.articles[1]
    do(desk, story=whole.id, article=whole.lead.id, lead=second.id)
    sheet = sheet_of(desk)
    assert telling.told(sheet, sheet.operations[-1]) == (
        f"“{second.title}” made the lead of “{first.title}”"
    )


def test_what_found_no_room_is_taken_in_by_pinning_it(desk_on: DeskFixture) -> None:
    desk_on.configure("review: true", "max_stories: 3")
    desk_on.build()
    with desk_on.running() as desk:
        left = sheet_of(desk).left_out
        assert len(left) == 5
        answer = desk.post(
            f"{desk.path}/operations", **fields(desk, story=left[0].id, do="pin", kind="pin")
        )
        assert answer.status_code == 303
        assert left[0].lead.title in desk.stories()


def test_ticked_stories_are_merged_into_the_first_of_them(desk: DeskFixture) -> None:
    stories = desk.stories()
    order = [story for story in stories.values() if story in (stories[COMET], stories[GLACIER])]
    do(desk, kind="merge", ticked=[stories[GLACIER], stories[COMET]])
    merged = sheet_of(desk).stories[order[0]]
    assert {article.title for article in merged.articles} >= {COMET, GLACIER}
    assert order[1] not in desk.stories().values()


def test_a_single_tick_is_no_merge(desk: DeskFixture) -> None:
    form = fields(desk, kind="merge", ticked=desk.stories()[COMET])
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 422
    assert "tick two stories or more" in words_of(answer.text)


def test_a_story_is_merged_with_one_that_is_chosen_and_split_again(desk: DeskFixture) -> None:
    do(desk, COMET, kind="merge", other=desk.stories()[GLACIER])
    story = sheet_of(desk).stories[desk.stories()[COMET]]
    split = [article.id for article in story.articles if article.title == GLACIER]
    do(desk, COMET, do="split", articles=split)
    assert {COMET, GLACIER} <= set(desk.stories())


def test_another_article_is_made_the_lead(desk: DeskFixture) -> None:
    shown = sheet_of(desk)
    story = next(one for one in shown.stories.values() if len(one.articles) > 1)
    other = story.articles[1]
    do(desk, story.lead.title, lead=other.id)
    assert sheet_of(desk).stories[story.id].lead.id == other.id


def test_shorter_and_longer_go_from_the_length_that_there_is(desk: DeskFixture) -> None:
    story = desk.stories()[COMET]
    do(desk, COMET, kind="length", by="1", sentences="2", model="extractive")
    do(desk, COMET, kind="length", by="1", sentences="2", model="extractive")
    last = sheet_of(desk).operations[-1]
    assert last.values == {"sentences": 4, "model": "extractive"}
    desk.room.jobs.complete(desk.digest, desk.date)
    desk.wait()
    shown = next(one for one in sheet_of(desk).edition.stories if one.id == story)
    assert len(shown.summary) == 4


def test_a_model_that_isnt_on_disk_is_refused(desk: DeskFixture) -> None:
    form = fields(desk, COMET, kind="length", sentences="2", model="no/such-model")
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 422
    assert "writes no summaries here" in words_of(answer.text)


def test_the_subject_and_the_note_are_written(desk: DeskFixture) -> None:
    do(desk, kind="subject", text="What the storm left")
    do(desk, kind="note", text="Good morning.\n\nThe pier is closed.")
    edition = sheet_of(desk).edition
    assert edition.subject == "What the storm left"
    assert edition.note == ("Good morning.", "The pier is closed.")


def test_a_feed_is_left_out(desk: DeskFixture) -> None:
    do(desk, kind="exclude", feed="lantern")
    assert MARKET not in desk.stories()


def test_a_supported_summary_is_printed_and_another_is_kept_and_not_printed(
    desk: DeskFixture,
) -> None:
    own = prose(COMET, "Science").split(". ")[1] + "."
    do(desk, COMET, kind="summary", text=f"{own} The mayor of Atlantis paid 900 million for it.")
    desk.room.jobs.complete(desk.digest, desk.date)
    desk.wait()
    story = next(one for one in sheet_of(desk).edition.stories if one.headline == COMET)
    assert [sentence.text for sentence in story.summary] == [own]
    page = words_of(desk.client.get(desk.path).text)
    assert "The mayor of Atlantis paid 900 million for it. Not printed:" in page
    edit = desk.client.get(f"{desk.path}/stories/{story.id}").text
    assert "Atlantis" in typed_in(edit, "summary-text")


@pytest.mark.parametrize("much", ["none", "some"])
def test_before_approval_one_is_told_what_was_written_and_is_not_printed(
    desk: DeskFixture, much: str
) -> None:
    def weight() -> tuple[int, str]:
        said = words_of(desk.client.get(f"{desk.path}/weight").text)
        warnings = re.search(r"(\d+) warnings?", said)
        return int(warnings[1]) if warnings else 0, said

    before, _ = weight()
    own = prose(COMET, "Science").split(". ")[1] + "."
    invented = "The mayor of Atlantis paid 900 million for it."
    do(desk, COMET, kind="summary", text=invented if much == "none" else f"{own} {invented}")
    desk.room.jobs.complete(desk.digest, desk.date)
    desk.wait()
    story = desk.stories()[COMET]

    badge = "summary not printed" if much == "none" else "not all printed"
    assert badge in words_of(desk.client.get(desk.path).text)
    said = "1 of 2 sentences that were written is not printed: the source doesn’t say so."
    if much == "none":
        said = "It goes out without a summary: the source supports nothing that was written."
    warnings, found = weight()
    assert warnings == before + 1
    assert f"{said} in the story {COMET}" in found
    before_approval = desk.client.get(f"{desk.path}/send").text
    assert f"{COMET} : {said}" in words_of(before_approval)
    assert f'href="{desk.path}/stories/{story}#edit"' in before_approval

    # A story that isn't printed itself has nothing to be told of.
    do(desk, COMET, do="drop")
    assert said not in weight()[1]
    assert said not in words_of(desk.client.get(f"{desk.path}/send").text)


def test_as_many_stories_are_said_to_be_left_out_as_are_listed(desk: DeskFixture) -> None:
    assert "left out" not in words_of(desk.client.get(desk.path).text).split("Built")[0]
    do(desk, COMET, do="drop")
    do(desk, GLACIER, do="drop")
    page = words_of(desk.client.get(desk.path).text)
    assert "2 stories left out (2 dropped)" in page
    assert "Left out 2 stories" in page
    # The e-mail doesn't say of those that there was no room for them.
    assert sheet_of(desk).edition.left_out == 0


def test_on_a_story_s_page_the_last_change_is_taken_back(desk: DeskFixture) -> None:
    story = desk.stories()[COMET]
    to = f"{desk.path}/stories/{story}"
    assert 'id="undo"' in desk.client.get(to).text
    do(desk, COMET, do="pin", to=to)
    assert f"Last: “{COMET}” pinned" in words_of(desk.client.get(to).text)
    stale = fields(desk, to=to)
    answer = desk.post(f"{desk.path}/undo", **stale)
    assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert [one.undone is None for one in sheet_of(desk).operations] == [False]
    # What is refused is told there, too.
    answer = desk.post(f"{desk.path}/redo", **stale)
    assert answer.status_code == 409
    said = "editor took out change 1, which editor had made, at 12:00 UTC: look at it"
    assert said in words_of(answer.text)
    assert 'id="summary-form"' in answer.text
    # The whole edition is not built or sent from there.
    assert "Build again" not in answer.text
    assert "Approve" not in answer.text


def test_undo_on_the_page_of_a_story_that_goes_with_it_leads_to_the_edition(
    desk: DeskFixture,
) -> None:
    whole = next(story for story in sheet_of(desk).stories.values() if len(story.articles) > 1)
    part = whole.articles[-1].id
    do(desk, kind="", do="split", story=whole.id, article=whole.lead.id, articles=part)
    (own,) = (one.id for one in sheet_of(desk).stories.values() if one.lead.id == part)
    to = f"{desk.path}/stories/{own}"
    answer = desk.post(f"{desk.path}/undo", **fields(desk, to=to))
    assert (answer.status_code, answer.headers["location"]) == (303, desk.path)
    assert own not in sheet_of(desk).stories


def test_the_weight_is_asked_for_again_when_another_text_is_not_printed(desk: DeskFixture) -> None:
    """An unsupported headline leaves the e-mail as it is, and is a finding all the same."""

    def address() -> str:
        found = re.search(r'data-fragment="([^"]+/weight[^"]+)"', desk.client.get(desk.path).text)
        assert found
        return found[1]

    before = address()
    assert address() == before
    another(desk, "headline", COMET, text="Nine dragons come to the fair")
    desk.room.jobs.complete(desk.digest, desk.date)
    desk.wait()
    assert address() != before
    assert "The headline that was written is not printed" in words_of(
        desk.client.get(unescape(address())).text
    )


def test_what_could_not_be_made_is_said_and_tried_again(
    desk: DeskFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise ModelError("the model is not there")

    with monkeypatch.context() as fails:
        fails.setattr("digest.preview.jobs.complete", broken)
        do(desk, COMET, kind="headline", text="A comet with two tails")
        desk.wait()
        assert sheet_of(desk).waiting
        desk.client.get(desk.path)  # whoever looks at it has it made, once
        desk.wait()
        page = words_of(desk.client.get(desk.path).text)
    assert "Could not be made" in page
    assert "It failed: the model is not there" in page
    assert "Try again" in page
    assert "this page renews itself" not in page
    assert "not checked" in page
    assert "being checked" not in page
    # As on the page to approve on, which can do nothing without it.
    before_approval = words_of(desk.client.get(f"{desk.path}/send").text)
    assert "It failed: the model is not there" in before_approval
    assert "Try again" in before_approval
    answer = desk.post(f"{desk.path}/complete", **fields(desk))
    assert (answer.status_code, answer.headers["location"]) == (303, desk.path)
    desk.wait()
    assert sheet_of(desk).waiting == ()
    assert "Could not be made" not in words_of(desk.client.get(desk.path).text)
    assert desk.client.get(f"{desk.path}/complete").headers["location"] == desk.path


@pytest.mark.parametrize("kind", ["headline", "summary", "subject"])
def test_a_text_that_is_saved_as_it_was_is_no_change(desk: DeskFixture, kind: str) -> None:
    page = desk.client.get(f"{desk.path}/stories/{desk.stories()[COMET]}").text
    text = {
        "headline": COMET,
        "summary": typed_in(page, "summary-text"),
        "subject": sheet_of(desk).edition.subject,
    }[kind]
    assert text
    story = desk.stories()[COMET]  # it may be called something else soon
    do(desk, story=story, kind=kind, text=f"{text} ")
    # A subject is made from the first story: who saves it as it is wants it to stay.
    before = 1 if kind == "subject" else 0
    assert len(sheet_of(desk).operations) == before
    do(desk, story=story, kind=kind, text="Comet with two tails")
    do(desk, story=story, kind=kind, text="Comet with two tails")
    assert len(sheet_of(desk).operations) == before + 1
    # The old text is a change then, as any other.
    do(desk, story=story, kind=kind, text=text)
    assert len(sheet_of(desk).operations) == before + 2


def test_a_note_with_other_paragraphs_is_another_note(desk: DeskFixture) -> None:
    do(desk, kind="note", text="One line. Another line.")
    do(desk, kind="note", text="One line. Another line.")
    do(desk, kind="note", text="One line.\n\nAnother line.")
    assert len(sheet_of(desk).operations) == 2
    assert sheet_of(desk).edition.note == ("One line.", "Another line.")


def test_an_unpinning_that_is_sent_twice_is_made_once(desk: DeskFixture) -> None:
    do(desk, COMET, do="pin")
    form = fields(desk, COMET, do="unpin")
    for _ in range(2):
        assert desk.post(f"{desk.path}/operations", **form).status_code == 303
    assert len(sheet_of(desk).operations) == 2


def test_whoever_put_a_change_back_is_told_to_the_next(desk: DeskFixture) -> None:
    stale = fields(desk, COMET, do="pin")
    another(desk, "drop", COMET)
    for act in ("take-out", "put-back"):
        assert desk.post(f"{desk.path}/operations/1/{act}", **fields(desk)).status_code == 303
    answer = desk.post(f"{desk.path}/operations", **stale)
    assert answer.status_code == 409
    said = f"editor put back what Asha did (dropped “{COMET}”) at 12:00 UTC"
    assert said in words_of(answer.text)
    answer = desk.post(f"{desk.path}/undo", **stale)
    said = "editor put change 1 back, which Asha had made, at 12:00 UTC"
    assert said in words_of(answer.text)


# --- once, and never over another's ------------------------------------------------------------


def test_the_same_form_sent_twice_changes_one_thing(desk: DeskFixture) -> None:
    form = fields(desk, COMET, do="pin")
    for _ in range(2):
        assert desk.post(f"{desk.path}/operations", **form).status_code == 303
    assert len(sheet_of(desk).operations) == 1


def test_a_change_to_what_another_changed_is_told_and_what_was_typed_is_kept(
    desk: DeskFixture,
) -> None:
    mine = "The comet can be seen, is what I wanted to say."
    story = desk.stories()[COMET]
    form = fields(desk, COMET, kind="summary", text=mine, to=f"{desk.path}/stories/{story}")
    another(desk, "summary", COMET, text="Asha wrote this.")
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 409
    assert f"Asha changed the summary of “{COMET}” at 12:00 UTC" in words_of(answer.text)
    assert typed_in(answer.text, "summary-text") == mine
    # The form as it came back knows of Asha's change: sent again, it is meant.
    again = {**form, "seen": str(seen_of(answer.text)), "key": "another-key"}
    assert desk.post(f"{desk.path}/operations", **again).status_code == 303
    assert sheet_of(desk).operations[-1].values["text"] == mine


def test_changes_to_different_stories_do_not_meet(desk: DeskFixture) -> None:
    form = fields(desk, COMET, do="drop")
    another(desk, "pin", TRAMS)
    assert desk.post(f"{desk.path}/operations", **form).status_code == 303


def test_a_note_that_another_wrote_meanwhile_is_not_lost_nor_is_mine(desk: DeskFixture) -> None:
    form = fields(desk, kind="note", text="Mine, of the morning.")
    another(desk, "note", text="Asha's.")
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 409
    assert typed_in(answer.text, "note-text") == "Mine, of the morning."
    assert sheet_of(desk).edition.note == ("Asha's.",)


def test_an_edit_of_a_story_that_has_gone_keeps_the_text(desk: DeskFixture) -> None:
    gone = desk.stories()[MARKET]
    form = fields(desk, MARKET, kind="summary", text="Typed.", to=f"{desk.path}/stories/{gone}")
    another(desk, "exclude", feed="lantern")
    answer = desk.post(f"{desk.path}/operations", **{**form, "seen": str(desk.revision)})
    assert answer.status_code == 404
    assert "Typed." in answer.text
    assert "has no story" in words_of(answer.text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "the summary is empty"), ("x" * 20_000, "the summary has 20,000 characters")],
)
def test_a_summary_of_no_or_too_many_characters_is_refused_and_kept(
    desk: DeskFixture, text: str, said: str
) -> None:
    story = desk.stories()[COMET]
    to = f"{desk.path}/stories/{story}?sentence=1"
    form = fields(desk, COMET, kind="summary", text=text, to=to)
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 422
    assert said in words_of(answer.text)
    assert typed_in(answer.text, "summary-text") == text
    assert sheet_of(desk).operations == ()


def test_nothing_is_changed_once_the_edition_is_approved(desk: DeskFixture) -> None:
    form = fields(desk, COMET, kind="headline", text="Seen at dusk: a comet with two tails")
    form["to"] = f"{desk.path}/stories/{form['story']}"
    desk.workshop.store.editions.move(
        desk.digest, desk.date, ("draft",), desk.now, state="approved", approved=desk.now
    )
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 409
    assert "take the approval back" in words_of(answer.text)
    assert typed_in(answer.text, "kept-text") == form["text"]
    page = desk.client.get(desk.path).text
    assert "Drop" not in words_of(page)
    assert 'name="do"' not in page


def test_a_form_without_what_was_seen_is_refused(desk: DeskFixture) -> None:
    form = fields(desk, COMET, do="drop", seen="yesterday")
    answer = desk.post(f"{desk.path}/operations", **form)
    assert answer.status_code == 422
    assert "load the page again" in words_of(answer.text)


def test_a_form_goes_back_to_its_own_edition_and_nowhere_else(desk: DeskFixture) -> None:
    for to in ("https://elsewhere.example/", "//elsewhere.example", "/feeds", f"{desk.path}x"):
        assert do(desk, COMET, do="pin", to=to).headers["location"] == desk.path
    view = f"{desk.path}?view=stories"
    assert do(desk, COMET, do="pin", to=view).headers["location"] == view


def test_the_name_of_who_changed_it_is_kept(desk: DeskFixture) -> None:
    desk.post("/name", name="Noor")
    do(desk, COMET, do="drop")
    assert sheet_of(desk).operations[0].who == "Noor"
    assert f"Undo: “{COMET}” dropped (Noor)" in unescape(desk.client.get(desk.path).text)


# --- undo, redo, history -----------------------------------------------------------------------


def test_undo_and_redo_name_what_they_do_and_do_it(desk: DeskFixture) -> None:
    do(desk, COMET, do="drop")
    assert desk.post(f"{desk.path}/undo", **fields(desk)).status_code == 303
    assert COMET in desk.stories()
    assert f"Redo: “{COMET}” dropped (editor)" in unescape(desk.client.get(desk.path).text)
    assert desk.post(f"{desk.path}/redo", **fields(desk)).status_code == 303
    assert COMET not in desk.stories()


def test_undo_of_nothing_says_so(desk: DeskFixture) -> None:
    answer = desk.post(f"{desk.path}/undo", **fields(desk))
    assert answer.status_code == 409
    assert "no change to take back" in words_of(answer.text)


def test_undo_takes_nothing_back_that_was_not_seen(desk: DeskFixture) -> None:
    do(desk, COMET, do="drop")
    form = fields(desk)
    another(desk, "pin", TRAMS)
    answer = desk.post(f"{desk.path}/undo", **form)
    assert answer.status_code == 409
    assert [one.undone for one in sheet_of(desk).operations] == [None, None]


def test_a_change_is_taken_out_and_put_back_from_the_history(desk: DeskFixture) -> None:
    do(desk, COMET, do="drop")
    do(desk, TRAMS, do="pin")
    history = f"{desk.path}/history"
    page = words_of(desk.client.get(history).text)
    assert page.index(f"“{TRAMS}” pinned") < page.index(f"“{COMET}” dropped")
    form = fields(desk, to=history)
    answer = desk.post(f"{desk.path}/operations/1/take-out", **form)
    assert answer.headers["location"] == history
    assert COMET in desk.stories()
    said = words_of(desk.client.get(history).text)
    assert "by editor, 02 Mar, 12:00 ; taken out by editor, 02 Mar, 12:00" in said
    assert desk.post(f"{desk.path}/operations/1/put-back", **fields(desk)).status_code == 303
    assert COMET not in desk.stories()
    assert "put back by editor, 02 Mar, 12:00" in words_of(desk.client.get(history).text)


def test_a_change_that_is_not_there_cannot_be_taken_out(desk: DeskFixture) -> None:
    form = fields(desk, to=f"{desk.path}/history")
    assert desk.post(f"{desk.path}/operations/7/take-out", **form).status_code == 404


def test_the_history_says_what_changes_nothing_any_more_and_why(desk: DeskFixture) -> None:
    do(desk, MARKET, do="pin")
    do(desk, kind="exclude", feed="lantern")
    page = words_of(desk.client.get(f"{desk.path}/history").text)
    assert "without effect" in page
    assert "its feed is left out of this edition" in page


def test_changes_are_made_again_when_newer_articles_come(desk: DeskFixture) -> None:
    do(desk, COMET, do="drop")
    desk.feed("gull", *GULL, Item("Bakers open a school beside the mill", "Town", 0.5))
    desk.now += timedelta(minutes=30)
    desk.build(force=True)
    assert COMET not in desk.stories()
    assert "Bakers open a school beside the mill" in desk.stories()


def test_every_kind_of_change_has_its_sentence(desk: DeskFixture) -> None:
    stories = desk.stories()
    do(desk, COMET, do="up")
    do(desk, COMET, do="first")
    do(desk, COMET, do="topic", topic="Town")
    do(desk, kind="section", topic="Town", step="up")
    do(desk, COMET, do="pin")
    do(desk, COMET, kind="length", sentences="1", model="extractive")
    do(desk, COMET, kind="headline", text="A comet")
    desk.wait()  # from then on the story has that name
    do(desk, TRAMS, kind="merge", other=stories[MARKET])
    do(desk, kind="subject", text="A day of trams")
    do(desk, kind="note", text="Hello")
    do(desk, kind="note", text="")
    do(desk, kind="exclude", feed="lantern")
    shown = sheet_of(desk)
    said = [telling.told(shown, one) for one in shown.operations]
    assert "“A comet” put under Town" in said
    assert not any("isn’t there" in one for one in said)
    assert f"Headline of “{COMET}” changed to “A comet”" in said
    assert f"“{MARKET}” merged into “{TRAMS}”" in said
    assert "Editor’s note taken away" in said
    assert "The feed lantern left out" in said
    assert len(set(said)) == len(said)


# --- checking while one types ------------------------------------------------------------------


def test_a_text_is_checked_while_it_is_written_and_nothing_is_saved(desk: DeskFixture) -> None:
    own = prose(COMET, "Science").split(". ")[1] + "."
    form = fields(desk, COMET, kind="summary", text=f"{own} The mayor of Atlantis bought it.")
    page = desk.client.post(
        f"{desk.path}/check", data={**form, "csrf": desk.csrf}, headers={"X-Part": "verdicts"}
    )
    assert page.status_code == 200
    said = words_of(page.text)
    assert "supported, 100 %" in said
    assert "The mayor of Atlantis bought it. Not printed:" in said
    assert "<body" not in page.text
    assert sheet_of(desk).operations == ()


def test_without_a_script_the_check_shows_the_page_with_the_text(desk: DeskFixture) -> None:
    form = fields(desk, COMET, kind="summary", text="The mayor of Atlantis bought it.")
    form["to"] = f"{desk.path}/stories/{form['story']}"
    page = desk.post(f"{desk.path}/check", **form)
    assert page.status_code == 200
    assert typed_in(page.text, "summary-text") == "The mayor of Atlantis bought it."
    assert "Not printed:" in words_of(page.text)


def test_a_text_that_is_too_long_is_not_checked(desk: DeskFixture) -> None:
    form = fields(desk, COMET, kind="summary", text="y" * 2_001, csrf=desk.csrf)
    page = desk.client.post(f"{desk.path}/check", data=form, headers={"X-Part": "verdicts"})
    assert page.status_code == 422
    assert "2,001 characters" in words_of(page.text)


# --- the pages ---------------------------------------------------------------------------------


def test_a_page_that_was_refused_can_be_loaded_again(desk: DeskFixture) -> None:
    for path in ("operations", "undo", "redo", "check", "operations/1/take-out"):
        answer = desk.client.get(f"{desk.path}/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, desk.path)


def test_each_control_of_a_story_names_it(desk: DeskFixture) -> None:
    page = unescape(desk.client.get(desk.path).text)
    for name in ("Move up", "Move down", "Pin", "Drop", "Tick", "More for"):
        for title in desk.stories():
            assert re.search(rf"{name}:? {re.escape(title)}", page), (name, title)


def test_no_page_has_a_style_or_a_handler_in_it(desk: DeskFixture) -> None:
    do(desk, COMET, do="drop")
    story = desk.stories()[TRAMS]
    for path in ("", "/history", "/send", f"/stories/{story}"):
        page = desk.client.get(desk.path + path).text
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page), path
        assert "<style" not in page
