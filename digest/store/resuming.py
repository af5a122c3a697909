"""A database that was a backup a moment ago: nothing in it may be sent again without a word.

Between the backup and now the service may have built and sent more; nobody knows what. So what was
on its way then waits for a person, as what a lost connection leaves in doubt does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from digest.records import DeliveryState, DueEdition, EditionStatus
from digest.store.confirmations import BETWEEN_LETTERS
from digest.store.database import Database
from digest.store.deliveries import Deliveries
from digest.store.editions import Editions
from digest.store.schema import DeliveryRow, EditionRow, SubscriptionRow

_UNSETTLED: tuple[DeliveryState, ...] = ("pending", "deferred", "sending")


@dataclass(frozen=True, slots=True)
class Lying:
    """An edition in the outbox: its fingerprint (as in `EditionStatus`), and when it was built."""

    fingerprint: str
    built: datetime


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a person has to settle, by the names of editions.

    `drafts` leave once they are approved; of `unconfirmed` so many deliveries each may have
    arrived; `skipped` may have gone out. `letters` that ask for confirmation count as sent.
    """

    drafts: tuple[str, ...] = ()
    unconfirmed: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    letters: int = 0


def resume(
    database: Database,
    lying: Mapping[tuple[str, str], Lying],
    due: Iterable[DueEdition],
    taken: datetime,
    now: datetime,
) -> Resumed:
    """Leaves to people what may have been sent since the backup was `taken`; `now` is its end.

    `lying` are editions in the outbox, by digest and date; `due` those whose moment came since, or
    so shortly before that they may have been built since.

    - Approved; or in the outbox, and not known or still being built: a draft, which leaves when it
      is approved.
    - Deliveries that were not settled: unconfirmed, to be confirmed or tried again.
    - Due, and not there: skipped; a person builds it if it never went out. A later moment than
      `now` builds it as ever.
    - Letters that ask for confirmation: sent. Whoever has none asks again.

    The database is nobody else's meanwhile. Raises StoreError.
    """
    since = f"restored from the backup of {taken:%Y-%m-%d %H:%M} UTC, and may have gone out since"
    editions = Editions(database)
    statuses = {(one.digest, one.date): one for one in editions.statuses()}
    drafts = _drafts(editions, statuses, lying, now, f"{since}: approve it if it did not")
    skipped = _skipped(editions, statuses, lying, due, now, since)
    with database.transaction() as connection:
        unconfirmed = _unconfirmed(connection, since)
        letters = _letters(connection, taken)
    for key, status in statuses.items():
        if status.state == "sending":
            Deliveries(database).finish(*key, now)
    return Resumed(tuple(sorted(drafts)), unconfirmed, tuple(sorted(skipped)), letters)


def hand_over(database: Database, before: str, after: str) -> None:
    """The editions that the service `before` built are those of `after`, which has its outbox."""
    with database.transaction() as connection:
        connection.execute(update(EditionRow).where(EditionRow.owner == before).values(owner=after))


def _drafts(
    editions: Editions,
    statuses: Mapping[tuple[str, str], EditionStatus],
    lying: Mapping[tuple[str, str], Lying],
    now: datetime,
    reason: str,
) -> list[str]:
    """What was approved, or may be taken for it, waits for a person."""
    found = []
    for key, lies in lying.items():
        its: dict[str, Any] = {"fingerprint": lies.fingerprint, "built": lies.built}
        if (status := statuses.get(key)) is None:
            if editions.adopt(*key, now, **its, review=True):
                editions.move(*key, ("draft",), now, reason=reason)
                found.append("/".join(key))
        # A killed build, or one that went on: the next run would take it for done, and let it go.
        elif status.started is None and editions.move(
            *key,
            ("building", "failed"),
            now,
            **its,
            state="draft",
            approved=None,
            attempts=0,
            not_before=None,
            reason=reason,
        ):
            found.append(status.name)
    for key, status in statuses.items():
        if status.state == "approved":
            editions.move(*key, ("approved",), now, state="draft", approved=None, reason=reason)
            found.append(status.name)
        elif status.state == "draft":
            # Only said: it waited for a person anyway, who may have approved it since.
            editions.move(*key, ("draft",), now, reason=reason)
    return found


def _skipped(
    editions: Editions,
    statuses: Mapping[tuple[str, str], EditionStatus],
    lying: Mapping[tuple[str, str], Lying],
    due: Iterable[DueEdition],
    now: datetime,
    since: str,
) -> list[str]:
    """What the schedule would build again waits for a person."""
    moments = {(one.digest, one.date): one.moment for one in due}
    found = []
    for key, status in statuses.items():
        if status.state == "building" and key not in lying:
            asked = moments.pop(key, status.asked)
            reason = _build_it(status.digest, since)
            editions.move(*key, ("building",), now, state="skipped", asked=asked, reason=reason)
            found.append(status.name)
    for key, moment in moments.items():
        known, reason = statuses.get(key), _build_it(key[0], since)
        if known is None:
            if key not in lying and editions.skip(*key, reason, now, asked=moment):
                found.append("/".join(key))
        # Where it lies in the outbox it is a draft by now, and this changes nothing.
        elif _would_be_built(known, moment) and editions.move(
            *key, ("failed", "skipped"), now, state="skipped", asked=moment, reason=reason
        ):
            found.append(known.name)
    return found


def _would_be_built(known: EditionStatus, moment: datetime) -> bool:
    """Whether the schedule tries again at `moment` what came to nothing before."""
    if known.started is not None:
        return False
    is_answered = known.asked is not None and known.asked >= moment
    return known.state == "failed" or (known.state == "skipped" and not is_answered)


def _build_it(digest: str, since: str) -> str:
    return f"{since}; where it did not, `digest run {digest}` builds it until its date is over"


def _unconfirmed(connection: Connection, reason: str) -> dict[str, int]:
    query = (
        select(DeliveryRow.digest, DeliveryRow.date, func.count())
        .where(DeliveryRow.state.in_(_UNSETTLED))
        .group_by(DeliveryRow.digest, DeliveryRow.date)
        .order_by(DeliveryRow.date, DeliveryRow.digest)
    )
    found = {f"{digest}/{date}": int(count) for digest, date, count in connection.execute(query)}
    connection.execute(
        update(DeliveryRow)
        .where(DeliveryRow.state.in_(_UNSETTLED))
        .values(state="unconfirmed", reason=reason, owner="", until=None, not_before=None)
    )
    return found


def _letters(connection: Connection, taken: datetime) -> int:
    """As if they had gone out when the backup was taken: a day later another may be asked for."""
    return connection.execute(
        update(SubscriptionRow)
        .where(SubscriptionRow.confirmation == "wanted")
        .values(confirmation="sent", confirmation_after=taken + BETWEEN_LETTERS)
    ).rowcount
