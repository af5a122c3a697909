"""A mail server on loopback that takes every message, and says how many came for whom.

It is faster than aiosmtpd, so that it is the sender that is measured, and it counts by recipient
and Message-ID, which postfix's `smtp-sink` doesn't. It speaks with clients that wait for each
answer, as ours does; a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"RSET": b"250 ok\r\n",
    b"DATA": b"354 go on\r\n",
}


@dataclass(frozen=True, slots=True)
class Sink:
    """`url` and `tls_url` as DIGEST_SMTP_URL takes them; `record` is what was taken."""

    url: str
    tls_url: str
    record: Path

    def taken(self) -> Counter[tuple[str, str]]:
        """How many messages came, by recipient and Message-ID."""
        lines = self.record.read_text("ascii").splitlines()
        return Counter((line.split()[0], line.split()[1]) for line in lines)

    def size(self) -> int:
        """How many messages came."""
        return self.record.read_bytes().count(b"\n")

    def forget(self) -> None:
        """Counts from nothing again."""
        self.record.write_bytes(b"")


class _Session(asyncio.Protocol):
    """One connection. What was taken is noted before it is said."""

    def __init__(self, record: int) -> None:
        self._record = record
        self._unread = bytearray()
        self._recipient = b""
        self._in_message = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        # Nothing comes behind the dot, or behind a command, before it was answered.
        if self._in_message:
            if self._unread.endswith(_END):
                found = _MESSAGE_ID.search(self._unread)
                self._in_message = False
                os.write(self._record, b"%s %s\n" % (self._recipient, found[1] if found else b"-"))
                self._answer(b"250 taken\r\n")
        elif self._unread.endswith(b"\r\n"):
            self._obey(bytes(self._unread[:4]).upper())

    def _obey(self, verb: bytes) -> None:
        if verb == b"QUIT":
            self._answer(b"221 bye\r\n")
            self._transport.close()
            return
        if verb == b"RCPT":
            self._recipient = bytes(self._unread).partition(b"<")[2].partition(b">")[0]
        self._in_message = verb == b"DATA"
        self._answer(_ANSWERS.get(verb, b"500 what?\r\n"))

    def _answer(self, reply: bytes) -> None:
        self._unread.clear()
        self._transport.write(reply)


def _serve(record: Path, certificate: Path, ready: Any, stop: Any) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        noted = os.open(record, os.O_WRONLY | os.O_APPEND)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        plain = await loop.create_server(lambda: _Session(noted), "127.0.0.1", 0)
        secure = await loop.create_server(lambda: _Session(noted), "127.0.0.1", 0, ssl=context)
        ready.put([server.sockets[0].getsockname()[1] for server in (plain, secure)])
        await loop.run_in_executor(None, stop.wait)

    asyncio.run(serve())


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """A sink that runs for the block; `folder` is for its files. Needs openssl."""
    record, certificate = folder / "taken", folder / "sink.pem"
    record.touch()
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=sink "
        "-addext subjectAltName=IP:127.0.0.1"
    ).split()
    authority = folder / "ca.pem"
    subprocess.run(
        [*command, "-keyout", str(certificate), "-out", str(authority)],
        check=True,
        capture_output=True,
    )
    with certificate.open("ab") as file:
        file.write(authority.read_bytes())
    context = get_context("spawn")
    ready, stop = context.Queue(), context.Event()
    process = context.Process(target=_serve, args=(record, certificate, ready, stop), daemon=True)
    process.start()
    try:
        plain, secure = ready.get(timeout=60)
        yield Sink(
            f"smtp://127.0.0.1:{plain}",
            f"smtps://127.0.0.1:{secure}?ca={authority}",
            record,
        )
    finally:
        stop.set()
        process.join(10)
