"""Stored conversations in use: questions are answered without a client, and everybody sees it.

An answer runs in a task of its own, so it goes on when the page that asked for it is closed. What
has grown is stored about every second. So another process, or the next one after a crash, knows
whether somebody still writes it: an answer that is running in the store and has shown no sign of
life for a while has ended with its server.

Every change goes through one lock for each conversation that is in use. Under it, the store and
what listeners have been told are the same; so a listener who begins with the turns in the store,
and what has grown since, misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

from ...protocol import conversation_edits as edits
from ...protocol.conversation import Turn
from ...protocol.conversation_events import (
    DELETED,
    delta_event,
    ended_event,
    renamed_event,
    turns_event,
)
from ...protocol.errors import ConflictError, NotFoundError
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationSummary,
    NewTurn,
    StoredConversation,
)
from ..entry import Caller
from ..offload import off_the_loop
from ..stores.interfaces import Conversations
from .chat_run import ChatRun
from .chat_saving import ChatSaving
from .forwarding import Forwarding
from .listeners import Listener
from .open_chats import Key, OpenChat, OpenChats

__all__ = ["Chats"]

LOST_SECONDS = 6.0
"""How long after its last sign of life an answer counts as lost, in seconds."""

POLL_SECONDS = 1.0
"""How often an answer is looked up that another process writes, in seconds."""


class _Known(NamedTuple):  # what a listener has been told
    revision: int
    is_elsewhere: bool  # whether an answer may run in another process


class Chats:
    """The conversations in use of all owners.

    Args:
        forwarding: answers requests.
        conversations: the stored conversations.
        clock: returns seconds since 1970; for tests.

    Attributes:
        note_activity: called while an answer is written, so that the server counts as in use.
    """

    lost_seconds = LOST_SECONDS
    poll_seconds = POLL_SECONDS

    def __init__(
        self,
        forwarding: Forwarding,
        conversations: Conversations,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._forwarding = forwarding
        self._store = conversations
        self._clock = clock
        self._chats = OpenChats()
        self._saving = ChatSaving(conversations)
        self.note_activity: Callable[[], None] = lambda: None

    async def get(self, owner: str, conversation_id: str) -> StoredConversation:
        """Return a conversation, with its running answer as far as it has been written.

        Raises:
            NotFoundError: there is no such conversation.
        """
        async with self._chats.changing((owner, conversation_id)) as chat:
            stored = await self._look_up((owner, conversation_id), chat)
            stored.turns = chat.grown(stored.turns)
            return stored

    async def change(
        self, owner: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Change a conversation's name, turns or pin; a running answer whose turn goes ends.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: its turns have changed since the revision in the change.
        """
        async with self._chats.changing((owner, conversation_id)) as chat:
            summary = await self._store.change(owner, conversation_id, change)
            if change.name is not None:
                chat.tell(renamed_event(summary.name))
            if change.turns is not None:
                kept = {turn.id for turn in change.turns if turn.state == "running"}
                if chat.run and chat.run.turn_id not in kept:
                    chat.run.stop()
                stored = await self._store.get(owner, conversation_id)
                chat.tell_turns(stored, chat.grown(stored.turns))
            return summary

    async def delete(self, owner: str, conversation_id: str) -> ConversationDeleted:
        """Delete a conversation, and stop its running answer.

        Raises:
            NotFoundError: there is no such conversation.
        """
        async with self._chats.changing((owner, conversation_id)) as chat:
            deleted = await self._store.delete(owner, conversation_id)
            if chat.run:
                chat.run.stop()
            chat.tell(DELETED)
            for listener in chat.listeners:
                listener.end()
            return deleted

    async def ask(
        self, caller: Caller, conversation_id: str, new: NewTurn, request_id: str
    ) -> Turn:
        """Add a question to a conversation, and start its answer.

        Args:
            caller: who asks.
            conversation_id: the conversation.
            new: the question.
            request_id: this server's id for the request.

        Returns:
            The turn. If there is one with its id already, this one, and nothing is asked.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: an answer is running in it.
        """
        key = (caller.owner, conversation_id)
        while True:
            async with self._chats.changing(key) as chat:
                run = chat.run
                if not (run and run.task and run.is_ending):
                    return await self._begin(key, chat, caller, new, request_id)
            await asyncio.wait([run.task])

    async def stop(self, owner: str, conversation_id: str, turn_id: str) -> Turn:
        """Stop a turn's answer, and return the turn; one that has ended stays as it is.

        Raises:
            NotFoundError: there is no such conversation, or no such turn in it.
        """
        key = (owner, conversation_id)
        with self._chats.using(key) as chat:
            if (run := chat.run) and run.turn_id == turn_id:
                run.stop()
                if run.task is not None:
                    await asyncio.wait([run.task])
        async with self._chats.changing(key) as chat:
            stored = await self._look_up(key, chat)
            turn = edits.find(stored.turns, turn_id)
            if turn.state == "running":  # in another process, which sees it when it stores
                stored = await self._store.edit(*key, lambda turns: edits.stop(turns, turn_id))
                turn = edits.find(stored.turns, turn_id)
                chat.tell_turns(stored, [turn])
            return turn

    async def remove(self, owner: str, conversation_id: str, turn_id: str) -> None:
        """Remove a turn; if its answer is running, it is stopped.

        Raises:
            NotFoundError: there is no such conversation, or no such turn in it.
        """
        key = (owner, conversation_id)
        async with self._chats.changing(key) as chat:
            stored = await self._store.edit(*key, lambda turns: edits.remove(turns, turn_id))
            if chat.run and chat.run.turn_id == turn_id:
                chat.run.stop()
            chat.tell_turns(stored, [])

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

    async def close(self) -> None:
        """End all answers that this process writes, store them, and let the listeners go."""
        chats = self._chats.all()
        tasks = [chat.run.task for chat in chats if chat.run and chat.run.task]
        for chat in chats:
            if chat.run:
                chat.run.end_task()
        if tasks:
            await asyncio.wait(tasks)
        for chat in chats:
            for listener in chat.listeners:
                listener.end()

    async def _begin(
        self, key: Key, chat: OpenChat, caller: Caller, new: NewTurn, request_id: str
    ) -> Turn:
        stored = await self._look_up(key, chat)
        known = {turn.id: turn for turn in chat.grown(stored.turns)}
        if new.id in known:
            return known[new.id]
        if chat.run or any(turn.state == "running" for turn in stored.turns):
            raise ConflictError(
                "An answer is being written in this conversation. Wait until it has ended, or stop "
                "it.",
                code="answer_running",
            )
        turn = new.as_turn(self._clock())
        stored = await self._store.edit(*key, lambda turns: edits.begin(turns, new, turn))
        run = chat.run = ChatRun(caller, new, new.as_turn(turn.time), stored.turns[:-1])
        # The turn before may have changed, if the answer goes on with it.
        chat.tell_turns(stored, stored.turns[-2:])
        run.task = asyncio.create_task(self._write(key, chat, run, request_id))
        await asyncio.sleep(0)  # a task that is cancelled before it has begun does nothing
        return turn

    async def _write(self, key: Key, chat: OpenChat, run: ChatRun, request_id: str) -> None:
        def tell(text: str, reasoning: str) -> None:
            if chat.listeners:
                chat.tell(delta_event(run.request, text, reasoning))

        with self._chats.using(key):
            saving = asyncio.create_task(self._saving.keep_growing(key, run, self.note_activity))
            await run.write(self._forwarding, request_id, tell)
            await saving
            async with chat.lock:
                await self._saving.keep_end(key, run)
                chat.run = None
                chat.tell(ended_event(run.request, run.turn))

    async def _look_up(self, key: Key, chat: OpenChat) -> StoredConversation:
        """Read a conversation; what has run in a server that stopped ends here."""
        stored = await self._store.get(*key)
        own = chat.run.turn_id if chat.run else None
        running = {turn.id for turn in stored.turns if turn.state == "running"} - {own}
        if not running or self._clock() - stored.updated_at < self.lost_seconds:
            return stored
        return await self._store.edit(*key, lambda turns: edits.end_lost(turns, running))

    async def _tell_all(self, key: Key, chat: OpenChat, listener: Listener) -> tuple[_Known, bytes]:
        """Return the current turns for a listener, who is told everything after them."""
        async with chat.lock:
            stored = await self._look_up(key, chat)
            turns, running = chat.grown(stored.turns), chat.running
            listener.start_anew()
            if listener not in chat.listeners:
                chat.listeners.append(listener)
        elsewhere = [turn.id for turn in turns if turn.state == "running" and not running]
        known = _Known(stored.revision, bool(elsewhere))
        if elsewhere:
            running = (elsewhere[-1], elsewhere[-1])  # its request's id is not known here
        size = sum(len(turn.answer) + len(turn.prompt) for turn in turns)
        return known, await off_the_loop(size, turns_event, stored.name, turns, running)
