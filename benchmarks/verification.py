"""How well `verify` tells true summaries from false ones, beside simpler ways; prints a table.

    python benchmarks/verification.py [--data DIR]

Balanced accuracy is the mean of the share of true summaries let through and of false ones held
back; AUC the chance that a true one scores higher than a false one. The simple ways get the
threshold that is best on the very data; `verify` has one for both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data import rows
from second_check import unsupported
from sklearn.metrics import roc_auc_score

from digest.models.encoder import Encoder
from digest.summaries.verify import shipped
from digest.summaries.verify_features import FEATURES

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import train_verify

SETS = ("cliff_dev", "summedits_dev")


@dataclass(frozen=True, slots=True)
class Row:
    """One way of telling true from false: scores (0 to 1) by data set, in the order of `SETS`."""

    way: str
    balanced_accuracy: tuple[float, ...]
    auc: tuple[float, ...]


def measure(data: Path, encoder: Encoder) -> list[Row]:
    """`verify` as shipped and by cross-validation, and the simpler ways. Raises OSError."""
    labelled, counts = [], []
    for name in SETS:
        path = data / "faithfulness" / f"{name}.jsonl"
        labelled += train_verify.read_labelled(path, encoder)
        counts += [len(unsupported(row["summary"], row["doc"])) for row in rows(path)]
    made = train_verify.read_made(data / "summaries" / "cnndm_dev.jsonl", encoder)
    weights = shipped()
    held_out = [
        train_verify.held_out_scores(labelled, made, seed, weights.threshold)
        for seed in train_verify.SEEDS
    ]
    by_hand = {
        "numbers, names, quotations (second check)": [-float(count) for count in counts],
        "words that the best sentences have": [-_most(one, "away") for one in labelled],
        "likeness of the embeddings": [-_most(one, "cosine", -1) for one in labelled],
    }
    return [
        _row(
            "verify, as shipped",
            labelled,
            [[train_verify.score(one, weights) for one in labelled]],
            weights.threshold,
        ),
        _row("verify, by cross-validation", labelled, held_out, weights.threshold),
        *(_row(way, labelled, [scores]) for way, scores in by_hand.items()),
    ]


def verification(data: Path, encoder: Encoder) -> None:
    """The table of `measure`, scores in hundredths."""
    print(f"  {'':<42}" + "".join(f"{name:>18}" for name in SETS))
    print(f"  {'':<42}" + "".join(f"{'bal.acc.':>11}{'AUC':>7}" for _ in SETS))
    for row in measure(data, encoder):
        print(
            f"  {row.way:<42}"
            + "".join(
                f"{100 * accuracy:>11.1f}{100 * auc:>7.1f}"
                for accuracy, auc in zip(row.balanced_accuracy, row.auc, strict=True)
            )
        )


def _most(example: train_verify.Example, feature: str, sign: int = 1) -> float:
    """The feature of the worst sentence; of a summary word for word in the source, the best."""
    column = sign * example.features[:, FEATURES.index(feature)]
    return float(column.max()) if len(column) else min(float(sign), 0.0)


def _row(
    way: str,
    examples: Sequence[train_verify.Example],
    rounds: Sequence[Sequence[float] | train_verify.Numbers],
    threshold: float | None = None,
) -> Row:
    """The mean over `rounds` of scores; the best threshold where none is given."""
    accuracy, auc = [], []
    for name in SETS:
        of_set = [number for number, one in enumerate(examples) if one.kind == name]
        good = [examples[number].good for number in of_set]
        found = []
        for scores in rounds:
            values = np.asarray(scores)
            steps = [threshold] if threshold is not None else sorted(set(values[of_set]))
            found.append(
                max(train_verify.balanced_accuracy(examples, values, step, name) for step in steps)
            )
        accuracy.append(float(np.mean(found)))
        auc.append(float(np.mean([roc_auc_score(good, np.asarray(s)[of_set]) for s in rounds])))
    return Row(way, tuple(accuracy), tuple(auc))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    verification(parser.parse_args().data, Encoder())


if __name__ == "__main__":
    main()
