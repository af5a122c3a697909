"""What the editions of a digest are, without reading them all each time.

`outbox/<digest>/.catalogue.json` keeps an entry an edition with the stamp of its `edition.json`
(time of change in ns, size in bytes). An entry counts only while the stamp is the file's: an
edition that was replaced, changed by hand or put there is read, one that is gone is left out. So
the file can't be wrong for long, and it can be deleted at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from digest.errors import OutboxError
from digest.outbox.outbox import CATALOGUE, EDITION, Outbox
from digest.records import ArchiveEntry

FORMAT = 1
"""To be raised with whatever changes what an entry says of the same edition."""

Describe = Callable[[bytes, str], ArchiveEntry]
"""An edition's entry from the bytes of `edition.json` and its path; raises OutboxError."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The entries, by date, oldest first, and why other editions are left out: a line each."""

    entries: tuple[ArchiveEntry, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    stamp: tuple[int, int]
    entry: ArchiveEntry


@dataclass(frozen=True, slots=True)
class _File:
    format: int
    editions: Mapping[str, _Row]


_FILE = TypeAdapter(_File)


def catalogue(outbox: Outbox, digest: str, describe: Describe) -> Catalogue:
    """What `digest` has in the outbox. Reads what changed since the last time.

    A damaged edition is left out with a note, and looked at again next time. Raises OutboxError
    when the folder can't be read or written. The caller holds the lock that keeps writers apart.
    """
    known = _load(outbox, digest)
    rows: dict[str, _Row] = {}
    notes: list[str] = []
    for date in outbox.dates(digest):
        stamp = outbox.stamp(digest, date)
        row = known.get(date)
        if row is None or row.stamp != stamp or row.entry.date != date:
            source = str(outbox.folder(digest, date) / EDITION)
            try:
                row = _Row(stamp, describe(outbox.read(digest, date), source))
            except OutboxError as error:
                notes.append(str(error))
                continue
            if row.entry.date != date:
                notes.append(f"{source}: it says that it is of {row.entry.date}; rename its folder")
                continue
        rows[date] = row
    if rows != known:
        outbox.publish(digest, {CATALOGUE: _FILE.dump_json(_File(FORMAT, rows))})
    return Catalogue(tuple(row.entry for row in rows.values()), tuple(notes))


def _load(outbox: Outbox, digest: str) -> Mapping[str, _Row]:
    """The rows as they were kept; none where the file is missing, damaged or of another format."""
    data = outbox.published(digest, CATALOGUE)
    if data is None:
        return {}
    try:
        kept = _FILE.validate_json(data)
    except ValidationError:
        return {}
    return kept.editions if kept.format == FORMAT else {}
