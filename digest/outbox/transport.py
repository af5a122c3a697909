"""From the one setting that says how mail leaves, DIGEST_SMTP_URL, to the way itself."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from digest.errors import ConfigError, Problem
from digest.outbox.folders import FileTransport, MaildirTransport
from digest.outbox.smtp import Relay, SmtpTransport, Tls
from digest.protocols import Transport

_FORMS = (
    "smtp://user:password@host:587, smtps://user:password@host:465, maildir:FOLDER or file:FOLDER"
)
_ENCODE = (
    "in user and password, write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
)
# RFC 6409 (submission) and RFC 8314 (with TLS from the start).
_PORTS = {"smtp": 587, "smtps": 465}
_OPTIONS = ("tls", "ca", "helo")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LITERAL = re.compile(r"\[[A-Za-z0-9:.]+\]", re.ASCII)


def open_transport(url: str, *, timeout: float = 60, per_connection: int = 100) -> Transport:
    """The way that `url` names; nothing is connected to or written before the first message.

    `smtp://[user:password@]host[:587]`, `smtps://…[:465]`, `maildir:FOLDER` or `file:FOLDER`; user
    and password percent-encoded. Options after `?`: `tls=required|offered|never` (required, on this
    machine offered), `ca=/path.pem`, `helo=name`. Seconds of `timeout` and messages
    `per_connection` are for SMTP. Raises ConfigError, which shows neither password nor `url`.
    """
    scheme, colon, rest = url.strip().partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in ("smtp", "smtps", "maildir", "file"):
        raise _wrong(f"must be {_FORMS}")
    if any(not letter.isprintable() for letter in rest):
        raise _wrong("has a control character or a line break in it")
    if scheme in _PORTS:
        relay = _relay(scheme, f"{scheme}:{rest}")
        try:
            return SmtpTransport(relay, timeout=timeout, per_connection=per_connection)
        except ssl.SSLError as error:
            raise _wrong(f"ca: {relay.ca} holds no certificates in PEM form") from error
        except OSError as error:
            raise _wrong(f"ca: {relay.ca} can't be read ({error.strerror})") from error
    folder = _folder(scheme, rest)
    return MaildirTransport(folder) if scheme == "maildir" else FileTransport(folder)


def _folder(scheme: str, rest: str) -> Path:
    if rest.startswith("//") and not rest.startswith("///"):
        raise _wrong(f"has a host; write {scheme}:FOLDER, or {scheme}:/FOLDER from the root")
    folder = unquote(rest.removeprefix("//"))
    if not folder or "\0" in folder:
        raise _wrong(f"names no folder; write {scheme}:FOLDER")
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise _wrong("names the home (~) of nobody known here") from error


def _relay(scheme: str, url: str) -> Relay:
    # What `urllib` raises quotes the address, password and all: it is neither shown nor chained.
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[scheme]
    except ValueError:
        raise _wrong(f"has no valid host and port; {_ENCODE}") from None
    if not parts.netloc or parts.path.strip("/") or parts.fragment:
        raise _wrong(f"must be {scheme}://host or {scheme}://user:password@host; {_ENCODE}")
    user, password = _credentials(parts)
    options = _options(parts.query)
    relay = Relay(
        host=_host(parts.hostname or ""),
        port=port,
        implicit=scheme == "smtps",
        user=user,
        password=password,
        ca=Path(options["ca"]).expanduser() if "ca" in options else None,
        helo=_helo(options.get("helo", "")),
        tls=_tls(options.get("tls", "")),
    )
    return _sensible(relay, is_tls_said="tls" in options)


def _sensible(relay: Relay, *, is_tls_said: bool) -> Relay:
    if relay.implicit:
        if is_tls_said and relay.tls != "required":
            raise _wrong(f"tls={relay.tls} contradicts smtps://, which is TLS from the start")
        return relay
    if relay.tls == "never" and relay.user and not relay.is_loopback:
        raise _wrong("tls=never would send the password for all to read; use tls=required")
    if relay.tls == "never" and relay.ca:
        raise _wrong("tls=never needs no ca")
    if not is_tls_said and relay.is_loopback and not relay.ca:
        return _with_tls_offered(relay)
    return relay


def _with_tls_offered(relay: Relay) -> Relay:
    return Relay(
        host=relay.host,
        port=relay.port,
        tls="offered",
        user=relay.user,
        password=relay.password,
        helo=relay.helo,
    )


def _credentials(parts: SplitResult) -> tuple[str, str]:
    if "@" not in parts.netloc:
        return "", ""
    try:
        user = unquote(parts.username or "", errors="strict")
        password = unquote(parts.password or "", errors="strict")
    except UnicodeDecodeError:
        raise _wrong("user and password must be UTF-8 when decoded") from None
    if not user or not password:
        raise _wrong(f"needs a user and a password before the @, or no @; {_ENCODE}")
    if any(not letter.isprintable() for letter in user + password):
        raise _wrong("has a control character in user or password")
    return user, password


def _host(name: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise _wrong(f"has no valid host; {_ENCODE}") from None
    if not _is_domain(ascii_name):
        raise _wrong(f"has no valid host; {_ENCODE}")
    return ascii_name


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise _wrong(f"after ? there may only be {_listed(_OPTIONS)}, each with =") from None
    options = dict(pairs)
    if not options.keys() <= set(_OPTIONS) or not all(options.values()):
        raise _wrong(f"after ? there may only be {_listed(_OPTIONS)}, each with a value; {_ENCODE}")
    if len(options) < len(pairs):
        raise _wrong("says the same option twice")
    return options


def _tls(value: str) -> Tls:
    for known in get_args(Tls):
        if value == known:
            return known  # type: ignore[no-any-return]
    if value:
        raise _wrong(f"tls must be {_listed(get_args(Tls))}")
    return "required"


def _helo(value: str) -> str:
    if value and not (_is_domain(value) or _LITERAL.fullmatch(value)):
        raise _wrong("helo must be the name of this machine, such as mail.example.org")
    return value


def _is_domain(name: str) -> bool:
    labels = name.removesuffix(".").split(".")
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"


def _wrong(message: str) -> ConfigError:
    return ConfigError([Problem("environment", None, "DIGEST_SMTP_URL", message)])
