"""The desk's English stands in `digest/words/desk.toml`: none elsewhere, and none there unused."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from jinja2 import Environment, nodes

import digest

PACKAGE = Path(digest.__file__).parent
PREVIEW = PACKAGE / "preview"
# Whatever a page of the desk says is written by one of these, or belongs to a room of its own.
SPEAKERS = [
    *sorted(PREVIEW.rglob("*.py")),
    *sorted((PACKAGE / "editions" / "desk").rglob("*.py")),
    PACKAGE / "pipeline" / "approving.py",
    PACKAGE / "pipeline" / "editing.py",
    PACKAGE / "store" / "desk.py",
]
# Shares sentences with the desk, and has others that only the command line says.
USERS = [*SPEAKERS, PACKAGE / "pipeline" / "outgoing.py"]
PAGES = sorted((PREVIEW / "pages").glob("*.html"))
SCRIPTS = sorted(file for file in (PREVIEW / "static").glob("*.js") if ".min." not in file.name)
WORDS = tomllib.loads((PACKAGE / "words" / "desk.toml").read_text("utf-8"))

Sections = Mapping[str, Mapping[str, Any]]

# From here on a text is a sentence; two words may be a header, a thread's name or a format.
SENTENCE = 3
_WORD = re.compile(r"[\"'“‘(]*[A-Za-z]+(?:['’-][A-Za-z]+)*[\"'”’).,;:!?…]*")
# What is written as words and is none: HTML, and the values of headers that say what may be done.
_CODE = re.compile(r"<|.*'(?:none|self)'|.*-src |.*=\(\)", re.DOTALL)


def is_sentence(text: str) -> bool:
    words = [word for word in text.split() if _WORD.fullmatch(word)]
    return len(words) >= SENTENCE and not _CODE.match(text)


# --- sentences in Python -------------------------------------------------------------------------


def sentences(source: str) -> list[str]:
    """The sentences in Python that are neither documentation, nor for a log or whoever mends us."""
    tree = ast.parse(source)
    passed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(node.value)
        if isinstance(node, ast.Call) and _is_for_us(node.func):
            passed |= {one for argument in node.args for one in ast.walk(argument)}
    found = []
    for node in ast.walk(tree):  # outer nodes first: a part of what was judged isn't judged again
        if node not in passed and (text := _text(node)) is not None:
            passed |= set(_pieces(node))
            if is_sentence(text):
                found.append(text)
    return found


def _is_for_us(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "log"
    return isinstance(called, ast.Name) and called.id == "AssertionError"


def _text(node: ast.AST) -> str | None:
    """A text with `{}` for each value; None for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else f"{left or '{}'}{right or '{}'}"
    return None


def _pieces(node: ast.AST) -> Iterator[ast.AST]:
    """What a text is put together from, but for the values that are filled in."""
    yield node
    inner: list[ast.expr] = []
    if isinstance(node, ast.JoinedStr):
        inner = [part for part in node.values if isinstance(part, ast.Constant)]
    elif isinstance(node, ast.BinOp):
        inner = [part for part in (node.left, node.right) if _text(part) is not None]
    for part in inner:
        yield from _pieces(part)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise UsageError('the story is gone')", ["the story is gone"]),
        ("f'there is no edition {name}'", ["there is no edition {}"]),
        ("x = name + ' is not ' + 'there'", ["{} is not there"]),
        ("x = f'{f(\"one two three\")} is not {b}'", ["one two three"]),
        ("x = {'sent': 'it has been sent'}", ["it has been sent"]),
        ("x = t('gone.story') or 'No such story.'", ["No such story."]),
        ("def f():\n    '''Gives the number back.'''\n    return ''", []),
        ("KEY = 'k'\n'''The cookie of a browser.'''", []),
        ("log.info('looked for changes in vain')", []),
        ("raise AssertionError('this can not be')", []),
        ("x = \"img-src 'self'; frame-src 'none'; base-uri 'none'\"", []),
        ("x = 'camera=(), display=(), usb=()'", []),
        ("x = f'<p class=\"a\">one two three</p>'", []),
        ("x: 'str | list[str] | None' = t('gone.story')", []),
    ],
)
def test_a_sentence_in_python_is_found(source: str, found: list[str]) -> None:
    assert sentences(source) == found


