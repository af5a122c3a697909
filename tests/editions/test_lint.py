"""Each rule is silent about a good page and speaks about one that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.limits import MAX_BYTES
from digest.editions.lint import lint, measure
from digest.editions.render import Renderer
from digest.editions.sample import sample_edition
from digest.feeds.entries import language_tag
from digest.records import (
    Edition,
    EditionStory,
    EditionTopic,
    Finding,
    Image,
    Reader,
    Rendered,
    SummarySentence,
)

BUILT = datetime(2026, 3, 2, 7, tzinfo=UTC)

CSS = """\
.page { background-color: #ffffff }
.story { color: #222222 }
.quiet { color: #555555 }
"""
DARK = """\
@media (prefers-color-scheme: dark) {
  .page { background-color: #111111 !important }
  .story, .quiet { color: #eeeeee !important }
  a { color: #aaccff !important }
}
"""
HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>Harbour reopens</title>
<style>
@media (prefers-color-scheme: dark) {
  .page { background-color: #111111 !important }
  .story, .quiet { color: #eeeeee !important }
  a { color: #aaccff !important }
}
</style>
</head>
<body>
<div style="display: none">Harbour reopens</div>
<table role="presentation" class="page" style="background-color: #ffffff"><tr><td>
<h1>Morning</h1>
<h2>World</h2>
<div class="story" id="s1" style="color: #222222">
<h3><a href="https://example.org/1" style="color: #222222">Harbour reopens</a></h3>
<img src="https://example.org/1.jpg" alt="A harbour" width="600" height="400">
<p>Ships came in on Monday. The crane is still closed.</p>
<p class="quiet" style="color: #555555">Harbour Courier</p>
</div>
<div class="story" id="s2" lang="ar" dir="rtl" style="color: #222222">
<h3><a href="https://example.org/2" style="color: #222222">الميناء يفتح</a></h3>
</div>
<p style="color: #555555">
<a href="mailto:desk@example.org?subject=unsubscribe%20morning">Unsubscribe</a>
<a href="mailto:help@example.org">Write to us</a></p>
</td></tr></table>
</body>
</html>
"""
TEXT = """Morning

Harbour
reopens
https://example.org/1
Ships came in on
Monday. The crane is still
closed.

الميناء يفتح
https://example.org/2

Write to us: help@example.org
Unsubscribe: desk@example.org
"""
SOURCES = {"theme/style.css": CSS, "theme/adaptive.css": DARK, "theme/digest.txt.j2": "{{ text }}"}


def _story(**fields: object) -> EditionStory:
    story = EditionStory(
        id="s1",
        article="a1",
        headline="Harbour reopens",
        url="https://example.org/1",
        source="Harbour Courier",
        published=BUILT,
        date_origin="feed",
        summary=(
            SummarySentence("Ships came in on Monday.", (0,), 1.0),
            SummarySentence("The crane is still closed.", (1,), 1.0),
        ),
        model="extractive",
        minutes=2,
        language="en",
    )
    return replace(story, **fields)  # type: ignore[arg-type]


ARABIC = _story(
    id="s2",
    headline="الميناء يفتح",
    url="https://example.org/2",
    summary=(),
    language="ar",
    direction="rtl",
)
EDITION = Edition(
    digest="morning",
    title="Morning",
    date="2026-03-02",
    timezone="UTC",
    built=BUILT,
    subject="Harbour reopens",
    preheader="Harbour reopens",
    sender="desk@example.org",
    template="classic",
    topics=(EditionTopic("World", (_story(), ARABIC)),),
)


def found(
    html: str = HTML,
    text: str = TEXT,
    edition: Edition = EDITION,
    sources: dict[str, str] = SOURCES,
) -> tuple[Finding, ...]:
    return lint(edition, Rendered(html, text), sources)


def broken(old: str, new: str, html: str = HTML) -> str:
    assert old in html
    return html.replace(old, new, 1)


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_good_page_has_no_finding() -> None:
    assert found() == ()


@pytest.mark.parametrize("theme", ["classic", "compact"])
def test_the_packaged_themes_have_no_error_and_no_fault_of_their_own(
    renderer: Renderer, theme: str
) -> None:
    edition = sample_edition(theme)
    findings = lint(edition, renderer.render(edition, mail=True), renderer.sources(theme))
    # What is left is said of the sample's own mess: stories without a link or headline.
    assert {finding.severity for finding in findings} <= {"warning"}, findings
    assert {finding.rule for finding in findings} <= {"links", "content", "leftovers"}, findings


@pytest.mark.parametrize("theme", ["classic", "compact"])
def test_a_messy_edition_has_no_error_in_the_packaged_themes(
    renderer: Renderer, edition: Edition, theme: str
) -> None:
    reader = Reader("ada@example.org", "Ada", "https://example.org/u", "https://example.org/p")
    edition = replace(
        edition,
        template=theme,
        topics=tuple(map(_with_pictures, edition.topics)),
        images="all",
        note=("Good morning. One story was corrected.",),
        postal="The Morning Digest, 1 Pier Road",
        archive="https://example.org/digests",
        language="de",
    )
    rendered = renderer.render(edition, mail=True, reader=reader)
    findings = lint(edition, rendered, renderer.sources(theme), reader=reader)
    assert [finding for finding in findings if finding.severity == "error"] == []


def _with_pictures(topic: EditionTopic) -> EditionTopic:
    picture = Image("https://img.example.org/1.jpg", 1200, 800, "A ferry leaves the harbour")
    bare = Image("https://img.example.org/2.webp")
    stories = enumerate(topic.stories)
    return replace(
        topic,
        stories=tuple(replace(story, image=bare if at % 2 else picture) for at, story in stories),
    )


def test_what_is_printable_of_a_hostile_title_counts_as_its_headline(renderer: Renderer) -> None:
    story = _story(headline='<b>"A"</b>\x00 \u202eB &amp; {{ 1 }}' + "\ud800")
    edition = replace(EDITION, topics=(EditionTopic("World", (story,)),))
    findings = lint(edition, renderer.render(edition, mail=True), renderer.sources("classic"))
    assert findings == ()


# --- size ---------------------------------------------------------------------------------


def _of_size(count: int) -> str:
    return HTML.replace("</body>", f"<!--{'x' * (count - len(HTML.encode()) - 7)}--></body>")


def test_a_page_that_was_made_to_fit_may_be_nearly_too_large() -> None:
    assert found(_of_size(MAX_BYTES), edition=replace(EDITION, trimmed=3)) == ()
    assert found(_of_size(MAX_BYTES + 1), edition=replace(EDITION, trimmed=3)) != ()


def test_a_page_that_is_too_large_is_an_error_and_one_that_nearly_is_a_warning() -> None:
    assert found(_of_size(MAX_BYTES * 9 // 10)) == ()
    near = only(found(_of_size(MAX_BYTES)))
    assert (near.rule, near.severity) == ("size", "warning")
    over = only(found(_of_size(MAX_BYTES + 1)))
    assert (over.rule, over.severity) == ("size", "error")
    assert "100.0 kB of at most 100" in over.message


# --- what the edition holds ---------------------------------------------------------------


def test_an_edition_without_stories_is_told_of() -> None:
    empty = replace(EDITION, topics=())
    finding = only(found(edition=empty))
    assert (finding.rule, finding.severity) == ("content", "warning")
    assert "no stories" in finding.message


@pytest.mark.parametrize("preheader", ["", "  ", "Something that the page doesn't say"])
def test_a_preheader_that_is_missing_is_told_of(preheader: str) -> None:
    finding = only(found(edition=replace(EDITION, preheader=preheader)))
    assert (finding.rule, finding.severity) == ("content", "warning")
    assert "preheader" in finding.message


def test_a_story_without_headline_or_link_is_named() -> None:
    bare = replace(_story(), headline="", url="")
    findings = found(edition=replace(EDITION, topics=(EditionTopic("World", (bare, ARABIC)),)))
    assert {(finding.message, finding.where) for finding in findings} == {
        ("the story has no headline", "story s1"),
        ("the story has no link", "story s1"),
    }


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Ships &amp;amp; cranes", "&amp;"),
        ("Ships &amp;#8217; cranes", "&#8217;"),
        ("Ships &lt;b&gt;and&lt;/b&gt; cranes", "a tag"),
        ("Ships {{ story.text }} cranes", "{{ story.text }}"),
        ("Ships {% if x %} cranes", "{% if x %}"),
    ],
)
def test_markup_that_is_to_be_seen_is_told_of_with_its_story(text: str, seen: str) -> None:
    finding = only(found(broken("Harbour Courier</p>", f"{text}</p>")))
    assert (finding.rule, finding.severity) == ("leftovers", "warning")
    assert finding.message.startswith(f"{seen} is to be seen")
    assert finding.where == "Harbour reopens"


@pytest.mark.parametrize("text", ["R&amp;D", "a &lt; b", "x &lt;y&gt; z", "{a, b}", "AT&amp;T;"])
def test_what_only_looks_like_markup_is_left_alone(text: str) -> None:
    assert found(broken("Harbour Courier</p>", f"{text}</p>")) == ()


@pytest.mark.parametrize(
    "said",
    ["How to write <script> in HTML", "Ships &amp; cranes", "What {{ braces }} are for"],
)
def test_what_a_text_of_the_edition_says_itself_is_no_leftover(
    renderer: Renderer, said: str
) -> None:
    long = f"{said} {'and more of the same ' * 8}"  # is cut in the list of contents
    other = replace(ARABIC, headline=long, source=said, author=said, language="", direction="ltr")
    sentences = (SummarySentence(f"It says {said}.", (0,), 1.0), SummarySentence(said, (1,), 1.0))
    story = _story(headline=said, summary=sentences)
    topics = (EditionTopic("World", (other,)), EditionTopic(said, (story,)))
    edition = replace(EDITION, topics=topics, preheader=said, subject=said, note=(said,))
    rendered = renderer.render(edition, mail=True)
    assert lint(edition, rendered, renderer.sources("classic")) == ()
    html = rendered.html.replace("Harbour Courier", "Harbour &amp;lt;Courier")
    assert html != rendered.html
    assert {one.rule for one in lint(edition, replace(rendered, html=html), {})} == {"leftovers"}


def test_what_a_text_says_once_is_not_excused_where_it_stands_beside_another() -> None:
    story = _story(headline="Ships &amp; cranes")
    edition = replace(EDITION, topics=(EditionTopic("World", (story, ARABIC)),))
    html = broken("Harbour reopens</a>", "Ships &amp;amp; cranes</a>")
    text = broken("Harbour\nreopens", "Ships &amp; cranes", TEXT)
    assert found(html, text, edition) == ()
    html = broken("Harbour Courier</p>", "R&amp;amp;D</p>", html)
    assert [one.rule for one in found(html, text, edition)] == ["leftovers"]


# --- links and pictures -------------------------------------------------------------------


@pytest.mark.parametrize(
    "href",
    [
        "",
        "../2026-03-01/",
        "//example.org/",
        "ftp://example.org/",
        "tel:+44",
        "https:///x",
        "mailto:",
    ],
)
def test_a_link_that_is_not_absolute_or_of_another_kind_is_an_error(href: str) -> None:
    html = broken('<a href="https://example.org/1"', f'<a href="{href}"')
    finding = only(tuple(one for one in found(html) if one.rule == "links"))
    assert (finding.severity, finding.where) == ("error", "Harbour reopens")


def test_a_link_within_the_mail_leads_to_what_is_there() -> None:
    link = '<p><a href="#s2" style="color: #222222">Next</a></p></div>'
    assert found(broken("</div>\n<div", f"{link}\n<div")) == ()
    finding = only(found(broken("</div>\n<div", f"{link.replace('#s2', '#s9')}\n<div")))
    assert (finding.rule, finding.severity) == ("links", "error")
    assert "#s9" in finding.message


def test_a_link_without_words_is_a_warning_and_one_round_a_picture_has_those_of_its_alt() -> None:
    image = '<img alt="A" src="https://example.org/1.png" width="1" height="1">'
    for words in ("Ships", image):
        link = f'<a href="https://example.org/1" style="color: #222222">{words}</a>'
        assert found(broken("<p>Ships", f"{link}<p>Ships")) == ()
    for words in (" ", image.replace('"A"', '""')):
        link = f'<a href="https://example.org/1">{words}</a>'
        finding = only(found(broken("<p>Ships", f"{link}<p>Ships")))
        assert (finding.rule, finding.severity) == ("links", "warning")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (' alt="A harbour"', "", "no alt"),
        ("https://example.org/1.jpg", "1.jpg", "no http or https address"),
        ("https://example.org/1.jpg", "data:image/gif;base64,R0lGOD", "no http"),
        ('src="https://example.org/1.jpg" ', "", "no src"),
        (' width="600"', "", "no width"),
        (' height="400"', ' height="auto"', "no height"),
        (' width="600"', ' width="0"', "no width"),
        ("<img", '<img srcset="/b.png"', "(srcset) is at no http or https address: /b.png"),
        ("<img", '<img srcset="https://e.org/a.png 2x,b.png"', "address: b.png"),
        ("<p>Ships", '<p background="/rel.png">Ships', "(background) is at no http"),
    ],
)
def test_a_picture_has_an_address_words_and_a_size(old: str, new: str, said: str) -> None:
    findings = tuple(one for one in found(broken(old, new)) if one.rule == "images")
    finding = only(findings)
    assert (finding.severity, finding.where) == ("error", "Harbour reopens")
    assert said in finding.message


@pytest.mark.parametrize("url", ["url(/rel.png)", "url('rel.png')", "url(data:image/gif;base64,R)"])
def test_a_picture_of_the_styles_is_at_an_address_too(url: str) -> None:
    style = f"background-image: {url}"
    sources = {**SOURCES, "theme/more.css": f"p {{\n  {style} }}"}
    for html in (
        broken("<p>Ships", f'<p style="{style}">Ships'),
        broken("</style>", f".story {{ {style} }}</style>"),
    ):
        findings = found(html, sources=sources)
        finding = only(tuple(one for one in findings if one.rule == "images"))
        assert (finding.severity, finding.where) == ("error", "theme/more.css:2")


@pytest.mark.parametrize(
    "markup",
    [
        '<img srcset="https://e.org/a,b.png 1x, https://e.org/b.png 2x"',
        '<img srcset=" https://e.org/a.png, https://e.org/b.png"',
        '<img srcset="https://e.org/a.png 2x,https://e.org/b.png"',
        '<img style="background: url(https://e.org/a.png)"',
        '<img style="filter: url(#soft)"',
        '<img srcset=""',
    ],
)
def test_pictures_on_the_web_are_good_wherever_they_are_named(markup: str) -> None:
    findings = found(broken("<img", markup))
    assert [one for one in findings if one.rule == "images"] == []


def test_a_picture_that_only_adorns_may_have_an_empty_alt() -> None:
    assert found(broken('alt="A harbour"', 'alt=""')) == ()


def test_a_story_is_known_by_its_headline_where_a_theme_gives_no_ids() -> None:
    html = HTML.replace(' id="s1"', "").replace(' id="s2"', "")
    assert found(html) == ()
    finding = only(found(broken(' alt="A harbour"', "", html)))
    assert finding.where == "Harbour reopens"
    finding = only(found(broken(' dir="rtl"', "", html)))
    assert finding.where == "الميناء يفتح"


def test_what_is_in_no_story_is_found_in_the_template() -> None:
    sources = {
        **SOURCES,
        "theme/digest.html.j2": '<h1>\n<a class="x" href="{{ x }}">\n<a href="y">',
    }
    html = broken("mailto:help@example.org", "desk", HTML)
    finding = only(found(html, sources=sources))
    assert (finding.rule, finding.where) == ("links", "theme/digest.html.j2:2")


# --- headings, language, title ------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<h1>Morning</h1>", "<p>Morning</p>", "one h1; there are 0"),
        ("<h2>World</h2>", "<h1>World</h1>", "one h1; there are 2"),
        ("<h2>World</h2>", "<p>World</p>", "h3 comes after h1"),
        ("<h2>World</h2>", "<h2> <b></b></h2>", "an h2 is empty"),
        ("<h1>Morning</h1>", "<h2>Morning</h2><h1>Morning</h1>", "h2 comes after nothing"),
    ],
)
def test_headings_are_in_order(old: str, new: str, said: str) -> None:
    findings = found(broken(old, new))
    assert {(one.rule, one.severity) for one in findings} == {("headings", "error")}
    assert any(said in one.message for one in findings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('<html lang="en">', "<html>", "doesn't say its language"),
        ('<html lang="en">', '<html lang="en_GB">', "no language tag"),
        ('<html lang="en">', '<html lang="english, mostly">', "no language tag"),
        (' lang="ar"', "", "the story is in ar, but its lang says en"),
        (' lang="ar"', ' lang="fa"', "the story is in ar, but its lang says fa"),
        (' dir="rtl"', "", "from right to left"),
    ],
)
def test_languages_and_directions_are_said(old: str, new: str, said: str) -> None:
    findings = [one for one in found(broken(old, new)) if one.rule == "language"]
    assert any(said in one.message and one.severity == "error" for one in findings)


@pytest.mark.parametrize("given_language", ["en-us-utf8", "en_US.utf8", "zh-hans-cn", "x-none"])
def test_whatever_a_feed_says_of_its_language_the_packaged_themes_print_a_tag(
    renderer: Renderer, given_language: str
) -> None:
    for read in (given_language, language_tag(given_language)):
        edition = replace(EDITION, topics=(EditionTopic("World", (_story(language=read),)),))
        mail = renderer.render(edition, mail=True)
        assert lint(edition, mail, renderer.sources("classic")) == ()


@pytest.mark.parametrize("tag", ["en-GB", "zh-Hant-TW", "de-CH-1996", "sr-Latn", "en-x-town", "uk"])
def test_any_tag_of_bcp_47_is_a_language(tag: str) -> None:
    findings = found(broken('<html lang="en">', f'<html lang="{tag}">'))
    assert not any("language tag" in one.message for one in findings)


def test_a_story_of_unknown_language_need_not_say_one() -> None:
    story = replace(ARABIC, language="", direction="ltr")
    edition = replace(EDITION, topics=(EditionTopic("World", (_story(), story)),))
    assert found(broken(' lang="ar" dir="rtl"', ""), edition=edition) == ()


@pytest.mark.parametrize("title", ["", "<title> </title>"])
def test_a_page_has_a_title(title: str) -> None:
    finding = only(found(broken("<title>Harbour reopens</title>", title)))
    assert (finding.rule, finding.severity) == ("title", "error")


# --- plain text ---------------------------------------------------------------------------


def test_without_plain_text_there_is_an_error() -> None:
    finding = only(found(text=" \n"))
    assert (finding.rule, finding.severity) == ("text", "error")
    assert finding.where == "theme/digest.txt.j2"


@pytest.mark.parametrize(
    ("old", "said", "where"),
    [
        ("Harbour\nreopens\n", "lacks the headline", "Harbour reopens"),
        ("The crane is still\nclosed.", "lacks a sentence", "Harbour reopens"),
        (
            "https://example.org/2",
            "lacks a link of the HTML: https://example.org/2",
            "الميناء يفتح",
        ),
        ("help@example.org", "lacks a link of the HTML: help@example.org", "theme/digest.txt.j2"),
    ],
)
def test_the_plain_text_tells_all_that_the_html_tells(old: str, said: str, where: str) -> None:
    finding = only(found(text=broken(old, "", TEXT)))
    assert (finding.rule, finding.severity, finding.where) == ("text", "error", where)
    assert said in finding.message


def test_a_longer_link_does_not_stand_for_a_shorter_one() -> None:
    text = broken("https://example.org/1\n", "https://example.org/12\n", TEXT)
    assert only(found(text=text)).message.endswith("HTML: https://example.org/1")


@pytest.mark.parametrize("written", ["https://exam\nple.org/1", "(see https://example.org/1)."])
def test_a_link_in_the_text_may_be_wrapped_or_stand_in_a_sentence(written: str) -> None:
    assert found(text=broken("https://example.org/1", written, TEXT)) == ()


def test_a_link_may_end_with_a_bracket_and_stand_in_brackets() -> None:
    address = "https://example.org/1_(town)"
    html = broken('href="https://example.org/1"', f'href="{address}"')
    assert found(html, broken("https://example.org/1", f"(see {address}).", TEXT)) == ()


def test_a_sentence_that_the_html_leaves_out_may_be_left_out_of_the_text() -> None:
    html = broken(" The crane is still closed.", "")
    assert found(html, broken(" The crane is still\nclosed.", "", TEXT)) == ()


# --- what is forbidden --------------------------------------------------------------------


@pytest.mark.parametrize(
    "markup",
    [
        "<script>x</script>",
        "<form></form>",
        "<iframe src='https://example.org/'></iframe>",
        "<object></object>",
        "<embed>",
        "<input>",
        "<button>x</button>",
        "<base href='https://example.org/'>",
        "<link rel='stylesheet' href='https://example.org/x.css'>",
        "<meta http-equiv='Refresh' content='0'>",
        "<p onclick='x()'>x</p>",
        "<a href=' JavaScript:x()'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<p style='position: fixed'>x</p>",
        "<p style='position:absolute'>x</p>",
        "<p style='width: expression(1)'>x</p>",
        "<p style='behavior: url(x)'>x</p>",
        "<style>@import 'x.css';</style>",
        "<style>.page { position: sticky }</style>",
        "<style>@font-face { font-family: x; src: url(https://e.org/f.woff) }</style>",
        "<style>@media all { @font-face { src: local(a), url('f.woff') } }</style>",
    ],
)
def test_what_runs_asks_loads_or_covers_is_an_error(markup: str) -> None:
    findings = found(broken("</body>", f"{markup}</body>"))
    assert any((one.rule, one.severity) == ("forbidden", "error") for one in findings), findings


def test_what_is_forbidden_is_found_in_the_template() -> None:
    sources = {**SOURCES, "theme/digest.html.j2": "<html>\n<body>\n<script>x</script>\n"}
    findings = found(broken("</body>", "<script>x</script></body>"), sources=sources)
    assert only(findings).where == "theme/digest.html.j2:3"


# --- clients ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "lacking"),
    [
        ("display: flex", "Outlook, Windows"),
        ("display: grid", "Outlook, Windows"),
        ("width: calc(100% - 2px)", "Yahoo, web"),
        ("color: var(--ink)", "Gmail, web"),
        ("font-size: 1rem", "Yahoo, iOS"),
        ("gap: 8px", "Outlook, Windows"),
        ("background: linear-gradient(#ffffff, #eeeeee)", "Outlook, web and new"),
        ("padding-inline-start: 1px", "Gmail, Android"),
        ("margin: 0 -4px", "Gmail, web"),
        ("border-color: rgb(255 255 255)", "Gmail, iOS"),
    ],
)
def test_what_reading_depends_on_and_a_client_lacks_is_a_warning(style: str, lacking: str) -> None:
    sources = {**SOURCES, "theme/more.css": f"p {{\n  {style}\n}}\n"}
    finding = only(found(broken("<p>Ships", f'<p style="{style}">Ships'), sources=sources))
    assert (finding.rule, finding.severity) == ("support", "warning")
    assert lacking in finding.message
    assert finding.where == "theme/more.css:2"
    assert finding.support is not None
    assert 0 <= finding.support < 1


