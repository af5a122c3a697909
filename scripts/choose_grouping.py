"""Chooses the parameters of story grouping, and says how good they are.

    python scripts/choose_grouping.py [--data DIR]

The data are articles whose event is known: full ones (`stories/multinews_dev.jsonl`), headlines
alone (`stories/headlines_dev.jsonl`), and our own of both kinds (`tests/data/stories.jsonl`), made
to be confused: two banks that cut their rates, last year's flood. One set of parameters is chosen
for all: the one with the best mean of their B-cubed F1, found by changing one parameter at a time
until none is better changed. Printed are the scores of its neighbours, and what is found on a fifth
of the events when the choice is made on the other four fifths, five times. Where the choice differs
from what `digest/stories/likeness.py` has, it says so and exits with 1. Seeded throughout, and
encodes each text once; takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digest.cli.jsonlines import json_lines
from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.summarizing import article_documents
from digest.records import Article, Vectors
from digest.stories.cluster import article_vector, cluster
from digest.stories.likeness import USED, Parameters
from digest.text.clean import plain_text

FILES = ("multinews_dev", "headlines_dev")
OWN = Path(__file__).resolve().parents[1] / "tests" / "data" / "stories.jsonl"
FOLDS = 5
# Of each parameter the values that are tried. Finer steps move the scores by less than what a
# handful of articles does.
VALUES: Mapping[str, Sequence[float]] = {
    "threshold": (0.22, 0.24, 0.25, 0.26, 0.27, 0.28, 0.30),
    "words_share": (0.60, 0.65, 0.70, 0.75, 0.80, 0.85),
    "words_share_headline": (0.50, 0.55, 0.60, 0.65, 0.70),
    "headline_raise": (1.5, 1.7, 1.9, 2.1, 2.3, 2.5),
    "names_raise": (1.0, 1.25, 1.5, 1.75),
}


@dataclass(frozen=True, slots=True)
class Set:
    """Labelled articles with their embeddings."""

    name: str
    articles: Sequence[Article]
    vectors: Vectors
    events: Sequence[str]

    def of(self, rows: NDArray[np.intp]) -> Set:
        return Set(
            self.name,
            [self.articles[row] for row in rows],
            self.vectors[rows],
            [self.events[row] for row in rows],
        )

    def score(self, parameters: Parameters) -> tuple[float, float, float]:
        """B-cubed precision, recall and F1, in hundredths (Bagga and Baldwin, 1998)."""
        sizes = Counter(self.events)
        precision = recall = 0.0
        for group in cluster(self.articles, self.vectors, parameters):
            for event, count in Counter(self.events[index] for index in group.members).items():
                precision += count * count / len(group.members)
                recall += count * count / sizes[event]
        precision, recall = (100 * total / len(self.events) for total in (precision, recall))
        return precision, recall, 2 * precision * recall / (precision + recall)


def read(path: Path, encoder: RememberingEncoder) -> Set:
    articles, events = [], []
    problems: list[str] = []
    for _, row in json_lines([str(path)], problems):
        title, date = row["title"] or "", row.get("date") or row.get("published")
        articles.append(
            Article(
                id=row["id"],
                feed=row.get("publisher") or row.get("feed") or "",
                url=row.get("url") or "",
                title=title,
                text=plain_text(row["text"], title),
                published=datetime.fromisoformat(date)
                if date
                else datetime(2026, 1, 1, tzinfo=UTC),
                date_origin="feed" if date else "missing",
                content_hash=row["id"],
            )
        )
        events.append(row.get("cluster") or row["event"])
    if problems:
        sys.exit("\n".join(problems))
    encoded = encoder.documents(article_documents(articles))
    vectors = np.stack([article_vector(encoded[article.id]) for article in articles])
    return Set(path.stem, articles, vectors, events)


def choose(sets: Sequence[Set], start: Parameters = USED) -> Parameters:
    """The best parameters that changing one at a time leads to; of equal ones the nearer."""

    @cache
    def mean(parameters: Parameters) -> float:
        return sum(one.score(parameters)[2] for one in sets) / len(sets)

    best = start
    while True:
        # The first of equally good ones: that which is used before any other.
        found = max((best, *neighbours(best)), key=mean)
        if found == best:
            return best
        best = found


def neighbours(parameters: Parameters) -> Iterable[Parameters]:
    for name, values in VALUES.items():
        now = getattr(parameters, name)
        yield from (replace(parameters, **{name: value}) for value in values if value != now)


def folds(one: Set) -> list[NDArray[np.intp]]:
    """The articles of each fifth of the events."""
    names = sorted(set(one.events))
    dealt = np.random.default_rng(0).permutation(len(names)) % FOLDS
    fold = {name: int(number) for name, number in zip(names, dealt, strict=True)}
    own = np.array([fold[event] for event in one.events])
    return [np.flatnonzero(own == number) for number in range(FOLDS)]


def shown(parameters: Parameters) -> str:
    return "  ".join(f"{value:4.2f}" for value in asdict(parameters).values())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    data: Path = parser.parse_args().data
    encoder = RememberingEncoder(Encoder())
    sets = [read(data / "stories" / f"{name}.jsonl", encoder) for name in FILES]
    sets.append(read(OWN, encoder))
    best = choose(sets)
    print(f"B-cubed precision, recall, F1 of {', '.join(one.name for one in sets)}")
    print("  " + ", ".join(VALUES))
    for parameters in (best, *neighbours(best)):
        scores = [one.score(parameters) for one in sets]
        text = "   ".join(" ".join(f"{value:5.1f}" for value in score) for score in scores)
        mean = sum(score[2] for score in scores) / len(scores)
        mark = "  chosen" if parameters == best else ""
        print(f"  {shown(parameters)}   {text}   mean {mean:5.2f}{mark}", flush=True)
    print("Chosen on four fifths of the events, measured on the other one:")
    held: dict[str, list[float]] = {one.name: [] for one in sets}
    parts = {one.name: folds(one) for one in sets}
    for number in range(FOLDS):
        rest = [
            np.concatenate(parts[one.name][:number] + parts[one.name][number + 1 :]) for one in sets
        ]
        chosen = choose([one.of(np.sort(rows)) for one, rows in zip(sets, rest, strict=True)])
        for one in sets:
            held[one.name].append(one.of(parts[one.name][number]).score(chosen)[2])
        text = "  ".join(f"{name} {scores[-1]:5.1f}" for name, scores in held.items())
        print(f"  {shown(chosen)}   F1: {text}", flush=True)
    print("  mean: " + "  ".join(f"{name} {np.mean(scores):5.1f}" for name, scores in held.items()))
    if best != USED:
        sys.exit(f"digest/stories/likeness.py has {shown(USED)}")


if __name__ == "__main__":
    main()
