"""A draft with its editors' changes to an edition; what that needs and isn't there yet is named."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest.editions.compose import compose
from digest.editions.desk.arranging import Arranged, arranged, sections
from digest.editions.desk.values import length_of
from digest.errors import ModelError
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.progress import Progress, silent
from digest.pipeline.summarizers import EXTRACTIVE
from digest.pipeline.summarizing import article_documents, method_key, summarize
from digest.pipeline.wiring import Workshop
from digest.protocols import Summarizer
from digest.records import (
    Article,
    Document,
    Draft,
    Edition,
    Idle,
    Operation,
    Story,
    Summary,
    SummarySentence,
    Verdict,
)
from digest.summaries import verify as verification
from digest.summaries.abstractive import MOST_READ, all_of_it, together
from digest.text.sentences import make_document, split_sentences

log = logging.getLogger(__name__)

_Way = tuple[int, str, int | None]
"""How a summary is made: most sentences, by what, most words."""

EDITOR = "editor"
"""The model of a summary that a person wrote."""

# Stories that find no room and are kept with a draft, the best by rank. An editor takes in one or
# two, or goes without a feed that led half the page; what ranks lower nobody looks for.
_BENCH = 200


@dataclass(frozen=True, slots=True)
class Wording:
    """What an editor wrote for a story, and what verification says of it.

    `headline` is None where it wasn't edited; `sentences` are all those of an edited summary,
    printed or not. While `checked` is False they wait for their verdicts.
    """

    headline: Verdict | None = None
    headline_text: str = ""
    sentences: tuple[Verdict, ...] = ()
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """A draft as its operations make it. `missing` are summaries that are still to be made, with
    what makes them; `unchecked` operations whose text is still to be verified, with the article.
    """

    edition: Edition
    arranged: Arranged
    wordings: Mapping[str, Wording]
    missing: tuple[tuple[Article, Summarizer], ...] = ()
    unchecked: tuple[tuple[Operation, Article], ...] = ()
    idle: tuple[Idle, ...] = ()


def bench(stories: Sequence[Story], operations: Sequence[Operation], most: int) -> list[Story]:
    """Those of the ranked `stories` that are kept with a draft of `most` printed ones.

    The best, and those that operations speak of.
    """
    named = {name for operation in operations for name in _named(operation)}
    return [
        story
        for place, story in enumerate(stories)
        if place < most + _BENCH
        or story.id in named
        or not named.isdisjoint(article.id for article in story.articles)
    ]


def leads(draft: Draft, operations: Sequence[Operation]) -> list[Article]:
    """The articles that the printed stories are told by, each once."""
    printed = sections(arranged(draft, operations), draft.plan)
    found = {story.lead.id: story.lead for _, some in printed for story in some}
    return list(found.values())


def lay_out(
    workshop: Workshop, draft: Draft, operations: Sequence[Operation], most: int | None = None
) -> Layout:
    """The edition of `draft` with `operations`, of at most `most` stories.

    Fast: no model is loaded. Raises StoreError.
    """
    arrangement = arranged(draft, operations)
    whole = sections(arrangement, draft.plan)
    printed = whole if most is None else sections(arrangement, draft.plan, most)
    stories = [story for _, some in printed for story in some]
    summaries, missing, unmakeable = _summaries(workshop, draft, arrangement, stories)
    headlines: dict[str, str] = {}
    wordings: dict[str, Wording] = {}
    unchecked: list[tuple[Operation, Article]] = []
    for story in arrangement.stories:
        wording, waits = _wording(story, arrangement)
        if wording is None:
            continue
        wordings[story.id] = wording
        unchecked += [(operation, story.lead) for operation in waits]
        if wording.headline is not None and wording.headline.supported:
            headlines[story.id] = wording.headline_text
        if story.id in arrangement.summaries and wording.sentences:
            summaries[story.lead.id] = _written(wording.sentences)
    edition = compose(
        draft,
        printed,
        summaries,
        # What an editor dropped isn't missing for want of room.
        left_out=sum(one.id not in arrangement.dropped for one in arrangement.stories)
        + draft.further
        - len(stories),
        trimmed=sum(len(some) for _, some in whole) - len(stories),
        headlines=headlines,
        note=arrangement.note,
        subject=arrangement.subject,
        words=workshop.renderer.words(draft.plan.language),
    )
    return Layout(
        edition,
        arrangement,
        wordings,
        tuple(missing),
        tuple(unchecked),
        (*arrangement.idle, *_without_model(arrangement, unmakeable)),
    )


def complete(
    workshop: Workshop,
    digest: str,
    draft: Draft,
    operations: Sequence[Operation],
    progress: Progress = silent,
    *,
    now: datetime | None = None,
) -> bool:
    """Makes the summaries and verdicts that a layout lacks, and keeps them; whether there were any.

    `now` is given where the edition is a draft that people look at: its revision goes up with what
    comes in. Loads models. Raises ModelError, once all else is made, and StoreError.
    """
    layout = lay_out(workshop, draft, operations)
    encoder = RememberingEncoder(workshop.encoder, workshop.store, progress)
    failed: list[ModelError] = []
    made = False
    by_method: dict[str, tuple[Summarizer, list[Article]]] = {}
    for article, summarizer in layout.missing:
        by_method.setdefault(summarizer.key, (summarizer, []))[1].append(article)
    for summarizer, articles in by_method.values():
        documents = article_documents(articles)
        try:
            summarize(
                documents,
                encoder.documents(documents),
                summarizer,
                encoder.key,
                workshop.store,
                progress,
                pool=workshop.pool,
                lasting=True,
            )
            made = True
        except ModelError as error:
            failed.append(error)
    if made and now is not None:
        workshop.store.editions.touch(digest, draft.date, now)
    for operation, article in layout.unchecked:
        try:
            verdicts = verdicts_on(
                workshop, article, str(operation.values.get("text", "")), operation.kind
            )
        except ModelError as error:
            failed.append(error)
            continue
        workshop.store.desk.checked(
            digest, draft.date, operation.number, verdict_key(article), verdicts
        )
        made = True
    if failed:
        raise failed[0]
    return made


def verdict_key(article: Article) -> str:
    """What a verdict was given on, and by which verifier: another one judges anew."""
    return f"{verification.VERSION}-{verification.weights_key()}:{article.content_hash}"


def source_of(article: Article) -> Document:
    """An article with all the sentences that a summary of it may stand on."""
    return make_document(
        article.id,
        article.title,
        article.text,
        language=article.language,
        content_hash=article.content_hash,
        max_sentences=MOST_READ,
    )


def verdicts_on(workshop: Workshop, article: Article, text: str, kind: str) -> tuple[Verdict, ...]:
    """What verification says of each sentence of `text`; of a headline, as one sentence.

    Loads the encoder, unless each sentence stands word for word in the article.
    """
    language = article.language
    parts = [text] if kind == "headline" else list(split_sentences(text, language))
    parts = [part.strip() for part in parts if part.strip()]
    document, source = article_documents([article])[0], source_of(article)
    places = {sentence: place for place, sentence in enumerate(source.sentences)}
    if all(part in places or part == document.title for part in parts):
        return tuple(
            Verdict(part, True, 1.0, (), (places[part],) if part in places else ())
            for part in parts
        )
    encoded = RememberingEncoder(workshop.encoder, workshop.store).documents([document])
    whole, embeddings = all_of_it(document, encoded[document.id], parts, workshop.encoder.encode)
    return verification.verify(parts, workshop.encoder.encode(parts), whole, embeddings)


def _named(operation: Operation) -> list[str]:
    """The ids of the stories and articles that an operation speaks of."""
    values = operation.values
    others = [id for other in values.get("others", ()) for id in (other["story"], other["article"])]
    return [
        id
        for id in (
            operation.story,
            operation.article,
            *others,
            *values.get("articles", ()),
            values.get("lead", ""),
        )
        if id
    ]


def _summaries(
    workshop: Workshop, draft: Draft, arrangement: Arranged, stories: Sequence[Story]
) -> tuple[dict[str, Summary], list[tuple[Article, Summarizer]], dict[str, str]]:
    """The summaries of the leads of `stories` by article id, what is missing, and why there is no
    model for some, by story id.
    """
    found: dict[str, Summary] = dict(draft.summaries)
    wanted: dict[_Way, list[Story]] = {}
    usual: _Way = (draft.sentences, draft.model, draft.words)
    for story in stories:
        if (asked := arrangement.lengths.get(story.id)) is not None:
            wanted.setdefault((*length_of(asked), None), []).append(story)
        elif story.lead.id not in found:
            wanted.setdefault(usual, []).append(story)
    missing: list[tuple[Article, Summarizer]] = []
    unmakeable: dict[str, str] = {}
    ways = list(wanted)
    for way in ways:
        count, model, words = way
        leads = [story.lead for story in wanted[way]]
        try:
            summarizer = workshop.summarizers.get(model, count, words)
            known = _known(workshop, summarizer, model, leads)
        except ModelError as error:
            unmakeable.update((story.id, str(error)) for story in wanted[way])
            # Better the article's own sentences than none.
            instead: _Way = (draft.sentences, EXTRACTIVE, draft.words)
            left = [story for story in wanted[way] if story.lead.id not in found]
            if left and model != EXTRACTIVE:
                ways.append(instead)
                wanted[instead] = [*wanted.get(instead, ()), *left]
            continue
        for lead in leads:
            if lead.content_hash in known:
                found[lead.id] = known[lead.content_hash]
            else:
                missing.append((lead, summarizer))
    return found, missing, unmakeable


def _known(
    workshop: Workshop, summarizer: Summarizer, model: str, leads: Sequence[Article]
) -> Mapping[str, Summary]:
    """The summaries of `leads` that are kept, or that can be had without a model."""
    store = workshop.store
    key = RememberingEncoder(workshop.encoder).key
    method = method_key(summarizer, key)
    known = store.summaries(method, [lead.content_hash for lead in leads])
    missing = [lead for lead in leads if lead.content_hash not in known]
    if missing and model == EXTRACTIVE:
        # Choosing sentences takes a millisecond where the embeddings are kept, as a run does.
        kept = store.embeddings(key, [lead.content_hash for lead in missing])
        documents = [
            document
            for document in article_documents(missing)
            if document.content_hash in kept
            and len(kept[document.content_hash].sentences) == len(document.sentences)
        ]
        encoded = {document.id: kept[document.content_hash] for document in documents}
        fresh = dict(
            zip(
                (document.content_hash for document in documents),
                summarizer.summarize(documents, encoded),
                strict=True,
            )
        )
        known = {**known, **fresh}
    return known


def _without_model(arrangement: Arranged, why: Mapping[str, str]) -> list[Idle]:
    """The operations that ask for a model which can't be used; `why` is by story id."""
    asked = arrangement.lengths
    return [Idle(asked[story].number, reason) for story, reason in why.items() if story in asked]


def _wording(story: Story, arrangement: Arranged) -> tuple[Wording | None, list[Operation]]:
    """What an editor wrote for the story, None where nothing; and what waits for its verdict."""
    headline = arrangement.headlines.get(story.id)
    summary = arrangement.summaries.get(story.id)
    if headline is None and summary is None:
        return None, []
    waits = []
    wording = Wording()
    if headline is not None:
        verdicts = headline.checked.get(verdict_key(story.lead))
        text = str(headline.values["text"])
        wording = replace(wording, headline_text=text)
        if verdicts is None:
            waits.append(headline)
        else:
            wording = replace(wording, headline=verdicts[0])
    if summary is not None:
        verdicts = summary.checked.get(verdict_key(story.lead))
        if verdicts is None:
            waits.append(summary)
        else:
            wording = replace(wording, sentences=together(verdicts, story.lead.language))
    return replace(wording, checked=not waits), waits


def _written(verdicts: Sequence[Verdict]) -> Summary:
    """An editor's summary: what isn't supported isn't printed."""
    printed = [one for one in verdicts if one.supported]
    return Summary(
        tuple(SummarySentence(one.text, one.source, one.score) for one in printed), EDITOR
    )
