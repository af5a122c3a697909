"""`digest bounces import`: genuine reports stop dead addresses, forged ones nobody."""

from __future__ import annotations

import hashlib
import json
import mailbox
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.records import NewSubscriber
from digest.store.store import Store
from digest.subscribers.links import Links

Ran = Any  # conftest.Ran: a conftest can't be imported by name, every room has one
Run = Callable[..., Ran]
NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
SECRET = "a-secret-of-sixteen-letters"
BASE = "https://news.example"
WITH_LINKS = {"DIGEST_PUBLIC_URL": BASE, "DIGEST_SECRET_KEY": SECRET}
WHEN = ("--now", "2026-03-03T07:00Z")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Jane, Bob and Amy have the morning's digest: their keys, by address."""
    store = Store(f"sqlite:///{tmp_path / 'state' / 'digest.db'}")
    people = [NewSubscriber(f"{name}@example.org") for name in ("jane", "bob", "amy")]
    store.subscribers.subscribe("morning", people, NOW)
    keys = {one.subscriber.address: one.subscriber.key for one in store.subscribers.listed()}
    store.close()
    return keys


@pytest.fixture
def bounces(command: Run) -> Run:
    """Runs `digest bounces import …` in `tmp_path`, in this process: there are many."""

    def run(*words: str, **options: str) -> Ran:
        return command("bounces", "import", *words, *WHEN, **options)

    return run


def report(address: str, *, token: str = "", status: str = "5.1.1", ours: bool = True) -> bytes:
    hash_ = hashlib.sha256(f"morning\0{address}".encode()).hexdigest()[:24]
    name = f"morning.2026-03-02.{hash_}" if ours else "1"
    link = f"List-Unsubscribe: <{BASE}/subscription/unsubscribe/{token}>\n" if token else ""
    return f"""\
From: MAILER-DAEMON@relay.example
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822;{address}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{address}> no

--b
Content-Type: text/rfc822-headers

To: {address}
Message-ID: <{name}@news.example>
{link}
--b--
""".encode()


def dead(tmp_path: Path) -> dict[str, str]:
    store = Store(f"sqlite:///{tmp_path / 'state' / 'digest.db'}")
    found = {
        one.subscriber.address: one.subscriber.bounce_reason
        for one in store.subscribers.listed()
        if one.subscriber.bounced
    }
    store.close()
    return found


@pytest.mark.usefixtures("keys")
def test_a_mailbox_is_read_and_dead_addresses_are_stopped(bounces: Run, tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "bounces.mbox")
    box.add(report("jane@example.org"))
    box.add(report("bob@example.org", status="5.2.2"))
    box.add(report("stranger@example.org"))
    box.add(b"From: jane@example.org\nSubject: Away\n\nBack on Monday.\n")
    box.close()
    ran = bounces("bounces.mbox")
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == [
        "bounces.mbox, message 1: j…@example.org: dead, nothing is sent there any more "
        "(550 5.1.1 <j…@example.org> no)",
        "bounces.mbox, message 2: b…@example.org: came back, but the address is not dead "
        "(550 5.2.2 <b…@example.org> no)",
        "bounces.mbox, message 3: s…@example.org: on no list (550 5.1.1 <s…@example.org> no)",
    ]
    assert ran.stderr == (
        "4 messages read, 1 addresses found dead, 1 failures that stop nobody, "
        "1 reports on nobody of the list, 1 others left alone\n"
    )
    assert dead(tmp_path) == {"jane@example.org": "550 5.1.1 <j…@example.org> no"}
    again = bounces("bounces.mbox")
    assert "1 known to be dead already" in again.stderr
    assert dead(tmp_path) == {"jane@example.org": "550 5.1.1 <j…@example.org> no"}


@pytest.mark.usefixtures("keys")
def test_a_report_without_our_message_id_is_not_believed(bounces: Run, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(report("jane@example.org", ours=False))
    ran = bounces("1.eml")
    assert ran.returncode == 3
    assert "holds no proof" in ran.stdout
    assert "--trust" in ran.stderr
    assert dead(tmp_path) == {}
    assert bounces("1.eml", "--trust").returncode == 0
    assert list(dead(tmp_path)) == ["jane@example.org"]


def test_where_messages_hold_a_signed_link_nothing_else_is_proof(
    bounces: Run, keys: dict[str, str], tmp_path: Path
) -> None:
    links = Links([SECRET.split()[-1]], BASE)
    janes = links.token("unsubscribe", keys["jane@example.org"], "morning")
    forged = {
        "no link": report("jane@example.org"),
        "altered": report("jane@example.org", token=janes[:-5] + "AAAAA"),
        "somebody else's": report("bob@example.org", token=janes),
        "of another purpose": report(
            "amy@example.org",
            token=links.token("preferences", keys["amy@example.org"], "morning"),
        ),
    }
    for name, data in forged.items():
        (tmp_path / "1.eml").write_bytes(data)
        assert bounces("1.eml", **WITH_LINKS).returncode == 3, name
    assert dead(tmp_path) == {}
    (tmp_path / "1.eml").write_bytes(report("jane@example.org", token=janes))
    assert bounces("1.eml", **WITH_LINKS).returncode == 0
    assert list(dead(tmp_path)) == ["jane@example.org"]


@pytest.mark.usefixtures("keys")
def test_a_report_can_come_through_a_pipe_and_be_told_as_json(bounces: Run) -> None:
    ran = bounces("-", "--json", input=report("jane@example.org").decode())
    assert json.loads(ran.stdout) == {
        "message": "standard input",
        "address": "j…@example.org",
        "outcome": "dead",
        "status": "5.1.1",
        "reason": "550 5.1.1 <j…@example.org> no",
        "message_id": json.loads(ran.stdout)["message_id"],
    }


@pytest.mark.usefixtures("keys")
def test_it_takes_a_configuration_as_every_command_does(bounces: Run, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(report("jane@example.org"))
    assert bounces("1.eml", "--config", "other.yaml").returncode == 0
    assert list(dead(tmp_path)) == ["jane@example.org"]


def test_a_place_without_mail_is_wrong_use(bounces: Run, tmp_path: Path) -> None:
    assert bounces("gone.mbox").returncode == 2
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    assert "no Maildir" in bounces("notes").stderr
