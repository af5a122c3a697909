"""What tests of several rooms use."""

from __future__ import annotations

import asyncio
import base64
import hmac
import io
import json
import os
import runpy
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.smtp import SMTP, TLSSetupException
from hypothesis import HealthCheck, is_hypothesis_test, settings

from .databases import new_store
from .postgres import PostgresServer

# Tests that are traced take twice their time. What is reached by the long ones, by examples made at
# random, and by the fourth of a test's values, the others must reach as well: the bound on it
# (pyproject.toml) is only harder to meet without them.
_UNTRACED = ("slow", "browser", "model")
_TRACED_VALUES = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever takes long, or much the same way again, is not traced."""
    values: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        values[test] += 1
        if (
            values[test] > _TRACED_VALUES
            or is_hypothesis_test(getattr(item, "obj", None))
            or any(item.get_closest_marker(mark) for mark in _UNTRACED)
        ):
            item.add_marker("no_cover")


# How long an example takes depends on what else the machine does, which is nobody's mistake.
settings.register_profile("digest", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("digest")

# Files that lie in memory, on Linux.
_IN_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Tests' files lie in memory where there is room, and where programs may be run from there.

    Each commit of a database waits for the disk, which is half of the tests' time, and is needed
    for none of them: only a power cut loses what was not synced, and none is played here.
    """
    if config.getoption("basetemp") or not {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"}.isdisjoint(
        os.environ
    ):
        return
    if _IN_MEMORY.is_dir():
        place = os.statvfs(_IN_MEMORY)
        if place.f_bavail * place.f_frsize >= _ROOM and not place.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_IN_MEMORY)
            tempfile.tempdir = None  # asked for again


_NOBODY = 65534
_SCREENSHOTS = Path(__file__).parents[1] / "scripts" / "screenshots.py"
# One grey pixel, which stands in for every picture.
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAYCVYPQAAAABJRU5ErkJggg=="
)
_BROKEN_WORDS = """most => {
    const broken = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/\\p{Script=Latin}+/gu)) {
            const range = document.createRange();
            range.setStart(texts.currentNode, word.index);
            range.setEnd(texts.currentNode, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1 && word[0].length <= most) broken.push(word[0]);
        }
    }
    return broken;
}"""
# What axe can't decide (a text over a picture) counts as well: nobody would look at it again.
_VIOLATIONS = """async () => {
    const {violations, incomplete} = await axe.run();
    return [...violations, ...incomplete].flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${rule.help}: ${node.html.slice(0, 300)} ${node.failureSummary}`
    ));
}"""


class Viewer:
    """A browser's tab without a network. Pages are shown in it one after the other."""

    def __init__(self, tab: Any) -> None:
        from axe_playwright_python.base import AXE_SCRIPT

        self._tab = tab
        self._axe = AXE_SCRIPT
        self._larger_text = str(runpy.run_path(str(_SCREENSHOTS))["LARGER_TEXT"])
        self._has_pictures = True
        tab.route("**/*", self._answer)

    def show(
        self, html: str, *, width: int = 800, scheme: str = "light", pictures: bool = True
    ) -> None:
        """Shows a page in a window of `width` px, `light` or `dark`, with a pixel for pictures."""
        self._has_pictures = pictures
        self._tab.set_viewport_size({"width": width, "height": 800})
        self._tab.emulate_media(color_scheme=scheme)
        self._tab.set_content(html)

    def enlarge_text(self, factor: float) -> None:
        """Makes every text `factor` times as large, and nothing else."""
        self._tab.evaluate(self._larger_text, factor)

    def violations(self) -> list[str]:
        """What axe-core finds in the page: all its rules, those of good practice too."""
        self._tab.evaluate(self._axe)
        found: list[str] = self._tab.evaluate(_VIOLATIONS)
        return found

    def width(self) -> int:
        """How wide the page is: more than the window where one would have to scroll."""
        return int(self._tab.evaluate("document.documentElement.scrollWidth"))

    def broken_words(self, most: int) -> list[str]:
        """The words of up to `most` Latin letters that stand on two lines."""
        return sorted(set(self._tab.evaluate(_BROKEN_WORDS, most)))

    def text(self) -> str:
        """The words that are to be seen."""
        return " ".join(self._tab.evaluate("document.body.innerText").split())

    def evaluate(self, script: str) -> Any:
        """What a script says in the page."""
        return self._tab.evaluate(script)

    def _answer(self, route: Any) -> None:
        if self._has_pictures and route.request.resource_type == "image":
            route.fulfill(body=_PIXEL, content_type="image/png")
        else:
            route.abort()


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    """A tab in Chromium, one for the whole module; in CI its absence is a failure."""
    chromium = shutil.which("chromium")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("needs chromium on PATH; in CI its absence is a failure")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield Viewer(browser.new_page())
        browser.close()


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """A context in which file rights count, even where the tests run as root (as in CI)."""

    @contextmanager
    def as_nobody() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)

    return as_nobody


