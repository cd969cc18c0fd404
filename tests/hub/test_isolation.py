"""What one user keeps, the other cannot see, change or delete, also in one data folder."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..standin import DONE, StandIn, chunk
from .hub import Hub, Server

DEADLINE = 60.0
QUESTION = {"model": "real-name", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(params=["", "shared"], ids=["folders of their own", "one folder"])
def pair(
    request: pytest.FixtureRequest, servers: dict[tuple[str, str], Server]
) -> tuple[Server, Server]:
    """Alice's and Bob's server, each with its own data folder or both with the same."""
    return servers["alice", request.param], servers["bob", request.param]


def upload(http: httpx.Client, text: bytes) -> str:
    """Keep a file, and give its id."""
    answer = http.post(
        "v1/files", files={"file": ("plan.txt", text)}, data={"purpose": "user_data"}
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def ids(http: httpx.Client, path: str) -> list[str]:
    """Give the ids of a list."""
    answer = http.get(path)
    answer.raise_for_status()
    return [item["id"] for item in answer.json()["data"]]


def is_refusal(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"


def test_files_are_their_owners(pair: tuple[Server, Server], upstream: StandIn) -> None:
    alice, bob = pair
    with alice.client() as hers, bob.client() as his, alice.client(bob.token) as intruder:
        file = upload(hers, b"Her plan: the water runs downhill.")
        paths = (f"v1/files/{file}", f"files/{file}/content")
        for path in paths:
            assert is_refusal(intruder.get(path))
            assert his.get(path).json()["error"]["code"] == "file_not_found"
        assert is_refusal(intruder.get("v1/files"))
        assert is_refusal(intruder.delete(paths[0]))
        assert his.delete(paths[0]).status_code == 404
        assert file not in ids(his, "v1/files")
        part = {"type": "file", "file": {"file_id": file}}
        question = {"model": "real-name", "messages": [{"role": "user", "content": [part]}]}
        asked = his.post("v1/chat/completions", json=question)
        assert (asked.status_code, asked.json()["error"]["code"]) == (404, "file_not_found")
        assert not upstream.chats
        assert hers.post("v1/chat/completions", json=question).status_code == 200
        assert "downhill" in upstream.chats[0].body.decode()
        assert hers.delete(paths[0]).json()["deleted"]


def test_the_same_bytes_stay_where_the_other_deletes_them(pair: tuple[Server, Server]) -> None:
    alice, bob = pair
    with alice.client() as hers, bob.client() as his:
        her_file, his_file = upload(hers, b"Alike."), upload(his, b"Alike.")
        assert his.delete(f"v1/files/{his_file}").status_code == 200
        assert hers.get(f"v1/files/{her_file}/content").content == b"Alike."


def test_conversations_are_their_owners(pair: tuple[Server, Server]) -> None:
    alice, bob = pair
    with alice.client() as hers, bob.client() as his, alice.client(bob.token) as intruder:
        created = hers.post("aqueduct/conversations", json={"name": "Her thoughts"})
        path = f"aqueduct/conversations/{created.json()['id']}"
        for addresses, is_as_it_should in (
            (intruder, is_refusal),
            (his, lambda answer: answer.status_code == 404),
        ):
            assert is_as_it_should(addresses.get(path))
            assert is_as_it_should(addresses.get(f"{path}/export?format=md"))
            assert is_as_it_should(addresses.patch(path, json={"name": "His"}))
            assert is_as_it_should(addresses.delete(path))
        assert created.json()["id"] not in ids(his, "aqueduct/conversations")
        assert not ids(his, "aqueduct/conversations?search=thoughts")
        assert hers.get(path).json()["name"] == "Her thoughts"
        assert hers.delete(path).json()["deleted"]


def test_requests_are_stopped_by_their_owner_only(
    pair: tuple[Server, Server], upstream: StandIn
) -> None:
    alice, bob = pair
    rest = threading.Event()
    upstream.stream(chunk("a"), rest, chunk("b"), DONE)
    ask: dict[str, Any] = {"json": {**QUESTION, "stream": True}}
    try:
        with (
            alice.client() as hers,
            bob.client() as his,
            alice.client(bob.token) as intruder,
            hers.stream(
                "POST", "v1/chat/completions", **ask, headers={"X-Client-Request-Id": "her-own"}
            ) as response,
        ):
            pieces = response.iter_raw()
            answer = next(pieces)
            (request,) = ids(hers, "aqueduct/requests")
            assert ids(his, "aqueduct/requests") == []
            assert is_refusal(intruder.get("aqueduct/requests"))
            for known_as in (request, "her-own"):
                assert his.delete(f"aqueduct/requests/{known_as}").status_code == 404
                assert is_refusal(intruder.delete(f"aqueduct/requests/{known_as}"))
            rest.set()
            assert (answer + b"".join(pieces)).endswith(DONE)
    finally:
        rest.set()


def test_usage_is_counted_for_its_owner(pair: tuple[Server, Server], upstream: StandIn) -> None:
    alice, bob = pair

    def requests(http: httpx.Client) -> int:
        return int(http.get("aqueduct/usage").json()["total"]["requests"])

    with alice.client() as hers, bob.client() as his, alice.client(bob.token) as intruder:
        before, his_before = requests(hers), requests(his)
        hers.post("v1/chat/completions", json=QUESTION).raise_for_status()
        deadline = time.monotonic() + DEADLINE
        while requests(hers) == before:
            assert time.monotonic() < deadline
        assert (requests(hers), requests(his)) == (before + 1, his_before)
        assert is_refusal(intruder.get("aqueduct/usage"))


def test_what_is_kept_lies_in_the_users_folder_or_in_the_shared_one(
    hub: Hub, pair: tuple[Server, Server]
) -> None:
    folder = hub.log.parent
    for server in pair:
        with server.client() as http:
            http.get("aqueduct/usage").raise_for_status()
        data = (
            folder / "shared"
            if server.name
            else folder / "home" / server.user / ".local" / "share" / "jupyter" / "aqueduct"
        )
        assert (data / "aqueduct.sqlite").stat().st_mode & 0o077 == 0
        assert Path(data).stat().st_mode & 0o077 == 0
