"""What the pipeline knows of whatever writes summaries; how it does is its own affair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from digest.records import Document, Encoded, Envelope, Receipt, Summary


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

    @property
    def writes(self) -> bool:
        """Whether a model writes: work for a graphics card, where there is one."""

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        """One summary a document, in order; `encoded` holds the embeddings by document id."""


class Transport(Protocol):
    """A way for messages to leave: an SMTP server, or a folder for people without one.

    Used by one thread; only `cut` may be called from another.
    """

    @property
    def address(self) -> str:
        """Where it leads, for messages: `smtp://host:587`, without user and password."""

    def send(self, envelope: Envelope, ready: Callable[[], None] = lambda: None) -> Receipt:
        """Hands one message over, and says what became of it.

        `ready` is called right before the message becomes the server's (the final dot of SMTP, the
        rename of a file); what it raises is passed on, and the message is certainly not delivered
        then. A connection is opened when there is none, and kept for the next message. Raises
        RelayError when the server as a whole can't be used: not delivered either.
        """

    def has(self, envelope: Envelope) -> bool | None:
        """Whether the message was handed over by an earlier process; None if that can't be known.

        An SMTP server can't be asked; a folder can be looked into.
        """

    def check(self) -> None:
        """Goes as far as one can without a message: connects and logs in, or looks at the folder.

        Raises RelayError that says what is wrong.
        """

    def cut(self) -> None:
        """Ends a `send` that waits for the server: it returns as if the connection were lost."""

    def close(self) -> None:
        """Takes leave of the server. The next `send` connects again."""
