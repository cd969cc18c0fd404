"""The writer for answers of the Responses API, whole or as a stream.

Strict clients find an item by its index and append in the order of arrival. So each item is written
from its first to its last event before the next one begins, and every event carries all of its
fields. Text and refusals are messages of one part; reasoning is written as it is, not as a summary.

Source: ``ResponseStreamEvent`` of the OpenAI API; https://www.openresponses.org for ``[DONE]`` and
the fields that are required.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import from_json, to_json

from ..chat import Usage
from ..errors import AqueductError
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
    Logprobs,
    OneAtATime,
    Sealed,
)
from ..sse import DONE, Event, encode_event
from .citations import responses_annotation
from .forms import AnswerHead, ToolName
from .responses_item import OpenItem
from .responses_object import counts, new_response, response_error
from .thinking_blocks import sealed_thinking
from .writing import call_id

__all__ = ["ResponsesWriter"]

_DONE_FRAME = encode_event(Event(DONE))

_REASONS: dict[Ending, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}

_SEALED = "reasoning.encrypted_content"


class ResponsesWriter:
    """Writes one answer of the Responses API.

    Args:
        head: what is known of the answer before it begins.
        clock: gives the time in seconds since 1970.
    """

    def __init__(self, head: AnswerHead, clock: Callable[[], float] = time.time) -> None:
        self._head = head
        self._clock = clock
        self._queue = OneAtATime()
        self._number = 0
        self._usage = Usage()
        self._open: OpenItem | None = None
        self._status_at_end = "completed"
        include = head.request.get("include")
        self._wants_sealed = isinstance(include, list) and _SEALED in include
        self._response = new_response(head)

    @property
    def response(self) -> dict[str, Any]:
        """The response object so far; final after the end."""
        return self._response

    def begin(self) -> bytes:
        """Write the two events that show the response before its first item."""
        shown = {"response": self._response}
        return self._frame("response.created", shown) + self._frame("response.in_progress", shown)

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's frames, or nothing; after the end the stream is complete."""
        if isinstance(event, End) and event.ending in _REASONS:
            self._status_at_end = "incomplete"
        return b"".join(map(self._write, self._queue.add(event)))

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed.
        """
        for event in events:
            if isinstance(event, Failed):
                raise event.error
            self.write(event)
        return self._response

    def _write(self, event: ItemEvent) -> bytes:
        match event:
            case Delta(_, text):
                return self._write_delta(text)
            case Begin():
                # Only at the end another item is still open here.
                return self._close(self._status_at_end) + self._start(event)
            case Done():
                return self._close("completed")
            case Logprobs(_, tokens):
                if self._open:
                    self._open.weigh(tokens)
            case Citation():
                return self._write_citation(event)
            case Sealed(_, data):
                if self._open:
                    self._open.sealed = data
            case Counted(usage):
                self._usage = usage
            case End(ending):
                return self._close(self._status_at_end) + self._end(ending)
            case Failed(error):
                return self._fail(error)
        return b""

    def _frame(self, name: str, fields: dict[str, Any]) -> bytes:
        data = to_json({"type": name, "sequence_number": self._number, **fields})
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)

    def _write_delta(self, text: str) -> bytes:
        current = self._open
        if current is None:
            return b""
        current.pieces.append(text)
        if not current.grows:
            return b""
        number = b"%d" % self._number
        self._number += 1
        after = current.after
        if current.next_logprobs:
            after = b',"logprobs":%b}\n\n' % to_json(current.next_logprobs)
            current.next_logprobs = []
        return b"".join((current.before, number, current.between, to_json(text), after))

    def _write_citation(self, citation: Citation) -> bytes:
        current = self._open
        annotations = current.part.get("annotations") if current and current.part else None
        if current is None or annotations is None:
            return b""
        annotation = responses_annotation(citation)
        fields = {**current.place, "annotation_index": len(annotations), "annotation": annotation}
        annotations.append(annotation)
        return self._frame("response.output_text.annotation.added", fields)

    def _start(self, begin: Begin) -> bytes:
        current = self._open = self._new_item(begin)
        added = {"output_index": current.index, "item": current.item}
        frames = self._frame("response.output_item.added", added)
        if current.part is not None:
            fields = {**current.place, "part": current.part}
            frames += self._frame("response.content_part.added", fields)
        return frames

    def _new_item(self, begin: Begin) -> OpenItem:
        index = len(self._response["output"])
        unique = f"{self._head.id.removeprefix('resp_')}_{index}"
        item: dict[str, Any] = {"id": "", "type": "message", "status": "in_progress"}
        part: dict[str, Any]
        match begin.kind:
            case "tool_call":
                return self._new_call(index, unique, begin)
            case "reasoning":
                item.update(id=f"rs_{unique}", type="reasoning", summary=[], content=[])
                if begin.redacted and self._wants_sealed:
                    item["encrypted_content"] = sealed_thinking("", "", begin.redacted)
                part = {"type": "reasoning_text", "text": ""}
                return OpenItem(index, item, "response.reasoning_text", "text", part)
            case "refusal":
                item.update(id=f"msg_{unique}", role="assistant", content=[])
                part = {"type": "refusal", "refusal": ""}
                return OpenItem(index, item, "response.refusal", "refusal", part)
        item.update(id=f"msg_{unique}", role="assistant", content=[])
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        return OpenItem(index, item, "response.output_text", "text", part)

    def _new_call(self, index: int, unique: str, begin: Begin) -> OpenItem:
        tool = self._head.tools.get(begin.name) or ToolName(begin.name)
        field = "input" if tool.is_custom else "arguments"
        item: dict[str, Any] = {
            "id": f"ctc_{unique}" if tool.is_custom else f"fc_{unique}",
            "type": "custom_tool_call" if tool.is_custom else "function_call",
            "status": "in_progress",
            "call_id": call_id(self._head, begin),
            "name": tool.name,
            field: "",
        }
        if tool.namespace is not None:
            item["namespace"] = tool.namespace
        grows = "" if tool.is_custom else "response.function_call_arguments"
        return OpenItem(index, item, grows, field, None)

    def _close(self, status: str) -> bytes:
        current, self._open = self._open, None
        if current is None:
            return b""
        text = "".join(current.pieces)
        frames = self._close_text(current, text)
        current.item["status"] = status
        if current.item["type"] == "reasoning" and self._wants_sealed:
            sealed = sealed_thinking(text, current.sealed, "") if current.sealed else None
            # Where the upstream sealed nothing, the text itself makes the round trip.
            current.item.setdefault("encrypted_content", sealed or text or None)
        self._response["output"].append(current.item)
        done = {"output_index": current.index, "item": current.item}
        return frames + self._frame("response.output_item.done", done)

    def _close_text(self, current: OpenItem, text: str) -> bytes:
        place, part = current.place, current.part
        if part is not None:
            part[current.field] = text
            current.item["content"] = [part]
            fields = {**place, current.field: text}
            if current.logprobs is not None:
                fields["logprobs"] = current.logprobs
            frames = self._frame(f"{current.grows}.done", fields)
            return frames + self._frame("response.content_part.done", {**place, "part": part})
        item = current.item
        if item["type"] == "custom_tool_call":
            text = item["input"] = _input(text)
            name = "response.custom_tool_call_input"
            frames = self._frame(f"{name}.delta", {**place, "delta": text}) if text else b""
            return frames + self._frame(f"{name}.done", {**place, "input": text})
        item["arguments"] = text
        fields = {**place, "name": item["name"], "arguments": text}
        return self._frame(f"{current.grows}.done", fields)

    def _end(self, ending: Ending) -> bytes:
        status = self._status_at_end
        self._response["status"] = status
        self._response["usage"] = counts(self._usage)
        if status == "completed":
            self._response["completed_at"] = int(self._clock())
        else:
            self._response["incomplete_details"] = {"reason": _REASONS[ending]}
        return self._frame(f"response.{status}", {"response": self._response}) + _DONE_FRAME

    def _fail(self, error: AqueductError) -> bytes:
        # The open item is not closed: some clients run a call as soon as it is.
        self._open = None
        self._response["status"] = "failed"
        self._response["error"] = response_error(error)
        flat = {"code": error.code, "message": error.message, "param": error.param}
        frames = self._frame("error", flat)
        return frames + self._frame("response.failed", {"response": self._response}) + _DONE_FRAME


def _input(arguments: str) -> str:
    """Return a custom tool's input from its JSON; what is not such JSON is returned as it is."""
    try:
        value = from_json(arguments)
    except ValueError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
