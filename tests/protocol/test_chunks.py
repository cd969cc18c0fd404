"""What chunks of any server say: understood, or one clear error, and never a surprise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.chunks import Said, WholeCharacters, read_chunk
from aqueduct_jupyter.protocol.errors import DisconnectedError


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        (None, ""),
        (["a", "b"], "ab"),
        ([{"type": "text", "text": "a"}, THOUGHT, {"type": "text", "text": "b"}], "ab"),
        ([], ""),
    ],
)
def test_a_text_may_have_several_forms(content: Any, text: str) -> None:
    assert read_chunk(chunk(content=content)).text == text


@pytest.mark.parametrize(
    "words",
    [
        *("x", None, 5, [], {"choices": 5}, {"choices": [None]}, {"choices": ["x"]}),
        *({"choices": [{"delta": "x"}]}, {"choices": [{"delta": [1]}]}),
        *(chunk(content=5), chunk(content=[5]), chunk(content={"a": 1})),
        chunk(content=[{"type": "text", "text": 5}]),
        *(chunk(reasoning=True), chunk(reasoning_content=[None])),
    ],
)
def test_what_makes_no_sense_is_one_error(words: Any) -> None:
    with pytest.raises(DisconnectedError, match="cannot be understood"):
        read_chunk(words)


@pytest.mark.parametrize("value", [5, "x", None, True, [], {}, {"prompt_tokens": -1}, 10**400])
def test_odd_words_beside_the_text_are_none(value: Any) -> None:
    words = {**chunk(content="Hi"), "usage": value, "id": value, "system_fingerprint": value}
    assert read_chunk(words) == Said("Hi")


def test_names_are_fit_to_be_shown() -> None:
    words = {**chunk(content="Hi"), "model": "<b>\x1b\u202e" + "x" * 10**6}
    model = read_chunk(words).model or ""
    assert model.startswith("<b>x")
    assert len(model) == 200


@given(st.text(max_size=20), st.lists(st.integers(0, 60), max_size=5))
def test_characters_that_were_cut_in_half_are_joined(text: str, cuts: list[int]) -> None:
    halves = "".join(
        chr(int.from_bytes(text.encode("utf-16-be")[place : place + 2], "big"))
        for place in range(0, len(text.encode("utf-16-be")), 2)
    )
    places = sorted({0, len(halves), *(cut for cut in cuts if cut < len(halves))})
    joined = WholeCharacters()
    pieces = [joined.add(halves[a:b]) for a, b in pairwise(places)]
    assert "".join([*pieces, joined.end()]) == text


@given(st.text(st.characters(categories=["Cs", "L"]), max_size=20))
def test_what_stays_half_has_a_stand_in(text: str) -> None:
    joined = WholeCharacters()
    (joined.add(text) + joined.end()).encode()
