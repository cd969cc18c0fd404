"""Base64 and JSON of megabytes, encoded and decoded in a thread beside the event loop.

libbase64 needs a millisecond for ten megabytes. JSON takes tens of milliseconds and holds the
interpreter's lock, which the event loop needs for each read and write. So long strings in JSON are
processed in slices, with a short pause between two of them in which the lock is free. That doubles
the time, but the loop waits a third as long (17 ms instead of 52 for a body of 42 MB). The thread
is in :mod:`.offload`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pybase64 import b64decode, b64encode_as_string
from pydantic_core import from_json, to_json

from ..protocol.chat import read_json_object
from ..protocol.errors import InvalidJSONError

__all__ = [
    "decode_base64",
    "decode_json",
    "encode_base64",
    "encode_json",
    "read_json",
    "read_outline",
]

SLICE = 192 * 2**10
"""Bytes or characters of a slice: a tenth of a millisecond's work, or a few times that if its
memory is new to the process."""

PAUSE = 1e-4
"""Pause between slices, in seconds; without one, this thread would get the lock back at once."""

ITEMS = 64 * 2**10
"""Bytes of a slice of numbers, which take ten times as long as a text."""

_DATA = re.compile(rb'"data"\s*:\s*\[')

_BETWEEN = b" \t\n\r,:]}"
"""Bytes that may follow a string in JSON."""


def decode_base64(text: str, start: int = 0) -> bytes:
    """Decode base64 strictly: only its alphabet, with padding, and nothing after the padding.

    Args:
        text: a text that ends with the base64.
        start: the index at which the base64 begins.

    Raises:
        ValueError: it is not valid base64.
    """
    return b64decode(text[start:], validate=True)


def encode_base64(data: bytes) -> str:
    """Encode bytes as base64, in one line."""
    return b64encode_as_string(data)


def encode_json(value: dict[str, Any]) -> bytes:
    """Write an object as JSON in UTF-8, without spaces.

    Raises:
        ValueError: a value cannot be written as JSON.
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

    Long strings are decoded apart from the rest. The bytes between two consecutive quotes are such
    a string if they can be decoded in slices: then no escape was cut, and the closing quote is not
    escaped. A string does not begin at an escaped quote, or at one followed by JSON syntax.
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
        return read_json_object(body)  # its error says where
    whole: dict[str, Any] = _with_each_text(value, lambda text: long.get(text, text))
    return whole


def read_json(text: bytes | str) -> Any:
    """Decode untrusted JSON; None if it is not valid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_outline(body: bytes) -> Any:
    """Decode untrusted JSON as :func:`read_json` does, but keep none of a long list.

    The items of ``data`` in a large object, such as the vectors of embeddings, are checked in
    slices and left out: as numbers in Python they would take several times their size.
    """
    found = _DATA.search(body) if len(body) > SLICE else None
    outline = read_json(body[: found.end()] + b"]}") if found else None
    if found is None or not isinstance(outline, dict) or outline.get("data") != []:
        return read_json(body)
    begin = found.end()
    try:
        # What is valid JSON as a list of its own leaves the list that it was cut from open.
        while (end := body.find(b"},", begin + ITEMS) + 1) > 0:
            from_json(b"[%b]" % body[begin:end])
            begin = end + 1
            time.sleep(PAUSE)
        return {**outline, **from_json(b'{"data":[' + body[begin:]), "data": []}
    except ValueError:
        return read_json(body)


def _between_distant_quotes(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each possible string that is longer than a slice."""
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
    """Yield the start of each slice, with a pause between two of them."""
    for begin in range(start, end, SLICE):
        if begin > start:
            time.sleep(PAUSE)
        yield begin


def _with_each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with each of its strings changed, in the order of the JSON."""
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
