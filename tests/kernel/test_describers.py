"""What a model sees of exceptions, sources, and objects that nobody has prepared for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.kernel.context import Context, Piece, register
from aqueduct_jupyter.kernel.describers import MOST_ELEMENTS, describe


def test_an_object_that_cannot_show_itself_is_said() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    text = describe("b", Broken()).text
    assert "its description failed (RuntimeError), and so did its repr()" in text
    assert "Broken" in text


def test_a_describer_that_fails_falls_back_and_says_so() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "Odd()"

    @register("tests", "Odd")
    def _odd(_name: str, _value: object) -> Context:
        raise ZeroDivisionError

    text = describe("o", Odd()).text
    assert "its description failed (ZeroDivisionError)" in text
    assert "Odd()" in text


def test_what_is_no_exception_of_a_library_gets_through() -> None:
    class Stopped:
        def _repr_png_(self) -> bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe("s", Stopped())


def test_an_exception_is_what_was_raised_and_its_last_frames() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("the reason")

    with pytest.raises(ValueError, match="the reason") as caught:
        deep(20)
    text = describe("err", caught.value).text
    assert text.count("File ") == 4
    assert "[18 more before]" in text
    assert text.endswith("ValueError: the reason\n</err>")


def test_functions_modules_and_anything_else() -> None:
    assert "def describe(" in describe("f", describe).text
    assert "the describer of its type" in describe("m", sys.modules[describe.__module__]).text
    assert "<built-in function len>" in describe("len", len).text
    assert describe("s", "words").text == "<s>\nwords\n</s>"
    assert describe("d", {"a": 1}).text == "<d>\n{'a': 1}\n</d>"


def test_a_new_type_can_be_registered() -> None:
    class Bridge:
        pass

    module = Bridge.__module__.partition(".")[0]
    register(module, "Bridge", lambda name, _: Context(name, [Piece("a bridge")]))
    assert describe("b", Bridge()).text == "<b>\na bridge\n</b>"


@pytest.mark.parametrize("value", [object(), [object()], {"x": object()}, iter([]), [len, print]])
def test_addresses_in_memory_are_left_out(value: Any) -> None:
    assert "0x" not in describe("x", value).text


@pytest.mark.parametrize("make", [list, set, lambda numbers: {"inner": list(numbers)}])
def test_long_containers_are_shortened_and_say_so(make: Callable[[Any], Any]) -> None:
    found = describe("x", make(range(100 * MOST_ELEMENTS)))
    assert len(found.text) < 20 * MOST_ELEMENTS
    assert "left out: elements" in found.text
    assert "left out" not in describe("x", make(range(9))).text


def test_a_set_is_always_in_the_same_order() -> None:
    words = {f"word{number}" for number in range(50)}
    backwards = set[str]()
    for word in sorted(words, reverse=True):
        backwards.add(word)
    assert describe("x", words).text == describe("x", backwards).text
