"""Everything that feeds do wrong, in one run: each has its reason, and the good ones are told."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import html5lib
import pytest

Desk = Any  # conftest.Desk: a conftest can't be imported by name, every room has one

pytestmark = pytest.mark.model

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Paper</title>'
TAIL = "</channel></rss>"
MIB = b" " * (1 << 20)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e0 "ha ha ha ha ha ha ha ha">'
    + "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(8))
    + "]><rss version='2.0'><channel><title>&e8;</title><item><title>&e8;</title>"
    "<description>&e8;</description></item></channel></rss>"
)


def item(title: str, text: str) -> str:
    date = format_datetime(NOW - timedelta(hours=2))
    return (
        f"<item><title>{title}</title><link>https://paper.example/{len(title)}</link>"
        f"<pubDate>{date}</pubDate><description>{text}</description></item>"
    )


HARBOUR = item(
    "Harbour wall repaired before the spring tides",
    "Masons finished the repair of the harbour wall on Friday, two weeks before the spring tides. "
    "The work cost 1.2 million crowns and used stone from the old quarry at Fellhaven.",
)
ORCHARD = item(
    "Orchards in the valley bloom three weeks early",
    "Apple trees across the valley came into bloom three weeks early after the warmest February "
    "on record. Growers fear that a single night of frost in March could cost them the crop.",
)
CHORUS = item(
    "Café choir fills the Schloßplatz",
    "A choir of café waiters sang on the Schloßplatz on Sunday before a crowd of two thousand. "
    "Their conductor, a retired postman, has rehearsed with them every Monday for nine years.",
)
LIBRARY = item(
    "Night library opens at the tram depot",
    "A library that lends books from ten at night until six has opened in the old tram depot. "
    "Its first readers were nurses and bakers on their way home from a shift.",
)

# What each path answers: its body, whole or in pieces, and headers beside the length.
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "good": ((HEAD + HARBOUR + TAIL).encode(), {}),
    "also-good": ((HEAD + ORCHARD + TAIL).encode(), {}),
    "empty": (b"", {}),
    "page": (b"<!doctype html><html><title>Hello</title><body>No feed here</body></html>", {}),
    "truncated": ((HEAD + LIBRARY + "<item><title>Half an it").encode(), {}),
    "entity-bomb": (BOMB.encode(), {}),
    "wrong-label": ((HEAD + CHORUS + TAIL).encode("cp1252"), {}),
    "no-entries": ((HEAD + TAIL).encode(), {}),
    "long-title": ((HEAD + item("Endless " * 12_500, "An endless title.") + TAIL).encode(), {}),
    "nul-bytes": ((HEAD + item("Nothing\0 doing", "Zeros\0 in a text.") + TAIL).encode(), {}),
    "gzip-bomb": (gzip.compress(MIB * 200), {"Content-Encoding": "gzip"}),
}

REASONS = {
    "empty": "empty: 0 bytes",
    "page": "an HTML page, not a feed",
    "missing": "HTTP 404 Not Found (check the address)",
    "error": "HTTP 500 Internal Server Error",
    "hang": "within 2 s",
    "dns": "no such host: name.invalid",
    "gone": "no connection to 127.0.0.1: connection refused",
    "huge": "larger than 32 MiB",
    "gzip-bomb": "larger than 32 MiB",
}
# What readers are told: no host, no path, no advice.
TOLD = {
    "empty": "what it sent could not be read",
    "page": "what it sent could not be read",
    "missing": "HTTP 404",
    "error": "HTTP 500",
    "hang": "it could not be reached",
    "dns": "it could not be reached",
    "gone": "it could not be reached",
    "huge": "what it sent could not be read",
    "gzip-bomb": "what it sent could not be read",
}
HARMLESS = {
    "good",
    "also-good",
    "truncated",
    "entity-bomb",
    "wrong-label",
    "no-entries",
    "long-title",
    "nul-bytes",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            # The client hangs up on bodies that are too large.
            with suppress(ConnectionError):
                SPECIAL.get(name, Handler.answer)(self)

        def answer(self, status: int = 200) -> None:
            body, headers = BODIES.get(self.path.strip("/"), (b"", {}))
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def huge(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(60 << 20))
            self.end_headers()
            for _ in range(60):
                self.wfile.write(MIB)

        def hang(self) -> None:
            closing.wait(60)

        def log_message(self, format: str, *args: object) -> None:
            pass

    SPECIAL: dict[str, Callable[[Handler], None]] = {
        "missing": lambda handler: handler.answer(404),
        "error": lambda handler: handler.answer(500),
        "hang": Handler.hang,
        "huge": Handler.huge,
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def desk(new_desk: Any) -> Desk:
    return new_desk()


@pytest.fixture(scope="module")
def report(desk: Desk, address: str) -> Any:
    elsewhere = {"dns": "http://name.invalid/feed", "gone": "http://127.0.0.1:9/feed"}
    names = sorted(HARMLESS | set(REASONS))
    desk.configure(
        "{name: daily, window: all}",
        [(name, elsewhere.get(name, f"{address}/{name}")) for name in names],
    )
    return desk.run_json("run", "--now", NOW.isoformat(), DIGEST_FETCH_TIMEOUT_SECONDS="2")


@pytest.fixture(scope="module")
def edition(report: Any, desk: Desk) -> Any:
    assert report["digests"][0]["status"] == "built"
    return json.loads((desk.outbox / "daily" / "2026-03-02" / "edition.json").read_bytes())


def test_the_run_ends_with_its_failures_listed(report: Any) -> None:
    assert report["exit"] == 1
    failed = {feed["feed"] for feed in report["feeds"] if feed["status"] == "failed"}
    assert failed == set(REASONS)
    assert "Traceback" not in report["stderr"]


@pytest.mark.parametrize("name", sorted(REASONS))
def test_what_cannot_be_read_has_its_reason(report: Any, name: str) -> None:
    (line,) = (feed for feed in report["feeds"] if feed["feed"] == name)
    assert REASONS[name] in line["reason"]
    assert "\n" not in line["reason"]
    assert line["told"] == TOLD[name]


def test_a_feed_that_failed_once_is_no_news_for_readers(edition: Any) -> None:
    assert edition["failed"] == []


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("good", "Harbour wall repaired before the spring tides"),
        ("also-good", "Orchards in the valley bloom three weeks early"),
        ("truncated", "Night library opens at the tram depot"),
        ("wrong-label", "Café choir fills the Schloßplatz"),
        ("nul-bytes", "Nothing doing"),
    ],
)
def test_what_can_be_read_is_in_the_edition(edition: Any, name: str, headline: str) -> None:
    stories = [story for topic in edition["topics"] for story in topic["stories"]]
    (story,) = (story for story in stories if story["source"] == name)
    assert story["headline"] == headline
    assert story["summary"]


def test_what_is_odd_but_readable_is_noted(report: Any) -> None:
    notes = {feed["feed"]: " ".join(feed["notes"]) for feed in report["feeds"]}
    assert "has no entries" in notes["no-entries"]
    assert "breaks off" in notes["truncated"]
    assert notes["wrong-label"]
    assert notes["good"] == ""


def test_bombs_and_giants_leave_an_edition_of_a_mail_s_size(edition: Any, desk: Desk) -> None:
    folder = desk.outbox / "daily" / "2026-03-02"
    assert (folder / "index.html").stat().st_size < 150_000
    assert (folder / "digest.eml").stat().st_size < 300_000
    assert max(len(line) for line in (folder / "digest.eml").read_bytes().splitlines()) <= 998
    headlines = [story["headline"] for topic in edition["topics"] for story in topic["stories"]]
    assert max(map(len, headlines)) < 1000
    page = (folder / "index.html").read_text("utf-8")
    assert "\0" not in page
    html5lib.HTMLParser(strict=True).parse(page)
