"""A run: each digest's edition for its local date, from feeds to outbox."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from structlog.contextvars import bound_contextvars

from digest.config import Config, DigestSpec
from digest.config.topics import AUTO
from digest.editions.archive import PAGE
from digest.errors import DigestError, ModelError, OutboxError, StoreError, TemplateError
from digest.pipeline.claims import Claims, claiming
from digest.pipeline.drafting import bench, complete, lay_out, leads
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.gathering import gather
from digest.pipeline.grouping import group
from digest.pipeline.headings import FoundTopics, Headings, ListedTopics
from digest.pipeline.outcomes import all_told, nothing, troubled
from digest.pipeline.planning import kept_note, plan_of
from digest.pipeline.progress import Progress, measured, silent
from digest.pipeline.publishing import fitted, publish
from digest.pipeline.remembering import Archive, Remembered
from digest.pipeline.summarizing import article_documents, summarize
from digest.pipeline.wiring import Workshop
from digest.records import (
    Article,
    DigestOutcome,
    Draft,
    DueEdition,
    Encoded,
    Feed,
    FeedOutcome,
    Finding,
    Operation,
    RunReport,
    Story,
)
from digest.stories.memory import retell
from digest.stories.rank import HALF_LIFE, rank
from digest.stories.topics import Encode

log = logging.getLogger(__name__)


def run(
    workshop: Workshop,
    config: Config,
    digests: Sequence[DigestSpec],
    now: datetime,
    *,
    due: Mapping[str, DueEdition] | None = None,
    force: bool = False,
    need: timedelta = timedelta(0),
    note: tuple[str, ...] | None = None,
    progress: Progress = silent,
) -> RunReport:
    """Builds the editions of `digests` for the local date of `now` (aware), or what is `due`.

    `due` says, by digest, for which date and moment the schedule asks: that edition leaves by
    itself afterwards, once it is approved. What fails then is noted, and what has nothing to tell.

    An edition that is there already is left alone, and its feeds are not asked, unless `force`,
    with which its summaries are made anew too; what readers have is never built again, nor what
    another service builds. What was asked within `need` isn't asked again.
    `note` is what the editors say at the top, a text a
    paragraph; when None, what they said in the edition that is built again.
    What fails is a line of the report, which is kept in the store too. Raises StoreError when the
    store fails before the first digest is built. Whatever `progress` raises ends the run; what it
    had claimed is given back.
    """
    clock = time.monotonic()
    dates = {
        spec.name: due[spec.name].date if due and spec.name in due else local_date(spec, now)
        for spec in digests
    }
    with workshop.alone(), claiming(workshop, now, due or {}) as claims:
        settled = {
            spec.name: _settled(workshop, claims, spec, dates[spec.name], force, note)
            for spec in digests
        }
        building = [spec for spec in digests if settled[spec.name] is None]
        feeds = _feeds(config, building)
        outcomes = gather(workshop, feeds, _reach(building), now, progress=progress, need=need)
        built = [
            settled[spec.name]
            or _safely(
                claims,
                spec,
                dates[spec.name],
                partial(
                    _build,
                    workshop,
                    claims,
                    config.feeds_of(spec),
                    outcomes,
                    now,
                    force,
                    note,
                    progress,
                ),
            )
            for spec in digests
        ]
        report = RunReport(now, tuple(outcomes), tuple(built), round(time.monotonic() - clock, 3))
        _keep(workshop, report)
    return report


def fetch_only(
    workshop: Workshop,
    config: Config,
    digests: Sequence[DigestSpec],
    now: datetime,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> RunReport:
    """Fetches and stores the feeds of `digests`, builds nothing.

    With `force` also those that it is too early to ask again.
    """
    clock = time.monotonic()
    feeds = _feeds(config, digests)
    with workshop.alone():
        outcomes = gather(workshop, feeds, _reach(digests), now, progress=progress, force=force)
    return RunReport(now, tuple(outcomes), (), round(time.monotonic() - clock, 3))


def local_date(spec: DigestSpec, now: datetime) -> str:
    """The date (ISO 8601) that `now` has where the digest is read."""
    return now.astimezone(ZoneInfo(spec.timezone)).date().isoformat()


def _feeds(config: Config, digests: Sequence[DigestSpec]) -> list[Feed]:
    """The feeds of all `digests`, each once."""
    return list({feed.name: feed for spec in digests for feed in config.feeds_of(spec)}.values())


def _reach(digests: Sequence[DigestSpec]) -> timedelta | None:
    """How far back the widest window of `digests` reaches; None when one has no end."""
    windows = [spec.window for spec in digests]
    return None if None in windows else max(filter(None, windows), default=timedelta(0))


def _settled(
    workshop: Workshop,
    claims: Claims,
    spec: DigestSpec,
    date: str,
    force: bool,
    note: tuple[str, ...] | None,
) -> DigestOutcome | None:
    """What is known of the edition before anything is fetched; None when it is to be built."""
    outbox = workshop.outbox
    try:
        outbox.recover(spec.name)
        there = outbox.has(spec.name, date)
        if there and not force:
            return _there(workshop, claims, spec, date, note)
        if spec.template not in (themes := workshop.renderer.themes()):
            reason = f"theme {spec.template!r} isn't there; there is: {', '.join(themes)}"
            return _not_begun(claims, spec, date, reason)
        workshop.renderer.words(spec.language)
        reason = claims.take(spec, date, again=force)
    except (OutboxError, TemplateError) as error:
        return _not_begun(claims, spec, date, str(error))
    if not reason:
        return None
    path = str(outbox.folder(spec.name, date) / PAGE) if there else ""
    return DigestOutcome(spec.name, date, "exists", path=path, reason=reason)


def _not_begun(claims: Claims, spec: DigestSpec, date: str, reason: str) -> DigestOutcome:
    claims.not_begun(spec.name, date, reason)
    return DigestOutcome(spec.name, date, "failed", reason=reason)


def _there(
    workshop: Workshop,
    claims: Claims,
    spec: DigestSpec,
    date: str,
    note: tuple[str, ...] | None,
) -> DigestOutcome:
    """The outcome where the edition lies in the outbox already."""
    status = claims.found(spec, date)
    # The power may have failed after it was written, before the store knew what it tells.
    Archive(workshop.store, workshop.outbox, spec.name, date).relearn()
    path = workshop.outbox.folder(spec.name, date) / PAGE
    without = ", without the note" if note else ""
    again = "; --force builds it again"
    if status is not None and status.started is not None:
        again = ""  # its recipients have it, or are getting it
    reason = f"this date's edition is there already{without}{again}"
    return DigestOutcome(spec.name, date, "exists", path=str(path), reason=reason)


def _safely(
    claims: Claims,
    spec: DigestSpec,
    date: str,
    build: Callable[[DigestSpec, str], DigestOutcome],
) -> DigestOutcome:
    """What `build` gives; what it raises costs this digest only. Its claim is settled."""
    try:
        with bound_contextvars(digest=spec.name, edition=f"{spec.name}/{date}"):
            outcome = build(spec, date)
        if outcome.status == "empty":
            claims.empty(spec.name, date, outcome.reason)
    except DigestError as error:
        outcome = DigestOutcome(spec.name, date, "failed", reason=str(error))
    except Exception as error:
        # The other digests have done nothing to deserve this one's defect.
        log.exception("digest %s: unexpected error", spec.name)
        reason = f"unexpected {type(error).__name__}: {error} (please report it)"
        outcome = DigestOutcome(spec.name, date, "failed", reason=reason)
    if outcome.status == "failed":
        try:
            claims.failed(spec.name, date, outcome.reason)
        except StoreError as error:  # the claim is taken over by the next run
            log.error("digest %s: that it failed could not be noted: %s", spec.name, error)
    return outcome


def _build(
    workshop: Workshop,
    claims: Claims,
    feeds: Sequence[Feed],
    outcomes: Sequence[FeedOutcome],
    now: datetime,
    force: bool,
    note: tuple[str, ...] | None,
    progress: Progress,
    spec: DigestSpec,
    date: str,
) -> DigestOutcome:
    failed = _failed(feeds, outcomes)
    failing = troubled(workshop.store, feeds)
    archive = Archive(workshop.store, workshop.outbox, spec.name, date)
    found = archive.candidates(feeds, spec.window, now)
    if not found.articles:
        return nothing(spec, date, feeds, failed, found.told)
    encoder = RememberingEncoder(workshop.encoder, workshop.store, progress)
    remembered = archive.remember(spec.memory)
    articles = _together(found.articles, remembered.articles)
    documents = {document.id: document for document in article_documents(articles)}
    encoded = encoder.documents(list(documents.values()))
    topics, grouped = _stories(spec, articles, encoded, encoder, feeds, archive, remembered)
    weights = {feed.name: feed.weight for feed in feeds}
    retold = retell(grouped, remembered.told, weights)
    if not retold.to_tell:
        # An edition that is there stays, and so does the note of what it told.
        if not workshop.outbox.has(spec.name, date):
            workshop.store.save_told(spec.name, date, retold.repeats)
        return all_told(spec, date, len(found.articles), len(retold.left_out))
    stories = rank(retold.to_tell, weights, now, topics, _half_life(spec.window))
    said, note = note, kept_note(workshop, spec, date) if note is None else note
    plan = plan_of(workshop, spec, topics, note)
    operations = workshop.store.desk.operations(spec.name, date)
    kept = bench(stories, operations, plan.max_stories)
    draft = Draft(
        plan,
        date,
        now,
        tuple(kept),
        {},
        {feed.name: feed.label for feed in feeds},
        tuple(failing),
        considered=len(found.articles),
        feeds=len({article.feed for article in found.articles}),
        further=len(stories) - len(kept),
        retold=len(retold.left_out),
        repeats=tuple(retold.repeats),
        model=spec.summary.model,
        sentences=spec.summary.sentences,
        words=spec.summary.words,
    )
    # Only what is printed: a model that writes takes seconds an article.
    summarized = measured("summarise")(summarize)(
        [documents[lead.id] for lead in leads(draft, operations)],
        encoded,
        workshop.summarizers.get(spec.summary.model, spec.summary.sentences, spec.summary.words),
        encoder.key,
        workshop.store,
        progress,
        again=force,
        pool=workshop.pool,
    )
    draft = replace(draft, summaries=summarized.summaries)
    _complete(workshop, spec, draft, operations, progress)
    operations = workshop.store.desk.operations(spec.name, date)
    edition = fitted(workshop, lambda most: lay_out(workshop, draft, operations, most).edition)
    keep = partial(claims.keep, spec.name, date)
    published = publish(workshop, edition, draft.repeats, keep, now=now, draft=draft)
    claims.built(spec, date, published.fingerprint)
    return DigestOutcome(
        spec.name,
        date,
        "built",
        path=published.path,
        articles=len(found.articles),
        stories=len(edition.stories),
        left_out=edition.left_out,
        retold=edition.retold,
        updates=sum(story.update is not None for story in edition.stories),
        encoded=encoder.encoded,
        summarized=summarized.fresh,
        remembered=summarized.remembered,
        trimmed=edition.trimmed,
        findings=(*published.findings, *_overruled(said, operations)),
    )


def _overruled(
    said: tuple[str, ...] | None, operations: Sequence[Operation]
) -> tuple[Finding, ...]:
    """Where a note was given with the run, and an editor wrote another at the desk."""
    written = [one for one in operations if one.kind == "note" and one.undone is None]
    if said is None or not written:
        return ()
    why = f"the note that {written[-1].who} wrote at the desk is printed, not the one given now"
    return (Finding("note", "warning", why),)


def _complete(
    workshop: Workshop,
    spec: DigestSpec,
    draft: Draft,
    operations: Sequence[Operation],
    progress: Progress,
) -> None:
    """Makes what editors asked for; what can't be made costs itself, and the desk tells of it."""
    try:
        complete(workshop, spec.name, draft, operations, progress)
    except ModelError as error:
        log.warning("digest %s: what editors asked for is not all made: %s", spec.name, error)


