"""The reader for answers of the Messages API, whole or as a stream.

A content block is an item. Blocks of the server's own tools are left out. The end of a block counts
only when more follows, because the reason for the end of the answer comes later: a block that was
cut by its length is not done.

Source: https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat import Usage
from ..chunks import nonsense, read_tokens
from ..items import Ending, Kind
from .forms import ReadFailure
from .reading import ItemReader, as_json, as_word, counted

__all__ = ["MessagesReader"]

_KINDS: dict[str, Kind] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "tool_call",
}

_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""The field of each delta that holds its text."""

_ENDINGS: dict[str, Ending] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""All other reasons are a proper stop."""


class MessagesReader(ItemReader):
    """Reads one answer of the Messages API.

    Args:
        read_failure: converts an error in the answer.
    """

    def __init__(self, read_failure: ReadFailure) -> None:
        super().__init__(read_failure)
        self._blocks: dict[Any, int] = {}
        self._inputs: dict[int, Any] = {}
        self._stopped: int | None = None
        self._usage: dict[str, Any] = {}
        self._reason = ""

    def _read_event(self, data: dict[str, Any]) -> None:
        match data.get("type"):
            case "content_block_delta":
                item = self._blocks.get(_index(data))
                if item is not None:
                    self._read_delta(item, data.get("delta"))
            case "content_block_start":
                self._start(_index(data), data.get("content_block"))
            case "content_block_stop":
                self._stop(_index(data))
            case "message_start":
                message = data.get("message")
                if isinstance(message, Mapping):
                    self._read_usage(message.get("usage"))
            case "message_delta":
                self._read_reason(data.get("delta"))
                self._read_usage(data.get("usage"))
            case "message_stop":
                self._finish()
            case _:
                if data.get("error"):
                    raise self._error_in(data)

    def _read_whole(self, answer: Mapping[str, Any]) -> None:
        if answer.get("error"):
            raise self._error_in(answer)
        content = answer.get("content")
        if not isinstance(content, list):
            raise nonsense("content")
        for index, block in enumerate(content):
            self._start(index, block)
            self._stop(index)
        self._read_usage(answer.get("usage"))
        self._read_reason(answer)
        self._finish()

    def _start(self, index: int, block: Any) -> None:
        self._complete_stopped()
        kind = _KINDS.get(as_word(block.get("type"))) if isinstance(block, Mapping) else None
        if kind is None:
            self._blocks.pop(index, None)
            return
        redacted = block.get("data") if block["type"] == "redacted_thinking" else None
        item = self._begin(kind, block.get("id"), block.get("name"), redacted)
        self._blocks[index] = item
        if kind == "tool_call":
            # In a stream it is empty, and the deltas bring it.
            self._inputs[item] = block.get("input")
        for field in ("text", "thinking"):
            if isinstance(piece := block.get(field), str):
                self._grow(item, piece)
        self._seal(item, block.get("signature"))

    def _read_delta(self, item: int, delta: Any) -> None:
        if not isinstance(delta, Mapping):
            raise nonsense("delta")
        kind = delta.get("type")
        if kind == "signature_delta":
            self._seal(item, delta.get("signature"))
            return
        piece = delta.get(_PIECES.get(as_word(kind), ""))
        if isinstance(piece, str) and piece:
            self._inputs.pop(item, None)
            self._grow(item, piece)

    def _stop(self, index: int) -> None:
        item = self._blocks.pop(index, None)
        if item is None:
            return
        if item in self._inputs:
            given = self._inputs.pop(item)
            arguments = given if isinstance(given, Mapping) else {}
            self._grow(item, as_json(arguments))
        self._complete_stopped()
        self._stopped = item

    def _complete_stopped(self) -> None:
        if self._stopped is not None:
            self._done(self._stopped)
            self._stopped = None

    def _read_reason(self, delta: Any) -> None:
        reason = delta.get("stop_reason") if isinstance(delta, Mapping) else None
        if isinstance(reason, str):
            self._reason = reason

    def _read_usage(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            # The counts are cumulative, and an event holds only those that changed.
            self._usage.update((key, value) for key, value in usage.items() if value is not None)
            self._count(_counted(self._usage))

    def _finish(self) -> None:
        ending = _ENDINGS.get(self._reason, "stop")
        if ending == "stop":
            self._complete_stopped()
        self._end(ending)


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0


def _counted(usage: Mapping[str, Any]) -> Usage | None:
    """Build the counts; here ``input_tokens`` leaves out what was read from the cache or put in."""
    parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    tokens_in = sum(read_tokens(usage.get(part)) or 0 for part in parts)
    return counted(tokens_in, usage.get("output_tokens"), usage.get("cache_read_input_tokens"))
