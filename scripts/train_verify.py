"""Learns the weights and the threshold of verification, and says how good they are.

    python scripts/train_verify.py --labelled FILE... --articles FILE [--write]

Each labelled FILE holds JSON lines `{"doc", "summary", "label"}`, label 1 where the source
supports the summary. From the articles (`{"source", "references": [text, ...]}`) come further
examples: sentences of the references as they are, and the same with a name or number exchanged for
another of the article, denied, or set under an article that they are not about.

A logistic regression is learned on each summary's weakest sentence, since one bad sentence makes
a bad summary; which one is weakest, the weights so far decide, until they agree. Summaries with a
figure, name or quotation that the source doesn't have are failed by a rule and not learned from.
No weight may have the wrong sign. Printed is the balanced accuracy by five-fold cross-validation
over the documents, for a row of thresholds; the one with the best mean over the labelled files is
taken. `--write` learns from everything and writes the weights, and the curve into
`docs/verification.md`. Seeded throughout: the same data give the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from digest.models.encoder import Encoder
from digest.pipeline.verifying import Claim, encoded_claims
from digest.summaries import verify
from digest.summaries.verify import Weights
from digest.summaries.verify_features import FEATURES, Examiner
from digest.text.facts import names, words
from digest.text.figures import figures
from digest.text.sentences import split_sentences

Numbers = NDArray[np.float64]

OUT = Path(verify.__file__).with_name("verify_weights.json")
DOCS = Path(__file__).resolve().parents[1] / "docs" / "verification.md"
FOLDS = 5
# The folds are dealt three times; twenty documents make the scores of one dealing unsure by 0.03.
SEEDS = (0, 1, 2)
# From 0.001 to 0.03 the scores move by less than 0.01.
REGULARISATION = 0.005
# How much the made examples count beside the labelled ones. From 0.2 to 1 the balanced accuracy
# moves by less than 0.01; without them "unknown" and "far" words would count for nothing.
MADE_SHARE = 0.5
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 19))
SIGNS = tuple(1.0 if feature == "cosine" else -1.0 for feature in FEATURES)
_CURVE = re.compile(r"(<!-- curve -->\n).*?(<!-- /curve -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A summary: its sentences' features, (n, len(FEATURES)), without those word for word there.

    `kind` is the labelled file or the way it was made; `group` names its document; `missing` is the
    most figures, names and quotations in one sentence that the source does not have.
    """

    kind: str
    group: str
    good: bool
    features: Numbers
    missing: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labelled", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--articles", type=Path, required=True, metavar="FILE")
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name} and the curve")
    wanted = parser.parse_args()
    encoder = Encoder()
    labelled = [one for path in wanted.labelled for one in read_labelled(path, encoder)]
    made = read_made(wanted.articles, encoder)
    curve = cross_validated(labelled, made)
    threshold = best(curve)
    table = drawn(curve, threshold)
    print(table)
    if wanted.write:
        weights = learn(labelled, made, threshold)
        scores = dict(zip(sorted({one.kind for one in labelled}), curve[threshold], strict=True))
        files = [*wanted.labelled, wanted.articles]
        OUT.write_text(json.dumps(kept(weights, files, scores), indent=1) + "\n")
        if DOCS.exists():
            page = DOCS.read_text()
            DOCS.write_text(_CURVE.sub(lambda match: match[1] + table + "\n" + match[2], page))


def kept(weights: Weights, files: Sequence[Path], scores: dict[str, float]) -> dict[str, Any]:
    """What is written: the weights and where they come from."""
    labelled = " ".join(path.name for path in files[:-1])
    return {
        "command": f"python scripts/train_verify.py --labelled {labelled} "
        f"--articles {files[-1].name} --write",
        "data_sha256": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        "balanced_accuracy_cross_validated": {k: round(v, 4) for k, v in scores.items()},
        "threshold": weights.threshold,
        "intercept": round(weights.intercept, 4),
        "weights": {
            name: round(weight, 4) for name, weight in zip(FEATURES, weights.weights, strict=True)
        },
    }


# --- examples --------------------------------------------------------------------------------


def read_labelled(path: Path, encoder: Encoder) -> list[Example]:
    """The labelled summaries of a file, its stem their kind. Raises OSError, KeyError."""
    rows = list(_rows(path))
    claims = [Claim(row["doc"], row["summary"]) for row in rows]
    return [
        Example(path.stem, _group(row["doc"]), bool(row["label"]), *found)
        for row, found in zip(rows, measured(claims, encoder), strict=True)
    ]


