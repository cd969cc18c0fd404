from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.sse import (
    Event,
    FrameBuffer,
    decode_frame,
    encode_event,
    split_frames,
)

STREAM = (
    ": a comment\n\n"
    'data: {"text": "one"}\n\n'
    "event: named\r\nid: 7\r\ndata: first\r\ndata: second\r\n\r\n"
    "data: lone CR\r\r"
    "data: separators \u2028 and \x85 stay, so does \u00e9 and \U0001f600\n\n"
    "data:no space\n\ndata:  two spaces\n\n"
    "data\n\n"
    "retry: 5\n\n"
    "data: [DONE]\n\n"
).encode()

EVENTS = [
    Event('{"text": "one"}'),
    Event("first\nsecond", "named", "7"),
    Event("lone CR"),
    Event("separators \u2028 and \x85 stay, so does \u00e9 and \U0001f600"),
    Event("no space"),
    Event(" two spaces"),
    Event(""),
    Event("[DONE]"),
]


def read(pieces: list[bytes]) -> list[Event]:
    buffer = FrameBuffer()
    frames = [frame for piece in pieces for frame in split_frames(buffer.feed(piece))]
    return [event for event in map(decode_frame, frames) if event]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_stream_cut_in_two_at_any_byte_gives_the_same_events(cut: int) -> None:
    assert read([STREAM[:cut], STREAM[cut:]]) == EVENTS


def test_a_stream_that_arrives_byte_by_byte_gives_the_same_events() -> None:
    assert read([bytes([byte]) for byte in STREAM]) == EVENTS


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_a_line_end(end: bytes) -> None:
    lines = [b"data: a", b"data: b", b"", b"data: c", b"", b""]
    assert read([end.join(lines)]) == [Event("a\nb"), Event("c")]


def test_the_bytes_that_pass_are_the_bytes_that_came() -> None:
    buffer = FrameBuffer()
    passed = b"".join(buffer.feed(bytes([byte])) for byte in STREAM)
    assert passed == STREAM
    assert buffer.pending == 0


def test_an_event_without_its_blank_line_does_not_pass() -> None:
    buffer = FrameBuffer()
    assert buffer.feed(b"data: whole\n\ndata: ha") == b"data: whole\n\n"
    assert buffer.pending == len(b"data: ha")


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert read([b"\xef\xbb\xbfdata: x\n\n"]) == [Event("x")]


def test_a_gigantic_event_in_small_pieces_passes_whole() -> None:
    data = json.dumps({"text": "x" * 2_000_000}).encode()
    wire = b"data: " + data + b"\n\n"
    pieces = [wire[start : start + 1000] for start in range(0, len(wire), 1000)]
    assert read(pieces) == [Event(data.decode())]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(TEXT.map(lambda text: text.replace("\r", "")), max_size=6), st.data())
def test_what_is_written_is_read_again_however_it_is_cut(
    texts: list[str], data: st.DataObject
) -> None:
    wire = b"".join(encode_event(Event(text)) for text in texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    edges = [0, *cuts, len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(edges)]
    assert [event.data for event in read(pieces)] == texts


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(wire: bytes) -> None:
    read([wire, b"\n\n"])
