"""HTTP and files: feeds in, bytes or one plain reason out. The only module that knows aiohttp.

A feed that can't be fetched is a `FetchError` among the results, never an exception: one broken
address costs itself only. Messages are for editors, and never hold a password.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from digest.errors import FetchError
from digest.feeds.options import FetchOptions
from digest.records import Feed, Fetched, Validators
from digest.text.urls import is_http, redact

_CHUNK = 64 * 1024
_MIB = 1024 * 1024
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
_CLOSED = "the server closed the connection without an answer"
_WHAT_TO_DO = {
    401: "check user and password in the address",
    403: "the server refuses us",
    404: "check the address",
    410: "the feed was closed; remove it",
    429: "asked too often",
}


class _Refused(Exception):
    """Why this feed can't be had, in plain words."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(reason)


async def fetch_feeds(
    feeds: Sequence[Feed], validators: Mapping[str, Validators], options: FetchOptions
) -> AsyncIterator[Fetched | FetchError]:
    """Fetch all `feeds` at once; yield one result a feed, in the order in which they complete.

    `validators` are by feed name. A slow consumer holds the fetching back, so that no more than
    `concurrency` bodies wait in memory. Whoever leaves early closes the iterator
    (`contextlib.aclosing`): everything under way is cancelled and the session closed.
    """
    slots = asyncio.Semaphore(options.concurrency)
    hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(
        lambda: asyncio.Semaphore(options.per_host)
    )
    results: asyncio.Queue[Fetched | FetchError] = asyncio.Queue(maxsize=1)

    async def fetch_in_turn(feed: Feed) -> None:
        async with hosts[_host(feed.url)], slots:
            known = validators.get(feed.name, Validators())
            await results.put(await _fetch(session, feed, known, options))

    async with _session(options) as session:
        tasks = [asyncio.create_task(fetch_in_turn(feed)) for feed in feeds]
        try:
            for _ in feeds:
                yield await results.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _session(options: FetchOptions) -> aiohttp.ClientSession:
    # The semaphores above set the limits: aiohttp's own would count waiting as time-out.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=options.total, connect=options.connect, sock_read=options.read
        ),
        headers={
            "User-Agent": options.user_agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate, br",
        },
    )


def _host(url: str) -> str:
    """What the limit per host counts by; all files count as one disk."""
    try:
        return (urlsplit(url).hostname or "") if is_http(url) else ""
    except ValueError:
        return ""


async def _fetch(
    session: aiohttp.ClientSession, feed: Feed, known: Validators, options: FetchOptions
) -> Fetched | FetchError:
    started = time.monotonic()
    try:
        if is_http(feed.url):
            return await _fetch_address(session, feed, known, options, started)
        body = await asyncio.to_thread(_read_file, feed.url, options.max_bytes)
        return Fetched(feed.name, feed.url, body, seconds=time.monotonic() - started)
    except _Refused as refused:
        return FetchError(feed.name, refused.reason, refused.status)
    except Exception as error:  # whatever one server makes of HTTP is the matter of one feed
        result = FetchError(feed.name, _reason(error, options))
        result.__cause__ = error
        return result


# --- addresses -----------------------------------------------------------------------------


async def _fetch_address(
    session: aiohttp.ClientSession,
    feed: Feed,
    known: Validators,
    options: FetchOptions,
    started: float,
) -> Fetched:
    conditions: dict[str, str] = {}
    if known.etag:
        conditions["If-None-Match"] = known.etag
    if known.last_modified:
        conditions["If-Modified-Since"] = known.last_modified
    # aiohttp turns user and password of the address into basic auth, and drops them again when a
    # redirect leads to another host.
    async with session.get(
        feed.url, headers=conditions, max_redirects=options.max_redirects + 1
    ) as response:
        if response.status == HTTPStatus.NOT_MODIFIED and conditions:
            body = None
        elif response.status // 100 == 2:
            body = await _read_body(response, options.max_bytes)
        else:
            raise _Refused(_status_reason(response), response.status)
        given = Validators(_raw_header(response, b"etag"), _raw_header(response, b"last-modified"))
        return Fetched(
            feed=feed.name,
            url=redact(str(response.url)),
            body=body,
            # A 304 may leave out what did not change (RFC 9110, section 15.4.5).
            validators=given
            if body is not None
            else Validators(given.etag or known.etag, given.last_modified or known.last_modified),
            content_type=response.headers.get("Content-Type", ""),
            status=response.status,
            seconds=time.monotonic() - started,
        )


