"""A year of the service in minutes, and what it costs a day; exits 1 when a bar is missed.

    python benchmarks/year.py [--days N] [--feeds N] [--articles N] [--readers N] [--keep-days N]
                              [--picture PATH] [--figures PATH]

200 invented papers (`papers.py`) are served on loopback: some move, some die, for a while or for
good, some correct what they wrote. Two digests come out every day, one in the morning of all feeds
and one in the evening of some, for readers who come and go; mail goes to a server on loopback that
takes everything (`sink.py`). Each day is what the service does: two turns of its timer, sending,
and the housekeeping. In the middle `digest backup` takes it all, `digest restore` puts it into
another folder, and the service goes on there with the next edition. Vectors are made by hashing
words, and the theme is a small one: neither is what grows.

Seconds a day are those of the service alone, not of the papers' writing; memory is what this
process has resident, papers and all. The bars: medians of the last month at most 1.2 times those
of the second; of the seconds those of the processor count, since what else the machine does
changes the others.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from hashed import HashedEncoder, no_model
from papers import Papers
from sink import Sink, sink
from speed import Bar

from digest.config import Config, Settings, load_config
from digest.pipeline.pool import Pool
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.records import NewSubscriber
from digest.service.housekeeping import keep_house
from digest.service.service import run_due

# A theme that takes no time: what a page looks like doesn't change in a year.
PAGE = """\
<!doctype html><html lang="en"><head><title>{{ edition.title }}</title></head><body>
{% for story in edition.stories %}<h2>{{ story.headline }}</h2>
<p>{% for sentence in story.summary %}{{ sentence.text }} {% endfor %}</p>{% endfor %}
<p>For {{ reader.address if reader else "all" }}: <a href="{{ edition | unsubscribe_url(reader) }}">
unsubscribe</a></p></body></html>
"""
THEME = {
    "digest.html.j2": PAGE,
    "digest.txt.j2": "{{ edition.subject }} {{ edition | unsubscribe_url(reader) }}",
    "digest.md.j2": "{{ edition.subject }}",
    "archive.html.j2": "<p>{{ archive.title }}</p>",
}
START = datetime(2026, 1, 1, tzinfo=UTC)
MORNING, EVENING = timedelta(hours=7), timedelta(hours=18)
DIGESTS = ("morning", "evening")
FLAT = 1.2
MONTH = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=365, metavar="N")
    parser.add_argument("--feeds", type=int, default=200, metavar="N")
    parser.add_argument("--articles", type=int, default=40, metavar="N", help="a day, about")
    parser.add_argument("--readers", type=int, default=10, metavar="N", help="of each digest")
    parser.add_argument("--keep-days", type=int, default=90, metavar="N")
    parser.add_argument("--picture", type=Path, metavar="PATH", help="a PNG of what grew")
    parser.add_argument("--figures", type=Path, metavar="PATH", help="all figures as JSON")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        year = Year(Path(folder), wanted.days, wanted.feeds, wanted.articles, wanted.readers)
        days = year.live(wanted.keep_days)
        wrong = year.wrong
    if wanted.figures:
        wanted.figures.write_text(json.dumps([asdict(day) for day in days]), "utf-8")
    if wanted.picture:
        draw(days, wanted.picture, wanted.days // 2)
    print_months(days)
    bars = bars_of(days)
    print("\nBars")
    for bar in bars:
        print(bar)
    for line in wrong:
        print(f"  WRONG: {line}")
    sys.exit(0 if all(bar.met for bar in bars) and not wrong else 1)


@dataclass(frozen=True, slots=True)
class Day:
    """A day's figures: wall-clock and processor seconds, articles that came, bytes."""

    seconds: float
    processor: float
    articles: int
    memory: int
    database: int
    outbox: int
    messages: int


