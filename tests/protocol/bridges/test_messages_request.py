from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.messages_request import (
    DEFAULT_MAX_TOKENS,
    chat_from_messages,
    messages_from_chat,
)
from aqueduct_jupyter.protocol.chat import read_chat_request
from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.messages import read_messages_request

from ...examples import examples
from .requests import JSON, some

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {}}
PNG = "data:image/png;base64,AA=="
PDF = "data:application/pdf;base64,AA=="
CHAT_TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


def chat(**body: Any) -> dict[str, Any]:
    """Translate a body that must not change, to a body that must be valid."""
    body = {"max_tokens": 9, "messages": [USER], **body}
    before = copy.deepcopy(body)
    read_messages_request(body)
    translated = chat_from_messages(body).body
    assert body == before
    read_chat_request(translated)
    return translated


def messages(*given: dict[str, Any]) -> list[dict[str, Any]]:
    translated: list[dict[str, Any]] = chat(messages=list(given))["messages"]
    return translated


def refusal(**body: Any) -> InvalidRequestError:
    body = {"max_tokens": 9, "messages": [USER], **body}
    read_messages_request(body)
    with pytest.raises(InvalidRequestError) as caught:
        chat_from_messages(body)
    return caught.value


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def use(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {"a": 1}}


def result(call_id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, **fields}


def chat_call(call_id: str) -> dict[str, Any]:
    function = {"name": "f", "arguments": '{"a": 1}'}
    return {"id": call_id, "type": "function", "function": function}


def base64(media_type: str) -> dict[str, Any]:
    return {"type": "base64", "media_type": media_type, "data": "AA=="}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"model": "m", "temperature": 1, "top_p": 0.5, "top_k": 4},
            {"model": "m", "temperature": 1, "top_p": 0.5, "top_k": 4},
        ),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stop_sequences": []}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 9000}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "adaptive"}}, {}),
        ({"thinking": {"type": "disabled"}}, {}),
        ({"output_config": {"effort": "medium"}}, {"reasoning_effort": "medium"}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
                }
            },
        ),
        (
            {
                "metadata": {"user_id": "u"},
                "service_tier": "auto",
                "cache_control": {"type": "ephemeral"},
                "context_management": {"edits": []},
                "container": None,
            },
            {},
        ),
    ],
)
def test_parameters(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert chat(**fields) == {"messages": [USER], "max_completion_tokens": 9, **expected}


def test_an_upstream_may_call_the_length_otherwise() -> None:
    body = {"messages": [USER], "max_tokens": 9}
    assert chat_from_messages(body, length_field="max_tokens").body == body


def test_the_system_comes_first_as_one_text() -> None:
    expected = [{"role": "system", "content": "a\n\nb"}, USER]
    cached = {**text("b"), "cache_control": {"type": "ephemeral"}}
    assert chat(system="a\n\nb")["messages"] == expected
    assert chat(system=[text("a"), cached])["messages"] == expected


def test_a_system_message_stays_where_it_is() -> None:
    # Claude Code has one after the first question.
    said = {"role": "system", "content": [text("Be kind."), text("Be short.")]}
    assert messages(USER, {"role": "system", "content": "Wait."}, said) == [
        USER,
        {"role": "system", "content": "Wait."},
        {"role": "system", "content": "Be kind.\n\nBe short."},
    ]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    refused = refusal(messages=[USER, {"role": "system", "content": [image]}])
    assert refused.param == "messages[1].content[0].type"


def test_the_blocks_of_a_user() -> None:
    blocks = [
        text("See"),
        {"type": "image", "source": base64("image/png")},
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {"type": "image", "source": {"type": "file", "file_id": "file-1"}},
        {"type": "document", "source": base64("application/pdf"), "title": "a.pdf"},
        {"type": "document", "source": {"type": "file", "file_id": "file-2"}, "context": "Read"},
        {"type": "document", "source": {"type": "text", "data": "x"}, "title": "T"},
        {"type": "document", "source": {"type": "content", "content": [text("a"), text("b")]}},
        {"type": "document", "source": {"type": "content", "content": "c"}},
    ]
    assert messages(user(*blocks))[0]["content"] == [
        text("See"),
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        text("Read"),
        {"type": "file", "file": {"file_id": "file-2"}},
        text("T\n\nx"),
        text("a\nb"),
        text("c"),
    ]


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"type": "document", "source": {"type": "url", "url": "https://a"}}, ".source.url"),
        ({"type": "document", "source": {"type": "x"}}, ".source.type"),
        ({"type": "image", "source": {"type": "text", "data": "x"}}, ".source.type"),
        ({"type": "search_result"}, ".type"),
        ({"type": "thinking", "thinking": "x"}, ".type"),
        (
            {"type": "document", "source": base64("x/y"), "citations": {"enabled": True}},
            ".citations",
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}},
            ".source.content[0].type",
        ),
    ],
)
def test_a_block_without_counterpart_is_named(block: dict[str, Any], field: str) -> None:
    error = refusal(messages=[USER, user(block)])
    assert error.param == f"messages[1].content[0]{field}"
    assert error.message.startswith(error.param)


