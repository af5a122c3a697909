"""What writes a summary, by the name that configuration and commands give it."""

from __future__ import annotations

from collections.abc import Callable

from digest.models.encoder import Encoder
from digest.protocols import Generator, Summarizer
from digest.summaries.abstractive import Abstractive
from digest.summaries.extractive import Extractive

EXTRACTIVE = "extractive"


class Summarizers:
    """Makes summarisers, and keeps the models behind them, so that two digests share one.

    `generator` makes the model of a name; it is asked once a name.
    """

    def __init__(self, encoder: Encoder, generator: Callable[[str], Generator]) -> None:
        self._encoder = encoder
        self._generator = generator
        self._generators: dict[str, Generator] = {}

    def get(self, model: str, sentences: int, words: int | None = None) -> Summarizer:
        """`extractive`, or a model that writes, verified; nothing is loaded before it is used.

        `sentences` and `words` bound a summary as `digest.summaries.extractive` says; what a model
        wrote is bounded by `sentences` alone.
        """
        extractive = Extractive(sentences, words)
        if model == EXTRACTIVE:
            return extractive
        if model not in self._generators:
            self._generators[model] = self._generator(model)
        generator = self._generators[model]
        return Abstractive(generator, self._encoder.encode, extractive, sentences)
