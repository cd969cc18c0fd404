"""Files get a blob and an uploader column, and conversations a sequence.

A blob whose last row is gone is never named again, because blob names are unique. So it can be
deleted without a lock on the database.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the blob and the uploader to files, and the sequence to conversations."""
    op.add_column("files", sa.Column("blob", sa.Text, nullable=False, server_default=""))
    op.add_column("files", sa.Column("uploader", sa.Text))
    op.execute("UPDATE files SET blob = substr(sha256, 1, 2) || '/' || sha256")
    op.execute("UPDATE files SET uploader = (SELECT uploader FROM uploaders WHERE file = files.id)")
    op.drop_table("uploaders")
    op.drop_index("files_by_blob", "files")
    op.create_index("files_by_hash", "files", ["sha256"])
    op.create_index("files_by_blob", "files", ["blob"])
    _give_conversations_a_sequence()


def _give_conversations_a_sequence() -> None:
    columns = "id, owner, name, revision, created_at, updated_at, length, turns, said"
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.drop_index("conversations_by_owner", "conversations")
    op.rename_table("conversations", "conversations_0001")
    op.create_table(
        "conversations",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("turns", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute(
        f"INSERT INTO conversations ({columns}) SELECT {columns} FROM conversations_0001 "  # noqa: S608  # constants
        f"ORDER BY {'rowid' if is_sqlite else 'created_at'}"
    )
    op.drop_table("conversations_0001")
    op.create_index("conversations_by_owner", "conversations", ["owner", "updated_at"])
