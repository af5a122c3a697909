"""What editors change about editions, the builds that they change, and failures of feeds.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("editions") as editions:
        editions.add_column(sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "operations",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("date", sa.String(10), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("story", sa.String(40), nullable=False, server_default=""),
        sa.Column("article", sa.String(40), nullable=False, server_default=""),
        sa.Column("values", sa.JSON, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone", sa.DateTime(timezone=True)),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("checked", sa.JSON, nullable=False, server_default="{}"),
    )
    op.create_index("ix_operations_key", "operations", ["digest", "date", "key"], unique=True)
    op.create_table(
        "builds",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("date", sa.String(10), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("edition", sa.LargeBinary, nullable=False),
        sa.Column("draft", sa.LargeBinary),
    )
    op.create_table(
        "feed_failures",
        sa.Column("feed", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("feed_failures", "builds", "operations"):
        op.drop_table(table)
    with op.batch_alter_table("editions") as editions:
        editions.drop_column("revision")
