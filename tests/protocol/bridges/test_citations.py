"""Citations of web pages survive a bridge, as a stream and as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.bridges.chat_writer import ChatWriter
from aqueduct_jupyter.protocol.bridges.citations import read_citations
from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.items import Citation, ItemEvent, in_order

from .answers import HEAD, decoded, feed, frames, read_failure
from .test_chat_reader import chunk
from .test_round_trips import APIS, HOSTILE, passed, passed_whole

FIELDS = {"start_index": 0, "end_index": 2, "url": "https://a.example", "title": "A"}
IN_CHAT = {"type": "url_citation", "url_citation": FIELDS}
IN_RESPONSES = {"type": "url_citation", **FIELDS}
CITATION = Citation(0, "https://a.example", "A", 0, 2)

STREAMED = feed(
    ChatReader(read_failure), chunk(content="Hi"), chunk(annotations=[IN_CHAT]), chunk("stop")
)


def citations(events: list[ItemEvent]) -> list[Citation]:
    return [event for event in events if isinstance(event, Citation)]


def test_chat_gives_those_of_its_stream_and_of_its_message() -> None:
    assert citations(STREAMED) == [CITATION]
    message = {"content": "Hi", "annotations": [IN_CHAT]}
    answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    events = list(in_order(ChatReader(read_failure).whole(answer)))
    assert citations(events) == [CITATION]
    assert ChatWriter(HEAD).whole(events)["choices"][0]["message"]["annotations"] == [IN_CHAT]


def test_responses_have_an_event_for_each_and_all_in_the_part() -> None:
    sent = decoded(frames(ResponsesWriter(HEAD), STREAMED))
    (added,) = [e for e in sent if e["type"] == "response.output_text.annotation.added"]
    assert added["annotation"] == IN_RESPONSES
    assert (added["output_index"], added["content_index"], added["annotation_index"]) == (0, 0, 0)
    assert sent[-1]["response"]["output"][0]["content"][0]["annotations"] == [IN_RESPONSES]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_they_survive_an_api_as_a_stream_and_as_a_whole(api: str) -> None:
    assert citations(passed(api, STREAMED)) == [CITATION]
    assert citations(passed_whole(api, STREAMED)) == [CITATION]


def test_messages_have_no_place_for_them() -> None:
    assert citations(passed("messages", STREAMED)) == []


def test_other_annotations_are_left_out() -> None:
    file = {"type": "file_citation", "file_id": "file_1", "index": 0}
    annotations = [file, IN_RESPONSES, {**IN_RESPONSES, "url": None}]
    assert list(read_citations(annotations, 0)) == [CITATION]


@given(HOSTILE | st.lists(st.dictionaries(st.sampled_from([*FIELDS, "url_citation"]), HOSTILE)))
def test_whatever_comes_as_annotations_can_be_written(value: Any) -> None:
    if isinstance(value, list):
        value = [{**one, "type": "url_citation"} for one in value if isinstance(one, dict)]
    chat = [chunk(content="a"), chunk(annotations=value)]
    added = {"type": "response.output_text.annotation.added", "annotation": value}
    responses = [{"type": "response.output_text.delta", "delta": "a"}, added]
    for reader, sent in ((ChatReader, chat), (ResponsesReader, responses)):
        events = feed(reader(read_failure), *json.loads(json.dumps(sent)))
        for _, writer in APIS.values():
            frames(writer(HEAD), events)
