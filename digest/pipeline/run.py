"""A run: each digest's edition for its local date, from feeds to outbox."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from digest.config import Config, DigestSpec
from digest.editions.compose import Plan, choose, compose
from digest.editions.frozen import dump_edition, load_edition
from digest.editions.message import build_message
from digest.errors import DigestError, OutboxError, StoreError
from digest.outbox.outbox import EDITION
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.fetching import fetch
from digest.pipeline.grouping import group
from digest.pipeline.progress import Progress, silent
from digest.pipeline.summarizing import article_documents, summarize
from digest.pipeline.wiring import Workshop
from digest.records import (
    Article,
    DigestOutcome,
    Edition,
    Encoded,
    FailedFeed,
    Feed,
    FeedOutcome,
    RunReport,
    Story,
)
from digest.stories.rank import rank
from digest.stories.topics import TopicChooser, resolve

log = logging.getLogger(__name__)

# An article that came in after the edition before is taken although it is older than the window,
# by at most this: feeds lag behind their articles' times, and a run may start late. Lags are
# minutes mostly, and most of a day where a paper's archive fills its feed.
_OVERDUE = timedelta(hours=24)
# That holds for the edition right before this one, up to this much before the window begins; after
# a gap (a weekend, a holiday) the window is meant as it says.
_LATE = timedelta(hours=6)


def run(
    workshop: Workshop,
    config: Config,
    digests: Sequence[DigestSpec],
    now: datetime,
    *,
    due: datetime | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> RunReport:
    """Builds the editions of `digests` for the local dates of `due`, which is `now` when None.

    Both are aware; they differ when a scheduled run starts late.

    An edition that is there already is left alone, and its feeds are not asked, unless `force`,
    with which its summaries are made anew too.
    What fails is a line of the report, which is kept in the store too. Raises StoreError when the
    store fails before the first digest is built.
    """
    clock = time.monotonic()
    dates = {spec.name: local_date(spec, due or now) for spec in digests}
    with workshop.alone():
        settled = {spec.name: _settled(workshop, spec, dates[spec.name], force) for spec in digests}
        feeds = _feeds(config, [spec for spec in digests if settled[spec.name] is None])
        outcomes = fetch(feeds, workshop.store, workshop.fetching, now, progress) if feeds else []
        built = [
            settled[spec.name]
            or _safely(
                spec,
                dates[spec.name],
                partial(_build, workshop, config.feeds_of(spec), outcomes, now, force, progress),
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
    progress: Progress = silent,
) -> RunReport:
    """Fetches and stores the feeds of `digests`, builds nothing."""
    clock = time.monotonic()
    with workshop.alone():
        outcomes = fetch(_feeds(config, digests), workshop.store, workshop.fetching, now, progress)
    return RunReport(now, tuple(outcomes), (), round(time.monotonic() - clock, 3))


def local_date(spec: DigestSpec, now: datetime) -> str:
    """The date (ISO 8601) that `now` has where the digest is read."""
    return now.astimezone(ZoneInfo(spec.timezone)).date().isoformat()


def _feeds(config: Config, digests: Sequence[DigestSpec]) -> list[Feed]:
    """The feeds of all `digests`, each once."""
    return list({feed.name: feed for spec in digests for feed in config.feeds_of(spec)}.values())


def _settled(workshop: Workshop, spec: DigestSpec, date: str, force: bool) -> DigestOutcome | None:
    """What is known of the edition before anything is fetched; None when it is to be built."""
    if spec.template not in (themes := workshop.renderer.themes()):
        reason = f"theme {spec.template!r} isn't there; there is: {', '.join(themes)}"
        return DigestOutcome(spec.name, date, "failed", reason=reason)
    try:
        workshop.outbox.recover(spec.name)
        if force or not workshop.outbox.has(spec.name, date):
            return None
    except OutboxError as error:
        return DigestOutcome(spec.name, date, "failed", reason=str(error))
    path = workshop.outbox.folder(spec.name, date) / "index.html"
    reason = "this date's edition is there already; --force builds it again"
    return DigestOutcome(spec.name, date, "exists", path=str(path), reason=reason)


def _safely(
    spec: DigestSpec, date: str, build: Callable[[DigestSpec, str], DigestOutcome]
) -> DigestOutcome:
    """What `build` gives; what it raises costs this digest only."""
    try:
        return build(spec, date)
    except DigestError as error:
        return DigestOutcome(spec.name, date, "failed", reason=str(error))
    except Exception as error:
        # The other digests have done nothing to deserve this one's defect.
        log.exception("digest %s: unexpected error", spec.name)
        reason = f"unexpected {type(error).__name__}: {error} (please report it)"
        return DigestOutcome(spec.name, date, "failed", reason=reason)


def _build(
    workshop: Workshop,
    feeds: Sequence[Feed],
    outcomes: Sequence[FeedOutcome],
    now: datetime,
    force: bool,
    progress: Progress,
    spec: DigestSpec,
    date: str,
) -> DigestOutcome:
    failed = _failed(feeds, outcomes)
    articles = _candidates(workshop, spec, date, feeds, now)
    if not articles:
        return _nothing(spec, date, feeds, failed)
    encoder = RememberingEncoder(workshop.encoder, workshop.store, progress)
    documents = {document.id: document for document in article_documents(articles)}
    encoded = encoder.documents(list(documents.values()))
    topics, stories = _stories(spec, articles, encoded, encoder, feeds, now)
    # Only what is printed: a model that writes takes seconds an article.
    summarized = summarize(
        [documents[story.lead.id] for story in choose(stories, spec.max_stories)],
        encoded,
        workshop.summarizers.get(spec.summary.model, spec.summary.sentences, spec.summary.words),
        encoder.key,
        workshop.store,
        progress,
        again=force,
    )
    plan = Plan(
        digest=spec.name,
        title=spec.label,
        timezone=spec.timezone,
        template=spec.template,
        sender=spec.sender,
        topics=topics,
        max_stories=spec.max_stories,
    )
    edition = compose(
        plan,
        stories,
        summarized.summaries,
        feeds,
        failed,
        date=date,
        built=now,
        articles=len(articles),
    )
    path = _publish(workshop, edition)
    return DigestOutcome(
        spec.name,
        date,
        "built",
        path=path,
        articles=len(articles),
        stories=len(edition.stories),
        left_out=edition.left_out,
        encoded=encoder.encoded,
        summarized=summarized.fresh,
        remembered=summarized.remembered,
    )


def _stories(
    spec: DigestSpec,
    articles: Sequence[Article],
    encoded: Mapping[str, Encoded],
    encoder: RememberingEncoder,
    feeds: Sequence[Feed],
    now: datetime,
) -> tuple[tuple[str, ...], list[Story]]:
    """The digest's topics in their order, and its stories by rank."""
    wanted = None
    if spec.topics is not None:
        wanted = {name: description or "" for name, description in spec.topics.items()}
    topics = resolve(wanted, encoder.texts)
    chooser = TopicChooser(topics, encoder.texts)
    grouped = group(articles, encoded, chooser, {feed.name: feed for feed in feeds})
    weights = {feed.name: feed.weight for feed in feeds}
    ranked = rank(grouped, weights, now)
    return tuple(topic.name for topic in topics), ranked


