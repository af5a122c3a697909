"""What clients support: the facts, what is made of them, and which features a page uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from digest.editions.lint import support
from digest.editions.lint.css import page_sheet
from digest.editions.lint.features import features_used, mean_share
from digest.editions.lint.markup import read_page
from digest.editions.lint.support import HARMLESS, MATTERS, TRAPS, facts
from digest.editions.render import Renderer
from digest.editions.sample import sample_edition


def used(body: str = "", style: str = "") -> dict[str, bool]:
    """The features of a page by slug, and whether each is only an extra."""
    page = read_page(f"<style>{style}</style><body>{body}")
    return {use.feature.slug: use.extra for use in features_used(page, page_sheet(page))}


def test_the_facts_name_every_client_of_the_four_families() -> None:
    families = {client.partition(",")[0] for client in facts().clients}
    assert families == {"Gmail", "Apple Mail", "Outlook", "Yahoo"}
    assert len(facts().clients) == 14
    assert len(facts().features) > 250


def test_every_feature_has_one_letter_a_client_and_the_licence_lies_beside() -> None:
    file = Path(support.__file__).with_name("support.json")
    raw = json.loads(file.read_text(encoding="utf-8"))
    for title, letters in raw["features"].values():
        assert title
        assert len(letters) == len(raw["clients"])
        assert set(letters) <= set("yanu")
    licence = file.with_name("support.LICENSE").read_text(encoding="utf-8")
    assert raw["package"] in licence
    assert "MIT License" in licence


def test_the_share_counts_what_is_known_and_half_of_what_is_partial() -> None:
    flex = facts().features["css-display-flex"]
    assert "Outlook, Windows" in flex.lacking
    assert "Gmail, iOS" in flex.partial
    assert flex.share == pytest.approx((11 + 2 / 2) / 14)
    assert facts().features["html-strong"].share == 1


def test_what_is_decided_is_decided_once_and_of_features_that_are() -> None:
    assert not set(MATTERS) & set(HARMLESS)
    assert set(MATTERS) | set(HARMLESS) | {trap.slug for trap in TRAPS} <= set(facts().features)
    assert all(MATTERS.values())
    assert all(HARMLESS.values())


@pytest.mark.parametrize("theme", ["classic", "compact"])
def test_the_packaged_themes_need_nothing_that_a_client_lacks(
    renderer: Renderer, theme: str
) -> None:
    rendered = renderer.render(sample_edition(theme), mail=True)
    page = read_page(rendered.html)
    for use in features_used(page, page_sheet(page)):
        if use.feature.lacking and not use.extra:
            assert not use.feature.loss, use


@pytest.mark.parametrize("theme", ["classic", "compact"])
def test_each_property_that_a_theme_uses_and_a_client_lacks_was_weighed(
    renderer: Renderer, theme: str
) -> None:
    rendered = renderer.render(sample_edition(theme), mail=True)
    page = read_page(rendered.html)
    for use in features_used(page, page_sheet(page)):
        slug = use.feature.slug
        if use.feature.lacking and not use.extra and not slug.startswith("css-selector"):
            assert slug in HARMLESS, use


@pytest.mark.parametrize(
    ("declaration", "slugs"),
    [
        ("display: flex", {"css-display", "css-display-flex"}),
        ("border-top: 1px solid", {"css-border", "css-unit-px"}),
        ("border-top-left-radius: 1px", {"css-border-radius", "css-unit-px"}),
        ("padding-left: 1EM", {"css-padding", "css-unit-em"}),
        ("margin-inline-start: 1%", {"css-margin-inline-start-end", "css-unit-percent"}),
        ("row-gap: 0", {"css-gap"}),
        ("width: calc(1vw + max(2ch, 1px))", {"css-width", "css-unit-calc", "css-function-max",
                                                "css-unit-vw", "css-unit-ch", "css-unit-px"}),
        ("--x: 1", {"css-variables"}),
        ("color: light-dark(#000, #fff)", {"css-function-light-dark"}),
        ("color: RGBA(0, 0, 0, 1)", {"css-rgba"}),
        ("background: url(x.webp)", {"css-background", "css-background-image", "image-webp"}),
        ("background: url('x')", {"css-background", "css-background-image"}),
        ("background-image: linear-gradient(red, blue)",
         {"css-background-image", "css-linear-gradient"}),
        ("font: 1px system-ui", {"css-font", "css-unit-px", "css-sytem-ui"}),
        ("width: fit-content", {"css-width", "css-intrinsic-size"}),
        ("outline-color: red", {"css-outline"}),
        ("top: 0", {"css-left-right-top-bottom"}),
        ("float: left !important", {"css-float", "css-important"}),
        ("no-such-thing: 1", set()),
    ],
)  # fmt: skip
def test_a_declaration_uses_its_property_and_what_its_value_is_made_of(
    declaration: str, slugs: set[str]
) -> None:
    plain = set(used("<p style='color: #000'>x</p>"))
    quoted = declaration.replace("'", "&#39;")
    assert set(used(f"<p style='{quoted}'>x</p>")) - plain == slugs


@pytest.mark.parametrize(
    ("style", "slug", "extra"),
    [
        ("p { float: left }", "css-float", False),
        ("@media (max-width: 9px) { p { float: left } }", "css-float", True),
        ("a:hover { float: left }", "css-float", True),
        ("a:first-child { float: left }", "css-float", False),
        ("@supports (a: b) { p { float: left } }", "css-float", True),
        ("p { a { float: left } }", "css-nesting", False),
        ("/* x */", "css-comments", False),
        ("@media (prefers-color-scheme: dark) { }", "css-at-media-prefers-color-scheme", True),
        ("@font-face { src: url(x) }", "css-at-font-face", True),
        ("@import url(x);", "css-at-import", True),
        ("p::before { content: 'x' }", "css-pseudo-element-before", False),
        ("p:before { content: 'x' }", "css-pseudo-element-before", False),
        ("p:hover { }", "css-pseudo-class-hover", True),
        ("p > b { }", "css-selector-child", False),
        ("p + b { }", "css-selector-adjacent-sibling", False),
        ("p ~ b { }", "css-selector-general-sibling", False),
        ("p b { }", "css-selector-descendant", False),
        ("p.a { }", "css-selector-chaining", False),
        ("[a~=b] { }", "css-selector-attribute", False),
    ],
)
def test_a_style_sheet_uses_what_is_in_it(style: str, slug: str, extra: bool) -> None:
    assert used(style=style)[slug] is extra


@pytest.mark.parametrize(
    ("markup", "slug"),
    [
        ("<h4>x</h4>", "html-h1-h6"),
        ("<ol><li>x</ol>", "html-lists"),
        ("<section>x</section>", "html-semantics"),
        ("<input type=checkbox>", "html-input-checkbox"),
        ("<video></video>", "html-video"),
        ("<p align=left>x", "html-align"),
        ("<p aria-label=x>x", "html-aria-label"),
        ("<img srcset=x>", "html-srcset"),
        ("<img loading=lazy>", "html-loading-attribute"),
        ("<img src='https://e.org/x.AVIF?a=1.png'>", "image-avif"),
        ("<img src='data:image/png;base64,x'>", "image-base64"),
        ("<a href='mailto:a@b'>x</a>", "html-mailto-links"),
        ("<a href='#x'>x</a>", "html-anchor-links"),
        ("<meta name='color-scheme'>", "html-meta-color-scheme"),
        ("<!-- x -->", "html-comments"),
    ],
)
def test_a_page_uses_what_is_in_it(markup: str, slug: str) -> None:
    assert used(markup)[slug] is False
    assert slug not in used("<p>x</p>")


def test_a_page_that_uses_nothing_is_supported_everywhere() -> None:
    assert mean_share([]) == 1.0
