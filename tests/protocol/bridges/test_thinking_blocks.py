"""Thinking goes back to the Messages API as it came, through a client of the Responses API."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.messages_reader import MessagesReader
from aqueduct_jupyter.protocol.bridges.messages_request import messages_from_chat
from aqueduct_jupyter.protocol.bridges.messages_writer import MessagesWriter
from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.bridges.responses_request import chat_from_responses
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.bridges.thinking_blocks import (
    read_thinking_block,
    sealed_thinking,
    unsealed_thinking,
)
from aqueduct_jupyter.protocol.items import ItemEvent, in_order
from aqueduct_jupyter.protocol.responses import read_responses_request

from .answers import HEAD, SEALED_HEAD, frames, read, read_failure

Item = dict[str, Any]

THINKING = {"type": "thinking", "thinking": "Hm, \u00e9", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgB/+="}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}}
USAGE = {"input_tokens": 3, "output_tokens": 2}
ANSWER = {"content": [REDACTED, THINKING, CALL], "stop_reason": "tool_use", "usage": USAGE}


def whole_events() -> list[ItemEvent]:
    return list(in_order(MessagesReader(read_failure).whole(ANSWER)))


def streamed_events() -> list[ItemEvent]:
    sent = frames(MessagesWriter(HEAD), whole_events())
    return read(MessagesReader(read_failure), sent)


def output(events: list[ItemEvent], head: Any = SEALED_HEAD) -> list[Item]:
    whole: list[Item] = ResponsesWriter(head).whole(events)["output"]
    return whole


def asked_again(items: list[Item], *, keeps_thinking: bool = True) -> Any:
    """What an upstream gets when the client returns an answer's items with a tool's result."""
    result = {"type": "function_call_output", "call_id": "toolu_1", "output": "1"}
    body = {"model": "m", "input": [{"role": "user", "content": "Hi"}, *items, result]}
    body = json.loads(json.dumps(body))
    read_responses_request(body)
    return chat_from_responses(body, keeps_thinking=keeps_thinking).body


def only_sealed(item: Item) -> Item:
    """What some clients keep of an item."""
    kept = {"type", "summary", "encrypted_content"}
    is_reasoning = item["type"] == "reasoning"
    return {k: v for k, v in item.items() if k in kept} if is_reasoning else item


@pytest.mark.parametrize("events", [whole_events, streamed_events])
@pytest.mark.parametrize("kept", [lambda item: item, only_sealed])
def test_blocks_come_back_with_their_data(
    events: Callable[[], list[ItemEvent]], kept: Callable[[Item], Item]
) -> None:
    chat = asked_again([kept(item) for item in output(events())])
    said = messages_from_chat(chat)["messages"][1]
    assert said == {"role": "assistant", "content": [REDACTED, THINKING, CALL]}


def test_a_messages_client_gets_the_blocks_too() -> None:
    assert MessagesWriter(HEAD).whole(whole_events())["content"] == ANSWER["content"]
    assert MessagesWriter(HEAD).whole(streamed_events())["content"] == ANSWER["content"]


def test_they_survive_another_server_of_this_kind() -> None:
    response = ResponsesWriter(SEALED_HEAD).whole(whole_events())
    again = list(in_order(ResponsesReader(read_failure).whole(response)))
    assert output(again) == output(whole_events())
    sent = frames(ResponsesWriter(SEALED_HEAD), whole_events())
    assert output(read(ResponsesReader(read_failure), sent)) == output(whole_events())


def test_other_upstreams_and_clients_that_did_not_ask_see_nothing_of_them() -> None:
    chat = asked_again(output(whole_events()), keeps_thinking=False)
    assert "thinking_blocks" not in json.dumps(chat)
    assert all("encrypted_content" not in item for item in output(whole_events(), HEAD))
    chat = asked_again(output(whole_events(), HEAD))
    assert messages_from_chat(chat)["messages"][1]["content"] == [CALL]


def test_what_another_service_sealed_is_left_out() -> None:
    items = [
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABo"},
        output(whole_events())[-1],
    ]
    assert messages_from_chat(asked_again(items))["messages"][1]["content"] == [CALL]


@pytest.mark.parametrize(
    "blocks", ["x", [None, "x", {"type": "thinking"}, {"type": [], "data": "x"}, {"data": "x"}]]
)
def test_what_is_no_block_does_not_go_upstream(blocks: Any) -> None:
    message = {"role": "assistant", "content": "Yes", "thinking_blocks": blocks}
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, message]}
    assert messages_from_chat(asked)["messages"][1] == {"role": "assistant", "content": "Yes"}


@given(st.text(), st.text(min_size=1))
def test_what_is_sealed_can_be_read(text: str, data: str) -> None:
    thinking = {"type": "thinking", "thinking": text, "signature": data}
    assert unsealed_thinking(sealed_thinking(text, data, "")) == thinking
    redacted = {"type": "redacted_thinking", "data": data}
    assert unsealed_thinking(sealed_thinking("", "", data)) == redacted


@given(
    st.text()
    | st.none()
    | st.integers()
    | st.binary().map(lambda b: base64.b64encode(b"thinking:" + b).decode())
)
def test_what_was_not_sealed_here_is_nothing(content: Any) -> None:
    found = unsealed_thinking(content)
    assert found is None or found == read_thinking_block(found)
