"""Compaction: native where the upstream has it, else a summary that any upstream can continue."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ...standin import StandIn, completion
from ..conftest import Settings, campus
from .test_responses import BRIDGE, create, events, posted

NATIVE_ONLY_RESPONSES = {"responses": "native"}


@pytest.fixture
def apis() -> dict[str, str]:
    return BRIDGE


@pytest.fixture
def settings(standin: StandIn, apis: dict[str, str]) -> Settings:
    return {"upstreams": {"campus": campus(standin, apis=apis)}}


async def compact(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post("v1/responses/compact", json={"model": "real-name", **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_conversation_goes_on_from_its_summary(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    first = await create(http, "What is an arch?")
    standin.reply(completion("They ask about arches."))
    made = await compact(http, previous_response_id=first["id"])
    assert [item["type"] for item in made["output"]] == ["message", "compaction"]
    asked = posted(standin)[-1].json["messages"]
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    await create(http, [*made["output"], {"role": "user", "content": "Go on"}])
    said = posted(standin)[-1].json["messages"]
    assert "They ask about arches." in said[1]["content"]
    assert [message["role"] for message in said] == ["user"] * 3


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_item_asks_for_a_summary_and_a_later_request_continues_it(
    http: httpx.AsyncClient, standin: StandIn, is_stream: bool
) -> None:
    first = await create(http, "What is an arch?")
    body = {
        "model": "real-name",
        "input": [{"type": "compaction_trigger"}],
        "previous_response_id": first["id"],
        "stream": is_stream,
    }
    answer = await http.post("v1/responses", json=body)
    whole = events(answer)[-1]["response"] if is_stream else answer.json()
    assert [item["type"] for item in whole["output"]] == ["compaction"]
    await create(http, "Go on", previous_response_id=whole["id"])
    said = posted(standin)[-1].json["messages"]
    assert len(said) == 2
    assert "arch" not in said[0]["content"]
    assert "Hello" in said[0]["content"]


@pytest.mark.parametrize("apis", [NATIVE_ONLY_RESPONSES], ids=["native"])
async def test_an_upstream_with_responses_may_lack_compaction(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.absent.add("/v1/responses/compact")
    for _ in range(2):
        made = await compact(http, input="What is an arch?")
        assert made["output"][-1]["type"] == "compaction"
    paths = [request.path for request in posted(standin)]
    # It is asked once; that it has Responses is not forgotten.
    assert paths == ["/v1/responses/compact", *["/v1/chat/completions"] * 2]
    await create(http)
    assert posted(standin)[-1].path == "/v1/responses"


@pytest.mark.parametrize("apis", [NATIVE_ONLY_RESPONSES], ids=["native"])
async def test_an_upstream_counts_what_is_continued(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    made = (
        await http.post("v1/conversations", json={"items": [{"role": "user", "content": "x" * 30}]})
    ).json()
    body = {"model": "real-name", "input": "y" * 30, "conversation": made["id"]}
    counted = await http.post("v1/responses/input_tokens", json=body)
    assert counted.json() == {"input_tokens": 3}
    assert "x" * 30 in posted(standin)[-1].body.decode()
    standin.absent.add("/v1/responses/input_tokens")
    estimated = (await http.post("v1/responses/input_tokens", json=body)).json()
    assert estimated["input_tokens"] == 20


async def test_a_trigger_in_the_middle_or_in_a_conversation_is_refused(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    trigger = {"type": "compaction_trigger"}
    body = {"model": "real-name", "input": [trigger, {"role": "user", "content": "Hi"}]}
    answer = await http.post("v1/responses", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    kept = await http.post("v1/conversations", json={"items": [trigger]})
    assert (kept.status_code, kept.json()["error"]["param"]) == (400, "items[0].type")
    assert posted(standin) == []
