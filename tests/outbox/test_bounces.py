"""Reports of mail servers: what they say, and that nothing in them is believed by itself."""

from __future__ import annotations

import base64
import hashlib
import mailbox
import quopri
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.message import message_id
from digest.errors import UsageError
from digest.outbox.bounces import Judged, Returned, edition_of, is_message_to, read_report
from digest.outbox.mailfiles import LARGEST, messages
from digest.records import Edition, Reader

JANE = "jane@example.org"
HASH = hashlib.sha256(f"morning\0{JANE}".encode()).hexdigest()[:24]
MESSAGE_ID = f"<morning.2026-03-02.{HASH}@news.example>"
HEADERS = f"""\
From: The Morning Digest <digest@news.example>
To: {JANE}
Message-ID: {MESSAGE_ID}
List-Unsubscribe: <https://news.example/subscription/unsubscribe/k1.morning.sig_1-x>,
 <mailto:digest@news.example>
Subject: Harbour opens
"""
RECIPIENT = f"""\
Final-Recipient: rfc822; {JANE}
Original-Recipient: rfc822;{JANE}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <{JANE}>: Recipient address
    rejected: User unknown in virtual mailbox table
"""


def report(
    *recipients: str,
    returned: str = HEADERS,
    kind: str = "message/rfc822",
    status_encoding: str = "7bit",
    head: str = "",
) -> bytes:
    status = (
        "Reporting-MTA: dns; relay.news.example\nArrival-Date: Mon, 2 Mar 2026 07:00:00 +0000\n"
    )
    status = "\n".join([status, *recipients])
    if status_encoding == "base64":
        status = base64.encodebytes(status.encode()).decode()
    elif status_encoding == "quoted-printable":
        status = quopri.encodestring(status.encode()).decode()
    text = f"""\
From: MAILER-DAEMON@relay.news.example (Mail Delivery System)
To: digest@news.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Description: Delivery report
Content-Type: message/delivery-status
Content-Transfer-Encoding: {status_encoding}

{status}
--b1
Content-Type: {kind}

{returned}

The harbour opened on Monday.

--b1--
"""
    return text.encode()


def by_message_id(returned: Returned, address: str) -> bool:
    return is_message_to(returned.message_id, address)


def read(data: bytes) -> list[Judged]:
    found = read_report(data, by_message_id)
    assert found is not None
    return found


def only(data: bytes) -> Judged:
    (judged,) = read(data)
    return judged


def test_a_report_says_whose_address_is_dead_and_of_which_message() -> None:
    judged = only(report(RECIPIENT))
    bounce = judged.bounce
    assert judged.is_proven
    assert (bounce.address, bounce.failed, bounce.dead) == (JANE, True, True)
    assert (bounce.status, bounce.message_id) == ("5.1.1", MESSAGE_ID)
    assert bounce.reason == (
        "550 5.1.1 <j…@example.org>: Recipient address rejected: User unknown in virtual mailbox "
        "table"
    )
    assert edition_of(bounce.message_id) == ("morning", "2026-03-02")


def test_the_message_id_is_the_one_that_editions_are_sent_with() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    edition = Edition(
        digest="morning-news_2",
        date="2026-03-02",
        title="T",
        sender="D <d@news.example>",
        subject="S",
        preheader="",
        language="en",
        timezone="UTC",
        template="classic",
        built=now,
        topics=(),
    )
    name = message_id(edition, Reader("Jane.Doe@Example.org", ""))
    assert is_message_to(name, "jane.doe@example.org")
    assert not is_message_to(name, "bob@example.org")
    assert edition_of(name) == ("morning-news_2", "2026-03-02")
    assert edition_of(message_id(edition)) is None


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global"])
def test_the_message_comes_back_whole_or_by_its_headers(kind: str) -> None:
    assert only(report(RECIPIENT, kind=kind)).bounce.message_id == MESSAGE_ID


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_status_that_is_encoded_is_read(encoding: str) -> None:
    assert only(report(RECIPIENT, status_encoding=encoding)).bounce.dead


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_a_message_id_may_stand_in_what_the_report_answers(header: str) -> None:
    data = report(RECIPIENT, returned="Subject: x", head=f"{header}: <a@b> {MESSAGE_ID}\n")
    assert only(data).is_proven


