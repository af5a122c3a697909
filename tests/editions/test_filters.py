from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from digest.editions.filters import (
    addresses,
    capital,
    city,
    clock,
    direction,
    edition_url,
    headline,
    language_tag,
    long_date,
    month,
    number,
    picture,
    safe_url,
    sentences,
    source_name,
    told_on,
    turning,
    unsubscribe_url,
    verbatim,
    when,
)
from digest.editions.plain import markdown, markdown_url, underlined, wrap
from digest.editions.printable import printable, printable_record
from digest.records import Edition, EditionSource, EditionStory, EditionTopic, Image, Reader, Update

MakeStory = Callable[..., EditionStory]
Other = Callable[..., EditionSource]


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
        # IDNA 2003 would make another site of it, `strasse`.
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        # Browsers follow it, though IDNA 2008 forbids the sign.
        ("https://l’exemple.example/", "https://xn--lexemple-cp3d.example/"),
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


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Tuesday, 24 November 2026"),
        ("en-US", "Tuesday, November 24, 2026"),
        ("de", "Dienstag, 24. November 2026"),
        ("de-AT", "Dienstag, 24. November 2026"),
        ("fr", "mardi 24 novembre 2026"),
        ("es", "martes, 24 de noviembre de 2026"),
        ("uk", "вівторок, 24 листопада 2026\u202fр."),
        ("ja", "2026年11月24日火曜日"),
        ("tlh", "Tuesday, 24 November 2026"),
        ("'><b>", "Tuesday, 24 November 2026"),
    ],
)
def test_a_date_is_told_in_full_in_the_edition_s_language(
    edition: Edition, language: str, told: str
) -> None:
    assert long_date("2026-11-24", replace(edition, language=language)) == told


@pytest.mark.parametrize(
    ("language", "this_year", "last_year"),
    [
        ("en", "Sunday, 22 November", "Wednesday, 31 December 2025"),
        ("en-US", "Sunday, November 22", "Wednesday, December 31, 2025"),
        ("de", "Sonntag, 22. November", "Mittwoch, 31. Dezember 2025"),
        ("fr", "dimanche 22 novembre", "mercredi 31 décembre 2025"),
        ("es", "domingo, 22 de noviembre", "miércoles, 31 de diciembre de 2025"),
        ("uk", "неділя, 22 листопада", "середа, 31 грудня 2025\u202fр."),
        ("ar", "الأحد، 22 نوفمبر", "الأربعاء، 31 ديسمبر 2025"),
        ("ja", "2026年11月22日日曜日", "2025年12月31日水曜日"),
    ],
)
def test_an_earlier_edition_is_named_by_its_day(
    edition: Edition, language: str, this_year: str, last_year: str
) -> None:
    spoken = replace(edition, language=language)

    assert told_on(Update("2026-11-22", "s", "h", ()), spoken) == this_year
    assert told_on(Update("2025-12-31", "s", "h", ()), spoken) == last_year


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "1,480"), ("de", "1.480"), ("fr", "1\u202f480"), ("uk", "1\u00a0480")],
)
def test_a_number_has_the_separators_of_the_language(
    edition: Edition, language: str, shown: str
) -> None:
    assert number(1480, replace(edition, language=language)) == shown


@pytest.mark.parametrize(
    ("zone", "moment", "told"),
    [
        ("Europe/London", "2026-11-24T07:40:00Z", "07:40"),
        ("Asia/Tokyo", "2026-11-24T07:40:00Z", "16:40"),
        ("Asia/Tokyo", "2026-11-23T15:00:00Z", "00:00"),
        ("America/New_York", "2026-11-24T03:00:00Z", "Mon\u00a022:00"),
        ("Europe/London", "2025-12-31T23:59:00Z", "Wed,\u00a031\u00a0Dec\u00a02025, 23:59"),
        ("Europe/London", "2026-06-01T12:00:00Z", "Mon\u00a01\u00a0Jun, 13:00"),
    ],
)
def test_a_time_is_told_in_the_zone_of_the_edition(
    edition: Edition, zone: str, moment: str, told: str
) -> None:
    assert clock(datetime.fromisoformat(moment), replace(edition, timezone=zone)) == told


