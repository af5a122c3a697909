"""Trouble while an edition leaves: nobody is lost, nobody has it twice, and it goes on by itself.

The mail server's own count decides. Who may have a message or not is `unconfirmed`, and nobody else
is.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from digest.errors import StoreError
from digest.pipeline import rounds, stopping
from digest.pipeline.delivering import deliver
from digest.pipeline.outgoing import release, settle
from digest.records import Envelope

Mailroom = Any  # tests/pipeline/conftest.py
Server = Any  # tests/conftest.py, MailServer
NAMES = [f"r{number}" for number in range(8)]
PEOPLE = [f"{name}@example.org" for name in NAMES]


# --- faults of the mail server ---------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What the server does, and what has to become of the eight.

    `doubtful` is how many end as unconfirmed; the server has their message if it `has` them.
    `bounced` are given up; `patience` is how many seconds one waits for an answer.
    """

    name: str
    tell: Callable[[Server], None]
    doubtful: int = 0
    has: bool = False
    bounced: tuple[str, ...] = ()
    patience: float = 5.0
    reason: str = ""


def says(phase: str, reply: str, **when: Any) -> Callable[[Server], None]:
    return lambda server: server.replies(phase, reply, **when)


def drops(phase: str, **when: Any) -> Callable[[Server], None]:
    return lambda server: server.drops(phase, **when)


def is_silent(phase: str, **when: Any) -> Callable[[Server], None]:
    return lambda server: server.falls_silent(phase, **when)


def for_some(phase: str, reply: str, *names: str, times: int = 1) -> Callable[[Server], None]:
    def tell(server: Server) -> None:
        for name in names:
            server.replies(phase, reply, to=f"{name}@example.org", times=times)

    return tell


def with_tls(tell: Callable[[Server], None]) -> Callable[[Server], None]:
    def offer(server: Server) -> None:
        server.offer_tls()
        tell(server)

    return offer


def with_login(tell: Callable[[Server], None]) -> Callable[[Server], None]:
    def ask(server: Server) -> None:
        server.login = ("desk", "right")
        tell(server)

    return ask


