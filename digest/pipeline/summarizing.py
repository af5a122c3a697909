"""Documents to summaries, each made once and kept."""

from __future__ import annotations

import hashlib
import logging
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import dataclass, replace
from itertools import pairwise

from digest.errors import ClusterError, ModelError
from digest.pipeline.pool import Pool, WorkersDiedError, processes
from digest.pipeline.progress import Progress, silent
from digest.protocols import Summarizer
from digest.records import Article, Document, Encoded, Summary
from digest.store.store import Store
from digest.summaries.extractive import Extractive
from digest.text.sentences import make_document

log = logging.getLogger(__name__)

# Tokens, at most, that are summarised, then kept, together, and sent to one worker. A processor
# takes in 8,192 at once (`digest.models.generator`), of which about a quarter is padding: smaller
# batches would be slower, larger ones lose more when a worker dies, and leave others idle while the
# last one works. Half a dozen articles, for which SmolLM2 takes a quarter of a minute. A batch is
# the same wherever it is worked on, because the company of others can move a model's word
# (rounding): so an edition's bytes are the same, too.
_BATCH_TOKENS = 6144
# What a model writes takes its place as well (`digest.models.presets`: 90 to 110).
_WRITTEN = 100
# Bytes of UTF-8 a token, about: tokenizers take four to five letters of English at once, and fewer
# of scripts whose letters have two or three bytes. It decides only how work is shared out.
_TOKEN_BYTES = 4
# Of a longer text only parts are read (`digest.models.generator`: eight of some 1,500 tokens).
_MOST_TOKENS = 12_000
# Short documents: their embeddings, 90 kB each, should not become a burden to send.
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
    is done is kept batch by batch, so that a run which is stopped loses little. Raises ModelError,
    StoreError, and ClusterError when `pool` is of no use.
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
    batches = in_batches(todo)
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


def in_batches(documents: Sequence[Document]) -> list[list[Document]]:
    """`documents` in their order, in batches of about equal work; each is in one of them.

    As few as `_BATCH_TOKENS` and `_BATCH` allow, of which the largest is as small as can be: full
    ones and a small one at the end would leave workers waiting for the last full one. A run that
    goes on where another was stopped makes batches of what is left.
    """
    costs = [_tokens(document) for document in documents]
    few = len(_starts(costs, _BATCH_TOKENS))
    room = bisect_left(
        range(_BATCH_TOKENS), True, key=lambda room: len(_starts(costs, room)) <= few
    )
    starts = _starts(costs, room)
    return [list(documents[one:end]) for one, end in pairwise([*starts, len(documents)])]


def _starts(costs: Sequence[int], most: int) -> list[int]:
    """Where batches begin that cost at most `most` each, or have one document that costs more."""
    starts: list[int] = []
    room = 0
    for index, cost in enumerate(costs):
        if not starts or cost > room or index - starts[-1] >= _BATCH:
            starts.append(index)
            room = most
        room -= cost
    return starts


def _tokens(document: Document) -> int:
    """About how many tokens a model reads of `document`, and writes."""
    if document.text:
        size = len(document.text.encode())
    else:
        size = sum(len(sentence.encode()) for sentence in document.sentences)
    return min(size // _TOKEN_BYTES, _MOST_TOKENS) + _WRITTEN


def summarize_batch(
    summarizer: Summarizer,
    documents: Sequence[Document],
    encoded: Mapping[str, Encoded],
    key: str = "",
) -> list[Summary]:
    """One summary a document, in order: the job that an executor is given.

    `key` is the summarizer's where it came from. Raises ModelError where it is another one here.
    """
    if key and summarizer.key != key:
        raise ModelError(
            f"{summarizer.name} is another model or version here ({summarizer.key}) than where its "
            f"summaries are wanted ({key}); put the same files in its place, and restart the worker"
        )
    return summarizer.summarize(documents, encoded)


_Made = Iterator[tuple[Sequence[Document], list[Summary]]]


def _made(
    batches: Sequence[Sequence[Document]],
    encoded: Mapping[str, Encoded],
    summarizer: Summarizer,
    pool: Pool | None,
) -> _Made:
    """Each of `batches` with its summaries, in the order in which they are done."""
    if pool is None or not batches:
        yield from _made_here(batches, encoded, summarizer)
        return
    futures: dict[Future[list[Summary]], Sequence[Document]] = {}
    waiting = list(batches)
    deadly: list[Sequence[Document]] = []
    try:
        key = summarizer.key
        writers = (summarizer.writes and pool.writers) or pool.executor
        for batch in batches:
            needed = {document.id: encoded[document.id] for document in batch}
            futures[writers.submit(summarize_batch, summarizer, batch, needed, key)] = batch
        for future in as_completed(futures):
            batch = futures[future]
            try:
                made = future.result()
            except WorkersDiedError as error:
                log.warning("%s; this machine does it again, with care", error)
                deadly.append(batch)
                waiting.remove(batch)
            else:
                waiting.remove(batch)
                yield batch, made
    except (ClusterError, ModelError) as error:
        if not pool.fallback:
            raise
        log.warning("%s. This machine does the work, as DIGEST_DASK_FALLBACK says", error)
        for future in futures:
            future.cancel()  # or what is left of the cluster would do the same work
        yield from _made_here(waiting, encoded, summarizer)
    finally:
        for future in futures:
            future.cancel()
    for batch in deadly:
        yield batch, _made_with_care(batch, encoded, summarizer)


def _made_here(
    batches: Sequence[Sequence[Document]], encoded: Mapping[str, Encoded], summarizer: Summarizer
) -> _Made:
    for batch in batches:
        yield batch, summarize_batch(summarizer, batch, encoded)


def _made_with_care(
    batch: Sequence[Document], encoded: Mapping[str, Encoded], summarizer: Summarizer
) -> list[Summary]:
    """The summaries of a batch that workers died of, made one by one in a process of its own.

    When that one dies too, of want of memory as a rule, the article's own sentences stand in.
    """
    made: list[Summary] = []
    while len(made) < len(batch):
        with processes(1) as executor:
            for document in batch[len(made) :]:
                needed = {document.id: encoded[document.id]}
                try:
                    made += executor.submit(
                        summarize_batch, summarizer, [document], needed
                    ).result()
                except BrokenExecutor:
                    log.warning("a process ended while it summarised %s", document.id)
                    (own,) = Extractive().summarize([document], needed)
                    made.append(replace(own, instead_of=summarizer.name))
                    break
    return made


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
