"""From a site's address to its feed: what pages name and link to, where feeds usually are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.feeds.discover import MOST_REQUESTS, discover
from digest.feeds.http import Web
from digest.feeds.links import FoundLink, feeds_of_page, usual_paths
from digest.feeds.options import FetchOptions

Server = Any  # conftest.Server: a conftest can't be imported by name, every room has one


NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
URL = "https://site.example/blog/page.html"
RSS = (
    '<rss version="2.0"><channel><title>Harbour News</title>'
    "<item><title>Ferry is late</title><link>https://site.example/1</link></item></channel></rss>"
)


def links(page: str, url: str = URL) -> list[tuple[str, str, str]]:
    found = feeds_of_page(page.encode(), "text/html; charset=utf-8", url)
    return [(link.url, link.title, link.kind) for link in found]


def head(link: str) -> str:
    return f"<!doctype html><html><head>{link}</head><body><p>Hello</p></body></html>"


NAMED = {
    "RSS": '<link rel="alternate" type="application/rss+xml" title="News" href="/rss">',
    "Atom": "<link rel='alternate' type='application/atom+xml' title='News' href='/rss'/>",
    "JSON Feed": "<LINK REL=ALTERNATE TYPE=application/feed+json TITLE=News HREF=/rss >",
    "parameters": '<link rel="alternate" type="application/rss+xml; charset=utf-8" title="News" '
    'href="https://site.example/rss">',
    "several relations": '<link rel="home alternate" type="application/rss+xml" title="News" '
    'href="//site.example/rss">',
    "rel=feed": '<link rel="feed" title="News" href="../rss">',
    "line breaks": '<link\n rel="alternate"\n type="application/rss+xml"\n title="News"\n '
    'href=" /rss ">',
    "base": '<base href="https://site.example/"><link rel="alternate" title="News" '
    'type="application/rss+xml" href="rss">',
    "general XML": '<link rel="alternate" type="text/xml" title="News" href="/rss">',
}


@pytest.mark.parametrize("link", NAMED.values(), ids=NAMED.keys())
def test_a_feed_that_the_page_names_is_found(link: str) -> None:
    assert links(head(link)) == [("https://site.example/rss", "News", "named")]


NO_FEED = {
    "style": '<link rel="alternate stylesheet" type="application/rss+xml" href="/rss">',
    "language": '<link rel="alternate" hreflang="de" href="/de/feed">',
    "interface": '<link rel="alternate" type="application/json" href="/wp-json/1">',
    "oembed": '<link rel="alternate" type="text/xml+oembed" href="/oembed">',
    "script address": '<link rel="alternate" type="application/rss+xml" href="javascript:x">',
    "in a comment": '<!-- <link rel="alternate" type="application/rss+xml" href="/rss"> -->',
    "in a script": '<script>"<link rel=alternate type=application/rss+xml href=/rss>"</script>',
    "no address": '<link rel="alternate" type="application/rss+xml">',
    "sharing": '<a href="https://social.example/dialog/feed?link=x">Share</a>',
    "a page": '<a href="/about">About our feed</a>',
    "a shop": '<a href="/animal-feeds">Animal feeds and straw for the whole winter, by the ton</a>',
}


@pytest.mark.parametrize("link", NO_FEED.values(), ids=NO_FEED.keys())
def test_what_only_looks_like_a_feed_is_none(link: str) -> None:
    assert links(head(link)) == []


def test_feeds_come_in_the_page_s_order_with_those_of_comments_last() -> None:
    page = head(
        '<link rel="alternate" type="application/rss+xml" title="Site » Comments" href="/c">'
        '<link rel="alternate" type="application/rss+xml" title="Site" href="/a">'
        '<link rel="alternate" type="application/atom+xml" title="Site" href="/b">'
        '<link rel="alternate" type="application/rss+xml" title="Again" href="/a#x">'
    ).replace("<p>", '<a href="/news.rss">All <b>news</b></a><p>')
    assert links(page) == [
        ("https://site.example/a", "Site", "named"),
        ("https://site.example/b", "Site", "named"),
        ("https://site.example/news.rss", "All news", "linked"),
        ("https://site.example/c", "Site » Comments", "comments"),
    ]


@pytest.mark.parametrize(
    "href",
    ["/feed", "/blog/feed/", "/index.xml", "/?feed=rss2", "/world.rss", "/feeds/posts/default"],
)
def test_a_link_whose_address_is_like_a_feed_s_is_found(href: str) -> None:
    assert links(f'<html><a href="{href}">here</a>')[0][2] == "linked"


def test_a_link_that_is_called_rss_is_found_where_its_address_allows_it() -> None:
    assert links('<html><a href="/rss/world">RSS</a> <a href="/help">RSS</a>') == [
        ("https://site.example/rss/world", "RSS", "linked")
    ]


@given(st.binary(), st.text(), st.text())
def test_any_bytes_are_searched_without_an_exception(
    page: bytes, content_type: str, url: str
) -> None:
    feeds_of_page(page, content_type, url)
    feeds_of_page(b'<link rel=alternate type=application/rss+xml href="' + page, "", URL)


def test_usual_places_are_beside_the_page_first() -> None:
    assert usual_paths("https://site.example/blog")[:2] == (
        "https://site.example/blog/feed",
        "https://site.example/blog/rss.xml",
    )
    assert usual_paths(URL)[0] == "https://site.example/blog/feed"
    assert usual_paths("https://site.example/index.html")[0] == "https://site.example/feed"
    assert "https://site.example/feed" in usual_paths(URL)
    assert usual_paths("https://me.blogspot.com/")[0].endswith("/feeds/posts/default")


# --- asking --------------------------------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(body: str, content_type: str = "text/html") -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type=content_type)

    return handler


def moves(status: int, to: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": to})

    return handler


@pytest.fixture
async def asker() -> AsyncIterator[Web]:
    async with Web(FetchOptions(allow_private_networks=True, total=10)) as asking:
        yield asking


def asked(server: Server) -> list[str]:
    return [request.path for request in server.requests]


async def test_the_address_of_a_feed_is_that_feed(server: Server, asker: Web) -> None:
    url = server.add("/rss", says(RSS, "application/rss+xml"))
    found = await discover(asker, url, NOW)
    assert (found.url, found.title, found.others) == (url, "Harbour News", ())
    assert [article.title for article in found.parsed.articles] == ["Ferry is late"]
    assert asked(server) == ["/rss"]


async def test_the_first_feed_that_the_page_names_is_taken_and_the_others_told(
    server: Server, asker: Web
) -> None:
    page = head(
        '<link rel="alternate" type="application/rss+xml" title="All" href="/rss">'
        '<link rel="alternate" type="application/rss+xml" title="Sport" href="/sport">'
    )
    url = server.add("/", says(page))
    feed = server.add("/rss", says(RSS, "text/xml"))
    found = await discover(asker, url, NOW)
    assert found.url == feed
    assert found.others == (FoundLink(f"{server.base}/sport", "Sport", "named"),)
    assert asked(server) == ["/", "/rss"]


async def test_a_named_feed_that_is_broken_gives_way_to_the_next(
    server: Server, asker: Web
) -> None:
    page = head(
        '<link rel="alternate" type="application/rss+xml" href="/gone">'
        '<link rel="alternate" type="application/rss+xml" href="/rss">'
    )
    url = server.add("/", says(page))
    feed = server.add("/rss", says(RSS))
    assert (await discover(asker, url, NOW)).url == feed


async def test_a_page_that_names_none_is_searched_at_the_usual_places(
    server: Server, asker: Web
) -> None:
    url = server.add("/blog/", says(head("")))
    server.add("/feed", says("<html>Sorry</html>"))
    feed = server.add("/rss", says(RSS))
    assert (await discover(asker, url, NOW)).url == feed


async def test_a_page_that_lists_feeds_is_read_once(server: Server, asker: Web) -> None:
    url = server.add("/", says('<html><a href="/about/rss">RSS</a></html>'))
    server.add("/about/rss", says('<html><a href="/feeds/world.xml">World</a></html>'))
    feed = server.add("/feeds/world.xml", says(RSS))
    assert (await discover(asker, url, NOW)).url == feed
    assert asked(server) == ["/", "/about/rss", "/feeds/world.xml"]


async def test_a_feed_of_comments_is_the_last_resort(server: Server, asker: Web) -> None:
    link = '<link rel="alternate" type="application/rss+xml" title="Comments" href="/c">'
    url = server.add("/", says(head(link)))
    comments = server.add("/c", says(RSS))
    assert (await discover(asker, url, NOW)).url == comments
    assert "/feed" in asked(server)
    feed = server.add("/feed", says(RSS))
    assert (await discover(asker, url, NOW)).url == feed


async def test_what_was_tried_is_told_when_nothing_is_found(server: Server, asker: Web) -> None:
    url = server.add("/a/b/page.html", says(head("")))
    with pytest.raises(FeedError, match="a web page, and no feed of it was found; tried ") as told:
        await discover(asker, url, NOW)
    assert f"{server.base}/a/b/feed (HTTP 404" in told.value.reason
    assert "and 5 other usual places" in told.value.reason
    assert len(server.requests) == MOST_REQUESTS


async def test_a_server_that_is_busy_is_left_alone(server: Server, asker: Web) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    url = server.add("/", says(head("")))
    server.add("/feed", busy)
    with pytest.raises(FeedError):
        await discover(asker, url, NOW)
    assert asked(server) == ["/", "/feed"]


async def test_what_is_neither_feed_nor_page_is_called_so(server: Server, asker: Web) -> None:
    url = server.add("/", says("<data/>", "text/xml"))
    with pytest.raises(FeedError, match="root element is <data>"):
        await discover(asker, url, NOW)
    with pytest.raises(FeedError, match="HTTP 404"):
        await discover(asker, f"{server.base}/nothing", NOW)


MOVES = {
    "for good": ((301, 308), "/c"),
    "for now": ((302, 307), "/a"),
    "for good, then for now": ((301, 302), "/b"),
    "for now, then for good": ((302, 301), "/a"),
}


@pytest.mark.parametrize(("statuses", "kept"), MOVES.values(), ids=MOVES.keys())
async def test_only_permanent_moves_change_the_address(
    server: Server, asker: Web, statuses: tuple[int, int], kept: str
) -> None:
    url = server.add("/a", moves(statuses[0], "/b"))
    server.add("/b", moves(statuses[1], "/c"))
    server.add("/c", says(RSS))
    assert (await discover(asker, url, NOW)).url == server.base + kept


async def test_user_and_password_stay_with_their_host_and_out_of_messages(
    server: Server, asker: Web
) -> None:
    page = head('<link rel="alternate" type="application/rss+xml" href="/rss">')
    url = server.add("/", says(page)).replace("://", "://me:secret@")
    with pytest.raises(FeedError) as told:
        await discover(asker, url, NOW)
    assert "secret" not in str(told.value)
    feed = server.add("/rss", says(RSS)).replace("://", "://me:secret@")
    assert (await discover(asker, url, NOW)).url == feed
    assert "Authorization" in server.requests[-1].headers


async def test_a_feed_elsewhere_does_not_get_the_password(server: Server, asker: Web) -> None:
    other = server.base.replace("127.0.0.1", "localhost")
    page = head(f'<link rel="alternate" type="application/rss+xml" href="{other}/rss">')
    url = server.add("/", says(page)).replace("://", "://me:secret@")
    server.add("/rss", says(RSS))
    assert (await discover(asker, url, NOW)).url == f"{other}/rss"
    assert "Authorization" not in server.requests[-1].headers
