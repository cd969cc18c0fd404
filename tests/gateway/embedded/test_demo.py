"""The scripted models, asked through the whole gateway of an upstream."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from aqueduct_jupyter.gateway.configured_upstreams import demo_upstream
from aqueduct_jupyter.gateway.embedded.demo import LABEL, MODELS
from aqueduct_jupyter.protocol import errors
from aqueduct_jupyter.protocol.sse import decode_frame, split_frames


async def ask(model: str, text: Any = "Hi  there\nyou", **more: Any) -> bytes:
    upstream = demo_upstream(MODELS)
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    try:
        async with upstream.post(
            "chat/completions", json.dumps(body).encode(), request_id="req_1"
        ) as answer:
            if not more.get("stream"):
                return await answer.read()
            return b"".join([data async for data in answer.chunks()])
    finally:
        await upstream.close()


async def text(model: str, *args: Any, **more: Any) -> str:
    answer = json.loads(await ask(model, *args, **more))
    assert answer["object"] == "chat.completion"
    assert answer["model"] == model
    return str(answer["choices"][0]["message"]["content"])


async def chunks(model: str, **more: Any) -> list[dict[str, Any]]:
    frames = split_frames(await ask(model, stream=True, **more))
    events = [event.data for event in map(decode_frame, frames) if event]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def told(chunks: list[dict[str, Any]], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(
        choice["delta"].get("content", "") for choice in choices if choice["index"] == index
    )


async def test_echo_repeats_the_user_and_says_that_it_is_no_model() -> None:
    assert await text("echo") == f"{LABEL}Hi  there\nyou"
    assert told(await chunks("echo")) == f"{LABEL}Hi  there\nyou"


async def test_echo_names_parts_that_are_no_text() -> None:
    content = [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": {"url": "x"}}]
    assert await text("echo", content) == f"{LABEL}See:\n[image_url]"


@pytest.mark.parametrize(("model", "count"), [("story", 50), ("story-3", 3), ("story-1", 1)])
async def test_a_story_has_as_many_chunks_as_its_name_says(model: str, count: int) -> None:
    told_chunks = await chunks(model)
    deltas = [chunk["choices"][0]["delta"] for chunk in told_chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert sum(bool(delta.get("content")) for delta in deltas) == count
    assert told_chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert told(told_chunks).startswith(LABEL)


async def test_several_choices_are_told() -> None:
    story = await chunks("story-4", n=3)
    assert told(story, 0) == told(story, 1) == told(story, 2) != ""
    answer = json.loads(await ask("story-4", n=3))
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]


async def test_usage_is_told_in_a_stream_only_where_asked() -> None:
    plain = await chunks("story-4")
    asked = await chunks("story-4", stream_options={"include_usage": True})
    assert not any("usage" in chunk for chunk in plain)
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
    }


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("fail-400", errors.InvalidRequestError),
        ("fail-429", errors.RateLimitError),
        ("fail-500", errors.UpstreamError),
        ("fail-503", errors.UpstreamUnavailableError),
        ("echoes", errors.AqueductError),
        ("fail-200", errors.AqueductError),
    ],
)
async def test_a_failing_model_fails_as_its_name_says(model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await ask(model)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_cut_is_a_cut(is_stream: bool) -> None:
    with pytest.raises(errors.UpstreamError) as caught:
        await ask("cut", stream=is_stream)
    assert caught.value.code == "upstream_disconnected"


async def test_a_schema_is_answered_with_an_object_that_fits() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "size": {"type": ["integer", "null"], "minimum": 3},
            "kind": {"enum": ["road", "aqueduct"]},
            "version": {"const": 2},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "minItems": 2},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["name", "size", "kind", "version", "parts", "note"],
        "$defs": {
            "Part": {"type": "object", "properties": {"is_old": {"type": "boolean"}}},
            "Loop": {"$ref": "#/$defs/Loop"},
        },
    }
    response_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = await text("schema", response_format=response_format)
    jsonschema_rs.validate(schema, json.loads(answer))


async def test_a_schema_without_an_end_is_answered_too() -> None:
    schema = {"$ref": "#/$defs/Loop", "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}}
    response_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert await text("schema", response_format=response_format) == "null"


async def test_all_are_listed() -> None:
    upstream = demo_upstream(MODELS)
    assert [model.id for model in await upstream.models()] == list(MODELS)
    await upstream.close()
