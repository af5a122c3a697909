from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest

from digest.editions.message import build_message
from digest.editions.render import Renderer
from digest.errors import OutboxError
from digest.records import Edition, EditionStory, EditionTopic, Reader, Rendered, Update

MakeStory = Callable[..., EditionStory]

SMALL = Rendered("<!DOCTYPE html>\n<p>Hello</p>\n", "Hello\n")


def read(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=default)
    assert not message.defects
    assert all(not part.defects for part in message.walk())
    return message


def bodies(data: bytes) -> list[tuple[str, str]]:
    """Type and text of each part; MIME's line end (RFC 2046, 4.1.1) made Python's."""
    return [
        (
            part.get_content_type(),
            cast(EmailMessage, part).get_content().replace("\r\n", "\n"),
        )
        for part in read(data).iter_parts()
    ]


def test_a_mail_program_gets_the_same_text_and_page(edition: Edition, renderer: Renderer) -> None:
    rendered = renderer.render(edition)

    assert bodies(build_message(edition, rendered)) == [
        ("text/plain", rendered.text),
        ("text/html", rendered.html),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "plain\n",
        "größe = 4\n",
        "港の新しい気象レーダー\n" * 40,
        ".\nFrom me\n..\nFrom From you\n" + "From " * 40 + "\n" + "x" * 74 + "From here\n",
        "a blank at the end \nand a tab\t\n\n\n",
        "no end of line",
        "",
    ],
)
def test_every_script_and_every_awkward_line_comes_through(edition: Edition, body: str) -> None:
    rendered = Rendered(f"<p>{body}</p>\n", body)

    assert [content for _, content in bodies(build_message(edition, rendered))] == [
        body,
        f"<p>{body}</p>\n",
    ]


def test_no_line_begins_as_mailbox_files_alter_it(edition: Edition) -> None:
    body = "From me\nFrom From you\n" + "y" * 75 + "From here\n" + "From " * 40
    data = build_message(edition, Rendered(f"<p>{body}</p>\n", body))

    assert b"\nFrom " not in data
    assert max(len(line) for line in data.split(b"\r\n")) <= 76


def test_equal_editions_give_the_same_message(edition: Edition, renderer: Renderer) -> None:
    rendered = renderer.render(edition)

    assert build_message(edition, rendered) == build_message(edition, rendered)


def test_another_text_gives_another_boundary(edition: Edition) -> None:
    first = read(build_message(edition, SMALL)).get_boundary()
    second = read(build_message(edition, replace(SMALL, text="Good day\n"))).get_boundary()

    assert first != second


def test_the_bytes_are_ascii_lines_of_at_most_78_ended_by_crlf(
    edition: Edition, renderer: Renderer
) -> None:
    long = replace(edition, subject="Überlange Betreffzeile " * 20, title="x" * 5000)
    data = build_message(long, renderer.render(long))

    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= 78


def test_the_headers_of_an_edition(edition: Edition) -> None:
    message = read(build_message(replace(edition, language="pt_BR"), SMALL))

    assert dict(message.items()) == {
        "From": "The Morning Digest <digest@example.org>",
        "To": "digest@example.org",
        "Subject": edition.subject,
        "Date": "Tue, 24 Nov 2026 07:00:12 +0000",
        "Message-ID": "<morning.2026-11-24@example.org>",
        "List-Id": "The Morning Digest <morning.example.org>",
        "List-Unsubscribe": "<mailto:digest@example.org?subject=unsubscribe%20morning>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply",
        "Precedence": "list",
        "Feedback-ID": "2026-11-24:morning:digest:example.org",
        "MIME-Version": "1.0",
        "Content-Language": "pt-BR",
        "Content-Type": message["Content-Type"],
    }
    assert message.get_content_type() == "multipart/alternative"
    assert len(message.keys()) == len(set(message.keys()))


def test_an_edition_without_a_subject_has_its_title_for_one(edition: Edition) -> None:
    assert read(build_message(replace(edition, subject=" \n"), SMALL))["Subject"] == edition.title


