"""``conversations`` and below: the conversations of the Responses API.

Storage is in :mod:`aqueduct_jupyter.gateway.stores.response_conversations`. The conversations of
the chat in the browser are in :mod:`.conversations`.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from ...gateway.offload import off_the_loop
from ...protocol.errors import InvalidRequestError
from ...protocol.fields import Fields
from ...protocol.requests import check_fields, read_json_object
from ...protocol.response_conversations import ConversationWords, ItemsWords, MetadataWords
from ...protocol.responses_fields import item_type
from .base import AqueductHandler
from .body import JSONBodyHandler, authenticated_after_body
from .responses import item_list, list_arguments

__all__ = [
    "ConversationItemHandler",
    "ConversationItemsHandler",
    "ResponseConversationHandler",
    "ResponseConversationsHandler",
]


_MEANT_AT_ONCE = ("compaction_trigger", "item_reference")
"""Types of items that cannot be kept for later."""


class _FieldsHandler(JSONBodyHandler):
    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes: items with files in base64, and text."""
        return self.gateway.settings.max_body_bytes

    async def fields(self, words: type[Fields]) -> dict[str, Any]:
        """Read the body.

        Raises:
            InvalidRequestError: it is not a JSON object, or a field is invalid.
        """
        pieces = self.pieces()
        return await off_the_loop(sum(map(len, pieces)), _read, words, pieces)


def _read(words: type[Fields], pieces: list[bytes]) -> dict[str, Any]:
    # Every field of a new conversation may be left out, and so may all of them.
    body = read_json_object(b"".join(pieces) or b"{}")
    check_fields(words, body)
    for index, item in enumerate(body.get("items") or ()):
        if (kind := item_type(item)) in _MEANT_AT_ONCE:
            raise InvalidRequestError(
                f"items[{index}].type '{kind}' means something only in the input of a response.",
                param=f"items[{index}].type",
            )
    return body


class ResponseConversationsHandler(_FieldsHandler):
    """Creates conversations."""

    @authenticated_after_body
    async def post(self) -> None:
        """Store a new conversation and answer with it."""
        fields = await self.fields(ConversationWords)
        self.answer(
            await self.gateway.response_conversations.create(
                self.caller.owner, fields.get("metadata") or {}, fields.get("items") or []
            )
        )


class ResponseConversationHandler(_FieldsHandler):
    """One conversation."""

    @authenticated_after_body
    async def get(self, conversation_id: str) -> None:
        """Answer with the conversation, without its items."""
        self.answer(
            await self.gateway.response_conversations.get(self.caller.owner, conversation_id)
        )

    @authenticated_after_body
    async def post(self, conversation_id: str) -> None:
        """Replace its metadata, and answer with it."""
        fields = await self.fields(MetadataWords)
        self.answer(
            await self.gateway.response_conversations.change(
                self.caller.owner, conversation_id, fields["metadata"] or {}
            )
        )

    @authenticated_after_body
    async def delete(self, conversation_id: str) -> None:
        """Delete it with its items; responses in it are kept."""
        self.answer(
            await self.gateway.response_conversations.delete(self.caller.owner, conversation_id)
        )


class ConversationItemsHandler(_FieldsHandler):
    """The items of one conversation."""

    @authenticated_after_body
    async def get(self, conversation_id: str) -> None:
        """Answer with items, the last first unless ``order`` is ``asc``."""
        limit, after, is_descending = list_arguments(self)
        items, has_more = await self.gateway.response_conversations.page(
            self.caller.owner,
            conversation_id,
            limit=limit,
            after=after,
            is_descending=is_descending,
        )
        self.answer(item_list(items, has_more=has_more))

    @authenticated_after_body
    async def post(self, conversation_id: str) -> None:
        """Add items at the end, and answer with them."""
        fields = await self.fields(ItemsWords)
        added = await self.gateway.response_conversations.add(
            self.caller.owner, conversation_id, fields["items"]
        )
        self.answer(item_list(added, has_more=False))


class ConversationItemHandler(AqueductHandler):
    """One item of a conversation."""

    @web.authenticated
    async def get(self, conversation_id: str, item_id: str) -> None:
        """Answer with the item."""
        self.answer(
            await self.gateway.response_conversations.item(
                self.caller.owner, conversation_id, item_id
            )
        )

    @web.authenticated
    async def delete(self, conversation_id: str, item_id: str) -> None:
        """Delete the item, and answer with its conversation."""
        self.answer(
            await self.gateway.response_conversations.delete_item(
                self.caller.owner, conversation_id, item_id
            )
        )
