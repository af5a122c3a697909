"""A browser on the desk, and what is wrong with a page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

    from .conftest import DeskFixture

# All rules, those of good practice too, and the sizes of targets, which are off unless asked for.
# The e-mail in the frame runs no scripts; it has tests of its own (tests/editions/test_axe.py).
# What axe can't decide counts as well: nobody would look at it again.
_VIOLATIONS = """async ([within, colours]) => {
    const options = colours
        ? {
            runOnly: {type: "tag", values: ["cat.color"]},
            // Of level AAA: off unless asked for, and a tag asks for it.
            rules: {"color-contrast-enhanced": {enabled: false}},
        }
        : {rules: {"target-size": {enabled: true}}};
    const found = await axe.run({include: [within], exclude: ["iframe"]}, options);
    return [...found.violations, ...found.incomplete].flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${rule.help}: ${node.html.slice(0, 200)} ${node.failureSummary}`
    ));
}"""
OTHER_NAME = "desk.example"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.2, 2.5.8: 24 by 24 pixels, but for links within a sentence.
_SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary")]
    .filter(it => it.checkVisibility() && it.type !== "hidden" && !it.closest(".hidden, .skip"))
    .filter(it => getComputedStyle(it).display !== "inline")
    .map(it => [it.getBoundingClientRect(), it.outerHTML.slice(0, 120)])
    .filter(([box]) => box.width > 0 && (box.width < 23.9 || box.height < 23.9))
    .map(([box, html]) => `${box.width} x ${box.height}: ${html}`)"""
# For fingers 44 by 44 pixels (WCAG 2.2, 2.5.5), but for links within a text.
_SMALL_FOR_FINGERS = """() => [...document.querySelectorAll(
        "#desk button, #desk summary, #desk select, #desk textarea, #desk label:has(input)")]
    .filter(it => it.checkVisibility() && !it.closest(".hidden, #mail, #weight"))
    .map(it => [it.getBoundingClientRect(), it.outerHTML.slice(0, 160)])
    .filter(([box]) => box.width > 0 && (box.width < 43.9 || box.height < 43.9))
    .map(([box, html]) => `${box.width} x ${box.height}, for a finger: ${html}`)"""
# Two frames, so that it is laid out; colours that are on their way to others are there at once.
_LAID_OUT = """async () => {
    for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame);
    for (const one of document.getAnimations()) {
        if (one.effect.getComputedTiming().iterations !== Infinity) one.finish();
    }
    await new Promise(requestAnimationFrame);
}"""


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Waits until `is_so` says so; an AssertionError after twenty seconds."""
    for _ in range(800):
        if is_so():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it never came true")


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
        # The desk's machine under another name, as a page that rebinds names would have it.
        named = f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", named])
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

    def tab(self) -> Page:
        """An empty one, whose complaints nobody hears."""
        return self._browser.new_page()

    def settle(self, page: Page) -> None:
        """Waits for the fragments."""
        page.locator("[data-fragment][aria-busy]").first.wait_for(state="detached")

    def _hear(self, line: ConsoleMessage) -> None:
        # Playwright looks into the sandboxed frame by script, which is refused; pages that say
        # 404 or 422 are among those that are looked at.
        ignored = ("Blocked script execution", "Failed to load resource")
        if line.type == "error" and not any(words in line.text for words in ignored):
            self.errors.append(f"{line.text} ({line.location})")


def read(desk: DeskFixture, look: Callable[[Reader], None]) -> None:
    """Runs what looks at a desk, in a thread: Playwright refuses one with an event loop."""

    def looked() -> None:
        with chromium() as browser:
            reader = Reader(browser, desk)
            look(reader)
            assert reader.errors == []

    with ThreadPoolExecutor(1) as thread:
        thread.submit(looked).result()


def problems(page: Page, within: str = "body", widths: tuple[int, ...] = (1280, 375)) -> list[str]:
    """What is wrong with a page as it is: axe's findings, small targets, scrolling sideways.

    It is looked at in light and dark and at each of `widths`, at the small one with a finger,
    without loading it again. `within` is what is looked at: of what a menu covers axe can't know
    how it looks. The page is left wide, light, and with a mouse.
    """
    found: list[str] = []
    page.evaluate(AXE_SCRIPT)
    cdp = page.context.new_cdp_session(page)

    def seen(width: int, scheme: Literal["light", "dark"]) -> None:
        page.set_viewport_size({"width": width, "height": 860})
        page.emulate_media(color_scheme=scheme)
        finger = width < 500
        cdp.send("Emulation.setTouchEmulationEnabled", {"enabled": finger})
        page.evaluate(_LAID_OUT)
        assert page.evaluate("matchMedia('(pointer: coarse)').matches") == finger
        assert page.evaluate("innerWidth") == width
        # Pages are the same in the dark but for their colours: only rules on those are asked then.
        wrong = page.evaluate(_VIOLATIONS, [within, scheme == "dark"])
        wrong += page.evaluate(_SMALL_TARGETS)
        if finger:
            wrong += page.evaluate(_SMALL_FOR_FINGERS)
        if (over := page.evaluate(SIDEWAYS)) > 0:
            wrong.append(f"scrolls sideways by {over} px")
        found.extend(f"{width} px, {scheme}: {one}" for one in wrong)

    for width in widths:
        seen(width, "light")
        seen(width, "dark")
    cdp.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    cdp.detach()
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")
    return found


def lift(page: Page, handle: Locator) -> tuple[float, float]:
    """Begins to drag what `handle` moves by mouse; gives where the mouse took hold of it."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + 10, box["y"] + 10
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 40, steps=3)
    page.locator(".drop-mark").wait_for()
    return x, y


def drag(page: Page, handle: Locator, goal: Locator) -> None:
    """Drags what `handle` moves by mouse, and lets it go over the upper edge of `goal`.

    As a person does who follows the goal with the eyes: near its edges the list rolls, for as many
    frames as the browser finds time for.
    """
    lift(page, handle)
    before: object = ()
    while (place := goal.bounding_box()) != before:
        assert place
        page.mouse.move(place["x"] + 20, place["y"] + 4, steps=8)
        page.wait_for_timeout(100)
        before = place
    page.mouse.up()
