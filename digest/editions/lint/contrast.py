"""Can every text be read? The contrast of what a page shows, in light and in dark.

Ratios are those of WCAG 2.2, success criterion 1.4.3, which asks for 4.5 to 1 (large text could do
with 3; whether it is large depends on the client, so all is held to 4.5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import tinycss2  # type: ignore[import-untyped]
from tinycss2.color4 import parse_color  # type: ignore[import-untyped]

from digest.editions.lint.css import Cascade, Declaration, Rule, Scheme, Screen
from digest.editions.lint.markup import Element, Page, attribute, own_text

MIN_RATIO = 4.5

# As wide as a mail's column beside a list of mails, and as a phone.
DESKTOP, PHONE = 800, 375


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour in sRGB, channels and opacity from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def __str__(self) -> str:
        channels = (self.red, self.green, self.blue)
        return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


WHITE, BLACK = Colour(1, 1, 1), Colour(0, 0, 0)
# Chromium's own for a page that says it can be dark; WebKit's are as dark and as light.
_GROUND = {"light": WHITE, "dark": Colour(18 / 255, 18 / 255, 18 / 255)}
_TEXT = {"light": BLACK, "dark": WHITE}
_LINK = {"light": Colour(0, 0, 238 / 255), "dark": Colour(158 / 255, 158 / 255, 1)}


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 for black and 1 for white (WCAG 2.2); opacity is not looked at."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    return (
        0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)
    )


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two opaque colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def over(top: Colour, ground: Colour) -> Colour:
    """What is seen when `top` lies on an opaque `ground`."""

    def mixed(above: float, below: float) -> float:
        return above * top.alpha + below * (1 - top.alpha)

    return Colour(
        mixed(top.red, ground.red), mixed(top.green, ground.green), mixed(top.blue, ground.blue)
    )


@lru_cache(maxsize=2048)
def read_colour(value: str) -> Colour | None:
    """The colour that a CSS value is; None for what is none, or none that mail clients know.

    `lab()`, `oklch()`, `color()` and `light-dark()` are of the latter sort: few clients do.
    """
    try:
        colour = parse_color(value)
    # It raises various things at numbers that lead out of range, and at brackets a thousand deep.
    except (ValueError, ArithmeticError, RecursionError):
        return None
    if colour is None or isinstance(colour, str) or colour.space not in ("srgb", "hsl", "hwb"):
        return None
    # A hue without a number is 0 (`none`), one that has run out of bounds (1e999) no colour.
    numbers = [float(channel or 0) for channel in (*colour.coordinates, colour.alpha)]
    if not all(abs(number) <= 1e6 for number in numbers):
        return None
    channels = [min(1.0, max(0.0, float(one or 0))) for one in colour.to("srgb").coordinates]
    red, green, blue = channels
    return Colour(red, green, blue, min(1.0, max(0.0, float(colour.alpha or 0))))


@lru_cache(maxsize=2048)
def _ground_of(shorthand: str) -> Colour | None:
    """The colour in a value of `background`; transparent when it names none."""
    for token in tinycss2.parse_component_value_list(shorthand):
        try:
            colour = parse_color(token)
        except (ValueError, ArithmeticError, RecursionError):
            continue
        if colour is not None and not isinstance(colour, str):
            return read_colour(token.serialize())
    return Colour(0, 0, 0, 0)


# CSS Color Level 4, 6.2, and those of CSS 2 that clients still know (appendix A).
SYSTEM_COLOURS = frozenset(
    "accentcolor accentcolortext activetext buttonborder buttonface buttontext canvas canvastext "
    "field fieldtext graytext highlight highlighttext linktext mark marktext selecteditem "
    "selecteditemtext visitedtext activeborder activecaption appworkspace background "
    "buttonhighlight buttonshadow captiontext inactiveborder inactivecaption inactivecaptiontext "
    "infobackground infotext menu menutext scrollbar threeddarkshadow threedface threedhighlight "
    "threedlightshadow threedshadow window windowframe windowtext".split()
)


def is_system_colour(stated: Declaration) -> bool:
    """Whether it asks for a colour of the reader's system, whose contrast nobody knows here."""
    return stated.name in ("color", "background-color", "background") and any(
        token.type == "ident" and token.lower_value in SYSTEM_COLOURS
        for token in tinycss2.parse_component_value_list(stated.value)
    )


# --- what is seen -------------------------------------------------------------------------

_WANTED = frozenset(
    "color background background-color display visibility opacity font font-size max-height "
    "height overflow overflow-y color-scheme".split()
)
_KEYWORDS = frozenset({"inherit", "unset", "initial", "currentcolor"})
_NOTHING = re.compile(r"[+-]?0*\.?0*(?:[a-z]+|%)?", re.IGNORECASE)
_FONT_SIZE = re.compile(r"(?:^|\s)(\d*\.?\d+)(?:[a-z]+|%)?(?:/|\s)", re.IGNORECASE)
_NEVER_SEEN = frozenset({"head", "title", "style", "script", "template", "noscript", "textarea"})


def _is_known(stated: Declaration) -> bool:
    if stated.name not in ("color", "background-color"):
        return True
    return stated.value.lower() in _KEYWORDS or read_colour(stated.value) is not None


@dataclass(frozen=True, slots=True)
class _Look:
    """How an element's own text looks. `colour` may be see-through, `ground` never is.

    `stated` is the declaration that the colour is from, and `by` its element.
    """

    colour: Colour
    ground: Colour
    hidden: bool = False
    invisible: bool = False
    tiny: bool = False
    opacity: float = 1.0
    stated: str = ""
    by: Element | None = None


