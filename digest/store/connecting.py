"""What the engines of all databases share: how a transaction is marked as one that only reads."""

from __future__ import annotations

from sqlalchemy import Connection

# An execution option of connections, looked at when their transaction begins.
_READ_ONLY = "digest_read_only"
_UNTIMED = "digest_untimed"

READING = {_READ_ONLY: True}
"""Options of a connection that only reads."""

UNTIMED = {_UNTIMED: True}
"""Options of a connection whose statements may take as long as they like: a migration's."""


def is_reading(connection: Connection) -> bool:
    """Whether the connection only reads."""
    return bool(connection.get_execution_options().get(_READ_ONLY, False))


def is_untimed(connection: Connection) -> bool:
    """Whether its statements may take as long as they like."""
    return bool(connection.get_execution_options().get(_UNTIMED, False))
