"""Responses may be running in the background, and conversations of the Responses API are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the sign of life of running responses, their events, and conversations with items."""
    op.add_column("responses", sa.Column("alive_at", sa.Double))
    op.create_table(
        "response_events",
        sa.Column("response_id", sa.Text, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("events", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "response_conversations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("metadata", sa.Text, nullable=False),
    )
    op.create_index("response_conversations_by_expiry", "response_conversations", ["expires_at"])
    sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "conversation_items",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "conversation_items_by_id", "conversation_items", ["conversation_id", "id"], unique=True
    )
