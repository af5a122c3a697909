"""The letters that ask people whether they want a digest, from the store to the mail server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from digest.config import Config
from digest.errors import RelayError
from digest.outbox.transport import open_transport
from digest.pipeline import confirming
from digest.pipeline.confirming import send_confirmations
from digest.pipeline.wiring import Mail, Workshop
from digest.records import Envelope, NewSubscriber, Receipt
from digest.store.database import Database
from digest.store.schema import DeliveryRow
from digest.subscribers.links import Links

House = Any  # tests/pipeline/conftest.py

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LINKS = Links(["the secret of these tests"], "https://news.example.org")


class Server:
    """A mail server that gives its answers in their order, then takes everything."""

    address = "smtp://localhost:25"

    def __init__(self, *answers: Receipt | RelayError) -> None:
        self.answers = list(answers)
        self.got: list[Envelope] = []

    def send(self, envelope: Envelope) -> Receipt:
        answer = self.answers.pop(0) if self.answers else Receipt("sent")
        if isinstance(answer, RelayError):
            raise answer
        self.got.append(envelope)
        return answer

    def has(self, _: Envelope) -> bool | None:
        return None

    def cut(self) -> None: ...

    def close(self) -> None: ...

    @property
    def recipients(self) -> list[str]:
        return [envelope.recipient for envelope in self.got]


@pytest.fixture
def workshop(house: House) -> Iterator[Workshop]:
    house.configure(
        "{name: daily, title: Daily, from: 'Desk <desk@example.org>', topics: [Town]}", "world"
    )
    for workshop in house.workshop():
        yield replace(workshop, links=LINKS)


@pytest.fixture
def config(house: House, workshop: Workshop) -> Config:  # noqa: ARG001 - which configures it
    found: Config = house.config
    return found


def ask(workshop: Workshop, *names: str, digest: str = "daily") -> None:
    for number, name in enumerate(names):
        person = NewSubscriber(f"{name}@example.org", name=name)
        workshop.store.subscribers.ask(digest, person, NOW + timedelta(seconds=number))


def waiting(workshop: Workshop, now: datetime) -> list[str]:
    """Who waits for a letter."""
    wanted = workshop.store.subscribers.confirmations(now, 99)
    return [subscription.subscriber.address.partition("@")[0] for subscription in wanted]


def test_each_who_asked_gets_one_letter_with_a_link_of_their_own(
    workshop: Workshop, config: Config, tmp_path: Path
) -> None:
    ask(workshop, "ada", "eve")
    transport = open_transport(f"file:{tmp_path / 'sent'}", timeout=5, per_connection=9)
    later = NOW + timedelta(minutes=1)
    assert send_confirmations(workshop, config, transport, later) == 2
    assert send_confirmations(workshop, config, transport, later) == 0

    letters = [
        message_from_bytes(path.read_bytes(), policy=default)
        for path in (tmp_path / "sent").rglob("*.eml")
    ]
    assert {letter["To"] for letter in letters} == {"ada@example.org", "eve@example.org"}
    for letter in letters:
        body = letter.get_body(("plain",)).get_content()
        [link] = [line for line in body.splitlines() if line.startswith("https://")]
        key, digest = LINKS.read("confirm", link.rpartition("/")[2], later) or ("", "")
        found = workshop.store.subscribers.subscription(key, digest)
        assert found is not None
        assert found.subscriber.address == letter["To"]
        assert workshop.store.subscribers.confirm(key, digest, "by the link", later)


def test_no_more_letters_leave_than_were_asked_for(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada", "eve", "kim")
    server = Server()
    later = NOW + timedelta(minutes=1)
    assert send_confirmations(workshop, config, server, later, most=2) == 2
    assert server.recipients == ["ada@example.org", "eve@example.org"]


def test_what_may_have_arrived_is_not_sent_again(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada")
    server = Server(Receipt("unconfirmed", "the connection was lost"))
    assert send_confirmations(workshop, config, server, NOW) == 1
    assert waiting(workshop, NOW + timedelta(days=3)) == []


def test_what_was_put_off_is_tried_again_ever_later_and_then_given_up(
    workshop: Workshop, config: Config
) -> None:
    ask(workshop, "ada")
    server = Server(*[Receipt("deferred", "450 try later")] * 99)
    tries, now = [], NOW
    for _ in range(24 * 12):
        before = len(server.got)
        assert send_confirmations(workshop, config, server, now) == 0
        if len(server.got) > before:
            tries.append(now - NOW)
        now += timedelta(minutes=5)
    assert [round(wait / timedelta(minutes=1)) for wait in tries] == [0, 15, 45, 135, 405]


def test_a_dead_address_gets_no_letter_any_more(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada", "eve")
    refused = "550 <ada@example.org> no such user"
    with capture_logs() as lines:
        server = Server(Receipt("bounced", refused, dead=True))
        assert send_confirmations(workshop, config, server, NOW + timedelta(minutes=1)) == 1
    [ada] = workshop.store.subscribers.of_address("ada@example.org")
    assert ada.subscriber.bounced is not None
    assert waiting(workshop, NOW + timedelta(days=3)) == []
    assert "a…@example.org" in str(lines)
    assert "ada@" not in str(lines)


def test_a_server_that_is_down_costs_nobody_a_try(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada", "eve")
    now = NOW + timedelta(minutes=1)
    for _ in range(9):
        server = Server(RelayError("mail.example.org refuses connections"))
        assert send_confirmations(workshop, config, server, now) == 0
        assert server.got == []
        now += timedelta(hours=1)
    assert send_confirmations(workshop, config, Server(), now) == 2


def test_a_digest_that_is_gone_asks_nobody(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada", digest="former")
    ask(workshop, "eve")
    server = Server()
    with capture_logs() as lines:
        for hours in range(48):
            now = NOW + timedelta(minutes=1, hours=hours)
            send_confirmations(workshop, config, server, now)
    assert server.recipients == ["eve@example.org"]
    assert "feeds.yaml no more" in str(lines)
    assert waiting(workshop, NOW + timedelta(days=3)) == []


def test_without_a_public_address_letters_wait_and_it_is_said_once(
    workshop: Workshop, config: Config
) -> None:
    ask(workshop, "ada")
    confirming._tell_once.cache_clear()
    with capture_logs() as lines:
        for _ in range(3):
            server = Server()
            assert send_confirmations(replace(workshop, links=None), config, server, NOW) == 0
            assert server.got == []
    assert [line["event"] for line in lines] == ["letters to confirm wait"]
    assert "DIGEST_PUBLIC_URL" in lines[0]["reason"]
    assert send_confirmations(workshop, config, Server(), NOW + timedelta(hours=1)) == 1


def test_a_broken_catalog_keeps_its_digests_letters_only(workshop: Workshop, house: House) -> None:
    house.configure("{name: daily, title: Daily}\n{name: abend, language: de}", "world")
    folder = house.folder / "templates" / "locale"
    folder.mkdir(parents=True)
    (folder / "de.po").write_text('msgid "x\n', "utf-8")
    ask(workshop, "ada", digest="abend")
    ask(workshop, "eve")
    server = Server()
    now = NOW + timedelta(minutes=1)
    assert send_confirmations(workshop, house.config, server, now) == 1
    assert server.recipients == ["eve@example.org"]
    (folder / "de.po").unlink()
    assert send_confirmations(workshop, house.config, server, now + timedelta(hours=1)) == 1


def test_the_word_to_stop_is_heard_between_letters(workshop: Workshop, config: Config) -> None:
    ask(workshop, "ada", "eve")
    stop = threading.Event()
    server = Server()
    taken = server.send

    def send(envelope: Envelope) -> Receipt:
        stop.set()
        return taken(envelope)

    server.send = send  # type: ignore[method-assign]
    now = NOW + timedelta(minutes=1)
    assert send_confirmations(workshop, config, server, now, stop=stop) == 1
    assert send_confirmations(workshop, config, Server(), now) == 1, "at the next start, at once"


@pytest.mark.parametrize(
    ("phase", "sent", "left"),
    [("dot", 1, ["eve"]), ("rcpt", 0, ["ada", "eve"])],
    ids=["it may have arrived", "it has not"],
)
def test_a_server_that_keeps_silent_is_cut_off_at_the_word_to_stop(
    workshop: Workshop, config: Config, mail_server: Any, phase: str, sent: int, left: list[str]
) -> None:
    ask(workshop, "ada", "eve")
    mail_server.falls_silent(phase)
    transport = open_transport(mail_server.url, timeout=60, per_connection=9)
    stop = threading.Event()
    ended: list[int] = []
    now = NOW + timedelta(minutes=1)

    def work() -> None:
        ended.append(send_confirmations(workshop, config, transport, now, stop=stop, patience=0.1))

    sending = threading.Thread(target=work, daemon=True)
    sending.start()
    while not (mail_server.accepted or (phase == "rcpt" and "RCPT" in str(mail_server.commands))):
        time.sleep(0.01)
    stop.set()
    sending.join(20)
    transport.close()
    assert ended == [sent]
    assert waiting(workshop, now) == left


def limited(workshop: Workshop, **limits: Any) -> Workshop:
    return replace(workshop, mail=Mail(Server, **limits))


def rounds(workshop: Workshop, config: Config, *seconds: float) -> list[int]:
    """How many letters leave at these times."""
    moments = [NOW + timedelta(seconds=60 + after) for after in seconds]
    return [send_confirmations(workshop, config, Server(), moment) for moment in moments]


def test_letters_keep_the_limit_an_hour_over_rounds(workshop: Workshop, config: Config) -> None:
    ask(workshop, *"abcde")
    workshop = limited(workshop, per_hour=3)
    assert rounds(workshop, config, 0, 5, 3500, 3620, 3625) == [3, 0, 0, 2, 0]


def test_editions_count_for_the_limit_of_letters(
    house: House, workshop: Workshop, config: Config
) -> None:
    ask(workshop, *"abcde")
    database = Database(house.settings.database)
    row = {"digest": "daily", "date": "2026-03-02", "state": "sent", "tried": NOW}
    with database.transaction() as connection:
        connection.execute(insert(DeliveryRow), [{**row, "subscriber": n} for n in range(2)])
    database.close()
    workshop = limited(workshop, per_hour=3)
    assert rounds(workshop, config, 0, 5, 3555, 3635) == [1, 0, 2, 1]


def test_letters_keep_the_gap_of_the_limit_a_second_over_rounds(
    workshop: Workshop, config: Config
) -> None:
    ask(workshop, *"abc")
    workshop = limited(workshop, per_second=0.001)
    assert rounds(workshop, config, 0, 5, 900, 1000, 1005, 2000) == [1, 0, 0, 1, 0, 1]
