"""The interfaces of what is kept of the Responses API; the others are in :mod:`.interfaces`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...protocol.response_conversations import ResponseConversation, ResponseConversationDeleted

__all__ = ["MOST_ITEMS", "ResponseConversations", "Responses", "StoredResponse"]

MOST_ITEMS = 10_000
"""Most items of one conversation; each request that continues it loads all of them."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One response: its object, its own input, and what it continues.

    Args:
        id: its id.
        response: the response object.
        input: the input items of its request.
        previous_id: the id of the response that it continues, if any.
        upstream: the name of the upstream that wrote it and may know it; None if none does.
        alive_at: when a response that is being written was last known to be, in seconds since 1970;
            None if it is not being written.
    """

    id: str
    response: Mapping[str, Any]
    input: Sequence[dict[str, Any]]
    previous_id: str | None = None
    upstream: str | None = None
    alive_at: float | None = None


class Responses(Protocol):
    """Stored responses of the Responses API."""

    async def put(self, owner: str, stored: StoredResponse) -> None:
        """Store a response, or replace the one with its id."""
        ...

    async def get(self, owner: str, response_id: str) -> StoredResponse:
        """Return a response.

        Raises:
            NotFoundError: it was not stored, was deleted, has expired, or has another owner.
        """
        ...

    async def chain(self, owner: str, response_id: str) -> list[StoredResponse]:
        """Return a response and all that it continues, the oldest first.

        Raises:
            NotFoundError: one of them cannot be found; as for :meth:`get`.
            InvalidRequestError: there are too many.
        """
        ...

    async def delete(self, owner: str, response_id: str) -> None:
        """Delete a response.

        Raises:
            NotFoundError: as for :meth:`get`.
        """
        ...

    async def progress(
        self, owner: str, response_id: str, first: int = 0, events: Sequence[bytes] = ()
    ) -> bool:
        """Note that a response is still being written, and add events.

        Args:
            owner: its owner.
            response_id: its id.
            first: the number of the first event.
            events: complete frames, one for each event.

        Returns:
            Whether it is still to be written; nothing is stored if it was deleted or cancelled.
        """
        ...

    async def finish(
        self, owner: str, stored: StoredResponse, first: int = 0, events: Sequence[bytes] = ()
    ) -> bool:
        """Replace a response that is being written by the final one, and add its last events.

        Returns:
            Whether it was still to be written.
        """
        ...

    async def events(self, owner: str, response_id: str) -> tuple[StoredResponse, list[bytes]]:
        """Return a response and its events so far, one frame for each, from the first.

        Raises:
            NotFoundError: as for :meth:`get`.
        """
        ...

    async def purge(self) -> None:
        """Remove all responses that have expired."""
        ...


class ResponseConversations(Protocol):
    """Conversations of the Responses API, and their items."""

    async def create(
        self, owner: str, metadata: Mapping[str, str], items: Sequence[dict[str, Any]] = ()
    ) -> ResponseConversation:
        """Store a new conversation."""
        ...

    async def get(self, owner: str, conversation_id: str) -> ResponseConversation:
        """Return a conversation, without its items.

        Raises:
            NotFoundError: it never existed, was deleted, has expired, or has another owner.
        """
        ...

    async def change(
        self, owner: str, conversation_id: str, metadata: Mapping[str, str]
    ) -> ResponseConversation:
        """Replace a conversation's metadata; raises like :meth:`get`."""
        ...

    async def delete(self, owner: str, conversation_id: str) -> ResponseConversationDeleted:
        """Delete a conversation and its items; raises like :meth:`get`."""
        ...

    async def add(
        self, owner: str, conversation_id: str, items: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Add items at the end, and return them as they are stored.

        Raises:
            NotFoundError: as for :meth:`get`.
            BodyTooLargeError: the conversation would have too many.
        """
        ...

    async def items(self, owner: str, conversation_id: str) -> list[dict[str, Any]]:
        """Return all items, the oldest first; raises like :meth:`get`."""
        ...

    async def page(
        self,
        owner: str,
        conversation_id: str,
        *,
        limit: int,
        after: str | None = None,
        is_descending: bool = True,
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return some items.

        Args:
            owner: the conversation's owner.
            conversation_id: its id.
            limit: how many items at most.
            after: the id of the item before them.
            is_descending: whether the last comes first.

        Returns:
            The items, and whether there are more after them.

        Raises:
            NotFoundError: as for :meth:`get`.
            InvalidRequestError: there is no item ``after``.
        """
        ...

    async def item(self, owner: str, conversation_id: str, item_id: str) -> dict[str, Any]:
        """Return one item.

        Raises:
            NotFoundError: there is no such conversation, or no such item in it.
        """
        ...

    async def delete_item(
        self, owner: str, conversation_id: str, item_id: str
    ) -> ResponseConversation:
        """Delete one item, and return its conversation; raises like :meth:`item`."""
        ...

    async def purge(self) -> None:
        """Remove all conversations that have expired."""
        ...
