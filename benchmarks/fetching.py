"""How fast feeds are fetched, beside other ways and its bars; prints tables, exits 1 at a miss.

    python benchmarks/fetching.py [--feeds N] [--rounds N] [--hang N] [--bodies N]

The feeds are invented and served on loopback with 0 to 300 ms of delay (`loopback.py`); the servers
say how many answers of which status they gave, so that nobody is fast by leaving feeds out. The
others ask one feed after another: plain feedparser, which keeps nothing but the validators, and
rss2email, the real program, which turns every entry into a message and is told not to send it.
Most of their time is waiting: each is measured once, after the first round of ours. A round of ours
is a first fetch, a second one a day later, and a first one with servers that hang among the others.
Parsing alone follows, in rounds. Every measurement is a process of its own (`watched.py`).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from loopback import NOW, Loopback, write_feeds
from watched import Watched, run

from digest.feeds.options import FetchOptions

if TYPE_CHECKING:
    from digest.records import ParsedFeed

FEEDS = 1_000  # of the bars
OPTIONS = FetchOptions(allow_private_networks=True)
# The bar is that nobody is delayed; this much two fetches without servers that hang may differ.
HELD = 1.15


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--feeds", type=_positive, default=FEEDS, metavar="N")
    parser.add_argument("--rounds", type=_positive, default=3, metavar="N")
    parser.add_argument("--hang", type=_positive, default=10, metavar="N", help="servers that hang")
    parser.add_argument("--bodies", type=_positive, default=300, metavar="N", help="parsed alone")
    parser.add_argument("--work", choices=WORK, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.work:
        print(json.dumps(WORK[wanted.work](json.load(sys.stdin))))
    elif not measure(wanted.feeds, wanted.rounds, wanted.hang, wanted.bodies):
        sys.exit(1)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


# --- what is measured: processes of their own ----------------------------------------------


def _ours(given: dict[str, Any]) -> dict[str, Any]:
    """`digest fetch` without its command line: its processes are started and ended in the time."""
    from digest.pipeline.fetching import fetch
    from digest.records import Feed
    from digest.store.store import Store

    # Pages of articles aren't fetched: no other way does that.
    feeds = [Feed(f"feed{n}", url, full_text="never") for n, url in enumerate(given["urls"])]
    now = NOW + timedelta(days=given["day"])
    store = Store(f"sqlite:///{given['database']}")
    start = time.monotonic()
    outcomes = fetch(feeds, store, OPTIONS, now)
    seconds = time.monotonic() - start
    store.close()
    return {
        "start": start,
        "seconds": seconds,
        "entries": sum(outcome.new for outcome in outcomes),
        "failed": sum(outcome.status == "failed" for outcome in outcomes),
    }


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    """feedparser, one feed after another, twice."""
    import feedparser  # type: ignore[import-untyped]

    socket.setdefaulttimeout(OPTIONS.total)
    validators: dict[str, dict[str, str]] = {}
    entries = 0
    start = time.monotonic()
    for url in given["urls"]:
        found = feedparser.parse(url)
        entries += len(found.entries)
        validators[url] = {key: found[key] for key in ("etag", "modified")}
    between = time.monotonic()
    for url in given["urls"]:
        feedparser.parse(url, **validators[url])
    return {"first": between - start, "second": time.monotonic() - between, "entries": entries}


def _parse(way: Callable[[Sequence[bytes]], int], given: dict[str, Any]) -> dict[str, Any]:
    bodies = [Path(path).read_bytes() for path in given["paths"]]
    way(bodies[:2])  # what is loaded and started at the first call is not counted
    start = time.monotonic()
    entries = way(bodies)
    return {"seconds": time.monotonic() - start, "entries": entries}


def _parse_ours(body: bytes) -> ParsedFeed:
    from digest.feeds.parse import parse_feed
    from digest.records import Feed, Fetched

    url = "http://feeds.example.org/feed.xml"
    return parse_feed(Feed("feed", url), Fetched("feed", url, body), NOW)


def _parse_here(given: dict[str, Any]) -> dict[str, Any]:
    return _parse(lambda bodies: sum(len(_parse_ours(body).articles) for body in bodies), given)


def _parse_in_pool(given: dict[str, Any]) -> dict[str, Any]:
    """What is sent between the processes, bodies and articles, is counted."""
    _parse_ours(Path(given["paths"][0]).read_bytes())  # loads for all: they are forked
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:

        def way(bodies: Sequence[bytes]) -> int:
            return sum(len(found.articles) for found in pool.map(_parse_ours, bodies, chunksize=8))

        return _parse(way, given)


def _parse_feedparser(**options: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def way(bodies: Sequence[bytes]) -> int:
        import feedparser

        return sum(len(feedparser.parse(io.BytesIO(body), **options).entries) for body in bodies)

    return lambda given: _parse(way, given)


PARSERS = {
    "ours, a process a core": "parse-pool",
    "ours, one process": "parse-ours",
    "feedparser": "parse-feedparser",
    "feedparser, no sanitising, no resolving": "parse-bare",
}
WORK: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "ours": _ours,
    "plain": _plain,
    "parse-pool": _parse_in_pool,
    "parse-ours": _parse_here,
    "parse-feedparser": _parse_feedparser(),
    "parse-bare": _parse_feedparser(sanitize_html=False, resolve_relative_uris=False),
}


# --- their processes, from outside ---------------------------------------------------------


def _work(name: str, given: dict[str, Any], look: Callable[[], None] = lambda: None) -> Watched:
    return run([sys.executable, __file__, "--work", name], given, look)


def _ours_twice(servers: Loopback, folder: Path) -> tuple[Watched, Watched]:
    """Two days' fetches of feeds that all answer, into a new store."""
    urls = servers.feeds
    runs = []
    for day, status in enumerate((200, 304)):
        given = {"urls": urls, "database": str(folder / "digest.db"), "day": day}
        runs.append(_work("ours", given))
        _expect(servers.answered(), {status: len(urls)}, "the servers' answers to ours")
    return runs[0], runs[1]