FAULTS = [
    # It serves nobody for a while.
    Fault("greets with 554", says("connect", "554 5.3.2 no service", times=2), reason="554"),
    Fault("greets with 421", says("connect", "421 4.3.2 busy", times=3), reason="421"),
    Fault("drops at the greeting", drops("connect", times=2), reason="closed the connection"),
    Fault("refuses EHLO", says("helo", "451 4.3.0 later", times=2), reason="451"),
    Fault(
        "refuses STARTTLS",
        with_tls(says("starttls", "454 4.7.0 TLS not available", times=2)),
        reason="refuses to begin TLS",
    ),
    Fault("drops in the TLS handshake", with_tls(drops("tls", times=2)), reason="TLS could not"),
    Fault(
        "refuses the password for a while",
        with_login(says("auth", "454 4.7.0 directory is away", times=2)),
        reason="refuses the user or the password",
    ),
    Fault("refuses the sender", says("mail", "451 4.3.0 out of memory", skip=2, times=2)),
    # It ends the session in the middle, or drops the connection.
    *(
        Fault(f"421 at {phase}", says(phase, "421 4.3.2 shutting down", skip=3, times=2))
        for phase in ("mail", "rcpt", "data")
    ),
    *(
        Fault(f"drops at {phase}", drops(phase, skip=skip, times=times))
        for phase, skip, times in (
            ("helo", 0, 2),
            ("mail", 3, 2),
            ("rcpt", 3, 2),
            ("data", 3, 2),
            ("quit", 0, 1),
        )
    ),
    Fault("drops before the final dot", drops("content", skip=2, times=3)),
    Fault("drops after the final dot, taken", drops("dot", skip=2, times=2), 2, has=True),
    Fault("drops after the final dot, lost", drops("dot", skip=2, times=2, taken=False), 2),
    # It is silent for longer than anybody waits.
    *(
        Fault(f"is silent at {phase}", is_silent(phase, skip=skip), patience=0.3)
        for phase, skip in (("connect", 0), ("helo", 0), ("mail", 3), ("rcpt", 3), ("data", 3))
    ),
    Fault("is silent in the TLS handshake", with_tls(is_silent("tls")), patience=0.3),
    Fault("is silent at the password", with_login(is_silent("auth")), patience=0.3),
    Fault("is silent after the dot, taken", is_silent("dot", skip=3), 1, has=True, patience=0.1),
    Fault("is silent after the dot, lost", is_silent("dot", taken=False), 1, patience=0.1),
    # It takes it for some and not for others.
    Fault("450 for some", for_some("rcpt", "450 4.2.1 greylisted", "r2", "r5", times=2)),
    Fault("451 for some at DATA", for_some("data", "451 4.3.0 later", "r0", "r7")),
    Fault("451 for some after the dot", for_some("dot", "451 4.3.0 later", "r0", "r7", times=2)),
    Fault("421 after the dot", for_some("dot", "421 4.3.2 shutting down", "r3")),
    Fault("550 for some", for_some("rcpt", "550 5.1.1 unknown", "r1", "r4"), bounced=("r1", "r4")),
    Fault("a full mailbox", for_some("rcpt", "552 5.2.2 full", "r6", times=3)),
    Fault("554 after the dot", for_some("dot", "554 5.7.1 spam", "r3"), bounced=("r3",)),
    # It says what is no answer.
    Fault("nonsense after the dot", says("dot", "??", skip=1), 1, has=True),
    Fault("nonsense at the greeting", says("connect", "hello there"), reason="no SMTP"),
]


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_server_that_fails_and_recovers_loses_nobody_and_repeats_to_nobody(
    mailroom: Mailroom, mail_server: Server, fault: Fault, connections: int
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.options["smtp_connections"] = connections
    mailroom.patience = fault.patience
    fault.tell(mail_server)
    told = len(mail_server._faults)
    if mail_server.login:
        mailroom.url = mailroom.url.replace("//", "//desk:right@")
    if mail_server.ca.name:
        mailroom.url += f"?tls=required&ca={mail_server.ca}"
    reports = mailroom.deliver_until_done()
    assert (told > 0, mail_server._faults) == (True, [])
    assert fault.reason in " ".join(report.reason for report in reports)
    bounced = {f"{name}@example.org" for name in fault.bounced}
    doubtful = mailroom.who("unconfirmed")
    assert (len(doubtful), mailroom.who("bounced")) == (fault.doubtful, bounced)
    certain = set(PEOPLE) - bounced - doubtful
    assert mailroom.who("sent") == certain
    arrived = doubtful if fault.has else set()
    assert mail_server.counts == dict.fromkeys(certain | arrived, 1)
    # A person who looks settles what nobody could know.
    if doubtful:
        with mailroom.opened() as workshop:
            settled = settle(workshop, mailroom.status, mailroom.now, arrived=fault.has)
            assert settled == fault.doubtful
            deliver(workshop, mailroom.clock)
    assert mailroom.status.state == "sent"
    assert mail_server.counts == dict.fromkeys(set(PEOPLE) - bounced, 1)
    assert mailroom.who("sent") == set(PEOPLE) - bounced


def test_no_delivery_is_lost_to_a_server_that_is_down_and_the_edition_goes_on_by_itself(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mail_server.down()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts, report.tried) == ("sending", {"pending": 8}, {})
    assert "can't be reached (Connection refused); is the mail server up?" in report.reason
    assert report.waits_until == mailroom.now + timedelta(seconds=30)
    assert "not sent now, next try at 07:00:30 UTC" in caplog.text
    assert mailroom.deliver() == []
    mail_server.up()
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.status.reason == ""


def test_a_server_that_goes_down_in_mid_round_has_the_rest_afterwards(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()

    def stumble(_: Envelope) -> None:
        if len(mail_server.accepted) == 3:
            mail_server.down()

    mailroom.around = lambda inner: mailroom.meddling(inner, after=stumble)
    (report,) = mailroom.deliver()
    assert report.counts == {"sent": 3, "pending": 5}
    mail_server.up()
    mailroom.around = lambda inner: inner
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_certificate_that_is_not_trusted_stops_all_until_it_is(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mail_server.offer_tls()
    plain = mailroom.url
    mailroom.url = f"{plain}?tls=required"
    (report,) = mailroom.deliver()
    assert "certificate is not trusted" in report.reason
    assert "check DIGEST_SMTP_URL" in report.reason
    assert (report.counts, mail_server.counts) == ({"pending": 8}, {})
    mailroom.url = f"{plain}?tls=required&ca={mail_server.ca}"
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_wrong_password_stops_all_until_it_is_right(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mail_server.login = ("desk", "right")
    mailroom.url = mailroom.url.replace("//", "//desk:hunter2@")
    (report,) = mailroom.deliver()
    assert "refuses the user or the password" in report.reason
    assert report.counts == {"pending": 8}
    assert "hunter2" not in report.reason + caplog.text
    mailroom.url = mailroom.url.replace("hunter2", "right")
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_no_address_is_whole_in_any_log_line_or_report(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mailroom.subscribe("alexandra", "konstantin", "ann")
    mail_server.replies("rcpt", "550 5.1.1 <alexandra@example.org>: unknown", times=1)
    mail_server.replies("rcpt", "450 4.2.0 konstantin@example.org is busy", times=1)
    mail_server.drops("dot")
    mailroom.build()
    with caplog.at_level("DEBUG", logger="digest"):
        reports = mailroom.deliver()
    told = caplog.text + str(reports)
    assert "a…@example.org" in caplog.text
    assert not any(name in told for name in ("alexandra", "konstantin", "ann@"))


# --- a server that refuses everybody ---------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3])
def test_a_server_that_refuses_the_first_twenty_is_the_one_to_blame(
    mailroom: Mailroom, mail_server: Server, connections: int
) -> None:
    names = [f"r{number}" for number in range(30)]
    people = mailroom.subscribe(*names)
    mailroom.options["smtp_connections"] = connections
    mail_server.replies("rcpt", "550 5.7.1 your network is not welcome", times=999)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert report.state == "sending"
    assert "messages in a row did not get through" in report.reason
    assert "550 5.7.1 your network is not welcome" in report.reason
    assert "bounced" not in report.counts
    refused = report.counts["deferred"]
    assert 20 <= refused < 20 + connections
    assert (report.counts["pending"], report.tried) == (30 - refused, {"deferred": refused})
    mail_server.behaves()
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert mailroom.counts == {"sent": 30}


def test_a_limit_that_the_server_reaches_in_mid_send_bounces_nobody(
    mailroom: Mailroom, mail_server: Server
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(45)))
    mail_server.replies("rcpt", "550 5.7.1 daily sending limit exceeded", skip=5, times=20)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sending", {"sent": 5, "deferred": 20, "pending": 20})
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert mailroom.counts == {"sent": 45}


def test_refusals_among_others_who_are_served_are_theirs(
    mailroom: Mailroom, mail_server: Server
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(30)))
    refused = people[1::2]
    for address in refused:
        mail_server.replies("rcpt", "550 5.7.1 no", to=address, times=99)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 15, "bounced": 15})
    assert set(mail_server.counts) == set(people) - set(refused)
    with mailroom.store() as store:
        bounced = store.deliveries.listed(*mailroom.key, ("bounced",))
    assert {one.reason for one in bounced} == {"550 5.7.1 no"}


@pytest.mark.parametrize("words", ["550 5.7.1 no", "550 5.1.1 No such user here"])
def test_a_server_that_refuses_all_of_a_few_is_the_one_to_blame(
    mailroom: Mailroom, mail_server: Server, words: str
) -> None:
    mailroom.subscribe(*NAMES)
    mail_server.replies("rcpt", words, times=8)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sending", {"deferred": 8})
    assert "took none of 8 messages" in report.reason
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.status.state == "sent"


def test_where_a_server_goes_on_to_refuse_all_the_edition_has_failed_and_can_be_sent_again(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.options["send_retry_hours"] = 1
    mailroom.subscribe(*NAMES)
    mail_server.replies("rcpt", "550 5.1.1 No such user here", times=9999)
    mailroom.build()
    mailroom.deliver_until_done()
    assert mailroom.status.state == "failed"
    mail_server.behaves()
    with mailroom.opened() as workshop:
        status = release(workshop, mailroom.status, mailroom.now)
        deliver(workshop, mailroom.clock, editions=[status])
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.status.state == "sent"


def test_a_server_that_leaves_each_message_in_doubt_gets_three_at_a_time(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mail_server.drops("dot", times=3, taken=False)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sending", {"unconfirmed": 3, "pending": 5})
    mailroom.deliver_until_done()
    assert mailroom.counts == {"unconfirmed": 3, "sent": 5}


# --- settling --------------------------------------------------------------------------------


def test_what_is_unconfirmed_is_never_tried_again_by_itself(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mail_server.drops("dot", skip=1, times=3)
    mailroom.build()
    mailroom.deliver_until_done()
    for _ in range(5):
        mailroom.later(hours=12)
        assert mailroom.deliver() == []
    assert mailroom.counts == {"sent": 5, "unconfirmed": 3}
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_each_of_the_unconfirmed_can_be_settled_in_its_own_way(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    for name, taken in (("r2", True), ("r6", False)):
        mail_server.drops("dot", to=f"{name}@example.org", taken=taken)
    mailroom.build()
    mailroom.deliver_until_done()
    with mailroom.opened() as workshop:
        now, status = mailroom.now, mailroom.status
        assert settle(workshop, status, now, arrived=True, addresses=["R2@example.org"]) == 1
        assert settle(workshop, status, now, arrived=False, addresses=["r6@example.org"]) == 1
        deliver(workshop, mailroom.clock)
    assert mailroom.counts == {"sent": 8}
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


# --- trouble with the database ---------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is asked again at once."""
    monkeypatch.setattr(rounds, "_DATABASE_WAIT", (0.02, 0.05))


def after_three(server: Server, do: Callable[[], None]) -> Callable[[Envelope], None]:
    """Does it once, when the server has taken the third message."""
    done: list[bool] = []

    def happens(_: Envelope) -> None:
        if not done and len(server.accepted) >= 3:
            done.append(True)
            do()

    return happens


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("moment", ["after", "in_doubt", "at_the_dot", "before"])
@pytest.mark.parametrize("connections", [1, 3])
def test_a_database_that_is_locked_in_mid_round_is_waited_for(
    mailroom: Mailroom,
    mail_server: Server,
    caplog: pytest.LogCaptureFixture,
    moment: str,
    connections: int,
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.options["smtp_connections"] = connections
    mailroom.lock_seconds = 0.1
    path = mailroom.folder / "base" / "digest.db"
    released = threading.Event()

    def lock() -> None:
        holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")

        def release() -> None:
            holder.execute("ROLLBACK")
            holder.close()
            released.set()

        threading.Timer(0.5, release).start()

    meddle = after_three(mail_server, lock)
    mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: meddle})
    (report,) = mailroom.deliver()
    assert released.wait(10)
    assert "another process has held it for over 0.1 s; wait for it, or end it" in caplog.text
    assert set(report.counts) <= {"sent", "pending"}
    assert set(mail_server.counts.values()) == {1}
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.counts == {"sent": 8}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("moment", ["after", "in_doubt", "at_the_dot"])
def test_a_full_disk_under_the_database_is_waited_for(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    """Each answer fills a good part of a page, of which there are no more."""
    names = [f"r{number}" for number in range(60)]
    people = mailroom.subscribe(*names)
    mailroom.build()
    mail_server.replies("rcpt", f"450 4.2.0 {'busy ' * 60}", skip=4, times=50)
    limit = [2**30]
    tried: list[int] = []

    def fill(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={limit[0]}").close()
        if limit[0] == 1:
            tried.append(1)
            if len(tried) > 8:
                limit[0] = 2**30  # somebody made room

    def full() -> None:
        limit[0] = 1

    meddle = after_three(mail_server, full)
    mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: meddle})
    with mailroom.opened() as workshop:
        event.listen(workshop.store._database._engine, "checkout", fill)
        for _ in range(60):
            deliver(workshop, mailroom.clock)
            if mailroom.status.state == "sent":
                break
            mailroom.later(minutes=10)
    assert "the disk is full; make room" in caplog.text
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert mailroom.counts == {"sent": 60}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("moment", ["after", "in_doubt", "at_the_dot"])
def test_a_database_that_cannot_be_written_is_waited_for(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    tried: list[int] = []
    is_away = [False]

    def refuse(connection: Any, *_: Any) -> None:
        tried.append(1)
        if is_away[0] and len(tried) > 8:
            is_away[0] = False
        connection.execute(f"PRAGMA query_only={'ON' if is_away[0] else 'OFF'}").close()

    def go() -> None:
        tried.clear()
        is_away[0] = True

    meddle = after_three(mail_server, go)
    mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: meddle})
    with mailroom.opened() as workshop:
        event.listen(workshop.store._database._engine, "checkout", refuse)
        for _ in range(5):
            deliver(workshop, mailroom.clock)
            mailroom.later(minutes=1)
    assert "can't be written; check the rights of the file and its folder" in caplog.text
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.counts == {"sent": 8}


def test_a_database_that_is_away_when_the_round_begins_ends_it_with_its_error(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.lock_seconds = 0.05
    path = mailroom.folder / "base" / "digest.db"
    with mailroom.opened() as workshop:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another process has held it"):
                deliver(workshop, mailroom.clock)
            holder.execute("ROLLBACK")
        (report,) = deliver(workshop, mailroom.clock)
    assert report.state == "sent"
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("what", ["folder", "files"])
@pytest.mark.parametrize("moment", ["after", "in_doubt", "at_the_dot"])
def test_a_database_that_is_moved_away_and_back_costs_nobody_anything(
    mailroom: Mailroom,
    mail_server: Server,
    caplog: pytest.LogCaptureFixture,
    what: str,
    moment: str,
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    base, away = mailroom.folder / "base", mailroom.folder / "away"
    is_back = threading.Event()
    with mailroom.opened() as workshop:

        def move() -> None:
            # The connections too: those to a local file outlive its moving, others don't.
            workshop.store.close()
            base.rename(away)
            if what == "files":
                base.mkdir()
            threading.Timer(0.4, back).start()

        def back() -> None:
            if what == "files":
                base.rmdir()
            away.rename(base)
            is_back.set()

        meddle = after_three(mail_server, move)
        mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: meddle})
        deliver(workshop, mailroom.clock)
        assert is_back.wait(10)
        assert "can't be opened; check that its folder is there and writable" in caplog.text
        mailroom.later(minutes=1)
        deliver(workshop, mailroom.clock)
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
    assert mailroom.counts == {"sent": 8}


# --- trouble with the outbox -----------------------------------------------------------------


def test_an_outbox_that_cannot_be_read_makes_the_edition_wait(
    mailroom: Mailroom, mail_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    path = mailroom.outbox.folder(*mailroom.key) / "edition.json"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    for _ in range(3):
        mailroom.deliver()
        mailroom.later(minutes=2)
    assert "edition.json was changed after the edition was built" in mailroom.status.reason
    assert mailroom.status.attempts == 3
    assert str(path) in caplog.text
    path.write_bytes(data)
    mailroom.later(minutes=2)
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("kind", ["maildir", "file"])
def test_a_folder_that_takes_no_mail_is_tried_again_and_has_each_message_once(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch, number: int, kind: str
) -> None:
    folder = mailroom.folder / "mail"
    mailroom.url = f"{kind}:{folder}"
    mailroom.subscribe(*NAMES)
    mailroom.build()
    sync, left = os.fsync, [5]

    def refuse(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        (report,) = mailroom.deliver()
    assert report.state == "sending"
    assert str(folder) in report.reason
    assert 0 < report.counts["sent"] < 8
    assert set(report.counts) == {"sent", "pending"}
    mailroom.deliver_until_done()
    assert mailroom.counts == {"sent": 8}
    assert sum(path.is_file() for path in folder.rglob("*")) == 8


# --- stopping --------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3])
def test_a_round_that_is_stopped_puts_the_rest_back(
    mailroom: Mailroom, mail_server: Server, connections: int
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.options["smtp_connections"] = connections
    stop = threading.Event()
    mailroom.around = lambda inner: mailroom.meddling(
        inner, after=after_three(mail_server, stop.set)
    )
    (report,) = mailroom.deliver(stop=stop)
    sent = report.counts["sent"]
    assert 3 <= sent < 3 + connections
    assert report.counts == {"sent": sent, "pending": 8 - sent}
    assert (report.state, report.reason) == ("sending", "")
    (report,) = mailroom.deliver()
    assert (report.state, report.tried) == ("sent", {"sent": 8 - sent})
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_round_that_is_stopped_before_it_begins_sends_nothing(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    stop = threading.Event()
    stop.set()
    assert mailroom.deliver(stop=stop) == []
    assert mail_server.sessions == 0


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(
    ("phase", "doubtful"), [("connect", 0), ("rcpt", 0), ("data", 0), ("dot", 1)]
)
def test_a_silent_server_does_not_keep_a_round_from_stopping(
    mailroom: Mailroom,
    mail_server: Server,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    doubtful: int,
    connections: int,
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE", 0.3)
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.patience = 60
    mailroom.options["smtp_connections"] = connections
    mail_server.falls_silent(phase, skip=0 if phase == "connect" else 3, taken=False)
    stop = threading.Event()
    ending = threading.Timer(0.5, stop.set)
    ending.start()
    (report,) = mailroom.deliver(stop=stop)
    ending.join()
    assert report.counts.get("unconfirmed", 0) == doubtful
    assert set(report.counts) <= {"sent", "pending", "unconfirmed"}
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(mailroom.who("sent"), 1)
    assert mailroom.counts.get("sent", 0) + doubtful == 8


def test_a_transport_that_comes_after_the_word_to_stop_is_cut_as_well() -> None:
    """As when a thread looks, finds no word to stop, and has to wait for its turn then."""

    class Late:
        def __init__(self) -> None:
            self.cuts = threading.Semaphore(0)

        def cut(self) -> None:
            self.cuts.release()

    first, late = Late(), Late()
    transports: list[Any] = [first]
    stop = threading.Event()
    stop.set()
    with stopping.cutting(stop, transports, patience=0):
        assert first.cuts.acquire(timeout=30)
        transports.append(late)
        assert late.cuts.acquire(timeout=30)


@pytest.mark.usefixtures("quick")
def test_a_round_is_stopped_while_the_database_is_away_and_only_what_nobody_noted_is_in_doubt(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.lock_seconds = 0.05
    path = mailroom.folder / "base" / "digest.db"
    stop = threading.Event()
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:

        def lock() -> None:
            holder.execute("BEGIN IMMEDIATE")
            threading.Timer(0.3, stop.set).start()

        mailroom.around = lambda inner: mailroom.meddling(
            inner, after=after_three(mail_server, lock)
        )
        (report,) = mailroom.deliver(stop=stop)
        holder.execute("ROLLBACK")
    assert "another process has held it" in report.reason
    mailroom.around = lambda inner: inner
    mailroom.deliver_until_done()
    assert mailroom.counts == {"sent": 7, "unconfirmed": 1}
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


# --- what nobody is prepared for -------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(
    ("moment", "doubtful"), [("before", 0), ("at_the_dot", 0), ("in_doubt", 1), ("after", 1)]
)
def test_a_defect_in_the_transport_costs_one_round_and_nobody_their_copy(
    mailroom: Mailroom,
    mail_server: Server,
    caplog: pytest.LogCaptureFixture,
    moment: str,
    doubtful: int,
    connections: int,
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    mailroom.options["smtp_connections"] = connections

    def fail() -> None:
        raise ZeroDivisionError("a defect")

    meddle = after_three(mail_server, fail)
    mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: meddle})
    (report,) = mailroom.deliver()
    assert report.reason == "unexpected ZeroDivisionError: a defect (please report it)"
    assert "Traceback" in caplog.text
    mailroom.deliver_until_done()
    assert len(mailroom.who("unconfirmed")) == doubtful
    assert mailroom.counts["sent"] == 8 - doubtful
    assert set(mailroom.who("sent")) <= set(mail_server.counts)
    assert set(mail_server.counts.values()) == {1}


def test_one_edition_that_cannot_be_sent_does_not_keep_the_others(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    for date in ("2026-03-01", "2026-03-02"):
        mailroom.build(date=date)
    (mailroom.outbox.folder(mailroom.digest, "2026-03-01") / "edition.json").write_text("{}")
    first, second = mailroom.deliver()
    assert (first.state, second.state) == ("approved", "sent")
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_theme_that_is_broken_in_mid_round_makes_the_rest_wait(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    theme: Path = mailroom.folder / "templates" / "bare" / "digest.html.j2"
    good = theme.read_text()
    theme.write_text("{% for")
    (report,) = mailroom.deliver()
    assert report.counts == {"deferred": 8}
    with mailroom.store() as store:
        waiting = store.deliveries.listed(*mailroom.key, ("deferred",))
    assert all("digest.html.j2" in one.reason for one in waiting)
    theme.write_text(good)
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)


def test_a_lost_state_folder_makes_a_new_service_of_it_that_waits_for_the_old_ones_claims(
    mailroom: Mailroom, mail_server: Server
) -> None:
    mailroom.subscribe(*NAMES)
    mailroom.build()
    with mailroom.opened() as workshop:
        store, owner, now = workshop.store, f"{workshop.owner}.0", mailroom.now
        store.deliveries.freeze(*mailroom.key, now, lambda *_: True)
        assert store.deliveries.turn(*mailroom.key, owner, now, now + timedelta(hours=1))
    moved = replace(mailroom, state="new-state")
    moved.deliver()
    assert moved.counts == {"sent": 7, "pending": 1}
    moved.later(hours=1, seconds=1)
    moved.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(PEOPLE, 1)
