"""What must be so in the HTML of every mail: its links, pictures, headings, languages, elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from digest.editions.lint.css import Sheet, declarations
from digest.editions.lint.markup import (
    HEADINGS,
    Element,
    Page,
    Places,
    attribute,
    inherited,
    own_text,
    text_of,
)
from digest.records import Edition, EditionStory, Finding, Rendered
from digest.text.html import has_markup
from digest.text.urls import is_http


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at: an edition, what was rendered of it, and that read.

    `headlines` are the elements of headlines by story id; `owners` tells of which story an element
    is a part.
    """

    edition: Edition
    rendered: Rendered
    page: Page
    sheet: Sheet
    headlines: Mapping[str, Element]
    owners: Mapping[Element, EditionStory]
    places: Places

    def where(self, element: Element, *needles: str) -> str:
        """The story that the element is a part of, or else where one of the needles is written."""
        owner = self.owners.get(element)
        if owner is not None:
            return name_of(owner)
        classes = (attribute(element, "class") or "").split()
        return self.places.of(*needles, hints=(*classes, str(element.tag)))


def name_of(story: EditionStory) -> str:
    """What a story is called in a finding."""
    return story.headline or f"story {story.id}"


def links(case: Case) -> Iterator[Finding]:
    """Every link leads to the web, to an address to write to, or to a place in the mail."""
    page = case.page
    ids = {attribute(element, "id") for element in page.elements}
    ids |= {attribute(element, "name") for element in page.named("a")}
    for element in page.named("a", "area"):
        href = attribute(element, "href")
        if href is None or _is_active(href):
            continue
        where = case.where(element, href, "href=")
        if href.startswith("#"):
            if href[1:] not in ids:
                message = f"a link leads to {_short(href)}, which is not in the mail"
                yield Finding("links", "error", message, where)
        elif not _leads_somewhere(href):
            message = f"a link is no http, https or mailto address: {_short(href) or 'it is empty'}"
            yield Finding("links", "error", message, where)
        if not text_of(element).strip() and not _says(element):
            message = f"a link has no words: {_short(href)}"
            yield Finding("links", "warning", message, where)
    for story in case.edition.stories:
        if not story.url:
            yield Finding("links", "warning", "the story has no link", name_of(story))


def _leads_somewhere(href: str) -> bool:
    if href[:7].lower() == "mailto:":
        return "@" in href
    return is_http(href) and not re.search(r"\s", href)


def _says(link: Element) -> bool:
    return bool(attribute(link, "aria-label")) or any(
        attribute(image, "alt") for image in link.iter("img")
    )


def pictures(case: Case) -> Iterator[Finding]:
    """Every picture lies on the web, says what is to be seen, and keeps its room while it loads."""
    for element in case.page.named("img"):
        source = attribute(element, "src") or ""
        where = case.where(element, "<img", source)
        if attribute(element, "alt") is None:
            yield Finding("images", "error", f"a picture has no alt: {_short(source)}", where)
        if not is_http(source):
            message = f"a picture is at no http or https address: {_short(source) or 'no src'}"
            yield Finding("images", "error", message, where)
        lacking = [
            side
            for side in ("width", "height")
            if not re.fullmatch(r"[1-9]\d*%?", attribute(element, side) or "")
        ]
        if lacking:
            message = f"a picture has no {' and no '.join(lacking)}: {_short(source)}"
            yield Finding("images", "warning", message, where)


def headings(case: Case) -> Iterator[Finding]:
    """There is one h1, before all other headings, and none skips a level or is empty."""
    found = list(case.page.named(*HEADINGS))
    firsts = sum(element.tag == "h1" for element in found)
    if firsts != 1:
        where = case.places.of("<h1")
        yield Finding("headings", "error", f"there must be one h1; there are {firsts}", where)
    before = 0
    for element in found:
        level = int(str(element.tag)[1])
        where = case.where(element, f"<{element.tag}")
        words = " ".join(text_of(element).split())
        if level > before + 1 and (before or firsts):
            after = f"h{before}" if before else "nothing"
            message = f"h{level} comes after {after}: {_short(words)}"
            yield Finding("headings", "error", message, where)
        if not words and not any(attribute(image, "alt") for image in element.iter("img")):
            yield Finding("headings", "error", f"an h{level} is empty", where)
        before = level


# RFC 5646, 2.1: language, extended languages, script, region, variants, extensions, private use.
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?"
    r"|x(?:-[a-z\d]{1,8})+",
    re.IGNORECASE,
)


def languages(case: Case) -> Iterator[Finding]:
    """The page says its language and title; a story in another says that, and its direction."""
    page = case.page
    stated = attribute(page.root, "lang") or ""
    place = case.places.of("<html")
    if not stated:
        yield Finding("language", "error", "the page doesn't say its language: <html lang>", place)
    for element in page.elements:
        lang = attribute(element, "lang")
        if lang and not _LANGUAGE.fullmatch(lang):
            message = f"lang={_short(lang)!r} is no language tag (BCP 47)"
            yield Finding("language", "error", message, case.where(element, "lang="))
    title = next(page.named("title"), None)
    if title is None or not text_of_title(title):
        yield Finding("title", "error", "the page has no title", case.places.of("<title", "<head"))
    for story in case.edition.stories:
        headline = case.headlines.get(story.id)
        if headline is None:
            continue
        language = story.language.replace("_", "-")
        if _LANGUAGE.fullmatch(language):
            here = inherited(headline, "lang") or stated
            if _primary(here) != _primary(language):
                message = f"the story is in {language}, but its lang says {here or 'nothing'}"
                yield Finding("language", "error", message, name_of(story))
        if story.direction == "rtl" and inherited(headline, "dir").lower() not in ("rtl", "auto"):
            message = 'the story runs from right to left, but lacks dir="rtl"'
            yield Finding("language", "error", message, name_of(story))


