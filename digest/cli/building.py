"""`digest run` and `digest fetch`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    DONE,
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NamesArgument,
    NowOption,
    chosen,
    complain,
    finding_line,
    load,
    moment,
    print_json,
    progress_bar,
    read_text,
)
from digest.cli.sending import print_reports, send_status
from digest.cli.stopping import until_signal
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config, DigestSpec, Settings
    from digest.pipeline.wiring import Workshop
    from digest.records import DigestOutcome, FeedOutcome, RunReport, SendReport
    from digest.service.service import DueReport, Waiting

# About 500 words: a long editorial, and a tenth of what an e-mail may weigh.
_NOTE = 3000

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="24h|all",
        help="How far back to take articles, instead of what feeds.yaml says.",
        show_default=False,
    ),
]


def run(
    names: NamesArgument = None,
    config: ConfigOption = None,
    now: NowOption = None,
    window: WindowOption = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Build an edition again that is there already, and its summaries with it.",
        ),
    ] = False,
    note: Annotated[
        str | None,
        typer.Option(
            "--note",
            metavar="TEXT",
            help="What the editors say at the top; paragraphs are parted by an empty line. "
            "`-` reads standard input. With --force an earlier note stays unless you give another.",
            show_default=False,
        ),
    ] = None,
    scheduled: Annotated[
        bool,
        typer.Option(
            "--scheduled",
            help="Build and send only what the schedule says is due and not done yet, for cron "
            "and systemd timers; as `digest serve` does it.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build today's edition of each digest into the outbox.

    Fetches the feeds, summarises what is new, groups it into stories and topics, and writes
    `outbox/<digest>/<date>/` with index.html, digest.txt, digest.md, digest.eml and edition.json;
    `outbox/<digest>/` lists all editions, in index.html and atom.xml. An edition that is there
    already is left alone, so running twice does no harm.
    """
    settings, configuration = load(config)
    digests = _with_window(chosen(configuration, names), window)
    at = moment(now)
    said = _paragraphs(note)
    if scheduled:
        if force or window is not None or note is not None:
            raise UsageError("--scheduled takes no --force, --window or --note")
        turn = _run_due(settings, configuration, digests, at, is_now=now is None)
        if turn is None:
            complain("stopped in the middle of a build; the next turn takes it up")
            raise typer.Exit(SOME_FAILED)
        report_due, is_tidy = turn
        print_json(due_json(report_due)) if as_json else print_due(report_due)
        raise typer.Exit(due_status(report_due) or (DONE if is_tidy else SOME_FAILED))
    from digest.pipeline.run import report_json
    from digest.pipeline.run import run as run_digests
    from digest.pipeline.wiring import open_workshop

    with open_workshop(settings) as workshop:
        with progress_bar() as progress:
            report = run_digests(
                workshop, configuration, digests, at, force=force, note=said, progress=progress
            )
        ways = [way for outcome in report.digests if (way := _way_out(workshop, outcome))]
    if as_json:
        print_json(report_json(report))
    else:
        print_report(report)
    for way in ways:
        complain(way)
    raise typer.Exit(run_status(report))


