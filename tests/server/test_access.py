"""One table of routes drives the access test: every address, every verb, every kind of caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.server import body
from aqueduct_jupyter.server.base import AqueductHandler, UnknownAddressHandler

from .conftest import Ask

FILE = "file-" + "x" * 24
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Address:
    """An address and, for each verb it has, the status for whoever may come in."""

    path: str
    allowed: dict[str, int]


API = [
    Address("chat/completions", {"POST": 400}),
    Address("files", {"GET": 200, "POST": 415}),
    Address(f"files/{FILE}", {"GET": 404, "DELETE": 404}),
    Address(f"files/{FILE}/content", {"GET": 404}),
    Address("models", {"GET": 200}),
    Address("models/real-name", {"GET": 200}),
    Address("models/campus/real-name", {"GET": 200}),
]
OWN = [
    Address("aqueduct/status", {"GET": 200}),
    Address("aqueduct/usage", {"GET": 200}),
    Address("aqueduct/metrics", {"GET": 200}),
    Address("aqueduct/openapi.json", {"GET": 200}),
    Address("aqueduct/requests", {"GET": 200}),
    Address("aqueduct/requests/req_unknown", {"DELETE": 404}),
    Address("aqueduct/conversations", {"GET": 200, "POST": 200}),
    Address("aqueduct/conversations/conv-x", {"GET": 404, "PATCH": 404, "DELETE": 404}),
    Address("aqueduct/conversations/conv-x/export", {"GET": 404}),
    Address("aqueduct/nothing", dict.fromkeys(VERBS, 404)),
    Address("v1/nothing", dict.fromkeys(VERBS, 404)),
    Address("v1", dict.fromkeys(VERBS, 404)),
]
TABLE = [*API, *(Address(f"v1/{address.path}", address.allowed) for address in API), *OWN]
CASES = [(address, verb) for address in TABLE for verb in VERBS]
case = pytest.mark.parametrize(
    ("address", "verb"), CASES, ids=[f"{verb} {address.path}" for address, verb in CASES]
)


def is_envelope(response: Any, verb: str) -> bool:
    if verb == "HEAD":
        return True
    error = response.json()["error"]
    return set(error) == {"message", "type", "param", "code"} and bool(error["message"])


@pytest.mark.parametrize("token", [None, "wrong", "aqk.server.wrong"])
async def test_a_stranger_gets_401_everywhere_before_the_body_is_read(
    connect: Ask, token: str | None
) -> None:
    async with connect(token) as http:
        for address, verb in CASES:
            response = await http.request(verb, address.path, content=b"{not json")
            assert response.status_code == 401, (verb, address.path)
            assert response.headers["content-type"] == "application/json"
            assert response.headers["x-request-id"].startswith("req_")
            if verb != "HEAD":
                error = response.json()["error"]
                assert (error["type"], error["code"]) == (
                    "invalid_request_error",
                    "invalid_api_key",
                )


@pytest.mark.parametrize("path", ["v1/chat/completions", "files"])
async def test_a_stranger_is_answered_while_the_body_is_still_to_come(
    connect: Ask, jp_http_port: int, jp_base_url: str, path: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = (
        f"POST {jp_base_url}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    answer = await reader.readuntil(b"}}")
    assert b'"invalid_api_key"' in answer
    # The body may come all the same; then the connection serves the next request.
    writer.write(b"x" * 1_000_000 + head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_a_stranger_who_never_sends_the_body_is_not_waited_for(
    connect: Ask, jp_http_port: int, jp_base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "DISCARDING_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = f"POST {jp_base_url}files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(10):
        assert b'"invalid_api_key"' in await reader.read()
    writer.close()


@pytest.mark.parametrize("is_kernel", [False, True])
async def test_whoever_may_come_in_gets_what_the_address_has(
    connect: Ask, extension: Any, monkeypatch: pytest.MonkeyPatch, is_kernel: bool
) -> None:
    token = None
    if is_kernel:
        kernel_manager = extension.serverapp.kernel_manager
        monkeypatch.setattr(type(kernel_manager), "__contains__", lambda _, name: name == "k1")
        token = extension._keys.key_for("k1")
    async with connect(token) if token else connect() as http:
        for address, verb in CASES:
            response = await http.request(verb, address.path)
            assert response.status_code == address.allowed.get(verb, 405), (verb, address.path)
            assert response.headers["x-request-id"]
            assert response.headers["openai-processing-ms"].isdigit()
            if response.status_code >= 400:
                assert is_envelope(response, verb), (verb, address.path)


async def test_the_table_has_every_route_of_the_extension(extension: Any) -> None:
    import re

    patterns = [route[0] for route in extension.handlers]
    for pattern in patterns:
        assert any(re.fullmatch(pattern, f"/{address.path}") for address in TABLE), pattern
    handlers = {route[1] for route in extension.handlers}
    assert all(issubclass(handler, AqueductHandler) for handler in handlers)
    assert UnknownAddressHandler in handlers


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token"])
async def test_the_forms_that_jupyter_knows_all_work(connect: Ask, scheme: str) -> None:
    token = connect().headers["Authorization"].split()[1]
    async with connect(None) as http:
        headers = {"Authorization": f"{scheme} {token}"}
        assert (await http.get("v1/models", headers=headers)).status_code == 200
        assert (await http.get("v1/models", params={"token": token})).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Basic abc", "Bearer a b", "Bearer \u00e9".encode().decode("latin-1")],
)
async def test_a_malformed_header_is_a_stranger(connect: Ask, header: str) -> None:
    async with connect(None) as http:
        response = await http.get("v1/models", headers={"Authorization": header.encode("latin-1")})
        assert response.status_code == 401


async def test_a_cookie_does_not_make_a_wrong_token_right(connect: Ask) -> None:
    async with connect() as http:
        assert (await http.get("v1/models")).status_code == 200
        assert http.cookies
        wrong = {"Authorization": "Bearer wrong"}
        assert (await http.get("v1/models", headers=wrong)).status_code == 401
        refused = await http.post("v1/chat/completions", json={}, headers=wrong)
        assert refused.status_code == 401


def test_a_server_without_a_token_takes_any_key_of_an_sdk(tmp_path: Path) -> None:
    with throwaway_server(tmp_path, ["--IdentityProvider.token="]) as server:
        headers = {"Authorization": "Bearer anything"}
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            assert http.get("v1/models").status_code == 200
            assert http.post("v1/chat/completions", json=body).status_code == 200


async def test_a_kernels_key_opens_nothing_else_on_the_server(connect: Ask, extension: Any) -> None:
    key = extension._keys.key_for("server")
    async with connect(key) as http:
        assert (await http.get("v1/models")).status_code == 200
        for path in ("api/contents", "api/kernels", "api/sessions", "api/config/x", "files/x.txt"):
            response = await http.get(path)
            assert response.status_code in (302, 403), path
        assert (await http.post("api/kernels", json={})).status_code == 403
        assert not http.cookies


async def test_a_key_dies_with_its_kernel(connect: Ask, extension: Any, jp_serverapp: Any) -> None:
    manager = jp_serverapp.kernel_manager
    kernel_id = await manager.start_kernel()
    async with connect(extension._keys.key_for(kernel_id)) as http:
        assert (await http.get("v1/models")).status_code == 200
        await manager.shutdown_kernel(kernel_id, now=True)
        assert (await http.get("v1/models")).status_code == 401


async def test_a_browser_with_a_cookie_needs_the_xsrf_token(
    connect: Ask, jp_serverapp: Any
) -> None:
    token = jp_serverapp.identity_provider.token
    async with connect(None) as http:
        await http.get("api/status", params={"token": token})
        assert http.cookies
        refused = await http.post("v1/chat/completions", json={"messages": []})
        assert refused.status_code == 403
        assert refused.json()["error"]["type"] == "permission_denied_error"


async def test_the_authorizer_of_the_server_is_asked(
    connect: Ask, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def only_reading(_: Any, handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return action == "read"

    monkeypatch.setattr(type(jp_serverapp.authorizer), "is_authorized", only_reading)
    async with connect() as http:
        assert (await http.get("v1/models")).status_code == 200
        assert (await http.post("v1/chat/completions", json={})).status_code == 403
    assert asked == [("read", "aqueduct"), ("write", "aqueduct")]


async def test_the_servers_own_files_go_on_working(connect: Ask, jp_root_dir: Any) -> None:
    (jp_root_dir / "notes.txt").write_text("mine")
    (jp_root_dir / "folder").mkdir()
    (jp_root_dir / "folder" / "file-short").write_text("mine too")
    async with connect() as http:
        assert (await http.get("files/notes.txt")).text == "mine"
        assert (await http.get("files/folder/file-short")).text == "mine too"
