"""The order of an answer's events: kept where it holds, named where it does not."""

from __future__ import annotations

import pytest

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
