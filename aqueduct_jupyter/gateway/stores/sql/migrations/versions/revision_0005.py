"""Files keep the media type that the client declared, which may name the charset of their text."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the declared media type of files."""
    op.add_column("files", sa.Column("declared_type", sa.Text))
