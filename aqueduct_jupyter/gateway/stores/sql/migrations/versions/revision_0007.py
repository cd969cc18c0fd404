"""Conversations have parameters of their own, as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; no conversation has any yet."""
    op.add_column(
        "conversations", sa.Column("parameters", sa.Text, nullable=False, server_default="{}")
    )
