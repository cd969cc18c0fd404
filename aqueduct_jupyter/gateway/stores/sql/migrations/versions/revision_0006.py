"""Conversations can be pinned to the top of their list."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the mark; no conversation has it yet."""
    mark = sa.Column("is_pinned", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("conversations", mark)