def read_made(path: Path, encoder: Encoder) -> list[Example]:
    """Examples made from the articles of a file: two sentences each, and what is made of them."""
    random_ = random.Random(0)
    claims: list[Claim] = []
    about: list[tuple[str, str]] = []
    rows = list(_rows(path))
    sentences = [
        [s for text in row["references"] for s in split_sentences(text) if len(s) > 20]
        for row in rows
    ]
    for row, own in zip(rows, sentences, strict=True):
        others = random_.choice([s for s in sentences if s and s is not own])
        made = [("other", random_.choice(others))]
        for sentence in random_.sample(own, min(2, len(own))):
            made.append(("reference", sentence))
            for way in random_.sample(list(_WAYS), 2):
                changed = _WAYS[way](sentence, row["source"], random_)
                if changed and changed != sentence:
                    made.append((way, changed))
        for kind, text in made:
            claims.append(Claim(row["source"], text))
            about.append((kind, _group(row["source"])))
    return [
        Example(kind, group, kind == "reference", *found)
        for (kind, group), found in zip(about, measured(claims, encoder), strict=True)
    ]


def measured(claims: Sequence[Claim], encoder: Encoder) -> Iterator[tuple[Numbers, int]]:
    """Features of each claim's sentences (not those word for word there), and what is missing."""
    batch = 400
    for start in range(0, len(claims), batch):
        examiner: tuple[int, Examiner] | None = None
        for sentences, vectors, document, encoded in encoded_claims(
            claims[start : start + batch], encoder.encode
        ):
            if examiner is None or examiner[0] != id(document):
                examiner = id(document), Examiner(document, encoded)
            found = [
                examiner[1].examine(sentence, vector)
                for sentence, vector in zip(sentences, vectors, strict=True)
            ]
            rows = [one.features for one in found if not one.verbatim]
            features = np.asarray(rows, dtype=np.float64).reshape(-1, len(FEATURES))
            yield features, max((one.missing for one in found), default=0)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _group(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _with_other_name(sentence: str, source: str, random_: random.Random) -> str | None:
    own = names(sentence)
    if not own:
        return None
    name = random_.choice(own)
    taken = set(words(sentence))
    others = sorted(
        {
            other.text
            for other in names(source)
            if other.text.count(" ") == name.text.count(" ") and not taken & set(other.words)
        }
    )
    return sentence.replace(name.text, random_.choice(others)) if others else None


def _with_other_number(sentence: str, source: str, random_: random.Random) -> str | None:
    own = [figure for figure in figures(sentence) if figure.kind == "number"]
    if not own:
        return None
    figure = random_.choice(own)
    others = sorted(
        {
            other.text
            for other in figures(source)
            if other.kind == "number"
            and other.unit == figure.unit
            and not other.values & figure.values
        }
    )
    return sentence.replace(figure.text, random_.choice(others)) if others else None


def _denied(sentence: str, source: str, random_: random.Random) -> str | None:  # noqa: ARG001
    if re.search(r"\b(?:not|never)\b", sentence):
        return re.sub(r"\b(?:not|never) ", "", sentence, count=1)
    found = re.search(r"\b(?:is|are|was|were|has|have|had|will|would|can|could|should)\b", sentence)
    return f"{sentence[: found.end()]} not{sentence[found.end() :]}" if found else None


_WAYS: dict[str, Callable[[str, str, random.Random], str | None]] = {
    "other name": _with_other_name,
    "other number": _with_other_number,
    "denied": _denied,
}


# --- learning --------------------------------------------------------------------------------


def learn(labelled: Sequence[Example], made: Sequence[Example], threshold: float = 0.5) -> Weights:
    """Weights from the weakest sentence of each example that has one.

    Where a fact is missing the rules decide, and nothing is learned; but from sentences under an
    article that they are not about: there must be something to learn that from.
    """
    examples = [
        one
        for one in [*labelled, *made]
        if len(one.features) and (not one.missing or one.kind == "other")
    ]
    shares = _shares(examples, {one.kind for one in labelled})
    good = np.asarray([one.good for one in examples])
    spread = np.vstack([one.features for one in examples]).std(axis=0) + 1e-9
    scaled = [one.features / spread for one in examples]
    start = np.asarray(SIGNS)
    weakest: list[int] | None = None
    weights = np.append(start, 0.0)
    for _ in range(10):
        picks = [int(np.argmin(rows @ weights[:-1])) for rows in scaled]
        if picks == weakest:
            break
        weakest = picks
        chosen = np.asarray([rows[pick] for rows, pick in zip(scaled, picks, strict=True)])
        weights = _regression(chosen, good, shares)
    return Weights(float(weights[-1]), tuple(float(w) for w in weights[:-1] / spread), threshold)


def _shares(examples: Sequence[Example], labelled: set[str]) -> Numbers:
    """How much each example counts: the same for each labelled kind and for good and bad."""
    cells: dict[tuple[str, bool], int] = {}
    for one in examples:
        cells[one.kind, one.good] = cells.get((one.kind, one.good), 0) + 1
    ways = max(len({kind for kind, good in cells if kind not in labelled and not good}), 1)
    shares = []
    for one in examples:
        if one.kind in labelled:
            part = 1 / (2 * len(labelled))
        else:
            part = MADE_SHARE / 2 / (1 if one.good else ways)
        shares.append(part / cells[one.kind, one.good])
    return np.asarray(shares) / sum(shares)


def _regression(rows: Numbers, good: NDArray[np.bool_], shares: Numbers) -> Numbers:
    """Logistic regression with weights of the given signs: the weights, then the intercept."""
    side = np.where(good, 1.0, -1.0)

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        margin = side * (rows @ weights[:-1] + weights[-1])
        slope = -shares * side / (1 + np.exp(margin))
        value = shares @ np.logaddexp(0, -margin) + REGULARISATION * weights[:-1] @ weights[:-1]
        gradient = rows.T @ slope + 2 * REGULARISATION * weights[:-1]
        return float(value), np.append(gradient, slope.sum())

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in SIGNS]
    found = minimize(
        loss, np.zeros(len(SIGNS) + 1), jac=True, bounds=[*bounds, (None, None)], method="L-BFGS-B"
    )
    return np.asarray(found.x)


