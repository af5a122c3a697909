"""What went wrong on the way to an address, in plain words for an editor. Never with a password."""

from __future__ import annotations

import errno
import os
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from digest.feeds.options import FetchOptions
from digest.text.urls import redact

_MIB = 1024 * 1024
_CLOSED = "the server closed the connection without an answer"
HEADERS = "the server sent too many or too large headers"
_WHAT_TO_DO = {
    401: "check user and password in the address",
    403: "the server refuses us",
    404: "check the address",
    410: "it was closed for good",
    429: "asked too often",
}


class Blocked(OSError):
    """An address that may not be connected to; an OSError, so that aiohttp tries the next one."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def status_words(status: int) -> str:
    """An HTTP status that is no answer to us, with what to do about it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    reason = f"HTTP {status} {phrase}".strip()
    hint = _WHAT_TO_DO.get(status)
    return f"{reason} ({hint})" if hint else reason


def error_words(error: Exception, options: FetchOptions) -> str:
    """What `error`, raised while asking under `options`, means."""
    match error:  # subclasses first: aiohttp's tree is deep
        case aiohttp.ClientConnectorError(os_error=Blocked() as blocked):
            literal = blocked.reason.startswith(f"{error.host} ")
            if literal:
                return blocked.reason
            return f"{error.host} leads to {blocked.reason.replace(' is ', ', which is ', 1)}"
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
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {os_words(error.os_error)}"
        case aiohttp.ClientPayloadError():
            return "the connection ended in the middle of the body"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return _CLOSED
        case aiohttp.ClientResponseError():
            if _headers_too_large(error):
                return HEADERS
            return "the server's answer is not HTTP"
        case OSError() if error.errno in (errno.ECONNRESET, errno.EPIPE):
            return _CLOSED
        case OSError():
            return f"the connection broke: {os_words(error)}"
        case _:
            return _one_line(f"{type(error).__name__}: {error}")


def size_words(limit: int) -> str:
    """A limit in bytes, as people say it."""
    for unit, name in ((_MIB, "MiB"), (1024, "KiB")):
        if limit >= unit and limit % unit == 0:
            return f"{limit // unit} {name}"
    return f"{limit} bytes"


def os_words(error: OSError) -> str:
    """What the operating system says, in its own words and lower case."""
    words = os.strerror(error.errno) if error.errno and error.errno in errno.errorcode else ""
    return (words or _one_line(str(error)) or type(error).__name__).lower()


def _headers_too_large(error: aiohttp.ClientResponseError) -> bool:
    """Whether aiohttp's parser stopped at a limit: an error of its own, or one told apart by its
    text only."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LineTooLong) or "Too many headers" in str(cause):
            return True
        cause = cause.__cause__
    return False


def _one_line(text: str) -> str:
    return " ".join(redact(text[:1000]).split())[:200]
