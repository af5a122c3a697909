"""How grouping grows: time and memory of `cluster` up to 50,000 articles, beside its bars.

    python benchmarks/scale.py [--sizes N,N,…] [--rounds N]

The articles are invented (`newsroom.py`), with embeddings given; nothing is encoded. Each
measurement is a process of its own that reads its articles from a file; what is timed is the call
alone, what is counted as memory is the whole process. Sizes come in rounds, one after the other in
each, and ratios are medians over the rounds. Exits 1 when a bar is missed.

The first table has all articles on one day, so that none is too far in time from any other; the
second has 2,000 a day, as a large set of feeds gives.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from baselines import b_cubed
from newsroom import Newsroom
from speed import Bar

from digest.records import Article, Vectors

SIZES = (1_000, 5_000, 10_000, 20_000, 50_000)
LARGE = 20_000  # the size of the bars, and half of it
ROUNDS = 3
LAYOUTS = {"day": "all on one day", "days": "2,000 a day"}
A_DAY = 2_000
START = datetime(2026, 1, 5, tzinfo=UTC)
# Of plain average linkage on the embeddings: in the middle of where its B-cubed F1 is within a
# point of its best on 2,000 of these articles.
LINKAGE_DISTANCE = 0.55


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=_sizes, default=SIZES, metavar="N,N,…")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.work:
        what, count, layout, folder = wanted.work
        WORK[what](int(count), layout, Path(folder))
    elif not measure(wanted.sizes, max(1, wanted.rounds)):
        sys.exit(1)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(size) for size in text.split(",")}))


# --- processes of their own ----------------------------------------------------------------


def _generate(count: int, layout: str, folder: Path) -> None:  # noqa: ARG001 - one form for all
    texts, vectors, truth = Newsroom().write(count)
    with (folder / "texts.pickle").open("wb") as file:
        pickle.dump((texts, truth), file)
    np.save(folder / "vectors.npy", vectors)


def _load(count: int, layout: str, folder: Path) -> tuple[list[Article], Vectors, list[str]]:
    """The first `count` articles, in an order that has nothing to do with their events."""
    with (folder / "texts.pickle").open("rb") as file:
        texts, truth = pickle.load(file)
    rng = np.random.default_rng(11)
    hours = 24 * rng.random(len(texts))
    order = rng.permutation(count)
    articles = []
    for index in map(int, order):
        title, text = texts[index]
        day = index // A_DAY if layout == "days" else 0
        articles.append(
            Article(
                id=f"a{index:06}",
                feed=f"feed{index * 7919 % 211}",
                title=title,
                text=text,
                published=START + timedelta(days=day, hours=float(hours[index])),
            )
        )
    vectors = np.load(folder / "vectors.npy")[order]
    return articles, vectors, [str(truth[index]) for index in map(int, order)]


def _ours(count: int, layout: str, folder: Path) -> None:
    articles, vectors, truth = _load(count, layout, folder)
    from digest.stories.cluster import cluster

    cluster(articles[:50], vectors[:50])  # what is loaded at the first call is not counted
    start = time.perf_counter()
    groups = cluster(articles, vectors)
    seconds = time.perf_counter() - start
    _answer(seconds, [group.members for group in groups], truth)


def _copies(count: int, layout: str, folder: Path) -> None:
    """One article `count` times over, at different addresses and hours."""
    articles, vectors, _ = _load(1, layout, folder)
    from digest.stories.cluster import cluster

    one = articles[0]
    many = [
        Article(
            id=f"c{number:06}",
            feed=f"feed{number % 97}",
            title=one.title,
            text=one.text,
            published=one.published + timedelta(seconds=number),
        )
        for number in range(count)
    ]
    rows = np.repeat(vectors, count, axis=0)
    start = time.perf_counter()
    groups = cluster(many, rows)
    seconds = time.perf_counter() - start
    _answer(seconds, [group.members for group in groups], ["one"] * count)


def _agglomerative(metric: str, count: int, layout: str, folder: Path) -> None:
    _, vectors, truth = _load(count, layout, folder)
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(
        n_clusters=None, metric=metric, linkage="average", distance_threshold=LINKAGE_DISTANCE
    )
    start = time.perf_counter()
    if metric == "precomputed":
        distances = np.clip(1.0 - vectors @ vectors.T, 0.0, 2.0)
        np.fill_diagonal(distances, 0.0)
        labels = model.fit_predict(distances)
    else:
        labels = model.fit_predict(vectors)
    seconds = time.perf_counter() - start
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(int(label), []).append(index)
    _answer(seconds, list(members.values()), truth)


def _answer(seconds: float, members: Sequence[Sequence[int]], truth: Sequence[str]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        "seconds": seconds,
        "peak": peak * (1 if sys.platform == "darwin" else 1024),
        "stories": len(members),
        "events": len(set(truth)),
        "f1": 100 * b_cubed(members, truth)[2],
    }
    print(json.dumps(found))


WORK: dict[str, Any] = {
    "generate": _generate,
    "ours": _ours,
    "copies": _copies,
    "cosine": lambda *given: _agglomerative("cosine", *given),
    "precomputed": lambda *given: _agglomerative("precomputed", *given),
}


# --- the tables ----------------------------------------------------------------------------


def measure(sizes: Sequence[int], rounds: int) -> bool:
    """Prints everything; whether all bars are met."""
    with tempfile.TemporaryDirectory() as folder:
        _run("generate", max(sizes), "-", folder)
        done: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
        # The largest is for its row only: once is enough.
        repeated = [size for size in sizes if size <= LARGE]
        for number in range(rounds):
            for layout in LAYOUTS:
                for size in sizes if number == 0 else repeated:
                    _add(done, "ours", size, layout, folder)
            if number == 0:
                _add(done, "copies", 5_000, "day", folder)
            if LARGE in sizes:
                _add(done, "cosine", LARGE, "day", folder)
                if number == 0:
                    _add(done, "precomputed", LARGE, "day", folder)
    for layout, name in LAYOUTS.items():
        print(f"\nStories of invented articles, {name}; medians of {rounds} rounds")
        _head()
        for size in sizes:
            _row("ours", size, done[("ours", size, layout)])
        if layout == "day":
            for (what, size, _), found in done.items():
                if what in ("cosine", "precomputed"):
                    _row(f"average linkage, {what}", size, found)
    print("\nOne article 5,000 times over")
    _head()
    _row("ours", 5_000, done[("copies", 5_000, "day")])
    if not {LARGE, LARGE // 2} <= set(sizes):
        print(f"\nThe bars are of {LARGE // 2:,} and {LARGE:,} articles, which were not measured.")
        return True
    bars = _bars(done)
    print("\nBars")
    for bar in bars:
        print(bar)
    return all(bar.met for bar in bars)


def _bars(done: dict[tuple[str, int, str], list[dict[str, Any]]]) -> list[Bar]:
    found = done[("ours", LARGE, "day")]
    many_days = done[("ours", LARGE, "days")]

    def ratio(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> float:
        pairs = zip(left, right, strict=True)
        return float(median(a["seconds"] / b["seconds"] for a, b in pairs))

    against = ratio(done[("cosine", LARGE, "day")], found)
    # The same tree from a matrix of distances that one has made oneself, with BLAS.
    matrix = done[("precomputed", LARGE, "day")]
    print(f"\nscikit-learn given a matrix of distances over ours: {ratio(matrix, found[:1]):.1f}")
    peak = max(each["peak"] for each in found + many_days) / 1e9
    half = LARGE // 2
    return [
        Bar(
            "time of 20,000 over 10,000, one day",
            ratio(found, done[("ours", half, "day")]),
            2.6,
            True,
        ),
        Bar(
            "time of 20,000 over 10,000, 2,000 a day",
            ratio(many_days, done[("ours", half, "days")]),
            2.6,
            True,
        ),
        Bar("peak memory at 20,000, GB", peak, 2.0, True),
        Bar("scikit-learn's average linkage over ours, 20,000 vectors", against, 5),
        # Speed must not be bought with nonsense: what is found has to be the stories.
        Bar("B-cubed F1 at 20,000, hundredths", min(found[0]["f1"], many_days[0]["f1"]), 90),
    ]


def _add(
    done: dict[tuple[str, int, str], list[dict[str, Any]]],
    what: str,
    size: int,
    layout: str,
    folder: str,
) -> None:
    found = json.loads(_run(what, size, layout, folder))
    print(f"  ({what}, {size:,}, {layout}: {found['seconds']:.1f} s)", file=sys.stderr, flush=True)
    done.setdefault((what, size, layout), []).append(found)


def _run(what: str, size: int, layout: str, folder: str) -> str:
    command = [sys.executable, __file__, "--work", what, str(size), layout, folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _head() -> None:
    print(
        f"  {'':<30}{'articles':>9}{'seconds':>9}{'peak MB':>9}{'events':>8}{'stories':>8}{'F1':>7}"
    )


def _row(name: str, size: int, found: Sequence[dict[str, Any]]) -> None:
    seconds = median(each["seconds"] for each in found)
    peak = max(each["peak"] for each in found) / 1e6
    first = found[0]
    print(
        f"  {name:<30}{size:>9,}{seconds:>9.2f}{peak:>9,.0f}{first['events']:>8,}"
        f"{first['stories']:>8,}{first['f1']:>7.1f}"
    )


if __name__ == "__main__":
    main()
