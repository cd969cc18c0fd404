"""What servers send as answers of the Messages API, and the items that they mean."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.bridges.messages_reader import MessagesReader
from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.items import (
    Begin,
    Counted,
    Delta,
    Done,
    End,
    Failed,
    ItemEvent,
    Sealed,
)

from .answers import feed, items, read_failure

STOP = {"type": "message_stop"}


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str, **usage: int) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def stream(*events: dict[str, Any]) -> list[ItemEvent]:
    return feed(MessagesReader(read_failure), *events)


def test_thinking_text_and_a_call() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 1}
    first = Usage(prompt_tokens=8, completion_tokens=1, cached_tokens=3)
    assert stream(
        {"type": "message_start", "message": {"usage": usage}},
        start(0, type="thinking", thinking="", signature=""),
        {"type": "ping"},
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="seal"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, "text_delta", text="I look."),
        stop(1),
        start(2, type="tool_use", id="t1", name="look", input={}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"a": 1}'),
        stop(2),
        end("tool_use", output_tokens=7),
        STOP,
    ) == [
        Counted(first),
        Begin(0, "reasoning"),
        Delta(0, "Hm"),
        Sealed(0, "seal"),
        Done(0),
        Begin(1, "text"),
        Delta(1, "I look."),
        Done(1),
        Begin(2, "tool_call", "t1", "look"),
        Delta(2, '{"a": 1}'),
        Counted(first.model_copy(update={"completion_tokens": 7})),
        Done(2),
        End("tool_calls"),
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = stream(start(0, type="tool_use", id="t", name="f", input={}), stop(0), STOP)
    assert items(events) == [("tool_call", "t", "f", "{}", "")]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        *(("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop")),
        *(("max_tokens", "length"), ("refusal", "content_filter")),
    ],
)
def test_the_reason_decides_the_ending(reason: str, ending: Any) -> None:
    text = start(0, type="text", text="a")
    assert stream(text, stop(0), end(reason), STOP)[-1] == End(ending)


def test_a_block_that_was_cut_by_its_length_is_not_done() -> None:
    feeding = MessagesReader(read_failure)
    events = feed(feeding, start(0, type="text", text="a"), stop(0), end("max_tokens"), STOP)
    # The only Done is the one that the end implies, right before it.
    assert events[-2:] == [Done(0), End("length")]
    answer = {"content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"}
    whole = MessagesReader(read_failure).whole(answer)
    assert whole == [Begin(0, "text"), Delta(0, "a"), End("length")]


def test_blocks_of_the_servers_own_tools_are_left_out() -> None:
    search = start(0, type="server_tool_use", id="s", name="web_search", input={})
    events = stream(
        search,
        delta(0, "input_json_delta", partial_json="{}"),
        stop(0),
        start(1, type="text", text="a"),
        delta(1, "citations_delta", citation={}),
        stop(1),
        STOP,
    )
    assert items(events) == [("text", "", "", "a", "")]


def test_redacted_thinking_keeps_its_data() -> None:
    events = stream(start(0, type="redacted_thinking", data="seal"), stop(0), STOP)
    assert events[:2] == [Begin(0, "reasoning", redacted="seal"), Done(0)]
    only_here = stream(start(0, type="text", text="a", data="seal"), stop(0), STOP)
    assert only_here[0] == Begin(0, "text")


@pytest.mark.parametrize("name", ["message", "error"])
def test_an_error_ends_it(name: str) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Full"}}
    failed = feed(MessagesReader(read_failure), error, STOP, name=name)[-1]
    assert isinstance(failed, Failed)
    assert failed.error.message == "Full"
    whole = MessagesReader(read_failure).whole(error)[-1]
    assert isinstance(whole, Failed)


def test_without_message_stop_it_is_not_complete() -> None:
    assert isinstance(stream(start(0, type="text", text="a"), stop(0), end("end_turn"))[-1], Failed)


def test_a_whole_answer() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm", "signature": "seal"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    usage = {"input_tokens": 1, "output_tokens": 2}
    answer = {"content": content, "stop_reason": "tool_use", "usage": usage}
    events = MessagesReader(read_failure).whole(answer)
    assert items(events) == [
        ("reasoning", "", "", "Hm", "seal"),
        ("tool_call", "t", "f", '{"a":1}', ""),
    ]
    assert Counted(Usage(prompt_tokens=1, completion_tokens=2)) in events
    assert events[-1] == End("tool_calls")
