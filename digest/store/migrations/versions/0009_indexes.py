"""Indexes for what would else read a whole table once there are a million articles.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Addresses may be longer than an entry of PostgreSQL's trees may be; a hash of them is not.
    # What is empty would make one long chain in it.
    for column in ("url", "entry_url"):
        op.create_index(
            f"ix_articles_{column}",
            "articles",
            [column],
            postgresql_using="hash",
            postgresql_where=sa.text(f"{column} <> ''"),
        )
    op.create_index("ix_articles_content", "articles", ["content_hash"])
    op.create_index("ix_told_date", "told", ["digest", "date"])
    op.create_index("ix_stories_article", "stories", ["article"])
    op.create_index("ix_runs_kind", "runs", ["kind", "id"])
    op.create_index("ix_runs_started", "runs", ["started"])
    op.create_index("ix_subscriptions_confirmed", "subscriptions", ["confirmed"])
    op.create_index("ix_subscriptions_asked", "subscriptions", ["state", "asked"])
    op.create_index("ix_operations_date", "operations", ["date"])
    op.create_index("ix_builds_date", "builds", ["date"])


def downgrade() -> None:
    for name, table in (
        ("ix_builds_date", "builds"),
        ("ix_operations_date", "operations"),
        ("ix_subscriptions_asked", "subscriptions"),
        ("ix_subscriptions_confirmed", "subscriptions"),
        ("ix_runs_started", "runs"),
        ("ix_runs_kind", "runs"),
        ("ix_stories_article", "stories"),
        ("ix_told_date", "told"),
        ("ix_articles_content", "articles"),
        ("ix_articles_entry_url", "articles"),
        ("ix_articles_url", "articles"),
    ):
        op.drop_index(name, table)
