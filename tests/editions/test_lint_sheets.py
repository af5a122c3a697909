"""The style sheets of a theme: what is dropped without a word is told, with file and line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.lint import lint, unbalanced, unused_rules
from digest.editions.lint.features import _PROPERTIES
from digest.editions.lint.properties import PROPERTIES
from digest.editions.lint.support import facts
from digest.editions.render import Renderer
from digest.editions.sample import sample_edition
from digest.records import Finding, Rendered


def found(css: str) -> list[Finding]:
    """What is said of a sheet of the theme."""
    edition = sample_edition("mine")
    findings = lint(edition, Rendered("<p>a</p>", "a"), {"mine/style.css": css})
    return [one for one in findings if one.where.startswith("mine/style.css")]


def only(css: str) -> tuple[str, str, str]:
    findings = found(css)
    assert len(findings) == 1, findings
    return findings[0].severity, findings[0].where.rpartition(":")[2], findings[0].message


GOOD = """\
/* A comment with a brace { and don't */
@charset "utf-8";
:root { color-scheme: light dark; supported-color-schemes: light dark; --ink: #123 }
{# a note with } in it #}
{% set ink = "#123456" %}
{% include "colours.css" %}
.story, .note > a:hover, td[class="x"]::before { color: {{ ink }}; mso-hide: all; -webkit-x: 1 }
.{{ name }} { {{ common }}; width: {{ w }}px; border: 1px solid #abc }
.a { {{ common }} color: red }
h1 { {% if mail %}color: red{% else %}color: #1234{% endif %}; font: bold 27px/1.2 Segoe UI }
h2 { color: var(--ink); background: #fff url("data:,{}") no-repeat left top; content: "}" }
h3 { border: 0; border-color: transparent CanvasText; color: rgb(1 2 3 / 40%) !important; }
h4 { filter: progid:DXImageTransform.Microsoft.gradient(startColorstr='#1', endColorstr='#2') }
h5 { color: rgb(from red r g b); background: linear-gradient(red, blue), none; outline: none }
@media (max-width: 599px) { .story:not(.x, .y) { padding: 0 20px 19px !important } }
@font-face { font-family: "A"; src: local(B) }
@-ms-viewport { width: device-width }
@keyframes a { from { opacity: 0 } 50.5% { opacity: 1 } }
"""


def test_a_good_sheet_with_jinja_in_it_has_no_finding() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("theme", ["classic", "compact"])
def test_the_packaged_sheets_have_no_finding(renderer: Renderer, theme: str) -> None:
    edition = sample_edition(theme)
    findings = lint(edition, Rendered("<p>a</p>", "a"), renderer.sources(theme))
    assert [one for one in findings if one.rule == "css"] == []


@pytest.mark.parametrize(
    ("css", "line", "said"),
    [
        ("\n.a { color: red\n.b { color: red }\n", "2", "swallows the one of line 3"),
        ("@media print {\n.a { margin: 0\n.b { margin: 0 } }", "2", "swallows the one of line 3"),
        ("h1 { margin: 0 }\n.a { color: red", "2", "a } is missing"),
        ("@media print {\n.a { margin: 0 }", "1", "a } is missing"),
        (".a { margin: 0 }\n}}}\n.b { margin: 0 }", "2", "a } too many"),
        (".a {\n margin 0;\n padding: 0 }", "2", "no declaration"),
        (".a { margin: 0\n padding: 0 }", "1", "a ; is missing behind margin"),
        ("..a { margin: 0 }", "1", "no selector can be read in '..a'"),
        ("\n\n.a, { margin: 0 }", "3", "no selector can be read in '.a,'"),
        ("{ margin: 0 }", "1", "no selector can be read in ''"),
        ("@meda print { .a { margin: 0 } }", "1", "nobody knows @meda (did you mean media?)"),
        ("\n.a", "2", "no rule"),
        (".a { margin: 0 }\n/* open\n.b { margin: 0 }", "2", "the comment isn't closed"),
        ("\n@import url(a.css);", "2", "@import url(a.css): clients load no style sheets"),
        ("{# a\n\n#}{% if a\n %}\n.a { margin 0 }", "5", "no declaration"),
    ],
)
def test_what_swallows_or_drops_rules_is_an_error(css: str, line: str, said: str) -> None:
    severity, where, message = only(css)
    assert (severity, where) == ("error", line)
    assert said in message


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ("colour: blue", "nobody knows the property colour (did you mean color?)"),
        ("dispaly: none", "nobody knows the property dispaly (did you mean display?)"),
        ("frobnicate: 1", "nobody knows the property frobnicate"),
        ("color: notacolour", "color: notacolour is no colour"),
        ("color: #12345", "color: #12345 is no colour"),
        ("color: 123456", "color: 123456 is no colour"),
        ("color: rgb(1, 2)", "color: rgb(1, 2) is no colour"),
        ("background: notacolour", "background: notacolour is no colour"),
        ("border-top: 1px solid grene", "border-top: grene is no colour"),
        ("margin: 0 !importent", "a ! that isn't !important"),
    ],
)
def test_a_declaration_that_no_client_reads_is_a_warning(declaration: str, said: str) -> None:
    severity, where, message = only(f"h1 {{ margin: 0 }}\nh2 {{ padding: 0;\n{declaration} }}")
    assert (severity, where) == ("warning", "3")
    assert message.startswith(said) or said in message


def test_an_import_that_stays_in_the_page_is_told_once() -> None:
    page = "<style>@import url(a.css);</style><p>a</p>"
    css = {"mine/style.css": "@import url(a.css);"}
    findings = lint(sample_edition("mine"), Rendered(page, "a"), css)
    assert [one.where for one in findings if "@import" in one.message] == ["mine/style.css:1"]


def test_every_property_of_which_something_is_known_is_one() -> None:
    titles = {one.title for slug, one in facts().features.items() if slug.startswith("css-")}
    named = {title for title in titles if re.fullmatch("[a-z-]+", title)}
    others = {"inert", "scroll-snap"}  # an attribute of HTML, and a family of properties
    assert {*named, *_PROPERTIES} - others <= PROPERTIES


@settings(deadline=None)
@given(
    st.text("ab{}();:!/*#\\\"'@,. \n%" + "\ue000\ue001", max_size=60)
    | st.text(max_size=30).map(lambda text: f"a {{ color: {text}; border: {text} }}")
)
def test_any_sheet_is_looked_at_without_an_exception(css: str) -> None:
    for finding in found(css):
        assert 1 <= int(finding.where.rpartition(":")[2]) <= len(re.split("\r\n|\r|\n", css))
    list(unused_rules({"a.css": css}, ["<p>a</p>"]))


# --- rules for nothing ----------------------------------------------------------------------


def test_a_rule_for_what_is_on_no_page_is_a_warning() -> None:
    css = ".a { margin: 0 }\n.b, .c:hover { margin: 0 }\n@media print {\n .d b { margin: 0 } }"
    pages = ["<p class=a>a</p>", "<p class=c>a</p>"]
    (finding,) = unused_rules({"mine/style.css": css}, pages)
    assert (finding.severity, finding.where) == ("warning", "mine/style.css:4")
    assert finding.message.endswith(": .d b")


@pytest.mark.parametrize(
    "selector",
    [
        "[data-ogsc] h2",
        ".ExternalClass p",
        "u + .body",
        "p:hover",
        "p::before",
        ".{{ name }}",
        "p:frob",
        "[dir] .x",
        ":root",
        "p:not(.x, .y)",
    ],
)
def test_a_rule_for_what_only_clients_have_is_left_alone(selector: str) -> None:
    css = {"mine/style.css": f"{selector} {{ margin: 0 }}", "mine/a.j2": ".x { margin: 0 }"}
    assert list(unused_rules(css, ["<html><body><p>a</p></body></html>"])) == []


# --- tags -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "severity", "said"),
    [
        ("<table><tr><td><div>a</td></tr></table>", "error", "<div> isn't closed"),
        ("<table><tr><td>a</tr></table>", "warning", "<td> isn't closed"),
        ("<div><p>a</p>", "error", "<div> isn't closed"),
        ("<p>a</span></p>", "error", "</span> closes what isn't open"),
        ("<p><span/>a</p>", "error", "<span/> isn't closed"),
    ],
)
def test_tags_that_do_not_pair_are_told(html: str, severity: str, said: str) -> None:
    (finding,) = unbalanced(html, {"mine/digest.html.j2": f"\n{html}"})
    assert (finding.severity, finding.where) == (severity, "mine/digest.html.j2:2")
    assert finding.message.startswith(said)


def test_what_html_has_no_end_for_and_what_is_a_comment_is_balanced() -> None:
    html = (
        "<!DOCTYPE html><p>a<br>b<img src='a>b' alt='</p>'><br/></p><!--[if mso]><td><![endif]-->"
    )
    assert list(unbalanced(f"{html}<style>a > b {{ }} </td></style>", {})) == []


@pytest.mark.parametrize("theme", ["classic", "compact"])
@pytest.mark.parametrize("mail", [True, False])
def test_the_packaged_themes_close_what_they_open(
    renderer: Renderer, theme: str, mail: bool
) -> None:
    html = renderer.as_written(sample_edition(theme), mail=mail)
    assert list(unbalanced(html, renderer.sources(theme))) == []
