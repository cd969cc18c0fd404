"""Requests that a hub's service answers: what leaves this server, what comes back, what fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from aqueduct_jupyter.gateway.entry import Caller
from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.settings import GatewaySettings
from aqueduct_jupyter.gateway.upstreams import hub_service
from aqueduct_jupyter.gateway.upstreams.hub_service import HubService, find_hub_service
from aqueduct_jupyter.protocol.errors import AuthenticationError
from aqueduct_jupyter.server.http.relay import relayed
from aqueduct_jupyter.server.http.routes import routes
from aqueduct_jupyter.server.http.serving import Serving

from ...standin import CUT, DONE, HANG, StandIn, chunk, completion

QUESTION: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
KERNEL = {"Authorization": "Bearer of-a-kernel"}


class Keys:
    """The owner's token, a kernel's key, and an agent's, which only the service knows."""

    async def authenticate(self, handler: RequestHandler) -> Caller:
        token = handler.request.headers.get("Authorization", "").removeprefix("Bearer ")
        callers = {
            "of-the-owner": Caller("ada"),
            "of-a-kernel": Caller("ada", "k-1", key="k-1"),
            "of-an-agent": Caller("ada", "agent:", key="agent:"),
        }
        if token not in callers:
            raise AuthenticationError("Say who you are.")
        handler.current_user = "ada"
        return callers[token]


@asynccontextmanager
async def server(service: HubService, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A user's server on plain Tornado, whose requests go to the service."""
    gateway = Gateway(GatewaySettings(data_folder=folder), {})
    serving = Serving(gateway, Keys(), base_url="/user/ada/", hub_service=service)
    (socket,) = bind_sockets(0, "127.0.0.1")
    table = [
        (serving.base_url + pattern, handler, {"serving": serving})
        for pattern, handler in relayed(routes())
    ]
    running = HTTPServer(Application(table))
    running.add_socket(socket)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{socket.getsockname()[1]}/user/ada/",
            headers={"Authorization": "Bearer of-the-owner"},
            trust_env=False,
            timeout=30,
        ) as http:
            yield http
    finally:
        running.stop()
        await running.close_all_connections()
        await service.close()
        await gateway.close()


def service_at(url: str) -> HubService:
    environment = {"AQUEDUCT_HUB_URL": url, "JUPYTERHUB_API_TOKEN": "of-the-server"}
    found = find_hub_service(environment)
    assert found is not None
    return found


