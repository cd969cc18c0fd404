"""What servers send as answers of the Responses API, and the items that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.errors import AqueductError, DisconnectedError
from aqueduct_jupyter.protocol.items import Begin, Counted, Delta, Done, End, Failed, ItemEvent

from .answers import feed, items, read_failure

COMPLETED = {"type": "response.completed", "response": {"status": "completed", "output": []}}

MESSAGE = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Yes"}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}


def event(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": index, **fields}


def stream(*events: dict[str, Any]) -> list[ItemEvent]:
    return feed(ResponsesReader(read_failure), *events)


def whole(**answer: Any) -> list[ItemEvent]:
    return list(ResponsesReader(read_failure).whole(answer))


def test_text_piece_by_piece() -> None:
    usage = {
        "input_tokens": 9,
        "output_tokens": 4,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    response = {"status": "completed", "output": [MESSAGE], "usage": usage}
    counted = Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=2, reasoning_tokens=1)
    assert stream(
        event("created", response={}),
        event("output_item.added", item={"type": "message", "content": []}),
        event("content_part.added", content_index=0, part={"type": "output_text", "text": ""}),
        event("output_text.delta", content_index=0, delta="Y"),
        event("output_text.delta", content_index=0, delta="es"),
        event("output_item.done", item=MESSAGE),
        event("completed", response=response),
    ) == [
        Begin(0, "text"),
        Delta(0, "Y"),
        Delta(0, "es"),
        Done(0),
        Counted(counted),
        End("stop"),
    ]


def test_text_without_a_beginning_of_its_item_is_read() -> None:
    """Some bridges leave the beginning of text after reasoning out."""
    events = stream(
        event("reasoning_text.delta", content_index=0, delta="Hm"),
        event("output_text.delta", 1, content_index=0, delta="Yes"),
        COMPLETED,
    )
    assert [item[0] for item in items(events)] == ["reasoning", "text"]


def test_what_was_not_streamed_is_read_from_the_end() -> None:
    done = stream(event("output_item.done", item=CALL), COMPLETED)
    assert items(done) == [("tool_call", "c1", "look", "{}", "")]
    response = {"status": "completed", "output": [MESSAGE, CALL]}
    events = stream(event("output_item.done", item=MESSAGE), event("completed", response=response))
    assert [item[0] for item in items(events)] == ["text", "tool_call"]
    assert events[-1] == End("tool_calls")


def test_a_call_piece_by_piece() -> None:
    added = {**CALL, "arguments": ""}
    events = stream(
        event("output_item.added", item=added),
        event("function_call_arguments.delta", delta="{"),
        event("function_call_arguments.delta", delta="}"),
        event("function_call_arguments.done", arguments="{}"),
        event("output_item.done", item=CALL),
        COMPLETED,
    )
    begin = Begin(0, "tool_call", "c1", "look")
    assert events == [begin, Delta(0, "{"), Delta(0, "}"), Done(0), End("tool_calls")]


def test_the_input_of_a_custom_tool_becomes_the_json_of_a_function() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": 'a"'}
    assert items(whole(status="completed", output=[custom]))[0][3] == '{"input":"a\\""}'


def test_the_parts_of_a_summary_are_paragraphs_and_the_sealed_data_is_kept() -> None:
    texts = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    item = {"type": "reasoning", "summary": texts, "encrypted_content": "seal"}
    events = stream(
        event("output_item.added", item={"type": "reasoning", "summary": []}),
        event("reasoning_summary_text.delta", summary_index=0, delta="a"),
        event("reasoning_summary_text.delta", summary_index=1, delta="b"),
        event("output_item.done", item=item),
        COMPLETED,
    )
    expected = [("reasoning", "", "", "a\n\nb", "seal")]
    assert items(events) == items(whole(status="completed", output=[item])) == expected


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        (None, "length"),
    ],
)
def test_what_is_incomplete_says_why_and_its_item_is_not_done(reason: Any, ending: Any) -> None:
    item = {**MESSAGE, "status": "incomplete"}
    response = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": [item]}
    assert whole(**response) == [Begin(0, "text"), Delta(0, "Yes"), End(ending)]
    assert stream(event("incomplete", response=response))[-1] == End(ending)


@pytest.mark.parametrize(
    "failure",
    [
        {"type": "error", "code": "full", "message": "Full", "param": None},
        {"type": "error", "error": {"code": "full", "message": "Full"}},
        {"error": {"code": "full", "message": "Full"}},
        event("failed", response={"error": {"code": "full", "message": "Full"}}),
    ],
)
def test_a_failure_in_any_form_ends_it(failure: dict[str, Any]) -> None:
    *_, failed = stream(failure, COMPLETED)
    assert isinstance(failed, Failed)
    assert (failed.error.message, failed.error.code) == ("Full", "full")


@pytest.mark.parametrize("name", ["message", "error"])
def test_a_flat_error_has_no_type_of_its_own(name: str) -> None:
    seen: list[Any] = []

    def note(data: Mapping[str, Any]) -> AqueductError:
        seen.append(data)
        return read_failure(data)

    feed(ResponsesReader(note), {"type": "error", "code": "full", "message": "Full"}, name=name)
    assert seen == [{"error": {"code": "full", "message": "Full"}}]


def test_a_whole_failure() -> None:
    error = {"code": "full", "message": "Full"}
    for answer in ({"status": "failed", "error": error}, {"error": error}):
        failed = whole(**answer)[-1]
        assert isinstance(failed, Failed)
        assert failed.error.message == "Full"


@pytest.mark.parametrize("answer", [{}, {"status": "in_progress"}, {"status": 5, "output": 5}])
def test_a_whole_answer_that_is_not_complete_is_a_failure(answer: dict[str, Any]) -> None:
    failed = whole(**answer)[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DisconnectedError)


def test_neither_done_nor_the_end_of_the_body_completes_it() -> None:
    text = event("output_text.delta", content_index=0, delta="a")
    failed = feed(ResponsesReader(read_failure), text, "[DONE]")[-1]
    assert isinstance(failed, Failed)


def test_items_of_the_servers_own_tools_and_unknown_events_are_left_out() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    added, done = event("output_item.added", item=search), event("output_item.done", item=search)
    assert stream(added, event("web_search_call.searching"), done, COMPLETED) == [End("stop")]
