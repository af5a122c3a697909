"""What a digest of very many readers costs the database; prints a table.

    python benchmarks/crowd.py [--people N] [--database sqlite|postgres]

Readers are taken in, an edition's recipients frozen, messages taken in hand, begun and settled as a
connection does it, without mail and rendering; then all is removed by the housekeeping. Bytes are
what the database grew by, indexes and all.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filled import DATABASES, Databases

from digest.records import NewSubscriber
from digest.store.deliveries import Settled
from digest.store.store import Store

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
KEY = ("morning", "2026-03-02")
MESSAGES = 2_000
LEASE = timedelta(minutes=30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=200_000, metavar="N")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DATABASES[wanted.database](Path(folder)) as found:
        measure(found, wanted.people)


def measure(databases: Databases, people: int) -> None:
    """Prints a row for each thing that is done."""
    store = Store(databases.url("crowd"))
    print(f"{people:,} readers of a digest\n{'':<26}{'seconds':>10}{'each, µs':>10}{'bytes':>8}")
    with told(databases, "taken in", people):
        store.subscribers.subscribe(
            KEY[0], (NewSubscriber(f"reader{n}@example{n % 97}.org") for n in range(people)), NOW
        )
    store.editions.adopt(*KEY, NOW, fingerprint="f", built=NOW, review=False)
    with told(databases, "frozen", people):
        store.deliveries.freeze(*KEY, NOW, lambda *_: True)
    with told(databases, "counted", people):
        store.deliveries.counts(*KEY)
    with told(databases, "taken, begun and settled", MESSAGES):
        done = None
        for _ in range(MESSAGES):
            found = store.deliveries.turn(*KEY, "here", NOW, NOW + LEASE, done=done)
            assert found is not None
            assert store.deliveries.begin(found, "here", NOW)
            done = Settled(found, "sent")
    later = NOW + timedelta(days=500)
    store.editions.move(*KEY, ("sending",), NOW, state="sent")
    with told(databases, "removed", people):
        gone = store.pruning.prune(later - timedelta(days=400))
    assert gone.deliveries == people
    store.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"memory of this process at its peak: {memory} MB")


@contextmanager
def told(databases: Databases, what: str, count: int) -> Iterator[None]:
    """Prints how long the block took, for each of `count`, and what the database grew by."""
    before, start = databases.size("crowd"), time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    grown = max(0, databases.size("crowd") - before) / count
    print(f"{what:<26}{seconds:>10.1f}{seconds / count * 1e6:>10.0f}{grown:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
