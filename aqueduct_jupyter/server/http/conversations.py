"""``aqueduct/conversations`` and below, for the chat in the browser.

Storage is in :mod:`aqueduct_jupyter.gateway.stores.conversations`; asking, and telling of changes,
is in :mod:`aqueduct_jupyter.gateway.requests.chats`, and :mod:`.conversation_turns` serves it.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel
from tornado import web

from ...gateway.offload import off_the_loop
from ...gateway.stores.conversations import as_conversation
from ...protocol.errors import InvalidRequestError
from ...protocol.exports import ENDINGS, write_conversation
from ...protocol.plain_text import as_filename
from ...protocol.requests import read_model
from ...protocol.stored_conversations import ConversationChange
from .base import AqueductHandler
from .body import JSONBodyHandler, authenticated_after_body
from .files import content_disposition

__all__ = [
    "ConversationBodyHandler",
    "ConversationExportHandler",
    "ConversationHandler",
    "ConversationsHandler",
]

MAX_BODY_BYTES = 16 * 2**20
"""Bytes of a conversation in a request; it names its files and does not contain them."""

_Words = TypeVar("_Words", bound=BaseModel)

_TYPES = {
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".ipynb": "application/x-ipynb+json",
}


class ConversationBodyHandler(JSONBodyHandler):
    """A handler with a body of a conversation, or of a part of one."""

    is_for_kernels = False
    verbs_with_body = ("POST", "PATCH")

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes."""
        return MAX_BODY_BYTES

    async def words(self, kind: type[_Words]) -> _Words:
        """Read the body; raises an InvalidRequestError if it is invalid."""
        pieces = self.pieces()
        size = sum(map(len, pieces))
        return await off_the_loop(size, lambda: read_model(kind, b"".join(pieces)))


class ConversationsHandler(ConversationBodyHandler):
    """The conversations of the server's owner."""

    @authenticated_after_body
    async def get(self) -> None:
        """Answer with the list, the last changed first; ``search`` filters it by text."""
        self.answer(
            await self.gateway.conversations.list(
                self.caller.owner, self.get_query_argument("search", "")
            )
        )

    @authenticated_after_body
    async def post(self) -> None:
        """Store a new conversation and answer with it."""
        self.answer(
            await self.gateway.conversations.create(
                self.caller.owner, await self.words(ConversationChange)
            )
        )


class ConversationHandler(ConversationBodyHandler):
    """One conversation."""

    @authenticated_after_body
    async def get(self, conversation_id: str) -> None:
        """Answer with the whole conversation."""
        reading = self.gateway.chats.reading
        self.answer(await reading.get(self.caller.owner, conversation_id))

    @authenticated_after_body
    async def patch(self, conversation_id: str) -> None:
        """Change its name, turns, pin or parameters; answer with its summary."""
        change = await self.words(ConversationChange)
        self.answer(await self.gateway.chats.change(self.caller.owner, conversation_id, change))

    @authenticated_after_body
    async def delete(self, conversation_id: str) -> None:
        """Delete it."""
        self.answer(await self.gateway.chats.delete(self.caller.owner, conversation_id))


class ConversationExportHandler(AqueductHandler):
    """A conversation as a file."""

    is_for_kernels = False

    @web.authenticated
    async def get(self, conversation_id: str) -> None:
        """Answer with the file; ``format`` is md, ipynb or json."""
        ending = "." + self.get_query_argument("format", "md")
        if ending not in ENDINGS:
            raise InvalidRequestError("format must be md, ipynb or json.", param="format")
        reading = self.gateway.chats.reading
        stored = await reading.get(self.caller.owner, conversation_id)
        text = write_conversation(as_conversation(stored), ending)
        self.set_header(
            "Content-Disposition", content_disposition(as_filename(stored.name) + ending)
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Type", _TYPES[ending])
        self.finish(text)
