"""Conversations of the Responses API: kept with their items, continued, and their owner's only."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.requests import turns
from aqueduct_jupyter.gateway.stores.response_conversations import ResponseConversationStore
from aqueduct_jupyter.protocol.errors import NotFoundError

from ...standin import CUT, StandIn, chunk
from ..conftest import Settings, campus
from .test_background import asked, end
from .test_responses import BRIDGE, NATIVE, create, events, posted, text_of

OF_BOTH = pytest.mark.parametrize("apis", [NATIVE, BRIDGE], ids=["native", "bridge"])


@pytest.fixture
def apis() -> dict[str, str]:
    return BRIDGE


@pytest.fixture
def settings(standin: StandIn, apis: dict[str, str]) -> Settings:
    return {"upstreams": {"campus": campus(standin, apis=apis)}}


async def new(http: httpx.AsyncClient, *texts: str, **more: Any) -> dict[str, Any]:
    items = [{"role": "user", "content": text} for text in texts]
    answer = await http.post("v1/conversations", json={"items": items, **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def texts_in(http: httpx.AsyncClient, conversation_id: str) -> list[str]:
    answer = await http.get(f"v1/conversations/{conversation_id}/items", params={"order": "asc"})
    return [text_of(item) for item in answer.json()["data"]]


async def test_a_conversation_is_made_changed_and_deleted(http: httpx.AsyncClient) -> None:
    made = await new(http, "One", metadata={"topic": "bridges"})
    assert set(made) == {"id", "object", "created_at", "metadata"}
    assert (made["object"], made["metadata"]) == ("conversation", {"topic": "bridges"})
    path = f"v1/conversations/{made['id']}"
    assert (await http.get(path)).json() == made
    changed = (await http.post(path, json={"metadata": {"topic": "arches"}})).json()
    assert changed == {**made, "metadata": {"topic": "arches"}} == (await http.get(path)).json()
    gone = (await http.delete(path)).json()
    assert gone == {"id": made["id"], "object": "conversation.deleted", "deleted": True}
    for missing in (path, f"{path}/items", f"{path}/items/msg_1"):
        answer = await http.get(missing)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            404,
            "conversation_not_found",
        )
    assert (await http.post("v1/conversations")).json()["metadata"] == {}


async def test_items_are_added_listed_and_deleted(http: httpx.AsyncClient) -> None:
    made = await new(http, "One")
    path = f"v1/conversations/{made['id']}/items"
    more = [
        {"role": "assistant", "content": "Two"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Three"}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    ]
    added = (await http.post(path, json={"items": more})).json()
    assert [item["type"] for item in added["data"]] == ["message", "message", "function_call"]
    assert added["data"][0]["content"][0]["type"] == "output_text"
    assert len({item["id"] for item in added["data"]}) == 3
    first = (await http.get(path, params={"limit": 2, "order": "asc"})).json()
    assert ([*map(text_of, first["data"])], first["has_more"]) == (["One", "Two"], True)
    rest = (await http.get(path, params={"order": "asc", "after": first["last_id"]})).json()
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == (
        [item["id"] for item in added["data"][1:]],
        False,
    )
    newest = (await http.get(path, params={"limit": 1})).json()["data"]
    assert newest == added["data"][2:]
    one = f"{path}/{newest[0]['id']}"
    assert (await http.get(one)).json() == newest[0]
    assert (await http.delete(one)).json() == made
    assert (await http.get(one)).json()["error"]["code"] == "item_not_found"
    again = (await http.post(path, json={"items": [added["data"][0]]})).json()["data"][0]
    assert again["id"] != added["data"][0]["id"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"items": [{"role": "user"}]}, "items[0].content"),
        ("", {"items": [{"role": "user", "content": "x", "id": 5}]}, "items[0].id"),
        ("/{}/items", {"items": [{"type": "odd", "id": {"a": 1}}]}, "items[0].id"),
        ("", {"items": [{"role": "user", "content": "x"}] * 21}, "items"),
        ("", {"metadata": {"x": 1}}, "metadata.x"),
        ("", {"metadata": {"x": "y" * 513}}, "metadata.x"),
        ("/{}", {}, "metadata"),
        ("/{}/items", {}, "items"),
        ("/{}/items", {"items": "x"}, "items"),
    ],
)
async def test_a_faulty_request_is_named(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], param: str
) -> None:
    made = await new(http)
    answer = await http.post(f"v1/conversations{path.format(made['id'])}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("bad", ["limit=0", "limit=101", "order=up", "after=msg_x"])
async def test_a_faulty_page_is_named(http: httpx.AsyncClient, bad: str) -> None:
    made = await new(http, "One")
    answer = await http.get(f"v1/conversations/{made['id']}/items?{bad}")
    assert answer.status_code == 400


@OF_BOTH
@pytest.mark.parametrize("way", ["whole", "stream", "background"])
async def test_what_is_said_is_added_and_continued(
    http: httpx.AsyncClient, standin: StandIn, way: str
) -> None:
    made = await new(http, "Zero")
    for given in (made["id"], {"id": made["id"]}):
        body = {"model": "real-name", "input": "Hi", "conversation": given}
        if way == "background":
            queued = (await http.post("v1/responses", json=asked(**body))).json()
            answer = await end(http, queued["id"])
        elif way == "stream":
            came = events(await http.post("v1/responses", json={**body, "stream": True}))
            assert came[0]["response"]["conversation"] == {"id": made["id"]}
            answer = came[-1]["response"]
        else:
            answer = await create(http, "Hi", conversation=given)
        assert answer["status"] == "completed"
        assert answer["conversation"] == {"id": made["id"]}
    assert await texts_in(http, made["id"]) == ["Zero", "Hi", "Hello", "Hi", "Hello"]
    sent = posted(standin)[-1].json
    assert "conversation" not in sent
    said = sent.get("input") or sent["messages"]
    assert len(said) == 4
    assert all("id" not in item for item in said)


async def test_an_answer_that_is_not_stored_is_still_said(http: httpx.AsyncClient) -> None:
    made = await new(http)
    answer = await create(http, conversation=made["id"], store=False)
    assert (await http.get(f"v1/responses/{answer['id']}")).status_code == 404
    assert await texts_in(http, made["id"]) == ["Hi", "Hello"]


async def test_nothing_is_added_of_an_answer_that_failed(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    made = await new(http)
    standin.stream(chunk("One"), CUT)
    body = {"model": "real-name", "input": "Hi", "conversation": made["id"], "stream": True}
    assert "response.failed" in (await http.post("v1/responses", json=body)).text
    assert await texts_in(http, made["id"]) == []


async def test_a_conversation_must_be_there_and_be_the_callers(
    http: httpx.AsyncClient, extension: Any, standin: StandIn
) -> None:
    bens = await extension.gateway.response_conversations.create("ben", {}, [])
    for name in ("conv_none", bens.id):
        body = {"model": "real-name", "input": "Hi", "conversation": name}
        answer = await http.post("v1/responses", json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "conversation_not_found")
        assert error["param"] == "conversation"
        assert (await http.get(f"v1/conversations/{name}/items")).status_code == 404
        assert (await http.delete(f"v1/conversations/{name}")).status_code == 404
    assert posted(standin) == []


async def test_a_conversation_deleted_in_the_meantime_loses_no_answer(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> None:
        raise NotFoundError("There is no conversation.")

    made = await new(http)
    monkeypatch.setattr(ResponseConversationStore, "add", gone)
    assert (await create(http, conversation=made["id"]))["status"] == "completed"


@OF_BOTH
async def test_a_reference_to_an_item_of_ours_is_that_item(
    http: httpx.AsyncClient, standin: StandIn, apis: dict[str, str]
) -> None:
    queued = (await http.post("v1/responses", json=asked())).json()
    first = await end(http, queued["id"])
    item_id = first["output"][0]["id"]
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "item_reference", "id": item_id},
        {"role": "user", "content": "And?"},
    ]
    await create(http, items)
    sent = posted(standin)[-1].body.decode()
    assert "Hello" in sent
    assert item_id not in sent
    unknown = {"type": "item_reference", "id": "msg_elsewhere"}
    answer = await http.post("v1/responses", json={"model": "real-name", "input": [unknown]})
    # Only an upstream of this API may know it.
    assert answer.status_code == (200 if apis is NATIVE else 400)


@pytest.mark.parametrize(
    "body",
    [
        {"items": [{"role": "user", "content": "x"}] * 21},
        {"metadata": {str(number): "x" for number in range(17)}},
        {"metadata": {"x" * 65: "x"}},
    ],
    ids=["items", "pairs", "name"],
)
async def test_a_limit_is_said_in_plain_words(
    http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    said = (await http.post("v1/conversations", json=body)).json()["error"]["message"]
    assert re.search(r"must have at most (20 items|16 fields|64 characters)\.$", said), said


@pytest.mark.parametrize("way", [{}, {"stream": True}, {"background": True}])
async def test_a_full_conversation_is_refused_before_the_model_is_asked(
    http: httpx.AsyncClient,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, bool],
) -> None:
    monkeypatch.setattr(turns, "MOST_ITEMS", 2)
    made = await new(http, "One")
    answer = await http.post("v1/responses", json={**asked(conversation=made["id"]), **way})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "quota_exceeded"
    assert not posted(standin)
