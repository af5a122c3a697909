"""Messages over SMTP, to a server that does as it should."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import ConfigError, RelayError
from digest.outbox.smtp import Relay, SmtpTransport
from digest.outbox.transport import open_transport
from digest.records import Envelope

Letter = Callable[..., Envelope]
Opened = Callable[..., Any]


def test_a_message_arrives_byte_for_byte(mail_server: Any, letter: Letter, opened: Opened) -> None:
    envelope = letter()
    receipt = opened(mail_server.url).send(envelope)
    assert receipt.outcome == "sent"
    assert receipt.reason == "250 2.0.0 OK"
    assert mail_server.accepted == [("ann@example.org", envelope.message)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(".a\t ", max_size=6), max_size=6))
def test_lines_of_dots_arrive_as_they_are(
    mail_server: Any, letter: Letter, lines: list[str]
) -> None:
    message = "".join(f"{line}\r\n" for line in lines).encode()
    envelope = letter(message=b"Subject: Dots\r\n\r\n" + message)
    transport = SmtpTransport(Relay("127.0.0.1", mail_server.port, tls="never"))
    try:
        assert transport.send(envelope).outcome == "sent"
    finally:
        transport.close()
    assert mail_server.accepted[-1][1] == envelope.message


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_line_end_that_is_none_cannot_end_the_message(
    mail_server: Any, letter: Letter, opened: Opened, end: bytes
) -> None:
    """SMTP smuggling: a bare LF before and after a dot ends the message for some servers."""
    message = b"Subject: A\r\n\r\none" + end + b"." + end + b"MAIL FROM:<x@example.net>\r\n"
    assert opened(mail_server.url).send(letter(message=message)).outcome == "sent"
    [(_, arrived)] = mail_server.accepted
    assert arrived.endswith(b"one\r\n.\r\nMAIL FROM:<x@example.net>\r\n")


def test_a_message_without_a_line_end_gets_one(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    assert opened(mail_server.url).send(letter(message=b"\r\nlast")).outcome == "sent"
    assert mail_server.accepted[0][1].endswith(b"\r\nlast\r\n")


def test_one_connection_serves_many_messages(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    transport = opened(mail_server.url)
    for number in range(5):
        assert transport.send(letter(f"p{number}@example.org")).outcome == "sent"
    assert mail_server.sessions == 1
    assert mail_server.counts == {f"p{number}@example.org": 1 for number in range(5)}
    assert "RSET" not in mail_server.commands


def test_a_connection_is_left_after_as_many_messages_as_it_may_carry(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    transport = opened(mail_server.url, per_connection=2)
    for number in range(5):
        assert transport.send(letter(f"p{number}@example.org")).outcome == "sent"
    assert mail_server.sessions == 3
    assert mail_server.commands.count("QUIT") == 2


def test_after_close_it_connects_again(mail_server: Any, letter: Letter, opened: Opened) -> None:
    transport = opened(mail_server.url)
    transport.send(letter())
    transport.close()
    assert transport.send(letter("bob@example.org")).outcome == "sent"
    assert mail_server.sessions == 2


def test_a_refused_recipient_costs_the_next_one_nothing(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.replies("rcpt", "550 5.1.1 <gone@example.org>: no such user", to="gone@example.org")
    transport = opened(mail_server.url)
    receipt = transport.send(letter("gone@example.org"))
    assert (receipt.outcome, receipt.dead) == ("bounced", True)
    assert receipt.reason == "550 5.1.1 <g…@example.org>: no such user"
    assert transport.send(letter("ann@example.org")).outcome == "sent"
    assert mail_server.counts == {"ann@example.org": 1}
    assert mail_server.sessions == 1


class Withdrawn(Exception):
    """What a caller may raise."""


def test_the_caller_is_asked_once_right_before_the_server_has_the_message(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.replies("mail", "421 4.7.0 too many", skip=1)
    mail_server.replies("rcpt", "450 4.2.0 later", to="later@example.org")
    transport, seen = opened(mail_server.url), []

    def ready() -> None:
        seen.append((mail_server.commands[-1], dict(mail_server.counts)))

    for person in ("ann", "bob", "later"):
        transport.send(letter(f"{person}@example.org"), ready)
    assert seen == [("DATA", {}), ("DATA", {"ann@example.org": 1})]
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}


def test_a_message_that_the_caller_takes_back_is_not_delivered(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    def withdraw() -> None:
        raise Withdrawn

    transport = opened(mail_server.url)
    with pytest.raises(Withdrawn):
        transport.send(letter(), withdraw)
    assert transport.send(letter("bob@example.org")).outcome == "sent"
    transport.close()
    assert mail_server.counts == {"bob@example.org": 1}
    assert mail_server.sessions == 2


def test_a_server_cannot_be_asked_what_it_has(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    assert opened(mail_server.url).has(letter()) is None


@pytest.mark.parametrize(
    "address",
    [
        "a\r\nRCPT TO:<x@example.org>",
        "a@b>\nDATA",
        "jörg@example.org",
        "",
        "a b@c",
        "a>@b",
    ],
)
def test_an_address_cannot_be_a_command(
    mail_server: Any, letter: Letter, opened: Opened, address: str
) -> None:
    receipt = opened(mail_server.url).send(letter(address))
    assert (receipt.outcome, receipt.dead) == ("bounced", False)
    good = letter()
    bad_sender = Envelope(address, good.recipient, good.message_id, good.message)
    with pytest.raises(RelayError, match="sender") as caught:
        opened(mail_server.url).send(bad_sender)
    assert caught.value.lasting
    assert mail_server.commands == []


def test_a_quoted_local_part_arrives(mail_server: Any, letter: Letter, opened: Opened) -> None:
    assert opened(mail_server.url).send(letter('"ann lee"@example.org')).outcome == "sent"
    assert 'RCPT TO:<"ann lee"@example.org>' in mail_server.commands


def test_a_message_larger_than_the_server_takes_is_not_even_begun(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.size_limit = 1000
    with pytest.raises(RelayError, match="up to 1,000 bytes, and this one has") as caught:
        opened(mail_server.url).send(letter(message=b"x" * 990 + b"\r\n"))
    assert caught.value.lasting
    assert not any(command.startswith("MAIL") for command in mail_server.commands)


def test_it_greets_with_the_name_it_is_told(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    opened(mail_server.url + "?helo=mail.example.org").send(letter())
    assert mail_server.commands[0] == "EHLO mail.example.org"


def test_without_a_full_name_it_greets_with_its_address(
    mail_server: Any, letter: Letter, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    opened(mail_server.url).send(letter())
    assert mail_server.commands[0] == "EHLO [127.0.0.1]"


def test_a_server_that_knows_only_helo_is_enough(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.replies("helo", "502 5.5.1 what?")
    assert opened(mail_server.url).send(letter()).outcome == "sent"
    assert [command[:4] for command in mail_server.commands[:2]] == ["EHLO", "HELO"]


def test_many_threads_with_a_transport_each_deliver_each_message_once(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    def work(transport: Any, numbers: range) -> None:
        for number in numbers:
            assert transport.send(letter(f"p{number}@example.org")).outcome == "sent"

    threads = [
        threading.Thread(target=work, args=(opened(mail_server.url), range(start, 60, 3)))
        for start in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mail_server.counts == {f"p{number}@example.org": 1 for number in range(60)}


# --- TLS -----------------------------------------------------------------------------------


def test_starttls_is_used_where_it_is_offered(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.offer_tls(own_authority=False)
    assert opened(mail_server.url).send(letter()).outcome == "sent"
    assert [command[:4] for command in mail_server.commands[:3]] == ["EHLO", "STAR", "EHLO"]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_of_a_private_authority_is_trusted_when_told(
    mail_server: Any, letter: Letter, opened: Opened, implicit: bool
) -> None:
    mail_server.offer_tls()
    url = mail_server.tls_url if implicit else f"{mail_server.url}?ca={mail_server.ca}"
    transport = opened(url)
    for number in range(3):
        assert transport.send(letter(f"p{number}@example.org")).outcome == "sent"
    assert len(mail_server.accepted) == 3


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("own_authority", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    mail_server: Any, letter: Letter, opened: Opened, implicit: bool, own_authority: bool
) -> None:
    mail_server.offer_tls(own_authority=own_authority)
    url = f"{mail_server.url}?tls=required"
    if implicit:
        url = mail_server.tls_url.partition("?")[0]
    with pytest.raises(RelayError, match="certificate is not trusted") as caught:
        opened(url).send(letter())
    assert caught.value.lasting
    assert mail_server.counts == {}


def test_a_certificate_for_another_name_is_refused(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.offer_tls(name="DNS:other.example")
    with pytest.raises(RelayError, match=r"not valid for '127\.0\.0\.1'") as caught:
        opened(mail_server.tls_url).send(letter())
    assert caught.value.lasting


def test_required_tls_that_is_not_offered_stops_everything(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.login = ("ann", "secret")
    url = mail_server.url.replace("//", "//ann:secret@") + "?tls=required"
    with pytest.raises(RelayError, match="offers no TLS") as caught:
        opened(url).send(letter())
    assert caught.value.lasting
    assert "AUTH" not in mail_server.commands


def test_a_password_is_never_sent_in_the_clear_to_another_machine(
    mail_server: Any, letter: Letter, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relay, "is_loopback", False)
    mail_server.login = ("ann", "secret")
    url = mail_server.url.replace("//", "//ann:secret@") + "?tls=offered"
    with pytest.raises(RelayError, match="offers no TLS"):
        opened(url).send(letter())
    # Nor to one that only says that it is who it should be.
    mail_server.offer_tls()
    with pytest.raises(RelayError, match="certificate is not trusted"):
        opened(url).send(letter())
    assert "AUTH" not in mail_server.commands


def test_words_slipped_in_before_tls_are_not_read_after_it(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    """CVE-2011-0411: what came in plain text together with the answer to STARTTLS."""
    mail_server.offer_tls()
    mail_server.replies("starttls", b"220 Go ahead\r\n250 not from the server\r\n")
    with pytest.raises(RelayError, match="between STARTTLS and TLS"):
        opened(f"{mail_server.url}?ca={mail_server.ca}").send(letter())


# --- logging in ----------------------------------------------------------------------------


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",), ("CRAM-MD5", "PLAIN")])
@pytest.mark.parametrize("password", ["secret", "p@ss:w/rd%# ü"])
def test_it_logs_in(
    mail_server: Any, letter: Letter, opened: Opened, mechanisms: tuple[str, ...], password: str
) -> None:
    mail_server.login = ("news@example.org", password)
    mail_server.mechanisms = mechanisms
    user = f"{quote('news@example.org', safe='')}:{quote(password, safe='')}"
    transport = opened(mail_server.url.replace("//", f"//{user}@"))
    assert transport.send(letter()).outcome == "sent"
    assert mail_server.commands.count("AUTH") == 1


def test_it_logs_in_over_tls(mail_server: Any, letter: Letter, opened: Opened) -> None:
    mail_server.offer_tls()
    mail_server.login = ("ann", "secret")
    assert opened(mail_server.tls_url.replace("//", "//ann:secret@")).send(letter())
    assert mail_server.counts == {"ann@example.org": 1}


def test_a_wrong_password_stops_everything_and_is_not_shown(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.login = ("ann", "secret")
    transport = opened(mail_server.url.replace("//", "//ann:wrongpassword@"))
    with pytest.raises(
        RelayError, match=r"refuses the user or the password: 535 5\.7\.8"
    ) as caught:
        transport.send(letter())
    assert caught.value.lasting
    assert "DIGEST_SMTP_URL" in str(caught.value)
    assert "wrongpassword" not in f"{caught.value!r} {caught.value.__cause__!r} {transport!r}"


def test_a_login_that_is_wanted_but_not_given_stops_everything(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    mail_server.login = ("ann", "secret")
    with pytest.raises(RelayError, match=r"530 5\.7\.0") as caught:
        opened(mail_server.url).send(letter())
    assert caught.value.lasting


def test_a_login_that_is_not_offered_stops_everything(
    mail_server: Any, letter: Letter, opened: Opened
) -> None:
    with pytest.raises(RelayError, match="no login by a password") as caught:
        opened(mail_server.url.replace("//", "//ann:secret@")).send(letter())
    assert caught.value.lasting


# --- the setting ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.org", Relay("mail.example.org", 587)),
        ("SMTP://Mail.Example.org:25/", Relay("mail.example.org", 25)),
        ("smtps://mail.example.org", Relay("mail.example.org", 465, implicit=True)),
        ("smtp://localhost", Relay("localhost", 587, tls="offered")),
        ("smtp://[::1]:2525", Relay("::1", 2525, tls="offered")),
        ("smtp://[2001:db8::1]?tls=never", Relay("2001:db8::1", 587, tls="never")),
        ("smtp://127.0.0.1?tls=required", Relay("127.0.0.1", 587)),
        (
            "smtp://a%40b:p%3Aw%2F%25@mail.example.org?helo=me.example",
            Relay("mail.example.org", 587, user="a@b", password="p:w/%", helo="me.example"),
        ),
        ("smtp://bücher.example", Relay("xn--bcher-kva.example", 587)),
    ],
)
def test_the_setting_says_where_and_how(opened: Opened, url: str, relay: Relay) -> None:
    assert opened(url)._relay == relay


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must be smtp://"),
        ("mail.example.org", "must be smtp://"),
        ("https://mail.example.org", "must be smtp://"),
        ("smtp:", "must be smtp://host"),
        ("smtp://", "must be smtp://host"),
        ("smtp://:587", "no valid host"),
        ("smtp://ann:geheim@", "no valid host"),
        ("smtp://ann:geheim@mail.example.org:99999", "no valid host and port"),
        ("smtp://ann:geheim@mail.example.org:smtp", "no valid host and port"),
        ("smtp://ann:geheim#1@mail.example.org", "write @ as %40"),
        ("smtp://ann:geheim/1@mail.example.org", "write @ as %40"),
        ("smtp://ann:geheim?1@mail.example.org", "write @ as %40"),
        ("smtp://ann:geheim℀@mail.example.org", "write @ as %40"),
        ("smtp://ann:geheim[@mail.example.org", "write @ as %40"),
        ("smtp://ann@mail.example.org", "needs a user and a password"),
        ("smtp://:geheim@mail.example.org", "needs a user and a password"),
        ("smtp://ann:geheim%FF@mail.example.org", "UTF-8"),
        ("smtp://ann:geheim%00@mail.example.org", "control character"),
        ("smtp://ann:geheim@mail.example.org\nx", "line break"),
        ("smtp://ann:geheim@mail_.ex ample", "no valid host"),
        ("smtp://ann:geheim@mail.example.org?tls=maybe", "tls must be required, offered or never"),
        ("smtp://ann:geheim@mail.example.org?tls=never", "for all to read"),
        ("smtp://ann:geheim@mail.example.org?geheim=1", "may only be tls, ca or helo"),
        ("smtp://ann:geheim@mail.example.org?tls", "may only be tls, ca or helo"),
        ("smtp://ann:geheim@mail.example.org?tls=", "may only be tls, ca or helo"),
        ("smtp://mail.example.org?tls=never&tls=required", "twice"),
        ("smtp://mail.example.org?helo=a%20b", "helo must be the name"),
        ("smtp://mail.example.org?tls=never&ca=/x", "needs no ca"),
        ("smtp://mail.example.org?ca=/nowhere.pem", "/nowhere.pem can't be read"),
        ("smtps://mail.example.org?tls=offered", "contradicts smtps"),
        ("maildir:", "names no folder"),
        ("file://host/folder", "has a host"),
        ("file:~nobody-known-here/x", "home"),
    ],
)
def test_a_setting_that_is_wrong_is_told_without_the_password(
    opened: Opened, url: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)) as caught:
        opened(url)
    [found] = caught.value.problems
    assert (found.file, found.field) == ("environment", "DIGEST_SMTP_URL")
    assert "geheim" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_file_that_holds_no_certificates_is_told(opened: Opened, tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="no certificates in PEM form"):
        opened(f"smtp://mail.example.org?ca={tmp_path}/ca.pem")


@settings(max_examples=150)
@given(
    st.text(max_size=30), st.sampled_from(["", "smtp://", "smtps://", "maildir:", "smtp://a:b@"])
)
def test_any_setting_is_taken_or_told(text: str, start: str) -> None:
    with contextlib.suppress(ConfigError):
        transport = open_transport(start + text)
        assert transport.address.isprintable()


def test_neither_the_password_nor_the_user_is_shown(opened: Opened) -> None:
    transport = opened("smtp://annuser:secret@[2001:db8::1]:2525")
    assert transport.address == "smtp://[2001:db8::1]:2525"
    shown = f"{transport!r} {transport.address} {transport._relay!r}"
    assert "secret" not in shown


def test_a_server_is_tried_without_a_message(mail_server: Any) -> None:
    transport = open_transport(mail_server.url, timeout=5)
    transport.check()
    assert mail_server.accepted == []
    assert not any(command.startswith("MAIL") for command in mail_server.commands)
    mail_server.down()
    with pytest.raises(RelayError, match="can't be reached"):
        transport.check()