@pytest.mark.parametrize(
    ("status", "diagnostic", "dead"),
    [
        ("5.1.1", "", True),
        ("5.1.2", "", True),
        ("5.1.3", "", True),
        ("5.1.6", "", True),
        ("5.1.10", "", True),
        ("5.2.1", "", True),
        ("5.1.1 (bad destination mailbox address)", "", True),
        ("5.0.0", "smtp; 550 5.1.1 no such user", True),
        ("", "smtp; 550-5.1.1 no such user", True),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", False),
        ("5.7.1", "smtp; 550 5.7.1 looks like spam", False),
        ("5.1.8", "", False),
        ("5.0.0", "smtp; 550 spam from 5.1.1.7", False),
        ("4.4.7", "smtp; 451 4.4.7 expired", False),
        ("", "", False),
    ],
)
def test_only_what_says_that_there_is_no_mailbox_makes_an_address_dead(
    status: str, diagnostic: str, dead: bool
) -> None:
    fields = f"Final-Recipient: rfc822;{JANE}\nAction: failed\nStatus: {status}\n"
    bounce = only(
        report(fields + (f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""))
    ).bounce
    assert bounce.failed
    assert bounce.dead is dead


def test_a_delay_is_no_failure() -> None:
    bounce = only(report(RECIPIENT.replace("failed", "Delayed (still trying)"))).bounce
    assert (bounce.failed, bounce.dead) == (False, False)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "nonsense"])
def test_what_went_well_is_not_told(action: str) -> None:
    assert read(report(RECIPIENT.replace("failed", action))) == []


def test_several_recipients_are_told_apart() -> None:
    bob = RECIPIENT.replace(JANE, "bob@example.org").replace("5.1.1", "5.2.2")
    first, second = read(report(RECIPIENT, bob))
    assert (first.bounce.address, first.bounce.dead, first.is_proven) == (JANE, True, True)
    assert (second.bounce.address, second.bounce.dead, second.is_proven) == (
        "bob@example.org",
        False,
        False,
    )


def test_the_address_that_we_sent_to_counts_not_where_it_was_forwarded() -> None:
    forwarded = f"""\
Original-Recipient: rfc822;{JANE}
Final-Recipient: rfc822;jane@elsewhere.example
Action: failed
Status: 5.1.1
"""
    assert only(report(forwarded)).bounce.address == JANE
    only_final = forwarded.replace(f"Original-Recipient: rfc822;{JANE}\n", "")
    assert only(report(only_final)).bounce.address == JANE, "by the To of the message"


def test_an_address_in_xtext_is_read() -> None:
    address = "jane+news@example.org"
    hash_ = hashlib.sha256(f"morning\0{address}".encode()).hexdigest()[:24]
    data = report(
        "Original-Recipient: rfc822;jane+2Bnews@example.org\nAction: failed\nStatus: 5.1.1\n",
        returned=f"Message-ID: <morning.2026-03-02.{hash_}@news.example>",
    )
    assert only(data).bounce.address == address


def test_links_of_the_returned_message_are_given_to_whoever_knows_them() -> None:
    seen: list[Returned] = []

    def proof(returned: Returned, address: str) -> bool:  # noqa: ARG001
        seen.append(returned)
        return False

    body = quopri.encodestring(b"see https://news.example/subscription/confirm/k2.morning.t.s")
    html = (
        f"Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain\n\n{body.decode()}"
    )
    found = read_report(report(RECIPIENT, returned=HEADERS + html), proof)
    assert found is not None
    assert not found[0].is_proven
    assert seen[0].links == (("unsubscribe", "k1.morning.sig_1-x"), ("confirm", "k2.morning.t.s"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"From: jane@example.org\nSubject: Thank you\n\nI like it.\n",
        b"From: jane@example.org\nAuto-Submitted: auto-replied\nSubject: Away\n\nBack on Monday.\n",
        b"Content-Type: multipart/report; boundary=x\n\n",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n"
        + report(RECIPIENT),
        b"Content-Type: message/rfc822\n\n" + report(RECIPIENT),
    ],
)
def test_other_mail_is_no_report(data: bytes) -> None:
    assert read_report(data, by_message_id) is None


@pytest.mark.parametrize(
    "recipient",
    [
        "Action: failed\nStatus: 5.1.1\n",
        "Final-Recipient: rfc822;\nAction: failed\n",
        "Final-Recipient: rfc822; a@example.org, b@example.org\nAction: failed\n",
        f"Final-Recipient: rfc822;{'x' * 400}@example.org\nAction: failed\n",
    ],
)
def test_a_report_on_nobody_counts_for_nothing(recipient: str) -> None:
    assert read(report(recipient, returned="Subject: x")) == []


