"""How the values of an edition read in a template: times, numbers, links, pictures, plain text.

Pure functions of records: the edition's language and time zone decide, never the machine's. All
that themes get beside Jinja's own filters is listed in `FILTERS` and `TESTS`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import idna
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_timezone_location
from babel.numbers import format_decimal

from digest.editions.mailboxes import ascii_domain, parse_mailbox
from digest.editions.plain import markdown, markdown_url, underlined, wrap
from digest.records import DigestArchive, Edition, EditionSource, EditionStory, Reader, Update
from digest.text import language_tags
from digest.text.shorten import shorten

MAX_URL = 2048
"""Longer addresses lose their link: many clients cut them, and one could fill the whole mail."""

COLUMN = 560
"""Pixels that a theme's column is wide at most: 640 without the margins of 40."""

# Narrower pictures are logos, avatars and counting pixels: stretched to the column they are mush,
# and as a stamp in it they tell nothing.
_NARROWEST = 200
# Three quarters of the column: a photograph of 4:3, the tallest shape that is usual in news, still
# fits. Taller ones (screenshots of phones, infographics) would push the text off the screen.
_TALLEST = 420
# A made-up headline is a line or two, as headlines are.
_HEADLINE = 120

Issue = Edition | DigestArchive
"""What has a language and a time zone to be shown in."""

# The year at the end of a CLDR date pattern, with what leads to it (`'de' y`, `y 'р'.`).
_YEAR_LAST = re.compile(r"(?:[\s,،]*'[^']*')?[\s,،]*y+(?:\s*'[^']*'\.?)?$")
# Literal text in a CLDR pattern (`HH 'h' mm`).
_QUOTED = re.compile("'[^']*'")

# What people write as an address in a text: with a scheme, as `www.`, or to write to.
_ADDRESS = re.compile(
    r"(?<![\w@.+-])(?:https?://|mailto:|www\.)[^\s<>\"“”„«»]+"
    r"|(?<![\w@.+:/-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    re.IGNORECASE,
)


def safe_url(address: str) -> str:
    """The address in ASCII when it is http, https or mailto; else nothing, which means no link."""
    address = address.strip()
    if not address or len(address) > MAX_URL:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.netloc if parts.netloc.isascii() else _ascii_netloc(parts.netloc)
    except ValueError:
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


def addresses(text: str) -> tuple[tuple[str, str], ...]:
    """The text in pieces, each with the `safe_url` of the address that it is, or with nothing.

    Addresses begin with http, https, mailto or `www.`, or are of e-mail; a stop, quote or bracket
    behind one belongs to the sentence. Put together the pieces are the text.
    """
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        found = _without_closing(match[0])
        lower = found.lower()
        if lower.startswith("www."):
            url = safe_url(f"https://{found}")
        elif lower.startswith(("http:", "https:", "mailto:")):
            url = safe_url(found)
        else:
            url = safe_url(f"mailto:{found}")
        if url:
            pieces += [(text[end : match.start()], ""), (found, url)]
            end = match.start() + len(found)
    return tuple(piece for piece in (*pieces, (text[end:], "")) if piece[0])


def _without_closing(address: str) -> str:
    """An address without what closes the sentence or the bracket that it stands in."""
    while address:
        last = address[-1]
        opened = {")": "(", "]": "["}.get(last)
        if opened and address.count(opened) >= address.count(last):
            break
        if not opened and last not in ".,;:!?'’‘*_…":
            break
        address = address[:-1]
    return address


def _ascii_netloc(netloc: str) -> str:
    """User, host and port of an address, with the host in A-labels. Raises ValueError."""
    user, at, place = netloc.rpartition("@")
    host, colon, port = place.partition(":")
    if not (user + port).isascii():
        raise ValueError(f"{netloc!r} can't be written in ASCII")
    return f"{user}{at}{_ascii_host(host)}{colon}{port}"


def _ascii_host(host: str) -> str:
    """A host in A-labels, also one with signs that browsers follow and IDNA 2008 forbids (`’`)."""
    try:
        return ascii_domain(host)
    except ValueError:
        # As the URL standard does it (UTS #46, not transitional): `ß` stays what it is.
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = mapped.split(".")
        return ".".join(
            label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
            for label in labels
        )


