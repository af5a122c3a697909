"""What every mail owes its readers, whatever the theme: a way out, who sends it, the note."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from digest.editions.filters import addresses, unsubscribe_url
from digest.editions.lint.markup import attribute, text_of, without_space
from digest.editions.lint.page_rules import Case, short
from digest.records import Finding


def duties(case: Case) -> Iterator[Finding]:
    """HTML and plain text hold a way to unsubscribe, the postal address and the editors' note."""
    page = case.page
    hrefs = [(attribute(element, "href") or "").strip() for element in page.named("a", "area")]
    shown = without_space("".join(text_of(body) for body in page.named("body")))
    yield from _lacking(case, _Form("HTML", shown, hrefs))
    # Without any plain text, that is what is told.
    if text := without_space(case.rendered.text):
        written = _ADDRESS.findall(case.rendered.text)
        for way in _ways_out(case):
            # One that is too long for a line is wrapped; a letter's may be told in words.
            told = way.removeprefix("mailto:").partition("?")[0]
            in_words = way.startswith("mailto:") and "unsubscribe" in text.lower() and told in text
            if without_space(way) in text or in_words:
                written.append(way)
        yield from _lacking(case, _Form("plain text", text, written))


@dataclass(frozen=True, slots=True)
class _Form:
    """The mail in one form: its text without white space, and the addresses that it leads to."""

    name: str
    shown: str
    addresses: Sequence[str]


def _lacking(case: Case, form: _Form) -> Iterator[Finding]:
    edition = case.edition

    def error(rule: str, message: str, block: str) -> Finding:
        is_page = form.name == "HTML"
        where = case.places.block(block) if is_page else case.places.file("digest.txt.j2")
        return Finding(rule, "error", f"the {form.name} {message}", where)

    ways = _ways_out(case)
    if ways and not any(_leads_out(address, ways) for address in form.addresses):
        print_it = "print the address that `edition | unsubscribe_url(reader)` gives"
        yield error("footer", f"has no way to unsubscribe; {print_it}", "footer")
    if edition.postal.strip() and without_space(edition.postal) not in form.shown:
        yield error("footer", "lacks the postal address; print `edition.postal`", "footer")
    for paragraph in edition.note:
        # An address may be written as it is linked.
        if not all(
            any(without_space(one) in form.shown for one in (words, url) if one)
            for words, url in addresses(paragraph)
        ):
            message = f"lacks the editors' note; print `edition.note`: {short(paragraph)}"
            yield error("content", message, "note")
            return


_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>]+", re.IGNORECASE)


def _ways_out(case: Case) -> list[str]:
    """The addresses that lead out: the reader's own, and a letter to the sender."""
    found = [unsubscribe_url(case.edition, None)]
    if case.reader:
        found.append(unsubscribe_url(case.edition, case.reader))
    return [way for way in dict.fromkeys(found) if way]


def _leads_out(address: str, ways: Sequence[str]) -> bool:
    """Whether the address is a way out; a letter may have another text than ours."""
    if address in ways:
        return True
    to, _, query = address.partition("?")
    return "unsubscribe" in unquote(query).lower() and any(
        way.lower().startswith("mailto:") and way.partition("?")[0].lower() == to.lower()
        for way in ways
    )
