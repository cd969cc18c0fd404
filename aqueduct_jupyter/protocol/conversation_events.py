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
``renamed`` and ``deleted``
    The conversation has another name, or is gone; then the stream ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import to_json

from .conversation import Turn
from .sse import Event, encode_event

__all__ = ["DELETED", "delta_event", "ended_event", "renamed_event", "turns_event"]

_IN_PIECES = {"answer", "reasoning", "prompt", "content"}
"""Fields of a turn that a listener has when the answer ends."""


def turns_event(
    name: str,
    turns: Sequence[Turn],
    running: tuple[str, str] | None,
    news: Sequence[Turn] | None = None,
) -> bytes:
    """Tell the turns.

    Args:
        name: the conversation's name.
        turns: its turns.
        running: the running request's id, and the id of the turn that it answers.
        news: the turns that are new to all listeners; None for all.
    """
    request, answering = running or (None, None)
    return _frame(
        {
            "type": "turns",
            "name": name,
            "ids": [turn.id for turn in turns],
            "turns": list(turns if news is None else news),
            "running": request,
            "answering": answering,
        }
    )


def delta_event(request: str, text: str, reasoning: str) -> bytes:
    """Tell the next piece of an answer."""
    return _frame({"type": "delta", "request": request, "text": text, "reasoning": reasoning})


def ended_event(request: str, turn: Turn) -> bytes:
    """Tell how an answer ended."""
    fields = {name: getattr(turn, name) for name in Turn.__dataclass_fields__}
    ending = {name: value for name, value in fields.items() if name not in _IN_PIECES}
    return _frame({"type": "ended", "request": request, "turn": ending})


def renamed_event(name: str) -> bytes:
    """Tell a conversation's new name."""
    return _frame({"type": "renamed", "name": name})


def _frame(event: object) -> bytes:
    return encode_event(Event(to_json(event).decode()))


DELETED = _frame({"type": "deleted"})
"""Tells that the conversation is gone."""
