"""A rendered page as a tree, for the lint. The lint's only door to lxml and cssselect."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cssselect import HTMLTranslator, SelectorError
from cssselect.parser import parse
from lxml import etree
from lxml import html as lxml_html

from digest.records import Edition, EditionStory

Element = etree._Element

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SILENT = frozenset({"head", "title", "style", "script", "template", "noscript"})
_TRANSLATOR = HTMLTranslator()


@dataclass(frozen=True, slots=True)
class Page:
    """A page: elements in document order, text and `media` of each `<style>`, and all classes."""

    source: str
    root: Element
    elements: tuple[Element, ...]
    styles: tuple[tuple[str, str], ...]
    classes: frozenset[str]

    def named(self, *names: str) -> Iterator[Element]:
        """The elements with one of these names, in document order."""
        return (element for element in self.elements if element.tag in names)


def read_page(html: str) -> Page:
    """The page that a client would make of `html`; anything is one. Never raises."""
    # Bytes with a named encoding: lxml refuses str that carries an XML declaration.
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root: Element = lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser)
    except etree.ParserError:  # "Document is empty"
        root = lxml_html.document_fromstring(b"<html><body></body></html>")
    elements = tuple(element for element in root.iter() if isinstance(element.tag, str))
    styles = tuple(
        (element.text or "", (attribute(element, "media") or "").strip())
        for element in elements
        if element.tag == "style"
    )
    classes = (attribute(element, "class") or "" for element in elements)
    return Page(html, root, elements, styles, frozenset(" ".join(classes).split()))


def own_text(element: Element) -> str:
    """The text that stands in the element itself, not in one that it holds."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def text_of(element: Element) -> str:
    """All text in the element that is for reading; iterative, so that depth costs no stack."""
    parts: list[str] = []
    silent: Element | None = None
    for event, node in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if event == "start":
            if silent is None and node.tag in _SILENT:
                silent = node
            elif silent is None:
                parts.append(node.text or "")
            continue
        if node is silent:
            silent = None
        if silent is None and node is not element:
            parts.append(node.tail or "")
    return "".join(parts)


def without_space(text: str) -> str:
    """The text without white space: two that differ in how they are wrapped are equal then."""
    return "".join(text.split())


def attribute(element: Element, name: str) -> str | None:
    """The value of an attribute, None when it isn't there."""
    value = element.get(name)
    return None if value is None else str(value)


def inherited(element: Element, name: str) -> str:
    """The value of an attribute of the element or of the nearest that holds it; "" for none."""
    node: Element | None = element
    while node is not None:
        if (value := attribute(node, name)) is not None:
            return value
        node = node.getparent()
    return ""


@lru_cache(maxsize=1024)
def _compiled(selector: str) -> tuple[tuple[etree.XPath, tuple[int, int, int]], ...]:
    found = []
    try:
        for one in parse(selector):
            if one.pseudo_element is None:
                found.append((etree.XPath(_TRANSLATOR.selector_to_xpath(one)), one.specificity()))
    # What cssselect doesn't know (`:focus-visible`) or can't read (a number of 5,000 digits, a
    # thousand brackets), or writes so that XPath refuses it (a control character).
    except (SelectorError, etree.XPathError, ValueError, RecursionError):
        return ()
    return tuple(found)


def is_selector(selector: str) -> bool:
    """Whether the selector, or the list of them, has the form of one."""
    try:
        return bool(parse(selector))
    except (SelectorError, ValueError, RecursionError):
        return False


def can_select(selector: str) -> bool:
    """Whether `select` knows what the selector means."""
    return bool(_compiled(selector))


_CLASS = re.compile(r"\.(-?[a-zA-Z_][\w-]*)")
_UNCLEAR = re.compile(r"[,:\\\[\"'/]")  # lists, negations, escapes, strings, comments


@lru_cache(maxsize=8192)
def _needed_classes(selector: str) -> frozenset[str]:
    """Classes without which a page has nothing that the selector means."""
    return frozenset(() if _UNCLEAR.search(selector) else _CLASS.findall(selector))


