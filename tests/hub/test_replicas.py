"""Several replicas of the service: one budget, one list of requests, and no request is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from ..standin import DONE, HANG, StandIn, chunk
from .hub import Hub, Server
from .objects import ObjectStore
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
        socket.create_connection(("127.0.0.1", replica.port), DEADLINE).close()
    except ConnectionRefusedError:
        return False
    return True


def test_an_upload_to_a_replica_that_is_killed_leaves_nothing(
    hub: Hub, service: RunningService, people: dict[str, Server], objects: ObjectStore
) -> None:
    doomed, others = service.start(), [*service.replicas[:2]]
    service.use(doomed)
    kept = len(objects.objects)
    data = bytes(24 * 2**20)

    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        yield data[: 2**22]
        doomed.kill()
        yield data
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        with people["alice"].client() as hers:
            try:
                failed = hers.post("v1/files", content=pieces(), headers=headers)
                assert failed.status_code in (502, 503), failed.text
            except httpx.TransportError:
                pass  # the connection may end before the answer
            service.use(*others)
            assert [file["filename"] for file in hers.get("v1/files").json()["data"]] == []
            again = hers.post(
                "v1/files", files={"file": ("a.bin", data[:9])}, data={"purpose": "user_data"}
            )
            assert again.json()["bytes"] == 9
            hers.delete(f"v1/files/{again.json()['id']}")
    finally:
        service.use(*others)
    assert len(objects.objects) == kept


def test_no_budget_is_passed_by_a_hundred_clients_while_a_replica_is_killed(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    """Three replicas, a hundred clients, a kill: no room is given away twice, and none is lost."""
    most = 150
    third = service.start()
    third.wait_until_ready()
    replicas = [*service.replicas[:2], third]
    bob, carol = token_of(hub, "bob"), token_of(hub, "carol")
    mine = {"holder": "user:bob", "budget": {"requests_per_month": most}}
    with service.client(carol, replicas[0].url) as hers:
        hers.put("aqueduct/admin/budgets/user:bob", json=mine["budget"]).raise_for_status()
        for replica in replicas:
            with service.client(bob, replica.url) as his:
                eventually(lambda his=his: mine in his.get("aqueduct/budget").json()["data"])
        answered, refused, cut = [], [], []

        def ask(number: int) -> None:
            replica = replicas[number % 3]
            with service.client(bob, replica.url) as his:
                for turn in range(3):
                    if number == 50 and turn == 1:
                        third.kill()
                    try:
                        answer = his.post("v1/chat/completions", json=QUESTION)
                    except httpx.TransportError:
                        cut.append(number)
                        return
                    (answered if answer.status_code == 200 else refused).append(answer)

        with ThreadPoolExecutor(100) as clients:
            list(clients.map(ask, range(100)))
        assert {answer.status_code for answer in refused} <= {429}
        assert len(answered) <= most
        # What the dead replica had reserved is given back or counted, and the rest can be used.
        with service.client(bob, replicas[0].url) as his:
            eventually(lambda: his.get("aqueduct/requests").json()["data"] == [])
            while (answer := his.post("v1/chat/completions", json=QUESTION)).status_code == 200:
                answered.append(answer)
            assert answer.status_code == 429
            used = his.get("aqueduct/usage").json()["total"]["requests"]
        windows = [
            row
            for row in hers.get("aqueduct/admin/budgets").json()["used"]
            if (row["holder"], row["kind"], row["span"]) == ("user:bob", "requests", "month")
        ]
        assert [(row["used"], row["reserved"]) for row in windows] == [(most, 0)]
        # Each request that was admitted has a row, and counts once.
        assert len(upstream.chats) <= most
        assert len(answered) >= most - len(cut)
        assert used >= most
        hers.delete("aqueduct/admin/budgets/user:bob").raise_for_status()


def test_a_page_sees_what_is_asked_at_the_other_replica(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    token, (one, two) = token_of(hub, "alice"), service.replicas[:2]
    with service.client(token, one.url) as here, service.client(token, two.url) as there:
        talk = here.post("aqueduct/conversations", json={"name": "Plans"}).json()
        path = f"aqueduct/conversations/{talk['id']}"
        with here.stream("GET", f"{path}/events") as followed:
            pieces = followed.iter_raw()
            assert b"turns" in next(pieces)
            asked = {"id": "turn-1", "request": "request-1", "prompt": "Hi", "model": "real-name"}
            made = there.post(f"{path}/turns", json=asked)
            assert made.status_code == 200, made.text
            seen, deadline = b"", time.monotonic() + DEADLINE
            while b"Hello" not in seen:
                assert time.monotonic() < deadline, seen
                seen += next(pieces)
        here.delete(path)


def test_an_open_page_does_not_hold_a_replica_that_ends(hub: Hub, service: RunningService) -> None:
    token, ending = token_of(hub, "alice"), service.start()
    ending.wait_until_ready()
    with service.client(token, ending.url) as http:
        talk = http.post("aqueduct/conversations", json={"name": "Plans"}).json()
        path = f"aqueduct/conversations/{talk['id']}"
        with http.stream("GET", f"{path}/events") as followed:
            pieces = followed.iter_raw()
            assert b"turns" in next(pieces)
            ending.terminate()
            read_in_time(pieces)
    assert ending.process.wait(DEADLINE) == 0
