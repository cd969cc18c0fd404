"""The one event stream of an answer that stands between all APIs.

An answer is items, one after the other or side by side: text, a refusal, reasoning, a tool's call.
Each is begun, grows by deltas, and is done; the tokens may be told at any time; and the stream ends
once, whole or with an error. A parser for each API gives these events, and a writer for each API
takes them, so that no pair of APIs has code of its own. What one API's own events look like is left
to its parser and its writer.

Nothing is passed on in this form where both sides speak the same API: then bytes pass as they are.
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
    """An item is there, and empty.

    Args:
        item: its place in the answer, from 0.
        kind: what it is.
        id: its own id, where the API gives one: that of a tool's call.
        name: the tool's name, where it is a call.
    """

    item: int
    kind: Kind
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """An item has grown by a text: its words, or a piece of a call's arguments in JSON."""

    item: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """An item will not grow any more."""

    item: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens so far; the last one told counts."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class End:
    """The answer is whole; why the model stopped."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ends here, and is not whole."""

    error: AqueductError


ItemEvent = Begin | Delta | Done | Counted | End | Failed


def in_order(events: Iterable[ItemEvent]) -> Iterator[ItemEvent]:
    """Give events as they come, as long as they keep to the order that every writer counts on.

    Items are begun in their order, once; only one that was begun and is not done grows; nothing
    follows the end, and whatever is still open is done by it.

    Raises:
        ValueError: an event does not keep to it; the message says which.
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
                    raise ValueError(f"{event} is of an item that is not open.")
                if isinstance(event, Done):
                    open_items.remove(item)
            case End() | Failed():
                yield from map(Done, sorted(open_items))
                is_over = True
        yield event
    if not is_over:
        raise ValueError("The events stopped without an end.")
