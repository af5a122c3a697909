"""An editor who doesn't wait for the desk's answers, in a real browser."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from digest.pipeline import editing
from digest.records import NewOperation, Operation

from .browsing import Reader, lift, read, until
from .conftest import DeskFixture

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

# In one go, so that no answer comes between, however slow the machine is.
_CLICKS = """names => {
    for (const name of names) document.querySelector(`[aria-label="${name}"]`).click();
}"""
_KEYS = """keys => {
    for (const key of keys) {
        document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", {bubbles: true, cancelable: true, ...key}));
    }
}"""
UNDO = {"key": "z", "ctrlKey": True}
REDO = {"key": "z", "ctrlKey": True, "shiftKey": True}
DOWN = {"key": "ArrowDown", "altKey": True}


def change(desk: DeskFixture, who: str, kind: Any, title: str, **values: Any) -> None:
    key, story = secrets.token_hex(8), desk.stories()[title]
    new = NewOperation(kind, values, who, key, desk.revision, story)
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)


def operations(desk: DeskFixture) -> list[Operation]:
    return desk.workshop.store.desk.operations(desk.digest, desk.date)


def counting(desk: DeskFixture) -> list[str]:
    """The kinds of the changes that count."""
    return [one.kind for one in operations(desk) if one.undone is None]


def without_htmx_errors(look: Callable[[Reader], None]) -> Callable[[Reader], None]:
    """Where a request is to fail, htmx says so in the console."""

    def looked(reader: Reader) -> None:
        look(reader)
        reader.errors = [one for one in reader.errors if "htmx:error" not in one]

    return looked


class Gate:
    """Keeps the requests for an address waiting until it opens."""

    def __init__(self, page: Page, address: str = "**/operations") -> None:
        self.waiting: list[Route] = []
        self._is_open = False
        self._page = page
        page.route(address, self._come)

    def expect(self, requests: int) -> None:
        """Until so many wait."""
        until(self._page, lambda: len(self.waiting) == requests)

    def open(self) -> None:
        """Lets through the last that waits, and all that come."""
        self._is_open = True
        self.waiting[-1].continue_()

    def _come(self, route: Route) -> None:
        if self._is_open:
            route.continue_()
        else:
            self.waiting.append(route)


def quiet(page: Page) -> None:
    """Until nothing is on its way, and long enough for what mustn't come."""
    page.locator("button[aria-busy]").first.wait_for(state="detached")
    page.wait_for_timeout(400)
    assert page.get_by_role("alert").count() == 0


def test_as_many_changes_are_undone_and_redone_as_the_keys_were_pressed(desk: DeskFixture) -> None:
    titles = list(desk.stories())[:4]
    for title in titles:
        change(desk, "Ann", "pin", title)

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        page.evaluate(_KEYS, [UNDO, UNDO, UNDO])
        until(page, lambda: len(counting(desk)) == 1)
        quiet(page)
        assert [one.undone is None for one in operations(desk)] == [True, False, False, False]
        page.evaluate(_KEYS, [REDO, REDO, UNDO, REDO, REDO])
        until(page, lambda: len(counting(desk)) == 4)
        quiet(page)

    read(desk, look)


def test_the_change_on_its_way_is_undone_although_no_earlier_one_can_be(desk: DeskFixture) -> None:
    """The button is off until the page knows of a change."""
    title = next(iter(desk.stories()))

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        assert page.locator("#undo").is_disabled()
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Drop {title}"])
        gate.expect(1)
        page.evaluate(_KEYS, [UNDO])
        gate.open()
        until(page, lambda: [one.undone is None for one in operations(desk)] == [False])
        quiet(page)

    read(desk, look)


