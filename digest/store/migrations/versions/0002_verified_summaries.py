"""What verification dropped of a summary, and for which model another one stood in.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("summaries", sa.Column("dropped", sa.JSON, nullable=False, server_default="[]"))
    op.add_column(
        "summaries",
        sa.Column("instead_of", sa.String(120), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_column("summaries", "instead_of")
    op.drop_column("summaries", "dropped")
