"""Keys of agents at the address itself: what they open, what they cost, and how they end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...standin import HANG, StandIn, chunk
from ..conftest import Ask, Settings, campus
from .test_chat import error_of, ledger, post


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    return {
        "upstreams": {"campus": campus(standin)},
        "limits": {"agent": {"requests_per_minute": 4}},
    }


async def make(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    response = await http.post("aqueduct/keys", json={"name": "codex", **more})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    made: dict[str, Any] = response.json()
    return made


async def test_an_agent_asks_and_is_counted_by_name(
    http: httpx.AsyncClient, connect: Ask, extension: Any, tmp_path: Path
) -> None:
    made = await make(http, max_tokens=1000, expires_after_seconds=600)
    assert set(made) == {
        *("id", "object", "name", "key", "created_at", "expires_at", "max_tokens", "tokens")
    }
    assert (made["object"], made["name"], made["max_tokens"]) == ("key", "codex", 1000)
    assert made["expires_at"] - made["created_at"] == 600
    async with connect(made["key"]) as agent:
        assert (await post(agent)).status_code == 200
        assert (await agent.get("aqueduct/status")).status_code == 200
        for path in ("keys", "metrics", "conversations"):
            refused = await agent.get(f"aqueduct/{path}")
            assert (refused.status_code, error_of(refused)["code"]) == (403, "not_for_kernels")
        assert (await agent.post("aqueduct/keys", json={"name": "more"})).status_code == 403
        assert (await agent.delete(f"aqueduct/keys/{made['id']}")).status_code == 403
    (row,) = await ledger(extension, tmp_path)
    assert row["kernel"] == f"agent:{made['id']}"
    usage = (await http.get("aqueduct/usage")).json()
    (by_kernel,) = usage["by_kernel"]
    assert (by_kernel["kernel"], by_kernel["tokens_in"]) == (f"agent:{made['id']}", 3)
    (listed,) = (await http.get("aqueduct/keys")).json()["data"]
    assert listed == {**{name: made[name] for name in listed}, "tokens": 5}
    assert "key" not in listed


async def test_a_revoked_key_opens_nothing_and_its_requests_stop(
    http: httpx.AsyncClient, connect: Ask, standin: StandIn
) -> None:
    made = await make(http)
    standin.stream(chunk("half"), HANG)
    async with connect(made["key"]) as agent:
        asking = asyncio.create_task(post(agent, stream=True))
        assert await asyncio.to_thread(standin.has_chat.wait, 20)
        revoked = await http.delete(f"aqueduct/keys/{made['id']}")
        assert revoked.json() == {"id": made["id"], "object": "key", "deleted": True}
        assert "request_stopped" in (await asking).text
        refused = await post(agent)
        assert refused.status_code == 401
        assert "expired, was revoked" in error_of(refused)["message"]
    again = await http.delete(f"aqueduct/keys/{made['id']}")
    assert (again.status_code, error_of(again)["code"]) == (404, "key_not_found")


async def test_a_key_with_a_cap_is_used_up(
    http: httpx.AsyncClient, connect: Ask, standin: StandIn
) -> None:
    made = await make(http, max_tokens=5)
    async with connect(made["key"]) as agent:
        assert (await post(agent)).status_code == 200
        refused = await post(agent)
        assert (refused.status_code, error_of(refused)["type"]) == (429, "rate_limit_error")
        assert refused.headers["x-should-retry"] == "false"
        assert "5 of its 5 tokens" in error_of(refused)["message"]
        assert "--max-tokens" in error_of(refused)["message"]
        assert (await agent.get("v1/models")).status_code == 200
    assert len(standin.chats) == 1
    assert (await post(http)).status_code == 200


async def test_agents_have_a_budget_each(
    http: httpx.AsyncClient, connect: Ask, extension: Any, tmp_path: Path
) -> None:
    first, second = await make(http), await make(http)
    async with connect(first["key"]) as agent, connect(second["key"]) as other:
        for left in ("4", "3", "2", "1"):
            response = await post(agent)
            assert response.headers["x-ratelimit-remaining-requests"] == left
            await ledger(extension, tmp_path)
        refused = await post(agent)
        assert refused.status_code == 429
        assert "4 requests per minute for this agent" in error_of(refused)["message"]
        assert (await post(other)).status_code == 200
    assert "x-ratelimit-remaining-requests" not in (await post(http)).headers


async def test_an_agent_sees_its_own_requests_and_deletes_its_own_files(
    http: httpx.AsyncClient, connect: Ask
) -> None:
    keys = [(await make(http))["key"] for _ in range(2)]
    async with connect(keys[0]) as agent, connect(keys[1]) as other:
        form = {"purpose": "user_data"}
        file = await agent.post("v1/files", files={"file": ("a.txt", b"a")}, data=form)
        address = f"v1/files/{file.json()['id']}"
        assert (await other.delete(address)).status_code == 403
        assert (await agent.delete(address)).status_code == 200
        assert (await agent.get("aqueduct/requests")).json()["data"] == []


async def test_a_bad_request_for_a_key_is_named(http: httpx.AsyncClient) -> None:
    refused = await http.post("aqueduct/keys", json={"name": "a b"})
    assert (refused.status_code, error_of(refused)["param"]) == (400, "name")
    large = await http.post("aqueduct/keys", json={"name": "a" * 70_000})
    assert large.status_code == 413