# --- a mail server that can be told to misbehave -------------------------------------------

_Phase = Literal[
    "connect", "helo", "starttls", "tls", "auth", "mail", "rcpt", "data", "content", "dot", "quit"
]
_What = Literal["reply", "drop", "silence", "delay"]


@dataclass
class _Fault:
    """What happens instead of the answer of one phase, `times` times after `skip` times."""

    phase: _Phase
    what: _What
    reply: str | bytes = b""
    seconds: float = 0
    times: int = 1
    skip: int = 0
    to: str = ""
    taken: bool = True


@dataclass
class MailServer:
    """aiosmtpd on loopback, in a thread; any process may use it, by `url`.

    `accepted` holds recipient and message (CRLF, dots unstuffed) of each message whose final dot
    came and that was taken, in that order, `counts` how many each recipient has; `sessions` are
    connections so far, `commands` what came over them. `keeps_messages = False` keeps the counts
    alone. `login` is the user and password that it wants. Phases, of which faults may be told:

    connect, helo, starttls, tls (the handshake), auth, mail, rcpt, data, content (after 354, before
    the dot; only drop), dot, quit.
    """

    login: tuple[str, str] | None = None
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    size_limit: int = 33554432
    keeps_messages: bool = True
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0
    port: int = 0
    tls_port: int = 0
    ca: Path = Path()
    _folder: Path = Path()
    _tls: ssl.SSLContext | None = None
    _faults: list[_Fault] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _listening: list[asyncio.Server] = field(default_factory=list)
    _open: set[Any] = field(default_factory=set)
    _surprises: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As DIGEST_SMTP_URL takes it; STARTTLS is used if offered."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The same server with TLS from the start, after `offer_tls`."""
        return f"smtps://127.0.0.1:{self.tls_port}?ca={self.ca}"

    @property
    def counts(self) -> dict[str, int]:
        """How many messages each recipient has, by the server's own count."""
        with self._guard:
            return dict(self._counts)

    # What it is told.

    def replies(self, phase: _Phase, reply: str | bytes, **when: Any) -> None:
        """Says `reply` (bytes: as they are) instead; 421, and any refusal to greet, also closes.

        `when`: `times` (1) it happens, after `skip` (0) times that it doesn't, for recipient `to`.
        """
        self._add(_Fault(phase, "reply", reply=reply, **when))

    def drops(self, phase: _Phase, **when: Any) -> None:
        """Closes the connection instead of answering; after the dot, the message counts as taken.

        `when` as in `replies`; and `taken=False`: it was lost with the connection.
        """
        self._add(_Fault(phase, "drop", **when))

    def falls_silent(self, phase: _Phase, **when: Any) -> None:
        """Never answers; `when` as in `drops`."""
        self._add(_Fault(phase, "silence", **when))

    def dawdles(self, phase: _Phase, seconds: float, **when: Any) -> None:
        """Answers as always, but late."""
        self._add(_Fault(phase, "delay", seconds=seconds, **when))

    def behaves(self) -> None:
        """Forgets all faults that are still to come."""
        with self._guard:
            self._faults.clear()

    def offer_tls(self, *, own_authority: bool = True, name: str = "IP:127.0.0.1") -> None:
        """STARTTLS, and TLS from the start at `tls_url`, with a certificate for `name`.

        It is signed by the authority `ca`, which clients may trust, or else by itself.
        """
        self.ca, context = _certificates(self._folder, name, own_authority=own_authority)
        self._tls = context
        if not self.tls_port:
            self.tls_port = self._call(self._listen(0, context))

    def down(self) -> None:
        """Refuses connections, and breaks those that there are."""
        self._call(self._stop_listening())

    def up(self) -> None:
        """Takes connections at the same port again."""
        self._call(self._listen(self.port, None))

    # How it works.

    def start(self, folder: Path) -> None:
        """Listens. `folder` is for certificates."""
        self._folder = folder
        self._loop.set_exception_handler(self._note)
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail server")
        self._thread.start()
        self.port = self._call(self._listen(0, None))

    def stop(self) -> list[str]:
        """Ends it; returns what went wrong inside it, which is never a fault that it was told."""
        self._call(self._stop_listening())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        return self._surprises

    def fault(self, phase: _Phase, recipients: list[str]) -> _Fault | None:
        """The fault that is due in this phase, once it is: it counts as happened."""
        with self._guard:
            for fault in self._faults:
                if fault.phase != phase or (fault.to and fault.to not in recipients):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def take(self, recipients: list[str], message: bytes) -> None:
        """Counts a message: its dot came, and it is delivered whatever the client hears."""
        with self._guard:
            for recipient in recipients:
                self._counts[recipient] += 1
                self.accepted.append((recipient, message if self.keeps_messages else b""))

    def _add(self, fault: _Fault) -> None:
        with self._guard:
            self._faults.append(fault)

    def _call(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self, port: int, tls: ssl.SSLContext | None) -> int:
        def session() -> _MailSession:
            self.sessions += 1
            return _MailSession(self, tls=None if tls else self._tls, loop=self._loop)

        server = await self._loop.create_server(session, "127.0.0.1", port, ssl=tls)
        self._listening.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _stop_listening(self) -> None:
        for server in self._listening:
            server.close()
        self._listening.clear()
        for session in list(self._open):
            session.transport.abort()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Transports that were aborted close at the loop's next turns.
        for _ in range(3):
            await asyncio.sleep(0)

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Clients that are killed or run away are what it is there for.
        if not isinstance(context.get("exception"), OSError):
            self._surprises.append(f"{context['message']}: {context.get('exception')!r}")


