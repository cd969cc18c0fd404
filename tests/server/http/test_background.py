"""Responses in the background: they outlive their client, are followed, cancelled and found."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.requests.background import BackgroundResponses
from aqueduct_jupyter.gateway.requests.background_reading import BackgroundReading
from aqueduct_jupyter.gateway.stores.response_conversations import ResponseConversationStore
from aqueduct_jupyter.gateway.stores.responses import ResponseStore
from aqueduct_jupyter.protocol.errors import BodyTooLargeError, UnavailableError

from ...standin import CUT, DONE, HANG, StandIn, chunk, event, named, response_events, usage_chunk
from ..conftest import Ask, Settings, campus
from .test_responses import BRIDGE, NATIVE, events, posted

ENDS = {"response.completed", "response.incomplete", "response.failed"}
OF_BOTH = pytest.mark.parametrize("apis", [NATIVE, BRIDGE], ids=["native", "bridge"])


@pytest.fixture
def apis() -> dict[str, str]:
    return BRIDGE


@pytest.fixture
def settings(standin: StandIn, apis: dict[str, str]) -> Settings:
    return {"upstreams": {"campus": campus(standin, apis=apis)}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BackgroundResponses, "save_seconds", 0.02)
    monkeypatch.setattr(BackgroundResponses, "beat_seconds", 0.05)
    monkeypatch.setattr(BackgroundReading, "poll_seconds", 0.02)


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "real-name", "input": "Hi", "background": True, **more}


async def start(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post("v1/responses", json=asked(**more))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    assert (made["status"], made["background"], made["output"]) == ("queued", True, [])
    return made


async def end(http: httpx.AsyncClient, response_id: str) -> dict[str, Any]:
    for _ in range(500):
        found: dict[str, Any] = (await http.get(f"v1/responses/{response_id}")).json()
        if found["status"] not in ("queued", "in_progress"):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def grown(http: httpx.AsyncClient, response_id: str, text: str) -> dict[str, Any]:
    for _ in range(500):
        found: dict[str, Any] = (await http.get(f"v1/responses/{response_id}")).json()
        if text_of(found) == text:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def stored(elsewhere: BackgroundResponses, response_id: str, text: str) -> None:
    """Wait until another process sees the text."""
    for _ in range(500):
        if text_of(await elsewhere.get("", response_id)) == text:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(text)


def text_of(response: dict[str, Any]) -> str:
    items = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in items for part in item["content"])


def one_part(standin: StandIn, apis: dict[str, str], *steps: Any) -> None:
    """Stream the word One, then what the steps say."""
    if apis is NATIVE:
        standin.stream(*response_events("One")[:4], *steps)
    else:
        standin.stream(chunk("One"), *steps)


async def follow(
    http: httpx.AsyncClient,
    response_id: str,
    after: int = -1,
    has_begun: asyncio.Event | None = None,
) -> list[dict[str, Any]]:
    query = {"stream": "true"} | ({"starting_after": str(after)} if after >= 0 else {})
    async with http.stream("GET", f"v1/responses/{response_id}", params=query) as answer:
        if has_begun:
            has_begun.set()
        await answer.aread()
    assert answer.status_code == 200, answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    return events(answer)


@OF_BOTH
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_comes_later(
    http: httpx.AsyncClient, standin: StandIn, is_stream: bool
) -> None:
    if is_stream:
        answer = await http.post("v1/responses", json=asked(stream=True))
        came = events(answer)
        response_id = came[0]["response"]["id"]
    else:
        response_id = (await start(http))["id"]
        came = await follow(http, response_id)
    kinds = [found["type"] for found in came]
    assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert [kind for kind in kinds if kind in ENDS] == ["response.completed"] == kinds[-1:]
    assert [found["sequence_number"] for found in came] == list(range(len(came)))
    ids = {found["response"]["id"] for found in came if "response" in found}
    assert ids == {response_id}
    whole = await end(http, response_id)
    assert whole == came[-1]["response"]
    assert (whole["status"], whole["store"], text_of(whole)) == ("completed", True, "Hello")
    assert whole["usage"]["total_tokens"] == 5
    sent = posted(standin)[-1].json
    assert sent["stream"] is True
    assert "background" not in sent
    assert sent.get("store") in (False, None)
    items = (await http.get(f"v1/responses/{response_id}/input_items")).json()
    assert items["data"][0]["content"][0]["text"] == "Hi"


@OF_BOTH
async def test_it_goes_on_without_its_client_and_is_followed_from_any_event(
    http: httpx.AsyncClient, standin: StandIn, apis: dict[str, str]
) -> None:
    more = threading.Event()
    rest = response_events("One")[4:] if apis is NATIVE else [usage_chunk(), DONE]
    one_part(standin, apis, more, *rest)
    seen = list[dict[str, Any]]()
    async with http.stream("POST", "v1/responses", json=asked(stream=True)) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                seen.append(json.loads(line.removeprefix("data: ")))
            if seen and seen[-1]["type"] == "response.output_text.delta":
                break
    response_id = seen[0]["response"]["id"]
    partly = await grown(http, response_id, "One")
    assert partly["status"] == "in_progress"
    more.set()
    rest_of_it = await follow(http, response_id, seen[-1]["sequence_number"])
    assert [*seen, *rest_of_it] == await follow(http, response_id)
    assert text_of(rest_of_it[-1]["response"]) == "One"
    assert not posted(standin)[-1].client_left.is_set()


@OF_BOTH
async def test_it_is_cancelled_and_keeps_what_was_written(
    http: httpx.AsyncClient, standin: StandIn, apis: dict[str, str]
) -> None:
    one_part(standin, apis, HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    cancelled = (await http.post(f"v1/responses/{made['id']}/cancel")).json()
    assert (cancelled["status"], text_of(cancelled)) == ("cancelled", "One")
    assert cancelled["output"][0]["status"] == "incomplete"
    assert await asyncio.to_thread(posted(standin)[-1].client_left.wait, 5)
    again = await http.post(f"v1/responses/{made['id']}/cancel")
    assert again.json() == cancelled == await end(http, made["id"])
    assert (await follow(http, made["id"]))[-1]["type"] == "response.incomplete"
    usage = (await http.get("aqueduct/usage")).json()
    assert usage["total"]["cancelled"] == 1


async def test_it_is_stopped_as_all_that_runs(http: httpx.AsyncClient, standin: StandIn) -> None:
    one_part(standin, BRIDGE, HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    (running,) = (await http.get("aqueduct/requests")).json()["data"]
    assert (await http.delete(f"aqueduct/requests/{running['id']}")).status_code == 200
    assert (await end(http, made["id"]))["status"] == "cancelled"


async def test_deleting_it_stops_it(http: httpx.AsyncClient, standin: StandIn) -> None:
    one_part(standin, BRIDGE, HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    assert (await http.delete(f"v1/responses/{made['id']}")).json()["deleted"]
    assert (await http.get(f"v1/responses/{made['id']}")).status_code == 404
    assert await asyncio.to_thread(posted(standin)[-1].client_left.wait, 5)


@OF_BOTH
@pytest.mark.parametrize("fault", ["cut", "error", "refused"])
async def test_a_failure_is_in_the_response(
    http: httpx.AsyncClient, standin: StandIn, apis: dict[str, str], fault: str
) -> None:
    if fault == "cut":
        one_part(standin, apis, CUT)
    elif fault == "error":
        wrong = {"error": {"message": "The card is full.", "type": "server_error"}}
        one_part(
            standin, apis, named("error", **wrong["error"]) if apis is NATIVE else event(wrong)
        )
    else:
        standin.reply({"error": {"message": "No such thing."}}, status=422)
    made = await start(http)
    failed = await end(http, made["id"])
    assert failed["status"] == "failed"
    assert failed["error"]["message"]
    assert text_of(failed) == ("" if fault == "refused" else "One")
    came = await follow(http, made["id"])
    assert [found["type"] for found in came[-2:]] == ["error", "response.failed"]
    assert [found["sequence_number"] for found in came] == list(range(len(came)))
    (row,) = (await http.get("aqueduct/usage")).json()["by_model"]
    assert row["failed"] == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [({"temperature": 9}, 400), ({"model": "nowhere/x"}, 404), ({"tools": [{"type": "mcp"}]}, 400)],
)
async def test_a_refusal_is_said_at_once(
    http: httpx.AsyncClient, standin: StandIn, more: dict[str, Any], status: int
) -> None:
    answer = await http.post("v1/responses", json=asked(**more))
    assert answer.status_code == status
    assert posted(standin) == []


async def test_only_what_ran_in_the_background_is_followed_or_cancelled(
    http: httpx.AsyncClient,
) -> None:
    body = {"model": "real-name", "input": "Hi"}
    made = (await http.post("v1/responses", json=body)).json()
    followed = await http.get(f"v1/responses/{made['id']}", params={"stream": "true"})
    cancelled = await http.post(f"v1/responses/{made['id']}/cancel")
    for answer in (followed, cancelled):
        assert answer.status_code == 400
        assert "background" in answer.json()["error"]["message"]
    for path in ("resp_none", "resp_none/cancel"):
        verb = http.post if path.endswith("cancel") else http.get
        assert (await verb(f"v1/responses/{path}")).status_code == 404


@OF_BOTH
async def test_it_is_continued_once_it_has_ended(
    http: httpx.AsyncClient, standin: StandIn, apis: dict[str, str]
) -> None:
    more = threading.Event()
    rest = response_events("One")[4:] if apis is NATIVE else [DONE]
    one_part(standin, apis, more, *rest)
    made = await start(http)
    body = {"model": "real-name", "input": "And?", "previous_response_id": made["id"]}
    early = await http.post("v1/responses", json=body)
    assert (early.status_code, early.json()["error"]["code"]) == (400, "response_in_progress")
    more.set()
    await end(http, made["id"])
    second = await http.post("v1/responses", json=body)
    assert second.json()["previous_response_id"] == made["id"]
    assert "One" in posted(standin)[-1].body.decode()


async def test_it_waits_for_no_slow_upstream(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.stream(HANG)
    made = await start(http)
    assert (await http.get(f"v1/responses/{made['id']}")).json()["status"] == "queued"
    await http.post(f"v1/responses/{made['id']}/cancel")


async def test_another_process_finds_follows_and_cancels_it(
    http: httpx.AsyncClient, standin: StandIn, extension: Any
) -> None:
    gateway = extension.gateway
    other = BackgroundResponses(gateway.forwarding, gateway.responses, None)  # type: ignore[arg-type]  # starts nothing
    more = threading.Event()
    one_part(standin, BRIDGE, more, chunk(" two"), HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    await stored(other, made["id"], "One")
    follower = await other.follow("", made["id"])
    first = await anext(follower)
    assert b"One" in first
    more.set()
    assert b" two" in await anext(follower)
    cancelled = await other.cancel("", made["id"])
    assert (cancelled["status"], text_of(cancelled)) == ("cancelled", "One two")
    assert [frames async for frames in follower][-1] == DONE
    assert await asyncio.to_thread(posted(standin)[-1].client_left.wait, 5)
    assert (await end(http, made["id"]))["status"] == "cancelled"


async def test_what_a_killed_server_left_is_found_and_said_to_be_lost(
    http: httpx.AsyncClient, standin: StandIn, extension: Any
) -> None:
    one_part(standin, BRIDGE, HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    gateway, ages = extension.gateway, [19.9]
    later = BackgroundResponses(
        gateway.forwarding,
        gateway.responses,
        None,  # type: ignore[arg-type]  # starts nothing
        age=lambda _: ages[0],
    )
    await stored(later, made["id"], "One")
    ages[0] = 20.0
    lost = await later.get("", made["id"])
    assert (lost["status"], text_of(lost)) == ("failed", "One")
    assert "server" in lost["error"]["message"]
    last = [frames async for frames in await later.follow("", made["id"])]
    assert b"response.failed" in last[0]


async def test_a_server_that_stops_stores_what_it_wrote(
    http: httpx.AsyncClient, standin: StandIn, extension: Any
) -> None:
    one_part(standin, BRIDGE, HANG)
    made = await start(http)
    await grown(http, made["id"], "One")
    await extension.gateway.background.close()
    stored = await extension.gateway.responses.get("", made["id"])
    assert (stored.response["status"], text_of(dict(stored.response))) == ("failed", "One")
    assert stored.alive_at is None


async def test_what_cannot_be_stored_is_not_said_to_be_complete(
    http: httpx.AsyncClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = threading.Event()
    one_part(standin, BRIDGE, more, DONE)
    made = await start(http)

    async def full(*_: Any) -> bool:
        raise UnavailableError("The disk is full.", code="storage_unavailable")

    monkeypatch.setattr(ResponseStore, "finish", full)
    has_begun = asyncio.Event()
    following = asyncio.create_task(follow(http, made["id"], has_begun=has_begun))
    await grown(http, made["id"], "One")
    # Who comes after the end finds only what was stored.
    await has_begun.wait()
    more.set()
    came = await following
    assert came[-1]["type"] == "response.failed"
    assert "response.completed" not in [found["type"] for found in came]
    assert [found["sequence_number"] for found in came] == list(range(len(came)))


@pytest.mark.parametrize(
    "error", [BodyTooLargeError("Full."), TypeError("unhashable")], ids=["refused", "internal"]
)
async def test_an_answer_that_its_conversation_cannot_take_fails_everywhere(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    async def full(*_: Any) -> None:
        raise error

    monkeypatch.setattr(ResponseConversationStore, "add", full)
    conversation = (await http.post("v1/conversations")).json()["id"]
    made = await start(http, conversation=conversation)
    came = await follow(http, made["id"])
    assert [found["sequence_number"] for found in came] == list(range(len(came)))
    assert came[-1]["type"] == "response.failed"
    stored = await extension.gateway.responses.get("", made["id"])
    assert stored.alive_at is None
    assert (stored.response["status"], text_of(dict(stored.response))) == ("failed", "Hello")


async def test_it_is_its_owners_only(
    http: httpx.AsyncClient, standin: StandIn, extension: Any
) -> None:
    one_part(standin, BRIDGE, HANG)
    made = await start(http)
    background = extension.gateway.background
    for reach in (background.get, background.follow, background.cancel, background.delete):
        with pytest.raises(Exception, match="There is no response"):
            await reach("ben", made["id"])
    assert (await http.get(f"v1/responses/{made['id']}")).json()["status"] != "cancelled"
    await http.post(f"v1/responses/{made['id']}/cancel")


async def test_hostile_events_do_not_harm(
    http: httpx.AsyncClient, standin: StandIn, connect: Ask
) -> None:
    odd = [
        {"type": "response.output_item.added", "output_index": 0, "item": "x"},
        {"type": "response.output_item.added", "output_index": {}, "item": {}},
        {"type": "response.content_part.added", "output_index": 9, "part": {}, "content_index": 0},
        {"type": "response.output_text.delta", "output_index": 9, "content_index": 7, "delta": "x"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": "a", "delta": 1},
        {"type": "a\nevent: response.completed\n\n", "response": []},
        {"type": "response.in_progress", "response": {"status": {}, "output": 3}},
    ]
    first, *rest = response_events("Hello")
    lines = [event(words) for words in odd]
    standin.stream(first, *lines, *rest)
    http.base_url = str(http.base_url)
    made = await start(http)
    whole = await end(http, made["id"])
    assert text_of(whole) in ("Hello", "")
    came = await follow(http, made["id"])
    assert [found["sequence_number"] for found in came] == list(range(len(came)))
