"""PostgreSQL (15 or newer): its engine, one writer at a time, its complaints.

The store was written for a database that lets one transaction write at a time, as SQLite does, and
its methods read before they write. Here a lock of the whole database, held to the transaction's
end, gives them the same; readers don't wait for it. An edition writes for seconds a day, and a
delivery for a millisecond, so there is nothing to be gained by finer locks but their mistakes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from digest.store.connecting import is_reading, is_untimed

# How long a server that is away is waited for. A restart takes one to five seconds; whatever takes
# longer is told, and the service goes on by itself at its next turn.
AWAY_SECONDS = 10.0
# A restart refuses connections, and says so; so does a cluster whose standby takes over.
_AWAY = (
    "connection refused",
    "no such file or directory",
    "is starting up",
    "is shutting down",
    "in recovery mode",
    "not yet accepting connections",
    "server closed the connection",
    "terminating connection",
    "connection reset",
    "timeout expired",
)
# The longest statement over a million articles takes some seconds (benchmarks/million.py): a
# minute later it is stuck, on a disk or in a plan.
_STATEMENT_SECONDS = 60
_CONNECT_SECONDS = 5
# New indexes on a million articles take a minute (0009); a slow disk ten times as long.
_UPGRADE_SECONDS = 600
# Older ones are out of support within the year, and lack what PostgreSQL's own guides presume.
_OLDEST = 15
# "digest", as the first eight bytes of a number.
_WRITERS = int.from_bytes(b"digest\0\0", "big")


def postgres_engine(address: URL, lock_seconds: float) -> Engine:
    """An engine whose pool notices connections that have died. Nobody is asked yet.

    A writing transaction waits up to `lock_seconds` for another one.
    """
    engine = create_engine(
        address,
        # A connection that a restart or a firewall has cut is noticed before it is used.
        pool_pre_ping=True,
        pool_recycle=1800,
        # The service's jobs, the sending threads and the desk's pages: none waits for another.
        pool_size=10,
        max_overflow=30,
        pool_timeout=lock_seconds,
        connect_args=_CONNECTING,
    )
    # Zero would mean to wait for ever.
    lock = max(1, round(lock_seconds * 1000))

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        limit = 0 if is_untimed(connection) else _STATEMENT_SECONDS * 1000
        # Whoever copies a table or upgrades the schema waits for another who does.
        wait = max(lock, _UPGRADE_SECONDS * 1000) if is_untimed(connection) else lock
        # One trip, since there is one for each transaction. It holds to the transaction's end, so
        # it works through a pooler too.
        if is_reading(connection):
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                f"SET LOCAL statement_timeout = {limit}"
            )
        else:
            # Whatever the server's own setting: with an older snapshot, taken before the wait, a
            # writer would not see what the one before it has written.
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
                "SET LOCAL statement_timeout = 0;"
                f"SET LOCAL lock_timeout = {wait};"
                f"SELECT pg_advisory_xact_lock({_WRITERS});"
                f"SET LOCAL statement_timeout = {limit}"
            )

    return engine


def connected(engine: Engine, seconds: float = AWAY_SECONDS, **options: Any) -> Connection:
    """A connection, waiting up to `seconds` for a server that restarts. Raises SQLAlchemyError."""
    end, pause = time.monotonic() + seconds, 0.05
    while True:
        try:
            return engine.connect().execution_options(**options)
        except OperationalError as error:
            if not is_away(error) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def unfit(connection: Connection) -> str:
    """What makes the server unfit to keep the state; empty when nothing does."""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version < _OLDEST:
        return f"the server is PostgreSQL {version}; {_OLDEST} or newer is needed"
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        return (
            f"the database's encoding is {encoding}; make one with: createdb --encoding=UTF8 "
            "--template=template0 NAME"
        )
    return ""


def is_away(error: DBAPIError) -> bool:
    """Whether the server could not be asked, and may be there in a moment."""
    text = str(error.orig).lower()
    return any(sign in text for sign in _AWAY)


_CONNECTING: Mapping[str, Any] = {
    "application_name": "digest",
    "connect_timeout": _CONNECT_SECONDS,
    # A server that vanishes without a word is noticed within a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # Statements that are prepared once live on a connection that a pooler may give to others.
    "prepare_threshold": None,
}


def postgres_advice(lock_seconds: float) -> Mapping[str, str]:
    """What to do, by a sign of the complaint."""
    return {
        "password authentication failed": "the server refuses the user or the password; check "
        "DIGEST_DATABASE_URL",
        "no password supplied": "the server wants a password; write it into ~/.pgpass, or into "
        "DIGEST_DATABASE_URL",
        "no pg_hba.conf entry": "the server lets nobody in from here under that name; its "
        "pg_hba.conf says who may come",
        "permission denied for schema": "the user may make no tables; as the database's owner: "
        "GRANT CREATE, USAGE ON SCHEMA public TO that user, or let it own the database",
        "permission denied": "the user lacks rights; let it own the database",
        "must be owner": "the tables belong to another user; use that one, or REASSIGN OWNED",
        "read-only transaction": "the server is a copy that only reads; name the one that is "
        "written",
        "lock timeout": f"another process has written for over {lock_seconds:g} s; wait for it, or "
        "end it",
        "statement timeout": f"a statement took over {_STATEMENT_SECONDS} s; look whether the "
        "server's disk or processor is busy",
        "no space left on device": "the server's disk is full; make room and run again, nothing "
        "half-written was kept",
        "could not extend file": "the server's disk is full; make room and run again, nothing "
        "half-written was kept",
        "too many connections": "the server has no connection left; raise its max_connections",
        "remaining connection slots": "the server has no connection left; raise its "
        "max_connections",
        "could not translate host name": "there is no host of that name; check DIGEST_DATABASE_URL",
        "name or service not known": "there is no host of that name; check DIGEST_DATABASE_URL",
        'role "': "there is no such user on the server; make it: createuser NAME",
        'database "': "there is no such database on the server; make it: createdb NAME",
        "connection refused": "the server does not answer; start it, or check host and port",
        "no such file or directory": "the server does not answer; start it, or check host and port",
        "timeout expired": "the server does not answer; check host, port and firewalls",
        "starting up": "the server is starting; try again in a moment",
        "shutting down": "the server is stopping; try again when it is back",
        "server closed the connection": "the server ended the connection; nothing half-written was "
        "kept, try again",
        "terminating connection": "the server ended the connection; nothing half-written was kept, "
        "try again",
        "connection is lost": "the connection was lost; nothing half-written was kept, try again",
        "nul (0x00)": "a text with a NUL character can't be kept",
    }
