"""Does the source say what the summary says? A verdict on each sentence, with reasons.

A sentence that stands word for word in the source is supported. Any other must have its figures,
names and quotations in the source; where it has, a logistic regression on a few counts decides
(`verify_features`). Its weights and threshold stand in `verify_weights.json` with where they come
from: `scripts/train_verify.py` makes them, and draws the curve in `docs/verification.md`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from digest.records import Document, Encoded, Vectors, Verdict
from digest.summaries.verify_features import FEATURES, Examiner, Findings
from digest.text.figures import Figure

# Raise it when verdicts would change: it goes into the keys of what is kept.
VERSION = 2

# For words only, when a sentence fails: of what share of its words' weight, missing beside the
# sentences that support it best, "hardly anything" is said.
_HARDLY = 0.6
_MOST_WORDS = 4
_KINDS = {"number": "number", "pair": "figure", "date": "date", "weekday": "day", "time": "time"}


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression: a weight a feature, in the order of `FEATURES`.

    A sentence is supported from `threshold` (0 to 1) on.
    """

    intercept: float
    weights: tuple[float, ...]
    threshold: float

    def score(self, features: Sequence[float]) -> float:
        """The probability, 0 to 1, that a sentence with these features is supported."""
        total = self.intercept + sum(
            weight * value for weight, value in zip(self.weights, features, strict=True)
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))

    def capped(self, found: Findings) -> float:
        """The score of a sentence, capped for each fact that the source does not have."""
        score = self.score(found.features)
        return min(score, self.threshold / (1 + found.missing)) if found.missing else score


@cache
def shipped() -> Weights:
    """The weights of `verify_weights.json`."""
    data = json.loads(_weights_file())
    return Weights(
        data["intercept"],
        tuple(data["weights"][feature] for feature in FEATURES),
        data["threshold"],
    )


@cache
def weights_key() -> str:
    """Tells weights apart, so that verdicts by others are not taken for these."""
    return hashlib.sha256(_weights_file()).hexdigest()[:8]


def _weights_file() -> bytes:
    return resources.files("digest.summaries").joinpath("verify_weights.json").read_bytes()


def verify(
    sentences: Sequence[str], vectors: Vectors, document: Document, encoded: Encoded
) -> tuple[Verdict, ...]:
    """A verdict on each of `sentences`, in order; the document's title counts as source too.

    `vectors`, shape (len(sentences), d), are their embeddings by the encoder that made `encoded`.
    A row of zeros in `encoded` is a sentence that is like nothing: its words still count.
    """
    if not sentences:
        return ()
    weights = shipped()
    examiner = Examiner(document, encoded)
    return tuple(
        judge(sentence, examiner.examine(sentence, np.asarray(vector)), weights)
        for sentence, vector in zip(sentences, vectors, strict=True)
    )


def judge(sentence: str, found: Findings, weights: Weights) -> Verdict:
    """The verdict that follows from what was found.

    A figure, name or quotation that the source doesn't have fails the sentence, whatever else
    speaks for it: a reader can't tell which half of a sentence was made up. Its score is then at
    most half the threshold, a third with two of them, and so on.
    """
    if found.verbatim:
        return Verdict(sentence, True, 1.0, (), found.source)
    score = weights.capped(found)
    supported = score >= weights.threshold
    reasons = () if supported else tuple(_reasons(found)) or (_loosely(found),)
    return Verdict(sentence, supported, round(score, 4), reasons, found.source)


def _reasons(found: Findings) -> Iterator[str]:
    for figure in found.figures:
        yield _missing(figure)
    for name in found.names:
        yield f"the source does not name {name}"
    for quotation in found.quotations:
        yield f"“{quotation}” is not in the source word for word"
    for word in dict.fromkeys(found.negations):
        yield f"the source does not say “{word}” of this"
    for word in dict.fromkeys(found.lost):
        yield f"the source says “{word}”"
    for word, other in found.exchanged:
        yield f"the source says “{other}” where the sentence says “{word}”"
    for fact in dict.fromkeys(found.far):
        yield f"{fact} is in the source, but not beside the rest of the sentence"


def _loosely(found: Findings) -> str:
    """What is wrong when no single fact is."""
    if found.features[FEATURES.index("away")] > _HARDLY:
        return "hardly any sentence of the source is about this"
    if found.unknown:
        listed = ", ".join(f"“{word}”" for word in found.unknown[:_MOST_WORDS])
        more = " and more" if len(found.unknown) > _MOST_WORDS else ""
        return f"the source does not speak of {listed}{more}"
    return "no sentence of the source says this clearly enough"


def _missing(figure: Figure) -> str:
    kind = "amount" if figure.unit not in {"", "%", "th", "s"} else _KINDS[figure.kind]
    return f"the {kind} {figure.text} is not in the source"
