"""Taking the port, telling the address, starting the browser, stopping."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from digest.errors import UsageError
from digest.preview.server import address_of, build_server, is_for_this_machine, listen
from digest.preview.shelf import address_for

SERVE = """
import sys, webbrowser
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from digest.preview.server import listen, serve_preview
webbrowser.open = lambda address: print("browser", address, flush=True)
app = Starlette(routes=[Route("/healthz", lambda _: JSONResponse({"status": "ok"}))])
with listen("127.0.0.1", 0) as listener:
    serve_preview(app, listener, path="/editions/demo", open_browser=sys.argv[1] == "yes",
                  announce=lambda address: print(address, flush=True),
                  on_stopping=lambda: print("stopping", flush=True))
print("ended", flush=True)
"""


def started(browser: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE, browser],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_port_0_takes_a_free_port_and_tells_which_and_ctrl_c_ends_quietly() -> None:
    with started("no") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        base = address.removesuffix("/editions/demo")
        assert httpx.get(f"{base}/healthz", trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopping\nended\n", "")


def test_the_browser_is_opened_at_the_address_that_was_told() -> None:
    with started("yes") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert process.stdout.readline() == f"browser {address}\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port} on 127\.0\.0\.1 is taken.*--port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 65536, "--port 65536: a port is a number from 0 to 65535"),
        ("127.0.0.1", -1, "--port -1"),
        ("203.0.113.7", 0, "--host 203.0.113.7 is not an address of this machine"),
        ("no such host", 0, "--host no such host: no such host"),
    ],
)
def test_an_impossible_address_is_told(host: str, port: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        listen(host, port)


async def test_answers_leave_at_once_and_don_t_wait_for_an_acknowledgement() -> None:
    delays: list[int] = []

    def accepted() -> asyncio.Protocol:
        class Seen(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                wire = transport.get_extra_info("socket")
                delays.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        return Seen()

    with listen("127.0.0.1", 0) as listener:
        server = await asyncio.get_running_loop().create_server(accepted, sock=listener)
        async with server:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()
    assert delays == [1]


def test_a_server_that_listens_everywhere_is_opened_at_localhost() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address_of(listener) == f"http://localhost:{listener.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except UsageError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


async def test_a_caller_can_run_the_server_beside_other_work_and_stop_it() -> None:
    handler = signal.getsignal(signal.SIGINT)
    up = asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        server = build_server(
            Starlette(routes=[Route("/healthz", lambda _: JSONResponse({"status": "ok"}))]),
            on_started=up.set,
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await up.wait()
        assert signal.getsignal(signal.SIGINT) is handler
        async with httpx.AsyncClient(base_url=address_of(listener), trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
            server.should_exit = True
            await serving


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_a_key_is_needed_where_another_machine_can_come(host: str, own: bool) -> None:
    with listen(host, 0) as listener:
        assert is_for_this_machine(listener) is own


def test_a_named_edition_is_found_and_an_unknown_one_lists_what_there_is(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    assert address_for(outbox, "") == "/"
    with pytest.raises(UsageError, match="it is empty; `digest run` builds one"):
        address_for(outbox, "demo")
    assert address_for(outbox, "demo", ["demo"]) == "/editions/demo", "which offers to build it"
    for date in ("2026-11-23", "2026-11-24"):
        (outbox / "demo" / date).mkdir(parents=True)
    assert address_for(outbox, "demo") == "/editions/demo/2026-11-24"
    assert address_for(outbox, "demo/2026-11-23") == "/editions/demo/2026-11-23"
    with pytest.raises(UsageError, match=r"'other'.*there are demo/2026-11-24, demo/2026-11-23"):
        address_for(outbox, "other")
