"""Editions on their way to people: states, subscribers, deliveries, and what a mail server says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

EditionState = Literal["building", "draft", "approved", "sending", "sent", "skipped", "failed"]
"""building → draft → approved → sending → sent; or skipped, or failed, with a reason."""

DeliveryState = Literal["pending", "sending", "sent", "deferred", "bounced", "unconfirmed"]
"""pending → sending → sent; deferred is tried again, bounced never, unconfirmed waits for a person:
the connection was lost, or the process killed, when the server may have had the message already."""

SubscriptionState = Literal["pending", "active", "ended"]
"""pending: asked for, not confirmed yet; ended: unsubscribed."""

Outcome = Literal["sent", "deferred", "bounced", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class EditionStatus:
    """How far the edition of a digest for a local date (ISO 8601) is; times are aware UTC.

    `fingerprint` is the SHA-256 of its `edition.json`; what differs from it is not sent. `asked` is
    the due moment that the schedule last tried it for. From `send_at` on it leaves by itself, once
    it is approved; when None, only by hand. `started` is when its recipients were frozen,
    `finished` when the last of them was settled. `attempts` counts what failed in a row, in
    building or in reaching the mail server; `not_before` is when the next may be. `reason` says why
    it is skipped, failed, or waits. `revision` counts what changed it: builds and editors' changes.
    """

    digest: str
    date: str
    state: EditionState
    updated: datetime
    owner: str = ""
    until: datetime | None = None
    fingerprint: str = ""
    built: datetime | None = None
    asked: datetime | None = None
    send_at: datetime | None = None
    approved: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    attempts: int = 0
    not_before: datetime | None = None
    reason: str = ""
    revision: int = 0

    @property
    def name(self) -> str:
        """As commands take it: `morning/2026-03-02`."""
        return f"{self.digest}/{self.date}"


@dataclass(frozen=True, slots=True)
class DueEdition:
    """An edition that the schedule asks for: of the local `date`, due at `moment` (aware UTC)."""

    digest: str
    date: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person with an address (an addr-spec in ASCII; the domain in A-labels).

    `key` stands for the person in links; `bounced` is when the address was found dead, and
    `bounce_reason` why; such an address gets nothing.
    """

    id: int
    key: str
    address: str
    name: str
    created: datetime
    bounced: datetime | None = None
    bounce_reason: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A digest that a subscriber gets, asked for, or has left.

    Their copy holds only stories of `topics` and `languages` (BCP 47); empty means all. `consent`
    says in words how the person agreed, `asked`, `confirmed` and `ended` when.
    """

    subscriber: Subscriber
    digest: str
    state: SubscriptionState
    asked: datetime
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    confirmed: datetime | None = None
    ended: datetime | None = None
    consent: str = ""


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """Somebody to be subscribed: the address validated and normalised (`subscribers.addresses`)."""

    address: str
    name: str = ""
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    consent: str = ""
    asked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One edition to one subscriber. `topics` and `languages` were frozen with the recipients.

    `attempts` counts the tries that reached a mail server, `tried` is the last; `not_before` is
    when the next may be. `owner` has it in hand, and hands it over `by` that way.
    """

    digest: str
    date: str
    subscriber: int
    key: str
    address: str
    name: str
    state: DeliveryState
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    attempts: int = 0
    tried: datetime | None = None
    not_before: datetime | None = None
    reason: str = ""
    owner: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message (RFC 5322, CRLF, ASCII) and the addr-specs that it goes from and to."""

    sender: str
    recipient: str
    message_id: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message. `reason` is in words and names no address whole.

    `dead`: the server says that there is no such address, so that nothing is sent there again.
    """

    outcome: Outcome
    reason: str = ""
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery status notification (RFC 3464) says of one recipient.

    `message_id` is of the message that bounced, empty where the report doesn't say; `failed` is
    False for a mere delay; `dead` as in `Receipt`.
    """

    address: str
    failed: bool
    dead: bool
    status: str = ""
    reason: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class SendReport:
    """What a round of sending did with one edition.

    `counts` are its deliveries by state after the round, `tried` those of this round by what became
    of them. `reason` says why it stopped before its end, `waits_until` when it goes on.
    """

    digest: str
    date: str
    state: EditionState
    counts: Mapping[str, int] = field(default_factory=dict)
    tried: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    waits_until: datetime | None = None
    seconds: float = 0.0
