"""The stored conversations that somebody uses now: a lock, an answer and listeners for each.

What is done with them is in :mod:`.chats`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from ...protocol.conversation_events import turns_event
from ...protocol.stored_conversations import StoredConversation, StoredTurn
from .chat_run import ChatRun
from .listeners import Listener

__all__ = ["Key", "OpenChat", "OpenChats"]

Key = tuple[str, str]
"""An owner, and the id of a conversation."""


@dataclass(slots=True)
class OpenChat:
    """A conversation in use.

    Attributes:
        lock: held while the conversation changes, or its current turns are told.
        run: the answer that this process writes.
        listeners: who is told of every change.
        users: how many use it.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    run: ChatRun | None = None
    listeners: list[Listener] = field(default_factory=list)
    users: int = 0

    def tell(self, frame: bytes) -> None:
        """Tell everybody who listens."""
        for listener in self.listeners:
            listener.tell(frame)

    def tell_turns(self, stored: StoredConversation, news: Sequence[StoredTurn]) -> None:
        """Tell everybody which turns there are now, and those that are new."""
        if self.listeners:
            self.tell(turns_event(stored, stored.turns, self.running, news))

    @property
    def running(self) -> tuple[str, str] | None:
        """The request that runs here, and the id of the turn that it answers."""
        return None if self.run is None else (self.run.request, self.run.turn_id)

    def grown(self, turns: Sequence[StoredTurn]) -> list[StoredTurn]:
        """Return the turns, with what the running answer has grown by since it was stored."""
        run = self.run
        return [run.growing_turn if run and turn.id == run.turn_id else turn for turn in turns]


class OpenChats:
    """The conversations in use of all owners."""

    def __init__(self) -> None:
        self._chats: dict[Key, OpenChat] = {}

    def all(self) -> list[OpenChat]:
        """List them."""
        return list(self._chats.values())

    def find(self, key: Key) -> OpenChat | None:
        """Return a conversation, if somebody uses it."""
        return self._chats.get(key)

    @contextmanager
    def using(self, key: Key) -> Iterator[OpenChat]:
        """Use a conversation; when nobody does, nothing of it stays here."""
        chat = self._chats.setdefault(key, OpenChat())
        chat.users += 1
        try:
            yield chat
        finally:
            chat.users -= 1
            if not chat.users:
                del self._chats[key]

    @asynccontextmanager
    async def changing(self, key: Key) -> AsyncIterator[OpenChat]:
        """Use a conversation while nobody else changes it."""
        with self.using(key) as chat:
            async with chat.lock:
                yield chat
