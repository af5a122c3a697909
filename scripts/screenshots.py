"""Make the pictures of the documentation from a built edition.

    python scripts/screenshots.py outbox/morning/2026-11-24

writes `email-desktop.png` (800 px wide), `email-phone.png` (375 px) and `email-dark.png` (800 px,
dark mode) into `docs/images`. Needs Playwright's Python package and an installed Chromium, which is
driven without a network.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: file name, width (px), colour scheme, how far down it may go (px)."""

    name: str
    width: int
    scheme: Literal["light", "dark"]
    height: int


SHOTS = (
    Shot("email-desktop.png", 800, "light", 1400),
    Shot("email-phone.png", 375, "light", 1400),
    Shot("email-dark.png", 800, "dark", 1400),
)

# A picture that ends between two stories reads better than one that cuts a line.
# Where no story ends within the height, the picture ends there or with the page.
_LAST_STORY_WITHIN = """height => {
    const ends = [...document.querySelectorAll("tr:has(h3)")]
        .map(row => row.getBoundingClientRect().bottom)
        .filter(bottom => bottom <= height);
    const page = document.documentElement.scrollHeight;
    return Math.ceil(ends.length ? Math.max(...ends) : Math.min(height, page));
}"""


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures and print their paths; 2 where something is missing."""
    parser = argparse.ArgumentParser(
        description="Picture an edition as desktop, phone and dark-mode mail."
    )
    parser.add_argument(
        "edition", type=Path, help="folder with index.html, such as outbox/NAME/DATE"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("docs/images"), help="where the pictures go"
    )
    parser.add_argument(
        "--chromium",
        default=shutil.which("chromium") or shutil.which("chromium-browser"),
        help="the browser's program (default: the one on PATH)",
    )
    options = parser.parse_args(arguments)
    page = options.edition / "index.html"
    if not page.is_file():
        print(f"{page} is missing; build an edition with `digest run`", file=sys.stderr)
        return 2
    if not options.chromium:
        print("no chromium on PATH; install it or name it with --chromium", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--hide-scrollbars"]
        )
        for shot in SHOTS:
            print(take(browser, page.resolve(), shot, options.out))
        browser.close()
    return 0


def take(browser: Browser, page: Path, shot: Shot, folder: Path) -> Path:
    """Write one picture of the page at the file `page` and return its path."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": 600},
        color_scheme=shot.scheme,
        device_scale_factor=1,
        offline=True,
    )
    tab = context.new_page()
    tab.goto(page.as_uri())
    height = int(tab.evaluate(_LAST_STORY_WITHIN, shot.height))
    target = folder / shot.name
    tab.screenshot(
        path=target,
        full_page=True,
        clip={"x": 0, "y": 0, "width": shot.width, "height": height},
    )
    context.close()
    return target


if __name__ == "__main__":
    sys.exit(main())
