"""What writes a summary, by the name that configuration and commands give it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from digest.errors import ModelError
from digest.models.encoder import Encoder
from digest.protocols import Generator, Summarizer
from digest.records import Vectors
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
        return Abstractive(generator, Encoding(self._encoder), extractive, sentences)


class Encoding:
    """`encoder` as a function of texts that can be sent elsewhere, and then knows where it is.

    An article's sentences are encoded where the run is, those that a model wrote where it wrote
    them, so the two must be the same model. It is sent by name; see `Encoder`. `key` is that of
    the encoder where it was sent from, empty where it has not been sent.
    """

    def __init__(self, encoder: Encoder, key: str = "") -> None:
        self._encoder = encoder
        self._key = key

    def __reduce__(self) -> tuple[Any, ...]:
        return Encoding, (self._encoder, self._key or self._encoder.key)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Embeddings, shape (n, d). Raises ModelError, also where the encoder is another one."""
        if self._key and self._encoder.key != self._key:
            raise ModelError(
                f"the encoder is another one here ({self._encoder.key}) than where the articles "
                f"were encoded ({self._key}); put the same files in its place"
            )
        return self._encoder.encode(texts)
