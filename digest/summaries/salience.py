"""Salience: how much a sentence tells of its article, as a weighted sum that can be explained.

The features come from the sentence embeddings (likeness to the whole, to its nearest sentences, to
the one before, to the headline) and from the sentence's form and place. Most weights are learned
by `scripts/train_salience.py` and lie in `salience.json` with their provenance; those for what the
training data can't show are set by hand, here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from digest.records import Document, Encoded, Vectors

Matrix = NDArray[np.float64]

LEARNED = (
    "early",
    "late",
    "central",
    "echoed",
    "repeats the one before",
    "common words",
    "good length",
    "words",
    "names",
    "numbers",
    "first person",
    "quotation",
)
"""The features whose weights are learned, in the order of `features`' columns."""

# The training articles have no headlines, no addresses and no teasers, and the highlights' authors
# could answer a rhetorical question where we can't. (The best sentence of an article stands about
# 2.6 above its average one.)
BY_HAND = {
    "like the headline": 1.0,
    "question": -0.5,
    # A teaser's cut-off last sentence is taken only where hardly anything else is there.
    "cut off": -3.0,
    # The same for a sentence with an address in it, as the descriptions of videos have.
    "address": -3.0,
    # A line without a stop (a scoreline, a label) runs into the sentence printed after it.
    "no full stop": -1.0,
}

# A sentence of 12 to 40 words tells most; below and above, its salience fades (`_good_length`).
_SHORT, _LONG = 12, 40
# A sentence's likeness to its three nearest ones: what an article says more than once matters.
_NEAREST = 3

_STOP = re.compile(r"[.!?…。！？।॥؟۔።][\"'”’»›)\]」』]*$")
_QUOTED = re.compile(r"[\"“”«»„「」]")
_ELLIPSIS = re.compile(r"(?:…|\.\.\.|\[(?:…|\.\.\.)\]|\((?:…|\.\.\.)\))[\"”’»]?$")
_WORD = re.compile(r"[^\W_]{3,}")
# A capital after a small letter or a comma: names, in languages that write only names so.
_NAME = re.compile(r"(?<=[a-zß-öø-ÿа-яёіїєґ,;] )[A-ZÀ-ÖØ-ÞА-ЯЁІЇЄҐ]\w+")
_NUMBER = re.compile(r"\d[\d.,]*")
_FIRST_PERSON = re.compile(r"\b(?:I|my|me|we|our|us|you|your)\b", re.IGNORECASE)


def salience(document: Document, encoded: Encoded) -> Vectors:
    """How much each sentence tells of the document: shape (n,), higher is more."""
    weights = learned_weights()
    return np.asarray(
        features(document, encoded) @ weights + _by_hand(document, encoded) @ _HAND_WEIGHTS,
        dtype=np.float32,
    )


def explain(document: Document, encoded: Encoded) -> list[dict[str, float]]:
    """What each feature adds to a sentence's salience, against the article's average sentence.

    One dictionary a sentence, from a feature's name to its share; a sentence's shares add up to
    its salience less the mean salience of the document. Features without a part are left out.
    """
    values = np.hstack([features(document, encoded), _by_hand(document, encoded)])
    parts = (values - values.mean(axis=0)) * np.concatenate([learned_weights(), _HAND_WEIGHTS])
    names = (*LEARNED, *BY_HAND)
    return [
        {name: float(part) for name, part in zip(names, row, strict=True) if abs(part) > 1e-6}
        for row in parts
    ]


def is_whole(sentence: str) -> bool:
    """Whether a sentence has its end: it isn't cut off, and isn't a line without a stop."""
    return bool(_STOP.search(sentence)) and not _ELLIPSIS.search(sentence)


def features(document: Document, encoded: Encoded) -> Matrix:
    """The learned features of each sentence: shape (n, len(LEARNED))."""
    sentences = document.sentences
    count = len(sentences)
    if count == 0:
        return np.zeros((0, len(LEARNED)))
    place = np.arange(count)
    alike = likeness(encoded.sentences)
    before = np.concatenate([[0.0], np.diagonal(alike, offset=-1)])
    return np.column_stack(
        [
            1.0 / (1.0 + 0.5 * place),
            np.log1p(place),
            _central(encoded.sentences),
            _echoed(alike),
            before,
            _common_words(sentences),
            [_good_length(sentence) for sentence in sentences],
            [np.log1p(length(sentence)) for sentence in sentences],
            [np.log1p(len(_NAME.findall(sentence))) for sentence in sentences],
            [np.log1p(len(_NUMBER.findall(sentence))) for sentence in sentences],
            [bool(_FIRST_PERSON.search(sentence)) for sentence in sentences],
            [bool(_QUOTED.search(sentence)) for sentence in sentences],
        ]
    )