def test_a_story_goes_down_as_often_as_its_button_is_pressed(desk: DeskFixture) -> None:
    title, *rest = desk.stories()
    other = rest[-1]

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        down, up = f"Move down: {title}", f"Move up: {other}"
        page.evaluate(_CLICKS, [down, down, up, down, up])
        until(page, lambda: len(operations(desk)) == 5)
        quiet(page)

    # Under its own heading, and then under the next ones: by places as they are printed.
    place = {one: at for at, one in enumerate(desk.stories())}
    read(desk, look)
    now = list(desk.stories())
    assert now.index(title) > place[title]
    assert now.index(other) < place[other]
    moved = [one.story for one in operations(desk)]
    ids = desk.stories()
    assert moved == [ids[one] for one in (title, title, other, title, other)]


def test_what_was_asked_for_once_is_not_asked_for_again_before_it_is_done(
    desk: DeskFixture,
) -> None:
    """The button that pins turns into the one that unpins, in the same place."""
    title = next(iter(desk.stories()))

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        page.evaluate(_CLICKS, [f"Pin {title}", f"Pin {title}"])
        page.get_by_role("button", name=f"Unpin {title}").wait_for()
        quiet(page)
        assert counting(desk) == ["pin"]
        # Nor is a summary written twice.
        page.goto(f"{desk.path}/stories/{desk.stories()[title]}")
        page.evaluate(
            """() => {
                const write = document.querySelector("#length-form button:not([name])");
                for (let n = 0; n < 2; n++) write.click();
            }"""
        )
        until(page, lambda: len(operations(desk)) == 2)
        quiet(page)
        assert counting(desk) == ["pin", "length"]

    read(desk, look)


def test_different_presses_are_made_in_their_order_with_what_was_chosen_then(
    desk: DeskFixture,
) -> None:
    one, two, three, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        topic = page.locator("#desk select[name=topic] option").last.text_content()
        page.evaluate(_CLICKS, [f"Pin {one}"])
        gate.expect(1)
        row = page.locator(f'li.story[data-title="{two}"]')
        row.locator("summary").click()
        row.locator("select").select_option(topic)
        page.evaluate(_CLICKS, [f"Move {two} to that topic", f"Drop {three}", f"Drop {two}"])
        row.locator("select").evaluate("it => { it.selectedIndex = 0 }")
        gate.open()
        until(page, lambda: len(operations(desk)) == 4)
        quiet(page)
        made = operations(desk)
        assert [it.kind for it in made] == ["pin", "topic", "drop", "drop"]
        assert made[1].values["topic"] == topic

    read(desk, look)


def test_what_is_moved_by_keys_while_the_move_before_is_on_its_way_is_moved_twice(
    desk: DeskFixture,
) -> None:
    title = next(iter(desk.stories()))

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.locator(f'li.story[data-title="{title}"] .handle').focus()
        page.evaluate(_KEYS, [DOWN])
        gate.expect(1)
        page.evaluate(_KEYS, [DOWN])
        gate.open()
        until(page, lambda: len(operations(desk)) == 2)
        quiet(page)
        first, second = operations(desk)
        assert first.story == second.story == desk.stories()[title]
        assert first.values != second.values

    read(desk, look)


def test_what_was_asked_for_after_a_change_that_is_refused_is_not_done_and_told(
    desk: DeskFixture,
) -> None:
    one, two, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}", f"Drop {two}"])
        gate.expect(1)
        change(desk, "Ben", "drop", one)
        gate.open()
        told = page.get_by_role("alert")
        told.get_by_text(f"Ben dropped “{one}”").wait_for()
        told.get_by_text("What you asked for after it was not done either.").wait_for()
        assert counting(desk) == ["drop"]
        # It stays when others go on.
        change(desk, "Ben", "drop", list(desk.stories())[-1])
        page.locator("li.story.dropped").nth(1).wait_for()
        page.locator("#refused").get_by_text(f"Ben dropped “{one}”").wait_for()
        page.evaluate(_CLICKS, [f"Drop {two}"])
        page.locator("li.story.dropped").nth(2).wait_for()
        assert page.locator("#refused").count() == 0

    read(desk, look)


