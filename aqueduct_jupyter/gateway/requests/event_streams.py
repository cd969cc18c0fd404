"""The checks of streams whose events have names: Responses and Messages.

What is common to all APIs is in :mod:`.checked_stream`. Each of these APIs has one event that ends
an answer; whatever comes after it is left out.

Source: ``ResponseStreamEvent`` of the OpenAI API; Anthropic's Messages API.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ...protocol.bridges.messages_writer import messages_error
from ...protocol.bridges.responses_object import response_error
from ...protocol.errors import AqueductError
from ...protocol.sse import Event, encode_event
from ..encoding import read_json
from .checked_stream import CheckedStream
from .stream import DONE_FRAME, read_usage

__all__ = ["MessagesStream", "ResponsesStream"]


def _first_of(frames: bytes, marks: tuple[bytes, ...]) -> int:
    found = [at for mark in marks if (at := frames.find(mark)) >= 0]
    return min(found) if found else -1


def _frame(name: str, data: dict[str, Any]) -> bytes:
    # As ASCII, because some servers send lone surrogates, which UTF-8 cannot encode.
    return encode_event(Event(json.dumps({"type": name, **data}), name))


class ResponsesStream(CheckedStream):
    """The state of one streamed response; ``answer`` is the response object at its end."""

    delta_mark: ClassVar[bytes] = b"\ndata:"

    _MARKS = (
        b"response.created",
        b"response.in_progress",
        b"response.completed",
        b"response.incomplete",
        b"response.failed",
        b"event: error",
        b"event:error",
        b'"type":"error"',
        b'"type": "error"',
    )
    _ENDS = ("response.completed", "response.incomplete")
    _begun: dict[str, Any] | None = None

    @staticmethod
    def first_mark(frames: bytes) -> int:
        """Find the first mark of a frame that matters; -1 if there is none."""
        return _first_of(frames, ResponsesStream._MARKS)

    def judge(self, event: Event, frame: bytes) -> bytes:
        """Check an event that may matter, and return what is passed on of its frame."""
        data = read_json(event.data)
        if not isinstance(data, dict):
            return frame
        kind = data.get("type") or event.name
        response = data.get("response")
        if kind == "error":
            self.error = self._failure({"error": data.get("error") or data})
            return b""
        if not isinstance(response, dict):
            return frame
        if self.restored and isinstance(kind, str):
            response |= self.restored
            frame = _frame(kind, data)
        if kind == "response.created":
            self._begun = response
        elif kind == "response.failed":
            self.error = self._failure({"error": response.get("error") or {}})
            return b""
        elif kind in self._ENDS:
            self.usage = read_usage(response)
            self.answer = response
            self.is_done = True
            return frame + DONE_FRAME
        return frame

    def error_frames(self, error: AqueductError) -> bytes:
        """Write an error as the two events that clients look for."""
        described = response_error(error)
        flat = {**error.envelope()["error"], "sequence_number": self.deltas}
        flat.pop("type", None)
        failed = {**(self._begun or {}), "status": "failed", "error": described}
        return _frame("error", flat) + _frame(
            "response.failed", {"sequence_number": self.deltas + 1, "response": failed}
        )

    def is_event(self, event: Event) -> bool:
        """Whether an event is whole, although its empty line is missing."""
        return read_json(event.data) is not None


class MessagesStream(CheckedStream):
    """The state of one streamed message."""

    _MARKS = (
        b"message_start",
        b"message_delta",
        b"message_stop",
        b"event: error",
        b"event:error",
        b'"type":"error"',
        b'"type": "error"',
    )
    _input: dict[str, Any] | None = None

    @staticmethod
    def first_mark(frames: bytes) -> int:
        """Find the first mark of a frame that matters; -1 if there is none."""
        return _first_of(frames, MessagesStream._MARKS)

    def judge(self, event: Event, frame: bytes) -> bytes:
        """Check an event that may matter, and return what is passed on of its frame."""
        data = read_json(event.data)
        if not isinstance(data, dict):
            return frame
        kind = data.get("type") or event.name
        if kind == "error":
            self.error = self._failure({"error": data.get("error") or data})
            return b""
        if kind == "message_start":
            message = data.get("message")
            usage = message.get("usage") if isinstance(message, dict) else None
            self._input = usage if isinstance(usage, dict) else None
        elif kind == "message_delta":
            usage = data.get("usage")
            counted = {**(self._input or {}), **(usage if isinstance(usage, dict) else {})}
            self.usage = read_usage({"usage": counted})
        elif kind == "message_stop":
            self.is_done = True
        return frame

    def error_frames(self, error: AqueductError) -> bytes:
        """Write an error as the last event."""
        return _frame("error", messages_error(error))

    def is_event(self, event: Event) -> bool:
        """Whether an event is whole, although its empty line is missing."""
        return read_json(event.data) is not None
