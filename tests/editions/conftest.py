"""A rich edition of our own writing: six topics, three scripts, and the mess that feeds bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from digest.editions.render import Renderer, packaged_themes
from digest.records import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    SummarySentence,
    Update,
)

BUILT = datetime(2026, 11, 24, 7, 0, 12, tzinfo=UTC)


def _sentences(*texts: str) -> tuple[SummarySentence, ...]:
    return tuple(SummarySentence(text, (number,), 1.0) for number, text in enumerate(texts))


def _story(headline: str, *summary: str, **fields: object) -> EditionStory:
    """A story with plausible values for all that `fields` does not name."""
    number = sum(map(ord, headline))
    story = EditionStory(
        id=f"story-{number}",
        article=f"article-{number}",
        headline=headline,
        url=f"https://news.example.org/2026/11/24/{number}",
        source="Harbour Courier",
        published=datetime(2026, 11, 24, 6, 40, tzinfo=UTC),
        date_origin="feed",
        summary=_sentences(*summary),
        model="extractive",
        minutes=3,
        language="en",
    )
    return replace(story, **fields)  # type: ignore[arg-type]


def _other(feed: str, headline: str, url: str, *, copy: bool = False) -> EditionSource:
    published = datetime(2026, 11, 24, 5, 15, tzinfo=UTC)
    return EditionSource(feed, headline, url, published, copy=copy)


WORLD = EditionTopic(
    "World",
    (
        _story(
            "Strait ferry talks reopen after nine months as both ports agree on one timetable",
            "Negotiators from the two coasts met on Monday for the first time since February and "
            "agreed to run a single timetable from the new year.",
            "The crossing carries about 4,100 people a day, and each cancelled sailing has cost "
            "the ports some 60,000 euros.",
            author="Ines Maalouf",
            minutes=4,
            also=(
                _other(
                    "The Northern Post",
                    "Ferries to share a timetable from January",
                    "https://post.example.com/ferries?id=7&ref=front",
                ),
                _other(
                    "Le Quotidien du Détroit",
                    "Détroit : « un seul horaire » pour les deux rives",
                    "https://quotidien.example.net/détroit/horaire",
                ),
            ),
        ),
        _story(
            "المدينة القديمة تفتح أول مكتبة عامة منذ عشرين عاما",
            "افتتحت المدينة القديمة مكتبة عامة تضم ثلاثين ألف كتاب في مبنى كان مخزنا للحبوب.",
            "وقالت مديرة المكتبة إن الأبواب ستبقى مفتوحة حتى العاشرة مساء كل يوم.",
            source="صوت الميناء",
            language="ar",
            direction="rtl",
            minutes=2,
            published=datetime(2026, 11, 23, 21, 5, tzinfo=UTC),
            also=(
                _other("Harbour Courier", "Old town opens a library", "https://c.example.org/l"),
            ),
        ),
        _story(
            "Election officials recount 312 ballots in island by-election",
            "The two candidates were four votes apart after the first count, which the law says "
            "must be repeated by hand.",
            author="Staff and agencies",
            minutes=2,
        ),
    ),
)
BUSINESS = EditionTopic(
    "Business",
    (
        _story(
            "Grain prices fall to a three-year low & mills “pass it on”",
            "Wheat for March delivery fell 2.4% to 189.25 euros a tonne, the lowest since 2023.",
            "Two of the largest mills said that flour would be cheaper within weeks.",
            source="Market Ledger",
            published=datetime(2026, 11, 24, 5, 55, tzinfo=UTC),
        ),
        _story(
            "Shipyard wins order for twelve electric tugs 🚢⚡",
            "The yard will build the boats over four years and take on 240 people.",
            source="Market Ledger",
            date_origin="missing",
            minutes=1,
        ),
    ),
)
TECHNOLOGY = EditionTopic(
    "Technology",
    (
        _story(
            "港の新しい気象レーダー、豪雨を三十分早く知らせる",
            "港湾局は月曜日、新しい気象レーダーが豪雨を従来より三十分早く検知したと発表した。",
            source="みなと新聞",
            language="ja",
            minutes=2,
        ),
        _story(
            "Chip designers publish an open test bench that found 41 faults in a shipped processor",
            "The bench runs on one workstation and needs no licence, its authors write.",
            source="Circuit & Field",
            author="Odd Løvås",
            update=Update(
                "2026-11-22",
                "story-7",
                "Chip designers to publish the bench <soon> that found faults",
                ("41",),
            ),
            also=(
                _other("Field Notes", "", "https://notes.example.org/bench", copy=True),
                _other("Circuit Mirror", "", "", copy=True),
                _other(
                    "Open Silicon Weekly",
                    "Forty-one faults, one workstation",
                    "https://silicon.example.io/41",
                ),
                _other("The Solder", "Forty-one faults", "https://solder.example/41", copy=True),
            ),
        ),
    ),
)
SCIENCE = EditionTopic(
    "Science",
    (
        _story(
            "הטלסקופ החדש צילם לראשונה טבעת אבק סביב כוכב סמוך",
            "הטבעת נמצאת במרחק של ארבעים שנות אור, ולדברי החוקרים היא צעירה מכפי ששיערו.",
            source="מדע היום",
            language="he",
            direction="rtl",
        ),
        _story(
            "Deep-water corals off the shelf are older than the last ice age, cores show",
            "Radiocarbon dates of nine cores put the oldest colony at 14,300 years.",
            source="Tide Journal",
            minutes=6,
        ),
    ),
)
CULTURE = EditionTopic(
    "Culture",
    (_story("A headline whose article had nothing to summarise", source="Stage Door", minutes=0),),
)


@pytest.fixture
def edition() -> Edition:
    return Edition(
        digest="morning",
        title="The Morning Digest",
        date="2026-11-24",
        timezone="Europe/London",
        built=BUILT,
        subject="Strait ferry talks reopen after nine months, and nine more stories",
        preheader="Grain prices fall to a three-year low; a radar sees rain sooner; old corals.",
        sender="The Morning Digest <digest@example.org>",
        template="classic",
        topics=(WORLD, BUSINESS, TECHNOLOGY, SCIENCE, CULTURE),
        failed=(
            FailedFeed("Valley Radio", "its server did not answer within 20 seconds"),
            FailedFeed("Böhmische Blätter", "the address gave a web page, not a feed"),
        ),
        feeds=14,
        articles=97,
        told=("story-1", "story-2"),
        retold=2,
        show_failed=True,
    )


@pytest.fixture
def make_story() -> Callable[..., EditionStory]:
    """Builds a story from a headline, summary sentences and fields of the record."""
    return _story


@pytest.fixture
def other() -> Callable[[str, str, str], EditionSource]:
    """Builds who else told it from feed, headline and address."""
    return _other


@pytest.fixture
def renderer() -> Renderer:
    return Renderer([packaged_themes()])
