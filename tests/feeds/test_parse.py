from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from digest.feeds.parse import parse_feed
from digest.records import Article, Feed, Fetched, Image, ParsedFeed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STORY = "The council agreed on Monday to reopen the old bridge after nine years of repairs."


def parse(body: bytes | str, url: str = "https://e.org/feed", content_type: str = "") -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    return parse_feed(Feed("news", url), Fetched("news", url, data, content_type=content_type), NOW)


def rss(items: str, channel: str = "<link>https://e.org/</link><language>en-GB</language>") -> str:
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>T</title>{channel}{items}</channel></rss>"
    )


def atom(entries: str, head: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{head}{entries}</feed>'


def one(body: bytes | str, **kwargs: Any) -> Article:
    (article,) = parse(body, **kwargs).articles
    return article


# --- fields --------------------------------------------------------------------------------


def test_an_rss_item_becomes_an_article() -> None:
    article = one(
        rss(
            "<item><title>Bridge &amp;amp; road open</title><guid>g1</guid>"
            "<link>https://e.org/a?utm_source=rss&amp;id=7</link>"
            "<pubDate>Sun, 01 Mar 2026 09:00:00 +0100</pubDate>"
            "<dc:creator>Ada Example</dc:creator><category>Roads</category>"
            "<category>roads</category><category>City</category>"
            f"<description>A teaser.</description>"
            f"<content:encoded><![CDATA[<p>{STORY}</p><p>{STORY}</p>]]></content:encoded>"
            '<media:content url="https://e.org/p.jpg" medium="image"/></item>'
        )
    )
    assert article.title == "Bridge & road open"
    assert article.url == "https://e.org/a?id=7"
    assert (article.published, article.date_origin) == (datetime(2026, 3, 1, 8, tzinfo=UTC), "feed")
    assert (article.author, article.language) == ("Ada Example", "en-gb")
    assert article.tags == ("Roads", "City")
    assert article.summary == "A teaser."
    assert article.text == f"{STORY}\n\n{STORY}"
    assert article.image == Image("https://e.org/p.jpg")
    assert (article.feed, article.guid) == ("news", "g1")


def test_the_fullest_text_is_the_text() -> None:
    item = f"<item><title>T</title><description>{STORY} {STORY}</description>"
    assert one(rss(item + "<content:encoded>Short.</content:encoded></item>")).text == (
        f"{STORY} {STORY}"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a@e.org (Ada Example)", "Ada Example"),
        ("Ada Example &lt;a@e.org&gt;", "Ada Example"),
        ("Ada Example", "Ada Example"),
        ("a@e.org", ""),
    ],
)
def test_an_author_is_a_name_and_not_an_address(given: str, expected: str) -> None:
    assert one(rss(f"<item><title>T</title><author>{given}</author></item>")).author == expected


def test_an_atom_entry_inherits_the_author_of_its_feed() -> None:
    body = atom("<entry><title>T</title></entry>", "<author><name>Ada</name></author>")
    assert one(body).author == "Ada"


def test_the_alternate_link_is_preferred() -> None:
    entry = (
        '<entry><title>T</title><link rel="self" href="https://e.org/1.atom"/>'
        '<link rel="alternate" type="application/pdf" href="https://e.org/1.pdf"/>'
        '<link rel="alternate" type="text/html" href="https://e.org/1"/></entry>'
    )
    assert one(atom(entry)).url == "https://e.org/1"


def test_relative_links_follow_xml_base_then_the_site_then_the_feed() -> None:
    item = "<item><title>T</title><link>/a</link></item>"
    feed = "https://feeds.host.org/f/rss"
    assert one(rss(item), url=feed).url == "https://e.org/a"
    assert one(rss(item, ""), url=feed).url == "https://feeds.host.org/a"
    entry = '<entry{}><title>T</title><link href="a"/></entry>'
    based = entry.format(' xml:base="https://base.org/x/"')
    assert one(atom(based), url=feed).url == "https://base.org/x/a"
    assert one(atom(entry.format("")), url=feed).url == "https://feeds.host.org/f/a"