class Year:
    """Papers, readers and a service in `folder`; `wrong` says what went otherwise than it must."""

    def __init__(self, folder: Path, days: int, feeds: int, articles: int, readers: int) -> None:
        self._folder = folder
        self._days = days
        self._readers = readers
        self._papers = Papers(feeds, articles, days, START)
        self._dice = random.Random(3)
        self._home = folder / "home"
        self._outbox = 0
        self.wrong: list[str] = []

    def live(self, keep_days: int) -> list[Day]:
        """Lives it; a line a month goes to stderr."""
        self._home.mkdir()
        days: list[Day] = []
        with self._papers.printed() as address, sink(self._folder) as mail:
            _write_config(self._home / "feeds.yaml", address, self._papers)
            for first, last in ((0, self._days // 2), (self._days // 2, self._days)):
                config = load_config(self._home / "feeds.yaml")
                with opened(_settings(self._home, mail)) as workshop:
                    for day in range(first, last):
                        days.append(self._day(workshop, config, mail, day, keep_days))
                        if len(days) % MONTH == 0:
                            print(_row(days[-MONTH:], len(days)), file=sys.stderr, flush=True)
                if last < self._days:
                    self._move(mail, START + timedelta(days=last - 1, hours=23))
        self._check(mail)
        return days

    def _day(self, workshop: Workshop, config: Config, mail: Sink, day: int, keep_days: int) -> Day:
        midnight = START + timedelta(days=day)
        written = self._papers.live(day, midnight + MORNING)
        self._come_and_go(workshop, midnight, is_first=day == 0)
        before = mail.size()
        grace = timedelta(hours=6)
        start, processor = time.perf_counter(), time.process_time()
        for moment in (midnight + MORNING, midnight + EVENING):
            now = moment + timedelta(minutes=1)
            report = run_due(
                workshop, config, config.digests, now, grace, clock=partial(_same, now)
            )
            if report.run is None:
                self.wrong.append(f"{now:%Y-%m-%d %H:%M}: nothing was due")
            else:
                bad = [one for one in report.run.digests if one.status != "built"]
                self.wrong += [f"{one.digest}/{one.date}: {one.reason}" for one in bad]
        keep_house(workshop, config, keep_days, midnight + EVENING)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        for digest in DIGESTS:
            self._outbox += _size(self._home / "outbox" / digest / midnight.date().isoformat())
        return Day(
            seconds=seconds,
            processor=processor,
            articles=written,
            memory=_resident(),
            database=_size(self._home / "state"),
            outbox=self._outbox,
            messages=mail.size() - before,
        )

    def _come_and_go(self, workshop: Workshop, now: datetime, *, is_first: bool) -> None:
        people = workshop.store.subscribers
        for digest in DIGESTS:
            there = [one.subscriber.address for one in people.listed(digest, ("active",))]
            coming = self._readers - len(there) if is_first else self._dice.randrange(3)
            new = [
                NewSubscriber(f"reader{self._dice.getrandbits(40):x}@example.org")
                for _ in range(coming)
            ]
            people.subscribe(digest, new, now)
            for address in self._dice.sample(there, max(0, len(there) - self._readers)):
                people.remove(address, digest, now)
                if self._dice.random() < 0.5:
                    people.erase(address)

    def _move(self, mail: Sink, now: datetime) -> None:
        """A backup is put back in another folder; what was here is gone."""
        file, home = self._folder / "backup.tar.gz", self._folder / "restored"
        home.mkdir()
        stamp = now.isoformat()
        for folder, words in (
            (self._home, ("backup", str(file), "--now", stamp)),
            (home, ("restore", str(file), "--nothing-sent-since", "--now", stamp)),
        ):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "digest", *words],
                cwd=folder,
                env={**os.environ, "DIGEST_SMTP_URL": mail.url},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.perf_counter() - start
            print(f"{words[0]}: {file.stat().st_size / 1e6:.0f} MB in {seconds:.1f} s")
        shutil.rmtree(self._home)
        self._home = home

    def _check(self, mail: Sink) -> None:
        """An edition of each digest for each date, and nobody has one twice."""
        wanted = {(START + timedelta(days=day)).date().isoformat() for day in range(self._days)}
        with opened(_settings(self._home, mail)) as workshop:
            for digest in DIGESTS:
                rows = workshop.store.editions.statuses(digest)
                states = Counter(row.state for row in rows)
                if states != {"sent": self._days} or {row.date for row in rows} != wanted:
                    self.wrong.append(f"{digest}: {dict(states)}")
                if set(workshop.outbox.dates(digest)) != wanted:
                    self.wrong.append(f"{digest}: its outbox has other dates")
        twice = [key for key, count in mail.taken().items() if count > 1]
        if twice:
            self.wrong.append(f"{len(twice)} messages came twice")


def _same(now: datetime) -> datetime:
    return now


def _write_config(path: Path, address: str, papers: Papers) -> None:
    theme = path.parent / "templates" / "bare"
    theme.mkdir(parents=True)
    for name, text in THEME.items():
        (theme / name).write_text(text, "utf-8")
    lines = ["digests:"]
    for digest, hour, feeds in (("morning", 7, ""), ("evening", 18, "feeds: [late], ")):
        lines.append(
            f"  - {{name: {digest}, schedule: '0 {hour} * * *', {feeds}template: bare, "
            "memory: 3d, from: d@example.org}"
        )
    lines.append("feeds:")
    for number, paper in enumerate(papers.papers):
        tags = "tags: [late], " if number % 2 else ""
        lines.append(
            f"  - {{name: {paper.name}, {tags}full_text: never, url: '{address}/{paper.name}'}}"
        )
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _settings(home: Path, mail: Sink) -> Settings:
    return Settings(
        outbox_dir=home / "outbox",
        state_dir=home / "state",
        templates_dir=home / "templates",
        smtp_url=mail.url,
        public_url="https://news.example.org",
        allow_private_networks=True,
        log_level="error",
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Workshop]:
    """The service's tools, without a model and without other processes."""
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = HashedEncoder()
        tools = Summarizers(encoder, no_model)
        yield replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _resident() -> int:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmRSS")


# --- what came out -------------------------------------------------------------------------


def print_months(days: Sequence[Day]) -> None:
    """A row a month: medians of its days, and what there was at its end."""
    print(
        f"\n{'to day':>6}{'articles':>10}{'messages':>10}{'s a day':>10}{'CPU s':>8}"
        f"{'memory MB':>11}{'database MB':>13}{'outbox MB':>11}"
    )
    for start in range(0, len(days), MONTH):
        month = days[start : start + MONTH]
        print(_row(month, start + len(month)))


def _row(month: Sequence[Day], last: int) -> str:
    return (
        f"{last:>6}{sum(day.articles for day in month):>10,}"
        f"{sum(day.messages for day in month):>10,}"
        f"{median(day.seconds for day in month):>10.2f}"
        f"{median(day.processor for day in month):>8.2f}"
        f"{month[-1].memory / 1e6:>11.0f}{month[-1].database / 1e6:>13.1f}"
        f"{month[-1].outbox / 1e6:>11.1f}"
    )


def bars_of(days: Sequence[Day]) -> list[Bar]:
    """The last month against the second; none where there are not three."""
    if len(days) < 3 * MONTH:
        return []
    second, last = days[MONTH : 2 * MONTH], days[-MONTH:]
    wall = _ratio(second, last, "seconds")
    print(f"\nWall-clock seconds a day, last month over second: {wall:.2f}")
    return [
        Bar(f"{name}, last month over second", _ratio(second, last, field), FLAT, ceiling=True)
        for name, field in (("processor seconds a day", "processor"), ("memory", "memory"))
    ]


def _ratio(before: Sequence[Day], after: Sequence[Day], field: str) -> float:
    first, last = (median(float(getattr(day, field)) for day in days) for days in (before, after))
    return last / first


def draw(days: Sequence[Day], path: Path, moved: int) -> None:
    """The picture: seconds, memory, database and outbox, day by day."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(9, 9), layout="constrained")
    curves = (
        ("seconds a day", [day.seconds for day in days]),
        ("memory, MB", [day.memory / 1e6 for day in days]),
        ("database, MB", [day.database / 1e6 for day in days]),
        ("outbox, MB", [day.outbox / 1e6 for day in days]),
    )
    for axis, (name, values) in zip(axes, curves, strict=True):
        axis.plot(range(1, len(days) + 1), values, linewidth=1, color="#1f4e79")
        axis.axvline(moved + 0.5, linestyle=":", linewidth=1, color="#777777")
        axis.set_ylabel(name)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title("A year of two digests of 200 feeds (dotted: restored from a backup)")
    axes[-1].set_xlabel("day")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
