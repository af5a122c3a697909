"""A browser on the desk, and what is wrong with a page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from .conftest import DeskFixture

# All rules, those of good practice too, and the sizes of targets, which are off unless asked for.
# The e-mail in the frame runs no scripts; it has tests of its own (tests/editions/test_axe.py).
# What axe can't decide counts as well: nobody would look at it again.
_VIOLATIONS = """async (within) => {
    const rules = {"target-size": {enabled: true}};
    const found = await axe.run({include: [within], exclude: ["iframe"]}, {rules});
    return [...found.violations, ...found.incomplete].flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${rule.help}: ${node.html.slice(0, 200)} ${node.failureSummary}`
    ));
}"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.2, 2.5.8: 24 by 24 pixels, but for links within a sentence.
_SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary")]
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


def problems(page: Page, within: str = "body") -> list[str]:
    """What is wrong with a page as it is: axe's findings, small targets, scrolling sideways.

    `within` is what is looked at: of what a menu covers axe can't know how it looks.
    """
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_VIOLATIONS, within)
    found += page.evaluate(_SMALL_TARGETS)
    if (over := page.evaluate(SIDEWAYS)) > 0:
        found.append(f"scrolls sideways by {over} px")
    return found
