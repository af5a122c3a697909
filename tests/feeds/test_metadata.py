"""What a page says of itself: its address, picture, author, time, language, paywall."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from digest.feeds.extract import extract_page
from digest.records import Page

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://www.gazette.example/2026/02/bridge"
PARAGRAPHS = (
    "The council agreed on Monday to reopen the old bridge after nine years of repairs.",
    "The work had cost twice what was planned, the harbour master said, and took three winters.",
    "Lorries will have to keep to the ring road until the new railings are delivered in May.",
    "Shopkeepers on the east bank had asked for the bridge to be opened in time for the fair.",
)


def page(
    head: str = "", body: str = "", title: str = "Old bridge reopens", html: str = "lang=en"
) -> str:
    body = body or "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    return (
        f"<!doctype html><html {html}><head><title>{title} | Harbour Gazette</title>{head}</head>"
        "<body><nav><a href=/>Home</a> <a href=/sport>Sport</a></nav>"
        f"<main><article><h1>{title}</h1>{body}</article></main>"
        "<footer>Imprint. All rights reserved.</footer></body></html>"
    )


def extract(
    markup: str | bytes, url: str = URL, content_type: str = "text/html", now: datetime | None = NOW
) -> Page:
    body = markup.encode() if isinstance(markup, str) else markup
    return extract_page("a1", body, content_type, url, now=now)


def ld(*data: object) -> str:
    return "".join(
        f'<script type="application/ld+json">{json.dumps(item)}</script>' for item in data
    )


def meta(**values: str) -> str:
    return "".join(
        f'<meta property="{name.replace("__", ":")}" content="{value}">'
        for name, value in values.items()
    )


# --- address -------------------------------------------------------------------------------


def canonical(href: str) -> str:
    return f'<link rel="canonical" href="{href}">'


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", URL),
        (
            canonical("/2026/02/bridge-reopens"),
            "https://www.gazette.example/2026/02/bridge-reopens",
        ),
        (canonical("https://gazette.example/b?utm_source=x"), "https://gazette.example/b"),
        (meta(og__url="https://gazette.example/b"), "https://gazette.example/b"),
        (canonical("http://www.gazette.example/2026/02/bridge"), URL),
        (canonical("https://amp.gazette.example/b"), "https://amp.gazette.example/b"),
        ("<base href='/x/'>" + canonical("b"), "https://www.gazette.example/x/b"),
        # Not taken: another site, a front page, another port, no page at all.
        (canonical("https://evil.example/2026/02/bridge"), URL),
        (canonical("https://gazette.example.evil.example/b"), URL),
        (canonical("https://evilgazette.example/b"), URL),
        (canonical("https://www.gazette.example/"), URL),
        (canonical("https://www.gazette.example:8443/b"), URL),
        (canonical("javascript:alert(1)"), URL),
        (canonical("mailto:desk@gazette.example"), URL),
        (canonical("ftp://www.gazette.example/b"), URL),
    ],
)
def test_the_canonical_address_is_taken_when_it_is_a_page_of_the_site(
    head: str, expected: str
) -> None:
    assert extract(page(head)).url == expected


def test_an_address_never_carries_tracking_or_credentials() -> None:
    url = "https://user:secret@www.gazette.example/2026/02/bridge?utm_medium=rss&id=7"
    assert extract(page(), url=url).url == "https://www.gazette.example/2026/02/bridge?id=7"


# --- picture -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (meta(og__image="https://img.example/a.jpg"), "https://img.example/a.jpg"),
        (meta(og__image="/a.jpg"), "https://www.gazette.example/a.jpg"),
        (meta(og__image="data:image/png;base64,x"), ""),
        (meta(og__image="javascript:alert(1)"), ""),
        ('<meta name="twitter:image" content="https://img.example/t.jpg">', "https://img.example/t.jpg"),
        (ld({"@type": "NewsArticle", "image": {"url": "/l.jpg"}}), "https://www.gazette.example/l.jpg"),
        (ld({"@type": "NewsArticle", "image": ["", 7, "/l.jpg"]}), "https://www.gazette.example/l.jpg"),
        (meta(og__image="x:y") + ld({"@type": "Article", "image": "/l.jpg"}),
         "https://www.gazette.example/l.jpg"),
        (ld({"@type": "Organization", "image": "/logo.jpg"}), ""),
    ],
)  # fmt: skip
def test_the_picture_is_what_the_page_shows_to_others(head: str, expected: str) -> None:
    image = extract(page(head)).image
    assert (image.url if image else "") == expected


# --- author --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ld({"@type": "NewsArticle", "author": {"@type": "Person", "name": "Ada"}}), "Ada"),
        (ld({"@type": "Article", "author": [{"name": "Ada"}, {"name": "Bo"}]}), "Ada, Bo"),
        (ld({"@type": "BlogPosting", "author": "Ada"}), "Ada"),
        (ld({"@graph": [{"@type": "Article", "author": {"@id": "#p"}},
                        {"@id": "#p", "name": "Ada"}]}), "Ada"),
        ('<meta name="author" content="Ada &amp;amp; Bo">', "Ada & Bo"),
        (meta(article__author="Ada Example"), "Ada Example"),
        (meta(article__author="https://social.example/ada"), ""),
        ('<meta name="author" content="@ada">', ""),
        ('<meta name="author" content="desk@gazette.example">', ""),
        ('<meta name="author" content="<b>Ada</b>">', "Ada"),
        ('<meta name="author" content="The Gazette">' + meta(og__site_name="The Gazette"), ""),
        (ld({"@type": "Article", "author": "Gazette", "publisher": {"name": "Gazette"}}), ""),
    ],
)  # fmt: skip
def test_an_author_is_a_name_that_the_page_gives(head: str, expected: str) -> None:
    assert extract(page(head)).author == expected


def test_a_link_to_the_author_names_one_where_there_is_one_only() -> None:
    text = f"<p>{' '.join(PARAGRAPHS)}</p>"
    one = "<a rel=author href=/ada>Ada</a>"
    assert extract(page(body=one + text + one)).author == "Ada"
    assert extract(page(body=one + text + "<a rel=author href=/bo>Bo</a>")).author == ""


# --- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-02-27T09:00:00+01:00", datetime(2026, 2, 27, 8, tzinfo=UTC)),
        ("2026-02-27T09:00:00.000Z", datetime(2026, 2, 27, 9, tzinfo=UTC)),
        ("2026-02-27T09:00:00+0000", datetime(2026, 2, 27, 9, tzinfo=UTC)),
        ("2026-02-27 09:00:00 UTC", datetime(2026, 2, 27, 9, tzinfo=UTC)),
        ("Fri, 27 Feb 2026 09:00:00 GMT", datetime(2026, 2, 27, 9, tzinfo=UTC)),
        ("2026-02-27", None),
        ("20260227", None),
        ("2026-03-02T09:00:00Z", None),
        ("1989-12-31T23:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("27 February", None),
        ("T10:00", None),
        ("9" * 5000, None),
    ],
)
@pytest.mark.parametrize("where", ["json-ld", "meta", "time"])
def test_a_time_is_taken_when_it_is_exact_and_can_be(
    given: str, expected: datetime | None, where: str
) -> None:
    markup = {
        "json-ld": page(ld({"@type": "NewsArticle", "datePublished": given})),
        "meta": page(meta(article__published_time=given)),
        "time": page(body=f"<p><time datetime='{given}'>x</time></p><p>{' '.join(PARAGRAPHS)}</p>"),
    }[where]
    assert extract(markup).published == expected


def test_times_of_other_articles_are_not_taken() -> None:
    times = "".join(f"<time datetime='2026-02-{day}T09:00:00Z'>x</time>" for day in (10, 11))
    text = f"<p>{' '.join(PARAGRAPHS)}</p>"
    assert extract(page(body=text + times)).published is None
    marked = "<time class='entry-date published' datetime='2026-02-12T09:00:00Z'>x</time>"
    assert extract(page(body=text + times + marked)).published == datetime(
        2026, 2, 12, 9, tzinfo=UTC
    )


def test_no_date_is_made_of_the_address_or_the_text() -> None:
    body = f"<p>Published on 27 February 2026, 09:00.</p><p>{' '.join(PARAGRAPHS)}</p>"
    assert extract(page(body=body)).published is None


def test_without_knowing_the_time_no_time_is_taken() -> None:
    markup = page(meta(article__published_time="2026-02-27T09:00:00Z"))
    assert extract(markup, now=None).published is None


# --- language ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "expected"),
    [("lang=en-GB", "en-gb"), ("lang='de_AT'", "de-at"), ("", ""), ("lang='no language'", "")],
)
def test_the_language_is_the_pages(html: str, expected: str) -> None:
    assert extract(page(html=html)).language == expected


# --- paywall -------------------------------------------------------------------------------

PART = {"@type": "WebPageElement", "isAccessibleForFree": "False", "cssSelector": ".paywall"}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ld({"@type": "NewsArticle", "isAccessibleForFree": False}), True),
        (ld({"@type": "NewsArticle", "isAccessibleForFree": "false"}), True),
        (ld({"@type": "NewsArticle", "isAccessibleForFree": "http://schema.org/False"}), True),
        (ld([{"@graph": [{"@type": "NewsArticle", "hasPart": [PART]}]}]), True),
        (ld({"@type": "NewsArticle", "isAccessibleForFree": True}), False),
        (ld({"@type": "ItemList", "itemListElement": [{"isAccessibleForFree": False}]}), False),
        ('<script type="application/ld+json">{"isAccessibleForFree": "False",, }</script>', True),
        (meta(article__content_tier="locked"), True),
        (meta(article__content_tier="metered"), True),
        (meta(article__content_tier="free"), False),
        ('<meta itemprop="isAccessibleForFree" content="false">', True),
        ("", False),
    ],
)
def test_a_page_that_is_not_free_says_so(head: str, expected: bool) -> None:
    assert extract(page(head)).paywall is expected


def test_amps_subscription_section_is_a_paywall() -> None:
    text = f"<p>{' '.join(PARAGRAPHS)}</p>"
    assert extract(page(body=f"<section subscriptions-section=content>{text}</section>")).paywall


# --- JSON-LD -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        "",
        "{",
        "null",
        "[" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"@type": {"a": 1}, "author": {"name": {"name": 1}}, "image": {"url": []}}',
        '{"@type": "Article", "author": [[["Ada"]], null, 3], "datePublished": 5, "image": [[]]}',
        '{"@type": ["Article", 3], "@id": 7, "mainEntityOfPage": ["x"], "publisher": [{}]}',
        '{"n": ' + "9" * 5000 + "}",
        '{"@type": "Article", "url": "http://[", "image": "http://["}',
    ],
)
def test_broken_json_ld_costs_only_itself(script: str) -> None:
    broken = f'<script type="application/ld+json">{script}</script>'
    good = ld({"@type": "NewsArticle", "url": URL, "author": {"name": "Ada"}})
    found = extract(page(broken + good))
    assert (found.text, found.author) == ("\n\n".join(PARAGRAPHS), "Ada")


@pytest.mark.parametrize(
    "script",
    [
        '<!-- {"@type": "Article", "author": "Ada"} -->',
        '//<![CDATA[\n{"@type": "Article", "author": "Ada"}\n//]]>',
        '{"@type": "Article", "author": "Ada"};',
        "{&quot;@type&quot;: &quot;Article&quot;, &quot;author&quot;: &quot;Ada&quot;}",
        '{"@type": "Article", "headline": "one\ntwo", "author": "Ada"}',
    ],
)
def test_json_ld_in_odd_wrappings_is_read(script: str) -> None:
    assert extract(page(f'<script type="application/ld+json">{script}</script>')).author == "Ada"


def test_json_ld_over_a_megabyte_is_not_read() -> None:
    article: dict[str, Any] = {"@type": "Article", "author": "Ada", "text": "x" * 1_100_000}
    assert extract(page(ld(article))).author == ""


def test_of_several_articles_the_pages_own_is_taken() -> None:
    others = [{"@type": "NewsArticle", "url": f"{URL}-{n}", "author": f"B{n}"} for n in range(3)]
    own = {"@type": "NewsArticle", "mainEntityOfPage": {"@id": URL}, "author": "Ada"}
    assert extract(page(ld(*others, own))).author == "Ada"
    assert extract(page(ld(*others))).author == ""