def test_a_page_from_before_a_change_does_not_take_its_answer_back(desk: DeskFixture) -> None:
    one, two, three, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        renewals = Gate(page, f"**{desk.path}")
        change(desk, "Ben", "drop", one)
        renewals.expect(1)
        old = renewals.waiting[0].fetch(max_retries=3)
        page.evaluate(_CLICKS, [f"Drop {two}"])
        page.locator("li.story.dropped").nth(1).wait_for()
        renewals.waiting[0].fulfill(response=old)
        renewals.expect(2)
        assert page.locator("li.story.dropped").count() == 2
        page.evaluate(_KEYS, [UNDO])
        until(page, lambda: len(counting(desk)) == 1)
        renewals.open()
        until(page, lambda: page.locator("li.story.dropped").count() == 1)
        quiet(page)
        assert three in desk.stories()

    read(desk, look)


def test_a_move_that_waited_goes_back_when_the_desk_doesn_t_answer(desk: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        rows = page.locator("li.story[data-article]")
        shown = rows.evaluate_all("rows => rows.map(row => row.dataset.title)")
        gate = Gate(page)
        for title, key in ((shown[0], "ArrowDown"), (shown[-1], "ArrowUp")):
            page.locator(f'li.story[data-title="{title}"] .handle').focus()
            page.evaluate(_KEYS, [{"key": key, "altKey": True}])
        gate.expect(1)
        page.locator("li.story.picked").wait_for(state="detached")
        # Longer than a move waits before it is sent, or held.
        page.wait_for_timeout(800)
        assert len(gate.waiting) == 1
        titles = "rows => rows.map(row => row.dataset.title)"
        assert rows.evaluate_all(titles) != shown
        gate.waiting[0].abort()
        until(page, lambda: rows.evaluate_all(titles) == shown)
        told = page.get_by_role("alert")
        told.get_by_text("The desk did not answer").wait_for()
        told.get_by_text("What you asked for after it was not done either.").wait_for()
        assert operations(desk) == []

    read(desk, without_htmx_errors(look))


def stop_the_clock(page: Page) -> None:
    """Clicks come at the time that `pass_time` sets, however slow the machine is."""
    page.evaluate(
        """() => {
            window.clickTime = 1000;
            const get = () => window.clickTime;
            Object.defineProperty(Event.prototype, "timeStamp", {get, configurable: true});
        }"""
    )


def pass_time(page: Page, milliseconds: int) -> None:
    page.evaluate(f"() => {{ window.clickTime += {milliseconds}; }}")


def click(page: Page, name: str, times: int, after: str) -> None:
    """Clicks where a button stands, in quick succession; waits for `after` behind the first."""
    stop_the_clock(page)
    button = page.get_by_role("button", name=name)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for count in range(1, times + 1):
        page.mouse.down(click_count=count)
        page.mouse.up(click_count=count)
        pass_time(page, 100)
        if count == 1:
            page.locator(after).first.wait_for()
            quiet(page)


@pytest.mark.parametrize("act", ["Drop", "Pin"])
def test_a_double_click_does_not_press_what_came_under_the_pointer(
    desk: DeskFixture, act: str
) -> None:
    """The next story's row, or the button that takes it back, stands there then."""
    title = next(iter(desk.stories()))

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        click(page, f"{act} {title}", 2, "li.story.dropped, li.story.pinned")
        quiet(page)
        assert counting(desk) == [act.lower()]

    read(desk, look)


@pytest.mark.parametrize("what", ["story", "topic"])
def test_clicks_on_an_arrow_go_on_with_what_has_moved_away_under_the_pointer(
    desk: DeskFixture, what: str
) -> None:
    edition = editing.sheet(desk.workshop, desk.digest, desk.date).edition
    name = edition.topics[0].name
    if what == "story":
        name = edition.stories[0].headline

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        prefix = "Move down: " if what == "story" else "Move the topic "
        suffix = "" if what == "story" else " down"
        click(page, f"{prefix}{name}{suffix}", 2, ".last-change")
        until(page, lambda: len(operations(desk)) == 2)
        quiet(page)
        first, second = operations(desk)
        assert first.story == second.story
        if what == "topic":
            assert first.values["topic"] == second.values["topic"] == name
        assert first.values != second.values

    read(desk, look)


@pytest.mark.parametrize("held", ["change", "undo"])
def test_a_press_that_waited_is_not_made_over_what_another_did_meanwhile(
    desk: DeskFixture, held: str
) -> None:
    """It was made on a page that didn't show it, however new the page is that it is sent from."""
    one, two, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}"])
        gate.expect(1)
        if held == "change":
            page.evaluate(_CLICKS, [f"Move down: {two}"])
        else:
            page.evaluate(_KEYS, [UNDO])
        change(desk, "Ben", "pin", two)
        gate.open()
        said = f"Ben pinned “{two}”" if held == "change" else "editor changed daily/"
        page.get_by_role("alert").get_by_text(said).wait_for()
        assert counting(desk) == ["pin", "pin"]
        assert len(operations(desk)) == 2

    read(desk, look)


