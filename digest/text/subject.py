"""The template of a subject line: plain text with names in braces, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

SUBJECT = "{title}: {headline}"
"""What a subject line says unless its digest has another template."""

SUBJECT_FIELDS = ("title", "headline", "topic", "date", "stories")
"""What a template may name: the digest's title, the top story's headline and topic, the edition's
date in words, and how many stories it has."""


def subject_fields(template: str) -> tuple[str, ...]:
    """The names in `template`, in their order.

    Raises ValueError for braces that don't match, a name that isn't there, and what str.format
    could do beyond filling in.
    """
    names = []
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"has a brace too many or too few ({error}); write {{{{ for one") from None
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in SUBJECT_FIELDS or spec or conversion:
            given = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            known = ", ".join(f"{{{field}}}" for field in SUBJECT_FIELDS)
            raise ValueError(f"{{{given}}} can't be filled in; there are {known}")
        names.append(name)
    return tuple(names)


def fill_subject(template: str, values: Mapping[str, str]) -> str:
    """`template` with `values` (of every name in SUBJECT_FIELDS) in place of its names."""
    return "".join(
        text + (values[name] if name is not None else "")
        for text, name, _, _ in Formatter().parse(template)
    )
