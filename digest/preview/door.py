"""Who may come in, and what every answer says about itself.

Each guard is a function that gives the reason for which a request is refused, in words, or "". They
are asked in `Door.__call__` before any page is: a page that forgot one can't be attacked for it.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.preview.keys import Keys, Patience
from digest.words import desk_words

MAX_BODY = 64 * 1024
"""Bytes that a form may hold: a note of 3,000 letters of any script, escaped, fits in."""

# A merge of sixty stories names each twice.
_MAX_FIELDS = 300

BROWSER = "digest_browser"
"""The cookie that tells one browser from another; a form's token is bound to it."""
KEY = "digest_key"
"""The cookie of a browser that gave the key."""
HEALTH = ("/healthz", "/readyz")
"""Where anybody may ask how the service is: a load balancer, from elsewhere, by any name."""
METRICS = "/metrics"
"""Where Prometheus asks: a program, which has no cookies and reads no page that asks for a key."""
CSRF = "csrf"
"""The field of a form, or the header `X-CSRF`, that shows that a page of ours sent it."""

_RANDOM = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM = "application/x-www-form-urlencoded"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def email_policy(*, images: bool = True) -> str:
    """The policy of an e-mail: it may run nothing, and load pictures only, if anything.

    `sandbox` in the header too: the e-mail stays harmless when its address is opened directly.
    """
    pictures = "img-src https: http:; " if images else ""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; {pictures}base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )


# RFC 9110, 15.5.20: not of a name that this server answers to.
MISDIRECTED = 421


class Form(dict[str, "str | list[str]"]):
    """The fields of a form: a text, or a list of them where a name came more than once."""

    def text(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        value = self.get(name, default)
        return value if isinstance(value, str) else value[0]

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        value = self.get(name, [])
        return [value] if isinstance(value, str) else value


# --- the guards ----------------------------------------------------------------------------------


def check_method(scope: Scope) -> str:
    """Nothing but reading and forms."""
    method = scope["method"]
    return "" if method in ("GET", "HEAD", "POST") else desk_words()("door.method", method=method)


def check_host(headers: Headers, hosts: Iterable[str]) -> str:
    """The desk answers to its own names only, so that no other site's name leads here.

    DNS rebinding needs a name: where the desk listens on every address, any of them will do.
    """
    written = headers.get("host", "")
    name = _hostname(written)
    names = {"localhost", "127.0.0.1", "::1", *(host.strip("[]").lower() for host in hosts)}
    if name in names or (_ip(name) and any(_is_everywhere(host) for host in names)):
        return ""
    return desk_words()("door.bad_host", host=written or "-")


def check_place(scope: Scope, headers: Headers, keys: Keys) -> str:
    """Without a token only this machine may ask, and not for somebody else."""
    if keys.token is not None:
        return ""
    if is_proxied(headers):
        return desk_words()("door.proxied")
    peer = _ip((scope.get("client") or ("127.0.0.1", 0))[0])
    # A client that is no address is a test's, or the other end of a Unix socket.
    if peer is not None and not peer.is_loopback:
        return desk_words()("door.not_local")
    return ""


def given_key(headers: Headers) -> str | None:
    """The key that a program gives with its request (RFC 6750, section 2.1); None without one."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def check_key(path: str, cookies: Mapping[str, str], keys: Keys, now: datetime) -> str:
    """With a token, it must have been given; not for the page that asks for it."""
    if keys.token is None or is_open(path) or keys.is_cookie(cookies.get(KEY, ""), now):
        return ""
    return desk_words()("door.no_key")


def check_origin(headers: Headers) -> str:
    """A form must come from a page of ours.

    Browsers say so in `Sec-Fetch-Site`, over TLS and on this machine, and in `Origin`.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    foreign = desk_words()("door.foreign")
    if site is not None and site != "same-origin":
        return foreign
    if origin is None or (origin == "null" and site == "same-origin"):
        return ""
    return "" if urlsplit(origin).netloc.lower() == headers.get("host", "").lower() else foreign


def check_kind(headers: Headers) -> str:
    """What forms are sent as, and nothing that a form of another site could send besides."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return "" if kind == _FORM else desk_words()("door.kind")


def check_size(length: int) -> str:
    """Of what was declared, and of what has come so far."""
    return "" if length <= MAX_BODY else desk_words()("door.too_large")


def check_csrf(given: str, browser: str, keys: Keys) -> str:
    """The token that stands in the forms of this browser, and in no other's."""
    right = keys.csrf(browser)
    # Without its cookie the browser is new, and has no form of ours yet.
    if browser and hmac.compare_digest(given.encode(), right.encode()):
        return ""
    return desk_words()("door.stale")


def safe_headers(headers: MutableHeaders) -> None:
    """What every answer says about itself; it may bring a policy of its own."""
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    # Not `no-referrer`: with that, browsers say of a form only that its origin is `null`.
    headers.setdefault("Referrer-Policy", "same-origin")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "SAMEORIGIN" if _is_framed(headers) else "DENY"
    headers["Cache-Control"] = "no-store"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    )
    headers["X-Robots-Tag"] = "noindex"


# --- the door ------------------------------------------------------------------------------------

