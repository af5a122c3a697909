"""An edition as readers get it, in all its views; all editions; and what two builds differ in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime
from html import escape
from threading import Lock
from typing import Literal
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.editions.archive import entry
from digest.editions.desk.differences import differences
from digest.editions.frozen import load_edition
from digest.editions.limits import MAX_BYTES
from digest.errors import DigestError, GoneError
from digest.pipeline import editing
from digest.pipeline.editing import Sheet
from digest.preview import shown
from digest.preview.door import email_policy
from digest.preview.proofs import Proof
from digest.preview.room import Room
from digest.preview.served import served_copy
from digest.preview.shelf import EditionFolder, find
from digest.records import ArchiveEntry, Edition, EditionStatus, Finding
from digest.words import desk_words

VIEWS = ("stories", "desktop", "tablet", "phone", "dark", "text", "plain-images", "source")
"""Ways to look at an edition, in the order of their tabs and keys; they stand in the address."""

# Two months of a daily digest fit on a screen or two; what is older is a page further.
_A_PAGE = 60
# Entries of the list that are kept; one takes a kilobyte.
_KEPT = 2_000


def routes(room: Room) -> list[Route]:
    """What is to be read."""
    reading = _Reading(room)
    edition = "/editions/{digest}/{date}"
    return [
        Route("/", reading.newest),
        Route("/help", reading.help),
        Route("/editions", reading.archive),
        Route("/editions/{digest}", reading.newest),
        Route(edition, reading.edition),
        Route(f"{edition}/weight", reading.weight),
        Route(f"{edition}/written", reading.written),
        Route(f"{edition}/email.html", reading.email),
        Route(f"{edition}/index.html", reading.page),
        Route(f"{edition}/digest.txt", reading.text),
        Route(f"{edition}/digest.eml", reading.message),
        Route(f"{edition}/builds", reading.builds),
    ]


@dataclass(frozen=True, slots=True)
class Listed:
    """An edition in the list of editions; `entry` is None where it can't be read, and why."""

    folder: EditionFolder
    status: EditionStatus | None
    entry: ArchiveEntry | None
    error: str = ""


def edition_context(room: Room, sheet: Sheet, view: str = "stories") -> dict[str, object]:
    """What `edition.html` is filled in from, for whoever shows the edition's page."""
    status, edition = sheet.status, sheet.edition
    own = [one for one in room.editions() if one.digest == status.digest]
    dates = [one.date for one in own]
    at = dates.index(status.date) if status.date in dates else None
    built = local(edition.built, edition)
    leaves = status.send_at if status.state == "approved" else None
    return {
        "sheet": sheet,
        "base": base_of(sheet),
        "view": view,
        "views": VIEWS,
        "day": Date.fromisoformat(edition.date),
        "long_date": long_date(edition.date),
        "built": built,
        "newer": own[at - 1] if at else None,
        "older": own[at + 1] if at is not None and at + 1 < len(own) else None,
        "stamp": room.mark(sheet),
        "leaves": f"{local(leaves, edition):%H:%M %Z}" if leaves else "",
    }


def base_of(sheet: Sheet) -> str:
    """The address of an edition's page, without host."""
    return f"/editions/{sheet.status.digest}/{sheet.status.date}"


def local(moment: datetime, edition: Edition) -> datetime:
    """A moment by the clock of the edition's time zone."""
    return moment.astimezone(ZoneInfo(edition.timezone))


def long_date(date: str) -> str:
    """An ISO date as it is said: Thursday, 26 November 2026."""
    day = Date.fromisoformat(date)
    return f"{day:%A}, {day.day} {day:%B %Y}"


