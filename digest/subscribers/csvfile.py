"""People as a table of comma-separated values (RFC 4180), as other programs write and read it.

Files are read in parts, so that their length costs no memory. What is wrong with one line costs
that line; what is wrong with the header, or the file as a whole, is an error.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, TextIO

from digest.errors import UsageError
from digest.records import NewSubscriber, Subscription
from digest.subscribers.addresses import address_key, normalised, person_name
from digest.subscribers.tables import Record, records, text_of
from digest.text.language_tags import language_tag

COLUMNS = (
    "email",
    "name",
    "topics",
    "language",
    "state",
    "subscribed",
    "confirmed",
    "ended",
    "consent",
)
"""What is exported, in this order. Of an import, `email` must be there."""

DEAD = "dead"
"""What the column `state` says of somebody whose address is dead, whatever else they are."""

# What other programs call the columns, in lower case and without signs.
_ALIASES = {
    "email": ("email", "mail", "emailaddress", "mailaddress", "address", "subscriberemail"),
    "name": ("name", "fullname", "displayname", "subscribername"),
    "topics": ("topics", "topic", "interests"),
    "language": ("language", "languages", "lang"),
    "state": ("state", "status"),
    "subscribed": ("subscribed", "subscribedat", "subscribedon", "asked", "optintime"),
    "confirmed": ("confirmed", "confirmedat", "confirmtime"),
    "ended": ("ended", "unsubscribed", "unsubscribedat"),
    "consent": ("consent",),
}
_CALLED = {alias: column for column, aliases in _ALIASES.items() for alias in aliases}
# A spreadsheet takes such cells for formulas; an apostrophe before keeps them text (OWASP, "CSV
# Injection"). Also what the guard itself makes, so that taking it off gives back what was there.
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
_MAX_CONSENT = 1000
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file that can be used. `state` is what its own column says, or empty."""

    number: int
    person: NewSubscriber
    state: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that can't be used, counted from 1, and what to do about it."""

    number: int
    problem: str


class PeopleFile:
    """Opens a table of people. `name` is what messages call it.

    `topics` are those of the digest, or None where any will do; `now` is what no time may be
    after. Raises UsageError when nothing of the file can be used.
    """

    def __init__(
        self, file: BinaryIO, name: str, topics: Sequence[str] | None, now: datetime
    ) -> None:
        self._topics = topics
        self._now = now
        # Held on to: a wrapper that nobody holds closes the file, which is the caller's.
        self._text, self.notes = text_of(file, name)
        """Remarks on the file as a whole, in words."""
        self._records = records(self._text, _known)
        header = next(self._records, None)
        if header is None:
            raise UsageError(f"{name}: is empty; its first line names the columns: {_EXAMPLE}")
        self._columns = _columns(header, name)
        unread = [cell.strip() for cell in header.cells if cell.strip() and not _known(cell)]
        if unread:
            self.notes.append(f"columns that are not read: {', '.join(unread)}")

    def lines(self) -> Iterator[Line | BadLine]:
        """The lines after the header, in order, but for empty ones. An address counts once."""
        seen: dict[str, int] = {}
        for record in self._records:
            if record.problem:
                yield BadLine(record.line, record.problem)
                continue
            if not any(cell.strip() for cell in record.cells):
                continue
            try:
                line = self._line(record)
            except ValueError as error:
                yield BadLine(record.line, str(error))
                continue
            key = address_key(line.person.address)
            if key in seen:
                yield BadLine(
                    record.line,
                    f"the same address as in line {seen[key]}; that line counts, take this one out",
                )
                continue
            seen[key] = record.line
            yield line

    def _line(self, record: Record) -> Line:
        """Raises ValueError that says what is wrong."""
        cells = {
            column: unguarded(record.cells[place].strip())
            for place, column in enumerate(self._columns)
            if column
        }
        person = new_subscriber(cells, self._topics, self._now)
        return Line(record.line, person, cells.get("state", "").casefold())


def new_subscriber(
    cells: Mapping[str, str], topics: Sequence[str] | None, now: datetime
) -> NewSubscriber:
    """The person whom cells name, by column; `email` must be there.

    `topics` are those of the digest, or None where any will do; `now` is what `subscribed` may not
    be after. Raises ValueError that says what is wrong.
    """
    asked = cells.get("subscribed", "")
    return NewSubscriber(
        address=normalised(cells["email"]),
        name=person_name(cells.get("name", "")),
        topics=tuple(_topic(name, topics) for name in parted(cells.get("topics", ""))),
        languages=tuple(map(_language, parted(cells.get("language", "")))),
        consent=_consent(cells.get("consent", "")),
        asked=_time(asked, now) if asked else None,
    )


