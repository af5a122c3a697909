"""What a person decides about editions on their way: approve, send now, settle, try on oneself."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from digest.config import Config
from digest.editions.frozen import load_edition
from digest.editions.mailboxes import parse_mailbox
from digest.editions.message import build_message, message_id
from digest.errors import ConflictError, UsageError
from digest.pipeline.delivering import copies_of, fingerprint, frozen
from digest.pipeline.editing import as_sent, sheet
from digest.pipeline.wiring import Workshop
from digest.records import DeliveryState, Edition, EditionStatus, Envelope, Reader
from digest.words import desk_words

_LEFT = "not sent again: the reader has left, or the address is dead"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What sending an edition would do: to how many, of which some get only a part of it."""

    status: EditionStatus
    edition: Edition
    recipients: int
    partial: int
    nothing: int


def named(workshop: Workshop, config: Config, name: str, now: datetime) -> EditionStatus:
    """The edition called `morning/2026-03-02`, or the newest of the digest `morning`.

    One that lies in the outbox and that the store doesn't know is taken up. Raises UsageError when
    there is none, OutboxError when it can't be read.
    """
    digest, _, date = name.strip("/").partition("/")
    if date and not _DATE.fullmatch(date):
        raise UsageError(f"{name!r} is no edition; write it like {digest}/2026-03-02")
    outbox = workshop.outbox
    if not date:
        dates = {status.date for status in workshop.store.editions.statuses(digest)}
        dates.update(outbox.dates(digest))
        if not dates:
            known = ", ".join(spec.name for spec in config.digests)
            raise UsageError(f"there is no edition of {digest!r} yet; digests here: {known}")
        date = max(dates)
    status = workshop.store.editions.status(digest, date)
    if status is not None:
        return status
    if not outbox.has(digest, date):
        there = ", ".join(f"{digest}/{one}" for one in outbox.dates(digest)[-3:])
        hint = f"; there is: {there}" if there else ""
        raise UsageError(f"there is no edition {digest}/{date} in {outbox.root}{hint}")
    data = outbox.read(digest, date)
    spec = config.digest(digest)
    workshop.store.editions.adopt(
        digest,
        date,
        now,
        owner=workshop.owner,
        fingerprint=fingerprint(data),
        built=load_edition(data, f"{digest}/{date}").built,
        # Of a digest that feeds.yaml doesn't know, nobody has said that it may go unseen.
        review=spec is None or spec.review,
    )
    return named(workshop, config, f"{digest}/{date}", now)


def waiting(workshop: Workshop, names: Collection[str]) -> list[EditionStatus]:
    """What `digest send` sends of itself: of each digest the newest edition, if it is approved.

    And whatever is being sent. An older one that nobody sent is only sent when it is named:
    nobody wants last week's.
    """
    found: list[EditionStatus] = []
    for name in names:
        statuses = workshop.store.editions.statuses(name)
        built = [one for one in statuses if one.state in ("draft", "approved", "sending", "sent")]
        found += [one for one in statuses if one.state == "sending"]
        if built and built[0].state == "approved":
            found.append(built[0])
    return found


def take_back(workshop: Workshop, status: EditionStatus, now: datetime) -> None:
    """What was approved is a draft again, and its time that of the schedule.

    Raises ConflictError once it is being sent.
    """
    if not workshop.store.editions.move(
        status.digest,
        status.date,
        ("approved",),
        now,
        state="draft",
        approved=None,
        send_at=status.asked,
    ):
        state = (workshop.store.editions.status(status.digest, status.date) or status).state
        raise ConflictError(desk_words()("not_to_send.not_approved", name=status.name, state=state))


def release(workshop: Workshop, status: EditionStatus, now: datetime) -> EditionStatus:
    """An edition that a person sends by name may leave now, whatever its time was.

    Raises UsageError when it has been sent, is no draft's approval yet, or isn't there.
    """
    moved = False
    move = partial(workshop.store.editions.move, status.digest, status.date)
    if status.state == "approved":
        send_at = min(status.send_at or now, now)
        moved = move(("approved",), now, send_at=send_at, approved=now, not_before=None)
    elif status.state == "sending":
        moved = move(("sending",), now, not_before=None)
    elif status.state == "failed" and status.started is not None:
        moved = move(("failed",), now, state="sending", attempts=0, not_before=None, reason="")
        _forgive(workshop, status, now)
    elif status.state in ("skipped", "failed") and status.fingerprint and status.approved:
        moved = move(
            (status.state,), now, state="approved", approved=now, send_at=now, not_before=None
        )
    now_is = workshop.store.editions.status(status.digest, status.date) or status
    if not moved:
        raise UsageError(not_to_send(now_is))
    return now_is


