"""Which editions there are, and how far each is.

Each change is one transaction, made only from the states it expects.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from digest.records import EditionState, EditionStatus
from digest.store.database import Database
from digest.store.schema import EditionRow

_FIELDS = tuple(field.name for field in fields(EditionStatus))
_UNBUILT: tuple[EditionState, ...] = ("skipped", "failed")
_CLOCKS_DIFFER = timedelta(minutes=5)
_BUILT: tuple[EditionState, ...] = ("draft", "approved")


class Editions:
    """The states of editions; `digest` is a digest's name, `date` a local date (ISO 8601)."""

    def __init__(self, database: Database) -> None:
        self._transaction = database.transaction
        self._reading = database.reading

    def status(self, digest: str, date: str) -> EditionStatus | None:
        """How far that edition is; None when nobody has begun it."""
        with self._reading() as connection:
            return _status(connection, digest, date)

    def statuses(
        self, digest: str | None = None, states: tuple[EditionState, ...] = ()
    ) -> list[EditionStatus]:
        """Of one digest or of all, in one of `states` or in any; newest date first."""
        query = select(EditionRow).order_by(EditionRow.date.desc(), EditionRow.digest)
        if digest is not None:
            query = query.where(EditionRow.digest == digest)
        if states:
            query = query.where(EditionRow.state.in_(states))
        with self._reading() as connection:
            return [_of(row) for row in connection.execute(query).mappings()]

    def begin(
        self, digest: str, date: str, owner: str, now: datetime, until: datetime, *, again: bool
    ) -> bool:
        """Claims an edition for building until `until`; False when it is another's, or too late.

        What is built already is claimed only with `again`, and never once it has recipients. A
        claim of our own `owner` is the leftover of a killed process (the caller holds the lock that
        keeps two of one owner apart), and one that has run out is anybody's.
        """
        claim = {"state": "building", "owner": owner, "until": until, "updated": now}
        free: tuple[EditionState, ...] = (*_UNBUILT, *(_BUILT if again else ()))
        with self._transaction() as connection:
            return _insert(connection, digest, date, claim) or _update(
                connection,
                digest,
                date,
                and_(EditionRow.state.in_(free), EditionRow.started.is_(None))
                | and_(
                    EditionRow.state == "building",
                    (EditionRow.owner == owner) | _has_run_out(now),
                ),
                claim,
            )

    def renew(self, digest: str, date: str, owner: str, until: datetime) -> bool:
        """Keeps a claim of `begin`; False when it has gone to another."""
        with self._transaction() as connection:
            return _update(connection, digest, date, _held_by(owner), {"until": until})

    def built(
        self,
        digest: str,
        date: str,
        owner: str,
        now: datetime,
        *,
        fingerprint: str,
        built: datetime,
        review: bool,
    ) -> bool:
        """A claimed edition lies in the outbox: a draft if it needs `review`, else approved."""
        values = {
            **_UNCLAIMED,
            "state": "draft" if review else "approved",
            "updated": now,
            "fingerprint": fingerprint,
            "built": built,
            "approved": None if review else now,
            "attempts": 0,
            "not_before": None,
            "reason": "",
            "revision": EditionRow.revision + 1,
        }
        with self._transaction() as connection:
            return _update(connection, digest, date, _held_by(owner), values)

    def touch(self, digest: str, date: str, now: datetime) -> bool:
        """Something of a draft came in by itself, a verdict or a summary: its revision goes up."""
        values = {"revision": EditionRow.revision + 1, "updated": now}
        with self._transaction() as connection:
            return _update(connection, digest, date, EditionRow.state == "draft", values)

    def give_back(
        self, digest: str, date: str, owner: str, now: datetime, before: EditionStatus | None
    ) -> bool:
        """Ends a claim without an edition: the row is as it was `before`, or gone."""
        with self._transaction() as connection:
            if before is None:
                where = and_(_is(digest, date), _held_by(owner))
                return connection.execute(delete(EditionRow).where(where)).rowcount == 1
            kept = {
                name: getattr(before, name) for name in _FIELDS if name not in ("digest", "date")
            }
            values = {**kept, **_UNCLAIMED, "updated": now}
            return _update(connection, digest, date, _held_by(owner), values)

    def adopt(
        self,
        digest: str,
        date: str,
        now: datetime,
        *,
        fingerprint: str,
        built: datetime,
        review: bool,
        owner: str = "",
    ) -> bool:
        """Takes up an edition that lies in the outbox (of `owner`) and that no row knows."""
        values = {
            "state": "draft" if review else "approved",
            "owner": owner,
            "updated": now,
            "fingerprint": fingerprint,
            "built": built,
            "approved": None if review else now,
        }
        with self._transaction() as connection:
            return _insert(connection, digest, date, values)

    def skip(
        self, digest: str, date: str, reason: str, now: datetime, asked: datetime | None = None
    ) -> bool:
        """Notes that a date gets no edition; False where it has one, or somebody builds it."""
        values = {"state": "skipped", "updated": now, "asked": asked, "reason": reason}
        unbuilt = and_(EditionRow.state.in_(_UNBUILT), EditionRow.started.is_(None)) | and_(
            EditionRow.state == "building", _has_run_out(now)
        )
        with self._transaction() as connection:
            return _insert(connection, digest, date, values) or _update(
                connection, digest, date, unbuilt, {**values, **_UNCLAIMED}
            )

    def move(
        self,
        digest: str,
        date: str,
        expected: tuple[EditionState, ...],
        now: datetime,
        *,
        owner: str | None = None,
        revision: int | None = None,
        **changes: Any,
    ) -> bool:
        """Changes fields of `EditionStatus`, `state` among them, if the state is as `expected`.

        With `owner` only while that one holds it, with `revision` only at that one. False when
        another was quicker.
        """
        where: ColumnElement[bool] = EditionRow.state.in_(expected)
        if revision is not None:
            where = and_(where, EditionRow.revision == revision)
        if owner is not None:
            where = and_(where, EditionRow.owner == owner)
        if changes.get("state", "building") != "building":
            changes = {**_UNCLAIMED, **changes}
        with self._transaction() as connection:
            return _update(connection, digest, date, where, {**changes, "updated": now})


