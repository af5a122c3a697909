"""A real HTTP server on loopback, and feeds small enough to read at a glance."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from digest.feeds import guard
from digest.feeds.http import Answer, Refused, Web
from digest.feeds.options import FetchOptions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
MIB = 1024 * 1024
ENOUGH = 60  # requests, after which a redirect without end has shown what it can do


@dataclass
class Server:
    """`routes` maps a path to its handler; `requests` lists what was asked."""

    base: str = ""
    routes: dict[str, Handler] = field(default_factory=dict)
    requests: list[web.BaseRequest] = field(default_factory=list)

    def add(self, path: str, handler: Handler) -> str:
        """Serve `handler` under `path`; returns the address."""
        self.routes[path] = handler
        return self.base + path

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        handler = self.routes.get(request.path)
        if handler is None:
            return web.Response(status=404)
        return await handler(request)  # type: ignore[arg-type]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state = Server()
    runner = web.ServerRunner(web.Server(state.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    state.base = f"http://{host}:{port}"
    yield state
    await runner.cleanup()


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """TLS with a certificate that no authority signed."""
    return _self_signed(tmp_path)


def _self_signed(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        f"-subj /CN=localhost -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


# --- the stage of attacks ------------------------------------------------------------------


@dataclass
class Stage:
    """Where attacks are played: a public and a private server, names, and what was connected to.

    The server at 127.0.0.2 stands for the public net (Linux routes all of 127/8 to itself), and the
    ports of both for 80 and 443; all else is judged as always. `requests` are those to both,
    `heard` those to the servers that play a script. Connections that would leave this machine are
    noted, not made.
    """

    patch: pytest.MonkeyPatch
    public: str = ""
    private: str = ""
    options: FetchOptions = field(default_factory=lambda: FetchOptions(max_bytes=MIB))
    names: dict[str, Iterator[list[str]]] = field(default_factory=dict)
    routes: dict[str, Any] = field(default_factory=dict)
    requests: list[web.BaseRequest] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    outcome: Answer | Refused | None = None
    folder: Path = Path()
    limited: bool = True
    _running: list[asyncio.Server] = field(default_factory=list)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def name(self, host: str, *answers: list[str]) -> None:
        """`host` has the addresses of the last of `answers`, after the others were given once."""
        self.names[host.rstrip(".")] = itertools.chain(answers, itertools.repeat(answers[-1]))

    def lookup(self, host: str) -> list[str]:
        if host.rstrip(".") not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return next(self.names[host.rstrip(".")])

    async def ask(self, url: str, *, named: bool = True, **kwargs: Any) -> Answer | Refused:
        async with Web(self.options, lookup=self.lookup) as asking:
            try:
                self.outcome = await asking.get(url, named=named, **kwargs)
            except Refused as refused:
                self.outcome = refused
        return self.outcome

    def redirect(self, path: str, target: str, status: int = 302, **headers: str) -> str:
        async def answer(_: web.BaseRequest) -> web.Response:
            return web.Response(status=status, headers={"Location": target, **headers})

        self.routes[path] = answer
        return self.public + path

    def serve(self, path: str, body: bytes = b"hello", **headers: str) -> str:
        given = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.BaseRequest) -> web.Response:
            return web.Response(body=body, headers=given)

        self.routes[path] = answer
        return self.public + path

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        handler = self.routes.get(request.path)
        if handler is None or len(self.requests) > ENOUGH:
            return web.Response(body=b"the inside")
        return await handler(request)

    async def raw(self, script: Script, context: ssl.SSLContext | None = None) -> str:
        """A public server that reads a request and then does what `script` says."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._serving.add(task)
            try:
                self.heard.append(await reader.readuntil(b"\r\n\r\n"))
                await script(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                return  # whoever was served has gone, or the test is over
            finally:
                writer.close()

        running = await asyncio.start_server(serve, PUBLIC, 0, ssl=context)
        self._running.append(running)
        scheme = "https" if context else "http"
        return f"{scheme}://{PUBLIC}:{running.sockets[0].getsockname()[1]}"

    async def raw_stream(self, head: bytes, pieces: Iterator[bytes], pause: float = 0.0) -> str:
        async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

        return await self.raw(script)

    async def raw_tls(self, script: Script) -> str:
        """The same behind TLS, with a certificate that is trusted here."""
        context = _self_signed(self.folder)
        trusting = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        trusting.check_hostname = False
        self.patch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
        return await self.raw(script, context)

    async def close(self) -> None:
        for server in self._running:
            server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def went_astray(self) -> bool:
        """Whether anything but the public net was connected to."""
        return any(address != PUBLIC for address in self.connected)

    @property
    def reason(self) -> str:
        assert isinstance(self.outcome, Refused), self.outcome
        return self.outcome.reason


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(monkeypatch, folder=tmp_path)
    runner = web.ServerRunner(web.Server(stage.answer), shutdown_timeout=0.1)
    await runner.setup()
    sockets = [socket.create_server((host, 0)) for host in (PUBLIC, PRIVATE)]
    for listening in sockets:
        await web.SockSite(runner, listening).start()
    stage.public, stage.private = (
        f"http://{host}:{port}" for host, port in (each.getsockname() for each in sockets)
    )
    ports = tuple(each.getsockname()[1] for each in sockets)
    monkeypatch.setattr(guard, "_USUAL_PORTS", (80, 443, *ports))
    strict = guard.refusal
    monkeypatch.setattr(
        guard, "refusal", lambda address: "" if address == IPv4Address(PUBLIC) else strict(address)
    )
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def note(sock: socket.socket, address: Any) -> None:
        stage.connected.append(address[0])
        if address[0] not in (PUBLIC, PRIVATE):  # would leave this machine, or go astray in it
            raise ConnectionRefusedError(111, "connection refused")
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", note)
    yield stage
    await stage.close()
    await runner.cleanup()
