"""A stand-in upstream that has a script: the words of a question choose the answer to it.

It answers in the form of whichever API it is asked in, whole or streamed. Who asks is in
:mod:`.clients`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..standin import (
    DONE,
    HANG,
    Received,
    Reply,
    StandIn,
    chunk,
    completion,
    event,
    message,
    message_events,
    named,
    response,
    response_events,
    usage_chunk,
)

__all__ = [
    "CALL_ID",
    "ERRAND",
    "ERRAND_RESULT",
    "GREETING",
    "PATHS",
    "QUESTIONS",
    "WEATHER",
    "ScriptedUpstream",
]

PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}

QUESTIONS = {
    "plain": "Say hello.",
    "streamed": "Say hello word by word.",
    "tool": "How is the weather in Segovia?",
    "streamed_tool": "Word by word: how is the weather in Segovia?",
    "schema": "Greet me in JSON.",
    "image": "What is in this image?",
    "file": "What does this document say?",
    "file_id": "What does the uploaded document say?",
    "cancel": "Tell me a story without an end.",
    "error": "Is anybody there?",
}
"""What a client asks in each scenario; the script, and a test, know a request by it."""

CALL_ID = "call_1"
WEATHER = "sunny, as always"
"""What the tool gives; with it in a request, the model has its result."""

ERRAND = "Please run the errand."
ERRAND_RESULT = "errand-42"
"""What a coding agent is asked, and what its shell then prints; the command does not contain it."""

ERRAND_COMMAND = "echo errand-$((6 * 7))"

GREETING = {"greeting": "Hello", "count": 2}
CITY = json.dumps({"city": "Segovia"})


@dataclass(frozen=True)
class Call:
    """The call of a tool, as an answer."""

    name: str
    arguments: str


class ScriptedUpstream(StandIn):
    """Answers by the script; an API whose path is in ``absent`` is answered with 404."""

    def _next(self, request: Received) -> Reply:
        api = next((api for api, path in PATHS.items() if path == request.path), None)
        if api and request.path not in self.absent:
            says = _script(request.body.decode(), request.json)
            is_stream = bool(request.json.get("stream"))
            if says is None:
                self.stream(*_begun(api), HANG)
            elif is_stream:
                self.stream(*_events(api, says))
            else:
                self.reply(_whole(api, says))
        return super()._next(request)


def _script(text: str, body: dict[str, Any]) -> str | Call | None:
    """Choose the answer: a text, a call, or for None one that never ends."""
    if QUESTIONS["cancel"] in text:
        return None
    tools = [tool.get("function", tool).get("name") for tool in body.get("tools") or ()]
    if ERRAND in text and ERRAND_RESULT not in text:
        if "exec_command" in tools:
            return Call("exec_command", json.dumps({"cmd": ERRAND_COMMAND}))
        if "Bash" in tools:
            return Call("Bash", json.dumps({"command": ERRAND_COMMAND, "description": "errand"}))
    if QUESTIONS["schema"] in text:
        # Some clients have a schema as the only tool, and chatlas has it inside another.
        is_inside = tools == ["_structured_tool_call"]
        words = json.dumps({"data": GREETING} if is_inside else GREETING)
        return Call(tools[0], words) if tools else words
    asks_weather = QUESTIONS["tool"] in text or QUESTIONS["streamed_tool"] in text
    return Call(tools[0], CITY) if asks_weather and WEATHER not in text else "Hello"


def _begun(api: str) -> list[bytes]:
    if api == "chat":
        return [chunk("Once")]
    return response_events("Once")[:4] if api == "responses" else message_events("Once")[:3]


def _whole(api: str, says: str | Call) -> dict[str, Any]:
    if isinstance(says, str):
        make = {"chat": completion, "responses": response, "messages": message}
        return make[api](says)
    return {"chat": _chat_call, "responses": _response_call, "messages": _message_call}[api](says)


def _events(api: str, says: str | Call) -> list[bytes]:
    if api == "chat":
        return _chat_events(says)
    if isinstance(says, str):
        return response_events(says) if api == "responses" else message_events(says)
    return _response_call_events(says) if api == "responses" else _message_call_events(says)


def _chat_tool(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": CALL_ID, "type": "function", "function": function}


def _chat_call(call: Call) -> dict[str, Any]:
    says = {"role": "assistant", "content": None, "tool_calls": [_chat_tool(call)]}
    answer = completion()
    answer["choices"] = [{"index": 0, "message": says, "finish_reason": "tool_calls"}]
    return answer


def _chat_events(says: str | Call) -> list[bytes]:
    if isinstance(says, str):
        half = len(says) // 2
        begun = _chat_delta({"role": "assistant", "content": says[:half]})
        return [begun, chunk(says[half:]), _chat_delta({}, "stop"), *_chat_end()]
    begun = _chat_tool(Call(says.name, ""))
    more = {"index": 0, "function": {"arguments": says.arguments}}
    return [
        _chat_delta({"role": "assistant", "tool_calls": [{"index": 0, **begun}]}),
        _chat_delta({"tool_calls": [more]}),
        _chat_delta({}, "tool_calls"),
        *_chat_end(),
    ]


def _chat_delta(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [choice]})


def _chat_end() -> list[bytes]:
    return [usage_chunk(), DONE]


def _response_call(call: Call) -> dict[str, Any]:
    item = {"type": "function_call", "id": "fc_1", "call_id": CALL_ID, "status": "completed"}
    return {**response(), "output": [{**item, "name": call.name, "arguments": call.arguments}]}


def _response_call_events(call: Call) -> list[bytes]:
    whole = _response_call(call)
    (item,) = whole["output"]
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"output_index": 0, "item_id": "fc_1"}
    written = {"name": call.name, "arguments": call.arguments}
    opened = {**item, "arguments": "", "status": "in_progress"}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": opened}),
        ("response.function_call_arguments.delta", {**place, "delta": call.arguments}),
        ("response.function_call_arguments.done", {**place, **written}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": whole}),
    ]
    return [named(kind, sequence_number=n, **more) for n, (kind, more) in enumerate(kinds)]


def _message_call(call: Call) -> dict[str, Any]:
    block = {"type": "tool_use", "id": CALL_ID, "name": call.name}
    block["input"] = json.loads(call.arguments)
    return {**message(), "content": [block], "stop_reason": "tool_use"}


def _message_call_events(call: Call) -> list[bytes]:
    begin, *_, end = message_events()
    block = {"type": "tool_use", "id": CALL_ID, "name": call.name, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": call.arguments}
    return [
        begin,
        named("content_block_start", index=0, content_block=block),
        named("content_block_delta", index=0, delta=delta),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 2}),
        end,
    ]
