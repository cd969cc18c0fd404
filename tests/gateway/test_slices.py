"""Base64 and JSON in slices are what they are in one piece, and let others have the lock."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.gateway.slices import SLICE, decode_base64, encode_base64, encode_json

GROUPS = SLICE // 4 * 3
"""Bytes whose base64 is one slice."""

SIZES = (0, 1, 2, 3, GROUPS - 1, GROUPS, GROUPS + 1, SLICE, SLICE + 1, 3 * SLICE + 2)


@pytest.mark.parametrize("size", SIZES)
def test_base64_is_the_same_both_ways(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    encoded = base64.b64encode(data).decode()
    assert encode_base64(data) == encoded
    assert b"".join(decode_base64(f"data:,{encoded}", 6)) == data


@pytest.mark.parametrize(
    "text",
    [
        "A" * (SLICE - 2) + "==" + "AAAA",
        "A" * (SLICE - 1) + "=" + "AAAA",
        "A" * SLICE + "A",
        "A" * SLICE + "A===",
        "A" * SLICE + "AA*A",
        "\n" + "A" * SLICE + "AAA",
        "A" * SLICE + "ÄAAA",
        "====" + "A" * SLICE,
    ],
    ids=lambda text: f"{text[:2]!r}...{text[-6:]!r}",
)
def test_what_is_no_base64_is_refused_wherever_it_is_cut(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as whole:
        base64.b64decode(text, validate=True)
    assert whole
    with pytest.raises(ValueError, match=r"."):
        list(decode_base64(text))


LONG_TEXTS = st.builds(
    lambda text, times: text * times, st.text(min_size=1), st.integers(1, 40_000)
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | LONG_TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
)
def test_json_is_the_same_in_slices(value: Any) -> None:
    assert json.loads(encode_json({"value": value, "after": [1]})) == {"value": value, "after": [1]}


def test_long_texts_come_in_their_places() -> None:
    value = {"a": ["x" * SLICE * 2, {"b": '"\\\u2028😀' * SLICE}, "short"], "c": "z" * (SLICE + 1)}
    written = encode_json(value)
    assert json.loads(written) == value
    assert written.startswith(b'{"a":["xx')


def test_the_lock_is_given_away_between_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("aqueduct_jupyter.gateway.slices.time.sleep", pauses.append)
    encode_json({"short": "x" * SLICE, "text": "x" * (5 * SLICE)})
    list(decode_base64("A" * (5 * SLICE)))
    encode_base64(bytes(5 * SLICE))
    # Without a moment's sleep the thread that gave the lock away would have it again.
    assert len(pauses) == 12
    assert min(pauses) > 0
