"""A mail server that misbehaves: nobody is lost, nobody has a message twice, nothing hangs."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import RelayError
from digest.outbox.smtp import Relay, SmtpTransport
from digest.records import Envelope

Letter = Callable[..., Envelope]
Opened = Callable[..., Any]

GARBAGE = b"\x00\xff\xfe nonsense\r\n"
BEFORE_THE_DOT = ["connect", "helo", "mail", "rcpt", "data"]


def outcome(transport: Any, envelope: Envelope) -> str:
    """What became of it: a receipt's outcome, or `relay`."""
    try:
        return str(transport.send(envelope).outcome)
    except RelayError as error:
        return "relay" if str(error).startswith(transport.address) else f"nameless: {error}"


# --- one fault at a time -------------------------------------------------------------------


@pytest.mark.parametrize("phase", BEFORE_THE_DOT)
@pytest.mark.parametrize("fault", ["drops", "falls_silent", "garbage", "421"])
def test_what_fails_before_the_dot_is_not_delivered_and_may_be_tried_again(
    mail_server: Any, letter: Letter, opened: Opened, phase: str, fault: str
) -> None:
    if fault == "garbage":
        mail_server.replies(phase, GARBAGE)
    elif fault == "421":
        mail_server.replies(phase, "421 4.3.2 shutting down")
    else:
        getattr(mail_server, fault)(phase)
    transport = opened(mail_server.url, timeout=0.3)
    assert outcome(transport, letter()) == "relay"
    assert mail_server.counts == {}
    assert outcome(transport, letter()) == "sent"
    assert mail_server.counts == {"ann@example.org": 1}


def test_a_connection_that_breaks_off_in_the_message_has_not_delivered_it(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.drops("content")
    transport = opened(mail_server.url)
    with pytest.raises(RelayError, match="before the message was whole"):
        transport.send(letter())
    assert outcome(transport, letter()) == "sent"
    assert mail_server.counts == {"ann@example.org": 1}


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("fault", ["drops", "falls_silent", "garbage"])
def test_what_fails_from_the_dot_on_is_unconfirmed(
    mail_server: Any, letter: Letter, opened: Opened, fault: str, taken: bool
) -> None:
    if fault == "garbage":
        mail_server.replies("dot", GARBAGE, taken=taken)
    else:
        getattr(mail_server, fault)("dot", taken=taken)
    transport = opened(mail_server.url, timeout=0.1)
    receipt = transport.send(letter())
    assert receipt.outcome == "unconfirmed"
    assert receipt.reason.startswith("the server may have taken it: ")
    assert mail_server.counts == ({"ann@example.org": 1} if taken else {})
    # The connection was left: what a late answer meant could not be told.
    assert outcome(transport, letter("bob@example.org")) == "sent"
    assert mail_server.sessions == 2


def test_a_slow_server_is_waited_for_ten_times_as_long_after_the_dot(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.dawdles("dot", 0.6)
    transport = opened(mail_server.url, timeout=0.2)
    assert outcome(transport, letter()) == "sent"


def test_a_server_that_says_a_letter_now_and_then_is_not_waited_for(letter: Letter) -> None:
    """Each byte comes in time; the whole greeting would take minutes."""

    def dribble(client: socket.socket) -> None:
        while True:
            client.sendall(b"2")
            time.sleep(0.05)

    with (
        scripted(dribble) as transport,
        pytest.raises(RelayError, match=r"silent for 0\.3 s"),
    ):
        transport.send(letter())


def test_an_answer_without_an_end_is_given_up(letter: Letter) -> None:
    def babble(client: socket.socket) -> None:
        while True:
            client.sendall(b"220-and another thing\r\n" * 100)

    with scripted(babble) as transport, pytest.raises(RelayError, match="no end"):
        transport.send(letter())


def test_a_line_without_an_end_is_given_up(letter: Letter) -> None:
    def drone(client: socket.socket) -> None:
        while True:
            client.sendall(b"2" * 4096)

    with scripted(drone) as transport, pytest.raises(RelayError, match="line without an end"):
        transport.send(letter())


def test_a_server_that_refuses_in_the_middle_of_the_message_has_not_taken_it(
    letter: Letter,
) -> None:
    """Said before the dot came: whatever it means, the message wasn't whole."""

    def interrupt(client: socket.socket) -> None:
        client.sendall(b"220 hello\r\n")
        for answer in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"):
            client.recv(1000)
            client.sendall(answer)
        client.recv(1000)
        client.sendall(b"354 go ahead\r\n421 4.3.2 on second thoughts, no\r\n")
        client.recv(1_000_000)

    with scripted(interrupt) as transport, pytest.raises(RelayError, match="before the message"):
        transport.send(letter())


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("connect", "554 5.7.1 no service here", "relay"),
        ("connect", "450 4.7.1 greylisted", "relay"),
        ("helo", "451 4.3.0 later", "relay"),
        ("mail", "451 4.3.0 later", "relay"),
        ("mail", "550 5.7.1 <news@example.org> may not send", "relay"),
        ("rcpt", "450 4.2.0 greylisted", "deferred"),
        ("rcpt", "550 5.1.1 no such user", "bounced"),
        ("rcpt", "554 5.7.1 Relay access denied", "deferred"),
        ("data", "451 4.3.0 later", "deferred"),
        ("data", "554 5.5.1 no valid recipients", "bounced"),
        ("dot", "451 4.3.0 later", "deferred"),
        ("dot", "421 4.3.0 shutting down", "deferred"),
        ("dot", "554 5.7.1 spam", "bounced"),
    ],
)
def test_a_refusal_means_one_recipient_or_everybody(
    mail_server: Any, letter: Letter, opened: Opened, phase: str, reply: str, expected: str
) -> None:
    mail_server.replies(phase, reply)
    transport = opened(mail_server.url)
    assert outcome(transport, letter()) == expected
    assert mail_server.counts == {}
    assert outcome(transport, letter("bob@example.org")) == "sent"