# --- measuring -------------------------------------------------------------------------------


def score(example: Example, weights: Weights) -> float:
    """The score of the weakest sentence; 1 when all stand word for word in the source.

    With a figure, name or quotation of its own it is capped as `Weights.capped` does.
    """
    lowest = min((weights.score(row) for row in example.features), default=1.0)
    cap = weights.threshold / (1 + example.missing) if example.missing else 1.0
    return min(lowest, cap)


def held_out_scores(
    labelled: Sequence[Example], made: Sequence[Example], seed: int, threshold: float = 0.5
) -> NDArray[np.float64]:
    """Each labelled example's score by weights that were learned without its document.

    `threshold` only caps the scores of those with a figure, name or quotation of their own.
    """
    groups = sorted({one.group for one in labelled})
    random.Random(seed).shuffle(groups)
    fold = {group: number % FOLDS for number, group in enumerate(groups)}
    scores = np.zeros(len(labelled))
    for held_out in range(FOLDS):
        others = [one for one in labelled if fold[one.group] != held_out]
        # A made example must not come from a held-out document either.
        rest = [one for one in made if fold.get(one.group) != held_out]
        weights = learn(others, rest, threshold)
        for number, one in enumerate(labelled):
            if fold[one.group] == held_out:
                scores[number] = score(one, weights)
    return scores


def cross_validated(
    labelled: Sequence[Example], made: Sequence[Example]
) -> dict[float, tuple[float, ...]]:
    """By threshold: the balanced accuracy on each labelled kind (sorted), mean over the seeds."""
    kinds = sorted({one.kind for one in labelled})
    # The smallest threshold, so that capped scores stay below all of them.
    rounds = [held_out_scores(labelled, made, seed, min(THRESHOLDS)) for seed in SEEDS]
    return {
        threshold: tuple(
            float(
                np.mean([balanced_accuracy(labelled, scores, threshold, kind) for scores in rounds])
            )
            for kind in kinds
        )
        for threshold in THRESHOLDS
    }


def balanced_accuracy(
    examples: Sequence[Example], scores: Numbers, threshold: float, kind: str
) -> float:
    """The mean of the shares of good summaries let through and of bad ones held back."""
    right: dict[bool, list[bool]] = {True: [], False: []}
    for one, value in zip(examples, scores, strict=True):
        if one.kind == kind:
            passed = bool(value >= threshold)
            right[one.good].append(passed is one.good)
    return float(np.mean([np.mean(right[True]), np.mean(right[False])]))


def best(curve: dict[float, tuple[float, ...]]) -> float:
    """The lowest threshold whose mean is within half a point of the best one.

    Such differences are smaller than those between two dealings of the folds, and the lowest lets
    most true sentences through.
    """
    mean = {step: float(np.mean(values)) for step, values in curve.items()}
    return min(step for step, value in mean.items() if value >= max(mean.values()) - 0.005)


def drawn(curve: dict[float, tuple[float, ...]], threshold: float) -> str:
    """The curve as a table in Markdown, the mean drawn as a bar from 0.5 to 0.9."""
    lines = ["| threshold | cliff | summedits | mean | |", "|---:|---:|---:|---:|:---|"]
    for step, values in sorted(curve.items()):
        mean = float(np.mean(values))
        bar = "█" * round(max(mean - 0.5, 0) * 100)
        mark = " ← shipped" if step == threshold else ""
        row = " | ".join(f"{value:.3f}" for value in (*values, mean))
        lines.append(f"| {step:.2f} | {row} | `{bar}`{mark} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
