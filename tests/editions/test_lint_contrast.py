"""Contrast as WCAG 2.2 measures it, of what a page shows in light and in dark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.lint import lint
from digest.editions.lint.contrast import (
    BLACK,
    WHITE,
    Colour,
    FaintText,
    contrast,
    faint_texts,
    luminance,
    over,
    read_colour,
)
from digest.editions.lint.css import Screen, applies, legacy_colour, page_sheet
from digest.editions.lint.markup import read_page
from digest.records import Edition, Finding, Rendered

CHANNEL = st.floats(0, 1)
COLOUR = st.builds(Colour, CHANNEL, CHANNEL, CHANNEL)


def faint(body: str, style: str = "", *, dark: bool = True) -> list[FaintText]:
    """The faint texts of a page; `dark`: it says that it can be dark."""
    meta = '<meta name="color-scheme" content="light dark">' if dark else ""
    page = read_page(f"<html><head>{meta}<style>{style}</style></head><body>{body}</body></html>")
    return list(faint_texts(page, page_sheet(page).rules))


def told(body: str, style: str = "", *, dark: bool = True) -> set[tuple[str, str, str, str]]:
    """(scheme, text, its colour, its ground) of the faint texts."""
    return {
        (text.screen.scheme, text.text, str(text.colour), str(text.ground))
        for text in faint(body, style, dark=dark)
    }


# --- the maths ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_the_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    first, second = read_colour(one), read_colour(other)
    assert first is not None
    assert second is not None
    assert contrast(first, second) == pytest.approx(ratio, abs=0.01)


@given(COLOUR, COLOUR)
def test_a_contrast_is_symmetric_and_from_1_to_21(one: Colour, other: Colour) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21 + 1e-9
    assert contrast(one, one) == 1


@given(COLOUR, CHANNEL)
def test_a_lighter_grey_has_no_less_luminance(colour: Colour, share: float) -> None:
    lighter = over(Colour(1, 1, 1, share), colour)
    assert luminance(lighter) >= luminance(colour) - 1e-12
    assert 0 <= luminance(colour) <= 1 + 1e-12


@given(COLOUR, COLOUR)
def test_what_is_opaque_hides_and_what_is_clear_shows(top: Colour, ground: Colour) -> None:
    assert over(top, ground) == top
    clear = over(Colour(top.red, top.green, top.blue, 0), ground)
    assert clear == pytest.approx(ground) if isinstance(clear, tuple) else clear == ground


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_colour_is_read_however_it_is_written(red: int, green: int, blue: int) -> None:
    written = f"#{red:02x}{green:02x}{blue:02x}"
    colour = read_colour(written)
    assert str(colour) == written
    for same in (
        written.upper(),
        f"rgb({red},{green},{blue})",
        f"rgb({red} {green} {blue} / 100%)",
        f"rgba({red}, {green}, {blue}, 1)",
    ):
        assert str(read_colour(same)) == written


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        ("white", WHITE),
        ("BLACK", BLACK),
        ("#fff8", Colour(1, 1, 1, 0x88 / 255)),
        ("transparent", Colour(0, 0, 0, 0)),
        ("hsl(0, 100%, 50%)", Colour(1, 0, 0)),
        ("hwb(0 100% 0%)", WHITE),
        ("rgb(none 0 0)", BLACK),
        ("rgb(300, -5, 0)", Colour(1, 0, 0)),
    ],
)
def test_colours_of_every_kind_that_clients_know(written: str, colour: Colour) -> None:
    found = read_colour(written)
    assert found is not None
    assert [found.red, found.green, found.blue, found.alpha] == pytest.approx(
        [colour.red, colour.green, colour.blue, colour.alpha]
    )


@given(st.text(max_size=30))
def test_no_value_of_a_colour_raises(value: str) -> None:
    colour = read_colour(value)
    assert colour is None or 0 <= colour.alpha <= 1


@pytest.mark.parametrize(
    "written", ["", "none", "url(x)", "currentColor", "oklch(50% .1 20)", "var(--x)", "#12"]
)
def test_what_is_no_colour_to_a_client_is_none(written: str) -> None:
    assert read_colour(written) is None


# --- what is seen -------------------------------------------------------------------------


def test_the_clients_own_colours_can_be_read() -> None:
    assert told("<p>Plain <a href='https://e.org'>link</a></p>") == set()


def test_colours_and_grounds_are_inherited() -> None:
    body = "<div style='color: #999999'><p>One <b>two</b></p></div>"
    assert told(body, dark=False) == {
        (scheme, text, "#999999", "#ffffff")
        for scheme in ("light", "dark")
        for text in ("One", "two")
    }
    body = "<table bgcolor='#333333'><tr><td><p>On dark</p></td></tr></table>"
    assert ("light", "On dark", "#000000", "#333333") in told(body)


def test_a_link_has_a_colour_of_its_own() -> None:
    body = "<div style='background: #333; color: #fff'>Light <a href='https://e.org'>link</a></div>"
    assert told(body, dark=False) == {
        (scheme, "link", "#0000ee", "#333333") for scheme in ("light", "dark")
    }
    assert told(body.replace("<a ", "<a style='color: inherit' ")) == set()


def test_a_page_that_says_it_can_be_dark_gets_dark_colours_of_the_client() -> None:
    body = "<p style='color: #222222'>Ink</p>"
    assert told(body, dark=False) == set()
    assert told(body) == {("dark", "Ink", "#222222", "#121212")}
    assert told(body, ":root { color-scheme: light dark }", dark=False) == told(body)
    style = "@media (prefers-color-scheme: dark) { p { color: #dddddd !important } }"
    assert told(body, style) == set()


@pytest.mark.parametrize(
    "body",
    [
        "<div style='display: none'>x <b>y</b></div>",
        "<div style='visibility: hidden'>x</div>",
        "<div style='opacity: 0'>x</div>",
        "<div style='font-size: 0'>x</div>",
        "<div style='font: 0/0 a'>x</div>",
        "<div style='max-height: 0; overflow: hidden'>x</div>",
        "<div hidden>x</div>",
        "<!-- x --><title>x</title>",
        "<p>&nbsp;&#847; &#8203;</p>",
    ],
)
def test_what_is_not_shown_has_no_contrast(body: str) -> None:
    assert told(f"<div style='color: #fff; background-color: #fff'>{body}</div>") == set()


def test_what_is_shown_again_counts() -> None:
    body = (
        "<div style='visibility: hidden'>x<p style='visibility: visible; color: #ccc'>y</p></div>"
    )
    assert ("light", "y", "#cccccc", "#ffffff") in told(body)
    body = "<div style='font-size: 0'>x<p style='font-size: 14px; color: #ccc'>y</p></div>"
    assert ("light", "y", "#cccccc", "#ffffff") in told(body)


def test_what_is_see_through_is_mixed_with_its_ground() -> None:
    assert told("<p style='color: rgba(0, 0, 0, .3)'>x</p>", dark=False) == {
        (scheme, "x", "#b2b2b2", "#ffffff") for scheme in ("light", "dark")
    }
    assert told("<p style='color: #000; opacity: 30%'>x</p>", dark=False) == {
        (scheme, "x", "#b2b2b2", "#ffffff") for scheme in ("light", "dark")
    }


@pytest.mark.parametrize(
    ("style", "inline", "colour"),
    [
        ("p { color: #aaa }", "", "#aaaaaa"),
        ("p { color: #aaa } p { color: #bbb }", "", "#bbbbbb"),
        (".x { color: #aaa } p { color: #bbb }", "", "#aaaaaa"),
        ("p.x { color: #aaa } .x { color: #bbb }", "", "#aaaaaa"),
        ("#i { color: #aaa } p.x { color: #bbb }", "", "#aaaaaa"),
        ("#i { color: #aaa }", "color: #bbb", "#bbbbbb"),
        ("p { color: #aaa !important }", "color: #bbb", "#aaaaaa"),
        ("p { color: #aaa !important }", "color: #bbb !important", "#bbbbbb"),
        ("p { color: #aaa !important } #i { color: #bbb }", "", "#aaaaaa"),
        ("p { color: #aaa; color: oklch(0 0 0) }", "", "#aaaaaa"),
        ("div > p, b { color: #aaa }", "", "#aaaaaa"),
        ("p:hover { color: #bbb } p:not(.x) { color: #bbb } p { color: #aaa }", "", "#aaaaaa"),
        ("p::first-line { color: #bbb } p:frob { color: #bbb } p { color: #aaa }", "", "#aaaaaa"),
        ("@media print { p { color: #bbb } } p { color: #aaa }", "", "#aaaaaa"),
        ("p { color: #aaa } @media screen { p { color: #bbb } }", "", "#bbbbbb"),
        ("@supports (color: red) { p { color: #aaa } }", "", "#aaaaaa"),
    ],
)
def test_the_rule_that_wins_is_the_one_of_the_cascade(style: str, inline: str, colour: str) -> None:
    body = f"<div><p id='i' class='x' style='{inline}'>x</p></div>"
    assert told(body, style, dark=False) == {
        (scheme, "x", colour, "#ffffff") for scheme in ("light", "dark")
    }


def test_the_later_of_a_shorthand_and_what_it_says_too_counts() -> None:
    light, dark = "background: #fff", "background-color: #333"
    assert told(f"<p style='{dark}; {light}'>x</p>", dark=False) == set()
    assert told(f"<p style='{light}; {dark}'>x</p>", dark=False) != set()
    picture = "background: url(https://e.org/x.png) no-repeat #333"
    assert ("light", "x", "#000000", "#333333") in told(f"<p style='{picture}'>x</p>")


def test_what_differs_on_a_phone_is_looked_at_there() -> None:
    style = "@media (max-width: 599px) { p { color: #aaaaaa } }"
    texts = faint("<p>x</p>", style, dark=False)
    assert {text.screen.width for text in texts} == {375}


@pytest.mark.parametrize(
    ("query", "light_desktop", "dark_phone"),
    [
        ("", True, True),
        ("all", True, True),
        ("screen", True, True),
        ("only screen and (max-width: 600px)", False, True),
        ("(min-width:600px)", True, False),
        ("(min-width: 50em)", True, False),
        ("(width <= 600px)", False, True),
        ("(width > 600px)", True, False),
        ("(prefers-color-scheme: dark)", False, True),
        ("(prefers-color-scheme: dark) and (min-width: 600px)", False, False),
        ("print, (prefers-color-scheme:light)", True, False),
        ("not print", True, True),
        ("not all and (prefers-color-scheme: dark)", True, False),
        ("print", False, False),
        ("(orientation: portrait)", False, True),
        ("(hover: hover)", True, False),
        ("(-webkit-min-device-pixel-ratio: 2)", False, False),
        ("what is this((", False, False),
    ],
)
def test_a_media_query_holds_where_it_should(
    query: str, light_desktop: bool, dark_phone: bool
) -> None:
    assert applies((query,), Screen("light", 800)) is light_desktop
    assert applies((query,), Screen("dark", 375)) is dark_phone


# --- how it is told -----------------------------------------------------------------------


def findings(edition: Edition, html: str, sources: dict[str, str]) -> list[Finding]:
    found = lint(edition, Rendered(html, ""), sources)
    return [finding for finding in found if finding.rule == "contrast"]


def test_a_faint_colour_is_told_once_with_where_it_is_written(edition: Edition) -> None:
    css = "h1 { color: #aaaaaa }\n\n.quiet { color: #AAAAAA }\n.loud { color: #000 }\n"
    sources = {"theme/style.css": css}
    html = "<body>" + "<p class='quiet' style='color: #aaaaaa'>A word</p>" * 3
    light_only = '<html><head><meta name="color-scheme" content="light">'
    first = findings(edition, light_only + html, sources)[0]
    assert first.severity == "error"
    assert first.where == "theme/style.css:3"
    assert first.message == (
        "#aaaaaa on #ffffff has a contrast of 2.32 in light; 4.5 can be read: “A word” and 2 more"
    )


def test_a_faint_dark_colour_is_told_with_the_line_of_the_dark_rules(edition: Edition) -> None:
    rules = "  body { background: #111 }\n  p { color: #333 !important }\n"
    dark = f"@media (prefers-color-scheme: dark) {{\n{rules}}}"
    html = f"<html><head><style>{dark}</style></head><body><p style='color: #000'>A word</p>"
    sources = {"theme/style.css": "p { color: #000 }", "theme/adaptive.css": dark}
    finding = findings(edition, html, sources)[0]
    assert finding.where == "theme/adaptive.css:3"
    assert "#333333 on #111111" in finding.message
    assert " in dark;" in finding.message


def test_a_contrast_just_below_is_not_rounded_up(edition: Edition) -> None:
    html = "<body bgcolor='#ffffff'><p style='color: #777777'>A word</p>"
    assert "contrast of 4.47 " in findings(edition, html, {})[0].message


# --- what old mails and careless ones write ---------------------------------------------------


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        ("000000", "#000000"),
        ("eeeeee", "#eeeeee"),
        (" #AbC ", "#abc"),
        ("abc", "#0a0b0c"),
        ("#12345678", "#124578"),
        ("navy", "navy"),
        ("grass", "#00a000"),
        ("chucknorris", "#c00000"),
        ("#", "#000000"),
        ("é", "#000000"),
        ("", ""),
        ("transparent", ""),
    ],
)
def test_an_attribute_is_the_colour_that_browsers_make_of_it(written: str, colour: str) -> None:
    assert legacy_colour(written) == colour


@given(st.text(max_size=140))
def test_an_attribute_is_always_a_colour_or_none(written: str) -> None:
    colour = legacy_colour(written)
    assert not colour or read_colour(colour) is not None


@pytest.mark.parametrize(
    "body",
    [
        '<table bgcolor="000000"><tr><td style="color: #000">x</td></tr></table>',
        '<font color="eeeeee">x</font>',
        '<p style="background: #fff"><img alt="x" style="color: #eee"></p>',
        '<p style="background: #fff; color: #eee"><img src="https://e.org/1.png" alt="x"></p>',
    ],
)
def test_colours_without_a_sign_and_words_of_pictures_are_looked_at(body: str) -> None:
    assert {(text.screen.scheme, text.text) for text in faint(body, dark=False)} >= {("light", "x")}


def test_a_picture_without_words_has_none_to_read() -> None:
    assert told('<p style="color: #fff"><img alt=""><img alt=" "><img></p>', dark=False) == set()


@pytest.mark.parametrize(
    "query",
    [
        "/*x*/ (prefers-color-scheme:dark)",
        "(/*x*/prefers-color-scheme:/**/dark)",
        "all/**/and (color)",
    ],
)
def test_a_comment_in_a_media_query_says_nothing(query: str) -> None:
    style = f"@media {query} {{ p {{ background: #000 !important; color: #111 !important }} }}"
    assert "dark" in {scheme for scheme, *_ in told("<p>x</p>", style)}
    assert applies((query,), Screen("dark", 800))


@pytest.mark.parametrize("query", ["(300px <= width <= 600px)", "not (a) or (b)", "(x"])
def test_a_media_query_that_cannot_be_read_does_not_apply(query: str) -> None:
    assert not applies((query,), Screen("light", 400))
    assert not applies((f"not all and {query}",), Screen("light", 400))


def test_a_style_element_applies_where_its_media_says() -> None:
    def page(media: str) -> set[str]:
        html = f"<style media='{media}'>p {{ color: #eee; background: #fff }}</style><p>x</p>"
        found = read_page(f'<meta name="color-scheme" content="light dark">{html}')
        return {text.screen.scheme for text in faint_texts(found, page_sheet(found).rules)}

    assert page("(prefers-color-scheme: dark)") == {"dark"}
    assert page("print") == set()
    assert page("") == page("all") == page(" screen ") == {"light", "dark"}


def test_a_style_that_is_not_closed_takes_nothing_of_the_next() -> None:
    assert told("<style>p { color: #eee }</style><p>x</p>", "b { color: red", dark=False) != set()


@pytest.mark.parametrize("style", ["color: Canvas", "background: windowtext", "color: GRAYTEXT"])
def test_a_colour_of_the_reader_s_system_is_a_warning(edition: Edition, style: str) -> None:
    sources = {"theme/a.css": f"\n{style}"}
    for html in (f'<p style="{style}">x</p>', f"<style>p {{ {style} }}</style><p>x</p>"):
        found = findings(edition, f"<meta name='color-scheme' content='light dark'>{html}", sources)
        (finding,) = found
        assert (finding.severity, finding.where) == ("warning", "theme/a.css:2")
        assert "can't be known" in finding.message
