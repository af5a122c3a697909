"""Style sheets as a mail client reads them: declarations, media queries, and which rule wins.

Of the cascade (CSS Cascading and Inheritance Level 4, 6.1) there is what decides in a mail:
importance, the style attribute, specificity and order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import tinycss2  # type: ignore[import-untyped]
from tinycss2.color4 import parse_color  # type: ignore[import-untyped]

from digest.editions.lint.markup import Element, Page, attribute, select

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Screen:
    """What a page is looked at on: the colours the reader prefers, and the width in CSS pixels."""

    scheme: Scheme
    width: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """`name` in lower case; `value` as it is written, without `!important`."""

    name: str
    value: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a style sheet; `media` are the conditions round it, all of which must hold."""

    selector: str
    declarations: tuple[Declaration, ...]
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A style sheet: `at_rules` are name and prelude of each; `nested` whether rules hold rules.

    `fonts` are the declarations of every `@font-face`.
    """

    rules: tuple[Rule, ...]
    at_rules: tuple[tuple[str, str], ...] = ()
    fonts: tuple[Declaration, ...] = ()
    nested: bool = False
    comments: bool = False


@lru_cache(maxsize=8192)
def declarations(style: str) -> tuple[Declaration, ...]:
    """The declarations of a `style` attribute; what can't be read is left out, as clients do."""
    return tuple(_declarations(tinycss2.parse_blocks_contents(readable(style))))


def readable(css: str) -> str:
    """`css` without numbers that Python refuses to read (it does from 4,300 digits on)."""
    return re.sub("[0-9]{1000,}", "0", css)


def page_sheet(page: Page) -> Sheet:
    """All of a page's `<style>`s as one sheet; one that isn't closed takes nothing of the next."""
    sheets = [read_sheet(text, media) for text, media in page.styles]
    return Sheet(
        tuple(rule for sheet in sheets for rule in sheet.rules),
        tuple(at_rule for sheet in sheets for at_rule in sheet.at_rules),
        tuple(font for sheet in sheets for font in sheet.fonts),
        any(sheet.nested for sheet in sheets),
        any(sheet.comments for sheet in sheets),
    )


def read_sheet(text: str, media: str = "") -> Sheet:
    """The style sheet that `text` is; `media` is what all of it asks for. Never raises."""
    rules: list[Rule] = []
    at_rules: list[tuple[str, str]] = []
    fonts: list[Declaration] = []
    nested = False
    comments = False
    # Rules inside of rules are put in front of what follows, so that the order stays.
    everywhere = (media,) if media else ()
    waiting: list[tuple[Any, tuple[str, ...]]] = [
        (node, everywhere) for node in tinycss2.parse_stylesheet(readable(text))
    ]
    waiting.reverse()
    while waiting:
        node, asked = waiting.pop()
        if node.type == "qualified-rule":
            inside = tinycss2.parse_blocks_contents(node.content)
            nested |= any(part.type in ("qualified-rule", "at-rule") for part in inside)
            selector = written(node.prelude)
            rules.append(Rule(selector, tuple(_declarations(inside)), asked))
        elif node.type == "at-rule":
            name, prelude = node.lower_at_keyword, written(node.prelude)
            at_rules.append((name, prelude))
            # What `@supports` and the like hold is taken to apply: most who know them will.
            if node.content is not None and name in ("media", "supports", "layer", "container"):
                within = (*asked, prelude) if name == "media" else (*asked, "all")
                parts = tinycss2.parse_rule_list(node.content)
                waiting += [(part, within) for part in reversed(parts)]
            elif node.content is not None and name == "font-face":
                fonts += _declarations(tinycss2.parse_blocks_contents(node.content))
        comments |= node.type == "comment"
    return Sheet(tuple(rules), tuple(at_rules), tuple(fonts), nested, comments)


