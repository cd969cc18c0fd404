"""The statements about conversations; what they mean is left to the conversation store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

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


class ConversationRows:
    """The rows of conversations, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, owner: str, search: str) -> list[Row]:
        """Give summaries, the last changed first; only those in which these words were said."""
        statement = (
            select(*_SUMMARY)
            .where(
                conversations.c.owner == owner,
                position_in(conversations.c.said, search) > 0,
            )
            .order_by(conversations.c.updated_at.desc(), conversations.c.sequence.desc())
        )
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def count(self, owner: str) -> int:
        """Count an owner's; until the transaction ends nobody adds one."""
        lock_until_commit(self._connection, f"conversations of {owner}")
        statement = select(func.count()).where(conversations.c.owner == owner)
        return self._connection.execute(statement).scalar_one()

    def find(self, owner: str, conversation_id: str) -> Row | None:
        """Give a row, which nobody else changes until the transaction ends."""
        statement = select(conversations).where(
            conversations.c.id == conversation_id, conversations.c.owner == owner
        )
        row = self._connection.execute(statement.with_for_update()).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a conversation."""
        self._connection.execute(insert(conversations), dict(row))

    def change(self, row: Mapping[str, Any]) -> None:
        """Write a row that was found, with what is new in it."""
        statement = update(conversations).where(conversations.c.sequence == row["sequence"])
        self._connection.execute(statement, dict(row))

    def remove(self, conversation_id: str) -> None:
        """Remove a conversation."""
        self._connection.execute(delete(conversations).where(conversations.c.id == conversation_id))
