"""What the commands about subscribers share: options, the store, which digest, which topics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from digest.cli.common import complain
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config, DigestSpec, Settings
    from digest.records import NewSubscriber, Subscription
    from digest.store.subscribers import Subscribers

DigestOption = Annotated[
    str | None,
    typer.Option(
        "--digest",
        metavar="NAME",
        help="A digest of feeds.yaml; may be left out when there is only one.",
        show_default=False,
    ),
]
AnyDigestOption = Annotated[
    str | None,
    typer.Option("--digest", metavar="NAME", help="Only this digest.", show_default=False),
]
StateOption = Annotated[
    str, typer.Option("--state", help="Only these: pending, active, ended, or dead addresses.")
]
ConsentOption = Annotated[
    str,
    typer.Option("--consent", metavar="TEXT", help="How they agreed, in words; kept with them."),
]
ConfirmOption = Annotated[
    bool,
    typer.Option("--confirm", help="Ask each by a letter first; without it, you vouch for them."),
]
AgainOption = Annotated[
    bool,
    typer.Option("--again", help="Also who left or has a dead address, since they asked for it."),
]

STATES = ("pending", "active", "ended", "dead")
"""How a subscription can be, as the commands show it."""

REFUSED = {
    "left": "has left the list; if they asked to come back, use --again",
    "dead": "mail to this address came back, there is no such mailbox; if that has changed, use "
    "--again",
}
"""Why somebody isn't taken, by what became of them (`store.subscribing.Subscribed`)."""

Outcome = Literal["added", "updated", "there", "left", "dead", "asked", "back"]
"""As `store.subscribing.Subscribed`; `back` who had left, or whose address was dead."""


@contextmanager
def list_of(settings: Settings) -> Iterator[Subscribers]:
    """The subscribers of the database, which is made if it isn't there. Raises StoreError."""
    from digest.store.store import Store

    store = Store(settings.database)
    try:
        yield store.subscribers
    finally:
        store.close()


@contextmanager
def list_if_any(settings: Settings) -> Iterator[Subscribers | None]:
    """The subscribers, or None where there is no database yet: looking at it makes none."""
    if settings.database_url is None and not (settings.state_dir / "digest.db").exists():
        yield None
        return
    with list_of(settings) as people:
        yield people


def subscribed(
    people: Subscribers,
    digest: str,
    given: Sequence[NewSubscriber],
    now: datetime,
    *,
    confirm: bool = False,
    again: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Subscribes `given`, and says of each what became of them, in order. Raises StoreError."""
    # Once without `again`, for nothing: what would have kept them off is what they come back from.
    without = people.subscribe(digest, given, now, confirm=confirm, dry_run=True) if again else []
    outcomes: list[Outcome] = [
        outcome
        for _, outcome in people.subscribe(
            digest, given, now, confirm=confirm, again=again, dry_run=dry_run
        )
    ]
    for place, (_, before) in enumerate(without):
        if before in REFUSED and outcomes[place] in ("added", "updated", "there"):
            outcomes[place] = "back"
    return outcomes


def digest_named(configuration: Config, name: str | None) -> DigestSpec:
    """The digest of that name, or the only one. Raises UsageError."""
    there = [spec.name for spec in configuration.digests]
    if name is None and len(there) > 1:
        raise UsageError(f"feeds.yaml has several digests; name one: --digest {there[0]}")
    for spec in configuration.digests:
        if name in (None, spec.name):
            return spec
    raise UsageError(f"there is no digest {name!r} in feeds.yaml; it has: {', '.join(there)}")


def check_digest(people: Subscribers, configuration: Config, name: str | None) -> None:
    """Raises UsageError where neither feeds.yaml nor a list has that digest."""
    there = {spec.name for spec in configuration.digests} | {one for one, _ in people.counts()}
    if name is not None and name not in there:
        raise UsageError(f"there is no digest {name!r}; there are: {', '.join(sorted(there))}")


def topics_of(spec: DigestSpec) -> list[str] | None:
    """The topics that the digest can have; None where they are found in the articles."""
    from digest.config.topics import AUTO
    from digest.stories.built_in import BUILT_IN

    if spec.topics == AUTO:
        return None
    return list(BUILT_IN if spec.topics is None else spec.topics)


def selected(
    people: Subscribers | None, configuration: Config, digest: str | None, state: str
) -> Iterator[Subscription]:
    """The subscriptions of `digest` in `state`, where they are given. Raises UsageError."""
    if state and state not in STATES:
        raise UsageError(f"--state {state!r} is none; there are: {', '.join(STATES)}")
    if people is None:
        return iter(())
    check_digest(people, configuration, digest)
    from digest.subscribers.csvfile import shown_state

    listed = people.listed(digest)
    return (one for one in listed if state in ("", shown_state(one)))


def check_confirm(settings: Settings, confirm: bool) -> None:
    """Raises UsageError where a letter could have no link; says so where none can leave."""
    if not confirm:
        return
    if not settings.public_url:
        raise UsageError(
            "--confirm needs an address that the letter's link leads to: set DIGEST_PUBLIC_URL to "
            "where `digest serve` can be reached"
        )
    if settings.smtp_url is None:
        complain("no letter leaves before DIGEST_SMTP_URL is set")


def vouched(how: str, now: datetime, confirm: bool) -> str:
    """How somebody agreed, for want of words of their own or the operator's."""
    rest = "to be confirmed by a letter" if confirm else "the operator vouches for it"
    return f"{how} on {now:%Y-%m-%d}; {rest}"
