"""What a person means by an address, and which two addresses are the same feed's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.addresses import same_address, unescaped, web_address, with_user, without_user
from digest.text.urls import is_http

MEANT = {
    "as it is": ("https://example.org/feed?a=1&b=2", "https://example.org/feed?a=1&b=2"),
    "space around": ("  http://example.org/ \n", "http://example.org/"),
    "space inside": ("http://example.org/my feed.xml", "http://example.org/my%20feed.xml"),
    "no scheme": ("example.org/feed", "https://example.org/feed"),
    "no scheme but a port": ("example.org:8080/feed", "https://example.org:8080/feed"),
    "a host alone": ("example.org", "https://example.org"),
    "only slashes": ("//example.org/feed", "https://example.org/feed"),
    "capitals": ("HTTP://Example.org/Feed", "http://Example.org/Feed"),
    "feed scheme": ("feed://example.org/rss", "http://example.org/rss"),
    "feed scheme before another": ("feed:https://example.org/rss", "https://example.org/rss"),
    "feed scheme with slashes": ("feed://https://example.org/rss", "https://example.org/rss"),
    "escaped twice": ("http://example.org/?a=1&amp;amp;b=2", "http://example.org/?a=1&b=2"),
    "quotes round it": ("“http://example.org/a”", "http://example.org/a"),
    "invisible": ("\u200bhttp://example.org/a\ufeff", "http://example.org/a"),
    "other scripts": ("https://bücher.example/süß", "https://bücher.example/süß"),
    "with a password": ("https://me:pw@example.org/a", "https://me:pw@example.org/a"),
    "with tracking": ("http://example.org/?partner=rss", "http://example.org/?partner=rss"),
}

NO_ADDRESS = {
    "script": "javascript:alert(1)",
    "data": "data:text/xml,<rss/>",
    "file": "file:///etc/passwd",
    "other scheme": "ftp://example.org/feed",
    "mail": "mailto:me@example.org",
    "a path": "/etc/passwd",
    "a file": "feed.xml",
    "a file beside": "./feed.xml",
    "a drive": "C:\\feeds\\a.xml",
    "a word": "feed",
    "nothing": " ",
    "no host": "http:///feed",
    "a space in the host": "http://exa mple.org/",
    "port nought": "http://example.org:0/",
    "a port of letters": "http://example.org:port/",
    "half an IPv6 address": "http://[::1/",
    "endless": "http://example.org/" + "a" * 2000,
}


@pytest.mark.parametrize(("text", "address"), MEANT.values(), ids=MEANT.keys())
def test_what_a_person_writes_becomes_an_address(text: str, address: str) -> None:
    assert web_address(text) == address


@pytest.mark.parametrize("text", NO_ADDRESS.values(), ids=NO_ADDRESS.keys())
def test_what_means_no_web_address_gives_none(text: str) -> None:
    assert web_address(text) == ""


def test_a_relative_address_is_resolved_against_its_page() -> None:
    assert (
        web_address("feed.xml", "https://example.org/blog/") == "https://example.org/blog/feed.xml"
    )
    assert web_address("javascript:x", "https://example.org/") == ""


@given(st.text(), st.text())
def test_any_text_is_an_address_or_none(text: str, base: str) -> None:
    address = web_address(text, base)
    assert address == "" or is_http(address)
    assert web_address(address) == address


SAME = {
    "case of scheme and host": ("HTTPS://EXAMPLE.org/a", "https://example.org/a"),
    "bare host": ("https://example.org", "https://example.org/"),
    "default port": ("https://example.org:443/a", "https://example.org/a"),
    "fragment": ("https://example.org/a#top", "https://example.org/a"),
    "case of percent codes": ("https://example.org/%c3%a9", "https://example.org/%C3%A9"),
    "needless percent codes": ("https://example.org/%61", "https://example.org/a"),
    "letters and their codes": ("https://example.org/é", "https://example.org/%C3%A9"),
    "punycode": ("https://bücher.example/", "https://xn--bcher-kva.example"),
    "full-width letters": ("https://ｅxample.org/", "https://example.org/"),
    "a dot behind the host": ("https://example.org./a", "https://example.org/a"),
    "a space and its code": ("https://example.org/a b", "https://example.org/a%20b"),
    "two ways to a file": ("./feeds/a.xml", "feeds//x/../a.xml"),
}

DIFFERENT = {
    "scheme": ("http://example.org/a", "https://example.org/a"),
    "case of the path": ("https://example.org/A", "https://example.org/a"),
    "slash at the end": ("https://example.org/a/", "https://example.org/a"),
    "query": ("https://example.org/?a=1", "https://example.org/?a=2"),
    "port": ("https://example.org:8443/", "https://example.org/"),
    "reserved characters": ("https://example.org/a%2Fb", "https://example.org/a/b"),
    "hosts that only IDNA 2003 mixes up": ("https://straße.example", "https://strasse.example"),
    "user": ("https://me@example.org/", "https://you@example.org/"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_the_same_address_in_another_dress_is_recognised(one: str, other: str) -> None:
    assert same_address(one) == same_address(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_may_differ_is_kept_apart(one: str, other: str) -> None:
    assert same_address(one) != same_address(other)


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    for url in (text, f"http://{text}", f"https://example.org/{text}"):
        assert same_address(same_address(url)) == same_address(url)


def test_user_and_password_can_be_taken_off() -> None:
    assert without_user("https://me:p@ss@example.org:81/a?b#c") == "https://example.org:81/a?b#c"
    assert without_user("https://example.org/a@b") == "https://example.org/a@b"


def test_only_complete_references_are_resolved() -> None:
    assert unescaped("a&amp;b&eacute;&#233;&#xe9;") == "a&bééé"
    assert unescaped("?a=1&copy=2&notit;&bogus;") == "?a=1&copy=2&notit;&bogus;"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/new", "https://me:secret@a.example/new"),
        ("https://A.example:443/new", "https://me:secret@A.example:443/new"),
        ("http://a.example/new", "http://a.example/new"),
        ("https://b.example/new", "https://b.example/new"),
        ("https://a.example:8443/new", "https://a.example:8443/new"),
    ],
)
def test_a_password_is_given_to_the_server_that_it_is_for(address: str, expected: str) -> None:
    assert with_user(address, "https://me:secret@a.example/feed") == expected
    assert with_user(address, "https://a.example/feed") == address


def test_a_server_that_became_secure_is_the_same() -> None:
    given = "http://me:secret@a.example/feed"
    assert with_user("https://a.example/feed", given) == "https://me:secret@a.example/feed"
    assert with_user("https://a.example:8443/feed", given) == "https://a.example:8443/feed"
