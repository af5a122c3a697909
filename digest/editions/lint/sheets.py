"""A theme's style sheets as they are written: what browsers and the inliner drop without a word.

Jinja in a sheet is left out; what it makes isn't looked at, and every line keeps its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tinycss2  # type: ignore[import-untyped]
from tinycss2.color4 import parse_color  # type: ignore[import-untyped]

from digest.editions.lint.contrast import SYSTEM_COLOURS
from digest.editions.lint.css import readable, written
from digest.editions.lint.markup import Page, can_select, is_selector, read_page, select
from digest.editions.lint.page_rules import Case, short
from digest.editions.lint.properties import AT_RULES, COLOURED, PROPERTIES, did_you_mean
from digest.records import Finding

# Stand for a piece of Jinja: a name that nobody writes, and what is in no comment.
_PIECE = "\ue000"
_TAG = "\ue001"
_WRITTEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)|(?P<open>/\*.*)
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'
    |(?P<note>\{\#.*?\#\})|(?P<tag>\{%.*?%\})|(?P<value>\{\{.*?\}\})""",
    re.DOTALL | re.VERBOSE,
)
_EVERYWHERE = frozenset("inherit initial unset revert revert-layer currentcolor".split())
_COLOUR_FUNCTIONS = frozenset("rgb rgba hsl hsla hwb lab lch oklab oklch color".split())
_HOLDERS = ("media", "supports", "layer", "container", "scope", "starting-style")


def style_sheets(case: Case) -> Iterator[Finding]:
    """Every rule and declaration of the theme's `.css` files can be read by a client."""
    for path, text in case.places.texts(".css"):
        yield from _of_sheet(path, readable(text))


def unused_rules(sources: Mapping[str, str], pages: Sequence[str]) -> Iterator[Finding]:
    """The rules of the `.css` files that no element of the `pages` is meant by, each a warning.

    What depends on the reader (`:hover`) is left out of a selector; what only a client's own page
    (`[data-ogsc]`) or one in another language has is passed over, and so is what can't be read.
    """
    read = [read_page(html) for html in pages]
    for path, text in sources.items():
        if not path.endswith(".css"):
            continue
        plain, _ = _without_jinja(readable(text))
        for rule in _rules(tinycss2.parse_stylesheet(plain)):
            selector = written(rule.prelude)
            if selector and not _is_used(selector, read):
                message = f"the rule is for nothing that is on a page: {short(selector)}"
                yield Finding("css", "warning", message, f"{path}:{_line(rule.prelude)}")


_OF_READERS = re.compile(
    r"::[-\w]+|:(?:hover|focus-visible|focus-within|focus|active|visited|link|target|any-link"
    r"|before|after|first-line|first-letter)(?![-\w])"
)
# Hooks of Outlook.com, the Outlook apps, Apple's and Samsung's programs, Gmail, Yahoo, Thunderbird.
_OF_CLIENTS = re.compile(
    r"\[dir|\[lang|\[data-|\[owa|\[x-apple|\[class|\[summary|\[style|\[href\^|#MessageViewBody|#MessageWebViewDiv"
    r"|#outlook|\.ExternalClass|\.ReadMsgBody|\.yshortcuts|\.moz-|\.gmail|\.msoOutlook|\bu\s*\+"
    r"|\.aolReplacedBody|\.mso|\.rps_|\.x_",
    re.IGNORECASE,
)


def _is_used(selector: str, pages: Sequence[Page]) -> bool:
    if _PIECE in selector or _OF_CLIENTS.search(selector):
        return True
    plain = re.sub(r"(^|[\s>+~,(])(?=$|[\s>+~,)])", r"\1", _OF_READERS.sub("", selector)).strip()
    if not can_select(plain):
        return True
    return any(True for page in pages for _ in select(page, plain))


# --- what is wrong -------------------------------------------------------------------------


