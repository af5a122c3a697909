"""Encode once, use three times: embeddings that are computed, kept, and found again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from digest.models.encoder import Encoder
from digest.pipeline.progress import Progress, measured, silent
from digest.records import Document, Encoded, Vectors
from digest.store.store import Store
from digest.text.sentences import VERSION as SENTENCES_VERSION

# Articles whose sentences are encoded together. The encoder sorts them by length, so that many
# at a time waste little on padding; what is done so far is kept after each batch.
_BATCH = 64


class RememberingEncoder:
    """An encoder before a store: what was encoded in an earlier run is not encoded again.

    `store` may be None for a command that keeps nothing. `encoded` counts the documents that the
    model worked on. Raises ModelError and StoreError.
    """

    def __init__(
        self, encoder: Encoder, store: Store | None = None, progress: Progress = silent
    ) -> None:
        self._encoder = encoder
        self._store = store
        self._progress = progress
        self.encoded = 0

    @property
    def key(self) -> str:
        """Names encoder, weights and the way texts are split: equal keys, equal embeddings."""
        return f"{self._encoder.key}/{SENTENCES_VERSION}"

    @measured("encode")
    def documents(self, documents: Sequence[Document]) -> dict[str, Encoded]:
        """The embeddings of each document's title and sentences, by document id."""
        known = self._kept([document.content_hash for document in documents])
        missing: dict[str, Document] = {}
        for document in documents:
            kept = known.get(document.content_hash)
            if kept is None or len(kept.sentences) != len(document.sentences):
                missing.setdefault(document.content_hash, document)
        # In an order of their own: what a batch is made of moves an embedding's last bits.
        todo = [missing[hash_] for hash_ in sorted(missing)]
        for start in range(0, len(todo), _BATCH):
            self._progress("articles encoded", start, len(todo))
            fresh = self._encode(todo[start : start + _BATCH])
            if self._store is not None:
                self._store.save_embeddings(self.key, fresh)
            known.update(fresh)
        if todo:
            self._progress("articles encoded", len(todo), len(todo))
        self.encoded += len(todo)
        return {document.id: known[document.content_hash] for document in documents}

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of short texts (a topic's descriptions), kept like articles': shape (n, d)."""
        hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        known = self._kept(hashes)
        missing = {
            hash_: text for hash_, text in zip(hashes, texts, strict=True) if hash_ not in known
        }
        if missing:
            vectors = self._encoder.encode(list(missing.values()))
            empty = vectors[:0]
            fresh = {
                hash_: Encoded(row, empty) for hash_, row in zip(missing, vectors, strict=True)
            }
            if self._store is not None:
                self._store.save_embeddings(self.key, fresh)
            known.update(fresh)
        return np.stack([known[hash_].title for hash_ in hashes])

    def _kept(self, hashes: Sequence[str]) -> dict[str, Encoded]:
        return {} if self._store is None else self._store.embeddings(self.key, hashes)

    def _encode(self, documents: Sequence[Document]) -> dict[str, Encoded]:
        texts: list[str] = []
        for document in documents:
            texts += [document.title, *document.sentences]
        vectors = self._encoder.encode(texts)
        fresh: dict[str, Encoded] = {}
        start = 0
        for document in documents:
            end = start + 1 + len(document.sentences)
            # No title says nothing: a zero vector is like nothing.
            title = vectors[start] if document.title else np.zeros_like(vectors[start])
            fresh[document.content_hash] = Encoded(title, vectors[start + 1 : end])
            start = end
        return fresh
