"""What the pipeline knows of whatever writes summaries; how it does is its own affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from digest.records import Document, Encoded, Summary


class Generator(Protocol):
    """A model that writes: encoder-decoder or instruct, in whatever library it runs."""

    @property
    def name(self) -> str:
        """Short name that readers and reports see, e.g. `distilbart`."""

    @property
    def key(self) -> str:
        """Names model, revision and parameters.

        Equal keys give equal texts on one kind of device; number formats may move a word.
        """

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        """One summary a text, in order, as plain text; empty where the model wrote nothing.

        Texts longer than the model's window are summarised by parts and then once more.
        Deterministic. Raises ModelError when the model is missing, altered or unfit.
        """


class Summarizer(Protocol):
    """What every way of summarising offers; the pipeline knows no more of it than this."""

    @property
    def name(self) -> str:
        """Short name that readers and reports see, e.g. `extractive`."""

    @property
    def key(self) -> str:
        """Names method, model, revision and parameters: equal keys give equal summaries."""

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        """One summary a document, in order; `encoded` holds the embeddings by document id."""
