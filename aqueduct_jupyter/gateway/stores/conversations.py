"""The browser's conversations in the database.

Conversations are defined in :mod:`aqueduct_jupyter.protocol.conversation`. A change names the
revision that it was made from, so two pages cannot silently overwrite each other's turns.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...protocol.conversation import Conversation
from ...protocol.conversation_edits import Edit
from ...protocol.errors import BodyTooLargeError, ConflictError, NotFoundError
from ...protocol.stored_conversations import (
    TURNS,
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationParameters,
    ConversationSummary,
    StoredConversation,
    StoredTurn,
)
from .database import Database
from .notices import conversation_changed, notify
from .rows import conversation_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MOST_CONVERSATIONS", "ConversationStore", "as_conversation"]

MOST_CONVERSATIONS = 2_000
"""Maximum number of conversations of one owner."""

UNNAMED = "New conversation"


class ConversationStore:
    """The conversations of all owners; see :class:`.interfaces.Conversations`.

    Args:
        database: the database that holds the rows.
        replica: the name of this process, if it tells others of what it changes.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(
        self,
        database: Database,
        *,
        replica: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._replica = replica
        self._clock = clock

    async def list(self, owner: str, search: str = "") -> ConversationList:
        """List conversations, the last changed first."""
        rows = await self._database.run(
            lambda db: conversation_rows(db).list(owner, search.casefold())
        )
        return ConversationList(data=[ConversationSummary(**row) for row in rows])

    async def create(self, owner: str, change: ConversationChange) -> StoredConversation:
        """Store a new conversation."""
        name, turns, now = change.name or UNNAMED, change.turns or [], self._clock()
        row = {
            "id": f"conv-{secrets.token_hex(12)}",
            "owner": owner,
            "name": name,
            "revision": 1,
            "created_at": now,
            "updated_at": now,
            "said": _said(name, turns),
            "is_pinned": bool(change.is_pinned),
            "parameters": (change.parameters or ConversationParameters()).model_dump_json(),
            **_written(turns),
        }

        def insert(db: Connection) -> None:
            rows = conversation_rows(db)
            if rows.count(owner) >= MOST_CONVERSATIONS:
                raise BodyTooLargeError(
                    f"You have {MOST_CONVERSATIONS} conversations, the maximum. Delete some that "
                    "you no longer need.",
                    code="quota_exceeded",
                )
            rows.add(row)

        await self._database.run(insert)
        return _stored(row)

    async def get(self, owner: str, conversation_id: str) -> StoredConversation:
        """Return a conversation."""
        return _stored(await self._database.run(lambda db: _row(db, owner, conversation_id)))

    async def change(
        self, owner: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Change a conversation's name, turns, pin or parameters, or several of them."""

        def update(db: Connection) -> dict[str, Any]:
            row = dict(_row(db, owner, conversation_id))
            if change.name is not None:
                row["name"] = change.name
            if change.is_pinned is not None:
                row["is_pinned"] = change.is_pinned
            if change.parameters is not None:
                row["parameters"] = change.parameters.model_dump_json()
            if change.turns is not None:
                _check_revision(row, change)
                row |= _written(change.turns)
                row |= {"revision": row["revision"] + 1, "updated_at": self._clock()}
            turns = change.turns or TURNS.validate_json(row["turns"])
            row["said"] = _said(row["name"], turns)
            conversation_rows(db).change(row)
            self._notify(db, owner, conversation_id)
            return row

        row = await self._database.run(update)
        return ConversationSummary(**{**row, "turns": row["length"]})

    async def edit(self, owner: str, conversation_id: str, edit: Edit) -> StoredConversation:
        """Read the turns, edit them and write them, in one transaction."""

        def update(db: Connection) -> tuple[dict[str, Any], list[StoredTurn]]:
            row = dict(_row(db, owner, conversation_id))
            turns = TURNS.validate_json(row["turns"])
            edit(turns)
            row |= {**_written(turns), "said": _said(row["name"], turns)}
            row |= {"revision": row["revision"] + 1, "updated_at": self._clock()}
            conversation_rows(db).change(row)
            self._notify(db, owner, conversation_id)
            return row, turns

        row, turns = await self._database.run(update)
        return _stored(row, turns)

    async def delete(self, owner: str, conversation_id: str) -> ConversationDeleted:
        """Delete a conversation."""

        def remove(db: Connection) -> None:
            _row(db, owner, conversation_id)
            conversation_rows(db).remove(conversation_id)
            self._notify(db, owner, conversation_id)

        await self._database.run(remove)
        return ConversationDeleted(id=conversation_id)

    def _notify(self, db: Connection, owner: str, conversation_id: str) -> None:
        if self._replica is not None:
            notify(db, conversation_changed(self._replica, owner, conversation_id))


def _row(db: Connection, owner: str, conversation_id: str) -> Mapping[str, Any]:
    row = conversation_rows(db).find(owner, conversation_id)
    if row is None:
        raise NotFoundError(
            f"There is no conversation '{conversation_id[:80]}': it was deleted, or it is on "
            "another server.",
            code="conversation_not_found",
        )
    return row


def as_conversation(stored: StoredConversation) -> Conversation:
    """Convert a stored conversation, for the export."""
    return Conversation(stored.name, list(stored.turns))


def _written(turns: Sequence[StoredTurn]) -> dict[str, Any]:
    return {"turns": TURNS.dump_json(list(turns)).decode(), "length": len(turns)}


def _said(name: str, turns: Sequence[StoredTurn]) -> str:
    # The text that a search looks in, case-folded.
    return "\n".join([name, *(f"{turn.prompt}\n{turn.answer}" for turn in turns)]).casefold()


def _check_revision(row: Mapping[str, Any], change: ConversationChange) -> None:
    if change.revision is not None and change.revision != row["revision"]:
        raise ConflictError(
            f"The conversation is at revision {row['revision']}, not {change.revision}: it was "
            "changed in another window. Load it again, or save yours as a new conversation.",
            code="conversation_changed",
            param="revision",
        )


def _stored(row: Mapping[str, Any], turns: list[StoredTurn] | None = None) -> StoredConversation:
    parameters = ConversationParameters.model_validate_json(row["parameters"])
    turns = TURNS.validate_json(row["turns"]) if turns is None else turns
    return StoredConversation(**{**row, "parameters": parameters, "turns": turns})
