from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.forms import ToolName
from aqueduct_jupyter.protocol.bridges.responses_request import (
    chat_from_responses,
    responses_from_chat,
)
from aqueduct_jupyter.protocol.chat import read_chat_request
from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.responses import read_responses_request

from ...examples import examples
from .requests import JSON, some

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {}}
PDF = "data:application/pdf;base64,AA=="


def chat(*earlier: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Translate a body that must not change, to a body that must be valid."""
    body = {"input": "Hi", **body}
    before = copy.deepcopy(body)
    read_responses_request(body)
    translated = chat_from_responses(body, earlier).body
    assert body == before
    read_chat_request(translated)
    return translated


def messages(*items: dict[str, Any]) -> list[dict[str, Any]]:
    translated: list[dict[str, Any]] = chat(input=list(items))["messages"]
    return translated


def refusal(*earlier: dict[str, Any], **body: Any) -> InvalidRequestError:
    body = {"input": "Hi", **body}
    read_responses_request(body)
    with pytest.raises(InvalidRequestError) as caught:
        chat_from_responses(body, earlier)
    return caught.value


def call(call_id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}", **fields}


def output(call_id: str, content: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": content}


def answer(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def chat_call(call_id: str, name: str = "f") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def function(name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": SCHEMA, **fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"model": "m", "temperature": 1.5, "top_p": 0.5, "user": "u"},
            {"model": "m", "temperature": 1.5, "top_p": 0.5, "user": "u"},
        ),
        (
            {"presence_penalty": 1, "frequency_penalty": 2},
            {"presence_penalty": 1, "frequency_penalty": 2},
        ),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"include": ["reasoning.encrypted_content"]}, {}),
        ({"max_output_tokens": 9}, {"max_completion_tokens": 9}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": False}, {}),
        ({"text": {"format": {"type": "text"}}}, {"response_format": {"type": "text"}}),
        (
            {"text": {"format": {"type": "json_object"}}},
            {"response_format": {"type": "json_object"}},
        ),
        (
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "schema": SCHEMA,
                        "strict": True,
                        "description": "d",
                    },
                    "verbosity": "low",
                }
            },
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "n",
                        "schema": SCHEMA,
                        "strict": True,
                        "description": "d",
                    },
                },
                "verbosity": "low",
            },
        ),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
        (
            {
                "store": False,
                "include": ["reasoning.encrypted_content"],
                "metadata": {"a": "b"},
                "service_tier": "auto",
                "safety_identifier": "s",
                "prompt_cache_key": "k",
                "client_metadata": {"session": "s"},
                "truncation": "disabled",
                "max_tool_calls": 3,
                "prompt": None,
            },
            {},
        ),
        ({"parallel_tool_calls": False}, {}),
    ],
)
def test_parameters(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert chat(**fields) == {"messages": [USER], **expected}


def test_an_upstream_may_call_the_length_otherwise() -> None:
    body = {"input": "Hi", "max_output_tokens": 9}
    assert chat_from_responses(body, length_field="max_tokens").body["max_tokens"] == 9


@pytest.mark.parametrize("name", ["prompt", "moderation", "context_management", "n", "messages"])
def test_a_parameter_without_counterpart_is_named(name: str) -> None:
    assert refusal(**{name: {"id": "x"}}).param == name


def test_instructions_come_first_and_earlier_items_before_the_input() -> None:
    earlier = [{"type": "message", **USER}, call("1")]
    assert chat(*earlier, input=[output("1")], instructions="Be kind.")["messages"] == [
        {"role": "system", "content": "Be kind."},
        USER,
        {"role": "assistant", "content": None, "tool_calls": [chat_call("1")]},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
    ]


def test_what_is_wrong_with_an_earlier_item_names_the_field_it_was_loaded_for() -> None:
    error = refusal({"type": "web_search_call"}, previous_response_id="resp_1")
    assert error.param == "previous_response_id"
    error = refusal(call("1"), conversation="conv_1")
    assert error.param == "conversation"


def test_the_parts_of_a_users_message() -> None:
    content = [
        {"type": "input_text", "text": "See"},
        {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_id": "file-2"},
        {
            "type": "input_file",
            "file_data": "data:application/pdf;base64,AA==",
            "filename": "a.pdf",
        },
    ]
    assert messages({"role": "user", "content": content})[0]["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_id": "file-2"}},
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
    ]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_file", "file_url": "https://a/b.pdf"}, ".file_url"),
        ({"type": "input_file"}, ".file_data"),
        ({"type": "input_image"}, ".image_url"),
        ({"type": "input_video"}, ".type"),
        ({"type": "refusal", "refusal": "no"}, ".type"),
    ],
)
def test_a_part_without_counterpart_is_named(part: dict[str, Any], field: str) -> None:
    error = refusal(input=[USER, {"role": "user", "content": [part]}])
    assert error.param == f"input[1].content[0]{field}"


def test_an_answers_part_without_counterpart_is_named() -> None:
    spoken = {"role": "assistant", "content": [{"type": "output_audio", "data": "x"}]}
    assert refusal(input=[USER, spoken]).param == "input[1].content[0].type"


def test_developers_speak_as_the_system() -> None:
    text = {"type": "input_text", "text": "a"}
    assert messages({"role": "developer", "content": "x"}, USER)[0] == {
        "role": "system",
        "content": "x",
    }
    assert messages({"role": "developer", "content": [text, text]})[0]["content"] == "a\n\na"


def test_an_answer_is_text_or_a_refusal() -> None:
    refused = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert messages(USER, answer("Hi!"), USER, refused) == [
        USER,
        {"role": "assistant", "content": "Hi!"},
        USER,
        {"role": "assistant", "content": None, "refusal": "No."},
    ]


def test_calls_of_one_turn_and_the_text_among_them_form_one_message() -> None:
    items = [answer("Let me see."), call("1"), call("2"), answer("Soon."), output("2"), output("1")]
    assert messages(USER, *items, answer("Done.")) == [
        USER,
        {
            "role": "assistant",
            "content": "Let me see.\n\nSoon.",
            "tool_calls": [chat_call("1"), chat_call("2")],
        },
        {"role": "tool", "tool_call_id": "2", "content": "done"},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        {"role": "assistant", "content": "Done."},
    ]


def test_what_a_user_says_among_calls_comes_after_their_results() -> None:
    roles = [message["role"] for message in messages(call("1"), USER, output("1"))]
    assert roles == ["assistant", "tool", "user"]


def test_calls_of_two_turns_form_two_messages() -> None:
    roles = [
        message["role"] for message in messages(call("1"), output("1"), call("1"), output("1"))
    ]
    assert roles == ["assistant", "tool"] * 2


def test_a_call_at_the_end_needs_no_result() -> None:
    assert messages(USER, call("1"))[1]["tool_calls"] == [chat_call("1")]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([call("1"), USER], "input[0].call_id"),
        ([call("1"), call("2"), output("1")], "input[1].call_id"),
        ([output("1")], "input[0].call_id"),
        ([call("1"), output("1"), output("1")], "input[2].call_id"),
        ([call("1"), call("1")], "input[1].call_id"),
        ([{"type": "item_reference", "id": "msg_1"}], "input[0]"),
        ([{"id": "msg_1"}], "input[0]"),
        ([], "input"),
    ],
)
def test_an_item_that_does_not_fit_is_named(items: list[dict[str, Any]], param: str) -> None:
    assert refusal(input=items).param == param


def test_images_in_results_follow_all_results() -> None:
    image = {"type": "input_image", "image_url": "https://a/b.png"}
    first = output("1", [{"type": "input_text", "text": "a"}, image])
    assert messages(call("1"), call("2"), first, output("2", [image]))[1:] == [
        {"role": "tool", "tool_call_id": "1", "content": "a"},
        {
            "role": "tool",
            "tool_call_id": "2",
            "content": "The result is in the next user message.",
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Result of the tool call 1:"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                {"type": "text", "text": "Result of the tool call 2:"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("fields", "thought"),
    [
        ({"content": [{"text": "a"}], "summary": [{"text": "b"}]}, {"reasoning_content": "a"}),
        ({"summary": [{"text": "b"}, {"text": "c"}]}, {"reasoning_content": "b\nc"}),
        ({"summary": [], "encrypted_content": "x"}, {}),
    ],
)
def test_reasoning_belongs_to_the_next_answer(
    fields: dict[str, Any], thought: dict[str, str]
) -> None:
    item = {"type": "reasoning", "id": "rs_1", **fields}
    assert messages(USER, item, answer("Yes.")) == [
        USER,
        {"role": "assistant", "content": "Yes.", **thought},
    ]
    assert messages(item, USER) == [USER]


def test_functions_are_nested() -> None:
    tools = [function(description="d", strict=True), function("g", strict=False)]
    assert chat(tools=tools, parallel_tool_calls=False) == {
        "messages": [USER],
        "parallel_tool_calls": False,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": SCHEMA,
                    "strict": True,
                },
            },
            {"type": "function", "function": {"name": "g", "parameters": SCHEMA}},
        ],
    }


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "custom", "name": "c"}, {"type": "function", "function": {"name": "c"}}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, expected: Any) -> None:
    tools = [function(), {"type": "custom", "name": "c"}]
    assert chat(tools=tools, tool_choice=choice)["tool_choice"] == expected


def test_only_allowed_tools_are_sent() -> None:
    tools = [function("f"), function("g"), {"type": "web_search"}]
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [tools[1]]}
    translated = chat(tools=tools, tool_choice=allowed)
    assert [tool["function"]["name"] for tool in translated["tools"]] == ["g"]
    assert translated["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [function(), {"type": "web_search"}]}, "tools[1].type"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]},
            "tools[0].tools[0].type",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [function()], "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        (
            {"tools": [function()], "tool_choice": {"type": "function", "name": "g"}},
            "tool_choice.name",
        ),
        (
            {
                "tools": [function()],
                "tool_choice": {"type": "allowed_tools", "tools": [{"type": "mcp"}]},
            },
            "tool_choice.tools[0].type",
        ),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        (
            {"input": [{"type": "additional_tools", "tools": [{"type": "mcp"}]}]},
            "input[0].tools[0].type",
        ),
    ],
)
def test_a_tool_without_counterpart_is_named(fields: dict[str, Any], param: str) -> None:
    error = refusal(**fields)
    assert error.param == param
    assert error.message.startswith(param)


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_hosted_tools_that_need_not_be_called_are_left_out(choice: str) -> None:
    assert chat(tools=[{"type": "web_search"}], tool_choice=choice) == {"messages": [USER]}
    both = chat(tools=[function(), {"type": "web_search"}], tool_choice=choice)
    assert len(both["tools"]) == 1


def test_a_custom_tool_is_a_function_with_one_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    tool = {"type": "custom", "name": "patch", "description": "d", "format": grammar}
    items = [
        {"type": "custom_tool_call", "call_id": "1", "name": "patch", "input": 'a "b"'},
        {"type": "custom_tool_call_output", "call_id": "1", "output": "ok"},
    ]
    bridged = chat_from_responses({"input": items, "tools": [tool]})
    assert bridged.tools == {"patch": ToolName("patch", is_custom=True)}
    declared = bridged.body["tools"][0]["function"]
    assert declared["parameters"]["required"] == ["input"]
    assert "start: X" in declared["parameters"]["properties"]["input"]["description"]
    made, result = bridged.body["messages"]
    assert made["tool_calls"][0]["function"] == {
        "name": "patch",
        "arguments": '{"input": "a \\"b\\""}',
    }
    assert result == {"role": "tool", "tool_call_id": "1", "content": "ok"}


def test_namespaces_become_part_of_the_name() -> None:
    space = {"type": "namespace", "name": "files", "tools": [function("read")]}
    items = [call("1", name="read", namespace="files"), output("1")]
    bridged = chat_from_responses({"input": items, "tools": [space]})
    assert bridged.tools == {"files__read": ToolName("read", "files")}
    assert bridged.body["tools"][0]["function"]["name"] == "files__read"
    assert bridged.body["messages"][0]["tool_calls"] == [chat_call("1", "files__read")]


def test_names_are_unique_and_short() -> None:
    long = "n" * 100
    tools = [
        {"type": "namespace", "name": "a__b", "tools": [function("c")]},
        {"type": "namespace", "name": "a", "tools": [function("b__c")]},
        {"type": "namespace", "name": long, "tools": [function("f"), function("g")]},
        {"type": "namespace", "name": "\u00e4", "tools": [function("f")]},
        {"type": "custom", "name": "f"},
        function("f"),
        function("a__b__c"),
    ]
    bridged = chat_from_responses({"input": "Hi", "tools": tools})
    names = [tool["function"]["name"] for tool in bridged.body["tools"]]
    assert len(set(names)) == len(names) == 8
    assert all(len(name) <= 64 and name.isascii() for name in names)
    assert names[-2:] == ["f", "a__b__c"]
    assert set(names) - set(bridged.tools) == {"f", "a__b__c"}
    assert bridged.tools[names[5]] == ToolName("f", is_custom=True)


def test_items_may_declare_more_tools() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [function("g")]}
    translated = chat(input=[item, USER], tools=[function("f")])
    assert [tool["function"]["name"] for tool in translated["tools"]] == ["f", "g"]
    assert translated["messages"] == [USER]


TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [USER]},
        {"messages": [{"role": "system", "content": "s"}, USER], "model": "m", "temperature": 2},
        {
            "messages": [
                USER,
                {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
                USER,
                {"role": "assistant", "content": "Wait.", "tool_calls": [chat_call("1")]},
                {"role": "tool", "tool_call_id": "1", "content": "done"},
                {"role": "assistant", "content": None, "refusal": "No."},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": True,
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "image_url", "image_url": {"url": "https://a", "detail": "low"}},
                        {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}},
                    ],
                }
            ],
            "response_format": FORMAT,
            "verbosity": "low",
            "reasoning_effort": "low",
            "max_completion_tokens": 9,
        },
        {"messages": [USER], "tools": [TOOL], "tool_choice": "required"},
        {"messages": [USER], "top_p": 0.5, "user": "u", "top_logprobs": 2, "logprobs": True},
        {"messages": [USER], "response_format": {"type": "json_object"}},
    ],
)
def test_a_chat_request_survives_both_translations(body: dict[str, Any]) -> None:
    before = copy.deepcopy(read_chat_request(body).body)
    asked = responses_from_chat(body)
    assert body == before
    read_responses_request(asked)
    assert chat_from_responses(asked).body == body


def test_a_chat_request_is_not_stored_and_not_strict_unless_it_says_so() -> None:
    asked = responses_from_chat({"messages": [USER], "tools": [TOOL], "max_tokens": 5})
    assert asked["store"] is False
    assert asked["tools"][0]["strict"] is False
    assert asked["max_output_tokens"] == 5


def test_custom_tools_of_chat_stay_custom() -> None:
    grammar = {"syntax": "lark", "definition": "start: X"}
    body = {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "custom", "custom": {"name": "p", "input": "x"}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "ok"},
        ],
        "tools": [
            {
                "type": "custom",
                "custom": {"name": "p", "format": {"type": "grammar", "grammar": grammar}},
            }
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "auto",
                "tools": [{"type": "custom", "custom": {"name": "p"}}],
            },
        },
    }
    asked = responses_from_chat(body)
    assert [item["type"] for item in asked["input"]] == [
        "custom_tool_call",
        "custom_tool_call_output",
    ]
    assert asked["tools"] == [
        {"type": "custom", "name": "p", "format": {"type": "grammar", **grammar}}
    ]
    assert asked["tool_choice"]["tools"] == [{"type": "custom", "name": "p"}]


def test_parts_of_an_answer_are_what_was_said() -> None:
    parts = [{"type": "text", "text": "Yes."}, {"type": "refusal", "refusal": "No."}]
    asked = responses_from_chat({"messages": [USER, {"role": "assistant", "content": parts}, USER]})
    read_responses_request(asked)
    assert asked["input"][1]["content"] == [
        {"type": "output_text", "text": "Yes.", "annotations": []},
        {"type": "refusal", "refusal": "No."},
    ]


def chat_part(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"seed": 1}, "seed"),
        ({"stop": "x"}, "stop"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{}]}, "functions"),
        ({"top_k": 4}, "top_k"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "web"}]}, "tools[0].type"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "description": 5}}]},
            "tools[0].function.description",
        ),
        ({"tool_choice": {"type": "web"}}, "tool_choice.type"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"messages": [{**USER, "name": "Ann"}]}, "messages[0].name"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        (chat_part({"type": "input_audio"}), "messages[0].content[0].type"),
        (chat_part({"type": "file", "file": {}}), "messages[0].content[0].file.file_data"),
    ],
)
def test_what_chat_has_and_responses_lack_is_named(fields: dict[str, Any], param: str) -> None:
    body = {"messages": [USER], **fields}
    read_chat_request(body)
    with pytest.raises(InvalidRequestError) as caught:
        responses_from_chat(body)
    assert caught.value.param == param


def test_defaults_without_counterpart_are_harmless() -> None:
    body = {"messages": [USER], "n": 1, "stop": None, "modalities": ["text"], "logit_bias": {}}
    assert responses_from_chat(body)["input"][0]["content"] == "Hi"


PART = some(
    "input_text output_text refusal input_image input_file x",
    text=st.text(max_size=3),
    refusal=st.just("no"),
    image_url=st.none() | st.just("https://a"),
    file_id=st.none() | st.just("file-1"),
    file_url=st.none() | st.just("https://a"),
)
CONTENT = st.text(max_size=3) | st.lists(PART, max_size=3)
ID = st.sampled_from(["1", "2"])
NAME = st.sampled_from(["f", "g", ""])
ITEM = some(
    "message function_call function_call_output custom_tool_call custom_tool_call_output "
    "reasoning item_reference x",
    role=st.sampled_from(["user", "assistant", "developer"]),
    content=CONTENT,
    call_id=ID,
    name=NAME,
    namespace=st.none() | NAME,
    arguments=st.text(max_size=3),
    input=st.text(max_size=3),
    output=CONTENT,
    id=ID,
    summary=st.just([{"text": "x"}]),
)
NAMED = some("function custom x", name=NAME, parameters=st.none() | st.just(SCHEMA))
TOOLS = st.lists(
    NAMED | some("namespace", name=NAME, tools=st.lists(NAMED, max_size=2)), max_size=3
)


@settings(max_examples=examples(200))
@given(
    st.fixed_dictionaries(
        {"input": st.lists(ITEM, max_size=6) | JSON},
        optional={
            "tools": TOOLS,
            "tool_choice": st.sampled_from(["auto", "none", "required"])
            | some("function allowed_tools", name=NAME, tools=st.lists(NAMED, max_size=1)),
            "text": st.none() | st.fixed_dictionaries({"format": some("text json_object x")}),
            "reasoning": JSON,
        },
    )
)
def test_any_accepted_request_is_translated_or_refused(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    try:
        read_responses_request(body)
        translated = chat_from_responses(body).body
    except InvalidRequestError as error:
        is_named = error.param is not None
    else:
        is_named = read_chat_request(translated).body == translated
    assert is_named
    assert body == before
