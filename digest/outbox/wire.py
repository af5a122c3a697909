"""A TCP connection that never waits without end, and that another thread can cut at any time."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import select
import socket
import ssl
import threading
import time
from typing import Any

_SLICE_MS = 250
"""How often a wait that no signal ends looks whether the connection was cut."""

# RFC 5321 has 512 octets for a line of a reply; servers that say more are known, 8 KiB are none.
_LONGEST_LINE = 8192
_PIECE = 65536
_CUT = "the connection was cut on this side"


class Lost(Exception):
    """The connection is of no use any more; `str()` says why. `lasting` as in `RelayError`."""

    def __init__(self, why: str, *, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(why)


class Wire:
    """One connection after another to a server. Everything but `cut` is for one thread.

    Whatever goes wrong is raised as Lost. After `cut` everything fails until `close`.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_cut = False
        self._socket: socket.socket | None = None
        # TLS takes the socket over and changes hands with it; this second descriptor of the same
        # connection stays, and is all that another thread touches.
        self._handle: socket.socket | None = None
        self._unread = b""

    def open(self, host: str, port: int, timeout: float) -> None:
        """Connects to the first address of `host` that answers; `timeout` (seconds) for all."""
        self.drop()
        found = self._addresses(host, port, timeout)
        failure: OSError = TimeoutError()
        for family, kind, protocol, _, address in found:
            wire = socket.socket(family, kind, protocol)
            self._adopt(wire)
            try:
                self._connect(wire, address, timeout / len(found))
            except OSError as error:
                failure = error
                self.drop()
            else:
                # The dot that ends a message goes alone; Nagle's algorithm would hold it back until
                # the delayed acknowledgement of what went before, 40 ms later.
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
        raise Lost(f"it can't be reached ({_plainly(failure)}); is the mail server up?")

    def encrypt(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """Begins TLS. A certificate that isn't trusted is `lasting`."""
        if self._unread:
            # Said before TLS, read after it: somebody else's words (CVE-2011-0411).
            raise Lost("it said something between STARTTLS and TLS")
        wire = self._connected()
        wire.settimeout(timeout)
        try:
            self._socket = context.wrap_socket(wire, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Lost(
                f"its certificate is not trusted ({error.verify_message}); for a private authority "
                "add ?ca=/path/of/its.pem to the address",
                lasting=True,
            ) from error
        except OSError as error:
            plain = getattr(error, "reason", "") == "WRONG_VERSION_NUMBER"
            hint = "; this port may want smtp:// (STARTTLS) instead of smtps://" if plain else ""
            raise Lost(f"TLS could not be begun ({self._why(error)}){hint}") from error

    def send(self, data: bytes, timeout: float) -> None:
        """Sends all of `data`; the server may be slow, but not stand still for `timeout` s."""
        wire = self._connected()
        view = memoryview(data)
        try:
            for start in range(0, len(view), _PIECE):
                wire.settimeout(timeout)
                wire.sendall(view[start : start + _PIECE])
        except OSError as error:
            raise Lost(self._lost(error, timeout)) from error

    def line(self, deadline: float, timeout: float) -> bytes:
        """The next line with its end. `deadline` is of `time.monotonic`, `timeout` for words."""
        while b"\n" not in self._unread:
            if len(self._unread) > _LONGEST_LINE:
                raise Lost("it sends a line without an end")
            wire = self._connected()
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                wire.settimeout(left)
                more = wire.recv(_LONGEST_LINE)
            except OSError as error:
                raise Lost(self._lost(error, timeout)) from error
            if not more:
                raise Lost(_CUT if self._is_cut else "it closed the connection")
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def has_spoken(self) -> bool:
        """Whether the server said something that nobody asked for, or left, or we were cut."""
        if self._is_cut or self._unread:
            return True
        wire = self._connected()
        wire.settimeout(0)
        try:
            self._unread = wire.recv(_LONGEST_LINE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def own_address(self) -> str:
        """The address that this end of the connection has."""
        return str(self._connected().getsockname()[0])

    def cut(self) -> None:
        """Ends whatever waits, from another thread; what connects notices within a second."""
        with self._guard:
            self._is_cut = True
            # Not connected yet or not any more: there is nothing to end.
            with contextlib.suppress(OSError):
                if self._handle:
                    self._handle.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Closes the connection without a word."""
        with self._guard:
            for wire in (self._socket, self._handle):
                if wire:
                    wire.close()
            self._socket = self._handle = None
        self._unread = b""

    def close(self) -> None:
        """Closes the connection, and forgets that it was cut."""
        self.drop()
        self._is_cut = False

    def _adopt(self, wire: socket.socket) -> None:
        with self._guard:
            if self._is_cut:
                wire.close()
                raise Lost(_CUT)
            self._socket, self._handle = wire, wire.dup()

    def _connected(self) -> socket.socket:
        if self._is_cut:
            raise Lost(_CUT)
        if self._socket is None:
            raise Lost("there is no connection")
        return self._socket

    def _addresses(self, host: str, port: int, timeout: float) -> list[tuple[Any, ...]]:
        """What the resolver knows of `host`. Asked in a thread: it can be neither ended nor timed,
        and a dead name server takes it half a minute."""
        answers: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

        def look() -> None:
            try:
                found: list[tuple[Any, ...]] = [
                    *socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                ]
                answers.put(found)
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=look, name="resolver", daemon=True).start()
        deadline = time.monotonic() + timeout
        while not self._is_cut:
            try:
                answer = answers.get(timeout=_SLICE_MS / 1000)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise Lost("its name could not be looked up in time") from None
                continue
            if isinstance(answer, Exception):
                raise Lost("its name is not known (DNS); is it spelt right?") from answer
            return answer
        raise Lost(_CUT)

    def _connect(self, wire: socket.socket, address: Any, timeout: float) -> None:
        """Connects within `timeout` s. Raises OSError, or Lost when cut meanwhile."""
        deadline = time.monotonic() + timeout
        wire.setblocking(False)
        code = wire.connect_ex(address)
        if code == errno.EINPROGRESS:
            poll = select.poll()
            poll.register(wire, select.POLLOUT)
            while not poll.poll(_SLICE_MS):
                self._connected()
                if time.monotonic() > deadline:
                    raise TimeoutError
            code = wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._connected()
        if code:
            raise OSError(code, errno.errorcode.get(code, "unknown"))

    def _lost(self, error: OSError, timeout: float) -> str:
        if isinstance(error, TimeoutError) and not self._is_cut:
            return f"it was silent for {timeout:g} seconds"
        return _CUT if self._is_cut else f"the connection was lost ({_plainly(error)})"

    def _why(self, error: OSError) -> str:
        return _CUT if self._is_cut else _plainly(error)


def _plainly(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "broken off").lower().replace("_", " ")
    return os.strerror(error.errno) if error.errno else "for no reason that the system tells"
