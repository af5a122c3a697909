from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.filters import (
    clock,
    language_tag,
    long_date,
    printable,
    printable_record,
    safe_url,
    underlined,
    verbatim,
    when,
    wrap,
)
from digest.records import Edition


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://example.org/a",
        "//example.org/a",
        "/a/b",
        "#top",
        "a.html",
        "",
        "https:///path",
        "https:\\\\example.org",
        "https://[::1",
        "https://exa mple.org/",
        'https://example.org"onmouseover="x/',
        "mailto:",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_an_address_that_is_not_http_or_mailto_is_no_link(address: str) -> None:
    assert safe_url(address) == ""


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://example.org/a?b=1&c=2#d", "https://example.org/a?b=1&c=2#d"),
        (" HTTP://example.org ", "http://example.org"),
        (
            "mailto:news@example.org?subject=hi%20there",
            "mailto:news@example.org?subject=hi%20there",
        ),
        (
            "https://bücher.example/größe?q=ä",
            "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%A4",
        ),
        ('https://example.org/a b"<>', "https://example.org/a%20b%22%3C%3E"),
        ("https://example.org/%C3%A9", "https://example.org/%C3%A9"),
        ("https://example.org:8080/~x/(y)", "https://example.org:8080/~x/(y)"),
    ],
)
def test_a_link_is_ascii_and_keeps_its_meaning(address: str, link: str) -> None:
    assert safe_url(address) == link


@given(st.text() | st.text().map("https://example.org/".__add__))
def test_a_link_is_always_absolute_ascii_without_blanks_or_quotes(address: str) -> None:
    link = safe_url(address)

    if link:
        assert urlsplit(link).scheme in ("http", "https", "mailto")
        assert link.isascii()
        assert not set(link) & set(" \t\r\n\"'<>")
        assert safe_url(link) == link


def test_controls_and_direction_overrides_go_and_joiners_stay() -> None:
    assert (
        printable("a\x00b\x1b[31m\u202egnp.exe\u202c\u2066x\u2069\ufeff\ufffe\ud800")
        == "ab[31mgnp.exex"
    )
    assert printable("one\r\ntwo\u2028three\tfour") == "one two three four"
    assert printable("👩\u200d💻 می\u200cخواهم a\u00a0b") == "👩\u200d💻 می\u200cخواهم a\u00a0b"


def test_every_text_of_a_record_is_made_printable(edition: Edition) -> None:
    first = edition.topics[0]
    story = replace(first.stories[0], headline="head\u202eline", author="A\x00B")
    dirty = replace(edition, topics=(replace(first, stories=(story,)),), subject="one\ntwo")

    clean = printable_record(dirty)

    assert clean.subject == "one two"
    assert clean.stories[0].headline == "headline"
    assert clean.stories[0].author == "AB"
    assert printable_record(edition) == edition


def test_a_date_is_told_in_full() -> None:
    assert long_date("2026-11-24") == "Tuesday, 24 November 2026"


@pytest.mark.parametrize(
    ("zone", "moment", "told"),
    [
        ("Europe/London", "2026-11-24T07:40:00Z", "07:40"),
        ("Asia/Tokyo", "2026-11-24T07:40:00Z", "16:40"),
        ("Asia/Tokyo", "2026-11-23T15:00:00Z", "00:00"),
        ("America/New_York", "2026-11-24T03:00:00Z", "Mon 23 Nov, 22:00"),
        ("Europe/London", "2025-12-31T23:59:00Z", "Wed 31 Dec 2025, 23:59"),
        ("Europe/London", "2026-06-01T12:00:00Z", "Mon 1 Jun, 13:00"),
    ],
)
def test_a_time_is_told_in_the_zone_of_the_edition(
    edition: Edition, zone: str, moment: str, told: str
) -> None:
    assert clock(datetime.fromisoformat(moment), replace(edition, timezone=zone)) == told


@pytest.mark.parametrize("origin", ["missing", "broken", "future"])
def test_a_time_that_the_feed_did_not_give_is_not_made_up(edition: Edition, origin: str) -> None:
    story = edition.stories[0]

    assert when(story, edition) == "06:40"
    assert when(replace(story, date_origin=origin), edition) == "time not given"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "tag"),
    [("en", "en"), ("pt_BR", "pt-BR"), (" zh-Hant-TW ", "zh-Hant-TW"), ("", ""), ('en" x="', "")],
)
def test_a_language_is_a_tag_or_nothing(language: str, tag: str) -> None:
    assert language_tag(language) == tag


def test_text_is_wrapped_at_72_columns_and_words_stay_whole() -> None:
    address = "https://example.org/" + "segment-" * 12
    wrapped = wrap("word " * 40 + address + " end", 2)

    assert address in wrapped
    assert all(len(line) <= 72 for line in wrapped.splitlines() if address not in line)
    assert all(line.startswith("  ") for line in wrapped.splitlines())


def test_a_heading_is_underlined_to_its_width() -> None:
    assert underlined("World") == "World\n-----"
    assert underlined("世界", "=") == "世界\n===="
    assert underlined("é" * 100).splitlines()[1] == "-" * 72


def test_summaries_are_verbatim_only_when_all_are_extractive(edition: Edition) -> None:
    first = edition.topics[0]
    story = replace(first.stories[0], model="bart-large-cnn")
    written = replace(edition, topics=(replace(first, stories=(story, *first.stories[1:])),))

    assert verbatim(edition)
    assert not verbatim(written)


def test_a_summary_that_is_empty_has_no_say_in_it(edition: Edition) -> None:
    first = edition.topics[0]
    story = replace(first.stories[0], model="", summary=())

    assert verbatim(replace(edition, topics=(replace(first, stories=(story,)),)))


def test_the_zone_of_the_machine_has_no_say(
    edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")

    assert clock(datetime(2026, 11, 24, 7, 40, tzinfo=UTC), edition) == "07:40"