def addresses(value: str) -> Iterator[str]:
    """The addresses that a value loads: those of `url()`."""
    for token in value_tokens(value):
        if token.type == "url":
            yield str(token.value).strip()
        elif token.type == "function" and token.lower_name == "url":
            for argument in token.arguments:
                if argument.type == "string":
                    yield str(argument.value).strip()


def value_tokens(value: str) -> Iterator[Any]:
    """The tokens of a value (tinycss2's), those inside of brackets and functions too."""
    waiting = list(tinycss2.parse_component_value_list(value))
    while waiting:
        token = waiting.pop()
        yield token
        waiting += (token.arguments if token.type == "function" else None) or ()
        waiting += getattr(token, "content", None) or ()


def _declarations(nodes: Iterable[Any]) -> Iterator[Declaration]:
    for node in nodes:
        if node.type == "declaration":
            yield Declaration(node.lower_name, written(node.value), bool(node.important))


def written(tokens: Any) -> str:
    """Tokens as they are written, without comments; "" for what is too deep to be read."""
    try:
        # Comments say nothing: in a selector or a query they would only be in the way.
        return str(tinycss2.serialize([one for one in tokens if one.type != "comment"])).strip()
    except RecursionError:  # brackets within brackets, a thousand deep: no client reads that
        return ""


# --- media queries ------------------------------------------------------------------------

