"""The statements about conversations; what they mean is left to the conversation store."""

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
)

_OF_OWNER = conversations.c.owner == bindparam("owner")

# Statements are built once: that takes ten times as long as a row does.
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
    """The rows of conversations, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, owner: str, search: str) -> list[Row]:
        """Give summaries, the last changed first; only those in which these words were said."""
        found = self._connection.execute(_LIST, {"owner": owner, "search": search})
        return [dict(row) for row in found.mappings()]

    def count(self, owner: str) -> int:
        """Count an owner's; until the transaction ends nobody adds one."""
        lock_until_commit(self._connection, f"conversations of {owner}")
        return self._connection.execute(_COUNT, {"owner": owner}).scalar_one()

    def find(self, owner: str, conversation_id: str) -> Row | None:
        """Give a row, which nobody else changes until the transaction ends."""
        asked = {"id": conversation_id, "owner": owner}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a conversation."""
        self._connection.execute(_INSERT, row)

    def change(self, row: Mapping[str, Any]) -> None:
        """Write a row that was found, with what is new in it."""
        statement = update(conversations).where(conversations.c.sequence == row["sequence"])
        self._connection.execute(statement, row)

    def remove(self, conversation_id: str) -> None:
        """Remove a conversation."""
        self._connection.execute(_REMOVE, {"id": conversation_id})
