"""`digest subscribers`: who gets which digest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    NOTHING_DONE,
    ConfigOption,
    JsonOption,
    NowOption,
    complain,
    load,
    moment,
    print_json,
)
from digest.cli.people import (
    REFUSED,
    STATES,
    AgainOption,
    AnyDigestOption,
    ConfirmOption,
    ConsentOption,
    DigestOption,
    StateOption,
    check_confirm,
    check_digest,
    digest_named,
    list_if_any,
    list_of,
    selected,
    subscribed,
    topics_of,
    vouched,
)
from digest.cli.people_csv import export, import_
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.records import Subscription

subscribers = typer.Typer(no_args_is_help=True, help="Who gets which digest.")
subscribers.command("import")(import_)
subscribers.command("export")(export)


@subscribers.command("list")
def list_(
    digest: AnyDigestOption = None,
    state: StateOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List who gets what: address, digest, state, topics and languages, a line each.

    Pending is who was asked by a letter and has not confirmed; ended, who left; dead, whose address
    the mail server says isn't there.
    """
    from digest.subscribers.csvfile import shown_state

    settings, configuration = load(config)
    counts: Counter[str] = Counter()
    with list_if_any(settings) as people:
        for subscription in selected(people, configuration, digest, state):
            shown = shown_state(subscription)
            counts[shown] += 1
            if as_json:
                print_json(_as_json(subscription, shown))
            else:
                typer.echo(_line(subscription, shown))
    complain(", ".join(f"{counts[one]} {one}" for one in STATES if counts[one]) or "nobody")


@subscribers.command("add")
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address alone.")],
    digest: DigestOption = None,
    name: Annotated[str, typer.Option("--name", help="The person's name.")] = "",
    topics: Annotated[
        str, typer.Option("--topics", help="Only these, parted by ; (all when left out).")
    ] = "",
    language: Annotated[
        str, typer.Option("--language", help="Only stories in these, parted by ; (de;fr).")
    ] = "",
    consent: ConsentOption = "",
    confirm: ConfirmOption = False,
    again: AgainOption = False,
    config: ConfigOption = None,
    now: NowOption = None,
) -> None:
    """Put somebody on the list of a digest, or change what they get of it.

    Whoever left, and an address that is dead, is only taken with --again.
    """
    from digest.subscribers.csvfile import new_subscriber

    settings, configuration = load(config)
    spec = digest_named(configuration, digest)
    at = moment(now)
    try:
        person = new_subscriber(
            {
                "email": email,
                "name": name,
                "topics": topics,
                "language": language,
                "consent": consent,
            },
            topics_of(spec),
            at,
        )
    except ValueError as error:
        raise UsageError(f"{error}; nobody was added") from error
    if not person.consent:
        person = replace(person, consent=vouched("added by the operator", at, confirm))
    check_confirm(settings, confirm)
    with list_of(settings) as people:
        (outcome,) = subscribed(people, spec.name, [person], at, confirm=confirm, again=again)
    words = {
        "added": f"added {person.address} to {spec.name}",
        "back": f"brought {person.address} back to {spec.name}",
        "updated": f"{person.address} gets {spec.name} already; changed what was given",
        "there": f"{person.address} is on the list of {spec.name} already; nothing was changed",
        "asked": f"{person.address} will be asked by a letter whether they want {spec.name}",
    }
    if outcome in words:
        typer.echo(words[outcome])
        return
    complain(f"{person.address}: {REFUSED[outcome]}; nobody was added")
    raise typer.Exit(NOTHING_DONE)


@subscribers.command("remove")
def remove(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their address.")],
    digest: AnyDigestOption = None,
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Forget the person altogether, address and all."),
    ] = False,
    config: ConfigOption = None,
    now: NowOption = None,
) -> None:
    """End somebody's subscription, at once: to one digest, or to all.

    The address stays known as one that left, so that no old list brings it back. With --erase
    nothing stays, that neither.
    """
    from digest.subscribers.addresses import normalised

    settings, configuration = load(config)
    if erase and digest is not None:
        raise UsageError("--erase forgets the person altogether; leave out --digest")
    try:
        address = normalised(email)
    except ValueError as error:
        raise UsageError(f"{error}; nobody was removed") from error
    with list_if_any(settings) as people:
        if people is not None:
            check_digest(people, configuration, digest)
        known = people.of_address(address) if people else []
        if not people or not (known or erase):
            complain(f"{address} is not on a list")
            raise typer.Exit(NOTHING_DONE)
        if erase:
            if not people.erase(address):
                complain(f"{address} is not on a list")
                raise typer.Exit(NOTHING_DONE)
            typer.echo(f"erased {address} and all that was known of them")
            return
        ended = people.remove(address, digest, moment(now))
    if not ended:
        complain(f"{address} gets {digest or 'no digest'}{' no more' if digest else ''} already")
        raise typer.Exit(NOTHING_DONE)
    left = [one.digest for one in known if one.state != "ended" and digest in (None, one.digest)]
    typer.echo(f"removed {address} from {', '.join(left)}")


# --- how it looks --------------------------------------------------------------------------


def _line(subscription: Subscription, state: str) -> str:
    person = subscription.subscriber
    since = subscription.ended or subscription.confirmed or subscription.asked
    if state == "dead" and person.bounced:
        since = person.bounced
    what = [f"{subscription.digest}, {state} since {since:%Y-%m-%d}"]
    if subscription.topics:
        what.append(f"topics {', '.join(subscription.topics)}")
    if subscription.languages:
        what.append(f"in {', '.join(subscription.languages)}")
    if state == "dead" and person.bounce_reason:
        what.append(person.bounce_reason)
    return f"{person.address}: {'; '.join(what)}"


def _as_json(subscription: Subscription, state: str) -> dict[str, Any]:
    person = subscription.subscriber

    def iso(time: datetime | None) -> str | None:
        return time.isoformat() if time else None

    return {
        "email": person.address,
        "name": person.name,
        "digest": subscription.digest,
        "state": state,
        "topics": list(subscription.topics),
        "languages": list(subscription.languages),
        "subscribed": iso(subscription.asked),
        "confirmed": iso(subscription.confirmed),
        "ended": iso(subscription.ended),
        "consent": subscription.consent,
        "bounced": iso(person.bounced),
        "bounce_reason": person.bounce_reason,
    }
