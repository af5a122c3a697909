"""robots.txt: which pages a site lets programs fetch (RFC 9309)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from digest.feeds.http import Web
from digest.feeds.options import FetchOptions
from digest.feeds.robots import Robots

Server = Any  # conftest.Server
OPTIONS = FetchOptions(
    connect=2.0, read=5.0, allow_private_networks=True, user_agent="Digest/9 (+https://e.org)"
)


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    async with Web(OPTIONS) as asking:
        yield Robots(asking)


def text(body: str | bytes, status: int = 200):  # type: ignore[no-untyped-def]
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    return handler


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        ("User-agent: *\nDisallow: /private", ["/", "/a?b=c"], ["/private", "/private/a"]),
        ("User-agent: *\nDisallow: /\n\nUser-agent: digest\nDisallow: /x", ["/a"], ["/x"]),
        ("User-agent: DIGEST/2.0\nDisallow: /", [], ["/", "/a"]),
        ("User-agent: digester\nDisallow: /", ["/a"], []),
        ("User-agent: other\nUser-agent: digest\nDisallow: /x", ["/a"], ["/x"]),
        ("User-agent: other\nDisallow: /\nUser-agent: *\nDisallow: /x", ["/a"], ["/x"]),
        ("User-agent: *\nDisallow: /\nAllow: /news/*.html$", ["/news/a.html"], ["/news/a.htm"]),
        ("\ufeffUser-agent: *\r\nDisallow: /x # not there", ["/a"], ["/x"]),
        ("User agent *\nDisallow: /x", ["/a"], ["/x"]),
        ("Disallow: /", ["/a"], []),
        ("<html>Not found</html>", ["/a"], []),
        ("", ["/a"], []),
    ],
)
async def test_the_rules_for_us_are_kept(
    server: Server, robots: Robots, rules: str, allowed: list[str], refused: list[str]
) -> None:
    server.add("/robots.txt", text(rules.encode()))
    for path in allowed:
        assert await robots.allows(server.base + path), path
    for path in refused:
        assert not await robots.allows(server.base + path), path


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(401, True), (403, True), (404, True), (410, True), (429, None), (500, None), (503, None)],
)
async def test_a_site_that_gives_none_is_judged_by_its_status(
    server: Server, robots: Robots, status: int, allowed: bool | None
) -> None:
    server.add("/robots.txt", text("", status))
    assert await robots.allows(f"{server.base}/page") is allowed


async def test_a_site_that_cant_be_reached_allows_nothing(robots: Robots) -> None:
    assert not await robots.allows("http://no-such-host.invalid/page")


@pytest.mark.parametrize("url", ["", "/page", "mailto:a@e.org", "http://[", "file:///etc/passwd"])
async def test_what_is_no_address_is_not_allowed(robots: Robots, url: str) -> None:
    assert not await robots.allows(url)


async def test_redirects_are_followed(server: Server, robots: Robots) -> None:
    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/elsewhere"})

    server.add("/robots.txt", moved)
    server.add("/elsewhere", text("User-agent: *\nDisallow: /x"))
    assert not await robots.allows(f"{server.base}/x")


async def test_a_site_is_asked_once_also_by_many_at_once(server: Server, robots: Robots) -> None:
    server.add("/robots.txt", text("User-agent: *\nDisallow: /9"))
    pages = [f"{server.base}/{number}" for number in range(10)]
    assert await asyncio.gather(*map(robots.allows, pages)) == [True] * 9 + [False]
    assert [request.path for request in server.requests] == ["/robots.txt"]


async def test_who_leaves_while_waiting_spoils_it_for_nobody(
    server: Server, robots: Robots
) -> None:
    release = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(body=b"User-agent: *\nDisallow: /x")

    server.add("/robots.txt", slow)
    first, second = (asyncio.create_task(robots.allows(f"{server.base}/x")) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    release.set()
    assert not await second


async def test_the_first_500_kib_count(server: Server, robots: Robots) -> None:
    rules = b"User-agent: *\nDisallow: /x\n" + b"# padding\n" * 100_000 + b"Disallow: /y\n"
    server.add("/robots.txt", text(rules))
    assert not await robots.allows(f"{server.base}/x")
    assert await robots.allows(f"{server.base}/y")


async def test_a_password_in_a_page_s_address_is_not_sent(server: Server, robots: Robots) -> None:
    server.add("/robots.txt", text(""))
    assert await robots.allows(server.base.replace("://", "://me:secret@") + "/page")
    assert "Authorization" not in server.requests[0].headers
