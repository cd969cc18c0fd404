"""Create the tables of release 0.1.0 if they are missing; its databases have no version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables that are missing."""
    sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "files",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("files_by_owner", "files", ["owner", "sequence"], if_not_exists=True)
    op.create_index("files_by_blob", "files", ["sha256"], if_not_exists=True)
    op.create_table(
        "uploaders",
        sa.Column("file", sa.Text, sa.ForeignKey("files.id"), primary_key=True),
        sa.Column("uploader", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "requests",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("kernel", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("upstream", sa.Text),
        sa.Column("is_stream", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("tokens_in", sa.BigInteger),
        sa.Column("tokens_out", sa.BigInteger),
        sa.Column("is_estimated", sa.Boolean, nullable=False),
        sa.Column("first_token_ms", sa.Double),
        sa.Column("total_ms", sa.Double, nullable=False),
        if_not_exists=True,
    )
    op.create_index("requests_by_time", "requests", ["owner", "time"], if_not_exists=True)
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("turns", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "conversations_by_owner", "conversations", ["owner", "updated_at"], if_not_exists=True
    )
