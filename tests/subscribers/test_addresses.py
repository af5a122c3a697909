"""Addresses: which are taken, how they are written, and that none can carry a header."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.mailboxes import make_mailbox
from digest.subscribers.addresses import MAX_NAME, address_key, normalised, person_name


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("jane@example.org", "jane@example.org"),
        ("  Jane.Doe+news@Example.ORG\r\n", "Jane.Doe+news@example.org"),
        ("\ufeffjane@example.org\u200b", "jane@example.org"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@faß.de", "jane@xn--fa-hia.de"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("=x@example.org", "=x@example.org"),
        ("jane@mail.test", "jane@mail.test"),
    ],
)
def test_an_address_is_written_in_one_way(written: str, address: str) -> None:
    assert normalised(written) == address


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "there is no e-mail address"),
        ("   ", "there is no e-mail address"),
        ("jane", "has no @"),
        ("jane@example.org\r\nBcc: all@example.org", "line break"),
        ("jane\n@example.org", "line break"),
        ("jane\0@example.org", "unseen"),
        ("jane\u202e@example.org", "unseen"),
        ("jane@example.org,bob@example.org", "more than one"),
        ("jane@example.org;", "more than one"),
        ("jane@home@example.org", "more than one"),
        ("Jane <jane@example.org>", "name around"),
        ("<jane@example.org>", "name around"),
        ('"jane doe"@example.org', "quotes"),
        ("jane(home)@example.org", "quotes or brackets"),
        ("jänë@example.org", "before @ has letters other than a to z"),
        ("jane doe@example.org", "invalid characters"),
        ("jane..doe@example.org", "two periods"),
        (".jane@example.org", "period"),
        ("@example.org", "something before"),
        ("jane@", "something after"),
        ("jane@example", "period"),
        ("jane@test", "no dot"),
        ("jane@localhost", "period"),
        ("jane@host.invalid", "special-use"),
        ("jane@[192.0.2.1]", "bracketed IP"),
        ("jane@192.0.2.1", "top-level"),
        ("jane@example.org.", "end with a period"),
        ("jane@exa_mple.org", "invalid characters"),
        ("jane@-example.org", "hyphen"),
        ("j" * 65 + "@example.org", "too long"),
        ("jane@" + "a" * 64 + ".org", "too many"),
        ("jane@" + "a." * 130 + "org", "too long"),
        ("jane＠example.org", "has no @"),
    ],
)
def test_what_is_no_address_is_refused_in_plain_words(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        normalised(written)
    assert "example.org" not in str(caught.value).replace("as example.org has", "")


@given(st.one_of(st.text(), st.emails(), st.text("ab.@ßü-+'<>,\r\n\0 _[]1", max_size=30)))
@settings(deadline=None)
def test_whatever_is_taken_can_stand_in_an_envelope_and_a_header(written: str) -> None:
    try:
        address = normalised(written)
    except ValueError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set(' ,;:<>()[]\\"')
    assert make_mailbox(address).address == address
    assert normalised(address) == address
    assert len(address) <= 320


@given(st.text("abcßäé", min_size=1, max_size=8))
@settings(deadline=None)
def test_what_the_message_could_not_be_addressed_to_is_refused(local: str) -> None:
    try:
        make_mailbox(f"{local}@example.org")
    except ValueError:
        with pytest.raises(ValueError, match="letters other than"):
            normalised(f"{local}@example.org")
    else:
        assert normalised(f"{local}@example.org") == f"{local}@example.org"


def test_two_writings_of_an_address_are_one() -> None:
    assert address_key("Jane@example.org") == address_key("jane@EXAMPLE.org")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("  Jane   Doe ", "Jane Doe"),
        ("Zoë\u00a0Å.", "Zoë Å."),
        ("آقای می\u200cخواهم", "آقای می\u200cخواهم"),
        ("", ""),
    ],
)
def test_a_name_is_one_line(written: str, name: str) -> None:
    assert person_name(written) == name


@pytest.mark.parametrize(
    "written",
    ["Jane\r\nBcc: x@example.org", "Jane\nDoe", "Jane\0", "Jane\u2028Doe", "J\u202e", "\ud800"],
)
def test_a_name_with_more_than_a_line_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write it in one line"):
        person_name(written)


def test_a_name_has_an_end() -> None:
    assert person_name("x" * MAX_NAME) == "x" * MAX_NAME
    with pytest.raises(ValueError, match="over 200"):
        person_name("x" * (MAX_NAME + 1))
