"""Feeds of invented papers that live for a year: on loopback, changing day by day.

Some move and some die, for a while or for good; some correct what they wrote, some give no dates.
A paper's feed lists its last entries, with an ETag.
"""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from newsroom import Newsroom

# Entries that a feed lists.
_LISTED = 20
# Of a hundred papers so many move once, die for some weeks, and die for good in the year.
_MOVING, _RESTING, _DYING = 0.10, 0.10, 0.05
# Of the newest so many are corrected on a day.
_CORRECTED = 0.02
_MORE = " This was corrected later."
_UNDATED = 0.05


@dataclass(slots=True)
class Paper:
    """A feed: how much it brings a day, when it moves, and from when to when it is away."""

    name: str
    a_day: float
    moves: int | None = None
    away: tuple[int, int] | None = None
    gone: int | None = None
    is_dated: bool = True
    texts: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    body: bytes = b""
    etag: str = ""

    def write(self, found: list[tuple[str, str, datetime]]) -> None:
        """New articles, title, text and time, stand on top."""
        for title, text, when in found:
            number = zlib.crc32(f"{self.name} {title} {when}".encode())
            self.texts.insert(0, (f"https://{self.name}.example.org/{number}", title, text, when))
        del self.texts[_LISTED:]
        self._print()

    def correct(self, dice: random.Random) -> None:
        """Some of what it lists gets a sentence more."""
        for place, (url, title, text, when) in enumerate(self.texts[:5]):
            if dice.random() < _CORRECTED and not text.endswith(_MORE):
                self.texts[place] = (url, title, text + _MORE, when)
        self._print()

    def _print(self) -> None:
        items = "".join(
            f"<item><title>{escape(title)}</title><link>{url}</link><guid>{url}</guid>"
            + (f"<pubDate>{format_datetime(when)}</pubDate>" if self.is_dated else "")
            + f"<description>{escape(text)}</description></item>"
            for url, title, text, when in self.texts
        )
        self.body = (
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>{self.name}</title>'
            f"<link>https://{self.name}.example.org/</link>{items}</channel></rss>"
        ).encode()
        self.etag = f'"{zlib.crc32(self.body):08x}"'


class Papers:
    """`count` papers that bring about `a_day` articles together, on each of `days` from `start`."""

    def __init__(self, count: int, a_day: float, days: int, start: datetime, seed: int = 5) -> None:
        self._dice = random.Random(seed)
        self._newsroom = Newsroom()
        self.day = 0
        weights = [self._dice.paretovariate(1.5) for _ in range(count)]
        self.papers = [
            Paper(
                f"paper{number}",
                a_day * weight / sum(weights),
                is_dated=self._dice.random() >= _UNDATED,
            )
            for number, weight in enumerate(weights)
        ]
        for paper in self.papers:
            chance, when = self._dice.random(), self._dice.randrange(5, max(6, days - 5))
            if chance < _MOVING:
                paper.moves = when
            elif chance < _MOVING + _RESTING:
                paper.away = when, when + self._dice.randrange(3, 45)
            elif chance < _MOVING + _RESTING + _DYING:
                paper.gone = when
        # They were there before the first day.
        texts = self._newsroom.write(count * _LISTED)[0]
        for number, paper in enumerate(self.papers):
            gap = timedelta(days=1) / max(paper.a_day, 0.01)
            paper.write(
                [
                    (title, text or title, start - (_LISTED - place) * gap)
                    for place, (title, text) in enumerate(texts[number::count])
                ]
            )
        self._by_path = {f"/{paper.name}": paper for paper in self.papers}
        self._by_path |= {f"/new/{paper.name}": paper for paper in self.papers}

    def live(self, day: int, morning: datetime) -> int:
        """What the papers write in the day before `morning`; how many articles."""
        self.day = day
        counts = [int(paper.a_day + self._dice.random()) for paper in self.papers]
        texts = self._newsroom.write(sum(counts))[0]
        # What tells one event stands together: over all papers, not in one.
        turns = [
            paper for paper, count in zip(self.papers, counts, strict=True) for _ in range(count)
        ]
        self._dice.shuffle(turns)
        found: dict[str, list[tuple[str, str, datetime]]] = {}
        for paper, (title, text) in zip(turns, texts, strict=True):
            when = morning - timedelta(minutes=self._dice.randrange(5, 1400))
            found.setdefault(paper.name, []).append((title, text or title, when))
        for paper in self.papers:
            paper.correct(self._dice)
            if paper.name in found:
                paper.write(sorted(found[paper.name], key=lambda one: one[2]))
        return len(turns)

    def answer(self, path: str, condition: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what is asked for now."""
        paper = self._by_path.get(path)
        if paper is None or (path.startswith("/new/") and not self._has_moved(paper)):
            return 404, {}, b""
        if paper.gone is not None and self.day >= paper.gone:
            return 410, {}, b""
        if paper.away is not None and paper.away[0] <= self.day < paper.away[1]:
            return (503, {}, b"") if self.day % 2 else (404, {}, b"")
        if self._has_moved(paper) and not path.startswith("/new/"):
            return 301, {"Location": f"/new/{paper.name}"}, b""
        if condition == paper.etag:
            return 304, {"ETag": paper.etag}, b""
        return 200, {"ETag": paper.etag, "Content-Type": "application/rss+xml"}, paper.body

    def _has_moved(self, paper: Paper) -> bool:
        return paper.moves is not None and self.day >= paper.moves

    @contextmanager
    def printed(self) -> Iterator[str]:
        """Serves them for the block, at an address of loopback."""
        papers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, headers, body = papers.answer(self.path, self.headers.get("If-None-Match"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