def likeness(sentences: Vectors) -> Matrix:
    """How alike the sentences are: cosines, shape (n, n), on the article's own scale.

    0 is what two of its sentences have in common on average, 1 is the same. Encoders differ in
    that average (0.2 to 0.9), so that weights and thresholds on the raw cosines would hold for
    one of them only.
    """
    cosines = np.asarray(sentences @ sentences.T, dtype=np.float64)
    count = len(cosines)
    if count < 2:
        return np.zeros_like(cosines)
    average = (cosines.sum() - np.trace(cosines)) / (count * (count - 1))
    return np.asarray((cosines - average) / max(1.0 - average, 1e-3))


def length(sentence: str) -> float:
    """Words; in languages without spaces 12 characters hold at least as much as one word."""
    return max(len(sentence.split()), len(sentence) / 12)


@cache
def learned_weights() -> Matrix:
    """The weights of `LEARNED`, from `salience.json`: shape (len(LEARNED),)."""
    kept = json.loads(_weights_file())
    return np.array([kept["weights"][name] for name in LEARNED])


@cache
def weights_key() -> str:
    """Tells weights apart, so that summaries made with others are not taken for these."""
    return hashlib.sha256(_weights_file()).hexdigest()[:8]


def _weights_file() -> bytes:
    return files(__package__).joinpath("salience.json").read_bytes()


_HAND_WEIGHTS = np.array(list(BY_HAND.values()))


def _by_hand(document: Document, encoded: Encoded) -> Matrix:
    """The features of `BY_HAND`, in its order: shape (n, len(BY_HAND))."""
    count = len(document.sentences)
    title = encoded.sentences @ encoded.title if document.title else np.zeros(count)
    form = [
        (
            sentence.endswith(("?", "？", "؟")),
            bool(_ELLIPSIS.search(sentence)),
            "://" in sentence,
            not _STOP.search(sentence),
        )
        for sentence in document.sentences
    ]
    return np.column_stack([title, np.array(form, dtype=np.float64).reshape(count, 4)])


def _central(sentences: Vectors) -> Matrix:
    """Likeness to the mean of all sentences, against the average sentence's: shape (n,)."""
    centre = sentences.mean(axis=0)
    cosines = sentences @ (centre / (np.linalg.norm(centre) + 1e-9))
    average = float(cosines.mean())
    return np.asarray((cosines - average) / max(1.0 - average, 1e-3), dtype=np.float64)


def _echoed(alike: Matrix) -> Matrix:
    """Mean likeness to the nearest other sentences: shape (n,)."""
    count = len(alike)
    nearest = min(_NEAREST, count - 1)
    if nearest == 0:
        return np.zeros(count)
    others = alike - 2.0 * np.eye(count)
    return np.asarray(np.sort(others, axis=1)[:, -nearest:].mean(axis=1))


def _common_words(sentences: Sequence[str]) -> list[float]:
    """Mean share of the article's sentences that a sentence's words stand in (SumBasic's idea)."""
    words = [_WORD.findall(sentence.casefold()) for sentence in sentences]
    spread = Counter(word for one in words for word in set(one) if word not in _FUNCTION_WORDS)
    return [
        float(np.mean([spread[word] for word in one if word in spread] or [0])) / len(sentences)
        for one in words
    ]


def _good_length(sentence: str) -> float:
    """1 for a sentence of good length, falling to 0 for a fragment or a wall of text."""
    words = length(sentence)
    return words / _SHORT if words < _SHORT else min(1.0, _LONG / words)


# English words that tell nothing of an article. Other languages do without: their commonest words
# stand in all sentences, and so move none against the others.
_FUNCTION_WORDS = frozenset(
    """
    the and but are was were been being its this that these those she they you his her their our
    your for from with into over after before not had has have does did will would can could may
    might said says who which what when where there than then also just more most such one two
    """.split()
)
