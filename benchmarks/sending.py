"""How fast an edition reaches its readers, beside its bars; prints tables, exits 1 at a miss.

    python benchmarks/sending.py [--people N] [--stops N] [--quick]

An ordinary edition, of about 50 kB of HTML, goes to 10,000 subscribers at a mail server on loopback
that takes everything (`sink.py`). The sender is a process of its own, with a new database for each
row: nothing is rendered or known before. More connections, TLS, a signature and postfix's
`smtp-sink`, where it is installed, are compared with 1,000 subscribers. In a second part the sender
is stopped again and again in the middle, by SIGTERM and by SIGKILL in turn, and started again; what
counts at the end is the sink's own record. The disk's commits, two a message, and the sink have
their part in the numbers: of two cores one is the sink's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sink import Sink, sink

if TYPE_CHECKING:
    from digest.protocols import Transport
    from digest.records import Envelope, Receipt

PEOPLE = 10_000  # of the bars
QUICK = 500
# At how many messages the memory is looked at, for the growth from there to the end.
EARLY = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=_positive, default=PEOPLE, metavar="N")
    parser.add_argument("--stops", type=_positive, default=20, metavar="N", help="default 20")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} people, 4 stops, no bars")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.send:
        print(json.dumps(send(json.load(sys.stdin))))
        return
    people, stops = (QUICK, 4) if wanted.quick else (wanted.people, wanted.stops)
    if not measure(people, stops):
        sys.exit(1)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


# --- the sender, a process of its own --------------------------------------------------------


def send(given: dict[str, Any]) -> dict[str, Any]:
    """What `digest send` does, from the settings on; SIGTERM stops it as it stops the service."""
    from digest.config import Settings
    from digest.pipeline.delivering import deliver
    from digest.pipeline.wiring import open_workshop

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    folder = Path(given["folder"])
    settings = Settings(
        outbox_dir=folder / "outbox",
        state_dir=folder / "state",
        templates_dir=folder / "templates",
        smtp_url=given["url"],
        smtp_connections=given["connections"],
        public_url="https://news.example.org",
        secret_key="a-secret-of-the-benchmark",
        log_level="error",
        **given["settings"],
    )
    peaks: list[int] = []
    with open_workshop(settings) as workshop:
        mail = workshop.mail
        if mail is None:
            raise ValueError("no mail server")
        counting = _Counting(mail.open_transport, peaks)
        workshop = replace(workshop, mail=replace(mail, open_transport=counting))
        start, cpu = time.monotonic(), time.process_time()
        reports = deliver(workshop, lambda: datetime.now(UTC), stop=stop)
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    return {
        "sent": sum(report.tried.get("sent", 0) for report in reports),
        "state": reports[0].state if reports else "",
        "seconds": seconds,
        "cpu": cpu,
        "early": peaks[0] if peaks else _peak(),
        "peak": _peak(),
    }


class _Counting:
    """Opens transports, and looks at the peak of memory at their message number `EARLY`."""

    def __init__(self, opening: Callable[[], Transport], peaks: list[int]) -> None:
        self._opening = opening
        self._peaks = peaks
        self._sent = 0

    def __call__(self) -> Transport:
        transport = self._opening()
        send = transport.send

        def counted(envelope: Envelope, ready: Callable[[], None] = lambda: None) -> Receipt:
            self._sent += 1
            if self._sent == EARLY:
                self._peaks.append(_peak())
            return send(envelope, ready)

        transport.send = counted  # type: ignore[method-assign]
        return transport


def _peak() -> int:
    """The largest resident set so far, in bytes. Not `ru_maxrss`, which begins at the parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    if found is None:
        raise RuntimeError("no VmHWM in /proc/self/status: this needs Linux")
    return 1024 * int(found[1])


# --- how fast --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: a name, and what the sender said."""

    name: str
    said: dict[str, Any]

    @property
    def rate(self) -> float:
        """Messages a second."""
        return float(self.said["sent"] / self.said["seconds"])


