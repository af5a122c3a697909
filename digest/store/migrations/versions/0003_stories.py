"""The story that each article was grouped into, so that stories keep their ids over runs.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stories",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("article", sa.String(40), primary_key=True),
        sa.Column("story", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("stories")
