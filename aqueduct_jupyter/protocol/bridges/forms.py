"""What every bridge consists of: translated requests, and readers and writers of answers.

A request is translated to chat's form and, if the upstream speaks another API, from there. An
answer is read into items (:mod:`..items`) and written from them. So no pair of APIs has code of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import AqueductError
from ..items import ItemEvent
from ..sse import Event

__all__ = ["AnswerHead", "BridgedRequest", "ReadFailure", "Reader", "ToolName", "Writer"]

ReadFailure = Callable[[Mapping[str, Any]], AqueductError]
"""Converts an error in an upstream's answer, ``{"error": ...}``, to one that a client may see."""


@dataclass(frozen=True, slots=True)
class ToolName:
    """What a client calls a tool that has another name upstream.

    Args:
        name: the client's name for it.
        namespace: the namespace that the client put it in, if any.
        is_custom: whether the client declared it as a custom tool, whose input is plain text;
            upstream it is a function with one string parameter, ``input``.
    """

    name: str
    namespace: str | None = None
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class BridgedRequest:
    """A request in another API's form.

    Args:
        body: the JSON object for the upstream.
        tools: the client's tools by their names upstream, where something is to be restored.
    """

    body: dict[str, Any]
    tools: Mapping[str, ToolName] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What is known of an answer before it begins.

    Args:
        id: the answer's id, such as ``resp_...``; the same in every event.
        model: the model's name.
        created: when it was asked for, in seconds since 1970.
        request: the client's JSON object, from which some APIs repeat fields.
        tools: as in :class:`BridgedRequest`.
    """

    id: str
    model: str
    created: int
    request: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, ToolName] = field(default_factory=dict)


class Reader(Protocol):
    """Reads one answer of an API into items.

    Created with a :data:`ReadFailure`. It never raises for what an upstream sends: what cannot be
    understood becomes :class:`..items.Failed`.
    """

    def read(self, frames: bytes) -> Sequence[ItemEvent]:
        """Read the next complete frames of a stream; nothing follows the end."""
        ...

    def feed(self, event: Event) -> Sequence[ItemEvent]:
        """Read the next event of a stream; nothing follows the end."""
        ...

    def end(self) -> Sequence[ItemEvent]:
        """Note that the stream ended properly: the rest of the events, if there are any."""
        ...

    def whole(self, answer: Mapping[str, Any]) -> Sequence[ItemEvent]:
        """Read a whole answer."""
        ...


class Writer(Protocol):
    """Writes one answer of an API from items; created with an :class:`AnswerHead`.

    The items may interleave; a writer whose API knows no interleaving holds later ones back.
    """

    def begin(self) -> bytes:
        """Write the frames before the first item."""
        ...

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's frames, or nothing; after the end the stream is complete."""
        ...

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed.
        """
        ...
