"""Summaries that anybody wrote, verified against their sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from digest.records import Document, Encoded, Vectors, Verdict
from digest.summaries.verify import verify
from digest.summaries.verify_features import likeliest
from digest.text.sentences import split_sentences

Encode = Callable[[Sequence[str]], Vectors]

# A book of 200,000 words has about 12,000 sentences. All are searched for figures, names, words
# and quotations; what stands beyond is not read.
SOURCE_SENTENCES = 20_000

# Of a longer source only the sentences that share most words with a summary's are encoded: this
# many for each of its sentences. An article of the store is never cut so (it has 60 at most).
_ENCODE_ALL = 60
_LIKELIEST = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A summary and what it should stand on: plain texts, paragraphs parted by an empty line."""

    source: str
    summary: str
    title: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A summary's verdicts. It is `supported` when all its sentences are; `score` is the lowest.

    A summary without sentences claims nothing: it is supported, with score 1.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def supported(self) -> bool:
        return all(verdict.supported for verdict in self.verdicts)

    @property
    def score(self) -> float:
        return min((verdict.score for verdict in self.verdicts), default=1.0)


def verify_texts(claims: Sequence[Claim], encode: Encode) -> list[Verified]:
    """The verdicts on each claim's summary, in order; all texts are encoded in one call.

    `encode` gives unit-length embeddings, shape (n, d). A verdict's `source` counts the sentences
    of the source as it was given, from 0: nothing is cleaned away. Raises what `encode` raises.
    """
    return [
        Verified(verify(sentences, vectors, document, encoded))
        for sentences, vectors, document, encoded in encoded_claims(claims, encode)
    ]


def encoded_claims(
    claims: Sequence[Claim], encode: Encode
) -> Iterator[tuple[list[str], Vectors, Document, Encoded]]:
    """Each claim's summary sentences, their embeddings, and its source, ready to be verified.

    Claims with the same source get the same document and embeddings. Raises what `encode` raises.
    """
    claims = [
        Claim(_clean(claim.source), _clean(claim.summary), _clean(claim.title), claim.language)
        for claim in claims
    ]
    documents = {
        key: source_document(*key)
        for key in {(claim.title, claim.source, claim.language): None for claim in claims}
    }
    drafts = [list(_split(claim.summary, claim.language)) for claim in claims]
    about: dict[tuple[str, str, str], list[str]] = {key: [] for key in documents}
    for claim, draft in zip(claims, drafts, strict=True):
        about[claim.title, claim.source, claim.language] += draft
    wanted = {key: _wanted(about[key], document) for key, document in documents.items()}
    texts = dict.fromkeys(sentence for draft in drafts for sentence in draft)
    for key, document in documents.items():
        if about[key]:
            chosen = [document.sentences[index] for index in wanted[key]]
            texts |= dict.fromkeys([document.title, *chosen] if document.title else chosen)
    row = {text: number for number, text in enumerate(texts)}
    vectors = encode(list(row))
    encoded = {
        key: _encoded(document, wanted[key] if about[key] else [], row, vectors)
        for key, document in documents.items()
    }
    for claim, draft in zip(claims, drafts, strict=True):
        key = (claim.title, claim.source, claim.language)
        rows = vectors[[row[sentence] for sentence in draft]] if draft else vectors[:0]
        yield draft, rows, documents[key], encoded[key]


def source_document(title: str, text: str, language: str = "") -> Document:
    """A source as it was given, of at most `SOURCE_SENTENCES` sentences, without an id."""
    numbered = list(
        islice(
            (
                (number, sentence)
                for number, paragraph in enumerate(_clean(text).split("\n\n"))
                for sentence in split_sentences(paragraph, language)
            ),
            SOURCE_SENTENCES,
        )
    )
    return Document(
        id="",
        title=_clean(title),
        sentences=tuple(sentence for _, sentence in numbered),
        paragraphs=tuple(number for number, _ in numbered),
        language=language,
    )


def _clean(text: str) -> str:
    """`text` with plain line ends; half of a surrogate pair, which has no encoding, is "?"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return text.encode("utf-8", "replace").decode("utf-8")


def _split(text: str, language: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from split_sentences(paragraph, language)


def _wanted(sentences: list[str], document: Document) -> list[int]:
    """The document's sentences that must be encoded to verify `sentences`."""
    if len(document.sentences) <= _ENCODE_ALL:
        return list(range(len(document.sentences)))
    return likeliest(sentences, document, _LIKELIEST)


def _encoded(
    document: Document, wanted: list[int], row: dict[str, int], vectors: Vectors
) -> Encoded:
    """Embeddings of the wanted sentences; zeros, which are like nothing, for the others."""
    width = vectors.shape[1]
    found = np.zeros((len(document.sentences), width), dtype=np.float32)
    if wanted:
        found[wanted] = vectors[[row[document.sentences[i]] for i in wanted]]
    title = np.zeros(width, dtype=np.float32)
    if document.title in row:
        title = vectors[row[document.title]]
    return Encoded(title, found)