async def _read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The decompressed body. aiohttp decompresses piece by piece, so a bomb never unfolds."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_chunked(_CHUNK):
        size += len(piece)
        if size > limit:
            response.close()  # don't drain the rest for the sake of keep-alive
            raise _Refused(f"larger than {_size(limit)}, not read further", response.status)
        pieces.append(piece)
    return b"".join(pieces)


def _raw_header(response: aiohttp.ClientResponse, name: bytes) -> str | None:
    """A header as it came, or None. What isn't UTF-8 couldn't be given back byte for byte."""
    for key, value in response.raw_headers:
        if key.lower() == name:
            try:
                return value.decode("utf-8") or None
            except UnicodeDecodeError:
                return None
    return None


def _status_reason(response: aiohttp.ClientResponse) -> str:
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = ""
    reason = f"HTTP {response.status} {phrase}".strip()
    hint = _WHAT_TO_DO.get(response.status)
    return f"{reason} ({hint})" if hint else reason


def _reason(error: Exception, options: FetchOptions) -> str:
    """One line for an editor. Subclasses first: aiohttp's tree is deep."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"no such host: {error.host} (check the address)"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or "not trusted"
            return f"the certificate of {error.host} can't be trusted: {why}"
        case aiohttp.ClientConnectorSSLError():
            return f"no secure connection to {error.host}: TLS failed"
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {options.connect:g} s"
        case aiohttp.SocketTimeoutError():
            return f"no answer within {options.read:g} s"
        case TimeoutError():
            return f"not complete within {options.total:g} s"
        case aiohttp.TooManyRedirects():
            return f"redirected more than {options.max_redirects} times"
        case aiohttp.RedirectClientError():
            return "redirected to something that is not an http(s) address"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "not a valid address (check the feed's url)"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {_os_words(error.os_error)}"
        case aiohttp.ClientPayloadError():
            return _payload_words(error)
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return _CLOSED
        case aiohttp.ClientResponseError():
            return "the server's answer is not HTTP"
        case OSError() if error.errno in (errno.ECONNRESET, errno.EPIPE):
            return _CLOSED
        case OSError():
            return f"the connection broke: {_os_words(error)}"
        case _:
            return _one_line(f"{type(error).__name__}: {error}")


def _payload_words(error: aiohttp.ClientPayloadError) -> str:
    text = f"{error} {error.__cause__ or ''}"
    for encoding in ("gzip", "deflate", "br"):
        if f"encoding: {encoding}" in text or f", {encoding}" in text:
            return f"the server sent a damaged {encoding} body"
    return "the connection ended in the middle of the body"


def _os_words(error: OSError) -> str:
    words = os.strerror(error.errno) if error.errno and error.errno in errno.errorcode else ""
    return (words or _one_line(str(error)) or type(error).__name__).lower()


def _one_line(text: str) -> str:
    return " ".join(redact(text).split())[:200]


def _size(limit: int) -> str:
    return f"{limit // _MIB} MiB" if limit >= _MIB and limit % _MIB == 0 else f"{limit} bytes"


# --- files ---------------------------------------------------------------------------------


def _read_file(path: str, limit: int) -> bytes:
    file = Path(path)
    if "://" in path or not file.is_absolute():
        raise _Refused("not an http(s) address or a path (check the feed's url)")
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _Refused(f"{path} is a folder, not a file")
        if not stat.S_ISREG(mode):  # a pipe or a device could keep us waiting for ever
            raise _Refused(f"{path} is not a regular file")
        with file.open("rb") as stream:
            body = stream.read(limit + 1)
    except FileNotFoundError as error:
        raise _Refused(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        why = _os_words(error) if isinstance(error, OSError) else "not a valid path"
        raise _Refused(f"{path} can't be read: {why}") from error
    if len(body) > limit:
        raise _Refused(f"{path} is larger than {_size(limit)}, not read further")
    return body
