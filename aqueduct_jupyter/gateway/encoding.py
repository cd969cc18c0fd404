"""Base64 and JSON of megabytes, as a thread does them while the event loop goes on.

Base64 is libbase64's: a millisecond for ten megabytes. JSON takes tens of them, and holds the
interpreter's lock, for which the loop asks at each of its reads and writes. So JSON is done in
slices, and between two of them the lock is free for a moment. That takes twice the time, and the
loop waits a third as long (17 ms and not 52 for a body of 42 MB). Which thread does the work is
left to :mod:`.offload`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pybase64 import b64decode, b64encode_as_string
from pydantic_core import from_json, to_json

from ..protocol.chat import read_json_object
from ..protocol.errors import InvalidJSONError

__all__ = ["decode_base64", "decode_json", "encode_base64", "encode_json", "read_json"]

SLICE = 192 * 2**10
"""Bytes or characters of a slice: a tenth of a millisecond's work, and a few times that where its
memory is new to the process."""

PAUSE = 1e-4
"""Seconds for whoever waits for the lock; with none at all, its last holder would get it again."""

_BETWEEN = b" \t\n\r,:]}"
"""Bytes that may follow a text in JSON."""


def decode_base64(text: str, start: int = 0) -> bytes:
    """Decode base64 strictly: nothing but its alphabet, padded, and nothing after the padding.

    Args:
        text: what holds the base64.
        start: where it begins in it.

    Raises:
        ValueError: it is not base64.
    """
    return b64decode(text[start:], validate=True)


def encode_base64(data: bytes) -> str:
    """Encode bytes as base64, in one line."""
    return b64encode_as_string(data)


def encode_json(value: dict[str, Any]) -> bytes:
    """Write an object as JSON in UTF-8, without spaces.

    Raises:
        ValueError: there is no JSON for something in it.
    """
    long: list[str] = []
    mark = uuid4().hex

    def shortened(text: str) -> str:
        if len(text) <= SLICE:
            return text
        long.append(text)
        return f"{mark}{len(long)}"

    rest = to_json(_with_each_text(value, shortened))
    pieces = []
    for number, text in enumerate(long, 1):
        before, _, rest = rest.partition(b'"%b%d"' % (mark.encode(), number))
        slices = (text[begin : begin + SLICE] for begin in _slices(0, len(text)))
        pieces += [before, b'"', *(to_json(part)[1:-1] for part in slices), b'"']
    return b"".join((*pieces, rest))


def decode_json(body: bytes) -> dict[str, Any]:
    """Decode a body as :func:`.read_json_object` does, with the same errors.

    Long texts are decoded apart from the rest. One is what stands between two quotes that follow
    each other, if it can be read in slices: then no escape is cut, and the last quote is none. A
    quote that is escaped begins no text, and neither does one after which JSON goes on.
    """
    if len(body) <= SLICE:
        return read_json_object(body)
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
    whole: dict[str, Any] = _with_each_text(value, lambda text: long.get(text, text))
    return whole


def read_json(text: bytes | str) -> Any:
    """Decode what somebody else sent as JSON; None where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


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


def _slices(start: int, end: int) -> Iterator[int]:
    """Give where each slice begins, and the lock away between two of them."""
    for begin in range(start, end, SLICE):
        if begin > start:
            time.sleep(PAUSE)
        yield begin


def _with_each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Give a value with each of its texts changed, in the order in which JSON has them."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {
            _with_each_text(key, change): _with_each_text(inner, change)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_each_text(inner, change) for inner in value]
    return value