language_tag = language_tags.language_tag
"""A language as the `lang` attribute wants it (BCP 47), or nothing when it isn't one."""


def direction(language: str) -> Literal["ltr", "rtl"]:
    """The writing direction of a language's script (CLDR)."""
    return "rtl" if _locale(language).text_direction == "rtl" else "ltr"


def number(value: int, issue: Issue) -> str:
    """A number with the separators of the edition's language."""
    return format_decimal(value, locale=_locale(issue.language))


def long_date(day: str, issue: Issue) -> str:
    """`2026-11-24` as `Tuesday, 24 November 2026`, `mardi 24 novembre 2026`."""
    return format_date(date.fromisoformat(day), "full", locale=_locale(issue.language))


def month(day: str, issue: Issue) -> str:
    """`2026-11-24` as `November 2026`."""
    return format_skeleton("yMMMM", date.fromisoformat(day), locale=_locale(issue.language))


def capital(text: str) -> str:
    """The text with a capital at its beginning, as a date needs it that stands alone.

    Within a sentence French, Spanish or Ukrainian dates begin with a small letter. Scripts without
    capitals stay as they are.
    """
    return text[:1].title() + text[1:]


def city(timezone: str, issue: Issue) -> str:
    """Of an IANA time zone the city, in the edition's language: `London`, `Londres`, `Лондон`.

    UTC is `UTC`; a zone that is named after no place (`Etc/GMT+5`, `EST`) keeps its name.
    """
    if timezone.removeprefix("Etc/") in ("UTC", "UCT", "Universal", "Zulu"):
        return "UTC"
    if "/" not in timezone or timezone.startswith("Etc/"):
        return timezone
    place = get_timezone_location(timezone, locale=_locale(issue.language), return_city=True)
    return place.rpartition("/")[2]  # what CLDR has no city of is its name in the database


def told_on(update: Update, edition: Edition) -> str:
    """When an earlier edition told of it: `Tuesday, 24 November`, with its year if not this one."""
    locale, day = _locale(edition.language), date.fromisoformat(update.date)
    pattern = locale.date_formats["full"].pattern
    without = _YEAR_LAST.sub("", pattern) if edition.date.startswith(f"{day:%Y}-") else pattern
    return format_date(day, without, locale=locale)


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
    """A time in the edition's zone: `07:40` on its own date, `Mon 21:47` in the six days before.

    Any other is told with its date; a line may break between the date and the time, and nowhere
    else.
    """
    locale, local = _locale(edition.language), moment.astimezone(ZoneInfo(edition.timezone))
    time = _unbroken(format_time(local, "short", locale=locale))
    days = (date.fromisoformat(edition.date) - local.date()).days
    if days == 0:
        return time
    naive = local.replace(tzinfo=None)
    # With the week's day alone a time is of the week before: a seventh day would be today's name.
    if 0 < days < 7:
        hours = _QUOTED.sub("", locale.time_formats["short"].pattern)
        skeleton = "Ehm" if re.search("[hK]", hours) else "EHm"
        if skeleton in locale.datetime_skeletons:
            return _unbroken(format_skeleton(skeleton, naive, locale=locale))
        return _unbroken(f"{format_date(naive, 'EEE', locale=locale)} {time}")
    skeleton = "MMMEd" if edition.date.startswith(f"{local:%Y}-") else "yMMMEd"
    shown = _unbroken(format_skeleton(skeleton, naive, locale=locale))
    return str(locale.datetime_formats["medium"]).format(time, shown)


def _unbroken(text: str) -> str:
    """The text with no-break spaces."""
    return text.replace(" ", "\u00a0")


def when(told: EditionStory | EditionSource, edition: Edition) -> str:
    """When it was published; nothing where the feed gave no time: none is made up."""
    return clock(told.published, edition) if told.date_origin == "feed" else ""


def source_name(told: EditionStory | EditionSource) -> str:
    """Who told it: the source's name, else the host of its address, else nothing."""
    name = told.source if isinstance(told, EditionStory) else told.feed
    return name.strip() or (urlsplit(safe_url(told.url)).hostname or "").removeprefix("www.")


