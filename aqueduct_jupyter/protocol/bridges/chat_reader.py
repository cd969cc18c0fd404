"""The reader for chat completions, whole or in chunks.

Servers agree on little: the index or the id of a tool call may be missing, a call may come in one
piece or in many, its name once or every time. Text and reasoning are done when another kind begins;
tool calls stay open until the end, because their pieces may interleave. Reasoning in the text is in
:mod:`.inline_reasoning`.

Source: ``CreateChatCompletionStreamResponse`` and ``CreateChatCompletionResponse`` of the OpenAI
API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..chat import Usage
from ..chunks import first_choice, nonsense, read_text
from ..items import Ending, ItemEvent, Kind
from ..sse import decode_frame
from .alike_chunks import AlikeChunks
from .citations import read_citations
from .forms import ReadFailure
from .inline_reasoning import InlineReasoning
from .logprobs import TokenLogprob, last_logprobs, read_logprobs
from .reading import ItemReader, as_json

__all__ = ["ChatReader"]

_ENDINGS: dict[str, Ending] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
}
"""All other reasons, such as ``stop``, ``tool_calls`` and ``eos``, are a proper stop."""


class ChatReader(ItemReader):
    """Reads one chat completion; only the first choice.

    Args:
        read_failure: converts an error in the answer.
    """

    def __init__(self, read_failure: ReadFailure) -> None:
        super().__init__(read_failure)
        self._current = -1
        self._kind: Kind | None = None
        self._calls: dict[int | str, int] = {}
        self._ids: dict[int, str] = {}
        self._last_call = -1
        self._ending: Ending | None = None
        self._alike = AlikeChunks()
        self._inline = InlineReasoning()
        self._logprobs: list[TokenLogprob] = []

    def read(self, frames: bytes) -> Sequence[ItemEvent]:
        """Read the next complete frames of a stream, all at once where they hold only text."""
        if b"\r" in frames:
            return super().read(frames)
        items: list[ItemEvent] = []
        end = 0
        while end < len(frames) and not self._is_over:
            start = end
            end, text = self._alike.find(frames, start)
            if text is not None:
                self._read_text(self._alike.field, text)
                items += self._take()
            elif end > start:
                items += super().read(frames[start:end])
            else:
                end = _frame_end(frames, start)
                items += self._read_frame(frames[start:end])
        return items

    def _read_frame(self, frame: bytes) -> Sequence[ItemEvent]:
        self._alike.learn(frame)
        event = decode_frame(frame)
        return self.feed(event) if event else ()

    def _read_event(self, data: dict[str, Any]) -> None:
        self._read_part(data, "delta")

    def _read_whole(self, answer: Mapping[str, Any]) -> None:
        self._read_part(answer, "message")
        if not isinstance(first_choice(answer.get("choices")).get("message"), Mapping):
            raise nonsense("message")
        self._finish()

    def _read_done(self) -> None:
        self._finish()

    def _read_end(self) -> None:
        # Without [DONE], a finish reason and a proper end of the body also make it complete.
        if self._ending:
            self._finish()
        else:
            super()._read_end()

    def _finish(self) -> None:
        self._end_inline()
        if self._kind == "text":
            self._weigh(self._current, self._logprobs)
        self._end(self._ending or "stop")

    def _read_part(self, part: Mapping[str, Any], where: str) -> None:
        if part.get("error"):
            raise self._error_in(part)
        choice = first_choice(part.get("choices"))
        if logprobs := choice.get("logprobs"):
            self._read_logprobs(logprobs)
        said = choice.get(where)
        if said:
            if not isinstance(said, Mapping):
                raise nonsense(where)
            self._read_said(said, is_whole=where == "message")
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            if reason == "error":
                raise nonsense("finish_reason")
            self._ending = _ENDINGS.get(reason, "stop")
        usage = part.get("usage")
        if usage:
            self._count(_read_usage(usage))

    def _read_logprobs(self, logprobs: Any) -> None:
        # A refusal's have no counterpart. Those of a text may come before it.
        if isinstance(logprobs, Mapping):
            self._logprobs += read_logprobs(logprobs.get("content"))

    def _read_said(self, said: Mapping[str, Any], *, is_whole: bool) -> None:
        reasoning = said.get("reasoning_content") or said.get("reasoning")
        if reasoning:
            self._read_text("reasoning", read_text(reasoning, "reasoning"))
        content = said.get("content")
        if content:
            self._read_text("content", read_text(content, "content"))
        annotations = said.get("annotations")
        if annotations and self._kind == "text":
            self._cite(self._current, read_citations(annotations, self._current))
        refusal = said.get("refusal")
        if refusal:
            self._end_inline()
            self._add("refusal", read_text(refusal, "refusal"))
        calls = said.get("tool_calls")
        if calls:
            if not isinstance(calls, list):
                raise nonsense("tool_calls")
            for call in calls:
                self._read_call(call, is_whole=is_whole)

    def _read_text(self, field: str, piece: str) -> None:
        if field != "content":
            self._end_inline()
            self._add("reasoning", piece)
        elif self._inline.is_over:
            self._add("text", piece)
        else:
            pieces = list(self._inline.add(piece))
            if self._inline.has_tag:
                # The tags and what is between them have log probabilities, too.
                said = "".join(text for kind, text in pieces if kind == "text")
                self._logprobs = last_logprobs(self._logprobs, said)
            for kind, text in pieces:
                self._add(kind, text)

    def _end_inline(self) -> None:
        """Note that what follows is not reasoning in a text: the server tells them apart itself."""
        if not self._inline.is_over:
            for kind, text in self._inline.end():
                self._add(kind, text)

    def _add(self, kind: Kind, piece: str) -> None:
        if not piece:
            return
        if kind != self._kind:
            self._done(self._current)
            self._current, self._kind = self._begin(kind), kind
        if self._logprobs and kind == "text":
            tokens, self._logprobs = self._logprobs, []
            self._weigh(self._current, tokens)
        self._grow(self._current, piece)

    def _read_call(self, call: Any, *, is_whole: bool) -> None:
        if not isinstance(call, Mapping):
            raise nonsense("tool_calls")
        function = call.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, arguments = function.get("name"), _read_arguments(function.get("arguments"))
        item = None if is_whole else self._known_call(call, name)
        if item is None and isinstance(name, str) and name:
            item = self._begin_call(call, name)
        if item is not None:
            self._grow(item, arguments)
        elif arguments:
            raise nonsense("tool_calls")

    def _known_call(self, call: Mapping[str, Any], name: Any) -> int | None:
        """Return the call that a piece belongs to; None if it begins one."""
        index, call_id = _keys(call)
        if index is not None:
            item = self._calls.get(index)
            # Gemini's server sends whole calls that differ in their ids, all with the index 0.
            is_another = (
                item is not None and name and call_id and self._ids[item] not in ("", call_id)
            )
            return None if is_another else item
        if call_id:
            return self._calls.get(call_id)
        return self._last_call if self._last_call >= 0 and not name else None

    def _begin_call(self, call: Mapping[str, Any], name: str) -> int:
        self._end_inline()
        self._done(self._current)
        self._kind = None
        index, call_id = _keys(call)
        item = self._last_call = self._begin("tool_call", call_id, name)
        self._ids[item] = call_id
        if index is not None:
            self._calls[index] = item
        elif call_id:
            self._calls[call_id] = item
        return item


def _frame_end(frames: bytes, start: int) -> int:
    end = frames.find(b"\n\n", start)
    return len(frames) if end < 0 else end + 2


def _keys(call: Mapping[str, Any]) -> tuple[int | None, str]:
    index, call_id = call.get("index"), call.get("id")
    return (
        index if isinstance(index, int) else None,
        call_id if isinstance(call_id, str) else "",
    )


def _read_arguments(arguments: Any) -> str:
    # Some servers send the arguments as an object, not as its JSON.
    if isinstance(arguments, Mapping):
        return as_json(arguments)
    return read_text(arguments, "tool_calls")


def _read_usage(usage: Any) -> Usage | None:
    try:
        return Usage.model_validate(usage)
    except ValidationError:
        return None
