"""What a stored conversation tells those who listen to it: events, as the frames of a stream.

A listener gets the current turns first, and then every change, so it never asks again. Listening
is in the gateway; ``labextension/src/carriers/conversation-events.ts`` reads the events.

``turns``
    The turns as they are: the ids of all in order, those that are new to a listener, and the
    running request, if there is one, with the turn that it answers.
``delta``
    The next piece of the running answer.
``ended``
    The turn, without its text, whose answer has ended in any way.
``renamed``, ``parameters`` and ``deleted``
    The conversation has another name or other parameters, or is gone; then the stream ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from .sse import Event, encode_event
from .stored_conversations import ConversationParameters, StoredConversation, StoredTurn

__all__ = ["DELETED", "delta_event", "ended_event", "renamed_event", "told_turn", "turns_event"]

_FIELDS = tuple(StoredTurn.__dataclass_fields__)
_KNOWN = {"answer", "reasoning", "prompt", "content", "versions", "version"}
"""Fields of a turn that a listener has when the answer ends."""


def turns_event(
    stored: StoredConversation,
    turns: Sequence[StoredTurn],
    running: tuple[str, str] | None,
    news: Sequence[StoredTurn] | None = None,
) -> bytes:
    """Tell the turns.

    Args:
        stored: the conversation, for its name and parameters.
        turns: its turns.
        running: the running request's id, and the id of the turn that it answers.
        news: the turns that are new to all listeners; None for all.
    """
    request, answering = running or (None, None)
    return _frame(
        {
            "type": "turns",
            "name": stored.name,
            "parameters": stored.parameters.model_dump(),
            "ids": [turn.id for turn in turns],
            "turns": [told_turn(turn) for turn in (turns if news is None else news)],
            "running": request,
            "answering": answering,
        }
    )


def delta_event(request: str, text: str, reasoning: str) -> bytes:
    """Tell the next piece of an answer."""
    return _frame({"type": "delta", "request": request, "text": text, "reasoning": reasoning})


def ended_event(request: str, turn: StoredTurn) -> bytes:
    """Tell how an answer ended."""
    ending = {name: getattr(turn, name) for name in _FIELDS if name not in _KNOWN}
    return _frame({"type": "ended", "request": request, "turn": ending})


def parameters_event(parameters: ConversationParameters) -> bytes:
    """Tell a conversation's new parameters."""
    return _frame({"type": "parameters", "parameters": parameters.model_dump()})


def renamed_event(name: str) -> bytes:
    """Tell a conversation's new name."""
    return _frame({"type": "renamed", "name": name})


def told_turn(turn: StoredTurn) -> dict[str, Any]:
    """Return a turn with the number of its versions in their place."""
    fields = {name: getattr(turn, name) for name in _FIELDS}
    return {**fields, "versions": len(turn.versions) + 1}


def _frame(event: object) -> bytes:
    return encode_event(Event(to_json(event).decode()))


DELETED = _frame({"type": "deleted"})
"""Tells that the conversation is gone."""