def test_a_feed_read_from_a_path_resolves_against_its_site_only() -> None:
    item = "<item><title>T</title><link>a</link></item>"
    assert one(rss(item), url="/srv/feed.xml").url == "https://e.org/a"
    assert one(rss(item, ""), url="/srv/feed.xml").url == ""


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "ftp://e.org/a", "mailto:a@e.org"]
)
def test_only_web_links_survive(link: str) -> None:
    assert one(rss(f"<item><title>T</title><link>{link}</link></item>")).url == ""


def test_the_first_real_picture_of_the_text_serves_where_the_feed_names_none() -> None:
    markup = (
        '<img src="https://e.org/pixel.gif" width="1" height="1">'
        '<img data-src="no.jpg" src="data:image/gif;base64,x">'
        "<img alt='' src='/p.jpg?a=1&amp;amp;b=2'>"
    )
    item = f"<item><title>T</title><description><![CDATA[{markup}]]></description></item>"
    assert one(rss(item)).image == Image("https://e.org/p.jpg?a=1&b=2")


def test_a_plain_atom_title_keeps_its_angle_brackets() -> None:
    title = "<title type='text'>Is 3 &lt; 4 &amp;&amp; 5 &gt; 4?</title>"
    assert one(atom(f"<entry>{title}</entry>")).title == "Is 3 < 4 && 5 > 4?"


@pytest.mark.parametrize(
    "title",
    [
        "<![CDATA[<b>Bridge</b> &#8217;opens&#8217;]]>",
        "&lt;b&gt;Bridge&lt;/b&gt; &amp;#8217;opens’",
    ],
)
def test_markup_in_titles_is_gone(title: str) -> None:
    assert one(rss(f"<item><title>{title}</title></item>")).title == "Bridge ’opens’"


def test_an_entry_without_a_title_takes_the_first_words_of_its_text() -> None:
    article = one(rss(f"<item><description>{STORY}</description></item>"))
    assert article.title == "The council agreed on Monday to reopen the old bridge after nine…"
    assert article.text == STORY


def test_an_entry_with_only_a_link_is_kept_under_it() -> None:
    assert one(rss("<item><link>https://e.org/a</link></item>")).title == "https://e.org/a"


def test_an_entry_with_nothing_is_left_out_and_noted() -> None:
    feed = parse(rss("<item></item><item><title>T</title></item>"))
    assert [article.title for article in feed.articles] == ["T"]
    assert "1 entry without title, text and link left out" in feed.notes


def test_a_missing_date_is_the_time_of_the_fetch_and_noted() -> None:
    feed = parse(rss("<item><title>T</title></item>"))
    assert (feed.articles[0].published, feed.articles[0].date_origin) == (NOW, "missing")
    assert "1 entry with a missing date, dated by this fetch" in feed.notes


@pytest.mark.parametrize(
    "element",
    ["<pubDate>{}</pubDate>", "<dc:date>{}</dc:date>", "<updated>{}</updated>"],
)
def test_relative_dates_are_understood_in_every_element(element: str) -> None:
    article = one(rss(f"<item><title>T</title>{element.format('3 hours ago')}</item>"))
    assert (article.published, article.date_origin) == (datetime(2026, 3, 1, 9, tzinfo=UTC), "feed")


def test_the_published_date_comes_before_the_updated_one() -> None:
    dates = "<updated>2026-02-02T00:00:00Z</updated><published>2026-02-01T00:00:00Z</published>"
    article = one(atom(f"<entry><title>T</title>{dates}</entry>"))
    assert article.published == datetime(2026, 2, 1, tzinfo=UTC)


# --- identity ------------------------------------------------------------------------------


def item(guid: str = "", link: str = "", title: str = "T", text: str = "") -> str:
    return (
        f"<item><title>{title}</title><guid isPermaLink='false'>{guid}</guid>"
        f"<link>{link}</link><description>{text}</description></item>"
    )


def ids(*items: str) -> list[str]:
    return [article.id for article in parse(rss("".join(items))).articles]


def test_the_id_follows_the_guid_whatever_else_changes() -> None:
    before = ids(item("g", "https://e.org/1", "Old", "Old."))
    assert ids(item("h"), item("g", "https://e.org/2", "New", "New."))[1:] == before


def test_without_a_guid_the_id_follows_the_link_and_then_the_content() -> None:
    assert ids(item("", "https://e.org/1", "Old")) == ids(
        item("", "https://e.org/1?utm_a=1", "New")
    )
    assert ids(item(title="A")) == ids(item(title="A"))
    assert ids(item(title="A")) != ids(item(title="B"))


