"""The interface of the sidebar's conversations; :mod:`.conversations` implements it."""

from __future__ import annotations

from typing import Protocol

from ...protocol.conversation_edits import Edit
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    StoredConversation,
)

__all__ = ["Conversations"]


class Conversations(Protocol):
    """The conversations of the browser's chat."""

    async def list(self, owner: str, search: str = "") -> ConversationList:
        """List conversations, the last changed first.

        Args:
            owner: the conversations' owner.
            search: list only those with this text in their name or their turns.
        """
        ...

    async def create(self, owner: str, change: ConversationChange) -> StoredConversation:
        """Store a new conversation.

        Raises:
            BodyTooLargeError: the owner has the maximum number of conversations.
        """
        ...

    async def get(self, owner: str, conversation_id: str) -> StoredConversation:
        """Return a conversation.

        Raises:
            NotFoundError: it never existed, was deleted, or has another owner.
        """
        ...

    async def change(
        self, owner: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Change a conversation's name, turns, pin or parameters, or several of them.

        Raises:
            NotFoundError: as for :meth:`get`.
            ConflictError: its turns have changed since the revision in the change.
        """
        ...

    async def edit(self, owner: str, conversation_id: str, edit: Edit) -> StoredConversation:
        """Read the turns, edit them and write them, in one transaction.

        Args:
            owner: the conversation's owner.
            conversation_id: the conversation.
            edit: changes the list; it runs on a thread, and again if the transaction is repeated.

        Returns:
            The conversation after the change.

        Raises:
            NotFoundError: as for :meth:`get`.
            AqueductError: any error that ``edit`` raises; then nothing is changed.
        """
        ...

    async def delete(self, owner: str, conversation_id: str) -> ConversationDeleted:
        """Delete a conversation.

        Raises:
            NotFoundError: as for :meth:`get`.
        """
        ...
