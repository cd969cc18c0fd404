"""The event stream of an answer, common to all APIs.

An answer consists of items, in sequence or interleaved: text, a refusal, reasoning, a tool call.
Each item begins, grows by deltas, and is done. Token counts may come at any time. The stream ends
once, complete or with an error. Each API has a parser that produces these events and a writer that
consumes them, so no pair of APIs needs code of its own. The details of an API's own events are in
its parser and its writer.

If both sides speak the same API, this form is not used: the bytes pass unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .chat import Usage
from .errors import AqueductError

__all__ = [
    "Begin",
    "Citation",
    "Counted",
    "Delta",
    "Done",
    "End",
    "Ending",
    "Failed",
    "ItemEvent",
    "Kind",
    "Logprobs",
    "OneAtATime",
    "Sealed",
    "in_order",
]

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
        redacted: the data of reasoning that its service has redacted; it has no text.
    """

    item: int
    kind: Kind
    id: str = ""
    name: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of an item, or more of a call's arguments in JSON."""

    item: int
    text: str


@dataclass(frozen=True, slots=True)
class Logprobs:
    """The log probabilities of the tokens of an item's next text.

    Each token is an object with ``token``, ``logprob``, ``bytes`` and ``top_logprobs``.
    """

    item: int
    tokens: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Citation:
    """A web page that an item's text cites, from the character ``start`` up to ``end``."""

    item: int
    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """Opaque data that an API wants back with a reasoning item; the last one is authoritative.

    It is Anthropic's signature, or OpenAI's encrypted content.
    """

    item: int
    data: str


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


ItemEvent = Begin | Delta | Logprobs | Citation | Sealed | Done | Counted | End | Failed


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
            case Delta(item) | Logprobs(item) | Citation(item) | Sealed(item) | Done(item):
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


class OneAtATime:
    """Puts interleaved items one after the other, for APIs that cannot interleave them.

    The events of an item are held back until the item before it is done. The events must be in
    order, as :func:`in_order` checks. Takes time proportional to the number of events.
    """

    def __init__(self) -> None:
        self._current = 0
        self._held: dict[int, list[ItemEvent]] = {}

    def add(self, event: ItemEvent) -> Sequence[ItemEvent]:
        """Return the events that may pass now.

        Items that are still open at the end stay open, so only then may an item begin while another
        is open. After a failure nothing that is held back is of use.
        """
        match event:
            case (
                Begin(item)
                | Delta(item)
                | Logprobs(item)
                | Citation(item)
                | Sealed(item)
                | Done(item)
            ):
                if item != self._current:
                    self._held.setdefault(item, []).append(event)
                    return ()
                return self._next(event) if isinstance(event, Done) else (event,)
            case End():
                held = [later for _, events in sorted(self._held.items()) for later in events]
                return (*held, event)
        return (event,)

    def _next(self, done: Done) -> Sequence[ItemEvent]:
        passed: list[ItemEvent] = [done]
        while isinstance(passed[-1], Done):
            self._current += 1
            held = self._held.pop(self._current, None)
            if held is None:
                break
            passed += held
        return passed
