"""The two themes: every element of an edition, in every form, for every reader.

What readers see of the sample edition stands in `golden/`. Whoever means to change it renews the
goldens and looks at the difference:

    DIGEST_UPDATE_GOLDENS=1 python -m pytest tests/editions/test_themes.py && git diff tests
"""

from __future__ import annotations

import colorsys
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import html5lib  # type: ignore[import-untyped]
import pytest
from markdown_it import MarkdownIt

from digest.editions.filters import FILTERS, TESTS, capital, long_date
from digest.editions.frozen import dump_edition
from digest.editions.limits import MAX_BYTES
from digest.editions.lint import lint
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import READER, sample_archive, sample_edition
from digest.records import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    Image,
    Reader,
    Rendered,
)

MakeStory = Callable[..., EditionStory]

THEMES = ("classic", "compact")
LANGUAGES = ("en", "de", "fr", "es", "uk")
GOLDEN = Path(__file__).parent / "golden"

ARABIC = """\
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Update"
msgstr "تحديث"

msgid "Also covered by"
msgstr "تناولته أيضا"

msgid "Also covered by %(names)s"
msgstr "تناولته أيضا %(names)s"

msgctxt "topic"
msgid "World"
msgstr "العالم"
"""


def parse(html: str) -> Any:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)


def seen(html: str) -> str:
    """What the page shows, but for the preheader, on one line."""
    body = parse(html).find("body")
    for parent in list(body.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.get("class") == "preheader":
                parent.remove(child)
    return " ".join("".join(body.itertext()).split())


def unwrapped(text: str) -> str:
    """Plain text on one line, as it read before it was wrapped; Japanese is without blanks."""
    return " ".join(re.sub(r"(?<=[\u3000-\u9fff])\n *(?=[\u3000-\u9fff])", "", text).split())


def links(html: str) -> list[str]:
    return [anchor.get("href") for anchor in parse(html).iter("a")]


def by_class(html: str, name: str) -> list[Any]:
    return [element for element in parse(html).iter() if element.get("class") == name]


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sample(theme: str) -> Edition:
    return sample_edition(theme)


@pytest.fixture
def mail(renderer: Renderer, sample: Edition) -> Rendered:
    return renderer.render(sample, mail=True, reader=READER)


# --- goldens ------------------------------------------------------------------------------------


def _golden(renderer: Renderer, name: str) -> str:
    stem, _, form = name.partition(".")
    theme, _, what = stem.partition("-")
    if what == "archive":
        return renderer.render_archive(sample_archive(theme))
    edition = sample_edition(theme, what or "en")
    rendered = renderer.render(edition, mail=True, reader=READER)
    return {"html": rendered.html, "txt": rendered.text, "md": rendered.markdown}[form]


@pytest.mark.parametrize(
    "name",
    [
        *(f"{theme}.{form}" for theme in THEMES for form in ("html", "txt", "md")),
        *(f"{theme}-archive.html" for theme in THEMES),
        "classic-de.txt",
        "classic-uk.html",
    ],
)
def test_the_sample_reads_as_it_did(renderer: Renderer, name: str) -> None:
    made, golden = _golden(renderer, name), GOLDEN / name
    if os.environ.get("DIGEST_UPDATE_GOLDENS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made, "utf-8")
    assert made.splitlines() == golden.read_text("utf-8").splitlines()


# --- for every client -----------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_html5_without_a_single_error(
    renderer: Renderer, theme: str, language: str
) -> None:
    edition = sample_edition(theme, language)
    for html in (
        renderer.render(edition, mail=True, reader=READER).html,
        renderer.render(edition).html,
        renderer.render(edition, editors=True).html,
        renderer.render_archive(sample_archive(theme, language)),
    ):
        tree = parse(html)
        assert tree.get("lang") == language
        assert all(table.get("role") == "presentation" for table in tree.iter("table"))
        levels = [
            int(element.tag[1]) for element in tree.iter() if element.tag in ("h1", "h2", "h3")
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(then - level <= 1 for level, then in pairwise(levels))
        assert all("".join(anchor.itertext()).strip() for anchor in tree.iter("a"))


def test_the_lint_finds_nothing_but_what_the_sample_lacks_on_purpose(
    renderer: Renderer, sample: Edition, mail: Rendered
) -> None:
    findings = lint(sample, mail, renderer.sources(sample.template), reader=READER)

    assert {finding.message for finding in findings} == {
        "the story has no headline",
        "the story has no link",
    }


def _ordinary(theme: str) -> Edition:
    """Fifty stories as news has them: two others tell each, in addresses of the usual length."""
    headline = "Council keeps the harbour crossing open for one more winter despite its cost"
    prose = "The council keeps the harbour crossing open through the winter despite its cost. " * 5

    def address(house: str, number: int) -> str:
        return (
            f"https://www.{house}.example.org/news/2026/03/02/"
            f"council-keeps-crossing-open-for-one-{number:03}"
        )

    stories = tuple(
        EditionStory(
            id=f"{number:016x}",
            article=f"a{number}",
            headline=f"{headline} ({number:02})",
            url=address("harbour-courier", number),
            source="Harbour Courier",
            published=datetime(2026, 3, 2, 5, 40, tzinfo=UTC),
            date_origin="feed",
            summary=tuple(
                replace(sample_edition(theme).stories[0].summary[0], text=prose[:199] + ".")
                for _ in range(2)
            ),
            model="extractive",
            minutes=3,
            language="en",
            author="Ines Example",
            also=tuple(
                EditionSource(
                    f"The {house} Post",
                    "Crossing stays open for another winter, says the council of the port",
                    address(f"{house.lower()}-post", number),
                    datetime(2026, 3, 2, 4, 15, tzinfo=UTC),
                )
                for house in ("Northern", "Southern")
            ),
        )
        for number in range(50)
    )
    topics = tuple(EditionTopic(f"Topic {n}", stories[n::8]) for n in range(8))
    return replace(sample_edition(theme), topics=topics)


def test_fifty_ordinary_stories_fit_into_a_mail_that_no_client_clips(
    renderer: Renderer, theme: str
) -> None:
    edition = _ordinary(theme)
    assert min(len(story.headline) for story in edition.stories) >= 80
    assert {len(story.url) >= 85 for story in edition.stories} == {True}

    html = renderer.render(edition, mail=True, reader=READER).html

    assert html.count("<h3") == 50
    assert len(html.encode()) < MAX_BYTES


# --- colours --------------------------------------------------------------------------------------

Colour = tuple[float, float, float]


def _declared(style: str, name: str) -> str:
    found = re.search(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", style)
    return found[1].strip() if found else ""


def _pairs(html: str) -> set[tuple[str, str]]:
    """Text colour and ground of every text that is shown, as the styles inlined say."""
    found = set()

    def walk(element: Any, colour: str, ground: str) -> None:
        style = element.get("style") or ""
        colour = _declared(style, "color") or colour
        ground = _declared(style, "background-color") or ground
        if "display:none" in style:
            return
        if (element.text or "").strip():
            found.add((colour, ground))
        for child in element:
            if isinstance(child.tag, str):
                walk(child, colour, ground)
            if (child.tail or "").strip():
                found.add((colour, ground))

    walk(parse(html).find("body"), "", "")
    return found


def _channels(colour: str) -> Colour:
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    assert re.fullmatch("#[0-9a-f]{6}", colour), colour
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(colour: Colour) -> float:
    red, green, blue = map(_linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _as_it_is(colour: Colour) -> Colour:
    return colour


def _lightness_turned(colour: Colour) -> Colour:
    """As Gmail's apps do it: hue and saturation stay, the lightness of HSL is turned round."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, 1 - lightness, saturation)


def _luminance_turned(colour: Colour) -> Colour:
    """As Outlook does it: L of CIELAB is turned round and lifted to that of its ground, #333333.

    For the contrast only L counts, so that a grey of the same L stands for the colour.
    """

    def lightness(luminance: float) -> float:
        cube = luminance > 216 / 24389
        return 116 * luminance ** (1 / 3) - 16 if cube else luminance * 24389 / 27

    ground = lightness(_luminance(_channels("#333333")))
    turned = (100 - lightness(_luminance(colour))) * (100 - ground) / 100 + ground
    luminance = ((turned + 16) / 116) ** 3
    grey = 1.055 * luminance ** (1 / 2.4) - 0.055
    return grey, grey, grey


@pytest.mark.parametrize("shown", [_as_it_is, _lightness_turned, _luminance_turned])
def test_every_text_is_legible_also_where_a_client_turns_the_colours(
    renderer: Renderer, theme: str, mail: Rendered, shown: Callable[[Colour], Colour]
) -> None:
    pages = (mail.html, renderer.render_archive(sample_archive(theme)))
    pairs = {pair for html in pages for pair in _pairs(html)}

    assert len(pairs) >= 4
    for text, ground in pairs:
        ratio = _contrast(shown(_channels(text)), shown(_channels(ground)))
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


def test_colours_that_are_turned_round_are_measured_as_they_should_be() -> None:
    assert _lightness_turned(_channels("#000000")) == (1, 1, 1)
    assert _luminance_turned(_channels("#ffffff"))[0] == pytest.approx(0x33 / 255, abs=0.001)
    assert _luminance_turned(_channels("#000000"))[0] == pytest.approx(1, abs=0.001)
    assert _contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)


# --- every element ------------------------------------------------------------------------------


def test_every_story_is_there_with_its_headline_link_source_and_time(
    sample: Edition, mail: Rendered
) -> None:
    shown, addresses = seen(mail.html), links(mail.html)
    for story in sample.stories:
        assert story.headline in shown
        assert story.headline in unwrapped(mail.text)
        assert not story.url or story.url in addresses
        if story.summary:
            assert story.summary[0].text in shown
    assert "Harbour Courier · 06:40 · 3 min read · Ines Example" in shown
    assert "example.org · 06:40 · 11 min read · for subscribers" in shown  # has no source
    assert "Harbour Courier · time not given" in shown


def test_a_headline_is_never_missing(mail: Rendered) -> None:
    sentence = "The third quay was flooded for an hour at noon, and nobody was hurt."
    headings = ["".join(heading.itertext()).strip() for heading in parse(mail.html).iter("h3")]

    assert all(headings)
    assert sentence in headings
    paragraphs = ["".join(paragraph.itertext()) for paragraph in parse(mail.html).iter("p")]
    assert sentence not in paragraphs  # it isn't said twice
    assert f"### [{sentence}](<https://example.org/2026/03/02/s6?edition=morning>)" in mail.markdown


def test_the_sources_have_names_and_local_times(mail: Rendered, theme: str) -> None:
    shown = seen(mail.html)
    if theme == "classic":
        assert "Also covered by The Northern Example 05:15 · Second lamp found" in shown
        assert "(same text in A Fourth Example)" in shown
        assert "Same text in: A Third Example" in shown
        assert "Example 6 05:15 · Bakers agree, paper 6 says and 2 more" in shown
    else:
        assert "Also covered by The Northern Example 05:15 · Le Quotidien d’exemple 07:15" in shown
        assert "Example 6 05:15 and 2 more" in shown
    assert "  The Northern Example · 05:15 · Second lamp found in the old lighthouse" in mail.text
    assert "https://the-northern-example.example/story?id=7&ref=front" in links(mail.html)


def test_compact_has_one_sentence_a_story_and_it_is_the_article_s(renderer: Renderer) -> None:
    edition = sample_edition("compact")
    html = renderer.render(edition, mail=True).html
    for story in edition.stories:
        if story.headline and len(story.summary) > 1:
            assert story.summary[0].text in seen(html)
            assert story.summary[1].text not in seen(html)
    assert "…" not in seen(html)


def test_an_update_says_so_and_leads_to_what_was_told(mail: Rendered) -> None:
    shown = seen(mail.html)
    assert "Update Lighthouse keepers find a second lamp" in shown
    assert "We told of this on Friday, 27 February: Keepers hear a hum in the wall" in shown
    assert "https://example.org/digests/sample/2026-02-27/index.html#s4" in links(mail.html)


def test_the_contents_count_the_stories(mail: Rendered) -> None:
    (contents,) = by_class(mail.html, "contents")
    text = " ".join("".join(contents.itertext()).split())

    for topic, count in (("World", 3), ("Business", 2), ("The Quays & Docks", 3)):
        assert f"{topic} {count}" in text
        assert f"  {topic} ({count})" in mail.text
    assert not list(contents.iter("a"))


def test_the_page_s_contents_lead_to_the_topics(renderer: Renderer, sample: Edition) -> None:
    html = renderer.render(sample).html
    (contents,) = by_class(html, "contents")

    targets = [anchor.get("href") for anchor in contents.iter("a")]
    assert targets == ["#topic-1", "#topic-2", "#topic-3"]
    assert [heading.get("id") for heading in parse(html).iter("h2")] == [
        target[1:] for target in targets
    ]


def test_the_note_of_the_editors_stands_at_the_top(sample: Edition, mail: Rendered) -> None:
    note = f"A note from the editors {' '.join(sample.note)}"

    assert seen(mail.html).index(note) < seen(mail.html).index("Lighthouse keepers")
    assert mail.text.index("A note from the editors") < mail.text.index("In this edition")
    assert "> Good morning. The harbour office is closed today" in mail.markdown


def test_addresses_in_the_note_are_links_and_all_else_is_text(
    renderer: Renderer, sample: Edition
) -> None:
    said = "<b>See</b> https://example.org/a?b=1&c=2 or www.example.org, or ask desk@example.org."
    edition = replace(sample, note=(said, "javascript:alert(1) [x](javascript:alert(1))"))
    rendered = renderer.render(edition, mail=True, reader=READER)
    (note,) = by_class(rendered.html, "note")

    assert said in seen(rendered.html)
    wanted = [
        "https://example.org/a?b=1&c=2",
        "https://www.example.org",
        "mailto:desk@example.org",
    ]
    assert [anchor.get("href") for anchor in note.iter("a")] == wanted
    assert "<b>See" not in rendered.html
    tokens = MarkdownIt("commonmark").parse(rendered.markdown)
    inline = [child for token in tokens for child in token.children or ()]
    targets = [child.attrs["href"] for child in inline if child.type == "link_open"]
    assert targets[:3] == wanted
    assert said in "".join(child.content for child in inline)
    assert "https://example.org/a?b=1&c=2 or https://www.example.org, or ask" in unwrapped(
        rendered.text
    )
    edition = replace(sample, note=(said.replace("<b>See</b>", "See"),))
    rendered = renderer.render(edition, mail=True, reader=READER)
    assert {finding.message for finding in lint(edition, rendered, {}, reader=READER)} == {
        "the story has no headline",
        "the story has no link",
    }


def test_a_headline_shows_that_it_is_a_link_where_that_can_be_done_lightly(mail: Rendered) -> None:
    """By the sheet alone: where it is dropped, a headline is bold and without a thick line."""
    style = "".join(element.text or "" for element in parse(mail.html).iter("style"))

    assert re.search(r"a\.headline \{[^}]*text-decoration-line: underline !important", style)
    for anchor in parse(mail.html).iter("a"):
        if anchor.get("class") == "headline":
            assert "text-decoration:none" in anchor.get("style").replace(" ", "")


@pytest.mark.parametrize(
    ("images", "classic", "compact"),
    [("none", [], []), ("lead", [560], [560]), ("all", [560, 480], [560])],
)
def test_pictures_have_their_size_and_say_what_is_to_be_seen(
    renderer: Renderer, sample: Edition, images: Any, classic: list[int], compact: list[int]
) -> None:
    html = renderer.render(replace(sample, images=images), mail=True).html
    pictures = list(parse(html).iter("img"))

    wanted = classic if sample.template == "classic" else compact
    assert [int(picture.get("width")) for picture in pictures] == wanted
    assert all(0 < int(picture.get("height")) <= 420 for picture in pictures)
    assert [picture.get("alt") for picture in pictures] == ["A brass lamp behind planks", ""][
        : len(wanted)
    ]
    assert all("display:block" in picture.get("style").replace(" ", "") for picture in pictures)


def test_the_footer_tells_why_how_and_where_to_leave(mail: Rendered) -> None:
    shown, text = seen(mail.html), unwrapped(mail.text)
    for words in (
        "The summaries invent nothing: each sentence stands word for word in the linked article, "
        "as its feed or its page has it.",
        "Made from 1,480 articles of 12 feeds at 08:00 (Paris). Left out: 7 stories for want of "
        "room (2 of them only because mail programs cut off long e-mails); 3 stories told before, "
        "with nothing new.",
        "You get this e-mail because reader@example.org is subscribed to The Sample Courier.",
        "The Sample Courier, 4 Harbour Street, 1000 Port",
    ):
        assert words in shown
        assert words in text
    assert "View in browser · Change what you get · Unsubscribe The Sample Courier, 4" in shown
    for address in (
        "https://example.org/digests/sample/2026-03-02/index.html",
        READER.preferences,
        READER.unsubscribe,
    ):
        assert address in links(mail.html)
        assert address in mail.text.splitlines()
    assert "The Silent Example" not in mail.html + mail.text + mail.markdown


@pytest.mark.parametrize(
    ("left_out", "trimmed", "retold", "words"),
    [
        (0, 0, 0, ""),
        (1, 0, 0, " Left out: 1 story for want of room."),
        (0, 0, 2, " Left out: 2 stories told before, with nothing new."),
        (
            1,
            1,
            0,
            " Left out: 1 story for want of room (only because mail programs cut off long "
            "e-mails).",
        ),
        (
            2,
            1,
            1,
            " Left out: 2 stories for want of room (1 of them only because mail programs cut off "
            "long e-mails); 1 story told before, with nothing new.",
        ),
    ],
)
def test_the_footer_counts_what_is_left_out(
    renderer: Renderer, sample: Edition, left_out: int, trimmed: int, retold: int, words: str
) -> None:
    edition = replace(sample, left_out=left_out, trimmed=trimmed, retold=retold)
    rendered = renderer.render(edition, mail=True)

    assert f"(Paris).{words} You get this" in seen(rendered.html)
    assert f"(Paris).{words} You get this" in unwrapped(rendered.text)
    assert f"(Paris).{words} The Sample" in unwrapped(rendered.markdown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_weekday_or_month_that_stands_alone_has_a_capital(
    renderer: Renderer, theme: str, language: str
) -> None:
    edition = sample_edition(theme, language)
    rendered = renderer.render(edition, mail=True)
    (row,) = (row for table in by_class(rendered.html, "dateline") for row in table.iter("tr"))
    archive = renderer.render_archive(sample_archive(theme, language))
    headings = [
        "".join(heading.itertext())
        for level in ("h2", "h3")
        for heading in parse(archive).iter(level)
    ]

    assert len(headings) == 5
    for date in ("".join(row[0].itertext()), rendered.text.splitlines()[2], *headings):
        assert date.strip()[0].isupper(), date


def test_a_reader_without_links_of_their_own_writes_to_the_sender(
    renderer: Renderer, sample: Edition
) -> None:
    letter = "mailto:courier@example.org?subject=unsubscribe%20sample"
    for reader in (None, Reader("reader@example.org")):
        rendered = renderer.render(replace(sample, archive=""), mail=True, reader=reader)
        assert links(rendered.html)[-1] == letter
        assert "Unsubscribe by e-mail" in seen(rendered.html)
        assert f"\nUnsubscribe by e-mail\n{letter}\n" in rendered.text
        assert letter in rendered.text.splitlines()
        for words in ("View in browser", "Change what you get"):
            assert words not in rendered.html + rendered.text
    assert "because you are subscribed to The Sample Courier." in seen(
        renderer.render(sample, mail=True).html
    )


def test_the_page_is_nobody_s_own(renderer: Renderer, sample: Edition) -> None:
    page = renderer.render(sample)

    for form in (page.html, page.text, page.markdown):
        assert "nsubscribe" not in form
        assert "mailto:" not in form
        assert "You get this" not in form
        assert "View in browser" not in form
    assert links(page.html)[-1] == "../index.html"
    assert "preheader" not in {element.get("class") for element in parse(page.html).iter()}


def test_only_editors_are_told_of_feeds_that_fail(renderer: Renderer, sample: Edition) -> None:
    told = (
        "For editors only: feeds that have been failing The Silent Example: no answer within 20 s"
    )
    rendered = renderer.render(sample, editors=True)

    assert told in seen(rendered.html)
    assert told in unwrapped(rendered.text)
    assert "**The Silent Example**: no answer within 20 s" in rendered.markdown
    assert "The Silent Example" not in renderer.render(sample).html


def test_the_preheader_is_hidden_and_followed_by_blanks(sample: Edition, mail: Rendered) -> None:
    (preheader,) = by_class(mail.html, "preheader")

    assert preheader.text == sample.preheader
    assert "display:none" in preheader.get("style").replace(" ", "")
    assert preheader.find("span").text == "\u034f\u00a0" * 60


def test_markdown_is_complete_and_every_link_in_it_is_ours(sample: Edition, mail: Rendered) -> None:
    tokens = MarkdownIt("commonmark").parse(mail.markdown)
    inline = [child for token in tokens for child in token.children or ()]
    targets = {str(child.attrs["href"]) for child in inline if child.type == "link_open"}

    assert {story.url for story in sample.stories if story.url} <= targets
    assert all(target.startswith("https://") for target in targets)
    assert not [token for token in (*tokens, *inline) if token.type.startswith("html")]
    assert sum(token.type == "heading_open" for token in tokens) == 1 + 3 + 8


@pytest.mark.parametrize(
    "hostile",
    [
        "[x](https://evil.example)",
        "<https://evil.example> https://evil.example",
        "<b>bold</b><!-- and --><script>",
        "# heading **bold** `code` ![x](https://evil.example/x.png)",
        "one\n\n# two\n\n    three\n```\nfour",
        "x](https://evil.example) [y",
        "\\",
        "---",
    ],
)
def test_no_text_of_a_feed_becomes_markdown(
    renderer: Renderer, sample: Edition, make_story: MakeStory, hostile: str
) -> None:
    def tokens(text: str) -> list[str]:
        story = make_story(
            text,
            text,
            source=text,
            author=text,
            id="s1",
            url="https://example.org/s",
            also=(EditionSource(text, text, "https://example.org/o", sample.built),),
            update=replace(sample.stories[0].update, headline=text),
            image=Image("https://example.org/p.jpg", 600, 400, text),
        )
        topics = (EditionTopic(text, (story,)), EditionTopic(text, (replace(story, id="s2"),)))
        edition = replace(sample, topics=topics, title=text, postal=text)
        found = MarkdownIt("commonmark").parse(renderer.render(edition).markdown)
        inner = [child for token in found for child in token.children or ()]
        # How a text is cut into pieces is the parser's own affair.
        return [token.type for token in (*found, *inner) if not token.type.startswith("text")]

    assert tokens(hostile) == tokens("harmless")


# --- languages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_nothing_of_ours_stays_english(renderer: Renderer, theme: str, language: str) -> None:
    edition = sample_edition(theme, language)
    rendered = renderer.render(edition, mail=True, reader=READER)

    shown = seen(rendered.html)
    assert " ".join(capital(long_date(edition.date, edition)).split()) in shown
    for words in (
        *("Update ", "Also covered", "ame text", "min read", "We told", "for subscribers"),
        *("time not given", "Made from", "Unsubscribe", "View in", "A note", "stories", "nothing"),
        *("Left out", "by e-mail", "for want"),
        *("World 3", "Business", "You get", " more"),
    ):
        if (language, words) != ("de", "Update "):  # a German word too
            assert words not in shown
            assert words not in rendered.text


def test_our_words_are_in_the_edition_s_language_and_stories_in_theirs(
    renderer: Renderer, theme: str
) -> None:
    tree = parse(renderer.render(sample_edition(theme, "de"), mail=True).html)
    cells = {cell.get("id"): cell for cell in tree.iter("td") if cell.get("class") == "story"}

    languages = {id: cell.get("lang") for id, cell in cells.items()}
    assert languages == {
        **dict.fromkeys(("s1", "s4", "s5", "s8"), "en"),
        "s2": "ar",
        "s3": "ja",
        "s6": None,  # unknown
        "s7": None,  # German, as the page
    }
    for id, cell in cells.items():
        (meta,) = (element for element in cell.iter("p") if element.get("class") == "meta")
        assert meta.get("lang") == ("de" if languages[id] else None)
        assert meta.get("dir") == ("ltr" if id == "s2" else None)
    (update,) = (span for span in tree.iter("span") if span.get("class") == "update")
    assert (update.get("lang"), update.text) == ("de", "Update")


def test_a_digest_from_right_to_left_turns_the_page_and_not_the_stories(
    tmp_path: Path, theme: str
) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "ar.po").write_text(ARABIC, "utf-8")
    renderer = Renderer([tmp_path, packaged_themes()])
    html = renderer.render(sample_edition(theme, "ar"), mail=True).html
    tree = parse(html)

    assert (tree.get("lang"), tree.get("dir")) == ("ar", "rtl")
    (article,) = (div for div in tree.iter("div") if div.get("role") == "article")
    assert (article.get("lang"), article.get("dir")) == ("ar", "rtl")
    (page,) = by_class(html, "page")
    assert page.get("dir") == "rtl"
    cells = {cell.get("id"): cell for cell in tree.iter("td") if cell.get("class") == "story"}
    assert (cells["s1"].get("dir"), cells["s1"].get("align")) == ("ltr", "left")
    assert (cells["s2"].get("dir"), cells["s2"].get("lang")) == (None, None)
    (meta,) = (p for p in cells["s1"].iter("p") if p.get("class") == "meta")
    assert (meta.get("dir"), meta.get("align"), meta.get("lang")) == ("rtl", "left", "ar")
    assert "تحديث Lighthouse" in seen(html)
    assert next(heading.text for heading in tree.iter("h2")) == "العالم"
    first, second = next(
        row
        for table in tree.iter("table")
        if table.get("class") == "dateline"
        for row in table.iter("tr")
    )
    assert (first.get("align"), second.get("align")) == ("right", "left")


def test_a_name_that_runs_against_the_page_turns_nothing_beside_it(mail: Rendered) -> None:
    assert "<bdi>صوت الميناء</bdi>" in mail.html
    assert "<bdi>Harbour Courier</bdi>" not in mail.html


def test_no_locale_or_zone_of_the_machine_shows(tmp_path: Path, theme: str) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from digest.editions.frozen import load_edition\n"
        "from digest.editions.render import Renderer, packaged_themes\n"
        "edition = load_edition(Path(sys.argv[1]).read_bytes(), sys.argv[1])\n"
        "rendered = Renderer([packaged_themes()]).render(edition, mail=True)\n"
        "for form in (rendered.html, rendered.text, rendered.markdown):\n"
        "    sys.stdout.buffer.write(form.encode())\n"
    )
    edition = sample_edition(theme, "uk")
    (tmp_path / "edition.json").write_bytes(dump_edition(edition))
    rendered = Renderer([packaged_themes()]).render(edition, mail=True)
    for zone, locale in (("Pacific/Auckland", "C"), ("America/Lima", "fr_FR.UTF-8")):
        done = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "edition.json"],
            env={**os.environ, "TZ": zone, "LC_ALL": locale, "LANGUAGE": "es"},
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode() == rendered.html + rendered.text + rendered.markdown


# --- what users name and feeds send -------------------------------------------------------------


@pytest.mark.parametrize("name", ["100% news", "%(num)s", "<b>Tom & Jerry</b>", "{{ 7 }}", "%%"])
def test_a_topic_may_have_any_name(
    renderer: Renderer, sample: Edition, make_story: MakeStory, name: str
) -> None:
    topics = tuple(EditionTopic(name, (make_story(f"Story {n}"),)) for n in range(2))
    rendered = renderer.render(replace(sample, topics=topics))

    assert [heading.text for heading in parse(rendered.html).iter("h2")] == [name, name]
    assert f"\n{name}\n" in rendered.text


def test_a_story_of_which_nothing_is_known_is_called_something(
    renderer: Renderer, sample: Edition, make_story: MakeStory
) -> None:
    nobody = make_story("", source="", url="", language="", minutes=0, date_origin="missing")
    rendered = renderer.render(replace(sample, topics=(EditionTopic("World", (nobody,)),)))

    (heading,) = parse(rendered.html).iter("h3")
    assert "".join(heading.itertext()) == "Untitled"
    assert "\nUntitled\ntime not given\n" in rendered.text


def test_an_edition_without_stories_is_a_page_all_the_same(
    renderer: Renderer, sample: Edition
) -> None:
    rendered = renderer.render(replace(sample, topics=(), note=()), mail=True)

    assert "0 stories" in seen(rendered.html)
    assert not by_class(rendered.html, "contents")


# --- the archive --------------------------------------------------------------------------------


def test_the_archive_lists_the_editions_by_month(renderer: Renderer, theme: str) -> None:
    html = renderer.render_archive(sample_archive(theme))

    assert [heading.text for heading in parse(html).iter("h2")] == ["March 2026", "February 2026"]
    assert links(html) == [
        "atom.xml",
        *(f"2026-{day}/index.html" for day in ("03-02", "02-27", "02-26")),
    ]
    assert "Monday, 2 March 2026 8 stories Lighthouse keepers find a second lamp" in seen(html)
    assert "Thursday, 26 February 2026 1,204 stories" in seen(html)
    (feed,) = parse(html).iter("link")
    assert (feed.get("rel"), feed.get("type"), feed.get("href")) == (
        "alternate",
        "application/atom+xml",
        "atom.xml",
    )


def test_the_archive_names_three_headlines_of_an_edition_and_counts_the_rest(
    renderer: Renderer, theme: str
) -> None:
    archive = sample_archive(theme)

    def summary(stories: int, *headlines: str) -> str:
        entry = replace(archive.entries[0], stories=stories, headlines=headlines)
        (found,) = by_class(renderer.render_archive(replace(archive, entries=(entry,))), "summary")
        return " ".join("".join(found.itertext()).split())

    assert summary(9, "One", "Two", "Three", "Four", "Five") == "One · Two · Three · and 6 more"
    assert summary(3, "One", "Two", "Three") == "One · Two · Three"
    assert summary(1, "One") == "One"
    assert summary(9) == archive.entries[0].subject


def test_an_archive_without_editions_says_so(renderer: Renderer, theme: str) -> None:
    html = renderer.render_archive(replace(sample_archive(theme, "de"), entries=()))

    assert "Es gibt noch keine Ausgabe." in seen(html)


def test_hostile_words_in_the_archive_are_words(renderer: Renderer, theme: str) -> None:
    archive = sample_archive(theme)
    hostile = "<script>alert(1)</script>"
    entry = replace(archive.entries[0], headlines=(hostile,), date="2026-03-02")
    html = renderer.render_archive(replace(archive, title=hostile, entries=(entry,)))

    assert seen(html).count(hostile) == 2
    assert not list(parse(html).iter("script"))


# --- themes of one's own ------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, theme: str) -> Path:
    return Path(shutil.copytree(packaged_themes() / theme, tmp_path / "mine"))


def _mine(folder: Path, **fields: Any) -> Rendered:
    renderer = Renderer([folder.parent, packaged_themes()])
    return renderer.render(replace(sample_edition("mine"), **fields), mail=True, reader=READER)


def test_one_folder_copied_is_a_theme(copied: Path, mail: Rendered) -> None:
    assert len(list(copied.iterdir())) == 3
    assert _mine(copied) == mail


def test_what_a_theme_is_made_of_is_its_texts_before_the_shared_ones(copied: Path) -> None:
    (copied / "logo.png").write_bytes(b"\x89PNG\xff")
    (copied / "digest.txt.j2").write_text("mine", "utf-8")
    sources = Renderer([copied.parent, packaged_themes()]).sources("mine")
    assert {Path(path).name for path in list(sources)[:4]} == {
        "adaptive.css",
        "digest.html.j2",
        "digest.txt.j2",
        "style.css",
    }
    assert sources[str(copied / "digest.txt.j2")] == "mine"
    assert str(packaged_themes() / "base" / "layout.html.j2") in sources


def test_a_theme_writes_a_block_anew(copied: Path) -> None:
    page = copied / "digest.html.j2"
    page.write_text(
        page.read_text("utf-8")
        + "{% block masthead %}<tr><td><h1>{{ edition.title | upper }}</h1></td></tr>"
        "{% endblock %}",
        "utf-8",
    )

    assert "THE SAMPLE COURIER" in seen(_mine(copied).html)
    assert "Monday, 2 March 2026" not in seen(_mine(copied).html)


def test_a_theme_puts_stories_together_of_the_parts(copied: Path) -> None:
    (copied / "digest.html.j2").write_text(
        '{% extends "base/layout.html.j2" %}\n'
        "{% block story scoped %}"
        "<tr><td{{ parts.attributes(story) }}>{{ parts.title(story) }}"
        "{{ parts.summary(story) }}</td></tr>"
        "{% endblock %}",
        "utf-8",
    )
    shown = seen(_mine(copied).html)

    assert "Lighthouse keepers find a second lamp" in shown
    assert "min read" not in shown


def test_a_theme_replaces_a_shared_file_by_one_of_the_same_name(copied: Path) -> None:
    (copied / "base").mkdir()
    macros = (packaged_themes() / "base" / "macros.html.j2").read_text("utf-8")
    (copied / "base" / "macros.html.j2").write_text(
        macros.replace("{% macro promise(edition) %}", "{% macro promise(edition) %}We promise. "),
        "utf-8",
    )

    assert "We promise. The summaries invent" in seen(_mine(copied).html)


def test_a_theme_has_words_of_its_own_language(copied: Path) -> None:
    (copied.parent / "locale").mkdir()
    (copied.parent / "locale" / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Unsubscribe"\nmsgstr "Tschüss"\n',
        "utf-8",
    )
    shown = seen(_mine(copied, language="de").html)

    assert "Tschüss" in shown
    assert "Im Browser ansehen" in shown


def test_the_sample_has_one_of_everything() -> None:
    """So that a theme that was tried on it was tried on all."""
    edition = sample_edition("classic")

    def empty(record: Any, skipped: tuple[str, ...]) -> Iterator[str]:
        for name in record.__dataclass_fields__:
            if name not in skipped and not getattr(record, name):
                yield name

    assert list(empty(edition, ("show_failed",))) == []
    for name in EditionStory.__dataclass_fields__:
        # For editors, never for print.
        if name not in (
            *("rank", "topic_score", "dropped", "instead_of", "articles", "rank_parts", "why"),
            *("runner_up", "runner_up_score"),
        ):
            assert any(getattr(story, name) for story in edition.stories), name
    assert any(isinstance(story.image, Image) and not story.image.alt for story in edition.stories)


# --- what the documentation says ------------------------------------------------------------------

DOCS = (Path(__file__).parents[2] / "docs" / "themes.md").read_text("utf-8")


def _documented(section: str) -> str:
    return DOCS.partition(f"### {section}\n")[2].partition("\n#")[0]


def test_every_filter_and_test_of_themes_is_documented_and_no_other() -> None:
    told = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", _documented("Filters")))

    assert set(FILTERS) <= told
    for test in TESTS:
        assert re.search(rf"`\w+ is {test}[(`]", _documented("Filters"))
    for name in re.findall(r"^\| `(\w+)", _documented("Filters"), re.MULTILINE):
        assert name in FILTERS


def test_every_block_and_macro_is_documented() -> None:
    base = packaged_themes() / "base"
    blocks = re.findall(r"{% block (\w+)", (base / "layout.html.j2").read_text("utf-8"))
    macros = re.findall(r"{% macro (\w+)\(", (base / "macros.html.j2").read_text("utf-8"))

    assert {f"`{block}`" for block in blocks} <= set(re.findall(r"`\w+`", _documented("Blocks")))
    inner = {"foreign", "topic_link"}  # of use to the others alone
    assert set(macros) - inner == set(re.findall(r"(\w+)\(", _documented("Macros")))


def test_the_example_of_the_documentation_is_a_theme(tmp_path: Path) -> None:
    (example,) = re.findall(r"```jinja\n(.*?)```", DOCS, re.DOTALL)
    folder = Path(shutil.copytree(packaged_themes() / "classic", tmp_path / "mine"))
    (folder / "digest.html.j2").write_text(example, "utf-8")

    rendered = _mine(folder)

    assert "Monday, 2 March 2026" in seen(rendered.html)
    assert "Harbour Courier · 06:40" in seen(rendered.html)
