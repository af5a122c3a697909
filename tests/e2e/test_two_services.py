"""Two services on one database for thirty days: one edition a date, one copy a subscriber.

Each is a process with a state folder of its own; both are told the same moments at the same time
and race for what is due then. Each is down now and then, for minutes or for days, and killed
(SIGKILL) in the middle of sending. The database is a file that both reach, or a PostgreSQL. What
counts is what the mail server took. Only the clock and the encoder aren't real.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from babel.dates import format_date

from digest.config import Settings, load_config
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.outbox.wire import Wire
from digest.pipeline.pool import Pool
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import open_workshop
from digest.records import NewSubscriber, Vectors
from digest.service.service import Service
from digest.store.store import Store
from digest.text.language import detect_language

if TYPE_CHECKING:
    from ..conftest import MailServer
    from ..postgres import PostgresServer

FIRST, DAYS = date(2026, 3, 10), 30
KILLS = 3
SPRING = date(2026, 3, 29)  # half past one doesn't exist in London, and is due at half past two
GRACE = 360  # minutes
# Of each day, in minutes from when the edition is due: feeds are fetched, turns of both services.
FETCHED, TURNS = -90, (-1, 0, 1, 2, 5, 31, 61, 180, 400)
JOINS, LEAVES = FIRST + timedelta(days=9), FIRST + timedelta(days=19)
THERE = tuple(f"reader{number}@example.org" for number in range(6))
LATE, LEAVER = "late@example.org", "reader3@example.org"

FEEDS_YAML = """\
digests:
  - name: morning
    schedule: 30 1 * * *
    timezone: Europe/London
    topics: [World]
    summary: {model: extractive, sentences: 1}
    template: bare
feeds:
  - {name: gazette, url: ../gazette.json}
"""
# A theme that takes no time.
THEME = {
    "digest.html.j2": """\
