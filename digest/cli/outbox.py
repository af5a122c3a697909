"""`digest outbox`: what waits, what went, what did not, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import DONE, SOME_FAILED, ConfigOption, JsonOption, load, print_json
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.pipeline.wiring import Workshop
    from digest.records import Delivery, DeliveryState, EditionStatus
    from digest.store.store import Store

# What an editor looks back on: two weeks of a daily digest.
_RECENT = 14
# Most deliveries that are named one by one.
_NAMED = 100
_NOT_SENT: tuple[DeliveryState, ...] = (
    "unconfirmed",
    "bounced",
    "deferred",
    "sending",
    "pending",
)
# `digest serve` looks every few seconds: what should have been tried so long ago nobody tries.
_OVERDUE = timedelta(minutes=2)
# An edition that could not be built or sent is of no use to anybody a month later.
_FAILED_LATELY = timedelta(days=30)
# Servers that put messages off are given up after the setting's hours; with the waits between tries
# that is over a day later at the latest.
_DAWDLES = timedelta(days=1)


def outbox(
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|EDITION]",
            help="A digest, or an edition such as morning/2026-03-02, whose deliveries that did "
            "not go well are named then.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="Most editions of each digest.")
    ] = _RECENT,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Show addresses whole, not masked.")
    ] = False,
    everybody: Annotated[
        bool, typer.Option("--all", help="With an edition: name those who have it, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the editions and their deliveries: what waits, what went and what did not, and why.

    Newest first. A delivery is `pending`, `deferred` (tried again), `sent`, `bounced`, or
    `unconfirmed`: the server may have it, nobody knows; `digest send EDITION --confirm` or
    `--retry` settles it. Editions that are being sent or call for a person are shown
    however old they are. Exit status 1 when something calls for a person: a delivery is
    unconfirmed, an edition failed within the last 30 days, or waits since something went wrong.
    """
    settings, configuration = load(config)
    from digest.pipeline.wiring import open_workshop

    now = datetime.now(UTC)
    retry = timedelta(hours=settings.send_retry_hours)
    digest, _, date = (wanted or "").strip("/").partition("/")
    with open_workshop(settings) as workshop:
        if date:
            from digest.pipeline.outgoing import named

            statuses = [named(workshop, configuration, wanted or "", now)]
        else:
            statuses = _shown(workshop.store, digest, most, retry, now)
            if digest and not statuses and configuration.digest(digest) is None:
                there = ", ".join(spec.name for spec in configuration.digests)
                raise UsageError(f"there is no digest {digest!r}; digests here: {there}")
        states = _NOT_SENT if not everybody else (*_NOT_SENT, "sent")
        rows = [
            _row(workshop, status, states if date else (), addresses, now) for status in statuses
        ]
        runs = [_run(row) for row in _reports(workshop)]
    if as_json:
        print_json({"editions": rows, "runs": runs})
    else:
        _print(rows, runs)
    calls = any(
        row["deliveries"].get("unconfirmed") or is_in_trouble(status, retry, now)
        for row, status in zip(rows, statuses, strict=True)
    )
    raise typer.Exit(SOME_FAILED if calls else DONE)


def is_in_trouble(status: EditionStatus, retry: timedelta, now: datetime) -> bool:
    """Whether an edition calls for a person, its deliveries apart.

    It failed of late, or waits although it could leave, or is being sent for longer than servers
    are tried again (`retry`).
    """
    if status.state == "failed":
        return now - status.updated <= _FAILED_LATELY
    if status.state not in ("approved", "sending"):
        return False
    begun = status.started if status.state == "sending" else None
    return status.attempts > 0 or (begun is not None and now - begun > retry + _DAWDLES)


def troubled(store: Store, retry: timedelta, now: datetime) -> list[tuple[EditionStatus, int]]:
    """The editions that call for a person, oldest first, and how many are unconfirmed of each."""
    unconfirmed = store.deliveries.with_state("unconfirmed")
    found = {
        (one.digest, one.date): one
        for one in store.editions.statuses(states=("approved", "sending", "failed"))
        if is_in_trouble(one, retry, now)
    }
    for key in unconfirmed.keys() - found.keys():
        status = store.editions.status(*key)
        if status is not None:
            found[key] = status
    rows = sorted(found.values(), key=lambda one: (one.date, one.digest))
    return [(one, unconfirmed.get((one.digest, one.date), 0)) for one in rows]