def _forgive(workshop: Workshop, status: EditionStatus, now: datetime) -> None:
    """Where nobody has the edition, those who bounced are tried again: it was not their fault."""
    deliveries, key = workshop.store.deliveries, (status.digest, status.date)
    if not deliveries.counts(*key).get("sent"):
        bounced = [one.subscriber for one in deliveries.listed(*key, ("bounced",))]
        deliveries.again(*key, ("bounced",), bounced, _LEFT, now)


def settle(
    workshop: Workshop,
    status: EditionStatus,
    now: datetime,
    *,
    arrived: bool,
    addresses: Sequence[str] = (),
) -> int:
    """Settles the unconfirmed deliveries of an edition: they have `arrived`, or are tried again.

    All of them, or those of `addresses`. Those that bounced are tried again too where they are
    named, or where no server took the edition for anybody. Who has left meanwhile, or whose address
    is dead, is not tried again. Gives how many there were. Raises UsageError for an address that
    has no such delivery.
    """
    deliveries = workshop.store.deliveries
    key = (status.digest, status.date)
    states: tuple[DeliveryState, ...] = ("unconfirmed",)
    if not arrived and (status.state == "failed" or addresses):
        states = ("unconfirmed", "bounced")
    doubtful = deliveries.listed(*key, states)
    wanted = {address.casefold() for address in addresses}
    missing = wanted - {one.address.casefold() for one in doubtful}
    if missing:
        raise UsageError(
            f"{status.name}: no delivery to {', '.join(sorted(missing))} is {' or '.join(states)}; "
            f"`digest outbox {status.name}` lists those that are"
        )
    chosen = {one.subscriber for one in doubtful if not wanted or one.address.casefold() in wanted}
    if arrived:
        return deliveries.decide(*key, states, "sent", "confirmed by hand", chosen)
    return deliveries.again(*key, states, chosen, _LEFT, now)


def outgoing(workshop: Workshop, status: EditionStatus) -> Outgoing:
    """What sending it would do. Raises OutboxError."""
    edition = _to_send(workshop, status)
    copies = copies_of(workshop, edition)
    recipients = partial = nothing = 0
    for subscription in workshop.store.subscribers.listed(status.digest, ("active",)):
        if subscription.subscriber.bounced is not None:
            continue
        if not copies.holds_any(subscription.topics, subscription.languages):
            nothing += 1
            continue
        recipients += 1
        partial += bool(subscription.topics or subscription.languages)
    return Outgoing(status, edition, recipients, partial, nothing)


def copy_to_try(workshop: Workshop, status: EditionStatus, address: str) -> Envelope:
    """A copy of the edition for one address, marked as a test, which counts for nothing.

    Raises OutboxError and TemplateError.
    """
    edition = _to_send(workshop, status)
    edition = replace(edition, subject=f"[Test] {edition.subject}")
    reader = Reader(address)
    mark = f"test{uuid.uuid4().hex[:12]}"
    rendered = workshop.renderer.render(edition, mail=True, reader=reader)
    return Envelope(
        sender=parse_mailbox(edition.sender).address,
        recipient=address,
        message_id=message_id(edition, reader, mark=mark),
        message=build_message(edition, rendered, reader=reader, signer=workshop.signer, mark=mark),
    )


def _to_send(workshop: Workshop, status: EditionStatus) -> Edition:
    """The edition as it would be sent: a draft with what editors changed."""
    if status.state != "draft":
        return frozen(workshop, status)
    return as_sent(workshop, sheet(workshop, status.digest, status.date))


def not_to_send(status: EditionStatus) -> str:
    """Why an edition in this state can't be sent, and what to do."""
    why = "not_built"
    if status.state in ("sending", "sent", "draft", "building"):
        why = status.state
    elif status.state == "failed" and status.started is not None:
        why = "failed"
    elif status.fingerprint and status.approved is None:
        why = "never_approved"
    return desk_words()(
        f"not_to_send.{why}", name=status.name, digest=status.digest, reason=status.reason
    )
