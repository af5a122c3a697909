"""What every page of the desk needs: its words, its form's token, whose browser it is."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote, unquote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from digest.config import Config
from digest.editions.compiled import COMPILED
from digest.editions.printable import printable
from digest.errors import GoneError
from digest.pipeline import editing
from digest.pipeline.editing import Sheet
from digest.pipeline.wiring import Workshop
from digest.preview.door import BROWSER, CSRF, Form, check_key, own_path, set_cookie
from digest.preview.jobs import Jobs
from digest.preview.keys import Keys
from digest.preview.proofs import Proof, Proofs
from digest.preview.shelf import DIGEST_NAME, EditionFolder, list_editions
from digest.words import desk_words

NAME = "digest_name"
"""The cookie with an editor's name."""
MAX_NAME = 60
"""Letters of it."""


@dataclass(frozen=True, slots=True)
class DeskRoom:
    """What the desk is given: a workshop, the feeds.yaml in force, and who may come in.

    `config` gives None where there is none that is fit for use, `config_error` what is wrong with
    the file now. `themes` are the folders of themes. `token` is what visitors must know, `hosts`
    the names under which the desk may be asked for. `serves`: a service beside sends by itself.
    `default_name` is an editor's who has given none.
    """

    workshop: Workshop
    config: Callable[[], Config | None]
    config_error: Callable[[], str]
    clock: Callable[[], datetime]
    jobs: Jobs
    themes: Sequence[Path] = ()
    token: str | None = None
    hosts: Sequence[str] = ()
    serves: bool = False
    default_name: str = "editor"
    stopping: Event = field(default_factory=Event)

    def stop(self) -> None:
        """Open pages are told no more, and work in hand ends at its next step. Doesn't wait."""
        self.stopping.set()
        self.jobs.stop(0)


Handler = Callable[[Request, Form], Response]


