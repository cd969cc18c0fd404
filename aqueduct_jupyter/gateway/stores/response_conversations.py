"""Conversations of the Responses API: what requests with ``conversation`` add to and continue.

Those of the chat in the browser are in :mod:`.conversations`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...protocol.errors import BodyTooLargeError, InvalidRequestError, NotFoundError
from ...protocol.plain_text import in_quotes
from ...protocol.response_conversations import (
    ResponseConversation,
    ResponseConversationDeleted,
    as_stored_item,
)
from ..encoding import encode_json, read_json
from .database import Database
from .response_interfaces import MOST_ITEMS
from .rows import conversation_item_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ResponseConversationStore"]

Item = dict[str, Any]


class ResponseConversationStore:
    """Conversations in one database; see :class:`.response_interfaces.ResponseConversations`.

    Args:
        database: the database that holds the rows.
        expiry_seconds: how long a conversation is kept after its last change, in seconds; 0 keeps
            it forever.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(
        self,
        database: Database,
        *,
        expiry_seconds: int = 30 * 86_400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._expiry_seconds = expiry_seconds
        self._clock = clock

    async def create(
        self, owner: str, metadata: Mapping[str, str], items: Sequence[Item] = ()
    ) -> ResponseConversation:
        """Store a new conversation."""
        conversation_id = f"conv_{secrets.token_hex(24)}"
        row = {
            "id": conversation_id,
            "owner": owner,
            "created_at": self._clock(),
            "expires_at": self._expires_at(),
            "metadata": encode_json(dict(metadata)).decode(),
        }

        def insert(db: Connection) -> None:
            conversation_item_rows(db).add(row)
            _add(db, conversation_id, items)

        await self._database.run(insert)
        return _described(row)

    async def get(self, owner: str, conversation_id: str) -> ResponseConversation:
        """Return a conversation, without its items."""
        return _described(
            await self._database.run(lambda db: self._row(db, owner, conversation_id))
        )

    async def change(
        self, owner: str, conversation_id: str, metadata: Mapping[str, str]
    ) -> ResponseConversation:
        """Replace a conversation's metadata."""
        written = encode_json(dict(metadata)).decode()

        def change(db: Connection) -> Mapping[str, Any]:
            row = self._row(db, owner, conversation_id)
            conversation_item_rows(db).change(conversation_id, written, self._expires_at())
            return {**row, "metadata": written}

        return _described(await self._database.run(change))

    async def delete(self, owner: str, conversation_id: str) -> ResponseConversationDeleted:
        """Delete a conversation and its items."""

        def remove(db: Connection) -> None:
            self._row(db, owner, conversation_id)
            conversation_item_rows(db).remove(conversation_id)

        await self._database.run(remove)
        return ResponseConversationDeleted(id=conversation_id)

    async def add(self, owner: str, conversation_id: str, items: Sequence[Item]) -> list[Item]:
        """Add items at the end, and return them as they are stored."""

        def add(db: Connection) -> list[Item]:
            row = self._row(db, owner, conversation_id)
            added = _add(db, conversation_id, items)
            rows = conversation_item_rows(db)
            rows.change(conversation_id, row["metadata"], self._expires_at())
            return added

        return await self._database.run(add)

    async def items(self, owner: str, conversation_id: str) -> list[Item]:
        """Return all items, the oldest first."""

        def read(db: Connection) -> list[str]:
            self._row(db, owner, conversation_id)
            return conversation_item_rows(db).items(conversation_id)

        return [read_json(item) for item in await self._database.run(read)]

    async def page(
        self,
        owner: str,
        conversation_id: str,
        *,
        limit: int,
        after: str | None = None,
        is_descending: bool = True,
    ) -> tuple[list[Item], bool]:
        """Return some items, and whether there are more after them."""

        def read(db: Connection) -> list[str]:
            self._row(db, owner, conversation_id)
            rows, start = conversation_item_rows(db), None
            if after is not None:
                found = rows.find_item(conversation_id, after)
                if found is None:
                    raise InvalidRequestError(
                        "after is not the id of an item of this conversation.", param="after"
                    )
                start = found[0]
            return rows.page(conversation_id, limit + 1, start, is_descending=is_descending)

        found = [read_json(item) for item in await self._database.run(read)]
        return found[:limit], len(found) > limit

    async def item(self, owner: str, conversation_id: str, item_id: str) -> Item:
        """Return one item."""

        def read(db: Connection) -> str:
            self._row(db, owner, conversation_id)
            return _item(db, conversation_id, item_id)

        found: Item = read_json(await self._database.run(read))
        return found

    async def delete_item(
        self, owner: str, conversation_id: str, item_id: str
    ) -> ResponseConversation:
        """Delete one item, and return its conversation."""

        def remove(db: Connection) -> Mapping[str, Any]:
            row = self._row(db, owner, conversation_id)
            _item(db, conversation_id, item_id)
            conversation_item_rows(db).remove_item(conversation_id, item_id)
            return row

        return _described(await self._database.run(remove))

    async def purge(self) -> None:
        """Remove all conversations that have expired."""
        await self._database.run(
            lambda db: conversation_item_rows(db).remove_expired(self._clock())
        )

    def _expires_at(self) -> float | None:
        return self._clock() + self._expiry_seconds if self._expiry_seconds else None

    def _row(self, db: Connection, owner: str, conversation_id: str) -> Mapping[str, Any]:
        row = conversation_item_rows(db).find(owner, conversation_id, self._clock())
        if row is None:
            raise NotFoundError(
                f"There is no conversation '{in_quotes(conversation_id)}': it was deleted, has "
                "expired, or belongs to someone else. Create one with POST conversations.",
                code="conversation_not_found",
            )
        return row


def _add(db: Connection, conversation_id: str, items: Sequence[Item]) -> list[Item]:
    rows = conversation_item_rows(db)
    if rows.count_items(conversation_id) + len(items) > MOST_ITEMS:
        raise BodyTooLargeError(
            f"The conversation would have more than {MOST_ITEMS} items, the maximum. Start a new "
            "one.",
            code="quota_exceeded",
        )
    added = list[Item]()
    seen = set[str]()
    for item in map(as_stored_item, items):
        # A client may send the same item again, which is then another one.
        if item["id"] in seen or rows.find_item(conversation_id, item["id"]) is not None:
            item = as_stored_item({**item, "id": None})
        seen.add(item["id"])
        added.append(item)
    rows.add_items(
        [
            {
                "conversation_id": conversation_id,
                "id": item["id"],
                "item": encode_json(item).decode(),
            }
            for item in added
        ]
    )
    return added


def _item(db: Connection, conversation_id: str, item_id: str) -> str:
    found = conversation_item_rows(db).find_item(conversation_id, item_id)
    if found is None:
        raise NotFoundError(
            f"The conversation has no item '{in_quotes(item_id)}'.", code="item_not_found"
        )
    return found[1]


def _described(row: Mapping[str, Any]) -> ResponseConversation:
    return ResponseConversation(
        id=row["id"], created_at=int(row["created_at"]), metadata=read_json(row["metadata"])
    )
