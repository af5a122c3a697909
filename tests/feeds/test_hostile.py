"""What strangers on the net may try, and that nothing comes of it.

Every attack is tried twice: as we are, where it must fail, and with its guard taken away, where it
must succeed. So no attack can rot into one that would fail anyway, and no guard can go without a
test that tells. How the stage is set stands in conftest.py.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import threading
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import brotli
import pytest
from aiohttp import web
from yarl import URL

from digest.feeds import entries, guard, http, images, unpack, xmltext
from digest.feeds.http import Answer, Web
from digest.feeds.parse import parse_feed
from digest.feeds.robots import Robots
from digest.records import Article, Feed, Fetched

Stage = Any  # conftest.Stage: a conftest can't be imported by name, every room has one
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
MIB = 1024 * 1024
LIMIT = MIB  # the stage's, of a body
SECRET = "s3cret-word"

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff"
EMPTY_BLOCK = b"\0\0\0\xff\xff"  # stored, of no bytes, not the last (RFC 1951)
BROTLI = OK + b"Content-Encoding: br\r\n\r\n\x0c"
EMPTY_METABLOCK = b"\x06"  # metadata of no bytes (RFC 7932)


@dataclass(frozen=True)
class Attack:
    """`harm` tries it, and says whether it succeeded; `unguarded` takes the guard away."""

    harm: Callable[[Stage], Awaitable[bool]]
    unguarded: Callable[[Stage], None]
    reason: str


ATTACKS: dict[str, Attack] = {}


def attack(
    what: str, unguarded: Callable[[Stage], None], reason: str = ""
) -> Callable[[Callable[[Stage], Awaitable[bool]]], Callable[[Stage], Awaitable[bool]]]:
    def register(harm: Callable[[Stage], Awaitable[bool]]) -> Callable[[Stage], Awaitable[bool]]:
        assert what not in ATTACKS
        ATTACKS[what] = Attack(harm, unguarded, reason)
        return harm

    return register


# --- guards, and how each is taken away ----------------------------------------------------


def addresses(stage: Stage) -> None:
    stage.patch.setattr(guard, "refusal", lambda _: "")


def ports(stage: Stage) -> None:
    stage.patch.setattr(guard, "port_refusal", lambda *_: "")


def schemes(stage: Stage) -> None:
    stage.patch.setattr(http, "_SCHEMES", ("http", "https", "ws"))


def circles(stage: Stage) -> None:
    stage.patch.setattr(http.Web, "_check", lambda *_: None)


def environment(stage: Stage) -> None:
    session = aiohttp.ClientSession
    trusting = lambda **given: session(**{**given, "trust_env": True})  # noqa: E731
    stage.patch.setattr(http.aiohttp, "ClientSession", trusting)


def cookies(stage: Stage) -> None:
    stage.patch.setattr(http.aiohttp, "DummyCookieJar", lambda: aiohttp.CookieJar(unsafe=True))


def whom_we_tell(stage: Stage) -> None:
    stage.patch.setattr(http._Way, "may_know_us", lambda _: True)


def their_credentials(stage: Stage) -> None:
    stage.patch.setattr(http, "_bare", lambda url: url.with_fragment(None))


def what_is_recorded(stage: Stage) -> None:
    stage.patch.setattr(http, "_SECRET", ())


def options(**taken: Any) -> Callable[[Stage], None]:
    """A limit that is one of the options."""

    def without(stage: Stage) -> None:
        stage.options = replace(stage.options, **taken)

    return without


def downgrades(stage: Stage) -> None:
    stage.patch.setattr(http._Way, "would_expose", lambda *_: False)


body_limit = options(max_bytes=10**12)
header_limit = options(max_header_bytes=2**30)


# --- addresses -----------------------------------------------------------------------------

LOOPBACK, METADATA = "a loopback address", "the metadata service of a cloud"


def leads_inside(what: str, host: str, reason: str, *answers: list[str]) -> None:
    """An address of the user's whose host is, or is said by its name server to be, inside."""

    @attack(what, addresses, reason)
    async def _(stage: Stage) -> bool:
        if answers:
            stage.name(URL(f"http://{host}/").raw_host or "", *answers)
        await stage.ask(f"http://{host}/")
        return stage.went_astray


