"""`digest bounces import`: what mail servers report back, and whom nothing is sent to any more."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NowOption,
    complain,
    load_settings,
    moment,
    print_json,
    shown,
)

if TYPE_CHECKING:
    from digest.outbox.bounces import Judged, Proof, Returned
    from digest.store.store import Store
    from digest.subscribers.links import Links

bounces = typer.Typer(no_args_is_help=True, help="Mail that came back.")


@bounces.callback()
def _group() -> None:
    """Mail that came back."""


@bounces.command("import")
def import_(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Mailbox files, Maildir folders, folders of .eml files, .eml files; - is stdin.",
        ),
    ],
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Believe reports that hold no proof that they are genuine."),
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    now: NowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the reports in a mailbox, and send nothing more to addresses that are dead.

    Dead is what a server says isn't there (status 5.1.1 and the like). Other failures are listed
    and stop nobody. All other mail is left alone, and so is the mailbox; reading it again does no
    harm. Anybody can write a report: one counts when it returns a link that only the message to
    that address held, or, without DIGEST_PUBLIC_URL, its Message-ID.
    """
    settings = load_settings()
    at = moment(now)
    from digest.outbox.bounces import read_report
    from digest.pipeline.wiring import open_links
    from digest.store.store import Store

    counts: Counter[str] = Counter()
    store = Store(settings.database)
    try:
        proof = _proof(store, open_links(settings, store))
        for name, data in _messages(paths):
            report = read_report(data, proof)
            counts["messages"] += 1
            counts["other"] += report is None
            for judged in report or ():
                outcome = _take(store, judged, trust, at)
                counts[outcome] += 1
                _tell(name, judged, outcome, as_json)
    finally:
        store.close()
    read = counts["messages"]
    told = [f"{read} {'message' if read == 1 else 'messages'} read"]
    told += [f"{counts[outcome]} {words}" for outcome, words in _SUMMARY if counts[outcome]]
    complain(", ".join(told))
    if counts["unproven"]:
        complain("reports without proof may be forged; if you know them to be genuine, use --trust")
        taken = sum(counts[outcome] for outcome in ("dead", "known", "failed"))
        raise typer.Exit(SOME_FAILED if taken else NOTHING_DONE)


_SUMMARY = (
    ("dead", "addresses found dead"),
    ("known", "known to be dead already"),
    ("failed", "failures that stop nobody"),
    ("delayed", "delays"),
    ("unknown", "reports on nobody of the list"),
    ("unproven", "reports without proof, left alone"),
    ("other", "others left alone"),
)
_OUTCOMES = {
    "dead": "dead, nothing is sent there any more",
    "known": "known to be dead already",
    "failed": "came back, but the address is not dead",
    "delayed": "delayed; the server goes on trying",
    "unknown": "on no list",
    "unproven": "holds no proof that it is about our mail; left alone",
}


def _messages(paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """The messages of all paths. Raises UsageError."""
    from digest.outbox.mailfiles import messages, messages_of

    for path in paths:
        if path == "-":
            yield from messages_of(sys.stdin.buffer, shown(path))
        else:
            yield from messages(Path(path))


def _proof(store: Store, links: Links | None) -> Proof:
    """What shows that a report is about a message that we sent to an address.

    A link signed by us, which nobody has but whoever got that message. Where messages have none,
    for want of a public address, the Message-ID, which an outsider must at least think to make.
    """
    from digest.outbox.bounces import is_message_to
    from digest.subscribers.addresses import address_key, normalised

    def same(one: str, other: str) -> bool:
        try:
            return address_key(normalised(one)) == address_key(other)
        except ValueError:
            return False

    def proof(returned: Returned, address: str) -> bool:
        if links is None:
            return is_message_to(returned.message_id, _written(address))
        for purpose, token in returned.links:
            # However old: the report may be read long after the letter.
            names = _names(links, purpose, token)
            subscription = store.subscribers.subscription(*names) if names else None
            if subscription is not None and same(address, subscription.subscriber.address):
                return True
        return False

    return proof


def _names(links: Links, purpose: str, token: str) -> tuple[str, str] | None:
    if purpose == "confirm":
        return links.read("confirm", token) or links.has_expired(token)
    return links.read("unsubscribe" if purpose == "unsubscribe" else "preferences", token)


def _written(address: str) -> str:
    """The address as our messages write it, whatever the server made of its domain."""
    from digest.subscribers.addresses import normalised

    try:
        return normalised(address)
    except ValueError:
        return address


def _take(store: Store, judged: Judged, trust: bool, now: datetime) -> str:
    """Does what a report asks for; what came of it, as a key of `_OUTCOMES`."""
    from digest.outbox.bounces import edition_of

    bounce = judged.bounce
    if not judged.is_proven and not trust:
        return "unproven"
    if not bounce.failed:
        return "delayed"
    address = _written(bounce.address)
    edition = edition_of(bounce.message_id)
    if edition is not None:
        store.deliveries.bounced(*edition, address, bounce.reason, now)
    if not store.subscribers.of_address(address):
        return "unknown"
    if not bounce.dead:
        return "failed"
    return "dead" if store.subscribers.bounced(address, bounce.reason, now) else "known"


def _tell(name: str, judged: Judged, outcome: str, as_json: bool) -> None:
    from digest.text.masking import masked

    bounce = judged.bounce
    if as_json:
        print_json(
            {
                "message": name,
                "address": masked(bounce.address),
                "outcome": outcome,
                "status": bounce.status,
                "reason": bounce.reason,
                "message_id": bounce.message_id,
            }
        )
        return
    why = f" ({bounce.reason})" if bounce.reason else ""
    typer.echo(f"{name}: {masked(bounce.address)}: {_OUTCOMES[outcome]}{why}")
