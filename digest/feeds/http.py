"""HTTP: an address in, an answer or one plain reason out. The door to aiohttp.

Whoever asks the web for something that a stranger wrote asks through `Web`, which holds the limits
and the politeness; `connecting` checks what is connected to. Reasons are for editors; neither they
nor any record hold a password.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import TracebackType
from urllib.parse import quote_from_bytes

import aiohttp
from yarl import URL

from digest.feeds import guard
from digest.feeds.connecting import CheckedResolver, Lookup, checked_socket, system_lookup
from digest.feeds.options import FetchOptions
from digest.feeds.reasons import HEADERS, error_words, size_words, status_words
from digest.feeds.unpack import Body, Damaged, TooLarge
from digest.records import Headers, Hop
from digest.text.urls import redact

FEEDS = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
PAGES = "text/html, application/xhtml+xml, */*;q=0.5"

_PIECE = 64 * 1024
# aiohttp limits one header and the number of headers, not the sum. A quarter of the sum for one
# (16 KiB: the longest policies have half of it) and its own number bound what can pile up before
# the sum is known to 2 MiB.
_MAX_HEADERS = 128
_FIELD_SHARE = 4
# Longer ones (content security policies) aren't recorded: nobody reads them.
_RECORDED_HEADER = 4096
# Idle connections are kept for redirects to and pages of the same host, which follow at once.
# aiohttp's 15 s would keep a thousand open, and many systems allow 1,024 files.
_KEEP_ALIVE = 2.0
_SCHEMES = ("http", "https")
_REDIRECTS = (301, 302, 303, 307, 308)
_NO_ADDRESS = "not a valid address (check the feed's url)"
_NOT_HTTP = "redirected to something that is not an http(s) address"
_DOWNGRADE = "redirected from https to http, with a user and password that others could then read"
# What identifies us to a server is no business of records and reports.
_SECRET = ("set-cookie", "set-cookie2", "authorization", "proxy-authorization", "cookie")


class Refused(Exception):
    """Why something can't be had, in plain words; `status` and `headers` are the last answer's."""

    def __init__(
        self,
        reason: str,
        status: int | None = None,
        headers: Headers = (),
        hops: tuple[Hop, ...] = (),
        seconds: float = 0.0,
    ) -> None:
        self.reason = reason
        self.status = status
        self.headers = headers
        self.hops = hops
        self.seconds = seconds
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: `url` is the last address, without credentials; `status` is 2xx or 304.

    `etag` and `last_modified` are as they came, byte for byte, None where they aren't UTF-8.
    `seconds` counts from the first turn on, without the waiting for later ones.
    """

    url: str
    status: int
    headers: Headers
    hops: tuple[Hop, ...]
    body: bytes
    seconds: float
    etag: str | None = None
    last_modified: str | None = None

    def header(self, name: str) -> str:
        """The first header of that name (in lower case), or ""."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(slots=True)
class _Way:
    """One request under way: what it is for, where it stands, what it has behind it."""

    url: URL
    headers: Mapping[str, str]
    limit: int
    cut: bool
    start: URL
    named: tuple[str, int] | None
    authorization: str = ""
    hops: list[Hop] = field(default_factory=list)
    seen: set[URL] = field(default_factory=set)
    _spent: float = 0.0
    _since: float | None = None

    @property
    def seconds(self) -> float:
        return self._spent + (time.monotonic() - self._since if self._since is not None else 0.0)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Counts the time of one hop; waiting for it doesn't count."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spent, self._since = self.seconds, None

    def refused(self, reason: str, response: aiohttp.ClientResponse | None = None) -> Refused:
        hops = tuple(self.hops)
        if response is None:
            return Refused(reason, hops=hops, seconds=self.seconds)
        return Refused(reason, response.status, self.recorded(response), hops, self.seconds)

    def recorded(self, response: aiohttp.ClientResponse) -> Headers:
        """The headers that may be kept: nothing that says who we are to the server."""
        headers: list[tuple[str, str]] = []
        for raw_name, raw_value in response.raw_headers:
            name, value = _utf8(raw_name), _utf8(raw_value)
            if not name or value is None or len(value) > _RECORDED_HEADER:
                continue
            echo = self.authorization and self.authorization.partition(" ")[2] in value
            if not echo and name.lower() not in _SECRET:
                headers.append((name.lower(), redact(value)))
        return tuple(headers)

    def may_know_us(self) -> bool:
        """Whether the credentials may go to where it stands: the place that they were given for,
        or the same host made secure."""
        if (self.url.scheme, *_place(self.url)) == (self.start.scheme, *_place(self.start)):
            return True
        ports = (self.start.scheme, self.start.port, self.url.scheme, self.url.port)
        return self.url.raw_host == self.start.raw_host and ports == ("http", 80, "https", 443)

    def would_expose(self, target: URL) -> bool:
        """Whether what is for us alone would come over a line that others can read."""
        return bool(self.authorization) and (self.url.scheme, target.scheme) == ("https", "http")

    def follow(self, status: int, location: str) -> None:
        """Take a redirect."""
        try:
            given = URL(_location(location))
            if given.scheme and not given.raw_host:  # would be read as relative
                raise ValueError(_NOT_HTTP)
            target = _bare(self.url.join(given))
        except ValueError as error:
            raise self.refused(_NOT_HTTP) from error
        if self.would_expose(target):
            raise self.refused(_DOWNGRADE)
        self.hops.append(Hop(status, str(target)))
        self.url = target


class Web:
    """Asks for addresses: at most `per_host` at once of a host, within all limits of `options`.

    An async context manager that holds one session and no cookies. `lookup` is the name service.
    """

    def __init__(self, options: FetchOptions, *, lookup: Lookup = system_lookup) -> None:
        self.options = options
        self._slots = asyncio.Semaphore(options.concurrency)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(options.per_host)
        )
        self._resolver = CheckedResolver(options, lookup)

    async def __aenter__(self) -> Web:
        options = self.options
        self._session = aiohttp.ClientSession(
            # The semaphores set the limits: aiohttp's own would count waiting as time-out.
            connector=aiohttp.TCPConnector(
                limit=0,
                resolver=self._resolver,
                socket_factory=partial(checked_socket, options),
                keepalive_timeout=_KEEP_ALIVE,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a proxy would connect for us, unchecked; .netrc holds passwords
            auto_decompress=False,  # `unpack` does it, and counts
            timeout=aiohttp.ClientTimeout(
                total=None, connect=options.connect, sock_read=options.read
            ),
            headers={"User-Agent": options.user_agent, "Accept-Encoding": "gzip, deflate, br"},
            max_headers=_MAX_HEADERS,
            max_line_size=options.max_header_bytes // _FIELD_SHARE,
            max_field_size=options.max_header_bytes // _FIELD_SHARE,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        accept: str = FEEDS,
        named: bool = False,
        max_bytes: int | None = None,
        cut: bool = False,
        take: Callable[[Answer], Awaitable[None]] | None = None,
        permit: Callable[[str], Awaitable[None]] | None = None,
        ready: Callable[[], None] | None = None,
    ) -> Answer:
        """The answer of `url`, redirects followed. Raises Refused, and nothing else.

        `named`: the user wrote this address, so that its own port is allowed. A body beyond
        `max_bytes` (else the options' limit) is refused, or with `cut` ends there. `headers` go
        along through redirects: validators belong to the last address, which alone has use for
        them. `take` is awaited while the turn lasts, so that a slow taker holds the others back.
        `permit` is awaited before each address that is asked, also redirects', and may raise
        Refused; so may `ready`, which is called when the turn for it has come.
        """
        limit = self.options.max_bytes if max_bytes is None else max_bytes
        way = _departure(url, {"Accept": accept, **headers}, named, limit, cut)
        while True:
            self._check(way)
            if permit is not None:
                await permit(str(way.url))
            # Per hop: who waits for a busy host keeps no slot from the others.
            async with self._hosts[_place(way.url)[0]], self._slots:
                if ready is not None:
                    ready()
                answer = await self._in_time(way)
                if answer is not None:
                    if take is not None:
                        await take(answer)
                    return answer

    async def _in_time(self, way: _Way) -> Answer | None:
        """`_ask`, within what is left of the time, and whatever happens told in plain words."""
        with way.turn():
            try:
                async with asyncio.timeout(max(0.0, self.options.total - way.seconds)):
                    return await self._ask(way)
            except Refused:
                raise
            except Exception as error:  # what one server makes of HTTP is the matter of one request
                raise way.refused(error_words(error, self.options)) from error

    def _check(self, way: _Way) -> None:
        """What an address tells before it is asked; the rest is checked where it is connected."""
        if not self.options.allow_private_networks and (
            why := guard.port_refusal(*_place(way.url), way.named)
        ):
            raise way.refused(
                f"redirected to a port that is not allowed: {why}" if way.hops else why
            )
        if way.url in way.seen:
            raise way.refused("redirected in a circle")
        way.seen.add(way.url)
        if len(way.hops) > self.options.max_redirects:
            raise way.refused(f"redirected more than {self.options.max_redirects} times")

    async def _ask(self, way: _Way) -> Answer | None:
        """The answer, or None where it was a redirect, which `way` has then taken."""
        headers = dict(way.headers)
        if way.authorization and way.may_know_us():
            headers["Authorization"] = way.authorization
        async with self._session.get(way.url, headers=headers, allow_redirects=False) as response:
            size = sum(len(name) + len(value) for name, value in response.raw_headers)
            if size > self.options.max_header_bytes:
                raise way.refused(HEADERS)
            location = response.headers.get("Location", "").strip()
            if response.status in _REDIRECTS and location:
                way.follow(response.status, location)
                return None
            conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
            if response.status == HTTPStatus.NOT_MODIFIED and conditional:
                body = b""
            elif response.status // 100 == 2:
                body = await _read(response, way)
            else:
                raise way.refused(status_words(response.status), response)
            return Answer(
                url=str(way.url),
                status=response.status,
                headers=way.recorded(response),
                hops=tuple(way.hops),
                body=body,
                seconds=way.seconds,
                etag=_raw_header(response, b"etag"),
                last_modified=_raw_header(response, b"last-modified"),
            )


async def _read(response: aiohttp.ClientResponse, way: _Way) -> bytes:
    try:
        body = Body(response.headers.get("Content-Encoding", ""), way.limit)
        try:
            if (response.content_length or 0) > way.limit and not way.cut:
                raise TooLarge
            async for piece in response.content.iter_chunked(_PIECE):
                body.feed(piece)
        except TooLarge as error:
            if not way.cut:
                words = f"larger than {size_words(way.limit)}, not read further"
                raise way.refused(words, response) from error
        return body.content[: way.limit]
    except Damaged as error:
        raise way.refused(str(error), response) from error


def _departure(
    address: str, headers: Mapping[str, str], named: bool, limit: int, cut: bool
) -> _Way:
    try:
        given = URL(address.strip())
        url = _bare(given)
        login = f"{given.user or ''}:{given.password or ''}".encode()
    except ValueError:
        raise Refused(_NO_ADDRESS) from None  # whose text may hold the password
    authorization = f"Basic {b64encode(login).decode()}" if login != b":" else ""
    return _Way(url, headers, limit, cut, url, _place(url) if named else None, authorization)


def _bare(url: URL) -> URL:
    """`url` without credentials and fragment, a host in numbers as usual. Raises ValueError where
    it is no http(s) address."""
    if url.scheme not in _SCHEMES or not url.raw_host:
        raise ValueError(_NO_ADDRESS)
    if guard.looks_numeric(url.raw_host):
        url = url.with_host(str(guard.ipv4(url.raw_host)))
    return url.with_user(None).with_fragment(None)


def _place(url: URL) -> tuple[str, int]:
    """Host and port: what connections are counted by, and what credentials are given for."""
    return (url.raw_host or "").rstrip("."), url.port or 0


def _location(given: str) -> str:
    """A Location header in UTF-8; of any other encoding, its bytes percent-encoded."""
    try:
        given.encode()
        return given
    except UnicodeEncodeError:  # aiohttp keeps such bytes as surrogates
        raw = given.encode("utf-8", "surrogateescape")
        return quote_from_bytes(raw, safe="!#$%&'()*+,/:;=?@[]~")


def _raw_header(response: aiohttp.ClientResponse, name: bytes) -> str | None:
    """A header as it came, or None. What isn't UTF-8 couldn't be given back byte for byte."""
    found = (value for key, value in response.raw_headers if key.lower() == name)
    return _utf8(next(found, b"")) or None


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