def select(page: Page, selector: str) -> Iterator[tuple[Element, tuple[int, int, int]]]:
    """The elements that a selector means, each with the specificity by which it does.

    What depends on what a reader does (`:hover`), pseudo-elements, and selectors that can't be read
    mean none.
    """
    # Most rules of a long sheet are for classes that aren't there; asking each costs a walk.
    if not page.classes.issuperset(_needed_classes(selector)):
        return
    for path, specificity in _compiled(selector):
        try:
            found = path(page.root)
        except etree.XPathError:  # a namespace (`svg|a`), which is found out only now
            return
        if isinstance(found, list):
            for element in found:
                if isinstance(element, Element):
                    yield element, specificity


def tellings(
    page: Page, edition: Edition
) -> tuple[Mapping[str, Element], Mapping[Element, EditionStory]]:
    """By story id the element of its headline; and by element the story that it is a part of.

    A story is what stands in the element with the story's id or, in a theme without those, what
    stands from a heading or link of its headline's words up to the next such or the next heading.
    """
    ids = {story.id: story for story in edition.stories}
    waiting: defaultdict[str, list[EditionStory]] = defaultdict(list)
    for story in reversed(edition.stories):
        waiting[without_space(story.headline)].append(story)
    has_ids = any(attribute(element, "id") in ids for element in page.elements)
    headlines: dict[str, Element] = {}
    owners: dict[Element, EditionStory] = {}
    current: EditionStory | None = None
    for element in page.elements:
        parent = element.getparent()
        if has_ids:
            story_here = ids.get(attribute(element, "id") or "")
            owner = story_here or (owners.get(parent) if parent is not None else None)
        else:
            owner = current
        if element.tag in HEADINGS or element.tag == "a":
            words = without_space(text_of(element))
            if has_ids and owner is not None:
                if words == without_space(owner.headline):
                    headlines.setdefault(owner.id, element)
            elif not has_ids and (named := waiting.get(words)):
                # The last of equal headlines stays, for the link inside of its heading.
                owner = current = named.pop() if len(named) > 1 else named[0]
                headlines.setdefault(owner.id, element)
            elif not has_ids and element.tag in HEADINGS:
                owner = current = None
        if owner is not None:
            owners[element] = owner
    return headlines, owners


# A page with more different faults than that is told of without the places of the rest.
_SEARCHES = 500


class Places:
    """Where in a theme's files something stands; `sources` maps a file's path to its text."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._lines = [
            (path, number, line.lower(), without_space(line.lower()))
            for path, text in sources.items()
            for number, line in enumerate(text.splitlines(), 1)
        ]
        self._known: dict[object, str] = {}

    def file(self, name: str) -> str:
        """The path of the file called `name`, "" when the theme has none."""
        return next((path for path, *_ in self._lines if path.endswith(f"/{name}")), "")

    def texts(self, ending: str) -> Iterator[tuple[str, str]]:
        """Path and text of the files whose path ends so."""
        return ((path, text) for path, text in self._sources.items() if path.endswith(ending))

    def block(self, name: str) -> str:
        """Where the theme's page writes the block `name` anew; else its file, "" without one."""
        page = self.file("digest.html.j2")
        begins = re.compile(rf"\{{%[-+]?\s*block\s+{re.escape(name)}\b")
        for number, line in enumerate(self._sources.get(page, "").splitlines(), 1):
            if begins.search(line):
                return f"{page}:{number}"
        return page

    def of(self, *needles: str, hints: Sequence[str] = ()) -> str:
        """`file:line` of the first needle that is found, "" when none is; white space is nothing.

        Of several lines with it that one is meant in which most of the `hints` (words) stand.
        """
        key = (needles, tuple(hints))
        if key not in self._known:
            if len(self._known) == _SEARCHES:
                return ""
            self._known[key] = self._find(needles, hints)
        return self._known[key]

    def _find(self, needles: Sequence[str], hints: Sequence[str]) -> str:
        words = [
            re.compile(rf"(?<![\w-]){re.escape(hint.lower())}(?![\w-])") for hint in hints if hint
        ]
        for needle in needles:
            sought = without_space(needle.lower())
            found = [line for line in self._lines if sought in line[3]] if sought else []
            if found:
                best = max(
                    found, key=lambda line: sum(bool(word.search(line[2])) for word in words)
                )
                return f"{best[0]}:{best[1]}"
        return ""