def shown_state(subscription: Subscription) -> str:
    """The state as it is shown: `dead` where the address is, unless the person had left."""
    is_dead = subscription.subscriber.bounced is not None and subscription.state != "ended"
    return DEAD if is_dead else subscription.state


def write_people(file: TextIO, subscriptions: Iterable[Subscription]) -> int:
    """Writes the table of `subscriptions`, header and all; how many there were.

    Cells that a spreadsheet would compute get an apostrophe before them. `file` must leave line
    ends alone (`newline=""`).
    """
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    count = 0
    for count, subscription in enumerate(subscriptions, start=1):  # noqa: B007
        person = subscription.subscriber
        cells = (
            person.address,
            person.name,
            joined(subscription.topics),
            joined(subscription.languages),
            shown_state(subscription),
            subscription.asked.isoformat(),
            subscription.confirmed.isoformat() if subscription.confirmed else "",
            subscription.ended.isoformat() if subscription.ended else "",
            subscription.consent,
        )
        writer.writerow(map(guarded, cells))
    return count


def guarded(cell: str) -> str:
    """The cell so that no spreadsheet computes it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before it was `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def joined(names: Iterable[str]) -> str:
    """Several names in one cell; a backslash keeps a `;` or `|` that is part of a name."""
    return ";".join(re.sub(r"([\\;|])", r"\\\1", name) for name in names)


def parted(cell: str) -> list[str]:
    """The names in a cell, parted by `;` or `|`, each once."""
    names = re.findall(r"(?:\\.|[^;|\\]|\\$)+", cell, re.DOTALL)
    plain = (re.sub(r"\\([\\;|])", r"\1", name).strip() for name in names)
    return list(dict.fromkeys(filter(None, plain)))


_EXAMPLE = "email,name,topics,language"


def _known(cell: str) -> str:
    """The column that a cell of the header names, or nothing."""
    return _CALLED.get(re.sub(r"[\W_]+", "", cell.casefold()), "")


def _columns(header: Record, name: str) -> tuple[str, ...]:
    """What each column is, empty for one that isn't read. Raises UsageError."""
    where = f"{name}:{header.line}"
    if header.problem:
        raise UsageError(f"{where}: {header.problem}")
    columns = tuple(_known(cell) for cell in header.cells)
    if any("@" in cell for cell in header.cells):
        raise UsageError(
            f"{where}: the first line holds an address where it should name the columns; put a "
            f"line before it, such as {_EXAMPLE}"
        )
    if "email" not in columns:
        there = ", ".join(repr(cell.strip()[:40]) for cell in header.cells[:12])
        raise UsageError(
            f"{where}: there is no column 'email'; the first line names the columns, such as "
            f"{_EXAMPLE}, and here they are: {there}"
        )
    for column in COLUMNS:
        if columns.count(column) > 1:
            raise UsageError(f"{where}: there are two columns for {column!r}; take one out")
    return columns


def _topic(name: str, topics: Sequence[str] | None) -> str:
    if topics is None:
        return name
    for topic in topics:
        if topic.casefold() == name.casefold():
            return topic
    raise ValueError(f"there is no topic {name[:60]!r}; the digest has: {'; '.join(topics)}")


def _time(text: str, now: datetime) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text[:40]!r} is no date for 'subscribed'; write it like 2026-03-02"
        ) from error
    try:
        time = (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        time = datetime.max.replace(tzinfo=UTC)
    # In whose time zone a date is, nobody knows: it may be tomorrow there.
    if not _OLDEST <= time <= now + timedelta(days=1):
        raise ValueError(f"'subscribed' is {text[:40]!r}, which can't be")
    return time


def _language(text: str) -> str:
    tag = language_tag(text)
    if tag != text.replace("_", "-"):
        raise ValueError(
            f"{text[:40]!r} is no language tag; write it like de or pt-BR (several are parted by ;)"
        )
    return tag


def _consent(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > _MAX_CONSENT:
        raise ValueError(f"'consent' has over {_MAX_CONSENT} characters")
    if not text.isprintable():
        raise ValueError("'consent' has an unseen character; take it out")
    return text