def test_some_are_put_off_and_arrive_later(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.replies("rcpt", "450 4.2.0 greylisted", to="bob@example.org", times=2)
    mail_server.replies("rcpt", "550 5.1.1 gone", to="eve@example.org", times=99)
    transport = opened(mail_server.url)
    people = [f"{name}@example.org" for name in ("ann", "bob", "eve", "zoe")]
    rounds = [[outcome(transport, letter(person)) for person in people]]
    rounds += [[outcome(transport, letter("bob@example.org"))] for _ in range(2)]
    assert rounds == [["sent", "deferred", "bounced", "sent"], ["deferred"], ["sent"]]
    assert mail_server.counts == dict.fromkeys(
        ["ann@example.org", "zoe@example.org", "bob@example.org"], 1
    )
    assert mail_server.sessions == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"250-SIZE " + b"9" * 5000, b"250-", b"250 AUTH=", b"421", b"2 5 0"]),
            st.integers(200, 599).map(lambda code: b"%d said" % code),
        ),
        max_size=7,
    )
)
def test_whatever_a_server_says_has_a_meaning(answers: list[bytes]) -> None:
    def babble(client: socket.socket) -> None:
        for answer in answers:
            client.sendall(answer + b"\r\n")
            client.recv(10_000)

    envelope = Envelope("n@example.org", "a@example.org", "<1@example.org>", b"Subject: A\r\n")
    with scripted(babble) as transport:
        end = outcome(transport, envelope)
    assert end in ("relay", "deferred", "bounced", "unconfirmed", "sent")


# --- a connection that was kept ------------------------------------------------------------


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("fault", ["421", "drops"])
def test_a_kept_connection_that_ends_is_opened_again_without_a_word(
    mail_server: Any, letter: Letter, opened: Opened, phase: str, fault: str
) -> None:
    if fault == "421":
        mail_server.replies(phase, "421 4.7.0 too many messages over this connection", skip=3)
    else:
        mail_server.drops(phase, skip=3)
    transport = opened(mail_server.url)
    for number in range(6):
        assert outcome(transport, letter(f"p{number}@example.org")) == "sent"
    assert mail_server.counts == {f"p{number}@example.org": 1 for number in range(6)}
    assert mail_server.sessions == 2


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"250 ok\r\n250 and once more\r\n", "sent"),
        (b"451 later\r\n250 and once more\r\n", "deferred"),
        (b"354 go on\r\n", "unconfirmed"),
    ],
)
def test_an_answer_too_many_is_not_taken_for_the_next_one(
    mail_server: Any, letter: Letter, opened: Opened, reply: bytes, expected: str
) -> None:
    mail_server.replies("dot", reply)
    mail_server.replies("rcpt", "550 5.1.1 gone", to="gone@example.org")
    transport = opened(mail_server.url)
    assert outcome(transport, letter()) == expected
    assert outcome(transport, letter("gone@example.org")) == "bounced"
    assert mail_server.sessions == 2


