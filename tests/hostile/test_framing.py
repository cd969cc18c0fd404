"""Streams from an upstream that frames its events in every odd way, cut anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.gateway.requests.stream import AnswerStream

from ..examples import examples
from ..real_server import RealServer
from ..standin import DONE, StandIn, chunk, event, usage_chunk

PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"),
        *(b"data: ", b"data:", b"data", b"event: error\n", b"event: x\n", b"id: \0\n", b"retry: 9"),
        *(b": comment", b":", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", "\u2028\x85".encode()),
        *(b"[DONE]", b" [DONE] ", b'"error"', b'"usage"', b"{", b"}", b"null", b'{"error": null}'),
        *(b"data: [DONE]", DONE, chunk("x"), usage_chunk(), event({"error": {"message": "No."}})),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        *(event({"error": "x"}), event({"usage": "x"}), event([1]), event({"choices": "x"})),
    ]
)
WIRES = st.lists(PIECES, max_size=24).map(b"".join)


def events_of(wire: bytes) -> Iterator[bytes]:
    """Read events by the letter of the standard, after its byte order mark: line by line."""
    data: list[bytes] = []
    *lines, _ = re.split(rb"\r\n|\n|\r", wire)
    for line in lines:
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            if data:
                yield b"\n".join(data)
            data = []


def is_done(event: bytes) -> bool:
    # As text: a space of any alphabet around the word changes nothing.
    return event.decode(errors="replace").strip() == "[DONE]"


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


@settings(max_examples=examples(1_000))
@given(WIRES, st.lists(st.integers(0, 10_000), max_size=8))
def test_only_a_stream_that_says_its_end_is_whole_however_it_is_cut(
    wire: bytes, cuts: list[int]
) -> None:
    stream = AnswerStream("campus", wants_usage=True)
    passed = b"".join(stream.feed(piece) for piece in cut(wire, cuts))
    assert wire.removeprefix(b"\xef\xbb\xbf").startswith(passed)
    passed += stream.end()
    dones = [is_done(event) for event in events_of(passed)]
    assert stream.is_done is any(dones)
    assert (stream.error is None) is stream.is_done
    if stream.is_done:
        assert dones[-1]
        assert dones.count(True) == 1


@settings(max_examples=examples(60))
@given(WIRES, st.lists(st.integers(0, 10_000), max_size=4))
def test_a_client_gets_a_whole_answer_or_an_error(
    server: RealServer, upstream: StandIn, wire: bytes, cuts: list[int]
) -> None:
    # An empty piece would end a chunked response.
    upstream.stream(*(piece for piece in cut(wire, cuts) if piece))
    response = server.ask(stream=True, stream_options={"include_usage": True})
    if response.status_code != 200:
        assert response.status_code in (400, 502)
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        return
    *_, last = events_of(response.content)
    if not is_done(last):
        assert set(json.loads(last)["error"]) == {"message", "type", "param", "code"}
        assert not any(map(is_done, events_of(response.content)))
