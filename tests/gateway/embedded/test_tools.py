"""The embedded model itself: it calls tools, and answers as often as it is asked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from aqueduct_jupyter.gateway.configured_upstreams import local_upstream
from aqueduct_jupyter.gateway.embedded.model import LocalModel
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream
from aqueduct_jupyter.protocol.errors import InvalidRequestError

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "now"}},
]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
MESSAGES = [{"role": "user", "content": "What is the weather in Wien?"}]


async def ask(local: Upstream, **more: Any) -> dict[str, Any]:
    body = {"model": "tiny", "messages": MESSAGES, "seed": 1, **more}
    async with local.post("chat/completions", json.dumps(body).encode(), request_id="r") as answer:
        words: dict[str, Any] = json.loads(await answer.read())
        return words


async def test_it_calls_the_tool_that_it_must_and_keeps_to_its_schema(weights: Path) -> None:
    local = local_upstream(LocalModel(weights, "tiny"))
    try:
        for choice in (NAMED, "required"):
            answer = await ask(local, tools=TOOLS, tool_choice=choice)
            (said,) = answer["choices"]
            assert said["finish_reason"] == "tool_calls", said
            (call,) = said["message"]["tool_calls"]
            name = call["function"]["name"]
            assert name in ("get_weather", "now")
            assert choice == "required" or name == "get_weather"
            schema = PARAMETERS if name == "get_weather" else {"type": "object"}
            jsonschema_rs.validate(schema, json.loads(call["function"]["arguments"]))
        history = [
            *MESSAGES,
            said["message"],
            {"role": "tool", "tool_call_id": call["id"], "content": "22"},
        ]
        told = await ask(local, messages=history, max_tokens=5)
        assert told["usage"]["prompt_tokens"] > 40, "the call and its result are read"
        shown = await ask(local, tools=TOOLS, tool_choice="auto", max_tokens=40)
        bare = await ask(local, max_tokens=5)
        assert shown["usage"]["prompt_tokens"] > bare["usage"]["prompt_tokens"] + 50
        three = await ask(local, n=3, max_tokens=5)
        assert [one["index"] for one in three["choices"]] == [0, 1, 2]
        content = [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        ]
        with pytest.raises(InvalidRequestError, match="reads only text"):
            await ask(local, messages=[{"role": "user", "content": content}])
    finally:
        await local.close()