@pytest.mark.parametrize(
    "style",
    [
        "@media (max-width: 599px) { .page { display: flex } }",
        "a:hover { display: flex }",
        "@media (min-width: 600px) { .page { gap: 1rem } }",
    ],
)
def test_an_extra_is_no_finding_but_is_reported(style: str) -> None:
    html = broken("</style>", f"{style}</style>")
    assert found(html) == ()
    assert any(
        use.extra and use.feature.slug in ("css-display-flex", "css-gap")
        for use in measure(Rendered(html, TEXT)).uses
    )


def test_what_only_looks_plainer_is_no_finding() -> None:
    style = "border-radius: 4px; box-shadow: 0 1px 2px #000000; text-shadow: none; opacity: 1"
    assert found(broken("<p>Ships", f'<p style="{style}">Ships')) == ()


# --- in all -------------------------------------------------------------------------------


def test_errors_come_first_and_many_of_a_kind_are_counted() -> None:
    pictures = "".join(f"<img src='https://e.org/{n}.jpg' alt=''>" for n in range(30))
    html = broken(
        "<p>Ships", f"{pictures}<a href='https://example.org/1'></a><script></script><p>Ships"
    )
    findings = found(html)
    assert [one.severity for one in findings] == ["error"] * 12 + ["warning"]
    assert findings[-2].message == "and 20 more of this rule"


