"""What lies in the outbox: which digests, which dates, which is the newest. Opens no file."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date as Date
from pathlib import Path

from digest.errors import OutboxError, UsageError
from digest.words import desk_words

# No dot and no slash: it can't lead out of the outbox, nor be a hidden or temporary folder.
DIGEST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# Editions that an error names, so that it stays a few lines.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class EditionFolder:
    """Where one edition lies: `folder` is `<outbox>/<digest>/<date>`, `date` ISO 8601 (local)."""

    digest: str
    date: str
    folder: Path

    @property
    def path(self) -> str:
        """The edition's address on the preview server, without host."""
        return f"/editions/{self.digest}/{self.date}"

    @property
    def day(self) -> Date:
        return Date.fromisoformat(self.date)

    def stamp(self) -> tuple[int, int]:
        """When `edition.json` was written (ns since 1970), and its size; (0, 0) if missing."""
        return file_stamp(self.folder / "edition.json")


def file_stamp(file: Path) -> tuple[int, int]:
    """Modification time in ns and size in bytes; (0, 0) for what is not there (any more)."""
    try:
        stat = file.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


def list_editions(outbox: Path) -> tuple[EditionFolder, ...]:
    """All editions, newest first: by date, then by the time `edition.json` was written.

    An outbox that doesn't exist yet holds none. Folders whose names are no digest and date
    (temporary ones among them) are passed over.

    Raises:
        OutboxError: the outbox can't be read.
    """
    found = []
    try:
        for digest in _folders(outbox):
            if DIGEST_NAME.fullmatch(digest.name):
                found += [
                    EditionFolder(digest.name, dated.name, dated)
                    for dated in _folders(digest)
                    if _is_date(dated.name)
                ]
    except OSError as error:
        told = {"file": error.filename, "why": error.strerror}
        raise OutboxError(desk_words()("trouble.outbox", **told)) from error
    return tuple(sorted(found, key=lambda it: (it.date, it.stamp(), it.digest), reverse=True))


def find(editions: Sequence[EditionFolder], wanted: str) -> EditionFolder | None:
    """The edition meant by `NAME` (its newest) or `NAME/YYYY-MM-DD`; "" means the newest of all."""
    digest, _, date = wanted.partition("/")
    for edition in editions:
        if (not digest or edition.digest == digest) and (not date or edition.date == date):
            return edition
    return None


def address_for(outbox: Path, wanted: str, digests: Collection[str] = ()) -> str:
    """The path on the server at which `digest preview WANTED` begins; "/" when nothing is named.

    One of `digests` that has no edition yet leads to the page that offers to build it.

    Raises:
        UsageError: the outbox holds no such edition; the message lists what it holds.
    """
    if not wanted:
        return "/"
    editions = list_editions(outbox)
    if (edition := find(editions, wanted)) is not None:
        return edition.path
    if wanted in digests:
        return f"/editions/{wanted}"
    names = [f"{edition.digest}/{edition.date}" for edition in editions]
    t = desk_words()
    told = {"wanted": wanted, "outbox": outbox, "shown": ", ".join(names[:_NAMED])}
    if not names:
        raise UsageError(t("starting.no_edition_none", **told))
    if len(names) > _NAMED:
        raise UsageError(t("starting.no_edition_more", **told, n=len(names) - _NAMED))
    raise UsageError(t("starting.no_edition", **told))


def _folders(parent: Path) -> list[Path]:
    try:
        return [child for child in parent.iterdir() if child.is_dir()]
    except FileNotFoundError:
        return []


def _is_date(name: str) -> bool:
    try:
        return (
            Date.fromisoformat(name).isoformat() == name
        )  # "20261124" is ISO 8601 too, but no name
    except ValueError:
        return False
