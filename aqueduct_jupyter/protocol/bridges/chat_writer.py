"""The writer for chat completions, whole or in chunks.

A message of chat has one text, one refusal and one text of reasoning, so items of the same kind are
joined. Chunks may interleave, so nothing is held back.

Source: ``CreateChatCompletionStreamResponse`` and ``CreateChatCompletionResponse`` of the OpenAI
API; DeepSeek's ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from ..chat import Usage
from ..items import Begin, Citation, Counted, Delta, End, Failed, ItemEvent, Logprobs
from ..sse import DONE, Event, encode_event
from .citations import chat_annotations
from .forms import AnswerHead
from .writing import GatheredItem, call_id, client_name, gather

__all__ = ["ChatWriter"]

_FIELDS = {"text": b"content", "refusal": b"refusal", "reasoning": b"reasoning_content"}


class ChatWriter:
    """Writes one chat completion.

    Args:
        head: what is known of the answer before it begins.
    """

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        options = head.request.get("stream_options")
        self._wants_usage = bool(isinstance(options, dict) and options.get("include_usage"))
        # A chunk is a delta between these bytes, which are the same in each.
        common = to_json(self._common("chat.completion.chunk"))[:-1]
        self._before = b'data: %b,"choices":[{"index":0,"delta":' % common
        self._last = b',"usage":null}\n\n' if self._wants_usage else b"}\n\n"
        self._after = b',"logprobs":null,"finish_reason":null}]' + self._last
        self._logprobs: list[Mapping[str, Any]] = []
        self._deltas: dict[int, tuple[bytes, bytes]] = {}
        self._calls = 0
        self._usage: Usage | None = None

    def begin(self) -> bytes:
        """Write the chunk that names the role."""
        return self._chunk(b'{"role":"assistant","content":"","refusal":null}')

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's chunks, or nothing; after the end the stream is complete."""
        match event:
            case Delta(item, text):
                opening, closing = self._deltas[item]
                after = self._after if not self._logprobs else self._after_logprobs()
                return b"".join((self._before, opening, to_json(text), closing, after))
            case Logprobs(_, tokens):
                self._logprobs += tokens
            case Citation():
                return self._chunk(to_json({"annotations": chat_annotations([event])}))
            case Begin():
                return self._write_begin(event)
            case Counted(usage):
                self._usage = usage
            case End(ending):
                return self._write_end(ending)
            case Failed(error):
                # Without [DONE], so that it does not look complete.
                return encode_event(Event(to_json(error.envelope()).decode()))
        return b""

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed.
        """
        answer = gather(events)
        calls = [self._whole_call(item) for item in answer.items if item.kind == "tool_call"]
        refusal, text = answer.text("refusal"), answer.text("text")
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text or (None if calls or refusal else ""),
            "refusal": refusal or None,
        }
        if reasoning := answer.text("reasoning"):
            message["reasoning_content"] = reasoning
        if citations := [citation for item in answer.items for citation in item.citations]:
            message["annotations"] = chat_annotations(citations)
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": _logprobs([token for item in answer.items for token in item.logprobs]),
            "finish_reason": answer.ending,
        }
        whole = {**self._common("chat.completion"), "choices": [choice]}
        return {**whole, "usage": _usage(answer.usage)} if answer.usage else whole

    def _common(self, kind: str) -> dict[str, Any]:
        head = self._head
        return {"id": head.id, "object": kind, "created": head.created, "model": head.model}

    def _chunk(self, delta: bytes) -> bytes:
        return b"".join((self._before, delta, self._after))

    def _after_logprobs(self) -> bytes:
        tokens, self._logprobs = self._logprobs, []
        return self._after.replace(b"null", to_json(_logprobs(tokens)), 1)

    def _write_begin(self, begin: Begin) -> bytes:
        if begin.kind != "tool_call":
            self._deltas[begin.item] = b'{"%b":' % _FIELDS[begin.kind], b"}"
            return b""
        index = self._calls
        self._calls += 1
        opening = b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index
        self._deltas[begin.item] = opening, b"}}]}"
        call = {"index": index, **self._call(begin, "")}
        return self._chunk(to_json({"tool_calls": [call]}))

    def _call(self, begin: Begin, arguments: str) -> dict[str, Any]:
        function = {"name": client_name(self._head, begin), "arguments": arguments}
        return {"id": call_id(self._head, begin), "type": "function", "function": function}

    def _whole_call(self, item: GatheredItem) -> dict[str, Any]:
        return self._call(item.begin, item.text)

    def _write_end(self, ending: str) -> bytes:
        logprobs = to_json(_logprobs(self._logprobs))
        frames = [
            self._before,
            b'{},"logprobs":%b,"finish_reason":%b}]' % (logprobs, to_json(ending)),
            self._last,
        ]
        if self._wants_usage and self._usage:
            common = self._common("chat.completion.chunk")
            chunk = {**common, "choices": [], "usage": _usage(self._usage)}
            frames.append(b"data: %b\n\n" % to_json(chunk))
        frames.append(encode_event(Event(DONE)))
        return b"".join(frames)


def _logprobs(tokens: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    return {"content": tokens, "refusal": None} if tokens else None


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
