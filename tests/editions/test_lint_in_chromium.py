"""The lint sees the colours that a browser shows."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from digest.editions.lint import contrast
from digest.editions.lint.css import Scheme, Screen, page_sheet
from digest.editions.lint.markup import read_page
from digest.editions.render import Renderer
from digest.records import Edition

Viewer = Any  # tests/conftest.py: a conftest can't be imported by name, every room has one

pytestmark = pytest.mark.browser

# Of every element with text of its own that is shown: the text, its colour, and the colours of the
# grounds up to the first that is opaque.
SEEN = """() => [...document.body.querySelectorAll('*'), document.body].flatMap(element => {
    const text = [...element.childNodes].filter(node => node.nodeType === 3)
        .map(node => node.data).join('').trim().split(/\\s+/).join(' ');
    const style = getComputedStyle(element);
    if (!/[\\p{L}\\p{N}\\p{P}\\p{S}]/u.test(text) || !element.getClientRects().length
        || ['STYLE', 'SCRIPT', 'TITLE'].includes(element.tagName)) return [];
    let ground = '';
    for (let at = element; at && !ground; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!colour.endsWith(', 0)')) ground = colour;
    }
    return [[text, style.color, ground]];
})"""
TRICKY = """<!DOCTYPE html><html lang="en"><head><title>T</title>
<meta name="color-scheme" content="light dark"><style>
.a { color: #123456 } p.a { color: #234567 } #i { color: #345678 }
.b a { color: inherit } a { color: #456789 !important } td > .c { background: #eeeeee }
@media (prefers-color-scheme: dark) { .a { color: #abcdef !important } .c { background: #222 } }
@media (max-width: 599px) { .d { color: #654321; background-color: #fedcba } }
@media (min-width: 600px) and (prefers-color-scheme: dark) { .d { color: #bbaa99 } }
@media print { * { color: red !important } }
:root { background: #fafafa } b:not(.x) { color: #777777 } i:hover { color: red }
</style></head><body text="#101010"><p class="a">One</p><p class="a" id="i">Two</p>
<div class="b"><a href="https://example.org/" style="color: #fff">Three</a></div>
<table bgcolor="#333333"><tr><td bgcolor="#ccddee"><p class="c">Four <b>five</b></p>
<font color="#aa0000">six</font></td></tr></table>
<p class="d" style="color: #008800">Seven</p><p class="d">Eight <i>nine</i></p>
<p style="color: #999; color: nonsense(1)">Ten</p>
<p style="background: #444; background: none">Eleven</p>
<p hidden>Twelve</p><p style="display: none">Thirteen</p></body></html>
"""


@pytest.fixture(params=["classic", "compact", "tricky"])
def page(request: pytest.FixtureRequest, edition: Edition, renderer: Renderer) -> str:
    if request.param == "tricky":
        return TRICKY
    full = replace(edition, template=request.param, note=("Good morning.",), postal="1 Pier Road")
    return renderer.render(full, mail=True).html


@pytest.mark.parametrize("width", [contrast.DESKTOP, contrast.PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_colours_that_chromium_shows(
    page: str, scheme: Scheme, width: int, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 18, 18)"}[scheme]
    viewer.show(page, scheme=scheme, width=width)
    shown = Counter(
        (words(text), _hex(colour), _hex(ground or canvas))
        for text, colour, ground in viewer.evaluate(SEEN)
    )
    assert len(shown) > 5
    monkeypatch.setattr(contrast, "MIN_RATIO", 22)  # so that every text is told of
    tree = read_page(page)
    texts = list(contrast.faint_texts(tree, page_sheet(tree).rules))
    widths = {text.screen.width for text in texts}  # a phone only where that can differ
    ours = Counter(
        (words(text.text), str(text.colour), str(text.ground))
        for text in texts
        if text.screen == Screen(scheme, width if width in widths else contrast.DESKTOP)
    )
    assert ours == shown


def words(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _hex(written: str) -> str:
    """`rgb(1, 2, 3)` as it is written in style sheets."""
    return str(contrast.read_colour(written))
