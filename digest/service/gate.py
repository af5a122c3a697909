"""What stands before the public pages: how many may come in, how much they may bring, and what
every answer says about itself."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 16 * 1024
"""Bytes that a form may send: an address, a name and a hundred topics of 100 letters fit in."""

_MAX_FIELDS = 300

# The style sheet and forms of our own; nothing else is loaded, run, or let in (CSP 3).
_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

Form = dict[str, list[str]]
"""The values of each field in their order."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `most` at once, and as many again in the course of `within`.

    `level` is what was left at the time `at`; full while nothing was taken.
    """

    most: int
    within: timedelta
    level: float | None = None
    at: datetime | None = None

    def at_time(self, now: datetime) -> Bucket:
        """As it is at `now` (aware). A clock that was set back fills nothing, and stops nothing."""
        if self.level is None or self.at is None:
            return replace(self, level=float(self.most), at=now)
        passed = max(now - self.at, timedelta(0))
        return replace(
            self, level=min(self.most, self.level + self.most * (passed / self.within)), at=now
        )

    def taken(self) -> Bucket:
        """With one less; of a bucket that is as it is at some time."""
        return replace(self, level=(self.level or 0.0) - 1)

    @property
    def wait(self) -> float:
        """Seconds until one can be taken; 0 where it can be now."""
        lacking = max(1 - (self.most if self.level is None else self.level), 0.0)
        return lacking * self.within.total_seconds() / self.most


class RateLimit:
    """Lets no more through than each of its buckets allows. For any number of threads."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self._buckets = list(buckets)
        self._lock = threading.Lock()

    def wait(self, now: datetime) -> float:
        """0 for one who may pass, who then counts; else the seconds until somebody may."""
        with self._lock:
            filled = [bucket.at_time(now) for bucket in self._buckets]
            longest = max(bucket.wait for bucket in filled)
            self._buckets = filled if longest else [bucket.taken() for bucket in filled]
        return longest


async def read_body(request: Request) -> bytes:
    """What was sent. Raises HTTPException 413 as soon as it is over MAX_BODY."""
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and (len(length) > 9 or int(length) > MAX_BODY):
        raise HTTPException(413)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return body


def read_form(request: Request, body: bytes) -> Form:
    """The fields of a form of ours, which are sent as a browser does by itself (HTML, 4.10.21.7).

    Raises HTTPException 415 for another kind of body, and 400 for more fields than a form has.
    """
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    try:
        return parse_qs(
            body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400) from error


class SafeHeaders:
    """Gives every response its safety headers; only how long it may be kept can be its own.

    No Referer goes out, for the addresses hold tokens.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Robots-Tag"] = "noindex"
            await send(message)

        await self._app(scope, receive, send_safely)