def test_an_archive_is_named(edition: Edition) -> None:
    published = replace(edition, archive="https://news.example.org/digests")

    archive = read(build_message(published, SMALL))["List-Archive"]

    assert archive == "<https://news.example.org/digests/morning/index.html>"


@pytest.mark.parametrize("domain", ["a.eu", "x.io", "mail.a-rather-long-name.example.org"])
def test_the_sender_of_a_feedback_id_has_a_length_that_gmail_takes(
    edition: Edition, domain: str
) -> None:
    message = read(build_message(replace(edition, sender=f"digest@{domain}"), SMALL))

    assert 5 <= len(message["Feedback-ID"].split(":")[3]) <= 15
    assert len(message["Feedback-ID"].split(":")) == 4


# --- a reader's copy -----------------------------------------------------------------------

READER = Reader(
    "Ana.Prado@bücher.example",
    "Ana Prado",
    unsubscribe="https://news.example.org/u/abc?digest=morning",
    preferences="https://news.example.org/p/abc",
)


def test_a_reader_is_addressed_and_can_leave_with_one_click(edition: Edition) -> None:
    message = read(build_message(edition, SMALL, reader=READER))

    assert message["To"] == "Ana Prado <Ana.Prado@xn--bcher-kva.example>"
    assert message["List-Unsubscribe"] == (
        "<https://news.example.org/u/abc?digest=morning>, "
        "<mailto:digest@example.org?subject=unsubscribe%20morning>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_is_promised_over_https_only(edition: Edition) -> None:
    local = replace(READER, unsubscribe="http://localhost:8000/u/abc")

    message = read(build_message(edition, SMALL, reader=local))

    assert message["List-Unsubscribe"].startswith("<http://localhost:8000/u/abc>, <mailto:")
    assert message["List-Unsubscribe-Post"] is None


def test_a_reader_without_an_address_on_the_web_unsubscribes_by_mail(edition: Edition) -> None:
    message = read(build_message(edition, SMALL, reader=Reader("a@example.net")))

    assert message["List-Unsubscribe"].startswith("<mailto:digest@example.org?")
    assert message["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "mailto:a@example.org", "/u/abc", "https://h/" + "x" * 900]
)
def test_an_unsubscribe_address_that_cannot_work_is_told(edition: Edition, address: str) -> None:
    with pytest.raises(OutboxError, match=r"'a@example.net' could unsubscribe.*DIGEST_PUBLIC_URL"):
        build_message(edition, SMALL, reader=Reader("a@example.net", unsubscribe=address))


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a b@example.org", "ü@example.org", "a@b@c", "a@", "a@-x.org", "a@x..y"],
)
def test_a_reader_without_an_e_mail_address_is_told(edition: Edition, address: str) -> None:
    with pytest.raises(
        OutboxError, match=r"edition morning 2026-11-24: reader .* no e-mail address"
    ):
        build_message(edition, SMALL, reader=Reader(address))


def test_a_message_id_is_of_edition_and_reader_and_does_not_show_the_address(
    edition: Edition,
) -> None:
    def id_of(edition: Edition, reader: Reader | None) -> str:
        return cast(str, read(build_message(edition, SMALL, reader=reader))["Message-ID"])

    ids = [
        id_of(changed, reader)
        for changed in (edition, replace(edition, date="2026-11-25"), replace(edition, digest="b"))
        for reader in (None, READER, Reader("ana.prado@example.net"))
    ]

    assert len(set(ids)) == len(ids)
    assert not any("ana" in id or "prado" in id.lower() for id in ids)
    assert all(id.endswith("@example.org>") for id in ids)
    renamed = Reader("ana.prado@BÜCHER.example", "Somebody else")
    assert id_of(replace(edition, subject="Another"), renamed) == id_of(edition, READER)


def test_a_domain_is_not_turned_into_another_one(edition: Edition) -> None:
    """IDNA 2003 made `strasse` of it, which belongs to somebody else."""
    message = read(build_message(edition, SMALL, reader=Reader("a@straße.example")))

    assert message["To"] == "a@xn--strae-oqa.example"


# --- threads -------------------------------------------------------------------------------


