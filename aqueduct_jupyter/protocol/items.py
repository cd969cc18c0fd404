"""The event stream of an answer, common to all APIs.

An answer consists of items, in sequence or interleaved: text, a refusal, reasoning, a tool call.
Each item begins, grows by deltas, and is done. Token counts may come at any time. The stream ends
once, complete or with an error. Each API has a parser that produces these events and a writer that
consumes them, so no pair of APIs needs code of its own. The details of an API's own events are in
its parser and its writer.

If both sides speak the same API, this form is not used: the bytes pass unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from .chat import Usage
from .errors import AqueductError

__all__ = ["Begin", "Counted", "Delta", "Done", "End", "Failed", "ItemEvent", "in_order"]

Kind = Literal["text", "refusal", "reasoning", "tool_call"]
Ending = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Begin:
    """A new, empty item.

    Args:
        item: its index in the answer, from 0.
        kind: its kind.
        id: the id of a tool call, if the API sends one.
        name: the tool's name, for a call.
    """

    item: int
    kind: Kind
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of an item, or more of a call's arguments in JSON."""

    item: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """An item is complete."""

    item: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The token counts so far; the last event is authoritative."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete; ``ending`` is the reason why the model stopped."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ends here and is incomplete."""

    error: AqueductError


ItemEvent = Begin | Delta | Done | Counted | End | Failed


def in_order(events: Iterable[ItemEvent]) -> Iterator[ItemEvent]:
    """Yield events as they come, and check the order that every writer relies on.

    Items begin once, in order. Only an item that has begun and is not done may grow. Nothing
    follows the end, which completes all open items.

    Raises:
        ValueError: an event is out of order; the message names it.
    """
    begun, open_items, is_over = 0, set[int](), False
    for event in events:
        if is_over:
            raise ValueError(f"{event} comes after the end.")
        match event:
            case Begin(item):
                if item != begun:
                    raise ValueError(f"{event} is not the next item, which is {begun}.")
                begun += 1
                open_items.add(item)
            case Delta(item) | Done(item):
                if item not in open_items:
                    raise ValueError(f"{event} belongs to an item that is not open.")
                if isinstance(event, Done):
                    open_items.remove(item)
            case End() | Failed():
                yield from map(Done, sorted(open_items))
                is_over = True
        yield event
    if not is_over:
        raise ValueError("The events stopped without an end.")
