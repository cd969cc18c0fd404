"""SQL statements for conversations of the Responses API and their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from .tables import conversation_items, response_conversations

__all__ = ["ConversationItemRows"]

_C, _I = response_conversations.c, conversation_items.c
_HAS_EXPIRED = _C.expires_at <= bindparam("now")

# Statements are built once, because building one takes ten times as long as reading a row.
_FIND = (
    select(response_conversations)
    .where(
        _C.id == bindparam("wanted"),
        _C.owner == bindparam("of"),
        or_(_C.expires_at.is_(None), _C.expires_at > bindparam("now")),
    )
    .with_for_update()
)
_INSERT = insert(response_conversations)
_CHANGE = (
    update(response_conversations)
    .where(_C.id == bindparam("wanted"))
    .values(metadata=bindparam("metadata"), expires_at=bindparam("expires_at"))
)
_REMOVE = delete(response_conversations).where(_C.id == bindparam("wanted"))
_EXPIRED = delete(response_conversations).where(_HAS_EXPIRED)

_OF_CONVERSATION = _I.conversation_id == bindparam("wanted")
_ONE = _OF_CONVERSATION & (_I.id == bindparam("item_id"))
_INSERT_ITEM = insert(conversation_items)
_COUNT_ITEMS = select(func.count()).select_from(conversation_items).where(_OF_CONVERSATION)
_ITEMS = select(_I.item).where(_OF_CONVERSATION).order_by(_I.sequence)
_FIND_ITEM = select(_I.sequence, _I.item).where(_ONE)
_REMOVE_ITEM = delete(conversation_items).where(_ONE)
_REMOVE_ITEMS = delete(conversation_items).where(_OF_CONVERSATION)
_EXPIRED_ITEMS = delete(conversation_items).where(
    _I.conversation_id.in_(select(_C.id).where(_HAS_EXPIRED))
)


class ConversationItemRows:
    """The rows of conversations and items in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, conversation_id: str, now: float) -> Mapping[str, Any] | None:
        """Return a conversation that has not expired, locked until the transaction ends."""
        asked = {"wanted": conversation_id, "of": owner, "now": now}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a conversation."""
        self._connection.execute(_INSERT, row)

    def change(self, conversation_id: str, metadata: str, expires_at: float | None) -> None:
        """Change a conversation's metadata, and when it expires."""
        asked = {"wanted": conversation_id, "metadata": metadata, "expires_at": expires_at}
        self._connection.execute(_CHANGE, asked)

    def remove(self, conversation_id: str) -> None:
        """Remove a conversation and its items."""
        self._connection.execute(_REMOVE_ITEMS, {"wanted": conversation_id})
        self._connection.execute(_REMOVE, {"wanted": conversation_id})

    def remove_expired(self, now: float) -> None:
        """Remove all conversations that have expired, and their items."""
        self._connection.execute(_EXPIRED_ITEMS, {"now": now})
        self._connection.execute(_EXPIRED, {"now": now})

    def add_items(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add items at the end."""
        if rows:
            self._connection.execute(_INSERT_ITEM, rows)

    def count_items(self, conversation_id: str) -> int:
        """Count the items of a conversation."""
        return self._connection.execute(_COUNT_ITEMS, {"wanted": conversation_id}).scalar_one()

    def items(self, conversation_id: str) -> list[str]:
        """Return all items as JSON, the oldest first."""
        return list(self._connection.execute(_ITEMS, {"wanted": conversation_id}).scalars())

    def page(
        self, conversation_id: str, limit: int, after: int | None, *, is_descending: bool
    ) -> list[str]:
        """Return items as JSON, in order.

        Args:
            conversation_id: the conversation's id.
            limit: how many at most.
            after: the sequence number of the item before them.
            is_descending: whether the last comes first.
        """
        statement = select(_I.item).where(_I.conversation_id == conversation_id).limit(limit)
        if after is not None:
            statement = statement.where(
                _I.sequence < after if is_descending else _I.sequence > after
            )
        order = _I.sequence.desc() if is_descending else _I.sequence
        return list(self._connection.execute(statement.order_by(order)).scalars())

    def find_item(self, conversation_id: str, item_id: str) -> tuple[int, str] | None:
        """Return an item's sequence number, and the item as JSON."""
        asked = {"wanted": conversation_id, "item_id": item_id}
        row = self._connection.execute(_FIND_ITEM, asked).first()
        return None if row is None else (row.sequence, row.item)

    def remove_item(self, conversation_id: str, item_id: str) -> None:
        """Remove an item."""
        self._connection.execute(_REMOVE_ITEM, {"wanted": conversation_id, "item_id": item_id})
