"""Reads stored conversations, and tells those who listen of every change.

Changes are in :mod:`.chats`. What another process changes is heard of only if it tells, so its
answers are looked up; one that has shown no sign of life for a while has ended with its server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

from ...protocol import conversation_edits as edits
from ...protocol.conversation_events import DELETED, turns_event
from ...protocol.errors import NotFoundError
from ...protocol.stored_conversations import StoredConversation
from ..offload import off_the_loop
from ..stores.conversation_interfaces import Conversations
from .listeners import Listener
from .open_chats import Key, OpenChat, OpenChats

__all__ = ["ChatReading"]

LOST_SECONDS = 6.0
"""How long after its last sign of life an answer counts as lost, in seconds."""

POLL_SECONDS = 1.0
"""How often an answer is looked up that another process writes, in seconds."""


class _Known(NamedTuple):  # what a listener has been told
    revision: int
    is_elsewhere: bool  # whether an answer may run in another process


class ChatReading:
    """Reads conversations.

    Args:
        chats: the conversations in use.
        conversations: the stored conversations.
        age: returns how old a sign of life is, in seconds.
    """

    lost_seconds = LOST_SECONDS
    poll_seconds = POLL_SECONDS

    def __init__(
        self, chats: OpenChats, conversations: Conversations, age: Callable[[float], float]
    ) -> None:
        self._chats = chats
        self._store = conversations
        self._age = age

    async def get(self, owner: str, conversation_id: str) -> StoredConversation:
        """Return a conversation, with its running answer as far as it has been written.

        Raises:
            NotFoundError: there is no such conversation.
        """
        async with self._chats.changing((owner, conversation_id)) as chat:
            stored = await self.look_up((owner, conversation_id), chat)
            stored.turns = chat.grown(stored.turns)
            return stored

    async def follow(self, owner: str, conversation_id: str) -> AsyncGenerator[bytes, None]:
        """Yield a conversation's turns, and then its events as they come, until it is deleted.

        Raises:
            NotFoundError: there is no such conversation; raised before the first event.
        """
        key, listener = (owner, conversation_id), Listener()
        with self._chats.using(key) as chat:
            known = None
            try:
                known, frames = await self._tell_all(key, chat, listener)
                yield frames
                while True:
                    # What another process writes is not heard of here.
                    pause = self.poll_seconds if known.is_elsewhere and not chat.run else None
                    if frames := await listener.wait(pause):
                        yield frames
                        continue
                    if listener.is_over:
                        return
                    is_behind, seen = listener.is_behind, known.revision
                    known, frames = await self._tell_all(key, chat, listener)
                    if is_behind or known.revision != seen:
                        yield frames
            except NotFoundError:
                if known is None:
                    raise
                yield DELETED  # by another process
            finally:
                if listener in chat.listeners:
                    chat.listeners.remove(listener)

    def look_again(self, owner: str, conversation_id: str) -> None:
        """Give those who listen the current state, which another process has changed."""
        if chat := self._chats.find((owner, conversation_id)):
            for listener in chat.listeners:
                listener.look_again()

    def end_listening(self) -> None:
        """End what everybody follows, because this process ends; they begin again elsewhere."""
        for chat in self._chats.all():
            for listener in chat.listeners:
                listener.end()

    async def look_up(self, key: Key, chat: OpenChat) -> StoredConversation:
        """Read a conversation that is in use; what has run in a server that stopped ends here.

        Raises:
            NotFoundError: there is no such conversation.
        """
        stored = await self._store.get(*key)
        own = chat.run.turn_id if chat.run else None
        running = {turn.id for turn in stored.turns if turn.state == "running"} - {own}
        if not running or self._age(stored.updated_at) < self.lost_seconds:
            return stored
        return await self._store.edit(*key, lambda turns: edits.end_lost(turns, running))

    async def _tell_all(self, key: Key, chat: OpenChat, listener: Listener) -> tuple[_Known, bytes]:
        """Return the current turns for a listener, who is told everything after them."""
        async with chat.lock:
            stored = await self.look_up(key, chat)
            turns, running = chat.grown(stored.turns), chat.running
            listener.start_anew()
            if listener not in chat.listeners:
                chat.listeners.append(listener)
        elsewhere = [turn.id for turn in turns if turn.state == "running" and not running]
        known = _Known(stored.revision, bool(elsewhere))
        if elsewhere:
            running = (elsewhere[-1], elsewhere[-1])  # its request's id is not known here
        size = sum(len(turn.answer) + len(turn.prompt) for turn in turns)
        return known, await off_the_loop(size, turns_event, stored, turns, running)
