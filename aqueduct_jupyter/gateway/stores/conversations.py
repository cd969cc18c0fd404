"""This file is the store of the sidebar's conversations, in the data folder's database.

What a conversation is, is left to :mod:`aqueduct_jupyter.protocol.conversation`; asking to the
browser. A change says which revision it was made from, so two pages cannot undo each other's turns
unseen.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from ...protocol.conversation import Conversation, Turn
from ...protocol.errors import BodyTooLargeError, ConflictError, NotFoundError
from ...protocol.stored_conversations import (
    TURNS,
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    StoredConversation,
)
from .database import Database, read_rows

__all__ = [
    "CONVERSATIONS_SCHEMA",
    "MOST_CONVERSATIONS",
    "ConversationStore",
    "as_conversation",
]

MOST_CONVERSATIONS = 2_000
"""How many conversations one owner may keep."""

UNNAMED = "New conversation"

CONVERSATIONS_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    length INTEGER NOT NULL,
    turns TEXT NOT NULL,
    said TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS conversations_by_owner ON conversations (owner, updated_at);
"""

_SUMMARY = "id, name, length AS turns, revision, created_at, updated_at"


class ConversationStore:
    """The conversations of one owner in a data folder that may have several.

    Args:
        database: made with :data:`CONVERSATIONS_SCHEMA`.
        owner: whose conversations are seen.
        clock: seconds since 1970; for tests.
    """

    def __init__(
        self, database: Database, *, owner: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    async def list(self, search: str = "") -> ConversationList:
        """List conversations, the last changed first.

        Args:
            search: only those that have these words in their name or in what was said.
        """
        asked = {"owner": self._owner, "search": search.casefold()}
        # The columns are a constant of this file.
        select = (
            f"SELECT {_SUMMARY} FROM conversations WHERE owner = :owner "  # noqa: S608
            "AND instr(said, :search) ORDER BY updated_at DESC, rowid DESC"
        )
        rows = await self._database.run(lambda db: read_rows(db.execute(select, asked)))
        return ConversationList(data=[ConversationSummary(**row) for row in rows])

    async def create(self, change: ConversationChange) -> StoredConversation:
        """Keep a new conversation.

        Raises:
            BodyTooLargeError: the owner has too many.
        """
        now = self._clock()
        name, turns = change.name or UNNAMED, change.turns or []
        row = {
            "id": f"conv-{secrets.token_hex(12)}",
            "owner": self._owner,
            "name": name,
            "revision": 1,
            "created_at": now,
            "updated_at": now,
            "said": _said(name, turns),
            **_written(turns),
        }

        def insert(db: sqlite3.Connection) -> None:
            count = "SELECT count(*) FROM conversations WHERE owner = ?"
            if db.execute(count, (self._owner,)).fetchone()[0] >= MOST_CONVERSATIONS:
                raise BodyTooLargeError(
                    f"At most {MOST_CONVERSATIONS} conversations are kept. Delete some that you "
                    "no longer need.",
                    code="quota_exceeded",
                )
            db.execute(
                "INSERT INTO conversations VALUES (:id, :owner, :name, :revision, :created_at, "
                ":updated_at, :length, :turns, :said)",
                row,
            )

        await self._database.run(insert)
        return _stored(row)

    async def get(self, conversation_id: str) -> StoredConversation:
        """Give a conversation.

        Raises:
            NotFoundError: it was never there, was deleted, or is somebody else's.
        """
        return _stored(await self._database.run(lambda db: self._row(db, conversation_id)))

    async def change(self, conversation_id: str, change: ConversationChange) -> ConversationSummary:
        """Write a conversation's name, its turns, or both.

        Raises:
            NotFoundError: as for :meth:`get`.
            ConflictError: its turns were changed since the revision that the change names.
        """

        def update(db: sqlite3.Connection) -> dict[str, Any]:
            row = self._row(db, conversation_id)
            if change.name is not None:
                row["name"] = change.name
            if change.turns is not None:
                _check_revision(row, change)
                row |= _written(change.turns)
                row |= {"revision": row["revision"] + 1, "updated_at": self._clock()}
            turns = change.turns or TURNS.validate_json(row["turns"])
            row["said"] = _said(row["name"], turns)
            db.execute(
                "UPDATE conversations SET name = :name, revision = :revision, turns = :turns, "
                "length = :length, updated_at = :updated_at, said = :said WHERE id = :id",
                row,
            )
            return row

        row = await self._database.run(update)
        return ConversationSummary(**{**row, "turns": row["length"]})

    async def delete(self, conversation_id: str) -> ConversationDeleted:
        """Delete a conversation.

        Raises:
            NotFoundError: as for :meth:`get`.
        """

        def remove(db: sqlite3.Connection) -> None:
            self._row(db, conversation_id)
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

        await self._database.run(remove)
        return ConversationDeleted(id=conversation_id)

    def _row(self, db: sqlite3.Connection, conversation_id: str) -> dict[str, Any]:
        cursor = db.execute(
            "SELECT * FROM conversations WHERE id = ? AND owner = ?", (conversation_id, self._owner)
        )
        rows = read_rows(cursor)
        if not rows:
            raise NotFoundError(
                f"There is no conversation '{conversation_id[:80]}': it was deleted, or is on "
                "another server.",
                code="conversation_not_found",
            )
        return rows[0]


def as_conversation(stored: StoredConversation) -> Conversation:
    """Give a stored conversation as the one that can be exported."""
    return Conversation(stored.name, stored.turns)


def _written(turns: Sequence[Turn]) -> dict[str, Any]:
    return {"turns": TURNS.dump_json(list(turns)).decode(), "length": len(turns)}


def _said(name: str, turns: Sequence[Turn]) -> str:
    # What a search looks through: in one case, whatever the language.
    return "\n".join([name, *(f"{turn.prompt}\n{turn.answer}" for turn in turns)]).casefold()


def _check_revision(row: dict[str, Any], change: ConversationChange) -> None:
    if change.revision is not None and change.revision != row["revision"]:
        raise ConflictError(
            f"The conversation is at revision {row['revision']} and not {change.revision}: it was "
            "changed in another window. Read it again, or keep yours as a new one.",
            code="conversation_changed",
            param="revision",
        )


def _stored(row: dict[str, Any]) -> StoredConversation:
    return StoredConversation(**{**row, "turns": TURNS.validate_json(row["turns"])})
