from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.urls import canonical_url, is_http, redact


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.ORG", "https://example.org/"),
        ("HTTP://example.org:80/a", "http://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("//example.org/a", "https://example.org/a"),
        ("  https://example.org/a\n", "https://example.org/a"),
        ("https://exam\nple.org/\ta\u200b", "https://example.org/a"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb"),
        ("https://example.org/übung?q=ß", "https://example.org/%C3%BCbung?q=%C3%9F"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a"),
        ("https://me:secret@example.org/a", "https://example.org/a"),
        ("mailto:desk@example.org", "mailto:desk@example.org"),
        ("MAILTO:desk@example.org?subject=a b", "mailto:desk@example.org?subject=a%20b"),
    ],
)
def test_one_page_has_one_address(url: str, expected: str) -> None:
    assert canonical_url(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://e.org/a?utm_source=rss&id=7&UTM_Medium=x", "https://e.org/a?id=7"),
        ("https://e.org/a?id=7&amp;utm_source=rss&amp;amp;p=2", "https://e.org/a?id=7&p=2"),
        ("https://e.org/a?fbclid=1&gclid=2&mc_cid=3&mc_eid=4&_hsenc=5", "https://e.org/a"),
        ("https://e.org/a?at_medium=RSS&at_campaign=KARANGA", "https://e.org/a"),
        ("https://e.org/a?id=7#xtor=RSS-1", "https://e.org/a?id=7"),
        ("https://e.org/a#utm_source=rss", "https://e.org/a"),
        ("https://e.org/a#", "https://e.org/a"),
        ("https://e.org/a?attempt=1&b=&c", "https://e.org/a?attempt=1&b=&c"),
        ("https://e.org/?b=2&a=1&copy=3", "https://e.org/?b=2&a=1&copy=3"),
    ],
)
def test_tracking_is_removed_and_the_rest_of_the_query_is_left_alone(
    url: str, expected: str
) -> None:
    assert canonical_url(url) == expected


@pytest.mark.parametrize("fragment", ["#!/story", "#story-2", "#block-7"])
def test_a_fragment_that_names_a_text_stays(fragment: str) -> None:
    assert canonical_url(f"https://e.org/live{fragment}") == f"https://e.org/live{fragment}"


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("/a", "https://e.org/feed.xml", "https://e.org/a"),
        ("b?x=1", "https://e.org/news/feed.xml", "https://e.org/news/b?x=1"),
        ("../b", "https://e.org/news/feed.xml", "https://e.org/b"),
        ("//cdn.org/p.jpg", "http://e.org/", "http://cdn.org/p.jpg"),
        ("https://other.org/a", "https://e.org/", "https://other.org/a"),
        ("", "https://e.org/", ""),
        ("a", "", ""),
        ("/a", "file:///etc/feed.xml", ""),
    ],
)
def test_a_relative_link_is_resolved_against_its_base(url: str, base: str, expected: str) -> None:
    assert canonical_url(url, base) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://e.org/a",
        "urn:uuid:1",
        "tag:e.org,2026:1",
        "https://",
        "https:///a",
        "https://e.org:port/",
        "https://e.org:99999/",
        "http://[::1",
        'https://e.org"onclick=/',
        "mailto:",
        "mailto:nobody",
        "https://e.org/" + "a" * 5000,
    ],
)
def test_what_is_no_web_or_mail_address_becomes_empty(url: str) -> None:
    assert canonical_url(url, "https://base.org/") == ""


_LIKE_URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(
        ["http://", "https://", "//", "mailto:", "javascript:", "HTTPS:", "", " data:"]
    ),
    st.sampled_from(["e.org", "ÜBER.example", "u:p@e.org:80", "[::1]", "e.org:443", "a@e.org", ""]),
    st.text(max_size=30),
    st.sampled_from(
        ["", "?utm_a=1&b=2", "?a&amp;amp;b", "#", "#utm_source=x", "?&&", "%", "%zz%2f"]
    ),
    st.text(alphabet="&ampx;=#?%/\\ @:é\t", max_size=20),
)


@given(_LIKE_URLS | st.text(max_size=60))
def test_canonical_form_is_reached_at_once(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once


@given(_LIKE_URLS | st.text(max_size=60), st.sampled_from(["", "https://e.org/x/", "data:a", "//"]))
def test_no_other_scheme_comes_out(url: str, base: str) -> None:
    result = canonical_url(url, base)
    assert result == "" or is_http(result) or result.startswith("mailto:")
    assert result.isascii()
    assert not set(result) & set(" \t\r\n\"<>'") or result.startswith("mailto:")


def test_credentials_are_replaced_wherever_an_address_stands() -> None:
    message = "can't reach https://me:pass@word@e.org/feed?a=1 (from http://x@y.org)"
    assert redact(message) == "can't reach https://***@e.org/feed?a=1 (from http://***@y.org)"


def test_an_address_without_credentials_is_printed_as_it_is() -> None:
    assert redact("https://e.org/@user/a@b") == "https://e.org/@user/a@b"


@pytest.mark.parametrize(
    "url", ["/srv/feed.xml", "file:///a", "htp://x", "http://", "http://[", ""]
)
def test_only_http_addresses_are_http(url: str) -> None:
    assert not is_http(url)
    assert is_http("https://e.org/feed")


def test_a_link_of_megabytes_of_escapes_is_given_up_at_once() -> None:
    assert canonical_url("https://e.org/?" + "x&amp;" * 1_000_000) == ""
    many = "https://e.org/?a=1&" + "amp;" * 500_000 + "b=2"
    assert canonical_url(many) == "https://e.org/?a=1&b=2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:p@ss@e.org/feed", "https://***@e.org/feed"),
        ("ftp://me:p/ss@e.org/feed", "ftp://***@e.org/feed"),
        ("https://e.org:8080/@user", "https://e.org:8080/@user"),
    ],
)
def test_no_part_of_a_password_is_printed(text: str, shown: str) -> None:
    assert redact(text) == shown