@pytest.mark.parametrize(
    ("language", "told", "told_before", "long_ago"),
    [
        ("en", "07:40", "Mon 21:05", "Mon 16 Nov, 21:05"),
        ("en-US", "7:40\u202fAM", "Mon 9:05 PM", "Mon, Nov 16, 9:05\u202fPM"),
        ("de", "07:40", "Mo., 21:05", "Mo., 16. Nov., 21:05"),
        ("fr", "07:40", "lun. 21:05", "lun. 16 nov., 21:05"),
        ("fr-CA", "07 h 40", "lun. 21 h 05", "lun. 16 nov., 21 h 05"),
        ("es", "7:40", "lun, 21:05", "lun, 16 nov, 21:05"),
        ("uk", "07:40", "пн 21:05", "пн, 16 лист., 21:05"),
        ("he", "7:40", "יום ב׳ 21:05", "יום ב׳, 16 בנוב׳, 21:05"),
        ("ja", "7:40", "21:05 (月)", "11月16日(月) 21:05"),
    ],
)
def test_a_time_is_told_as_the_language_does(
    edition: Edition, language: str, told: str, told_before: str, long_ago: str
) -> None:
    spoken = replace(edition, language=language)

    def shown(day: int, hour: int, minute: int) -> str:
        moment = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
        return clock(moment, spoken).replace("\u00a0", " ")

    assert shown(24, 7, 40) == told
    assert shown(23, 21, 5) == told_before
    assert shown(16, 21, 5) == long_ago


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-11-25T00:00", "Wed 25 Nov, 00:00"),
        ("2026-11-24T23:59", "23:59"),
        ("2026-11-24T00:00", "00:00"),
        ("2026-11-23T23:59", "Mon 23:59"),
        ("2026-11-18T00:00", "Wed 00:00"),
        ("2026-11-17T23:59", "Tue 17 Nov, 23:59"),  # the edition's own day of the week
    ],
)
def test_the_day_of_the_week_alone_names_the_six_days_before(
    edition: Edition, moment: str, told: str
) -> None:
    shown = clock(datetime.fromisoformat(f"{moment}+00:00"), edition)

    assert shown.replace("\u00a0", " ") == told
    assert shown.count(" ") == ("," in told)  # a line breaks before the time and nowhere else


def test_a_language_without_a_pattern_of_its_own_says_the_day_before_the_time(
    edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Locale, "datetime_skeletons", {})

    assert clock(datetime(2026, 11, 23, 21, 5, tzinfo=UTC), edition) == "Mon\u00a021:05"


@pytest.mark.parametrize(
    ("text", "capitals"),
    [
        ("mardi 24 novembre", "Mardi 24 novembre"),
        ("вівторок", "Вівторок"),
        ("émue", "Émue"),
        ("Dienstag", "Dienstag"),
        ("2026年11月", "2026年11月"),
        ("", ""),
    ],
)
def test_a_date_that_stands_alone_begins_with_a_capital(text: str, capitals: str) -> None:
    assert capital(text) == capitals


