"""One question for many values: in order, side by side, stopped at once, resumed without loss."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from aqueduct_jupyter.kernel.mapping import map_questions
from aqueduct_jupyter.protocol.errors import CellError, UnavailableError


def silently(done: Iterable[Future[Any]], total: int) -> Iterable[Future[Any]]:
    return done


def test_results_are_in_the_order_of_the_values_whatever_ends_first() -> None:
    last = threading.Event()

    def ask(value: int) -> int:
        if value == 0:
            assert last.wait(10)
        if value == 3:
            last.set()
        return value * value

    assert map_questions(ask, range(4), jobs=4, progress=silently) == [0, 1, 4, 9]


def test_only_so_many_are_asked_at_the_same_time() -> None:
    lock = threading.Lock()
    running: list[int] = [0, 0]

    def ask(value: int) -> int:
        with lock:
            running[0] += 1
            running[1] = max(running)
        with lock:
            running[0] -= 1
        return value

    map_questions(ask, range(50), jobs=3, progress=silently)
    assert running[1] <= 3


def test_any_error_of_a_value_is_its_result() -> None:
    def ask(value: str) -> str:
        if value == "down":
            raise UnavailableError("no")
        return value.upper()

    good, bad = map_questions(ask, ["up", "down"], jobs=2, progress=silently)
    assert good == "UP"
    assert isinstance(bad, UnavailableError)
    (odd, last) = map_questions(ask, [7, "last"], jobs=1, progress=silently)
    assert isinstance(odd, CellError)
    assert "AttributeError: 'int' object has no attribute 'upper'" in odd.message
    assert last == "LAST"


def test_an_interrupt_is_at_once_and_asks_nothing_more() -> None:
    asked: list[int] = []
    is_over = threading.Event()

    def ask(value: int) -> int:
        asked.append(value)
        if value:
            is_over.wait(10)
        return value

    def interrupted(done: Iterable[Future[Any]], total: int) -> Iterator[Future[Any]]:
        assert total == 100
        yield next(iter(done))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_questions(ask, range(100), jobs=2, progress=interrupted)
    assert not is_over.is_set(), "nobody waited for what was being asked"
    is_over.set()
    assert len(asked) <= 4
