"""PostgreSQL goes and comes back in the middle of a run and of sending: nothing is lost, nothing
comes twice, and it goes on by itself."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from digest.config import Settings, load_config
from digest.editions.frozen import dump_edition
from digest.editions.sample import sample_edition
from digest.errors import StoreError
from digest.outbox.outbox import EDITION, Outbox
from digest.pipeline.delivering import fingerprint
from digest.pipeline.wiring import open_workshop
from digest.records import NewSubscriber
from digest.service.service import Service
from digest.store import database
from digest.store.store import Store

from ..postgres import PostgresServer

if TYPE_CHECKING:
    from ..conftest import MailServer

Desk = Any  # tests/e2e/conftest.py
HARNESS = Path(__file__).with_name("postgres_troubles.py")
SCRIPT = Path(sys.executable).with_name("digest")
PEOPLE = [f"r{number}@example.org" for number in range(30)]
PATIENCE = 120  # seconds; none of it takes ten on a machine that isn't busy
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Town</title>
<link>https://town.example/</link><description>d</description>
<item><title>Bridge closes</title><link>https://town.example/1</link><guid>1</guid>
<pubDate>2 hours ago</pubDate><description>The bridge closes on Monday for nine weeks, the port
authority said. Drivers are sent round by the northern road.</description></item>
</channel></rss>"""


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Where the server of this module has its data.

    Not below pytest's folder, whose rights another session of pytest takes back: the server, which
    is another user's where the tests are root's, could not be told to stop.
    """
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[PostgresServer]:
    """A server that may be stopped, which those of the other tests may not."""
    with PostgresServer(data) as server:
        yield server


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Waits until it is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


# --- any moment ------------------------------------------------------------------------------


@pytest.mark.slow
def test_trouble_at_any_moment_of_a_run_and_of_sending_costs_nobody_anything(
    server: PostgresServer, data: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, str(HARNESS), str(data)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    server.start()
    assert ran.returncode == 0, ran.stderr
    assert "please report it" not in ran.stderr
    assert "it is tried again by itself" in ran.stderr
    found = json.loads(ran.stdout)
    wrong = {f"{what}, {name}": found[what][name] for what in found for name in found[what]}
    assert {name: what for name, what in wrong.items() if what} == {}
    # The moments are those of the harness of kills, and all that the store was asked for.
    assert set(found) == {"restarted", "crashed", "away", "unanswered"}
    assert len(found["crashed"]) == len(found["away"]) == 6
    for trouble in ("restarted", "unanswered"):
        asked = {re.sub(":.*", "", name) for name in found[trouble]}
        assert asked >= {"Editions.begin", "Editions.built", "Deliveries.freeze", "Deliveries.turn"}
        assert len(asked) >= 15


# --- the service as it is started --------------------------------------------------------------


@pytest.mark.model
def test_serve_goes_on_by_itself_when_the_server_is_restarted_in_a_run_and_in_sending(
    server: PostgresServer, desk: Desk, mail_server: MailServer
) -> None:
    due = datetime.now(UTC) - timedelta(minutes=1)
    desk.configure(
        f'{{name: town, schedule: "{due.minute} {due.hour} * * *"}}', [("town", "town.xml")]
    )
    (desk.folder / "town.xml").write_text(FEED)
    url = server.new_database()
    store = Store(url)
    people = [NewSubscriber(address) for address in PEOPLE]
    store.subscribers.subscribe("town", people, datetime.now(UTC))
    mail_server.dawdles("dot", 0.05, times=10**6)

    def state() -> str:
        return next((status.state for status in store.editions.statuses("town")), "")

    with subprocess.Popen(
        [SCRIPT, "serve", "--no-browser", "--port", "0"],
        cwd=desk.folder,
        env=desk.environment(
            DIGEST_DATABASE_URL=url.replace("+psycopg", ""), DIGEST_SMTP_URL=mail_server.url
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: state() != "", process)
        assert state() == "building"
        server.restart()
        wait_for(lambda: len(mail_server.accepted) >= 5, process)
        server.restart()
        wait_for(lambda: state() == "sent", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    store.close()
    assert process.returncode == 0, err
    assert "please report it" not in err
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


# --- away for longer than it is waited for -----------------------------------------------------


@pytest.fixture
def office(
    server: PostgresServer,
    tmp_path: Path,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Service, Store]]:
    """A service with an edition that thirty people wait for, and the jobs to be done by hand.

    It waits for a server that is away for a moment only.
    """
    monkeypatch.setattr(database, "AWAY_SECONDS", 0.2)
    key = "sample", "2026-03-02"
    feeds = "feeds:\n  - {name: town, url: town.xml}\n"
    (tmp_path / "feeds.yaml").write_text(f"digests:\n  - {{name: sample}}\n{feeds}")
    data = dump_edition(replace(sample_edition("compact"), date=key[1]))
    settings = Settings(
        config=tmp_path / "feeds.yaml",
        outbox_dir=tmp_path / "outbox",
        state_dir=tmp_path / "state",
        database_url=server.new_database(),
        smtp_url=mail_server.url,
    )
    Outbox(settings.outbox_dir).write(*key, {EDITION: data})
    now = datetime.now(UTC)
    with open_workshop(settings) as workshop:
        store = workshop.store
        mark = fingerprint(data)
        store.editions.adopt(*key, now, fingerprint=mark, built=now, review=False)
        store.editions.move(*key, ("approved",), now, send_at=now)
        store.subscribers.subscribe("sample", [NewSubscriber(one) for one in PEOPLE], now)
        yield Service(workshop, settings, load_config(settings.config)), store
    server.start()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told as a warning or worse."""
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


