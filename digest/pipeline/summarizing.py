"""Documents to summaries, each made once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.progress import Progress, silent
from digest.records import Article, Document, Encoded, Summarizer, Summary
from digest.store.store import Store
from digest.text.sentences import make_document


@dataclass(frozen=True, slots=True)
class Summarized:
    """Summaries and embeddings by document id; how many were made now, and how many remembered."""

    summaries: Mapping[str, Summary]
    encoded: Mapping[str, Encoded]
    fresh: int
    remembered: int


def article_documents(articles: Sequence[Article]) -> list[Document]:
    """The articles as documents, their sentences word for word."""
    return [
        make_document(
            article.id,
            article.title,
            article.text,
            language=article.language,
            content_hash=article.content_hash,
        )
        for article in articles
    ]


def text_document(id: str, title: str, text: str) -> Document:
    """A text that is no article of the store (a file, a line of JSON) as a document."""
    content_hash = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()
    return make_document(id, title, text, content_hash=content_hash)


def summarize(
    documents: Sequence[Document],
    encoder: RememberingEncoder,
    summarizer: Summarizer,
    store: Store | None = None,
    progress: Progress = silent,
) -> Summarized:
    """A summary of each of `documents`; what `store` has by the same method is not made again."""
    encoded = encoder.documents(documents)
    method = f"{summarizer.key}/{encoder.key}"
    hashes = [document.content_hash for document in documents]
    known = {} if store is None else store.summaries(method, hashes)
    missing = {
        document.content_hash: document
        for document in documents
        if document.content_hash not in known
    }
    todo = list(missing.values())
    fresh = dict(zip(missing, summarizer.summarize(todo, encoded), strict=True))
    if store is not None and fresh:
        store.save_summaries(method, fresh)
    if todo:
        progress("articles summarised", len(todo), len(todo))
    found = {**known, **fresh}
    return Summarized(
        summaries={document.id: found[document.content_hash] for document in documents},
        encoded=encoded,
        fresh=len(fresh),
        remembered=sum(content_hash in known for content_hash in hashes),
    )
