from __future__ import annotations

import asyncio
import base64
import gzip
import os
import pickle
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import brotli
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from digest.errors import FetchError
from digest.feeds.fetch import fetch_feeds
from digest.feeds.http import Refused, Web, _departure
from digest.feeds.options import FetchOptions
from digest.records import Feed, Fetched, Hop, Validators

BODY = b"<rss version='2.0'><channel><title>T</title></channel></rss>"
Server = Any  # conftest.Server: a conftest can't be imported by name, every room has one
QUICK = FetchOptions(connect=2.0, read=5.0, total=10.0, allow_private_networks=True)  # loopback


async def fetch(
    *urls: str,
    options: FetchOptions = QUICK,
    validators: Mapping[str, Validators] | None = None,
) -> list[Fetched | FetchError]:
    """Results in the order of `urls`; feeds are named `0`, `1`, …"""
    feeds = [Feed(str(number), url) for number, url in enumerate(urls)]
    results = [result async for result in fetch_feeds(feeds, validators or {}, options)]
    assert len(results) == len(urls)
    return sorted(results, key=lambda result: int(result.feed))


async def fetched(url: str, **kwargs: object) -> Fetched:
    (result,) = await fetch(url, **kwargs)  # type: ignore[arg-type]
    assert isinstance(result, Fetched), result
    return result


async def refused(url: str, options: FetchOptions = QUICK) -> FetchError:
    (result,) = await fetch(url, options=options)
    assert isinstance(result, FetchError), result
    assert "\n" not in result.reason
    return result


def respond(body: bytes = BODY, status: int = 200, **headers: str):  # type: ignore[no-untyped-def]
    async def handler(_: web.Request) -> web.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=given)

    return handler