# Who built an edition stays known: an outbox of its own may have lost it, another has it.
_UNCLAIMED: dict[str, Any] = {"until": None}


def _status(connection: Connection, digest: str, date: str) -> EditionStatus | None:
    query = select(EditionRow).where(_is(digest, date))
    row = connection.execute(query).mappings().first()
    return None if row is None else _of(row)


def _of(row: RowMapping) -> EditionStatus:
    return EditionStatus(**{name: row[name] for name in _FIELDS})


def _is(digest: str, date: str) -> ColumnElement[bool]:
    return and_(EditionRow.digest == digest, EditionRow.date == date)


def _held_by(owner: str) -> ColumnElement[bool]:
    return and_(EditionRow.state == "building", EditionRow.owner == owner)


def _has_run_out(now: datetime) -> ColumnElement[bool]:
    """A claim whose time is over, or that was made by a clock that was ahead by more than clocks
    differ."""
    return or_(EditionRow.until < now, EditionRow.updated > now + _CLOCKS_DIFFER)


def _insert(connection: Connection, digest: str, date: str, values: dict[str, Any]) -> bool:
    """A new row; False when there is one. Two at once can try: one of them sees the other's."""
    if _status(connection, digest, date) is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(EditionRow).values(digest=digest, date=date, **values))
    except IntegrityError:
        return False
    return True


def _update(
    connection: Connection,
    digest: str,
    date: str,
    where: ColumnElement[bool],
    values: dict[str, Any],
) -> bool:
    query = update(EditionRow).where(_is(digest, date), where).values(**values)
    return connection.execute(query).rowcount == 1