_QUERY = re.compile(
    r"\s*(?P<how>only\s+|not\s+)?(?P<type>[a-z-]+)?\s*(?P<rest>(?:(?:and\s*)?\([^()]*\)\s*)*)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_FEATURE = re.compile(r"\(\s*([a-z-]+)\s*(?:(:|<=|>=|<|>|=)\s*([^()]*?))?\s*\)", re.IGNORECASE)
_LENGTH = re.compile(r"(\d*\.?\d+)(px|em|rem)?")
# A phone held upright: narrower than the 600 px at which mail templates usually change.
_PHONE = 600


def applies(media: Sequence[str], screen: Screen) -> bool:
    """Whether all the media queries hold on the screen (Media Queries Level 4).

    A query that can't be read, or asks for what isn't known here, doesn't.
    """
    return all(any(_holds(one, screen) for one in query.split(",")) for query in media)


def _holds(query: str, screen: Screen) -> bool:
    match = _QUERY.fullmatch(_COMMENT.sub(" ", query))
    if match is None:
        return False
    features = _FEATURE.findall(match["rest"])
    if len(features) < match["rest"].count("("):
        return False
    how, kind = (match["how"] or "").strip().lower(), (match["type"] or "all").lower()
    holds = kind in ("all", "screen") and all(
        _has(name.lower(), sign, value.strip().lower(), screen) for name, sign, value in features
    )
    return holds != (how == "not")


def _has(name: str, sign: str, value: str, screen: Screen) -> bool:
    if name == "prefers-color-scheme":
        return value == screen.scheme
    bound, _, what = name.rpartition("-")
    if name.endswith("width") and (length := _LENGTH.fullmatch(value)):
        pixels = float(length[1]) * (1 if length[2] in (None, "px") else 16)
        if bound.startswith("max") or sign == "<=":
            return screen.width <= pixels
        if bound.startswith("min") or sign == ">=":
            return screen.width >= pixels
        return {"<": screen.width < pixels, ">": screen.width > pixels}.get(
            sign, screen.width == pixels
        )
    return (what or name, value) in {
        ("color", ""),
        ("motion", "no-preference"),
        ("orientation", "portrait" if screen.width < _PHONE else "landscape"),
        ("hover", "none" if screen.width < _PHONE else "hover"),
    }


# --- the cascade --------------------------------------------------------------------------

# Attributes that say what CSS says, weaker than any rule (HTML Standard, 15.2): by element, or *.
# All are colours.
_HINTS = {
    ("*", "bgcolor"): "background-color",
    ("font", "color"): "color",
    ("body", "text"): "color",
}


@lru_cache(maxsize=512)
def legacy_colour(written: str) -> str:
    """The colour that browsers make of an attribute such as `bgcolor`; "" when they make none.

    That is one of almost anything (HTML Standard, 2.3.6): `000000`, `#abc`, `navy`, even `grass`.
    """
    value = written.strip("\t\n\f\r ").lower()
    if not value or value == "transparent":
        return ""
    named = parse_color(value) if value.isascii() and value.isalpha() else None
    if (named is not None and not isinstance(named, str)) or re.fullmatch("#[0-9a-f]{3}", value):
        return value
    value = "".join("00" if ord(sign) > 0xFFFF else sign for sign in value)[:128].removeprefix("#")
    digits = re.sub("[^0-9a-f]", "0", value)
    digits += "0" * (-len(digits) % 3 if digits else 3)
    third = len(digits) // 3
    parts = [digits[at : at + third][-8:] for at in range(0, len(digits), third)]
    while len(parts[0]) > 2 and all(part[0] == "0" for part in parts):
        parts = [part[1:] for part in parts]
    return "#" + "".join(part[:2].rjust(2, "0") for part in parts)


# A shorthand and what it says too: the later of the two counts.
_SAYS_TOO = {
    "background": "background-color",
    "background-color": "background",
    "font": "font-size",
    "font-size": "font",
}


class Cascade:
    """What a page's rules and style attributes say of each element.

    Only declarations of the properties `wanted` are looked at, and of those the ones that
    `is_known` to a client: it passes over what it doesn't know, and the one before counts.
    """

    def __init__(
        self,
        page: Page,
        rules: Sequence[Rule],
        wanted: frozenset[str],
        is_known: Callable[[Declaration], bool],
    ) -> None:
        self._wanted = wanted
        self._is_known = is_known
        self._rules = [
            rule for rule in rules if any(part.name in wanted for part in rule.declarations)
        ]
        self._matched: defaultdict[Element, dict[int, tuple[int, int, int]]] = defaultdict(dict)
        for number, rule in enumerate(self._rules):
            for element, specificity in select(page, rule.selector):
                before = self._matched[element].get(number, (0, 0, 0))
                self._matched[element][number] = max(before, specificity)
        self._media = {rule.media for rule in self._rules if rule.media}
        self._known: dict[Any, Mapping[str, Declaration]] = {}

    @property
    def by_width(self) -> bool:
        """Whether any of it depends on the width of the screen."""
        return any("width" in query.lower() for media in self._media for query in media)

    def of(self, element: Element, screen: Screen) -> Mapping[str, Declaration]:
        """What is declared of the element on the screen: of each property the one that wins."""
        matched = self._matched.get(element, {})
        hints = tuple(
            Declaration(name, colour)
            for (tag, name_of), name in _HINTS.items()
            if tag in ("*", element.tag)
            and (colour := legacy_colour(attribute(element, name_of) or ""))
        )
        style = attribute(element, "style") or ""
        key = (style, hints, tuple(matched.items()), screen if matched else None)
        if key not in self._known:
            self._known[key] = self._decide(style, hints, matched, screen)
        return self._known[key]

    def _decide(
        self,
        style: str,
        hints: tuple[Declaration, ...],
        matched: Mapping[int, tuple[int, int, int]],
        screen: Screen,
    ) -> Mapping[str, Declaration]:
        stated = [(False, -1, (0, 0, 0), 0, hint) for hint in hints]
        for number, specificity in matched.items():
            rule = self._rules[number]
            if applies(rule.media, screen):
                stated += [
                    (part.important, 0, specificity, number, part) for part in rule.declarations
                ]
        stated += [(part.important, 1, (0, 0, 0), 0, part) for part in declarations(style)]
        # Sorting is stable: what is declared later in one place wins there.
        stated.sort(key=lambda one: one[:4])
        decided: dict[str, Declaration] = {}
        for *_, part in stated:
            if part.name in self._wanted and self._is_known(part):
                decided.pop(_SAYS_TOO.get(part.name, ""), None)
                decided[part.name] = part
        return decided
