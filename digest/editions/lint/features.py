"""Which features of HTML and CSS a page uses, by caniemail's names of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlsplit

from digest.editions.lint.css import Declaration, Sheet, declarations, value_tokens
from digest.editions.lint.markup import Element, Page, attribute
from digest.editions.lint.support import Feature, facts


@dataclass(frozen=True, slots=True)
class Use:
    """A feature that a page uses: how often, and the first place where it does, as written.

    `extra`: only under a media query or for a state such as `:hover`, so that the page is whole
    without it.
    """

    feature: Feature
    times: int
    example: str
    extra: bool = False


def features_used(page: Page, sheet: Sheet) -> tuple[Use, ...]:
    """What the page uses, `sheet` being that of its `<style>`; by slug."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    always: set[str] = set()
    for slug, example, is_extra, times in _found(page, sheet):
        counts[slug] += times
        if slug not in always and not (is_extra and slug in examples):
            examples[slug] = example
        if not is_extra:
            always.add(slug)
    known = facts().features
    return tuple(
        Use(known[slug], counts[slug], examples[slug], slug not in always)
        for slug in sorted(counts)
        if slug in known
    )


def mean_share(uses: Sequence[Use]) -> float:
    """The mean share of support of the features used; 1 when there are none."""
    return sum(use.feature.share for use in uses) / len(uses) if uses else 1.0


_Found = Iterator[tuple[str, str, bool, int]]  # slug, example, extra, times


def _found(page: Page, sheet: Sheet) -> _Found:
    styles: Counter[str] = Counter()
    elements: Counter[tuple[str, str]] = Counter()
    for element in page.elements:
        if style := attribute(element, "style"):
            styles[style] += 1
        for found in _of_element(element):
            elements[found] += 1
    for (slug, example), times in elements.items():
        yield slug, example, False, times
    for style, times in styles.items():
        for declaration in declarations(style):
            for slug in _of_declaration(declaration):
                yield slug, f"{declaration.name}: {declaration.value}", False, times
    yield from _of_sheet(sheet)
    if "<!--" in page.source:
        yield "html-comments", "<!--", False, page.source.count("<!--")
    if page.source.lstrip()[:15].lower() == "<!doctype html>":
        yield "html-doctype", "<!DOCTYPE html>", False, 1


def _of_sheet(sheet: Sheet) -> _Found:
    for name, prelude in sheet.at_rules:
        for slug in _of_at_rule(name, prelude):
            yield slug, f"@{name} {prelude}".strip(), True, 1
    for rule in sheet.rules:
        states = [slug for slug in _of_selector(rule.selector) if slug in _STATES]
        extra = bool(rule.media or states)
        for slug in _of_selector(rule.selector):
            yield slug, rule.selector, extra, 1
        for declaration in rule.declarations:
            for slug in _of_declaration(declaration):
                yield slug, f"{declaration.name}: {declaration.value}", extra, 1
    if sheet.nested:
        yield "css-nesting", "a rule inside a rule", False, 1
    if sheet.comments:
        yield "css-comments", "/* … */", False, 1


# --- CSS ----------------------------------------------------------------------------------


def _each(slug: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), slug)


