"""Messages over SMTP (RFC 5321), one recipient each, so that each has an answer of its own.

What may have been delivered is kept apart from what certainly was not: the message is sent without
the dot that ends it, and the dot alone after it. Whatever fails before the dot is not delivered;
whatever fails from then on is `unconfirmed`, for the server may have taken the message.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from digest.errors import RelayError
from digest.outbox.verdicts import Phase, Refusal, after_the_dot, judge, printable
from digest.outbox.wire import Lost, Wire
from digest.records import Envelope, Receipt

Tls = Literal["required", "offered", "never"]

LONGEST_WAIT = 600.0
"""Seconds that a server may take to answer the dot (RFC 5321, 4.5.3.2.6)."""

_SET_UP = "DIGEST_SMTP_URL"
_FAREWELL_SECONDS = 2.0
# An addr-spec as it may stand in <…>: nothing that ends the path, the line or the command.
_PATH = re.compile(
    r'(?:[!-;=?-~]+|"(?:[ !#-\[\]-~]|\\[ -~])*")@[!-;=?-~]+',
    re.ASCII,
)
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_REPLY = re.compile(rb"[2-5]\d\d[ \r\n-]")
# EHLO's answers have about a dozen lines; more than this is no server of mail.
_MOST_LINES = 200
_SIZE = re.compile(r"\d{1,18}", re.ASCII)
_LINE_END = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the mail server is and how it is spoken to. `implicit`: TLS from the first byte.

    `tls` says whether STARTTLS must be, may be or is not used; `ca` is a file of certificates (PEM)
    to trust instead of the system's; `helo` the name that we greet with.
    """

    host: str
    port: int
    implicit: bool = False
    tls: Tls = "required"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    helo: str = ""

    @property
    def address(self) -> str:
        """As messages name it, without user and password: `smtp://host:587`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"smtp{'s' if self.implicit else ''}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class SmtpTransport:
    """Hands messages to one mail server, over one connection at a time, of which it makes the most.

    `timeout` is how many seconds the server may be silent; after the dot ten times that, up to
    `LONGEST_WAIT`. After `per_connection` messages it connects again. After `cut`, everything fails
    at once until `close`, so that a cut that comes just before a `send` is not lost.
    Raises OSError when the certificates of `relay.ca` can't be read.
    """

    def __init__(self, relay: Relay, *, timeout: float = 60, per_connection: int = 100) -> None:
        self._relay = relay
        self._timeout = timeout
        self._per_connection = per_connection
        self._context = _context(relay)
        self._wire = Wire()
        self._session: _Session | None = None

    @property
    def address(self) -> str:
        """As messages name it, without user and password: `smtp://host:587`."""
        return self._relay.address

    def __repr__(self) -> str:
        return f"SmtpTransport({self.address!r})"

    def send(self, envelope: Envelope, ready: Callable[[], None] = lambda: None) -> Receipt:
        """As `Transport.send`: sent, deferred, bounced, unconfirmed, or RelayError."""
        if not _PATH.fullmatch(envelope.recipient):
            return Receipt("bounced", "the address can't be written in SMTP")
        if not _PATH.fullmatch(envelope.sender):
            raise self._error("the sender's address can't be written in SMTP", lasting=True)
        content = _content(envelope.message)
        try:
            return self._hand_over(envelope, content, ready)
        except Lost as lost:
            self._drop()
            raise self._error(str(lost), lasting=lost.lasting) from lost
        except _RefusedError as refused:
            self._drop()
            raise self._error(refused.refusal.reason, lasting=refused.refusal.lasting) from refused

    def has(self, envelope: Envelope) -> None:  # noqa: ARG002
        """None: a mail server can't be asked what it was handed."""
        return

    def check(self) -> None:
        """As `Transport.check`: connects, begins TLS, logs in, and takes leave."""
        self._drop()
        try:
            self._session = self._open()
        except Lost as lost:
            self._drop()
            raise self._error(str(lost), lasting=lost.lasting) from lost
        except _RefusedError as refused:
            self._drop()
            raise self._error(refused.refusal.reason, lasting=refused.refusal.lasting) from refused
        self._leave()

    def cut(self) -> None:
        """As `Transport.cut`; from any thread, also while connecting and in a TLS handshake."""
        self._wire.cut()

    def close(self) -> None:
        """Says QUIT, without waiting long for the answer."""
        self._leave()
        self._wire.close()

    def _hand_over(self, envelope: Envelope, content: bytes, ready: Callable[[], None]) -> Receipt:
        if self._session and self._session.messages >= self._per_connection:
            self._leave()
        if self._session and self._wire.has_spoken():
            # It said goodbye while idle, or more than it was asked: its next words would be taken
            # for answers that they are not.
            self._drop()
        session = self._session
        refused: Receipt | None = None
        if session:
            # It may end now, after as many messages as the server likes. The server has nothing of
            # this one yet: a new connection may be tried, once.
            try:
                refused = self._begin(session, envelope, len(content))
            except (Lost, _RefusedError):
                self._drop()
                session = None
        if session is None:
            session = self._session = self._open()
            refused = self._begin(session, envelope, len(content))
        return refused or self._finish(session, content, ready)

    def _open(self) -> _Session:
        """A session that is ready for a message."""
        relay = self._relay
        self._wire.open(relay.host, relay.port, self._timeout)
        if relay.implicit:
            self._encrypt()
        session = _Session(self._wire, relay.helo or _greeting(self._wire), self._timeout)
        _expect("connect", session.getreply())
        session.greet()
        if not relay.implicit and relay.tls != "never":
            self._start_tls(session)
        if relay.user:
            session.log_in(relay.user, relay.password)
        return session

    def _start_tls(self, session: _Session) -> None:
        needed = self._relay.tls == "required" or (
            bool(self._relay.user) and not self._relay.is_loopback
        )
        if not session.has_extn("starttls"):
            if needed:
                why = "it offers no TLS (STARTTLS), and nothing is sent to it without"
                raise _RefusedError(Refusal(why, lasting=True))
            return
        reply = session.docmd("STARTTLS")
        if reply[0] == 220:
            self._encrypt()
            session.greet()
        elif needed:
            _expect("starttls", reply)

    def _encrypt(self) -> None:
        if self._context is None:
            raise ValueError("TLS without a context")
        self._wire.encrypt(self._context, self._relay.host, self._timeout)

    def _begin(self, session: _Session, envelope: Envelope, size: int) -> Receipt | None:
        """Up to the server's leave to send the message; or what it says of the recipient."""
        most = session.esmtp_features.get("size", "")
        if _SIZE.fullmatch(most) and 0 < int(most) < size:
            # RFC 1870. All copies of an edition are of about one size: no recipient is to blame.
            why = f"it takes messages of up to {int(most):,} bytes, and this one has {size:,}"
            raise self._error(why, lasting=True)
        if session.is_in_message:
            _expect("mail", session.docmd("RSET"))
        session.messages += 1
        session.is_in_message = True
        commands: tuple[tuple[Phase, str], ...] = (
            ("mail", f"MAIL FROM:<{envelope.sender}>"),
            ("rcpt", f"RCPT TO:<{envelope.recipient}>"),
            ("data", "DATA"),
        )
        for phase, command in commands:
            receipt = _expect(phase, session.docmd(command))
            if receipt:
                return receipt
        return None

    def _finish(self, session: _Session, content: bytes, ready: Callable[[], None]) -> Receipt:
        self._wire.send(content, self._timeout)
        try:
            ready()
        except BaseException:
            # The server has all but the dot: only the end of the connection takes that back.
            self._drop()
            raise
        if self._wire.has_spoken():
            raise Lost("it broke off before the message was whole")
        try:
            self._wire.send(b".\r\n", self._timeout)
            code, text = session.reply_within(min(LONGEST_WAIT, 10 * self._timeout))
        except Lost as lost:
            self._drop()
            return Receipt("unconfirmed", f"the server may have taken it: at its end, {lost}")
        receipt = after_the_dot(code, _decoded(text))
        session.is_in_message = False
        if receipt.outcome == "unconfirmed":
            self._drop()
        return receipt

    def _leave(self) -> None:
        if self._session:
            # Whether the server says goodbye changes nothing.
            with contextlib.suppress(Lost):
                self._session.patience = _FAREWELL_SECONDS
                self._session.docmd("QUIT")
            self._drop()

    def _drop(self) -> None:
        self._session = None
        self._wire.drop()

    def _error(self, why: str, *, lasting: bool = False) -> RelayError:
        advice = f"; check {_SET_UP} and the server" if lasting else ""
        return RelayError(f"{self.address}: {why}{advice}", lasting=lasting)