def test_what_waits_does_not_go_on_in_the_middle_of_a_drag(desk: DeskFixture) -> None:
    one, two, *_, last = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}"])
        gate.expect(1)
        page.evaluate(_CLICKS, [f"Pin {two}"])
        x, y = lift(page, page.locator(f'li.story[data-title="{last}"] .handle'))
        gate.open()
        until(page, lambda: len(operations(desk)) == 1)
        page.wait_for_timeout(400)
        assert len(operations(desk)) == 1
        page.locator(".drop-mark").wait_for()
        before = list(desk.stories()).index(last)
        for _ in range(3):
            page.mouse.move(x, y - 400, steps=4)
            page.wait_for_timeout(100)
        page.mouse.up()
        until(page, lambda: len(operations(desk)) == 3)
        quiet(page)
        assert counting(desk) == ["pin", "pin", "move"]
        assert list(desk.stories()).index(last) < before

    read(desk, look)


def test_an_undo_that_waited_undoes_the_change_and_not_a_later_move(desk: DeskFixture) -> None:
    one, *_, last = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Drop {one}"])
        gate.expect(1)
        page.evaluate(_KEYS, [UNDO])
        page.locator(f'li.story[data-title="{last}"] .handle').focus()
        page.evaluate(_KEYS, [{"key": "ArrowUp", "altKey": True}])
        gate.open()
        until(page, lambda: len(operations(desk)) == 2)
        quiet(page)
        assert counting(desk) == ["move"]
        assert operations(desk)[0].kind == "drop"

    read(desk, look)


def test_a_key_that_is_held_down_is_one_press(desk: DeskFixture) -> None:
    titles = list(desk.stories())
    for title in titles[:4]:
        change(desk, "Ben", "pin", title)

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        page.locator("#undo").focus()
        page.keyboard.down("Control")
        for _ in range(6):
            page.keyboard.down("z")  # again and again without letting go: repeats
        page.keyboard.up("z")
        page.keyboard.up("Control")
        until(page, lambda: len(counting(desk)) == 3)
        quiet(page)
        page.get_by_role("button", name=f"Move down: {titles[0]}").focus()
        for _ in range(6):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        until(page, lambda: len(operations(desk)) == 5)
        quiet(page)
        assert counting(desk) == ["pin", "pin", "pin", "move"]

    read(desk, look)


def test_a_second_press_with_another_choice_is_another_change(desk: DeskFixture) -> None:
    story = next(iter(desk.stories().values()))
    write = """sentences => {
        const form = document.getElementById("length-form");
        form.elements.sentences.value = sentences;
        form.querySelector("button:not([name])").click();
    }"""

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{story}")
        gate = Gate(page)
        page.evaluate(write, "1")
        gate.expect(1)
        page.evaluate(write, "4")
        page.evaluate(write, "4")
        gate.open()
        until(page, lambda: len(operations(desk)) == 2)
        quiet(page)
        assert [one.values["sentences"] for one in operations(desk)] == [1, 4]

    read(desk, look)


