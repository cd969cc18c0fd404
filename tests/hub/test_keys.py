"""Who has which key under a hub: kernels their own, users theirs, and nobody the operator's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..kernels import Kernel, running_kernel
from ..standin import StandIn
from .conftest import OPERATORS_KEY
from .hub import Hub, Server

ASK = (
    "from openai import OpenAI\n"
    "answer = OpenAI().chat.completions.create(\n"
    "    model='real-name', messages=[{'role': 'user', 'content': 'Hi'}])\n"
    "print(answer.choices[0].message.content)"
)
SHOW_ENVIRONMENT = "import json, os; print(json.dumps([os.getpid(), dict(os.environ)]))"
QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


def environment_of(kernel: Kernel) -> tuple[int, dict[str, str]]:
    """Give a kernel's process id and its variables as it sees them."""
    pid, environment = json.loads(kernel.run(SHOW_ENVIRONMENT))
    return pid, environment


@pytest.fixture(params=["alice", "bob"])
def side(request: pytest.FixtureRequest) -> tuple[Server, Kernel]:
    """One user's server and kernel."""
    return request.getfixturevalue(request.param), request.getfixturevalue(
        f"{request.param}s_kernel"
    )


@pytest.fixture
def others(request: pytest.FixtureRequest, side: tuple[Server, Kernel]) -> tuple[Server, Kernel]:
    """The other user's."""
    name = "bob" if side[0].user == "alice" else "alice"
    return request.getfixturevalue(name), request.getfixturevalue(f"{name}s_kernel")


def test_openai_works_without_arguments_and_upstream_sees_the_operators_key_only(
    side: tuple[Server, Kernel], upstream: StandIn
) -> None:
    server, kernel = side
    _, environment = environment_of(kernel)
    assert kernel.run(ASK) == "Hello\n"
    (asked,) = upstream.chats
    assert asked.headers["authorization"] == f"Bearer {OPERATORS_KEY}"
    secrets = [
        server.token,
        *(environment[name] for name in ("AQUEDUCT_API_KEY", "JUPYTERHUB_API_TOKEN")),
    ]
    seen = str(asked.headers) + asked.body.decode()
    assert not [secret for secret in secrets if secret in seen]


def test_a_kernels_address_is_its_own_server_behind_the_proxy(side: tuple[Server, Kernel]) -> None:
    server, kernel = side
    _, environment = environment_of(kernel)
    assert environment["OPENAI_BASE_URL"] == f"{environment['AQUEDUCT_BASE_URL']}/v1"
    assert httpx.URL(environment["AQUEDUCT_BASE_URL"]).path == f"/user/{server.user}"
    # Straight to the server: an answer need not go through the hub's proxy and back.
    assert httpx.URL(environment["AQUEDUCT_BASE_URL"]).host == "127.0.0.1"


def test_a_users_token_opens_the_users_own_server(
    side: tuple[Server, Kernel], upstream: StandIn
) -> None:
    with side[0].client() as http:
        assert http.post("v1/chat/completions", json=QUESTION).json()["choices"]
        assert http.post("chat/completions", json=QUESTION).json()["choices"]
        assert [model["id"] for model in http.get("v1/models").json()["data"]] == ["real-name"]
        assert http.get("aqueduct/status").json()["upstreams"][0]["answers"]
    assert {asked.headers["authorization"] for asked in upstream.received} == {
        f"Bearer {OPERATORS_KEY}"
    }


def test_nothing_of_one_user_opens_the_others_server(
    side: tuple[Server, Kernel], others: tuple[Server, Kernel], upstream: StandIn
) -> None:
    server, kernel = side
    _, environment = environment_of(kernel)
    for key in (server.token, environment["JUPYTERHUB_API_TOKEN"], environment["AQUEDUCT_API_KEY"]):
        with others[0].client(key) as http:
            refused = [
                http.post("v1/chat/completions", json=QUESTION),
                http.post("chat/completions", json={**QUESTION, "stream": True}),
                http.get("v1/models"),
                http.get("v1/files"),
                http.get("aqueduct/conversations"),
                http.get("aqueduct/requests"),
                http.get("aqueduct/usage"),
                http.get("aqueduct/metrics"),
                http.get("aqueduct/status"),
            ]
        for answer in refused:
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
    assert not upstream.received


