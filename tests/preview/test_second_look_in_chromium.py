"""What two editors and many open pages must not do to one another, in a real browser."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest

from digest.pipeline import editing
from digest.records import NewOperation, Operation

from .browsing import Reader, read, until
from .conftest import DeskFixture

pytestmark = pytest.mark.browser

_HIDES = """() => {
    Object.defineProperty(document, "hidden", {value: true, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def another(desk: DeskFixture, kind: Any, story: str, **values: Any) -> None:
    """Another editor's change, Ben's."""
    new = NewOperation(kind, values, "Ben", secrets.token_hex(8), desk.revision, story)
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)


def operations(desk: DeskFixture) -> list[Operation]:
    return desk.workshop.store.desk.operations(desk.digest, desk.date)


def state(desk: DeskFixture) -> str:
    status = desk.workshop.store.editions.status(desk.digest, desk.date)
    assert status is not None
    return status.state


def test_what_somebody_changed_since_the_page_was_opened_is_not_approved(
    desk: DeskFixture,
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/send")
        before = page.locator("#desk").get_attribute("data-version")
        another(desk, "drop", next(iter(desk.stories().values())))
        # The page renews itself.
        page.locator(f'#desk:not([data-version="{before}"])').wait_for()
        page.locator("#approve-form button.primary").click()
        page.get_by_role("alert").filter(has_text="changed since you looked").wait_for()
        assert state(desk) == "draft"
        # Told of it, one may look, and approve.
        page.goto(f"{desk.path}/send")
        page.locator("#approve-form button.primary").click()
        page.locator("#approval").get_by_text("Take").first.wait_for()
        assert state(desk) == "approved"

    read(desk, look)


def test_a_seventh_page_opens_while_six_lie_behind_it(desk: DeskFixture) -> None:
    """A browser has six connections to a server, and each open page used to hold one."""

    def look(reader: Reader) -> None:
        first = reader.open(desk.path)
        tabs = [first, *(first.context.new_page() for _ in range(6))]
        for tab in tabs[1:]:
            for behind in tabs[: tabs.index(tab)]:
                behind.evaluate(_HIDES)
            tab.goto(desk.path, timeout=10_000)
        assert tabs[-1].locator("#stories").is_visible()

    read(desk, look)


def test_the_box_holds_the_summary_that_is_printed(desk: DeskFixture) -> None:
    headline, story = next(iter(desk.stories().items()))
    another(desk, "summary", story, text="Nine dragons came to the fair.")
    another(desk, "length", story, sentences=1, model="extractive")

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{story}")
        shown = editing.sheet(desk.workshop, desk.digest, desk.date).edition
        (printed,) = (one for one in shown.stories if one.headline == headline)
        text = " ".join(sentence.text for sentence in printed.summary)
        assert page.locator("#summary-text").input_value() == text

    read(desk, look)


def test_a_part_that_was_split_off_a_dropped_story_is_taken_in(desk: DeskFixture) -> None:
    whole = editing.sheet(desk.workshop, desk.digest, desk.date)
    story = next(one for one in whole.stories.values() if len(one.articles) > 1)
    another(desk, "drop", story.id)
    another(desk, "split", story.id, articles=[story.articles[1].id])

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        title = story.articles[1].title
        row = page.locator(".left-out li.story").filter(has_text=title)
        row.get_by_role("button").click()
        page.locator(".section[data-topic]").get_by_role("heading", name=title).wait_for()
        assert title in desk.stories()

    read(desk, look)


@pytest.mark.parametrize("other", ["builds again", "approves", "merges"])
def test_what_is_typed_stays_whatever_another_does(desk: DeskFixture, other: str) -> None:
    headline, story = list(desk.stories().items())[1]
    text = f"{headline}, says half a tho"

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{story}")
        field = page.get_by_role("textbox", name="Headline")
        field.fill(text)
        if other == "builds again":
            assert desk.post("/digests/daily/build").status_code == 303
            desk.wait()
        elif other == "approves":
            form = {"seen": str(desk.revision), "when": "hand"}
            assert desk.post(f"{desk.path}/approve", **form).status_code == 303
        else:
            first = next(iter(desk.stories().values()))
            another(desk, "merge", first, others=[{"story": story, "article": ""}])
        if other == "builds again":
            page.locator("#typed").wait_for(state="detached")
        else:
            page.locator("#typed").get_by_text("What you are writing is kept").wait_for()
        page.wait_for_timeout(300)
        assert field.input_value() == text
        page.get_by_role("button", name="Save the headline").click()
        if other == "builds again":
            until(page, lambda: len(operations(desk)) == 1)
            return
        page.locator("#refused").wait_for()
        assert page.get_by_label("What you typed").input_value() == text

    read(desk, look)


def test_what_is_typed_stays_when_its_own_editor_presses_something_else(desk: DeskFixture) -> None:
    whole = editing.sheet(desk.workshop, desk.digest, desk.date)
    story = next(one for one in whole.stories.values() if len(one.articles) > 1)
    another(desk, "split", story.id, articles=[story.articles[1].id])
    now = editing.sheet(desk.workshop, desk.digest, desk.date).stories
    (part,) = now.keys() - whole.stories.keys()

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{part}")
        field = page.get_by_role("textbox", name="Headline")
        was = field.input_value()
        field.fill("Half a tho")
        # Taken back is the split that made this story.
        page.locator("#undo").click()
        page.locator("#typed").get_by_text("What you are writing is kept").wait_for()
        until(page, lambda: operations(desk)[0].undone is not None)
        assert field.input_value() == "Half a tho"
        # With the old text there is nothing to lose any more, and the page goes on.
        field.fill(was)
        page.get_by_text("has no such story").wait_for()

    read(desk, look)


def test_an_undo_that_takes_the_story_away_leads_to_the_edition_and_on(desk: DeskFixture) -> None:
    whole = editing.sheet(desk.workshop, desk.digest, desk.date)
    story = next(one for one in whole.stories.values() if len(one.articles) > 1)
    another(desk, "drop", next(iter(desk.stories().values())))
    another(desk, "split", story.id, articles=[story.articles[1].id])
    now = editing.sheet(desk.workshop, desk.digest, desk.date).stories
    (part,) = now.keys() - whole.stories.keys()

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{part}")
        page.evaluate(
            """() => {
                for (let n = 0; n < 2; n++) document.getElementById("undo").click();
            }"""
        )
        page.locator("#redo:not([disabled])").wait_for()
        page.wait_for_function(f"location.pathname === {desk.path!r}")
        assert None not in [one.undone for one in operations(desk)]
        # From there on it is the edition's page that renews itself.
        another(desk, "pin", next(iter(desk.stories().values())))
        page.locator("li.story.pinned").wait_for()
        page.locator("#redo").wait_for()

    read(desk, look)


def test_while_it_is_built_again_the_edition_shows_what_was_made_of_it(desk: DeskFixture) -> None:
    dropped = next(iter(desk.stories().values()))
    another(desk, "drop", dropped)
    editions = desk.workshop.store.editions
    soon = desk.now + timedelta(hours=1)
    assert editions.begin(desk.digest, desk.date, "somebody", desk.now, soon, again=True)
    shown = editing.sheet(desk.workshop, desk.digest, desk.date)
    assert shown.status.state == "building"
    assert dropped not in [story.id for story in shown.edition.stories]