def text_of_title(title: Element) -> str:
    """The words of a `<title>`, on one line."""
    return " ".join((title.text or "").split())


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


_FORBIDDEN = {
    **dict.fromkeys(("script", "object", "embed", "applet"), "it runs nowhere, and is a danger"),
    **dict.fromkeys(("iframe", "frame", "frameset"), "no client shows it"),
    **dict.fromkeys(
        ("form", "input", "button", "select", "textarea"), "most clients warn of forms; link to one"
    ),
    "base": "it turns every link",
}
_ACTIVE = re.compile(r"[\x00-\x20]*(?:java|vb|live)script\s*:|[\x00-\x20]*data:", re.IGNORECASE)
_ADDRESSES = ("href", "src", "action", "background", "poster", "formaction", "xlink:href")
_ACTIVE_CSS = re.compile(r"expression\s*\(|(?:java|vb)script\s*:", re.IGNORECASE)
_ACTIVE_PROPERTIES = frozenset({"behavior", "-moz-binding"})
_PLACED = frozenset({"fixed", "absolute", "sticky"})


def forbidden(case: Case) -> Iterator[Finding]:
    """Nothing that runs, asks for input, loads styles, or is laid over the rest."""

    def error(what: str, why: str, where: str) -> Finding:
        return Finding("forbidden", "error", f"{what}: {why}", where)

    for element in case.page.elements:
        tag = str(element.tag)
        if tag in _FORBIDDEN:
            yield error(f"<{tag}>", _FORBIDDEN[tag], case.where(element, f"<{tag}"))
        rel = (attribute(element, "rel") or "").lower().split()
        if tag == "link" and ("stylesheet" in rel or "import" in rel):
            why = "clients load no style sheets; write a <style>"
            yield error("<link rel=stylesheet>", why, case.where(element, "<link"))
        if tag == "meta" and (attribute(element, "http-equiv") or "").lower() == "refresh":
            why = "a mail leads nowhere by itself"
            yield error("<meta http-equiv=refresh>", why, case.where(element, "refresh"))
        for name, value in element.items():
            name, value = str(name).lower(), str(value)
            if name.startswith("on"):
                yield error(name, "clients run no scripts", case.where(element, f"{name}="))
            elif name in _ADDRESSES and _is_active(value) and tag != "img":
                why = "only http, https and mailto lead somewhere safe"
                yield error(f"{name}={_short(value)}", why, case.where(element, value, name))
    seen: set[str] = set()
    for element in case.page.elements:
        if (style := attribute(element, "style")) and style not in seen:
            seen.add(style)
            for what, why in _in_css(declarations(style)):
                yield error(what, why, case.places.of(what) or case.where(element))
    for rule in case.sheet.rules:
        for what, why in _in_css(rule.declarations):
            yield error(what, why, case.places.of(what))
    for at_rule, prelude in case.sheet.at_rules:
        if at_rule == "import":
            why = "clients load no style sheets; include the file"
            yield error(f"@import {_short(prelude)}", why, case.places.of("@import"))


def _in_css(stated: Iterable[object]) -> Iterator[tuple[str, str]]:
    for part in stated:
        name, value = getattr(part, "name", ""), getattr(part, "value", "")
        what = f"{name}: {_short(value)}"
        if name == "position" and value.lower() in _PLACED:
            yield what, "clients strip it, or lay it over their own buttons"
        elif name in _ACTIVE_PROPERTIES or _ACTIVE_CSS.search(value):
            yield what, "clients run no scripts"


def _is_active(address: str) -> bool:
    return _ACTIVE.match(address) is not None


_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[mn]dash|[lr][sd]quo|hellip|#\d+|#x[\da-f]+);", re.I
)
# Without braces inside: looking for the end of each of many beginnings would take for ever.
_TEMPLATE = re.compile(r"\{\{[^{}]{1,200}\}\}|\{%[^{}]{1,200}%\}|\{#[^{}]{1,200}#\}")


def leftovers(case: Case) -> Iterator[Finding]:
    """No markup is left to be seen as such: tags, `&amp;`, a template's braces."""
    for element in case.page.elements:
        if element.tag in ("style", "script"):
            continue
        text = own_text(element)
        if "&" in text and (found := _ENTITY.search(text)):
            what, seen = f"{found[0]} is to be seen", found[0]
        elif "<" in text and has_markup(text):
            what, seen = "a tag is to be seen", ""
        elif "{" in text and (found := _TEMPLATE.search(text)):
            what, seen = f"{_short(found[0])} is to be seen, a piece of a template", found[0]
        else:
            continue
        message = f"{what}, in: {_short(' '.join(text.split()))}"
        yield Finding("leftovers", "warning", message, case.where(element, seen))


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