for what, host, reason in (
    ("the loopback address", "127.0.0.1", LOOPBACK),
    ("any other of the loopback network", "127.8.9.10", LOOPBACK),
    ("a loopback address with a dot at its end", "127.0.0.1.", LOOPBACK),
    ("a loopback address in short form", "127.1", LOOPBACK),
    ("a loopback address as decimal number", "2130706433", LOOPBACK),
    ("a loopback address as hexadecimal number", "0x7f000001", LOOPBACK),
    ("a loopback address in hexadecimal parts", "0x7f.0.0x0.1", LOOPBACK),
    ("a loopback address in octal parts", "0177.0.0.01", LOOPBACK),
    ("a loopback address in circled digits", "①②⑦.⓪.⓪.①", LOOPBACK),
    ("a loopback address with ideographic full stops", "127。0。0。1", LOOPBACK),
    ("a loopback address behind a user's name", "good.example@127.0.0.1", LOOPBACK),
    ("a loopback address before a fragment with a host", "127.0.0.1#@good.example", LOOPBACK),
    ("zero as address", "0", "an unspecified address"),
    ("the unspecified address", "0.0.0.0", "an unspecified address"),
    ("a private address, 10/8", "10.0.0.1", "a private address"),
    ("a private address, 172.16/12", "172.31.255.254", "a private address"),
    ("a private address, 192.168/16", "192.168.1.1", "a private address"),
    ("a shared address of a provider", "100.64.0.1", "a shared address"),
    ("a link-local address", "169.254.1.1", "a link-local address"),
    ("the metadata service of most clouds", "169.254.169.254", METADATA),
    ("the metadata service at a global address", "168.63.129.16", METADATA),
    ("the metadata service as decimal number", "2852039166", METADATA),
    ("the metadata service in IPv6", "[fd00:ec2::254]", METADATA),
    ("a multicast address", "224.0.0.1", "a multicast address"),
    ("the broadcast address", "255.255.255.255", "a reserved address"),
    ("an address for documentation", "192.0.2.1", "for documentation"),
    ("the loopback address of IPv6", "[::1]", LOOPBACK),
    ("the unspecified address of IPv6", "[::]", "an unspecified address"),
    ("an IPv4-mapped loopback address", "[::ffff:127.0.0.1]", LOOPBACK),
    ("an IPv4-mapped metadata address in hexadecimal", "[::ffff:a9fe:a9fe]", METADATA),
    ("an IPv4-compatible loopback address", "[::127.0.0.1]", "a reserved address"),
    ("a loopback address through NAT64", "[64:ff9b::7f00:1]", LOOPBACK),
    ("a local NAT64 address", "[64:ff9b:1::7f00:1]", "a local translation"),
    ("a private address through 6to4", "[2002:c0a8:101::1]", "a private address"),
    ("an address of Teredo", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "Teredo"),
    ("a unique local address", "[fd12:3456::1]", "a private address"),
    ("a link-local address with its zone", "[fe80::1%25lo]", "a link-local address"),
    ("a site-local address", "[fec0::1]", "a site-local address"),
    ("a multicast address of IPv6", "[ff02::1]", "a multicast address"),
):
    leads_inside(what, host, reason)

for what, host, answer in (
    ("a name with a private address", "printer.example", ["192.168.1.9"]),
    ("a name of the metadata service", "metadata.example", ["169.254.169.254"]),
    ("a name with only private addresses", "both.example", ["10.0.0.1", "::1"]),
    ("a name with a mapped address", "mapped.example", ["::ffff:10.0.0.1"]),
    ("localhost", "localhost", ["127.0.0.1"]),
    ("localhost with a dot at its end", "localhost.", ["127.0.0.1"]),
    ("localhost in capitals and full width", "ＬocalHOST", ["127.0.0.1"]),
    ("an IDN with a private address", "bücher.example", ["10.0.0.1"]),
):
    leads_inside(what, host, " leads to ", answer)


