"""Whichever way the frames of a stream go out, the client gets the same bytes in the same order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from aqueduct_jupyter.server.http.operations import OperationHandler
from aqueduct_jupyter.server.http.stream_writer import StreamWriter

from ...gateway.upstreams.test_upstream import make_certificate
from ...standin import DONE, StandIn, chunk
from ..conftest import Settings

WORDS = {"model": "real-name", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
EVENTS = [chunk(f"<{number}>") for number in range(60)]


def asking(http: httpx.AsyncClient, version: str = "1.1", *headers: str) -> bytes:
    data = json.dumps(WORDS).encode()
    lines = [
        f"POST {http.base_url.raw_path.decode()}v1/chat/completions HTTP/{version}",
        f"Host: {http.base_url.netloc.decode()}",
        f"Authorization: {http.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + data


@pytest.fixture
def tornado_writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes out through Tornado."""
    written: list[bytes] = []
    write = HTTP1Connection.write

    def recorded(connection: HTTP1Connection, data: bytes) -> Any:
        written.append(data)
        return write(connection, data)

    monkeypatch.setattr(HTTP1Connection, "write", recorded)
    return written


async def test_a_client_that_keeps_up_gets_frames_past_tornado(
    http: httpx.AsyncClient, standin: StandIn, tornado_writes: list[bytes]
) -> None:
    standin.stream(*(step for event in EVENTS for step in (event, 0.005)), DONE)
    async with http.stream("POST", "v1/chat/completions", json=WORDS) as response:
        assert b"".join([data async for data in response.aiter_raw()]) == b"".join([*EVENTS, DONE])
    assert len(tornado_writes) < len(EVENTS) / 2


class TestTurnedOff:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return {**settings, "direct_writes": False}

    async def test_every_frame_goes_through_tornado(
        self, http: httpx.AsyncClient, standin: StandIn, tornado_writes: list[bytes]
    ) -> None:
        standin.stream(*(step for event in EVENTS for step in (event, 0.005)), DONE)
        async with http.stream("POST", "v1/chat/completions", json=WORDS) as response:
            received = b"".join([data async for data in response.aiter_raw()])
        assert received == b"".join([*EVENTS, DONE])
        # The first went with the headers.
        assert b"".join(tornado_writes) == b"".join([*EVENTS[1:], DONE])


async def test_an_old_client_gets_no_chunks(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.stream(*(step for event in EVENTS for step in (event, 0.002)), DONE)
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(asking(http, "1.0"))
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    assert b" 200 " in head
    assert b"chunked" not in head.lower()
    assert body == b"".join([*EVENTS, DONE])
    writer.close()


class TestWithCompression:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: dict[str, Any]) -> dict[str, Any]:
        jp_server_config["ServerApp"]["tornado_settings"] = {"compress_response": True}
        return jp_server_config

    @pytest.mark.parametrize("coding", ["gzip", "identity"])
    async def test_what_is_compressed_is_compressed_to_its_end(
        self, http: httpx.AsyncClient, standin: StandIn, coding: str
    ) -> None:
        standin.stream(*(step for event in EVENTS for step in (event, 0.002)), DONE)
        headers = {"Accept-Encoding": coding}
        answer = await http.post("v1/chat/completions", json=WORDS, headers=headers)
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.content == b"".join([*EVENTS, DONE])


async def slow_client_gets_all(http: httpx.AsyncClient, standin: StandIn, **tls: Any) -> bool:
    chance = random.Random(1)
    events = [chunk(f"{number}" * chance.choice((1, 100, 40_000))) for number in range(200)]
    pauses = [chance.choice((0.0, 0.0, 0.002)) for _ in events]
    standin.stream(*(step for both in zip(events, pauses, strict=True) for step in both), DONE)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", http.base_url.port))
        slow.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=slow, limit=4096, **tls)
        writer.write(asking(http, "1.1", "Connection: close"))
        received = b""
        while data := await asyncio.wait_for(reader.read(chance.choice((100, 50_000))), 20):
            received += data
            if chance.random() < 0.02:
                await asyncio.sleep(0.01)
        writer.close()
    body = received.partition(b"\r\n\r\n")[2]
    return unchunked(body) == b"".join([*events, DONE])


