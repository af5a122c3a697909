"""Learns the salience weights, and says how good they are on articles they were not learned from.

    python scripts/train_salience.py FILE... [--write]

Each FILE holds JSON lines `{"source", "references": [text, ...]}`. Of every article the three
sentences that share most with the references (ROUGE-1 plus ROUGE-2) are the good ones; a logistic
regression over `digest.summaries.salience.features` learns to tell them from the others. Printed
are ROUGE scores by five-fold cross-validation, for the summaries that `digest` makes with the
weights. `--write` learns from all articles and writes `digest/summaries/salience.json`.

Nothing here is random but the folds, which are seeded: the same data give the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.records import Document, Encoded
from digest.summaries import extractive, salience
from digest.text.clean import plain_text
from digest.text.sentences import make_document, split_sentences

OUT = Path(salience.__file__).with_name("salience.json")
FOLDS = 5
SEED = 0
# Three good sentences an article: one, two and four give the same scores within 0.3 ROUGE-1.
GOOD = 3
# From 0.003 to 1 the scores move by less than 0.2 ROUGE-1.
INVERSE_REGULARISATION = 0.03
ROUGE = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True)

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """An article, its features, and which of its sentences are good (1) or not (0)."""

    document: Document
    encoded: Encoded
    references: tuple[str, ...]
    features: Weights
    good: NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    wanted = parser.parse_args()
    encoder = Encoder()
    sets = {path.name: examples(path, encoder) for path in wanted.files}
    scores = cross_validated(sets)
    for name, score in scores.items():
        print(f"{name}: {score}")
    if wanted.write:
        weights = learn([example for one in sets.values() for example in one])
        kept = {
            "about": "Weights of digest.summaries.salience.LEARNED; made by the command below.",
            "command": "python scripts/train_salience.py "
            + " ".join(path.name for path in wanted.files)
            + " --write",
            "data": {path.name: _sha256(path) for path in wanted.files},
            "encoder": encoder.key,
            "scores": scores,
            "weights": {
                name: round(float(weight), 4)
                for name, weight in zip(salience.LEARNED, weights, strict=True)
            },
        }
        OUT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        print(f"{OUT} written")


def examples(path: Path, encoder: Encoder) -> list[Example]:
    """The articles of a file, as a run would see them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    documents = [
        make_document(str(n), row.get("title") or "", plain_text(row["source"]))
        for n, row in enumerate(rows)
    ]
    named = [replace(document, content_hash=document.id) for document in documents]
    encoded = RememberingEncoder(encoder).documents(named)
    return examples_of(documents, encoded, [row["references"] for row in rows])


def examples_of(
    documents: Sequence[Document],
    encoded: Mapping[str, Encoded],
    references: Sequence[Sequence[str]],
) -> list[Example]:
    """The documents that have sentences, with what is to be learned from them."""
    return [
        _example(document, encoded[document.id], texts)
        for document, texts in zip(documents, references, strict=True)
        if document.sentences
    ]


def cross_validated(sets: dict[str, list[Example]]) -> dict[str, dict[str, float]]:
    """ROUGE F1 (in hundredths) and words of each set's summaries, by weights it had no part in."""
    parts = {name: _folds(len(one)) for name, one in sets.items()}
    found: dict[str, list[list[float]]] = {name: [] for name in sets}
    for fold in range(FOLDS):
        weights = learn(
            [
                example
                for name, one in sets.items()
                for number, example in enumerate(one)
                if number not in parts[name][fold]
            ]
        )
        with using(weights):
            for name, one in sets.items():
                found[name] += [_score(one[number]) for number in sorted(parts[name][fold])]
    return {
        name: {
            kind: round(float(value), 2)
            for kind, value in zip(
                ("rouge1", "rouge2", "rougeLsum", "words"), np.mean(rows, axis=0), strict=True
            )
        }
        for name, rows in found.items()
    }


def learn(learned_from: Sequence[Example]) -> Weights:
    """The weights of the features, unscaled: shape (len(LEARNED),)."""
    features = np.concatenate([example.features for example in learned_from])
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(
        scaler.transform(features), np.concatenate([example.good for example in learned_from])
    )
    return np.asarray(model.coef_[0] / scaler.scale_)


@contextmanager
def using(weights: Weights) -> Iterator[None]:
    """Makes `digest` choose by these weights for a while."""
    before = salience.learned_weights
    salience.learned_weights = lambda: weights  # type: ignore[assignment]
    try:
        yield
    finally:
        salience.learned_weights = before


def _example(document: Document, encoded: Encoded, references: Sequence[str]) -> Example:
    overlap = np.array(
        [
            np.mean(
                [
                    score["rouge1"].fmeasure + score["rouge2"].fmeasure
                    for score in (ROUGE.score(r, sentence) for r in references)
                ]
            )
            for sentence in document.sentences
        ]
    )
    good = np.zeros(len(overlap), dtype=np.int64)
    good[np.argsort(-overlap, kind="stable")[:GOOD]] = 1
    return Example(document, encoded, tuple(references), salience.features(document, encoded), good)


def _score(example: Example) -> list[float]:
    summariser = extractive.Extractive()
    (summary,) = summariser.summarize([example.document], {example.document.id: example.encoded})
    text = "\n".join(sentence.text for sentence in summary.sentences)
    scores = [
        ROUGE.score("\n".join(split_sentences(reference)), text) for reference in example.references
    ]
    means = [
        100 * float(np.mean([score[kind].fmeasure for score in scores]))
        for kind in ("rouge1", "rouge2", "rougeLsum")
    ]
    return [*means, float(len(text.split()))]


def _folds(count: int) -> list[set[int]]:
    order = np.random.default_rng(SEED).permutation(count)
    return [set(order[fold::FOLDS].tolist()) for fold in range(FOLDS)]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
