"""What servers send as chat completions, and the items that they mean."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.errors import DisconnectedError
from aqueduct_jupyter.protocol.items import Begin, Counted, Delta, Done, End, Failed
from aqueduct_jupyter.protocol.sse import Event

from .answers import feed, items, read, read_failure


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(**fields: Any) -> dict[str, Any]:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**fields, "function": function}


def reader() -> ChatReader:
    return ChatReader(read_failure)


def test_text_comes_piece_by_piece() -> None:
    events = [chunk(role="assistant", content=""), chunk(content="a"), chunk(content="b")]
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert feed(reader(), *events, chunk("stop"), usage, "[DONE]") == [
        Begin(0, "text"),
        Delta(0, "a"),
        Delta(0, "b"),
        Counted(Usage(prompt_tokens=3, completion_tokens=2)),
        Done(0),
        End("stop"),
    ]


def test_a_role_alone_begins_nothing_so_that_reasoning_can_come_first() -> None:
    first = reader().feed(Event('{"choices": [{"delta": {"role": "assistant", "content": ""}}]}'))
    assert first == []


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_done_when_the_text_begins(field: str) -> None:
    events = [chunk(content="", **{field: "Hm"}), chunk(content="Yes"), chunk("stop")]
    assert feed(reader(), *events) == [
        Begin(0, "reasoning"),
        Delta(0, "Hm"),
        Done(0),
        Begin(1, "text"),
        Delta(1, "Yes"),
        Done(1),
        End("stop"),
    ]


def test_a_refusal_is_an_item_of_its_own() -> None:
    events = feed(reader(), chunk(refusal="No"), chunk(refusal="."), chunk("stop"))
    assert items(events) == [("refusal", "", "", "No.", "")]


@pytest.mark.parametrize(
    "pieces",
    [
        # OpenAI's order, and one where the calls interleave.
        [
            [call(index=0, id="c1", name="look", arguments="")],
            [call(index=0, arguments="{}")],
            [call(index=1, id="c2", name="write", arguments="")],
            [call(index=1, arguments="[]")],
        ],
        [
            [call(index=0, id="c1", name="look", arguments="{")],
            [call(index=1, id="c2", name="write", arguments="[")],
            [call(index=0, arguments="}"), call(index=1, arguments="]")],
        ],
        # The name and the id every time.
        [
            [call(index=0, id="c1", name="look", arguments="{")],
            [call(index=0, id="c1", name="look", arguments="}")],
            [call(index=1, id="c2", name="write", arguments="[]")],
        ],
        # No index.
        [
            [call(id="c1", name="look", arguments="{")],
            [call(arguments="}")],
            [call(id="c2", name="write", arguments="[]")],
        ],
        # All in one chunk, and whole calls that all have the index 0.
        [[call(id="c1", name="look", arguments={}), call(id="c2", name="write", arguments="[]")]],
        [
            [call(index=0, id="c1", name="look", arguments="{}")],
            [call(index=0, id="c2", name="write", arguments="[]")],
        ],
    ],
)
def test_calls_are_put_together_whatever_their_pieces_look_like(pieces: list[Any]) -> None:
    events = feed(reader(), *(chunk(tool_calls=piece) for piece in pieces), chunk("tool_calls"))
    assert items(events) == [
        ("tool_call", "c1", "look", "{}", ""),
        ("tool_call", "c2", "write", "[]", ""),
    ]
    assert events[-1] == End("tool_calls")


def test_calls_without_ids_get_their_own() -> None:
    calls = [call(name="look", arguments="{}"), call(name="look", arguments="{}")]
    events = [e for _ in range(2) for e in feed(reader(), chunk("stop", tool_calls=calls))]
    ids = {event.id for event in events if isinstance(event, Begin)}
    assert len(ids) == 4
    assert all(name.startswith("call_") for name in ids)
    # Some servers call the end of calls a stop.
    assert events[-1] == End("tool_calls")


def test_text_before_a_call_is_done_and_the_call_stays_open() -> None:
    said = reader()
    events = [
        *said.feed(Event('{"choices":[{"delta":{"content":"I look."}}]}')),
        *said.feed(
            Event(
                '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]}}]}'
            )
        ),
    ]
    assert events == [
        Begin(0, "text"),
        Delta(0, "I look."),
        Done(0),
        Begin(1, "tool_call", "c", "f"),
    ]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("content_filter", "content_filter")],
)
def test_a_finish_reason_and_the_end_of_the_body_make_it_complete(reason: str, ending: Any) -> None:
    assert feed(reader(), chunk(content="a"), chunk(reason))[-1] == End(ending)


def test_a_stream_that_just_ends_is_not_complete() -> None:
    failed = feed(reader(), chunk(content="a"))[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DisconnectedError)
    assert failed.error.message == (
        "The upstream ended the stream before its answer was complete. Send the request again."
    )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ('{"error": {"message": "Full", "code": 503}}', "message"),
        ('{"error": "Full"}', "message"),
        ('{"message": "Full"}', "error"),
        ("Full", "error"),
    ],
)
def test_an_error_ends_it(data: str, name: str) -> None:
    failed = read(reader(), [Event(data, name), Event("[DONE]")])
    assert [str(event.error) for event in failed if isinstance(event, Failed)] == ["Full"]


@pytest.mark.parametrize(
    "data",
    [
        *("{", "[]", '{"choices": 5}', '{"choices": [{"delta": 5}]}'),
        '{"choices": [{"delta": {"content": 5}}]}',
        '{"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{"}}]}}]}',
        '{"choices": [{"finish_reason": "error"}]}',
    ],
)
def test_what_cannot_be_understood_is_a_failure(data: str) -> None:
    failed = read(reader(), [Event(data)])[-1]
    assert isinstance(failed, Failed)
    assert "cannot be understood" in failed.error.message


def test_a_character_in_two_halves_is_whole_and_a_lone_half_is_replaced() -> None:
    halves = [chunk(content="a\ud83d"), chunk(content="\ude00"), chunk("stop", content="\ud83d")]
    assert items(feed(reader(), *halves)) == [("text", "", "", "a\U0001f600\ufffd", "")]


def test_empty_events_other_choices_and_parts_of_text_are_no_problem() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "no"}}]}
    parts = chunk("stop", content=[{"type": "text", "text": "yes"}])
    events = read(reader(), [Event("")])
    assert isinstance(events[-1], Failed)
    assert items(feed(reader(), other, parts)) == [("text", "", "", "yes", "")]


def test_a_whole_completion() -> None:
    message = {
        "content": "Yes",
        "reasoning_content": "Hm",
        "tool_calls": [call(name="f", id="c", arguments="{}"), call(name="f", id="c")],
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": usage}
    events = reader().whole(answer)
    assert [item[:4] for item in items(events)] == [
        ("reasoning", "", "", "Hm"),
        ("text", "", "", "Yes"),
        ("tool_call", "c", "f", "{}"),
        ("tool_call", "c", "f", ""),
    ]
    assert events[-2:] == [
        Counted(Usage(prompt_tokens=1, completion_tokens=2)),
        End("tool_calls"),
    ]


@pytest.mark.parametrize("answer", [5, {}, {"choices": []}, {"choices": [{"message": None}]}])
def test_a_whole_completion_without_a_message_is_a_failure(answer: Any) -> None:
    assert isinstance(reader().whole(answer)[-1], Failed)