def test_two_feeds_never_share_an_id() -> None:
    body = rss(item("g")).encode()
    first = parse_feed(Feed("one", "x"), Fetched("one", "https://e.org", body), NOW).articles[0]
    second = parse_feed(Feed("two", "x"), Fetched("two", "https://e.org", body), NOW).articles[0]
    assert first.id != second.id


def test_entries_that_share_a_guid_keep_their_ids_when_a_new_one_comes_in() -> None:
    old = [item("site", f"https://e.org/{number}") for number in (1, 2)]
    assert ids(item("site", "https://e.org/3"), *old)[1:] == ids(*old)


def test_no_entry_is_lost_to_a_repeated_guid() -> None:
    feed = parse(rss(item("g", title="A") + item("g", title="B") + item("g", title="B")))
    assert [article.title for article in feed.articles] == ["A", "B", "B"]
    assert len({article.id for article in feed.articles}) == 3
    assert "1 entry identical to another of the feed" in feed.notes


def test_the_content_hash_changes_exactly_with_title_and_text() -> None:
    base = one(rss(item("g", "https://e.org/1", "Café", STORY)))
    same = one(rss(item("h", "https://e.org/2", "Cafe\u0301", STORY)))
    assert same.content_hash == base.content_hash
    for other in (item("g", title="Cafe", text=STORY), item("g", title="Café", text=f"{STORY} X.")):
        assert one(rss(other)).content_hash != base.content_hash


# --- formats -------------------------------------------------------------------------------


def test_rdf_is_read() -> None:
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/"><channel><title>T</title></channel>'
        "<item><title>One</title><link>https://e.org/1</link></item></rdf:RDF>"
    )
    assert one(body).url == "https://e.org/1"


@pytest.mark.parametrize("version", ["0.90", "0.91", "0.92", "2.0", "9"])
def test_every_rss_is_read(version: str) -> None:
    body = rss("<item><title>One</title></item>").replace('"2.0"', f'"{version}"', 1)
    assert one(body).title == "One"


def json_feed(**fields: object) -> str:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T <3", "language": "en"}
    return json.dumps({**feed, "home_page_url": "https://e.org/", **fields})


def test_json_feed_is_read_whatever_its_content_type() -> None:
    entry = {
        "id": "1",
        "url": "/a",
        "title": "Is 3 < 4?",
        "content_html": f"<p>{STORY}</p>",
        "summary": "A & B.",
        "date_published": "2026-02-01T10:00:00+02:00",
        "authors": [{"name": "Ada"}, {"name": "Bo"}],
        "tags": ["x", "X", "y"],
        "image": "p.jpg",
    }
    feed = parse(json_feed(items=[entry]), content_type="text/html")
    (article,) = feed.articles
    assert (feed.title, feed.link, feed.language) == ("T <3", "https://e.org/", "en")
    assert (article.title, article.url) == ("Is 3 < 4?", "https://e.org/a")
    assert (article.text, article.summary) == (STORY, "A & B.")
    assert article.published == datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert (article.author, article.tags) == ("Ada, Bo", ("x", "y"))
    assert (article.image, article.language) == (Image("https://e.org/p.jpg"), "en")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_feed_is_read_in_every_unicode_encoding(encoding: str) -> None:
    body = json_feed(items=[{"id": "1", "title": "Zürich"}])
    data = json.dumps(json.loads(body), ensure_ascii=False).encode(encoding)
    assert one(data).title == "Zürich"


def test_json_feed_1_0_and_plain_text_are_read() -> None:
    entry = {"id": 7, "content_text": f"{STORY}\n\nA < B & C.", "external_url": "https://x.org/"}
    article = one(
        json_feed(version="https://jsonfeed.org/version/1", author={"name": "Ada"}, items=[entry])
    )
    assert (article.guid, article.url, article.author) == ("7", "https://x.org/", "Ada")
    assert article.text == f"{STORY}\n\nA < B & C."


