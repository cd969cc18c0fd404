"""Requests get their APIs and their price, and responses are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns to requests, and the table of responses."""
    api = sa.Column("api", sa.Text, nullable=False, server_default="chat")
    op.add_column("requests", api)
    op.add_column("requests", sa.Column("upstream_api", sa.Text))
    op.add_column("requests", sa.Column("usd", sa.Double))
    op.create_table(
        "responses",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("previous_id", sa.Text),
        sa.Column("upstream", sa.Text),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
    )
    op.create_index("responses_by_expiry", "responses", ["expires_at"])
