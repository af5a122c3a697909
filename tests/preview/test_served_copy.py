"""The copy of the e-mail that the preview serves plays the colour scheme it is told to."""

from __future__ import annotations

import pytest

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