def updated(edition: Edition, make_story: MakeStory, *, first: bool) -> Edition:
    update = make_story("It goes on", update=Update("2026-11-22", "s7", "It began", ()))
    stories = (update, make_story("Other")) if first else (make_story("Other"), update)
    return replace(edition, topics=(EditionTopic("World", stories),))


@pytest.mark.parametrize("reader", [None, READER])
def test_an_edition_led_by_an_update_follows_the_one_that_it_updates(
    edition: Edition, make_story: MakeStory, reader: Reader | None
) -> None:
    earlier = read(build_message(replace(edition, date="2026-11-22"), SMALL, reader=reader))

    changed = updated(edition, make_story, first=True)
    message = read(build_message(changed, SMALL, reader=reader))

    assert message["References"] == earlier["Message-ID"]
    assert message["In-Reply-To"] is None


def test_an_update_further_down_makes_no_thread(edition: Edition, make_story: MakeStory) -> None:
    message = read(build_message(updated(edition, make_story, first=False), SMALL))

    assert message["References"] is None


# --- texts that want to be headers ---------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "Hi\r\nBcc: victim@example.org",
        "Hi\nBcc: victim@example.org\n\nbody",
        "Hi\u2028Bcc: victim@example.org",
        "Hi\x00Bcc: victim@example.org",
        "Hi\x85Bcc: victim@example.org",
    ],
)
def test_a_subject_can_add_no_header_and_no_body(edition: Edition, subject: str) -> None:
    message = read(build_message(replace(edition, subject=subject), SMALL))

    assert message["Bcc"] is None
    assert "Bcc: victim@example.org" in message["Subject"]
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "subject",
    [
        "Größe zählt: 港の新しいレーダー 🚢",
        "المدينة القديمة",
        "=?utf-8?q?not_coded?=",
        "word " * 60,
        "x" * 500,
    ],
)
def test_a_subject_in_any_script_and_length_comes_through(edition: Edition, subject: str) -> None:
    data = build_message(replace(edition, subject=subject), SMALL)

    assert data.isascii()
    assert read(data)["Subject"] == subject.strip()


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("digest@example.org", "", "digest@example.org"),
        ("Die Größe <digest@example.org>", "Die Größe", "digest@example.org"),
        ('"Digest, The" <digest@example.org>', "Digest, The", "digest@example.org"),
        ("News <news@bücher.example>", "News", "news@xn--bcher-kva.example"),
        ("A\r\nBcc: v@example.org <digest@example.org>", None, None),
    ],
)
def test_the_sender_is_written_as_an_address(
    edition: Edition, sender: str, name: str | None, address: str | None
) -> None:
    changed = replace(edition, sender=sender)
    if address is None:
        try:
            message = read(build_message(changed, SMALL))
        except OutboxError:
            return
        assert message["Bcc"] is None
        return
    (written,) = read(build_message(changed, SMALL))["From"].addresses

    assert (written.display_name, written.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "nobody",
        "a@",
        "@example.org",
        "A <b c@example.org>",
        "ä@example.org",
        "A <d@e.org>, B <x@y.org>",
    ],
)
def test_a_sender_that_is_no_address_is_named_with_what_to_do(
    edition: Edition, sender: str
) -> None:
    with pytest.raises(OutboxError, match="correct `from:` of digest 'morning'") as raised:
        build_message(replace(edition, sender=sender), SMALL)

    assert "edition morning 2026-11-24" in str(raised.value)


def test_no_machine_name_is_in_the_message(edition: Edition) -> None:
    data = build_message(replace(edition, digest="täglich & neu"), SMALL)

    assert re.search(rb"Message-ID: <t=e4glich=20=26=20neu\.2026-11-24@example\.org>", data)
    assert re.search(rb"\r\nList-Id: .*<t=e4glich=20=26=20neu\.example\.org>", data)


def test_digests_of_different_names_never_share_an_id(edition: Edition) -> None:
    names = ["a-b", "a_b", "a-", "a"]
    messages = [
        message_from_bytes(build_message(replace(edition, digest=name), SMALL)) for name in names
    ]
    assert len({message["Message-ID"] for message in messages}) == len(names)
    assert len({message["List-Id"] for message in messages}) == len(names)