def test_what_is_typed_after_a_press_that_waits_is_not_a_part_of_it(desk: DeskFixture) -> None:
    title, story = next(iter(desk.stories().items()))
    change(desk, "Ann", "pin", title)

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{story}")
        gate = Gate(page, "**/undo")
        page.locator("#undo").click()
        gate.expect(1)
        text = page.get_by_role("textbox", name="Headline")
        text.fill("One headline")
        page.get_by_role("button", name="Save the headline").click()
        text.press_sequentially(" and half a tho")
        gate.open()
        until(page, lambda: counting(desk) == ["headline"])
        quiet(page)
        assert operations(desk)[-1].values["text"] == "One headline"
        assert text.input_value() == "One headline and half a tho"
        page.locator("#headline-form[data-unsaved]").wait_for()
        page.get_by_role("button", name="Save the headline").click()
        until(page, lambda: len(counting(desk)) == 2)
        assert operations(desk)[-1].values["text"] == "One headline and half a tho"

    read(desk, look)


def test_calm_clicks_on_an_arrow_go_on_with_the_same_story(desk: DeskFixture) -> None:
    """Slower than any double click; the row goes away from under the pointer, which rests."""
    title = list(desk.stories())[-1]
    asked = f"Move up: {title}"

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        button = page.get_by_role("button", name=asked)
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box
        page.mouse.move(box["x"] + 10, box["y"] + 10)
        stop_the_clock(page)
        for times in (1, 2, 3):
            page.mouse.down()
            page.mouse.up()
            pass_time(page, 1500)
            until(page, lambda: len(operations(desk)) == times)  # noqa: B023 - waited for here
            quiet(page)
        assert {one.story for one in operations(desk)} == {desk.stories()[title]}
        assert len({str(one.values) for one in operations(desk)}) == 3
        # Elsewhere a click means what is there.
        other = next(iter(desk.stories()))
        page.get_by_role("button", name=f"Move down: {other}").click()
        until(page, lambda: len(operations(desk)) == 4)
        assert operations(desk)[-1].story == desk.stories()[other]

    read(desk, look)


@pytest.mark.parametrize("how", ["away and back", "later", "by the wheel"])
def test_an_arrow_that_comes_under_a_pointer_that_moved_on_means_its_own_story(
    desk: DeskFixture, how: str
) -> None:
    first, *_, other, _ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        box = page.get_by_role("button", name=f"Move down: {first}").bounding_box()
        assert box
        place = box["x"] + 10, box["y"] + 10
        stop_the_clock(page)
        page.mouse.move(*place)
        page.mouse.down()
        page.mouse.up()
        until(page, lambda: len(operations(desk)) == 1)
        quiet(page)
        if how == "away and back":
            page.mouse.move(place[0] + 200, place[1])
            page.mouse.move(*place)
        elif how == "later":
            pass_time(page, 2100)
        else:
            page.mouse.wheel(0, 1)
            page.mouse.wheel(0, -1)
        arrow = page.get_by_role("button", name=f"Move down: {other}")
        arrow.evaluate(
            """(it, y) => {
                const box = it.getBoundingClientRect();
                scrollBy(0, box.top + box.height / 2 - y);
            }""",
            place[1],
        )
        there = arrow.bounding_box()
        assert there
        assert abs(there["y"] + there["height"] / 2 - place[1]) < 8
        page.mouse.down()
        page.mouse.up()
        until(page, lambda: len(operations(desk)) == 2)
        assert [one.story for one in operations(desk)] == [
            desk.stories()[one] for one in (first, other)
        ]

    read(desk, look)


