"""Whatever bytes come: a feed or a page, or a reason; never another exception."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.feeds.extract import extract_page
from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, Image, ParsedFeed
from digest.text.teaser import is_teaser
from digest.text.urls import is_http

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STORY = "The council agreed on Monday to reopen the old bridge after nine years of repairs."

RSS = f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE rss [<!ENTITY nbsp "&#160;"><!ENTITY pub "Tom &#38; Co">]>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Harbour &pub; Gazette</title><link>https://e.org/</link><language>en-GB</language>
<ttl>60</ttl><skipHours><hour>1</hour></skipHours><skipDays><day>Sunday</day></skipDays>
<item><title>Bridge &amp;amp; road</title><guid isPermaLink="false">g1</guid><link>/a?x</link>
<pubDate>Sun, 01 Mar 2026 09:00:00 +0100</pubDate><dc:creator>Åda</dc:creator>
<category>Roads</category><enclosure url="/p.jpg" type="image/jpeg" length="1"/>
<media:content url="/p.jpg" medium="image"/><description>A teaser…</description>
<content:encoded><![CDATA[<p>{STORY}</p><img src="/q.jpg"><p>“{STORY}”</p>]]></content:encoded>
</item><item><title>Zwei</title><pubDate>Seg, 24 Fev 2026 19:42:40 -0300</pubDate></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://e.org/x/" xml:lang="sv">
<title type="html">Ön &lt;b&gt;idag&lt;/b&gt;</title><link href="/"/><author><name>Å</name></author>
<entry><id>tag:e.org,2026:1</id><title type="text">1 &lt; 2</title><link rel="alternate" href="a"/>
<published>2026-02-27T09:00:00Z</published><updated>2026-02-28</updated><category term="x"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>{STORY}</p></div></content></entry>
</feed>"""
JSON = f"""{{"version": "https://jsonfeed.org/version/1.1", "title": "T", "home_page_url": "https://e.org",
"items": [{{"id": 1, "url": "/a", "title": "Zürich", "content_html": "<p>{STORY}</p>",
"date_published": "2026-02-27T09:00:00+01:00", "authors": [{{"name": "Ada"}}], "tags": ["x"],
"attachments": [{{"url": "/p.jpg", "mime_type": "image/jpeg"}}]}}]}}"""
PAGE = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Bridge | G</title>
<link rel="canonical" href="/b"><meta property="og:image" content="/p.jpg"><base href="/x/">
<meta property="article:published_time" content="2026-02-27T09:00:00Z">
<script type="application/ld+json">{{"@graph": [{{"@type": "NewsArticle",
"isAccessibleForFree": "False", "author": [{{"@id": "#a"}}], "image": ["/q.jpg"],
"datePublished": "2026-02-27T09:00:00Z"}},
{{"@id": "#a", "name": "Ada"}}]}}</script></head><body class="post"><nav><a href="/">Home</a></nav>
<article><h1>Bridge</h1><time datetime="2026-02-27">x</time><p>{STORY}</p><p>“{STORY}” {STORY}</p>
<blockquote>{STORY} é ü 橋</blockquote></article><footer>Imprint</footer></body></html>"""

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "shift_jis", "utf-7"]
TYPES = [
    "",
    "text/html",
    "text/xml; charset=iso-8859-1",
    "text/html; charset=utf-16",
    "application/json",
    'text/html; charset="',
    "\r\n;;=",
]


def feed_or_reason(body: bytes, content_type: str) -> ParsedFeed | str:
    fetched = Fetched("f", "https://e.org/feed", body, content_type=content_type)
    try:
        return parse_feed(Feed("f", fetched.url), fetched, NOW)
    except ParseError as error:
        return error.reason


def checked_feed(body: bytes, content_type: str = "") -> None:
    feed = feed_or_reason(body, content_type)
    if isinstance(feed, str):
        assert feed
        return
    assert len({article.id for article in feed.articles}) == len(feed.articles)
    for article in feed.articles:
        assert article.title
        assert article.published.utcoffset() == timedelta(0)
        assert article.published <= NOW + timedelta(hours=1)
        assert article.url == "" or is_http(article.url)
        checked_image(article.image)
        is_teaser(article.text)
        f"{article.title}{article.text}{article.author}".encode()  # no surrogates


def checked_image(image: Image | None) -> None:
    if image is not None:
        assert is_http(image.url)
        assert len(image.url) <= 2048
        assert all(
            type(side) is int and 0 <= side <= 20_000 for side in (image.width, image.height)
        )
        assert "\n" not in image.alt
        image.alt.encode()


def checked_page(body: bytes, content_type: str = "") -> None:
    page = extract_page("a", body, content_type, "https://e.org/2026/bridge", now=NOW)
    assert bool(page.text) != bool(page.reason)
    assert page.url == "" or is_http(page.url)
    checked_image(page.image)
    assert page.published is None or page.published.utcoffset() == timedelta(0)
    f"{page.text}{page.title}{page.author}".encode()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """What looks like a feed or a page, in some encoding, with a few things done to it."""
    text = draw(st.sampled_from([RSS, ATOM, JSON, PAGE]))
    body = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    changes: list[Callable[[bytes, int, int, bytes], bytes]] = [
        lambda b, i, _j, _: b[:i],  # cut
        lambda b, i, j, _: b[:i] + b[j:],  # a piece is missing
        lambda b, i, j, _: b[:j] + b[i:],  # a piece stands there twice
        lambda b, i, _, junk: b[:i] + junk + b[i:],
        lambda b, i, _, junk: b[:i] + junk + b[i + len(junk) :],
        lambda b, i, j, _: b[:i] + bytes(byte ^ 0x80 for byte in b[i:j]) + b[j:],
        lambda b, i, j, _: b.replace(b[i : i + 3], b[j : j + 5]),
    ]
    for _ in range(draw(st.integers(1, 4))):
        i, j = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
        junk = draw(st.sampled_from(PIECES) | st.binary(max_size=20))
        body = draw(st.sampled_from(changes))(body, i, j, junk)
    return body


PIECES = [
    b"<",
    b"&",
    b"\0",
    b"]]>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"&#xD800;",
    b"&#99999999999;",
    b"&nbsp;",
    b"\xff\xfe",
    b"\x1b$B",
    b"<!DOCTYPE x [<!ENTITY a '&a;'>]>",
    b"<item>",
    b"</channel>",
    b"<title>" * 50,
    b"\\ud800",
    b"1e999",
    b"<p>" * 300,
    b'<link rel="canonical" href="http://[">',
    b'<base href="http://[">',
    b"9999-99-99T99:99:99+99:99",
    b"0001-01-01T00:00:00+14:00",
]

tolerant = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@tolerant
@given(st.binary(max_size=400), st.sampled_from(TYPES) | st.text(max_size=40))
def test_any_bytes_give_a_feed_or_a_reason(body: bytes, content_type: str) -> None:
    checked_feed(body, content_type)


@tolerant
@given(st.binary(max_size=400), st.sampled_from(TYPES) | st.text(max_size=40))
def test_any_bytes_give_a_page_or_a_reason(body: bytes, content_type: str) -> None:
    checked_page(body, content_type)


@tolerant
@given(mutated(), st.sampled_from(TYPES))
def test_a_damaged_document_gives_a_feed_or_a_reason(body: bytes, content_type: str) -> None:
    checked_feed(body, content_type)


@tolerant
@given(mutated(), st.sampled_from(TYPES))
def test_a_damaged_document_gives_a_page_or_a_reason(body: bytes, content_type: str) -> None:
    checked_page(body, content_type)


@tolerant
@given(st.text(max_size=300))
def test_any_text_between_tags_gives_a_feed_or_a_reason(text: str) -> None:
    markup = f"<rss version='2.0'><channel><item><title>{text}</title></item></channel></rss>"
    checked_feed(markup.encode("utf-8", "surrogatepass"))
    checked_page(f"<html><body><p>{text}</p></body></html>".encode("utf-8", "surrogatepass"))
