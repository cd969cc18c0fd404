"""Chunks that are read all at once say what they say one by one, whatever stands among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.alike_chunks import AlikeChunks
from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.items import Begin, Delta, End, ItemEvent
from aqueduct_jupyter.protocol.sse import decode_frame, split_frames

from .answers import items, read_failure


def frame(finish: str | None = None, more: dict[str, Any] | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "c", "choices": [choice], **(more or {})}).encode()


def raw(text: bytes) -> bytes:
    """A chunk whose text is written as it is, so that it may be no JSON at all."""
    return frame(content="@").replace(b"@", text)


def one_by_one(frames: bytes) -> Sequence[ItemEvent]:
    reader = ChatReader(read_failure)
    events = [event for one in split_frames(frames) if (event := decode_frame(one))]
    return [*(item for event in events for item in reader.feed(event)), *reader.end()]


def at_once(reads: Sequence[bytes]) -> Sequence[ItemEvent]:
    reader = ChatReader(read_failure)
    return [*(item for frames in reads for item in reader.read(frames)), *reader.end()]


def summary(events: Sequence[ItemEvent]) -> Any:
    return items(events), type(events[-1]), [e for e in events if isinstance(e, End)]


PIECES = st.text(st.sampled_from('ab"\\\n,:{}é😀\u2028'), max_size=4)
RAW = st.sampled_from(
    [b"\\", b"\\\\", b'\\"', b'"', b'","x":"', b"\\ud83d", b"\\ude00", b"\\u00e9", b"\x01", b"a"]
)
OTHERS = st.sampled_from(
    [
        frame(reasoning_content="Hm", content=""),
        frame(role="assistant", content="x"),
        frame(refusal="No", content="x"),
        frame(content="x", tool_calls=[{"index": 0, "id": "c", "function": {"name": "f"}}]),
        frame(content="x", more={"usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
        frame("length", content="x"),
        frame(content="x", more={"choices": [{"index": 1, "delta": {"content": "x"}}]}),
        frame(content=[{"type": "text", "text": "x"}]),
        frame(content="x").replace(b"\n\n", b"\r\n\r\n"),
        frame(content="x", more={"id": "another"}),
        b'data: {"error": {"message": "No room"}, "choices": [{"delta": {"content": "x"}}]}\n\n',
        b": waiting\n\n",
        b"data: [DONE]\n\n",
    ]
)
CHUNKS = PIECES.map(lambda text: frame(content=text)) | RAW.map(raw) | OTHERS


@given(st.lists(st.lists(CHUNKS, min_size=1, max_size=5).map(b"".join), max_size=8))
def test_all_at_once_they_say_what_they_say_one_by_one(reads: list[bytes]) -> None:
    reads = [frame(content="a"), *reads]
    assert summary(at_once(reads)) == summary(one_by_one(b"".join(reads)))


@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
def test_alike_chunks_of_one_read_are_one_delta(field: str) -> None:
    reads = [frame(**{field: "a"}), b"".join(frame(**{field: f"<{n}>"}) for n in range(3))]
    kind = "text" if field == "content" else "reasoning"
    assert at_once(reads)[:3] == [Begin(0, kind), Delta(0, "a"), Delta(0, "<0><1><2>")]  # type: ignore[arg-type]


def found(alike: AlikeChunks, frames: bytes) -> tuple[int, str | None]:
    return alike.find(frames, 0)


def test_an_empty_field_beside_the_text_does_not_matter() -> None:
    alike = AlikeChunks()
    alike.learn(frame(content="", reasoning="a"))
    frames = frame(content="", reasoning="b") * 2
    assert found(alike, frames) == (len(frames), "bb")
    assert alike.field == "reasoning"


def test_chunks_are_found_up_to_the_first_that_is_unlike() -> None:
    alike = AlikeChunks()
    alike.learn(frame(content="a"))
    alike_ones = frame(content="b") + frame(content="c")
    assert found(alike, alike_ones + frame("stop") + alike_ones) == (len(alike_ones), "bc")


def test_nothing_is_found_that_was_not_learned() -> None:
    assert found(AlikeChunks(), frame(content="a")) == (0, None)


def test_chunks_that_are_never_alike_are_given_up() -> None:
    alike = AlikeChunks()
    for number in range(99):
        alike.learn(frame(content="a", more={"id": number}))
    assert found(alike, frame(content="a", more={"id": 98})) == (0, None)
