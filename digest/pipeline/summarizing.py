"""Documents to summaries, each made once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass

from digest.pipeline.pool import Pool
from digest.pipeline.progress import Progress, silent
from digest.protocols import Summarizer
from digest.records import Article, Document, Encoded, Summary
from digest.store.store import Store
from digest.text.sentences import make_document

# Documents summarised, then kept, together: a model that writes takes a minute for so many.
_BATCH = 32
# Characters that the store's column holds.
_METHOD = 200


@dataclass(frozen=True, slots=True)
class Summarized:
    """Summaries by document id; how many were made now, and how many remembered."""

    summaries: Mapping[str, Summary]
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
    content_hash = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()
    return make_document(id, title, text, content_hash=content_hash)


def summarize(
    documents: Sequence[Document],
    encoded: Mapping[str, Encoded],
    summarizer: Summarizer,
    encoder: str,
    store: Store | None = None,
    progress: Progress = silent,
    *,
    again: bool = False,
    lasting: bool = False,
    pool: Pool | None = None,
) -> Summarized:
    """A summary of each of `documents`; what `store` has by the same method is not made again.

    `encoded` holds their embeddings by document id, `encoder` is the key of what made them. With
    `again` a summary is made although the store has it, and replaces it; with `lasting` one is kept
    too that stands in for a model which wrote nothing, as it otherwise isn't. The batches are
    worked on in `pool`, which must be able to pickle `summarizer`; in this process when None. What
    is done is kept batch by batch, so that a run which is stopped loses little.
    """
    method = method_key(summarizer, encoder)
    hashes = [document.content_hash for document in documents]
    known = {} if store is None or again else store.summaries(method, hashes)
    missing = {
        document.content_hash: document
        for document in documents
        if document.content_hash not in known
    }
    found = dict(known)
    todo = list(missing.values())
    batches = [todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH)]
    done = 0
    if todo:
        progress("articles summarised", 0, len(todo))
    for batch, made in _made(batches, encoded, summarizer, pool):
        fresh = {
            document.content_hash: summary for document, summary in zip(batch, made, strict=True)
        }
        if store is not None:
            kept = {key: one for key, one in fresh.items() if lasting or _lasts(one)}
            store.save_summaries(method, kept)
        found.update(fresh)
        done += len(batch)
        progress("articles summarised", done, len(todo))
    return Summarized(
        summaries={document.id: found[document.content_hash] for document in documents},
        fresh=len(todo),
        remembered=sum(content_hash in known for content_hash in hashes),
    )


def summarize_batch(
    summarizer: Summarizer, documents: Sequence[Document], encoded: Mapping[str, Encoded]
) -> list[Summary]:
    """One summary a document, in order: the job that an executor is given."""
    return summarizer.summarize(documents, encoded)


def _made(
    batches: Sequence[Sequence[Document]],
    encoded: Mapping[str, Encoded],
    summarizer: Summarizer,
    pool: Pool | None,
) -> Iterator[tuple[Sequence[Document], list[Summary]]]:
    """Each of `batches` with its summaries, in the order in which they are done."""
    if pool is None:
        for batch in batches:
            yield batch, summarize_batch(summarizer, batch, encoded)
        return
    futures: dict[Future[list[Summary]], Sequence[Document]] = {}
    for batch in batches:
        needed = {document.id: encoded[document.id] for document in batch}
        futures[pool.executor.submit(summarize_batch, summarizer, batch, needed)] = batch
    for future in as_completed(futures):
        yield futures[future], future.result()


def _lasts(summary: Summary) -> bool:
    """Whether a summary is worth keeping: not one that stands in for a model which wrote nothing.

    That may have been want of memory, and the next run may have more.
    """
    return not summary.instead_of or bool(summary.dropped)


def method_key(summarizer: Summarizer, encoder: str) -> str:
    """Names the way a summary is made: method, model, revision, parameters and encoder.

    Equal keys give equal summaries of equal contents. A key too long for the store's column ends
    in its hash.
    """
    key = f"{summarizer.key}/{encoder}"
    if len(key) <= _METHOD:
        return key
    return f"{key[: _METHOD - 65]}#{hashlib.sha256(key.encode()).hexdigest()}"