def test_calls_and_results() -> None:
    image = {"type": "image", "source": base64("image/png")}
    given = [
        assistant({"type": "thinking", "thinking": "Hm.", "signature": "s"}, text("a"), use("1")),
        user(result("1", content="done"), text("And now?")),
        assistant({"type": "redacted_thinking", "data": "x"}, use("1"), use("2")),
        user(text("First"), result("2", content=[text("b"), image]), result("1", is_error=True)),
        {"role": "assistant", "content": "Done."},
    ]
    assert messages(*given) == [
        {
            "role": "assistant",
            "content": "a",
            "reasoning_content": "Hm.",
            "tool_calls": [chat_call("1")],
        },
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        {"role": "user", "content": [text("And now?")]},
        {"role": "assistant", "content": None, "tool_calls": [chat_call("1"), chat_call("2")]},
        {"role": "tool", "tool_call_id": "2", "content": "b"},
        {"role": "tool", "tool_call_id": "1", "content": "Error: "},
        {
            "role": "user",
            "content": [
                text("Result of the tool call 2:"),
                {"type": "image_url", "image_url": {"url": PNG}},
            ],
        },
        {"role": "user", "content": [text("First")]},
        {"role": "assistant", "content": "Done."},
    ]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ([assistant(use("1")), USER], "messages[0].content[0].id"),
        ([user(result("1"))], "messages[0].content[0].tool_use_id"),
        ([assistant(use("1"), use("1"))], "messages[0].content[1].id"),
        ([assistant({"type": "server_tool_use"})], "messages[0].content[0].type"),
        ([assistant()], "messages"),
    ],
)
def test_a_message_that_does_not_fit_is_named(given: list[dict[str, Any]], param: str) -> None:
    assert refusal(messages=given).param == param


def test_tools() -> None:
    tool = {"name": "f", "description": "d", "input_schema": SCHEMA, "strict": True}
    choice = {"type": "any", "disable_parallel_tool_use": True}
    translated = chat(tools=[tool], tool_choice=choice)
    assert translated["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        }
    ]
    assert translated["tool_choice"] == "required"
    assert translated["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_the_choice_of_a_tool(choice: dict[str, Any], expected: Any) -> None:
    tools = [{"name": "f", "input_schema": SCHEMA}]
    assert chat(tools=tools, tool_choice=choice)["tool_choice"] == expected


def test_hosted_tools_are_refused_unless_they_may_not_be_called() -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    assert refusal(tools=tools).param == "tools[0].type"
    assert "tools" not in chat(tools=tools, tool_choice={"type": "none"})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"container": "x"}, "container"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"n": 2}, "n"),
        ({"stop_sequences": list("abcde")}, "stop_sequences"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": {"type": "x"}}, "tool_choice.type"),
        ({"output_format": {"type": "x"}}, "output_format.type"),
    ],
)
def test_a_parameter_without_counterpart_is_named(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


def chat_tool(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [USER]},
        {"messages": [{"role": "system", "content": "s"}, USER], "model": "m", "temperature": 1},
        {
            "messages": [
                USER,
                {"role": "assistant", "content": "Yes."},
                USER,
                {
                    "role": "assistant",
                    "content": "Wait.",
                    "tool_calls": [chat_call("1"), chat_call("2")],
                },
                chat_tool("1", "done"),
                chat_tool("2", "done, too"),
                {"role": "assistant", "content": None, "tool_calls": [chat_call("1")]},
                chat_tool("1", "done"),
                USER,
            ],
            "tools": [CHAT_TOOL],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        text("a"),
                        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                        {"type": "image_url", "image_url": {"url": PNG}},
                        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
                        {"type": "file", "file": {"file_id": "file-1"}},
                    ],
                }
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            },
            "reasoning_effort": "low",
            "stop": ["a"],
            "top_p": 0.5,
            "top_k": 4,
        },
        {"messages": [USER], "tools": [CHAT_TOOL], "tool_choice": "required"},
    ],
)
def test_a_chat_request_survives_both_translations(body: dict[str, Any]) -> None:
    body = {"max_completion_tokens": 5, **body}
    before = copy.deepcopy(read_chat_request(body).body)
    asked = messages_from_chat(body)
    assert body == before
    read_messages_request(asked)
    assert chat_from_messages(asked).body == body


def test_results_of_one_turn_form_one_message() -> None:
    made = {"role": "assistant", "tool_calls": [chat_call("1"), chat_call("2")]}
    results = [chat_tool("1", "a"), chat_tool("2", [text("b")])]
    asked = messages_from_chat({"messages": [USER, made, *results, USER]})
    assert asked["max_tokens"] == DEFAULT_MAX_TOKENS
    assert [message["role"] for message in asked["messages"]] == [
        "user",
        "assistant",
        "user",
        "user",
    ]
    assert asked["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "1", "content": "a"},
        {"type": "tool_result", "tool_use_id": "2", "content": [text("b")]},
    ]


def test_all_instructions_become_the_system_prompt() -> None:
    given = [
        {"role": "system", "content": "a"},
        USER,
        {"role": "developer", "content": [text("b")]},
    ]
    asked = messages_from_chat({"messages": given})
    assert asked["system"] == [text("a"), text("b")]
    assert asked["messages"] == [USER]


