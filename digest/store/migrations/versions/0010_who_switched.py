"""Who took an editor's change out or put it back, and when.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("operations") as operations:
        operations.add_column(sa.Column("switched", sa.DateTime(timezone=True)))
        operations.add_column(sa.Column("switched_by", sa.Text, nullable=False, server_default=""))
    # By whom was not kept until now.
    op.execute("UPDATE operations SET switched = undone")


def downgrade() -> None:
    with op.batch_alter_table("operations") as operations:
        operations.drop_column("switched_by")
        operations.drop_column("switched")
