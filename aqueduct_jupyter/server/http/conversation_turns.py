"""``aqueduct/conversations/{id}/turns`` and ``events``: asking in a stored conversation.

The server answers and keeps what has been written, whoever listens:
:mod:`aqueduct_jupyter.gateway.requests.chats`.
"""

from __future__ import annotations

from contextlib import aclosing

from tornado import web

from ...protocol.conversation_events import told_turn
from ...protocol.stored_conversations import NewTurn, VersionChoice
from .base import AqueductHandler
from .body import authenticated_after_body
from .conversations import ConversationBodyHandler
from .streaming import StreamingHandler

__all__ = [
    "ConversationEventsHandler",
    "ConversationTurnHandler",
    "ConversationTurnsHandler",
    "RestoreTurnHandler",
    "StopTurnHandler",
    "TurnVersionHandler",
]


class ConversationTurnsHandler(ConversationBodyHandler):
    """The turns of a conversation."""

    @authenticated_after_body
    async def post(self, conversation_id: str) -> None:
        """Ask a question, and answer with its turn; its answer comes as events."""
        new = await self.words(NewTurn)
        turn = await self.gateway.chats.ask(self.caller, conversation_id, new, self.request_id)
        self.answer(told_turn(turn))


class ConversationTurnHandler(AqueductHandler):
    """One turn of a conversation."""

    is_for_kernels = False

    @web.authenticated
    async def delete(self, conversation_id: str, turn_id: str) -> None:
        """Remove it."""
        await self.gateway.chats.remove(self.caller.owner, conversation_id, turn_id)
        self.answer({"id": turn_id, "object": "conversation.turn", "deleted": True})


class RestoreTurnHandler(AqueductHandler):
    """Puts back a turn that was removed a short while ago."""

    is_for_kernels = False

    @web.authenticated
    async def post(self, conversation_id: str, turn_id: str) -> None:
        """Put it back."""
        await self.gateway.chats.restore(self.caller.owner, conversation_id, turn_id)
        self.answer({"id": turn_id, "object": "conversation.turn", "restored": True})


class TurnVersionHandler(ConversationBodyHandler):
    """The version of a turn that is shown."""

    @authenticated_after_body
    async def post(self, conversation_id: str, turn_id: str) -> None:
        """Show another version, with what followed it."""
        choice = await self.words(VersionChoice)
        owner, version = self.caller.owner, choice.version
        await self.gateway.chats.choose(owner, conversation_id, turn_id, version)
        self.answer({"id": turn_id, "object": "conversation.turn", "version": version})


class StopTurnHandler(AqueductHandler):
    """Stops the answer of a turn."""

    is_for_kernels = False

    @web.authenticated
    async def post(self, conversation_id: str, turn_id: str) -> None:
        """Stop it, and answer with the turn as it has ended."""
        turn = await self.gateway.chats.stop(self.caller.owner, conversation_id, turn_id)
        self.answer(told_turn(turn))


class ConversationEventsHandler(StreamingHandler):
    """What happens in a conversation."""

    is_for_kernels = False
    tracks_activity = False  # an open page listens all the time
    verbs_with_body = ()

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes; none is expected."""
        return 0

    @authenticated_after_body
    async def get(self, conversation_id: str) -> None:
        """Answer with the current turns, and then with every change as it comes."""
        with self.working():
            found = self.gateway.chats.reading.follow(self.caller.owner, conversation_id)
            async with aclosing(found) as events:
                await self.send_stream(await anext(events), events)