def test_a_kernels_key_opens_nothing_else_of_its_server_or_the_hub(
    hub: Hub, side: tuple[Server, Kernel]
) -> None:
    server, kernel = side
    _, environment = environment_of(kernel)
    with server.client(environment["JUPYTERHUB_API_TOKEN"]) as http:
        # What JupyterHub gives kernels by itself does open it.
        assert http.get("api/contents").status_code == 200
    with server.client(environment["AQUEDUCT_API_KEY"]) as http:
        assert http.get("v1/models").status_code == 200
        assert http.get("api/contents").status_code == 403
        assert http.get("api/kernels").status_code == 403
        assert http.get(f"{hub.url}/hub/api/user").status_code == 403


def test_the_operators_key_is_in_no_environment_and_no_key_in_a_log(
    hub: Hub, side: tuple[Server, Kernel]
) -> None:
    server, kernel = side
    assert kernel.run(ASK) == "Hello\n"
    pid, environment = environment_of(kernel)
    assert OPERATORS_KEY not in json.dumps(environment)
    for process in (pid, server.pid):
        assert OPERATORS_KEY.encode() not in Path(f"/proc/{process}/environ").read_bytes()
    log = hub.log.read_text()
    # The log is that of the hub, of its proxy and of all servers, at the level of debug.
    assert f"/user/{server.user}/v1/chat/completions" in log
    for secret in (OPERATORS_KEY, environment["AQUEDUCT_API_KEY"], server.token):
        assert secret not in log


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_a_key_that_the_hub_gives_one_server_reaches_the_upstream_and_no_kernel(
    hub: Hub, servers: dict[tuple[str, str], Server], upstream: StandIn, user: str
) -> None:
    server = servers[user, "shared"]
    key = f"sk-of-{user}s-server"
    with running_kernel(server.url, server.token) as kernel:
        assert kernel.run(ASK) == "Hello\n"
        assert upstream.chats[0].headers["authorization"] == f"Bearer {key}"
        pid, environment = environment_of(kernel)
        assert environment["AQUEDUCT_BASE_URL"].endswith(f"/user/{user}/shared")
        assert key not in json.dumps(environment)
        assert key.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert key not in hub.log.read_text()


def log_in(browser: httpx.Client, hub: Hub, server: Server) -> None:
    """Log in as a user does, so that the client has the cookies that a browser would have."""
    browser.get(f"{hub.url}/hub/login")
    words = {"username": server.user, "password": "any", "_xsrf": browser.cookies["_xsrf"]}
    browser.post(f"{hub.url}/hub/login?next=/hub/home", data=words).raise_for_status()
    browser.get(f"{server.url}/lab").raise_for_status()


def test_a_page_of_the_hub_asks_with_its_cookie(
    hub: Hub, alice: Server, bob: Server, upstream: StandIn
) -> None:
    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False) as browser:
        log_in(browser, hub, alice)
        assert browser.get(f"{alice.url}/v1/models").status_code == 200
        (xsrf,) = (
            cookie.value
            for cookie in browser.cookies.jar
            if cookie.name == "_xsrf" and cookie.path == "/user/alice/"
        )
        ask: dict[str, Any] = {"url": f"{alice.url}/v1/chat/completions", "json": QUESTION}
        forged = browser.post(**ask)
        assert (forged.status_code, forged.json()["error"]["type"]) == (
            403,
            "permission_denied_error",
        )
        assert not upstream.chats
        assert browser.post(**ask, headers={"X-XSRFToken": str(xsrf)}).json()["choices"]
        assert browser.get(f"{bob.url}/v1/models").status_code == 401
