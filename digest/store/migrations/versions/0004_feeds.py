"""How each feed is and when it may be asked again; articles whose text came from their page.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIMES = ("worked", "failing_since", "gone", "not_before")
_TEXTS = ("body_hash", "told", "waits_for", "moved_to", "moving_to", "read_by")
_COUNTS = ("successes", "moved_seen", "answers", "unchanged")


def upgrade() -> None:
    with op.batch_alter_table("feeds") as feeds:
        for name in _TIMES:
            feeds.add_column(sa.Column(name, sa.DateTime(timezone=True)))
        for name in _TEXTS:
            feeds.add_column(sa.Column(name, sa.Text, nullable=False, server_default=""))
        for name in _COUNTS:
            feeds.add_column(sa.Column(name, sa.Integer, nullable=False, server_default="0"))
        feeds.add_column(sa.Column("seconds", sa.Float, nullable=False, server_default="0"))
        feeds.add_column(sa.Column("rhythm", sa.JSON, nullable=False, server_default="{}"))
        feeds.add_column(
            sa.Column("troubled", sa.Boolean, nullable=False, server_default=sa.false())
        )
    # What worked before has worked; whoever fails now began to at the latest when last asked.
    op.execute("UPDATE feeds SET worked = succeeded")
    op.execute("UPDATE feeds SET failing_since = checked WHERE failures > 0")
    with op.batch_alter_table("articles") as articles:
        articles.add_column(
            sa.Column("entry_hash", sa.String(64), nullable=False, server_default="")
        )
        articles.add_column(sa.Column("entry_url", sa.Text, nullable=False, server_default=""))
        articles.add_column(
            sa.Column("text_from", sa.String(8), nullable=False, server_default="feed")
        )
        articles.add_column(
            sa.Column("paywall", sa.Boolean, nullable=False, server_default=sa.false())
        )
        articles.add_column(sa.Column("page_asked", sa.DateTime(timezone=True)))
        articles.add_column(sa.Column("page_after", sa.DateTime(timezone=True)))
        articles.add_column(sa.Column("page_tries", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE articles SET entry_hash = content_hash, entry_url = url")


def downgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        for name in (
            "page_tries",
            "page_after",
            "page_asked",
            "paywall",
            "text_from",
            "entry_url",
            "entry_hash",
        ):
            articles.drop_column(name)
    with op.batch_alter_table("feeds") as feeds:
        for name in ("troubled", "rhythm", "seconds", *_COUNTS, *_TEXTS, *_TIMES):
            feeds.drop_column(name)
