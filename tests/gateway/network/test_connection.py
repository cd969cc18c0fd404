"""One connection: whatever an upstream writes, cut anywhere, is one response or a clear failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from aqueduct_jupyter.gateway.network.connection import PIECE
from aqueduct_jupyter.gateway.network.response import LARGEST_HEAD, READ_BYTES, Body
from aqueduct_jupyter.gateway.network.transport import NetworkTransport

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE: None = None
"""In the place of bytes: the upstream ends the connection."""

Step = bytes | float | asyncio.Event | None
"""Bytes are written, seconds and events are waited for."""


class Raw:
    """An upstream that says just the bytes it is told to, once for each request."""

    def __init__(self, *answers: Sequence[Step]) -> None:
        self._answers = answers
        self.requests: list[bytes] = []
        self.serving: set[asyncio.Task[None] | None] = set()
        self.connections = 0
        self.written = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(min(length, 100)))
                for step in self._answers[len(self.requests) - 1]:
                    if step is None:
                        return
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                        self.written += len(step)
                        await asyncio.sleep(0)
                    elif isinstance(step, asyncio.Event):
                        await step.wait()
                        step.clear()
                    else:
                        await asyncio.sleep(step)
                await reader.readexactly(length - min(length, 100))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def saying(*answers: Sequence[Step]) -> AsyncIterator[tuple[Raw, NetworkTransport]]:
    raw = Raw(*answers)
    transport = NetworkTransport()
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield raw, transport
    finally:
        await transport.aclose()
        server.close()
        await asyncio.wait_for(asyncio.gather(*filter(None, raw.serving)), 5)


async def ask(raw: Raw, transport: NetworkTransport, body: bytes = b"{}") -> httpx.Response:
    request = httpx.Request("POST", raw.url, content=body)
    return await asyncio.wait_for(transport.handle_async_request(request), 5)


async def asked(raw: Raw, transport: NetworkTransport) -> tuple[int, str | None, bytes]:
    response = await ask(raw, transport)
    body = await asyncio.wait_for(response.aread(), 5)
    return response.status_code, response.headers.get("x"), body


OK = b"HTTP/1.1 200 OK\r\nX: 1\r\n"
WIRES = {
    "a length": (OK + b"Content-Length: 5\r\n\r\nhello", True),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", True),
    "chunks": (OK + CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", True),
    "chunks with ornaments": (
        OK + CHUNKED + b"2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\nX: 2\r\nTrailer: 3\r\n\r\n",
        True,
    ),
    "more than one head": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: 9\r\n\r\n"
        + OK
        + b"Content-Length: 5\r\n\r\nhello",
        True,
    ),
    "a last request": (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", False),
    "an old upstream": (b"HTTP/1.0 200 OK\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello", False),
}


@pytest.mark.parametrize("name", WIRES)
async def test_a_response_is_the_same_wherever_it_is_cut(name: str) -> None:
    wire, is_kept = WIRES[name]
    answers = [[wire[:cut], wire[cut:]] for cut in range(1, len(wire))]
    async with saying(*answers, [wire[at : at + 1] for at in range(len(wire))]) as (raw, transport):
        body = b"" if name == "no body" else b"hello"
        for _ in range(len(wire)):
            assert await asked(raw, transport) == (200, "1", body)
        assert raw.connections == (1 if is_kept else len(wire))


@pytest.mark.parametrize("head", [b"\r\n", b"Transfer-Encoding: gzip\r\n\r\n"])
async def test_a_body_without_a_length_ends_with_its_connection(head: bytes) -> None:
    async with saying([OK + head, b"hel", b"lo", CLOSE]) as (raw, transport):
        assert await asked(raw, transport) == (200, "1", b"hello")


@pytest.mark.parametrize(
    "wire", [OK + b"Content-Length: 9\r\n\r\nhel", OK + CHUNKED + b"3\r\nhel\r\n"]
)
async def test_what_came_before_a_body_broke_off_is_given_and_then_the_failure(wire: bytes) -> None:
    async with saying([wire, CLOSE]) as (raw, transport):
        response = await ask(raw, transport)
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"hel"
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([CLOSE], httpx.ReadError),
        ([b"HTTP/1.1 200 O", CLOSE], httpx.ReadError),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE], httpx.ReadError),
        ([b"<html>"], httpx.ProtocolError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], httpx.ProtocolError),
        ([OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"], httpx.ProtocolError),
        ([b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"], httpx.ProtocolError),
        ([b"HTTP/1.1 200 OK\r\n", *[b"X: %b\r\n" % (b"y" * 999)] * 99], httpx.ProtocolError),
        ([b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 999] * 99], httpx.ProtocolError),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 9] * 999, httpx.ProtocolError),
    ],
    ids=["nothing", "half", "only 100", "html", "length", "lengths", "101", "head", "line", "100s"],
)
async def test_what_is_no_response_fails_at_once(
    steps: Sequence[Step], kind: type[httpx.TransportError]
) -> None:
    async with saying(steps) as (raw, transport):
        with pytest.raises(kind) as failure:
            await ask(raw, transport)
        assert type(failure.value) is kind


@pytest.mark.parametrize("after", [b"0\r\nX: ", b"1;"])
async def test_ornaments_that_never_end_are_bounded(after: bytes) -> None:
    steps = [OK + CHUNKED + b"2\r\nhi\r\n" + after, *[b"y" * 1024] * (2 * LARGEST_HEAD // 1024)]
    async with saying(steps) as (raw, transport):
        response = await ask(raw, transport)
        with pytest.raises(httpx.TransportError):
            await asyncio.wait_for(response.aread(), 5)


async def test_what_nobody_asked_for_ends_the_connection_and_no_response_is_taken_for_another() -> (
    None
):
    more = b"HTTP/1.1 200 OK\r\nX: 2\r\nContent-Length: 4\r\n\r\nevil"
    wire, _ = WIRES["a length"]
    async with saying([wire + more], [wire], [wire, more], [wire]) as (raw, transport):
        for connections in (1, 2, 2, 3):
            assert await asked(raw, transport) == (200, "1", b"hello")
            await asyncio.sleep(0.05)
            assert raw.connections == connections


async def test_the_head_is_given_before_there_is_a_body() -> None:
    gate = asyncio.Event()
    async with saying([OK + CHUNKED, gate, b"1\r\na\r\n0\r\n\r\n"]) as (raw, transport):
        response = await ask(raw, transport)
        gate.set()
        assert await response.aread() == b"a"


async def test_an_answer_may_come_before_the_request_is_out() -> None:
    wire = b"HTTP/1.1 413 X\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello"
    async with saying([wire], [WIRES["a length"][0]]) as (raw, transport):
        # Only the head is read, so most of the body finds no room.
        response = await ask(raw, transport, b"x" * (100 * PIECE))
        assert (response.status_code, await response.aread()) == (413, b"hello")
        assert await asked(raw, transport) == (200, "1", b"hello")
        assert raw.connections == 2


async def test_one_that_does_not_read_bounds_what_is_kept_and_gets_all() -> None:
    size, count = 2**16, 2**9
    steps = [OK + b"Content-Length: %d\r\n\r\n" % (size * count), *[b"x" * size] * count]
    async with saying(steps) as (raw, transport):
        response = await ask(raw, transport)
        await asyncio.sleep(0.3)
        assert isinstance(response.stream, Body)
        assert sum(map(len, response.stream._pieces)) <= 2 * READ_BYTES
        assert raw.written < size * count
        assert len(await asyncio.wait_for(response.aread(), 20)) == size * count


class Taker:
    """Takes what it is offered, or not."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.offered: list[bytes] = []

    def __call__(self, data: bytes) -> bool:
        self.offered.append(data)
        return self.takes