async def raw_server(answer: bytes, reset: bool = False) -> tuple[asyncio.Server, str]:
    """A server that sends `answer` whatever is asked, then ends (or resets) the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if reset:
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: close() sends RST
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    return running, f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/feed"


# --- what is fetched -----------------------------------------------------------------------


async def test_a_feed_comes_with_address_type_status_and_validators(server: Server) -> None:
    url = server.add(
        "/feed",
        respond(
            Content_Type="application/rss+xml; charset=koi8-r",
            ETag='W/"1"',
            Last_Modified="Sun, 01 Mar 2026 10:00:00 GMT",
        ),
    )
    result = await fetched(url)
    assert (result.body, result.url, result.status) == (BODY, url, 200)
    assert result.content_type == "application/rss+xml; charset=koi8-r"
    assert result.validators == Validators('W/"1"', "Sun, 01 Mar 2026 10:00:00 GMT")
    assert result.seconds > 0


@pytest.mark.parametrize(
    "etag",
    [
        '"plain"',
        'W/"weak"',
        "unquoted",
        '"a,b"',
        '""',
        '"it\'s \\"é\\""',
        "'x'",
        '"a  b"',
        "Ünïcode",
    ],
)
async def test_validators_are_given_back_byte_for_byte(server: Server, etag: str) -> None:
    modified = "sunday the 1st, 10 o'clock"  # no date at all, yet it is the server's
    url = server.add("/feed", respond(ETag=etag, Last_Modified=modified))
    first = await fetched(url)
    await fetched(url, validators={"0": first.validators})
    asked = dict(server.requests[-1].raw_headers)
    assert asked[b"If-None-Match"] == etag.encode()
    assert asked[b"If-Modified-Since"] == modified.encode()


async def test_an_etag_that_cant_be_given_back_is_not_kept() -> None:
    running, url = await raw_server(
        b'HTTP/1.1 200 OK\r\nETag: "\xe9"\r\nContent-Length: 2\r\n\r\nok'
    )
    async with running:
        assert (await fetched(url)).validators.etag is None


async def test_nothing_is_asked_conditionally_the_first_time(server: Server) -> None:
    await fetched(server.add("/feed", respond()))
    assert not {"If-None-Match", "If-Modified-Since"} & set(server.requests[0].headers)


async def test_not_modified_is_unchanged_and_keeps_the_validators(server: Server) -> None:
    url = server.add("/feed", respond(b"", 304, ETag='"2"'))
    result = await fetched(url, validators={"0": Validators('"1"', "yesterday")})
    assert result.unchanged
    assert result.validators == Validators('"2"', "yesterday")


async def test_not_modified_that_nobody_asked_for_is_an_error(server: Server) -> None:
    error = await refused(server.add("/feed", respond(b"", 304)))
    assert (error.reason, error.status) == ("HTTP 304 Not Modified", 304)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("br", brotli.compress),
    ],
)
async def test_compressed_bodies_are_read(server: Server, encoding: str, compress) -> None:  # type: ignore[no-untyped-def]
    url = server.add("/feed", respond(compress(BODY), Content_Encoding=encoding))
    assert (await fetched(url)).body == BODY
    assert encoding in server.requests[0].headers["Accept-Encoding"]


async def test_an_empty_body_is_a_body(server: Server) -> None:
    assert (await fetched(server.add("/feed", respond(b"")))).body == b""


async def test_the_user_agent_is_ours(server: Server) -> None:
    url = server.add("/feed", respond())
    await fetched(url, options=replace(QUICK, user_agent="digest/9 (+https://e.org)"))
    assert server.requests[0].headers["User-Agent"] == "digest/9 (+https://e.org)"


async def test_the_headers_are_kept_in_order_but_for_cookies(server: Server) -> None:
    url = server.add("/feed", respond(Cache_Control="max-age=60", Set_Cookie="a=b", X_Two="é"))
    headers = (await fetched(url)).headers
    assert [pair for pair in headers if pair[0] in ("cache-control", "set-cookie", "x-two")] == [
        ("cache-control", "max-age=60"),
        ("x-two", "é"),
    ]


async def test_headers_that_are_no_utf8_or_a_novel_are_left_out() -> None:
    running, url = await raw_server(
        b"HTTP/1.1 200 OK\r\nX-A: \xe9\r\nX-B: " + b"b" * 5000 + b"\r\nContent-Length: 0\r\n\r\n"
    )
    async with running:
        assert (await fetched(url)).headers == (("content-length", "0"),)


async def test_headers_show_no_password(server: Server) -> None:
    async def echo(request: web.Request) -> web.Response:
        given = {
            "Content-Location": "http://me:s3cret@e.org/feed",
            "X-Echo": request.headers["Authorization"],
        }
        return web.Response(body=BODY, headers=given)

    url = server.add("/feed", echo).replace("://", "://me:s3cret@")
    headers = dict((await fetched(url)).headers)
    assert headers["content-location"] == "http://***@e.org/feed"
    assert "x-echo" not in headers


@pytest.mark.parametrize("path", ["/my feed.xml", "/ü/ö?q=ä b", "/a%20b%2Fc"])
async def test_paths_with_spaces_and_letters_of_all_kinds_are_asked_for(
    server: Server, path: str
) -> None:
    url = server.add(unquote(path.partition("?")[0]), respond())
    assert (await fetched(f" {server.base}{path}\n")).body == BODY
    assert url


async def test_a_host_with_letters_of_all_kinds_is_looked_up_as_idna(server: Server) -> None:
    asked: list[str] = []

    def lookup(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    url = server.add("/feed", respond()).replace("127.0.0.1", "bücher.example")
    async with Web(QUICK, lookup=lookup) as asking:
        answer = await asking.get(url)
    assert asked == ["xn--bcher-kva.example"]
    assert server.requests[0].headers["Host"].startswith("xn--bcher-kva.example:")
    assert answer.url == url.replace("bücher", "xn--bcher-kva")


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "exa mple.org", "%41.org"])
async def test_a_host_that_can_be_none_is_named(host: str) -> None:
    error = await refused(f"http://{host}/feed")
    assert error.reason == f"no such host: {host.lower()} (check the address)"


@pytest.mark.parametrize("host", ["1.2.3.4.5", "999.1.1.1", "xn--", "[::1::]", "a\\b"])
async def test_an_address_that_can_be_none_is_refused(host: str) -> None:
    error = await refused(f"http://{host}/feed")
    assert "address" in error.reason


@given(url=st.text(max_size=40) | st.text(max_size=40).map("http://{}".format))
def test_nothing_but_a_reason_comes_of_any_address(url: str) -> None:
    def lookup(_: str) -> list[str]:
        raise OSError("no such host")

    async def ask() -> None:
        async with Web(QUICK, lookup=lookup) as asking:
            with pytest.raises(Refused) as refusal:
                await asking.get(url)
        assert refusal.value.reason

    asyncio.run(ask())


# --- redirects and credentials -------------------------------------------------------------


def redirect(target: str):  # type: ignore[no-untyped-def]
    return respond(b"", 302, Location=target)


async def test_redirects_are_followed_to_the_last_address(server: Server) -> None:
    last = server.add("/c", respond())
    server.add("/b", redirect("/c"))
    result = await fetched(server.add("/a", respond(b"", 301, Location="/b#part")))
    assert result.url == last
    assert result.hops == (Hop(301, f"{server.base}/b"), Hop(302, last))


async def test_validators_go_along_to_the_last_address(server: Server) -> None:
    server.add("/b", respond(b"", 304))
    url = server.add("/a", redirect("/b"))
    result = await fetched(url, validators={"0": Validators('"1"')})
    assert result.unchanged
    assert [request.headers["If-None-Match"] for request in server.requests] == ['"1"'] * 2


async def test_a_redirect_to_nowhere_is_an_error_status(server: Server) -> None:
    assert (await refused(server.add("/feed", respond(b"", 302)))).reason == "HTTP 302 Found"


async def test_a_redirect_in_another_encoding_is_followed_byte_for_byte() -> None:
    running, url = await raw_server(b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9 1\r\n\r\n")
    async with running:
        error = await refused(url)
    assert error.hops[0].url.endswith("/caf%E9%201")


async def test_as_many_redirects_as_allowed_pass_and_one_more_does_not(server: Server) -> None:
    server.add("/0", respond())
    for number in range(1, 5):
        server.add(f"/{number}", redirect(f"/{number - 1}"))
    options = replace(QUICK, max_redirects=3)
    assert (await fetched(f"{server.base}/3", options=options)).body == BODY
    error = await refused(f"{server.base}/4", options)
    assert error.reason == "redirected more than 3 times"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://e.org/", "http://"])
async def test_a_redirect_leads_only_to_http(server: Server, target: str) -> None:
    error = await refused(server.add("/feed", redirect(target)))
    assert error.reason == "redirected to something that is not an http(s) address"


async def test_credentials_are_sent_through_redirects_and_never_shown(server: Server) -> None:
    url = server.add("/a", redirect("/b")).replace("http://", "http://me:s3cr%40t@")
    server.add("/b", respond())
    result = await fetched(url)
    expected = "Basic " + base64.b64encode(b"me:s3cr@t").decode()
    assert [request.headers["Authorization"] for request in server.requests] == [expected] * 2
    assert "s3cr" not in repr(result)


@pytest.mark.parametrize(
    ("start", "now", "allowed"),
    [
        ("http://e.org/a", "http://e.org/b", True),
        ("http://e.org/a", "http://e.org:80/b", True),
        ("https://e.org/a", "https://e.org:443/b", True),
        ("http://e.org/a", "https://e.org/b", True),  # made secure
        ("https://e.org/a", "http://e.org/b", False),
        ("http://e.org/a", "https://e.org:8443/b", False),
        ("http://e.org:8080/a", "https://e.org/b", False),
        ("http://e.org:8080/a", "http://e.org/b", False),
        ("http://e.org/a", "http://www.e.org/b", False),
        ("http://e.org/a", "https://www.e.org/b", False),
        ("http://e.org/a", "http://e.org.evil.example/b", False),
    ],
)
def test_credentials_are_for_the_place_that_they_were_given_for(
    start: str, now: str, allowed: bool
) -> None:
    way = _departure(start.replace("://", "://me:secret@"), {}, True, 1, False)
    way.url = URL(now)
    assert way.may_know_us() is allowed


async def test_credentials_dont_follow_to_another_host(server: Server) -> None:
    other = server.base.replace("127.0.0.1", "localhost")
    url = server.add("/a", redirect(f"{other}/b")).replace("http://", "http://me:secret@")
    server.add("/b", respond())
    await fetched(url)
    assert "Authorization" not in server.requests[-1].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret@127.0.0.1:1/",
        "http://me:secret@no-such-host.invalid/",
        "http://me:secret@[::1/",
        "http://me:secret@e.org:99999/",
        "ftp://me:secret@e.org/",
        "file://me:secret@e.org/",
    ],
)
async def test_no_message_holds_a_password(url: str) -> None:
    error = await refused(url)
    assert "secret" not in f"{error} {error.reason}"


# --- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "HTTP 404 Not Found (check the address)"),
        (410, "HTTP 410 Gone (it was closed for good)"),
        (500, "HTTP 500 Internal Server Error"),
        (503, "HTTP 503 Service Unavailable"),
        (599, "HTTP 599"),
    ],
)
async def test_an_error_status_is_named(server: Server, status: int, reason: str) -> None:
    error = await refused(server.add("/feed", respond(b"sorry", status)))
    assert (error.reason, error.status) == (reason, status)


async def test_an_error_brings_what_the_server_said(server: Server) -> None:
    server.add("/b", respond(b"later", 503, Retry_After="120"))
    error = await refused(server.add("/a", redirect("/b")))
    assert dict(error.headers)["retry-after"] == "120"
    assert error.hops == (Hop(302, f"{server.base}/b"),)
    assert error.seconds > 0


async def test_an_error_can_be_sent_between_processes(server: Server) -> None:
    server.add("/b", respond(b"later", 503, Retry_After="120"))
    error = await refused(server.add("/a", redirect("/b")))
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, FetchError)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


async def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    url = server.add("/feed", hang)
    silent = await refused(url, replace(QUICK, read=0.1))
    assert silent.reason == "no answer within 0.1 s"
    slow = await refused(url, replace(QUICK, total=0.1))
    assert slow.reason == "not complete within 0.1 s"


async def test_a_body_that_trickles_is_given_up(server: Server) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    error = await refused(server.add("/feed", trickle), replace(QUICK, total=0.3))
    assert error.reason == "not complete within 0.3 s"


async def test_an_unknown_host_is_named() -> None:
    error = await refused("http://no-such-host.invalid/feed")
    assert error.reason == "no such host: no-such-host.invalid (check the address)"


async def test_a_closed_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        error = await refused(f"http://127.0.0.1:{taken.getsockname()[1]}/feed")
    assert error.reason == "no connection to 127.0.0.1: connection refused"


async def test_a_connection_that_is_reset_is_told() -> None:
    running, url = await raw_server(b"", reset=True)
    async with running:
        reason = (await refused(url)).reason
    assert reason == "the server closed the connection without an answer"


async def test_a_body_that_ends_too_soon_is_told() -> None:
    running, url = await raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<rss>")
    async with running:
        reason = (await refused(url)).reason
    assert reason == "the connection ended in the middle of the body"


async def test_what_is_not_http_is_told() -> None:
    running, url = await raw_server(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    async with running:
        assert (await refused(url)).reason == "the server's answer is not HTTP"


async def test_plain_http_where_tls_was_expected_is_told(server: Server) -> None:
    error = await refused(server.base.replace("http://", "https://") + "/feed")
    assert error.reason == "no secure connection to 127.0.0.1: TLS failed"


async def test_a_certificate_nobody_vouches_for_is_told(self_signed: ssl.SSLContext) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed)
    async with running:
        error = await refused(f"https://127.0.0.1:{running.sockets[0].getsockname()[1]}/")
    assert error.reason.startswith("the certificate of 127.0.0.1 can't be trusted: self")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_damaged_compressed_body_is_told(server: Server, encoding: str) -> None:
    damaged = b"\x1f\x8b\x08" + b"\xff" * 64
    url = server.add("/feed", respond(damaged, Content_Encoding=encoding))
    assert (await refused(url)).reason == f"the server sent a damaged {encoding} body"


async def test_a_body_of_60_mb_is_not_read_to_the_end(server: Server) -> None:
    sent = 0

    async def stream(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(60):
            await response.write(b" " * 1_000_000)
            sent += 1
        return response

    error = await refused(server.add("/feed", stream), replace(QUICK, max_bytes=4 * 1024 * 1024))
    assert error.reason == "larger than 4 MiB, not read further"
    assert sent < 60


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_a_compression_bomb_never_unfolds(server: Server, encoding: str) -> None:
    unfolded = 200_000_000
    bomb = (
        gzip.compress(bytes(unfolded), compresslevel=1)
        if encoding == "gzip"
        else brotli.compress(bytes(unfolded), quality=1)
    )
    assert len(bomb) < unfolded // 100
    url = server.add("/feed", respond(bomb, Content_Encoding=encoding))
    tracemalloc.start()
    error = await refused(url, replace(QUICK, max_bytes=4 * 1024 * 1024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.reason == "larger than 4 MiB, not read further"
    assert peak < 32 * 1024 * 1024


async def test_one_broken_feed_leaves_the_others_alone(server: Server) -> None:
    good = server.add("/feed", respond())
    results = await fetch(good, f"{server.base}/none", "http://[", good, "/no/such/file", good)
    assert [isinstance(result, Fetched) for result in results] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


async def test_what_nobody_foresaw_costs_its_feed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def trip(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(Web, "get", trip)
    assert (await refused("http://e.org/")).reason == "ZeroDivisionError: by zero"


async def test_no_feeds_give_no_results() -> None:
    assert await fetch() == []


# --- limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("concurrency", "per_host", "expected"), [(32, 2, 2), (32, 5, 5), (3, 10, 3)]
)
async def test_a_host_is_asked_no_more_than_so_often_at_once(
    server: Server, concurrency: int, per_host: int, expected: int
) -> None:
    now, most = 0, 0

    async def busy(_: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.Response(body=BODY)

    url = server.add("/feed", busy)
    options = replace(QUICK, concurrency=concurrency, per_host=per_host)
    await fetch(*[url] * 20, options=options)
    assert most == expected


async def test_a_host_that_redirects_lead_to_is_asked_no_more_often(server: Server) -> None:
    now, most = 0, 0

    async def busy(_: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.Response(body=BODY)

    url = server.add("/busy", busy)
    other = server.add("/to", redirect(url)).replace("127.0.0.1", "localhost")
    results = await fetch(*[url, other] * 10)
    assert all(isinstance(result, Fetched) for result in results)
    assert most == 2


async def test_who_waits_for_a_busy_host_keeps_nobody_waiting(server: Server) -> None:
    release = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(body=BODY)

    url = server.add("/slow", slow)
    local = server.base.replace("127.0.0.1", "localhost")
    server.add("/to", redirect(url))
    server.add("/quick", respond())
    feeds = [Feed("slow", url), Feed("to", f"{local}/to"), Feed("quick", f"{local}/quick")]
    order = []
    async for result in fetch_feeds(feeds, {}, replace(QUICK, per_host=1, concurrency=2)):
        order.append(result.feed)
        release.set()
    assert order[0] == "quick"


async def test_names_that_nobody_answers_for_keep_nobody_waiting(server: Server) -> None:
    release = threading.Event()

    def lookup(host: str) -> list[str]:
        if host.startswith("dead"):
            release.wait(10)
        return ["127.0.0.1"]

    url = server.add("/feed", respond())
    async with Web(QUICK, lookup=lookup) as asking:
        dead = [
            asyncio.create_task(asking.get(url.replace("127.0.0.1", f"dead{n}.example")))
            for n in range(20)
        ]
        await asyncio.sleep(0)
        answer = await asking.get(url.replace("127.0.0.1", "alive.example"))
        assert answer.body == BODY
        assert not any(task.done() for task in dead)
        release.set()
        await asyncio.gather(*dead)


async def test_a_slow_taker_holds_the_fetching_back(server: Server) -> None:
    url = server.add("/feed", respond())
    feeds = [Feed(str(number), url) for number in range(20)]
    taken = 0
    async for _ in fetch_feeds(feeds, {}, replace(QUICK, per_host=20, concurrency=2)):
        taken += 1
        await asyncio.sleep(0.02)
        # two that wait with their turn, and one on the way to us
        assert len(server.requests) <= taken + 3


async def test_waiting_for_a_turn_is_no_time_out(server: Server) -> None:
    async def busy(_: web.Request) -> web.Response:
        await asyncio.sleep(0.1)
        return web.Response(body=BODY)

    url = server.add("/feed", busy)
    options = replace(QUICK, per_host=1, total=0.5, connect=0.5)
    results = await fetch(*[url] * 8, options=options)  # 0.8 s in all
    assert all(isinstance(result, Fetched) for result in results)


async def test_results_come_as_they_complete(server: Server) -> None:
    release = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(body=BODY)

    feeds = [
        Feed("slow", server.add("/slow", slow)),
        Feed("quick", server.add("/quick", respond())),
    ]
    order = []
    async for result in fetch_feeds(feeds, {}, QUICK):
        order.append(result.feed)
        release.set()
    assert order == ["quick", "slow"]


async def test_leaving_early_stops_what_is_under_way(server: Server) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    feeds = [
        Feed("slow", server.add("/slow", slow)),
        Feed("quick", server.add("/quick", respond())),
    ]
    before = asyncio.all_tasks()
    async with aclosing(fetch_feeds(feeds, {}, QUICK)) as results:
        async for result in results:
            assert result.feed == "quick"
            break
    tasks = {task for task in asyncio.all_tasks() - before if "fetch_in_turn" in repr(task)}
    assert not tasks


# --- files ---------------------------------------------------------------------------------


async def test_a_path_is_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "my feed ü.xml"
    path.write_bytes(BODY)
    result = await fetched(str(path))
    assert (result.body, result.url, result.status) == (BODY, str(path), None)


async def test_a_path_that_cant_be_read_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 101)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    options = replace(QUICK, max_bytes=100)
    reasons = {
        "none.xml": "no such file: {}",
        "": "{} is a folder, not a file",
        "pipe": "{} is not a regular file",
        "big": "{} is larger than 100 bytes, not read further",
        "loop": "{} can't be read: too many levels of symbolic links",
        "a\0b": "{} can't be read: not a valid path",
    }
    for name, reason in reasons.items():
        path = str(tmp_path / name) if name else str(tmp_path)
        assert (await refused(path, options)).reason == reason.format(path)


async def test_a_file_without_permission_says_so(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(BODY)
    path.chmod(0)
    with unprivileged():
        error = await refused(str(path))
    assert error.reason == f"{path} can't be read: permission denied"


@pytest.mark.parametrize("url", ["file:///etc/hostname", "feeds/a.xml", "ftp://e.org/a", ""])
async def test_only_http_and_absolute_paths_are_feeds(url: str) -> None:
    error = await refused(url)
    assert error.reason == "not an http(s) address or a path (check the feed's url)"
