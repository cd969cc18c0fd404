"""A stream over a bridge: begun late, joined where it may be, and cut as its client's API says."""

from __future__ import annotations

import json

import pytest

from aqueduct_jupyter.gateway.requests import checked_stream
from aqueduct_jupyter.gateway.requests.bridged_stream import BridgedStream
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.bridges.forms import AnswerHead
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.errors import RequestStoppedError

from ...standin import DONE, chunk, event, usage_chunk

FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


@pytest.fixture
def stream() -> BridgedStream:
    head = AnswerHead("resp_1", "llama", 1)
    return BridgedStream("campus", Secrets("sk-secret-key"), ChatReader, ResponsesWriter(head))


def kinds(frames: bytes) -> list[str]:
    lines = [line for line in frames.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: "))["type"] for line in lines]


@pytest.mark.parametrize(("together", "events"), [(True, 1), (False, 5)])
def test_pieces_that_arrive_together_are_one_event(
    stream: BridgedStream, together: bool, events: int
) -> None:
    pieces = [chunk(f"<{number}>") for number in range(5)]
    reads = [b"".join(pieces)] if together else pieces
    frames = b"".join(map(stream.feed, reads))
    assert kinds(frames).count("response.output_text.delta") == events
    assert stream.deltas == 5
    end = stream.feed(FINISH + usage_chunk() + DONE)
    assert stream.is_done
    assert stream.answer is not None
    assert stream.answer["output"][0]["content"][0]["text"] == "<0><1><2><3><4>"
    assert kinds(end)[-1] == "response.completed"
    assert stream.usage is not None
    assert stream.usage.prompt_tokens == 3


def test_usage_alone_begins_nothing(stream: BridgedStream) -> None:
    assert stream.feed(b": waiting\n\n" + usage_chunk()) == b""
    assert not stream.has_begun
    stream.feed(event({"error": {"message": "No room at sk-secret-key", "code": 503}}))
    assert stream.error is not None
    assert "sk-secret-key" not in stream.error.message
    assert not stream.has_begun, "an error before the first item has a status"


def test_nothing_is_sent_unread(stream: BridgedStream) -> None:
    stream.feed(chunk("a"))
    assert not stream.forward(lambda _: True, chunk("b"))


def test_a_stop_in_the_middle_ends_it_as_its_api_says(stream: BridgedStream) -> None:
    stream.feed(chunk("a"))
    frames = stream.error_frames(RequestStoppedError("The request was stopped."))
    assert kinds(frames) == ["error", "response.failed"]


def test_an_event_has_a_bound(stream: BridgedStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_stream, "LARGEST_EVENT", 1000)
    stream.feed(b"data: " + b"x" * 1001)
    assert stream.error is not None
    assert "event of more than" in stream.error.message