def test_what_is_counted_is_the_bytes_and_the_support() -> None:
    measured = measure(Rendered(HTML, TEXT))
    assert measured.bytes == len(HTML.encode())
    assert measured.needed == 1.0
    assert 0.5 < measured.support < 1


MARKUP = st.text(alphabet=st.sampled_from("<>/=\"'&;:#{}()@.-! \nabhprst1%\x00é"), max_size=200)
PIECES = st.lists(
    st.one_of(
        MARKUP,
        st.sampled_from(
            [
                "<style>",
                "</style>",
                "<p style='",
                "'>",
                "color:",
                "rgb(1e999,none,-1)",
                "hsl(calc(1/0) 1 1)",
                "background:url(",
                "<a href='http://[",
                "<img src='http://[x'>",
                "@media (",
                "{color:red!important}",
                ":not(:has(",
                "::before",
                "<h1>",
                "<svg><title>",
                "<template>",
                "<?xml version='1.0' encoding='utf-16'?>",
                "<!DOCTYPE html>",
                "<![CDATA[",
            ]
        ),
    ),
    max_size=12,
).map("".join)


CSS_PIECES = st.lists(
    st.one_of(
        st.text(
            alphabet=st.sampled_from("|*[]()=:.#>+~,{};@\\\"'-/ \n01abhnprsvx\x00é"), max_size=20
        ),
        st.sampled_from(
            "svg|a *|a |b [svg|a=b] [a|=b] :not(x|y) ::before :nth-child(2n+1) :lang(en) #\\1 p a "
            ":is(a,b) :has(>p) :contains('\"') @media @font-face @import @namespace @supports { } "
            "; color:red background:url(/x) /* */ <!-- (prefers-color-scheme:dark)".split()
        ),
        st.just(f":nth-child({'9' * 5000}n)"),
    ),
    max_size=10,
).map(" ".join)


