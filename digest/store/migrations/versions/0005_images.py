"""What is known of an article's picture beside its address: its size, and what is to be seen.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        for side in ("image_width", "image_height"):
            articles.add_column(sa.Column(side, sa.Integer, nullable=False, server_default="0"))
        articles.add_column(sa.Column("image_alt", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        for name in ("image_alt", "image_height", "image_width"):
            articles.drop_column(name)
