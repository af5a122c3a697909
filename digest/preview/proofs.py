"""Editions rendered with the templates as they are now; the last good one when they are broken."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Literal

from digest.editions.frozen import dump_edition
from digest.editions.lint import lint
from digest.editions.message import build_message
from digest.editions.render import Renderer
from digest.errors import DigestError
from digest.pipeline.editing import Sheet, as_sent
from digest.pipeline.wiring import Workshop
from digest.preview.shelf import file_stamp
from digest.records import Edition, Finding, Rendered
from digest.words import desk_words

# An editor compares a handful of editions; one takes about 400 kB.
_KEPT = 16

Origin = Literal["current", "earlier", "built"]
Stamps = tuple[tuple[str, int, int], ...]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """What can be shown of an edition.

    `rendered` is the mail as it would be sent, of `edition`: the sheet's, less what a mail has no
    room for. `page` is the edition's page in the archive, as HTML. `origin` says where they come
    from: `current` templates, an `earlier` rendering of this session, or the files as they were
    `built`; the last two only where `error` tells why, with file and line. `rendered` is None where
    there is nothing to show.
    """

    edition: Edition
    rendered: Rendered | None
    page: str = ""
    origin: Origin = "current"
    error: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the mail's HTML, which mail clients cut off where it is too long."""
        return len(self.rendered.html.encode()) if self.rendered else 0


@dataclass(slots=True)
class _Kept:
    """What is kept of an edition, and of what it was made. One thread at a time makes it."""

    lock: Lock
    made_of: tuple[Edition, Stamps] | None = None
    proof: Proof | None = None


class Proofs:
    """Renders on demand and again after a change. Safe to call from several threads."""

    def __init__(self, workshop: Workshop, theme_folders: Sequence[Path]) -> None:
        self._workshop = workshop
        self._theme_folders = tuple(theme_folders)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()

    def stamps(self) -> Stamps:
        """Of every file of every theme: another value after a change."""
        return tuple(
            (file, *file_stamp(Path(file)))
            for folder in self._theme_folders
            for file in sorted(
                os.path.join(parent, name)  # noqa: PTH118 - strings, as `os.walk` gives them
                for parent, _, names in os.walk(folder)
                for name in names
            )
        )

    def mark(self, sheet: Sheet) -> str:
        """Changes whenever the proof may. Fast: nothing is rendered."""
        data = dump_edition(sheet.edition) + repr(self.stamps()).encode()
        return sha256(data).hexdigest()[:16]

    def proof(self, sheet: Sheet) -> Proof:
        """The edition in its newest form; trouble is told in `Proof.error`, never raised.

        Takes as long as rendering does, half a second, unless nothing has changed.
        """
        kept = self._of(sheet)
        with kept.lock:
            # Stamped before rendering: what is saved meanwhile is seen as a change the next time.
            made_of = (sheet.edition, self.stamps())
            if kept.proof is None or kept.made_of != made_of:
                kept.proof = self._make(sheet, kept.proof)
                kept.made_of = made_of
            return kept.proof

    def message(self, sheet: Sheet) -> bytes | None:
        """The message as it would be sent, RFC 5322; None where it can't be rendered.

        Raises DigestError when it can't be signed.
        """
        proof = self.proof(sheet)
        if proof.rendered is None:
            return None
        if proof.origin == "built":
            return self._file(sheet, "digest.eml")
        return build_message(proof.edition, proof.rendered, signer=self._workshop.signer)

    def _of(self, sheet: Sheet) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(sheet.status.name, _Kept(Lock()))
            self._kept.move_to_end(sheet.status.name)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept

    def _make(self, sheet: Sheet, earlier: Proof | None) -> Proof:
        # A new renderer each time, so that no cache of compiled templates can be out of date.
        renderer = Renderer(self._theme_folders)
        try:
            edition = as_sent(replace(self._workshop, renderer=renderer), sheet)
            mail = renderer.render(edition, mail=True)
            page = renderer.render(edition, editors=True).html
            findings = self._found(renderer, edition, mail)
        except DigestError as error:
            if earlier and earlier.rendered:
                origin: Origin = "earlier" if earlier.origin == "current" else earlier.origin
                return replace(earlier, origin=origin, error=str(error))
            return self._as_built(sheet, str(error))
        return Proof(edition, mail, page, findings=findings)

    def _found(self, renderer: Renderer, edition: Edition, mail: Rendered) -> tuple[Finding, ...]:
        """What the lint finds. A defect of the lint's own must not cost editors the page."""
        try:
            return lint(edition, mail, renderer.sources(edition.template))
        except DigestError:
            raise
        except Exception as error:
            log.exception("%s: lint", edition.digest)
            kind = type(error).__name__
            text = desk_words()("trouble.unexpected", kind=kind, error=error)
            return (Finding("lint", "warning", text),)

    def _as_built(self, sheet: Sheet, error: str) -> Proof:
        """The files as the run wrote them, where they can be read."""
        html, text = self._file(sheet, "index.html"), self._file(sheet, "digest.txt")
        if html is None or text is None:
            return Proof(sheet.edition, None, error=error)
        page = html.decode("utf-8", "replace")
        rendered = Rendered(page, text.decode("utf-8", "replace"))
        return Proof(sheet.edition, rendered, page, "built", error)

    def _file(self, sheet: Sheet, name: str) -> bytes | None:
        status = sheet.status
        try:
            return self._workshop.outbox.read(status.digest, status.date, name)
        except DigestError:
            return None
