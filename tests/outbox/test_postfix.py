"""A real mail server: Debian's Postfix, started from a folder of its own, as root."""

from __future__ import annotations

import base64
import contextlib
import mailbox
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from digest.errors import RelayError
from digest.records import Envelope

Letter = Callable[..., Envelope]
Opened = Callable[..., Any]

USER, PASSWORD = "news", "secret"
NOBODY = 65534

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_minimum_uid = 1
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_mailbox_limit = 0
message_size_limit = 300000
smtpd_relay_restrictions = reject_unauth_destination
smtpd_sender_restrictions = check_sender_access texthash:{folder}/senders
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/recipients
smtpd_error_sleep_time = 0
smtpd_timeout = 2s
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{login_port}
"""
MASTER = """
{port} inet n - n - - smtpd
{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
{login_only_port} inet n - n - - smtpd
    -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """A running Postfix: it delivers everything for example.org into one Maildir.

    It refuses gone@example.org for good, and later@example.org until `accept_later`.
    """

    folder: Path
    ports: list[int]
    login: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.ports[0]}?ca={self.folder}/ca.pem"

    @property
    def tls_url(self) -> str:
        return f"smtps://127.0.0.1:{self.ports[1]}?ca={self.folder}/ca.pem"

    def login_url(self, password: str) -> str:
        """Where only who logs in may send."""
        return (
            f"smtp://{USER}:{password}@127.0.0.1:{self.ports[2]}"
            f"?tls=required&ca={self.folder}/ca.pem"
        )

    def write(self) -> None:
        """Its files; those who run it are not root, and must be able to read them."""
        self.folder.chmod(0o755)
        for name in ("queue", "data", "mail", "etc"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        for name in ("mail", "mail/tmp", "mail/new", "mail/cur"):
            (self.folder / name).mkdir(exist_ok=True)
            shutil.chown(self.folder / name, NOBODY, NOBODY)
        main = MAIN.format(
            folder=self.folder, nobody=NOBODY, login_port=self.login.getsockname()[1]
        )
        (self.folder / "etc" / "main.cf").write_text(main)
        port, tls_port, login_only_port = (f"127.0.0.1:{port}" for port in self.ports)
        master = MASTER.format(port=port, tls_port=tls_port, login_only_port=login_only_port)
        (self.folder / "etc" / "master.cf").write_text(master)
        (self.folder / "senders").write_text("spammer@example.org 550 5.7.1 go away\n")
        self.refuse("gone@example.org 550 5.1.1 no such user", "later@example.org 450 4.2.0 later")

    def refuse(self, *lines: str) -> None:
        (self.folder / "recipients").write_text("".join(f"{line}\n" for line in lines))

    def command(self, *words: str) -> None:
        """`postfix start`, `stop` or `reload`."""
        done = subprocess.run(
            ["postfix", "-c", str(self.folder / "etc"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        log = self.folder / "log"
        said = done.stderr + (log.read_text() if log.exists() else "")
        assert done.returncode == 0, said

    def accept_later(self) -> None:
        self.refuse("gone@example.org 550 5.1.1 no such user")
        self.command("reload")

    def delivered(self) -> dict[str, int]:
        """How many messages each recipient has, once nothing waits in the queue any more."""
        queues = [self.folder / "queue" / name for name in ("incoming", "active", "deferred")]
        deadline = time.monotonic() + 10
        while any(path.is_file() for queue in queues for path in queue.rglob("*")):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)
        found = mailbox.Maildir(self.folder / "mail", create=False)
        return dict(Counter(str(message["Delivered-To"]) for message in found))

    def answer_logins(self) -> None:
        """Speaks Dovecot's authentication protocol, which Postfix asks whether a password is right:
        https://doc.dovecot.org/latest/core/man/doveadm-auth.1.html, AUTH protocol 1.1.
        """
        right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        greeting = "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n"

        def serve(client: socket.socket) -> None:
            with client, client.makefile("rw", newline="\n") as lines:
                lines.write(greeting)
                lines.flush()
                for line in lines:
                    words = line.rstrip("\n").split("\t")
                    if words[0] == "AUTH":
                        is_right = f"resp={right}" in words
                        answer = f"OK\t{words[1]}\tuser={USER}" if is_right else f"FAIL\t{words[1]}"
                        lines.write(f"{answer}\n")
                        lines.flush()

        with contextlib.suppress(OSError):
            while True:
                client, _ = self.login.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()


def free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in servers]
    for server in servers:
        server.close()
    return ports


def certify(folder: Path) -> None:
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    for command in (
        f"{new} -subj /CN=Authority -keyout {folder}/ca.key -out {folder}/ca.pem",
        f"{new} -subj /CN=mail -addext subjectAltName=IP:127.0.0.1 "
        "-addext basicConstraints=critical,CA:FALSE -addext keyUsage=digitalSignature "
        f"-keyout {folder}/key.pem -out {folder}/certificate.pem "
        f"-CA {folder}/ca.pem -CAkey {folder}/ca.key",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Postfix]:
    """Postfix, once for the module; in CI its absence is a failure."""
    reason = "" if shutil.which("postfix") else "needs postfix"
    if os.geteuid():
        reason = reason or "needs root, as Postfix does"
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(f"{reason}; in CI its absence is a failure")
    # Not pytest's folder, which is for root alone: Postfix's parts run as users of their own.
    with tempfile.TemporaryDirectory(prefix="digest-postfix-") as folder:
        postfix = Postfix(Path(folder), free_ports(3))
        postfix.write()
        certify(postfix.folder)
        threading.Thread(target=postfix.answer_logins, daemon=True).start()
        postfix.command("start")
        yield postfix
        postfix.command("stop")
        postfix.login.shutdown(socket.SHUT_RDWR)
        postfix.login.close()


@pytest.fixture
def postfix(running: Postfix) -> Postfix:
    """Postfix with an empty Maildir."""
    for path in (running.folder / "mail" / "new").iterdir():
        path.unlink()
    return running


@pytest.fixture
def opened(opened: Opened) -> Opened:
    """With more patience: Postfix starts its parts when they are needed, on a busy machine."""
    return lambda url, **options: opened(url, **{"timeout": 30, **options})


@pytest.mark.parametrize("kind", ["url", "tls_url"])
def test_everybody_has_one_copy_over_one_connection(
    postfix: Postfix, letter: Letter, opened: Opened, kind: str
) -> None:
    transport = opened(getattr(postfix, kind))
    people = [f"p{number}@example.org" for number in range(50)]
    for person in people:
        assert transport.send(letter(person)).outcome == "sent"
    assert postfix.delivered() == dict.fromkeys(people, 1)


def test_a_message_arrives_as_it_was(postfix: Postfix, letter: Letter, opened: Opened) -> None:
    envelope = letter()
    assert opened(postfix.url).send(envelope).outcome == "sent"
    assert postfix.delivered() == {"ann@example.org": 1}
    [path] = (postfix.folder / "mail" / "new").iterdir()
    assert path.read_bytes().endswith(envelope.message.replace(b"\r\n", b"\n"))


def test_some_are_refused_for_now_and_some_for_good(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    transport = opened(postfix.url)
    receipts = {
        name: transport.send(letter(f"{name}@example.org"))
        for name in ("ann", "later", "gone", "zoe")
    }
    assert {name: receipt.outcome for name, receipt in receipts.items()} == {
        "ann": "sent",
        "later": "deferred",
        "gone": "bounced",
        "zoe": "sent",
    }
    assert [name for name, receipt in receipts.items() if receipt.dead] == ["gone"]
    assert "gone@example.org" not in receipts["gone"].reason
    assert receipts["gone"].reason.startswith("550 5.1.1 <g…@example.org>: ")
    postfix.accept_later()
    # Who is connected keeps the answers of before.
    transport.close()
    assert transport.send(letter("later@example.org")).outcome == "sent"
    assert postfix.delivered() == {f"{name}@example.org": 1 for name in ("ann", "zoe", "later")}


def test_a_foreign_address_is_put_off_since_the_server_may_relay_for_nobody(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    receipt = opened(postfix.url).send(letter("ann@example.net"))
    assert (receipt.outcome, receipt.dead) == ("deferred", False)
    assert "Relay access denied" in receipt.reason


def test_a_sender_that_may_not_send_stops_everything(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    """Postfix says so at RCPT, as if it were the recipient's fault."""
    good = letter()
    envelope = Envelope("spammer@example.org", good.recipient, good.message_id, good.message)
    with pytest.raises(RelayError, match="refuses the sender") as caught:
        opened(postfix.url).send(envelope)
    assert caught.value.lasting


def test_a_hundred_dead_addresses_are_a_hundred_bounces(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    """Postfix ends the session after twenty errors (421 4.7.0)."""
    transport = opened(postfix.url, per_connection=1000)
    for _ in range(100):
        assert transport.send(letter("gone@example.org")).dead
    assert transport.send(letter()).outcome == "sent"
    assert postfix.delivered() == {"ann@example.org": 1}


def test_a_session_that_timed_out_is_opened_again(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    transport = opened(postfix.url)
    assert transport.send(letter()).outcome == "sent"
    # Longer than `smtpd_timeout`: it has said 421 and left.
    time.sleep(2.3)
    assert transport.send(letter("bob@example.org")).outcome == "sent"
    assert postfix.delivered() == {"ann@example.org": 1, "bob@example.org": 1}


def test_a_server_that_stops_and_starts_loses_nobody(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    transport = opened(postfix.url)
    assert transport.send(letter()).outcome == "sent"
    postfix.command("stop")
    with pytest.raises(RelayError) as caught:
        transport.send(letter("bob@example.org"))
    assert not caught.value.lasting
    postfix.command("start")
    assert transport.send(letter("bob@example.org")).outcome == "sent"
    assert postfix.delivered() == {"ann@example.org": 1, "bob@example.org": 1}


def test_a_message_that_is_too_large_stops_everything(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    with pytest.raises(RelayError, match="up to 300,000 bytes") as caught:
        opened(postfix.url).send(letter(message=b"Subject: A\r\n\r\n" + b"x\r\n" * 110_000))
    assert caught.value.lasting


def test_who_logs_in_may_send(postfix: Postfix, letter: Letter, opened: Opened) -> None:
    assert opened(postfix.login_url(PASSWORD)).send(letter()).outcome == "sent"
    assert postfix.delivered() == {"ann@example.org": 1}


def test_a_wrong_password_stops_everything(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    with pytest.raises(RelayError, match=r"user or the password: 535 5\.7\.8") as caught:
        opened(postfix.login_url("wrong")).send(letter())
    assert caught.value.lasting


def test_a_certificate_that_is_not_trusted_stops_everything(
    postfix: Postfix, letter: Letter, opened: Opened
) -> None:
    for url in (postfix.url, postfix.tls_url):
        with pytest.raises(RelayError, match="certificate is not trusted") as caught:
            opened(url.partition("?")[0] + "?tls=required").send(letter())
        assert caught.value.lasting
