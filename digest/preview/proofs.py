"""Editions rendered with the templates as they are now; the last good one when they are broken."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Literal

from digest.editions.frozen import load_edition
from digest.editions.render import Renderer
from digest.errors import DigestError, OutboxError
from digest.preview.shelf import EditionFolder, file_stamp
from digest.records import Edition, Rendered

# An editor compares a handful of editions; one takes about 200 kB.
_KEPT = 16

Origin = Literal["current", "earlier", "built"]
Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What can be shown of an edition.

    `origin` says where `rendered` comes from: `current` templates, an `earlier` rendering of
    this session, or the files as they were `built`; the last two only where `error` tells why.
    `edition` and `rendered` are None where there is nothing to show.
    """

    edition: Edition | None
    rendered: Rendered | None
    origin: Origin = "current"
    error: str = ""


class Proofs:
    """Renders on demand and again after a change. Safe to call from several threads."""

    def __init__(self, theme_folders: Sequence[Path]) -> None:
        self._theme_folders = tuple(theme_folders)
        self._kept: OrderedDict[EditionFolder, tuple[Stamps, Proof]] = OrderedDict()
        self._lock = Lock()

    def version(self, editions: Sequence[EditionFolder]) -> str:
        """Changes whenever a theme file, an `edition.json` or the list of editions does."""
        marks = [(edition.path, *edition.stamp()) for edition in editions]
        return sha256(repr((self._theme_stamps(), marks)).encode()).hexdigest()[:16]

    def proof(self, place: EditionFolder) -> Proof:
        """The edition in its newest form; trouble is told in `Proof.error`, never raised."""
        with self._lock:
            # Stamped before reading: what is saved meanwhile is seen as a change the next time.
            stamps = (*self._theme_stamps(), ("edition.json", *place.stamp()))
            earlier = None
            if place in self._kept:
                kept_stamps, earlier = self._kept[place]
                self._kept.move_to_end(place)
                if kept_stamps == stamps:
                    return earlier
            proof = self._make(place, earlier)
            self._kept[place] = (stamps, proof)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return proof

    def _make(self, place: EditionFolder, earlier: Proof | None) -> Proof:
        edition = earlier.edition if earlier else None
        origin: Origin
        try:
            edition = _load(place.folder / "edition.json")
            # A new renderer each time, so that no cache of compiled templates can be out of date.
            return Proof(edition, Renderer(self._theme_folders).render(edition, editors=True))
        except DigestError as error:
            if earlier and earlier.rendered:
                origin = "earlier" if earlier.origin == "current" else earlier.origin
                return Proof(edition, earlier.rendered, origin, str(error))
            return Proof(edition, _as_built(place.folder), "built", str(error))

    def _theme_stamps(self) -> Stamps:
        return tuple(
            (file, *file_stamp(Path(file)))
            for folder in self._theme_folders
            for file in sorted(
                os.path.join(parent, name)  # noqa: PTH118 - strings, as `os.walk` gives them
                for parent, _, names in os.walk(folder)
                for name in names
            )
        )


def _load(file: Path) -> Edition:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise OutboxError(
            f"{file}: can't be read: {error.strerror}; `digest run --force` builds the edition anew"
        ) from error
    return load_edition(data, str(file))


def _as_built(folder: Path) -> Rendered | None:
    """The files as the run wrote them, or None where they can't be read either."""
    try:
        html = (folder / "index.html").read_text("utf-8")
        return Rendered(html, (folder / "digest.txt").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
