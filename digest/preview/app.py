"""The editor's desk as a web application: its rooms behind one door."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from digest.errors import ConflictError, DigestError, GoneError, UsageError
from digest.preview import changing, knowing, reading, sending
from digest.preview.door import (
    KEY,
    METRICS,
    MISDIRECTED,
    Door,
    Form,
    own_path,
    peer_of,
    safe_headers,
    set_cookie,
)
from digest.preview.keys import KEY_LASTS, Keys, Patience
from digest.preview.live import Live
from digest.preview.room import DeskRoom, Room
from digest.words import desk_words

_HERE = Path(__file__).parent

log = logging.getLogger(__name__)


def create_app(desk: DeskRoom, watched: Sequence[BaseRoute] = ()) -> Starlette:
    """The desk over a workshop. `desk.stop()` ends what it does beside answering.

    `watched` are pages of a service beside, which tell how it is; they go before the desk's own.
    """
    keys = Keys(_secret(desk), desk.token)
    room = Room(desk, keys, _HERE / "pages")
    live = Live(room.version, desk.stopping)
    desk.jobs.heard = live.job
    hall = _Hall(room)
    return Starlette(
        routes=[
            *watched,
            # Without a service there is nothing that could not be ready.
            Route("/healthz", _healthz),
            Route("/readyz", _healthz),
            Route("/version", hall.version),
            Route("/events", live.events),
            Route("/enter", hall.enter),
            Route("/enter", room.posted(hall.entering), methods=["POST"]),
            Route("/name", room.posted(hall.name), methods=["POST"]),
            Route("/jobs", hall.jobs),
            Route("/digests/{digest}/build", room.posted(hall.build), methods=["POST"]),
            *reading.routes(room),
            *knowing.routes(room),
            *changing.routes(room),
            *sending.routes(room),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[
            Middleware(Door, keys=keys, hosts=desk.hosts, clock=desk.clock, refuse=hall.refuse)
        ],
        exception_handlers={
            HTTPException: hall.http_error,
            GoneError: partial(hall.usage_error, 404),
            ConflictError: partial(hall.usage_error, 409),
            UsageError: partial(hall.usage_error, 422),
            DigestError: hall.trouble,
            Exception: hall.defect,
        },
    )


def _secret(desk: DeskRoom) -> bytes:
    """What this desk signs with: the same after a restart, and for all desks on the database.

    A key of its own from what the database keeps: what signs readers' links signs nothing else.
    """
    kept = desk.workshop.store.subscribers.secret(partial(secrets.token_urlsafe, 32))
    return hmac.new(kept.encode(), b"digest preview", hashlib.sha256).digest()


def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Hall:
    """What belongs to no room: coming in, work in hand, and what is said when something fails."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._patience = Patience()
        self._t = desk_words()

    def version(self, _: Request) -> Response:
        return JSONResponse({"version": self._room.version()})

    # --- coming in ---------------------------------------------------------------------------

    def enter(self, request: Request) -> Response:
        token = request.query_params.get("token")
        wanted = own_path(request.query_params.get("next", "/"))
        if token is None:
            return self._door_page(request, wanted)
        return self._let_in(request, token, wanted)

    def entering(self, request: Request, form: Form) -> Response:
        return self._let_in(request, form.text("token").strip(), own_path(form.text("next", "/")))

    def _let_in(self, request: Request, token: str, wanted: str) -> Response:
        now, peer = self._now(), peer_of(request)
        if self._room.keys.token is None:
            return RedirectResponse(wanted, 303)
        if wait := self._patience.wait(peer, now):
            wrong = self._t("door.enter_slow", n=wait)
            answer = self._door_page(request, wanted, 429, wrong)
            answer.headers["Retry-After"] = str(wait)
            return answer
        if not self._room.keys.is_token(token):
            self._patience.wrong(peer, now)
            log.warning("a wrong key was given at the desk, from %s", peer or "nowhere")
            return self._door_page(request, wanted, 403, self._t("door.enter_wrong"))
        answer = RedirectResponse(wanted, 303)
        answer.headers["Referrer-Policy"] = "no-referrer"
        set_cookie(request, answer, KEY, self._room.keys.cookie(now), KEY_LASTS)
        return answer

    def _door_page(
        self, request: Request, wanted: str, status: int = 200, wrong: str = ""
    ) -> Response:
        answer = self._room.page(
            request, "enter.html", status, alone=True, wanted=wanted, wrong=wrong
        )
        answer.headers["Referrer-Policy"] = "same-origin"
        return answer

    def name(self, request: Request, form: Form) -> Response:
        answer = self._room.back(request, form.text("next", "/"))
        self._room.name_cookie(request, answer, form.text("name"))
        return answer

    # --- work in hand ------------------------------------------------------------------------

    def jobs(self, request: Request) -> Response:
        return self._room.page(request, "jobs.html")

    def build(self, request: Request, form: Form) -> Response:
        self._room.desk.jobs.build(request.path_params["digest"])
        return self._room.back(request, form.text("next", "/jobs"))

    # --- when something fails ----------------------------------------------------------------

    def refuse(self, request: Request, status: int, reason: str) -> Response:
        """What the door says. To one without the key, nothing about the editions."""
        if request.scope["path"] == METRICS:
            # A program would follow to the page that asks for the key, and take it for metrics.
            told = {"WWW-Authenticate": "Bearer"} if status == 401 else None
            return PlainTextResponse(reason, status, told)
        if status == 401 and request.method == "GET" and _wants_page(request):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/enter?next={_quoted(request.url.path + query)}", 303)
        if status == MISDIRECTED:
            # By that name it would find no style sheet either.
            return self._room.page(request, "misdirected.html", status, message=reason)
        return self._refused(request, status, reason)

    def http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return self._missing(request, "")
        detail = str(error.detail)
        if error.status_code == 405:
            detail = self._t("door.not_here", method=request.method)
        answer = self._refused(request, error.status_code, detail)
        answer.headers.update(error.headers or {})
        return answer

    def usage_error(self, status: int, request: Request, error: Exception) -> Response:
        if status == 404:
            return self._missing(request, str(error))
        return self._refused(request, status, str(error))

    def trouble(self, request: Request, error: Exception) -> Response:
        log.error("%s: %s", request.url.path, error)
        return self._room.page(request, "trouble.html", 500, alone=True, message=str(error))

    def defect(self, request: Request, error: Exception) -> Response:
        """The door is not asked then, so its headers are put on here."""
        text = self._t("trouble.unexpected_see_log", kind=type(error).__name__)
        request.scope.setdefault("digest.browser", secrets.token_urlsafe(32))
        answer = self._room.page(request, "trouble.html", 500, alone=True, message=text)
        safe_headers(MutableHeaders(raw=answer.raw_headers))
        return answer

    def _missing(self, request: Request, message: str) -> Response:
        return self._room.page(
            request, "missing.html", 404, asked=request.url.path.strip("/"), message=message
        )

    def _refused(self, request: Request, status: int, message: str) -> Response:
        # Alone, so without scripts: one that renews the page would lose what was typed.
        return self._room.page(
            request, "refused.html", status, alone=True, message=message, typed=_typed(request)
        )

    def _now(self) -> datetime:
        return self._room.desk.clock()


def _typed(request: Request) -> list[tuple[str, str]]:
    """The longer texts of a form that was not taken, so that they can be copied."""
    form: Form = request.scope.get("digest.form", Form())
    return [(name, value) for name in ("text", "note") for value in form.all(name) if value]


def _wants_page(request: Request) -> bool:
    """Not a fragment or a stream, into which the page that asks for the key doesn't fit."""
    return "text/event-stream" not in request.headers.get("accept", "")


def _quoted(path: str) -> str:
    return quote(path, safe="/")