def _together(new: Sequence[Article], told: Sequence[Article]) -> list[Article]:
    """What may be told and what was, each article once."""
    return list({article.id: article for article in (*told, *new)}.values())


def _stories(
    spec: DigestSpec,
    articles: Sequence[Article],
    encoded: Mapping[str, Encoded],
    encoder: RememberingEncoder,
    feeds: Sequence[Feed],
    archive: Archive,
    remembered: Remembered,
) -> tuple[tuple[str, ...], list[Story]]:
    """The digest's topics in their order, and the stories of `articles`, whose ids are kept."""
    known = archive.story_ids(articles, remembered)
    by_name = {feed.name: feed for feed in feeds}
    grouped = group(articles, encoded, _headings(spec, encoder.texts), by_name, known)
    archive.keep(grouped.stories)
    return grouped.topics, list(grouped.stories)


def _headings(spec: DigestSpec, encode: Encode) -> Headings:
    if spec.topics is None:
        return ListedTopics(None, encode)
    if spec.topics == AUTO:
        return FoundTopics(encode)
    return ListedTopics(
        {name: topic.description for name, topic in spec.topics.items()},
        encode,
        {name: topic.keywords for name, topic in spec.topics.items()},
    )


def _half_life(window: timedelta | None) -> timedelta:
    """Half the window, so that its oldest news still count a quarter; half a day at least."""
    return max(HALF_LIFE, window / 2) if window is not None else HALF_LIFE


def _failed(feeds: Sequence[Feed], outcomes: Sequence[FeedOutcome]) -> set[str]:
    """The names of those of `feeds` that gave nothing in this run."""
    failed = {outcome.feed for outcome in outcomes if outcome.status == "failed"}
    return {feed.name for feed in feeds} & failed


def _keep(workshop: Workshop, report: RunReport) -> None:
    try:
        workshop.store.save_run(report.started, report.seconds, report_json(report))
    except StoreError as error:  # the report is still printed, and the editions are out
        log.error("the run report could not be kept: %s", error)


def report_json(report: RunReport) -> dict[str, object]:
    """The report as JSON can hold it, times in ISO 8601."""
    return {**asdict(report), "started": report.started.isoformat()}
