"""The page in a real browser: views, keys, and an edit that appears by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page


Files = Callable[..., Path]


@contextmanager
def chromium_page() -> Iterator[Page]:
    """A page of headless Chromium. On CI a missing browser is a failure, elsewhere a skip."""
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "no `chromium` on PATH: install it (Debian: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's own sandbox refuses to start.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        finally:
            browser.close()


def background(page: Page) -> str:
    """The colour behind the e-mail in the frame."""
    body = page.frame_locator("iframe").locator("body")
    return str(body.evaluate("body => getComputedStyle(body).backgroundColor"))


def walk_through(base: str, template: Path, screenshots: Path) -> None:
    with chromium_page() as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def hear(line: ConsoleMessage) -> None:
            # Playwright itself looks into the sandboxed frame by script, which is refused.
            if line.type == "error" and "Blocked script execution" not in line.text:
                errors.append(line.text)

        page.on("console", hear)
        frame = page.frame_locator("iframe")

        page.goto(base)
        assert page.url == f"{base}/editions/demo/2026-11-24"
        assert page.locator("iframe").evaluate("frame => frame.clientWidth") == 800
        assert background(page) == "rgb(255, 255, 255)"

        page.get_by_role("link", name="Phone").click()
        page.wait_for_url("**/2026-11-24?view=phone")
        assert page.locator("iframe").evaluate("frame => frame.clientWidth") == 375
        page.screenshot(path=screenshots / "phone.png")

        page.keyboard.press("3")
        page.wait_for_url("**/2026-11-24?view=dark")
        assert background(page) == "rgb(16, 20, 24)"

        good = template.read_text("utf-8")
        template.write_text(good.replace("<h1>", "<h1>Edited: "), "utf-8")
        frame.get_by_role("heading", name="Edited: The Demo Digest").wait_for()
        template.write_text("\n{% if %}\n", "utf-8")
        alert = page.get_by_role("alert")
        alert.wait_for()
        assert "digest.html.j2:2" in alert.inner_text()
        assert frame.get_by_role("heading", name="Edited: The Demo Digest").is_visible()
        page.screenshot(path=screenshots / "broken.png")
        template.write_text(good, "utf-8")
        alert.wait_for(state="detached")

        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/2026-11-23?view=dark")
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**/2026-11-24?view=dark")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("4")
        page.wait_for_url("**/2026-11-24?view=text")
        assert page.get_by_text("* A comet can be seen at dusk").is_visible()

        page.set_viewport_size({"width": 375, "height": 800})
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0
        page.emulate_media(color_scheme="dark")
        page.goto(f"{base}/editions/demo/2026-11-24?view=desktop")
        assert background(page) == "rgb(255, 255, 255)"
        assert page.evaluate(overflow) == 0
        page.screenshot(path=screenshots / "narrow.png")
        page.context.route("https://news.example.org/2", lambda route: route.fulfill(body="News"))
        with page.context.expect_page() as opened:
            frame.get_by_role("link", name="A comet").click()
        opened.value.get_by_text("News").wait_for()
        assert opened.value.url == "https://news.example.org/2"
        assert page.url.endswith("?view=desktop")
        assert errors == []


def test_an_editor_switches_views_and_sees_an_edit_appear(
    site: httpx.Client, file_edition: Files, template: Path, tmp_path: Path
) -> None:
    file_edition(date="2026-11-23")
    file_edition(date="2026-11-24")
    # In a thread of its own: Playwright's synchronous API refuses a thread with an event loop.
    with ThreadPoolExecutor(1) as thread:
        base = str(site.base_url).rstrip("/")
        thread.submit(walk_through, base, template, tmp_path).result()