class _MailSession(SMTP):
    """One connection. Before a command is answered, the server's faults are asked."""

    def __init__(
        self, server: MailServer, *, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._server = server
        self._wanted: list[str] = []
        # Its own handler: what aiosmtpd calls hooks are the methods below.
        super().__init__(
            self,
            hostname="mail.example",
            ident="ESMTP",
            loop=loop,
            tls_context=tls,
            auth_require_tls=False,
            data_size_limit=server.size_limit,
        )

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._server._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server._open.discard(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if not await self._misbehaves("connect"):
            await super()._handle_client()

    async def smtp_EHLO(self, arg: str) -> None:
        await self._unless_misbehaving("helo", f"EHLO {arg}", super().smtp_EHLO, arg)

    async def smtp_HELO(self, arg: str) -> None:
        await self._unless_misbehaving("helo", f"HELO {arg}", super().smtp_HELO, arg)

    async def smtp_STARTTLS(self, arg: str) -> None:
        fault = self._server.fault("tls", [])
        if fault:
            await self.push("220 Ready to start TLS")
            await self._reader.read(1)
            await self._play(fault)
            return
        await self._unless_misbehaving("starttls", "STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:
        await self._unless_misbehaving("auth", "AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str) -> None:
        if self._server.login and not self.session.authenticated:
            await self.push("530 5.7.0 Authentication required")
            return
        await self._unless_misbehaving("mail", f"MAIL {arg}", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str) -> None:
        self._wanted = [arg.partition("<")[2].partition(">")[0]]
        await self._unless_misbehaving("rcpt", f"RCPT {arg}", super().smtp_RCPT, arg)

    async def smtp_RSET(self, arg: str) -> None:
        self._server.commands.append("RSET")
        await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if self._server.fault("content", self.envelope.rcpt_tos):
            await self._leave_with_354()
        await self._unless_misbehaving("data", "DATA", super().smtp_DATA, arg)

    async def smtp_QUIT(self, arg: str) -> None:
        await self._unless_misbehaving("quit", "QUIT", super().smtp_QUIT, arg)

    async def handle_EHLO(
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offered = [line for line in responses if line[4:8] != "AUTH"]
        if self._server.login:
            offered.insert(1, f"250-AUTH {' '.join(self._server.mechanisms)}")
        return offered

    async def handle_AUTH(
        self, _server: Any, session: Any, _envelope: Any, words: list[str]
    ) -> str | None:
        if words[0] == "PLAIN":
            _, user, password = base64.b64decode(words[1]).split(b"\0")
        else:
            user = await self.challenge_auth("Username:")
            password = await self.challenge_auth("Password:")
        expected = [word.encode() for word in self._server.login or ()]
        if not hmac.compare_digest(b"\0".join(expected), user + b"\0" + password):
            return "535 5.7.8 Authentication credentials invalid"
        session.authenticated = True
        return "235 2.7.0 Authentication successful"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str | bytes:
        fault = self._server.fault("dot", envelope.rcpt_tos)
        is_refusal = fault and fault.what == "reply" and fault.reply[:1] in ("4", "5", b"4", b"5")
        if not is_refusal and (fault is None or fault.taken):
            self._server.take(envelope.rcpt_tos, envelope.content)
        if fault and fault.what == "reply":
            # aiosmtpd ends it with CRLF itself.
            return fault.reply.removesuffix(b"\r\n" if isinstance(fault.reply, bytes) else "\r\n")
        if fault:
            await self._play(fault)
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        # A client that doesn't trust the certificate ends the handshake.
        if not isinstance(error, OSError | TLSSetupException):
            self._server._surprises.append(repr(error))
        return "500 Error"

    async def _unless_misbehaving(
        self, phase: _Phase, said: str, method: Callable[[str], Awaitable[None]], arg: str
    ) -> None:
        self._server.commands.append(said)
        if not await self._misbehaves(phase):
            await method(arg)

    async def _misbehaves(self, phase: _Phase) -> bool:
        recipients = self._wanted if phase == "rcpt" else self.envelope.rcpt_tos
        fault = self._server.fault(phase, recipients)
        return bool(fault) and await self._play(fault)

    async def _play(self, fault: _Fault) -> bool:
        """Whether that was the answer."""
        if fault.what == "delay":
            await asyncio.sleep(fault.seconds)
            return False
        if fault.what == "reply":
            if isinstance(fault.reply, bytes):
                self._writer.write(fault.reply)
            else:
                await self.push(fault.reply)
            if fault.phase == "connect" or str(fault.reply).startswith("421"):
                self.transport.close()
                await asyncio.Event().wait()
            return True
        if fault.what == "drop":
            self.transport.abort()
        # Until the connection is gone, which ends this task.
        await asyncio.Event().wait()
        return True

    async def _leave_with_354(self) -> None:
        """The leave to send the message and the end of the connection, in one packet.

        So no client can have sent its dot before the connection was gone.
        """
        wire = self.transport.get_extra_info("socket")
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self._writer.write(b"354 Go ahead\r\n")
        wire.shutdown(socket.SHUT_WR)
        await asyncio.Event().wait()


def _certificates(folder: Path, name: str, *, own_authority: bool) -> tuple[Path, ssl.SSLContext]:
    """An authority's certificate, and TLS with one for `name` (OpenSSL's subjectAltName)."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    ca, key, certificate = folder / "ca.pem", folder / "key.pem", folder / "certificate.pem"
    commands = [f"{new} -subj /CN=Authority -keyout {folder}/ca.key -out {ca}"]
    signed = f" -CA {ca} -CAkey {folder}/ca.key" if own_authority else ""
    commands.append(
        f"{new} -subj /CN=mail -addext subjectAltName={name} "
        "-addext basicConstraints=critical,CA:FALSE "
        f"-addext keyUsage=digitalSignature -keyout {key} -out {certificate}{signed}"
    )
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return ca, context


@pytest.fixture
def mail_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """A mail server on loopback that records what it takes, and misbehaves as told."""
    server = MailServer()
    server.start(tmp_path_factory.mktemp("mail_server"))
    yield server
    assert server.stop() == []


# --- commands ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Ran]:
    """The console script in an empty folder, but in this process, which has the libraries and the
    model loaded already."""
    from digest.cli.app import main

    monkeypatch.chdir(tmp_path)
    for variable in [one for one in os.environ if one.startswith("DIGEST_")]:
        monkeypatch.delenv(variable)

    def run(*words: str, input: str = "", **settings: str) -> Ran:
        with monkeypatch.context() as patch:
            for variable, value in settings.items():
                patch.setenv(variable, value)
            patch.setattr(sys, "argv", ["digest", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode())))
            capsysbinary.readouterr()
            status = 0
            try:
                main()
            except SystemExit as ended:
                status = int(ended.code or 0)
        out, err = capsysbinary.readouterr()
        return Ran(status, out.decode(), err.decode())

    return run


# --- databases -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server of its own for this process; no test stops it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The address of a new, empty database."""
    return postgres.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database for a test that runs on both: one in a file, one on a server."""
    if request.param == "sqlite":
        return new_store(tmp_path / "state" / "digest.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_store()
