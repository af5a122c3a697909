from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import html5lib  # type: ignore[import-untyped]
import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.editions.compiled import COMPILED
from digest.editions.frozen import dump_edition, load_edition
from digest.editions.message import build_message
from digest.editions.render import HTML_TEMPLATE, TEXT_TEMPLATE, Renderer, packaged_themes
from digest.editions.sandbox import Environment
from digest.errors import TemplateError
from digest.records import (
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

MakeStory = Callable[..., EditionStory]
Other = Callable[..., EditionSource]

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--[if mso]><b>",
    "&lt;b&gt; &amp;amp; &#x3c;",
    "' onmouseover='alert(1)",
    "]]></td></table>",
)


def parse(html: str):  # type: ignore[no-untyped-def]
    """The page as a tree; html5lib raises at the first thing that is not HTML5."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)


def visible_text(html: str) -> str:
    return " ".join("".join(parse(html).find("body").itertext()).split())


def with_stories(edition: Edition, *stories: EditionStory) -> Edition:
    return replace(edition, topics=(EditionTopic("World", stories),))


def in_one_line(text: str) -> str:
    """As it read before it was wrapped; Japanese is wrapped without blanks."""
    return " ".join(re.sub(r"(?<=[\u3000-\u9fff])\n *(?=[\u3000-\u9fff])", "", text).split())


def shown_texts(edition: Edition) -> Iterator[str]:
    yield edition.title
    for topic in edition.topics:
        yield topic.name
        for story in topic.stories:
            yield from (story.headline, story.source, story.author)
            yield from (sentence.text for sentence in story.summary)
            for also in story.also:
                yield from (also.feed, "" if also.copy else also.headline)
            if story.update:
                yield story.update.headline
    for failure in edition.failed:
        yield from (failure.feed, failure.reason)


def test_every_text_of_the_edition_stands_in_both_forms(
    edition: Edition, renderer: Renderer
) -> None:
    rendered = renderer.render(edition)
    html, text = visible_text(rendered.html), in_one_line(rendered.text)

    for shown in shown_texts(edition):
        assert in_one_line(shown) in html
        assert in_one_line(shown) in text
    for fixed in (
        "Tuesday, 24 November 2026",
        "97 articles of 14 feeds",
        "at 07:00 (London)",
    ):
        assert fixed in html
        assert fixed in text


def test_the_page_is_html5_without_a_single_error(edition: Edition, renderer: Renderer) -> None:
    html = renderer.render(edition).html

    tree = parse(html)

    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert [heading.text for heading in tree.iter("h1")] == ["The Morning Digest"]
    assert [heading.text for heading in tree.iter("h2")] == [topic.name for topic in edition.topics]
    assert len(list(tree.iter("h3"))) == len(edition.stories)
    assert all(table.get("role") == "presentation" for table in tree.iter("table"))


@pytest.mark.parametrize("mail", [True, False])
def test_the_page_loads_and_runs_nothing(edition: Edition, renderer: Renderer, mail: bool) -> None:
    tree = parse(renderer.render(edition, mail=mail).html)
    own = [] if mail else ["#topic-", "../2026-11-22/", "../index.html"]

    tags = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "base", "svg"}
    for element in tree.iter():
        assert not [name for name in element.keys() if name.startswith("on") or name == "src"]  # noqa: SIM118
        if "href" in element.keys():  # noqa: SIM118
            assert element.get("href").startswith(("https://", "http://", "mailto:", *own))
        assert "url(" not in (element.get("style") or "")


def test_styles_are_inlined_and_media_queries_kept(edition: Edition, renderer: Renderer) -> None:
    html = renderer.render(edition).html
    tree = parse(html)
    sheet = "".join(style.text or "" for style in tree.iter("style"))

    assert "@media (prefers-color-scheme: dark)" in sheet
    assert "@media (max-width: 599px)" in sheet
    assert "!important" in sheet
    assert "premailer" not in html
    assert all("Georgia" in (heading.get("style") or "") for heading in tree.iter("h3"))
    assert [
        meta.get("content") for meta in tree.iter("meta") if meta.get("name") == "color-scheme"
    ] == ["light dark"]
    # Gmail drops a style sheet of more than 8,192 characters.
    assert len(sheet) < 8192


def test_the_width_is_held_for_outlook(edition: Edition, renderer: Renderer) -> None:
    html = renderer.render(edition).html

    assert re.search(r'<!--\[if mso\]><table [^>]*width="640"', html)
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 2


def test_equal_editions_give_equal_bytes(edition: Edition, renderer: Renderer) -> None:
    first = renderer.render(edition)
    again = load_edition(dump_edition(edition), "edition.json")

    assert renderer.render(edition) == first
    assert Renderer([packaged_themes()]).render(again) == first


def test_neither_process_nor_machine_decides_the_bytes(
    edition: Edition, renderer: Renderer, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from digest.editions.frozen import load_edition\n"
        "from digest.editions.message import build_message\n"
        "from digest.editions.render import Renderer, packaged_themes\n"
        "edition = load_edition(Path(sys.argv[1]).read_bytes(), sys.argv[1])\n"
        "rendered = Renderer([packaged_themes()]).render(edition)\n"
        "sys.stdout.buffer.write(build_message(edition, rendered))\n"
    )
    (tmp_path / "edition.json").write_bytes(dump_edition(edition))
    made = [
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / "edition.json"],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "Pacific/Auckland"), ("2", "America/Lima"))
    ]

    assert made == [build_message(edition, renderer.render(edition))] * 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_shown_as_text_wherever_it_stands(
    edition: Edition, renderer: Renderer, hostile: str, make_story: MakeStory, other: Other
) -> None:
    def page(text: str) -> str:
        story = make_story(
            text,
            text,
            source=text,
            author=text,
            url="https://example.org/story",
            language="'><b>",
            id="s1",
            also=(other(text, text, "https://example.org/"),),
            update=Update("2026-11-22", text, text, (text,)),
            image=Image("https://example.org/picture.jpg", 600, 400, text),
        )
        second = replace(story, id="s2")
        return renderer.render(
            replace(
                edition,
                title=text,
                subject=text,
                preheader=text,
                topics=(EditionTopic(text, (story,)), EditionTopic(text, (second,))),
                failed=(FailedFeed(text, text),),
                note=(text,),
                postal=text,
                images="all",
            ),
            mail=True,  # without the link, whose address holds the text
            reader=Reader(text),
        ).html

    # The same elements and attributes as with harmless text: nothing of it became markup.
    assert _skeleton(page(hostile)) == _skeleton(page("harmless"))
    assert visible_text(page(hostile)).count(in_one_line(hostile)) == 28
    texts = [element.get(name) for element in parse(page(hostile)).iter() for name in _TEXTS]
    assert [text for text in texts if text not in (None, "email")] == [hostile] * 3


def test_hostile_text_is_plain_in_the_text_form(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    text = renderer.render(with_stories(edition, *map(make_story, HOSTILE))).text

    for hostile in HOSTILE:
        assert in_one_line(hostile) in in_one_line(text)


_TEXTS = ("aria-label", "alt")


def _skeleton(html: str) -> list[tuple[object, tuple[tuple[str, str], ...]]]:
    """Elements and attributes; of those whose value is a text only that they are there."""
    return [
        (
            element.tag if isinstance(element.tag, str) else "comment",
            tuple(sorted((key, "" if key in _TEXTS else value) for key, value in element.items())),
        )
        for element in parse(html).iter()
    ]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "/relative", ""])
def test_a_story_without_a_safe_address_is_told_without_a_link(
    edition: Edition, renderer: Renderer, address: str, make_story: MakeStory, other: Other
) -> None:
    story = make_story(
        "Told all the same", url=address, also=(other("Post", "So is this", address),)
    )
    rendered = renderer.render(with_stories(edition, story))

    assert links(rendered.html) == ["../index.html"]  # the list of all editions
    assert "Told all the same" in visible_text(rendered.html)
    assert "So is this" in rendered.text
    if address:
        assert address not in rendered.html + rendered.text


def test_a_line_of_its_own_for_each_address_in_the_text(
    edition: Edition, renderer: Renderer
) -> None:
    lines = [line.strip() for line in renderer.render(edition).text.splitlines()]

    for story in edition.stories:
        assert story.url in lines
    assert "https://quotidien.example.net/d%C3%A9troit/horaire" in lines


def test_the_text_keeps_to_72_columns_and_underlines_topics(
    edition: Edition, renderer: Renderer
) -> None:
    text = renderer.render(edition).text

    assert text.endswith("\n")
    assert "\n\n\n\n" not in text
    for line in text.splitlines():
        assert len(line) <= 72 or " " not in line.strip()
        assert line == line.rstrip()
    assert "\nWorld\n-----\n" in text


def test_a_headline_of_300_characters_and_an_endless_word_are_kept_whole(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    long, endless = "A very long headline " * 14 + "ends", "x" * 400
    huge = "word " * 20_000 + "end"
    rendered = renderer.render(
        with_stories(edition, make_story(long), make_story(endless), make_story(huge))
    )

    assert long in visible_text(rendered.html)
    assert long in in_one_line(rendered.text)
    assert endless in rendered.html
    assert endless in rendered.text
    assert huge in visible_text(rendered.html)


def test_a_story_in_a_script_from_right_to_left_says_so(
    edition: Edition, renderer: Renderer
) -> None:
    tree = parse(renderer.render(edition).html)
    cells = [cell for cell in tree.iter("td") if cell.get("class") == "story"]

    directions = [(cell.get("lang"), cell.get("dir"), cell.get("align")) for cell in cells]
    assert ("ar", "rtl", "right") in directions
    assert ("he", "rtl", "right") in directions
    assert ("ja", None, None) in directions


def test_no_time_is_shown_where_the_feed_gave_none(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    story = make_story("Undated", date_origin="missing")
    rendered = renderer.render(with_stories(edition, story))

    for form in (visible_text(rendered.html), rendered.text):
        assert "time not given" in form
        assert "06:40" not in form


def test_the_footer_claims_word_for_word_only_where_that_is_true(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    claim = "each sentence stands word for word in the linked article"
    written = with_stories(edition, make_story("Written", "By a model.", model="bart"))

    assert claim in visible_text(renderer.render(edition).html)
    for form in (renderer.render(written).html, renderer.render(written).text):
        assert claim not in form
        assert "was checked against the article" in in_one_line(form)


def test_twenty_long_stories_stay_well_under_the_size_at_which_gmail_clips(
    edition: Edition, renderer: Renderer, make_story: MakeStory, other: Other
) -> None:
    sentence = (
        "The council voted on Monday to keep the harbour crossing open through the winter, " * 2
    )
    also = tuple(
        other(
            f"Feed {n}", "Council keeps the crossing open for one more winter", f"https://e.org/{n}"
        )
        for n in range(4)
    )
    stories = tuple(
        make_story(
            f"Story {n}: council keeps the crossing open for one more winter despite the cost",
            sentence,
            sentence,
            author="Ines Maalouf",
            url=f"https://news.example.org/2026/11/24/a-rather-long-address-as-they-are/{n}?edition=uk",
            also=also,
        )
        for n in range(20)
    )
    topics = tuple(EditionTopic(f"Topic {n}", stories[n::6]) for n in range(6))

    assert len(renderer.render(replace(edition, topics=topics)).html.encode()) < 60_000


# --- updates and copies ---------------------------------------------------------------------

UPDATE = Update("2026-11-22", "s12", "Old faults found", ("41",))


def links(html: str) -> list[str]:
    return [anchor.attrib["href"] for anchor in parse(html).iter("a")]


@pytest.fixture
def updated(edition: Edition, make_story: MakeStory) -> Edition:
    story = make_story("New faults", "More of them.", id="s13", update=UPDATE)
    return with_stories(replace(edition, archive="https://news.example.org/d"), story)


def test_an_update_is_marked_and_names_what_was_told(updated: Edition, renderer: Renderer) -> None:
    rendered = renderer.render(updated)
    told = "We told of this on Sunday, 22 November: Old faults found"
    assert "Update New faults" in visible_text(rendered.html)
    assert told in visible_text(rendered.html)
    assert "\nUpdate: New faults\n" in rendered.text
    assert told in in_one_line(rendered.text)


def test_an_update_leads_to_the_earlier_story_in_the_archive(
    updated: Edition, renderer: Renderer
) -> None:
    address = "https://news.example.org/d/morning/2026-11-22/index.html#s12"
    for mail in (False, True):
        rendered = renderer.render(updated, mail=mail)
        assert address in links(rendered.html)
        assert address in rendered.text.splitlines()


def test_without_an_archive_the_page_leads_to_the_folder_beside_and_a_mail_nowhere(
    updated: Edition, renderer: Renderer
) -> None:
    unpublished = replace(updated, archive="")
    page, mail = renderer.render(unpublished), renderer.render(unpublished, mail=True)
    assert "../2026-11-22/index.html#s12" in links(page.html)
    assert links(mail.html)[:-1] == [updated.stories[0].url]
    assert links(mail.html)[-1].startswith("mailto:digest@example.org?")
    for form in (page.text, mail.text, page.markdown, mail.markdown, mail.html):
        assert "index.html" not in form
    told = "We told of this on Sunday, 22 November: Old faults found"
    assert told in visible_text(page.html)
    assert told in visible_text(mail.html)


def test_an_earlier_edition_of_another_year_is_named_with_its_year(
    updated: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    story = make_story("New faults", update=replace(UPDATE, date="2025-12-31"))
    text = renderer.render(with_stories(updated, story)).text
    assert "We told of this on Wednesday, 31 December 2025: Old faults found" in text


def test_each_story_has_its_place_on_the_page(updated: Edition, renderer: Renderer) -> None:
    page = parse(renderer.render(updated).html)
    assert [cell.attrib.get("id") for cell in page.iter("td") if "id" in cell.attrib] == ["s13"]


def test_copies_are_one_line_apart_from_other_tellings(
    edition: Edition, renderer: Renderer, make_story: MakeStory, other: Other
) -> None:
    copy = partial(other, copy=True)
    story = make_story(
        "Tugs",
        also=(
            copy("Harbour Gazette", "Tugs!", "https://gazette.example/tugs"),
            copy("Nordlys", "Tugs!", ""),
            other("Touchline", "Twelve boats", "https://touch.example/boats"),
            copy("The Bay", "Boats!", "https://bay.example/boats"),
        ),
    )
    rendered = renderer.render(with_stories(edition, story))
    assert (
        "Same text in: Harbour Gazette · Nordlys "
        "Also covered by Touchline 05:15 · Twelve boats (same text in The Bay)"
    ) in visible_text(rendered.html)
    assert "https://gazette.example/tugs" in links(rendered.html)
    assert "https://bay.example/boats" in links(rendered.html)
    assert rendered.text.split("Same text in", 1)[1].splitlines()[:10] == [
        ": Harbour Gazette",
        "https://gazette.example/tugs",
        "Same text in: Nordlys",
        "",
        "Also covered by",
        "  Touchline · 05:15 · Twelve boats",
        "  https://touch.example/boats",
        "  Same text in: The Bay",
        "  https://bay.example/boats",
        "",
    ]


def test_a_story_with_copies_alone_is_covered_by_nobody_else(
    edition: Edition, renderer: Renderer, make_story: MakeStory, other: Other
) -> None:
    also = (other("Nordlys", "Tugs!", "https://n.example/", copy=True),)
    rendered = renderer.render(with_stories(edition, make_story("Tugs", also=also)))
    assert "Same text in: Nordlys" in visible_text(rendered.html)
    assert "Also covered by" not in rendered.html + rendered.text


@pytest.mark.parametrize(
    ("retold", "words"),
    [
        (0, "(London)."),
        (1, "(London). Left out: 1 story told before, with nothing new."),
        (3, "(London). Left out: 3 stories told before, with nothing new."),
    ],
)
def test_stories_without_news_are_counted_in_the_footer(
    edition: Edition, renderer: Renderer, retold: int, words: str
) -> None:
    rendered = renderer.render(replace(edition, retold=retold))
    assert f"{words} Feeds that have been failing" in visible_text(rendered.html)
    assert f"{words} Feeds that have been failing" in in_one_line(rendered.text)


def test_feeds_that_fail_are_told_to_editors_and_to_readers_only_when_wanted(
    edition: Edition, renderer: Renderer
) -> None:
    quiet = replace(edition, show_failed=False)
    for form in (renderer.render(quiet), renderer.render(quiet, mail=True)):
        assert "Valley Radio" not in form.html + form.text
    for_editors = renderer.render(quiet, editors=True)
    for text in (visible_text(for_editors.html), in_one_line(for_editors.text)):
        assert "For editors only: feeds that have been failing Valley Radio" in text


def test_a_story_behind_a_paywall_says_so(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    walled = replace(make_story("Tugs"), paywall=True)
    rendered = renderer.render(with_stories(edition, walled))
    assert "for subscribers" in visible_text(rendered.html)
    assert "for subscribers" in rendered.text


def test_a_topic_without_stories_is_not_printed(edition: Edition, renderer: Renderer) -> None:
    rendered = renderer.render(replace(edition, topics=(*edition.topics, EditionTopic("Void", ()))))

    assert rendered == renderer.render(edition)


def test_an_edition_of_one_topic_and_one_story_reads_well(
    edition: Edition, renderer: Renderer, make_story: MakeStory
) -> None:
    small = replace(
        with_stories(edition, make_story("Only this", "One sentence.")),
        feeds=1,
        articles=1,
        failed=(),
    )
    rendered = renderer.render(small)

    for form in (visible_text(rendered.html), rendered.text):
        assert "1 story" in form
        assert "1 article of 1 feed" in form
        assert "Feeds that have been failing" not in form


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    headline=st.text(max_size=80),
    summary=st.text(max_size=200),
    url=st.text(max_size=80),
    theme=st.sampled_from(["classic", "compact"]),
)
def test_no_text_breaks_the_page(
    edition: Edition,
    renderer: Renderer,
    headline: str,
    summary: str,
    url: str,
    theme: str,
    make_story: MakeStory,
) -> None:
    story = make_story(
        headline, url=f"https://example.org/{url}", summary=(SummarySentence(summary, (0,), 1.0),)
    )
    rendered = renderer.render(replace(with_stories(edition, story), template=theme))

    parse(rendered.html)
    rendered.html.encode()
    rendered.text.encode()
    rendered.markdown.encode()


def test_rendering_opens_no_connection(
    edition: Edition, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("rendering must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    renderer.render(edition)


# --- themes --------------------------------------------------------------------------------


@pytest.fixture
def theme(tmp_path: Path) -> Path:
    """A copy of classic that a test may change, as theme `mine`."""
    return Path(shutil.copytree(packaged_themes() / "classic", tmp_path / "themes" / "mine"))


def mine(edition: Edition) -> Edition:
    return replace(edition, template="mine")


def test_themes_of_every_folder_are_listed(theme: Path) -> None:
    packaged = ["classic", "compact"]
    assert Renderer([packaged_themes()]).themes() == packaged
    assert Renderer([theme.parent, packaged_themes()]).themes() == [*packaged, "mine"]
    assert Renderer([theme.parent / "absent", packaged_themes()]).themes() == packaged


def test_an_unknown_theme_names_those_there_are(edition: Edition, theme: Path) -> None:
    renderer = Renderer([theme.parent, packaged_themes()])

    with pytest.raises(TemplateError, match=r"theme 'modern' is unknown.*classic, compact, mine"):
        renderer.render(replace(edition, template="modern"))
    with pytest.raises(TemplateError, match="is unknown"):
        renderer.render(replace(edition, template="../classic"))


def test_a_file_of_the_users_wins_over_the_packaged_one(edition: Edition, tmp_path: Path) -> None:
    (tmp_path / "classic").mkdir()
    (tmp_path / "classic" / "style.css").write_text("h1 { color: #123456 }")

    html = Renderer([tmp_path, packaged_themes()]).render(edition).html

    assert '<h1 style="color:#123456">' in html


def test_an_edited_template_is_noticed_by_a_new_renderer(edition: Edition, theme: Path) -> None:
    before = Renderer([theme.parent]).render(mine(edition))
    page = theme / HTML_TEMPLATE
    page.write_text(page.read_text("utf-8") + "{% block contents %}<!--new-->{% endblock %}")

    after = Renderer([theme.parent]).render(mine(edition))

    assert 'class="contents"' in before.html
    assert 'class="contents"' not in after.html
    assert "<!--new-->" in after.html


def test_a_theme_is_compiled_once_a_process(
    edition: Edition, theme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is rendered in another language; another folder's theme is another one."""
    before = Renderer([theme.parent]).render(mine(edition))
    compiled: list[str] = []
    compile = Environment.compile

    def noting(self: Environment, source: str, name: str, *rest: Any) -> Any:
        compiled.append(name)
        return compile(self, source, name, *rest)

    monkeypatch.setattr(Environment, "compile", noting)
    assert Renderer([theme.parent]).render(mine(edition)) == before
    Renderer([theme.parent]).render(replace(mine(edition), language="de"))
    assert compiled == []
    elsewhere = theme.parents[1] / "elsewhere" / theme.name
    shutil.copytree(theme, elsewhere)
    (elsewhere / TEXT_TEMPLATE).write_text("the other one\n")
    after = Renderer([elsewhere.parent]).render(mine(edition))
    assert (after.html, after.text) == (before.html, "the other one\n")
    assert TEXT_TEMPLATE in compiled
    assert Renderer([theme.parent]).render(mine(edition)) == before


