"""How much faster two workers of a Dask cluster are than one; exits 1 when the bar is missed.

    python benchmarks/cluster.py [--articles N] [--words N] [--model NAME] [--rounds N]

A scheduler and workers are started on loopback as a user starts them, each worker with one thread,
and a model summarises articles that are made up here. Loading a model is not counted. That what
two workers wrote is what one wrote, and the first batches what this process writes, is a bar too.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from digest.errors import ClusterError
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.pipeline.cluster import cluster
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.pool import Pool
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.summarizing import in_batches, summarize, summarize_batch, text_document
from digest.protocols import Summarizer
from digest.records import Document, Encoded

# Two workers share the machine's memory bandwidth, and the last batch leaves one of them idle.
FASTER = 1.6

_WHO = ("The council", "The harbour board", "The museum", "A court", "The railway", "The union")
_DID = ("approved", "postponed", "published", "rejected", "opened", "reviewed")
_WHAT = ("the new bridge", "a report on flooding", "the night train", "its accounts", "a strike")
_WHERE = ("Northport", "Lindau", "Aberfoyle", "Castel", "Weston", "Marrow Hill")
_WHY = ("after months of delay", "despite protests", "to save money", "ahead of the winter")


@dataclass(frozen=True, slots=True)
class Timed:
    """What so many workers needed for all articles, in seconds, and what they wrote."""

    workers: int
    seconds: list[float]
    written: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=_positive, default=200, metavar="N")
    parser.add_argument("--words", type=_positive, default=150, metavar="N", help="an article")
    parser.add_argument("--model", default="smollm2", metavar="NAME")
    parser.add_argument("--rounds", type=_positive, default=1, metavar="N")
    wanted = parser.parse_args()
    if not measure(wanted.articles, wanted.words, wanted.model, wanted.rounds):
        sys.exit(1)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def article(number: int, words: int) -> Document:
    """A text of about so many words that says little, but in sentences."""
    dice = random.Random(number)
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) < words:
        parts = (dice.choice(each) for each in (_WHO, _DID, _WHAT))
        figure = f"{dice.randrange(2, 900)} people were asked"
        sentences.append(
            f"{' '.join(parts)} in {dice.choice(_WHERE)} on {dice.randrange(1, 28)} May "
            f"{dice.choice(_WHY)}, and {figure}."
        )
    return text_document(str(number), f"News from {dice.choice(_WHERE)}", " ".join(sentences))


# --- machines ------------------------------------------------------------------------------


@contextmanager
def machines(workers: int) -> Iterator[Pool]:
    """A scheduler and `workers` workers of one thread each, all of which have come."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        where = ("--local-directory", folder, "--nthreads", "1", "--no-dashboard")
        scheduler = ("scheduler", "--host", "127.0.0.1", "--port", str(port))
        _start(stack, *scheduler, "--dashboard-address", ":0")
        for _ in range(workers):
            _start(stack, "worker", address, *where)
        while _came(address) < workers:
            time.sleep(0.2)
        yield stack.enter_context(cluster(address))


def _came(address: str) -> int:
    try:
        with cluster(address) as pool:
            return pool.workers
    except ClusterError:  # none is there yet, or not even the scheduler
        return 0


def _start(stack: ExitStack, *command: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)


# --- measuring -----------------------------------------------------------------------------


def measure(count: int, words: int, model: str, rounds: int) -> bool:
    """Prints everything; whether all bars are met."""
    documents = [article(number, words) for number in range(count)]
    remembering = RememberingEncoder(Encoder(device="cpu"))
    summarizers = Summarizers(Encoder(device="cpu"), lambda name: TextGenerator(name, device="cpu"))
    summarizer = summarizers.get(model, 2)
    encoded = remembering.documents(documents)
    batches = in_batches(documents)
    print(
        f"{_cores()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}; {count} articles "
        f"of {words} words in {len(batches)} batches, {model}"
    )
    one, two = (timed(workers, documents, encoded, summarizer, rounds) for workers in (1, 2))
    print("\n  workers   seconds   articles a second")
    for each in (one, two):
        seconds = median(each.seconds)
        print(f"  {each.workers:7}{seconds:10.1f}{count / seconds:20.2f}")
    few = batches[0]
    here = summarize(few, encoded, summarizer, remembering.key).summaries
    ours = {id_: str(summary) for id_, summary in here.items()}
    faster = median(one.seconds) / median(two.seconds)
    same = one.written == two.written
    as_here = all(two.written[id_] == written for id_, written in ours.items())
    bars = (
        (f"two workers over one: {faster:.2f}, at least {FASTER:g}", faster >= FASTER),
        ("two workers wrote what one wrote", same),
        (f"they wrote what this process writes, {len(few)} articles", as_here),
    )
    print("\nBars")
    for said, met in bars:
        print(f"  {said:<60}{'met' if met else 'MISSED'}")
    return all(met for _, met in bars)


def timed(
    workers: int,
    documents: Sequence[Document],
    encoded: dict[str, Encoded],
    summarizer: Summarizer,
    rounds: int,
) -> Timed:
    with machines(workers) as pool:
        for _ in range(2):  # a document for each, so that all have loaded the model
            warm = documents[:workers]
            sent = [
                (pool.writers or pool.executor).submit(
                    summarize_batch, summarizer, [one], {one.id: encoded[one.id]}
                )
                for one in warm
            ]
            for future in sent:
                future.result()
        seconds: list[float] = []
        for _ in range(rounds):
            start = time.perf_counter()
            found = summarize(documents, encoded, summarizer, "", pool=pool).summaries
            seconds.append(time.perf_counter() - start)
            print(f"  {workers} workers: {seconds[-1]:.1f} s", flush=True)
    return Timed(workers, seconds, {id_: str(summary) for id_, summary in found.items()})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
