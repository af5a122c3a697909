"""Both themes in a real browser: for everybody, on every screen, with pictures and without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import html5lib
import pytest

from digest.editions.archive import archive_of, entry
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import sample_edition
from digest.records import ArchiveEntry, Edition, EditionTopic, Image, Reader

Viewer = Any  # tests/conftest.py: a conftest can't be imported by name, every room has one

pytestmark = pytest.mark.browser

THEMES = ("classic", "compact")
READER = Reader(
    "ada@example.org", "Ada", "https://example.org/unsubscribe/1", "https://example.org/mine/1"
)
OLDER = ArchiveEntry(
    "2026-11-23", "Ferries & “fog” 🚢", "", datetime(2026, 11, 23, 7, tzinfo=UTC), 1
)
NOTE = ("Good morning. Two stories of yesterday were corrected.", "The desk")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer([packaged_themes()])


def rich(edition: Edition, theme: str) -> Edition:
    """The edition with all that it may have: note, address, archive, pictures of every kind."""
    pictures = (
        Image("https://img.example.org/1.jpg", 1200, 800, "A ferry leaves the harbour"),
        Image("https://img.example.org/2.jpg"),
        Image("https://img.example.org/3.jpg", 4000, 3000),
        Image("https://img.example.org/4.jpg", 100, 2000, "A lighthouse"),
        None,
    )
    numbers = iter(range(1000))
    topics = tuple(
        EditionTopic(
            topic.name,
            tuple(
                replace(story, image=pictures[next(numbers) % len(pictures)])
                for story in topic.stories
            ),
        )
        for topic in edition.topics
    )
    return replace(
        edition,
        template=theme,
        topics=topics,
        images="all",
        note=NOTE,
        postal="The Morning Digest, 1 Pier Road, Skarland 0150",
        archive="https://example.org/digests",
        left_out=3,
    )


@dataclass(frozen=True)
class Page:
    name: str
    html: str


@pytest.fixture(scope="module")
def made() -> dict[str, list[Page]]:
    """What was rendered already, by theme."""
    return {}


@pytest.fixture(params=THEMES)
def pages(
    request: pytest.FixtureRequest,
    edition: Edition,
    renderer: Renderer,
    made: dict[str, list[Page]],
) -> list[Page]:
    """All that readers and editors get to see of one theme."""
    theme = request.param
    if theme not in made:
        full = rich(edition, theme)
        sample = sample_edition(theme)
        made[theme] = [
            Page("mail", renderer.render(full, mail=True, reader=READER).html),
            Page("page", renderer.render(full).html),
            Page("for editors", renderer.render(replace(full, language="uk"), editors=True).html),
            Page("sample", renderer.render(sample, mail=True).html),
            Page("no stories", renderer.render(replace(full, topics=(), left_out=0)).html),
            Page("archive", renderer.render_archive(archive_of(full, [entry(full), OLDER]))),
        ]
    return made[theme]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(pages: list[Page], scheme: str, viewer: Viewer) -> None:
    found: list[str] = []
    for page in pages:
        viewer.show(page.html, scheme=scheme)
        found += [f"{page.name}: {violation}" for violation in viewer.violations()]
    assert not found, "\n".join(found)


def test_axe_reports_what_is_wrong(viewer: Viewer) -> None:
    viewer.show(
        "<!doctype html><html lang=en><title>T</title><main><h1>T</h1>"
        "<p style='color:#999;background:#fff'>Grey on white.</p><img src=/p.jpg></main></html>"
    )
    rules = {violation.partition(":")[0] for violation in viewer.violations()}
    assert rules == {"color-contrast", "image-alt"}


def test_a_strict_parser_finds_no_error(pages: list[Page]) -> None:
    for page in pages:
        parser = html5lib.HTMLParser()
        parser.parse(page.html)
        assert parser.errors == [], page.name


def test_nothing_has_to_be_scrolled_sideways_on_a_phone(pages: list[Page], viewer: Viewer) -> None:
    for page in pages:
        viewer.show(page.html, width=375)
        assert viewer.width() <= 375, page.name


def test_nor_on_a_small_one_with_text_of_twice_the_size(pages: list[Page], viewer: Viewer) -> None:
    for page in pages:
        viewer.show(page.html, width=320)
        viewer.enlarge_text(2)
        assert viewer.width() <= 320, page.name


@pytest.mark.parametrize("factor", [1, 2])
def test_no_usual_word_is_broken_on_a_phone(
    pages: list[Page], factor: float, viewer: Viewer
) -> None:
    for page in pages:
        viewer.show(page.html, width=375)
        viewer.enlarge_text(factor)
        assert viewer.broken_words(most=20 // factor) == [], page.name


def test_a_page_that_is_too_wide_and_broken_words_are_noticed(viewer: Viewer) -> None:
    viewer.show("<!doctype html><p style='width:18em;font-size:16px'>Wide.</p>", width=320)
    assert viewer.width() <= 320
    viewer.enlarge_text(2)
    assert viewer.width() > 320
    viewer.show("<p style='width:2em;word-break:break-all'>Harbour town</p>")
    assert viewer.broken_words(most=7) == ["Harbour", "town"]
    assert viewer.broken_words(most=6) == ["town"]


def test_without_pictures_nothing_is_lost(pages: list[Page], viewer: Viewer) -> None:
    for page in pages:
        viewer.show(page.html, width=375)
        there = viewer.text()
        assert there
        viewer.show(page.html, pictures=False, width=375)
        assert viewer.width() <= 375, page.name
        # Chromium shows the `alt` in a picture's place, which is no part of innerText.
        assert viewer.text() == there, page.name
        nameless = viewer.evaluate(
            "[...document.links].filter(link => !link.innerText.trim() &&"
            " ![...link.querySelectorAll('img')].some(image => image.alt)).map(a => a.outerHTML)"
        )
        assert nameless == [], page.name
        assert viewer.evaluate("[...document.images].every(image => image.hasAttribute('alt'))"), (
            page.name
        )