class Room:
    """The desk as its pages see it. For any number of threads."""

    def __init__(self, desk: DeskRoom, keys: Keys, pages: Path) -> None:
        self.desk = desk
        self.keys = keys
        self.proofs = Proofs(desk.workshop, desk.themes)
        self._pages = Jinja2Templates(directory=pages)
        self._pages.env.trim_blocks = self._pages.env.lstrip_blocks = True
        self._pages.env.bytecode_cache = COMPILED
        self._pages.env.globals.update(t=desk_words(), key=self.key)

    def teach(self, **functions: Callable[..., Any]) -> None:
        """Gives the templates more functions, by name."""
        self._pages.env.globals.update(functions)

    # --- answering ---------------------------------------------------------------------------

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        """A page filled in from `context` and what all pages share.

        Shared: `t` (words), `csrf` and `csrf_field`, `key()`, `who`, `version`, `shelf` (digests
        with their editions, newest first), `digests` (names in feeds.yaml), `jobs`, `news` (those
        that are open, and that ended just now), `config_error`, `serves`; `seen`, the revision of a
        `sheet`. With `alone=True` nothing is told but what is in `context`, as visitors must see it
        who have not come in (so it is for whoever lacks the key), and while the store fails.
        """
        # Some addresses answer without the key: what they don't know is nobody's to learn there.
        if check_key("", request.cookies, self.keys, self.desk.clock()):
            context["alone"] = True
        # Taken first: what changes meanwhile makes the page look again.
        shared = self._nothing() if context.get("alone") else self._everything()
        browser = request.scope["digest.browser"]
        csrf = self.keys.csrf(browser)
        sheet = context.get("sheet")
        shared |= {
            "csrf": csrf,
            "csrf_field": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, csrf),
            "seen": sheet.status.revision if isinstance(sheet, Sheet) else 0,
            "who": self.who(request),
            "name": self.who(request),
        }
        answer = self._pages.TemplateResponse(
            request, template, {**shared, **context}, status_code=status
        )
        if request.cookies.get(BROWSER) != browser:
            set_cookie(request, answer, BROWSER, browser)
        return answer

    def _everything(self) -> dict[str, object]:
        config = self.desk.config()
        return {
            "alone": False,
            "version": self.version(),
            "shelf": self.shelf(),
            "digests": [spec.name for spec in config.digests] if config else [],
            "config_error": self.desk.config_error(),
            "jobs": self.desk.jobs.all(),
            "news": self.desk.jobs.news(),
            "serves": self.desk.serves,
        }

    def _nothing(self) -> dict[str, object]:
        empty: dict[str, object] = dict.fromkeys(("shelf", "digests", "jobs", "news"), ())
        return {"alone": True, "version": "", "config_error": "", "serves": False, **empty}

    def back(self, request: Request, to: str) -> Response:  # noqa: ARG002 - part of the seam
        """To a page of ours after a form, with GET (303); anywhere else becomes the start page."""
        return RedirectResponse(own_path(to), 303)

    def posted(self, handle: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for POST: `handle` gets the request and its form, in a thread."""

        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(handle, request, await self.form(request))

        return endpoint

    async def form(self, request: Request) -> Form:
        """The form that was sent; the door has checked it."""
        form: Form = request.scope["digest.form"]
        return form

    def key(self) -> str:
        """A random key for a form: sent twice, it counts once."""
        return secrets.token_urlsafe(16)

    def who(self, request: Request) -> str:
        """The name that this browser's editor gave, or the usual one."""
        return clean_name(unquote(request.cookies.get(NAME, ""))) or self.desk.default_name

    def name_cookie(self, request: Request, answer: Response, name: str) -> None:
        """Keeps an editor's name in their browser."""
        set_cookie(request, answer, NAME, quote(clean_name(name)))

    # --- editions ----------------------------------------------------------------------------

    def sheet(self, request: Request) -> Sheet:
        """The edition that an address names. Raises GoneError and OutboxError."""
        digest, date = request.path_params["digest"], request.path_params["date"]
        if not DIGEST_NAME.fullmatch(digest) or not is_date(date):
            name = printable(f"{digest}/{date}")
            raise GoneError(desk_words()("gone.edition", edition=name))
        return editing.sheet(self.desk.workshop, digest, date)

    def proof(self, sheet: Sheet) -> Proof:
        """The edition rendered; slow when anything has changed, so not for whole pages."""
        return self.proofs.proof(sheet)

    def mark(self, sheet: Sheet) -> str:
        """For the address of a frame: another one whenever the proof may be another."""
        return self.proofs.mark(sheet)

    def message(self, sheet: Sheet) -> bytes | None:
        """The message as it would be sent; None where it can't be rendered."""
        return self.proofs.message(sheet)

    def editions(self) -> tuple[EditionFolder, ...]:
        """All that lie in the outbox, newest first. Raises OutboxError."""
        return list_editions(self.desk.workshop.outbox.root)

    def shelf(self) -> list[tuple[str, list[EditionFolder]]]:
        """The editions under their digests: digests by name, editions newest first."""
        ordered = sorted(self.editions(), key=lambda edition: edition.digest)
        return [(digest, list(group)) for digest, group in groupby(ordered, lambda it: it.digest)]

    def version(self) -> str:
        """Changes whenever an open page may have to. Raises StoreError and OutboxError."""
        store = self.desk.workshop.store
        statuses = store.editions.statuses()
        marks = (
            self.proofs.stamps(),
            [(edition.path, *edition.stamp()) for edition in self.editions()],
            [(one.name, one.revision, one.state, one.updated, one.send_at) for one in statuses],
            [
                store.deliveries.counts(one.digest, one.date)
                for one in statuses
                if one.state == "sending"
            ],
            self.desk.config_error(),
            hash_of(self.desk.config()),
        )
        return sha256(repr(marks).encode()).hexdigest()[:16]


def hash_of(config: Config | None) -> str:
    """Another value for another configuration."""
    return "" if config is None else sha256(config.model_dump_json().encode()).hexdigest()


def clean_name(name: str) -> str:
    """An editor's name, on one line and not too long; empty where nothing is left."""
    return " ".join(printable(name).split())[:MAX_NAME].strip()


def is_date(text: str) -> bool:
    """Whether it is a date as editions have it; `20261124` is ISO 8601 too, but no name."""
    try:
        return Date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
