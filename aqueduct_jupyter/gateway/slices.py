"""This file is base64 and JSON of megabytes, done in slices by a thread that others wait for.

One call for all of it would hold the interpreter's lock for tens of milliseconds, and the loop asks
for that lock at each of its reads and writes: with ten connections it would wait ten times. Between
two slices the lock is free for a moment. Which thread does the work is left to :mod:`.offload`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pybase64 import b64decode, b64encode
from pydantic_core import from_json, to_json

from ..protocol.chat import read_json_object
from ..protocol.errors import InvalidJSONError

__all__ = ["decode_base64", "decode_json", "encode_base64", "encode_json"]

SLICE = 192 * 2**10
"""Bytes or characters of a slice: a tenth of a millisecond's work, and a few times that where its
memory is new to the process; whole groups of base64, both ways."""

PAUSE = 1e-4
"""Seconds for whoever waits for the lock; with none at all, its last holder would get it again."""


_BETWEEN = b" \t\n\r,:]}"
"""Bytes that may follow a text in JSON."""


def decode_base64(text: str, start: int = 0) -> Iterator[bytes]:
    """Decode base64 strictly: nothing but its alphabet, padded, and nothing after the padding.

    Args:
        text: what holds the base64.
        start: where it begins in it.

    Returns:
        The bytes, in pieces.

    Raises:
        ValueError: it is no base64.
    """
    size = SLICE // 4 * 3
    for begin in _slices(start, len(text)):
        if size < SLICE // 4 * 3:
            raise ValueError("padding before the end")
        piece = b64decode(text[begin : begin + SLICE], validate=True)
        size = len(piece)
        yield piece


def encode_base64(data: bytes) -> str:
    """Encode bytes as base64, in one line."""
    view = memoryview(data)
    pieces = (b64encode(view[begin : begin + SLICE]) for begin in _slices(0, len(data)))
    return b"".join(pieces).decode("ascii")


def encode_json(value: dict[str, Any]) -> bytes:
    """Write an object as JSON in UTF-8, without spaces.

    Raises:
        ValueError: there is no JSON for something in it.
    """
    long: list[str] = []
    mark = uuid4().hex
    written = to_json(_shortened(value, mark, long))
    if not long:
        return written
    first, *rest = written.split(b'"%b"' % mark.encode())
    pieces = [first]
    for text, after in zip(long, rest, strict=True):
        slices = (text[begin : begin + SLICE] for begin in _slices(0, len(text)))
        pieces += [b'"', *(to_json(part)[1:-1] for part in slices), b'"', after]
    return b"".join(pieces)


def decode_json(body: bytes) -> dict[str, Any]:
    """Decode a body as :func:`.read_json_object` does, with the same errors.

    Long texts are decoded apart from the rest. One is what stands between two quotes that follow
    each other, if it can be read in slices: then no escape is cut, and the last quote is none. A
    quote that is escaped begins no text, and neither does one after which JSON goes on.
    """
    mark = uuid4().hex
    long: dict[str, str] = {}
    pieces, end = [], 0
    for start, stop in _between_distant_quotes(body):
        with suppress(ValueError):
            text = "".join(
                from_json(b'"%b"' % body[begin : min(begin + SLICE, stop)])
                for begin in _slices(start, stop)
            )
            pieces += [body[end:start], (name := f"{mark}{len(long)}").encode()]
            long[name], end = text, stop
    if not long:
        return read_json_object(body)
    try:
        value = read_json_object(b"".join((*pieces, body[end:])))
    except InvalidJSONError:
        return read_json_object(body)  # which says where
    return {_whole(key, long): _whole(inner, long) for key, inner in value.items()}


def _between_distant_quotes(body: bytes) -> Iterator[tuple[int, int]]:
    """Give from where to where there may be a text that is longer than a slice."""
    last = -1
    for begin in range(0, len(body), SLICE // 2):
        quote = body.find(b'"', begin, begin + SLICE // 2)
        if quote < 0:
            continue
        is_first = last > 0 and body[last - 1 : last] != b"\\" and body[last + 1] not in _BETWEEN
        if is_first and quote - last > SLICE:
            yield last + 1, quote
        last = body.rfind(b'"', begin, begin + SLICE // 2)


def _whole(value: Any, long: dict[str, str]) -> Any:
    """Give a value with its long texts in the place of their marks."""
    if isinstance(value, str):
        return long.get(value, value)
    if isinstance(value, dict):
        return {_whole(key, long): _whole(inner, long) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner, long) for inner in value]
    return value


def _slices(start: int, end: int) -> Iterator[int]:
    """Give where each slice begins, and the lock away between two of them."""
    for begin in range(start, end, SLICE):
        if begin > start:
            time.sleep(PAUSE)
        yield begin


def _shortened(value: Any, mark: str, long: list[str]) -> Any:
    """Give a value with a mark in the place of every long text, which is put into a list."""
    if isinstance(value, str) and len(value) > SLICE:
        long.append(value)
        return mark
    if isinstance(value, dict):
        return {key: _shortened(inner, mark, long) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner, mark, long) for inner in value]
    return value
