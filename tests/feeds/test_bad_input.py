"""The bad input a feed can be, each with its reason; what HTTP does wrong is in test_fetch.py."""

from __future__ import annotations

import html
import json
import socket
import tracemalloc
from datetime import UTC, datetime

import pytest

from digest.errors import ParseError
from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, ParsedFeed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ITEM = "<item><title>Story {0}</title><link>https://e.org/{0}</link></item>"


def parse(body: bytes) -> ParsedFeed:
    fetched = Fetched("news", "https://e.org/feed", body)
    return parse_feed(Feed("news", "https://e.org/feed"), fetched, NOW)


def rss(items: str, prolog: str = "") -> bytes:
    head = f'<?xml version="1.0"?>{prolog}<rss version="2.0"><channel><title>T</title>'
    return f"{head}{items}</channel></rss>".encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty: 0 bytes"),
        (b" \n\t\0", "empty: only white space"),
        (b"Not found", "not a feed: neither XML nor JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a feed: neither XML nor JSON"),
        (b"\n" * 2_000_000, "empty: only white space"),
        (b"<!DOCTYPE a [" + b"\n" * 2_000_000, "not a feed: neither XML nor JSON"),
        (b"<svg xmlns='x'><a/></svg>", "not a feed: XML whose root element is <svg>"),
        (b"<rss", "broken before its first entry; nothing of it can be read"),
        (
            b"<!DOCTYPE html><HTML><body>Hello</body></HTML>",
            "an HTML page, not a feed; look on that page for the address of its feed",
        ),
        (
            b"<html><link rel=alternate type='application/atom+xml' href='/atom?a=1&amp;b=2'>",
            "an HTML page, not a feed; the feed it names is https://e.org/atom?a=1&b=2",
        ),
        (b'{"a": 1}', "JSON, but not JSON Feed (it has no list of items)"),
        (b"[1, 2]", "JSON, but not JSON Feed (it has no list of items)"),
        (b'{"items": [', "broken JSON: expecting value (line 1, column 12)"),
        (b"[" * 100_000, "broken JSON: nested too deep, or with too long a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "broken JSON: nested too deep, or with too long a number"),
    ],
)
def test_what_is_no_feed_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as refused:
        parse(body)
    assert refused.value.reason == reason
    assert str(refused.value) == f"feed 'news': {reason}"


@pytest.mark.parametrize(
    "body", [rss(""), b'{"version": "https://jsonfeed.org/version/1", "items": []}']
)
def test_a_feed_without_entries_is_a_feed(body: bytes) -> None:
    feed = parse(body)
    assert feed.articles == ()
    assert feed.notes == ("has no entries",)


def test_a_truncated_feed_keeps_the_entries_before_the_break() -> None:
    whole = rss("".join(ITEM.format(number) for number in range(5)))
    feed = parse(whole[: whole.index(b"Story 4")])
    assert [article.title for article in feed.articles] == [f"Story {n}" for n in range(4)]
    assert "the XML breaks off; what came before is kept" in feed.notes


def test_broken_mark_up_is_read_leniently_and_noted() -> None:
    feed = parse(
        rss("<item><title>Fish & chips</title><link>https://e.org/1</item>" + ITEM.format(2))
    )
    assert feed.articles[0].title == "Fish & chips"
    assert feed.articles[1].title == "Story 2"
    assert any("not well-formed XML" in note for note in feed.notes)


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
QUADRATIC = f'<!DOCTYPE x [\n<!ENTITY a "{"a" * 50_000}">\n]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("prolog", "reference"), [(LAUGHS, "&l11;"), (QUADRATIC, "&a;" * 20_000)], ids=["exp", "quad"]
)
def test_an_entity_bomb_does_not_unfold(prolog: str, reference: str, encoding: str) -> None:
    items = f"<item><title>One</title><description>{reference}</description></item>"
    body = rss(items, prolog).decode().encode(encoding)
    tracemalloc.start()
    feed = parse(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert feed.articles[0].title == "One"
    assert peak < 50 * 1024 * 1024
    assert "declares entities that refer to others or unfold too far; not expanded" in feed.notes


def test_an_external_entity_is_not_read() -> None:
    prolog = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    feed = parse(rss("<item><title>One &e; two</title></item>", prolog))
    assert feed.articles[0].title == "One &e; two"


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1:{port}/rss.dtd">',
        '<!DOCTYPE rss PUBLIC "-//X//DTD" "http://127.0.0.1:{port}/rss.dtd" [<!ENTITY a "b">]>',
        '<!DOCTYPE rss [<!ENTITY % d SYSTEM "http://127.0.0.1:{port}/d"> %d;]>',
        '<!DOCTYPE rss [<!ENTITY e SYSTEM "http://127.0.0.1:{port}/e">]>',
    ],
)
def test_no_dtd_and_no_entity_is_fetched(prolog: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = prolog.replace("{port}", str(listening.getsockname()[1]))
        feed = parse(rss("<item><title>One &e; two</title></item>", address))
        assert len(feed.articles) == 1
        with pytest.raises(TimeoutError):  # nobody has knocked
            listening.accept()


def test_a_body_that_is_a_path_is_not_opened() -> None:
    with pytest.raises(ParseError, match="neither XML nor JSON"):
        parse(b"/etc/hostname")


def test_entities_that_stand_for_characters_are_resolved() -> None:
    prolog = """<!DOCTYPE rss [<!ENTITY nbsp "&#160;"><!ENTITY pub 'Tom &#38; Co'>]>"""
    feed = parse(rss("<item><title>By&nbsp;&pub; &eacute;</title></item>", prolog))
    assert feed.articles[0].title == "By Tom & Co é"


def test_nul_bytes_and_other_forbidden_characters_are_dropped() -> None:
    body = rss("<item><title>a\0b\x01c&#0;&#x1F;&#xD800;&#99999999999;d</title></item>")
    feed = parse(body)
    assert feed.articles[0].title == "abcd"
    assert not any("XML" in note for note in feed.notes)


def test_ten_thousand_entries_are_read() -> None:
    feed = parse(rss("".join(ITEM.format(number) for number in range(10_000))))
    assert len({article.id for article in feed.articles}) == 10_000


@pytest.mark.parametrize("kind", ["rss", "json"])
def test_a_million_entries_are_read_as_far_as_memory_allows(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.feeds.parse._MOST_ENTRIES", 5)
    monkeypatch.setattr("digest.feeds.jsonfeed._MOST_ENTRIES", 5)
    body = rss("".join(ITEM.format(number) for number in range(9)))
    if kind == "json":
        body = json.dumps(
            {"items": [{"id": str(n), "title": f"Story {n}"} for n in range(9)]}
        ).encode()
    feed = parse(body)
    assert [article.title for article in feed.articles] == [f"Story {n}" for n in range(5)]
    assert any(note.endswith("entries; the rest is not read") for note in feed.notes)
    assert feed.complete


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<rss>" + b"<x>" * 200_001, "not a feed: over 200,000 elements that are not closed"),
        (b'{"items": [' + b"[]," * 2_000_001,
         "JSON of over 2,000,000 objects and lists, too many to read"),
    ],
)  # fmt: skip
def test_what_would_fill_the_memory_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as refused:
        parse(body)
    assert refused.value.reason == reason


