"""What must not be seen in a mail: markup that was meant to be none, and pieces of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass

from digest.editions.lint.markup import own_text
from digest.editions.lint.page_rules import Case, short
from digest.records import Finding
from digest.text.html import has_markup

_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[mn]dash|[lr][sd]quo|hellip|#\d+|#x[\da-f]+);", re.I
)
# Without braces inside: looking for the end of each of many beginnings would take for ever.
_TEMPLATE = re.compile(r"\{\{[^{}]{1,200}\}\}|\{%[^{}]{1,200}%\}|\{#[^{}]{1,200}#\}")


def leftovers(case: Case) -> Iterator[Finding]:
    """No markup is left to be seen as such: tags, `&amp;`, a template's braces.

    What a text of the edition says itself (a headline about `<script>`) is none.
    """
    told: list[str] | None = None
    for element in case.page.elements:
        if element.tag in ("style", "script"):
            continue
        text = own_text(element)
        if _found(text) is None:
            continue
        if told is None:
            texts = {" ".join(one.split()) for one in _texts(case.edition) if _found(one)}
            told = sorted(texts, key=lambda one: (-len(one), one))
        text = _without(" ".join(text.split()), told)
        if found := _found(text):
            what, seen = found
            message = f"{what}, in: {short(' '.join(text.split()))}"
            yield Finding("leftovers", "warning", message, case.where(element, seen))


def _found(text: str) -> tuple[str, str] | None:
    """What is left in the text, in words, and as it is written there."""
    if "&" in text and (found := _ENTITY.search(text)):
        return f"{found[0]} is to be seen", found[0]
    if "<" in text and has_markup(text):
        return "a tag is to be seen", ""
    if "{" in text and (found := _TEMPLATE.search(text)):
        return f"{short(found[0])} is to be seen, a piece of a template", found[0]
    return None


def _texts(record: object) -> Iterator[str]:
    """Every text in a record, and in the records and tuples that it holds."""
    if isinstance(record, str):
        yield record
    elif isinstance(record, tuple):
        for item in record:
            yield from _texts(item)
    elif is_dataclass(record):
        for field in fields(record):
            yield from _texts(getattr(record, field.name))


def _without(text: str, told: Sequence[str]) -> str:
    """`text` without those that are `told`, longest first; nothing when it is one cut short."""
    beginning = text.rstrip(" .…")
    if any(one.startswith(beginning) for one in told):
        return ""
    for one in told:
        text = text.replace(one, " ")
    return text
