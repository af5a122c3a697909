"""What tests of several rooms use."""

from __future__ import annotations

import base64
import os
import runpy
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

_NOBODY = 65534
_SCREENSHOTS = Path(__file__).parents[1] / "scripts" / "screenshots.py"
# One grey pixel, which stands in for every picture.
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAYCVYPQAAAABJRU5ErkJggg=="
)
_BROKEN_WORDS = """most => {
    const broken = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/\\p{Script=Latin}+/gu)) {
            const range = document.createRange();
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1 && word[0].length <= most) broken.push(word[0]);
        }
    }
    return broken;
}"""
# What axe can't decide (a text over a picture) counts as well: nobody would look at it again.
_VIOLATIONS = """async () => {
    const {violations, incomplete} = await axe.run();
    return [...violations, ...incomplete].flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${rule.help}: ${node.html.slice(0, 300)} ${node.failureSummary}`
    ));
}"""


class Viewer:
    """A browser's tab without a network. Pages are shown in it one after the other."""

    def __init__(self, tab: Any) -> None:
        from axe_playwright_python.base import AXE_SCRIPT

        self._tab = tab
        self._axe = AXE_SCRIPT
        self._larger_text = str(runpy.run_path(str(_SCREENSHOTS))["LARGER_TEXT"])
        self._has_pictures = True
        tab.route("**/*", self._answer)

    def show(
        self, html: str, *, width: int = 800, scheme: str = "light", pictures: bool = True
    ) -> None:
        """Shows a page in a window of `width` px, `light` or `dark`, with a pixel for pictures."""
        self._has_pictures = pictures
        self._tab.set_viewport_size({"width": width, "height": 800})
        self._tab.emulate_media(color_scheme=scheme)
        self._tab.set_content(html)

    def enlarge_text(self, factor: float) -> None:
        """Makes every text `factor` times as large, and nothing else."""
        self._tab.evaluate(self._larger_text, factor)

    def violations(self) -> list[str]:
        """What axe-core finds in the page: all its rules, those of good practice too."""
        self._tab.evaluate(self._axe)
        found: list[str] = self._tab.evaluate(_VIOLATIONS)
        return found

    def width(self) -> int:
        """How wide the page is: more than the window where one would have to scroll."""
        return int(self._tab.evaluate("document.documentElement.scrollWidth"))

    def broken_words(self, most: int) -> list[str]:
        """The words of up to `most` Latin letters that stand on two lines."""
        return sorted(set(self._tab.evaluate(_BROKEN_WORDS, most)))

    def text(self) -> str:
        """The words that are to be seen."""
        return " ".join(self._tab.evaluate("document.body.innerText").split())

    def evaluate(self, script: str) -> Any:
        """What a script says in the page."""
        return self._tab.evaluate(script)

    def _answer(self, route: Any) -> None:
        if self._has_pictures and route.request.resource_type == "image":
            route.fulfill(body=_PIXEL, content_type="image/png")
        else:
            route.abort()


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    """A tab in Chromium, one for the whole module; in CI its absence is a failure."""
    chromium = shutil.which("chromium")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("needs chromium on PATH; in CI its absence is a failure")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield Viewer(browser.new_page())
        browser.close()


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """A context in which file rights count, even where the tests run as root (as in CI)."""

    @contextmanager
    def as_nobody() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)

    return as_nobody
