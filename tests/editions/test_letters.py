"""The letter to confirm: what stands in it, and what nobody can bring into it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import dkim
import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.letters import confirmation_letter
from digest.editions.render import Renderer, packaged_themes
from digest.editions.signing import load_signer
from digest.editions.words import Words
from digest.errors import OutboxError
from digest.records import Reader

Viewer = Any  # tests/conftest.py

NOW = datetime(2026, 3, 2, 7, 0, 5, tzinfo=UTC)
SENDER = "The Morning Digest <digest@example.org>"
LINK = "https://news.example.org/digests/subscription/confirm/8f3a.morning.aaQ_xg.c2lnbmF0dXJl"
READER = Reader("ada@example.net", "Ada")


def letter(**changes: Any) -> tuple[bytes, str]:
    values = {
        "sender": SENDER,
        "title": "The Morning Digest",
        "language": "en",
        "words": Words(),
        "reader": READER,
        "link": LINK,
        "now": NOW,
        "days": 7,
        **changes,
    }
    return confirmation_letter(**values)


def read(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=default)
    assert not message.defects
    assert all(not part.defects for part in message.walk())
    return message


def bodies(data: bytes) -> tuple[str, str]:
    text, html = read(data).iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return cast(EmailMessage, text).get_content(), cast(EmailMessage, html).get_content()


def test_its_header_says_who_writes_to_whom_and_that_no_person_did() -> None:
    data, message_id = letter()
    message = read(data)
    assert message["From"] == SENDER
    assert message["To"] == "ada@example.net"
    assert message["Subject"] == "Please confirm: The Morning Digest"
    assert message["Date"] == "Mon, 02 Mar 2026 07:00:05 +0000"
    assert message["Message-ID"] == message_id
    assert re.fullmatch(r"<confirm\.[0-9a-f]{32}@example\.org>", message_id)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert message["List-Unsubscribe"] is None
    assert message.get_content_type() == "multipart/alternative"


def test_it_says_why_it_comes_what_to_do_and_what_if_one_does_not() -> None:
    text, html = bodies(letter(postal="12 Harbour Street, Exampleton")[0])
    for body in (text, html):
        words = " ".join(body.split())
        assert "asked to receive The Morning Digest at ada@example.net" in words
        assert "within 7 days" in words
        assert "nothing else will be sent to you" in words
        assert "12 Harbour Street, Exampleton" in words
    assert LINK in text.splitlines()
    assert html.count(f'href="{LINK}"') == 2
    assert all(len(line) <= 72 for line in text.splitlines() if line != LINK)


def test_one_letter_is_always_the_same_and_another_has_another_name() -> None:
    assert letter() == letter()
    others = [letter(reader=Reader("eve@example.net")), letter(link=LINK + "x")]
    others.append(letter(now=NOW.replace(second=6)))
    assert len({name for _, name in (letter(), *others)}) == 4


@pytest.mark.parametrize("language", ["de", "es", "fr", "uk"])
def test_it_speaks_the_digests_language(language: str) -> None:
    words = Renderer([packaged_themes()]).words(language)
    data, _ = letter(language=language, words=words)
    assert read(data)["Content-Language"] == language
    text, html = bodies(data)
    assert "probably you" not in text
    assert "ada@example.net" in text
    assert f'<html lang="{language}" dir="ltr">' in html
    assert "Please confirm" not in read(data)["Subject"]


def test_a_language_from_right_to_left_turns_it() -> None:
    html = bodies(letter(language="he")[0])[1]
    assert '<html lang="he" dir="rtl">' in html
    assert 'align="right"' in html


def test_the_name_that_a_stranger_typed_is_not_in_it() -> None:
    """Else the form would send anybody's words to anybody."""
    assert letter(reader=Reader("ada@example.net", "Win http://spam.example.com")) == letter()


ANY = st.text(max_size=80) | st.sampled_from(
    ["a\r\nBcc: eve@example.com", "a\n\nbody", "=?utf-8?q?a?=", "100% %(title)s %s", "<b>&amp;"]
)


@settings(max_examples=150)
@given(title=ANY, postal=ANY)
def test_titles_bring_in_neither_headers_nor_markup(title: str, postal: str) -> None:
    data, _ = letter(title=title, postal=postal)
    data.decode("ascii")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    message = read(data)
    assert [name for name in message if name == "Bcc"] == []
    assert list(message) == list(read(letter()[0]))
    _, html = bodies(data)
    page = html5lib.parse(html, namespaceHTMLElements=False)
    there = {element.tag for element in page.iter() if isinstance(element.tag, str)}
    known = {"html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td"}
    assert there <= known | {"h1", "p", "a"}


@pytest.mark.parametrize("address", ["ada", "ada@x.org\r\nBcc: eve@x.org", "a b@example.org", ""])
def test_an_address_that_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(OutboxError, match="the reader has no e-mail address") as refused:
        letter(reader=Reader(address))
    assert not address or address not in str(refused.value)


def test_a_sender_that_is_none_says_what_to_correct() -> None:
    with pytest.raises(OutboxError, match="correct `from:`"):
        letter(sender="The Morning Digest")


def test_it_is_signed_where_there_is_a_key(tmp_path: Path) -> None:
    import base64
    import subprocess

    key = tmp_path / "key.pem"
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)]
    subprocess.run(make, check=True, capture_output=True)
    show = ["openssl", "pkey", "-pubout", "-outform", "der", "-in", str(key)]
    public = subprocess.run(show, check=True, capture_output=True).stdout[-32:]
    record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public)

    signed, message_id = letter(signer=load_signer(key, "s1", ""))

    assert dkim.verify(signed, dnsfunc=lambda *_, **__: record)
    assert read(signed)["Message-ID"] == message_id == letter()[1]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_letter_is_for_everybody(viewer: Viewer, scheme: str) -> None:
    html = bodies(letter(postal="12 Harbour Street, Exampleton")[0])[1]
    viewer.show(html, width=320, scheme=scheme)
    assert viewer.violations() == []
    assert viewer.width() == 320