def _sent(
    base: Path, url: str, people: int, *, connections: int = 1, **settings: str
) -> dict[str, Any]:
    """What a sender says that sends everything, from a copy of `base`."""
    with _copy(base) as folder:
        process = _sender(folder, url, connections, settings)
        said: dict[str, Any] = json.loads(process.communicate()[0])
    if (said["sent"], said["state"]) != (people, "sent"):
        raise RuntimeError(f"{said['sent']} of {people} were sent, the edition is {said['state']}")
    return said


@contextlib.contextmanager
def _copy(base: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=base.parent) as name:
        yield Path(shutil.copytree(base, name, dirs_exist_ok=True))


def _sender(
    folder: Path, url: str, connections: int, settings: dict[str, str]
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, __file__, "--send"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    given = {"folder": str(folder), "url": url, "connections": connections, "settings": settings}
    if process.stdin is None:
        raise RuntimeError("no pipe to the sender")
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    process.stdin = None
    return process


def _rows(base: Path, small: Path, mails: Sink, people: int) -> Iterator[Row]:
    """The measurements, one after the other."""
    few = min(people, EARLY)
    key = base.parent / "dkim.pem"
    command = "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out".split()
    subprocess.run([*command, str(key)], check=True, capture_output=True)
    signing = {"dkim_key": str(key), "dkim_selector": "s1"}
    yield Row(f"{people:,} people, one connection", _recorded(base, mails, mails.url, people))
    # What else there is to compare, with fewer: the first of these is what the others go by.
    yield Row(f"{few:,} people, one connection", _recorded(small, mails, mails.url, few))
    yield Row("  two connections", _recorded(small, mails, mails.url, few, connections=2))
    yield Row("  four connections", _recorded(small, mails, mails.url, few, connections=4))
    yield Row("  one connection, TLS", _recorded(small, mails, mails.tls_url, few))
    yield Row("  signed (DKIM, RSA 2048)", _recorded(small, mails, mails.url, few, **signing))
    with _postfix() as url:
        if url:
            yield Row("  to postfix's smtp-sink", _sent(small, url, few))


def _recorded(base: Path, mails: Sink, url: str, people: int, **given: Any) -> dict[str, Any]:
    """As `_sent`; the sink must have one message for each."""
    mails.forget()
    said = _sent(base, url, people, **given)
    taken = mails.taken()
    if len(taken) != people or set(taken.values()) != {1}:
        raise RuntimeError(
            f"{len(taken)} of {people} have mail, some of them {max(taken.values())}"
        )
    return said


@contextlib.contextmanager
def _postfix() -> Iterator[str]:
    """The address of a running `smtp-sink`, empty where it isn't installed."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        print("  (smtp-sink of postfix is not installed: left out)", file=sys.stderr)
        yield ""
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *user, f"127.0.0.1:{port}", "100"])
    try:
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        yield f"smtp://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


# --- stopped and started again ---------------------------------------------------------------


@dataclass(slots=True)
class Stopped:
    """What came of stopping: `longest` is the seconds that a SIGTERM took at most."""

    terms: int = 0
    kills: int = 0
    longest: float = 0.0
    twice: int = 0
    lost: int = 0
    unconfirmed: int = 0


def interrupted(base: Path, mails: Sink, people: int, stops: int) -> Stopped:
    """Sends, stopped `stops` times at moments drawn at random, until everybody has their copy."""
    found = Stopped()
    dice = random.Random(7)
    ends = sorted(dice.sample(range(people // 50, people), stops))
    mails.forget()
    with _copy(base) as folder:
        for number, end in enumerate(ends):
            process = _sender(folder, mails.url, 1, {})
            while mails.size() < end and process.poll() is None:
                time.sleep(0.005)
            asked = time.monotonic()
            if number % 2:
                process.kill()
            else:
                process.terminate()
            process.communicate()
            took = time.monotonic() - asked
            if process.returncode == -signal.SIGKILL:
                found.kills += 1
            elif process.returncode == 0 and not number % 2:
                found.terms += 1
                found.longest = max(found.longest, took)
            else:
                raise RuntimeError(f"the sender ended with {process.returncode}")
        process = _sender(folder, mails.url, 1, {})
        state = json.loads(process.communicate()[0])["state"]
        if state != "sent":
            raise RuntimeError(f"in the end the edition is {state}")
        _judge(found, folder, mails)
    return found


def _judge(found: Stopped, folder: Path, mails: Sink) -> None:
    """Everybody has one copy; those in `unconfirmed`, which the store lists, have one or none."""
    from readership import DATE, DIGEST

    from digest.store.store import Store

    store = Store(f"sqlite:///{folder / 'state' / 'digest.db'}")
    try:
        doubtful = {one.address for one in store.deliveries.listed(DIGEST, DATE, ("unconfirmed",))}
        everybody = {one.subscriber.address for one in store.subscribers.listed(DIGEST)}
    finally:
        store.close()
    copies: Counter[str] = Counter()
    for (recipient, _), count in mails.taken().items():
        copies[recipient] += count
    found.unconfirmed = len(doubtful)
    found.twice = sum(count > 1 for count in copies.values())
    found.lost = len(everybody - doubtful - copies.keys())


# --- the tables ------------------------------------------------------------------------------


def measure(people: int, stops: int) -> bool:
    """Prints everything; whether all bars are met."""
    from readership import lay_out
    from speed import Bar

    with tempfile.TemporaryDirectory() as name, sink(Path(name)) as mails:
        base, small = Path(name) / "base", Path(name) / "small"
        size = lay_out(base, people)
        lay_out(small, min(people, EARLY))
        cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
        print(
            f"{people:,} subscribers, {size / 1000:.0f} kB of HTML; {cores} cores, load {load:.1f}"
            f", {1000 * _commit(Path(name)):.2f} ms a commit of SQLite to this disk",
            flush=True,
        )
        rows = []
        print(f"  {'':<40}{'messages/s':>11}{'ratio':>7}{'CPU ms':>8}{'peak MB':>9}{'growth':>8}")
        for row in _rows(base, small, mails, people):
            rows.append(row)
            said = row.said
            print(
                f"  {row.name:<40}{row.rate:>11.0f}{_ratio(rows):>7}"
                f"{1000 * said['cpu'] / said['sent']:>8.2f}{said['peak'] / 1e6:>9.0f}"
                f"{(said['peak'] - said['early']) / 1e6:>8.1f}",
                flush=True,
            )
        found = interrupted(base, mails, people, stops)
    print(
        f"  stopped by SIGTERM {found.terms} times and by SIGKILL {found.kills} times: "
        f"{found.unconfirmed} unconfirmed"
    )
    one, few = rows[0].said, rows[1].said
    bars = [
        Bar("messages a second, one connection, signing off", rows[0].rate, 200),
        Bar(f"memory, growth after {EARLY:,} messages, MB", _mb(one, one["early"]), 50, True),
        Bar(f"memory, over that for {EARLY:,} people, MB", _mb(one, few["peak"]), 50, True),
        Bar("stopped and resumed: people with two copies", found.twice, 0, ceiling=True),
        Bar("stopped and resumed: people with none, in no list", found.lost, 0, ceiling=True),
        Bar("stopped and resumed: unconfirmed", found.unconfirmed, found.kills, ceiling=True),
        Bar("seconds that a SIGTERM takes", found.longest, 10, ceiling=True),
    ]
    print("\nBars" if people == PEOPLE else f"\nBars of {PEOPLE:,} people, which were not measured")
    for bar in bars:
        print(bar)
    # Who has what must be right for any number of people.
    return all(bar.met for bar in (bars if people == PEOPLE else bars[3:]))


def _ratio(rows: list[Row]) -> str:
    """The last one's rate over that of the second, which it is compared with."""
    return f"{rows[-1].rate / rows[1].rate:.2f}" if len(rows) > 2 else ""


def _mb(said: dict[str, Any], before: int) -> float:
    return float(said["peak"] - before) / 1e6


def _commit(folder: Path, times: int = 200) -> float:
    """Seconds of a commit that is on the disk, as the store makes them."""
    connection = sqlite3.connect(folder / "commit.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (n INTEGER)")
    start = time.monotonic()
    for number in range(times):
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    seconds = time.monotonic() - start
    connection.close()
    return seconds / times


if __name__ == "__main__":
    main()
