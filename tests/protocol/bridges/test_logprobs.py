"""Log probabilities of tokens come over a bridge with the text that they belong to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.bridges.chat_writer import ChatWriter
from aqueduct_jupyter.protocol.bridges.logprobs import read_logprobs
from aqueduct_jupyter.protocol.bridges.messages_writer import MessagesWriter
from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.items import Delta, ItemEvent, Logprobs, in_order

from .answers import HEAD, decoded, feed, frames, read_failure
from .test_round_trips import APIS, HOSTILE, passed, passed_whole


def token(text: str, logprob: float = -0.5) -> dict[str, Any]:
    one = {"token": text, "logprob": logprob, "bytes": list(text.encode())}
    return {**one, "top_logprobs": [one, {"token": "x", "logprob": -3, "bytes": None}]}


def chunk(text: str, *tokens: Any, finish: str | None = None) -> dict[str, Any]:
    logprobs = {"content": list(tokens), "refusal": None} if tokens else None
    choice = {"index": 0, "delta": {"content": text}, "logprobs": logprobs}
    return {"choices": [{**choice, "finish_reason": finish}]}


def weighed(events: list[ItemEvent]) -> list[tuple[str, list[str]]]:
    """Give each text with the tokens that came right before it."""
    found, tokens = [], list[str]()
    for event in events:
        if isinstance(event, Logprobs):
            tokens += [token["token"] for token in event.tokens]
        elif isinstance(event, Delta):
            found.append((event.text, tokens))
            tokens = []
    return [*found, ("", tokens)] if tokens else found


CHUNKS = [
    chunk("Hel", token("Hel")),
    chunk("lo", token("l"), token("o")),
    chunk("!"),
    chunk("", token("<end>"), finish="stop"),
]
STREAMED = feed(ChatReader(read_failure), *CHUNKS)
ALL = [token("Hel"), token("l"), token("o"), token("<end>")]


def test_chat_gives_tokens_before_their_text() -> None:
    expected = [("Hel", ["Hel"]), ("lo", ["l", "o"]), ("!", []), ("", ["<end>"])]
    assert weighed(STREAMED) == expected


def test_responses_have_them_in_the_delta_the_end_of_the_text_and_the_part() -> None:
    sent = decoded(frames(ResponsesWriter(HEAD), STREAMED))
    deltas = [one for one in sent if one["type"] == "response.output_text.delta"]
    assert [one["logprobs"] for one in deltas] == [ALL[:1], ALL[1:3], []]
    (done,) = [one for one in sent if one["type"] == "response.output_text.done"]
    (part,) = [one["part"] for one in sent if one["type"] == "response.content_part.done"]
    whole = sent[-1]["response"]["output"][0]["content"][0]
    assert done["logprobs"] == part["logprobs"] == whole["logprobs"] == ALL
    (added,) = [one["part"] for one in sent if one["type"] == "response.content_part.added"]
    assert added["logprobs"] == []


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_they_survive_an_api_as_a_stream_and_as_a_whole(api: str) -> None:
    assert weighed(passed(api, STREAMED)) == weighed(STREAMED)
    assert weighed(passed_whole(api, STREAMED)) == [("Hello!", [one["token"] for one in ALL])]


def test_chat_has_those_of_a_whole_answer_in_its_choice() -> None:
    (choice,) = ChatWriter(HEAD).whole(STREAMED)["choices"]
    assert choice["logprobs"] == {"content": ALL, "refusal": None}
    (choice,) = ChatWriter(HEAD).whole(feed(ChatReader(read_failure), chunk("a", finish="stop")))[
        "choices"
    ]
    assert choice["logprobs"] is None


def test_those_that_responses_give_only_at_the_end_of_a_part_are_not_lost() -> None:
    part = {"type": "output_text", "text": "Hi", "logprobs": [token("Hi")]}
    events = [
        {"type": "response.output_text.delta", "delta": "Hi", "logprobs": []},
        {"type": "response.output_item.done", "item": {"type": "message", "content": [part]}},
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    ]
    assert weighed(feed(ResponsesReader(read_failure), *events)) == [("Hi", []), ("", ["Hi"])]


def test_messages_have_no_place_for_them() -> None:
    assert "logprob" not in json.dumps(decoded(frames(MessagesWriter(HEAD), STREAMED)))
    assert "logprob" not in json.dumps(MessagesWriter(HEAD).whole(STREAMED))


@pytest.mark.parametrize("is_whole", [True, False])
def test_those_of_reasoning_in_the_text_are_left_out(is_whole: bool) -> None:
    pieces = ["<think>", "Hm", "</think>", "\n", "Yes", "."]
    if is_whole:
        message, tokens = {"content": "".join(pieces)}, [token(piece) for piece in pieces]
        choice = {"message": message, "logprobs": {"content": tokens}, "finish_reason": "stop"}
        events = list(in_order(ChatReader(read_failure).whole({"choices": [choice]})))
    else:
        chunks = [chunk(piece, token(piece)) for piece in pieces]
        events = feed(ChatReader(read_failure), *chunks, chunk("", finish="stop"))
    tokens_of_text = [name for _, names in weighed(events) for name in names]
    assert tokens_of_text == ["Yes", "."]


@given(HOSTILE | st.lists(st.dictionaries(st.sampled_from([*token("a")]), HOSTILE)))
def test_whatever_comes_as_logprobs_can_be_written(value: Any) -> None:
    read_logprobs(value)
    text = {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": value}}]}
    delta = {"type": "response.output_text.delta", "delta": "a", "logprobs": value}
    for reader, event in ((ChatReader, text), (ResponsesReader, delta)):
        events = feed(reader(read_failure), json.loads(json.dumps(event)))
        for _, writer in APIS.values():
            frames(writer(HEAD), events)


@pytest.mark.parametrize(
    "value",
    [
        {"token": "\ud83d", "logprob": -1},
        {"token": "a", "logprob": float("nan")},
        {"token": "a", "logprob": True},
        {"token": 1, "logprob": -1},
        {"token": "a", "logprob": -1, "bytes": [256]},
        {"token": "a", "logprob": -1, "bytes": [True]},
        {"token": "a", "logprob": -1, "top_logprobs": [None, {"token": "b"}]},
    ],
)
def test_what_is_no_token_is_left_out(value: dict[str, Any]) -> None:
    for found in read_logprobs([value]):
        assert found["bytes"] is None
        assert found["top_logprobs"] == []
        assert found["token"] in ("a", "\ufffd")