def test_what_is_compiled_without_escaping_is_used_by_nobody_who_escapes(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ name }}")
    shown = [
        jinja2.Environment(
            loader=jinja2.FileSystemLoader(tmp_path), autoescape=escapes, bytecode_cache=COMPILED
        )
        .get_template("page.html")
        .render(name="<b>")
        for escapes in (False, True, False)
    ]
    assert shown == ["<b>", "&lt;b&gt;", "<b>"]


def test_what_is_compiled_without_bounds_is_not_used_within_them(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ ''.__class__ }}{{ 9 ** n }}")
    loader = jinja2.FileSystemLoader(tmp_path)

    class Bounded(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"**"})

        def call_binop(self, _context: Any, operator: str, left: Any, right: Any) -> Any:
            return f"{left} {operator} {right}"

    Bounded.__qualname__, Bounded.__module__ = "Environment", "jinja2.environment"
    free, bounded, free_again = (
        kind(loader=loader, bytecode_cache=COMPILED).get_template("page.html").render(n=2)
        for kind in (jinja2.Environment, Bounded, jinja2.Environment)
    )
    assert free == free_again == "<class 'str'>81"
    assert bounded == "9 ** 2"


def test_an_ordinary_media_query_of_a_theme_is_kept_and_outranks_inlined_styles(
    edition: Edition, theme: Path
) -> None:
    (theme / "style.css").write_text(
        "h1 { color: #123456 } @media (prefers-color-scheme: dark) { h1 { color: #fedcba } }"
    )

    html = Renderer([theme.parent]).render(mine(edition)).html

    assert '<h1 style="color:#123456">' in html
    assert re.search(r"prefers-color-scheme: dark\)[^}]*color: #fedcba !important", html)


