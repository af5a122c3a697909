"""What editors change about editions, and the builds that they change.

Every change of an edition goes through its row: whoever has that row locked is the only one who
changes the edition, so that changes have one order, and no number is given twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    select,
    update,
)

from digest.errors import ConflictError, GoneError, StoreError
from digest.records import EditionState, NewOperation, Operation, Verdict
from digest.store.database import Database
from digest.store.schema import BuildRow, EditionRow, OperationRow
from digest.words import desk_words

# Builds of an edition that are kept. Each may take some hundred kilobytes with its articles; an
# editor compares the last few.
BUILDS_KEPT = 12

Clash = Callable[[Sequence[Operation]], str]
"""Why a change can't be made blindly after those that were made since, or empty."""


# What these were made from is still needed, to be changed or to go on.
_WAITING: tuple[EditionState, ...] = ("building", "draft", "sending")


class DeskStore:
    """Operations and builds of editions; `digest` is a digest's name, `date` an ISO date."""

    def __init__(self, database: Database) -> None:
        self._transaction = database.transaction
        self._reading = database.reading
        self._address = database.address

    # --- operations ----------------------------------------------------------------------

    def add(
        self, digest: str, date: str, new: NewOperation, now: datetime, clash: Clash
    ) -> Operation:
        """Makes a change, which is the edition's last then; gives it with number and revision.

        One that was made already (by its key) is given as it is, whatever became of the edition.
        `clash` is asked where others were made, taken out or put back since `new.seen`. Raises
        GoneError where there is no such edition, ConflictError where it is no draft (any more), was
        never at that revision, or `clash` has something to say.
        """
        with self._transaction() as connection:
            edition = _locked(connection, digest, date)
            made = _one(connection, digest, date, OperationRow.key == _plain(new.key))
            if made is not None:
                return made
            _must_be_draft(edition)
            if new.seen > edition["revision"]:
                raise ConflictError(_stale(edition, None, now, UTC))
            since = _some(connection, digest, date, OperationRow.revision > new.seen)
            if since and (reason := clash(since)):
                raise ConflictError(reason)
            numbers = select(func.max(OperationRow.number)).where(_of(OperationRow, digest, date))
            number = (connection.execute(numbers).scalar() or 0) + 1
            values = {
                "digest": digest,
                "date": date,
                "number": number,
                "key": _plain(new.key),
                "kind": new.kind,
                "story": _plain(new.story),
                "article": _plain(new.article),
                "values": _plain(dict(new.values)),
                "who": _plain(new.who),
                "made": now,
                "revision": _changed(connection, edition, now),
            }
            connection.execute(insert(OperationRow), [values])
            return _must_be(connection, digest, date, number)

    def switch(
        self,
        digest: str,
        date: str,
        number: int,
        *,
        undone: bool,
        seen: int,
        now: datetime,
        who: str = "",
        zone: tzinfo = UTC,
    ) -> Operation:
        """Takes a change out, or puts it back in its place, by `who`; gives it as it is then.

        Only at the revision `seen`: whoever takes something out must have seen the whole. Who
        changed it since is told with the time in `zone`. Raises GoneError, and ConflictError as
        `add` does, or where it is so already.
        """
        with self._transaction() as connection:
            edition = _locked(connection, digest, date)
            _must_be_draft(edition)
            if seen != edition["revision"]:
                since = _some(connection, digest, date, OperationRow.revision > seen)
                last = max(since, key=lambda operation: operation.revision, default=None)
                raise ConflictError(_stale(edition, last, now, zone))
            operation = _must_be(connection, digest, date, number)
            if undone and operation.undone is not None:
                raise ConflictError(desk_words()("stale.is_out", number=number))
            if not undone and operation.undone is None:
                raise ConflictError(desk_words()("stale.is_in", number=number))
            connection.execute(
                update(OperationRow)
                .where(_of(OperationRow, digest, date), OperationRow.number == number)
                .values(
                    undone=now if undone else None,
                    switched=now,
                    switched_by=_plain(who),
                    revision=_changed(connection, edition, now),
                )
            )
            return _must_be(connection, digest, date, number)

    def made(self, digest: str, date: str, key: str) -> Operation | None:
        """The change that was asked for with `key`; None where it wasn't made."""
        with self._reading() as connection:
            return _one(connection, digest, date, OperationRow.key == _plain(key))

    def operations(self, digest: str, date: str) -> list[Operation]:
        """All changes of an edition, those taken out too, oldest first."""
        with self._reading() as connection:
            return _some(connection, digest, date)

    def checked(
        self,
        digest: str,
        date: str,
        number: int,
        content_hash: str,
        verdicts: Sequence[Verdict],
    ) -> None:
        """Notes what verification says of a change's text, held against an article's content.

        It stands in place of an earlier word on the same content. A draft's revision goes up:
        whoever approves must have seen it. Raises GoneError where there is no such change.
        """
        where = and_(_of(OperationRow, digest, date), OperationRow.number == number)
        query = select(OperationRow.checked).where(where).with_for_update()
        with self._transaction() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise _no_change(digest, date, number)
            known = {**row[0], content_hash: _plain([asdict(verdict) for verdict in verdicts])}
            connection.execute(update(OperationRow).where(where).values(checked=known))
            draft = and_(EditionRow.digest == digest, EditionRow.date == date)
            connection.execute(
                update(EditionRow)
                .where(draft, EditionRow.state == "draft")
                .values(revision=EditionRow.revision + 1)
            )

    # --- builds --------------------------------------------------------------------------

    def save_build(
        self,
        digest: str,
        date: str,
        made: datetime,
        reason: str,
        edition: bytes,
        draft: bytes | None,
    ) -> int:
        """Keeps a build, `edition` as JSON and `draft` as `dump_draft` gives it; gives its number.

        The same as the newest one, for the same reason, is that one: a step that was made again
        after a crash. Of each edition the newest `BUILDS_KEPT` stay, and always the newest that has
        a draft.
        """
        its = _of(BuildRow, digest, date)
        values = {"reason": reason, "edition": zlib.compress(edition), "draft": draft}
        with self._transaction() as connection:
            _row(connection, digest, date)
            newest = select(BuildRow).where(its).order_by(BuildRow.number.desc()).limit(1)
            last = connection.execute(newest).mappings().first()
            if last is not None and all(last[name] == values[name] for name in values):
                return int(last["number"])
            number = 1 if last is None else int(last["number"]) + 1
            row = {"digest": digest, "date": date, "number": number, "made": made, **values}
            connection.execute(insert(BuildRow), [row])
            connection.execute(
                delete(BuildRow).where(
                    its,
                    BuildRow.number <= number - BUILDS_KEPT,
                    BuildRow.number != _draft_number(connection, digest, date),
                )
            )
        return number

    def draft(self, digest: str, date: str) -> tuple[int, bytes] | None:
        """The newest draft with its build's number, for `load_draft`; None where none is kept."""
        query = (
            select(BuildRow.number, BuildRow.draft)
            .where(_of(BuildRow, digest, date), BuildRow.draft.is_not(None))
            .order_by(BuildRow.number.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None or row.draft is None else (row.number, row.draft)

    def draft_number(self, digest: str, date: str) -> int:
        """The number of the build that `draft` would give; 0 where none is kept."""
        with self._reading() as connection:
            return _draft_number(connection, digest, date)

    def builds(self, digest: str, date: str) -> list[tuple[int, datetime, str]]:
        """Number, time and reason of the builds that are kept, oldest first."""
        query = (
            select(BuildRow.number, BuildRow.made, BuildRow.reason)
            .where(_of(BuildRow, digest, date))
            .order_by(BuildRow.number)
        )
        with self._reading() as connection:
            return [(number, made, reason) for number, made, reason in connection.execute(query)]

    def build(self, digest: str, date: str, number: int) -> bytes | None:
        """The edition of a build, as JSON; None where it isn't kept (any more)."""
        query = select(BuildRow.edition).where(
            _of(BuildRow, digest, date), BuildRow.number == number
        )
        with self._reading() as connection:
            kept = connection.execute(query).scalar()
        if kept is None:
            return None
        try:
            return zlib.decompress(kept)
        except zlib.error as error:
            told = {"database": self._address, "number": number, "edition": f"{digest}/{date}"}
            raise StoreError(desk_words()("trouble.damaged_build", **told)) from error

    def prune(self, before: str, *, waiting: bool = True) -> int:
        """Forgets the builds, drafts with them, of editions dated before that date.

        Their operations stay; with `waiting=False` also the builds of what waits for an editor, or
        is being sent. Gives how many builds there were.
        """
        old = BuildRow.date < before
        if not waiting:
            row = and_(EditionRow.digest == BuildRow.digest, EditionRow.date == BuildRow.date)
            old = and_(old, not_(exists().where(row, EditionRow.state.in_(_WAITING))))
        with self._transaction() as connection:
            return connection.execute(delete(BuildRow).where(old)).rowcount


def _of(table: type[OperationRow | BuildRow], digest: str, date: str) -> ColumnElement[bool]:
    return and_(table.digest == digest, table.date == date)


def _row(connection: Connection, digest: str, date: str) -> RowMapping | None:
    """The edition's row, where it has one, locked until the end of the transaction."""
    # SQLite knows no FOR UPDATE: there the transaction itself keeps other writers out.
    query = select(EditionRow).where(EditionRow.digest == digest, EditionRow.date == date)
    return connection.execute(query.with_for_update()).mappings().first()


def _locked(connection: Connection, digest: str, date: str) -> RowMapping:
    """As `_row`; raises GoneError where there is none."""
    row = _row(connection, digest, date)
    if row is None:
        raise GoneError(desk_words()("gone.edition_any_more", edition=f"{digest}/{date}"))
    return row


def _must_be_draft(edition: RowMapping) -> None:
    state = edition["state"]
    if state != "draft":
        name = f"{edition['digest']}/{edition['date']}"
        raise ConflictError(desk_words()(f"not_now.{state}", edition=name))


def _changed(connection: Connection, edition: RowMapping, now: datetime) -> int:
    """The edition's next revision, which it has from now on."""
    revision = int(edition["revision"]) + 1
    connection.execute(
        update(EditionRow)
        .where(EditionRow.digest == edition["digest"], EditionRow.date == edition["date"])
        .values(revision=revision, updated=now)
    )
    return revision


def _stale(edition: RowMapping, last: Operation | None, now: datetime, zone: tzinfo) -> str:
    """Tells an editor whose page is not of the edition's revision what came since."""
    name = f"{edition['digest']}/{edition['date']}"
    if last is None:
        return desk_words()("stale.page", edition=name)
    why = "stale.changed" if last.undone is None else "stale.taken_out"
    values = {"edition": name, "who": last.who, "number": last.number, "by": last.switched_by}
    if last.switched_by:
        why = "stale.put_back_by" if last.undone is None else "stale.taken_out_by"
    return desk_words()(why, **values, time=_clock(last.switched or last.made, now, zone))


def _clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    there = moment.astimezone(zone)
    same_day = there.date() == now.astimezone(zone).date()
    return f"{there:%H:%M %Z}" if same_day else f"{there:%Y-%m-%d %H:%M %Z}"


def _must_be(connection: Connection, digest: str, date: str, number: int) -> Operation:
    operation = _one(connection, digest, date, OperationRow.number == number)
    if operation is None:
        raise _no_change(digest, date, number)
    return operation


def _no_change(digest: str, date: str, number: int) -> GoneError:
    return GoneError(desk_words()("gone.change", edition=f"{digest}/{date}", number=number))


def _one(
    connection: Connection, digest: str, date: str, where: ColumnElement[bool]
) -> Operation | None:
    return next(iter(_some(connection, digest, date, where)), None)


def _some(
    connection: Connection, digest: str, date: str, *where: ColumnElement[bool]
) -> list[Operation]:
    query = (
        select(OperationRow)
        .where(_of(OperationRow, digest, date), *where)
        .order_by(OperationRow.number)
    )
    return [_operation(row) for row in connection.execute(query).mappings()]


def _operation(row: RowMapping) -> Operation:
    return Operation(
        number=row["number"],
        kind=row["kind"],
        values=row["values"],
        who=row["who"],
        made=row["made"],
        story=row["story"],
        article=row["article"],
        undone=row["undone"],
        switched=row["switched"],
        switched_by=row["switched_by"],
        revision=row["revision"],
        checked={
            content: tuple(
                Verdict(**{**one, "reasons": tuple(one["reasons"]), "source": tuple(one["source"])})
                for one in verdicts
            )
            for content, verdicts in row["checked"].items()
        },
    )


def _draft_number(connection: Connection, digest: str, date: str) -> int:
    query = select(func.max(BuildRow.number)).where(
        _of(BuildRow, digest, date), BuildRow.draft.is_not(None)
    )
    return int(connection.execute(query).scalar() or 0)


def _plain(value: Any) -> Any:
    """`value` as JSON keeps it, lone surrogates replaced: no database takes them as text."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
