"""The network below: what goes out is what was asked, and what fails is one of httpx's errors."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
import uvloop

from aqueduct_jupyter.gateway.network.connection import PIECE
from aqueduct_jupyter.gateway.network.response import READ_BYTES
from aqueduct_jupyter.gateway.network.transport import NetworkTransport

from ...standin import CUT, HANG, StandIn, completion


async def get(
    transport: NetworkTransport, url: str, body: bytes = b"{}", seconds: float = 5.0
) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    extensions = {"timeout": {"connect": seconds}}
    request = httpx.Request("POST", url, headers=headers, content=body, extensions=extensions)
    return await transport.handle_async_request(request)


BODY = b'{"messages": []}'


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_event_loop_will_do(standin: StandIn, host: str) -> None:
    async def ask() -> bytes:
        transport = NetworkTransport()
        url = standin.url.replace("127.0.0.1", host)
        answer = await (await get(transport, f"{url}/chat/completions", BODY)).aread()
        await transport.aclose()
        return answer

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert b"Hello" in runner.run(ask())


async def test_a_request_goes_out_with_its_own_headers_only(standin: StandIn) -> None:
    transport = NetworkTransport()
    response = await get(transport, f"{standin.url}/chat/completions?a=%2F", BODY)
    assert b"Hello" in await response.aread()
    (sent,) = standin.received
    assert (sent.path, sent.body) == ("/v1/chat/completions?a=%2F", BODY)
    names = {"host", "content-type", "content-length", "accept-encoding"}
    assert set(sent.headers) - {"connection"} == names
    await transport.aclose()


async def test_a_large_body_arrives_whole(standin: StandIn) -> None:
    transport = NetworkTransport()
    body = b'{"messages": [], "x": "%b"}' % (b"x" * (3 * PIECE + 1))
    await (await get(transport, f"{standin.url}/chat/completions", body)).aread()
    assert standin.chats[0].body == body
    assert standin.chats[0].headers["content-length"] == str(len(body))
    await transport.aclose()


async def test_no_cookie_is_kept_and_no_redirect_followed(standin: StandIn) -> None:
    transport = NetworkTransport()
    where = {"Location": f"{standin.url}/elsewhere", "Set-Cookie": "a=b"}
    standin.reply(completion(), status=302, headers=where)
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    assert response.status_code == 302
    await response.aclose()
    await (await get(transport, f"{standin.url}/chat/completions", BODY)).aread()
    assert [sent.path for sent in standin.received] == ["/v1/chat/completions"] * 2
    assert "cookie" not in standin.received[1].headers
    await transport.aclose()


async def test_a_connection_is_used_again_after_a_whole_answer(standin: StandIn) -> None:
    transport = NetworkTransport()
    for _ in range(3):
        standin.stream(b"data: x\n\n")
        await (await get(transport, f"{standin.url}/chat/completions", BODY)).aread()
    assert standin.connections == 1
    await transport.aclose()


async def test_a_reader_that_was_waited_for_gets_all(standin: StandIn) -> None:
    transport = NetworkTransport()
    event = b"data: %b\n\n" % (b"x" * 1000)
    standin.stream(*[event] * (8 * READ_BYTES // len(event)))
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    await asyncio.sleep(0.5)
    assert len(await response.aread()) == 8 * READ_BYTES // len(event) * len(event)
    assert not standin.chats[0].client_left.is_set()
    await transport.aclose()


async def test_a_closed_answer_closes_its_connection(standin: StandIn) -> None:
    transport = NetworkTransport()
    standin.stream(b"data: x\n\n", HANG)
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    await anext(response.aiter_raw())
    await response.aclose()
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    await transport.aclose()


async def test_a_body_that_breaks_off_is_no_end(standin: StandIn) -> None:
    transport = NetworkTransport()
    standin.stream(b"data: x\n\n", CUT)
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    with pytest.raises(httpx.TransportError):
        await response.aread()
    await transport.aclose()


async def test_a_connection_that_the_upstream_has_closed_is_not_used_again(
    standin: StandIn,
) -> None:
    transport = NetworkTransport()
    for _ in range(2):
        standin.stream(b"data: x\n\n", CUT, is_chunked=False)
        standin.stream(b"data: x\n\n")
        for _ in range(2):
            await (await get(transport, f"{standin.url}/chat/completions", BODY)).aread()
        standin.stop()
        standin.start()
        await asyncio.sleep(0.05)
    assert standin.connections == 4
    await transport.aclose()


class Closing:
    """A server that answers once a connection, and closes it when it is asked again.

    ``last`` is what it says before that.
    """

    def __init__(self, last: bytes = b"") -> None:
        self.last = last
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await self._request(reader)
        writer.write(self.last)
        writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        await reader.readexactly(length)
        self.asked += 1


async def asked_twice(closing: Closing, body: bytes) -> bytes:
    server = await asyncio.start_server(closing.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat/completions"
    transport = NetworkTransport(max_connections=1)
    try:
        async with asyncio.timeout(10):
            await (await get(transport, url)).aread()
            return await (await get(transport, url, body)).aread()
    finally:
        await transport.aclose()
        server.close()


@pytest.mark.parametrize("body", [BODY, b"x" * (3 * PIECE)], ids=["small", "large"])
async def test_a_kept_connection_closed_in_that_moment_is_tried_once_more(body: bytes) -> None:
    closing = Closing()
    assert await asked_twice(closing, body) == b"{}"
    assert closing.asked == 3


async def test_once_a_byte_of_an_answer_has_come_nothing_is_sent_again() -> None:
    closing = Closing(b"HTTP/1.1 2")
    with pytest.raises(httpx.TransportError):
        await asked_twice(closing, BODY)
    assert closing.asked == 2


async def test_an_idle_connection_is_closed_after_a_while(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_jupyter.gateway.network.transport.KEPT_CONNECTIONS_SECONDS", 0.2)
    transport = NetworkTransport()
    for wait in (0.05, 0.5, 0.05):
        standin.stream(b"data: x\n\n")
        await (await get(transport, f"{standin.url}/chat/completions", BODY)).aread()
        await asyncio.sleep(wait)
    assert standin.connections == 2
    await transport.aclose()
    await asyncio.sleep(0.05)
    assert standin.open_connections == 0


async def test_what_is_being_closed_carries_no_request(standin: StandIn) -> None:
    transport = NetworkTransport()
    for _ in range(2):
        standin.stream(b"data: x\n\n")
    url = f"{standin.url}/chat/completions"
    await (await get(transport, url, BODY)).aread()
    [kept] = transport._origins
    kept.close()
    assert (await get(transport, url, BODY)).status_code == 200
    assert standin.connections == 2
    await transport.aclose()


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_closing_ends_what_is_under_way(standin: StandIn, is_chunked: bool) -> None:
    transport = NetworkTransport()
    standin.stream(b"data: x\n\n", HANG, is_chunked=is_chunked)
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    pieces = response.aiter_raw()
    await anext(pieces)
    await transport.aclose()
    with pytest.raises(httpx.RemoteProtocolError):
        await anext(pieces)
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/", "Connect call failed"),
        ("http://no-such-host.invalid/", "name resolution"),
        (f"http://{'x' * 64}.invalid/", "name resolution"),
    ],
)
async def test_where_there_is_no_connection_the_reason_is_said(url: str, words: str) -> None:
    with pytest.raises(httpx.ConnectError, match=words):
        await get(NetworkTransport(), url)


async def test_the_place_of_a_connection_that_ends_in_any_way_is_free_again(
    standin: StandIn,
) -> None:
    transport = NetworkTransport(max_connections=1)
    url = f"{standin.url}/chat/completions"
    for _ in range(2):
        await (await get(transport, url, BODY)).aread()  # kept
        standin.stream(b"data: x\n\n", HANG)
        await (await get(transport, url, BODY)).aclose()  # closed in the middle
        standin.stream(b"data: x\n\n", CUT)
        with pytest.raises(httpx.TransportError):
            await (await get(transport, url, BODY)).aread()
        with pytest.raises(httpx.ConnectError):
            await get(transport, "http://127.0.0.1:1/")
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await get(transport, f"http://127.0.0.1:{silent.getsockname()[1]}/")
    async with asyncio.timeout(5):
        await (await get(transport, url, BODY)).aread()
    await transport.aclose()


async def test_a_connection_that_is_not_made_in_time_is_given_up() -> None:
    # A listener whose queue is full answers nobody.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(httpx.ConnectTimeout):
            await get(NetworkTransport(), url, seconds=0.3)
        for one in queued:
            one.close()
