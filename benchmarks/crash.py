"""Kill the service at every state change of a run and of sending, and count what readers have.

    python benchmarks/crash.py             a table; exit status 1 if anybody has two copies or none
    python benchmarks/crash.py --storm 0   only one kill at each point, no random ones
    python benchmarks/crash.py --database postgres    on a PostgreSQL that is started for it

A process builds an edition and sends it to a mail server on loopback that is a process of its own.
Before and after each commit, each rename and each thing said to the server it can be killed
(SIGKILL), as by a power cut. First it is killed once at each such point, in a state of its own, and
started again until all is done; then, in a storm, one state is killed over and over at points drawn
at random, until all is done, and another one after it. What counts at the end is the server's own
record of the messages it accepted: one for each recipient. Excepted are those in `unconfirmed`,
which the store lists, and of which a kill makes one at most for each connection; they have one copy
or none. `--database` also takes the address of a PostgreSQL, for a role that may make databases.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from babel.dates import format_date
from sqlalchemy import Engine, NullPool, create_engine, event, make_url

from digest.config import Settings, load_config
from digest.models.encoder import Encoder
from digest.outbox.wire import Wire
from digest.pipeline.delivering import deliver
from digest.pipeline.pool import Pool
from digest.pipeline.run import run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.records import DueEdition, NewSubscriber, Vectors
from digest.store.database import Database
from digest.store.store import Store
from digest.text.language import detect_language

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
DIGEST, DATE = "morning", "2026-03-02"
DUE = {DIGEST: DueEdition(DIGEST, DATE, NOW)}
FEEDS_YAML = """\
digests:
  - {name: morning, topics: [World], summary: {model: extractive, sentences: 1}, template: bare}
feeds:
  - {name: gazette, url: gazette.json}
"""
FEED_JSON = """\
{"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": [
  {"id": "1", "url": "https://gazette.example/1", "title": "The ferry sails again",
   "date_published": "2026-03-02T05:00:00Z",
   "content_text": "The ferry to the islands sails again. It had been in repair since May."},
  {"id": "2", "url": "https://gazette.example/2", "title": "Council votes on the bridge",
   "date_published": "2026-03-02T06:00:00Z",
   "content_text": "The council votes on the bridge tonight. Two parties are against it."}
]}
"""
# A theme that takes no time: hundreds of processes fill it in, each for the first time.
PAGE = """\
<!doctype html><html lang="en"><head><title>{{ edition.title }}</title></head><body>
{% for story in edition.stories %}<h2>{{ story.headline }}</h2>{% endfor %}
<p>For {{ reader.address if reader else "all" }}: <a href="{{ edition | unsubscribe_url(reader) }}">
unsubscribe</a></p></body></html>
"""
THEME = {
    "digest.html.j2": PAGE,
    "digest.txt.j2": "{{ edition.subject }} {{ edition | unsubscribe_url(reader) }}",
    "digest.md.j2": "{{ edition.subject }}",
    "archive.html.j2": "<p>{{ archive.title }}</p>",
}
# More of them make more points of the same kinds.
PEOPLE = 6
# Who wants only what this edition hasn't got.
NOBODY = "nobody@example.org"
# What a life imports of these is imported once, before the first.
LIBRARIES = (
    "digest",
    "sqlalchemy",
    "psycopg",
    "psycopg_binary",
    "alembic",
    "jinja2",
    "premailer",
    "lxml",
    "scipy",
    "sklearn",
)


@dataclass(frozen=True)
class Place:
    """Where a life is lived: a folder, the database's address and the mail server's."""

    folder: Path
    database: str
    mail: str

    def open_store(self) -> Store:
        return Store(self.database)


class HashEncoder(Encoder):
    """Vectors by words' hashes: what is tried here is not the model, and it need not be loaded."""

    @property
    def key(self) -> str:
        return "hash"

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), 16), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % 16] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, 1e-9)
        return unit


# --- the mail server, in a process of its own ------------------------------------------------


class Recorder:
    """Notes the recipients of each message before the server says that it has taken it."""

    def __init__(self, record: Path) -> None:
        self._record = record

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        with self._record.open("a", encoding="ascii") as file:
            file.writelines(f"{recipient}\n" for recipient in envelope.rcpt_tos)
        return "250 taken"


def mail_server(record: Path, ready: Any, stop: Any) -> None:
    """Accepts every message on a free port, until told to stop."""
    from aiosmtpd.smtp import SMTP

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(Recorder(record)), "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, stop.wait)
        server.close()

    asyncio.run(serve())