def _of_sheet(path: str, text: str) -> Iterator[Finding]:
    plain, unclosed = _without_jinja(text)
    if unclosed:
        message = "the comment isn't closed and swallows all that follows; end it with */"
        yield _error(message, path, unclosed)
    nesting, surplus = set[int](), list[int]()
    for line, message in _brackets(plain, nesting, surplus):
        yield _error(message, path, line)
    for at in surplus:  # told; what follows them is worth a look of its own
        plain = f"{plain[:at]} {plain[at + 1 :]}"
    for node in tinycss2.parse_stylesheet(plain):
        yield from _of_node(node, path, nesting)


def _of_node(node: Any, path: str, nesting: set[int]) -> Iterator[Finding]:
    if node.type == "error":
        yield _error("what stands here is no rule, and is dropped", path, node.source_line)
    elif node.type == "qualified-rule":
        yield from _of_rule(node, path, nesting)
    elif node.type == "at-rule":
        name, prelude = node.lower_at_keyword, written(node.prelude)
        if name == "import":
            # In the words of the rule for pages, so that it is told once.
            message = f"@import {short(prelude)}: clients load no style sheets; include the file"
            yield Finding("forbidden", "error", message, f"{path}:{node.source_line}")
        elif name not in AT_RULES and not name.startswith("-"):
            guess = did_you_mean(name, AT_RULES)
            message = f"nobody knows @{name}{guess}; it is dropped with all that it holds"
            yield _error(message, path, node.source_line)
        elif name in _HOLDERS and node.content is not None:
            for part in tinycss2.parse_rule_list(node.content):
                yield from _of_node(part, path, nesting)


def _of_rule(rule: Any, path: str, nesting: set[int]) -> Iterator[Finding]:
    selector, line = written(rule.prelude), _line(rule.prelude) or rule.source_line
    if _PIECE not in selector and not _is_selector(selector):
        message = f"no selector can be read in {short(selector)!r}; the rule is dropped"
        yield _error(message, path, line)
    if rule.source_line in nesting:
        return
    content = rule.content
    jinja = {token.source_line for token in content if _is_jinja(token)}
    for node in tinycss2.parse_declaration_list(content):
        if node.type == "error":
            if not jinja.intersection((node.source_line, node.source_line + 1)):
                message = "what stands here is no declaration (name: value;), and is dropped"
                yield _error(message, path, node.source_line)
        elif node.type == "declaration" and not (
            _PIECE in node.name or any(map(_is_jinja, node.value))
        ):
            yield from _of_declaration(node, path)


def _of_declaration(node: Any, path: str) -> Iterator[Finding]:
    name = node.lower_name
    known = PROPERTIES
    if not name.startswith(("-", "mso-", "*", "_")) and name not in known:
        message = f"nobody knows the property {short(name)}{did_you_mean(name, known)}"
        yield Finding("css", "warning", message, f"{path}:{node.source_line}")
        return
    signs = [token.value for token in node.value if token.type == "literal"]
    if ":" in signs and not name.startswith(("-", "mso-")) and "filter" not in name:
        message = f"a ; is missing behind {name}: {short(written(node.value).splitlines()[0])}"
        yield _error(f"{message}; it is dropped with what follows", path, node.source_line)
    elif "!" in signs:
        message = f"{name}: {short(written(node.value))} has a ! that isn't !important"
        yield Finding("css", "warning", f"{message}; it is dropped", f"{path}:{node.source_line}")
    elif name in COLOURED and (refused := _refused(node.value, COLOURED[name])):
        message = f"{name}: {short(refused)} is no colour; it is dropped"
        yield Finding("css", "warning", message, f"{path}:{node.source_line}")


def _refused(value: Iterable[Any], beside: frozenset[str]) -> str:
    """What stands in the value of a property of colours and is none; "" where all is well."""
    for token in value:
        wrong = False
        if token.type == "ident":
            word = token.lower_value
            known = word in beside or word in _EVERYWHERE or word in SYSTEM_COLOURS
            wrong = not known and not word.startswith("-") and parse_color(word) is None
        elif token.type == "hash":
            wrong = parse_color(token) is None
        elif token.type == "function" and token.lower_name in _COLOUR_FUNCTIONS:
            # `rgb(from …)` and those with a variable can't be known here.
            inside = {one.type for one in token.arguments}
            wrong = not inside & {"function", "ident"} and parse_color(token) is None
        elif token.type in ("number", "dimension", "string"):
            wrong = not beside
        if wrong:
            return written([token])
    return ""