def test_a_report_on_a_message_that_is_not_ours_proves_nothing() -> None:
    for name in ("<1@mail.example>", MESSAGE_ID.replace(HASH, "0" * 24), ""):
        judged = only(report(RECIPIENT, returned=f"To: {JANE}\nMessage-ID: {name}"))
        assert not judged.is_proven


@pytest.mark.parametrize("name", [f"<a.2026-13-41.{HASH}@x>", "", "<>", MESSAGE_ID[:-1], "<a@b>"])
def test_other_message_ids_are_of_no_edition(name: str) -> None:
    assert edition_of(name) is None


@given(st.binary(max_size=400), st.integers(0, 2000))
@settings(deadline=None)
def test_no_damage_is_a_surprise(junk: bytes, place: int) -> None:
    whole = report(RECIPIENT)
    for data in (junk, whole[:place] + junk + whole[place:], whole[:place] + junk):
        found = read_report(data, by_message_id)
        assert found is None or all("@" in one.bounce.address for one in found)


DEPTHS = range(999)


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 3000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(999)
        ),
        report(RECIPIENT.replace(JANE, "@" * 100_000)),
        report(RECIPIENT.replace(JANE, "<" * 100_000)),
        report(*[RECIPIENT] * 3000),
        report(RECIPIENT, returned="To: " + "a" * 500_000),
        report(RECIPIENT, returned="To: =?nonsense?b?////?=\nMessage-ID: \xff\xfe"),
        report(RECIPIENT).replace(b"us-ascii", b"no-such-charset"),
        report(RECIPIENT, returned="Content-Type: text/plain; charset=x\n\n\xff"),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_hostile_reports_are_read_or_left(data: bytes) -> None:
    assert len(read_report(data, by_message_id) or []) <= 1000


# --- where they are -------------------------------------------------------------------------

OTHER = b"From: jane@example.org\nSubject: Thank you\n\nI like it.\n\n>From here on, too.\n"


def _mbox(folder: Path) -> Path:
    path = folder / "bounces.mbox"
    box = mailbox.mbox(path)
    box.add(OTHER)
    box.add(report(RECIPIENT))
    box.close()
    return path


def _maildir(folder: Path) -> Path:
    path = folder / "Maildir"
    box = mailbox.Maildir(path)
    box.add(OTHER)
    box.add(report(RECIPIENT))
    box.close()
    return path


def _folder(folder: Path) -> Path:
    path = folder / "mails"
    path.mkdir()
    (path / "1.eml").write_bytes(OTHER)
    (path / "2.EML").write_bytes(report(RECIPIENT))
    (path / "notes.txt").write_text("not a message")
    return path


@pytest.mark.parametrize("make", [_mbox, _maildir, _folder])
def test_mail_is_read_where_programs_put_it(make: Callable[[Path], Path], tmp_path: Path) -> None:
    found = [read_report(data, by_message_id) for _, data in messages(make(tmp_path))]
    assert len(found) == 2
    assert sorted(len(one) for one in found if one is not None) == [1]


def test_a_file_is_one_message_unless_it_is_a_mailbox(tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(report(RECIPIENT))
    ((name, data),) = messages(path)
    assert (name, data) == (str(path), report(RECIPIENT))
    path.write_bytes(b"")
    assert list(messages(path)) == []


def test_a_mailbox_with_long_lines_and_large_messages_is_cut_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        file.write(b"From a Mon Mar  2 07:00:00 2026\n" + OTHER)
        file.write(b"x" * (3 << 20) + b"\nFrom here\n" + (b"y" * 1000 + b"\n") * 5000)
        file.write(b"\nFrom b Mon Mar  2 07:00:00 2026\r\n" + report(RECIPIENT))
    first, second = messages(path)
    assert len(first[1]) <= LARGEST + (1 << 20)
    assert second[1] == report(RECIPIENT)


def test_what_is_no_place_for_mail_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"no Maildir .* and holds no \.eml files"):
        list(messages(tmp_path))
    with pytest.raises(UsageError, match=r"gone\.mbox: No such file"):
        list(messages(tmp_path / "gone.mbox"))
