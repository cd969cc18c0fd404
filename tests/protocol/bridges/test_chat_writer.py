"""Chat completions as the OpenAI SDK reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from aqueduct_jupyter.protocol.bridges.chat_writer import ChatWriter
from aqueduct_jupyter.protocol.bridges.forms import AnswerHead, ToolName
from aqueduct_jupyter.protocol.items import Begin, Counted, Delta, Done, End, ItemEvent, in_order

from ...examples import examples
from .answers import BROKEN, HEAD, USAGE, decoded, frames, streams

WITH_USAGE = AnswerHead("c", "house", 1, {"stream_options": {"include_usage": True}})


def deltas(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in sent for choice in chunk["choices"]]


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_the_sdk_reads_every_chunk_and_the_whole(events: list[ItemEvent]) -> None:
    for chunk in decoded(frames(ChatWriter(WITH_USAGE), events)):
        ChatCompletionChunk.model_validate(chunk, strict=True)
    ChatCompletion.model_validate(ChatWriter(HEAD).whole(in_order(events)))


def test_the_order_of_chunks() -> None:
    events = [Begin(0, "reasoning"), Delta(0, "Hm"), Done(0), Begin(1, "text"), Delta(1, "Yes")]
    sent = frames(ChatWriter(HEAD), [*events, End("stop")])
    assert deltas(decoded(sent)) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"reasoning_content": "Hm"},
        {"content": "Yes"},
        {},
    ]
    assert decoded(sent)[-1]["choices"][0]["finish_reason"] == "stop"
    assert sent[-1].data == "[DONE]"


def test_calls_may_interleave_and_have_the_names_that_the_client_knows() -> None:
    head = AnswerHead("c", "house", 1, tools={"a__look": ToolName("look", "a")})
    calls = [Begin(0, "tool_call", "c1", "a__look"), Begin(1, "tool_call", "", "f")]
    pieces = [Delta(0, "{"), Delta(1, "["), Delta(0, "}")]
    sent = decoded(frames(ChatWriter(head), [*calls, *pieces, End("tool_calls")]))
    tools = [delta["tool_calls"][0] for delta in deltas(sent) if "tool_calls" in delta]
    assert [(tool["index"], tool["function"].get("name")) for tool in tools] == [
        *((0, "look"), (1, "f"), (0, None), (1, None), (0, None))
    ]
    assert [tool["id"] for tool in tools[:2]] == ["c1", "call_c_1"]


def test_usage_comes_last_and_only_if_the_client_asked() -> None:
    events = [Counted(USAGE), End("stop")]
    assert "usage" not in str(decoded(frames(ChatWriter(HEAD), events)))
    *others, last = decoded(frames(ChatWriter(WITH_USAGE), events))
    assert {chunk["usage"] for chunk in others} == {None}
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def test_a_failure_is_the_last_frame_without_done() -> None:
    sent = frames(ChatWriter(HEAD), [Begin(0, "text"), Delta(0, "a"), BROKEN])
    assert decoded(sent)[-1] == BROKEN.error.envelope()
    assert sent[-1].data != "[DONE]"


@pytest.mark.parametrize(
    ("events", "content", "refusal"),
    [
        ([], "", None),
        ([Begin(0, "text"), Delta(0, "a")], "a", None),
        ([Begin(0, "refusal"), Delta(0, "No")], None, "No"),
        ([Begin(0, "tool_call", "c", "f"), Delta(0, "{}")], None, None),
    ],
)
def test_a_whole_message_has_no_content_only_where_something_else_stands_for_it(
    events: list[ItemEvent], content: str | None, refusal: str | None
) -> None:
    message = ChatWriter(HEAD).whole([*events, End("stop")])["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (content, refusal)
