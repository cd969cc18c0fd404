"""What runs now is listed and can be stopped, by our id and the client's; nobody else's is seen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...standin import DONE, HANG, StandIn, chunk, event
from ..conftest import Ask
from .test_chat import body, ledger_row

OWN = {"X-Client-Request-Id": "mine/1"}


async def running(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("aqueduct/requests")).json()["data"]
    return found


async def until_running(http: httpx.AsyncClient, state: str) -> dict[str, Any]:
    for _ in range(500):
        for request in await running(http):
            if request["state"] == state:
                return request
        await asyncio.sleep(0.01)
    raise AssertionError("nothing runs")


def ask(http: httpx.AsyncClient, **more: Any) -> asyncio.Task[httpx.Response]:
    posted = http.post("v1/chat/completions", json=body(**more), headers=OWN)
    return asyncio.ensure_future(posted)


@pytest.mark.parametrize("by", ["id", "client_request_id"])
async def test_a_stream_that_is_stopped_ends_with_an_error_and_frees_the_upstream(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, by: str
) -> None:
    standin.stream(chunk("half"), HANG)
    asked = ask(http, stream=True)
    request = await until_running(http, "answering")
    assert (request["model"], request["upstream"]) == ("real-name", "campus")
    assert request["client_request_id"] == "mine/1"
    name = request[by].replace("/", "%2F")
    stopped = await http.delete(f"aqueduct/requests/{name}")
    assert stopped.json() == {"id": request["id"], "object": "request", "stopped": True}
    response = await asked
    assert response.status_code == 200
    assert '"half"' in response.text
    assert '"request_stopped"' in response.text.splitlines()[-2]
    assert "[DONE]" not in response.text
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    assert await running(http) == []
    row = await ledger_row(extension, tmp_path)
    assert (row["outcome"], row["error_code"]) == ("failed", "request_stopped")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_request_that_waits_can_be_stopped(
    http: httpx.AsyncClient, standin: StandIn, is_stream: bool
) -> None:
    standin.stream(HANG)
    asked = ask(http, stream=is_stream)
    request = await until_running(http, "waiting")
    assert (await http.delete(f"aqueduct/requests/{request['id']}")).status_code == 200
    response = await asked
    assert response.status_code == 499
    assert response.json()["error"]["code"] == "request_stopped"
    assert (await http.get("v1/models")).status_code == 200


async def test_what_has_ended_cannot_be_stopped(http: httpx.AsyncClient) -> None:
    ended = (await ask(http)).headers["x-request-id"]
    response = await http.delete(f"aqueduct/requests/{ended}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "request_not_found"


@pytest.mark.parametrize(
    ("last", "outcome"),
    [(DONE, "whole"), (event({"error": {"message": "no memory"}}), "failed")],
)
async def test_a_stream_that_has_ended_is_not_stopped_while_its_upstream_is_closed(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    last: bytes,
    outcome: str,
) -> None:
    standin.stream(chunk("all"), last, HANG)
    wanted = body(stream=True)
    async with http.stream("POST", "v1/chat/completions", json=wanted, headers=OWN) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: ") and '"all"' not in line:
                break
        assert (await http.delete("aqueduct/requests/mine%2F1")).status_code == 404
    row = await ledger_row(extension, tmp_path)
    assert row["outcome"] == outcome
    assert row["error_code"] != "request_stopped"
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_kernel_sees_and_stops_its_own_only(
    connect: Ask, standin: StandIn, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = type(extension.serverapp.kernel_manager)
    monkeypatch.setattr(kernels, "__contains__", lambda _, name: name in ("k1", "k2"))
    one, other = (connect(extension.gateway.keys.key_for(name)) for name in ("k1", "k2"))
    standin.stream(chunk("half"), HANG)
    asked = ask(one, stream=True)
    request = await until_running(one, "answering")
    assert request["kernel"] == "k1"
    assert await running(other) == []
    assert (await other.delete(f"aqueduct/requests/{request['id']}")).status_code == 404
    assert [found["id"] for found in await running(connect())] == [request["id"]]
    assert (await one.delete(f"aqueduct/requests/{request['id']}")).status_code == 200
    await asked
