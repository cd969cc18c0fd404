from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.messages import read_messages_request


def request(**fields: Any) -> dict[str, Any]:
    return {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **fields}


def with_block(block: Any) -> dict[str, Any]:
    return request(messages=[{"role": "user", "content": [block]}])


BLOCK = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("body", "param", "sentence"),
    [
        ({"messages": []}, "max_tokens", "is required"),
        (request(max_tokens=0), "max_tokens", "1 or more"),
        (request(messages=[]), "messages", "must not be empty"),
        (request(messages=[{"role": "tool", "content": "x"}]), "messages[0].role", "must be"),
        (request(messages=[{"role": "user"}]), "messages[0].content", "is required"),
        (with_block(5), BLOCK, "must be a JSON object"),
        (with_block({}), f"{BLOCK}.type", "is required"),
        (with_block({"type": "text"}), f"{BLOCK}.text", "is required"),
        (with_block({"type": "image"}), f"{BLOCK}.source", "is required"),
        (
            with_block({"type": "image", "source": {"type": "base64", "data": "x"}}),
            f"{BLOCK}.source.media_type",
            "is required",
        ),
        (
            with_block({"type": "tool_use", "id": "1", "name": "f", "input": "x"}),
            f"{BLOCK}.input",
            "must be a JSON object",
        ),
        (with_block({"type": "tool_result"}), f"{BLOCK}.tool_use_id", "is required"),
        (with_block({"type": "thinking"}), f"{BLOCK}.thinking", "is required"),
        (request(temperature=1.5), "temperature", "between 0 and 1"),
        (request(top_p=2), "top_p", "between 0 and 1"),
        (request(stop_sequences="x"), "stop_sequences", "must be a list"),
        (request(system=5), "system", "must be a string"),
        (request(system=[{"type": "text"}]), "system[0].text", "is required"),
        (request(tools=[{"name": "f"}]), "tools[0].input_schema", "is required"),
        (request(tool_choice="auto"), "tool_choice", "must be a JSON object"),
        (request(tool_choice={"type": "tool"}), "tool_choice.name", "is required"),
        (request(thinking={}), "thinking.type", "is required"),
        (
            request(output_format={"type": "json_schema"}),
            "output_format.schema",
            "is required",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_messages_request(body)
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        request(model="m", stream=True, unknown=[1], metadata={"user_id": "u"}),
        with_block({"type": "search_result", "source": "x"}),
        with_block({"type": "image", "source": {"type": "other"}}),
        request(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
        request(system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]),
    ],
)
def test_what_only_an_upstream_may_know_is_kept(body: dict[str, Any]) -> None:
    assert read_messages_request(dict(body)).body == body


def test_what_the_client_asks_for_is_read() -> None:
    read = read_messages_request(request(model="m", stream=True))
    assert read.model == "m"
    assert read.is_stream
    assert read.max_tokens == 9
    assert read.messages == [{"role": "user", "content": "Hi"}]