def test_a_server_that_stays_away_is_told_of_once_and_the_jobs_go_on_when_it_is_back(
    office: tuple[Service, Store],
    server: PostgresServer,
    mail_server: MailServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, store = office
    server.stop()
    for _ in range(2):
        service.tick()
        service.deliver()
        service.confirm()
    jobs = ("building", "sending", "sending letters to confirm")
    for told, job in zip(said(caplog), jobs, strict=True):
        assert re.fullmatch(
            rf"{job}: postgresql\S*: the server does not answer; start it, or check host and port "
            r"\(.*\); it is tried again by itself",
            told,
        )
    caplog.clear()
    server.start()
    for _ in range(2):
        service.tick()
        service.deliver()
        service.confirm()
    assert said(caplog) == [f"{job} works again" for job in jobs]
    assert store.editions.statuses("sample")[0].state == "sent"
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_sending_waits_for_a_server_that_stays_away_with_the_message_in_hand(
    office: tuple[Service, Store],
    server: PostgresServer,
    mail_server: MailServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, store = office
    mail_server.dawdles("dot", 0.05, times=10**6)
    sending = Thread(target=service.deliver)
    sending.start()
    wait_for(lambda: len(mail_server.accepted) >= 5)
    server.stop()
    wait_for(lambda: bool(said(caplog)))
    taken = len(mail_server.accepted)
    time.sleep(1)
    assert len(mail_server.accepted) <= taken + 1, "nobody is written to who can't be noted"
    server.start()
    sending.join(PATIENCE)
    assert not sending.is_alive()
    service.deliver()
    assert "sending waits for the database: postgresql" in said(caplog)[0]
    assert store.editions.statuses("sample")[0].state == "sent"
    assert store.deliveries.counts("sample", "2026-03-02") == {"sent": len(PEOPLE)}
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_command_that_finds_no_server_says_so(server: PostgresServer) -> None:
    url = server.new_database()
    server.stop()
    try:
        with pytest.raises(StoreError, match="the server does not answer; start it"):
            Store(url)
    finally:
        server.start()
    Store(url).close()