async def test_a_slow_client_gets_all_in_its_order(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    assert await slow_client_gets_all(http, standin)


async def test_a_client_that_takes_nothing_holds_no_upstream(
    http: httpx.AsyncClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OperationHandler, "heartbeat_seconds", 0.05)
    monkeypatch.setattr(OperationHandler, "client_timeout", 0.3)
    standin.stream(*[chunk("x" * 100_000)] * 300, DONE)
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", http.base_url.port))
        idle.sendall(asking(http))
        idle.settimeout(20)
        received = await asyncio.to_thread(idle.recv, 99)
        assert await asyncio.to_thread(standin.chats[0].client_left.wait, 20)
        with contextlib.suppress(ConnectionResetError):
            while data := await asyncio.to_thread(idle.recv, 2**20):
                received += data
    assert b"x" * 1000 in received
    assert not received.endswith(b"0\r\n\r\n"), "what was cut looks whole"


class TestOverTLS:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> tuple[Path, Path]:
        return make_certificate(tmp_path)

    @pytest.fixture
    def http_server(
        self,
        jp_asyncio_loop: asyncio.AbstractEventLoop,
        http_server_port: tuple[socket.socket, int],
        jp_web_app: web.Application,
        certificate: tuple[Path, Path],
    ) -> Iterator[HTTPServer]:
        key, public = certificate

        async def start() -> HTTPServer:
            options = {"certfile": str(public), "keyfile": str(key)}
            server = HTTPServer(jp_web_app, ssl_options=options)
            server.add_socket(http_server_port[0])
            return server

        server = jp_asyncio_loop.run_until_complete(start())
        yield server
        server.stop()
        http_server_port[0].close()

    async def test_a_slow_client_gets_all_in_its_order(
        self, http: httpx.AsyncClient, standin: StandIn, certificate: tuple[Path, Path]
    ) -> None:
        context = ssl.create_default_context(cafile=certificate[1])
        tls = {"ssl": context, "server_hostname": "localhost"}
        assert await slow_client_gets_all(http, standin, **tls)


class Handler:
    """The part of a handler that a writer needs, with flushes that end when they are told to."""

    request = SimpleNamespace(version="HTTP/1.0", connection=None)
    application = SimpleNamespace(transforms=[])

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.flushes: list[asyncio.Future[None]] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def flush(self) -> asyncio.Future[None]:
        self.flushes.append(asyncio.get_running_loop().create_future())
        return self.flushes[-1]


async def test_nothing_overtakes_frames_that_wait() -> None:
    handler = Handler()
    writer = StreamWriter(cast(web.RequestHandler, handler))
    assert writer.send_at_once(b"a")
    assert not writer.send_at_once(b"b"), "the client has not taken what came before"
    sending = asyncio.ensure_future(writer.send(b"b"))
    await asyncio.sleep(0)
    handler.flushes[0].set_result(None)
    assert not writer.send_at_once(b"c"), "others have waited longer"
    await asyncio.sleep(0)
    assert not writer.send_at_once(b"c")
    handler.flushes[1].set_result(None)
    await sending
    assert writer.send_at_once(b"c")
    assert handler.written == [b"a", b"b", b"c"]


async def test_frames_for_a_connection_that_is_closed_are_not_taken() -> None:
    ours, theirs = socket.socketpair()
    stream = IOStream(ours)
    handler = Handler()
    handler.request = SimpleNamespace(
        version="HTTP/1.1", connection=HTTP1Connection(stream, is_client=False)
    )
    writer = StreamWriter(cast(web.RequestHandler, handler))
    assert writer.send_at_once(b"a")
    assert theirs.recv(99) == b"1\r\na\r\n"
    stream.close()
    assert not writer.send_at_once(b"b")
    later = StreamWriter(cast(web.RequestHandler, handler))
    assert later.send_at_once(b"c")
    assert handler.written == [b"c"], "Tornado knows what to do"
    theirs.close()


async def test_a_connection_serves_another_request_after_a_stream(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    for _ in range(3):
        standin.stream(*(step for event in EVENTS[:9] for step in (event, 0.002)), DONE)
        writer.write(asking(http))
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        body = await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 20)
        assert unchunked(body) == b"".join([*EVENTS[:9], DONE])
    writer.close()


def unchunked(body: bytes) -> bytes:
    """Read chunks strictly, to the last."""
    pieces: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        assert body[length : length + 2] == b"\r\n"
        pieces.append(body[:length])
        body = body[length + 2 :]
        if not length:
            assert not body
            return b"".join(pieces)