def redirects_inside(what: str, target: str, status: int, reason: str) -> None:
    @attack(what, addresses, reason)
    async def _(stage: Stage) -> bool:
        stage.name("inside.example", ["10.0.0.7"])
        await stage.ask(stage.redirect("/feed", target, status))
        return stage.went_astray


for what, target, status, reason in (
    ("a redirect to a loopback address", "http://127.0.0.1/", 302, LOOPBACK),
    ("a permanent redirect to a decimal number", "http://2130706433/", 308, LOOPBACK),
    ("a redirect without a scheme", "//127.0.0.1/", 307, LOOPBACK),
    ("a redirect to a name with a private address", "http://inside.example/", 301, "10.0.0.7"),
    ("a redirect to IPv6's loopback address", "http://[::1]/", 303, LOOPBACK),
):
    redirects_inside(what, target, status, reason)


@attack("the last of a chain of redirects", addresses, LOOPBACK)
async def _(stage: Stage) -> bool:
    stage.redirect("/c", stage.private)
    stage.redirect("/b", "/c")
    await stage.ask(stage.redirect("/a", "/b"))
    return stage.went_astray


@attack("a name whose address changes after it was checked", addresses, LOOPBACK)
async def _(stage: Stage) -> bool:
    stage.name("rebound.example", [PUBLIC], [PRIVATE])
    public, private = URL(stage.public).port, URL(stage.private).port
    stage.redirect("/feed", f"http://rebound.example:{private}/", Connection="close")
    await stage.ask(f"http://rebound.example:{public}/feed")
    return PRIVATE in stage.connected


@attack("a name with a public address and a private one", addresses)
async def _(stage: Stage) -> bool:
    stage.name("mixed.example", ["10.0.0.1", PUBLIC])
    answer = await stage.ask(f"http://mixed.example:{URL(stage.public).port}/")
    assert isinstance(answer, Answer)
    return stage.went_astray


@attack("a robots.txt that redirects inside", addresses)
async def _(stage: Stage) -> bool:
    stage.redirect("/robots.txt", stage.private)
    async with Web(stage.options) as asking:
        await Robots(asking).allows(f"{stage.public}/page")
    return stage.went_astray


# --- ports and schemes ---------------------------------------------------------------------


