"""The statements that each message takes.

Made once: to put such a statement together takes SQLAlchemy longer than SQLite takes to carry it
out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, update

from digest.records import Delivery, DeliveryState
from digest.store.delivery_views import with_people
from digest.store.schema import DeliveryRow, SubscriberRow, SubscriptionRow, UtcDateTime

LONGEST_WAIT = timedelta(hours=6)
"""No delivery is put off, or in anybody's hand, for longer: what is to wait longer still was noted
by a clock that was wrong, and may be tried now."""

RESERVED: tuple[DeliveryState, ...] = ("pending", "deferred")

_THIS = (
    DeliveryRow.digest == bindparam("of_digest"),
    DeliveryRow.date == bindparam("of_date"),
    DeliveryRow.subscriber == bindparam("of_subscriber"),
)
STILL_WANTED = exists(
    select(SubscriptionRow.subscriber)
    .join(SubscriberRow, SubscriberRow.id == SubscriptionRow.subscriber)
    .where(
        SubscriptionRow.subscriber == DeliveryRow.subscriber,
        SubscriptionRow.digest == DeliveryRow.digest,
        SubscriptionRow.state == "active",
        SubscriberRow.bounced.is_(None),
    )
    .correlate(DeliveryRow)
)
"""Whether the person is subscribed, now, at an address that isn't dead."""

BEGIN = (
    update(DeliveryRow)
    .where(
        *_THIS,
        DeliveryRow.owner == bindparam("of"),
        DeliveryRow.state.in_(RESERVED),
        STILL_WANTED,
    )
    .values(state="sending", tried=bindparam("at"), by=bindparam("way"))
)
RESERVE = (
    update(DeliveryRow)
    .where(*_THIS, DeliveryRow.state == bindparam("in_state"))
    .values(owner=bindparam("holder"), until=bindparam("to"))
)
SETTLE = (
    update(DeliveryRow)
    .where(
        *_THIS,
        DeliveryRow.owner == bindparam("of"),
        DeliveryRow.state.in_((*RESERVED, "sending")),
    )
    .values(
        state=bindparam("to_state"),
        reason=bindparam("why"),
        not_before=bindparam("later"),
        attempts=bindparam("tries"),
        tried=bindparam("at"),
        owner="",
        until=None,
    )
)


def _first(state: DeliveryState, *where: ColumnElement[bool]) -> Select[Any]:
    query = with_people().where(
        DeliveryRow.digest == bindparam("of_digest"),
        DeliveryRow.date == bindparam("of_date"),
        DeliveryRow.state == state,
        or_(
            DeliveryRow.owner == "",
            DeliveryRow.until < bindparam("at", type_=UtcDateTime),
            DeliveryRow.until > bindparam("too_late", type_=UtcDateTime),
        ),
        STILL_WANTED,
        *where,
    )
    return query.limit(1).with_for_update(skip_locked=True, of=DeliveryRow)


# Who is first: those never tried, then those whose wait is over; nobody who is reserved.
NEXT = (
    _first("pending"),
    _first(
        "deferred",
        or_(
            DeliveryRow.not_before.is_(None),
            DeliveryRow.not_before <= bindparam("at"),
            DeliveryRow.not_before > bindparam("too_late"),
        ),
    ),
)


def key(delivery: Delivery) -> dict[str, Any]:
    """The delivery as the statements ask for it."""
    return {
        "of_digest": delivery.digest,
        "of_date": delivery.date,
        "of_subscriber": delivery.subscriber,
    }


def has_run_out(now: datetime) -> ColumnElement[bool]:
    """Whether the time is over for which somebody has a delivery in hand."""
    return or_(DeliveryRow.until < now, DeliveryRow.until > now + LONGEST_WAIT)


def owned_by(owner: str) -> ColumnElement[bool]:
    """Of `owner`, or of one of its connections, whose names are the owner's, a dot, and more."""
    mine: ColumnElement[bool] = DeliveryRow.owner == owner
    return or_(mine, DeliveryRow.owner.startswith(f"{owner}.", autoescape=True))


def of_edition(digest: str, date: str) -> ColumnElement[bool]:
    """The deliveries of one edition."""
    return and_(DeliveryRow.digest == digest, DeliveryRow.date == date)
