"""What the embedded model's engine is asked, and what becomes of its answers, by a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from aqueduct_jupyter.gateway.embedded.requests import LocalRequests

WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
        "required": ["city", "unit"],
    },
}
ADD = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
TOOLS = [{"type": "function", "function": one} for one in (WEATHER, ADD)]
MESSAGES = [{"role": "user", "content": "Weather in Wien?"}]
CALL = {"tool_call": {"name": "get_weather", "arguments": {"city": "Wien", "unit": "C"}}}


class Engine(httpx.AsyncBaseTransport):
    """Answers with texts, one after the other, and keeps what it was asked."""

    def __init__(self, *texts: str, status: int = 200, finish_reason: str = "stop") -> None:
        self.texts = list(texts)
        self.asked: list[dict[str, Any]] = []
        self.requests: list[httpx.Request] = []
        self._status = status
        self._finish_reason = finish_reason

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked.append(json.loads(request.content))
        text = self.texts.pop(0)
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        if self._status != 200:
            return httpx.Response(self._status, json={"error": {"message": text}})
        if not self.asked[-1].get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
            return httpx.Response(200, json={"id": "x", "choices": [choice], "usage": usage})
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
        events = [{"id": "x", "choices": [choice]}, {"id": "x", "choices": [], "usage": usage}]
        wire = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        return httpx.Response(200, stream=_Bytes(wire.encode()))


class _Bytes(httpx.AsyncByteStream):
    def __init__(self, wire: bytes) -> None:
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._wire), 50):
            yield self._wire[start : start + 50]


async def ask(engine: Engine, **body: Any) -> httpx.Response:
    content = json.dumps({"model": "m", "messages": MESSAGES, **body}).encode()
    headers = {"Content-Type": "application/json", "X-Request-Id": "req_1"}
    url = "http://local.invalid/v1/chat/completions"
    request = httpx.Request("POST", url, headers=headers, content=content)
    response = await LocalRequests(engine, "tiny").handle_async_request(request)
    await response.aread()
    await response.aclose()
    return response


def events(response: httpx.Response) -> list[Any]:
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_a_plain_request_passes_as_it_is() -> None:
    engine = Engine("Hi")
    response = await ask(engine, top_k=4)
    assert response.json()["choices"][0]["message"]["content"] == "Hi"
    assert engine.asked == [{"model": "m", "messages": MESSAGES, "top_k": 4}]


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", "video_url", "new"])
async def test_what_it_cannot_read_is_refused_with_a_sentence(kind: str) -> None:
    content = [{"type": "text", "text": "What is this?"}, {"type": kind, kind: {}}]
    engine = Engine()
    response = await ask(engine, messages=[{"role": "user", "content": content}])
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == "messages[0].content[1]"
    assert "'tiny' reads only text" in error["message"]
    assert engine.asked == []


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["get_weather", "add"]),
        ({"type": "function", "function": {"name": "add"}}, ["add"]),
    ],
)
async def test_a_forced_call_is_held_to_its_schema(choice: Any, names: list[str]) -> None:
    engine = Engine(json.dumps(CALL))
    response = await ask(engine, tools=TOOLS, tool_choice=choice)
    (message,) = (one["message"] for one in response.json()["choices"])
    (call,) = message["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "get_weather")
    assert json.loads(call["function"]["arguments"]) == CALL["tool_call"]["arguments"]
    assert call["id"]
    assert message["content"] is None
    assert response.json()["choices"][0]["finish_reason"] == "tool_calls"
    (asked,) = engine.asked
    assert not {"tools", "tool_choice"} & set(asked)
    assert asked["max_tokens"] == 512
    schema = asked["response_format"]["json_schema"]["schema"]
    assert jsonschema_rs.is_valid(schema, CALL) is ("get_weather" in names)
    assert not jsonschema_rs.is_valid(schema, {"response": "no"})
    assert not jsonschema_rs.is_valid(schema, {"tool_call": {"name": "other", "arguments": {}}})
    said = asked["messages"][0]
    assert said["role"] == "system"
    assert all(name in said["content"] for name in names)
    assert asked["messages"][1:] == MESSAGES


async def test_the_model_may_choose_to_answer_in_words() -> None:
    engine = Engine(json.dumps({"response": "Sunny."}))
    response = await ask(engine, tools=TOOLS, max_tokens=20)
    (choice,) = response.json()["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Sunny."}
    assert choice["finish_reason"] == "stop"
    assert engine.asked[0]["max_tokens"] == 20
    assert jsonschema_rs.is_valid(
        engine.asked[0]["response_format"]["json_schema"]["schema"], {"response": "x"}
    )


async def test_a_call_that_was_cut_off_is_no_call() -> None:
    engine = Engine('{"tool_call": {"name": "get_', finish_reason="length")
    (choice,) = (await ask(engine, tools=TOOLS, tool_choice="required")).json()["choices"]
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "length"


async def test_words_that_were_cut_off_stay() -> None:
    engine = Engine('{"response": "It is sunny in Wi', finish_reason="length")
    (choice,) = (await ask(engine, tools=TOOLS)).json()["choices"]
    assert choice["message"]["content"] == "It is sunny in Wi"
    assert choice["finish_reason"] == "length"


async def test_references_of_a_tool_stay_its_own() -> None:
    unit = {"type": "string", "enum": ["C", "F"]}
    parameters = {
        "type": "object",
        "properties": {"unit": {"$ref": "#/$defs/Unit"}},
        "required": ["unit"],
        "$defs": {"Unit": unit},
    }
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    engine = Engine("{}")
    await ask(engine, tools=tools, tool_choice="required")
    schema = engine.asked[0]["response_format"]["json_schema"]["schema"]
    for value, is_right in (("C", True), ("K", False)):
        call = {"tool_call": {"name": "f", "arguments": {"unit": value}}}
        assert jsonschema_rs.is_valid(schema, call) is is_right


@pytest.mark.parametrize(
    "function",
    ["f", None, {}, {"name": "f", "arguments": {"a": 1}}, {"name": "f", "arguments": "{"}, 5],
)
async def test_a_call_of_before_may_be_odd(function: Any) -> None:
    call = {"id": "1", "type": "function", "function": function}
    said = {"role": "assistant", "content": "I look it up.", "tool_calls": [call]}
    engine = Engine("Hi")
    assert (await ask(engine, messages=[*MESSAGES, said, *MESSAGES])).status_code == 200
    assert engine.asked[0]["messages"][1]["content"].startswith("I look it up.\n{")


async def test_without_a_choice_of_tools_the_client_gets_words() -> None:
    engine = Engine("Hi")
    response = await ask(engine, tools=TOOLS, tool_choice="none", response_format={"type": "text"})
    assert response.json()["choices"][0]["message"]["content"] == "Hi"


async def test_calls_of_before_are_told_in_words() -> None:
    arguments = json.dumps(CALL["tool_call"]["arguments"])
    function = {"name": "get_weather", "arguments": arguments}
    call = {"id": "1", "type": "function", "function": function}
    history = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "22 C"},
    ]
    engine = Engine("22 degrees.")
    response = await ask(engine, messages=history)
    assert response.json()["choices"][0]["message"]["content"] == "22 degrees."
    said = [message["content"] for message in engine.asked[0]["messages"]]
    assert json.loads(said[1]) == CALL
    assert said[2] == "Result of the call: 22 C"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {"name": "f", "parameters": 5}}]}, "tools[0].function.parameters"),
        ({"tools": TOOLS, "tool_choice": "any"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": "f"}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"function": {"name": "other"}}}, "tool_choice"),
    ],
)
async def test_a_tool_that_is_none_is_named(more: dict[str, Any], param: str) -> None:
    response = await ask(Engine(), **more)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


async def test_several_answers_come_one_after_the_other() -> None:
    engine = Engine("a", "b", "c")
    answer = (await ask(engine, n=3)).json()
    assert [(one["index"], one["message"]["content"]) for one in answer["choices"]] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
    ]
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
    assert [asked["n"] for asked in engine.asked] == [1, 1, 1]
    assert {request.headers["x-request-id"] for request in engine.requests} == {"req_1"}


async def test_several_streams_come_as_one() -> None:
    engine = Engine("a", "b")
    said = events(await ask(engine, n=2, stream=True))
    texts = [(one["index"], one["delta"]["content"]) for event in said for one in event["choices"]]
    assert texts == [(0, "a"), (1, "b")]
    assert said[-1]["usage"]["completion_tokens"] == 4


async def test_a_call_is_streamed_whole() -> None:
    engine = Engine(json.dumps(CALL))
    said = events(await ask(engine, tools=TOOLS, tool_choice="required", stream=True))
    (delta,) = (one["delta"] for one in said[0]["choices"])
    assert delta["tool_calls"][0]["index"] == 0
    assert said[1]["choices"][0]["finish_reason"] == "tool_calls"
    assert said[2]["usage"]["prompt_tokens"] == 7
    assert engine.asked[0]["stream"] is False


@pytest.mark.parametrize("more", [{"n": 2}, {"tools": TOOLS}])
async def test_an_error_of_the_engine_is_the_answer(more: dict[str, Any]) -> None:
    response = await ask(Engine("No.", status=400), **more)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "No."


async def test_an_error_of_the_engine_in_a_stream_is_an_event() -> None:
    response = await ask(Engine("No.", status=400), n=2, stream=True)
    assert b'"error"' in response.content
    assert b"[DONE]" not in response.content
