"""Editions with their states, subscribers, subscriptions, deliveries, and the kind of a report.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("kind", sa.String(8), nullable=False, server_default="run"))
    op.create_table(
        "editions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("date", sa.String(10), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        _time("updated", nullable=False),
        sa.Column("owner", sa.String(40), nullable=False, server_default=""),
        _time("until"),
        sa.Column("fingerprint", sa.String(64), nullable=False, server_default=""),
        *map(_time, ("built", "asked", "send_at", "approved", "started", "finished")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        _time("not_before"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_editions_state", "editions", ["state"])
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(32), nullable=False, unique=True),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("address_key", sa.String(320), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        _time("created", nullable=False),
        _time("bounced"),
        sa.Column("bounce_reason", sa.Text, nullable=False, server_default=""),
        # A deleted person's id must not become another's: deliveries name people by it.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "subscriptions",
        sa.Column("subscriber", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("topics", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("languages", sa.JSON, nullable=False, server_default="[]"),
        _time("asked", nullable=False),
        *map(_time, ("confirmed", "ended")),
        sa.Column("consent", sa.Text, nullable=False, server_default=""),
        sa.Column("confirmation", sa.String(8), nullable=False, server_default=""),
        sa.Column("confirmation_tries", sa.Integer, nullable=False, server_default="0"),
        _time("confirmation_after"),
    )
    op.create_index("ix_subscriptions_digest_state", "subscriptions", ["digest", "state"])
    op.create_index("ix_subscriptions_confirmation", "subscriptions", ["confirmation"])
    op.create_table(
        "deliveries",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("date", sa.String(10), primary_key=True),
        sa.Column("subscriber", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(11), nullable=False),
        sa.Column("topics", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("languages", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("owner", sa.String(40), nullable=False, server_default=""),
        _time("until"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        *map(_time, ("tried", "not_before")),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("by", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["digest", "date", "state"])
    op.create_index("ix_deliveries_subscriber", "deliveries", ["subscriber"])
    op.create_index("ix_deliveries_tried", "deliveries", ["tried"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("secrets", "deliveries", "subscriptions", "subscribers", "editions"):
        op.drop_table(table)
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("kind")


def _time(name: str, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