@given(css=CSS_PIECES, media=st.text(alphabet="(<=:)and,not 1px-width/*", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_style_sheet_is_linted_without_an_exception(css: str, media: str) -> None:
    styles = f"<style>{css}</style><style>{css} {{color:red}}</style><style media='{media}'>"
    html = broken("<style>", f"{styles}p{{color:#222222}}</style><style>")
    assert isinstance(found(html), tuple)
    assert isinstance(measure(Rendered(html, TEXT)).support, float)


@pytest.mark.parametrize(
    "selector", ["svg|a", "[svg|a=b]", ":not(svg|a)", "#\\1 ", f":nth-child({'9' * 5000}n)"]
)
def test_a_selector_that_means_nothing_here_is_passed_over(selector: str) -> None:
    assert found(broken("</style>", f"{selector} {{ color: #eeeeee }}</style>")) == ()


@given(html=PIECES, text=MARKUP)
@settings(max_examples=300, deadline=None)
def test_any_html_is_linted_without_an_exception(html: str, text: str) -> None:
    assert isinstance(found(html, text), tuple)
    assert isinstance(found(HTML.replace("Ships", html), text), tuple)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<!-- only a comment -->",
        "<div>" * 20_000,
        "<p style='" + "(" * 20_000 + "'>x",
        "<style>" + "@media all{" * 20_000,
        "<style>" + ":not(" * 5_000 + "{color:red}</style>",
        "<style>" + "a," * 20_000 + "b{color:red}</style>",
        "<p style='color:" + "rgb(" * 5_000 + "'>x",
        f"<p style='width: {'9' * 5_000}px'>x",
        "\ud800<p>\udfff",
    ],
    ids=range(10),
)
def test_hopeless_html_is_linted_without_an_exception(html: str) -> None:
    assert found(html) != ()


def test_findings_are_the_same_every_time(make_story: Callable[..., EditionStory]) -> None:
    edition = replace(EDITION, topics=(EditionTopic("World", (make_story("One"),)),))
    assert found(edition=edition) == found(edition=edition)
