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
from digest.records import Edition, EditionStory, EditionTopic, Rendered

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
    "body", ["plain\n", "größe = 4\n", "港の新しい気象レーダー\n" * 40, ".\nFrom me\n..\n"]
)
def test_every_script_and_every_awkward_line_comes_through(edition: Edition, body: str) -> None:
    rendered = Rendered(f"<p>{body}</p>\n", body)

    assert [content for _, content in bodies(build_message(edition, rendered))] == [
        body,
        f"<p>{body}</p>\n",
    ]


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
    message = read(build_message(edition, SMALL))

    assert message.get_content_type() == "multipart/alternative"
    assert message["Subject"] == edition.subject
    assert message["From"] == "The Morning Digest <digest@example.org>"
    assert message["To"] == "digest@example.org"
    assert message["Date"] == "Tue, 24 Nov 2026 07:00:12 +0000"
    assert message["Message-ID"] == "<morning.2026-11-24@example.org>"
    assert message["List-Id"] == "<morning.example.org>"
    assert message["MIME-Version"] == "1.0"
    assert message["Content-Language"] is None
    assert len(message.keys()) == len(set(message.keys()))


def test_the_language_is_told_when_all_stories_share_it(
    edition: Edition, make_story: MakeStory
) -> None:
    stories = (make_story("One", language="pt_BR"), make_story("Two", language="pt-BR"))
    english = replace(edition, topics=(EditionTopic("World", stories),))

    assert read(build_message(english, SMALL))["Content-Language"] == "pt-BR"


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
    if "=?" not in subject:
        assert read(data)["Subject"].split() == subject.split()


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
    "sender", ["", "nobody", "a@", "@example.org", "A <b c@example.org>", "ä@example.org"]
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
    assert re.search(rb"List-Id: <t=e4glich=20=26=20neu\.example\.org>", data)


def test_digests_of_different_names_never_share_an_id(edition: Edition) -> None:
    names = ["a-b", "a_b", "a-", "a"]
    messages = [
        message_from_bytes(build_message(replace(edition, digest=name), SMALL)) for name in names
    ]
    assert len({message["Message-ID"] for message in messages}) == len(names)
    assert len({message["List-Id"] for message in messages}) == len(names)