@contextlib.contextmanager
def serving(record: Path) -> Iterator[str]:
    """The address of a mail server that writes down what it accepts."""
    context = get_context("spawn")
    ready, stop = context.Queue(), context.Event()
    process = context.Process(target=mail_server, args=(record, ready, stop), daemon=True)
    process.start()
    try:
        yield f"smtp://127.0.0.1:{ready.get(timeout=60)}"
    finally:
        stop.set()
        process.join(10)


# --- the process that is killed ----------------------------------------------------------------


@dataclass
class Points:
    """Where a process can be killed. At the point number `at` (from 1) it is."""

    at: int
    log: int
    seen: int = 0

    def reached(self, name: str) -> None:
        self.seen += 1
        if self.seen == self.at:
            os.write(self.log, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def lay_out(points: Points) -> None:
    """Makes points of all that another process, or a mail server, could see of this one."""
    whole = Database.transaction

    def committing(_: Any) -> None:
        if writing:
            points.reached(f"{writing[-1]}: before its commit")

    writing: list[str] = []
    event.listen(Engine, "commit", committing)

    @contextlib.contextmanager
    def transaction(self: Database, **options: Any) -> Iterator[Any]:
        name = _caller()
        writing.append(name)
        try:
            with whole(self, **options) as connection:
                yield connection
        finally:
            writing.pop()
        points.reached(f"{name}: after its commit")

    send = Wire.send

    def said(self: Wire, data: bytes, timeout: float) -> None:
        name = "the dot" if data == b".\r\n" else "the message" if len(data) > 999 else "a command"
        points.reached(f"{name}: before it is sent")
        send(self, data, timeout)
        points.reached(f"{name}: after it was sent")

    def renaming(original: Callable[..., Path]) -> Callable[..., Path]:
        def rename(self: Path, target: Any) -> Path:
            points.reached("a file or folder: before its rename")
            moved = original(self, target)
            points.reached("a file or folder: after its rename")
            return moved

        return rename

    Database.transaction = transaction  # type: ignore[method-assign]
    Wire.send = said  # type: ignore[method-assign]
    Path.rename = renaming(Path.rename)  # type: ignore[method-assign, assignment]
    Path.replace = renaming(Path.replace)  # type: ignore[method-assign, assignment]


def _caller() -> str:
    """The public method of the store that writes: what changes state."""
    frame = sys._getframe(2)
    while "contextlib" in frame.f_code.co_filename:
        frame = frame.f_back  # type: ignore[assignment]
    return method_of(frame)


def method_of(frame: FrameType) -> str:
    """A method as `Class.name`, by the class of what it is called on."""
    name = frame.f_code.co_name
    return f"{type(frame.f_locals['self']).__name__}.{name}" if "self" in frame.f_locals else name


def settings_of(place: Place, connections: int = 1) -> Settings:
    """The settings of a life."""
    return Settings(
        outbox_dir=place.folder / "outbox",
        state_dir=place.folder / "state",
        templates_dir=place.folder / "templates",
        database_url=place.database,
        smtp_url=place.mail,
        smtp_connections=connections,
        public_url="https://news.example.org",
        secret_key="the-secret-of-the-crash-test",
        log_level="error",
    )


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Workshop]:
    """The tools of a life, which need no model and no other process."""
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = HashEncoder()
        tools = Summarizers(encoder, lambda model: _no_model(model))
        yield replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))


def live(place: Place, points: Points | None, minutes: int, connections: int) -> None:
    """What the service does, once: builds what is due, and sends it, `minutes` after it was due."""
    if points is not None:
        lay_out(points)
    config = load_config(place.folder / "feeds.yaml")
    now = NOW + timedelta(minutes=minutes)
    with opened(settings_of(place, connections)) as workshop:
        run(workshop, config, config.digests, now, due=DUE)
        deliver(workshop, lambda: now)


def _no_model(model: str) -> Any:
    raise ValueError(f"no model {model!r} here")


def killed(place: Place, at: int, minutes: int, connections: int = 1) -> tuple[bool, str]:
    """A life of the service that ends at point `at`; whether it was reached, and its name."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            live(place, Points(at, writing), minutes, connections)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        name = pipe.read().decode().strip()
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True, name
    if status:
        raise RuntimeError(f"the service failed by itself, status {status}, in {place.folder}")
    return False, ""


def load_what_is_needed(place: Place) -> None:
    """Imports and reads here, once, what each of a thousand processes would have to.

    Only a process of its own can tell: a life in this one would start threads, and a process that
    is forked while there are threads may find their locks taken for ever.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            live(place, None, 0, 1)
            with os.fdopen(writing, "w") as pipe:
                pipe.write("\n".join(sys.modules))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        names = pipe.read().split()
    os.wait()
    for name in names:
        if name.split(".")[0] in LIBRARIES:
            importlib.import_module(name)
    # Half of a short life would go into them.
    detect_language("The ferry to the islands sails again.")
    format_date(NOW, "full", locale="en_GB")