@pytest.mark.parametrize(
    ("zone", "language", "place"),
    [
        ("Europe/London", "en", "London"),
        ("Europe/London", "fr", "Londres"),
        ("Europe/London", "uk", "Лондон"),
        ("America/New_York", "es", "Nueva York"),
        ("America/Argentina/Buenos_Aires", "en", "Buenos Aires"),
        ("Europe/London", "tlh", "London"),
        ("UTC", "de", "UTC"),
        ("Etc/UTC", "uk", "UTC"),
        ("Etc/GMT+5", "en", "Etc/GMT+5"),
        ("CET", "en", "CET"),
    ],
)
def test_a_zone_is_named_by_its_city(
    edition: Edition, zone: str, language: str, place: str
) -> None:
    assert city(zone, replace(edition, language=language)) == place


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nothing here: http, www, a@b, x@y. or ftp://example.org", {}),
        ("javascript:alert(1) data:text/html,x javascript:x@example.org", {}),
        ("See https://example.org/a?b=1&c=2.", {"https://example.org/a?b=1&c=2": None}),
        ("(HTTP://Example.org/x_(y))", {"HTTP://Example.org/x_(y)": "http://Example.org/x_(y)"}),
        ("“https://example.org”, it says", {"https://example.org": None}),
        ("<https://example.org>", {"https://example.org": None}),
        ("www.example.org/a!", {"www.example.org/a": "https://www.example.org/a"}),
        ("desk@example.org, or", {"desk@example.org": "mailto:desk@example.org"}),
        ("mailto:desk@example.org?subject=x", {"mailto:desk@example.org?subject=x": None}),
        (
            "https://bücher.example/ä",
            {"https://bücher.example/ä": "https://xn--bcher-kva.example/%C3%A4"},
        ),
        ("https:// and https://[::1 and www.", {}),
        (
            "https://a.example/ https://b.example/",
            {"https://a.example/": None, "https://b.example/": None},
        ),
    ],
)
def test_addresses_in_a_text_are_found_and_what_closes_the_sentence_is_not(
    text: str, found: dict[str, str | None]
) -> None:
    pieces = addresses(text)

    assert "".join(piece for piece, _ in pieces) == text
    assert {piece: url for piece, url in pieces if url} == {
        piece: url or piece for piece, url in found.items()
    }


@given(st.text(alphabet="ahtps:/.w@<>()\"'&; é", max_size=60) | st.text(max_size=60))
def test_a_text_in_pieces_is_the_text(text: str) -> None:
    pieces = addresses(text)

    assert "".join(piece for piece, _ in pieces) == text
    assert all(url == safe_url(url) for _, url in pieces)


@pytest.mark.parametrize("origin", ["missing", "broken", "future"])
def test_a_time_that_the_feed_did_not_give_is_not_made_up(edition: Edition, origin: str) -> None:
    story = edition.stories[0]

    for told, time in ((story, "06:40"), (story.also[0], "05:15")):
        assert when(told, edition) == time
        assert when(replace(told, date_origin=origin), edition) == ""  # type: ignore[arg-type]


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


def test_text_without_blanks_is_wrapped_by_its_columns_and_never_before_a_stop() -> None:
    text = "港湾局は月曜日、新しい気象レーダーが豪雨を従来より三十分早く検知したと発表した。" * 4
    lines = wrap(text, 2).splitlines()

    assert len(lines) > 2
    assert "".join(line[2:] for line in lines) == text
    assert all(line.startswith("  ") and len(line) - 2 <= 35 for line in lines)
    assert not [line for line in lines if line[2] in "、。ー"]


@given(st.text(alphabet="ab é港。「」\u00a0", max_size=300), st.integers(0, 8))
def test_wrapping_loses_nothing_but_blanks(text: str, indent: int) -> None:
    wrapped = wrap(text, indent)

    assert re.sub("[ \n]", "", wrapped) == text.replace(" ", "")
    assert all(line.startswith(" " * indent) for line in wrapped.splitlines())


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


# --- headlines, names, directions ---------------------------------------------------------------


def test_a_story_without_a_headline_is_called_by_its_first_sentence(make_story: MakeStory) -> None:
    short = make_story(" ", "The quay was flooded.", "Nobody was hurt.")
    long = make_story("", "The quay was flooded again, " * 12)

    assert headline(short) == "The quay was flooded."
    assert sentences(short) == ("Nobody was hurt.",)
    assert 100 < len(headline(long)) <= 120
    assert headline(long).endswith("…")
    assert f"{long.summary[0].text} ".startswith(f"{headline(long)[:-1]} ")  # between words
    assert sentences(long) == (long.summary[0].text,)


def test_a_story_with_a_headline_keeps_all_its_sentences(make_story: MakeStory) -> None:
    story = make_story("Flood", "The quay was flooded.", "Nobody was hurt.")

    assert headline(story) == "Flood"
    assert sentences(story) == ("The quay was flooded.", "Nobody was hurt.")