def _publish(workshop: Workshop, edition: Edition) -> str:
    """Renders and writes the edition, then notes what it tells; gives the path of its page."""
    rendered = workshop.renderer.render(edition)
    files = {
        EDITION: dump_edition(edition),
        "index.html": rendered.html.encode(),
        "digest.txt": rendered.text.encode(),
        "digest.eml": build_message(edition, rendered),
    }
    log.info("digest %s: writing %d stories", edition.digest, len(edition.stories))
    if workshop.outbox.has(edition.digest, edition.date):
        # Forgotten first: after a crash in between, the next run learns what the edition that is
        # there then tells, whichever of the two it is.
        workshop.store.save_told(edition.digest, edition.date, ())
    folder = workshop.outbox.write(edition.digest, edition.date, files)
    workshop.store.save_told(edition.digest, edition.date, edition.told)
    return str(folder / "index.html")


def _candidates(
    workshop: Workshop, spec: DigestSpec, date: str, feeds: Sequence[Feed], now: datetime
) -> list[Article]:
    """The articles of the digest's window that none of its other editions has told."""
    _relearn(workshop, spec.name)
    since, late = None, None
    if spec.window is not None:
        since = now - spec.window
        before = [other for other in workshop.outbox.dates(spec.name) if other < date]
        earlier = _read(workshop, spec.name, before[-1]) if before else None
        if earlier is not None and earlier.built >= since - _LATE:
            late = (since - _OVERDUE, earlier.built)
    told = workshop.store.told(spec.name, date)
    # The same page may come again under another id: through a second feed of its house, after
    # a feed was renamed, or because the feed changed its guids.
    pages = workshop.store.told_pages(spec.name, date)
    found = workshop.store.articles([feed.name for feed in feeds], since, now, late)
    return [
        article
        for article in found
        if article.id not in told and (article.url, article.title) not in pages
    ]


