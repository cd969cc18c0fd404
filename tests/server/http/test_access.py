"""One table of routes drives the access test: every address, every verb, every kind of caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server.serverapp import _has_tornado_web_authenticated
from tornado.httputil import HTTPHeaders
from tornado.web import RequestHandler

from aqueduct_jupyter.gateway.requests.operations import OPERATIONS
from aqueduct_jupyter.protocol.agent_keys import KeyRequest
from aqueduct_jupyter.server.http import body
from aqueduct_jupyter.server.http.base import AqueductHandler, UnknownAddressHandler
from aqueduct_jupyter.server.http.routes import DEPLOYED

from ...forked_servers import throwaway_server
from ...standin import StandIn
from ..conftest import Ask

FILE = "file-" + "x" * 24
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Address:
    """An address and, for each verb it has, the status for whoever may come in.

    A kernel's key opens it unless ``is_for_kernels`` says no.
    """

    path: str
    allowed: dict[str, int]
    is_for_kernels: bool = True


API = [
    *(Address(path, {"POST": 415 if OPERATIONS[path].is_form else 400}) for path in OPERATIONS),
    Address("files", {"GET": 200, "POST": 415}),
    Address("responses/resp_1", {"GET": 404, "DELETE": 404}),
    Address("responses/resp_1/input_items", {"GET": 404}),
    Address("responses/resp_1/cancel", {"POST": 404}),
    Address("conversations", {"POST": 200}),
    Address("conversations/conv_1", {"GET": 404, "POST": 400, "DELETE": 404}),
    Address("conversations/conv_1/items", {"GET": 404, "POST": 400}),
    Address("conversations/conv_1/items/msg_1", {"GET": 404, "DELETE": 404}),
    Address(f"files/{FILE}", {"GET": 404, "DELETE": 404}),
    Address(f"files/{FILE}/content", {"GET": 404}),
    Address("models", {"GET": 200}),
    Address("models/real-name", {"GET": 200}),
    Address("models/campus/real-name", {"GET": 200}),
]
OWN = [
    Address("aqueduct/status", {"GET": 200}),
    Address("aqueduct/usage", {"GET": 200}),
    Address("aqueduct/metrics", {"GET": 200}, is_for_kernels=False),
    Address("aqueduct/openapi.json", {"GET": 200}),
    Address("aqueduct/requests", {"GET": 200}),
    Address("aqueduct/requests/req_unknown", {"DELETE": 404}),
    Address("aqueduct/keys", {"GET": 200, "POST": 400}, is_for_kernels=False),
    Address("aqueduct/keys/codex-0a1b2c3d", {"DELETE": 404}, is_for_kernels=False),
    Address("aqueduct/setup", {"GET": 200}, is_for_kernels=False),
    Address("aqueduct/setup/embedded", {"POST": 403}, is_for_kernels=False),
    Address("aqueduct/setup/services", {"POST": 400}, is_for_kernels=False),
    Address("aqueduct/setup/services/{id}", {"DELETE": 403}, is_for_kernels=False),
    Address("aqueduct/conversations", {"GET": 200, "POST": 200}, is_for_kernels=False),
    Address(
        "aqueduct/conversations/conv-x",
        {"GET": 404, "PATCH": 404, "DELETE": 404},
        is_for_kernels=False,
    ),
    Address("aqueduct/conversations/conv-x/export", {"GET": 404}, is_for_kernels=False),
    Address("aqueduct/conversations/conv-x/events", {"GET": 404}, is_for_kernels=False),
    Address("aqueduct/conversations/conv-x/turns", {"POST": 400}, is_for_kernels=False),
    Address("aqueduct/conversations/conv-x/turns/{id}", {"DELETE": 404}, is_for_kernels=False),
    Address("aqueduct/conversations/conv-x/turns/{id}/stop", {"POST": 404}, is_for_kernels=False),
    Address(
        "aqueduct/conversations/conv-x/turns/{id}/restore", {"POST": 404}, is_for_kernels=False
    ),
    Address(
        "aqueduct/conversations/conv-x/turns/{id}/version", {"POST": 400}, is_for_kernels=False
    ),
    Address("aqueduct/nothing", dict.fromkeys(VERBS, 404)),
    Address("v1/nothing", dict.fromkeys(VERBS, 404)),
    Address("v1", dict.fromkeys(VERBS, 404)),
]
PREFIXES = ("", "v1/", "openai/", "openai/v1/")
AZURE = [
    Address(
        f"openai/deployments/real-name/{path}", {"POST": 415 if OPERATIONS[path].is_form else 400}
    )
    for path in DEPLOYED
]
UNKNOWN = [
    *("responses/resp_1/x", "embeddings/x", "messages/batches", "images", "audio"),
    *("chat", "chat/completions/x", "images/edits", "audio/translations", "fine_tuning/jobs"),
    *("api/v1", "api/v1/chat/completions", "openai", "openai/nothing"),
    *("openai/deployments/x/files", "/v1/models", "//v1/chat/completions", "/responses"),
    *("/models", "/files", "v1//models", "batches", "threads/t/runs"),
]
TABLE = [
    *(
        Address(f"{prefix}{address.path}", address.allowed)
        for prefix in PREFIXES
        for address in API
    ),
    *OWN,
    *AZURE,
    *(Address(path, dict.fromkeys(VERBS, 404)) for path in UNKNOWN),
]
CASES = [(address, verb) for address in TABLE for verb in VERBS]
case = pytest.mark.parametrize(
    ("address", "verb"), CASES, ids=[f"{verb} {address.path}" for address, verb in CASES]
)


def is_envelope(response: Any, verb: str) -> bool:
    if verb == "HEAD":
        return True
    error = response.json()["error"]
    return set(error) == {"message", "type", "param", "code"} and bool(error["message"])


async def ask_everything(
    http: httpx.AsyncClient, body: bytes = b""
) -> AsyncIterator[tuple[Address, str, httpx.Response]]:
    """Ask each address with each verb as the client would, which alone takes twice as long."""
    url = http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    headers = [f"{name}: {value}\r\n" for name, value in http.headers.items()]
    more = f"Host: {url.host}\r\n{''.join(headers)}Content-Length: {len(body)}\r\n\r\n"
    for address, verb in CASES:
        first = f"{verb} {url.raw_path.decode()}{address.path} HTTP/1.1\r\n"
        writer.write((first + more).encode() + body)
        status, _, head = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")
        received = HTTPHeaders.parse(head)
        length = 0 if verb == "HEAD" else int(received.get("Content-Length", 0))
        content = await reader.readexactly(length)
        yield (
            address,
            verb,
            httpx.Response(int(status.split()[1]), headers=received, content=content),
        )
    writer.close()


@pytest.mark.parametrize("token", [None, "wrong", "aqk.server.wrong", "aqa.codex-1.wrong"])
async def test_a_stranger_gets_401_everywhere_before_the_body_is_read(
    connect: Ask, token: str | None
) -> None:
    async with connect(token) as http:
        async for address, verb, response in ask_everything(http, b"{not json"):
            assert response.status_code == 401, (verb, address.path)
            assert response.headers["content-type"] == "application/json"
            assert response.headers["x-request-id"].startswith("req_")
            if verb != "HEAD":
                error = response.json()["error"]
                is_anthropic = address.path.endswith(("/messages", "count_tokens")) or (
                    address.path == "messages"
                )
                kind = "authentication_error" if is_anthropic else "invalid_request_error"
                assert (error["type"], error["code"]) == (kind, "invalid_api_key")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "v1/files/%00"),
        ("GET", "v1/conversations/conv_%00/items"),
        ("PATCH", "aqueduct/conversations/%00"),
        ("DELETE", "aqueduct/requests/%00"),
        ("POST", "openai/deployments/a%00b/chat/completions"),
    ],
)
async def test_a_nul_in_an_address_names_nothing(connect: Ask, verb: str, path: str) -> None:
    # PostgreSQL would refuse to look for it, as if the database had failed.
    async with connect(None) as http:
        assert (await http.request(verb, f"{http.base_url}{path}")).status_code == 401
    async with connect() as http:
        response = await http.request(verb, f"{http.base_url}{path}", content=b"{not json")
        assert response.status_code == 404
        assert response.json()["error"]["message"].startswith("There is nothing at ")


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


@pytest.mark.parametrize("who", ["owner", "kernel", "agent"])
async def test_whoever_may_come_in_gets_what_the_address_has(
    connect: Ask, extension: Any, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    token = None
    if who == "kernel":
        kernel_manager = extension.serverapp.kernel_manager
        monkeypatch.setattr(type(kernel_manager), "__contains__", lambda _, name: name == "k1")
        token = extension.gateway.keys.key_for("k1")
    elif who == "agent":
        token = (await extension.gateway.agent_keys.make("", KeyRequest(name="codex"))).key
    async with connect(token) if token else connect() as http:
        async for address, verb, response in ask_everything(http):
            is_open = address.is_for_kernels or who == "owner"
            status = address.allowed.get(verb, 405) if is_open else 403
            assert response.status_code == status, (verb, address.path)
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
    assert any(issubclass(handler, UnknownAddressHandler) for handler in handlers)


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


def test_a_refusal_leaves_the_connection_open(tmp_path: Path) -> None:
    with throwaway_server(tmp_path) as server:
        url = httpx.URL(server.url)
        connection = HTTPConnection(url.host, url.port or 0)
        headers = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
        connection.connect()
        kept = connection.sock
        for address in TABLE:
            for verb in VERBS:
                body = None if verb in ("GET", "HEAD") else b'{"a": 1}'
                connection.request(verb, f"{url.path}{address.path}", body, headers)
                response = connection.getresponse()
                response.read()
                assert response.status == 401, (verb, address.path)
                assert connection.sock is kept, (verb, address.path)
        connection.close()


async def test_a_refusal_is_sent_and_logged_once(
    connect: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect("wrong") as http:
        refused = await http.post("v1/chat/completions", json={})
        # On the same connection, so that the first request is over.
        assert (await http.get("v1/models")).status_code == 401
    assert refused.status_code == 401
    request_id = refused.headers["x-request-id"]
    about = [record for record in caplog.records if request_id in record.getMessage()]
    assert [record.levelname for record in about] == ["INFO"]
    assert "Cannot send error response" not in caplog.text


async def test_jupyter_finds_that_every_verb_checks_who_asks(extension: Any) -> None:
    for _, handler, _ in extension.handlers:
        for verb in ("get", "head", "post", "delete", "patch", "put"):
            method = getattr(handler, verb)
            is_served = method is not RequestHandler._unimplemented_method
            assert not is_served or _has_tornado_web_authenticated(method), (handler, verb)


def test_a_server_without_a_token_takes_any_key_of_an_sdk(tmp_path: Path) -> None:
    with throwaway_server(tmp_path, ["--IdentityProvider.token="]) as server:
        headers = {"Authorization": "Bearer anything"}
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            assert http.get("v1/models").status_code == 200
            assert http.post("v1/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize("is_agent", [False, True])
async def test_a_kernels_or_agents_key_opens_nothing_else_on_the_server(
    connect: Ask, extension: Any, is_agent: bool
) -> None:
    gateway = extension.gateway
    made = await gateway.agent_keys.make("", KeyRequest(name="codex"))
    key = made.key if is_agent else gateway.keys.key_for("server")
    async with connect(key) as http:
        assert (await http.get("v1/models")).status_code == 200
        for path in ("api/contents", "api/kernels", "api/sessions", "api/config/x", "files/x.txt"):
            response = await http.get(path)
            assert response.status_code in (302, 403), path
        assert (await http.post("api/kernels", json={})).status_code == 403
        assert not http.cookies


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
async def test_a_key_may_come_as_other_clients_send_it(
    connect: Ask, extension: Any, header: str
) -> None:
    token = connect().headers["Authorization"].split()[1]
    async with connect(None) as http:
        for key in (token, extension.gateway.keys.key_for("server")):
            assert (await http.get("v1/models", headers={header: key})).status_code == 200
            posted = await http.post("v1/chat/completions", json={}, headers={header: key})
            assert posted.status_code == 400, "no XSRF token is asked of a key"
        assert (await http.get("v1/models", headers={header: "wrong"})).status_code == 401
        both = {header: token, "Authorization": "Bearer wrong"}
        assert (await http.get("v1/models", headers=both)).status_code == 401


async def test_a_kernels_key_reads_files_and_deletes_its_own(
    connect: Ask, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel_manager = extension.serverapp.kernel_manager
    monkeypatch.setattr(type(kernel_manager), "__contains__", lambda _, name: name in ("k1", "k2"))
    clients = {
        name: connect(extension.gateway.keys.key_for(name)) for name in ("k1", "k2", "server")
    }
    clients["owner"] = connect()

    async def upload(name: str) -> str:
        form = {"purpose": "user_data"}
        made = await clients[name].post("v1/files", files={"file": ("a.txt", b"a")}, data=form)
        return str(made.json()["id"])

    for uploader in clients:
        file_id = await upload(uploader)
        for name, http in clients.items():
            assert (await http.get(f"v1/files/{file_id}/content")).content == b"a"
            if name not in (uploader, "owner"):
                refused = await http.delete(f"v1/files/{file_id}")
                assert refused.status_code == 403, (uploader, name)
                assert refused.json()["error"]["code"] == "not_the_uploader"
        deleter = clients[uploader if uploader != "k1" else "owner"]
        assert (await deleter.delete(f"v1/files/{file_id}")).status_code == 200
    for http in clients.values():
        await http.aclose()


async def test_what_a_kernels_key_does_not_open_says_what_does(
    connect: Ask, extension: Any
) -> None:
    async with connect(extension.gateway.keys.key_for("server")) as http:
        error = (await http.get("aqueduct/conversations")).json()["error"]
    assert error["code"] == "not_for_kernels"
    assert "Use the Jupyter server's token" in error["message"]


async def test_an_unknown_address_says_what_there_is(connect: Ask, jp_base_url: str) -> None:
    async with connect() as http:
        error = (await http.post("batches", json={"model": "m", "input": "x"})).json()["error"]
    assert error["code"] == "not_found"
    assert "chat/completions, responses, messages, completions, embeddings" in error["message"]
    assert f"{jp_base_url}v1 as the base URL." in error["message"]


async def test_jupyters_own_addresses_stay_jupyters(connect: Ask) -> None:
    async with connect() as http:
        assert (await http.get("api/status")).json()["kernels"] == 0
        assert (await http.get("api/contents")).json()["type"] == "directory"
        assert (await http.get("api/nothing")).headers["content-type"] != "application/json"


async def test_azures_address_names_the_model(connect: Ask, standin: StandIn) -> None:
    token = connect().headers["Authorization"].split()[1]
    body = {"model": "something else", "messages": [{"role": "user", "content": "Hi"}]}
    async with connect(None) as http:
        for name in ("real-name", "campus%2Freal-name"):
            answered = await http.post(
                f"openai/deployments/{name}/chat/completions?api-version=2024-10-21",
                json=body,
                headers={"api-key": token},
            )
            assert answered.status_code == 200
    assert [sent.json["model"] for sent in standin.chats] == ["real-name", "real-name"]


async def test_a_token_in_the_address_is_not_logged(
    connect: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Any) -> None:
        raise RuntimeError("out of the blue")

    monkeypatch.setattr("aqueduct_jupyter.server.http.models.ModelsHandler.get", fail)
    token = connect().headers["Authorization"].split()[1]
    async with connect(None) as http:
        assert (await http.get("v1/models", params={"token": token})).status_code == 500
    assert "out of the blue" in caplog.text
    assert token not in caplog.text


async def test_a_key_dies_with_its_kernel(connect: Ask, extension: Any, jp_serverapp: Any) -> None:
    manager = jp_serverapp.kernel_manager
    kernel_id = await manager.start_kernel()
    async with connect(extension.gateway.keys.key_for(kernel_id)) as http:
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
