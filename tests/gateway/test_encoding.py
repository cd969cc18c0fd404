"""Base64 and JSON in slices are what they are in one piece, and let others have the lock."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.gateway import encoding
from aqueduct_jupyter.gateway.encoding import (
    ITEMS,
    SLICE,
    decode_base64,
    decode_json,
    encode_base64,
    encode_json,
    read_json,
    read_outline,
)
from aqueduct_jupyter.protocol.chat import read_json_object
from aqueduct_jupyter.protocol.errors import InvalidJSONError

GROUPS = SLICE // 4 * 3
"""Bytes whose base64 is one slice."""

SIZES = (0, 1, 2, 3, GROUPS - 1, GROUPS, GROUPS + 1, SLICE, SLICE + 1, 3 * SLICE + 2)


@pytest.mark.parametrize("size", SIZES)
def test_base64_is_the_same_both_ways(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    encoded = base64.b64encode(data).decode()
    assert encode_base64(data) == encoded
    assert decode_base64(f"data:,{encoded}", 6) == data


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
        decode_base64(text)


LONG_TEXTS = st.builds(
    lambda text, times: text * times, st.text(min_size=1), st.integers(1, 40_000)
)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | LONG_TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(LONG_TEXTS | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES)
def test_json_is_the_same_in_slices(value: Any) -> None:
    assert json.loads(encode_json({"value": value, "after": [1]})) == {"value": value, "after": [1]}


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_the_same_in_slices(value: Any, is_ascii: bool, indent: int | None) -> None:
    words = {"value": value, "after": [1]}
    body = json.dumps(words, ensure_ascii=is_ascii, indent=indent).encode()
    assert decode_json(body) == words


LONG = "x" * (3 * SLICE)
ESCAPES = ["\\", '"', "\n", "\u0000", "😀", "ä"]


@pytest.mark.parametrize("text", ESCAPES)
@pytest.mark.parametrize("at", [0, 1, SLICE - 2, SLICE - 1, SLICE, SLICE + 1, len(LONG)])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_an_escape_may_stand_anywhere_in_a_long_text(text: str, at: int, is_ascii: bool) -> None:
    words = {"a": LONG[:at] + text + LONG[at:], "b": [LONG, {LONG: LONG}]}
    assert decode_json(json.dumps(words, ensure_ascii=is_ascii).encode()) == words


@pytest.mark.parametrize(
    "body",
    [
        f'{{"a": "{LONG}"',
        f'{{"a": "b"{LONG}"c"}}',
        f'{{"a": "b{LONG}}}',
        f'{{"a": {LONG}"}}',
        f'{{"a": "{LONG[1:]}\n{LONG}"}}',
        f'{{"a": "{LONG}\\"}}',
        f'{{"a": "{LONG}\\x"}}',
        f'{{"a": "{LONG}\\ud83d"}}',
        f'{{"a": 1e400, "b": "{LONG}"}}',
        f'"{LONG}"',
        f'["{LONG}"]',
        f'{{"{LONG}"}}',
    ],
    ids=lambda body: f"{body[:9]}...{body[-9:]}",
)
def test_what_is_no_json_is_refused_with_the_same_words(body: str) -> None:
    with pytest.raises(InvalidJSONError) as whole:
        read_json_object(body.encode())
    with pytest.raises(InvalidJSONError) as sliced:
        decode_json(body.encode())
    assert sliced.value.message == whole.value.message


@pytest.mark.parametrize("gap", [" ", "1,", "[1],\n"])
def test_long_gaps_between_texts_are_no_texts(gap: str) -> None:
    wide = gap * SLICE
    body = f'{{"a": ["b",{wide}1, "c\\"", "{LONG}" {" " * SLICE}], "d" {" " * SLICE}: 2}}'.encode()
    assert decode_json(body) == json.loads(body)


def test_a_long_text_that_begins_after_an_escaped_quote_stays_in_its_place() -> None:
    words = {"a": f'say "{LONG}" and "{LONG}', "b": "\\", "c": f'"{LONG}"'}
    assert decode_json(json.dumps(words).encode()) == words


def test_long_texts_come_in_their_places() -> None:
    value = {"a": ["x" * SLICE * 2, {"b": '"\\\u2028😀' * SLICE}, "short"], "c": "z" * (SLICE + 1)}
    written = encode_json(value)
    assert json.loads(written) == value
    assert written.startswith(b'{"a":["xx')


def test_the_lock_is_given_away_between_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("aqueduct_jupyter.gateway.encoding.time.sleep", pauses.append)
    encode_json({"short": "x" * SLICE, "text": "x" * (5 * SLICE)})
    decode_json(b'{"text": "%b"}' % bytes(b"x" * (5 * SLICE)))
    # Without a moment's sleep the thread that gave the lock away would have it again.
    assert len(pauses) == 8
    assert min(pauses) > 0


def vectors(count: int = 2_000, **more: Any) -> dict[str, Any]:
    items = [{"index": n, "embedding": [0.25, -1.5e-9] * 50, **more} for n in range(count)]
    return {"object": "list", "data": items, "model": "m", "usage": {"prompt_tokens": 3}}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_outline_has_all_but_the_items_of_a_long_list(indent: int | None) -> None:
    body = json.dumps(vectors(), indent=indent).encode()
    assert len(body) > 10 * ITEMS
    assert read_outline(body) == {**vectors(), "data": []}


def test_the_outline_of_a_short_list_has_its_items() -> None:
    assert read_outline(json.dumps(vectors(2)).encode()) == vectors(2)


@pytest.mark.parametrize(
    "value",
    [
        vectors(text='a }, { "data": [ '),
        {"x": {"data": [1] * SLICE}},
        {"data": [], "x": vectors()["data"]},
        [vectors()],
        {"text": "x" * SLICE, "data": 1},
    ],
    ids=["brackets in texts", "a list inside", "another list", "a list outside", "no list"],
)
def test_what_has_no_such_list_is_decoded_whole_or_without_its_items(value: Any) -> None:
    outline = read_outline(json.dumps(value).encode())
    assert outline in (value, {**value, "data": []} if isinstance(value, dict) else None)


@given(
    st.integers(0, 400_000), st.sampled_from([b"", b"}", b"]", b'"', b",", b"x", b"\\", b"\xff"])
)
def test_an_outline_is_refused_where_the_whole_is(at: int, put: bytes) -> None:
    body = json.dumps(vectors(600)).encode()
    at %= len(body)
    broken = body[:at] + put + body[at + 1 :]
    whole, outline = read_json(broken), read_outline(broken)
    assert (whole is None) == (outline is None)
    if whole is not None:
        assert outline in (whole, {**whole, "data": []})


def test_no_more_than_a_slice_of_an_outline_is_decoded_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []

    def decode(data: bytes) -> Any:
        sizes.append(len(data))
        return json.loads(data)

    monkeypatch.setattr(encoding, "from_json", decode)
    monkeypatch.setattr(encoding, "read_json", decode)
    read_outline(json.dumps(vectors()).encode())
    assert len(sizes) > 10
    assert max(sizes) < 2 * ITEMS
