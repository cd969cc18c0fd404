"""Who is asked is the operator's choice: nothing that a client sends moves a request, or a key.

Two stand-ins listen: the upstream that is configured, and one that nobody may ever reach.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from ..real_server import KEY, RealServer
from ..standin import StandIn
from .test_words import check

BODY = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def elsewhere() -> Iterator[StandIn]:
    """A server that nobody here has a reason to ask; at the end it was not asked."""
    with StandIn() as standin:
        yield standin
        assert standin.connections == 0
        assert not standin.received


MODELS = [
    *("http://{evil}/x", "http://{evil}/v1/real-name", "//{evil}/x", "@{evil}", "{evil}"),
    *("campus/http://{evil}/x", "campus/../../x", "campus/../", "../..", "campus/@{evil}"),
    *("campus//{evil}/x", "campus/?@{evil}/", "campus/#@{evil}", "campus/%2e%2e/", "campus/\\x"),
    *("campus/x HTTP/1.1\r\nHost: {evil}\r\n\r\n", "campus/\r\nX-Injected: 1", "campus/a\0b"),
    *("campus/\u2028", "campus/ ", "campus/" + "x" * 500, "campus/x\nAuthorization: Bearer y"),
    *("demo/http://{evil}", "local/http://{evil}", "campus.{evil}/x", "CAMPUS/x", "campus:/x"),
]


@pytest.mark.parametrize("model", MODELS, ids=range(len(MODELS)))
def test_a_models_name_is_only_a_word(
    server: RealServer, upstream: StandIn, elsewhere: StandIn, model: str
) -> None:
    model = model.replace("{evil}", f"127.0.0.1:{elsewhere.port}")
    for is_stream in (False, True):
        before = len(upstream.chats)
        response = server.http.post(
            "v1/chat/completions", json={**BODY, "model": model, "stream": is_stream}
        )
        check(response)
        assert "x-injected" not in response.headers
        if not model.startswith("campus/"):
            assert len(upstream.chats) == before
            continue
        (sent,) = upstream.chats[before:]
        assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
        assert sent.json["model"] == model.removeprefix("campus/")
        assert sent.headers["host"] == f"127.0.0.1:{upstream.port}"
        assert sent.headers["authorization"] == f"Bearer {KEY}"
        assert "x-injected" not in sent.headers
    asked = server.http.get(f"v1/models/{quote(model, safe='')}")
    assert asked.status_code in (200, 400, 404)
    assert KEY not in asked.text
    assert {request.path for request in upstream.received} <= {"/v1/chat/completions", "/v1/models"}


HEADERS = [
    *("Host: {evil}", "X-Forwarded-Host: {evil}", "X-Forwarded-For: {evil}", "Via: 1.1 {evil}"),
    *("X-Forwarded-Proto: gopher", "Forwarded: host={evil}", "X-Original-URL: http://{evil}/"),
    *("X-Rewrite-URL: //{evil}/", "Location: http://{evil}/", "Referer: http://{evil}/"),
    *("Proxy-Authorization: Basic eDp4", "OpenAI-Organization: {evil}", "Cookie: a=b"),
    *("X-Base-Url: http://{evil}", "X-Request-Id: {evil}", "Connection: X-Request-Id"),
    *("Accept-Encoding: gzip", "Expect: 100-continue", "Upgrade: h2c", "X-Injected: 1"),
]


def ask_raw(server: RealServer, target: str, *lines: str) -> bytes:
    """Ask with a request line and headers that no HTTP client would send."""
    url = urlsplit(server.process.url)
    body = json.dumps({**BODY, "model": "campus/real-name"}).encode()
    own = {
        "Host": url.netloc,
        "Authorization": f"Bearer {server.process.token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    given = {line.partition(":")[0].lower() for line in lines}
    kept = [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
    head = "\r\n".join([f"POST {target} HTTP/1.1", *kept, *lines, "", ""])
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        # A server that keeps the connection has said all that it says to this.
        connection.settimeout(2)
        answer = b""
        try:
            while data := connection.recv(65_536):
                answer += data
                if b"\r\n\r\n" in answer and answer.rstrip().endswith(b"}"):
                    break
        except TimeoutError:
            pass
        return answer


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_of_a_client_goes_upstream_or_chooses_it(
    server: RealServer, upstream: StandIn, elsewhere: StandIn, header: str
) -> None:
    header = header.replace("{evil}", f"127.0.0.1:{elsewhere.port}")
    before = len(upstream.chats)
    answer = ask_raw(server, "/v1/chat/completions", header)
    assert KEY.encode() not in answer
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    for sent in upstream.chats[before:]:
        assert sent.headers["host"] == f"127.0.0.1:{upstream.port}"
        assert sent.headers["authorization"] == f"Bearer {KEY}"
        assert str(elsewhere.port) not in json.dumps(sent.headers)
        assert set(sent.headers) <= {
            *("host", "authorization", "content-type", "content-length", "x-request-id"),
            *("accept", "accept-encoding", "connection", "user-agent"),
        }
        assert sent.headers["accept-encoding"] == "identity"
        assert server.process.token not in json.dumps(sent.headers)


TARGETS = [
    *("http://{evil}/v1/chat/completions", "//{evil}/v1/chat/completions", "@{evil}", "*"),
    *("/v1/../../v1/chat/completions", "/v1/chat/completions/../../x", "/v1//chat/completions"),
    *("/v1/chat%2fcompletions", "/v1/chat/completions?base_url=http://{evil}", "/%00", "/v1/%ff"),
    *("/v1/chat/completions#http://{evil}", "/v1/chat/completions;@{evil}", "http:///{evil}"),
    *("/v1/models/http://{evil}/", "/v1/models/%2e%2e%2f%2e%2e", "/v1/files/../models", "/v1/@"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_no_address_of_a_request_chooses_who_is_asked(
    server: RealServer, upstream: StandIn, elsewhere: StandIn, target: str
) -> None:
    target = target.replace("{evil}", f"127.0.0.1:{elsewhere.port}")
    before = len(upstream.received)
    answer = ask_raw(server, target)
    assert answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert KEY.encode() not in answer
    for sent in upstream.received[before:]:
        assert sent.path in ("/v1/chat/completions", "/v1/models")
        assert sent.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert server.ask().status_code == 200


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "video_url"])
def test_an_address_in_a_message_is_not_visited_here(
    server: RealServer, upstream: StandIn, elsewhere: StandIn, kind: str
) -> None:
    part = {"type": kind, kind: {"url": f"{elsewhere.url}/x.png"}}
    response = server.http.post(
        "v1/chat/completions",
        json={"model": "campus/x", "messages": [{"role": "user", "content": [part]}]},
    )
    assert response.status_code == 200
    assert upstream.chats[-1].json["messages"][0]["content"] == [part]


@pytest.mark.parametrize("name", ["$schema", "$ref", "$id", "$dynamicRef"])
def test_an_address_in_a_schema_is_not_visited(
    server: RealServer, elsewhere: StandIn, name: str
) -> None:
    schema = {name: f"{elsewhere.url}/schema", "type": "object"}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    check(server.ask(response_format=form))


def test_a_clients_id_of_its_request_is_listed_and_goes_nowhere(
    server: RealServer, upstream: StandIn, elsewhere: StandIn
) -> None:
    name = f"http://127.0.0.1:{elsewhere.port}/\u00e9".encode()
    body = {**BODY, "model": "campus/x"}
    response = server.http.post(
        "v1/chat/completions", json=body, headers={"X-Client-Request-Id": name}
    )
    assert response.status_code == 200
    assert response.headers["x-request-id"] == upstream.chats[-1].headers["x-request-id"]
    assert str(elsewhere.port) not in str(upstream.chats[-1].headers)
