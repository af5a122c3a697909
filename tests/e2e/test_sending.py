"""`digest send` as processes of their own: stopped, killed, two at once; nobody has two copies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.editions.frozen import dump_edition
from digest.editions.sample import sample_edition
from digest.outbox.outbox import EDITION, Outbox
from digest.pipeline.delivering import fingerprint
from digest.records import NewSubscriber
from digest.store.store import Store

Desk = Any  # tests/e2e/conftest.py
SCRIPT = Path(sys.executable).with_name("digest")
KEY = ("sample", "2026-03-02")
NAME = "/".join(KEY)
PATIENCE = 30  # seconds; it ends within ten on a machine that isn't busy
PEOPLE = [f"r{number}@example.org" for number in range(40)]


@pytest.fixture
def waiting(desk: Desk, mail_server: Any) -> Desk:
    """An edition that waits for forty people."""
    desk.configure("{name: sample}", [("town", "town.xml")])
    data = dump_edition(replace(sample_edition("compact"), date=KEY[1]))
    Outbox(desk.outbox).write(*KEY, {EDITION: data})
    now = datetime.now(UTC)
    store = Store(f"sqlite:///{desk.folder / 'state' / 'digest.db'}")
    mark = fingerprint(data)
    store.editions.adopt(*KEY, now, fingerprint=mark, built=now, review=False)
    store.subscribers.subscribe("sample", [NewSubscriber(one) for one in PEOPLE], now)
    store.close()
    (desk.folder / ".env").write_text(f"DIGEST_SMTP_URL={mail_server.url}\n")
    return desk


def send(desk: Desk) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SCRIPT, "send", NAME, "--json"],
        cwd=desk.folder,
        env=desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_taken(server: Any, process: subprocess.Popen[str], count: int) -> None:
    """Waits until the server has so many messages."""
    while len(server.accepted) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_message_in_hand_and_the_rest_wait(
    waiting: Desk, mail_server: Any, number: signal.Signals
) -> None:
    mail_server.dawdles("dot", 0.1, times=10**6)
    with send(waiting) as process:
        until_taken(mail_server, process, 3)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, err
    assert "stopping after the message in hand; the others wait for the next time" in err
    report = json.loads(out)
    sent = report["counts"]["sent"]
    assert report["counts"] == {"sent": sent, "pending": 40 - sent}
    assert mail_server.counts == dict.fromkeys(list(mail_server.counts)[:sent], 1)
    mail_server.behaves()
    assert waiting.run("send", NAME).returncode == 0
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_signal_ends_it_while_the_server_is_silent_after_the_dot(
    waiting: Desk, mail_server: Any
) -> None:
    mail_server.falls_silent("dot", skip=2)
    with send(waiting) as process:
        until_taken(mail_server, process, 3)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, err
    assert json.loads(out)["counts"] == {"sent": 2, "unconfirmed": 1, "pending": 37}
    again = waiting.run("send", NAME)
    assert again.returncode == 1
    assert again.stdout == f"{NAME}: sent, 39 of 40 have it, 1 unconfirmed\n"
    assert waiting.run("send", NAME, "--confirm").returncode == 0
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_kill_leaves_one_in_doubt_at_most_and_a_second_process_stays_away_until_then(
    waiting: Desk, mail_server: Any
) -> None:
    mail_server.dawdles("dot", 0.1, times=10**6)
    with send(waiting) as process:
        until_taken(mail_server, process, 3)
        second = waiting.run("send", NAME)
        assert second.returncode == 1
        assert "another process sends from this state folder now" in second.stderr
        process.kill()
        process.communicate(timeout=PATIENCE)
    mail_server.behaves()
    report = waiting.run_json("send", NAME)
    doubtful = report["counts"].get("unconfirmed", 0)
    assert report["state"] == "sent"
    assert report["counts"]["sent"] == 40 - doubtful
    assert doubtful <= 1
    assert set(mail_server.counts.values()) == {1}
    assert len(mail_server.counts) >= 40 - doubtful