def headline(told: EditionStory | EditionSource) -> str:
    """Its headline; without one the beginning of its summary, else the name of its source."""
    if found := told.headline.strip():
        return found
    first = told.summary[0].text if isinstance(told, EditionStory) and told.summary else ""
    return shorten(first.strip(), _HEADLINE) or source_name(told)


def sentences(story: EditionStory) -> tuple[str, ...]:
    """The summary's sentences, without the one that stands as the headline for want of another."""
    texts = tuple(sentence.text for sentence in story.summary)
    taken = not story.headline.strip() and texts and texts[0].strip() == headline(story)
    return texts[1:] if taken else texts


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is shown: `url` in ASCII, `width` and `height` in CSS pixels."""

    url: str
    width: int
    height: int
    alt: str


def picture(story: EditionStory, edition: Edition, column: int = COLUMN) -> Picture | None:
    """The story's picture, scaled down to a column of that many pixels; None where none is shown.

    None too for one whose size is not known (the text would jump when it comes, and Outlook shows
    it at its own size), that is too small, or too tall.
    """
    image = story.image
    if image is None or edition.images == "none":
        return None
    if edition.images == "lead" and story is not _lead(edition):
        return None
    url = safe_url(image.url)
    if not url.startswith(("http://", "https://")) or image.width < _NARROWEST or image.height < 1:
        return None
    width = min(image.width, column)
    height = round(image.height * width / image.width)
    return Picture(url, width, height, image.alt.strip()) if 0 < height <= _TALLEST else None


def edition_url(edition: Edition) -> str:
    """Where the edition's page is published; nothing where it isn't."""
    if not edition.archive:
        return ""
    place = f"{quote(edition.digest, safe='')}/{quote(edition.date, safe='')}"
    return safe_url(f"{edition.archive}/{place}/index.html")


def unsubscribe_url(edition: Edition, reader: Reader | None) -> str:
    """The reader's own address for it, else a letter to the sender; nothing without either."""
    if reader and (own := safe_url(reader.unsubscribe)):
        return own
    try:
        sender = parse_mailbox(edition.sender)
    except ValueError:
        return ""
    subject = quote(f"unsubscribe {edition.digest}", safe="")
    return f"mailto:{quote(sender.local)}@{sender.domain}?subject={subject}"


def turning(text: str, direction: str) -> bool:
    """Whether `text` holds letters that run against `direction`, and has to be isolated from it."""
    against = ("R", "AL") if direction == "ltr" else ("L",)
    return any(unicodedata.bidirectional(character) in against for character in text)


def verbatim(edition: Edition) -> bool:
    """Whether every summary is extractive: its sentences stand word for word in the article."""
    return all(story.model == "extractive" for story in edition.stories if story.summary)


def _lead(edition: Edition) -> EditionStory | None:
    return next((story for topic in edition.topics for story in topic.stories), None)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """How the language writes dates and numbers; unknown ones are shown the English way.

    English without a country is that of Britain: CLDR's plain `en` is that of the United States.
    """
    parts = language_tag(language).split("-")
    for length in range(len(parts), 0, -1):
        tag = "_".join(parts[:length])
        if tag.lower() == "en":
            break
        try:
            return Locale.parse(tag)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en", "GB")


FILTERS: dict[str, Callable[..., Any]] = {
    "addresses": addresses,
    "capital": capital,
    "city": city,
    "clock": clock,
    "direction": direction,
    "earlier_url": earlier_url,
    "edition_url": edition_url,
    "headline": headline,
    "language_tag": language_tag,
    "long_date": long_date,
    "markdown": markdown,
    "markdown_url": markdown_url,
    "month": month,
    "number": number,
    "picture": picture,
    "safe_url": safe_url,
    "shorten": shorten,
    "sentences": sentences,
    "source_name": source_name,
    "tellings": tellings,
    "told_on": told_on,
    "underlined": underlined,
    "unsubscribe_url": unsubscribe_url,
    "when": when,
    "wrap": wrap,
}
TESTS: dict[str, Callable[..., Any]] = {"turning": turning, "verbatim": verbatim}
