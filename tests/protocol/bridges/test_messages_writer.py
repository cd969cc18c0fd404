"""Answers of the Messages API, as its SDK puts them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from aqueduct_jupyter.protocol.bridges.messages_writer import MessagesWriter, messages_error
from aqueduct_jupyter.protocol.errors import (
    AuthenticationError,
    InvalidRequestError,
    RateLimitError,
    UpstreamError,
)
from aqueduct_jupyter.protocol.items import (
    Begin,
    Counted,
    Delta,
    Done,
    End,
    ItemEvent,
    Sealed,
    in_order,
)

from ...examples import examples
from .answers import BROKEN, HEAD, USAGE, decoded, frames, streams

PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def write(events: Sequence[ItemEvent]) -> list[dict[str, Any]]:
    sent = frames(MessagesWriter(HEAD), events)
    data = decoded(sent)
    assert [event.name for event in sent] == [event["type"] for event in data]
    return data


def put_together(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put a message together from its events, and check their order."""
    message: dict[str, Any] = events[0]["message"]
    content, inputs = message["content"], dict[int, str]()
    for event in events[1:]:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(content)
                content.append(event["content_block"])
            case "content_block_delta":
                assert event["index"] == len(content) - 1
                delta = event["delta"]
                if delta["type"] == "input_json_delta":
                    at = event["index"]
                    inputs[at] = inputs.get(at, "") + delta["partial_json"]
                else:
                    content[-1][PIECES[delta["type"]]] += delta[PIECES[delta["type"]]]
            case "message_delta":
                message.update(event["delta"], usage=event["usage"])
    for at, text in inputs.items():
        content[at]["input"] = MessagesWriter(HEAD).whole(
            [Begin(0, "tool_call"), Delta(0, text), End("stop")]
        )["content"][0]["input"]
    return message


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_the_whole_is_what_the_stream_adds_up_to(events: list[ItemEvent]) -> None:
    assert put_together(write(events)) == MessagesWriter(HEAD).whole(in_order(events))


def test_the_exact_order() -> None:
    events: list[ItemEvent] = [
        *(Begin(0, "reasoning"), Delta(0, "Hm"), Sealed(0, "seal"), Done(0)),
        *(Begin(1, "tool_call", "t1", "look"), Delta(1, "{}"), Done(1)),
        *(Counted(USAGE), End("tool_calls")),
    ]
    sent = write(events)
    assert [event["type"] for event in sent] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta"),
        *("content_block_stop", "content_block_start", "content_block_delta"),
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    assert sent[0]["message"]["usage"]["input_tokens"] == 0
    assert sent[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert sent[3]["delta"] == {"type": "signature_delta", "signature": "seal"}
    assert sent[5]["content_block"] == {
        "type": "tool_use",
        "id": "t1",
        "name": "look",
        "input": {},
    }
    assert sent[8]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert sent[8]["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
        "output_tokens": 4,
    }


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")],
)
def test_the_ending_has_its_name(ending: Any, reason: str) -> None:
    assert MessagesWriter(HEAD).whole([End(ending)])["stop_reason"] == reason


def test_a_refusal_is_how_the_answer_ends() -> None:
    events: list[ItemEvent] = [Begin(0, "refusal"), Delta(0, "No."), Done(0), End("stop")]
    message = MessagesWriter(HEAD).whole(events)
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert message["stop_reason"] == "refusal"
    assert write(events)[-2]["delta"]["stop_reason"] == "refusal"


@pytest.mark.parametrize("arguments", ["{", "[]", "5", "NaN"])
def test_arguments_that_are_not_an_object_are_not_lost(arguments: str) -> None:
    call = [Begin(0, "tool_call", "t", "f"), Delta(0, arguments), End("tool_calls")]
    block = MessagesWriter(HEAD).whole(call)["content"][0]
    assert block["input"] == {"arguments": arguments}


def test_a_failure_is_the_last_event() -> None:
    last = write([Begin(0, "text"), Delta(0, "a"), BROKEN])[-1]
    assert last == {"type": "error", "error": {"type": "api_error", "message": "It broke off."}}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequestError("x"), "invalid_request_error"),
        (AuthenticationError("x"), "authentication_error"),
        (RateLimitError("x"), "rate_limit_error"),
        (UpstreamError("x"), "api_error"),
    ],
)
def test_errors_have_the_apis_own_types(error: Any, kind: str) -> None:
    assert messages_error(error)["error"] == {"type": kind, "message": "x"}
