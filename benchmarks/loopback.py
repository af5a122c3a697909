"""Invented feeds, and servers on loopback that serve them: slow ones, and some that never answer.

    with Loopback(write_feeds(folder, 1000), hanging=10) as servers:
        ...  # servers.feeds, servers.hanging: addresses; servers.answered()

The servers are one process of its own, four feeds a host, each host an address of 127.0.0.0/8
(Linux answers on all of them). A feed takes 0 to 300 ms to answer, the same at every request, and
has an ETag and a Last-Modified; bodies are held ready, also compressed. A server that hangs accepts
and reads, and says nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import json
import random
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import accumulate
from pathlib import Path
from types import TracebackType

NOW = datetime(2026, 1, 12, tzinfo=UTC)
"""When the newest entries are written."""

MAX_DELAY = 0.3  # seconds
_A_HOST = 4  # feeds; a limit of two connections a host then costs two feeds in a row
_SEED = 11
_COUNTER = "/answered"
_CHANGED = format_datetime(NOW, usegmt=True)
# What language and sentence splitters look for; all other words are invented.
_FUNCTION_WORDS = (
    "the of to and in a that for on was with is said it by at from as he be has his have are but "
    "an were had they which who will been she not this their or its after one would about more "
    "there than when up people out last year all her new two into could over also first some time"
).split()
_ONSETS = "b br c ch d dr f fl g gr h k l m n p pl pr qu r s sh st t th tr v w".split()
_NUCLEI = "a a a e e e i i i o o o u u ai ea ee ou é".split()
_CODAS = ["", "", "", "", "n", "t", "r", "s", "l", "d", "m", "nd"]


# --- feeds ---------------------------------------------------------------------------------


def write_feeds(folder: Path, count: int) -> list[Path]:
    """`count` feeds in files, half RSS 2.0 and half Atom; the first ones are always the same.

    Each has 10 to 50 entries with 50 to 600 words of HTML, about 70 kB together: in between the
    median (34 kB) and the mean (82 kB) of real feeds in ../shared/data.
    """
    rng = random.Random(_SEED)
    sentences = _sentences(rng)
    paths = []
    for number in range(count):
        site = f"https://site{number}.example.org"
        entries = [_entry(rng, sentences, site, place) for place in range(rng.randint(10, 50))]
        write = _rss if number % 2 else _atom
        path = folder / f"{number}.xml"
        path.write_text(write(f"Invented feed {number}", site, entries), encoding="utf-8")
        paths.append(path)
    return paths


@dataclass(frozen=True, slots=True)
class _Entry:
    title: str
    link: str
    author: str
    written: datetime
    teaser: str
    content: str  # HTML


def _sentences(rng: random.Random, count: int = 20_000) -> list[str]:
    words = [
        "".join(
            rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS)
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))
        )
        for _ in range(20_000)
    ]
    words = _FUNCTION_WORDS + words
    # Zipf's law, as Mandelbrot mended it.
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    found = []
    for _ in range(count):
        chosen = rng.choices(words, cum_weights=weights, k=rng.randint(6, 26))
        chosen[len(chosen) // 2] += rng.choice(("", "", ",", ";"))
        found.append(" ".join(chosen).capitalize() + rng.choice("....?"))
    return found


def _entry(rng: random.Random, sentences: Sequence[str], site: str, place: int) -> _Entry:
    left = rng.randint(50, 600)
    paragraphs: list[str] = []
    while left > 0:
        some = rng.sample(sentences, min(4, left // 16 + 1))
        left -= sum(sentence.count(" ") + 1 for sentence in some)
        paragraphs.append(_markup(rng, some, site))
    title = " ".join(rng.choice(sentences).rstrip(".?").split()[:9])
    slug = "-".join(title.lower().replace(",", "").replace(";", "").split()[:5])
    return _Entry(
        title=title,
        link=f"{site}/2026/{place}-{slug}",
        author=" ".join(word.capitalize() for word in rng.choice(sentences).split()[:2]),
        written=NOW - timedelta(hours=7 * place, minutes=rng.randint(0, 300)),
        teaser=f"{rng.choice(sentences)} {rng.choice(sentences)}",
        content="\n".join(paragraphs),
    )


def _markup(rng: random.Random, sentences: list[str], site: str) -> str:
    """A paragraph, with what sites put there: links, pictures, lists, scripts and counters."""
    first, *rest = sentences
    text = " ".join(rest)
    match rng.randrange(12):
        case 0:
            picture = f'<img src="/images/{rng.randrange(999)}.jpg" alt="{first}" onclick="show()">'
            return f'<figure class="wide">{picture}<figcaption>{first}</figcaption></figure>'
        case 1:
            return "<ul>" + "".join(f"<li>{sentence}</li>" for sentence in sentences) + "</ul>"
        case 2:
            return f"<blockquote><p>{first}</p></blockquote><p>{text}</p>"
        case 3:
            return f'<p style="margin: 0">{first} <a href="{site}/about?a=1&amp;b=2">{text}</a></p>'
        case 4:
            return f'<p>{first} <a href="../more" rel="nofollow"><em>{text}</em></a></p>'
        case 5:
            counter = '<img src="https://count.example.net/p.gif" width="1" height="1">'
            return f"<h2>{first}</h2><p>{text}</p>{counter}<script>count(1 < 2);</script>"
        case _:
            return f"<p>{first} <b>{text}</b></p>"


def _rss(title: str, site: str, entries: Sequence[_Entry]) -> str:
    items = "\n".join(
        f"<item><title>{html.escape(entry.title)}</title><link>{entry.link}</link>"
        f'<guid isPermaLink="true">{entry.link}</guid><dc:creator>{entry.author}</dc:creator>'
        f"<pubDate>{format_datetime(entry.written)}</pubDate>"
        f"<description>{html.escape(entry.teaser)}</description>"
        f"<content:encoded><![CDATA[{entry.content}]]></content:encoded></item>"
        for entry in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{title}</title><link>{site}/</link><description>Invented</description>"
        f"<language>en</language>\n{items}\n</channel></rss>\n"
    )


def _atom(title: str, site: str, entries: Sequence[_Entry]) -> str:
    items = "\n".join(
        f'<entry><title>{html.escape(entry.title)}</title><link href="{entry.link}"/>'
        f"<id>{entry.link}</id><author><name>{entry.author}</name></author>"
        f"<published>{entry.written.isoformat()}</published>"
        f"<updated>{entry.written.isoformat()}</updated>"
        f"<summary>{html.escape(entry.teaser)}</summary>"
        f'<content type="html">{html.escape(entry.content)}</content></entry>'
        for entry in entries
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        f'<title>{title}</title><link href="{site}/"/><id>{site}/</id>'
        f"<updated>{NOW.isoformat()}</updated>\n{items}\n</feed>\n"
    )


# --- servers -------------------------------------------------------------------------------


class Loopback:
    """The servers' process, as long as the `with` lasts: they see our end of a pipe closed."""

    def __init__(self, paths: Sequence[Path], *, hanging: int = 0, max_delay: float = MAX_DELAY):
        self._given = json.dumps(
            {"paths": [str(path) for path in paths], "hanging": hanging, "max_delay": max_delay}
        )
        self._counter = ""
        self.feeds: list[str] = []
        self.hanging: list[str] = []

    def __enter__(self) -> Loopback:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(self._given + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the servers did not start (status {self._process.wait()})")
        found = json.loads(line)
        self.feeds, self.hanging = found["feeds"], found["hanging"]
        self._counter = found["counter"]
        return self

    def answered(self) -> dict[int, int]:
        """How many answers of each HTTP status they gave since this was asked last."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(self._counter, timeout=10) as answer:
            return {int(status): count for status, count in json.load(answer).items()}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class _Page:
    delay: float
    etag: str
    plain: bytes
    zipped: bytes
    kind: str

    def answer(self, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status, and the whole answer."""
        known = headers.get("if-none-match")
        since = headers.get("if-modified-since")
        same = known == self.etag if known is not None else since == _CHANGED
        zipped = "gzip" in headers.get("accept-encoding", "")
        body = b"" if same else self.zipped if zipped else self.plain
        lines = [
            "HTTP/1.1 304 Not Modified" if same else "HTTP/1.1 200 OK",
            f"ETag: {self.etag}",
            f"Last-Modified: {_CHANGED}",
        ]
        if not same:
            lines += [f"Content-Type: {self.kind}", f"Content-Length: {len(body)}"]
            lines += ["Content-Encoding: gzip"] if zipped else []
        return 304 if same else 200, "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients of feeds use it: GET without a body, and keep-alive."""

    def __init__(self, pages: dict[str, _Page], counted: Counter[int]) -> None:
        self._pages = pages
        self._counted = counted
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        self._received = rest
        request, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        _, path, version = request.split(" ")
        close = "close" in headers.get("connection", "").lower() or version == "HTTP/1.0"
        if path.startswith("/hang/"):
            return
        if path == _COUNTER:
            body = json.dumps(self._counted).encode("ascii")
            self._counted.clear()
            start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            self._write(start.encode("ascii") + body, close)
        elif path in self._pages:
            page = self._pages[path]
            status, answer = page.answer(headers)
            self._counted[status] += 1
            asyncio.get_running_loop().call_later(page.delay, self._write, answer, close)
        else:
            self._counted[404] += 1
            self._write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", close)

    def _write(self, answer: bytes, close: bool) -> None:
        if self._transport.is_closing():  # the client went meanwhile
            return
        self._transport.write(answer)
        if close:
            self._transport.close()


def _pages(paths: Sequence[Path], max_delay: float) -> Iterator[tuple[str, _Page]]:
    rng = random.Random(_SEED)
    for number, path in enumerate(paths):
        body = path.read_bytes()
        kind = "application/rss+xml" if b"<rss" in body[:200] else "application/atom+xml"
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        zipped = gzip.compress(body, 6, mtime=0)
        yield f"/{number}.xml", _Page(rng.uniform(0, max_delay), etag, body, zipped, kind)


async def _serve() -> None:
    """Reads what to serve from stdin, writes addresses to stdout, ends when stdin ends."""
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    given = json.loads(await stdin.readline())
    pages = dict(_pages([Path(path) for path in given["paths"]], given["max_delay"]))
    # Neighbours in the list are on different hosts, as they would be in a list of real feeds.
    hosts = max(1, -(-len(pages) // _A_HOST))
    homes = [f"127.0.{1 + host // 250}.{1 + host % 250}" for host in range(hosts)]
    silent = [f"127.0.{200 + host // 250}.{1 + host % 250}" for host in range(given["hanging"])]
    server = await _listen(pages, [*homes, *silent])
    port = server.sockets[0].getsockname()[1]
    feeds = [f"http://{homes[n % hosts]}:{port}{path}" for n, path in enumerate(pages)]
    hanging = [f"http://{host}:{port}/hang/{n}.xml" for n, host in enumerate(silent)]
    counter = f"http://{homes[0]}:{port}{_COUNTER}"
    print(json.dumps({"feeds": feeds, "hanging": hanging, "counter": counter}), flush=True)
    async with server:
        await stdin.read()


async def _listen(pages: dict[str, _Page], hosts: list[str]) -> asyncio.Server:
    """One port that is free on all `hosts`."""
    loop = asyncio.get_running_loop()
    counted: Counter[int] = Counter()
    for _ in range(20):
        with socket.socket() as probe:
            probe.bind((hosts[0], 0))
            port = probe.getsockname()[1]
        try:
            return await loop.create_server(
                lambda: _Connection(pages, counted), hosts, port, backlog=256, reuse_address=True
            )
        except OSError:
            continue
    raise OSError("no port is free on all addresses of loopback; run it on Linux")


if __name__ == "__main__":  # as Loopback starts it
    asyncio.run(_serve())
