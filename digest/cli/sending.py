"""`digest send` and `digest approve`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    DONE,
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    complain,
    load,
    print_json,
    progress_bar,
)
from digest.cli.stopping import until_signal
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config
    from digest.pipeline.wiring import Workshop
    from digest.records import EditionStatus, SendReport

_NO_MAIL = (
    "DIGEST_SMTP_URL isn't set, so nothing can be sent; for example "
    "smtp://user:password@mail.example.org:587, or maildir:FOLDER to try"
)

# Most drafts that are named, newest first.
_DRAFTS = 5

EditionOption = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|EDITION]",
        help="A digest (its newest edition) or an edition such as morning/2026-03-02; what waits "
        "when left out.",
        show_default=False,
    ),
]


def send(
    wanted: EditionOption = None,
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent to how many; send nothing.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="Send a test copy to this address only; it counts for nothing.",
            show_default=False,
        ),
    ] = None,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm", help="The unconfirmed deliveries of the edition have arrived; note it."
        ),
    ] = False,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry", help="The unconfirmed deliveries have not arrived; send them again."
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ADDRESS",
            help="With --confirm or --retry: just this one. May be given several times.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send an edition to its subscribers, or what waits in the outbox.

    Without a name: the newest edition of each digest that is approved, and whatever is being sent
    already. Each subscriber gets a copy once; what a server puts off is tried again later, by
    `digest serve` or the next `digest send`. A message whose fate is unknown is never sent again by
    itself: `digest outbox` lists it, --confirm or --retry settles it. Ctrl-C ends after the message
    in hand.
    """
    _check(wanted, dry_run, to, confirm, retry, only)
    settings, configuration = load(config)
    from digest.pipeline.wiring import open_workshop

    with open_workshop(settings) as workshop:
        if workshop.mail is None and not dry_run and not confirm:
            raise UsageError(_NO_MAIL)
        statuses = _statuses(workshop, configuration, wanted)
        if to is not None:
            status = _try(workshop, statuses, to, as_json)
        elif dry_run:
            status = _show(workshop, statuses, as_json)
        elif confirm:
            status = _confirm(workshop, statuses[0], only or [], as_json)
        else:
            status = _send(workshop, statuses, wanted is not None, retry, only or [], as_json)
    raise typer.Exit(status)


def approve(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="NAME|EDITION",
            help="A digest (its newest edition) or an edition such as morning/2026-03-02.",
            show_default=False,
        ),
    ],
    config: ConfigOption = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Take the approval back, until sending starts.")
    ] = False,
) -> None:
    """Approve an edition of a digest that has `review: true`, so that it may be sent.

    `digest serve` sends it then at its time, or at once when that is over; `digest send` sends it
    now.
    """
    settings, configuration = load(config)
    from digest.pipeline.approving import approve as approve_edition
    from digest.pipeline.editing import complete
    from digest.pipeline.outgoing import named
    from digest.pipeline.outgoing import take_back as take_approval_back
    from digest.pipeline.wiring import open_workshop

    now = datetime.now(UTC)
    with open_workshop(settings) as workshop:
        status = named(workshop, configuration, wanted, now)
        if take_back:
            take_approval_back(workshop, status, now)
            typer.echo(f"{status.name} is a draft again")
            return
        already = " already" if status.state == "approved" else ""
        if not already:
            with progress_bar() as progress:
                complete(workshop, status.digest, status.date, now, progress)
            status = approve_edition(workshop, status.digest, status.date, now)
        when = "`digest send` sends it now, `digest serve` at its time, if that is to come"
        if status.send_at is not None:
            when = f"`digest serve` sends it at {max(status.send_at, now):%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{status.name} is approved{already}; {when}")


def _check(
    wanted: str | None,
    dry_run: bool,
    to: str | None,
    confirm: bool,
    retry: bool,
    only: list[str] | None,
) -> None:
    """Raises UsageError for options that don't go together."""
    if sum((dry_run, to is not None, confirm, retry)) > 1:
        raise UsageError("choose one of --dry-run, --to, --confirm and --retry")
    if (confirm or retry) and wanted is None:
        raise UsageError("name the edition: digest send morning/2026-03-02 --confirm")
    if only and not (confirm or retry):
        raise UsageError("--only goes with --confirm or --retry")


def _statuses(workshop: Workshop, configuration: Config, wanted: str | None) -> list[EditionStatus]:
    from digest.pipeline.outgoing import named, waiting

    if wanted is not None:
        return [named(workshop, configuration, wanted, datetime.now(UTC))]
    return waiting(workshop, [spec.name for spec in configuration.digests])


