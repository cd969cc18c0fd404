from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.messages_request import messages_from_chat
from aqueduct_jupyter.protocol.bridges.responses_request import responses_from_chat
from aqueduct_jupyter.protocol.chat import read_chat_request
from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.messages import read_messages_request
from aqueduct_jupyter.protocol.responses import read_responses_request

from ...examples import examples
from .requests import JSON, some

PNG = "data:image/png;base64,AA=="
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
FILE_FIELDS = ["file_id", "file_data", "filename"]
PART = some(
    "text image_url file x",
    text=st.text(max_size=3),
    image_url=st.fixed_dictionaries({"url": st.sampled_from(["", "https://a", PNG, "data:x"])}),
    file=st.dictionaries(
        st.sampled_from(["file_id", "file_data", "filename"]), JSON | st.just(PNG)
    ),
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "function"]),
        "content": st.text(max_size=3) | st.lists(PART, min_size=1, max_size=2),
        "tool_call_id": st.just("1"),
    },
    optional={"tool_calls": st.lists(st.just(CALL) | st.dictionaries(st.text(), JSON))},
)


@pytest.mark.parametrize("translate", [messages_from_chat, responses_from_chat])
@settings(max_examples=examples(200))
@given(
    body=st.fixed_dictionaries(
        {"messages": st.lists(MESSAGE, min_size=1, max_size=4)},
        optional={
            "tools": st.lists(st.just(TOOL) | st.dictionaries(st.text(), JSON), max_size=2),
            "tool_choice": JSON | some("function allowed_tools", function=JSON),
            "stop": st.none() | st.just("x"),
            "reasoning_effort": JSON,
        },
    )
)
def test_any_chat_request_is_translated_or_refused(
    body: dict[str, Any], translate: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    before = copy.deepcopy(body)
    read = read_messages_request if translate is messages_from_chat else read_responses_request
    try:
        read_chat_request(body)
        translated = translate(body)
    except InvalidRequestError as error:
        is_named = error.param is not None
    else:
        is_named = read(translated).body == translated
    assert is_named
    assert body == before