@pytest.fixture
def service(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> HubService:
    monkeypatch.setattr(hub_service, "ATTEMPT_PAUSE", 0.01)
    return service_at(standin.url.removesuffix("/v1"))


async def test_what_opens_this_server_does_not_leave_it(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    secrets = {
        "Cookie": "session=of-a-page",
        "X-XSRFToken": "of-a-page",
        "Origin": "http://here",
        "Connection": "keep-alive",
        "X-Aqueduct-Kernel": "forged",
        "X-Client-Request-Id": "mine",
    }
    async with server(service, tmp_path) as http:
        path = "v1/chat/completions?token=of-the-owner&n=1"
        answer = await http.post(path, json=QUESTION, headers=secrets)
        assert answer.json()["choices"][0]["message"]["content"] == "Hello"
        await http.post("v1/chat/completions", json=QUESTION, headers=KERNEL)
    by_owner, by_kernel = standin.received
    assert by_owner.path == "/v1/chat/completions?n=1"
    assert by_owner.json == QUESTION
    assert by_owner.headers["authorization"] == "Bearer of-the-server"
    assert by_owner.headers["x-client-request-id"] == "mine"
    told = json.dumps([asked.headers for asked in standin.chats])
    assert not [
        word for word in ("of-the-owner", "of-a-page", "of-a-kernel", "forged") if word in told
    ]
    # Only the server says for which kernel it asks.
    assert "x-aqueduct-kernel" not in by_owner.headers
    assert by_kernel.headers["x-aqueduct-kernel"] == "k-1"


async def test_an_agents_key_goes_along_and_whose_server_passes_it_on(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    sent = {"Authorization": "Bearer of-an-agent", "X-Aqueduct-Owner": "ben"}
    async with server(service, tmp_path) as http:
        await http.post("v1/chat/completions", json=QUESTION, headers=sent)
        await http.post("v1/chat/completions", json=QUESTION, headers={"X-Aqueduct-Owner": "ben"})
    by_agent, by_owner = standin.received
    assert by_agent.headers["authorization"] == "Bearer of-an-agent"
    assert by_agent.headers["x-aqueduct-owner"] == "ada"
    assert "x-aqueduct-owner" not in by_owner.headers


async def test_a_kernels_key_opens_what_it_always_opens(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    async with server(service, tmp_path) as http:
        refused = await http.get("aqueduct/metrics", headers=KERNEL)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_for_kernels")
        stranger = await http.get("v1/models", headers={"Authorization": "Bearer of-nobody"})
        assert stranger.status_code == 401
    assert not standin.received


@pytest.mark.parametrize("path", ["v1/models/../../hub", "v1/models/%2E%2e/x", "v1/models/a/."])
async def test_no_path_climbs_out_of_the_service(
    service: HubService, standin: StandIn, tmp_path: Path, path: str
) -> None:
    async with server(service, tmp_path) as http:
        # As a client would send it that does not tidy paths up.
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        head = f"GET /user/ada/{path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        writer.write(f"{head}Authorization: Bearer of-the-owner\r\n\r\n".encode())
        assert b" 404 " in await reader.readline()
        writer.close()
    assert not standin.received


async def test_an_answer_comes_back_as_it_is(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    headers = {"x-ratelimit-remaining-requests": "3", "Set-Cookie": "a=b", "x-request-id": "req_9"}
    standin.reply({"error": {"message": "Wait.", "code": "x"}}, status=429, headers=headers)
    async with server(service, tmp_path) as http:
        answer = await http.post("v1/chat/completions", json=QUESTION)
    assert (answer.status_code, answer.json()["error"]["message"]) == (429, "Wait.")
    assert answer.headers["x-ratelimit-remaining-requests"] == "3"
    assert answer.headers["x-request-id"] == "req_9"
    assert "set-cookie" not in answer.headers


async def test_a_stream_passes_byte_by_byte(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    pieces = [chunk("one"), b": waiting\n\n", chunk("two"), DONE]
    standin.stream(*pieces)
    async with server(service, tmp_path) as http:
        answer = await http.post("v1/chat/completions", json={**QUESTION, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.content == b"".join(pieces)


@pytest.mark.parametrize(
    ("path", "is_named"),
    [("v1/chat/completions", False), ("chat/completions", False), ("v1/messages", True)],
)
async def test_a_stream_that_is_cut_ends_with_an_error(
    service: HubService, standin: StandIn, tmp_path: Path, path: str, is_named: bool
) -> None:
    standin.stream(chunk("one"), b'data: {"cho', CUT)
    async with server(service, tmp_path) as http:
        answer = await http.post(path, json={**QUESTION, "stream": True})
    assert answer.content.startswith(chunk("one"))
    last = answer.text.rstrip("\n").rsplit("\n\n", 1)[1]
    assert last.startswith("event: error\n") == is_named
    error = json.loads(last.partition("data: ")[2])
    assert error["error"]["code"] == "upstream_disconnected"
    assert "hub's service" in error["error"]["message"]
    assert b"[DONE]" not in answer.content


async def test_a_silent_service_counts_as_gone(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_service, "IDLE_SECONDS", 0.2)
    standin.stream(chunk("one"), HANG)
    async with server(service_at(standin.url.removesuffix("/v1")), tmp_path) as http:
        answer = await http.post("v1/chat/completions", json={**QUESTION, "stream": True})
    assert b"upstream_disconnected" in answer.content
    assert standin.chats[0].client_left.wait(10)


async def test_a_whole_answer_that_is_cut_is_no_answer(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    standin.reply(b'{"choices": ', CUT, headers={"Content-Length": "900"})
    async with server(service, tmp_path) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post("v1/chat/completions", json=QUESTION)


async def test_a_replica_that_ends_is_asked_again(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    ending = {"error": {"message": "Ending.", "code": "shutting_down"}}
    standin.reply(ending, status=503, headers={"x-should-retry": "true", "Retry-After": "1"})
    standin.reply(completion())
    async with server(service, tmp_path) as http:
        assert (await http.post("v1/chat/completions", json=QUESTION)).status_code == 200
        assert [asked.json for asked in standin.chats] == [QUESTION] * 2
        # What another error means is up to the client.
        standin.reply(ending, status=503)
        assert (await http.post("v1/chat/completions", json=QUESTION)).status_code == 503
    assert len(standin.chats) == 3


async def test_a_service_that_is_away_is_said_to_be(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    standin.stop()
    async with server(service, tmp_path) as http:
        away = await http.post("v1/chat/completions", json=QUESTION)
    assert (away.status_code, away.json()["error"]["code"]) == (503, "upstream_unavailable")
    message = away.json()["error"]["message"]
    assert message.startswith("The hub's service (AQUEDUCT_HUB_URL) cannot be reached: ")
    assert "administrator whether it runs" in message
    assert str(standin.port) not in away.text


@pytest.mark.parametrize("status", [302, 404, 405])
async def test_an_answer_of_something_else_is_said_to_be(
    service: HubService, standin: StandIn, tmp_path: Path, status: int
) -> None:
    page = b"<h1>JupyterHub</h1>"
    standin.reply(page, status=status, headers={"Location": "/hub/login"})
    standin.reply({"error": {"message": "No."}}, status=status, headers={"x-request-id": "req_1"})
    async with server(service, tmp_path) as http:
        other = await http.post("v1/chat/completions", json=QUESTION)
        own = await http.post("v1/chat/completions", json=QUESTION)
    assert (other.status_code, other.json()["error"]["code"]) == (502, "upstream_error")
    assert "AQUEDUCT_HUB_URL is not the hub's service" in other.json()["error"]["message"]
    assert (own.status_code, own.json()["error"]["message"]) == (status, "No.")


async def test_a_token_that_the_service_refuses_is_the_administrators_matter(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    standin.reply({"error": {"message": "Who?", "code": "invalid_api_key"}}, status=401)
    async with server(service, tmp_path) as http:
        refused = await http.post("v1/chat/completions", json=QUESTION)
    # A 401 would make clients believe that their own key is wrong.
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_auth")
    assert "administrator" in refused.json()["error"]["message"]


async def test_who_leaves_ends_the_services_work(
    service: HubService, standin: StandIn, tmp_path: Path
) -> None:
    standin.reply(HANG)
    async with server(service, tmp_path) as http:
        asking = asyncio.create_task(http.post("v1/chat/completions", json=QUESTION))
        assert await asyncio.to_thread(standin.has_chat.wait, 10)
        asking.cancel()
        assert await asyncio.to_thread(standin.chats[0].client_left.wait, 10)


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"AQUEDUCT_HUB_URL": "http://hub"}, "JUPYTERHUB_API_TOKEN is not"),
        ({"AQUEDUCT_HUB_URL": "hub", "JUPYTERHUB_API_TOKEN": "t"}, "^AQUEDUCT_HUB_URL cannot"),
    ],
)
def test_an_address_that_cannot_be_used_is_said(environment: dict[str, str], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        find_hub_service(environment)


def test_without_an_address_there_is_no_service() -> None:
    assert find_hub_service({"JUPYTERHUB_API_TOKEN": "t"}) is None
