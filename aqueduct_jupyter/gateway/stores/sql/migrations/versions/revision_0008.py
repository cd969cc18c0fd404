"""What the replicas of a hub's service share: running requests, budgets, and who changed them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables; nothing runs while a database is upgraded."""
    op.add_column("requests", sa.Column("groups", sa.Text))
    op.create_index("requests_of_all_by_time", "requests", ["time"])
    op.create_table(
        "running_requests",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("replica", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("kernel", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("api", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("upstream", sa.Text),
        sa.Column("is_stream", sa.Boolean, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("groups", sa.Text),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("is_stopped", sa.Boolean, nullable=False),
    )
    op.create_index("running_requests_by_owner", "running_requests", ["owner"])
    op.create_index("running_requests_by_replica", "running_requests", ["replica"])
    op.create_table(
        "replicas",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("alive_at", sa.Double, nullable=False),
    )
    op.create_table(
        "budget_windows",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("span", sa.Text, primary_key=True),
        sa.Column("begins", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("reserved", sa.Double, nullable=False),
        sa.Column("carried", sa.Double, nullable=False),
    )
    op.create_table(
        "budgets",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("budget", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "agent_keys",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("max_tokens", sa.BigInteger),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("agent_keys_by_owner", "agent_keys", ["owner"])