def fetch(
    names: NamesArgument = None,
    config: ConfigOption = None,
    now: NowOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Ask feeds, too, that it is too early to ask again."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the feeds and store what is new; build nothing.

    Prints a row a feed: what came, what of it was new, or why nothing came. Feeds that failed, or
    that asked for it, are left in peace for a while.
    """
    settings, configuration = load(config)
    digests = chosen(configuration, names)
    at = moment(now)
    from digest.pipeline.run import fetch_only, report_json
    from digest.pipeline.wiring import open_workshop

    with open_workshop(settings) as workshop, progress_bar() as progress:
        report = fetch_only(workshop, configuration, digests, at, force=force, progress=progress)
    if as_json:
        print_json(report_json(report))
    else:
        for outcome in report.feeds:
            typer.echo(feed_line(outcome))
        counts = Counter(outcome.status for outcome in report.feeds)
        complain(", ".join(f"{count} {status}" for status, count in counts.items()))
    failed = sum(outcome.status == "failed" for outcome in report.feeds)
    if failed:
        raise typer.Exit(NOTHING_DONE if failed == len(report.feeds) else SOME_FAILED)


def run_status(report: RunReport) -> int:
    """The exit status that a run's report calls for."""
    broken = [outcome for outcome in report.digests if outcome.status == "failed"]
    if broken and len(broken) == len(report.digests):
        return NOTHING_DONE
    if broken or any(outcome.status == "failed" for outcome in report.feeds):
        return SOME_FAILED
    if any(found.severity == "error" for outcome in report.digests for found in outcome.findings):
        return SOME_FAILED
    return DONE


def _way_out(workshop: Workshop, outcome: DigestOutcome) -> str:
    """How an edition that was built by hand leaves, in a line; empty where mail is no matter."""
    if outcome.status != "built":
        return ""
    readers = workshop.store.subscribers.counts().get((outcome.digest, "active"), 0)
    status = workshop.store.editions.status(outcome.digest, outcome.date)
    if status is None or not (readers or workshop.mail is not None):
        return ""
    newest = workshop.outbox.dates(outcome.digest)[-1:] == [outcome.date]
    name = outcome.digest if newest else status.name
    way = f"`digest send {name}` sends it"
    if status.state == "draft":
        way = f"`digest approve {name}` first, then {way}"
    elif status.send_at is not None:
        way += f" now, `digest serve` at {status.send_at:%Y-%m-%d %H:%M} UTC"
    where = "" if workshop.mail is not None else "; it needs DIGEST_SMTP_URL"
    return f"{status.name}: {way}{where}"


def _run_due(
    settings: Settings,
    config: Config,
    digests: Sequence[DigestSpec],
    at: datetime,
    *,
    is_now: bool,
) -> tuple[DueReport, bool] | None:
    """One turn of the service, and whether it kept house, which it does once a day.

    With a made-up time all happens at that time.

    None when SIGTERM or Ctrl-C came in the middle of a build.
    """
    from digest.cli.logs import take_structlog
    from digest.cli.tidying import tidied
    from digest.pipeline.wiring import open_workshop
    from digest.service.service import Stopped, run_due

    take_structlog()
    with open_workshop(settings) as workshop, progress_bar() as bar, until_signal() as stop:

        def progress(stage: str, done: int, total: int) -> None:
            bar(stage, done, total)
            if stop.is_set():
                raise Stopped

        try:
            report = run_due(
                workshop,
                config,
                digests,
                at,
                timedelta(hours=settings.misfire_grace_hours),
                clock=(lambda: datetime.now(UTC)) if is_now else (lambda: at),
                progress=progress,
                stop=stop,
            )
        except Stopped:
            return None
        return report, tidied(workshop, config, settings.keep_days, at, stop)


def due_status(report: DueReport) -> int:
    """The exit status that a turn of the service calls for.

    Nothing due is nothing wrong, nor is it what servers put off: that is tried again by itself.
    """
    parts = [run_status(report.run)] if report.run is not None else []
    told = [sent for sent in report.sent if not _only_waits(sent)]
    parts += [send_status(told)] if told else []
    if not parts or set(parts) == {DONE}:
        return DONE
    return NOTHING_DONE if set(parts) == {NOTHING_DONE} else SOME_FAILED


def _only_waits(report: SendReport) -> bool:
    on_its_way = {"sent", "pending", "sending", "deferred"}
    return report.state == "sending" and not report.reason and set(report.counts) <= on_its_way


def due_json(report: DueReport) -> dict[str, object]:
    """The report as JSON can hold it, times in ISO 8601."""
    from digest.pipeline.delivering import send_json
    from digest.pipeline.run import report_json

    return {
        "skipped": [
            {
                "digest": skip.due.digest,
                "date": skip.due.date,
                "due": skip.due.moment.isoformat(),
                "reason": skip.reason,
            }
            for skip in report.skipped
        ],
        "run": None if report.run is None else report_json(report.run),
        "sent": [send_json(sent) for sent in report.sent],
        "letters": report.letters,
        "waiting": [
            {**asdict(one), "until": one.until.isoformat() if one.until else None}
            for one in report.waiting
        ],
    }


def print_due(report: DueReport) -> None:
    """What a look at the schedule led to, in words."""
    for skip in report.skipped:
        complain(f"{skip.due.digest} {skip.due.date}: no edition: {skip.reason}")
    if report.run is not None:
        print_report(report.run)
    print_reports(list(report.sent), as_json=False)
    if report.letters:
        typer.echo(f"{_count(report.letters, 'letter')} sent that ask to confirm a subscription")
    for one in report.waiting:
        typer.echo(_waiting_line(one))
    if report.is_empty:
        typer.echo("nothing is due, and nothing waits to be sent")


def _waiting_line(one: Waiting) -> str:
    line = f"{one.digest}/{one.date}: "
    count = f"{one.left} of {one.total} " if one.total else ""
    line += f"{count}wait{'' if one.left > 1 else 's'}"
    line += f" until {one.until:%H:%M} UTC" if one.until else ""
    return line + (f": {one.reason}" if one.reason else "")


def print_report(report: RunReport) -> None:
    """The report in words: results to stdout, what went wrong to stderr."""
    for outcome in report.digests:
        typer.echo(_digest_line(outcome))
        if outcome.path:
            typer.echo(f"  {outcome.path}")
        _print_findings(outcome)
    counts = {
        status: sum(outcome.status == status for outcome in report.feeds)
        for status in ("fetched", "unchanged", "waiting", "failed")
    }
    new = sum(outcome.new for outcome in report.feeds)
    updated = sum(outcome.updated for outcome in report.feeds)
    summarized = sum(outcome.summarized for outcome in report.digests)
    asked = sum(outcome.asked for outcome in report.feeds)
    spared = len(report.feeds) - asked
    waiting = f" ({spared} not yet again)" if spared else ""
    typer.echo(
        f"{_count(asked, 'feed')} asked{waiting}: {counts['fetched']} fetched, "
        f"{counts['unchanged']} unchanged, {counts['failed']} failed; "
        f"{_count(new, 'new article')}, {updated} updated, {summarized} summarised; "
        f"{report.seconds:.1f} s"
    )
    # Notes on feeds that work all the same are for `digest fetch` and `digest feeds check`.
    for feed in report.feeds:
        if feed.status == "failed" or (feed.told and not feed.asked):
            complain(f"  feed {feed.feed}: {feed.reason}")
    if report.feeds and all(feed.reason.startswith("no such host") for feed in report.feeds):
        complain("  no host name could be resolved: is the network up?")


def _print_findings(outcome: DigestOutcome) -> None:
    """What the lint found: all errors, of the warnings only how many there are."""
    for finding in outcome.findings:
        if finding.severity == "error":
            complain(f"  {finding_line(finding)}")
    if warnings := sum(finding.severity == "warning" for finding in outcome.findings):
        edition = f"{outcome.digest}/{outcome.date}"
        complain(f"  {_count(warnings, 'warning')}; `digest lint {edition}` shows all")


def _digest_line(outcome: DigestOutcome) -> str:
    head = f"{outcome.digest} {outcome.date}: "
    if outcome.status == "built":
        left = f", {outcome.left_out} left out for want of room" if outcome.left_out else ""
        left += f" ({outcome.trimmed} of them for an e-mail's size)" if outcome.trimmed else ""
        left += f", {outcome.retold} told before" if outcome.retold else ""
        updates = f" ({_count(outcome.updates, 'update')})" if outcome.updates else ""
        return head + (
            f"{_count(outcome.stories, 'story', 'stories')}{updates} from "
            f"{_count(outcome.articles, 'article')}{left} "
            f"({outcome.summarized} summarised now, {outcome.remembered} remembered)"
        )
    return head + outcome.reason


def feed_line(outcome: FeedOutcome) -> str:
    """A feed's outcome in a line."""
    if outcome.status == "failed":
        return f"{outcome.feed}: failed: {outcome.reason}"
    if outcome.status == "waiting":
        return f"{outcome.feed}: {outcome.reason}"
    words = f"{outcome.feed}: {outcome.status}, {_count(outcome.entries, 'entry', 'entries')}"
    if outcome.status == "fetched":
        words += f", {outcome.new} new, {outcome.updated} updated"
    if outcome.pages:
        words += f", {_count(outcome.pages, 'full text')}"
    return "; ".join([f"{words}, {outcome.seconds:.1f} s", *outcome.notes])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _paragraphs(note: str | None) -> tuple[str, ...] | None:
    """The editors' note, a text a paragraph. Raises UsageError for one that is too long."""
    if note is None:
        return None
    text = read_text("-") if note == "-" else note
    if len(text) > _NOTE:
        raise UsageError(
            f"--note: {len(text):,} characters are an article; at most {_NOTE:,} stand at the top"
        )
    return tuple(" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip())


def _with_window(digests: list[DigestSpec], window: str | None) -> list[DigestSpec]:
    if window is None:
        return digests
    from digest.config.fields import parse_window

    try:
        wanted = parse_window(window)
    except ValueError as error:
        raise UsageError(f"--window: {error}") from error
    return [spec.model_copy(update={"window": wanted}) for spec in digests]