def test_without_headline_and_summary_a_story_is_called_by_its_source(
    make_story: MakeStory, other: Other
) -> None:
    assert headline(make_story("", source="Courier")) == "Courier"
    assert headline(make_story("", source="", url="https://www.news.example/a")) == "news.example"
    assert headline(make_story("", source="", url="")) == ""
    assert headline(other("The Post", "", "")) == "The Post"


def test_a_source_without_a_name_is_called_by_its_host(make_story: MakeStory, other: Other) -> None:
    assert source_name(make_story("x", source=" ", url="https://m.news.example/a")) == (
        "m.news.example"
    )
    assert source_name(other("", "x", "javascript:alert(1)")) == ""
    assert source_name(other("The Post", "x", "https://news.example/")) == "The Post"


@pytest.mark.parametrize(
    ("language", "way"),
    [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("fa", "rtl"), ("", "ltr")],
)
def test_a_language_has_its_direction(language: str, way: str) -> None:
    assert direction(language) == way


def test_a_text_turns_where_letters_run_against_the_page() -> None:
    assert turning("صوت الميناء", "ltr")
    assert turning("The Post", "rtl")
    assert not turning("The Post, 24 (é) 港", "ltr")
    assert not turning("24 · 06:40", "rtl")


def test_a_month_is_named(edition: Edition) -> None:
    assert month("2026-03-02", edition) == "March 2026"
    assert month("2026-03-02", replace(edition, language="de")) == "März 2026"


# --- pictures -----------------------------------------------------------------------------------

PHOTO = Image("https://pictures.example/a b.jpg", 1200, 800, " A lamp ")


def pictured(edition: Edition, story: EditionStory, images: str = "all") -> Edition:
    topics = (EditionTopic("World", (story, replace(story, id="second"))),)
    return replace(edition, topics=topics, images=images)  # type: ignore[arg-type]


def test_a_picture_is_scaled_down_to_the_column_and_never_up(
    edition: Edition, make_story: MakeStory
) -> None:
    story = make_story("x", image=PHOTO)
    shown = picture(story, pictured(edition, story))
    assert shown is not None
    assert (shown.url, shown.width, shown.height, shown.alt) == (
        "https://pictures.example/a%20b.jpg",
        560,
        373,
        "A lamp",
    )

    small = replace(story, image=Image("https://pictures.example/b", 300, 200))
    shown = picture(small, pictured(edition, small))
    assert shown is not None
    assert (shown.width, shown.height, shown.alt) == (300, 200, "")


@pytest.mark.parametrize(
    "image",
    [
        None,
        Image("data:image/png;base64,AAAA", 600, 400),
        Image("/relative.jpg", 600, 400),
        Image("mailto:a@b.example", 600, 400),
        Image("https://pictures.example/" + "a" * 2048, 600, 400),
        Image("https://pictures.example/unknown.jpg"),
        Image("https://pictures.example/no-height.jpg", 600, 0),
        Image("https://pictures.example/stamp.jpg", 199, 150),
        Image("https://pictures.example/infographic.png", 600, 1800),
        Image("https://pictures.example/square.png", 560, 560),
        Image("https://pictures.example/line.png", 10_000_000, 1),
        Image("https://pictures.example/negative.png", -600, -400),
    ],
)
def test_a_picture_that_would_not_be_one_is_left_out(
    edition: Edition, make_story: MakeStory, image: Image | None
) -> None:
    story = make_story("x", image=image)
    assert picture(story, pictured(edition, story)) is None


def test_the_tallest_picture_is_of_the_shape_of_a_photograph(
    edition: Edition, make_story: MakeStory
) -> None:
    for height, shown in ((900, True), (902, False)):
        story = make_story("x", image=Image("https://pictures.example/a", 1200, height))
        assert (picture(story, pictured(edition, story)) is not None) is shown


@pytest.mark.parametrize(("images", "shown"), [("none", 0), ("lead", 1), ("all", 2)])
def test_the_digest_says_which_stories_have_a_picture(
    edition: Edition, make_story: MakeStory, images: str, shown: int
) -> None:
    edition = pictured(edition, make_story("x", image=PHOTO), images)
    found = [picture(story, edition) is not None for story in edition.stories]
    assert found == [number < shown for number in range(2)]


