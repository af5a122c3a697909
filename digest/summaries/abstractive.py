"""Abstractive summaries: a model writes, and only what the source supports is let through.

Each sentence is verified against the article it was written from; one that fails is dropped, with
the reasons kept. Where nothing is left, the extractive summary stands in, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from digest.protocols import Generator, Summarizer
from digest.records import (
    Document,
    DroppedSentence,
    Encoded,
    Summary,
    SummarySentence,
    Vectors,
    Verdict,
)
from digest.summaries import verify as verification
from digest.summaries.leaning import leans
from digest.summaries.verify_features import likeliest
from digest.text.sentences import make_document, split_sentences

# Raise it when the same model's text would become another summary: kept summaries are keyed by it.
VERSION = 1

# Sentences of a text against which a draft is verified: more than a book of 200,000 words has.
MOST_READ = 20_000
# Of a long text, the sentences that share most words with one of the draft are encoded.
_LIKELIEST = 20

_ORPHANED = "it leans on a sentence that was dropped"
_AGAIN = "it says again what was said"
_UNREAD = "nothing of the article is left to check it by"


class Abstractive:
    """Summaries by `generator`, verified; `stand_in` writes those of which nothing is left.

    `encode` gives embeddings, shape (n, d), by the encoder that made the documents' own. At most
    `max_sentences` of what was written are kept.
    """

    def __init__(
        self,
        generator: Generator,
        encode: Callable[[Sequence[str]], Vectors],
        stand_in: Summarizer,
        max_sentences: int = 2,
    ) -> None:
        self._generator = generator
        self._encode = encode
        self._stand_in = stand_in
        self._max_sentences = max_sentences

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def writes(self) -> bool:
        """A model does."""
        return True

    @property
    def key(self) -> str:
        """Raises ModelError when the generator's model is missing: its revision is part of it."""
        checked = f"{verification.VERSION}-{verification.weights_key()}"
        versions = f"abstractive/{VERSION}/{checked}/{self._max_sentences}"
        return f"{versions}/{self._generator.key}/{self._stand_in.key}"

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        """One verified summary a document. Raises ModelError when the model can't be used."""
        written = self._generator.summarize(
            [running_text(document) for document in documents],
            [document.title for document in documents],
        )
        drafts = [
            split_sentences(text, document.language)
            for document, text in zip(documents, written, strict=True)
        ]
        vectors = self._encode([sentence for draft in drafts for sentence in draft])
        found: list[Summary] = []
        start = 0
        for document, draft in zip(documents, drafts, strict=True):
            rows = vectors[start : start + len(draft)]
            start += len(draft)
            found.append(self._verified(document, draft, rows, encoded[document.id]))
        return self._stood_in_for(documents, found, encoded)

    def _verified(
        self, document: Document, draft: list[str], vectors: Vectors, encoded: Encoded
    ) -> Summary:
        if not document.sentences:
            dropped = tuple(DroppedSentence(sentence, (_UNREAD,)) for sentence in draft)
            return Summary((), self.name, dropped)
        verdicts = verification.verify(
            draft, vectors, *all_of_it(document, encoded, draft, self._encode)
        )
        kept, dropped = sift(verdicts, document.language)
        return Summary(kept[: self._max_sentences], self.name, dropped)

    def _stood_in_for(
        self,
        documents: Sequence[Document],
        found: list[Summary],
        encoded: Mapping[str, Encoded],
    ) -> list[Summary]:
        """The summaries, those without a sentence replaced by the stand-in's."""
        empty = [
            number
            for number, (document, summary) in enumerate(zip(documents, found, strict=True))
            if document.sentences and not summary.sentences
        ]
        others = self._stand_in.summarize([documents[number] for number in empty], encoded)
        for number, other in zip(empty, others, strict=True):
            found[number] = Summary(
                other.sentences, other.model, found[number].dropped, instead_of=self.name
            )
        return found


def all_of_it(
    document: Document,
    encoded: Encoded,
    draft: Sequence[str],
    encode: Callable[[Sequence[str]], Vectors],
) -> tuple[Document, Encoded]:
    """The document with all sentences that a model or a person may have read, and embeddings of
    those that can matter to `draft`; the others' are zeros, as `verify` allows.

    `encoded` are the embeddings of the document's own sentences.
    """
    if not document.text:
        return document, encoded
    whole = make_document(
        document.id,
        document.title,
        document.text,
        language=document.language,
        max_sentences=MOST_READ,
    )
    known = len(document.sentences)
    rows = np.zeros((len(whole.sentences), encoded.sentences.shape[1]), dtype=np.float32)
    rows[:known] = encoded.sentences
    wanted = [index for index in likeliest(draft, whole, _LIKELIEST) if index >= known]
    if wanted:
        rows[wanted] = encode([whole.sentences[index] for index in wanted])
    return whole, Encoded(encoded.title, rows)


def sift(
    verdicts: Sequence[Verdict], language: str = ""
) -> tuple[tuple[SummarySentence, ...], tuple[DroppedSentence, ...]]:
    """What may be printed of a draft, and what not."""
    judged = together(verdicts, language)
    return (
        tuple(SummarySentence(one.text, one.source, one.score) for one in judged if one.supported),
        tuple(DroppedSentence(one.text, one.reasons) for one in judged if not one.supported),
    )


def together(verdicts: Sequence[Verdict], language: str = "") -> tuple[Verdict, ...]:
    """The verdicts on sentences that stand one after the other.

    Besides what verification rejects, a sentence that says the same as one before is rejected, and
    one that leans on a rejected sentence: its "he" would become somebody else.
    """
    found: list[Verdict] = []
    said: set[str] = set()
    before_was_kept = True
    for verdict in verdicts:
        if verdict.supported and verdict.text in said:
            found.append(replace(verdict, supported=False, reasons=(_AGAIN,)))
        elif verdict.supported and not before_was_kept and leans(verdict.text, language):
            found.append(replace(verdict, supported=False, reasons=(_ORPHANED,)))
        else:
            found.append(verdict)
        before_was_kept = found[-1].supported
        said |= {verdict.text} if before_was_kept else set()
    return tuple(found)


def running_text(document: Document) -> str:
    """What a model reads of a document: all of it, paragraphs parted by an empty line."""
    if document.text:
        return document.text
    numbers = document.paragraphs or (0,) * len(document.sentences)
    paragraphs = groupby(zip(numbers, document.sentences, strict=True), key=lambda pair: pair[0])
    return "\n\n".join(" ".join(text for _, text in pairs) for _, pairs in paragraphs)