Refuse = Callable[[Request, int, str], Response]
"""Makes the page that tells a visitor why, with a status."""


class Door:
    """Stands before the desk's pages: refuses what a guard objects to, and reads forms.

    The pages find the form in `scope["digest.form"]`, the browser in `scope["digest.browser"]`.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        hosts: Iterable[str],
        clock: Callable[[], datetime],
        refuse: Refuse,
    ) -> None:
        self._app = app
        self._keys = keys
        self._hosts = tuple(hosts)
        self._clock = clock
        self._refuse = refuse
        # Its own: a program with an old key must not keep the editors behind its address out.
        self._patience = Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                safe_headers(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope, receive)
        browser = request.cookies.get(BROWSER, "")
        known = browser if _RANDOM.fullmatch(browser) else ""
        scope["digest.browser"] = known or secrets.token_urlsafe(32)
        status, reason = self._judged(scope, request)
        app: ASGIApp = self._app
        if not reason and scope["method"] == "POST":
            try:
                status, reason = await self._read(scope, request, known)
            except ClientDisconnect:
                return
            receive = _nothing_more(receive)
        if reason:
            app = self._refuse(request, status, reason)
        await app(scope, receive, send_safely)

    def _judged(self, scope: Scope, request: Request) -> tuple[int, str]:
        """What can be said before the body is read: a status and a reason, or none."""
        headers, now = request.headers, self._clock()
        if reason := check_method(scope):
            return 405, reason
        if scope["path"] in HEALTH and scope["method"] in ("GET", "HEAD"):
            return 200, ""
        if scope["path"] == METRICS and (key := given_key(headers)) and self._keys.token:
            # By any name: another site that leads here (DNS rebinding) doesn't know the key.
            return self._judged_key(key, peer_of(request), now)
        if reason := check_host(headers, self._hosts):
            return MISDIRECTED, reason
        if scope["path"] == METRICS and not check_place(scope, headers, Keys(b"")):
            # Numbers without words and people, which whoever is on this machine may count: they
            # can read its processes and disks as well.
            return 200, ""
        if reason := check_place(scope, headers, self._keys):
            return 403, reason
        if reason := check_key(scope["path"], request.cookies, self._keys, now):
            return 401, reason
        if scope["method"] == "POST":
            if reason := check_origin(headers):
                return 403, reason
            if reason := check_kind(headers):
                return 415, reason
            length = headers.get("content-length", "0")
            declared = int(length) if length.isdecimal() and len(length) < 19 else 1 << 62
            if reason := check_size(declared):
                return 413, reason
        return 200, ""

    def _judged_key(self, key: str, peer: str, now: datetime) -> tuple[int, str]:
        if wait := self._patience.wait(peer, now):
            return 429, desk_words()("door.enter_slow", n=wait)
        if self._keys.is_token(key):
            return 200, ""
        self._patience.wrong(peer, now)
        return 401, desk_words()("door.enter_wrong")

    async def _read(self, scope: Scope, request: Request, browser: str) -> tuple[int, str]:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if reason := check_size(len(body)):
                return 413, reason
        try:
            fields = parse_qs(
                body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
            )
        except ValueError:
            return 400, desk_words()("door.many_fields")
        form = Form(
            {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
        )
        given = form.text(CSRF) or request.headers.get("x-csrf", "")
        if reason := check_csrf(given, browser, self._keys):
            scope["digest.form"] = form  # what was typed isn't lost: the page shows it again
            return 403, reason
        form.pop(CSRF, None)
        scope["digest.form"] = form
        return 200, ""


def set_cookie(
    request: Request, response: Response, name: str, value: str, lasts: timedelta | None = None
) -> None:
    """A cookie that no script reads and no other site sends."""
    response.set_cookie(
        name,
        value,
        max_age=int(lasts.total_seconds()) if lasts else None,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def own_path(wanted: str) -> str:
    """`wanted` where it is a path of this desk; the start page for anything that leads elsewhere.

    Browsers read `//host`, and `/\\host` too, as another site, and pass over tabs and line ends.
    """
    plain = wanted.isascii() and wanted.isprintable() and " " not in wanted
    return wanted if plain and re.match(r"/(?![/\\])", wanted) and "\\" not in wanted else "/"


def peer_of(request: Request) -> str:
    """Whose patience is tried: the address that the connection comes from."""
    return request.client.host if request.client else ""


def is_proxied(headers: Headers) -> bool:
    """Whether somebody passed the request on."""
    return any(
        name in ("forwarded", "x-real-ip", "via") or name.startswith("x-forwarded-")
        for name in headers
    )


def is_open(path: str) -> bool:
    """What needs no key: the page that asks for it, and its style."""
    return path == "/enter" or path.startswith("/static/")


def _nothing_more(receive: Receive) -> Receive:
    """The body is read: what is left to hear is that the visitor went."""
    told = False

    async def rest() -> Message:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await receive()

    return rest


def _hostname(written: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    name = re.sub(r":\d*$", "", written.strip().lower())
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _ip(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_everywhere(host: str) -> bool:
    address = _ip(host)
    return address is not None and address.is_unspecified


def _is_framed(headers: MutableHeaders) -> bool:
    return "frame-ancestors 'self'" in headers["Content-Security-Policy"]
