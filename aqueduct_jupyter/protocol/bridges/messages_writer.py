"""The writer for answers of the Messages API, whole or as a stream.

An item is a content block; a refusal is a block of text. Blocks cannot interleave, so items come
one at a time.

Source: https://docs.anthropic.com/en/api/messages-streaming and its list of errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json, to_json

from ..chat import Usage
from ..errors import AqueductError
from ..items import Begin, Counted, Delta, Done, End, Ending, Failed, ItemEvent, OneAtATime, Sealed
from .forms import AnswerHead
from .writing import GatheredItem, call_id, client_name, gather, named_frame

__all__ = ["MessagesWriter", "messages_error"]

_REASONS: dict[Ending, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}

_DELTAS = {
    "text": b'{"type":"text_delta","text":',
    "refusal": b'{"type":"text_delta","text":',
    "reasoning": b'{"type":"thinking_delta","thinking":',
    "tool_call": b'{"type":"input_json_delta","partial_json":',
}

_ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""The API's names for errors by their status."""


class MessagesWriter:
    """Writes one answer of the Messages API.

    Args:
        head: what is known of the answer before it begins.
    """

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._queue = OneAtATime()
        self._usage = Usage()
        self._open: int | None = None
        self._before = b""
        self._has_refused = False

    def begin(self) -> bytes:
        """Write the start of the message."""
        return named_frame("message_start", {"message": self._message([], None)})

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's frames, or nothing; after the end the stream is complete."""
        return b"".join(map(self._write, self._queue.add(event)))

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed.
        """
        answer = gather(events)
        self._usage = answer.usage or Usage()
        content = [self._whole_block(item) for item in answer.items]
        has_refused = any(item.begin.kind == "refusal" for item in answer.items)
        return self._message(content, _reason(answer.ending, has_refused=has_refused))

    def _message(self, content: list[Any], reason: str | None) -> dict[str, Any]:
        return {
            "id": self._head.id,
            "type": "message",
            "role": "assistant",
            "model": self._head.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": _usage(self._usage),
        }

    def _write(self, event: ItemEvent) -> bytes:
        match event:
            case Delta(_, text):
                return b"".join((self._before, to_json(text), b"}}\n\n"))
            case Begin():
                return self._close() + self._start(event)
            case Done():
                return self._close()
            case Sealed(item, data):
                return self._write_signature(item, data)
            case Counted(usage):
                self._usage = usage
            case End(ending):
                return self._close() + self._end(ending)
            case Failed(error):
                return named_frame("error", messages_error(error))
        return b""

    def _start(self, begin: Begin) -> bytes:
        self._open = begin.item
        self._has_refused |= begin.kind == "refusal"
        self._before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b'
            % (begin.item, _DELTAS[begin.kind])
        )
        block = self._block(begin)
        return named_frame("content_block_start", {"index": begin.item, "content_block": block})

    def _write_signature(self, item: int, data: str) -> bytes:
        delta = {"type": "signature_delta", "signature": data}
        return named_frame("content_block_delta", {"index": item, "delta": delta})

    def _close(self) -> bytes:
        item, self._open = self._open, None
        return b"" if item is None else named_frame("content_block_stop", {"index": item})

    def _end(self, ending: Ending) -> bytes:
        reason = _reason(ending, has_refused=self._has_refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        last = named_frame("message_delta", {"delta": delta, "usage": _usage(self._usage)})
        return last + named_frame("message_stop", {})

    def _block(self, begin: Begin, text: str = "", sealed: str = "") -> dict[str, Any]:
        if begin.redacted:
            return {"type": "redacted_thinking", "data": begin.redacted}
        if begin.kind == "reasoning":
            return {"type": "thinking", "thinking": text, "signature": sealed}
        if begin.kind == "tool_call":
            return {
                "type": "tool_use",
                "id": call_id(self._head, begin),
                "name": client_name(self._head, begin),
                "input": _input(text),
            }
        return {"type": "text", "text": text}

    def _whole_block(self, item: GatheredItem) -> dict[str, Any]:
        return self._block(item.begin, item.text, item.sealed)


def messages_error(error: AqueductError) -> dict[str, Any]:
    """Return an error as this API's JSON object."""
    default = "invalid_request_error" if 400 <= error.status < 500 else "api_error"
    kind = _ERRORS.get(error.status, default)
    return {"type": "error", "error": {"type": kind, "message": error.message}}


def _reason(ending: Ending, *, has_refused: bool) -> str:
    """Return why an answer ended; here a refusal is a reason and not a kind of text."""
    return _REASONS["content_filter" if has_refused and ending == "stop" else ending]


def _input(arguments: str) -> dict[str, Any]:
    try:
        value = from_json(arguments, allow_inf_nan=False) if arguments.strip() else {}
    except ValueError:
        value = None
    # It must be an object; what is not one, such as arguments that were cut, is not lost.
    return value if isinstance(value, dict) else {"arguments": arguments}


def _usage(usage: Usage) -> dict[str, Any]:
    """Return the counts; here ``input_tokens`` leaves out what was read from the cache."""
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    return {
        "input_tokens": usage.prompt_tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens,
    }