# Those whose name is not the title of the feature.
_PROPERTIES = {
    **_each("css-block-inline-size", "block-size"),
    **_each("css-border-inline-block", "border-inline border-block"),
    **_each(
        "css-border-inline-block-individual",
        "border-block-end border-block-start border-inline-end border-inline-start",
    ),
    **_each(
        "css-border-inline-block-longhand",
        "border-block-color border-block-style border-block-width border-inline-color "
        "border-inline-style border-inline-width",
    ),
    **_each(
        "css-border-radius-logical",
        "border-end-end-radius border-end-start-radius border-start-end-radius "
        "border-start-start-radius",
    ),
    **_each(
        "css-border-radius",
        "border-top-left-radius border-top-right-radius border-bottom-left-radius "
        "border-bottom-right-radius",
    ),
    **_each("css-color-scheme", "color-scheme"),
    **_each(
        "css-column-layout-properties",
        "columns column-fill column-rule column-rule-color column-rule-style column-rule-width "
        "column-span column-width",
    ),
    **_each("css-gap", "gap column-gap row-gap"),
    **_each("css-grid-template", "grid-template grid-template-areas grid-template-columns"),
    **_each("css-grid-template", "grid-template-rows"),
    **_each("css-left-right-top-bottom", "left right top bottom"),
    **_each("css-margin-block-start-end", "margin-block-start margin-block-end"),
    **_each("css-margin-inline-block", "margin-inline margin-block"),
    **_each("css-margin-inline-start-end", "margin-inline-start margin-inline-end"),
    **_each("css-padding-block-start-end", "padding-block-start padding-block-end"),
    **_each("css-padding-inline-block", "padding-inline padding-block"),
    **_each("css-padding-inline-start-end", "padding-inline-start padding-inline-end"),
}
_SIDE = re.compile(r"(border|margin|padding)-(?:top|right|bottom|left)(?:-(?:color|style|width))?")
_PART = re.compile(
    r"(border|outline)-(?:color|style|width)|(background)-attachment|(overflow)-[xy]"
)
_VALUES = {
    ("display", "flex"): "css-display-flex",
    ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("display", "inline-grid"): "css-display-grid",
    ("display", "none"): "css-display-none",
}
_WORDS = {
    **_each("css-intrinsic-size", "fit-content min-content max-content"),
    **_each("css-sytem-ui", "system-ui ui-serif ui-sans-serif ui-rounded ui-monospace"),
    **_each("css-unit-initial", "initial"),
}
_FUNCTIONS = {
    **_each("css-function-clamp", "clamp"),
    **_each("css-function-light-dark", "light-dark"),
    **_each("css-function-max", "max"),
    **_each("css-function-min", "min"),
    **_each("css-linear-gradient", "linear-gradient repeating-linear-gradient"),
    **_each("css-radial-gradient", "radial-gradient repeating-radial-gradient"),
    **_each("css-conic-gradient", "conic-gradient repeating-conic-gradient"),
    **_each("css-modern-color", "lch oklch lab oklab color color-mix"),
    **_each("css-rgb", "rgb"),
    **_each("css-rgba", "rgba"),
    **_each("css-unit-calc", "calc"),
    **_each("css-variables", "var"),
}
_UNITS = {
    unit: f"css-unit-{unit}" for unit in "ch cm em ex in mm pc pt px rem vh vmax vmin vw".split()
}
_NAME = re.compile(r"([a-z-]+)(?: property| shorthand)?")


@cache
def _property_slugs() -> Mapping[str, str]:
    """By the name of a property its feature: most have it for their title."""
    named = {
        match[1]: slug
        for slug, feature in facts().features.items()
        if slug.startswith("css-") and (match := _NAME.fullmatch(feature.title))
    }
    return named | _PROPERTIES


def _property(name: str) -> str:
    slugs = _property_slugs()
    if name.startswith("--"):
        return "css-variables"
    if name not in slugs and (match := _SIDE.fullmatch(name) or _PART.fullmatch(name)):
        name = next(filter(None, match.groups()))
    return slugs.get(name, "")


@lru_cache(maxsize=4096)
def _of_declaration(declaration: Declaration) -> frozenset[str]:
    """The features in one declaration: its property's, and those of its value."""
    slugs = {_property(declaration.name), "css-important" if declaration.important else ""}
    slugs.add(_VALUES.get((declaration.name, declaration.value.lower()), ""))
    for token in value_tokens(declaration.value):
        if token.type == "dimension":
            slugs.add(_UNITS.get(token.lower_unit, ""))
        elif token.type == "percentage":
            slugs.add("css-unit-percent")
        elif token.type == "ident":
            slugs.add(_WORDS.get(token.lower_value, ""))
        elif token.type == "url":
            slugs.add(_picture(token.value))
        elif token.type == "function":
            slugs.add(_FUNCTIONS.get(token.lower_name, ""))
        if token.type == "url" or getattr(token, "lower_name", "") == "url":
            slugs |= {"css-background-image"} if "background" in declaration.name else set()
    return frozenset(slugs - {""})


