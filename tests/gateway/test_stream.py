from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from aqueduct_jupyter.gateway.stream import AnswerStream, error_event
from aqueduct_jupyter.protocol.errors import (
    ContextLengthError,
    DisconnectedError,
    RateLimitError,
    UpstreamError,
)
from aqueduct_jupyter.protocol.sse import decode_frame

from ..standin import DONE, chunk, event, usage_chunk

WIRE = chunk("Hel") + b": ping\n\n" + chunk('lo "usage": {') + usage_chunk(7, 9) + DONE


def fed(
    wire: bytes, *, wants_usage: bool = False, size: int = 10_000
) -> tuple[bytes, AnswerStream]:
    stream = AnswerStream("campus", wants_usage=wants_usage, secrets=("sk-secret",))
    pieces = [wire[start : start + size] for start in range(0, len(wire), size)]
    passed = b"".join(stream.feed(piece) for piece in pieces)
    stream.end()
    return passed, stream


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_bytes_pass_untouched_and_the_tokens_are_counted(size: int) -> None:
    passed, stream = fed(WIRE, wants_usage=True, size=size)
    assert passed == WIRE
    assert stream.is_done
    assert stream.error is None
    assert stream.usage
    assert (stream.usage.prompt_tokens, stream.usage.completion_tokens) == (7, 9)
    assert stream.deltas == 2


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_tokens_nobody_asked_for_are_not_shown(size: int) -> None:
    passed, stream = fed(WIRE, size=size)
    assert passed == WIRE.replace(usage_chunk(7, 9), b"")
    assert stream.usage


def test_tokens_in_a_chunk_with_text_vanish_and_the_text_stays() -> None:
    passed, stream = fed(chunk("Hi", usage={"prompt_tokens": 1, "completion_tokens": 2}) + DONE)
    first = decode_frame(passed[: passed.index(b"\n\n") + 2])
    assert first
    assert json.loads(first.data)["choices"][0]["delta"] == {"content": "Hi"}
    assert b"usage" not in passed
    assert stream.usage


def test_a_null_usage_in_every_chunk_is_no_reason_to_touch_it() -> None:
    wire = chunk("Hi", usage=None) + DONE
    assert fed(wire)[0] == wire


def test_the_word_done_in_the_text_is_no_end() -> None:
    wire = chunk("data: [DONE]\n\n and [DONE]")
    passed, stream = fed(wire)
    assert passed == wire
    assert not stream.is_done


@pytest.mark.parametrize("wire", [b"", chunk("Hi"), chunk("Hi") + b"data: {"])
def test_a_stream_without_its_end_is_an_error(wire: bytes) -> None:
    passed, stream = fed(wire)
    assert isinstance(stream.error, DisconnectedError)
    assert not stream.is_done
    assert not passed.endswith(b"{")


def test_nothing_after_done_passes() -> None:
    passed, stream = fed(DONE + chunk("more"))
    assert passed == DONE
    assert stream.is_done
    assert stream.feed(chunk("still more")) == b""


def test_an_error_event_ends_the_stream_in_our_words() -> None:
    bad = event({"error": {"message": "out of memory, key sk-secret", "code": 500}})
    passed, stream = fed(chunk("Hi") + bad + DONE)
    assert passed == chunk("Hi")
    assert isinstance(stream.error, UpstreamError)
    assert stream.error.status == 502
    assert "out of memory" in stream.error.message
    assert "sk-secret" not in stream.error.message
    assert not stream.is_done


def test_an_error_event_keeps_the_kind_that_the_upstream_named() -> None:
    words = {"message": "Slow down", "code": 429, "type": "rate_limit_error"}
    assert isinstance(fed(event({"error": words}))[1].error, RateLimitError)
    named = b'event: error\ndata: {"message": "maximum context length is 10", "code": 400}\n\n'
    assert fed(named)[1].error is not None
    long = {"message": "maximum context length is 10", "code": 400}
    assert isinstance(fed(event({"error": long}))[1].error, ContextLengthError)


def test_a_null_error_is_no_error() -> None:
    wire = chunk("Hi", error=None) + DONE
    passed, stream = fed(wire)
    assert passed == wire
    assert stream.error is None


def test_comments_alone_do_not_begin_the_answer() -> None:
    stream = AnswerStream("campus", wants_usage=False)
    stream.feed(b": waiting\n\n")
    assert not stream.has_begun
    stream.feed(chunk("Hi"))
    assert stream.has_begun


def test_our_error_event_is_one_frame_with_the_envelope() -> None:
    frame = error_event(DisconnectedError("Gone."))
    decoded = decode_frame(frame)
    assert decoded
    assert json.loads(decoded.data)["error"]["code"] == "upstream_disconnected"
    assert frame.endswith(b"\n\n")


def test_a_read_with_nothing_to_judge_passes_at_once_and_counts() -> None:
    stream = AnswerStream("campus", wants_usage=False)
    sent: list[bytes] = []
    assert not stream.passes(sends(sent), chunk("a")), "the first says that the answer has begun"
    assert stream.feed(chunk("a")) == chunk("a")
    assert stream.passes(sends(sent), chunk("b") + chunk("c"))
    assert sent == [chunk("b") + chunk("c")]
    assert stream.deltas == 3


@pytest.mark.parametrize(
    "data",
    [
        chunk("b")[:-1],
        chunk("b").replace(b"\n", b"\r\n"),
        usage_chunk(),
        DONE,
        event({"error": {"message": "Too many."}}),
        b"event: error\ndata: {}\n\n",
        chunk("b") + DONE,
    ],
)
def test_a_read_that_may_mean_something_is_to_be_fed(data: bytes) -> None:
    stream = AnswerStream("campus", wants_usage=True)
    stream.feed(chunk("a"))
    sent: list[bytes] = []
    assert not stream.passes(sends(sent), data)
    assert not sent
    stream.feed(data)
    assert stream.passes(sends(sent), chunk("c")) is (
        data.endswith((b"\r\n", b"\n\n")) and not stream.is_over
    )


def test_a_read_that_could_not_be_sent_is_not_counted_twice() -> None:
    stream = AnswerStream("campus", wants_usage=True)
    stream.feed(chunk("a"))
    assert not stream.passes(lambda _: False, chunk("b"))
    assert stream.feed(chunk("b")) == chunk("b")
    assert stream.deltas == 2


def sends(sent: list[bytes]) -> Callable[[bytes], bool]:
    def send(data: bytes) -> bool:
        sent.append(data)
        return True

    return send