class _RefusedError(Exception):
    """The server refuses everybody."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.reason)


class _Session(smtplib.SMTP):
    """smtplib's commands over a `Wire`: what it raises is Lost, and it never waits without end.

    `patience` is how many seconds a whole reply may take, `messages` how many were begun.
    """

    def __init__(self, wire: Wire, name: str, patience: float) -> None:
        super().__init__(local_hostname=name)
        self._wire = wire
        self.patience = patience
        self.messages = 0
        self.is_in_message = False

    def send(self, s: object) -> None:
        """Sends a command."""
        self._wire.send(s if isinstance(s, bytes) else str(s).encode("ascii"), self.patience)

    def getreply(self) -> tuple[int, bytes]:
        """Code and text of the next reply; raises Lost for what is none."""
        return self.reply_within(self.patience)

    def reply_within(self, seconds: float) -> tuple[int, bytes]:
        """As `getreply`, with another patience."""
        deadline = time.monotonic() + seconds
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._wire.line(deadline, seconds)
            if not _REPLY.match(line):
                raise Lost(f"it answers what is no SMTP: {printable(_decoded(line))!r}")
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise Lost("its answer has no end")

    def greet(self) -> None:
        """EHLO, or HELO where that is not known."""
        code, text = self.ehlo()
        if code // 100 == 5:
            code, text = self.helo()
        _expect("helo", (code, text))

    def log_in(self, user: str, password: str) -> None:
        """AUTH PLAIN (RFC 4616) or LOGIN; in UTF-8, which smtplib's own can't."""
        offered = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            reply = self.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
        elif "LOGIN" in offered:
            reply = self.docmd("AUTH", "LOGIN")
            for answer in (user, password):
                if reply[0] == 334:
                    reply = self.docmd(_base64(answer))
        else:
            why = "it offers no login by a password (AUTH PLAIN or LOGIN)"
            raise _RefusedError(Refusal(why, lasting=True))
        _expect("auth", reply)


def _expect(phase: Phase, reply: tuple[int, bytes]) -> Receipt | None:
    """None to go on, or the end of one message. Raises _RefusedError."""
    verdict = judge(phase, reply[0], _decoded(reply[1]))
    if isinstance(verdict, Refusal):
        raise _RefusedError(verdict)
    return verdict


def _content(message: bytes) -> bytes:
    """A message as DATA takes it, but for the dot at its end (RFC 5321, 4.5.2).

    Lines end with CRLF and nothing else: a bare LF before a dot ends the message for some servers,
    and what follows would be commands.
    """
    if not message.count(b"\r\n") == message.count(b"\r") == message.count(b"\n"):
        message = _LINE_END.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")


def _context(relay: Relay) -> ssl.SSLContext | None:
    """How TLS is spoken; None where it is not.

    Where TLS is only taken if offered, and no password goes over it, anybody in between could have
    it not offered: a certificate is then not asked for, since to refuse it would win nothing
    (RFC 7435), and the ones that mail servers make for themselves would be refused.
    """
    if relay.tls == "never" and not relay.implicit:
        return None
    return ssl.create_default_context(cafile=relay.ca) if _is_verified(relay) else _blind()


def _is_verified(relay: Relay) -> bool:
    if relay.implicit or relay.tls == "required" or relay.ca:
        return True
    return bool(relay.user) and not relay.is_loopback


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _greeting(wire: Wire) -> str:
    """Our full name, or our address where the machine has none (RFC 5321, 4.1.3)."""
    name = socket.gethostname()
    if _DOMAIN.fullmatch(name):
        return name
    address = wire.own_address()
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