@pytest.mark.parametrize(
    ("name", "broken", "told"),
    [
        (HTML_TEMPLATE, "<p>\n{% if %}\n", r"digest\.html\.j2:2: "),
        (HTML_TEMPLATE, "<p>\n\n{{ edition.tittle }}\n", r"digest\.html\.j2:3: .*tittle"),
        (
            HTML_TEMPLATE,
            "\n{% include 'gone.css' %}",
            r"digest\.html\.j2:2: .*'gone\.css' is missing",
        ),
        (HTML_TEMPLATE, "<p>\n{{ 1 / 0 }}", r"digest\.html\.j2:2: ZeroDivisionError"),
        (HTML_TEMPLATE, "\n{{ edition.__class__.__mro__ }}", r"digest\.html\.j2:2: "),
        (HTML_TEMPLATE, "<p>{{ 'x' | sparkle }}", r"digest\.html\.j2:1: .*sparkle"),
        (HTML_TEMPLATE, "", r"digest\.html\.j2: its CSS can't be inlined"),
        ("digest.txt.j2", "a\nb\n{{ nobody }}", r"digest\.txt\.j2:3: there is no 'nobody'"),
        ("style.css", "h1 {\n color: {{ colour }} }", r"style\.css:2: there is no 'colour'"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    edition: Edition, theme: Path, name: str, broken: str, told: str
) -> None:
    (theme / name).write_text(broken, "utf-8")

    with pytest.raises(TemplateError, match=told) as raised:
        Renderer([theme.parent]).render(mine(edition))

    assert str(theme / name) in str(raised.value)
    assert raised.value.__cause__ is not None


def test_a_theme_has_the_plain_text_and_the_markdown_that_all_share(
    edition: Edition, theme: Path
) -> None:
    shared = Renderer([theme.parent]).render(mine(edition))
    (theme / "digest.txt.j2").write_text("{{ edition.title }}\n")
    own = Renderer([theme.parent]).render(mine(edition))

    assert shared == Renderer([packaged_themes()]).render(edition)
    assert own.text == "The Morning Digest\n"
    assert own.markdown == shared.markdown


def test_broken_css_prints_nothing(
    edition: Edition, theme: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (theme / "style.css").write_text("h1 { color: ; ;; } } @nonsense x; p { colour }")

    Renderer([theme.parent]).render(mine(edition))

    assert capfd.readouterr() == ("", "")
