"""The copy of the e-mail that the preview serves plays the colour scheme it is told to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.preview.served import served_copy

EMAIL = """<html><head><style>
@media (prefers-color-scheme: dark) { p { color: white } }
@media screen and ( PREFERS-color-scheme:dark ) and (max-width: 600px) { p { color: grey } }
@media (prefers-color-scheme: light) { p { color: black } }
</style></head><body><p>Use (prefers-color-scheme: dark) in your CSS</p></body></html>"""


def test_dark_rules_apply_in_the_dark_view_and_light_ones_do_not() -> None:
    html = served_copy(EMAIL, "dark")
    assert "@media (min-width: 0) { p { color: white } }" in html
    assert "@media screen and (min-width: 0) and (max-width: 600px)" in html
    assert "@media (max-width: 0) { p { color: black } }" in html


def test_dark_rules_do_not_apply_in_a_light_view_even_on_a_dark_system() -> None:
    html = served_copy(EMAIL, "light")
    assert "@media (max-width: 0) { p { color: white } }" in html
    assert "@media (min-width: 0) { p { color: black } }" in html
    assert ":root{color-scheme:light!important}" in html


def test_the_words_of_an_article_are_left_alone() -> None:
    assert "<p>Use (prefers-color-scheme: dark) in your CSS</p>" in served_copy(EMAIL, "dark")


@pytest.mark.parametrize("html", [EMAIL, "<p>no head</p>"])
def test_links_open_outside_the_frame(html: str) -> None:
    assert served_copy(html, "light").count('<base target="_blank">') == 1


def test_the_scroll_bar_takes_no_width_on_the_phone_only() -> None:
    assert "scrollbar-width:none" in served_copy(EMAIL, "light", phone=True)
    assert "scrollbar-width" not in served_copy(EMAIL, "light")


PIECES = st.sampled_from(
    [
        "<style>",
        "</style>",
        "<STYLE type='text/css'>",
        "</head>",
        "</HEAD >",
        "<body>",
        "(prefers-color-scheme: dark)",
        "(prefers-color-scheme:light)",
        "(min-width: 600px)",
        "(max-width: 0)",
        "\r\n",
        "\x00é\u2028",
        "<base target=_self>",
    ]
)


@given(html=st.lists(PIECES | st.text(max_size=5)).map("".join), dark=st.booleans())
def test_beside_one_insertion_and_the_conditions_no_byte_differs(html: str, dark: bool) -> None:
    copy = served_copy(html, "dark" if dark else "light")
    said = ("(min-width: 0)", "(max-width: 0)") if dark else ("(max-width: 0)", "(min-width: 0)")
    where = copy.index('<base target="_blank"><style>:root{')
    end = copy.index("</style>", where) + len("</style>")
    bare = copy[:where] + copy[end:]
    # The e-mail between its conditions stands in the copy; at each of them stands what was decided.
    pieces = re.split(r"(\(prefers-color-scheme: ?(?:dark|light)\))", html)
    at = 0
    for piece in pieces:
        if not piece.startswith("(prefers") or bare.startswith(piece, at):
            assert bare.startswith(piece, at)
            at += len(piece)
        else:
            decided = said["dark" not in piece]
            assert bare.startswith(decided, at)
            at += len(decided)
    assert at == len(bare)
