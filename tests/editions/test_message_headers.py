"""Whatever stands in a field, it is that field's text and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.editions.headers import named, unstructured
from digest.editions.message import build_message
from digest.editions.printable import printable
from digest.errors import OutboxError
from digest.records import Edition, EditionStory, EditionTopic, Reader, Rendered, Update

BODY = Rendered("<!DOCTYPE html>\n<p>Hello</p>\n", "Hello\n")
EDITION = Edition(
    digest="morning",
    title="The Morning Digest",
    date="2026-11-24",
    timezone="Europe/London",
    built=datetime(2026, 11, 24, 7, 0, 12, tzinfo=UTC),
    subject="A subject",
    preheader="",
    sender="The Morning Digest <digest@example.org>",
    template="classic",
    topics=(),
)

# What header fields are broken with, and what Unicode has to offer.
PIECES = [
    *(
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u2028",
        "\u202e",
        "\x85",
        "Bcc: v@example.org",
        "=?utf-8?q?",
        "?=",
    ),
    *(" ", "  ", "\t", "<", ">", '"', "\\", ",", ";", ":", "@", "(", ")", "é", "🚢", "word"),
]
HOSTILE = st.one_of(
    st.text(max_size=120), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
)
NAMES = {
    *("From", "To", "Subject", "Date", "Message-ID", "References", "List-Id", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "List-Archive", "Auto-Submitted", "X-Auto-Response-Suppress"),
    *("Precedence", "Feedback-ID", "MIME-Version", "Content-Language", "Content-Type"),
}


def read(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=default)


def value(field: str) -> str:
    """What Python's parser makes of one field's text."""
    (text,) = read(f"{field}\r\n\r\n".encode("ascii")).values()
    return str(text)


@given(HOSTILE)
@example("word " * 100)
@example("x" * 300)
@example("a  b   c")
@example("🚢⚡" * 150)
@example("=?utf-8?q?not_encoded?=")
@example("=?utf-8?q?a?= =?utf-8?q?b?=")
def test_a_free_text_comes_back_as_it_was(text: str) -> None:
    field = unstructured("Subject", text)

    assert value(field) == printable(text).strip()
    assert all(len(line) <= 76 for line in field.split("\r\n"))
    assert all(line.startswith(" ") for line in field.split("\r\n")[1:])


@given(HOSTILE)
@example("The Morning Digest")
@example('Quoted "and" back\\slashed, with a comma')
@example("J. Smith (editor)")
@example("=?utf-8?q?not_encoded?=")
@example("Die Größe")
@example("word " * 100)
@example("Prado, Ana 🚢")
def test_a_name_comes_back_as_it_was(text: str) -> None:
    name = " ".join(printable(text).split())
    field = named("To", name, "a@example.org")
    (to,) = read(f"{field}\r\n\r\n".encode("ascii"))["To"].addresses

    assert to.addr_spec == "a@example.org"
    # Python (3.11) sees a blank between two encoded words, which only long names have.
    assert to.display_name.replace(" ", "") == name.replace(" ", "")
    if field.count("=?utf-8?") <= 1:
        assert to.display_name == name
    assert all(len(line) <= 78 for line in field.split("\r\n"))


def test_a_long_name_with_few_foreign_letters_comes_back_with_its_blanks() -> None:
    name = "Größenwahn und Überfluss, die Zeitung für Leser in Österreich und Übersee"
    field = named("From", name, "a@example.org")

    assert read(f"{field}\r\n\r\n".encode("ascii"))["From"].addresses[0].display_name == name


STORY = EditionStory(
    id="s",
    article="a",
    headline="Headline",
    url="",
    source="Source",
    published=EDITION.built,
    date_origin="feed",
    summary=(),
    model="",
    minutes=0,
)
FIELDS: dict[str, Callable[[str], tuple[Edition, Reader]]] = {
    "digest": lambda text: (replace(EDITION, digest=text), Reader("a@example.net")),
    "title": lambda text: (replace(EDITION, title=text), Reader("a@example.net")),
    "date": lambda text: (replace(EDITION, date=text), Reader("a@example.net")),
    "subject": lambda text: (replace(EDITION, subject=text), Reader("a@example.net")),
    "sender": lambda text: (replace(EDITION, sender=text), Reader("a@example.net")),
    "sender's name": lambda text: (
        replace(EDITION, sender=f"{text} <digest@example.org>"),
        Reader("a@example.net"),
    ),
    "archive": lambda text: (
        replace(EDITION, archive=f"https://example.org/{text}"),
        Reader("a@example.net"),
    ),
    "language": lambda text: (replace(EDITION, language=text), Reader("a@example.net")),
    "update": lambda text: (
        replace(
            EDITION,
            topics=(EditionTopic("W", (replace(STORY, update=Update(text, "s", "h", ())),)),),
        ),
        Reader("a@example.net"),
    ),
    "address": lambda text: (EDITION, Reader(text)),
    "local part": lambda text: (EDITION, Reader(f"{text}@example.net")),
    "domain": lambda text: (EDITION, Reader(f"a@{text}.example")),
    "reader's name": lambda text: (EDITION, Reader("a@example.net", text)),
    "unsubscribe": lambda text: (
        EDITION,
        Reader("a@example.net", unsubscribe=f"https://example.org/{text}"),
    ),
}


@settings(max_examples=250)
@given(field=st.sampled_from(sorted(FIELDS)), text=HOSTILE)
@example("date", "")
@example("digest", "長い名前" * 500)
@example("archive", "x" * 1500)
def test_no_field_adds_a_header_or_a_body(field: str, text: str) -> None:
    edition, reader = FIELDS[field](text)
    try:
        data = build_message(edition, BODY, reader=reader)
    except OutboxError:
        return
    message = read(data)

    assert set(message.keys()) <= NAMES
    assert len(message.keys()) == len(set(message.keys()))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message.get_body(("plain",)).get_content() == "Hello\r\n"  # type: ignore[union-attr]
    assert not any(byte < 32 for byte in data.replace(b"\r\n", b""))
    assert data.isascii()
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    for header, one in message.items():
        assert not one.defects, (header, one)  # type: ignore[attr-defined]


@given(HOSTILE)
def test_any_text_of_a_body_comes_back(text: str) -> None:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    message = read(build_message(EDITION, Rendered(text, text)))

    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.decode().replace("\r\n", "\n") == text
