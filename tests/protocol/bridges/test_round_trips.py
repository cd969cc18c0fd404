"""An answer survives every pair of APIs, as a stream and as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.bridges.chat_writer import ChatWriter
from aqueduct_jupyter.protocol.bridges.forms import AnswerHead
from aqueduct_jupyter.protocol.bridges.messages_reader import MessagesReader
from aqueduct_jupyter.protocol.bridges.messages_writer import MessagesWriter
from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.errors import DisconnectedError
from aqueduct_jupyter.protocol.items import Done, End, Failed, ItemEvent, in_order
from aqueduct_jupyter.protocol.sse import Event

from ...examples import examples
from .answers import BROKEN, frames, items, joined, read, read_failure, streams

APIS: dict[str, tuple[Any, Any]] = {
    "chat": (ChatReader, ChatWriter),
    "responses": (ResponsesReader, ResponsesWriter),
    "messages": (MessagesReader, MessagesWriter),
}

HEAD = AnswerHead(
    "resp_1",
    "house",
    1700000000,
    {"include": ["reasoning.encrypted_content"], "stream_options": {"include_usage": True}},
)

PAIRS = [(first, second) for first in APIS for second in APIS]


def passed(api: str, events: list[ItemEvent]) -> list[ItemEvent]:
    reader, writer = APIS[api]
    return read(reader(read_failure), frames(writer(HEAD), events))


def passed_whole(api: str, events: list[ItemEvent]) -> list[ItemEvent]:
    reader, writer = APIS[api]
    whole = json.loads(json.dumps(writer(HEAD).whole(in_order(events))))
    return list(in_order(reader(read_failure).whole(whole)))


@pytest.mark.parametrize(("first", "second"), PAIRS)
@settings(max_examples=examples(100))
@given(events=streams(interleaved=False))
def test_a_stream_survives_two_apis(first: str, second: str, events: list[ItemEvent]) -> None:
    again = passed(second, passed(first, events))
    assert joined(again, (first, second)) == joined(events, (first, second))


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=examples(100))
@given(events=streams(interleaved=False))
def test_a_whole_answer_says_what_its_stream_says(api: str, events: list[ItemEvent]) -> None:
    streamed = joined(passed(api, events), (api,))
    assert joined(passed_whole(api, events), (api,)) == streamed == joined(events, (api,))


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_responses_keep_every_item(events: list[ItemEvent]) -> None:
    assert items(passed("responses", events)) == items(events)
    assert items(passed_whole("responses", events)) == items(events)


@settings(max_examples=examples(100))
@given(streams(interleaved=True))
def test_messages_keep_every_block(events: list[ItemEvent]) -> None:
    blocks = [("text" if kind == "refusal" else kind, *rest) for kind, *rest in items(events)]
    assert items(passed("messages", events)) == blocks


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=examples(100))
@given(data=st.data())
def test_a_stream_that_is_cut_anywhere_is_not_complete(api: str, data: st.DataObject) -> None:
    events = data.draw(streams(interleaved=True))
    reader, writer = APIS[api]
    sent = frames(writer(HEAD), events)
    # Chat is complete with its finish reason; the others with the event before [DONE].
    ends = {"chat": "finish_reason", "responses": "response", "messages": "message_stop"}
    last = max(n for n, event in enumerate(sent) if _is_end(api, event, ends[api]))
    cut = data.draw(st.integers(0, last))
    failed = read(reader(read_failure), sent[:cut])[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DisconnectedError)
    assert "before its answer was complete" in failed.error.message
    assert isinstance(read(reader(read_failure), sent[: last + 1])[-1], End)


def _is_end(api: str, event: Event, field: str) -> bool:
    if api == "chat":
        chunk = json.loads(event.data) if event.data != "[DONE]" else {}
        return any(choice[field] for choice in chunk.get("choices", ()))
    return event.name in (field, "response.completed", "response.incomplete")


@pytest.mark.parametrize("api", APIS)
@given(data=st.data())
def test_a_failure_stays_one(api: str, data: st.DataObject) -> None:
    events = data.draw(streams(interleaved=True))
    cut = data.draw(st.integers(0, len(events) - 1))
    _, writer = APIS[api]
    begun = [*events[:cut], BROKEN]
    failed = passed(api, begun)[-1]
    assert isinstance(failed, Failed)
    assert failed.error.message == "It broke off."
    with pytest.raises(type(BROKEN.error), match="It broke off"):
        writer(HEAD).whole(begun)


WORDS = st.sampled_from(
    [*"abc", "", "text", "reasoning", "message", "function_call", "tool_use", "stop", "error"]
)
KEYS = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "reasoning",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "index",
        "error",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "input_tokens",
        "output_tokens",
        "item",
        "output_index",
        "content_index",
        "response",
        "output",
        "status",
        "incomplete_details",
        "reason",
        "type",
        "text",
        "content_block",
        "stop_reason",
        "summary",
        "encrypted_content",
        "signature",
        "partial_json",
        "input",
        "refusal",
        "logprobs",
        "token",
        "logprob",
    ]
)
TYPES = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
        "response.created",
        "response.output_item.added",
        "response.failed",
        "response.output_text.delta",
        "response.output_item.done",
        "response.completed",
        "response.incomplete",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
        "text_delta",
    ]
)
HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | WORDS
    | TYPES
    # Half a character.
    | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
EVENTS = st.dictionaries(KEYS, HOSTILE, max_size=6)


@st.composite
def hostile_events(draw: st.DrawFn) -> Event:
    data = draw(EVENTS | HOSTILE)
    if isinstance(data, dict) and draw(st.booleans()):
        data = {**data, "type": draw(TYPES)}
    text = draw(st.just(json.dumps(data)) | st.sampled_from(["{", "", "[DONE]", "[" * 9999]))
    return Event(text, draw(st.sampled_from(["message", "message", "error", "ping"])))


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=examples(200))
@given(events=st.lists(hostile_events(), max_size=6), answer=EVENTS)
def test_whatever_a_server_sends_is_read_or_fails(
    api: str, events: list[Event], answer: dict[str, Any]
) -> None:
    reader, writer = APIS[api]
    received = read(reader(read_failure), events)
    assert isinstance(received[-1], End | Failed)
    for target in (writer, *(other for _, other in APIS.values())):
        frames(target(HEAD), received)
    assert isinstance(list(in_order(reader(read_failure).whole(answer)))[-1], End | Failed)


@pytest.mark.parametrize("api", APIS)
def test_nothing_follows_the_end(api: str) -> None:
    reader, writer = APIS[api]
    reading = reader(read_failure)
    sent = frames(writer(HEAD), [End("stop")])
    assert read(reading, sent)[-1] == End("stop")
    assert [*reading.feed(sent[0]), *reading.end()] == []
    assert not any(isinstance(event, Done) for event in read(reader(read_failure), sent))