# --- how it is read ------------------------------------------------------------------------


def _without_jinja(text: str) -> tuple[str, int]:
    """The sheet with its Jinja replaced, as long as before; and the line of an unclosed comment."""
    unclosed = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal unclosed
        piece = match[0]
        if match["open"]:
            unclosed = text.count("\n", 0, match.start()) + 1
            return ""
        if match["comment"] or match["note"]:
            return re.sub(r"[^\n]", " ", piece)
        if match["tag"]:
            blank = re.sub(r"[^\n]", " ", piece[3:-2])
            return f"/*{_TAG}{blank}*/"
        return re.sub(r"[^\n]", _PIECE, piece) if match["value"] else piece

    # To CSS these are ends of lines too; editors don't count the last.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")
    return _WRITTEN.sub(replaced, text), unclosed


def _is_jinja(token: Any) -> bool:
    if token.type == "comment":
        return _TAG in token.value
    return token.type in ("ident", "hash", "string", "dimension", "function") and _PIECE in (
        token.serialize()
    )


_BRACKET = re.compile(r"""/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{};]""", re.DOTALL)
# So many are told of one by one; more of them only say that the sheet is broken.
_ENOUGH = 3


def _brackets(text: str, nesting: set[int], surplus: list[int]) -> Iterator[tuple[int, str]]:
    """Lines of rules whose `}` is missing, put in `nesting`; and of a `}` too many, in `surplus`.

    A rule that begins within a rule shows the latter: nesting is legal CSS by now, but neither the
    inliner nor most mail clients know it.
    """
    opened: list[tuple[int, bool]] = []  # line, and whether it holds declarations
    before, line, at = 0, 1, 0
    for match in _BRACKET.finditer(text):
        sign = match[0]
        if sign not in "{};":
            continue
        line += text.count("\n", at, match.start())
        at = match.start()
        if sign == "{":
            head = re.sub(r"/\*.*?\*/", "", text[before:at], flags=re.DOTALL).strip()
            if opened and opened[-1][1]:
                outer = opened[-1][0]
                if outer not in nesting:
                    nesting.add(outer)
                    yield (
                        outer,
                        f"a }} is missing: the rule swallows the one of line {line} (clients know "
                        "no rules within rules)",
                    )
            opened.append((line, not head.startswith("@")))
        elif sign == "}" and opened:
            opened.pop()
        elif sign == "}":
            if len(surplus) < _ENOUGH:
                yield line, "a } too many: it is dropped with the rule that follows it"
            surplus.append(at)
        before = match.end()
    for start, _ in opened[:1]:
        if start not in nesting and not nesting:
            nesting.add(start)
            yield start, "a } is missing: what is opened here swallows all that follows"


def _is_selector(selector: str) -> bool:
    """Whether a client can read it; what stands in brackets is taken to be right."""
    plain = re.sub(r"\[[^\]]*\]", ".x", selector)
    while (shorter := re.sub(r"\([^()]*\)", "", plain)) != plain:
        plain = shorter
    return is_selector(re.sub(r"::(?=[-\w])", ":", plain))


def _rules(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        if node.type == "qualified-rule":
            yield node
        elif node.type == "at-rule" and node.content and node.lower_at_keyword in _HOLDERS:
            yield from _rules(tinycss2.parse_rule_list(node.content))


def _line(tokens: Iterable[Any]) -> int:
    """The line of the first token that says something; 0 without one."""
    return next((one.source_line for one in tokens if one.type not in ("whitespace", "comment")), 0)


def _error(message: str, path: str, line: int) -> Finding:
    return Finding("css", "error", message, f"{path}:{line}")
