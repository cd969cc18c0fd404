"""SQL statements for conversations; the conversation store uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from .locks import lock_until_commit
from .tables import conversations, position_in

__all__ = ["ConversationRows"]

Row = dict[str, Any]

_SUMMARY = (
    conversations.c.id,
    conversations.c.name,
    conversations.c.length.label("turns"),
    conversations.c.revision,
    conversations.c.created_at,
    conversations.c.updated_at,
    conversations.c.is_pinned,
)

_OF_OWNER = conversations.c.owner == bindparam("owner")

# Statements are built once, because building one takes ten times as long as reading a row.
_LIST = (
    select(*_SUMMARY)
    .where(_OF_OWNER, position_in(conversations.c.said, bindparam("search")) > 0)
    .order_by(conversations.c.updated_at.desc(), conversations.c.sequence.desc())
)
_COUNT = select(func.count()).select_from(conversations).where(_OF_OWNER)
_FIND = (
    select(conversations).where(conversations.c.id == bindparam("id"), _OF_OWNER).with_for_update()
)
_INSERT = insert(conversations)
_REMOVE = delete(conversations).where(conversations.c.id == bindparam("id"))


class ConversationRows:
    """The rows of conversations in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, owner: str, search: str) -> list[Row]:
        """Return summaries, the last changed first, of conversations that contain this text."""
        found = self._connection.execute(_LIST, {"owner": owner, "search": search})
        return [dict(row) for row in found.mappings()]

    def count(self, owner: str) -> int:
        """Count an owner's conversations; none can be added until the transaction ends."""
        lock_until_commit(self._connection, f"conversations of {owner}")
        return self._connection.execute(_COUNT, {"owner": owner}).scalar_one()

    def find(self, owner: str, conversation_id: str) -> Row | None:
        """Return a row, locked until the transaction ends."""
        asked = {"id": conversation_id, "owner": owner}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a conversation."""
        self._connection.execute(_INSERT, row)

    def change(self, row: Mapping[str, Any]) -> None:
        """Update a row that was returned by :meth:`find`."""
        statement = update(conversations).where(conversations.c.sequence == row["sequence"])
        self._connection.execute(statement, row)

    def remove(self, conversation_id: str) -> None:
        """Remove a conversation."""
        self._connection.execute(_REMOVE, {"id": conversation_id})
