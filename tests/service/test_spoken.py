"""Which languages readers are offered: those of the stories that lie in the outbox."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.editions.frozen import dump_edition
from digest.outbox.outbox import EDITION, Outbox
from digest.records import Edition, EditionStory, EditionTopic
from digest.service.spoken import Spoken

AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def story(language: str) -> EditionStory:
    return EditionStory(
        id=f"s{language}",
        article="a",
        headline="The bridge is closed",
        url="https://town.example/1",
        source="Town",
        published=AT,
        date_origin="feed",
        summary=(),
        model="lead",
        minutes=1,
        language=language,
    )


def write(outbox: Outbox, date: str, *languages: str) -> None:
    edition = Edition(
        digest="morning",
        title="Morning",
        date="2026-03-02",
        timezone="UTC",
        built=AT,
        subject="s",
        preheader="p",
        sender="a@example.org",
        template="classic",
        topics=(EditionTopic("World", tuple(map(story, languages))),),
    )
    edition = replace(edition, date=date)
    outbox.write("morning", date, {EDITION: dump_edition(edition)})


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def test_each_language_once_without_its_region(outbox: Outbox) -> None:
    write(outbox, "2026-03-02", "uk", "en-GB", "", "en_US", "no language")
    assert Spoken(outbox)("morning") == ("en", "uk")
    assert Spoken(outbox)("evening") == ()


def test_the_newest_editions_count_and_older_ones_do_not(outbox: Outbox) -> None:
    write(outbox, "2026-03-01", "fr")
    for day in range(2, 8):
        write(outbox, f"2026-03-0{day}", "en")
    spoken = Spoken(outbox)
    assert spoken("morning") == ("en", "fr")
    write(outbox, "2026-03-08", "de")
    assert spoken("morning") == ("de", "en"), "the eighth has pushed the first out"


def test_an_edition_is_read_once_until_its_file_changes(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    as_it_is = outbox.read
    monkeypatch.setattr(outbox, "read", lambda *key: (read.append(key[1]), as_it_is(*key))[1])
    write(outbox, "2026-03-02", "en")
    write(outbox, "2026-03-03", "en")
    spoken = Spoken(outbox)
    for _ in range(3):
        assert spoken("morning") == ("en",)
    write(outbox, "2026-03-03", "en", "de")
    assert spoken("morning") == ("de", "en")
    assert read == ["2026-03-02", "2026-03-03", "2026-03-03"]


def test_an_edition_that_is_damaged_costs_its_own_languages_and_is_told_once(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    write(outbox, "2026-03-02", "en")
    outbox.write("morning", "2026-03-03", {EDITION: b"{"})
    spoken = Spoken(outbox)
    with caplog.at_level(logging.WARNING):
        assert spoken("morning") == spoken("morning") == ("en",)
    assert len(caplog.records) == 1
