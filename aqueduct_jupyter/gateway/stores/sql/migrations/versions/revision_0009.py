"""An agent's key is as good as the token of the hub with which it was made."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Keep the token, encrypted. Older keys have none, so agents need new ones."""
    op.execute("DELETE FROM agent_keys")
    op.drop_column("agent_keys", "groups")
    op.add_column(
        "agent_keys", sa.Column("sealed_token", sa.Text, nullable=False, server_default="")
    )