def _send(
    workshop: Workshop,
    statuses: list[EditionStatus],
    by_name: bool,
    retry: bool,
    only: list[str],
    as_json: bool,
) -> int:
    from digest.pipeline.delivering import deliver
    from digest.pipeline.outgoing import not_to_send, release, settle

    now = datetime.now(UTC)
    if retry:
        count = settle(workshop, statuses[0], now, arrived=False, addresses=only)
        if not count:
            complain(f"{statuses[0].name}: nothing is unconfirmed")
            return DONE
        statuses = [workshop.store.editions.status(one.digest, one.date) or one for one in statuses]
    elif by_name:
        statuses = [release(workshop, status, now) for status in statuses]
    if not statuses:
        drafts = workshop.store.editions.statuses(states=("draft",))
        complain("nothing waits to be sent; `digest outbox` shows what there is")
        for draft in drafts[:_DRAFTS]:
            complain(not_to_send(draft))
        return DONE
    with until_signal() as stop:
        reports = deliver(workshop, lambda: datetime.now(UTC), editions=statuses, stop=stop)
    if not reports:
        complain(
            "another process sends from this state folder now (`digest serve`, or another `digest "
            "send`); it takes this along, `digest outbox` shows how far it is"
        )
        return SOME_FAILED
    print_reports(reports, as_json)
    return send_status(reports)


def print_reports(reports: list[SendReport], as_json: bool) -> None:
    """What became of each edition: a line each to stdout, or JSON."""
    from digest.pipeline.delivering import send_json

    for report in reports:
        if as_json:
            print_json(send_json(report))
        else:
            typer.echo(report_line(report))


def report_line(report: SendReport) -> str:
    """A report in a line: how far the edition is, who has it, and what it waits for."""
    total = sum(report.counts.values())
    sent = report.counts.get("sent", 0)
    parts = [f"{report.digest}/{report.date}: {report.state}, {sent} of {total} have it"]
    parts += [
        f"{count} {state}"
        for state, count in sorted(report.counts.items())
        if state != "sent" and count
    ]
    line = ", ".join(parts)
    if report.reason:
        line += f"; {report.reason}"
    if report.waits_until is not None:
        line += f"; next try at {report.waits_until:%H:%M:%S} UTC"
    return line


def send_status(reports: list[SendReport]) -> int:
    """The exit status that reports on sending call for.

    What a server puts off is listed (1), and no failure yet; an edition for nobody is none at all.
    """

    def good(report: SendReport) -> bool:
        return report.state in ("sent", "skipped") and set(report.counts) <= {"sent"}

    def went_on(report: SendReport) -> bool:
        stuck = report.reason and not report.tried.get("sent")
        return report.state == "sent" or (report.state == "sending" and not stuck)

    if all(map(good, reports)):
        return DONE
    return SOME_FAILED if any(map(went_on, reports)) else NOTHING_DONE


def _confirm(workshop: Workshop, status: EditionStatus, only: list[str], as_json: bool) -> int:
    from digest.pipeline.outgoing import settle

    count = settle(workshop, status, datetime.now(UTC), arrived=True, addresses=only)
    if as_json:
        print_json({"edition": status.name, "confirmed": count})
    else:
        typer.echo(f"{status.name}: {count} confirmed")
    return DONE


def _show(workshop: Workshop, statuses: list[EditionStatus], as_json: bool) -> int:
    """What would be sent, and nothing else."""
    from digest.pipeline.outgoing import not_to_send, outgoing

    for status in statuses:
        if status.state not in ("draft", "approved", "skipped"):
            complain(f"nothing would be sent: {not_to_send(status)}")
            continue
        found = outgoing(workshop, status)
        values: dict[str, Any] = {
            "edition": status.name,
            "state": status.state,
            "subject": found.edition.subject,
            "from": found.edition.sender,
            "recipients": found.recipients,
            "partial": found.partial,
            "without_stories": found.nothing,
        }
        if as_json:
            print_json(values)
            continue
        typer.echo(f"{status.name} ({status.state}): {found.edition.subject}")
        line = f"  from {found.edition.sender} to {found.recipients}"
        if found.partial:
            line += f", of whom {found.partial} get some topics or languages only"
        if found.nothing:
            line += f"; {found.nothing} more get nothing: it has no story of what they chose"
        typer.echo(line)
    if not statuses:
        complain("nothing waits to be sent")
    return DONE


def _try(workshop: Workshop, statuses: list[EditionStatus], to: str, as_json: bool) -> int:
    """A test copy to one address: of the one edition named, or of each that waits."""
    from digest.pipeline.outgoing import copy_to_try
    from digest.subscribers.addresses import normalised

    try:
        address = normalised(to)
    except ValueError as error:
        raise UsageError(f"--to {to!r}: {error}") from error
    if not statuses or workshop.mail is None:
        raise UsageError("no edition waits; name one: digest send morning --to you@example.org")
    failed = 0
    transport = workshop.mail.open_transport()
    try:
        for status in statuses:
            receipt = transport.send(copy_to_try(workshop, status, address))
            failed += receipt.outcome != "sent"
            values = {"edition": status.name, "to": address, "outcome": receipt.outcome}
            if as_json:
                print_json({**values, "reason": receipt.reason})
            else:
                reason = f": {receipt.reason}" if receipt.reason else ""
                typer.echo(f"{status.name}: test copy to {address}: {receipt.outcome}{reason}")
    finally:
        transport.close()
    return NOTHING_DONE if failed else DONE
