"""No address is whole in what is logged."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.text.masking import masked, without_addresses

ATEXT = "abcXYZ019!#$%&'*+/=?^_`{|}~-."
ADDRESSES = st.builds(
    "{}@{}.{}".format,
    st.text(ATEXT, min_size=2, max_size=20).filter(lambda local: local.strip(".") == local),
    st.text("abc019-", min_size=1, max_size=10),
    st.sampled_from(["org", "example", "xn--p1ai"]),
)
AROUND = st.sampled_from(
    [
        "{}",
        "<{}>",
        "550 5.1.1 <{}>: Recipient address rejected: User unknown",
        "rfc822;{}",
        "mailto:{}?subject=unsubscribe",
        "'{}'",
        '"{}"',
        "to={}, relay=none",
        "({})",
        "Jane Doe <{}>; x",
        "user {} does not exist.",
        "{}\n{}",
    ]
)


def test_the_first_letter_and_the_domain_are_left_of_an_address() -> None:
    assert masked("jane.doe@example.org") == "j…@example.org"


@pytest.mark.parametrize("address", ["+@example.org", "@example.org"])
def test_an_address_without_a_letter_keeps_its_domain(address: str) -> None:
    assert masked(address) == "…@example.org"


def test_what_is_no_address_keeps_a_letter_at_most() -> None:
    assert masked("jane") == "j…"
    assert masked("") == "…"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "550 5.1.1 <jane@example.org>: Recipient address rejected",
            "550 5.1.1 <j…@example.org>: Recipient address rejected",
        ),
        ('to "jane doe"@example.org', "to j…@example.org"),
        ('to "jane@home"@example.org', "to j…@example.org"),
        ("?u=jane%40example.org", "u…%40example.org"),
        ("u jane%2540example.org", "u j…%2540example.org"),
        ("jane&#64;example.org", "j…@example.org"),
        ("jane＠example.org", "j…＠example.org"),
        ("jürgen@bücher.example.", "j…@bücher.example."),
        ("jane@[192.0.2.1]", "j…@[192.0.2.1]"),
        ("a@b.example,c@d.example", "a…@b.example,c…@d.example"),
        ("bounces+jane=example.org@list.example", "b…@list.example"),
        ("jane@\r\nexample.org", "j…@\r\nexample.org"),
    ],
)
def test_an_address_is_masked_however_it_is_written(text: str, expected: str) -> None:
    assert without_addresses(text) == expected


@pytest.mark.parametrize(
    "text", ["", "250 2.0.0 OK", "@jane", "two @ a penny", "40% off", "in 3 h: 5.1.1 (a|b)"]
)
def test_a_text_without_addresses_stays(text: str) -> None:
    assert without_addresses(text) == text


@given(ADDRESSES, AROUND)
@settings(deadline=None)
def test_no_address_is_left_whole(address: str, around: str) -> None:
    assert address not in without_addresses(around.format(address, address))
    encoded = quote(address, safe="")
    assert encoded not in without_addresses(around.format(encoded, encoded))


@given(st.lists(st.tuples(ADDRESSES, st.sampled_from([" ", ", ", ";", "\n", "> <"]))))
@settings(deadline=None)
def test_none_of_many_is_left_whole(parts: list[tuple[str, str]]) -> None:
    text = without_addresses("".join(address + mark for address, mark in parts))
    assert not any(address in text for address, _ in parts)


@given(st.text())
@settings(deadline=None)
def test_any_text_is_masked_once_and_for_all(text: str) -> None:
    once = without_addresses(text)
    assert without_addresses(once) == once


def test_a_long_text_takes_no_longer_than_its_length_warrants() -> None:
    for unit in ("a", "@", '"', "a@", "%40", "\\", "&#64;"):
        assert without_addresses(unit * 200_000) is not None
