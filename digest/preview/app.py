"""The preview as a web application: pages, the e-mail alone for a frame, version, health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.errors import DigestError
from digest.preview.proofs import Proof, Proofs
from digest.preview.served import served_copy
from digest.preview.shelf import EditionFolder, find, list_editions
from digest.records import Edition

# Where Gmail cuts the HTML of a message off ("[Message clipped]"): measured by many senders,
# documented nowhere by Google.
GMAIL_CLIPS_AT = 102 * 1024

_HERE = Path(__file__).parent

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# `sandbox` in the header too: the e-mail stays harmless when its address is opened directly.
_EMAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at an edition; `name` stands in the address."""

    name: str
    label: str


VIEWS = (
    View("desktop", "Desktop"),
    View("phone", "Phone"),
    View("dark", "Dark"),
    View("text", "Plain text"),
)


def create_app(outbox: Path, theme_folders: Sequence[Path], hosts: Sequence[str] = ()) -> Starlette:
    """The preview of the editions in `outbox`, rendered with the themes in `theme_folders`.

    `hosts` are further names under which the server may be addressed (the value of `--host`, the
    host of the public URL); localhost and its addresses always may. Other Host headers are
    refused, so that a web page can't read the preview by DNS rebinding.
    """
    desk = _Desk(outbox, Proofs(theme_folders))
    named = [f"[{host}]" if ":" in host and host[0] != "[" else host for host in hosts]
    return Starlette(
        routes=[
            Route("/", desk.newest),
            Route("/healthz", _healthz),
            Route("/version", desk.version),
            Route("/editions/{digest}", desk.newest),
            Route("/editions/{digest}/{date}", desk.edition),
            Route("/editions/{digest}/{date}/email.html", desk.email),
            Route("/editions/{digest}/{date}/index.html", desk.page),
            Route("/editions/{digest}/{date}/digest.txt", desk.text),
            Route("/editions/{digest}/{date}/digest.eml", desk.message),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[
            Middleware(_SafeHeaders),
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=["localhost", "127.0.0.1", "[::1]", *named],
                www_redirect=False,
            ),
        ],
        exception_handlers={404: desk.not_found, DigestError: desk.trouble},
    )


def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Desk:
    """The request handlers. Not async: Starlette runs them in threads, for they read and render."""

    def __init__(self, outbox: Path, proofs: Proofs) -> None:
        self._outbox = outbox
        self._proofs = proofs
        self._pages = Jinja2Templates(directory=_HERE / "pages")

    def newest(self, request: Request) -> Response:
        editions = list_editions(self._outbox)
        digest = request.path_params.get("digest", "")
        newest = find(editions, digest)
        if newest is not None:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(newest.path + query)
        if digest:
            raise HTTPException(404)
        return self._page(request, "empty.html", editions, outbox=self._outbox)

    def edition(self, request: Request) -> Response:
        editions = list_editions(self._outbox)
        # Taken before rendering: what changes meanwhile makes the page look again.
        version = self._proofs.version(editions)
        place = self._place(request, editions)
        proof = self._proofs.proof(place)
        html = proof.rendered.html.encode() if proof.rendered else b""
        name = request.query_params.get("view")
        of_digest = [other for other in editions if other.digest == place.digest]
        at = of_digest.index(place)
        return self._page(
            request,
            "edition.html",
            editions,
            version=version,
            place=place,
            proof=proof,
            view=next((view for view in VIEWS if view.name == name), VIEWS[0]),
            views=VIEWS,
            newer=of_digest[at - 1] if at else None,
            older=of_digest[at + 1] if at + 1 < len(of_digest) else None,
            size=len(html),
            # In the frame's address, so that the page loads the frame again only for other HTML.
            fingerprint=sha256(html).hexdigest()[:16],
            clips_at=GMAIL_CLIPS_AT,
            built=_local(proof.edition) if proof.edition else None,
            has_message=(place.folder / "digest.eml").is_file(),
        )

    def email(self, request: Request) -> Response:
        rendered = self._proof(request).rendered
        if rendered is None:
            raise HTTPException(404)
        flags = request.query_params
        html = served_copy(
            rendered.html, "dark" if flags.get("dark") else "light", phone=bool(flags.get("phone"))
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": _EMAIL_POLICY})

    def page(self, request: Request) -> Response:
        """The edition's page alone, where links from later editions in the outbox lead."""
        rendered = self._proof(request).rendered
        if rendered is None:
            raise HTTPException(404)
        return HTMLResponse(rendered.html, headers={"Content-Security-Policy": _EMAIL_POLICY})

    def text(self, request: Request) -> Response:
        rendered = self._proof(request).rendered
        if rendered is None:
            raise HTTPException(404)
        return PlainTextResponse(rendered.text)

    def message(self, request: Request) -> Response:
        place = self._place(request, list_editions(self._outbox))
        file = place.folder / "digest.eml"
        if not file.is_file():
            raise HTTPException(404)
        return FileResponse(
            file, media_type="message/rfc822", filename=f"{place.digest}-{place.date}.eml"
        )

    def version(self, _: Request) -> Response:
        return JSONResponse({"version": self._proofs.version(list_editions(self._outbox))})

    def not_found(self, request: Request, _: Exception) -> Response:
        editions = list_editions(self._outbox)
        return self._page(
            request, "missing.html", editions, status=404, asked=request.url.path.strip("/")
        )

    def trouble(self, request: Request, error: Exception) -> Response:
        return self._page(request, "trouble.html", (), status=500, message=str(error))

    def _place(self, request: Request, editions: Sequence[EditionFolder]) -> EditionFolder:
        """The edition an address names. It must be in the list, so no name can lead elsewhere."""
        digest, date = request.path_params["digest"], request.path_params["date"]
        place = find(editions, f"{digest}/{date}")
        if place is None:
            raise HTTPException(404)
        return place

    def _proof(self, request: Request) -> Proof:
        return self._proofs.proof(self._place(request, list_editions(self._outbox)))

    def _page(
        self,
        request: Request,
        name: str,
        editions: Sequence[EditionFolder],
        status: int = 200,
        **values: object,
    ) -> Response:
        context: dict[str, object] = {
            "version": self._proofs.version(editions),
            "shelf": _by_digest(editions),
            **values,
        }
        return self._pages.TemplateResponse(request, name, context, status_code=status)


def _by_digest(editions: Sequence[EditionFolder]) -> list[tuple[str, list[EditionFolder]]]:
    """The editions under their digests: digests by name, editions newest first as they came."""
    ordered = sorted(editions, key=lambda edition: edition.digest)
    return [(digest, list(group)) for digest, group in groupby(ordered, lambda it: it.digest)]


def _local(edition: Edition) -> datetime:
    """When the edition was built, in the digest's own time zone."""
    return edition.built.astimezone(ZoneInfo(edition.timezone))


class _SafeHeaders:
    """Gives every response its safety headers; a response may bring a policy of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_safely)
