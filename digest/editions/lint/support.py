"""What mail clients make of a feature of HTML or CSS, by the tests of caniemail.com.

The facts are in `support.json` (written by scripts/mail_support.py, licence beside it); what each
lack means to a reader is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FACTS = Path(__file__).with_name("support.json")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature and the names of the clients that have it, have it in part, and lack it.

    Clients of which nothing is known are in none of the three.
    """

    slug: str
    title: str
    full: tuple[str, ...]
    partial: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share (0 to 1) of the clients in which it works; in part counts half."""
        known = len(self.full) + len(self.partial) + len(self.lacking)
        return (len(self.full) + len(self.partial) / 2) / known if known else 1.0

    @property
    def loss(self) -> str:
        """What a reader loses without it; "" where that doesn't matter for reading."""
        return MATTERS.get(self.slug, "")

    @property
    def without(self) -> str:
        """What a reader sees where it is lacking."""
        return self.loss or HARMLESS.get(self.slug, "it only looks plainer")


@dataclass(frozen=True, slots=True)
class Facts:
    """All features by slug, the clients by name, and where the facts are from."""

    package: str
    updated: str
    clients: tuple[str, ...]
    features: Mapping[str, Feature]


@cache
def facts() -> Facts:
    """The facts that come with digest."""
    raw = json.loads(_FACTS.read_text(encoding="utf-8"))
    clients = tuple(raw["clients"].values())

    def named(letters: str, wanted: str) -> tuple[str, ...]:
        return tuple(
            name for name, letter in zip(clients, letters, strict=True) if letter == wanted
        )

    features = {
        slug: Feature(slug, title, *(named(letters, wanted) for wanted in "yan"))
        for slug, (title, letters) in raw["features"].items()
    }
    return Facts(raw["package"], raw["updated"], clients, features)


def _each(slugs: str, loss: str) -> dict[str, str]:
    return dict.fromkeys(slugs.split(), loss)


# Where it is lacking, something can't be read, or not in the order in which it was meant. Only what
# always applies is held to it: in a media query, or for a pointer that hovers, it is an extra.
MATTERS: Mapping[str, str] = {
    **_each(
        "css-display-flex css-display-grid css-flex-direction css-flex-wrap css-align-items "
        "css-justify-content css-grid-template css-float css-clear",
        "what should stand side by side stands one below the other, or overlaps; use a table",
    ),
    **_each("css-gap", "what it parts touches; use padding"),
    **_each(
        "css-position css-left-right-top-bottom css-inset css-z-index css-transform",
        "it stands somewhere else, over other text maybe",
    ),
    **_each(
        "css-margin-block-start-end css-margin-inline-block css-margin-inline-start-end "
        "css-padding-block-start-end css-padding-inline-block css-padding-inline-start-end",
        "its space is lost and texts touch; name the side (padding-left)",
    ),
    **_each(
        "css-block-inline-size css-inline-size css-max-block-size css-max-inline-size "
        "css-min-block-size css-min-inline-size css-intrinsic-size css-aspect-ratio",
        "its size is lost; use width and height",
    ),
    **_each(
        "css-variables css-unit-calc css-function-clamp css-function-max css-function-min",
        "the whole declaration is lost; write the value itself",
    ),
    **_each(
        "css-unit-rem css-unit-ch css-unit-vh css-unit-vw css-unit-vmin css-unit-vmax",
        "the whole declaration is lost; use px, em or %",
    ),
    **_each(
        "css-modern-color css-function-light-dark css-rgba",
        "the colour is lost, and with it maybe the contrast; use #rrggbb",
    ),
    **_each(
        "css-background-image css-linear-gradient css-radial-gradient css-conic-gradient "
        "css-background-blend-mode css-mix-blend-mode css-filter css-mask-image css-clip-path "
        "html-background",
        "text on it may have no contrast; state a background-color",
    ),
    **_each("html-hidden", "what should be hidden is shown; use display: none"),
    **_each("css-writing-mode css-text-orientation", "the text runs the usual way"),
    **_each("css-object-fit css-object-position", "the picture is distorted; state its own size"),
    **_each(
        "css-pseudo-element-before css-pseudo-element-after css-pseudo-element-marker",
        "what it adds is missing; write it in the page",
    ),
    **_each("css-nesting", "the rules inside are lost; write each by itself"),
    **_each("css-at-import html-link", "the style sheet isn't loaded"),
    **_each(
        "html-audio html-video html-svg html-object html-picture html-meter html-progress "
        "html-marquee html-dialog html-popover html-image-maps image-mp4",
        "it isn't shown, or not as meant",
    ),
    **_each(
        "html-form html-select html-textarea html-button-reset html-button-submit "
        "html-input-checkbox html-input-hidden html-input-radio html-input-reset "
        "html-input-submit html-input-text",
        "nobody can fill it in; link to a page",
    ),
    **_each("html-base", "relative links lead nowhere; write them absolute"),
    **_each(
        "image-svg image-base64 image-tiff image-heif image-hdr image-bmp",
        "only its alternative text is shown; use JPEG or PNG",
    ),
}


