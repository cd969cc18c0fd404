"""Every address of a hub's service, every verb, every kind of caller; and all are described."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.settings import GatewaySettings
from aqueduct_jupyter.gateway.stores.opening import FileLimits, Replica, open_folder
from aqueduct_jupyter.protocol.agent_keys import KeyRequest
from aqueduct_jupyter.server.http.base import AqueductHandler
from aqueduct_jupyter.server.http.serving import Serving
from aqueduct_jupyter.server.hub.authentication import ADMIN_SCOPE, HubAuthenticator
from aqueduct_jupyter.server.hub.host import HubHost
from aqueduct_jupyter.server.hub.openapi import service_paths
from aqueduct_jupyter.server.hub.routes import service_routes

from ...standin import StandIn
from ..http.test_access import API, OWN, VERBS, Address, is_envelope
from .standin_hub import Hub

BASE = "/services/aqueduct/"

SERVICE = [
    Address("aqueduct/budget", {"GET": 200}),
    Address("aqueduct/admin/usage", {"GET": 200}),
    Address("aqueduct/admin/requests", {"GET": 200}),
    Address("aqueduct/admin/requests/req_unknown", {"DELETE": 404}),
    Address("aqueduct/admin/budgets", {"GET": 200}),
    Address("aqueduct/admin/budgets/everyone", {"PUT": 400, "DELETE": 404}),
    Address("aqueduct/admin/upstreams", {"GET": 200}),
    Address("aqueduct/admin/audit", {"GET": 200}),
]
TABLE = [*SERVICE, *OWN, *(Address(f"v1/{address.path}", address.allowed) for address in API)]
CASES = [(address, verb) for address in TABLE for verb in VERBS]
PUBLIC = {"", "page.js", "page.css", "oauth_callback", "health/live", "health/ready"}
"""What a browser without a login, or whoever starts the service, may load."""


def may_come_in(who: str, address: Address) -> bool:
    if address.path.startswith("aqueduct/admin/") or address.path == "aqueduct/metrics":
        return who == "administrator"
    return address.is_for_kernels or who not in ("kernel", "agent")


@pytest.fixture
def serving(
    hub: Hub, standin: StandIn, tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Serving]:
    settings = GatewaySettings(
        data_folder=tmp_path,
        upstreams={"campus": {"base_url": standin.url, "api_key": "sk-secret"}},
    )
    stores = open_folder(
        tmp_path,
        FileLimits(2**20, 2**30, None),
        response_expiry_seconds=3600,
        notify=print,
        replica=Replica("one", 30),
    )
    gateway = Gateway(settings, {}, stores=stores)
    authenticator = HubAuthenticator(hub.client(), gateway.agent_keys, seconds=60)
    yield Serving(gateway, authenticator, HubHost(hub.client()), base_url=BASE)
    jp_asyncio_loop.run_until_complete(gateway.close())


@pytest.fixture
def url(serving: Serving, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    async def start() -> HTTPServer:
        server = HTTPServer(Application(list(service_routes(serving)), cookie_secret="s"))
        server.add_sockets(sockets)
        return server

    sockets = bind_sockets(0, "127.0.0.1")
    server = jp_asyncio_loop.run_until_complete(start())
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}{BASE}"
    server.stop()
    jp_asyncio_loop.run_until_complete(server.close_all_connections())


@pytest.mark.parametrize("who", ["stranger", "user", "kernel", "agent", "administrator"])
async def test_whoever_asks_gets_what_is_theirs(
    hub: Hub, serving: Serving, url: str, who: str
) -> None:
    scopes = (ADMIN_SCOPE,) if who == "administrator" else ()
    hub.add("t-ada", "ada", *scopes)
    headers = {"Authorization": "Bearer t-ada"}
    if who == "stranger":
        headers = {"Authorization": "Bearer t-nobody"}
    elif who == "kernel":
        headers["X-Aqueduct-Kernel"] = "k-1"
    elif who == "agent":
        made = await serving.gateway.agent_keys.make("ada", KeyRequest(name="codex"), "t-ada")
        headers = {"Authorization": f"Bearer {made.key}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        for address, verb in CASES:
            answer = await http.request(verb, f"{url}{address.path}")
            status = 403
            if who == "stranger":
                status = 401
            elif may_come_in(who, address):
                status = address.allowed.get(verb, 405)
            assert answer.status_code == status, (verb, address.path, answer.text)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'"), address.path
            if status >= 400:
                assert is_envelope(answer, verb), (verb, address.path)


def test_the_table_has_every_route_of_the_service(serving: Serving) -> None:
    for pattern, handler, _ in service_routes(serving):
        if not issubclass(handler, AqueductHandler):
            assert any(re.fullmatch(pattern, BASE + path) for path in PUBLIC) or (
                pattern.startswith("/health/") or pattern == BASE.rstrip("/")
            ), pattern
        elif pattern.startswith((f"{BASE}aqueduct/", f"{BASE}v1/")):
            assert any(re.fullmatch(pattern, BASE + address.path) for address in TABLE), pattern


async def test_a_browser_without_a_login_gets_nothing_of_anybody(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        page = await http.get(url)
        assert (page.status_code, page.content) == (302, b"")
        for path in ("page.js", "page.css", "health/live", "health/ready"):
            assert (await http.get(f"{url}{path}")).status_code == 200


async def test_the_address_without_a_slash_leads_to_the_page(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        page = await http.get(url.rstrip("/"))
    assert (page.status_code, page.headers["location"]) == (302, BASE)


async def test_who_is_no_administrator_hears_what_makes_one(hub: Hub, url: str) -> None:
    hub.add("t-ada", "ada")
    headers = {"Authorization": "Bearer t-ada"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        refused = await http.get(f"{url}aqueduct/admin/audit")
    assert f"who have the hub's scope {ADMIN_SCOPE}, may" in refused.json()["error"]["message"]


async def test_every_address_of_the_service_is_in_its_document(hub: Hub, url: str) -> None:
    hub.add("t-ada", "ada")
    headers = {"Authorization": "Bearer t-ada"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        document = (await http.get(f"{url}aqueduct/openapi.json")).json()
    assert document["servers"] == [{"url": BASE}]
    assert "/v1/chat/completions" in document["paths"]
    assert "carry_over" in document["components"]["schemas"]["SharedBudget"]["properties"]
    shapes = {"req_unknown": "{id}", "everyone": "{holder}"}
    there = {
        ("/" + "/".join(shapes.get(step, step) for step in address.path.split("/")), verb.lower())
        for address in SERVICE
        for verb in address.allowed
    }
    said = {(path, verb) for path, item in service_paths().items() for verb in item}
    assert said == there
    assert set(service_paths()) <= set(document["paths"])
