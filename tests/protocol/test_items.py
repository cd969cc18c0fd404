"""The order of an answer's events: kept where it holds, named where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.errors import DisconnectedError
from aqueduct_jupyter.protocol.items import (
    Begin,
    Counted,
    Delta,
    Done,
    End,
    Failed,
    ItemEvent,
    OneAtATime,
    in_order,
)

BROKEN = Failed(DisconnectedError("It broke off."))


@pytest.mark.parametrize(
    "events",
    [
        [End("stop")],
        [BROKEN],
        [Begin(0, "text"), Delta(0, "a"), Delta(0, ""), Done(0), Counted(Usage()), End("stop")],
        [
            Begin(0, "reasoning"),
            Begin(1, "tool_call", "call_1", "look"),
            Delta(1, "{"),
            Delta(0, "Hm."),
            Done(0),
            Delta(1, "}"),
            Done(1),
            End("tool_calls"),
        ],
    ],
)
def test_what_keeps_to_the_order_passes_as_it_is(events: list[ItemEvent]) -> None:
    assert list(in_order(events)) == events


@pytest.mark.parametrize("end", [End("length"), BROKEN])
def test_an_end_is_the_end_of_all_that_is_open(end: ItemEvent) -> None:
    events = [Begin(0, "text"), Begin(1, "text"), Done(0), Begin(2, "refusal"), end]
    assert list(in_order(events)) == [*events[:-1], Done(1), Done(2), end]


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([Begin(1, "text")], "not the next item, which is 0"),
        ([Begin(0, "text"), Begin(0, "text")], "not the next item, which is 1"),
        ([Delta(0, "a")], "not open"),
        ([Begin(0, "text"), Done(0), Delta(0, "a")], "not open"),
        ([Begin(0, "text"), Done(0), Done(0)], "not open"),
        ([End("stop"), Counted(Usage())], "after the end"),
        ([BROKEN, End("stop")], "after the end"),
        ([Begin(0, "text")], "without an end"),
    ],
)
def test_what_does_not_is_named(events: list[ItemEvent], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(in_order(events))


@st.composite
def interleaved(draw: st.DrawFn) -> list[ItemEvent]:
    """Up to four items whose events come in any order, some of them never done."""
    waiting = [
        [Begin(item, "text"), *(Delta(item, str(n)) for n in range(draw(st.integers(0, 3))))]
        + ([Done(item)] if draw(st.booleans()) else [])
        for item in range(draw(st.integers(0, 4)))
    ]
    events: list[ItemEvent] = []
    begun = 0
    while any(waiting):
        ready = [n for n, rest in enumerate(waiting) if rest and n <= begun]
        item = draw(st.sampled_from(ready))
        begun = max(begun, item + 1)
        events.append(waiting[item].pop(0))
    return [*events, End("stop")]


@given(interleaved())
def test_items_come_one_at_a_time_and_nothing_is_lost(events: list[ItemEvent]) -> None:
    queue = OneAtATime()
    passed = [later for event in events for later in queue.add(event)]
    assert sorted(passed, key=repr) == sorted(events, key=repr)
    assert passed[:-1] == sorted(passed[:-1], key=lambda event: event.item)
    assert list(in_order(passed))[-1] == End("stop")


def test_what_may_pass_passes_at_once() -> None:
    queue = OneAtATime()
    assert queue.add(Begin(0, "text")) == (Begin(0, "text"),)
    assert queue.add(Begin(1, "tool_call")) == ()
    assert queue.add(Counted(Usage())) == (Counted(Usage()),)
    assert queue.add(Delta(0, "a")) == (Delta(0, "a"),)
    assert queue.add(Done(1)) == ()
    assert list(queue.add(Done(0))) == [Done(0), Begin(1, "tool_call"), Done(1)]
    assert queue.add(Begin(2, "text")) == (Begin(2, "text"),)
    assert queue.add(Begin(3, "text")) == ()
    assert queue.add(BROKEN) == (BROKEN,)