# --- trying ------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of the kills at one kind of point."""

    kills: int = 0
    unconfirmed: int = 0
    twice: int = 0
    lost: int = 0
    recipients: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.kills += other.kills
        self.unconfirmed += other.unconfirmed
        self.twice += other.twice
        self.lost += other.lost
        self.recipients += other.recipients
        self.wrong += other.wrong


def template(folder: Path, readers: int, database: str = "") -> None:
    """A state with a configuration, a feed and `readers`, and nothing built.

    Its database is a file in the state folder unless `database` is the address of another.
    """
    folder.mkdir(parents=True)
    (folder / "feeds.yaml").write_text(FEEDS_YAML, encoding="utf-8")
    (folder / "gazette.json").write_text(FEED_JSON, encoding="utf-8")
    (folder / "templates" / "bare").mkdir(parents=True)
    for name, text in THEME.items():
        (folder / "templates" / "bare" / name).write_text(text, encoding="utf-8")
    store = Store(database or file_in(folder))
    people = [NewSubscriber(f"reader{number}@example.org") for number in range(readers)]
    store.subscribers.subscribe(DIGEST, people, NOW - timedelta(days=1))
    nobody = NewSubscriber(NOBODY, topics=("Chess",))
    store.subscribers.subscribe(DIGEST, [nobody], NOW - timedelta(days=1))
    store.close()


def file_in(folder: Path) -> str:
    """The address of the SQLite database of a state."""
    return f"sqlite:///{folder / 'state' / 'digest.db'}"


class Places:
    """Makes one place after the other, each as the first one was: nothing is built, all wait.

    With `server`, the address of a PostgreSQL, each has a database of its own there; the one before
    is gone then. `record` is where the mail server at `mail` writes down what it accepts.
    """

    def __init__(self, scratch: Path, mail: str, record: Path, readers: int, server: str) -> None:
        self._mail, self._record, self._server = mail, record, server
        self._base, self._life = scratch / "base", scratch / "life"
        self._names = [f"digest_crash_{os.getpid()}_{which}" for which in ("base", "life")]
        if server:
            self._administer(f"CREATE DATABASE {self._names[0]}")
        template(self._base, readers, self._address(0))

    def fresh(self, mail: str = "") -> Place:
        """A new place, with another mail server than the usual one where `mail` names it."""
        shutil.rmtree(self._life, ignore_errors=True)
        shutil.copytree(self._base, self._life)
        self._record.write_text("", "ascii")
        if self._server:
            base, life = self._names
            self._administer(
                f"DROP DATABASE IF EXISTS {life} WITH (FORCE)",
                f"CREATE DATABASE {life} TEMPLATE {base}",
            )
        return Place(self._life, self._address(1) or file_in(self._life), mail or self._mail)

    def clear(self) -> None:
        """Leaves nothing on the server."""
        if self._server:
            gone = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._names]
            self._administer(*gone)

    def judged(self, place: Place, doubts: int) -> Tally:
        """What readers have, of whom no more than `doubts` may be in doubt."""
        return judged(place, self._record, doubts)

    def _address(self, which: int) -> str:
        return address_of(self._server, self._names[which])

    def _administer(self, *statements: str) -> None:
        administer(self._server, *statements)


def address_of(server: str, name: str) -> str:
    """The address of a database on `server`; empty where there is no server."""
    return server and make_url(server).set(database=name).render_as_string(hide_password=False)