@dataclass(frozen=True, slots=True)
class Trap:
    """A way of writing a declaration (a pattern of `name: value`) that costs more than itself.

    The clients are those that have the feature in part only, or not.
    """

    slug: str
    pattern: str
    loss: str


# From caniemail's notes on the feature.
TRAPS = (
    Trap(
        "css-rgb",
        r".*\brgba?\((?![^()]*,)",
        "Gmail removes the whole style attribute, or <style>, over a colour without commas; "
        "use #rrggbb",
    ),
    Trap("css-margin", r"margin[^:]*:(?:.*\s)?-\d*\.?\d", "a negative margin is taken as none"),
)

# Lacks that were weighed and change nothing that is read.
HARMLESS: Mapping[str, str] = {
    "css-at-media": "one layout, and light colours, everywhere",
    "css-at-media-prefers-color-scheme": "light colours, or the client's own dark ones",
    "css-background": "a plain ground; colours alone work everywhere",
    "css-border": "a border on a paragraph may be missing; those of cells are there",
    "css-border-radius": "square corners",
    "css-box-shadow": "no shadow",
    "css-color-scheme": "light colours, or the client's own dark ones",
    "css-comments": "in part: nobody sees them",
    "css-direction": "the dir attribute says the same",
    "css-display": "only none works; elements stand as their kind does",
    "css-display-none": "the preheader is seen as a first line",
    "css-font-size": "in part: not in rem",
    "css-font-weight": "in part: normal and bold",
    "css-height": "as high as what is inside",
    "css-hyphens": "no hyphens",
    "css-important": "in part: in style attributes, which need none",
    "css-letter-spacing": "letters at about that distance",
    "css-line-height": "lines at about that distance",
    "css-list-style": "in part: without pictures",
    "css-margin": "in part: neither negative nor auto",
    "css-max-height": "the preheader is seen as a first line",
    "css-max-width": "a table of fixed width, in a comment for Outlook, sets the measure",
    "css-min-height": "as high as what is inside",
    "css-min-width": "as wide as what is inside",
    "css-overflow": "in part: without overflow-block; what is too wide is seen all the same",
    "css-opacity": "as dense as its colour",
    "css-visibility": "the preheader is seen as a first line",
    **_each(
        "css-selector-adjacent-sibling css-selector-chaining css-selector-child css-selector-class "
        "css-selector-descendant css-selector-general-sibling css-selector-grouping "
        "css-selector-id css-selector-type css-selector-universal",
        "the style attributes say all that matters",
    ),
    "css-selector-attribute": "rules for one client are not for the others",
    "css-overflow-wrap": "a long word widens the column; word-break, where known, does the same",
    "css-padding": "in part: of cells only",
    "css-pseudo-class-hover": "links don't change under the pointer",
    "css-rgb": "in part: with commas only",
    "css-table-layout": "columns as wide as their words ask",
    "css-text-align": "in part: without match-parent, start and end",
    "css-text-decoration": "in part: underlines only",
    "css-text-decoration-color": "a line of the text's own colour",
    "css-text-decoration-line": "no line below a link, or the client's own",
    "css-text-decoration-thickness": "a line as thick as the client draws it",
    "css-text-overflow": "a text is cut without dots",
    "css-text-underline-offset": "the line where the client draws it",
    "css-text-transform": "in part: without lowercase",
    "css-text-wrap": "lines break where they fill",
    "css-vertical-align": "texts of two sizes stand a little apart",
    "css-white-space": "a line may break",
    "css-width": "in part: of tables and cells only",
    "css-word-break": "a long word widens the column, or all words break",
    "css-word-wrap": "a long word widens the column",
    "html-abbr": "no explanation under the pointer",
    "html-align": "text-align says the same",
    "html-mailto-links": "in part: the address is filled in, the subject maybe not",
    "html-anchor-links": "a jump within the mail does nothing",
    "html-aria-describedby": "a screen reader reads without it",
    "html-aria-hidden": "a screen reader reads a little more",
    "html-aria-label": "a screen reader reads the text itself",
    "html-aria-labelledby": "a screen reader reads the text itself",
    "html-bdi": "marks at the end of a name in another script may stand on its other side",
    "html-body": "the ground is that of the outermost table",
    "html-dir": "an attribute elsewhere says the same",
    "html-doctype": "the client has its own",
    "html-height": "pictures keep their proportion",
    "html-lang": "in part: not of cells",
    "html-lists": "in part: without reversed and value",
    "html-meta-color-scheme": "light colours, or the client's own dark ones",
    "html-role": "in part: of tables",
    "html-semantics": "in part: as plain blocks",
    "html-style": "the style attributes say all that matters",
    "html-target": "links open as the client likes",
    "html-width": "pictures and cells keep it",
    "image-avif": "only its alternative text is shown; no picture is needed to understand",
    "image-gif": "the first frame of a moving picture",
    "image-webp": "only its alternative text is shown; no picture is needed to understand",
}