_SELECTORS = (
    (re.compile(r"\*"), "css-selector-universal"),
    (re.compile(r"\.[\w-]"), "css-selector-class"),
    (re.compile(r"#[\w-]"), "css-selector-id"),
    (re.compile(r"\["), "css-selector-attribute"),
    (re.compile(r"(?:^|[\s>+~,(])[a-z]", re.IGNORECASE), "css-selector-type"),
    (re.compile(r"[\w\])-][.#][\w-]"), "css-selector-chaining"),
    (re.compile(r"[^\s>+~,]\s+[^\s>+~,]"), "css-selector-descendant"),
    (re.compile(r">"), "css-selector-child"),
    (re.compile(r"\+"), "css-selector-adjacent-sibling"),
    (re.compile(r"~(?!=)"), "css-selector-general-sibling"),
    (re.compile(r","), "css-selector-grouping"),
)
_COLONS = re.compile(r"(::?)([a-z-]+)", re.IGNORECASE)
# What depends on the reader's doing: an extra by its nature.
_STATES = frozenset(
    f"css-pseudo-class-{name}"
    for name in (
        "active checked default focus focus-visible focus-within hover target visited".split()
    )
)
_ELEMENTS_OF_OLD = ("before", "after", "first-letter", "first-line")


@lru_cache(maxsize=1024)
def _of_selector(selector: str) -> tuple[str, ...]:
    slugs = [slug for pattern, slug in _SELECTORS if pattern.search(selector.strip())]
    for colons, name in _COLONS.findall(selector):
        is_element = colons == "::" or name.lower() in _ELEMENTS_OF_OLD
        slugs.append(f"css-pseudo-{'element' if is_element else 'class'}-{name.lower()}")
    return tuple(slugs)


def _of_at_rule(name: str, prelude: str) -> Iterator[str]:
    yield f"css-at-{name.removeprefix('-webkit-')}"
    if name == "media":
        for asked, slug in (
            ("prefers-color-scheme", "prefers-color-scheme"),
            ("prefers-reduced-motion", "prefers-reduced-motion"),
            ("device-pixel-ratio", "device-pixel-ratio"),
            ("orientation", "orientation"),
            ("hover", "hover"),
        ):
            if asked in prelude.lower():
                yield f"css-at-media-{slug}"


# --- HTML ---------------------------------------------------------------------------------

_TAGS = {
    **_each("html-h1-h6", "h1 h2 h3 h4 h5 h6"),
    **_each("html-lists", "ul ol dl"),
    **_each(
        "html-semantics",
        "article aside details figcaption figure footer header main mark nav section summary time",
    ),
    **_each("html-image-maps", "map"),
    **_each("html-svg", "svg"),
}
_ATTRIBUTES = frozenset(
    "align aria-describedby aria-hidden aria-label aria-labelledby aria-live background "
    "cellpadding cellspacing dir height hidden lang popover required role target valign "
    "width".split()
)
_TYPED = frozenset({"button", "input"})
_FORMATS = {
    "jpg": "jpg", "jpeg": "jpg", "png": "png", "gif": "gif", "webp": "webp", "avif": "avif",
    "svg": "svg", "bmp": "bmp", "ico": "ico", "heic": "heif", "heif": "heif", "tif": "tiff",
    "tiff": "tiff", "apng": "apng", "mp4": "mp4",
}  # fmt: skip


def _of_element(element: Element) -> Iterator[tuple[str, str]]:
    tag = str(element.tag)
    kind = f"-{(attribute(element, 'type') or 'text').lower()}" if tag in _TYPED else ""
    yield _TAGS.get(tag, f"html-{tag}{kind}"), f"<{tag}>"
    for name, value in element.items():
        name, value = str(name), str(value)
        if name in _ATTRIBUTES:
            yield f"html-{name}", name
        elif name in ("srcset", "sizes"):
            yield "html-srcset", name
        elif name == "loading":
            yield "html-loading-attribute", name
        elif name == "href" and tag == "a":
            if value[:7].lower() == "mailto:":
                yield "html-mailto-links", "mailto:"
            elif value.startswith("#"):
                yield "html-anchor-links", "href='#…'"
        elif name == "src" and tag == "img" and (slug := _picture(value)):
            yield slug, slug.removeprefix("image-")
    if tag == "meta" and attribute(element, "name") == "color-scheme":
        yield "html-meta-color-scheme", "<meta name='color-scheme'>"


def _picture(address: str) -> str:
    """The format that the address of a picture speaks of; "" when it doesn't."""
    if address[:5].lower() == "data:":
        return "image-base64"
    try:
        ending = urlsplit(address).path.rpartition(".")[2].lower()
    except ValueError:
        return ""
    return f"image-{_FORMATS[ending]}" if ending in _FORMATS else ""
