"""This file is a conversation: turns, the half-finished one, and going back to before a cell.

Asking is left to whoever asks, reading and writing conversations to :mod:`.exports`. The browser's
side of it is ``labextension/src/words.ts``; ``tests/samples`` holds both to the same messages.

* A turn is in the history from the moment it is asked, and ends in exactly one of three ways:
  ``whole``, ``stopped`` (by the user; its partial answer stays) or ``failed`` (nothing of it is
  sent again).
* A cell that is run again takes the conversation back to before that cell.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CHARACTERS_A_TOKEN", "Conversation", "Message", "State", "Turn", "estimate_tokens"]

State = Literal["running", "whole", "stopped", "failed"]
Message = dict[str, Any]
"""A message of the API."""

CHARACTERS_A_TOKEN = 3
"""How many characters stand for a token where nobody counted; rather too few than too many."""

IMAGE_TOKENS = 1000
"""What an image or a file counts where nobody knows."""


@dataclass(slots=True)
class Turn:
    """One question and its answer.

    ``content`` is the message's as it was sent; ``prompt`` the words that the user typed; ``cell``
    the notebook's id of the cell, where there is one; ``reasoning`` what the model thought aloud,
    which is never sent again; ``time`` in seconds since 1970; ``notes`` what a person should know.
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

    def end(self, state: State, error: str | None = None, error_code: str | None = None) -> None:
        """End the turn; only the first end counts."""
        if self.state == "running":
            self.state, self.error, self.error_code = state, error, error_code

    def messages(self) -> list[Message]:
        """Give what of this turn is sent with later ones: both messages, or nothing."""
        if self.state == "failed" or not self.answer:
            return []
        return [
            {"role": "user", "content": self.content},
            {"role": "assistant", "content": self.answer},
        ]


@dataclass(slots=True)
class Conversation:
    """Turns in their order, under a name."""

    name: str = "main"
    turns: list[Turn] = field(default_factory=list)
    watchers: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)
    """Called after turns were begun, ended or forgotten, on the thread that did it."""

    def begin(
        self, prompt: str, content: str | list[dict[str, Any]], cell: str | None = None
    ) -> Turn:
        """Begin a turn; one of the same cell is forgotten, with all that came after it."""
        self.rewind(cell)
        turn = Turn(prompt, content, cell)
        self.turns.append(turn)
        self.changed()
        return turn

    def rewind(self, cell: str | None) -> None:
        """Go back to before a cell was run."""
        cells = [turn.cell for turn in self.turns]
        if cell is not None and cell in cells:
            del self.turns[cells.index(cell) :]

    def go_back(self, turn_id: str) -> None:
        """Go back to before a turn; an id that is not known changes nothing."""
        ids = [turn.id for turn in self.turns]
        if turn_id in ids:
            del self.turns[ids.index(turn_id) :]

    def remove(self, turn_id: str) -> None:
        """Forget one turn."""
        self.turns[:] = [turn for turn in self.turns if turn.id != turn_id]
        self.changed()

    def reset(self) -> None:
        """Forget all turns."""
        self.turns.clear()
        self.changed()

    def changed(self) -> None:
        """Tell whoever watches that turns have changed."""
        for watcher in tuple(self.watchers):
            watcher()

    def messages(
        self, turn: Turn, *, system: str | None = None, most_tokens: int | None = None
    ) -> tuple[list[Message], int]:
        """Give the messages that ask a turn, with the history before it.

        Args:
            turn: the one to ask; it is in this conversation.
            system: the system's message, if there is one.
            most_tokens: how many tokens they may take together, by estimate; None for any number.

        Returns:
            The messages, and how many of the oldest turns were left out to keep within it.
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


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Estimate how many tokens messages take."""
    return sum(_content_tokens(message["content"]) + 4 for message in messages)


def _content_tokens(content: str | list[dict[str, Any]] | None) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return len(content) // CHARACTERS_A_TOKEN + 1
    return sum(
        len(part["text"]) // CHARACTERS_A_TOKEN + 1 if part["type"] == "text" else IMAGE_TOKENS
        for part in content
    )


def _too_many(history: Sequence[list[Message]], room: int) -> int:
    """Tell how many of the oldest turns must go for the rest to have room."""
    sizes = [estimate_tokens(messages) for messages in history]
    tokens = sum(sizes)
    for dropped, size in enumerate(sizes):
        if tokens <= room:
            return dropped
        tokens -= size
    return len(history)
