"""The kinds of value that `feeds.yaml` holds, each with its check and its JSON Schema.

Checks raise ValueError with a message that quotes the value and says what is allowed.
"""

from __future__ import annotations

import re
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from digest.config.nearest import nearest
from digest.cron import parse_cron
from digest.text.subject import subject_fields
from digest.text.urls import redact

SLUG = r"[a-z0-9][a-z0-9_-]{0,63}"
WINDOW = r"([1-9][0-9]{0,4})([mhd])"
MEMORY = r"(0|[1-9][0-9]{0,2})d"
LONGEST_WINDOW = timedelta(days=366)

SUMMARY_MODELS = (
    "extractive",
    "distilbart",
    "bart-large-cnn",
    "pegasus",
    "flan-t5-small",
    "smollm2",
)
"""What writes summaries by a short name; `digest.models.presets` says what the others stand for."""

_HUB = re.compile(r"[\w.-]+/[\w.-]+(?:/[\w./-]+\.gguf)?(?:@[\w./-]+)?", re.ASCII)

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.I)  # two letters at least: C: is a drive
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAILBOX = re.compile(r"(?:(?P<name>[^<>]*)<(?P<angle>[^<>]*)>|(?P<bare>[^<>]*))")
_ADDR_SPEC = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[^\s@<>()\[\],;:\\\"]+")


def quoted(value: object) -> str:
    """`value` in quotes for a message: on one line, not too long, without a URL's credentials."""
    text = redact(str(value))
    return repr(text if len(text) <= 100 else text[:99] + "…")


def _slug(value: str) -> str:
    if not re.fullmatch(SLUG, value):
        raise ValueError(
            f"{quoted(value)} is not a name of a-z, 0-9, - and _ (64 at most, starting with "
            "a letter or digit)"
        )
    return value


def _one_line(value: str) -> str:
    if not value:
        raise ValueError("is empty; write a text or leave the key out")
    if _UNPRINTABLE.search(value):
        raise ValueError(f"{quoted(value)} has a line break or control character; write one line")
    return value


def _feed_url(value: str, info: ValidationInfo) -> str:
    """An http(s) address as it is, or a path made absolute against the context's `folder`."""
    if not value or _UNPRINTABLE.search(value):
        raise ValueError(f"{quoted(value)} is not an http(s) address or a path")
    if not _SCHEME.match(value):
        folder: Path | None = (info.context or {}).get("folder")
        return str(folder / value) if folder else value
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port out of range, a broken IPv6 address
        usable = False
    if usable and re.search(r"\s", value):
        raise ValueError(f"{quoted(value)} has a space in it; write %20 there")
    if not usable:
        raise ValueError(f"{quoted(value)} is not an http(s) address or a path")
    return value


def _schedule(value: str) -> str:
    line = parse_cron(value)
    if not (line.minute.isdigit() and line.hour.isdigit()):
        raise ValueError(
            f"{quoted(value)} is due several times a day, and a digest has one edition a date; "
            "name one minute and one hour, as in 0 7 * * mon-fri"
        )
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; folders: OSError
        guess = nearest_zone(value)
        hint = f" (did you mean {guess!r}?)" if guess else "; for example Europe/London or UTC"
        raise ValueError(f"{quoted(value)} is not an IANA time zone{hint}") from None
    return value


def nearest_zone(word: str) -> str | None:
    """The IANA zone that `word` most likely means; `London` finds `Europe/London`."""
    zones = sorted(available_timezones())
    by_city = {zone.rsplit("/", 1)[-1].casefold(): zone for zone in zones if "/" in zone}
    city = word.strip().replace(" ", "_").casefold()
    # Abbreviations (CEST) look like others that mean another zone (EST): places only.
    places = [zone for zone in zones if "/" in zone or zone == "UTC"]
    return by_city.get(city) or nearest(word, places)