<!doctype html><html lang="en"><head><title>{{ edition.title }}</title></head><body>
{% for story in edition.stories %}<h2>{{ story.headline }}</h2>{% endfor %}
<p><a href="{{ edition | unsubscribe_url(reader) }}">unsubscribe</a></p></body></html>
""",
    "digest.txt.j2": "{{ edition.subject }} {{ edition | unsubscribe_url(reader) }}",
    "digest.md.j2": "{{ edition.subject }}",
    "archive.html.j2": "<p>{{ archive.title }}</p>",
}


# --- a service, in a process of its own ------------------------------------------------------


class WordEncoder(Encoder):
    """Unit vectors of hashed words."""

    @property
    def key(self) -> str:
        return "words"

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), 32), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % 32] += 1.0
        unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return unit


@dataclass
class Turn:
    """What a service is told: the moment, and the message at whose last dot it is killed, if any,
    before or after the dot is sent."""

    now: datetime
    fetch: bool = False
    dies_at: int = 0
    dies_after: bool = False


def serve(home: Path, url: str, outbox: Path, database: str, turns: Connection) -> None:
    """Does what it is told until it is told nothing."""
    settings = Settings(
        outbox_dir=outbox,
        state_dir=home / "state",
        templates_dir=home.parent / "templates",
        database_url=database,
        smtp_url=url,
        public_url="https://news.example.org",
        misfire_grace_hours=GRACE / 60,
    )
    turn = Turn(datetime.now(UTC))
    dots = 0
    send = Wire.send

    def mortal(wire: Wire, data: bytes, timeout: float) -> None:
        nonlocal dots
        dots += data == b".\r\n"
        last = data == b".\r\n" and dots == turn.dies_at
        if not last or turn.dies_after:
            send(wire, data, timeout)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    Wire.send = mortal  # type: ignore[method-assign]
    config = load_config(home / "feeds.yaml")
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = WordEncoder()
        tools = Summarizers(encoder, TextGenerator)
        workshop = replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))
        service = Service(workshop, settings, config, clock=lambda: turn.now)
        while (told := turns.recv()) is not None:
            turn, dots = told, 0
            if turn.fetch:
                service.fetch()
            service.tick()
            service.deliver()
            turns.send("done")


@dataclass
class Machine:
    """One of the two: its process, while it is up, and for how many turns more it is down."""

    home: Path
    outbox: Path
    url: str
    database: str
    down: int = 0
    pid: int = 0
    turns: Connection | None = None

    def tell(self, turn: Turn) -> None:
        if self.turns is None:
            self.start()
        if self.turns is None:
            raise RuntimeError("it did not start")
        self.turns.send(turn)

    def start(self) -> None:
        self.turns, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                self.turns.close()
                serve(self.home, self.url, self.outbox, self.database, theirs)
                status = 0
            finally:
                os._exit(status)
        theirs.close()

    def is_done(self) -> bool:
        """Waits for the end of the turn: False when the process died in it."""
        if self.turns is None:
            raise RuntimeError("it was told nothing")
        try:
            self.turns.recv()
        except (EOFError, ConnectionResetError):
            self.ended(-signal.SIGKILL)
            return False
        return True

    def stop(self) -> None:
        if self.turns is not None:
            self.turns.send(None)
            self.ended(0)

    def ended(self, expected: int) -> None:
        if self.turns is not None:
            self.turns.close()
            self.turns = None
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) != expected:
            raise RuntimeError(f"a service ended by itself with {status}")


# --- thirty days, in a process without threads, which may fork -------------------------------


@dataclass
class Story:
    """What happened. `possible`: dates on which a service was up within the grace."""

    kills: int = 0
    possible: list[str] = field(default_factory=list)
    left_waiting: list[str] = field(default_factory=list)


def due(day: date) -> datetime:
    """Half past one in London, and half past two (in summer time) on the day that has none."""
    winter = datetime(day.year, day.month, day.day, 1, 30, tzinfo=UTC)
    return winter if day <= SPRING else winter - timedelta(hours=1)


def publish(path: Path, day: date) -> None:
    """What the feed says from `day` on: today's news and yesterday's."""
    items = []
    for at in (day, day - timedelta(days=1)):
        dice = random.Random(at.isoformat())
        words = ["".join(dice.choices("bcdfglmnprstvaeiou", k=8)) for _ in range(30)]
        items.append(
            {
                "id": at.isoformat(),
                "url": f"https://gazette.example/{at}",
                "title": " ".join(words[:6]).capitalize(),
                "date_published": f"{at}T00:00:00Z",
                "content_text": f"{' '.join(words[6:20])}. {' '.join(words[15:])}.".capitalize(),
            }
        )
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": items}
    path.write_text(json.dumps(feed), encoding="utf-8")


def live(folder: Path, url: str, own_outboxes: bool, database: str, seed: int) -> Story:
    """Thirty days of both machines."""
    dice = random.Random(seed)
    machines = []
    for name in ("east", "west"):
        home = folder / name
        home.mkdir()
        (home / "feeds.yaml").write_text(FEEDS_YAML, encoding="utf-8")
        outbox = (home if own_outboxes else folder) / "outbox"
        machines.append(Machine(home, outbox, url, database))
    theme = folder / "templates" / "bare"
    theme.mkdir(parents=True)
    for name, text in THEME.items():
        (theme / name).write_text(text, encoding="utf-8")
    store = Store(database)
    people = [NewSubscriber(address) for address in THERE]
    store.subscribers.subscribe("morning", people, due(FIRST) - timedelta(days=1))
    store.close()
    story = Story()
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        publish(folder / "gazette.json", day)
        both(machines, due(day) + timedelta(minutes=FETCHED), story, dice, fetch=True)
        come_and_go(database, day, story)
        up = [
            both(machines, due(day) + timedelta(minutes=minutes), story, dice) for minutes in TURNS
        ]
        in_time = [done for minutes, done in zip(TURNS, up, strict=True) if 0 <= minutes <= GRACE]
        if any(in_time):
            story.possible.append(day.isoformat())
    for machine in machines:
        machine.down = 0
    for minutes in (60, 120, 180):
        both(machines, due(day) + timedelta(minutes=GRACE + minutes), story, None)
    for machine in machines:
        machine.stop()
    return story


def both(
    machines: Sequence[Machine],
    now: datetime,
    story: Story,
    dice: random.Random | None,
    *,
    fetch: bool = False,
) -> bool:
    """A turn of all that are up, at once; whether any is. Who is killed in sending has built."""
    told = []
    for machine in machines:
        turn = Turn(now, fetch)
        if dice is not None:
            if machine.down == 0 and dice.random() < 0.07:
                machine.stop()
                machine.down = dice.choice((1, 2, 4, 8, 15, 25))
            # Whether a kill lands depends on who is first to send: until some have, all are to die.
            if story.kills < KILLS and now.date() > FIRST + timedelta(days=2):
                turn.dies_at, turn.dies_after = 1, dice.random() < 0.5
            elif dice.random() < 0.25:
                turn.dies_at, turn.dies_after = dice.randint(1, 3), dice.random() < 0.5
        if machine.down:
            machine.down -= 1
            continue
        machine.tell(turn)
        told.append(machine)
    story.kills += [machine.is_done() for machine in told].count(False)
    return bool(told)


def come_and_go(database: str, day: date, story: Story) -> None:
    """Somebody joins on the tenth day, and somebody leaves on the twentieth."""
    if day not in (JOINS, LEAVES):
        return
    now = due(day) - timedelta(minutes=30)
    store = Store(database)
    try:
        if day == JOINS:
            store.subscribers.subscribe("morning", [NewSubscriber(LATE)], now)
            return
        story.left_waiting = [
            status.date for status in store.editions.statuses("morning") if status.state != "sent"
        ]
        (subscription,) = store.subscribers.of_address(LEAVER)
        if not store.subscribers.end(subscription.subscriber.key, "morning", now):
            raise RuntimeError(f"{LEAVER} could not leave")
    finally:
        store.close()


# --- what is promised ------------------------------------------------------------------------


def recipients(day: date) -> set[str]:
    """Who subscribes on `day`."""
    people = set(THERE)
    if day >= JOINS:
        people.add(LATE)
    if day >= LEAVES:
        people.remove(LEAVER)
    return people


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "own_outboxes"),
    [("sqlite", False), ("sqlite", True), ("postgresql", True)],
    ids=["one outbox", "an outbox each", "on PostgreSQL, an outbox each"],
)
def test_two_services_on_one_database_for_thirty_days(
    engine: str,
    own_outboxes: bool,
    mail_server: MailServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    database = f"sqlite:///{tmp_path / 'digest.db'}"
    if engine == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        database = server.new_database()
    ran = subprocess.run(
        [sys.executable, __file__, tmp_path, mail_server.url, str(int(own_outboxes)), database],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "please report it" not in ran.stderr
    story = Story(**json.loads(ran.stdout))
    assert story.kills >= KILLS
    dates = [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]
    store = Store(database)
    editions = {status.date: status for status in store.editions.statuses("morning")}
    doubtful = {
        (one.address, day)
        for day in dates
        for one in store.deliveries.listed("morning", day, ("unconfirmed",))
    }
    store.close()

    # One edition a date, or a reason why there is none.
    assert sorted(editions) == dates
    assert story.possible == [day for day in dates if editions[day].state == "sent"]
    assert SPRING.isoformat() in story.possible
    skipped = [status for status in editions.values() if status.state != "sent"]
    assert {status.state for status in skipped} == {"skipped"}
    assert all("was not built within 6 h" in status.reason for status in skipped)

    # One copy a subscriber, but for what a kill leaves in doubt, one message at most.
    copies: Counter[tuple[str, str]] = Counter()
    for address, message in mail_server.accepted:
        found = re.search(rb"^Message-ID: <morning\.(\d{4}-\d\d-\d\d)\.", message, re.MULTILINE)
        assert found is not None
        copies[address, found[1].decode()] += 1
    assert set(copies.values()) == {1}
    assert len(doubtful) <= story.kills
    wanted = {
        (address, day)
        for day in story.possible
        for address in recipients(date.fromisoformat(day))
        # Who leaves while their copy waits doesn't want it any more.
        if (address, day) not in {(LEAVER, waiting) for waiting in story.left_waiting}
    }
    assert wanted - doubtful <= copies.keys()
    assert copies.keys() <= wanted | doubtful | {(LEAVER, day) for day in story.left_waiting}

    # Both have had their part; and with outboxes of their own, nothing was built twice.
    folders = [tmp_path / "east" / "outbox", tmp_path / "west" / "outbox"]
    if own_outboxes:
        built = [path.name for each in folders for path in (each / "morning").glob("2026-*")]
        assert sorted(built) == story.possible
        assert all((each / "morning").is_dir() for each in folders)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    # Loaded and read once, and not by each process that is started.
    for name in ("sklearn.feature_extraction.text", "sklearn.preprocessing"):
        import_module(name)
    detect_language("The ferry to the islands sails again.")
    format_date(FIRST, "full", locale="en_GB")
    folder, url, own = Path(sys.argv[1]), sys.argv[2], bool(int(sys.argv[3]))
    story = live(folder, url, own, sys.argv[4], seed=7 + own)
    json.dump(vars(story), sys.stdout)


if __name__ == "__main__":
    main()
