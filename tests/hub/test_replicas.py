"""Several replicas of the service: one budget, one list of requests, and no request is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from ..standin import DONE, HANG, StandIn, chunk
from .hub import Hub, Server
from .service import QUESTION, Replica, RunningService, eventually, token_of

DEADLINE = 60.0
STREAM = {**QUESTION, "stream": True}


@pytest.fixture(autouse=True)
def nothing_received(upstream: StandIn) -> None:
    """Let each test see only its own requests."""


def read_in_time(pieces: Iterator[bytes]) -> bytes:
    """Read a stream to its end; heartbeats would keep one that never ends alive."""
    found, deadline = b"", time.monotonic() + DEADLINE
    for piece in pieces:
        found += piece
        assert time.monotonic() < deadline, found[-300:]
    return found


@contextmanager
def asking(service: RunningService, token: str, url: str | None = None) -> Iterator[Any]:
    """Ask for a stream, and read until its first words have arrived."""
    with (
        service.client(token, url) as http,
        http.stream("POST", "v1/chat/completions", json=STREAM) as answer,
    ):
        pieces = answer.iter_raw()
        assert b'"a"' in next(pieces)
        yield pieces


def test_one_budget_counts_over_all_servers_and_replicas_of_a_user(
    hub: Hub, service: RunningService
) -> None:
    token = token_of(hub, "dave")
    servers = hub.start(("dave", "campus"), ("dave", "campus-2"))
    answers = []
    for replica in service.replicas[:2]:
        with service.client(token, replica.url) as direct:
            answers.append(direct.post("v1/chat/completions", json=QUESTION))
    for server in servers:
        with server.client() as his:
            answers.append(his.post("v1/chat/completions", json=QUESTION))
            refused = his.post("v1/chat/completions", json=QUESTION)
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers[:3]]
    assert left == ["3", "2", "1"]
    # The first server's second request was the last.
    for answer in (answers[3], refused):
        assert answer.status_code == 429
        error = answer.json()["error"]
        assert error["message"].startswith("The limit of 4 requests per month for you is used up.")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"


def test_a_request_is_seen_and_stopped_from_the_other_replica(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    token, (one, two) = token_of(hub, "alice"), service.replicas[:2]
    upstream.stream(chunk("a"), HANG)
    with asking(service, token, one.url) as pieces, service.client(token, two.url) as http:
        (request,) = http.get("aqueduct/requests").json()["data"]
        assert request["model"] == "real-name"
        with service.client(token_of(hub, "bob"), two.url) as his:
            assert his.get("aqueduct/requests").json()["data"] == []
            assert his.delete(f"aqueduct/requests/{request['id']}").status_code == 404
        assert http.delete(f"aqueduct/requests/{request['id']}").json()["stopped"]
        assert b"request_stopped" in read_in_time(pieces)
        assert upstream.chats[0].client_left.wait(DEADLINE)
        eventually(lambda: http.get("aqueduct/requests").json()["data"] == [])


def test_a_killed_replica_loses_no_room_in_a_budget_and_its_streams_look_cut(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    token = token_of(hub, "alice")
    doomed = service.start()
    doomed.wait_until_ready()
    upstream.stream(chunk("a"), HANG)
    with asking(service, token, doomed.url) as pieces:
        doomed.kill()
        with pytest.raises(httpx.RemoteProtocolError):
            b"".join(pieces)
    with service.client(token) as http:
        (lost,) = http.get("aqueduct/requests").json()["data"]
        # Whoever notices that the replica died ends its requests.
        eventually(lambda: http.get("aqueduct/requests").json()["data"] == [])
        assert lost["model"] == "real-name"


def test_who_asks_through_a_server_is_told_that_a_replica_died(
    service: RunningService, people: dict[str, Server], upstream: StandIn
) -> None:
    doomed, others = service.start(), [*service.replicas]
    service.use(doomed)
    try:
        upstream.stream(chunk("a"), HANG)
        with (
            people["bob"].client() as http,
            http.stream("POST", "v1/chat/completions", json=STREAM) as answer,
        ):
            pieces = answer.iter_raw()
            assert b'"a"' in next(pieces)
            doomed.kill()
            end = read_in_time(pieces)
    finally:
        service.use(*others[:2])
    assert b"upstream_disconnected" in end
    assert b"[DONE]" not in end


def test_a_replica_that_ends_takes_no_new_requests_and_loses_no_stream(
    hub: Hub, service: RunningService, people: dict[str, Server], upstream: StandIn
) -> None:
    token, ending = token_of(hub, "alice"), service.start()
    ending.wait_until_ready()
    gate = threading.Event()
    upstream.stream(chunk("a"), gate, chunk("b"), DONE)
    with service.client(token, ending.url) as kept:
        assert kept.get("v1/models").status_code == 200
        with asking(service, token, ending.url) as pieces:
            ending.terminate()
            eventually(lambda: not accepts(ending))
            # A connection that is still open gets an answer that a client can act on.
            refused = kept.get("v1/models")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
            assert refused.headers["x-should-retry"] == "true"
            gate.set()
            end = read_in_time(pieces)
    assert b'"b"' in end
    assert end.endswith(DONE)
    assert ending.process.wait(DEADLINE) == 0


def accepts(replica: Replica) -> bool:
    """Return whether a replica accepts a new connection."""
    try:
        httpx.get(f"http://127.0.0.1:{replica.port}/health/live", trust_env=False)
    except httpx.ConnectError:
        return False
    return True
