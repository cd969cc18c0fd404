"""What is kept of the Responses API: continued, looked up, deleted, and its owner's only."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.stores.responses import ResponseStore
from aqueduct_jupyter.protocol.errors import UnavailableError

from ...gateway.documents import samples
from ...standin import DONE, Received, StandIn, chunk, completion, event, response
from ..conftest import Ask, Settings, campus

NATIVE = {"responses": "native"}
BRIDGE = {"responses": "bridge", "messages": "bridge"}


@pytest.fixture
def apis() -> dict[str, str]:
    return BRIDGE


@pytest.fixture
def settings(standin: StandIn, apis: dict[str, str]) -> Settings:
    return {"upstreams": {"campus": campus(standin, apis=apis)}}


async def create(http: httpx.AsyncClient, text: Any = "Hi", **more: Any) -> dict[str, Any]:
    answer = await http.post("v1/responses", json={"model": "real-name", "input": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def posted(standin: StandIn) -> list[Received]:
    return [request for request in standin.received if request.method == "POST"]


def text_of(item: dict[str, Any]) -> str:
    (part,) = item["content"]
    text: str = part["text"]
    return text


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize("apis", [NATIVE, BRIDGE], ids=["native", "bridge"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_is_there_when_its_last_event_has_come(
    http: httpx.AsyncClient, is_stream: bool
) -> None:
    body = {"model": "real-name", "input": "Hi", "stream": is_stream}
    answer = await http.post("v1/responses", json=body)
    whole = events(answer)[-1]["response"] if is_stream else answer.json()
    found = await http.get(f"v1/responses/{whole['id']}")
    assert found.json() == whole
    items = (await http.get(f"v1/responses/{whole['id']}/input_items")).json()
    content = {"type": "input_text", "text": "Hi"}
    assert [item["content"] for item in items["data"]] == [[content]]
    assert items["first_id"] == items["last_id"] == items["data"][0]["id"]
    gone = await http.delete(f"responses/{whole['id']}")
    assert gone.json() == {"id": whole["id"], "object": "response", "deleted": True}
    for path in (f"v1/responses/{whole['id']}", f"v1/responses/{whole['id']}/input_items"):
        missing = await http.get(path)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "response_not_found")


@pytest.mark.parametrize("apis", [NATIVE, BRIDGE], ids=["native", "bridge"])
async def test_nothing_stays_of_an_answer_that_is_not_to_be_stored(
    http: httpx.AsyncClient,
) -> None:
    answer = await create(http, store=False)
    assert (await http.get(f"v1/responses/{answer['id']}")).status_code == 404


async def test_a_bridged_answer_is_continued_with_all_that_was_said(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    calling = completion()
    calling["choices"][0] |= {
        "message": {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    standin.reply(calling)
    first = await create(http, "What is there?", instructions="Be short.", tools=[tool])
    assert [item["type"] for item in first["output"]] == ["message", "function_call"]
    result = [{"type": "function_call_output", "call_id": "call_1", "output": "A bridge."}]
    second = await create(http, result, previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    third = await create(http, "Thanks", previous_response_id=second["id"])
    assert third["status"] == "completed"
    said = posted(standin)[-1].json["messages"]
    # Instructions are not carried over.
    assert [message["role"] for message in said] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert said[1]["tool_calls"] == [call]
    assert (said[1]["content"], said[2]["content"]) == ("Let me see.", "A bridge.")
    assert (said[3]["content"], said[4]["content"]) == ("Hello", "Thanks")


@pytest.mark.parametrize("apis", [NATIVE], ids=["native"])
async def test_an_upstream_that_keeps_answers_continues_its_own(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    first = await create(http)
    await create(http, "And?", previous_response_id=first["id"])
    assert posted(standin)[-1].json == {
        "model": "real-name",
        "input": "And?",
        "previous_response_id": first["id"],
    }


@pytest.mark.parametrize("apis", [NATIVE], ids=["native"])
async def test_an_upstream_that_keeps_nothing_gets_what_was_said(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "status": "completed"}
    answer = response("Hello")
    answer["output"].insert(0, thought)
    standin.reply(answer)
    first = await create(http)
    refusal = {"message": "previous_response_id is not supported", "param": "previous_response_id"}
    standin.reply({"error": refusal}, status=400)
    await create(http, "And?", previous_response_id=first["id"])
    sent = posted(standin)[-1].json
    assert "previous_response_id" not in sent
    assert [(item["role"], text_of(item)) for item in sent["input"][:1]] == [("user", "Hi")]
    assert [item["type"] for item in sent["input"]] == ["message", "message", "message"]
    assert all("id" not in item for item in sent["input"])


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_that_cannot_be_stored_is_not_said_to_be_complete(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, is_stream: bool
) -> None:
    async def full(*_: Any) -> None:
        raise UnavailableError("The disk is full.", code="storage_unavailable")

    monkeypatch.setattr(ResponseStore, "put", full)
    body = {"model": "real-name", "input": "Hi", "stream": is_stream}
    answer = await http.post("v1/responses", json=body)
    assert "The disk is full." in answer.text
    assert "response.completed" not in answer.text
    assert is_stream or answer.status_code == 503


async def test_what_is_continued_must_be_there_and_be_the_callers(
    http: httpx.AsyncClient, extension: Any, standin: StandIn
) -> None:
    first = await create(http)
    stored = await extension.gateway.responses.get("", first["id"])
    await extension.gateway.responses.put("ben", stored.__class__("resp_ben", {}, [], None, None))
    count = len(standin.received)
    for previous in ("resp_none", "resp_ben"):
        body = {"model": "real-name", "input": "x", "previous_response_id": previous}
        answer = await http.post("v1/responses", json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "previous_response_not_found")
        assert error["param"] == "previous_response_id"
        assert (await http.get(f"v1/responses/{previous}")).status_code == 404
    assert len(standin.received) == count


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True, "store": False}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "novel_item"}]}, "input[0].type"),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_file", "file_url": "http://a"}]}
                ]
            },
            "input[0].content[0].file_url",
        ),
    ],
)
async def test_what_cannot_be_done_is_named(
    http: httpx.AsyncClient, standin: StandIn, more: dict[str, Any], param: str
) -> None:
    answer = await http.post("v1/responses", json={"model": "real-name", "input": "Hi", **more})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert posted(standin) == []


@pytest.mark.parametrize("bad", ["limit=0", "limit=101", "limit=x", "order=up", "after=msg_x"])
async def test_lists_of_items_have_pages(http: httpx.AsyncClient, bad: str) -> None:
    items = [{"role": "user", "content": f"{number}"} for number in range(5)]
    made = await create(http, items)
    path = f"v1/responses/{made['id']}/input_items"
    page = (await http.get(path, params={"limit": 2, "order": "asc"})).json()
    assert ([*map(text_of, page["data"])], page["has_more"]) == (["0", "1"], True)
    more = {"limit": 9, "order": "asc", "after": page["last_id"]}
    rest = (await http.get(path, params=more)).json()
    assert ([*map(text_of, rest["data"])], rest["has_more"]) == (["2", "3", "4"], False)
    assert text_of((await http.get(path)).json()["data"][0]) == "4"
    assert (await http.get(f"{path}?{bad}")).status_code == 400


PDF = base64.b64encode(samples.pdf("the words of the page")).decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


async def upload(http: httpx.AsyncClient, name: str, data: str) -> str:
    files = {"file": (name, base64.b64decode(data))}
    made = await http.post("v1/files", data={"purpose": "user_data"}, files=files)
    found: str = made.json()["id"]
    return found


@pytest.mark.parametrize("apis", [{"responses": "native", "messages": "native"}, BRIDGE])
async def test_files_reach_the_model_in_every_form(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    pdf, png = await upload(http, "a.pdf", PDF), await upload(http, "a.png", PNG)
    inline = f"data:application/pdf;base64,{PDF}"
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    asked: list[tuple[str, list[dict[str, Any]]]] = [
        ("responses", [{"type": "input_file", "file_id": pdf}]),
        ("responses", [{"type": "input_file", "filename": "a.pdf", "file_data": inline}]),
        ("messages", [{"type": "document", "source": source}]),
        ("messages", [{"type": "document", "source": {"type": "file", "file_id": pdf}}]),
    ]
    for path, content in asked:
        key = "input" if path == "responses" else "messages"
        body = {"model": "real-name", "max_tokens": 9, key: [{"role": "user", "content": content}]}
        if path == "responses":
            del body["max_tokens"]
        answer = await http.post(f"v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        assert "the words of the page" in posted(standin)[-1].body.decode(), content
    pictures: list[tuple[str, dict[str, Any]]] = [
        ("responses", {"type": "input_image", "file_id": png, "detail": "auto"}),
        ("messages", {"type": "image", "source": {"type": "file", "file_id": png}}),
    ]
    for path, part in pictures:
        key = "input" if path == "responses" else "messages"
        body = {"model": "real-name", key: [{"role": "user", "content": [part]}]}
        body |= {"max_tokens": 9} if path == "messages" else {}
        answer = await http.post(f"v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        assert PNG in posted(standin)[-1].body.decode(), part


@pytest.mark.parametrize("apis", [BRIDGE], ids=["bridge"])
async def test_a_kernel_may_use_what_its_owner_keeps(
    http: httpx.AsyncClient, extension: Any, connect: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = type(extension.serverapp.kernel_manager)
    monkeypatch.setattr(kernels, "__contains__", lambda _, name: name == "k1")
    made = await create(http)
    key = extension.gateway.keys.key_for("k1")
    async with connect(key) as kernel:
        assert (await kernel.get(f"v1/responses/{made['id']}")).status_code == 200


async def test_a_filtered_and_a_long_answer_are_incomplete(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    for finish, reason in reasons.items():
        choice = {"index": 0, "delta": {}, "finish_reason": finish}
        standin.stream(chunk("Half"), event({"choices": [choice]}), DONE)
        body = {"model": "real-name", "input": "Hi", "stream": True}
        last = events(await http.post("v1/responses", json=body))[-1]
        assert last["type"] == "response.incomplete"
        assert last["response"]["incomplete_details"] == {"reason": reason}
        kept = (await http.get(f"v1/responses/{last['response']['id']}")).json()
        assert kept["status"] == "incomplete"