def test_files_become_documents_or_images() -> None:
    files = [
        {"file_data": "data:text/csv;base64,YQ==", "filename": "a.csv"},
        {"file_data": PNG},
        {"file_data": PDF},
    ]
    content = [{"type": "file", "file": file} for file in files]
    asked = messages_from_chat({"messages": [{"role": "user", "content": content}]})
    assert asked["messages"][0]["content"] == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "a"},
            "title": "a.csv",
        },
        {"type": "image", "source": base64("image/png")},
        {"type": "document", "source": base64("application/pdf")},
    ]


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        ("none", {"thinking": {"type": "disabled"}}),
        ("minimal", {"output_config": {"effort": "low"}}),
        ("high", {"output_config": {"effort": "high"}}),
    ],
)
def test_effort(effort: str, expected: dict[str, Any]) -> None:
    asked = messages_from_chat({"messages": [USER], "reasoning_effort": effort})
    assert asked == {"messages": [USER], "max_tokens": DEFAULT_MAX_TOKENS, **expected}


def test_harmless_parameters_are_left_out() -> None:
    body = {"messages": [USER], "n": 1, "store": True, "logprobs": False, "presence_penalty": 0}
    asked = messages_from_chat({**body, "user": "u", "stop": "x", "stream": True})
    assert asked == {
        "messages": [USER],
        "max_tokens": DEFAULT_MAX_TOKENS,
        "metadata": {"user_id": "u"},
        "stop_sequences": ["x"],
        "stream": True,
    }


def chat_part(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 1.1}, "temperature"),
        ({"n": 2}, "n"),
        ({"seed": 1}, "seed"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"verbosity": "low"}, "verbosity"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"tools": [{"type": "custom", "custom": {"name": "p"}}]}, "tools[0].type"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        ({"messages": [{**USER, "name": "Ann"}]}, "messages[0].name"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "[1]"}}],
                    }
                ]
            },
            "messages[0].tool_calls[0].function.arguments",
        ),
        (chat_part({"type": "input_audio"}), "messages[0].content[0].type"),
        (chat_part({"type": "file", "file": {}}), "messages[0].content[0].file.file_data"),
        (
            chat_part({"type": "image_url", "image_url": {"url": "data:image/png,x"}}),
            "messages[0].content[0].image_url.url",
        ),
    ],
)
def test_what_chat_has_and_messages_lack_is_named(fields: dict[str, Any], param: str) -> None:
    body = {"messages": [USER], **fields}
    read_chat_request(body)
    with pytest.raises(InvalidRequestError) as caught:
        messages_from_chat(body)
    assert caught.value.param == param


def test_deeply_nested_arguments_are_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(10_000):
        nested = {"a": nested}
    call = {**use("1"), "input": nested}
    with pytest.raises(InvalidRequestError) as caught:
        chat_from_messages({"max_tokens": 9, "messages": [assistant(call)]})
    assert caught.value.param == "messages[0].content[0].input"
    made = chat_call("1")
    made["function"]["arguments"] = '{"a":' * 10_000
    with pytest.raises(InvalidRequestError) as caught:
        messages_from_chat({"messages": [{"role": "assistant", "tool_calls": [made]}]})
    assert caught.value.param == "messages[0].tool_calls[0].function.arguments"


SOURCE = some(
    "base64 text url file content x",
    media_type=st.just("image/png"),
    data=st.just("AA=="),
    url=st.just("https://a"),
    file_id=st.just("file-1"),
    content=st.text(max_size=3),
)
INNER = some("text image document x", text=st.text(max_size=3), source=SOURCE)
BLOCK = some(
    "text image document tool_use tool_result thinking redacted_thinking x",
    text=st.text(max_size=3),
    source=SOURCE,
    id=st.sampled_from(["1", "2"]),
    tool_use_id=st.sampled_from(["1", "2"]),
    name=st.just("f"),
    input=st.dictionaries(st.text(max_size=2), JSON, max_size=2),
    content=st.none() | st.text(max_size=3) | st.lists(INNER, max_size=2),
    thinking=st.text(max_size=3),
    data=st.just("x"),
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant"]),
        "content": st.text(max_size=3) | st.lists(BLOCK, max_size=3),
    }
)


@settings(max_examples=examples(200))
@given(
    st.fixed_dictionaries(
        {"max_tokens": st.just(9), "messages": st.lists(MESSAGE, max_size=4) | JSON},
        optional={
            "tools": st.lists(some("custom x", name=st.just("f"), input_schema=st.just({}))),
            "tool_choice": some("auto any none tool x", name=st.just("f")),
            "thinking": some("enabled disabled", budget_tokens=st.integers(1, 20_000)),
            "output_config": JSON,
        },
    )
)
def test_any_accepted_request_is_translated_or_refused(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    try:
        read_messages_request(body)
        translated = chat_from_messages(body).body
    except InvalidRequestError as error:
        is_named = error.param is not None
    else:
        is_named = read_chat_request(translated).body == translated
    assert is_named
    assert body == before