def test_a_server_that_was_away_between_two_messages_is_not_noticed(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    transport = opened(mail_server.url)
    assert outcome(transport, letter()) == "sent"
    mail_server.down()
    mail_server.up()
    assert outcome(transport, letter("bob@example.org")) == "sent"
    assert mail_server.sessions == 2


def test_it_is_tried_once_again_and_no_more(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.replies("mail", "421 4.7.0 too many messages", skip=1, times=9)
    transport = opened(mail_server.url)
    assert outcome(transport, letter()) == "sent"
    assert outcome(transport, letter("bob@example.org")) == "relay"
    assert mail_server.sessions == 2


def test_what_was_lost_at_the_dot_is_not_sent_again_over_another_connection(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.drops("dot", skip=1)
    transport = opened(mail_server.url)
    assert outcome(transport, letter()) == "sent"
    assert outcome(transport, letter("bob@example.org")) == "unconfirmed"
    assert mail_server.sessions == 1
    assert mail_server.counts["bob@example.org"] == 1


# --- not to be reached ---------------------------------------------------------------------


def test_a_server_that_refuses_connections_is_told_and_comes_back(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.down()
    transport = opened(mail_server.url)
    with pytest.raises(RelayError, match="Connection refused") as caught:
        transport.send(letter())
    assert not caught.value.lasting
    mail_server.up()
    assert outcome(transport, letter()) == "sent"


def test_a_name_that_is_none_is_told(letter: Letter, opened: Opened) -> None:
    with pytest.raises(RelayError, match=r"name is not known \(DNS\)"):
        opened("smtp://nowhere.invalid", timeout=20).send(letter())


@pytest.mark.parametrize("fault", ["drops", "falls_silent", "garbage"])
def test_a_tls_handshake_that_fails_delivers_nothing(
    mail_server: Any, letter: Letter, opened: Opened, fault: str
) -> None:
    mail_server.offer_tls()
    if fault == "garbage":
        mail_server.replies("tls", GARBAGE)
    else:
        getattr(mail_server, fault)("tls")
    transport = opened(f"{mail_server.url}?ca={mail_server.ca}", timeout=0.5)
    with pytest.raises(RelayError, match="TLS could not be begun") as caught:
        transport.send(letter())
    assert not caught.value.lasting
    assert outcome(transport, letter()) == "sent"
    assert mail_server.counts == {"ann@example.org": 1}


def test_tls_spoken_to_a_server_that_speaks_none_is_told(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    with pytest.raises(RelayError, match="TLS could not be begun"):
        opened(mail_server.url.replace("smtp:", "smtps:")).send(letter())


@pytest.mark.parametrize(
    ("phase", "fault", "expected"),
    [("content", "drops", "relay"), ("dot", "drops", "unconfirmed"), ("rcpt", "drops", "relay")],
)
def test_faults_are_told_apart_over_tls_too(
    mail_server: Any, letter: Letter, opened: Opened, phase: str, fault: str, expected: str
) -> None:
    mail_server.offer_tls()
    getattr(mail_server, fault)(phase)
    transport = opened(mail_server.tls_url)
    assert outcome(transport, letter()) == expected
    assert outcome(transport, letter("bob@example.org")) == "sent"


@pytest.mark.parametrize("code", ["454", "500"])
def test_starttls_that_is_refused_is_done_without_only_where_it_is_not_required(
    mail_server: Any, letter: Letter, opened: Opened, code: str
) -> None:
    mail_server.offer_tls()
    mail_server.replies("starttls", f"{code} no", times=2)
    assert outcome(opened(f"{mail_server.url}?tls=required"), letter()) == "relay"
    assert outcome(opened(mail_server.url), letter()) == "sent"


@pytest.mark.parametrize(("reply", "lasting"), [("454 4.7.0 later", False), ("535 5.7.8 no", True)])
def test_a_login_that_is_refused_for_now_may_be_tried_again(
    mail_server: Any, letter: Letter, opened: Opened, reply: str, lasting: bool
) -> None:
    mail_server.login = ("ann", "secret")
    mail_server.replies("auth", reply)
    transport = opened(mail_server.url.replace("//", "//ann:secret@"))
    with pytest.raises(RelayError) as caught:
        transport.send(letter())
    assert caught.value.lasting is lasting
    assert outcome(transport, letter()) == "sent"


# --- being cut -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "expected"),
    [("connect", "relay"), ("mail", "relay"), ("tls", "relay"), ("dot", "unconfirmed")],
)
def test_a_wait_can_be_cut(
    mail_server: Any, letter: Letter, opened: Opened, phase: str, expected: str
) -> None:
    mail_server.offer_tls()
    mail_server.falls_silent(phase)
    transport = opened(f"{mail_server.url}?ca={mail_server.ca}", timeout=50)
    assert cut_short(transport, letter()) == expected
    # Whatever else it is asked fails at once, until it is closed.
    assert outcome(transport, letter("bob@example.org")) == "relay"
    transport.close()
    assert outcome(transport, letter("bob@example.org")) == "sent"


def test_a_wait_for_a_connection_can_be_cut(letter: Letter) -> None:
    with full_backlog() as port:
        transport = SmtpTransport(Relay("127.0.0.1", port, tls="never"), timeout=50)
        assert cut_short(transport, letter()) == "relay"
        transport.close()


def test_a_wait_for_a_name_can_be_cut(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        answered.wait(50)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr("digest.outbox.wire.socket.getaddrinfo", never)
    transport = SmtpTransport(Relay("mail.example.org", 25, tls="never"), timeout=50)
    assert cut_short(transport, letter()) == "relay"
    answered.set()
    transport.close()


def test_a_connection_that_nobody_takes_is_given_up(letter: Letter) -> None:
    with full_backlog() as port:
        transport = SmtpTransport(Relay("127.0.0.1", port, tls="never"), timeout=0.4)
        with pytest.raises(RelayError, match="no answer in time"):
            transport.send(letter())
        transport.close()


def test_close_does_not_wait_for_a_silent_server(
    mail_server: Any, letter: Letter, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.outbox.smtp._FAREWELL_SECONDS", 0.1)
    mail_server.falls_silent("quit")
    transport = opened(mail_server.url, timeout=50)
    assert outcome(transport, letter()) == "sent"
    transport.close()
    assert mail_server.commands[-1] == "QUIT"


# --- all of it -----------------------------------------------------------------------------


def test_through_a_storm_of_faults_nobody_is_lost_and_nobody_has_it_twice(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    """A sender that keeps trying whom it wasn't told to be through with, and no others."""
    for phase in (*BEFORE_THE_DOT, "content"):
        mail_server.drops(phase, skip=3, times=2)
    for phase in BEFORE_THE_DOT:
        mail_server.replies(phase, "421 4.3.2 restarting", skip=7, times=2)
        mail_server.replies(phase, GARBAGE, skip=11)
    mail_server.replies("rcpt", "450 4.2.0 greylisted", skip=5, times=4)
    mail_server.replies("dot", "451 4.3.0 disk full", skip=6, times=3)
    mail_server.drops("dot", skip=20)
    mail_server.drops("dot", skip=30, taken=False)
    people = [f"p{number}@example.org" for number in range(60)]
    transport = opened(mail_server.url, per_connection=9)
    waiting, became = list(people), Counter[str]()
    for _ in range(200):
        if not waiting:
            break
        person = waiting.pop(0)
        end = outcome(transport, letter(person))
        became[end] += 1
        if end in ("deferred", "relay"):
            waiting.append(person)
        elif end == "sent":
            assert mail_server.counts[person] == 1
    assert waiting == []
    assert became["sent"] == 58
    assert became["unconfirmed"] == 2
    assert became["deferred"] == 7
    assert max(mail_server.counts.values()) == 1
    assert len(mail_server.counts) == 59


# --- helpers -------------------------------------------------------------------------------


def cut_short(transport: Any, envelope: Envelope) -> str:
    """What became of a message whose sending, which would last a minute, was cut."""
    ends: list[str] = []
    thread = threading.Thread(target=lambda: ends.append(outcome(transport, envelope)))
    thread.start()
    time.sleep(0.3)
    assert ends == []
    transport.cut()
    thread.join(5)
    assert ends != [], "it still waits"
    return ends[0]


@contextmanager
def scripted(play: Callable[[socket.socket], None]) -> Iterator[SmtpTransport]:
    """A transport to a server that does with one client what `play` does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            try:
                play(client)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    transport = SmtpTransport(
        Relay("127.0.0.1", listener.getsockname()[1], tls="never"), timeout=0.3
    )
    yield transport
    transport.close()
    thread.join(5)
    listener.close()


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port where connections are not refused, and never made either."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = int(listener.getsockname()[1])
    clients = [socket.socket() for _ in range(4)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    yield port
    for client in clients:
        client.close()
    listener.close()