def parse_window(value: object) -> timedelta | None:
    """`24h` as a timedelta, `all` as None. Raises ValueError saying what is allowed."""
    if value == "all":
        return None
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(WINDOW, value) if isinstance(value, str) else None
    window = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if window is None or window > LONGEST_WINDOW:
        raise ValueError(
            f"{quoted(value)} is not a window: a number of m, h or d (90m, 24h, 7d; at most "
            f'{LONGEST_WINDOW.days}d), or "all"'
        )
    return window


def parse_memory(value: object) -> timedelta:
    """`7d` as a timedelta. Raises ValueError saying what is allowed."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(MEMORY, value) if isinstance(value, str) else None
    memory = timedelta(days=int(match[1])) if match else None
    if memory is None or memory > LONGEST_WINDOW:
        raise ValueError(
            f"{quoted(value)} is not a number of days: write 7d, at most {LONGEST_WINDOW.days}d, "
            "or 0d to compare no stories with earlier editions"
        )
    return memory


def _sender(value: str) -> str:
    """`Name <a@b>` or `a@b`, with the name quoted where RFC 5322 wants it."""
    match = None if _UNPRINTABLE.search(value) else _MAILBOX.fullmatch(value)
    address = (match["angle"] or match["bare"] or "").strip() if match else ""
    name = (match["name"] or "").strip().strip('"') if match else ""
    try:
        if not _ADDR_SPEC.fullmatch(address, endpos=320):
            raise ValueError(address)
        return str(Address(display_name=name, addr_spec=address))
    except (ValueError, MessageError):
        raise ValueError(
            f'{quoted(value)} is not an address like "The Morning Digest <digest@example.org>"'
        ) from None


def _summary_model(value: str, info: ValidationInfo) -> str:
    """A short name or a repository of the hub as it is; a folder made absolute like a feed's."""
    if value in SUMMARY_MODELS:
        return value
    if value.startswith(("./", "../", "/", "~")) and not _UNPRINTABLE.search(value):
        folder: Path | None = (info.context or {}).get("folder")
        path = Path(value).expanduser()
        return str(folder / path) if folder else value
    if _HUB.fullmatch(value):
        return value
    guess = nearest(value, SUMMARY_MODELS)
    hint = f" (did you mean {guess}?)" if guess else ""
    raise ValueError(
        f"{quoted(value)} is no model{hint}; write {', '.join(SUMMARY_MODELS)}, a repository of "
        "the hub (owner/name, owner/name@revision), or a folder (./folder)"
    )


def _language(value: str) -> str:
    """A language code as Babel knows it, written as BCP 47 wants: `pt-BR`."""
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(value, sep="-" if "-" in value else "_")).replace("_", "-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"{quoted(value)} is not a language code like en, de or pt-BR") from None


def _subject(value: str) -> str:
    try:
        subject_fields(value)
    except ValueError as error:
        raise ValueError(f"{quoted(value)} {error}") from None
    return value


def _schema(**extra: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **extra})


Slug = Annotated[str, AfterValidator(_slug), _schema(pattern=f"^{SLUG}$")]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
FeedUrl = Annotated[
    str, StringConstraints(max_length=2000), AfterValidator(_feed_url), _schema(minLength=1)
]
Language = Annotated[
    str, StringConstraints(max_length=35), AfterValidator(_language), _schema(minLength=2)
]
Subject = Annotated[Line, AfterValidator(_subject)]
Schedule = Annotated[str, AfterValidator(_schedule), _schema(minLength=1)]
TimeZone = Annotated[str, AfterValidator(_time_zone), _schema(minLength=1)]
Window = Annotated[
    timedelta | None, BeforeValidator(parse_window), _schema(pattern=f"^(all|{WINDOW})$")
]
Memory = Annotated[timedelta, BeforeValidator(parse_memory), _schema(pattern=f"^{MEMORY}$")]
Sender = Annotated[str, AfterValidator(_sender), _schema(pattern="@")]
SummaryModel = Annotated[
    str, StringConstraints(max_length=300), AfterValidator(_summary_model), _schema(minLength=1)
]
