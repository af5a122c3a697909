"""Rows of subscribers and subscriptions: how somebody comes on the list, leaves it, is forgotten.

The functions work within a transaction of `store.subscribers`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    delete,
    insert,
    select,
    update,
)

from digest.records import NewSubscriber, Subscriber, Subscription
from digest.store.schema import DeliveryRow, SubscriberRow, SubscriptionRow

Subscribed = Literal["added", "updated", "there", "left", "dead", "asked"]
"""What became of somebody to be subscribed: `left` and `dead` are as they were, `asked` gets a
letter that asks for confirmation."""

WAITING = ("pending", "deferred")
"""The states of deliveries that have not left and are in nobody's hand."""

PEOPLE_AT_ONCE = 900
"""As many keys as a statement takes (`parts`)."""

# 96 bits: links can't be guessed, and no two people are ever given the same.
_KEY_BYTES = 12

_PERSON: tuple[Any, ...] = (
    SubscriberRow.id,
    SubscriberRow.key,
    SubscriberRow.address,
    SubscriberRow.address_key,
    SubscriberRow.name,
    SubscriberRow.created,
    SubscriberRow.bounced,
    SubscriberRow.bounce_reason,
)


def joined() -> Select[Any]:
    """Subscriptions with whom they are of, as `subscription_of` takes them."""
    its = SubscriptionRow.subscriber == SubscriberRow.id
    query: Select[Any] = select(*_PERSON, SubscriptionRow)
    return query.join(SubscriptionRow, its)


def subscription_of(row: RowMapping) -> Subscription:
    """The subscription that a row of `joined` holds."""
    return Subscription(
        subscriber=Subscriber(
            id=row["id"],
            key=row["key"],
            address=row["address"],
            name=row["name"],
            created=row["created"],
            bounced=row["bounced"],
            bounce_reason=row["bounce_reason"],
        ),
        digest=row["digest"],
        state=row["state"],
        asked=row["asked"],
        topics=tuple(row["topics"]),
        languages=tuple(row["languages"]),
        confirmed=row["confirmed"],
        ended=row["ended"],
        consent=row["consent"],
    )


def of_key(connection: Connection, key: str, digest: str) -> RowMapping | None:
    """The subscription to `digest` of the person of `key`, locked against other processes."""
    query = joined().where(SubscriberRow.key == key, SubscriptionRow.digest == digest)
    return connection.execute(query.with_for_update()).mappings().first()


def of_address(connection: Connection, address: str) -> int | None:
    """The number of the person with that address, locked against other processes."""
    query = select(SubscriberRow.id).where(SubscriberRow.address_key == key_of(address))
    return connection.execute(query.with_for_update()).scalar()


def key_of(address: str) -> str:
    """As `subscribers.addresses.address_key`."""
    return address.casefold()


def is_subscription(person: int, digest: str) -> ColumnElement[bool]:
    """Whether a row is the person's subscription to `digest`."""
    return and_(SubscriptionRow.subscriber == person, SubscriptionRow.digest == digest)


def known(
    connection: Connection, digest: str, people: Sequence[NewSubscriber]
) -> dict[str, RowMapping]:
    """Those of `people` who have a row, by address key, with what they have to do with `digest`.

    `subscriber` is None where that is nothing. At most `PEOPLE_AT_ONCE`.
    """
    its = and_(SubscriptionRow.subscriber == SubscriberRow.id, SubscriptionRow.digest == digest)
    query = (
        select(*_PERSON, SubscriptionRow)
        .join(SubscriptionRow, its, isouter=True)
        .where(SubscriberRow.address_key.in_([key_of(person.address) for person in people]))
        # In one order, so that two imports wait for each other instead of for ever.
        .order_by(SubscriberRow.id)
        .with_for_update(of=SubscriberRow)
    )
    return {row["address_key"]: row for row in connection.execute(query).mappings()}


def batches(people: Iterable[NewSubscriber]) -> Iterator[list[NewSubscriber]]:
    """`people` in order, so many at a time as a statement takes, nobody twice in one batch."""
    batch: dict[str, NewSubscriber] = {}
    for person in people:
        key = key_of(person.address)
        if key in batch or len(batch) == PEOPLE_AT_ONCE:
            yield list(batch.values())
            batch = {}
        batch[key] = person
    if batch:
        yield list(batch.values())


def subscribe(
    connection: Connection,
    digest: str,
    people: Sequence[NewSubscriber],
    now: datetime,
    confirm: bool,
    again: bool,
) -> list[tuple[NewSubscriber, Subscribed]]:
    """Subscribes a batch; see `Subscribers.subscribe`."""
    found = known(connection, digest, people)
    new = [person for person in people if key_of(person.address) not in found]
    if new:
        connection.execute(insert(SubscriberRow), [_new_person(person, now) for person in new])
        found |= known(connection, digest, new)
    outcomes: list[tuple[NewSubscriber, Subscribed]] = []
    fresh: list[dict[str, Any]] = []
    for person in people:
        row = found[key_of(person.address)]
        outcome, values = _decided(person, row, now, confirm, again)
        outcomes.append((person, outcome))
        if row["subscriber"] is None and values:
            fresh.append({"subscriber": row["id"], "digest": digest, **values})
        elif values:
            where = is_subscription(row["id"], digest)
            connection.execute(update(SubscriptionRow).where(where).values(**values))
        _update_person(connection, person, row, outcome)
    if fresh:
        connection.execute(insert(SubscriptionRow), fresh)
    return outcomes


