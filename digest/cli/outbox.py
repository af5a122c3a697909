"""`digest outbox`: what waits, what went, what did not, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import DONE, SOME_FAILED, ConfigOption, JsonOption, load, print_json

if TYPE_CHECKING:
    from digest.pipeline.wiring import Workshop
    from digest.records import Delivery, EditionStatus

# What an editor looks back on: two weeks of a daily digest.
_RECENT = 14
# Most deliveries that are named one by one.
_NAMED = 100


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
    as_json: JsonOption = False,
) -> None:
    """Show the editions and their deliveries: what waits, what went and what did not, and why.

    Newest first. A delivery is `pending`, `deferred` (tried again), `sent`, `bounced`, or
    `unconfirmed`: the server may have it, nobody knows; `digest send EDITION --confirm` or
    `--retry` settles it. Exit status 1 when something calls for a person.
    """
    settings, configuration = load(config)
    from digest.pipeline.wiring import open_workshop

    digest, _, date = (wanted or "").strip("/").partition("/")
    with open_workshop(settings) as workshop:
        if date:
            from digest.pipeline.outgoing import named

            statuses = [named(workshop, configuration, wanted or "", datetime.now(UTC))]
        else:
            statuses = _recent(workshop, digest, most)
        rows = [_row(workshop, status, bool(date), addresses) for status in statuses]
        runs = [_run(row) for row in _reports(workshop)]
    if as_json:
        print_json({"editions": rows, "runs": runs})
    else:
        _print(rows, runs)
    calls = any(row["deliveries"].get("unconfirmed") or row["state"] == "failed" for row in rows)
    raise typer.Exit(SOME_FAILED if calls else DONE)


def _recent(workshop: Workshop, digest: str, most: int) -> list[EditionStatus]:
    found: list[EditionStatus] = []
    seen: dict[str, int] = {}
    for status in workshop.store.editions.statuses(digest or None):
        seen[status.digest] = seen.get(status.digest, 0) + 1
        if seen[status.digest] <= most:
            found.append(status)
    return found


def _row(workshop: Workshop, status: EditionStatus, named: bool, addresses: bool) -> dict[str, Any]:
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
        "deliveries": deliveries.counts(*key),
        "reasons": [
            {"state": state, "reason": reason, "count": count}
            for (state, reason), count in sorted(deliveries.reasons(*key).items())
            if reason
        ],
    }
    if named:
        troubled = deliveries.listed(
            *key, ("unconfirmed", "bounced", "deferred", "sending", "pending"), _NAMED
        )
        row["not_sent"] = [_delivery(one, addresses) for one in troubled]
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
        for one in row.get("not_sent", ()):
            tries = f", {one['attempts']} tries" if one["attempts"] else ""
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
    elif row["state"] == "approved" and row["send_at"]:
        line += f"  leaves at {_short(row['send_at'])}"
    if row["reason"]:
        line += f"  {row['reason']}"
    if row["next_try"] and row["state"] in ("approved", "sending", "failed"):
        line += f"  next try {_short(row['next_try'])}"
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