@dataclass(frozen=True, slots=True)
class FaintText:
    """A text that can't be read well: where it stands, its colours and how they contrast.

    `stated` is the text's colour as it was written ("" where the client's own is meant) and `by`
    the element of which it was said.
    """

    element: Element
    by: Element
    text: str
    colour: Colour
    ground: Colour
    ratio: float
    screen: Screen
    stated: str


def faint_texts(page: Page, rules: Sequence[Rule]) -> Iterator[FaintText]:
    """All texts of less than `MIN_RATIO`, in light and dark; on a phone too where that differs.

    `rules` are those of the page's `<style>`. Text that is not shown is left out.
    """
    cascade = Cascade(page, rules, _WANTED, _is_known)
    widths = (DESKTOP, PHONE) if cascade.by_width else (DESKTOP,)
    schemes: tuple[Scheme, ...] = ("light", "dark")
    shown = [
        (element, text)
        for element in page.elements
        if element.tag not in _NEVER_SEEN and _is_seen(text := _words(element))
    ]
    for scheme in schemes:
        for width in widths:
            yield from _faint_on(page, cascade, Screen(scheme, width), shown)


def _faint_on(
    page: Page, cascade: Cascade, screen: Screen, shown: Sequence[tuple[Element, str]]
) -> Iterator[FaintText]:
    looks = _looks(page, cascade, screen)
    ratios: dict[tuple[Colour, Colour], float] = {}
    for element, text in shown:
        look = looks.get(element)
        if look is None or look.hidden or look.invisible or look.tiny or look.opacity == 0:
            continue
        colour = over(_faded(look.colour, look.opacity), look.ground)
        if (colour, look.ground) not in ratios:
            ratios[colour, look.ground] = contrast(colour, look.ground)
        ratio = ratios[colour, look.ground]
        if ratio < MIN_RATIO:
            by = element if look.by is None else look.by
            words = " ".join(text.split())
            yield FaintText(element, by, words, colour, look.ground, ratio, screen, look.stated)


def _looks(page: Page, cascade: Cascade, screen: Screen) -> Mapping[Element, _Look]:
    scheme: Scheme = screen.scheme if _can_be_dark(page, cascade, screen) else "light"
    start = _Look(_TEXT[scheme], _GROUND[scheme])
    looks: dict[Element, _Look] = {}
    for element in page.elements:
        parent = element.getparent()
        if element.tag in _NEVER_SEEN:
            continue
        above = start if parent is None else looks.get(parent, start)
        looks[element] = _look(element, above, cascade.of(element, screen), scheme)
    return looks


def _can_be_dark(page: Page, cascade: Cascade, screen: Screen) -> bool:
    """Whether the page says that the client's own colours may be dark ones."""
    stated = cascade.of(page.root, screen).get("color-scheme")
    said = stated.value if stated else ""
    for meta in page.named("meta"):
        if (attribute(meta, "name") or "").lower() == "color-scheme":
            said += " " + (attribute(meta, "content") or "")
    return "dark" in said.lower().split()


def _look(
    element: Element, above: _Look, stated: Mapping[str, Declaration], scheme: Scheme
) -> _Look:
    is_link = element.tag == "a" and attribute(element, "href") is not None
    if not stated and not is_link and attribute(element, "hidden") is None:
        return above

    def value(name: str) -> str:
        return stated[name].value.lower() if name in stated else ""

    opacity = above.opacity * _share(value("opacity"))
    ground = above.ground
    if "background" in stated:
        own = _ground_of(stated["background"].value)
    else:
        own = read_colour(value("background-color"))
    if own is not None and own.alpha:
        ground = over(_faded(own, opacity), ground)

    colour, said, by = above.colour, above.stated, above.by
    if is_link:
        colour, said, by = _LINK[scheme], "", element
    if value("color") == "initial":
        colour, said, by = _TEXT[scheme], stated["color"].value, element
    elif value("color") in ("inherit", "unset", "currentcolor"):
        colour, said, by = above.colour, above.stated, above.by
    elif (own_colour := read_colour(value("color"))) is not None:
        colour, said, by = own_colour, stated["color"].value, element

    hidden = (
        above.hidden
        or value("display") == "none"
        or (attribute(element, "hidden") is not None and "display" not in stated)
    )
    cut = "hidden" in (value("overflow"), value("overflow-y")) and any(
        value(name) and _NOTHING.fullmatch(value(name)) for name in ("max-height", "height")
    )
    invisible = above.invisible
    if value("visibility"):
        invisible = value("visibility") in ("hidden", "collapse")
    tiny = above.tiny
    if size := value("font-size"):
        tiny = bool(_NOTHING.fullmatch(size))
    elif "font" in stated and (found := _FONT_SIZE.search(value("font"))):
        tiny = float(found[1]) == 0
    return _Look(colour, ground, hidden or cut, invisible, tiny, opacity, said, by)


def _faded(colour: Colour, opacity: float) -> Colour:
    return Colour(colour.red, colour.green, colour.blue, colour.alpha * opacity)


def _share(value: str) -> float:
    """A value of `opacity` as a number from 0 to 1; 1 for what is none."""
    try:
        number = float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        return 1.0
    return min(1.0, max(0.0, number)) if number == number else 1.0


def _words(element: Element) -> str:
    """The text that stands in the element itself; a picture's is its `alt`, seen without it."""
    return attribute(element, "alt") or "" if element.tag == "img" else own_text(element)


def _is_seen(text: str) -> bool:
    """Whether the text has anything to see: a letter, digit, sign or symbol."""
    return any(unicodedata.category(character)[0] in "LNPS" for character in text)
