"""The network below: what goes out is what was asked, and aiohttp's exceptions are httpx's."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx
import pytest
from aiohttp.client_proto import ResponseHandler

from aqueduct_jupyter.gateway.transport import PIECE, READ_BYTES, NetworkTransport, _as_httpx

from ..standin import CUT, HANG, StandIn, completion


async def get(transport: NetworkTransport, url: str, body: bytes = b"{}") -> httpx.Response:
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    extensions = {"timeout": {"connect": 5.0}}
    request = httpx.Request("POST", url, headers=headers, content=body, extensions=extensions)
    return await transport.handle_async_request(request)


BODY = b'{"messages": []}'


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


async def test_nothing_is_parsed_but_what_has_arrived(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    receive = ResponseHandler.data_received

    def recorded(connection: ResponseHandler, data: bytes) -> None:
        parsed.append(data)
        receive(connection, data)

    monkeypatch.setattr(ResponseHandler, "data_received", recorded)
    transport = NetworkTransport()
    standin.stream(*[b"data: x\n\n", 0.01] * 20)
    response = await get(transport, f"{standin.url}/chat/completions", BODY)
    assert await response.aread() == b"data: x\n\n" * 20
    assert len(parsed) >= 20
    assert b"" not in parsed
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


@pytest.mark.parametrize(
    ("error", "twin"),
    [
        (aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout),
        (aiohttp.SocketTimeoutError(), httpx.ReadTimeout),
        (aiohttp.ServerDisconnectedError(), httpx.ReadError),
        (aiohttp.ClientOSError(104, "reset"), httpx.ReadError),
        (aiohttp.ClientPayloadError("cut"), httpx.RemoteProtocolError),
        (aiohttp.InvalidURL("x"), httpx.ProtocolError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_an_exception_of_aiohttp_is_the_one_of_httpx_that_means_the_same(
    error: aiohttp.ClientError, twin: type[httpx.TransportError]
) -> None:
    assert type(_as_httpx(error)) is twin
