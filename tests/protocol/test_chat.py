from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.chat import Usage, read_chat_request, read_json_object
from aqueduct_jupyter.protocol.errors import InvalidJSONError, InvalidRequestError

USER = {"role": "user", "content": "Hi"}


def request(**fields: Any) -> dict[str, Any]:
    return {"messages": [USER], **fields}


@pytest.mark.parametrize(
    ("fields", "param", "sentence"),
    [
        ({"messages": None}, "messages", "must be a list"),
        ({"messages": "Hi"}, "messages", "must be a list"),
        ({"messages": []}, "messages", "must not be empty"),
        ({"messages": ["Hi"]}, "messages[0]", "must be a JSON object"),
        ({"messages": [USER, {"content": "x"}]}, "messages[1].role", "must be one of"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "must be one of"),
        ({"messages": [{"role": 1, "content": "x"}]}, "messages[0].role", "must be one of"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "is required"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "a string"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "a string"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "not be empty"),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content", "is required"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].tool_call_id",
            "is required",
        ),
        (
            {"messages": [{"role": "user", "content": ["x"]}]},
            "messages[0].content[0]",
            "must be a JSON object",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
            "is required",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
            "messages[0].content[0].image_url",
            "must be a JSON object",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": "x"}]}]},
            "messages[0].content[0].file",
            "must be a JSON object",
        ),
        ({"temperature": 99}, "temperature", "between 0 and 2"),
        ({"temperature": "1"}, "temperature", "must be a number"),
        ({"top_p": 1.1}, "top_p", "between 0 and 1"),
        ({"n": 0}, "n", "between 1 and 128"),
        ({"n": 1.5}, "n", "whole number"),
        ({"presence_penalty": -3}, "presence_penalty", "between -2 and 2"),
        ({"frequency_penalty": 3}, "frequency_penalty", "between -2 and 2"),
        ({"max_tokens": 0}, "max_tokens", "1 or more"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "1 or more"),
        ({"top_logprobs": 21}, "top_logprobs", "between 0 and 20"),
        ({"stop": list("abcde")}, "stop", "at most 4"),
        ({"stop": [1]}, "stop[0]", "must be a string"),
        ({"stream": "yes"}, "stream", "true or false"),
        ({"stream_options": True}, "stream_options", "must be a JSON object"),
        ({"model": 5}, "model", "must be a string"),
        ({"user": 5}, "user", "must be a string"),
        ({"tools": {}}, "tools", "must be a list"),
        ({"response_format": "json"}, "response_format", "must be a JSON object"),
        ({"response_format": {}}, "response_format.type", "is required"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "is required",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "objekt"}},
                }
            },
            "response_format.json_schema.schema",
            "not a valid JSON schema",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_chat_request(request(**fields))
    assert caught.value.param == param
    assert caught.value.message.startswith(param)
    assert sentence in caught.value.message
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"messages": [], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b"[" * 10_000,
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJSONError):
        read_json_object(body)


def test_an_error_never_repeats_the_prompt() -> None:
    secret = "my private prompt"
    with pytest.raises(InvalidRequestError) as caught:
        read_chat_request(request(messages=[{"role": secret, "content": secret}]))
    assert secret not in caught.value.message


GOOD = [
    {"messages": [{"role": role, "content": "x"}]} for role in ("system", "developer", "user")
] + [
    {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
    {"messages": [{"role": "assistant", "refusal": "no"}]},
    {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
    {"messages": [{"role": "function", "content": "x", "name": "f"}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {}}]}]},
    {"temperature": 0, "top_p": 1, "n": 128, "stop": None, "stream": None, "seed": -1},
    {"stop": "x"},
    {"stop": list("abcd")},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
    {"temperature": 2, "max_tokens": 1, "logit_bias": {"50256": -100}},
    {"top_k": 40, "guided_json": {"a": [1]}, "metadata": {"a": "b"}, "store": True, "user": "u"},
]


@pytest.mark.parametrize("fields", GOOD)
def test_what_is_right_is_kept_as_it_is_with_unknown_fields(fields: dict[str, Any]) -> None:
    sent = {"messages": [USER], "model": "m", **fields}
    assert read_chat_request(sent).body == sent


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "model", "stop", "n", "tools", "stream", "x"]), JSON
    )
)
def test_any_json_is_taken_or_refused_with_a_sentence(words: dict[str, Any]) -> None:
    try:
        kept = read_chat_request(json.loads(json.dumps(words)))
    except InvalidRequestError as error:
        refusal = error.message
    else:
        refusal = ""
    assert refusal or kept.body == words


@pytest.mark.parametrize(
    ("fields", "cached", "reasoning"),
    [
        ({}, 0, 0),
        ({"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": None}, 3, 0),
        ({"completion_tokens_details": {"reasoning_tokens": 4}}, 0, 4),
        ({"cached_tokens": 5, "reasoning_tokens": 6}, 5, 6),
        ({"prompt_tokens_details": {"cached_tokens": "many"}, "cached_tokens": -1}, 0, 0),
        (
            {"prompt_tokens_details": [3], "completion_tokens_details": {"reasoning_tokens": 1e9}},
            0,
            0,
        ),
    ],
)
def test_details_of_the_usage_are_read_and_wrong_ones_are_zero(
    fields: dict[str, Any], cached: int, reasoning: int
) -> None:
    usage = Usage.model_validate({"prompt_tokens": 9, "completion_tokens": 8, **fields})
    assert (usage.prompt_tokens, usage.completion_tokens) == (9, 8)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (cached, reasoning)
