from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.gateway.requests.stream import AnswerStream, error_event
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.errors import (
    ContextLengthError,
    DisconnectedError,
    RateLimitError,
    UpstreamError,
)
from aqueduct_jupyter.protocol.sse import decode_frame

from ...standin import DONE, chunk, event, usage_chunk

WIRE = chunk("Hel") + b": ping\n\n" + chunk('lo "usage": {') + usage_chunk(7, 9) + DONE


def fed(
    wire: bytes, *, wants_usage: bool = False, size: int = 10_000, choices: int = 1
) -> tuple[bytes, AnswerStream]:
    stream = AnswerStream(
        "campus", wants_usage=wants_usage, choices=choices, secrets=Secrets("sk-secret")
    )
    pieces = [wire[start : start + size] for start in range(0, len(wire), size)]
    passed = b"".join(stream.feed(piece) for piece in pieces)
    return passed + stream.end(), stream


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


def finish(index: int = 0, reason: str | None = "stop", **more: Any) -> bytes:
    return event({"choices": [{"index": index, "delta": {}, "finish_reason": reason}], **more})


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("last", [finish(), finish()[:-1], finish()[:-2], finish() + usage_chunk()])
def test_a_stream_that_finished_every_choice_is_whole_and_done_is_ours(
    last: bytes, size: int
) -> None:
    passed, stream = fed(chunk("Hi") + last, size=size, wants_usage=True)
    assert stream.error is None
    assert stream.is_done
    assert passed.endswith(b"\n\n" + DONE)
    assert passed.startswith(chunk("Hi") + last)


def test_the_last_word_may_lack_its_empty_line() -> None:
    passed, stream = fed(chunk("Hi") + DONE[:-1])
    assert stream.error is None
    assert passed.endswith(DONE)
    assert passed.count(b"[DONE]") == 1


def test_every_choice_that_was_asked_for_has_to_finish() -> None:
    wire = chunk("Hi") + finish(1) + finish(0)
    assert fed(wire, choices=2)[1].error is None
    assert isinstance(fed(wire, choices=3)[1].error, DisconnectedError)
    assert isinstance(fed(chunk("Hi") + finish(1), choices=2)[1].error, DisconnectedError)


@pytest.mark.parametrize("choices", [5, [5], [None], {}, [{"index": "x", "finish_reason": None}]])
def test_choices_that_are_none_finish_nothing(choices: Any) -> None:
    wire = chunk("Hi") + event({"choices": choices, "usage": {"prompt_tokens": 1}})
    assert isinstance(fed(wire)[1].error, DisconnectedError)


NULLS = chunk("Hi", usage=None, error=None)


@pytest.mark.parametrize("wire", [NULLS, NULLS.replace(b": null", b":null")])
def test_fields_that_are_null_pass_by_as_if_they_were_not_there(wire: bytes) -> None:
    sent: list[bytes] = []
    stream = AnswerStream("campus", wants_usage=False)
    stream.feed(chunk("Hi"))
    assert stream.forward(lambda data: not sent.append(data), wire)
    assert sent == [wire]


@pytest.mark.parametrize("wire", [usage_chunk(), DONE, finish(), event({"error": "x"})])
def test_what_matters_does_not_pass_by(wire: bytes) -> None:
    stream = AnswerStream("campus", wants_usage=False)
    stream.feed(chunk("Hi"))
    assert not stream.forward(lambda data: True, NULLS + wire)


def test_nothing_passes_by_what_is_being_judged() -> None:
    stream = AnswerStream("campus", wants_usage=False)
    stream.feed(chunk("Hi"))
    stream.is_judging = True
    assert not stream.forward(lambda data: True, chunk("Hi"))


def test_half_a_character_beside_tokens_nobody_asked_for_passes() -> None:
    passed, stream = fed(chunk("\ud83d", usage={"prompt_tokens": 1}) + DONE)
    assert b"\\ud83d" in passed
    assert stream.error is None


def test_an_event_has_twenty_megabytes_at_most() -> None:
    stream = AnswerStream("campus", wants_usage=False)
    for _ in range(20):
        stream.feed(b"x" * 2**20)
    assert stream.error is None
    stream.feed(b"x")
    assert isinstance(stream.error, DisconnectedError)
    assert "more than 20 MB" in stream.error.message


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
    assert not stream.forward(sends(sent), chunk("a")), "the first says that the answer has begun"
    assert stream.feed(chunk("a")) == chunk("a")
    assert stream.forward(sends(sent), chunk("b") + chunk("c"))
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
    assert not stream.forward(sends(sent), data)
    assert not sent
    stream.feed(data)
    assert stream.forward(sends(sent), chunk("c")) is (
        data.endswith((b"\r\n", b"\n\n")) and not stream.is_over
    )


def test_a_read_that_could_not_be_sent_is_not_counted_twice() -> None:
    stream = AnswerStream("campus", wants_usage=True)
    stream.feed(chunk("a"))
    assert not stream.forward(lambda _: False, chunk("b"))
    assert stream.feed(chunk("b")) == chunk("b")
    assert stream.deltas == 2


def sends(sent: list[bytes]) -> Callable[[bytes], bool]:
    def send(data: bytes) -> bool:
        sent.append(data)
        return True

    return send