# --- a reader's links ---------------------------------------------------------------------------


def test_the_page_of_an_edition_has_an_address_only_where_it_is_published(edition: Edition) -> None:
    published = replace(edition, archive="https://news.example.org/d")

    assert edition_url(edition) == ""
    assert edition_url(published) == "https://news.example.org/d/morning/2026-11-24/index.html"


@pytest.mark.parametrize(
    ("sender", "link"),
    [
        ("digest@example.org", "mailto:digest@example.org?subject=unsubscribe%20morning"),
        (
            "News <a&b+c@bücher.example>",
            "mailto:a%26b%2Bc@xn--bcher-kva.example?subject=unsubscribe%20morning",
        ),
        ("nobody", ""),
        ("", ""),
        ("a@" + "b" * 80 + "é.example", ""),
    ],
)
def test_without_an_address_of_their_own_readers_unsubscribe_by_a_letter(
    edition: Edition, sender: str, link: str
) -> None:
    edition = replace(edition, sender=sender)

    assert unsubscribe_url(edition, None) == link
    assert unsubscribe_url(edition, Reader("a@b.example", unsubscribe="javascript:x")) == link
    assert unsubscribe_url(edition, Reader("a@b.example", unsubscribe="https://u.example/1")) == (
        "https://u.example/1"
    )


# --- Markdown -----------------------------------------------------------------------------------

MARKED_UP = [
    "# no heading",
    "- no list",
    "1. no list",
    "2) no list",
    "+ no list",
    "> no quote",
    "---",
    "***",
    "===",
    "*no* _stress_ **at** __all__ `no code`",
    "[no](https://link.example) ![no](picture.png) [no]: https://link.example",
    "<b>no</b> <https://link.example> <a@b.example> <!-- no -->",
    "https://link.example www.link.example WWW.link.example a@b.example",
    "&amp; &lt; &copy; &#35;",
    "~~not~~ | struck |",
    "```",
    "a backslash \\ and \\* two",
    "a stop!",
    "    no code",
    "{{ 7 * 7 }}",
]


def _shown(source: str, preset: str) -> tuple[str, list[str]]:
    tokens = MarkdownIt(preset, {"linkify": False}).parse(source)
    kinds = [token.type for token in tokens]
    inline = [child for token in tokens for child in token.children or ()]
    return "".join(child.content for child in inline), kinds + [
        child.type for child in inline if child.type not in ("text", "text_special")
    ]


@pytest.mark.parametrize("preset", ["commonmark", "gfm-like"])
@pytest.mark.parametrize("text", MARKED_UP)
def test_no_text_becomes_markdown(text: str, preset: str) -> None:
    paragraph = ["paragraph_open", "inline", "paragraph_close"]

    assert _shown(markdown(text), preset) == (" ".join(text.split()), paragraph)
    for before in ("before ", "[link](<https://a.example>) ", "> ", "- "):
        source = before + markdown(text)
        assert _shown(source, preset)[1] == _shown(f"{before}word", preset)[1]


@given(st.text(max_size=120))
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    text = printable(text)
    shown, kinds = _shown(markdown(text), "commonmark")

    assert shown == " ".join(text.split())
    assert set(kinds) <= {"paragraph_open", "inline", "paragraph_close"}


def test_no_address_is_made_of_a_text_in_markdown() -> None:
    escaped = markdown("see https://link.example, www.link.example or a@b.example")

    assert "https://" not in escaped
    assert "www." not in escaped
    assert "@" not in escaped.replace("\\@", "")


@given(st.text(alphabet="ab&;#x1copylt()*_[]", max_size=30))
def test_a_markdown_link_leads_where_it_should(path: str) -> None:
    address = safe_url(f"https://example.org/{path}")
    (inline,) = (
        token
        for token in MarkdownIt("commonmark").parse(f"[x](<{markdown_url(address)}>)")
        if token.type == "inline"
    )
    assert inline.children is not None
    assert inline.children[0].attrs["href"] == MarkdownIt().normalizeLink(address)
