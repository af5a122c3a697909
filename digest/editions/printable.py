"""Texts and records made fit for print: nothing that breaks a line, hides or turns what is read."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from digest.editions.watched import Watched

T = TypeVar("T")

_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
# Controls; the bidirectional embeddings, overrides and isolates, which can make a headline read
# as something else (Unicode TR36, 2.5); the byte order mark; annotations; surrogates; and
# noncharacters, which HTML forbids. Marks (U+200E, U+200F) and joiners stay: scripts need them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


def printable(text: str) -> str:
    """The text on one line, without controls and what turns the writing direction."""
    return _UNPRINTABLE.sub("", _BREAKS.sub(" ", text))


def printable_record(record: T) -> T:
    """The record with every text in it made `printable`; records and tuples are entered."""
    if isinstance(record, Watched):
        return record  # one of ours, whose watching would end here
    if isinstance(record, str):
        return printable(record)  # type: ignore[return-value]
    if isinstance(record, tuple):
        return tuple(printable_record(item) for item in record)  # type: ignore[return-value]
    if is_dataclass(record) and not isinstance(record, type):
        return replace(
            record,
            **{
                field.name: printable_record(getattr(record, field.name))
                for field in fields(record)
            },
        )
    return record