@pytest.mark.parametrize("file", SPEAKERS, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_sentence_stands_where_it_is_raised(file: Path) -> None:
    assert sentences(file.read_text("utf-8")) == []


# --- English in pages and scripts ----------------------------------------------------------------

_SPOKEN = ("alt", "aria-description", "aria-label", "aria-valuetext", "placeholder", "title")
# What is typed, or was written by a machine: commands, keys, settings.
_TYPED = ("code", "kbd", "pre")
# Macros make attributes and addresses, which stand in a tag only where they are called.
_MADE = re.compile(r"[a-z-]+=\"[^\"]*\"|/\S*")
_JINJA = Environment(autoescape=True)


class _Read(HTMLParser):
    """Collects what a visitor reads or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._typed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._typed += tag in _TYPED
        for name, value in attrs:
            spoken = name in _SPOKEN and re.search("[A-Za-z]", value or "")
            if spoken or (name.startswith("data-") and is_sentence(value or "")):
                self.found.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._typed -= tag in _TYPED

    def handle_data(self, data: str) -> None:
        if not self._typed and re.search("[A-Za-z]", _MADE.sub("", data)):
            self.found.append(data.strip())


def english(page: str) -> list[str]:
    """What a template says that no expression gives, and sentences within its expressions."""
    markup, found = "", []
    inside = 0
    for _, kind, text in _JINJA.lex(page):
        inside += kind in ("variable_begin", "block_begin")
        inside -= kind in ("variable_end", "block_end")
        if kind == "data":
            markup += text
        elif kind == "variable_begin":
            markup += "0"  # a value: no letter, so that only what stands beside it counts
        elif inside and kind == "string" and is_sentence(text[1:-1]):
            found.append(text[1:-1])
    reader = _Read()
    reader.feed(markup)
    reader.close()
    return reader.found + found


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<p>{{ t('a.b') }} stories</p>", ["0 stories"]),
        ("{% if a %}<b>Save</b>{% else %}<i>{{ b }}</i>{% endif %}", ["Save"]),
        ("<title>{% block title %}Desk{% endblock %}</title>", ["Desk"]),
        ('<button aria-label="Drop {{ title }}">{{ x }}</button>', ["Drop 0"]),
        ('<body data-lost="The desk is gone">', ["The desk is gone"]),
        ("{{ notice or 'Nothing was changed' }}", ["Nothing was changed"]),
        ("<p>{{ t('a.b', n=2) }} <kbd>Esc</kbd> <code>digest run</code> 12 % · →</p>", []),
        ("{# How it works here #}<!-- and here --><{{ h }}>{{ x }}</{{ h }}>", []),
        ('<li data-key="e" data-job="{{ n }}"></li>', []),
        ('{% macro goes(to) %}method="post" action="{{ to }}/history"{% endmacro %}', []),
    ],
)
def test_english_in_a_page_is_found(page: str, found: list[str]) -> None:
    assert english(page) == found


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_no_page_says_anything_of_its_own(file: Path) -> None:
    assert english(file.read_text("utf-8")) == []


_IN_SCRIPT = re.compile(
    r"//[^\n]*|/\*.*?\*/|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)", re.DOTALL
)
_SELECTS = re.compile(r"(?:querySelector(?:All)?|closest|matches|all)(?:\?\.)?\($")


def said(script: str) -> list[str]:
    """The sentences in JavaScript, but for what selects elements."""
    return [
        one[1][1:-1]
        for one in _IN_SCRIPT.finditer(script)
        if one[1] and is_sentence(one[1][1:-1]) and not _SELECTS.search(script[: one.start()])
    ]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('say("It was not saved");', ["It was not saved"]),
        ("line.textContent = `Moved to place ${n} of ${of}`;", ["Moved to place ${n} of ${of}"]),
        ('// as "it is said here"\nsay(words.lost);', []),
        ('all("button, input, select", row);', []),
    ],
)
def test_a_sentence_in_a_script_is_found(script: str, found: list[str]) -> None:
    assert said(script) == found


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_script_says_anything_of_its_own(file: Path) -> None:
    assert said(file.read_text("utf-8")) == []


# --- each word is there, is used, and gets its values --------------------------------------------

_KEY = re.compile(r"([a-z_]+)\.([a-z_]+)")
_SUFFIXES = ("css", "eml", "html", "json", "toml", "txt", "yaml")
_HOLE = "([a-z_]+)"


@dataclass(frozen=True, slots=True)
class Use:
    """Words that are asked for: `name` is a key, or a pattern of keys with holes.

    `given` are the names of the values, None where they are not to be seen.
    """

    name: str
    given: frozenset[str] | None = None


def used_in_python(source: str, sections: Sections) -> Iterator[Use]:
    """Every text that is a key, whether it is looked up at once or later; and calls with values."""
    passed: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and (text := _text(node.args[0])):
            names = [one.arg for one in node.keywords]
            if _is_key(text, sections) and None not in names:
                yield Use(text, frozenset(filter(None, names)))
        if node not in passed and (text := _text(node)):
            passed |= set(_pieces(node))
            if _is_key(text.replace("{}", "x"), sections):
                yield Use(text.replace("{}", _HOLE))


def used_in_page(page: str) -> Iterator[Use]:
    for call in _JINJA.parse(page).find_all(nodes.Call):
        called = call.node.node if isinstance(call.node, nodes.Getattr) else call.node
        if isinstance(called, nodes.Name) and called.name == "t" and call.args:
            given = frozenset(one.key for one in call.kwargs)
            for name in _names(call.args[0]):
                yield Use(name, None if _HOLE in name else given)


def _names(node: nodes.Expr) -> list[str]:
    """The keys that an expression may give: a pattern where a part of them is a value."""
    if isinstance(node, nodes.Const):
        return [str(node.value)]
    if isinstance(node, nodes.CondExpr):
        return [*_names(node.expr1), *(_names(node.expr2) if node.expr2 else ())]
    if isinstance(node, nodes.Concat):
        return ["".join(str(getattr(one, "value", _HOLE)) for one in node.nodes)]
    return [_HOLE]


def _is_key(text: str, sections: Sections) -> bool:
    key = _KEY.fullmatch(text)
    return key is not None and key[1] in sections and key[2] not in _SUFFIXES


def complaints(sections: Sections, uses: Iterable[Use], values: set[str]) -> list[str]:
    """What is asked for and isn't there, is there and never asked for, or lacks a value.

    `values` are the texts that a hole of a pattern can be filled with.
    """
    entries = {
        f"{section}.{key}": entry for section, of in sections.items() for key, entry in of.items()
    }
    found, used = [], set()
    for use in dict.fromkeys(uses):
        if _HOLE in use.name:
            pattern = re.compile(use.name.replace(".", r"\.", 1))
            hits = {name: hit for name in entries if (hit := pattern.fullmatch(name))}
            hits = {name: hit for name, hit in hits.items() if values.issuperset(hit.groups())}
            used |= hits.keys()
            if not hits:
                found.append(f"no words for {use.name}")
        elif use.name not in entries:
            found.append(f"no words for {use.name}")
        else:
            used.add(use.name)
            lacking = _wanted(entries[use.name]) - (use.given or frozenset())
            if use.given is not None and lacking:
                found.append(f"{use.name} lacks {', '.join(sorted(lacking))}")
    return found + [f"{name} is never said" for name in entries if name not in used]


def _wanted(entry: str | dict[str, str]) -> set[str]:
    forms = [entry] if isinstance(entry, str) else list(entry.values())
    names = {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}
    return names if isinstance(entry, str) else names | {"n"}


def texts(source: str) -> set[str]:
    return {text for node in ast.walk(ast.parse(source)) if (text := _text(node))}


def test_all_words_are_there_and_used_and_get_their_values() -> None:
    pages = [file.read_text("utf-8") for file in PAGES]
    sources = [file.read_text("utf-8") for file in USERS]
    kinds = [file.read_text("utf-8") for file in sorted((PACKAGE / "records").rglob("*.py"))]
    values = {text.replace(" ", "_") for source in (*sources, *kinds) for text in texts(source)}
    values |= {one[1:-1] for page in pages for _, kind, one in _JINJA.lex(page) if kind == "string"}
    uses = [use for source in sources for use in used_in_python(source, WORDS)]
    uses += [use for page in pages for use in used_in_page(page)]
    assert complaints(WORDS, uses, values) == []


MADE_UP: Sections = {
    "gone": {"story": "{edition} has no story", "feed": "no feed"},
    "kind": {"drop": "dropped", "pin": "pinned", "n": {"one": "one", "other": "{n} of {of}"}},
}


@pytest.mark.parametrize(
    ("source", "page", "told"),
    [
        ("t('gone.story', edition=x); t(f'kind.{k}', **a)", "{{ t('gone.feed') }}", []),
        ("t('gone.story', edition=x); t(f'kind.{k}', **a)", "", ["gone.feed is never said"]),
        (
            "t('gone.story'); t(f'kind.{k}', **a)",
            "{{ t('gone.feed') }}",
            ["gone.story lacks edition"],
        ),
        (
            "w = 'gone.story' if x else 'gone.stories'; t(f'kind.{k}', **a)",
            "{{ t('gone.feed') }}",
            ["no words for gone.stories"],
        ),
        (
            "'gone.story', 'gone.feed', 'kind.drop', 'feeds.yaml'",
            "{{ t('kind.' ~ k ~ '_x') }}{{ t('kind.pin' if a else 'kind.n', n=2) }}",
            ["no words for kind.([a-z_]+)_x", "kind.n lacks of"],
        ),
        (
            "'gone.story', 'gone.feed', 'kind.n', 'kind.drop'",
            "{{ t('kind.' ~ 1) }}{{ t.html('no.such') }}",
            ["no words for kind.1", "no words for no.such", "kind.pin is never said"],
        ),
    ],
)
def test_words_that_lack_or_are_not_used_are_told(source: str, page: str, told: list[str]) -> None:
    uses = [*used_in_python(source, MADE_UP), *used_in_page(page)]
    assert complaints(MADE_UP, uses, {"drop", "pin", "n"}) == told
