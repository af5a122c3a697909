"""A composed edition to the outbox: fitted, rendered, checked, written, and listed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime, timedelta

from digest.editions.archive import FEED, PAGE, archive_of, atom_feed, entry
from digest.editions.compose import fit
from digest.editions.drafts import dump_draft
from digest.editions.frozen import dump_edition, load_edition
from digest.editions.limits import MAX_BYTES, MAX_READER_ADDRESS
from digest.editions.lint import lint
from digest.editions.message import build_message
from digest.errors import DigestError
from digest.outbox.catalogue import catalogue
from digest.outbox.outbox import EDITION
from digest.pipeline.delivering import fingerprint
from digest.pipeline.progress import measured
from digest.pipeline.wiring import Workshop
from digest.records import ArchiveEntry, Draft, Edition, Finding, Reader, Rendered

TEXT = "digest.txt"
MARKDOWN = "digest.md"
MESSAGE = "digest.eml"
"""What an edition's folder holds beside its page and `edition.json`."""

log = logging.getLogger(__name__)

# Nobody edits an edition of last month, and each build holds its articles.
_BUILDS_KEPT = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Published:
    """Where the edition's page lies, the hash of its file, and what the lint had to say."""

    path: str
    fingerprint: str
    findings: tuple[Finding, ...]


# Who takes most room: a copy with links of its own must not be cut off either.
_LONGEST = Reader(
    address=f"{'x' * 64}@{'x' * 63}.{'x' * 63}.example",
    unsubscribe=f"https://{'x' * 63}.example/".ljust(MAX_READER_ADDRESS, "x"),
    preferences=f"https://{'x' * 63}.example/".ljust(MAX_READER_ADDRESS, "x"),
)


@measured("compose")
def fitted(workshop: Workshop, build: Callable[[int | None], Edition]) -> Edition:
    """The edition that `build` composes, with as many stories as an e-mail has room for.

    Raises TemplateError.
    """
    return fit(
        build,
        lambda edition: len(workshop.renderer.html(edition, mail=True, reader=_LONGEST).encode()),
        MAX_BYTES,
    )


@measured("publish")
def publish(
    workshop: Workshop,
    edition: Edition,
    repeats: Sequence[str],
    keep: Callable[[], None] = lambda: None,
    *,
    now: datetime,
    draft: Draft | None = None,
) -> Published:
    """Renders and writes the edition, then notes what it tells, then lists it in the archive.

    `keep` is called right before anything is written, and raises where it may not be. The edition
    is kept among the builds of its date, with the `draft` that a run made it from; None where a
    person has approved it. `repeats`
    are articles that say again what was told: noted with it, so that they are not looked at every
    day, nor told once memory has lost what they repeat. Raises DigestError when the edition can't
    be rendered or written; what was there before stays then.
    """
    page, mail = workshop.renderer.render(edition), workshop.renderer.render(edition, mail=True)
    files = {
        EDITION: dump_edition(edition),
        PAGE: page.html.encode(),
        TEXT: page.text.encode(),
        MARKDOWN: page.markdown.encode(),
        MESSAGE: build_message(edition, mail, signer=workshop.signer),
    }
    findings = _found(workshop, edition, mail)
    if workshop.signer and (why := workshop.signer.misaligned(edition.sender)):
        findings += (Finding("dkim", "warning", why),)
    log.info("digest %s: writing %d stories", edition.digest, len(edition.stories))
    keep()
    workshop.store.desk.save_build(
        edition.digest,
        edition.date,
        now,
        "approved" if draft is None else "built",
        files[EDITION],
        None if draft is None else dump_draft(draft),
    )
    before = (Date.fromisoformat(edition.date) - _BUILDS_KEPT).isoformat()
    # A draft may wait for its editor for longer, or the clock may be wrong.
    workshop.store.desk.prune(before, waiting=False)
    if edition.date in workshop.store.told_dates(edition.digest):
        # Forgotten first: after a crash in between, the next run learns what the edition that is
        # there then tells, whichever of the two it is.
        workshop.store.save_told(edition.digest, edition.date, ())
    folder = workshop.outbox.write(edition.digest, edition.date, files)
    workshop.store.save_told(edition.digest, edition.date, (*edition.told, *repeats))
    try:
        findings += _listed(workshop, edition)
    except DigestError as error:  # the edition is out; the next one lists both
        findings += (Finding("archive", "warning", str(error)),)
    except Exception as error:
        log.exception("digest %s: the list of editions", edition.digest)
        findings += (Finding("archive", "warning", _unexpected(error)),)
    return Published(str(folder / PAGE), fingerprint(files[EDITION]), findings)


def _found(workshop: Workshop, edition: Edition, mail: Rendered) -> tuple[Finding, ...]:
    """What the lint finds. A defect of the lint's own must not cost readers their edition."""
    try:
        return lint(edition, mail, workshop.renderer.sources(edition.template))
    except Exception as error:
        log.exception("digest %s: lint", edition.digest)
        return (Finding("lint", "warning", _unexpected(error)),)


def _unexpected(error: Exception) -> str:
    return f"unexpected {type(error).__name__}: {error} (please report it)"


def _listed(workshop: Workshop, built: Edition) -> tuple[Finding, ...]:
    """Writes the page and the feed of the digest's editions; gives what had to be left out.

    They look as the newest edition does, which `built` is unless an older date was built again.
    Raises DigestError; the pages that were there stay then.
    """
    found = catalogue(workshop.outbox, built.digest, _entry)
    newest = built
    if found.entries and found.entries[-1].date != built.date:
        date = found.entries[-1].date
        newest = load_edition(workshop.outbox.read(built.digest, date), f"{built.digest}/{date}")
    archive = archive_of(newest, found.entries)
    workshop.outbox.publish(
        built.digest,
        {PAGE: workshop.renderer.render_archive(archive).encode(), FEED: atom_feed(archive)},
    )
    return tuple(Finding("archive", "warning", note) for note in found.notes)


def _entry(data: bytes, source: str) -> ArchiveEntry:
    return entry(load_edition(data, source))
