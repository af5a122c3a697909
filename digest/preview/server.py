"""Runs the preview: takes the port, says where it is, opens the browser, and ends quietly."""

from __future__ import annotations

import contextlib
import errno
import gc
import ipaddress
import signal
import socket
import webbrowser
from collections.abc import Callable, Generator
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from digest.errors import UsageError
from digest.words import desk_words


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on `host` and `port`; port 0 takes any that is free.

    Raises:
        UsageError: the port is taken, forbidden or out of range, or the host is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise UsageError(desk_words()("starting.port_range", port=port))
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(desk_words()("starting.host_unknown", host=host)) from error
    # By name, not 0: asyncio sends small packets at once (TCP_NODELAY) only where it reads TCP.
    # Otherwise each answer after the first on a connection waits 40 ms for the browser's ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if socket.has_dualstack_ipv6() and family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # A port that an ended server used a moment ago can be taken again at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise UsageError(_why_not(host, port, error)) from error
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser, without a path: `http://127.0.0.1:8000`."""
    host, port = listener.getsockname()[:2]
    ip = ipaddress.ip_address(host)
    if ip.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if ip.version == 6 else f"http://{host}:{port}"


def is_for_this_machine(listener: socket.socket) -> bool:
    """Whether no other machine can reach it."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def build_server(
    app: ASGIApp,
    *,
    on_started: Callable[[], None] = lambda: None,
    on_stopping: Callable[[], None] = lambda: None,
    handle_signals: bool = False,
) -> uvicorn.Server:
    """A server to run with `await server.serve(sockets=[listener])`; `should_exit = True` stops it.

    `on_started` is called once it answers, `on_stopping` before it waits for open answers to end.
    Without `handle_signals` the caller's own signal handlers stay in force, as `digest serve` needs
    beside its scheduler.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,  # logging is set up in `cli` only
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return _Server(config, on_started, on_stopping, handle_signals)


def serve_preview(
    app: ASGIApp,
    listener: socket.socket,
    *,
    path: str = "/",
    open_browser: bool = True,
    announce: Callable[[str], None],
    on_stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serves until Ctrl-C or SIGTERM. `announce` gets the address, with `path`, once it answers.

    `on_stopping` is called before open answers are waited for.
    """
    address = address_of(listener) + path

    def started() -> None:
        announce(address)
        if open_browser:
            # In a thread: some browsers are started as a child and waited for.
            Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    server = build_server(app, on_started=started, on_stopping=on_stopping, handle_signals=True)
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None],
        on_stopping: Callable[[], None],
        handle_signals: bool,
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._handle_signals = handle_signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stops the server at SIGINT and SIGTERM, and leaves the ending to whoever started it.

        uvicorn's own way raises the signal again afterwards, which would end the process before
        a scheduler beside the server has finished its run.
        """
        if not self._handle_signals:
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def settle_memory() -> None:
    """What is in memory when serving begins stays: the collector needn't look through it.

    One page in forty took 140 ms longer for that (`benchmarks/desk.py`).
    """
    gc.collect()
    gc.freeze()


def _why_not(host: str, port: int, error: OSError) -> str:
    t = desk_words()
    if error.errno == errno.EADDRINUSE:
        return t("starting.port_taken", port=port, host=host)
    if error.errno == errno.EACCES:
        return t("starting.port_rights", port=port, host=host)
    if error.errno == errno.EADDRNOTAVAIL:
        return t("starting.host_elsewhere", host=host)
    return t("starting.other", port=port, host=host, why=error.strerror)
