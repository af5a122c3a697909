"""What must be so in the HTML of every mail: its links, pictures, headings, languages, elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from digest.editions.lint.css import Declaration, Sheet, addresses, declarations
from digest.editions.lint.markup import (
    HEADINGS,
    Element,
    Page,
    Places,
    attribute,
    inherited,
    text_of,
)
from digest.records import Edition, EditionStory, Finding, Reader, Rendered
from digest.text.language_tags import language_tag
from digest.text.urls import is_http


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at: an edition, what was rendered of it, and that read.

    `headlines` are the elements of headlines by story id; `owners` tells of which story an element
    is a part; `reader` is whose copy it is.
    """

    edition: Edition
    rendered: Rendered
    page: Page
    sheet: Sheet
    headlines: Mapping[str, Element]
    owners: Mapping[Element, EditionStory]
    places: Places
    reader: Reader | None = None

    def where(self, element: Element, *needles: str) -> str:
        """The story that the element is a part of, or else where one of the needles is written."""
        owner = self.owners.get(element)
        if owner is not None:
            return name_of(owner)
        classes = (attribute(element, "class") or "").split()
        return self.places.of(*needles, hints=(*classes, str(element.tag)))

    def styles(self) -> Iterator[tuple[Element, tuple[Declaration, ...]]]:
        """The declarations of each `style` attribute, with the first element that has it."""
        seen: set[str] = set()
        for element in self.page.elements:
            style = attribute(element, "style")
            if style and style not in seen:
                seen.add(style)
                yield element, declarations(style)


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
                message = f"a link leads to {short(href)}, which is not in the mail"
                yield Finding("links", "error", message, where)
        elif not _leads_somewhere(href):
            message = f"a link is no http, https or mailto address: {short(href) or 'it is empty'}"
            yield Finding("links", "error", message, where)
        if not text_of(element).strip() and not _says(element):
            message = f"a link has no words: {short(href)}"
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
            yield Finding("images", "error", f"a picture has no alt: {short(source)}", where)
        if not is_http(source):
            message = f"a picture is at no http or https address: {short(source) or 'no src'}"
            yield Finding("images", "error", message, where)
        lacking = [
            side
            for side in ("width", "height")
            if not re.fullmatch(r"[1-9]\d*%?", attribute(element, side) or "")
        ]
        if lacking:
            message = f"a picture has no {' and no '.join(lacking)}: {short(source)}"
            yield Finding("images", "error", message, where)
    yield from _other_pictures(case)


def _other_pictures(case: Case) -> Iterator[Finding]:
    """Those of `srcset`, `background` and the styles: on the web too."""

    def error(how: str, address: str, where: str) -> Finding:
        message = f"a picture ({how}) is at no http or https address: {short(address)}"
        return Finding("images", "error", message, where)

    for element in case.page.elements:
        found = [("srcset", one) for one in _candidates(attribute(element, "srcset") or "")]
        if (ground := (attribute(element, "background") or "").strip()) and not _is_active(ground):
            found.append(("background", ground))
        for name, address in found:
            if not is_http(address):
                yield error(name, address, case.where(element, address, f"{name}="))
    for element, stated in case.styles():
        for name, address in _loaded(stated):
            yield error(name, address, case.places.of(address) or case.where(element))
    for rule in case.sheet.rules:
        for name, address in _loaded(rule.declarations):
            yield error(name, address, case.places.of(address))


def _candidates(srcset: str) -> Iterator[str]:
    """The addresses of a `srcset` (HTML Standard, 4.8.4.2.1)."""
    is_address = True
    for word in srcset.split():
        rest = word
        if not is_address:  # what stands behind an address ends with the next comma
            _, comma, rest = word.partition(",")
            is_address = bool(comma)
        if is_address and (address := rest.strip(",")):
            yield address
            is_address = rest.endswith(",")


def _loaded(stated: Iterable[Declaration]) -> Iterator[tuple[str, str]]:
    """Properties that load from elsewhere than the web, and where from."""
    for part in stated:
        if part.name in _ACTIVE_PROPERTIES or _ACTIVE_CSS.search(part.value):
            continue  # forbidden anyway
        for address in addresses(part.value):
            if not is_http(address) and not address.startswith("#"):
                yield part.name, address


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
            message = f"h{level} comes after {after}: {short(words)}"
            yield Finding("headings", "error", message, where)
        if not words and not any(attribute(image, "alt") for image in element.iter("img")):
            yield Finding("headings", "error", f"an h{level} is empty", where)
        before = level


def languages(case: Case) -> Iterator[Finding]:
    """The page says its language and title; a story in another says that, and its direction."""
    page = case.page
    stated = attribute(page.root, "lang") or ""
    place = case.places.of("<html")
    if not stated:
        yield Finding("language", "error", "the page doesn't say its language: <html lang>", place)
    for element in page.elements:
        lang = attribute(element, "lang")
        if lang and language_tag(lang) != lang:
            message = f"lang={short(lang)!r} is no language tag (BCP 47)"
            yield Finding("language", "error", message, case.where(element, "lang="))
    title = next(page.named("title"), None)
    if title is None or not text_of_title(title):
        yield Finding("title", "error", "the page has no title", case.places.of("<title", "<head"))
    for story in case.edition.stories:
        headline = case.headlines.get(story.id)
        if headline is None:
            continue
        if language := language_tag(story.language):
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
                yield error(f"{name}={short(value)}", why, case.where(element, value, name))
    for element, stated in case.styles():
        for what, why in _in_css(stated):
            yield error(what, why, case.places.of(what) or case.where(element))
    for rule in case.sheet.rules:
        for what, why in _in_css(rule.declarations):
            yield error(what, why, case.places.of(what))
    for at_rule, prelude in case.sheet.at_rules:
        if at_rule == "import":
            why = "clients load no style sheets; include the file"
            where = case.places.of(f"@import{prelude}", "@import")
            yield error(f"@import {short(prelude)}", why, where)
    for font in case.sheet.fonts:
        for address in addresses(font.value):
            why = "a mail loads no fonts; name those that readers have"
            where = case.places.of(address, "@font-face")
            yield error(f"@font-face {short(address)}", why, where)


def _in_css(stated: Iterable[Declaration]) -> Iterator[tuple[str, str]]:
    for part in stated:
        name, value = part.name, part.value
        what = f"{name}: {short(value)}"
        if name == "position" and value.lower() in _PLACED:
            yield what, "clients strip it, or lay it over their own buttons"
        elif name in _ACTIVE_PROPERTIES or _ACTIVE_CSS.search(value):
            yield what, "clients run no scripts"


def _is_active(address: str) -> bool:
    return _ACTIVE.match(address) is not None


def short(text: str, limit: int = 80) -> str:
    """The text, cut where it is longer than a finding needs."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