def _shown(
    store: Store, digest: str, most: int, retry: timedelta, now: datetime
) -> list[EditionStatus]:
    """`most` of each digest, what is being sent, and what calls for a person; newest first."""
    unconfirmed = store.deliveries.with_state("unconfirmed")
    found: list[EditionStatus] = []
    seen: dict[str, int] = {}
    for status in store.editions.statuses(digest or None):
        seen[status.digest] = seen.get(status.digest, 0) + 1
        if (
            seen[status.digest] <= most
            or status.state == "sending"
            or is_in_trouble(status, retry, now)
            or (status.digest, status.date) in unconfirmed
        ):
            found.append(status)
    return found


def _row(
    workshop: Workshop,
    status: EditionStatus,
    named: tuple[DeliveryState, ...],
    addresses: bool,
    now: datetime,
) -> dict[str, Any]:
    """An edition as JSON; deliveries in the states `named` are listed one by one."""
    deliveries = workshop.store.deliveries
    key = (status.digest, status.date)
    row: dict[str, Any] = {
        "edition": status.name,
        "state": status.state,
        "reason": status.reason,
        "built": _iso(status.built),
        "send_at": _iso(status.send_at),
        "started": _iso(status.started),
        "finished": _iso(status.finished),
        "next_try": _iso(status.not_before),
        "overdue": status.state in ("approved", "sending")
        and status.not_before is not None
        and now - status.not_before > _OVERDUE,
        "deliveries": deliveries.counts(*key),
        "reasons": [
            {"state": state, "reason": reason, "count": count}
            for (state, reason), count in sorted(deliveries.reasons(*key).items())
            if reason
        ],
    }
    if named:
        most = None if "sent" in named else _NAMED
        found = deliveries.listed(*key, named, most)
        row["recipients"] = [_delivery(one, addresses) for one in found]
    return row


def _delivery(delivery: Delivery, whole: bool) -> dict[str, Any]:
    from digest.text.masking import masked

    return {
        "address": delivery.address if whole else masked(delivery.address),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "tried": _iso(delivery.tried),
        "next_try": _iso(delivery.not_before),
        "reason": delivery.reason,
    }


def _reports(workshop: Workshop) -> list[dict[str, Any]]:
    """The last report of each kind."""
    return [*workshop.store.runs("run"), *workshop.store.runs("send")]


def _run(row: dict[str, Any]) -> dict[str, Any]:
    report = row["report"]
    return {
        "kind": row["kind"],
        "started": _iso(row["started"]),
        "seconds": row["seconds"],
        "report": report,
    }


def _print(rows: list[dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("no edition yet; `digest run` builds one")
    for row in rows:
        typer.echo(_line(row))
        for why in row["reasons"]:
            typer.echo(f"  {why['count']} {why['state']}: {why['reason']}")
        for one in row.get("recipients", ()):
            count = one["attempts"]
            tries = f", {count} {'try' if count == 1 else 'tries'}" if count else ""
            reason = f": {one['reason']}" if one["reason"] else ""
            typer.echo(f"  {one['address']} {one['state']}{tries}{reason}")
        if row["deliveries"].get("unconfirmed"):
            typer.echo(
                f"  settle with: digest send {row['edition']} --confirm (they have it) or --retry"
            )
    for run in runs:
        typer.echo(_run_line(run))


def _line(row: dict[str, Any]) -> str:
    counts = row["deliveries"]
    line = f"{row['edition']}  {row['state']}"
    if counts:
        told = [f"{counts[state]} {state}" for state in _ORDER if counts.get(state)]
        line += f"  {', '.join(told)}"
    elif row["state"] == "approved":
        leaves = (
            f"leaves at {_short(row['send_at'])}" if row["send_at"] else "`digest send` sends it"
        )
        line += f"  {leaves}"
    elif row["state"] == "draft":
        line += f"  waits for `digest approve {row['edition']}`"
    if row["reason"]:
        line += f"  {row['reason']}"
    if row["next_try"] and row["state"] in ("approved", "sending", "failed"):
        line += f"  next try {_short(row['next_try'])}"
        if row["overdue"]:
            line += ", overdue: is `digest serve` running?"
    return line


_ORDER = ("sent", "pending", "sending", "deferred", "unconfirmed", "bounced")


def _run_line(run: dict[str, Any]) -> str:
    report = run["report"]
    when = f"{_short(run['started'])}, {run['seconds']:.1f} s"
    if run["kind"] == "send":
        tried = ", ".join(f"{count} {state}" for state, count in report["tried"].items())
        return f"last sending: {when}: {report['digest']}/{report['date']}: {tried or 'nothing'}"
    done = ", ".join(f"{one['digest']} {one['status']}" for one in report["digests"])
    failed = sum(one["status"] == "failed" for one in report["feeds"])
    feeds = f"; {failed} of {len(report['feeds'])} feeds failed" if failed else ""
    return f"last run: {when}: {done or 'no digest'}{feeds}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _short(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"