def test_wrong_types_inside_an_item_cost_only_themselves() -> None:
    wrong: dict[str, object] = {
        "id": None, "url": 5, "title": ["x"], "content_html": {}, "content_text": "Text here.",
        "date_published": {"a": 1}, "authors": "Ada", "author": 3, "tags": "x", "image": [],
        "attachments": [None, {"url": 1}], "language": 4,
    }  # fmt: skip
    feed = parse(json_feed(items=[wrong, None, "x", {"id": "2", "title": "Good"}]))
    assert [article.title for article in feed.articles] == ["Text here.", "Good"]
    assert "2 of its items are no objects, left out" in feed.notes


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rss("<item><title>One</title></item>"), "RSS 2.0"),
        (rss("").replace('"2.0"', '"0.91"', 1), "RSS 0.91"),
        ('<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
         'xmlns="http://purl.org/rss/1.0/"><channel><title>T</title></channel></rdf:RDF>',
         "RSS 1.0"),
        (atom(""), "Atom 1.0"),
        ('<feed version="0.3" xmlns="http://purl.org/atom/ns#"/>', "Atom 0.3"),
        ('<channel href="https://e.org/"><item href="https://e.org/1"/></channel>', "CDF"),
        (json_feed(items=[]), "JSON Feed 1.1"),
        (json_feed(version="https://jsonfeed.org/version/1", items=[]), "JSON Feed 1.0"),
        (json_feed(version=3, items=[]), "JSON Feed"),
    ],
)  # fmt: skip
def test_the_format_is_named(body: str, expected: str) -> None:
    assert parse(body).format == expected


# --- encodings -----------------------------------------------------------------------------

TITLE = "Über Straße — “Größe”"


def encoded(encoding: str, label: str | None, title: str = TITLE) -> bytes:
    declaration = f' encoding="{label}"' if label else ""
    text = f'<?xml version="1.0"{declaration}?>' + rss(f"<item><title>{title}</title></item>")[21:]
    return text.encode(encoding)


@pytest.mark.parametrize(
    ("encoding", "label", "content_type"),
    [
        ("utf-8", "utf-8", ""),
        ("utf-8-sig", None, ""),
        ("utf-16", "utf-16", ""),
        ("utf-16-be", "utf-16", ""),
        ("utf-32", None, ""),
        ("cp1252", "windows-1252", ""),
        ("cp1252", "iso-8859-1", ""),  # what browsers understand by it
        ("cp1252", None, "text/xml; charset=windows-1252"),
        ("utf-8", "iso-8859-1", ""),
        ("utf-8", None, "text/xml; charset=iso-8859-1"),
        ("utf-8", None, "text/xml"),
        ("utf-8", "utf-16", ""),
        ("utf-8", "no-such-encoding", 'text/xml; charset="'),
    ],
)
def test_right_and_wrong_labels_give_the_same_text(
    encoding: str, label: str | None, content_type: str
) -> None:
    assert one(encoded(encoding, label), content_type=content_type).title == TITLE


def test_the_http_charset_is_honoured_but_not_a_servers_default() -> None:
    title = "Город ждёт открытия моста"
    body = encoded("koi8-r", None, title)
    assert one(body, content_type="text/xml; charset=koi8-r").title == title
    body = encoded("koi8-r", "koi8-r", title)
    assert one(body, content_type="text/xml; charset=ISO-8859-1").title == title


def test_a_wrong_label_is_noted_and_recovered_from() -> None:
    title = "Город ждёт открытия старого моста, сообщила мэрия в понедельник вечером"
    feed = parse(encoded("cp1251", "utf-8", title))
    assert feed.articles[0].title == title
    assert "labelled utf-8, but is cp1251" in feed.notes


def test_one_damaged_byte_costs_one_character() -> None:
    body = encoded("utf-8", "utf-8", TITLE * 3).replace("ß".encode(), b"\xff", 1)
    article = one(body)
    assert article.title == (TITLE * 3).replace("ß", "\ufffd", 1)


def test_an_entry_keeps_its_id_when_its_feed_doubles_it_and_not() -> None:
    item = "<item><title>A</title><guid>g1</guid><description>Text of it.</description></item>"

    def ids(items: str) -> list[str]:
        body = f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()
        feed = Feed("f", "https://e.org/feed")
        now = datetime(2026, 3, 2, tzinfo=UTC)
        return [a.id for a in parse_feed(feed, Fetched("f", feed.url, body), now).articles]

    (alone,) = ids(item)
    first, second = ids(item + item)
    assert first == alone != second
