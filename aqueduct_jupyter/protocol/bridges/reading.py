"""What the readers of all APIs share: decoded events, the items that are open, and the end.

How an API names its events and items is in its own reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from ..chat import Usage
from ..chunks import WholeCharacters, nonsense, read_tokens, whole_text
from ..errors import AqueductError, DisconnectedError
from ..items import (
    Begin,
    Citation,
    Counted,
    Delta,
    Done,
    End,
    Ending,
    Failed,
    ItemEvent,
    Kind,
    Logprobs,
    Sealed,
)
from ..sse import DONE, Event, decode_frame, split_frames
from .forms import ReadFailure
from .logprobs import TokenLogprob

__all__ = ["ItemReader", "as_json", "as_word", "counted"]


class ItemReader:
    """The base of all readers: keeps the order of items that writers rely on.

    A reader overrides :meth:`_read_event` and :meth:`_read_whole`, which may raise an
    :class:`..errors.AqueductError`: it ends the answer.

    Args:
        read_failure: converts an error in the answer.
    """

    def __init__(self, read_failure: ReadFailure) -> None:
        self._read_failure = read_failure
        self._is_over = False
        self._events: list[ItemEvent] = []
        self._begun = 0
        self._has_calls = False
        self._open: dict[int, WholeCharacters] = {}

    def read(self, frames: bytes) -> Sequence[ItemEvent]:
        """Read the next complete frames of a stream."""
        items: list[ItemEvent] = []
        for frame in split_frames(frames):
            event = decode_frame(frame)
            if event is not None:
                items += self.feed(event)
        return items

    def feed(self, event: Event) -> Sequence[ItemEvent]:
        """Read the next event of a stream; nothing follows the end."""
        # Some servers send events without data to keep the connection open.
        if self._is_over or not event.data:
            return ()
        try:
            if event.data == DONE or event.data.strip() == DONE:
                self._read_done()
            elif event.name == "error":
                self._fail(self._error_in(_decode(event.data)))
            else:
                self._read_event(_read_object(event.data))
        except AqueductError as error:
            self._fail(error)
        return self._take()

    def end(self) -> Sequence[ItemEvent]:
        """Note that the stream ended properly: the rest of the events, if there are any."""
        if not self._is_over:
            self._read_end()
        return self._take()

    def whole(self, answer: Mapping[str, Any]) -> Sequence[ItemEvent]:
        """Read a whole answer."""
        try:
            if not isinstance(answer, Mapping):
                raise nonsense("the answer")
            self._read_whole(answer)
        except AqueductError as error:
            self._fail(error)
        return self._take()

    def _read_event(self, data: dict[str, Any]) -> None:
        """Read the data of an event that is neither an error by its name nor ``[DONE]``."""
        raise NotImplementedError

    def _read_whole(self, answer: Mapping[str, Any]) -> None:
        """Read a whole answer up to its end."""
        raise NotImplementedError

    def _read_done(self) -> None:
        """Read ``[DONE]``; only chat defines it as the end."""

    def _read_end(self) -> None:
        """Read the end of the body; most APIs have an event that comes before it."""
        self._fail(
            DisconnectedError(
                "The upstream ended the stream before its answer was complete. "
                "Send the request again."
            )
        )

    def _begin(self, kind: Kind, id: Any = None, name: Any = None, redacted: Any = None) -> int:
        """Begin an item and return its index; a call without an id gets one."""
        item = self._begun
        self._begun += 1
        self._open[item] = WholeCharacters()
        call_id, call_name = as_word(id), as_word(name)
        if kind == "tool_call":
            self._has_calls = True
            # An index would be unique in this answer only, and clients match calls of many.
            call_id = call_id or f"call_{uuid4().hex}"
        self._events.append(Begin(item, kind, call_id, call_name, as_word(redacted)))
        return item

    def _grow(self, item: int, piece: str) -> None:
        """Add text to an item; a piece for an item that is done is ignored."""
        characters = self._open.get(item)
        text = characters.add(piece) if characters else ""
        if text:
            self._events.append(Delta(item, text))

    def _weigh(self, item: int, tokens: Sequence[TokenLogprob]) -> None:
        """Add the log probabilities of the text that comes next."""
        if tokens and item in self._open:
            self._events.append(Logprobs(item, tokens))

    def _cite(self, item: int, citations: Iterable[Citation]) -> None:
        if item in self._open:
            self._events.extend(citations)

    def _seal(self, item: int, data: Any) -> None:
        if isinstance(data, str) and data and item in self._open:
            self._events.append(Sealed(item, whole_text(data)))

    def _done(self, item: int) -> None:
        if item in self._open:
            self._flush(item)
            del self._open[item]
            self._events.append(Done(item))

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._events.append(Counted(usage))

    def _end(self, ending: Ending) -> None:
        """End the answer. Not all servers tell a stop from calls, so the items decide."""
        for item in sorted(self._open):
            self._flush(item)
        if ending in ("stop", "tool_calls"):
            ending = "tool_calls" if self._has_calls else "stop"
        self._is_over = True
        self._events.append(End(ending))

    def _fail(self, error: AqueductError) -> None:
        self._is_over = True
        self._events.append(Failed(error))

    def _error_in(self, data: Any) -> AqueductError:
        """Return the error in an event or an answer that carries one, in whatever form."""
        error = (data.get("error") or data) if isinstance(data, Mapping) else data
        if not isinstance(error, Mapping):
            error = {"message": error if isinstance(error, str) else ""}
        # Here a flat error event names itself, not the type of its error.
        fields = {key: error[key] for key in error if (key, error[key]) != ("type", "error")}
        return self._read_failure({"error": fields})

    def _flush(self, item: int) -> None:
        rest = self._open[item].end()
        if rest:
            self._events.append(Delta(item, rest))

    def _take(self) -> Sequence[ItemEvent]:
        events, self._events = self._events, []
        return events


def _read_object(data: str) -> dict[str, Any]:
    value = _decode(data)
    if not isinstance(value, dict):
        raise nonsense("the answer")
    return value


def counted(
    tokens_in: Any, tokens_out: Any, cached: Any = None, reasoning: Any = None
) -> Usage | None:
    """Build token counts from an upstream's fields; None if the first two are not numbers."""
    counts = [read_tokens(count) for count in (tokens_in, tokens_out, cached, reasoning)]
    if counts[0] is None and counts[1] is None:
        return None
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return Usage(**{name: count or 0 for name, count in zip(names, counts, strict=True)})


def as_json(value: Any) -> str:
    """Write what an upstream sent as JSON again, which may contain halves of characters.

    Raises:
        DisconnectedError: it is nested too deeply.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise nonsense("the answer") from None


def _decode(data: str) -> Any:
    try:
        return from_json(data)
    except ValueError:
        pass
    # Unlike the faster decoder, this one accepts halves of characters, which some servers send.
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data


def as_word(value: Any) -> str:
    """Return a text that can be encoded; anything but a text gives ""."""
    return whole_text(value) if isinstance(value, str) else ""
