"""This file is base64 and JSON of megabytes, done in slices by a thread that others wait for.

One call for all of it would hold the interpreter's lock for tens of milliseconds, and the loop asks
for that lock at each of its reads and writes: with ten connections it would wait ten times. Between
two slices the lock is free for a moment. Which thread does the work is left to :mod:`.offload`.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

__all__ = ["decode_base64", "encode_base64", "encode_json"]

SLICE = 192 * 2**10
"""Bytes or characters of a slice, half a millisecond's work; whole groups of base64, both ways."""

PAUSE = 1e-4
"""Seconds for whoever waits for the lock; with none at all, its last holder would get it again."""


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
        piece = binascii.a2b_base64(text[begin : begin + SLICE], strict_mode=True)
        size = len(piece)
        yield piece


def encode_base64(data: bytes) -> str:
    """Encode bytes as base64, in one line."""
    view = memoryview(data)
    pieces = (
        binascii.b2a_base64(view[begin : begin + SLICE], newline=False)
        for begin in _slices(0, len(data))
    )
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
