"""Has a PostgreSQL go and come back at any moment of a run and of sending, and counts the mail.

    python tests/e2e/postgres_troubles.py FOLDER      what is wrong afterwards, as JSON

The server of FOLDER runs already. The service's jobs run in a process of their own, minute after
minute of a clock that is made up, until the edition is sent. Once at each kind of moment the server
is restarted, crashes, is away for a while, or carries out a commit of which the answer is lost.
Processes are forked, as in `benchmarks/crash.py`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import psycopg
from sqlalchemy.engine.default import DefaultDialect

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from crash import (
    DATE,
    DIGEST,
    NOW,
    Place,
    Places,
    Points,
    lay_out,
    load_what_is_needed,
    method_of,
    opened,
    serving,
    settings_of,
)
from postgres import PostgresServer

from digest.config import load_config
from digest.errors import StoreError
from digest.pipeline.wiring import Workshop
from digest.service.service import Service

READERS = 2
FEEDS_YAML = """\
digests:
  - {name: morning, schedule: 0 7 * * *, topics: [World], template: bare,
     summary: {model: extractive, sentences: 1}}
feeds:
  - {name: gazette, url: gazette.json}
"""
# A build that failed is tried again after minutes; these are more than enough.
MINUTES = 60
AWAY_SECONDS = 0.8  # a connection is tried for longer
RESTARTED, CRASHED, AWAY, UNANSWERED = "restarted", "crashed", "away", "unanswered"
# Besides each transaction: moments at which it matters that none is open.
BETWEEN = (
    "a file or folder: after its rename",
    "the message: after it was sent",
    "the dot: before it is sent",
    "the dot: after it was sent",
)
# A crash and a longer stop are met with at fewer moments than a restart.
STOPPED_AT = (
    "Store.save_feeds: before its commit",
    "Editions.built: before its commit",
    "Deliveries.freeze: before its commit",
    "Deliveries.begin: before its commit",
    "Deliveries.turn: before its commit",
    "the dot: after it was sent",
)


# --- the service, in a process of its own ----------------------------------------------------


@dataclass
class Moments(Points):
    """Tells the process above of each point by its name, and waits for it at the point `at`."""

    answers: int = 0

    def reached(self, name: str) -> bool:
        self.seen += 1
        os.write(self.log, f"{name}\n".encode())
        if self.seen != self.at:
            return False
        os.write(self.log, b"wait\n")
        os.read(self.answers, 1)
        return True


def lose_an_answer(moments: Moments) -> None:
    """Has the connection die after the server has carried out a commit, and before it says so."""
    commit = DefaultDialect.do_commit

    def committing(dialect: DefaultDialect, connection: Any) -> None:
        commit(dialect, connection)
        if moments.reached(f"{method()}: its commit's answer"):
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    DefaultDialect.do_commit = committing  # type: ignore[method-assign]


def method() -> str:
    """What of the store is at work."""
    frame: Any = sys._getframe(2)
    below = ("reading", "transaction", "_connection")
    while "/digest/store/" not in (code := frame.f_code).co_filename or code.co_name in below:
        frame = frame.f_back
    return method_of(frame)


def live(place: Place, moments: Moments, trouble: str) -> None:
    """What the service does by itself, until the edition is sent."""
    if trouble == UNANSWERED:
        lose_an_answer(moments)
    else:
        lay_out(moments)
    (place.folder / "feeds.yaml").write_text(FEEDS_YAML, encoding="utf-8")
    settings, now = settings_of(place), NOW
    with opened(settings) as workshop:
        config = load_config(place.folder / "feeds.yaml")
        service = Service(workshop, settings, config, clock=lambda: now)
        for _ in range(MINUTES):
            service.tick()
            service.deliver()
            if is_sent(workshop):
                return
            now += timedelta(minutes=1)


def is_sent(workshop: Workshop) -> bool:
    try:
        status = workshop.store.editions.status(DIGEST, DATE)
    except StoreError:
        return False
    return status is not None and status.state == "sent"


def lived(place: Place, trouble: str, at: int, on_time: Callable[[], None]) -> list[str]:
    """A life in which `on_time` happens at the point `at`, for which it waits; all its points."""
    reading, writing = os.pipe()
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            live(place, Moments(at, writing, answers=theirs), trouble)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    os.close(theirs)
    names = []
    with os.fdopen(reading) as pipe:
        for line in pipe:
            if line == "wait\n":
                on_time()
                os.write(ours, b".")
            else:
                names.append(line.strip())
    os.close(ours)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"the service ended by itself, status {status}, after {names[-3:]}")
    return names


# --- all that can happen to it, in a process without threads, which may fork --------------------


def troubles(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What is wrong after trouble with the server of `folder`, by the trouble and its moment."""
    with TemporaryDirectory() as scratch:
        server = PostgresServer(folder)
        record = Path(scratch) / "accepted"
        with serving(record) as mail:
            places = Places(Path(scratch), mail, record, READERS, server.url())
            load_what_is_needed(places.fresh(f"maildir:{scratch}/mail"))
            found = {
                trouble: at_each_moment(places, server, trouble)
                for trouble in (RESTARTED, CRASHED, AWAY, UNANSWERED)
            }
            places.clear()
            return found


def at_each_moment(places: Places, server: PostgresServer, trouble: str) -> dict[str, list[str]]:
    """Trouble at the first moment of each name, each time in a fresh state."""
    names = lived(places.fresh(), trouble, 0, lambda: None)
    moments = {name: names.index(name) + 1 for name in names if is_meant(name, trouble)}
    found = {}
    for name, at in moments.items():
        place = places.fresh()
        back = Thread(target=come_back, args=(server,))

        def on_time(back: Thread = back) -> None:
            if trouble == RESTARTED:
                server.restart()
            elif trouble == CRASHED:
                server.kill()
                server.start()
            elif trouble == AWAY:
                server.stop()
                back.start()

        lived(place, trouble, at, on_time)
        if back.ident is not None:
            back.join()
        tally = places.judged(place, 0)
        counts = {"twice": tally.twice, "lost": tally.lost}
        found[name] = tally.wrong + [f"{count} {what}" for what, count in counts.items() if count]
    return found


def is_meant(moment: str, trouble: str) -> bool:
    """Whether it is tried there."""
    if trouble in (CRASHED, AWAY):
        return moment in STOPPED_AT
    if trouble == RESTARTED:
        return moment in BETWEEN or moment.endswith(": before its commit")
    # A service that finds no database at its start says so and ends.
    return not moment.startswith("Database.")


def come_back(server: PostgresServer) -> None:
    time.sleep(AWAY_SECONDS)
    server.start()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    json.dump(troubles(Path(sys.argv[1])), sys.stdout)
