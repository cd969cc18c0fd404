"""Summaries: asked for, written as one item, read back by any upstream."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import CompactedResponse, ResponseStreamEvent
from pydantic import TypeAdapter

from aqueduct_jupyter.protocol.bridges.compaction import (
    INSTRUCTION,
    CompactedWriter,
    CompactionWriter,
)
from aqueduct_jupyter.protocol.bridges.responses_request import chat_from_responses
from aqueduct_jupyter.protocol.errors import AqueductError, InvalidRequestError, UpstreamError
from aqueduct_jupyter.protocol.items import Begin, Counted, Delta, Done, End, ItemEvent

from ...examples import examples
from .answers import BROKEN, HEAD, USAGE, decoded, frames, streams

SDK: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ANSWER: list[ItemEvent] = [
    Begin(0, "reasoning"),
    Delta(0, "Hm"),
    Done(0),
    Begin(1, "text"),
    Delta(1, "They want "),
    Delta(1, "bridges\ud800."),
    Done(1),
    Counted(USAGE),
    End("stop"),
]
SAID = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "And?"},
]


def messages(*items: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chat_from_responses({"input": [*items], **more}).body["messages"]
    return found


def test_the_stream_has_exactly_one_item() -> None:
    sent = decoded(frames(CompactionWriter(HEAD), ANSWER))
    assert [event["type"].removeprefix("response.") for event in sent] == [
        *("created", "in_progress", "output_item.added", "output_item.done", "completed")
    ]
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    (item,) = sent[-1]["response"]["output"]
    assert (item["type"], item) == ("compaction", sent[2]["item"])
    assert sent[-1]["response"]["usage"]["total_tokens"] == 13
    for event in sent:
        SDK.validate_python(event)


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_any_answer_becomes_one_item(answer: list[ItemEvent]) -> None:
    sent = decoded(frames(CompactionWriter(HEAD), answer))
    end = sent[-1]
    if end["type"] != "response.failed":
        assert [item["type"] for item in end["response"]["output"]] == ["compaction"]


def test_a_summary_is_read_back() -> None:
    (item,) = CompactionWriter(HEAD).whole(ANSWER)["output"]
    said = messages(item, {"role": "user", "content": "Go on"})
    assert [message["role"] for message in said] == ["user", "user"]
    assert said[0]["content"].endswith("They want bridges?.")
    assert "Summary" in said[0]["content"]


def test_the_compacted_conversation_is_what_the_user_said_and_the_summary() -> None:
    whole = CompactedWriter(HEAD, SAID).whole(ANSWER)
    assert [item["type"] for item in whole["output"]] == ["message", "message", "compaction"]
    texts = [item["content"][0]["text"] for item in whole["output"][:2]]
    assert (texts, whole["object"]) == (["Hi", "And?"], "response.compaction")
    assert all(item["id"] for item in whole["output"])
    assert set(whole) >= {
        name for name, field in CompactedResponse.model_fields.items() if field.is_required()
    }
    again = messages(*whole["output"])
    assert len(again) == 3


def test_no_summary_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="no summary"):
        CompactedWriter(HEAD, SAID).whole([End("stop")])
    with pytest.raises(AqueductError, match="It broke off"):
        CompactedWriter(HEAD, SAID).whole([Begin(0, "text"), BROKEN])


def test_the_trigger_asks_for_a_summary_and_for_no_tool() -> None:
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]
    asked = {"input": [*SAID, {"type": "compaction_trigger"}], "tools": tools, "stream": True}
    form = {"format": {"type": "json_object"}}
    body = chat_from_responses({**asked, "parallel_tool_calls": True, "text": form}).body
    assert body["messages"][-1] == {"role": "user", "content": INSTRUCTION}
    assert body["tool_choice"] == "none"
    assert not {"response_format", "parallel_tool_calls"} & set(body)


@pytest.mark.parametrize("content", ["gAAAAA", "x", "eA==", "\u00e9"])
def test_what_another_service_sealed_is_refused(content: str) -> None:
    with pytest.raises(InvalidRequestError, match="another service") as refused:
        messages({"type": "compaction", "encrypted_content": content})
    assert refused.value.param == "input[0].encrypted_content"
