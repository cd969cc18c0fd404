"""The upstream of the measurements: a program that says as much as it is asked for.

The model's name says what: ``bench-1000-20-180`` streams 1,000 events of about 180 bytes each, one
every 20 milliseconds; with 0 in the place of the 20, as fast as they are taken. With ``-null`` at
the end each says ``"usage": null``, as OpenAI's and Azure's do. It is as cheap as Python allows,
because it shares the machine with what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

__all__ = ["bench_upstream", "model_name"]

AT_ONCE = 32
"""Events of a burst that are written together, each as a chunk of its own."""

HIGH_WATER = 256 * 2**10

_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
_MODEL = re.compile(rb'"model": ?"(?:openai/)?bench-(\d+)-(\d+)-(\d+)(-null)?"')
_STREAM = re.compile(rb'"stream": ?true')
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def model_name(
    chunks: int, pause_ms: int = 0, size: int = 180, *, has_null_usage: bool = False
) -> str:
    """Give the name of the model that streams so many events, each so large, at that pace."""
    return f"bench-{chunks}-{pause_ms}-{size}{'-null' if has_null_usage else ''}"


@contextmanager
def bench_upstream() -> Iterator[int]:
    """Start the program, and give its port."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.kill()


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@cache
def _events(size: int, *, has_null_usage: bool) -> tuple[bytes, ...]:
    """Give events of a size that are not all the same: some gateways take that for a fault."""
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": None}
    words = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    more = {"usage": None} if has_null_usage else {}
    empty = json.dumps({**words, "choices": [choice], **more}).encode()
    text = b"w" * max(1, size - len(empty) - 10)
    filled = (
        empty.replace(b'"content": ""', b'"content": "%b%02d"' % (text, number))
        for number in range(AT_ONCE)
    )
    return tuple(_framed(b"data: %b\n\n" % event) for event in filled)


_USAGE = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}
_END = (
    _framed(
        b"data: %b\n\n"
        % json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "bench",
                "choices": [],
                "usage": _USAGE,
            }
        ).encode()
    )
    + _framed(b"data: [DONE]\n\n")
    + b"0\r\n\r\n"
)


def _json(words: object) -> bytes:
    body = json.dumps(words).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


_MODELS = _json({"object": "list", "data": [{"id": "bench", "object": "model"}]})
_COMPLETION = _json(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    }
)


@cache
def _vectors(*, in_base64: bool) -> bytes:
    """Give the largest answer of embeddings that OpenAI's API allows: 2,048 vectors."""
    count, numbers = 2_048, random.Random(1)  # not a secret
    vector = [numbers.uniform(-1, 1) for _ in range(1_536)]
    packed = base64.b64encode(struct.pack("1536f", *vector)).decode()
    data = [
        {"object": "embedding", "index": index, "embedding": packed if in_base64 else vector}
        for index in range(count)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    return _json({"object": "list", "data": data, "model": "bench", "usage": usage})


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._data = bytearray()
        self._need = 0
        self._left = 0
        self._is_paused = self._is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(HIGH_WATER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closed = True

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._burst()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) < self._need:
            return
        head_end = self._data.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _LENGTH.search(self._data, 0, head_end)
        self._need = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._data) >= self._need:
            request = bytes(self._data[: self._need])
            del self._data[: self._need]
            self._need = 0
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET"):
            self._transport.write(_MODELS)
            return
        if b"/embeddings HTTP" in request:
            self._transport.write(_vectors(in_base64=b"base64" in request))
            return
        asked = _MODEL.search(request)
        if not asked or not _STREAM.search(request):
            self._transport.write(_COMPLETION)
            return
        self._left, pause, size = (int(asked[number]) for number in (1, 2, 3))
        self._events = _events(size, has_null_usage=bool(asked[4]))
        self._transport.write(_STREAM_HEAD)
        if pause:
            self._beat(pause / 1000)
        else:
            self._burst()

    def _burst(self) -> None:
        if not self._left:
            return
        while self._left and not self._is_paused and not self._is_closed:
            count = min(AT_ONCE, self._left)
            self._left -= count
            self._transport.write(b"".join(self._events[:count]))
        if not self._left:
            self._transport.write(_END)

    def _beat(self, pause: float) -> None:
        if self._is_closed:
            return
        if not self._left:
            self._transport.write(_END)
            return
        self._left -= 1
        self._transport.write(self._events[self._left % AT_ONCE])
        asyncio.get_running_loop().call_later(pause, self._beat, pause)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
