"""Invented events and the articles that tell them, as many as wanted, for measuring `cluster`.

They are lifelike in what costs time and in what misleads: words by Zipf's law (Zipf, 1949) among
which the function words are English, some names that many events share, sister events that have
half of their words in common, titles without text, near-copies. They mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digest.records import Vectors

_FUNCTION_WORDS = (
    "the of to and in a that for on was with is said it by at from as he be has his have are but "
    "an were had they which who will been she not this their or its after one would about more "
    "there than when up people out last year all her new two into could over also first some time "
    "he other before no what years do only if now so them where between against because while "
    "during police government told three many most made may can back under says since such being "
    "through down week four day month still just how those off way"
).split()
_ONSETS = (
    "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st t th tr v w"
)
_NUCLEI = "a e i o u ai ea ee ou oo ie"
_CODAS = " n t r s l d m ck st nd ng rt ll ss p"
_WORDS, _NAMES, _TOPICS, _WIDTH = 60_000, 20_000, 60, 384


@dataclass(frozen=True, slots=True)
class _Event:
    topic: int
    words: NDArray[np.int64]
    names: list[str]
    numbers: list[str]
    direction: Vectors


class Newsroom:
    """Invents events and the articles that tell them, the same ones for the same seed."""

    def __init__(self, seed: int = 7) -> None:
        self._rng = np.random.default_rng(seed)
        invented = self._invented(_WORDS + _NAMES)
        self._words = np.array(_FUNCTION_WORDS + invented[:_WORDS], dtype=object)
        self._names = [word.capitalize() for word in invented[_WORDS:]]
        weights = 1.0 / (np.arange(len(self._words)) + 2.7)
        self._shares = np.cumsum(weights) / weights.sum()
        content = len(_FUNCTION_WORDS)
        self._topic_words = self._rng.integers(content, 12_000, (_TOPICS, 250))
        self._topic_directions = self._rng.normal(size=(_TOPICS, _WIDTH)) / np.sqrt(_WIDTH)

    def _invented(self, count: int) -> list[str]:
        """Different words that one could pronounce."""
        found: dict[str, None] = {}
        parts = [np.array(text.split(" "), dtype=object) for text in (_ONSETS, _NUCLEI, _CODAS)]
        while len(found) < count:
            word = ""
            for _ in range(int(self._rng.integers(2, 4))):
                word += "".join(part[self._rng.integers(len(part))] for part in parts)
            found.setdefault(word)
        return list(found)

    def write(self, count: int) -> tuple[list[tuple[str, str]], Vectors, list[int]]:
        """`count` titles and texts, their embeddings (unit length) and their events' numbers."""
        texts: list[tuple[str, str]] = []
        vectors: list[Vectors] = []
        truth: list[int] = []
        events: list[_Event] = []
        while len(texts) < count:
            events.append(self._event(events[-400:]))
            event = events[-1]
            # Most events have one article, a few very many.
            tellings = min(30, int(self._rng.pareto(1.1)) + 1, count - len(texts))
            own: list[int] = []
            for _ in range(tellings):
                copied = own and self._rng.random() < 0.10
                source = own[int(self._rng.integers(len(own)))] if copied else None
                own.append(len(texts))
                truth.append(len(events) - 1)
                if source is None:
                    texts.append(self._article(event))
                    vectors.append(self._vector(event, titled=not texts[-1][1]))
                else:
                    texts.append(self._copy(*texts[source]))
                    vectors.append(vectors[source])
        return texts, np.asarray(vectors, dtype=np.float32), truth

    def _event(self, earlier: Sequence[_Event]) -> _Event:
        rng = self._rng
        topic = int(rng.integers(_TOPICS))
        words = rng.integers(200, len(self._words), 24)
        direction = rng.normal(size=_WIDTH) / np.sqrt(_WIDTH)
        sisters = [event for event in earlier if event.topic == topic]
        if sisters and rng.random() < 0.3:  # "bank cuts rate", but another bank
            sister = sisters[int(rng.integers(len(sisters)))]
            words = np.concatenate([words[:12], sister.words[:12]])
            direction = np.sqrt(0.5) * (direction + sister.direction)
        names = [self._names[int(rng.integers(len(self._names)))] for _ in range(4)]
        names.append(self._names[int(rng.pareto(0.8)) % 300])  # a country, a prime minister
        numbers = [f"{int(value):,}" for value in 10 ** rng.uniform(0.3, 5, 5)]
        return _Event(topic, words, names, numbers, direction)

    def _article(self, event: _Event) -> tuple[str, str]:
        rng = self._rng
        names = [name for name in event.names if rng.random() < 0.75] or event.names[:1]
        numbers = [number for number in event.numbers if rng.random() < 0.7]
        title = self._title(event, names, numbers)
        if rng.random() < 0.2:
            return title, ""
        length = int(rng.integers(150, 401))
        tokens = self._words[np.searchsorted(self._shares, rng.random(length))]
        kind = rng.random(length)
        topical = np.flatnonzero(kind < 0.10)
        tokens[topical] = self._words[rng.choice(self._topic_words[event.topic], len(topical))]
        telling = np.flatnonzero((kind >= 0.10) & (kind < 0.17))
        tokens[telling] = self._words[rng.choice(event.words, len(telling))]
        for place in np.flatnonzero((kind >= 0.17) & (kind < 0.22)):
            pool = numbers if numbers and rng.random() < 0.3 else names
            tokens[place] = pool[int(rng.integers(len(pool)))]
        return title, _sentences(list(tokens), rng)

    def _title(self, event: _Event, names: Sequence[str], numbers: Sequence[str]) -> str:
        rng = self._rng
        words = list(self._words[rng.choice(event.words, 4, replace=False)])
        words += list(self._words[rng.choice(self._topic_words[event.topic], 2)])
        words += list(rng.choice(names, min(2, len(names)), replace=False)) + list(numbers[:1])
        words += [_FUNCTION_WORDS[int(place)] for place in rng.integers(0, 30, 3)]
        return " ".join(words[int(place)] for place in rng.permutation(len(words))).capitalize()

    def _copy(self, title: str, text: str) -> tuple[str, str]:
        """As another paper prints an agency's text: a word in fifty changed, the end cut."""
        words = text.split(" ")
        for place in self._rng.integers(0, len(words), len(words) // 50):
            words[int(place)] = str(self._words[int(self._rng.integers(len(self._words)))])
        return title, " ".join(words[: len(words) - int(self._rng.integers(len(words) // 8 + 1))])

    def _vector(self, event: _Event, titled: bool) -> Vectors:
        # Cosines as the default encoder gives them: about 0.7 within an event (0.55 for titles
        # alone), 0.35 within a topic, and near nothing otherwise.
        noise = self._rng.normal(size=_WIDTH) / np.sqrt(_WIDTH)
        weight = self._rng.uniform(0.5, 0.8) + (0.3 if titled else 0.0)
        topic = self._topic_directions[event.topic]
        vector = np.sqrt(0.35) * topic + np.sqrt(0.4) * event.direction + weight * noise
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _sentences(words: list[str], rng: np.random.Generator) -> str:
    place = 0
    while place < len(words):
        words[place] = words[place][:1].upper() + words[place][1:]
        place += int(rng.integers(12, 26))
        words[min(place, len(words)) - 1] += "."
    return " ".join(words)
