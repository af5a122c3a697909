"""An edition with one of everything, for trying a theme without building one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from digest.records import (
    ArchiveEntry,
    DigestArchive,
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    Image,
    Reader,
    SummarySentence,
    Update,
)

MARK = "<u id=hostile>"
"""Stands in all texts of the hostile edition, and must come out as a text."""

_BUILT = datetime(2026, 3, 2, 7, tzinfo=UTC)

READER = Reader(
    address="reader@example.org",
    name="A. Reader",
    unsubscribe="https://example.org/unsubscribe/7f3a",
    preferences="https://example.org/preferences/7f3a",
)
"""Whom a copy of the sample is for."""


def sample_edition(template: str, language: str = "en") -> Edition:
    """An edition of theme `template` in which every field that a theme may print is filled.

    `language` is that of the fixed words; the stories stay in their own.
    """
    return Edition(
        digest="sample",
        title="The Sample Courier",
        date="2026-03-02",
        timezone="Europe/Paris",
        built=_BUILT,
        subject="The Sample Courier: Lighthouse keepers find a second lamp",
        preheader="A river that runs twice a day · Bakers agree on the weight of a loaf",
        sender="The Sample Courier <courier@example.org>",
        template=template,
        topics=(
            EditionTopic("World", (_lead(), _from_right_to_left(), _without_spaces())),
            EditionTopic("Business", (_covered_by_many(), _behind_a_paywall())),
            EditionTopic("The Quays & Docks", (_without_headline(), _of_one_word(), _bare())),
        ),
        failed=(FailedFeed("The Silent Example", "no answer within 20 s"),),
        feeds=12,
        articles=1480,
        left_out=7,
        told=("a1", "a2", "a3"),
        retold=3,
        archive="https://example.org/digests",
        language=language,
        note=(
            "Good morning. The harbour office is closed today, and so is its news desk.",
            "From Monday this briefing leaves half an hour earlier.",
        ),
        images="all",
        postal="The Sample Courier, 4 Harbour Street, 1000 Port",
        trimmed=2,
    )


def hostile_edition(template: str, language: str = "en") -> Edition:
    """The sample with texts as the worst feeds have them: mark-up, controls, endless words.

    Every text that a theme may print has `MARK` in it, also behind what would end an attribute;
    addresses lead to a script, or hold what would end theirs. All pictures are shown.
    """
    evil = f"{MARK}\"'>{MARK}\r\n\0\u202e]]> {{{{ 7 }}}} " + "W" * 100
    sample = sample_edition(template, language)
    nameless = replace(
        sample.stories[0],
        headline=evil,
        source="",
        url="javascript:alert(1)",
        minutes=0,
        also=(),
        image=Image("data:image/png;base64,AAAA", 600, 300, evil),
        # 5,000 words: a text in the wrong place, still within what an e-mail may weigh.
        summary=(SummarySentence(f"{evil} " + "word " * 5000, (0,), 1.0),),
        update=Update("2026-02-27", "s4", evil, (evil,)),
    )
    named = replace(
        sample.stories[0],
        id=f"{nameless.id}b",
        headline=f"2 {evil}",
        source=evil,
        author=evil,
        url=f"https://example.org/{MARK}?\"'>",
        summary=(SummarySentence(evil, (0,), 1.0),),
        image=Image("https://example.org/image.jpg?\"'>", 600, 300, evil),
        also=tuple(
            replace(other, feed=evil, headline=other.headline and evil)
            for other in sample.stories[0].also
        ),
        update=Update("2026-02-27", "s4", evil, (evil,)),
        direction="rtl",
        language="ar",
    )
    return replace(
        sample,
        title=evil,
        subject=evil,
        preheader=evil,
        note=(evil, evil),
        postal=evil,
        images="all",
        topics=(
            EditionTopic(evil, (nameless, named)),
            EditionTopic(f"2 {evil}", (replace(named, id=f"{named.id}b"),)),
        ),
        failed=(FailedFeed(evil, evil),),
        show_failed=True,
    )


def sample_archive(template: str, language: str = "en") -> DigestArchive:
    """The list of editions that the sample stands in, with one of another month."""
    edition = sample_edition(template, language)
    tops = tuple(topic.stories[0].headline for topic in edition.topics if topic.stories[0].headline)
    newest = ArchiveEntry(
        edition.date, edition.subject, edition.preheader, _BUILT, len(edition.stories), tops
    )
    older = replace(newest, date="2026-02-27", stories=1, headlines=tops[:1])
    return DigestArchive(
        digest=edition.digest,
        title=edition.title,
        language=language,
        timezone=edition.timezone,
        template=template,
        sender=edition.sender,
        archive=edition.archive,
        entries=(newest, older, replace(older, date="2026-02-26", stories=1204)),
    )


def _story(id: str, headline: str, *summary: str, url: str | None = None) -> EditionStory:
    return EditionStory(
        id=id,
        article=f"a-{id}",
        headline=headline,
        url=f"https://example.org/2026/03/02/{id}?edition=morning" if url is None else url,
        source="Harbour Courier",
        published=datetime(2026, 3, 2, 5, 40, tzinfo=UTC),
        date_origin="feed",
        summary=tuple(SummarySentence(text, (n,), 1.0) for n, text in enumerate(summary)),
        model="extractive",
        minutes=3,
        language="en",
    )


def _other(feed: str, headline: str, hour: int, *, copy: bool = False) -> EditionSource:
    address = f"https://{feed.lower().replace(' ', '-')}.example/story?id=7&ref=front"
    published = datetime(2026, 3, 2, hour, 15, tzinfo=UTC)
    return EditionSource(feed, headline, address, published, copy=copy)


def _lead() -> EditionStory:
    """Updated, with a picture, copies of its own text and of another's."""
    return replace(
        _story(
            "s1",
            "Lighthouse keepers find a second lamp behind the wall of the lantern room",
            "Two keepers who were painting the lantern room on Sunday found a second lamp behind "
            "a wall of planks.",
            "It was lit for the last time in 1911, says the log that hung beside it, and it turns "
            "as if it had been oiled yesterday.",
        ),
        author="Ines Example",
        image=Image(
            "https://example.org/pictures/lamp.jpg", 1200, 675, "A brass lamp behind planks"
        ),
        also=(
            _other("A Third Example", "", 5, copy=True),
            _other("The Northern Example", "Second lamp found in the old lighthouse", 4),
            _other("A Fourth Example", "", 5, copy=True),
            _other("Le Quotidien d’exemple", "Une « seconde lampe » derrière le mur", 6),
        ),
        update=Update("2026-02-27", "s4", "Keepers hear a hum in the wall", ("1911",)),
    )