def _ours_hanging(servers: Loopback, folder: Path) -> tuple[Watched, float]:
    """A first fetch with servers that hang, and the seconds until all others' feeds are stored."""
    feeds, hanging = servers.feeds, servers.hanging
    urls = list(feeds)
    for number, url in enumerate(hanging):  # spread evenly among the others
        urls.insert(number * (len(feeds) // len(hanging) + 1), url)
    database = folder / "digest.db"
    stored: list[float] = []

    def look() -> None:
        if not stored and _stored(database) == len(feeds):
            stored.append(time.monotonic())

    seen = _work("ours", {"urls": urls, "database": str(database), "day": 0}, look)
    _expect(servers.answered(), {200: len(feeds)}, "the servers' answers to ours")
    _expect(seen.said["failed"], len(hanging), "ours: feeds that failed")
    end = seen.said["start"] + seen.said["seconds"]
    return seen, min([*stored, end]) - float(seen.said["start"])


def _stored(database: Path) -> int:
    """The feeds that were stored with what they sent."""
    if not database.exists():
        return 0
    with suppress(sqlite3.OperationalError):  # its tables are being made
        address = f"file:{database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0)) as connection:
            query = "SELECT count(*) FROM feeds WHERE succeeded IS NOT NULL"
            return int(connection.execute(query).fetchone()[0])
    return 0


def _rss2email(servers: Loopback, folder: Path) -> tuple[Watched, Watched, int]:
    """Two runs of rss2email as it comes, without sending; and the entries that it knows then."""
    lines = ["[DEFAULT]", "verbose = error", "from = digest@example.org", "to = reader@example.org"]
    for number, url in enumerate(servers.feeds):
        lines += [f"[feed.feed{number}]", f"url = {url}"]
    config, data = folder / "rss2email.cfg", folder / "rss2email.json"
    config.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "rss2email.main", "-c", str(config), "-d", str(data)]
    runs = []
    for status in (200, 304):
        runs.append(
            run([*command, "run", "--no-send"], {}, lambda: None, XDG_RUNTIME_DIR=str(folder))
        )
        wanted = {status: len(servers.feeds)}
        _expect(servers.answered(), wanted, "the servers' answers to rss2email")
    known = json.loads(data.read_text(encoding="utf-8"))["feeds"]
    return runs[0], runs[1], sum(len(feed["seen"]) for feed in known)


def _expect(found: object, wanted: object, what: str) -> None:
    """What makes the numbers comparable must hold."""
    if found != wanted:
        raise RuntimeError(f"{what}: {found}, not {wanted}; nothing can be compared")


# --- the tables ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    """Of ours. `stored` is the seconds until all feeds but those that hang were stored."""

    first: Watched
    second: Watched
    hanging: Watched
    stored: float

    @property
    def seconds(self) -> tuple[float, float, float]:
        one, two, three = (each.said["seconds"] for each in (self.first, self.second, self.hanging))
        return one, two, three

    @property
    def peak(self) -> int:
        return max(self.first.peak, self.second.peak, self.hanging.peak)


def measure(feeds: int, rounds: int, hang: int, bodies: int) -> bool:
    """Prints everything; whether all bars are met."""
    from speed import Bar  # not in the processes that are measured: it brings half of digest

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _folder(folder) as written:
            paths = write_feeds(written, feeds)
            size = sum(path.stat().st_size for path in paths) / 1e6
            cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
            print(f"{feeds:,} feeds, {size:.0f} MB; {cores} cores, load {load:.1f}", flush=True)
            ours = []
            with Loopback(paths, hanging=hang) as servers:
                for number in range(rounds):
                    ours.append(_round(servers, folder))
                    _tell(f"ours, round {number + 1}", *ours[-1].seconds)
                    if number == 0:
                        plain, mail = _others(servers, folder, ours[0].first.said["entries"])
            parsed = _parsed(paths[:bodies], rounds)
    firsts, seconds, hangings = zip(*(each.seconds for each in ours), strict=True)
    peak = max(each.peak for each in ours)
    entries = plain.said["entries"]
    print(f"\n{feeds:,} feeds, {entries:,} entries; ours: medians of {rounds} rounds")
    print(f"  {'':<42}{'first s':>9}{'second s':>9}{'CPU s':>8}{'peak MB':>9}")
    cpu = median(each.first.cpu + each.second.cpu for each in ours)
    _row("ours", median(firsts), median(seconds), cpu, peak)
    one_by_one = (plain.said["first"], plain.said["second"], plain.cpu, plain.peak)
    _row("feedparser, one after another", *one_by_one)
    mail1, mail2 = mail
    by_mail = (mail1.seconds, mail2.seconds, mail1.cpu + mail2.cpu, max(mail1.peak, mail2.peak))
    _row("rss2email", *by_mail)
    longer = median(with_ - without for with_, without in zip(hangings, firsts, strict=True))
    delay = median(each.stored / without for each, without in zip(ours, firsts, strict=True))
    print(f"  ours, with {hang} servers more that hang: all others' feeds stored after", end=" ")
    print(f"{median(each.stored for each in ours):.1f} s, the end after {median(hangings):.1f} s")
    _print_parsed(parsed, min(bodies, feeds), rounds)
    share = median(second / first for first, second in zip(firsts, seconds, strict=True))
    faster = plain.said["first"] / median(firsts)
    bars = [
        Bar("first fetch: feedparser one after another over ours", faster, 4),
        Bar("ours: second fetch over the first", share, 0.1, ceiling=True),
        Bar("ours: peak memory, MB", peak / 1e6, 500, ceiling=True),
        Bar("ours: others' feeds stored, with hanging over without", delay, HELD, ceiling=True),
        Bar("ours: seconds longer with hanging servers", longer, OPTIONS.total, ceiling=True),
    ]
    print("\nBars" if feeds == FEEDS else f"\nBars of {FEEDS:,} feeds, which were not measured")
    for bar in bars:
        print(bar)
    return feeds != FEEDS or all(bar.met for bar in bars)


def _round(servers: Loopback, folder: Path) -> Round:
    with _folder(folder) as own:
        first, second = _ours_twice(servers, own)
    with _folder(folder) as own:
        return Round(first, second, *_ours_hanging(servers, own))


def _others(
    servers: Loopback, folder: Path, entries: int
) -> tuple[Watched, tuple[Watched, Watched]]:
    """Plain feedparser, and two runs of rss2email; both must find all `entries`."""
    count = len(servers.feeds)
    plain = _work("plain", {"urls": servers.feeds})
    _expect(servers.answered(), {200: count, 304: count}, "the servers' answers to feedparser")
    _expect(plain.said["entries"], entries, "entries that feedparser found")
    _tell("feedparser", plain.said["first"], plain.said["second"])
    with _folder(folder) as own:
        first, second, known = _rss2email(servers, own)
    _expect(known, entries, "entries that rss2email found")
    _tell("rss2email", first.seconds, second.seconds)
    return plain, (first, second)


def _parsed(paths: Sequence[Path], rounds: int) -> dict[str, list[Watched]]:
    given = {"paths": [str(path) for path in paths]}
    found: dict[str, list[Watched]] = {name: [] for name in PARSERS}
    for _ in range(rounds):
        for name, way in PARSERS.items():
            found[name].append(_work(way, given))
    entries = {name: runs[0].said["entries"] for name, runs in found.items()}
    _expect(len(set(entries.values())), 1, f"different numbers of entries parsed ({entries})")
    return found


def _print_parsed(parsed: dict[str, list[Watched]], bodies: int, rounds: int) -> None:
    print(f"\nParsing alone, {bodies} feeds; medians of {rounds} rounds")
    print(f"  {'':<42}{'seconds':>9}{'ms a feed':>10}")
    for name, runs in parsed.items():
        took = median(each.said["seconds"] for each in runs)
        print(f"  {name:<42}{took:>9.2f}{1000 * took / bodies:>10.1f}")


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        yield Path(name)


def _tell(what: str, *seconds: float) -> None:
    took = ", ".join(f"{each:.1f} s" for each in seconds)
    print(f"  ({what}: {took})", file=sys.stderr, flush=True)


def _row(name: str, first: float, second: float, cpu: float, peak: int) -> None:
    print(f"  {name:<42}{first:>9.1f}{second:>9.1f}{cpu:>8.1f}{peak / 1e6:>9.0f}")


if __name__ == "__main__":
    main()