def test_longer_and_longer_is_never_shorter(desk: DeskFixture) -> None:
    """With one sentence there is no button for shorter, and that for longer stands in its place."""
    title, story = next(iter(desk.stories().items()))
    change(desk, "Ann", "length", title, sentences=1, model="extractive")

    def look(reader: Reader) -> None:
        page = reader.open(f"{desk.path}/stories/{story}")
        click(page, "Longer", 2, "#length-shorter")
        until(page, lambda: len(operations(desk)) == 3)
        quiet(page)
        assert [one.values["sentences"] for one in operations(desk)] == [1, 2, 3]

    read(desk, look)


def test_one_story_after_the_other_is_dropped_by_clicks_in_one_place(desk: DeskFixture) -> None:
    """Quicker than a double click of the system's, and slower than one that is not meant."""

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        titles = page.locator("li.story[data-title]")
        stop_the_clock(page)
        for count in (1, 2, 3):
            box = page.get_by_role("button", name=re.compile("^Drop ")).first.bounding_box()
            assert box
            page.mouse.move(box["x"] + 10, box["y"] + 10)
            page.mouse.down(click_count=count)
            page.mouse.up(click_count=count)
            page.locator("li.story.dropped").nth(count - 1).wait_for()
            quiet(page)  # findings come after the rows, and move them
            reader.settle(page)
            pass_time(page, 400)
        assert counting(desk) == ["drop", "drop", "drop"]
        assert titles.count() == len(desk.stories())

    read(desk, look)


def test_an_answer_that_is_no_page_of_the_desk_s_leaves_the_page_as_it_is(
    desk: DeskFixture,
) -> None:
    one, two, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}", f"Drop {two}"])
        gate.expect(1)
        gate.waiting[0].fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")
        page.get_by_role("alert").get_by_text("The desk did not answer").wait_for()
        page.get_by_text("What you asked for after it was not done either.").wait_for()
        assert page.get_by_role("button", name=f"Drop {two}").is_visible()
        assert operations(desk) == []
        renewals = Gate(page, f"**{desk.path}")
        change(desk, "Ben", "drop", two)
        renewals.expect(1)
        renewals.waiting[0].fulfill(status=502, content_type="text/html", body="<h1>Bad</h1>")
        page.wait_for_timeout(300)
        assert page.get_by_role("button", name=f"Drop {one}").is_visible()

    read(desk, look)


def test_leaving_while_a_press_waits_is_asked_about(desk: DeskFixture) -> None:
    one, two, *_ = desk.stories()
    leaves = 'window.dispatchEvent(new Event("beforeunload", {cancelable: true}))'

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}"])
        gate.expect(1)
        assert page.evaluate(leaves)
        page.evaluate(_CLICKS, [f"Drop {two}"])
        assert not page.evaluate(leaves)
        gate.open()
        until(page, lambda: counting(desk) == ["pin", "drop"])
        quiet(page)
        assert page.evaluate(leaves)

    read(desk, look)


def test_a_refusal_is_told_while_another_row_is_moved(desk: DeskFixture) -> None:
    one, two, *_ = desk.stories()

    def look(reader: Reader) -> None:
        page = reader.open(desk.path)
        # A move by keys waits until it is let go of by hand.
        page.evaluate(
            """() => {
                const timer = window.setTimeout;
                window.setTimeout = (what, ms) => timer(what, ms === 600 ? 1e9 : ms);
            }"""
        )
        gate = Gate(page)
        page.evaluate(_CLICKS, [f"Pin {one}"])
        gate.expect(1)
        change(desk, "Ben", "drop", one)
        page.locator(f'li.story[data-title="{two}"] .handle').focus()
        page.evaluate(_KEYS, [DOWN])
        gate.open()
        page.get_by_role("alert").get_by_text(f"Ben dropped “{one}”").wait_for()
        assert page.locator("li.story.picked").count() == 1
        page.evaluate(_KEYS, [UNDO])
        assert page.locator("li.story.picked").count() == 0
        assert counting(desk) == ["drop"]

    read(desk, look)
