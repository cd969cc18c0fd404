"""Answers for the tests of bridges: made at random, written, read again and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.forms import AnswerHead, Reader, Writer
from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.chunks import whole_text
from aqueduct_jupyter.protocol.errors import AqueductError, UpstreamError
from aqueduct_jupyter.protocol.items import (
    Begin,
    Counted,
    Delta,
    Done,
    End,
    Ending,
    Failed,
    ItemEvent,
    Sealed,
    in_order,
)
from aqueduct_jupyter.protocol.sse import Event, decode_frame, split_frames

HEAD = AnswerHead("resp_1", "house", 1700000000)

SEALED_HEAD = AnswerHead(
    "resp_1", "house", 1700000000, {"include": ["reasoning.encrypted_content"]}
)

BROKEN = Failed(UpstreamError("It broke off."))

USAGE = Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=2, reasoning_tokens=1)


def read_failure(data: Mapping[str, Any]) -> AqueductError:
    """Show that the error had the form that the interface promises."""
    error = data["error"]
    assert isinstance(error, Mapping)
    message, code = (whole_text(str(error.get(name))) for name in ("message", "code"))
    return UpstreamError(message, code=code)


def frames(writer: Writer, events: Iterable[ItemEvent]) -> list[Event]:
    """Write a stream and split it into its events."""
    data = writer.begin() + b"".join(map(writer.write, in_order(events)))
    return [event for frame in split_frames(data) if (event := decode_frame(frame))]


def decoded(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in events if event.data != "[DONE]"]


def read(reader: Reader, events: Iterable[Event]) -> list[ItemEvent]:
    """Read a stream, and check the order of the items in it."""
    read = [item for event in events for item in reader.feed(event)]
    return list(in_order([*read, *reader.end()]))


def feed(reader: Reader, *events: Any, name: str = "message") -> list[ItemEvent]:
    """Read a stream of JSON values."""
    return read(reader, [Event(e if e == "[DONE]" else json.dumps(e), name) for e in events])


def items(events: Iterable[ItemEvent]) -> list[tuple[str, ...]]:
    """Give the kind, id, name, text and sealed data of each item."""
    begun: list[list[str]] = []
    for event in events:
        match event:
            case Begin(_, kind, id, name):
                begun.append([kind, id, name, "", ""])
            case Delta(item, text):
                begun[item][3] += text
            case Sealed(item, data):
                begun[item][4] = data
    return [tuple(item) for item in begun]


def joined(events: Sequence[ItemEvent], apis: Sequence[str]) -> dict[str, Any]:
    """Give what all these APIs can carry: texts by kind, calls in order, counts and the ending."""
    texts = {"text": "", "refusal": "", "reasoning": ""}
    calls = []
    for kind, call_id, name, text, _ in items(events):
        if kind == "tool_call":
            calls.append((call_id, name, json.loads(text)))
        else:
            # Messages have no refusals.
            texts["text" if kind == "refusal" and "messages" in apis else kind] += text
    end = events[-1]
    if "messages" in apis and end == End("stop") and any(_is_refusal(e) for e in events):
        # There a refusal is how an answer ends.
        end = End("content_filter")
    counted = [e.usage.model_copy(update={"reasoning_tokens": 0}) for e in events if is_count(e)]
    return {**texts, "calls": calls, "usage": counted[-1], "end": end}


def _is_refusal(event: ItemEvent) -> bool:
    return isinstance(event, Begin) and event.kind == "refusal"


def is_count(event: ItemEvent) -> bool:
    return isinstance(event, Counted)


TEXT = st.text(max_size=4)
ARGUMENTS = st.dictionaries(st.text(max_size=3), st.integers() | TEXT, max_size=2)


@st.composite
def streams(draw: st.DrawFn, *, interleaved: bool) -> list[ItemEvent]:
    """Any complete answer; without ``interleaved`` only calls that follow each other interleave."""
    kinds = draw(
        st.lists(st.sampled_from(["text", "refusal", "reasoning", "tool_call"]), max_size=4)
    )
    waiting = [_item(draw, index, kind) for index, kind in enumerate(kinds)]
    events: list[ItemEvent] = []
    begun = 0
    while any(waiting):
        first = next(n for n, rest in enumerate(waiting) if rest)
        ready = [
            n
            for n, rest in enumerate(waiting)
            if rest
            and n <= begun
            and (interleaved or {"tool_call"} >= set(kinds[first : n + 1]) or n == first)
        ]
        item = draw(st.sampled_from(ready))
        begun = max(begun, item + 1)
        events.append(waiting[item].pop(0))
    ending: Ending = draw(st.sampled_from(["stop", "length", "content_filter"]))
    if ending == "stop" and "tool_call" in kinds:
        ending = "tool_calls"
    return [*events, Counted(USAGE), End(ending)]


def _item(draw: st.DrawFn, index: int, kind: Any) -> list[ItemEvent]:
    begin = Begin(index, kind)
    pieces = draw(st.lists(TEXT.filter(bool), min_size=1, max_size=3))
    if kind == "tool_call":
        begin = Begin(index, kind, f"call_{index}", draw(st.sampled_from(["look", "write"])))
        text = json.dumps(draw(ARGUMENTS), ensure_ascii=False)
        cut = draw(st.integers(1, len(text)))
        pieces = [piece for piece in (text[:cut], text[cut:]) if piece]
    sealed = [Sealed(index, "c2VhbA==")] if kind == "reasoning" else []
    return [begin, *(Delta(index, piece) for piece in pieces), *sealed, Done(index)]
