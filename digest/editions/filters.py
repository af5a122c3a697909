"""How the values of an edition read in a template: times, links, languages, wrapped text.

Pure functions of records, the same in every locale. All that themes get beside Jinja's own
filters is listed in `FILTERS` and `TESTS`.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from digest.records import Edition, EditionSource, EditionStory, Update

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

TEXT_WIDTH = 72
"""Columns of the plain-text mail: room for two levels of `> ` within the 78 of RFC 5322, 2.1.1."""

MAX_URL = 2048
"""Longer addresses lose their link: many clients cut them, and one could fill the whole mail."""

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
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def printable(text: str) -> str:
    """The text on one line, without controls and what turns the writing direction."""
    return _UNPRINTABLE.sub("", _BREAKS.sub(" ", text))


def printable_record(record: T) -> T:
    """The record with every text in it made `printable`; records and tuples are entered."""
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


def safe_url(address: str) -> str:
    """The address in ASCII when it is http, https or mailto; else nothing, which means no link."""
    address = address.strip()
    if not address or len(address) > MAX_URL:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError:  # UnicodeError, of a host that IDNA refuses, is one too
        return ""
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        if not parts.hostname or re.search(r"[\s\"'<>\\^`{|}]", host):
            return ""
    elif scheme != "mailto" or "@" not in parts.path:
        return ""
    # Reserved characters (RFC 3986, 2.2) and existing escapes keep their meaning.
    path, query, fragment = (
        quote(part, safe="/:?#@!$&()*+,;=%~") for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((scheme, host, path, query, fragment))


def language_tag(language: str) -> str:
    """A language as the `lang` attribute wants it (BCP 47), or nothing when it isn't one."""
    tag = language.strip().replace("_", "-")
    return tag if _LANGUAGE_TAG.fullmatch(tag) else ""


def long_date(day: str) -> str:
    """`2026-11-24` as `Tuesday, 24 November 2026`."""
    value = date.fromisoformat(day)
    return f"{_DAYS[value.weekday()]}, {value.day} {_MONTHS[value.month - 1]} {value.year}"


def told_on(update: Update, edition: Edition) -> str:
    """When an earlier edition told of it: `Tuesday, 24 November`, with its year if not this one."""
    day, _, year = long_date(update.date).rpartition(" ")
    return day if edition.date.startswith(year) else f"{day} {year}"


def earlier_url(update: Update, edition: Edition, *, relative: bool = False) -> str:
    """The address of the story in the earlier edition; nothing where editions aren't published.

    `relative`: then a path from this edition's folder to that one's, as both lie in the outbox.
    """
    page = f"{quote(update.date, safe='')}/index.html#{quote(update.story, safe='')}"
    if edition.archive:
        return safe_url(f"{edition.archive}/{quote(edition.digest, safe='')}/{page}")
    return f"../{page}" if relative else ""


@dataclass(frozen=True, slots=True)
class Telling:
    """Who else told a story, and where the same text stands. `source` None: the story's own."""

    source: EditionSource | None
    copies: tuple[EditionSource, ...]


def tellings(story: EditionStory) -> tuple[Telling, ...]:
    """A story's own telling, then the others, each with its copies."""
    found: list[tuple[EditionSource | None, list[EditionSource]]] = [(None, [])]
    for source in story.also:
        if source.copy:
            found[-1][1].append(source)
        else:
            found.append((source, []))
    return tuple(Telling(source, tuple(copies)) for source, copies in found)


def clock(moment: datetime, edition: Edition) -> str:
    """A time in the edition's zone: `07:40`, after its day when that isn't the edition's."""
    local = moment.astimezone(ZoneInfo(edition.timezone))
    day = local.date()
    time = f"{local.hour:02}:{local.minute:02}"
    if day.isoformat() == edition.date:
        return time
    year = "" if day.year == date.fromisoformat(edition.date).year else f" {day.year}"
    return f"{_DAYS[day.weekday()][:3]} {day.day} {_MONTHS[day.month - 1][:3]}{year}, {time}"


def when(story: EditionStory, edition: Edition) -> str:
    """When the story was published; a time that the feed did not give is not made up."""
    return clock(story.published, edition) if story.date_origin == "feed" else "time not given"


def wrap(text: str, indent: int = 0) -> str:
    """Lines of at most 72 columns; long words and addresses stay whole."""
    margin = " " * indent
    return textwrap.fill(
        text,
        width=TEXT_WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def underlined(text: str, line: str = "-") -> str:
    """The text, wrapped, over a line of its own width (wide characters take two columns)."""
    wrapped = wrap(text)
    widest = max((_columns(row) for row in wrapped.splitlines()), default=0)
    return f"{wrapped}\n{line * min(widest, TEXT_WIDTH)}"


def verbatim(edition: Edition) -> bool:
    """Whether every summary is extractive: its sentences stand word for word in the article."""
    return all(story.model == "extractive" for story in edition.stories if story.summary)


def _columns(text: str) -> int:
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "earlier_url": earlier_url,
    "language_tag": language_tag,
    "long_date": long_date,
    "safe_url": safe_url,
    "tellings": tellings,
    "told_on": told_on,
    "underlined": underlined,
    "when": when,
    "wrap": wrap,
}
TESTS: dict[str, Callable[..., Any]] = {"verbatim": verbatim}
