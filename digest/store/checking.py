"""What is wrong with a database: its schema, its file, its rows, and what they say of one another.

Nothing here changes anything.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any, get_args

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exists, func, select

from digest.errors import StoreError
from digest.records import DeliveryState, EditionState, SubscriptionState
from digest.store.copying import checksums
from digest.store.counters import next_is_taken
from digest.store.database import Database
from digest.store.schema import (
    Base,
    BuildRow,
    DeliveryRow,
    EditionRow,
    OperationRow,
    SubscriberRow,
    SubscriptionRow,
)

# Of what is wrong many times, so many are named.
_NAMED = 5
_AT_ONCE = 50


def check_database(database: Database) -> Iterator[tuple[str, str]]:
    """Each check's name and what is wrong; empty when nothing is.

    A database of an older schema is not looked into any further than its file.
    """
    older = _older(database)
    yield "schema", older or _told(lambda: _schema(database))
    if database.is_sqlite:
        yield "file", _told(lambda: _file(database))
    if older:
        return
    yield "rows", _told(lambda: _rows(database))
    yield "builds", _told(lambda: _builds(database))
    yield "relations", _told(lambda: _relations(database))
    yield "numbers", _told(lambda: _numbers(database))


def _told(check: Callable[[], str]) -> str:
    try:
        return check()
    except StoreError as error:
        return str(error)


def _older(database: Database) -> str:
    has, wants = database.revision(), database.head()
    if not has:
        return "there is none yet; `digest db upgrade` makes it"
    if has != wants:
        return f"it is {has}, this version's is {wants}: digest db upgrade"
    return ""


def _schema(database: Database) -> str:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        differences = compare_metadata(context, Base.metadata)
    return _listed([_difference(one) for one in differences])


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    """A database may hold tables of others."""
    return kind != "table" or name in Base.metadata.tables


def _difference(found: Any) -> str:
    """A difference in words, as Alembic tells it: what would have to be done."""
    first = found[0] if isinstance(found, list) else found
    kind, *rest = first
    names = [str(getattr(one, "name", one)) for one in rest if one is not None]
    return f"{kind.replace('_', ' ')} {'.'.join(names[:3])}"


def _file(database: Database) -> str:
    with database.reading(untimed=True) as connection:
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
    return "" if found == ["ok"] else f"it is damaged, restore a backup: {'; '.join(found)}"


def _rows(database: Database) -> str:
    """Reads every row, and looks at the words that stand for states."""
    checksums(database)
    wrong = []
    for column, states in (
        (EditionRow.state, get_args(EditionState)),
        (DeliveryRow.state, get_args(DeliveryState)),
        (SubscriptionRow.state, get_args(SubscriptionState)),
    ):
        query = select(column, func.count()).where(column.not_in(states)).group_by(column)
        with database.reading(untimed=True) as connection:
            for state, count in connection.execute(query):
                wrong.append(f"{count} of {column.class_.__tablename__} in no state ({state!r})")
    return _listed(wrong)


def _builds(database: Database) -> str:
    """Builds whose edition, or draft, can't be read."""
    query = select(BuildRow).execution_options(yield_per=_AT_ONCE)
    wrong = []
    with database.reading(untimed=True) as connection:
        for row in connection.execute(query).mappings():
            for what in ("edition", "draft"):
                if (data := row[what]) is not None and not _is_json(data):
                    name = f"{row['digest']}/{row['date']}"
                    wrong.append(f"the {what} of build {row['number']} of {name} can't be read")
    return _listed(wrong)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(zlib.decompress(data))
    except (zlib.error, ValueError):
        return False
    return True


def _relations(database: Database) -> str:
    """Rows of something that isn't there."""
    edition = EditionRow
    wrong = []
    with database.reading(untimed=True) as connection:
        for row in (DeliveryRow, OperationRow, BuildRow):
            its = exists().where(edition.digest == row.digest, edition.date == row.date)
            query = select(row.digest, row.date, func.count()).where(~its)
            for digest, date, count in connection.execute(query.group_by(row.digest, row.date)):
                wrong.append(f"{count} {row.__tablename__} of {digest}/{date}, which isn't there")
        person = exists().where(SubscriberRow.id == SubscriptionRow.subscriber)
        count = connection.execute(
            select(func.count()).select_from(SubscriptionRow).where(~person)
        ).scalar_one()
        if count:
            wrong.append(f"{count} subscriptions of nobody")
    return _listed(wrong)


def _numbers(database: Database) -> str:
    with database.reading(untimed=True) as connection:
        return _listed(
            [
                f"the next row of {table.name} would get a number that is taken; as the database's "
                f"owner: SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                f"(SELECT max(id) FROM {table.name}))"
                for table in Base.metadata.sorted_tables
                if next_is_taken(connection, table)
            ]
        )


def _listed(wrong: list[str]) -> str:
    more = len(wrong) - _NAMED
    return "; ".join([*wrong[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