async def test_what_is_taken_on_the_spot_does_not_come_again() -> None:
    gate = asyncio.Event()

    async def step() -> None:
        gate.set()
        await asyncio.sleep(0.05)

    pieces = (b"1\r\nb\r\n1\r\nc\r\n", gate, b"1\r\nd\r\n", gate, b"1\r\ne\r\n0\r\n\r\n")
    async with saying([OK + CHUNKED + b"1\r\na\r\n", gate, *pieces]) as (raw, transport):
        response = await ask(raw, transport)
        assert isinstance(response.stream, Body)
        arriving, take = aiter(response.stream), Taker()
        assert await anext(arriving) == b"a"
        response.stream.set_receiver(take)
        waiting = asyncio.ensure_future(anext(arriving))
        await step()
        assert (take.offered, waiting.done()) == ([b"bc"], False)
        take.takes = False
        await step()
        assert take.offered == [b"bc", b"d"]
        assert await waiting == b"d"
        take.takes = True
        # The last comes with the end, which only the reader is told.
        await step()
        assert [piece async for piece in arriving] == [b"e"]
        assert take.offered == [b"bc", b"d"]


async def test_nothing_is_offered_while_something_waits_to_be_read() -> None:
    pieces = (b"1\r\na\r\n", 0.02, b"1\r\nb\r\n", 0.02, b"1\r\nc\r\n0\r\n\r\n")
    async with saying([OK + CHUNKED, 0.02, *pieces]) as (raw, transport):
        response = await ask(raw, transport)
        take = Taker(takes=False)
        assert isinstance(response.stream, Body)
        response.stream.set_receiver(take)
        await asyncio.sleep(0.1)
        assert take.offered == [b"a"]
        assert await response.aread() == b"abc"
