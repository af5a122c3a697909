"""What is wrong with an edition as a mail, told before it is sent.

Pure: of the edition, what was rendered of it for the mail, and the text of its theme's files. An
error is what a reader would stumble over in a client; a warning what an editor should look at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from digest.editions.limits import MAX_BYTES
from digest.editions.lint.contrast import PHONE, FaintText, faint_texts, is_system_colour
from digest.editions.lint.css import Declaration, page_sheet
from digest.editions.lint.duties import duties
from digest.editions.lint.features import Use, features_used, mean_share
from digest.editions.lint.leftovers import leftovers
from digest.editions.lint.markup import (
    Places,
    attribute,
    read_page,
    tellings,
    text_of,
    without_space,
)
from digest.editions.lint.page_rules import (
    Case,
    forbidden,
    headings,
    languages,
    links,
    name_of,
    pictures,
)
from digest.editions.lint.sheets import style_sheets, unused_rules
from digest.editions.lint.support import TRAPS, facts
from digest.editions.lint.tags import unbalanced
from digest.editions.printable import printable_record
from digest.records import Edition, Finding, Reader, Rendered
from digest.text.urls import is_http

__all__ = ["Measured", "lint", "measure", "unbalanced", "unused_rules"]

# Over this share of the most that a mail may hold, one more long story cuts the end off.
_NEARLY = 0.95
# As many findings of a kind are told one by one; a theme's fault is that of every story.
_TOLD = 10
# After so many links that the text lacks it is clear that it has none: each costs a search.
_MISSING = 100


def lint(
    edition: Edition,
    rendered: Rendered,
    sources: Mapping[str, str],
    *,
    reader: Reader | None = None,
) -> tuple[Finding, ...]:
    """What is to be said of `rendered`, errors first; nothing when all is well.

    `rendered` is the rendering for the mail, `sources` the path and text of every file of the
    theme, `reader` whose copy it is. Never raises, whatever is in the HTML and the files.
    """
    edition = printable_record(edition)
    page = read_page(rendered.html)
    headlines, owners = tellings(page, edition)
    sheet, places = page_sheet(page), Places(sources)
    case = Case(edition, rendered, page, sheet, headlines, owners, places, reader)
    rules = (size, content, duties, leftovers, links, pictures, headings, languages, plain_text)
    more = (forbidden, style_sheets, legible, supported)
    found = [finding for rule in (*rules, *more) for finding in rule(case)]
    return tuple(sorted(_bounded(found), key=lambda finding: finding.severity != "error"))


@dataclass(frozen=True, slots=True)
class Measured:
    """A mail in numbers: bytes of its HTML, and the features that it uses."""

    bytes: int
    uses: tuple[Use, ...]

    @property
    def support(self) -> float:
        """The mean share (0 to 1) of support of all features used, extras too."""
        return mean_share(self.uses)

    @property
    def needed(self) -> float:
        """That of the features on which reading depends; 1 when it depends on none."""
        return mean_share([use for use in self.uses if use.feature.loss and not use.extra])


def measure(rendered: Rendered) -> Measured:
    """How large the mail is, and what it asks of a client."""
    page = read_page(rendered.html)
    return Measured(_bytes(rendered.html), features_used(page, page_sheet(page)))


def size(case: Case) -> Iterator[Finding]:
    """The HTML is small enough for no client to cut its end off."""
    count = _bytes(case.rendered.html)
    is_over = count > MAX_BYTES
    # One that was made to fit is as large as can be, and its report says what it cost.
    if is_over or (count > _NEARLY * MAX_BYTES and not case.edition.trimmed):
        yield Finding(
            "size",
            "error" if is_over else "warning",
            f"the HTML has {count / 1000:.1f} kB of at most {MAX_BYTES / 1000:.0f}; Gmail cuts "
            f"the end off what is larger: {'print' if is_over else 'think of printing'} fewer "
            "stories (max_stories) or shorter summaries",
        )


def _bytes(html: str) -> int:
    return len(html.encode("utf-8", "replace"))


def content(case: Case) -> Iterator[Finding]:
    """There is something to read, and every story says what it is about."""
    edition = case.edition
    if not edition.stories:
        yield Finding("content", "warning", "the edition has no stories")
    if not edition.preheader.strip():
        message = "the edition has no preheader, which a list of mails shows under the subject"
        yield Finding("content", "warning", message)
    elif without_space(edition.preheader) not in _shown_in_html(case):
        where = case.places.of("<body")
        yield Finding("content", "warning", "the preheader is not in the HTML", where)
    for story in edition.stories:
        if not story.headline.strip():
            yield Finding("content", "warning", "the story has no headline", name_of(story))


def _shown_in_html(case: Case) -> str:
    return without_space("".join(text_of(body) for body in case.page.named("body")))


# --- the plain text -----------------------------------------------------------------------

_AFTER_ADDRESS = ".,;:!?)]}'\"”’»"
_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)


def plain_text(case: Case) -> Iterator[Finding]:
    """The text part tells all that the HTML tells: headlines, summaries and links."""
    place = case.places.file("digest.txt.j2")
    text = _Sought(without_space(case.rendered.text))
    if not text.whole:
        yield Finding("text", "error", "there is no plain text", place)
        return
    html = _Sought(_shown_in_html(case))
    for story in case.edition.stories:
        headline = without_space(story.headline)
        for form, sought in (("HTML", html), ("plain text", text)):
            if not sought.has(headline):
                yield Finding("text", "error", f"the {form} lacks the headline", name_of(story))
        for sentence in story.summary:
            words = without_space(sentence.text)
            if html.has(words) and not text.has(words):
                message = f"the plain text lacks a sentence of the HTML: {sentence.text[:80]}"
                yield Finding("text", "error", message, name_of(story))
    written = _ADDRESS.findall(case.rendered.text)
    known = {form for address in written for form in _unpunctuated(address)}
    missing = 0
    for element in case.page.named("a", "area"):
        href = (attribute(element, "href") or "").strip()
        if href[:7].lower() == "mailto:":
            href = href[7:].partition("?")[0]
        elif not is_http(href):
            continue
        if href not in known:
            known.add(href)
            # It may be wrapped over lines, or no address of the web; but not the start of another.
            longer = sum(address.startswith(href) for address in written)
            if text.whole.count(without_space(href)) > longer:
                continue
            missing += 1
            if missing > _MISSING:
                return
            message = f"the plain text lacks a link of the HTML: {href[:200]}"
            yield Finding("text", "error", message, case.where(element) or place)


def _unpunctuated(address: str) -> Iterator[str]:
    """What an address may be that stands in a sentence: with less and less of what follows it."""
    yield address
    while address and address[-1] in _AFTER_ADDRESS:
        address = address[:-1]
        yield address


class _Sought:
    """A text in which much is looked for, mostly in the order in which it stands there."""

    def __init__(self, whole: str) -> None:
        self.whole = whole
        self._at = 0

    def has(self, words: str) -> bool:
        found = self.whole.find(words, self._at)
        if found < 0:
            found = self.whole.find(words, 0, self._at + len(words))
        else:
            self._at = found
        return found >= 0


# --- colours and clients ------------------------------------------------------------------


def legible(case: Case) -> Iterator[Finding]:
    """Every text stands out from its ground, in light and in dark."""
    groups: dict[object, list[FaintText]] = {}
    for text in faint_texts(case.page, case.sheet.rules):
        key = (text.screen.scheme, text.colour, text.ground, text.stated)
        groups.setdefault(key, []).append(text)
    for texts in groups.values():
        first = texts[0]
        only_phone = all(text.screen.width == PHONE for text in texts)
        count = len({text.element for text in texts})
        more = f" and {count - 1} more" if count > 1 else ""
        # Cut, not rounded: 4.496 is not 4.5.
        message = (
            f"{first.colour} on {first.ground} has a contrast of {int(first.ratio * 100) / 100:.2f}"
            f" in {first.screen.scheme}{', on a phone' if only_phone else ''}; 4.5 can be read: "
            f"“{first.text[:60]}”{more}"
        )
        classes = (attribute(first.by, "class") or "").split()
        where = case.places.of(
            first.stated,
            str(first.colour),
            first.stated.removeprefix("#"),  # as `bgcolor` and the like may have it
            hints=(*classes, str(first.by.tag), "color"),
        )
        yield Finding("contrast", "error", message, where or case.where(first.element))
    for part in filter(is_system_colour, _stated(case)):
        written = f"{part.name}: {part.value}"
        message = f"{written[:60]} is another in every client; its contrast can't be known"
        yield Finding("contrast", "warning", message, case.places.of(written, part.value))


def supported(case: Case) -> Iterator[Finding]:
    """What reading depends on works in the clients that most people have."""
    for use in features_used(case.page, case.sheet):
        feature = use.feature
        if use.extra or not feature.loss or not feature.lacking:
            continue
        name = use.example.partition(":")[0]
        where = case.places.of(use.example, f"{name}:", name)
        if feature.slug.startswith("image-"):
            where = next((case.where(image) for image in case.page.named("img")), where)
        yield Finding(
            "support",
            "warning",
            f"{feature.title} ({use.example[:60]}) does not work in "
            f"{', '.join(feature.lacking)}: {feature.loss}",
            where,
            round(feature.share, 3),
        )
    yield from _trapped(case)


def _trapped(case: Case) -> Iterator[Finding]:
    for written in dict.fromkeys(f"{part.name}: {part.value}" for part in _stated(case)):
        for trap in TRAPS:
            if re.match(trap.pattern, written, re.IGNORECASE):
                feature = facts().features[trap.slug]
                clients = ", ".join((*feature.partial, *feature.lacking))
                message = f"{written[:60]} does not work in {clients}: {trap.loss}"
                where = case.places.of(written, written.partition(": ")[2])
                yield Finding("support", "warning", message, where, round(feature.share, 3))


def _stated(case: Case) -> list[Declaration]:
    """Every declaration of the mail, each once."""
    styled = (part for _, style in case.styles() for part in style)
    ruled = (part for rule in case.sheet.rules for part in rule.declarations)
    return list(dict.fromkeys((*styled, *ruled)))


def _bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """No finding twice, and of each rule only so many; what is left out is counted."""
    told: Counter[tuple[str, str]] = Counter()
    for finding in dict.fromkeys(findings):
        kind = (finding.rule, finding.severity)
        told[kind] += 1
        if told[kind] <= _TOLD:
            yield finding
    for (rule, severity), count in told.items():
        if count > _TOLD:
            more = Finding(rule, "error", f"and {count - _TOLD} more of this rule")
            yield more if severity == "error" else replace(more, severity="warning")
