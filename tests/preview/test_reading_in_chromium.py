"""The desk in a real browser: for everybody, at every width, with keys alone, and while it lives."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from digest.records import NewOperation

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from .conftest import DeskFixture

pytestmark = pytest.mark.browser

# All rules, those of good practice too, and the sizes of targets, which are off unless asked for.
# The e-mail in the frame runs no scripts; it has tests of its own (tests/editions/test_axe.py).
# What axe can't decide counts as well: nobody would look at it again.
_VIOLATIONS = """async () => {
    const rules = {"target-size": {enabled: true}};
    const found = await axe.run({exclude: ["iframe"]}, {rules});
    return [...found.violations, ...found.incomplete].flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${rule.help}: ${node.html.slice(0, 200)} ${node.failureSummary}`
    ));
}"""
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.2, 2.5.8: 24 by 24 pixels, but for links within a sentence.
_SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary, textarea")]
    .filter(it => it.checkVisibility() && it.type !== "hidden" && !it.closest(".hidden, .skip"))
    .filter(it => getComputedStyle(it).display !== "inline")
    .map(it => [it.getBoundingClientRect(), it.outerHTML.slice(0, 120)])
    .filter(([box]) => box.width > 0 && (box.width < 23.9 || box.height < 23.9))
    .map(([box, html]) => `${box.width} x ${box.height}: ${html}`)"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium. On CI a missing browser is a failure, elsewhere a skip."""
    path = shutil.which("chromium")
    if path is None:
        reason = "no `chromium` on PATH: install it (Debian: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's own sandbox refuses to start.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Reader:
    """A browser on the desk; what goes wrong in its pages is kept in `errors`."""

    def __init__(self, browser: Browser, desk: DeskFixture) -> None:
        self.desk = desk
        self.errors: list[str] = []
        self._browser = browser

    def open(self, path: str, width: int = 1280, **context: Any) -> Page:
        """A page of the desk in a browser of its own, once it has loaded what comes after it."""
        settings = {"viewport": {"width": width, "height": 860}, **context}
        tab: BrowserContext = self._browser.new_context(base_url=self.desk.url, **settings)
        page = tab.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{path}: {error}"))
        page.on("console", self._hear)
        page.goto(path)
        self.settle(page)
        return page

    def settle(self, page: Page) -> None:
        """Waits for the fragments."""
        page.wait_for_function("!document.querySelector('[data-fragment][aria-busy]')")

    def _hear(self, line: ConsoleMessage) -> None:
        # Playwright looks into the sandboxed frame by script, which is refused; pages that say
        # 404 or 422 are among those that are looked at.
        ignored = ("Blocked script execution", "Failed to load resource")
        if line.type == "error" and not any(words in line.text for words in ignored):
            self.errors.append(f"{line.text} ({line.location})")


@pytest.fixture
def reading() -> Iterator[Callable[[DeskFixture, Callable[[Reader], None]], None]]:
    """Runs what looks at a desk, in a thread: Playwright refuses one with an event loop."""

    def run(desk: DeskFixture, look: Callable[[Reader], None]) -> None:
        def looked() -> None:
            with chromium() as browser:
                reader = Reader(browser, desk)
                look(reader)
                assert reader.errors == []

        with ThreadPoolExecutor(1) as thread:
            thread.submit(looked).result()

    yield run


Reading = Callable[["DeskFixture", Callable[[Reader], None]], None]


def change(desk: DeskFixture, kind: Any, headline: str = "", **values: Any) -> None:
    """Makes a change as another editor would."""
    from digest.pipeline import editing

    story = desk.stories()[headline] if headline else ""
    new = NewOperation(kind, values, "Asha", f"key-{desk.revision}", desk.revision, story)
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)


def problems(page: Page) -> list[str]:
    """What is wrong with a page as it is: axe's findings, small targets, scrolling sideways."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_VIOLATIONS)
    found += page.evaluate(_SMALL_TARGETS)
    if (over := page.evaluate(_SIDEWAYS)) > 0:
        found.append(f"scrolls sideways by {over} px")
    return found


def pages_of(desk: DeskFixture) -> list[str]:
    """Every page that is for reading."""
    story = next(iter(desk.stories().values()))
    views = "stories desktop tablet phone dark text plain-images source".split()
    return [
        *(f"{desk.path}?view={view}" for view in views),
        f"{desk.path}/weight",
        f"{desk.path}/written?kind=source",
        f"{desk.path}/stories/{story}?sentence=0",
        f"{desk.path}/builds",
        "/editions",
        "/feeds",
        "/feeds/gull",
        "/feeds/nobody",
        "/help",
        "/editions/daily/2020-01-01",
    ]


def with_two_builds(desk_on: DeskFixture) -> None:
    """A draft that was built twice, with something to tell in every part of its page."""
    desk_on.configure("review: true", feeds="gull lantern broken")
    (desk_on.folder / "broken.xml").write_text("<html>down for maintenance</html>", "utf-8")
    desk_on.build()
    from .conftest import GULL, Item

    desk_on.feed("gull", *GULL, Item("Lighthouse keeper finds a bottle from 1911", "Harbour", 0.5))
    desk_on.build(force=True)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_page_is_for_everybody(
    desk_on: DeskFixture, reading: Reading, width: int, scheme: str
) -> None:
    with_two_builds(desk_on)

    def look(reader: Reader) -> None:
        found = {}
        for path in pages_of(desk_on):
            page = reader.open(path, width, color_scheme=scheme, has_touch=width < 500)
            if wrong := problems(page):
                found[path] = wrong
            page.context.close()
        assert found == {}

    with desk_on.running():
        reading(desk_on, look)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_state_is_for_everybody(
    desk_on: DeskFixture, reading: Reading, width: int, scheme: str
) -> None:
    """Nothing built yet; changes that wait and that no longer apply; trouble; evidence; menus."""

    def look(reader: Reader) -> None:
        found = {}

        def judge(state: str, page: Page) -> None:
            if wrong := problems(page):
                found[state] = wrong

        page = reader.open("/", width, color_scheme=scheme)
        judge("no edition yet", page)
        desk_on.build()
        change(desk_on, "summary", "Trams return to Mill Street after nine years without rails",
               text="Trams return to Mill Street. They cost 900 million crowns.")
        change(desk_on, "headline", "Comet with two tails can be seen at dusk this week",
               text="Comet with nine tails falls")
        page.goto(desk_on.path)
        reader.settle(page)
        judge("checks that wait", page)
        from digest.pipeline import editing

        editing.complete(desk_on.workshop, desk_on.digest, desk_on.date)
        page.goto(desk_on.path)
        reader.settle(page)
        judge("what is not supported", page)
        if width > 1000:
            page.locator("a.sentence").nth(2).focus()
            page.locator("#evidence mark.asked").wait_for()
            judge("evidence", page)
        trams = desk_on.stories()["Trams return to Mill Street after nine years without rails"]
        page.goto(f"{desk_on.path}/stories/{trams}?sentence=0")
        judge("an edited story", page)
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        judge("the key sheet", page)
        page.keyboard.press("Escape")
        page.locator("#who > summary").click()
        judge("one's name", page)
        desk_on.template.write_text("\n{% if %}\n", "utf-8")
        page.goto(desk_on.path + "?view=desktop")
        page.get_by_role("alert").wait_for()
        judge("a broken template", page)
        (desk_on.folder / "feeds.yaml").write_text("digests: [", "utf-8")
        for path in (desk_on.path, "/feeds", "/editions"):
            page.goto(path)
            reader.settle(page)
            judge(f"broken feeds.yaml, {path}", page)
        desk_on.workshop.store.desk.prune("2100-01-01")
        for path in (desk_on.path, f"{desk_on.path}/stories/{trams}", f"{desk_on.path}/builds"):
            page.goto(path)
            reader.settle(page)
            judge(f"no draft, {path}", page)
        assert found == {}

    desk_on.configure("review: true")
    with desk_on.running():
        reading(desk_on, look)


@pytest.mark.slow
def test_no_page_scrolls_sideways_on_the_narrowest_phone(
    desk_on: DeskFixture, reading: Reading
) -> None:
    with_two_builds(desk_on)

    def look(reader: Reader) -> None:
        over = {}
        page = reader.open("/help", 320)
        for path in pages_of(desk_on):
            page.goto(path)
            reader.settle(page)
            if pixels := page.evaluate(_SIDEWAYS):
                over[path] = pixels
        assert over == {}

    with desk_on.running():
        reading(desk_on, look)


def test_a_sentence_shows_beside_it_what_it_stands_on(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        sentence = page.locator("a.sentence").nth(1)
        evidence = page.locator("#evidence")
        assert evidence.is_hidden()

        sentence.focus()
        evidence.locator("mark.asked").wait_for()
        assert evidence.locator("mark.asked").inner_text() == sentence.inner_text()
        assert "Word for word" in evidence.inner_text()

        page.keyboard.press("Escape")
        assert evidence.is_hidden()
        assert sentence.evaluate("it => it === document.activeElement")

        other = page.locator("a.sentence").nth(4)
        other.hover()
        evidence.locator("mark.asked", has_text=other.inner_text()).wait_for()
        # It can be pointed at, and stays.
        evidence.hover()
        page.get_by_role("button", name="Back to the e-mail").click()
        assert evidence.is_hidden()

        other.click()
        page.wait_for_url("**/stories/*?sentence=*")
        assert page.locator("mark.asked").inner_text() in page.locator("#evidence-text").inner_text()

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        reading(desk_on, look)


def test_without_scripts_all_of_it_is_reached_by_links(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path, java_script_enabled=False)
        page.get_by_role("link", name="Size and findings").click()
        assert "kB of 100 kB" in page.locator("main").inner_text()
        page.get_by_role("link", name="Back to the edition").click()
        page.locator("a.sentence").first.click()
        assert page.locator("mark.asked").count() == 1
        page.get_by_role("link", name="Back to the edition").click()
        page.get_by_role("link", name="Plain text").click()
        page.get_by_role("link", name="Open the plain text").click()
        assert "* Trams return" in page.locator("body").inner_text()

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        reading(desk_on, look)


def test_keys_choose_views_and_stories_and_can_be_switched_off(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        page.keyboard.press("4")
        page.wait_for_url("**?view=phone")
        assert page.locator("iframe").evaluate("frame => frame.clientWidth") == 375
        page.keyboard.press("1")
        page.wait_for_url("**?view=stories")
        focused = "document.activeElement.textContent"
        page.keyboard.press("j")
        assert page.evaluate(focused) == page.locator("li.story h3").nth(0).inner_text()
        page.keyboard.press("j")
        assert page.evaluate(focused) == page.locator("li.story h3").nth(1).inner_text()

        page.keyboard.press("?")
        sheet = page.get_by_role("dialog", name="Keys")
        sheet.get_by_label("Use single keys").uncheck()
        page.keyboard.press("Escape")
        assert sheet.is_hidden()
        page.keyboard.press("4")
        page.keyboard.press("?")
        assert sheet.is_hidden()
        page.reload()
        page.keyboard.press("4")
        assert page.url.endswith("?view=stories")
        # The page of keys works by itself, and there they can be switched on again.
        page.goto("/help")
        page.locator("main").get_by_label("Use single keys").check()
        page.keyboard.press("f")
        page.wait_for_url("**/feeds")

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        reading(desk_on, look)


def test_what_others_change_shows_without_reload_and_disturbs_nothing(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        page.evaluate("window.same = document.querySelector('#frame')")
        link = page.locator("li.story h3 a").nth(3)
        name = link.inner_text()
        link.focus()
        link.evaluate("it => it.scrollIntoView({block: 'center'})")
        at = page.evaluate("scrollY")
        change(desk_on, "drop", "Market traders ask for a roof over the northern stalls")
        page.locator("li.story.dropped").wait_for()
        assert page.evaluate("document.activeElement.textContent") == name
        assert abs(page.evaluate("scrollY") - at) < 200
        assert page.evaluate("window.same === document.querySelector('#frame')")
        frame = page.frame_locator("#frame")
        frame.get_by_text("Market traders").wait_for(state="detached")

        # What is typed stays, whatever comes meanwhile.
        story = desk_on.stories()["Glacier above the valley lost eleven metres of ice"]
        page.goto(f"{desk_on.path}/stories/{story}")
        page.locator("#headline-text").fill("A glacier lost")
        before = page.locator("#desk").get_attribute("data-version")
        change(desk_on, "drop", "Laboratory grows moss that drinks the fog of mornings")
        page.wait_for_function(
            "version => document.getElementById('desk').dataset.version !== version", arg=before
        )
        assert page.locator("#headline-text").input_value() == "A glacier lost"
        assert page.evaluate("document.activeElement.id") == "headline-text"

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        reading(desk_on, look)


def test_a_broken_template_is_told_over_the_last_good_page(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path + "?view=desktop")
        frame = page.frame_locator("#frame")
        good = desk_on.template.read_text("utf-8")
        desk_on.template.write_text(good.replace("<h1>", "<h1>Edited: "), "utf-8")
        frame.get_by_role("heading", name="Edited: The Daily").wait_for()

        desk_on.template.write_text("\n{% if %}\n", "utf-8")
        alert = page.get_by_role("alert")
        alert.wait_for()
        assert "digest.html.j2:2" in alert.inner_text()
        assert "last good page" in alert.inner_text()
        assert frame.get_by_role("heading", name="Edited: The Daily").is_visible()

        desk_on.template.write_text(good, "utf-8")
        alert.wait_for(state="detached")
        frame.get_by_role("heading", name="The Daily", exact=True).wait_for()

    desk_on.build()
    with desk_on.running():
        reading(desk_on, look)


def test_the_first_edition_is_built_from_the_page_and_shows_by_itself(
    desk_on: DeskFixture, reading: Reading
) -> None:
    def look(reader: Reader) -> None:
        page = reader.open("/")
        assert "No edition yet" in page.locator("h1").inner_text()
        page.get_by_role("button", name="Build daily").click()
        page.wait_for_url(f"**{desk_on.path}*")
        assert page.locator("li.story").count() == 8

    desk_on.configure("review: true")
    with desk_on.running():
        reading(desk_on, look)
