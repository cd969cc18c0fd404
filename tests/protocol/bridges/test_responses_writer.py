"""The exact events of the Responses API, and the known faults of other bridges."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from aqueduct_jupyter.protocol.bridges.forms import AnswerHead, ToolName
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.bridges.thinking_blocks import unsealed_thinking
from aqueduct_jupyter.protocol.errors import ContextLengthError, RateLimitError
from aqueduct_jupyter.protocol.items import (
    Begin,
    Counted,
    Delta,
    Done,
    End,
    Failed,
    ItemEvent,
    Sealed,
    in_order,
)

from ...examples import examples
from .answers import BROKEN, HEAD, SEALED_HEAD, USAGE, decoded, frames, streams

SDK: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

TEXT = [Begin(0, "text"), Delta(0, "a"), Delta(0, "b"), Done(0)]
REASONING = [Begin(0, "reasoning"), Delta(0, "Hm"), Done(0)]
CALL = [Begin(0, "tool_call", "c1", "look"), Delta(0, "{"), Delta(0, "}"), Done(0)]

REQUIRED = {
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model"),
    *("previous_response_id", "instructions", "output", "error", "tools", "tool_choice"),
    *("truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty"),
    *("frequency_penalty", "top_logprobs", "temperature", "reasoning", "user", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata"),
    *("safety_identifier", "prompt_cache_key"),
}


def write(events: list[ItemEvent], head: AnswerHead = HEAD) -> list[dict[str, Any]]:
    return decoded(frames(ResponsesWriter(head, lambda: 1700000009.5), events))


def types(sent: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in sent]


def output(events: list[ItemEvent], head: AnswerHead = HEAD) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = write(events, head)[-1]["response"]["output"]
    return items


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_the_sdk_reads_every_event(events: list[ItemEvent]) -> None:
    sent = frames(ResponsesWriter(SEALED_HEAD), events)
    assert sent[-1].data == "[DONE]"
    for event in sent[:-1]:
        data = json.loads(event.data)
        SDK.validate_python(data)
        assert event.name == data["type"]


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_a_client_that_indexes_by_arrival_sees_the_final_output(events: list[ItemEvent]) -> None:
    """Neither an item without its beginning, nor a done event out of order, nor another id."""
    shown: list[Any] = []
    texts: dict[str, str] = {}
    for event in write(events):
        kind = event["type"]
        if kind == "response.output_item.added":
            assert event["output_index"] == len(shown)
            assert all(item["status"] != "in_progress" for item in shown)
            shown.append(event["item"])
        elif kind.endswith(".delta"):
            item = shown[event["output_index"]]
            assert item["id"] == event["item_id"]
            if "content_index" in event:
                assert item["content"][event["content_index"]]
            texts[item["id"]] = texts.get(item["id"], "") + event["delta"]
        elif kind == "response.content_part.added":
            assert len(shown[event["output_index"]]["content"]) == event["content_index"]
            shown[event["output_index"]]["content"].append(event["part"])
        elif kind == "response.output_item.done":
            assert event["item"]["id"] == shown[event["output_index"]]["id"]
            shown[event["output_index"]] = event["item"]
    final = write(events)[-1]["response"]
    assert shown == final["output"]
    for item in final["output"]:
        parts = item.get("content") or [{"text": item.get("arguments")}]
        whole = "".join(part.get("text", part.get("refusal")) for part in parts)
        assert texts.get(item["id"], "") == whole
    assert [event["sequence_number"] for event in write(events)] == list(range(len(write(events))))


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_the_whole_is_the_last_event(events: list[ItemEvent]) -> None:
    whole = ResponsesWriter(HEAD, lambda: 1700000009).whole(in_order(events))
    assert whole == write(events)[-1]["response"]
    Response.model_validate(whole)
    assert whole.keys() >= REQUIRED


def test_text_in_the_exact_order() -> None:
    sent = write([*TEXT, Counted(USAGE), End("stop")])
    assert types(sent) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done", "content_part.done"),
        *("output_item.done", "completed"),
    ]
    created, _, added, part, delta, _, text, _, done, completed = sent
    # In progress, a client already sees an empty output, and items have a status.
    assert (created["response"]["output"], created["response"]["status"]) == ([], "in_progress")
    assert created["response"]["usage"] is None
    assert created["response"].keys() >= REQUIRED
    place = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0}
    assert added["item"]["status"] == "in_progress"
    assert part["part"] == {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    assert delta == {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        **place,
        "delta": "a",
        "logprobs": [],
    }
    assert text["text"] == "ab"
    assert done["item"]["content"][0]["text"] == "ab"
    assert completed["response"]["completed_at"] == 1700000009
    assert completed["response"]["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 13,
    }


def test_reasoning_is_closed_before_the_message_opens() -> None:
    sent = write([*REASONING, Begin(1, "text"), Delta(1, "Yes"), End("stop")])
    assert types(sent)[2:12] == [
        *("output_item.added", "content_part.added", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done"),
    ]
    # The indexes are there although they are 0.
    assert (sent[4]["output_index"], sent[4]["content_index"]) == (0, 0)


def test_text_after_reasoning_has_its_own_beginning() -> None:
    sent = write([*REASONING, Begin(1, "text"), Delta(1, "Yes"), End("stop")])
    added = [event["item"]["type"] for event in sent if event["type"].endswith("item.added")]
    assert added == ["reasoning", "message"]


def test_calls_are_streamed_as_calls() -> None:
    sent = write([*CALL, End("tool_calls")])
    assert types(sent)[2:] == [
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done", "completed"),
    ]
    assert sent[-3]["name"] == "look"
    item = sent[-1]["response"]["output"][0]
    assert (item["id"], item["call_id"], item["arguments"]) == ("fc_1_0", "c1", "{}")


def test_interleaved_calls_come_one_after_the_other() -> None:
    first, second = Begin(0, "tool_call", "c1", "f"), Begin(1, "tool_call", "c2", "g")
    sent = write([first, second, Delta(1, "[]"), Delta(0, "{}"), End("tool_calls")])
    closed = [event["item"]["name"] for event in sent if event["type"].endswith("item.done")]
    assert closed == ["f", "g"]
    assert types(sent).index("output_item.done") < types(sent).index("output_item.added", 3)


def test_a_refusal_is_a_part_of_its_own_kind() -> None:
    sent = write([Begin(0, "refusal"), Delta(0, "No"), End("stop")])
    assert types(sent)[4:6] == ["refusal.delta", "refusal.done"]
    assert sent[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No"}]


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter")],
)
def test_a_cut_answer_is_incomplete_and_so_is_its_open_item(ending: Any, reason: str) -> None:
    events = [*REASONING, Begin(1, "text"), Begin(2, "tool_call", "c", "f")]
    # End without Done, as readers leave what was cut.
    writer = ResponsesWriter(HEAD)
    sent = writer.begin() + b"".join(map(writer.write, [*events, End(ending)]))
    assert b"event: response.incomplete\n" in sent
    assert writer.response["status"] == "incomplete"
    assert writer.response["incomplete_details"] == {"reason": reason}
    statuses = [item["status"] for item in writer.response["output"]]
    assert statuses == ["completed", "incomplete", "incomplete"]


def test_a_failure_is_a_flat_error_and_then_a_failed_response() -> None:
    writer = ResponsesWriter(HEAD)
    sent = writer.begin() + b"".join(map(writer.write, [*CALL[:2], BROKEN]))
    error, failed = [json.loads(line[6:]) for line in sent.split(b"\n") if b'{"type"' in line][-2:]
    assert error == {
        "type": "error",
        "sequence_number": 4,
        "code": "upstream_error",
        "message": "It broke off.",
        "param": None,
    }
    SDK.validate_python(failed)
    assert failed["sequence_number"] == 5
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "It broke off."}
    # An open call must not look complete: some clients run it as soon as it is.
    assert b"output_item.done" not in sent
    assert sent.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ContextLengthError("Too long."), "context_length_exceeded", "Too long."),
        (RateLimitError("Full.", retry_after=3.2), "rate_limit_exceeded", "try again in 3.2s"),
        (RateLimitError("No.", code="insufficient_quota"), "insufficient_quota", "No."),
    ],
)
def test_clients_find_the_code_and_the_wait_in_a_failure(error: Any, code: str, says: str) -> None:
    failed = write([Failed(error)])[-1]["response"]["error"]
    assert failed["code"] == code
    assert says in failed["message"]


def test_sealed_data_is_given_to_a_client_that_asked_and_the_text_stands_in() -> None:
    sealed = [*REASONING[:2], Sealed(0, "c2VhbA=="), End("stop")]
    content = output(sealed, SEALED_HEAD)[0]["encrypted_content"]
    assert unsealed_thinking(content) == {
        "type": "thinking",
        "thinking": "Hm",
        "signature": "c2VhbA==",
    }
    assert output([*REASONING, End("stop")], SEALED_HEAD)[0]["encrypted_content"] == "Hm"
    assert "encrypted_content" not in output(sealed)[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [('{"input": "*** Begin"}', "*** Begin"), ('{"input": 5}', '{"input": 5}'), ("{", "{")],
)
def test_a_custom_tool_gets_its_input_back(arguments: str, text: str) -> None:
    head = AnswerHead("resp_1", "m", 1, tools={"p": ToolName("patch", "files", is_custom=True)})
    pieces = [Delta(0, arguments[:3]), Delta(0, arguments[3:])]
    sent = write([Begin(0, "tool_call", "c1", "p"), *pieces, End("tool_calls")], head)
    for event in sent:
        SDK.validate_python(event)
    assert types(sent)[2:] == [
        *("output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done"),
        *("output_item.done", "completed"),
    ]
    assert sent[3]["delta"] == sent[4]["input"] == text
    assert sent[-1]["response"]["output"][0] == {
        "id": "ctc_1_0",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "c1",
        "name": "patch",
        "namespace": "files",
        "input": text,
    }


def test_the_request_is_repeated() -> None:
    tool = {"type": "function", "name": "f"}
    request = {
        "temperature": 0,
        "tools": [tool, {"type": "custom", "name": "p"}],
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "low"},
        "metadata": None,
        "previous_response_id": "resp_0",
        "unknown": 1,
    }
    response = ResponsesWriter(AnswerHead("resp_1", "m", 1, request)).response
    assert response["temperature"] == 0
    assert response["tools"][0] == {"description": None, "parameters": None, "strict": None, **tool}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert (response["metadata"], response["top_p"], response["store"]) == ({}, 1.0, True)
    assert response["previous_response_id"] == "resp_0"
    assert "unknown" not in response
    Response.model_validate(response)
