from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.responses import read_responses_request

USER = {"role": "user", "content": "Hi"}


def with_part(part: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("body", "param", "sentence"),
    [
        ({}, "input", "is required"),
        ({"input": 5}, "input", "must be a string"),
        ({"input": [5]}, "input[0]", "must be a JSON object"),
        ({"input": [USER, {}]}, "input[1].type", "is required"),
        ({"input": [{"type": 5}]}, "input[0].type", "must be a string"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role", "must be 'user'"),
        ({"input": [{"role": "user"}]}, "input[0].content", "is required"),
        (with_part({"type": "input_text"}), "input[0].content[0].text", "is required"),
        (with_part({"type": "input_image", "image_url": {}}), None, "must be a string"),
        (with_part({"type": "input_file", "file_url": 1}), None, "must be a string"),
        ({"input": [{"type": "function_call"}]}, "input[0].call_id", "is required"),
        ({"input": [{"type": "reasoning", "summary": ["x"]}]}, "input[0].summary[0]", "object"),
        ({"input": "x", "tools": [{"type": "function"}]}, "tools[0].name", "is required"),
        (
            {"input": "x", "tools": [{"type": "namespace", "name": "n", "tools": [{}]}]},
            "tools[0].tools[0].type",
            "is required",
        ),
        ({"input": "x", "tool_choice": 5}, "tool_choice", "must be a string"),
        ({"input": "x", "temperature": 3}, "temperature", "between 0 and 2"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens", "1 or more"),
        ({"input": "x", "store": "no"}, "store", "true or false"),
        ({"input": "x", "truncation": "cut"}, "truncation", "must be"),
        ({"input": "x", "conversation": {}}, "conversation.id", "is required"),
        (
            {"input": "x", "conversation": "c", "previous_response_id": "r"},
            "conversation",
            "exclude each other",
        ),
        ({"input": "x", "background": True, "store": False}, "background", "stored answer"),
        (
            {"input": "x", "text": {"format": {"type": "json_schema", "name": "x"}}},
            "text.format.schema",
            "is required",
        ),
        (
            {
                "input": "x",
                "text": {"format": {"type": "json_schema", "schema": {"type": "objekt"}}},
            },
            "text.format.schema",
            "not a valid JSON schema",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str | None, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_responses_request(body)
    if param:
        assert caught.value.param == param
    assert caught.value.message.startswith(str(caught.value.param))
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        {"input": "x", "model": "m", "unknown": [1]},
        {"input": [{"type": "web_search_call", "id": "ws_1"}]},
        with_part({"type": "input_video", "video": 1}),
        {"input": "x", "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        {"input": [{"id": "msg_1"}, {"type": "compaction_trigger"}]},
        {"previous_response_id": "resp_1"},
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "x"}]},
    ],
)
def test_what_only_an_upstream_may_know_is_kept(body: dict[str, Any]) -> None:
    assert read_responses_request(dict(body)).body == body


def test_the_defaults_are_those_of_the_api() -> None:
    request = read_responses_request({"input": "Hi"})
    assert request.is_stored
    assert not request.is_background
    assert not request.is_stream
    assert request.model is None
    assert request.previous_response_id is None
    assert request.conversation_id is None
    assert request.max_output_tokens is None
    assert request.input_items == [{"type": "message", **USER}]


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_is_an_id_or_an_object(conversation: Any) -> None:
    request = read_responses_request({"input": [USER], "conversation": conversation})
    assert request.conversation_id == "conv_1"
    assert request.input_items == [USER]


def test_what_the_client_asks_for_is_read() -> None:
    request = read_responses_request(
        {"input": "x", "store": False, "stream": True, "max_output_tokens": 9, "model": "m"}
    )
    assert not request.is_stored
    assert request.is_stream
    assert request.max_output_tokens == 9
    assert request.model == "m"
