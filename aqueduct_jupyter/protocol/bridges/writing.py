"""What the writers share: named frames, whole items from their events, and ids for calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from ..chat import Usage
from ..items import (
    Begin,
    Citation,
    Counted,
    Delta,
    End,
    Ending,
    Failed,
    ItemEvent,
    Kind,
    Logprobs,
    Sealed,
)
from .forms import AnswerHead

__all__ = ["Gathered", "GatheredItem", "call_id", "client_name", "gather", "named_frame"]


@dataclass(slots=True)
class GatheredItem:
    """An item with all its text."""

    begin: Begin
    pieces: list[str] = field(default_factory=list)
    sealed: str = ""
    logprobs: list[Mapping[str, Any]] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return self.begin.kind

    @property
    def text(self) -> str:
        """All of its text, or of a call's arguments."""
        return "".join(self.pieces)


@dataclass(slots=True)
class Gathered:
    """A whole answer; ``usage`` is None if the upstream sent no token counts."""

    items: list[GatheredItem] = field(default_factory=list)
    usage: Usage | None = None
    ending: Ending = "stop"

    def text(self, kind: Kind) -> str:
        """Return the text of all items of a kind."""
        return "".join(item.text for item in self.items if item.kind == kind)


def gather(events: Iterable[ItemEvent]) -> Gathered:
    """Put a whole answer together.

    Raises:
        AqueductError: the answer failed.
    """
    answer = Gathered()
    for event in events:
        match event:
            case Begin():
                answer.items.append(GatheredItem(event))
            case Delta(item, text):
                answer.items[item].pieces.append(text)
            case Logprobs(item, tokens):
                answer.items[item].logprobs += tokens
            case Citation(item):
                answer.items[item].citations.append(event)
            case Sealed(item, data):
                answer.items[item].sealed = data
            case Counted(usage):
                answer.usage = usage
            case End(ending):
                answer.ending = ending
            case Failed(error):
                raise error
    return answer


def call_id(head: AnswerHead, call: Begin) -> str:
    """Return a call's id; one without an id gets one that is unique among all answers."""
    return call.id or f"call_{head.id}_{call.item}"


def client_name(head: AnswerHead, call: Begin) -> str:
    """Return what the client calls a call's tool."""
    tool = head.tools.get(call.name)
    return tool.name if tool else call.name


def named_frame(name: str, data: dict[str, Any]) -> bytes:
    """Write an event whose name is also the ``type`` of its data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json({"type": name, **data}))