def _decided(
    person: NewSubscriber, row: RowMapping, now: datetime, confirm: bool, again: bool
) -> tuple[Subscribed, dict[str, Any]]:
    """What becomes of the person, and what their subscription's row is to hold then."""
    if row["bounced"] is not None and not again:
        return "dead", {}
    state = row["state"]
    if state == "active":
        values = _preferences(person, row)
        return ("updated" if values or _renames(person, row) else "there"), values
    if state == "ended" and not again:
        return "left", {}
    if not confirm:
        # Nobody has confirmed it: the operator says, in `consent`, how the person agreed.
        return "added", {
            **_all_of(person),
            "state": "active",
            "asked": person.asked or now,
            "confirmed": None,
            "ended": None,
            "consent": person.consent,
            **_no_letter(""),
        }
    if state == "pending" and (row["confirmation"] == "wanted" or not again):
        return "there", {}
    return "asked", wanting(person, row, now)


def wanting(person: NewSubscriber, row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    """What the subscription's row is to hold of a person who is to be asked by a letter.

    Whoever left stays so until they answer: were it forgotten that they did, an old list could
    bring them back.
    """
    values = {**_all_of(person), **_no_letter("wanted")}
    if row["state"] != "ended":
        values |= {"state": "pending", "asked": now, "consent": person.consent}
    return values


def _all_of(person: NewSubscriber) -> dict[str, Any]:
    return {"topics": list(person.topics), "languages": list(person.languages)}


def _no_letter(confirmation: str) -> dict[str, Any]:
    return {
        "confirmation": confirmation,
        "confirmation_tries": 0,
        "confirmation_after": None,
    }


def _preferences(person: NewSubscriber, row: RowMapping) -> dict[str, Any]:
    """What the person now has otherwise; what the record leaves out stays."""
    given = {key: value for key, value in _all_of(person).items() if value}
    if person.consent and not row["consent"]:
        given["consent"] = person.consent
    return {key: value for key, value in given.items() if value != row[key]}


def _renames(person: NewSubscriber, row: RowMapping) -> bool:
    return bool(person.name) and person.name != row["name"]


def _new_person(person: NewSubscriber, now: datetime) -> dict[str, Any]:
    return {
        "key": secrets.token_urlsafe(_KEY_BYTES),
        "address": person.address,
        "address_key": key_of(person.address),
        "name": person.name,
        "created": now,
    }


def _update_person(
    connection: Connection, person: NewSubscriber, row: RowMapping, outcome: Subscribed
) -> None:
    values: dict[str, Any] = {}
    # Somebody who is only asked may be a stranger's victim: their name is left alone.
    if outcome in ("added", "updated") and _renames(person, row):
        values["name"] = person.name
    if outcome not in ("dead", "left") and row["bounced"] is not None:
        values |= {"bounced": None, "bounce_reason": ""}
    if values:
        where = SubscriberRow.id == row["id"]
        connection.execute(update(SubscriberRow).where(where).values(**values))


def end(connection: Connection, person: int, digests: Sequence[str], now: datetime) -> int:
    """Ends subscriptions and takes back what waits; how many there were to end."""
    ended = 0
    for digest in digests:
        changed = connection.execute(
            update(SubscriptionRow)
            .where(is_subscription(person, digest), SubscriptionRow.state != "ended")
            .values(state="ended", ended=now)
        )
        ended += changed.rowcount
        connection.execute(
            update(SubscriptionRow).where(is_subscription(person, digest)).values(**_no_letter(""))
        )
        connection.execute(
            delete(DeliveryRow).where(
                DeliveryRow.subscriber == person,
                DeliveryRow.digest == digest,
                DeliveryRow.state.in_(WAITING),
            )
        )
    return ended


def erase(connection: Connection, people: Sequence[int]) -> None:
    """Forgets people: whatever names them, and what waits for them."""
    for part in in_parts(people):
        connection.execute(
            delete(DeliveryRow).where(
                DeliveryRow.subscriber.in_(part), DeliveryRow.state.in_(WAITING)
            )
        )
        connection.execute(delete(SubscriptionRow).where(SubscriptionRow.subscriber.in_(part)))
        connection.execute(delete(SubscriberRow).where(SubscriberRow.id.in_(part)))


def in_parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """`numbers`, so many at a time as a statement takes values."""
    for start in range(0, len(numbers), PEOPLE_AT_ONCE):
        yield numbers[start : start + PEOPLE_AT_ONCE]
