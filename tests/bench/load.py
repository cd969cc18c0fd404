"""The client of the measurements: many streams at once, as cheap as Python allows.

It reads no event; it notes when the first came, and that the last one was ``[DONE]``.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Load", "Target", "request_of", "requests", "streams"]

TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked: an address, what opens it, and the question in the address's API."""

    url: str
    token: str = "none"
    model_prefix: str = ""
    question: tuple[str, object] = ("messages", [{"role": "user", "content": "Hi"}])


@dataclass(slots=True)
class Load:
    """What came of a load: seconds to each first event, seconds in all, bytes, and failures."""

    first_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    received: int = 0
    failures: list[str] = field(default_factory=list)


def request_of(target: Target, words: dict[str, object], *, is_kept: bool = False) -> bytes:
    """Write a chat request with these words, its body included."""
    parts = urlsplit(target.url)
    body = json.dumps(dict([target.question], **words)).encode()
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Authorization: Bearer {target.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *([] if is_kept else ["Connection: close"]),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


class _Stream(asyncio.Protocol):
    def __init__(self, request: bytes, load: Load) -> None:
        self._request = request
        self._load = load
        self._tail = b""
        self._has_begun = False
        self.is_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._began = time.perf_counter()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._load.received += len(data)
        if not self._has_begun and b"data: " in data:
            self._has_begun = True
            self._load.first_seconds.append(time.perf_counter() - self._began)
        self._tail = (self._tail + data)[-400:]
        if b"[DONE]" in self._tail:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_over.done():
            self._load.failures.append(repr(exc or self._tail[-200:]))
            self.is_over.set_result(None)

    def _end(self) -> None:
        if not self.is_over.done():
            self.is_over.set_result(None)
        self._transport.abort()


async def streams(target: Target, model: str, count: int, arrive: float = 0.0) -> Load:
    """Ask for some streams and read them to their ends.

    Args:
        target: what is asked.
        model: what says how much there is to stream.
        count: how many streams.
        arrive: the seconds over which their beginnings are spread; 0 is all at once.
    """
    load = Load()
    words = {"model": target.model_prefix + model, "stream": True}
    request = request_of(target, words)
    parts = urlsplit(target.url)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()

    async def one(number: int) -> None:
        await asyncio.sleep(arrive * number / count)
        try:
            _, stream = await loop.create_connection(
                lambda: _Stream(request, load), parts.hostname, parts.port
            )
            await asyncio.wait_for(stream.is_over, TIMEOUT_SECONDS)
        except (OSError, TimeoutError) as error:
            load.failures.append(repr(error))

    await asyncio.gather(*(one(number) for number in range(count)))
    load.seconds = time.perf_counter() - began
    return load


async def requests(target: Target, model: str, count: int, at_once: int) -> Load:
    """Ask for whole answers over a few connections that are kept, each one after the other."""
    load = Load()
    parts = urlsplit(target.url)
    request = request_of(target, {"model": target.model_prefix + model}, is_kept=True)
    began = time.perf_counter()

    async def some(number: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for _ in range(number):
            asked = time.perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await _body(head, reader)
            load.first_seconds.append(time.perf_counter() - asked)
            load.received += len(body)
            if b" 200 " not in head.partition(b"\r\n")[0]:
                load.failures.append(body[:200].decode(errors="replace"))
        writer.close()

    await asyncio.gather(*(some(count // at_once) for _ in range(at_once)))
    load.seconds = time.perf_counter() - began
    return load


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    if b"transfer-encoding: chunked" in head:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    return await reader.readexactly(int(length))
