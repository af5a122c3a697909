"""The picture that the feed's entry gave, in whose place that of the article's page may stand.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        articles.add_column(sa.Column("entry_image", sa.Text, nullable=False, server_default=""))
    # Until now the page's was taken only where the entry gave none.
    op.execute("UPDATE articles SET entry_image = image")


def downgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        articles.drop_column("entry_image")