def administer(server: str, *statements: str) -> None:
    """Carries out statements that no transaction may hold.

    It leaves no connection open: none may be when processes are forked.
    """
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def judged(place: Place, record: Path, doubts: int) -> Tally:
    """What readers have, by the server's record; no more than `doubts` may be unconfirmed."""
    accepted = Counter(
        line.split()[0] for line in record.read_text("ascii").splitlines() if line.strip()
    )
    store = place.open_store()
    try:
        doubtful = {one.address for one in store.deliveries.listed(DIGEST, DATE, ("unconfirmed",))}
        counts = store.deliveries.counts(DIGEST, DATE)
        status = store.editions.status(DIGEST, DATE)
        told = store.told_dates(DIGEST)
        readers = {one.subscriber.address for one in store.subscribers.listed(DIGEST)}
    finally:
        store.close()
    readers -= {NOBODY}
    tally = Tally(kills=1, unconfirmed=len(doubtful), recipients=len(readers))
    for address in readers:
        copies = accepted.pop(address, 0)
        tally.twice += copies > 1
        tally.lost += copies == 0 and address not in doubtful
    if len(doubtful) > doubts:
        tally.wrong.append(f"{len(doubtful)} unconfirmed, where {doubts} may be in doubt")
    if accepted:
        tally.wrong.append(f"mail to nobody's subscription: {sorted(accepted)}")
    if status is None or status.state != "sent":
        tally.wrong.append(f"the edition is {status.state if status else 'not there'}, not sent")
    if sum(counts.values()) != len(readers) or set(counts) - {"sent", "unconfirmed"}:
        tally.wrong.append(f"deliveries: {counts}")
    editions = [
        child.name for child in (place.folder / "outbox" / DIGEST).iterdir() if child.is_dir()
    ]
    if editions != [DATE] or told != {DATE}:
        tally.wrong.append(f"editions {editions}, told {sorted(told)}")
    return tally


def once_at_each_point(places: Places) -> dict[str, Tally]:
    """Kills once at each point there is, each time in a fresh state, and starts again."""
    tallies: dict[str, Tally] = {}
    at = 0
    while True:
        at += 1
        place = places.fresh()
        died, name = killed(place, at, 0)
        if not died:
            return tallies
        _finish(place, 1)
        tallies.setdefault(name, Tally()).add(places.judged(place, 1))


def storm(places: Places, kills: int, connections: int, seed: int) -> Tally:
    """Kills at random points, one state after the other, each until it is done all the same."""
    dice = random.Random(seed)
    total = Tally()
    while total.kills < kills:
        place = places.fresh()
        here = minutes = 0
        while total.kills + here < kills:
            minutes += 1
            died, _ = killed(place, dice.randint(1, 60), minutes, connections)
            here += died
            if is_done(place):
                break
        _finish(place, minutes, connections)
        tally = places.judged(place, here * connections)
        tally.kills = here
        total.add(tally)
        if here == 0:
            raise RuntimeError("nothing was killed: the points are too far apart")
    return total


def _finish(place: Place, minutes: int, connections: int = 1) -> None:
    """Starts the service, and lets it live, until the edition is sent; a few times are enough."""
    for later in range(5):
        if is_done(place):
            return
        killed(place, 0, minutes + later, connections)


def is_done(place: Place) -> bool:
    """Whether the edition is sent."""
    store = place.open_store()
    try:
        status = store.editions.status(DIGEST, DATE)
        return status is not None and status.state == "sent"
    finally:
        store.close()


@contextlib.contextmanager
def server_at(database: str, scratch: Path) -> Iterator[str]:
    """The address of the PostgreSQL that is asked for, which is started for `postgres`.

    Empty for SQLite.
    """
    if database != "postgres":
        yield database
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    with importlib.import_module("postgres").PostgresServer(scratch / "postgres") as server:
        yield server.new_database()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--storm", type=int, default=150, help="random kills (default 150)")
    parser.add_argument("--readers", type=int, default=PEOPLE, help=f"(default {PEOPLE})")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--database", default="", metavar="URL|postgres", help="a PostgreSQL (default: SQLite)"
    )
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        scratch = Path(folder)
        record = scratch / "accepted"
        server = stack.enter_context(server_at(options.database, scratch))
        mail = stack.enter_context(serving(record))
        places = Places(scratch, mail, record, options.readers, server)
        stack.callback(places.clear)
        load_what_is_needed(places.fresh(f"maildir:{scratch}/mail"))
        rows = once_at_each_point(places)
        if options.storm:
            for connections in (1, 3):
                name = f"storm, {connections} connection{'s' if connections > 1 else ''}"
                rows[name] = storm(places, options.storm // 2, connections, options.seed)
    total = Tally()
    print("| killed at | kills | recipients | unconfirmed | twice | lost |")
    print("|---|---|---|---|---|---|")
    for name, tally in rows.items():
        total.add(tally)
        print(_row(name, tally))
    print(_row("**all**", total))
    for wrong in total.wrong:
        print(f"WRONG: {wrong}")
    on = "PostgreSQL" if options.database else "SQLite"
    print(f"\n{time.monotonic() - began:.0f} s on {on}")
    return 1 if total.twice or total.lost or total.wrong else 0


def _row(name: str, tally: Tally) -> str:
    cells = (tally.kills, tally.recipients, tally.unconfirmed, tally.twice, tally.lost)
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
