"""One answer of a stored conversation that this process writes, whether its client stays or not.

It is asked for as any chat, with as much of the history as fits. What becomes of it is in
:mod:`.chats`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...protocol.chunks import Said, WholeCharacters, read_chunk
from ...protocol.conversation import Conversation, dropped_note
from ...protocol.conversation_edits import end_as_lost
from ...protocol.errors import (
    AqueductError,
    DisconnectedError,
    RequestStoppedError,
    UpstreamError,
    error_from_envelope,
)
from ...protocol.notes import NOTES_HEADER, read_notes
from ...protocol.sse import DONE, decode_frame, split_frames
from ...protocol.stored_conversations import NewTurn, StoredConversation, StoredTurn
from ..encoding import encode_json, read_json
from ..entry import Caller
from ..offload import off_the_loop
from .admission import Asking
from .answers import StreamedAnswer
from .forwarding import Forwarding
from .operations import CHAT

__all__ = ["ChatRun"]

LARGEST_ANSWER = 16 * 2**20
"""Characters of an answer and its reasoning."""

_log = logging.getLogger(__name__)


class ChatRun:
    """An answer that is being written.

    Args:
        caller: who asked.
        new: the question.
        turn: its turn.
        stored: the conversation, which ends with this turn.

    Attributes:
        task: the task that writes it.
        ending: set when no more comes from the model.
        size: the characters that have been written.
    """

    def __init__(
        self, caller: Caller, new: NewTurn, turn: StoredTurn, stored: StoredConversation
    ) -> None:
        self.caller = caller
        self.request = new.request
        self.task: asyncio.Task[None] | None = None
        self.ending = asyncio.Event()
        self.size = 0
        self._new = new
        self._turn = turn
        self._earlier = [old for old in stored.turns[:-1] if old.messages()]
        self._conversation = stored.id
        self._parameters = stored.parameters
        self._answer, self._reasoning = list[str](), list[str]()
        self._is_stopped = False

    @property
    def turn(self) -> StoredTurn:
        """A copy of the turn, as far as it has been written."""
        answer, reasoning = "".join(self._answer), "".join(self._reasoning)
        self._answer, self._reasoning = [answer], [reasoning]
        notes = list(self._turn.notes)
        return replace(self._turn, answer=answer, reasoning=reasoning, notes=notes)

    @property
    def growing_turn(self) -> StoredTurn:
        """The same, while nobody may know yet how it ended, because that is not stored."""
        return replace(self.turn, state="running", error=None, error_code=None)

    @property
    def turn_id(self) -> str:
        """The id of its turn."""
        return self._turn.id

    @property
    def is_ending(self) -> bool:
        """Whether it was stopped, or no more comes from the model."""
        return self._is_stopped or self.ending.is_set()

    def add_note(self, note: str) -> None:
        """Add a remark for the user."""
        self._turn.notes.append(note)

    def stop(self) -> None:
        """Stop it, because somebody wishes it; its text stays."""
        self._is_stopped = True
        self.end_task()

    def end_task(self) -> None:
        """End the task, unless the end is being stored already."""
        if self.task is not None and not self.ending.is_set():
            self.task.cancel()

    async def has_ended_within(self, seconds: float) -> bool:
        """Wait at most some seconds, and return whether no more comes from the model."""
        try:
            async with asyncio.timeout(seconds):
                return await self.ending.wait()
        except TimeoutError:
            return False

    async def write(
        self, forwarding: Forwarding, request_id: str, tell: Callable[[str, str], None]
    ) -> None:
        """Ask, and read the answer until the turn has ended, in any way.

        Args:
            forwarding: answers requests.
            request_id: this server's id for the first request.
            tell: called with each piece of the answer and of the reasoning.
        """
        turn = self._turn
        try:
            await self._ask(forwarding, request_id, tell)
            turn.end("whole")
        except RequestStoppedError:
            turn.end("stopped")
        except AqueductError as error:
            turn.end("failed", error.told(), error.code)
        except asyncio.CancelledError:
            if self._is_stopped:
                turn.end("stopped")
            else:
                end_as_lost(turn)
        except Exception as error:
            _log.error("%s failed in a conversation.", turn.request_id, exc_info=error)
            turn.end(
                "failed",
                "An internal error occurred. For details, look for "
                f"{turn.request_id} in the server's log.",
                "internal_error",
            )
        self.ending.set()

    async def _ask(
        self, forwarding: Forwarding, request_id: str, tell: Callable[[str, str], None]
    ) -> None:
        """Ask; if the history does not fit the model, ask again with half of it."""
        history = self._earlier
        while True:
            self._turn.request_id = request_id
            try:
                await self._attempt(forwarding, history, tell)
            except AqueductError as error:
                if error.code != "context_length_exceeded" or not history or self.size:
                    raise
                history = history[math.ceil(len(history) / 2) :]
                request_id = f"req_{secrets.token_hex(12)}"
                continue
            if dropped := len(self._earlier) - len(history):
                # A page says this in its user's language, with the number alone.
                self._turn.dropped_turns = dropped
                self._turn.notes.insert(0, dropped_note(dropped))
            return

    async def _attempt(
        self,
        forwarding: Forwarding,
        history: Sequence[StoredTurn],
        tell: Callable[[str, str], None],
    ) -> None:
        size = sum(len(turn.answer) + len(turn.prompt) for turn in history)
        body = await off_the_loop(size, encode_json, self._body(history))
        asking = Asking(
            [body],
            self.caller,
            self._turn.request_id or "",
            self.request,
            conversation=self._conversation,
        )
        reader = _Reader()
        async with forwarding.answer(CHAT, asking) as answer:
            del body
            self._turn.notes += read_notes(answer.headers.get(NOTES_HEADER))
            if not isinstance(answer, StreamedAnswer):
                raise UpstreamError("The upstream did not answer a question with a stream.")
            await self._read(reader, answer.first, tell)
            async for frames in answer.rest:
                await self._read(reader, frames, tell)
        # An error is the last frame, and has already been recorded.
        if reader.error is not None:
            raise reader.error
        if not reader.is_done:
            raise DisconnectedError("The answer broke off before it was complete. Ask again.")

    def _body(self, history: Sequence[StoredTurn]) -> dict[str, Any]:
        asked = Conversation(turns=[*history, self._turn])
        messages, _ = asked.messages(self._turn, system=self._system)
        parameters = self._parameters
        fields = {
            "model": self._new.model,
            "temperature": parameters.temperature,
            CHAT.length_fields[0]: parameters.max_tokens,
            "reasoning_effort": parameters.reasoning_effort or None,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return {**given, "messages": messages, **options}

    @property
    def _system(self) -> str | None:
        """The system message: the conversation's own or the default, and the facts."""
        parameters, new = self._parameters, self._new
        texts = [parameters.system or new.system, new.facts if parameters.tells_facts else None]
        return "\n\n".join(text for text in texts if text) or None

    async def _read(self, reader: _Reader, frames: bytes, tell: Callable[[str, str], None]) -> None:
        said = await off_the_loop(len(frames), reader.read, frames)
        turn = self._turn
        turn.model = said.model or turn.model
        turn.finish_reason = said.finish_reason or turn.finish_reason
        turn.tokens_in = turn.tokens_in if said.tokens_in is None else said.tokens_in
        turn.tokens_out = turn.tokens_out if said.tokens_out is None else said.tokens_out
        if said.text or said.reasoning:
            self._answer.append(said.text)
            self._reasoning.append(said.reasoning)
            self.size += len(said.text) + len(said.reasoning)
            tell(said.text, said.reasoning)
        if self.size > LARGEST_ANSWER:
            raise UpstreamError(
                f"The model sent more than {LARGEST_ANSWER // 2**20} million characters."
            )


class _Reader:
    """Reads the frames of a streamed chat, in whole characters."""

    def __init__(self) -> None:
        self.is_done = False
        self.error: AqueductError | None = None
        self._text, self._reasoning = WholeCharacters(), WholeCharacters()

    def read(self, frames: bytes) -> Said:
        """Join what all chunks in some frames say.

        Raises:
            DisconnectedError: a chunk cannot be understood.
        """
        text, reasoning, facts = "", "", dict[str, Any]()
        for frame in split_frames(frames):
            event = decode_frame(frame)
            if event is None or self.is_done:
                continue
            if event.data.strip() == DONE:
                self.is_done = True
                text, reasoning = text + self._text.end(), reasoning + self._reasoning.end()
                continue
            chunk = read_json(event.data)
            if isinstance(chunk, dict) and chunk.get("error"):
                self.error = error_from_envelope(0, chunk)
                continue
            said = read_chunk(chunk)
            text += self._text.add(said.text)
            reasoning += self._reasoning.add(said.reasoning)
            for name in ("model", "finish_reason", "tokens_in", "tokens_out"):
                if (fact := getattr(said, name)) is not None:
                    facts[name] = fact
        return Said(text, reasoning, **facts)
