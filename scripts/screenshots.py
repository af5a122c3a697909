"""Make the pictures of the documentation from a built edition.

    python scripts/screenshots.py outbox/morning/2026-11-24

renders its `edition.json` in both themes and writes into `docs/images`, for each of them,
`THEME-desktop.png` (800 px wide), `-phone.png` (375 px), `-dark.png` (800 px, dark mode),
`-no-images.png` (375 px, as a client shows it that blocks pictures), `-large-text.png` (375 px,
text of twice the size) and `-archive.png` (800 px, the list of the editions beside this one).

Needs Playwright's Python package and an installed Chromium, which is driven without a network. The
photograph at the top is none: it is drawn below, for nobody's picture may stand in our pages.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Route, sync_playwright

from digest.editions.archive import archive_of, entry
from digest.editions.frozen import load_edition
from digest.editions.render import Renderer, packaged_themes
from digest.errors import DigestError
from digest.records import Edition, EditionTopic, Image, Reader

EDITION = "edition.json"
READER = Reader(
    "reader@example.org",
    unsubscribe="https://example.org/unsubscribe",
    preferences="https://example.org/preferences",
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: name, width and how far down it may go (px), colour scheme, how much larger its
    text is, with the photograph or without.
    """

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    text: float = 1
    pictures: bool = True


SHOTS = (
    # Two screens, which is as far as the first story goes, and well below 300 kB.
    Shot("desktop", 800, 1600),
    Shot("phone", 375, 2100),
    Shot("dark", 800, 1600, scheme="dark"),
    Shot("no-images", 375, 2100, pictures=False),
    Shot("large-text", 375, 1600, text=2),
)
ARCHIVE = Shot("archive", 800, 1600)

# What a client does for whoever can't read small print: text grows, and nothing else. Sizes are
# given in pixels, so that the zoom of a browser would be another thing.
LARGER_TEXT = """factor => {
    const larger = [...document.body.querySelectorAll("*")].map(element => {
        const style = getComputedStyle(element);
        return [element, parseFloat(style.fontSize), parseFloat(style.lineHeight)];
    });
    for (const [element, size, line] of larger) {
        element.style.setProperty("font-size", size * factor + "px", "important");
        if (line) element.style.setProperty("line-height", line * factor + "px", "important");
    }
}"""

# A picture that ends between two stories reads better than one that cuts a line.
# Where no story ends within the height, the picture ends there or with the page.
_LAST_STORY_WITHIN = """height => {
    const ends = [...document.querySelectorAll("tr:has(h3)")]
        .map(row => row.getBoundingClientRect().bottom)
        .filter(bottom => bottom <= height);
    const page = document.documentElement.scrollHeight;
    return Math.ceil(ends.length ? Math.max(...ends) : Math.min(height, page));
}"""

# Plain areas of colour keep the PNG small.
PICTURE = Image("https://pictures.example.org/harbour.svg", 1200, 630, "A harbour in the morning")
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 630">
<path fill="#f3d9b1" d="M0 0h1200v630H0z"/><circle cx="850" cy="250" r="90" fill="#f7efe0"/>
<path fill="#c9a78a" d="M0 330l180-110 150 80 220-150 210 140 190-90 250 130v90H0z"/>
<path fill="#8d7a78" d="M0 380l260-60 240 50 300-70 400 80v60H0z"/>
<path fill="#4f6d7a" d="M0 410h1200v220H0z"/>
<path fill="#f7efe0" opacity=".5" d="M760 430h180v8H760zm30 40h120v7H790zm-20 45h160v7H770z"/>
<path fill="#2b3a42" d="M250 470h330l-40 60H290zM400 250h12v220h-12z"/>
<path fill="#e8e4da" d="M418 262l120 190H418zM394 300v152h-96z"/>
<path fill="#2b3a42" d="M980 330h24v140h-24zm-40 140h104l16 60H924z"/>
<path fill="#b5523b" d="M976 300h32v30h-32z"/></svg>"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures and print their paths; 2 where something is missing."""
    parser = argparse.ArgumentParser(
        description="Picture an edition in both themes, as mail programs show it."
    )
    parser.add_argument(
        "edition", type=Path, help=f"folder with {EDITION}, such as outbox/NAME/DATE"
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
    if not (options.edition / EDITION).is_file():
        missing = options.edition / EDITION
        print(f"{missing} is missing; build an edition with `digest run`", file=sys.stderr)
        return 2
    if not options.chromium:
        print("no chromium on PATH; install it or name it with --chromium", file=sys.stderr)
        return 2
    try:
        pages = list(rendered(options.edition))
    except DigestError as error:
        print(error, file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--hide-scrollbars"]
        )
        for name, html, shot in pages:
            target = options.out / f"{name}-{shot.name}.png"
            take(browser, html, shot, target)
            print(f"{target} ({target.stat().st_size // 1000} kB)")
        browser.close()
    return 0


def rendered(folder: Path) -> Iterator[tuple[str, str, Shot]]:
    """Theme, page and how to picture it, for the edition in `folder`. Raises DigestError."""
    renderer = Renderer([packaged_themes()])
    edition = _read(folder)
    beside = [
        entry(_read(path.parent))
        for path in sorted(folder.resolve().parent.glob(f"*/{EDITION}"))
        if not path.parent.name.startswith(".")
    ]
    for theme in renderer.themes():
        shown = illustrated(replace(edition, template=theme))
        mail = renderer.render(shown, mail=True, reader=READER).html
        yield from ((theme, mail, shot) for shot in SHOTS)
        yield theme, renderer.render_archive(archive_of(shown, beside)), ARCHIVE


def illustrated(edition: Edition) -> Edition:
    """`edition` with our picture at its first story, and no other."""
    topics = []
    for place, topic in enumerate(edition.topics):
        stories = tuple(
            replace(story, image=None if place or number else PICTURE)
            for number, story in enumerate(topic.stories)
        )
        topics.append(EditionTopic(topic.name, stories))
    return replace(edition, topics=tuple(topics), images="lead")


def take(browser: Browser, html: str, shot: Shot, target: Path) -> None:
    """Write one picture of a page to the file `target`."""

    def answer(route: Route) -> None:
        if shot.pictures and route.request.url == PICTURE.url:
            route.fulfill(body=DRAWING, content_type="image/svg+xml")
        else:
            route.abort()

    context = browser.new_context(
        viewport={"width": shot.width, "height": 600},
        color_scheme=shot.scheme,
        device_scale_factor=1,
    )
    tab = context.new_page()
    tab.route("**/*", answer)
    tab.set_content(html)
    if shot.text != 1:
        tab.evaluate(LARGER_TEXT, shot.text)
    height = int(tab.evaluate(_LAST_STORY_WITHIN, shot.height))
    tab.screenshot(
        path=target,
        full_page=True,
        clip={"x": 0, "y": 0, "width": shot.width, "height": height},
    )
    context.close()


def _read(folder: Path) -> Edition:
    path = folder / EDITION
    return load_edition(path.read_bytes(), str(path))


if __name__ == "__main__":
    sys.exit(main())
