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
from collections.abc import Callable
from dataclasses import replace

from ...protocol import conversation_edits as edits
from ...protocol.conversation_events import (
    DELETED,
    delta_event,
    ended_event,
    parameters_event,
    renamed_event,
)
from ...protocol.errors import ConflictError
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationSummary,
    NewTurn,
    StoredConversation,
    StoredTurn,
)
from ..entry import Caller
from ..stores.conversation_interfaces import Conversations
from ..stores.database import age_of
from .chat_reading import ChatReading
from .chat_run import ChatRun
from .chat_saving import ChatSaving
from .forwarding import Forwarding
from .open_chats import Key, OpenChat, OpenChats
from .removed_turns import RemovedTurns

__all__ = ["Chats"]


class Chats:
    """The conversations in use of all owners.

    Args:
        forwarding: answers requests.
        conversations: the stored conversations.
        age: returns how old a sign of life of an answer is, in seconds.
        clock: returns seconds since 1970; for tests.

    Attributes:
        reading: reads conversations, and tells of every change.
        note_activity: called while an answer is written, so that the server counts as in use.
    """

    def __init__(
        self,
        forwarding: Forwarding,
        conversations: Conversations,
        *,
        age: Callable[[float], float] = age_of,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._forwarding = forwarding
        self._store = conversations
        self._clock = clock
        self._chats = OpenChats()
        self._saving = ChatSaving(conversations)
        self.reading = ChatReading(self._chats, conversations, age)
        self._removed = RemovedTurns()
        self.note_activity: Callable[[], None] = lambda: None

    async def change(
        self, owner: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Change a conversation; a running answer whose turn goes ends.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: its turns have changed since the revision in the change.
        """
        async with self._chats.changing((owner, conversation_id)) as chat:
            summary = await self._store.change(owner, conversation_id, change)
            if change.name is not None:
                chat.tell(renamed_event(summary.name))
            if change.parameters is not None:
                chat.tell(parameters_event(change.parameters))
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
    ) -> StoredTurn:
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

    async def stop(self, owner: str, conversation_id: str, turn_id: str) -> StoredTurn:
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
            stored = await self.reading.look_up(key, chat)
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
            before = await self._store.get(*key)
            stored = await self._store.edit(*key, lambda turns: edits.remove(turns, turn_id))
            self._removed.keep(key, turn_id, before.turns)
            if chat.run and chat.run.turn_id == turn_id:
                chat.run.stop()
            chat.tell_turns(stored, [])

    async def restore(self, owner: str, conversation_id: str, turn_id: str) -> None:
        """Put a turn back that was removed a short while ago.

        Raises:
            NotFoundError: there is no such conversation, or the turn is not kept any longer.
        """
        key = (owner, conversation_id)
        async with self._chats.changing(key) as chat:
            turn, place = self._removed.take(key, turn_id)
            stored = await self._store.edit(*key, lambda turns: turns.insert(place, turn))
            chat.tell_turns(stored, [turn])

    async def choose(self, owner: str, conversation_id: str, turn_id: str, version: int) -> None:
        """Show another version of a turn, with what followed it.

        Args:
            owner: the conversation's owner.
            conversation_id: the conversation.
            turn_id: the turn that is shown now.
            version: the number of the version, from 0.

        Raises:
            NotFoundError: there is no such conversation, turn or version.
            ConflictError: an answer is running.
        """
        key = (owner, conversation_id)
        async with self._chats.changing(key) as chat:
            before = await self.reading.look_up(key, chat)
            _check_idle(chat, before)
            stored = await self._store.edit(
                *key, lambda turns: edits.choose(turns, turn_id, version)
            )
            chat.tell_turns(stored, stored.turns)

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
    ) -> StoredTurn:
        stored = await self.reading.look_up(key, chat)
        known = {turn.id: turn for turn in chat.grown(stored.turns)}
        if new.id in known:
            return known[new.id]
        _check_idle(chat, stored)
        turn = new.as_turn(self._clock())
        stored = await self._store.edit(*key, lambda turns: edits.begin(turns, new, turn))
        run = chat.run = ChatRun(caller, new, replace(turn, notes=[]), stored)
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


def _check_idle(chat: OpenChat, stored: StoredConversation) -> None:
    if chat.run or any(turn.state == "running" for turn in stored.turns):
        raise ConflictError(
            "An answer is being written in this conversation. Wait until it has ended, or stop it.",
            code="answer_running",
        )
