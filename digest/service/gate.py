"""What stands before the public pages: how many may come in, how much they may bring, and what
every answer says about itself."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 16 * 1024
"""Bytes that a form may send: an address, a name and a hundred topics of 100 letters fit in."""

MAX_CLIENTS = 10_000
"""Clients that a rate limit remembers, some MB; the common limit lets far fewer through an hour."""

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
    """Lets no more through than `each` allows one client, and `all_` together. For many threads.

    Whoever is over their own limit takes nothing from the others. As many clients are remembered as
    MAX_CLIENTS; who came back longest ago is forgotten first, and begins anew.
    """

    def __init__(self, each: Bucket, all_: Bucket) -> None:
        self._each = each
        self._all = all_
        self._clients: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, now: datetime, client: str = "") -> float:
        """0 for one who may pass, who then counts; else the seconds until they may.

        `client` is as `client_of` names it. Where nobody knows who asks, the common limit alone
        holds: one limit for all strangers is what it is.
        """
        with self._lock:
            own = self._clients.get(client, self._each).at_time(now)
            self._all = self._all.at_time(now)
            wait = own.wait if client else 0.0
            wait = wait or self._all.wait
            if not wait:
                own, self._all = own.taken(), self._all.taken()
            if client:
                self._clients[client] = own
                self._clients.move_to_end(client)
                if len(self._clients) > MAX_CLIENTS:
                    self._clients.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._clients)


def client_of(request: Request) -> str:
    """Whose request it is: an IPv4 address, or a /64 of IPv6, which one house has; "" if unknown.

    Only a peer of this machine or network can be our proxy, and is believed about who asks: by the
    last entry of X-Forwarded-For, the only one that it wrote itself. A stranger's is not read.
    """
    peer = _address(request.client.host) if request.client else None
    if peer is not None and not any(peer in network for network in _OWN):
        return _household(peer)
    entries = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
    asked = _address(entries[-1])
    # Without an entry the peer may be a proxy that says nothing, and everybody be behind it.
    return "" if asked is None else _household(asked)


# Loopback, private use (RFC 1918, RFC 4193), and the link. `is_private` has much more in it.
_OWN = [
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(written: str) -> _Ip | None:
    """An address, with a port or brackets as proxies write it, or not."""
    host = written.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _household(address: _Ip) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address.packed, 64), strict=False))


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