class _Reading:
    """The request handlers. Not async: Starlette runs them in threads, for they read and render."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._t = desk_words()
        self._begun: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._entries: OrderedDict[tuple[str, tuple[int, int]], ArchiveEntry] = OrderedDict()
        self._lock = Lock()

    # --- an edition --------------------------------------------------------------------------

    def newest(self, request: Request) -> Response:
        """To the newest edition, of a digest or of all; without any, an offer to build one."""
        digest = request.path_params.get("digest", "")
        newest = find(self._room.editions(), digest)
        if newest is not None:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(newest.path + query)
        config = self._room.desk.config()
        if digest and (config is None or config.digest(digest) is None):
            raise HTTPException(404)
        return self._room.page(request, "empty.html", wanted=digest)

    def edition(self, request: Request) -> Response:
        """The page of an edition. It renders nothing: the frame and the fragments do."""
        sheet = self._room.sheet(request)
        self._complete(sheet)
        view = request.query_params.get("view", "")
        context = edition_context(self._room, sheet, view if view in VIEWS else VIEWS[0])
        return self._room.page(request, "edition.html", 200, **context)

    def _complete(self, sheet: Sheet) -> None:
        """Has what the edition waits for made, once for each state of it that is looked at.

        Whoever makes a change asks for it too; but the desk may have ended before it was done.
        """
        seen = (sheet.status.name, sheet.status.revision, sheet.build)
        with self._lock:
            if not sheet.waiting or seen in self._begun:
                return
            self._begun[seen] = None
            if len(self._begun) > _KEPT:
                self._begun.popitem(last=False)
        jobs, status = self._room.desk.jobs, sheet.status
        if jobs.open_of(status.digest, status.date) is None:
            jobs.complete(status.digest, status.date)

    def weight(self, request: Request) -> Response:
        """Size, trouble and findings, for the page to load after itself; a page without scripts."""
        sheet, proof = self._proof(request)
        context: dict[str, object] = {
            "base": base_of(sheet),
            "proof": proof,
            "size": proof.size,
            "size_kb": f"{proof.size / 1000:.1f}",
            "limit": MAX_BYTES,
            "limit_kb": MAX_BYTES // 1000,
            "findings": proof.findings,
            "placed": _placed(proof.edition, proof.findings),
            "not_printed": shown.unprinted(sheet),
        }
        return self._either(request, "weight.html", context, sheet)

    def written(self, request: Request) -> Response:
        """The plain text of the e-mail, or its HTML, to be read."""
        sheet, proof = self._proof(request)
        kind = "source" if request.query_params.get("kind") == "source" else "text"
        rendered = proof.rendered
        text = None if rendered is None else rendered.html if kind == "source" else rendered.text
        context: dict[str, object] = {"base": base_of(sheet), "kind": kind, "text": text}
        return self._either(request, "written.html", context, sheet)

    def email(self, request: Request) -> Response:
        """The e-mail's HTML byte for byte; with `scheme=light` or `dark` its copy for a frame."""
        flags = request.query_params
        policy = {"Content-Security-Policy": email_policy(images=flags.get("images") != "0")}
        _, proof = self._proof(request)
        if proof.rendered is None:
            html = f"<!doctype html><title>-</title><p>{escape(self._t('read.not_rendered'))}</p>"
            return HTMLResponse(html, 503, headers=policy)
        html = proof.rendered.html
        if "scheme" in flags:
            scheme: Literal["light", "dark"] = "dark" if flags["scheme"] == "dark" else "light"
            html = served_copy(html, scheme, phone=bool(flags.get("phone")))
        return HTMLResponse(html, headers=policy)

    def page(self, request: Request) -> Response:
        """The edition's page alone, where links from later editions in the outbox lead."""
        _, proof = self._proof(request)
        if not proof.page:
            raise GoneError(self._t("read.not_rendered"))
        return HTMLResponse(proof.page, headers={"Content-Security-Policy": email_policy()})

    def text(self, request: Request) -> Response:
        """The plain text as it is sent."""
        _, proof = self._proof(request)
        if proof.rendered is None:
            raise GoneError(self._t("read.not_rendered"))
        return PlainTextResponse(proof.rendered.text)

    def message(self, request: Request) -> Response:
        """The message as it would be sent."""
        sheet = self._room.sheet(request)
        message = self._room.message(sheet)
        if message is None:
            raise GoneError(self._t("read.not_rendered"))
        name = f"{sheet.status.digest}-{sheet.status.date}.eml"
        return Response(
            message,
            media_type="message/rfc822",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    # --- all editions ------------------------------------------------------------------------

    def archive(self, request: Request) -> Response:
        """The editions in the outbox, of a digest or of all, a page at a time."""
        wanted = request.query_params.get("digest", "")
        found = [one for one in self._room.editions() if not wanted or one.digest == wanted]
        before = request.query_params.get("before", "")
        rest = [one for one in found if not before or one.date < before]
        shown = rest[:_A_PAGE]
        # A page ends with a date, so that the next one begins with the next.
        shown += [one for one in rest[_A_PAGE:] if one.date == shown[-1].date]
        store = self._room.desk.workshop.store
        statuses = {(one.digest, one.date): one for one in store.editions.statuses()}
        return self._room.page(
            request,
            "editions.html",
            here="editions",
            wanted=wanted,
            before=before,
            listed=[self._listed(one, statuses.get((one.digest, one.date))) for one in shown],
            known=sorted({one.digest for one in self._room.editions()}),
            further=len(rest) - len(shown),
            last=shown[-1].date if shown else "",
        )

    def _listed(self, folder: EditionFolder, status: EditionStatus | None) -> Listed:
        key = (folder.path, folder.stamp())
        with self._lock:
            known = self._entries.get(key)
        if known is None:
            try:
                data = self._room.desk.workshop.outbox.read(folder.digest, folder.date)
                known = entry(load_edition(data, folder.path.removeprefix("/editions/")))
            except DigestError as error:
                return Listed(folder, status, None, str(error))
            with self._lock:
                self._entries[key] = known
                if len(self._entries) > _KEPT:
                    self._entries.popitem(last=False)
        return Listed(folder, status, known)

    # --- builds ------------------------------------------------------------------------------

    def builds(self, request: Request) -> Response:
        """The builds of an edition, and what two of them differ in."""
        sheet = self._room.sheet(request)
        status = sheet.status
        builds = editing.builds(self._room.desk.workshop, status.digest, status.date)
        by_number = {build.number: build for build in builds}
        numbers = sorted(by_number)
        asked = [request.query_params.get(name, "") for name in ("from", "to")]
        chosen = [int(one) if one.isascii() and one.isdecimal() else None for one in asked]
        usual = numbers[-2:] if len(numbers) > 1 else [None, None]
        first, second = (one if one is not None else usual[at] for at, one in enumerate(chosen))
        unknown = [one for one in (first, second) if one is not None and one not in by_number]
        difference = None
        if not unknown and first is not None and second is not None and first != second:
            difference = differences(by_number[first].edition, by_number[second].edition)
        return self._room.page(
            request,
            "builds.html",
            404 if unknown else 200,
            sheet=sheet,
            base=base_of(sheet),
            builds=[(build, local(build.made, build.edition)) for build in builds],
            first=first,
            second=second,
            unknown=unknown[0] if unknown else None,
            difference=difference,
        )

    def help(self, request: Request) -> Response:
        """The key sheet as a page."""
        return self._room.page(request, "help.html", here="help")

    # --- shared ------------------------------------------------------------------------------

    def _proof(self, request: Request) -> tuple[Sheet, Proof]:
        sheet = self._room.sheet(request)
        return sheet, self._room.proof(sheet)

    def _either(
        self, request: Request, template: str, context: dict[str, object], sheet: Sheet
    ) -> Response:
        """A fragment for a script that asks for one (htmx says so), else a page."""
        if request.headers.get("hx-request-type") == "partial":
            return self._room.page(request, f"_{template}", 200, alone=True, **context)
        return self._room.page(request, template, 200, sheet=sheet, whole=True, **context)


def _placed(edition: Edition, findings: tuple[Finding, ...]) -> list[tuple[Finding, str]]:
    """Each finding with the id of the story that it speaks of, or with nothing."""
    by_name = {story.headline or f"story {story.id}": story.id for story in edition.stories}
    return [(finding, by_name.get(finding.where, "")) for finding in findings]
