"""Streams of Responses and Messages pass as they are, and end only as their APIs say."""

from __future__ import annotations

import json

import pytest

from aqueduct_jupyter.gateway.requests.checked_stream import CheckedStream
from aqueduct_jupyter.gateway.requests.event_streams import MessagesStream, ResponsesStream
from aqueduct_jupyter.gateway.requests.stream import read_usage
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.errors import RequestStoppedError

from ...standin import DONE, message_events, named, response_events

STREAMS = {
    "responses": (ResponsesStream, response_events),
    "messages": (MessagesStream, message_events),
}
both = pytest.mark.parametrize("api", STREAMS)


def events_in(frames: bytes) -> list[dict[str, object]]:
    lines = [line for line in frames.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@both
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_frames_pass_as_they_are_wherever_they_are_cut(api: str, size: int) -> None:
    kind, events = STREAMS[api]
    wire = b"".join(events())
    stream = kind("campus")
    passed = b"".join(stream.feed(wire[at : at + size]) for at in range(0, len(wire), size))
    assert passed == wire + (DONE if api == "responses" else b"")
    assert stream.is_done
    assert stream.usage is not None
    assert (stream.usage.prompt_tokens, stream.usage.completion_tokens) == (3, 2)
    assert stream.end() == b""
    assert stream.error is None


@both
def test_what_comes_after_the_end_is_left_out(api: str) -> None:
    kind, events = STREAMS[api]
    stream = kind("campus")
    passed = stream.feed(b"".join(events()) + DONE + named("error", message="late"))
    assert passed.count(b"[DONE]") == (api == "responses")
    assert b"late" not in passed
    assert stream.feed(b"data: more\n\n") == b""


@both
def test_a_text_that_looks_like_an_end_is_a_text(api: str) -> None:
    kind, events = STREAMS[api]
    text = 'event: error response.completed message_stop "type":"error" [DONE]'
    stream = kind("campus")
    wire = b"".join(events(text)[:-1])
    assert stream.feed(wire) == wire
    assert not stream.is_over


@both
def test_plain_frames_are_sent_directly_and_the_end_is_not(api: str) -> None:
    kind, events = STREAMS[api]
    stream = kind("campus")
    sent: list[bytes] = []

    def send(data: bytes) -> bool:
        sent.append(data)
        return True

    first, *middle, last = events()
    plain = [frame for frame in middle if stream.first_mark(frame) < 0]
    assert not stream.forward(send, plain[0]), "nothing has begun"
    stream.feed(first)
    assert all(stream.forward(send, frame) for frame in plain)
    assert not stream.forward(send, last)
    assert sent == plain


@both
@pytest.mark.parametrize(
    "error",
    [
        {"error": {"type": "overloaded_error", "message": "No room at sk-secret-key"}},
        {"code": "x", "message": "No room at sk-secret-key", "param": None},
    ],
    ids=["nested", "flat"],
)
def test_an_error_event_ends_the_stream_in_our_words(api: str, error: dict[str, object]) -> None:
    kind, events = STREAMS[api]
    stream: CheckedStream = kind("campus", Secrets("sk-secret-key"))
    wire = b"".join(events()[:3])
    assert stream.feed(wire + named("error", **error)) == wire
    assert stream.error is not None
    assert "No room" in stream.error.message
    frames = stream.error_frames(stream.error)
    assert b"sk-secret-key" not in frames
    described = events_in(frames)
    if api == "messages":
        assert [event["type"] for event in described] == ["error"]
    else:
        assert [event["type"] for event in described] == ["error", "response.failed"]
        assert [event["sequence_number"] for event in described] == [3, 4]
        failed = described[1]["response"]
        assert isinstance(failed, dict)
        assert failed["status"] == "failed"
        assert set(failed["error"]) == {"code", "message"}
        assert failed["id"] == events_in(wire)[0]["response"]["id"]  # type: ignore[index]  # an object


@both
def test_an_end_of_the_body_alone_is_no_end(api: str) -> None:
    kind, events = STREAMS[api]
    stream = kind("campus")
    stream.feed(b"".join(events()[:-1]))
    assert stream.end() == b""
    assert "before its answer was complete" in str(stream.error)


@both
def test_a_last_event_without_its_empty_line_counts(api: str) -> None:
    kind, events = STREAMS[api]
    stream = kind("campus")
    wire = b"".join(events())
    passed = stream.feed(wire[:-2]) + stream.end()
    assert stream.is_done
    assert passed.startswith(wire)


def test_a_failed_response_is_an_error() -> None:
    stream = ResponsesStream("campus")
    failed = {"status": "failed", "error": {"code": "server_error", "message": "It broke."}}
    assert stream.feed(named("response.failed", response=failed)) == b""
    assert "It broke." in str(stream.error)


def test_a_stopped_response_has_both_events_without_a_beginning() -> None:
    frames = ResponsesStream("campus").error_frames(RequestStoppedError("The request was stopped."))
    assert [event["type"] for event in events_in(frames)] == ["error", "response.failed"]


def test_what_went_through_anthropics_cache_counts_as_input() -> None:
    stream = MessagesStream("campus")
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
    stream.feed(named("message_start", message={"usage": usage}))
    stream.feed(named("message_delta", delta={}, usage={"output_tokens": 5}))
    assert stream.usage is not None
    assert (stream.usage.prompt_tokens, stream.usage.completion_tokens) == (123, 5)
    assert stream.usage.cached_tokens == 100


def test_details_of_a_response_are_read() -> None:
    usage = {
        "input_tokens": 9,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 4},
    }
    read = read_usage({"usage": usage})
    assert read is not None
    assert (read.prompt_tokens, read.cached_tokens, read.reasoning_tokens) == (9, 8, 4)