def _relearn(workshop: Workshop, digest: str) -> None:
    """Notes what editions in the outbox tell where the store does not know it.

    So it is after a power cut between the two, or when the state was lost and the outbox kept.
    """
    known = workshop.store.told_dates(digest)
    for date in workshop.outbox.dates(digest):
        if date not in known:
            edition = _read(workshop, digest, date)
            if edition is not None:
                workshop.store.save_told(digest, date, edition.told)


def _read(workshop: Workshop, digest: str, date: str) -> Edition | None:
    """An earlier edition; None, with a warning, when it is damaged: that stops no run."""
    path = workshop.outbox.folder(digest, date) / EDITION
    try:
        return load_edition(workshop.outbox.read(digest, date), str(path))
    except OutboxError as error:
        log.warning("an earlier edition can't be read, what it told may be told again: %s", error)
        return None


def _failed(feeds: Sequence[Feed], outcomes: Sequence[FeedOutcome]) -> list[FailedFeed]:
    """The feeds that are missing, in words for readers, who need no hosts, paths and advice."""
    reasons = {outcome.feed: outcome.told for outcome in outcomes if outcome.status == "failed"}
    return [FailedFeed(feed.label, reasons[feed.name]) for feed in feeds if feed.name in reasons]


def _nothing(
    spec: DigestSpec, date: str, feeds: Sequence[Feed], failed: Sequence[FailedFeed]
) -> DigestOutcome:
    if feeds and len(failed) == len(feeds):
        reason = f"none of its feeds could be read ({_count(len(feeds), 'feed')} asked)"
        return DigestOutcome(spec.name, date, "failed", reason=reason)
    where = "at all" if spec.window is None else f"in the last {_span(spec.window)}"
    reason = f"no edition: nothing new {where} from {_count(len(feeds) - len(failed), 'feed')}"
    return DigestOutcome(spec.name, date, "empty", reason=reason)


def _span(window: timedelta) -> str:
    """A window in the largest unit that it is a whole number of."""
    minutes = round(window.total_seconds() / 60)
    for unit, length in (("day", 24 * 60), ("hour", 60)):
        # A day's window is called 24 hours, as feeds.yaml does.
        if minutes % length == 0 and minutes > length:
            return _count(minutes // length, unit)
    return _count(minutes, "minute")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _keep(workshop: Workshop, report: RunReport) -> None:
    try:
        workshop.store.save_run(report.started, report.seconds, report_json(report))
    except StoreError as error:  # the report is still printed, and the editions are out
        log.error("the run report could not be kept: %s", error)


def report_json(report: RunReport) -> dict[str, object]:
    """The report as JSON can hold it, times in ISO 8601."""
    return {**asdict(report), "started": report.started.isoformat()}