def test_a_title_of_100_kb_is_cut_and_noted() -> None:
    feed = parse(rss(f"<item><title>{'word ' * 20_000}</title></item>"))
    assert feed.articles[0].title == ("word " * 60).strip()
    assert "1 entry with a title over 300 characters, cut" in feed.notes


def test_a_title_without_spaces_is_cut_too() -> None:
    assert (
        parse(rss(f"<item><title>{'字' * 100_000}</title></item>")).articles[0].title == "字" * 300
    )


@pytest.mark.parametrize("script", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"])
@pytest.mark.parametrize("escape", [0, 1])
def test_markup_never_gets_into_an_articles_fields(script: str, escape: int) -> None:
    for _ in range(escape):
        script = html.escape(script)
    wrapped = script if escape else f"<![CDATA[{script}]]>"
    feed = parse(
        rss(
            f"<item><title>{wrapped}Bridge</title><guid>g</guid><category>{wrapped}City</category>"
            f"<author>{wrapped}Ada</author><description>{wrapped} It reopened on Monday."
            "</description></item>"
        )
    )
    (article,) = feed.articles
    assert (article.title, article.author, article.tags) == ("Bridge", "Ada", ("City",))
    assert article.text == article.summary == "It reopened on Monday."


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java&#10;script:alert(1)",
        "&#1;javascript:alert(1)",
        "data:text/html;base64,x",
        "vbscript:x",
        "file:///etc/hostname",
        "mailto:a@e.org",
        "blob:https://e.org/x",
        "http://",
    ],
)
def test_only_web_addresses_get_into_an_articles_fields(address: str) -> None:
    feed = parse(
        rss(
            f"<item><title>One</title><link>{address}</link><guid>{address}</guid>"
            f"<enclosure url='{address}' type='image/png'/>"
            f"<description>&lt;img src='{html.escape(address)}'&gt; Two.</description></item>"
        )
    )
    assert (feed.articles[0].url, feed.articles[0].image) == ("", None)
    plain = html.unescape(address)
    entry = {"id": "1", "title": "One", "url": plain, "image": plain}
    feed = parse(json.dumps({"items": [entry], "home_page_url": plain}).encode())
    assert (feed.articles[0].url, feed.articles[0].image, feed.link) == ("", None, "")


def test_dates_that_are_all_now_are_believed() -> None:
    date = "<pubDate>Sun, 01 Mar 2026 12:00:00 GMT</pubDate>"
    feed = parse(rss("".join(f"<item><title>{n}</title>{date}</item>" for n in range(3))))
    assert {(a.published, a.date_origin) for a in feed.articles} == {(NOW, "feed")}


def test_an_entry_of_tomorrow_is_dated_by_the_fetch() -> None:
    date = "<pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate>"
    feed = parse(rss(f"<item><title>One</title>{date}</item>"))
    assert (feed.articles[0].published, feed.articles[0].date_origin) == (NOW, "future")
    assert "1 entry with a future date, dated by this fetch" in feed.notes


def test_comments_that_never_close_hide_no_feed() -> None:
    with pytest.raises(ParseError, match="neither XML nor JSON"):
        parse(b"<!--" * 60_000)
    assert parse(b"<!-- a " + rss(ITEM.format(1))[21:]).articles[0].title == "Story 1"


@pytest.mark.parametrize("junk", [b"<a>" * 20_000, b"<" * 50_000, b"&" * 50_000, b"<!--" * 20_000])
def test_pathological_mark_up_ends(junk: bytes) -> None:
    assert len(parse(b"<rss version='2.0'><channel>" + junk).articles) <= 1