async def answer_ok(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@attack("a redirect to the port of another service", ports, "neither 80 nor 443")
async def _(stage: Stage) -> bool:
    service = await stage.raw(answer_ok)
    return isinstance(await stage.ask(stage.redirect("/feed", service)), Answer)


@attack("a page's link to the port of another service", ports, "neither 80 nor 443")
async def _(stage: Stage) -> bool:
    return isinstance(await stage.ask(await stage.raw(answer_ok), named=False), Answer)


@attack("a redirect to the named port of another host", ports, "neither 80 nor 443")
async def _(stage: Stage) -> bool:
    async def away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        head = f"HTTP/1.1 302 Found\r\nLocation: http://other.example:{port}/\r\n\r\n"
        writer.write(head.encode())

    stage.name("other.example", [PUBLIC])
    await stage.ask(await stage.raw(away))
    return len(stage.connected) > 1


@attack("a redirect to a web socket", schemes, "not an http(s) address")
async def _(stage: Stage) -> bool:
    target = stage.public.replace("http", "ws")
    return isinstance(await stage.ask(stage.redirect("/feed", target)), Answer)


# --- redirects that don't end --------------------------------------------------------------


@attack("a redirect to itself", circles, "redirected in a circle")
async def _(stage: Stage) -> bool:
    await stage.ask(stage.redirect("/feed", "/feed"))
    return len(stage.requests) > 50


@attack("two redirects to each other", circles, "redirected in a circle")
async def _(stage: Stage) -> bool:
    stage.redirect("/b", "/a")
    await stage.ask(stage.redirect("/a", "/b"))
    return len(stage.requests) > 50


@attack("redirects without end", options(max_redirects=10**9), "redirected more than 10 times")
async def _(stage: Stage) -> bool:
    numbers = itertools.count()

    async def onwards(_: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/feed?{next(numbers)}"})

    stage.routes["/feed"] = onwards
    await stage.ask(f"{stage.public}/feed")
    return len(stage.requests) > 50


# --- time ----------------------------------------------------------------------------------


UNLIMITED = {"connect": 1e6, "read": 1e6, "total": 1e6}


def no_time_limit(stage: Stage) -> None:
    stage.limited = False


async def lasts(stage: Stage, url: str, **short: float) -> bool:
    """Whether asking `url` is still under way long after it should have ended."""
    stage.options = replace(stage.options, **(short if stage.limited else UNLIMITED))
    try:
        await asyncio.wait_for(stage.ask(url), 30 if stage.limited else 0.6)
    except TimeoutError:
        return True
    return False


@attack("redirects that take their time", no_time_limit, "not complete within 0.3 s")
async def _(stage: Stage) -> bool:
    numbers = itertools.count()

    async def onwards(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": f"/feed?{next(numbers)}"})

    stage.routes["/feed"] = onwards
    return await lasts(stage, f"{stage.public}/feed", total=0.3)


def drips(what: str, head: bytes, drop: bytes) -> None:
    @attack(what, no_time_limit, "not complete within 0.3 s")
    async def _(stage: Stage) -> bool:
        url = await stage.raw_stream(head, itertools.repeat(drop), pause=0.01)
        return await lasts(stage, url, total=0.3)


drips("a body that drips byte by byte", OK + b"Content-Length: 100000\r\n\r\n", b"x")
drips("a chunked body that drips byte by byte", CHUNKED, b"1\r\nx\r\n")
drips("headers that drip byte by byte", OK + b"X: ", b"x")
drips("a status line that drips byte by byte", b"HTTP/1.1 200 O", b"K")
drips("provisional answers without end", b"", b"HTTP/1.1 100 Continue\r\n\r\n")
drips("the extension of a chunk without end", CHUNKED + b"5;", b"x=y;")
drips("a compressed body that drips and unfolds to nothing", GZIP, EMPTY_BLOCK)


@attack("silence instead of an answer", no_time_limit, "no answer within 0.3 s")
async def _(stage: Stage) -> bool:
    url = await stage.raw_stream(b"", itertools.repeat(b""), pause=0.01)
    return await lasts(stage, url, read=0.3)


@attack("silence in the middle of the body", no_time_limit, "no answer within 0.3 s")
async def _(stage: Stage) -> bool:
    head = OK + b"Content-Length: 9\r\n\r\nhello"
    url = await stage.raw_stream(head, itertools.repeat(b""), pause=0.01)
    return await lasts(stage, url, read=0.3)


@attack("silence where TLS is to begin", no_time_limit, "no connection within 0.3 s")
async def _(stage: Stage) -> bool:
    async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    url = (await stage.raw(silent)).replace("http:", "https:")
    return await lasts(stage, url, connect=0.3)


@attack("a name server that doesn't answer", no_time_limit, "no connection within 0.3 s")
async def _(stage: Stage) -> bool:
    release = threading.Event()

    def slow(_: str) -> list[str]:
        release.wait(10)
        return [PUBLIC]

    stage.patch.setattr(stage, "lookup", slow)
    try:
        return await lasts(stage, "http://slow.example/", connect=0.3)
    finally:
        release.set()


# --- size of the body ----------------------------------------------------------------------


def floods(what: str, head: bytes, flood: bytes, reason: str = "larger than 1 MiB") -> None:
    """Without its guard, 32 MiB of it are taken from the wire."""

    @attack(what, body_limit, reason)
    async def _(stage: Stage) -> bool:
        sent = 0

        def pieces() -> Iterator[bytes]:
            nonlocal sent
            while sent < 32 * MIB:
                yield flood
                sent += len(flood)

        await stage.ask(await stage.raw_stream(head, pieces()))
        return sent >= 32 * MIB


CHUNK = b"%x\r\n%b\r\n" % (65536, bytes(65536))
floods("a body without end", OK + b"\r\n", bytes(65536))
floods("a chunked body without end", CHUNKED, CHUNK)
floods("a compressed body without end that unfolds to nothing", GZIP, EMPTY_BLOCK * 9999)
floods("a brotli body without end that unfolds to nothing", BROTLI, EMPTY_METABLOCK * 65536)


@attack("a body that is announced as 10 GB", body_limit, "larger than 1 MiB")
async def _(stage: Stage) -> bool:
    stage.options = replace(stage.options, read=0.3)
    await stage.ask(await stage.raw_stream(OK + b"Content-Length: 10000000000\r\n\r\n", iter([])))
    return "larger" not in stage.reason


def unfolds(what: str, encoding: str, packed: bytes) -> None:
    """Without its guard, all of it is held in memory."""

    @attack(what, body_limit, "larger than 1 MiB, not read further")
    async def _(stage: Stage) -> bool:
        assert len(packed) < LIMIT // 4
        outcome = await stage.ask(stage.serve("/feed", packed, Content_Encoding=encoding))
        return isinstance(outcome, Answer) and len(outcome.body) > 10 * LIMIT


NOTHING = bytes(40 * MIB)
RAW = zlib.compressobj(9, zlib.DEFLATED, -15)
unfolds("a gzip bomb", "gzip", gzip.compress(NOTHING))
unfolds("a deflate bomb", "deflate", zlib.compress(NOTHING))
unfolds("a deflate bomb without its header", "deflate", RAW.compress(NOTHING) + RAW.flush())
unfolds("a brotli bomb", "br", brotli.compress(NOTHING, quality=1))
unfolds("a bomb in a bomb", "gzip, gzip", gzip.compress(gzip.compress(NOTHING)))
unfolds("a bomb under another name", "X-GZIP", gzip.compress(NOTHING))


@attack("a bomb of nothing in a bomb", body_limit, "larger than 1 MiB, not read further")
async def _(stage: Stage) -> bool:
    inner = GZIP.partition(b"\r\n\r\n")[2] + EMPTY_BLOCK * 1_000_000
    packed = gzip.compress(inner)
    assert len(packed) < LIMIT // 4
    url = stage.serve("/feed", packed, Content_Encoding="gzip, gzip")
    return isinstance(await stage.ask(url), Answer)


def whole_pieces(stage: Stage) -> None:
    stage.patch.setattr(unpack, "PIECE", 1 << 30)


def swells(what: str, encoding: str, packed: bytes) -> None:
    """Without its guard, it unfolds in one go, before anything can be counted."""

    @attack(what, whole_pieces, "larger than 1 MiB")
    async def _(stage: Stage) -> bool:
        url = stage.serve("/feed", packed, Content_Encoding=encoding)
        tracemalloc.start()
        try:
            await stage.ask(url)
            return tracemalloc.get_traced_memory()[1] > 20 * MIB
        finally:
            tracemalloc.stop()


swells("a gzip bomb before it is counted", "gzip", gzip.compress(NOTHING))
swells("a brotli bomb before it is counted", "br", brotli.compress(NOTHING, quality=1))


def many_members(stage: Stage) -> None:
    stage.patch.setattr(unpack, "_MAX_MEMBERS", 10**9)


@attack("gzip files glued together without end", many_members, "over 1000 parts")
async def _(stage: Stage) -> bool:
    url = stage.serve("/feed", gzip.compress(b"") * 5000, Content_Encoding="gzip")
    return isinstance(await stage.ask(url), Answer)


def many_codings(stage: Stage) -> None:
    stage.patch.setattr(unpack, "_MAX_CODINGS", 10**9)


@attack("a body compressed a hundred times", many_codings, "compressed the body 100 times")
async def _(stage: Stage) -> bool:
    body = b"hello"
    for _ in range(100):
        body = gzip.compress(body, compresslevel=1)
    url = stage.serve("/feed", body, Content_Encoding=",".join(["gzip"] * 100))
    return isinstance(await stage.ask(url), Answer)


# --- size of the headers -------------------------------------------------------------------


def overheads(what: str, headers: bytes, unguarded: Callable[[Stage], None] = header_limit) -> None:
    @attack(what, unguarded, "too many or too large headers")
    async def _(stage: Stage) -> bool:
        head = OK + headers + b"Content-Length: 2\r\n\r\nok"
        return isinstance(await stage.ask(await stage.raw_stream(head, iter([]))), Answer)


def any_number_of_headers(stage: Stage) -> None:
    stage.patch.setattr(http, "_MAX_HEADERS", 10**6)


overheads("a header of 100 kB", b"X: " + b"x" * 100_000 + b"\r\n")
overheads("a header name of 100 kB", b"x" * 100_000 + b": x\r\n")
overheads("a hundred headers of 1 kB", (b"X: " + b"x" * 1000 + b"\r\n") * 100)
overheads("a thousand headers", b"X: x\r\n" * 1000, any_number_of_headers)


@attack("a status line of 100 kB", header_limit, "too many or too large headers")
async def _(stage: Stage) -> bool:
    head = b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\nContent-Length: 2\r\n\r\nok"
    return isinstance(await stage.ask(await stage.raw_stream(head, iter([]))), Answer)


@attack("a header without end", header_limit, "too many or too large headers")
async def _(stage: Stage) -> bool:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while sent < 4 * MIB:
            yield b"x" * 65536
            sent += 65536

    await stage.ask(await stage.raw_stream(OK + b"X: ", pieces()))
    return sent >= 4 * MIB


# --- what they may know of us --------------------------------------------------------------


def authorized(stage: Stage) -> list[str]:
    return [request.path for request in stage.requests if "Authorization" in request.headers]


def with_login(url: str, login: str = f"me:{SECRET}") -> str:
    return url.replace("://", f"://{login}@")


@attack("a redirect of a request with a password to another host", whom_we_tell)
async def _(stage: Stage) -> bool:
    stage.name("other.example", [PUBLIC])
    target = f"http://other.example:{URL(stage.public).port}/other"
    await stage.ask(with_login(stage.redirect("/feed", target)))
    assert "/feed" in authorized(stage)
    return "/other" in authorized(stage)


@attack("a redirect of a request with a password to another port", whom_we_tell)
async def _(stage: Stage) -> bool:
    other = await stage.raw(answer_ok)
    stage.patch.setattr(guard, "_USUAL_PORTS", (*guard._USUAL_PORTS, URL(other).port))
    await stage.ask(with_login(stage.redirect("/feed", other)))
    return b"Authorization" in stage.heard[0]


@attack("a redirect that brings a user and a password", their_credentials)
async def _(stage: Stage) -> bool:
    await stage.ask(stage.redirect("/feed", with_login(f"{stage.public}/other")))
    return "/other" in authorized(stage) or SECRET in repr(stage.outcome)


@attack(
    "a redirect of a request with a password from https to http", downgrades, "from https to http"
)
async def _(stage: Stage) -> bool:
    async def away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: %b/\r\n\r\n" % stage.public.encode())

    url = await stage.raw_tls(away)
    return isinstance(await stage.ask(with_login(url)), Answer)


@attack("a cookie that is to be brought back", cookies)
async def _(stage: Stage) -> bool:
    stage.redirect("/a", "/b", **{"Set-Cookie": f"id={SECRET}"})
    await stage.ask(f"{stage.public}/a")
    return "Cookie" in stage.requests[-1].headers


@attack("a cookie that is to get into the records", what_is_recorded)
async def _(stage: Stage) -> bool:
    await stage.ask(stage.serve("/feed", Set_Cookie=f"id={SECRET}", Authorization=SECRET))
    return SECRET in repr(stage.outcome)


@attack("a proxy in the environment", environment)
async def _(stage: Stage) -> bool:
    stage.patch.setenv("http_proxy", await stage.raw(answer_ok))
    stage.patch.delenv("no_proxy", raising=False)
    await stage.ask(f"{stage.public}/feed")
    return bool(stage.heard)


@attack("a password in .netrc", environment)
async def _(stage: Stage) -> bool:
    netrc = stage.folder / "netrc"
    netrc.write_text(f"machine {PUBLIC} login me password {SECRET}\n")
    stage.patch.setenv("NETRC", str(netrc))
    stage.patch.setenv("no_proxy", "*")
    await stage.ask(f"{stage.public}/feed")
    return authorized(stage) == ["/feed"]


# --- robots.txt ----------------------------------------------------------------------------


def every_program(stage: Stage) -> None:
    stage.patch.setattr(Robots, "_without_others", lambda _, line: line)


@attack("a robots.txt with rules for hundreds of programs", every_program)
async def _(stage: Stage) -> bool:
    programs = "".join(f"User-agent: bot{n}\n" for n in range(400))
    rules = "".join(f"Disallow: /{n}\n" for n in range(400))
    stage.serve("/robots.txt", (programs + rules).encode())
    tracemalloc.start()
    try:
        async with Web(stage.options) as asking:
            assert await Robots(asking).allows(f"{stage.public}/page")
        return tracemalloc.get_traced_memory()[1] > 5 * MIB
    finally:
        tracemalloc.stop()


# --- what is in a feed ---------------------------------------------------------------------


def parsed(item: str, prolog: str = "") -> Article:
    body = (
        f'{prolog}<rss version="2.0"><channel><title>T</title><item>{item}</item></channel></rss>'
    )
    fetched = Fetched("news", "https://e.org/feed", body.encode())
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    (article,) = parse_feed(Feed("news", "https://e.org/feed"), fetched, now).articles
    return article


def any_expansion(stage: Stage) -> None:
    stage.patch.setattr(xmltext, "_MAX_EXPANSION", 10**12)


@attack("an entity of 50 kB that is used two thousand times", any_expansion)
async def _(_: Stage) -> bool:
    prolog = f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>'
    tracemalloc.start()
    try:
        parsed(f"<title>One</title><description>{'&a;' * 2000}</description>", prolog)
        return tracemalloc.get_traced_memory()[1] > 100 * MIB
    finally:
        tracemalloc.stop()


def as_given(what: str) -> Callable[[Stage], None]:
    def without(stage: Stage) -> None:
        for module in (entries, images):
            if hasattr(module, what):
                stage.patch.setattr(module, what, lambda text, *_: text)
            stage.patch.setattr(module, "is_http", bool)

    return without


def scripted(what: str, item: str, guard_of_it: str) -> None:
    @attack(what, as_given(guard_of_it))
    async def _(_: Stage) -> bool:
        article = repr(parsed(f"<guid>1</guid>{item}"))
        return "script" in article and "alert" in article


SCRIPT = "&lt;script&gt;alert(1)&lt;/script&gt;"
scripted("a script in a title", f"<title>One {SCRIPT}</title>", "one_line")
scripted("a script in a text", f"<description>One {SCRIPT}</description>", "article_text")
scripted("a script as link", "<title>One</title><link>javascript:alert(1)</link>", "canonical_url")
scripted(
    "a script as enclosure",
    '<title>One</title><enclosure type="image/png" url="javascript:alert(1)"/>',
    "canonical_url",
)


# --- the table is played -------------------------------------------------------------------


@pytest.mark.parametrize("what", ATTACKS)
async def test_it_fails(stage: Stage, what: str) -> None:
    assert not await ATTACKS[what].harm(stage)
    if ATTACKS[what].reason:
        assert ATTACKS[what].reason in stage.reason
        assert SECRET not in repr(stage.outcome) + stage.reason


@pytest.mark.parametrize("what", ATTACKS)
async def test_it_succeeds_without_its_guard(stage: Stage, what: str) -> None:
    ATTACKS[what].unguarded(stage)
    assert await ATTACKS[what].harm(stage)


def test_there_are_at_least_forty() -> None:
    assert len(ATTACKS) >= 40