def _from_right_to_left() -> EditionStory:
    return replace(
        _story(
            "s2",
            "المدينة القديمة تفتح أول مكتبة عامة منذ عشرين عاما",
            "افتتحت المدينة القديمة مكتبة عامة تضم ثلاثين ألف كتاب في مبنى كان مخزنا للحبوب.",
        ),
        source="صوت الميناء",
        published=datetime(2026, 3, 1, 20, 5, tzinfo=UTC),
        language="ar",
        direction="rtl",
        also=(_other("Harbour Example", "Old town opens a library", 4),),
    )


def _without_spaces() -> EditionStory:
    return replace(
        _story(
            "s3",
            "港の新しい気象レーダー、豪雨を三十分早く知らせる",
            "港湾局は月曜日、新しい気象レーダーが豪雨を従来より三十分早く検知したと発表した。",
        ),
        source="みなと新聞",
        language="ja",
        published=datetime(2025, 12, 31, 20, 5, tzinfo=UTC),
    )


def _covered_by_many() -> EditionStory:
    return replace(
        _story(
            "s4",
            "Bakers agree on the weight of a loaf, “to the gram” & for the first time",
            "Eleven bakers of the old town signed a list of weights on Saturday.",
            "A loaf has 800 grams from April, a roll 65.",
        ),
        image=Image("https://example.org/pictures/loaves.jpg", 480, 320),
        also=tuple(_other(f"Example {n}", f"Bakers agree, paper {n} says", 4) for n in range(1, 9)),
    )


def _behind_a_paywall() -> EditionStory:
    return replace(
        _story("s5", "What a ferry costs by the hour", "A crossing costs 412 euros an hour."),
        source="",
        paywall=True,
        minutes=11,
        # Too small to be shown.
        image=Image("https://example.org/pictures/logo.png", 64, 64, "A logo"),
    )


def _without_headline() -> EditionStory:
    return replace(
        _story("s6", "", "The third quay was flooded for an hour at noon, and nobody was hurt."),
        language="",
    )


def _of_one_word() -> EditionStory:
    return replace(
        _story(
            "s7",
            "Donaudampfschifffahrtsgesellschaftsgesetzgebungsverfahren" * 4,
            "Das Verfahren hat den längsten Namen von allen.",
        ),
        language="de",
    )


def _bare() -> EditionStory:
    """Of which nothing else is known."""
    return replace(
        _story("s8", "A story without link, time and summary", url=""),
        date_origin="missing",
        minutes=0,
        model="",
    )
