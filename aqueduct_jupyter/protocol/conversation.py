"""A conversation: its turns, finished or not, and going back to before a cell.

Callers do the asking. Reading and writing conversations is in :mod:`.exports`. The browser's types
are in ``labextension/src/protocol-types.ts``; ``tests/samples`` holds both to the same messages.

* A turn is in the history from the moment it is asked. It ends in exactly one of three ways:
  ``whole``, ``stopped`` (by the user; its partial answer stays) or ``failed`` (none of it is sent
  again).
* Running a cell again takes the conversation back to before that cell.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .tokens import estimate_tokens

__all__ = ["Conversation", "Message", "State", "Turn", "dropped_note"]

State = Literal["running", "whole", "stopped", "failed"]
Message = dict[str, Any]
"""A message of the API."""


@dataclass(slots=True)
class Turn:
    """One question and its answer.

    ``content`` is the message's content as sent; ``prompt`` is the text that the user typed;
    ``cell`` is the notebook's id of the cell, if any; ``reasoning`` is never sent again; ``time``
    is in seconds since 1970; ``notes`` are remarks for the user; ``finish_reason`` is the model's
    own word for why it ended; ``dropped_turns`` says how many of the oldest turns were not sent
    with it. If there are any, the first of the notes says the same.
    """

    prompt: str
    content: str | list[dict[str, Any]]
    cell: str | None = None
    answer: str = ""
    state: State = "running"
    model: str | None = None
    request_id: str | None = None
    error: str | None = None
    time: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    reasoning: str = ""
    error_code: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    notes: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    dropped_turns: int = 0

    def end(self, state: State, error: str | None = None, error_code: str | None = None) -> None:
        """End the turn; only the first end counts."""
        if self.state == "running":
            self.state, self.error, self.error_code = state, error, error_code

    def keep_part(self) -> None:
        """Take the text of a turn that failed as an answer that was stopped."""
        if self.state == "failed":
            self.state, self.error, self.error_code = "stopped", None, None

    def messages(self) -> list[Message]:
        """Return the messages of this turn that later ones send as history: both, or none."""
        if self.state == "failed" or not self.answer:
            return []
        return [
            {"role": "user", "content": self.content},
            {"role": "assistant", "content": self.answer},
        ]


@dataclass(slots=True)
class Conversation:
    """Turns in order, under a name."""

    name: str = "main"
    turns: list[Turn] = field(default_factory=list)
    watchers: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)
    """Called after turns begin, end or are removed, on the thread that made the change; whoever
    begins a turn calls them once its answer is under way."""

    def begin(
        self,
        prompt: str,
        content: str | list[dict[str, Any]],
        cell: str | None = None,
        *,
        is_same_run: bool = False,
    ) -> Turn:
        """Begin a turn.

        An earlier turn of the same cell is removed, and every turn after it, unless it is of the
        same run of that cell, which may ask several times.
        """
        if not is_same_run:
            self.rewind(cell)
        turn = Turn(prompt, content, cell)
        self.turns.append(turn)
        return turn

    def rewind(self, cell: str | None) -> None:
        """Go back to before a cell was run."""
        cells = [turn.cell for turn in self.turns]
        if cell is not None and cell in cells:
            del self.turns[cells.index(cell) :]

    def go_back(self, turn_id: str) -> list[Turn]:
        """Go back to before a turn, and return what came then; an unknown id changes nothing."""
        ids = [turn.id for turn in self.turns]
        place = ids.index(turn_id) if turn_id in ids else len(ids)
        gone = self.turns[place:]
        del self.turns[place:]
        return gone

    def remove(self, turn_id: str) -> None:
        """Remove one turn."""
        self.turns[:] = [turn for turn in self.turns if turn.id != turn_id]
        self.changed()

    def reset(self) -> None:
        """Remove all turns."""
        self.turns.clear()
        self.changed()

    def changed(self) -> None:
        """Notify the watchers that turns have changed."""
        for watcher in tuple(self.watchers):
            watcher()

    def messages(
        self, turn: Turn, *, system: str | None = None, most_tokens: int | None = None
    ) -> tuple[list[Message], int]:
        """Return the messages that ask a turn, including the history before it.

        Args:
            turn: the turn to ask; it is in this conversation.
            system: the system message, if any.
            most_tokens: the most tokens that all messages may take, by estimate; None is no limit.

        Returns:
            The messages, and how many of the oldest turns were left out to stay within the limit.
        """
        first = [{"role": "system", "content": system}] if system else []
        last = [{"role": "user", "content": turn.content}]
        before = self.turns[: self.turns.index(turn)]
        history = [messages for messages in (old.messages() for old in before) if messages]
        dropped = 0
        if most_tokens is not None:
            room = most_tokens - estimate_tokens(first + last)
            dropped = _too_many(history, room)
        kept = [message for messages in history[dropped:] for message in messages]
        return first + kept + last, dropped

    @property
    def last(self) -> Turn | None:
        """The newest turn, or None."""
        return self.turns[-1] if self.turns else None


def dropped_note(turns: int) -> str:
    """Say how many of the oldest turns were left out."""
    if turns == 1:
        return "the oldest turn no longer fits and was left out"
    return f"the {turns} oldest turns no longer fit and were left out"


def _too_many(history: Sequence[list[Message]], room: int) -> int:
    """Return how many of the oldest turns must go for the rest to fit."""
    sizes = [estimate_tokens(messages) for messages in history]
    tokens = sum(sizes)
    for dropped, size in enumerate(sizes):
        if tokens <= room:
            return dropped
        tokens -= size
    return len(history)
