"""The browser's conversations: kept, found again, changed by one writer at a time, taken along."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.stores import conversations
from aqueduct_jupyter.protocol.exports import read_conversation

from .test_files import error_of

TURN = {"id": "t1", "prompt": "What is \u00dcbung?", "content": "What is it?", "state": "whole"}
TURNS = [{**TURN, "answer": "**Exercise** 100%", "model": "m", "tokens_out": 2}]


async def create(http: httpx.AsyncClient, **words: Any) -> dict[str, Any]:
    response = await http.post("aqueduct/conversations", json=words)
    assert response.status_code == 200, response.text
    stored: dict[str, Any] = response.json()
    return stored


async def names(http: httpx.AsyncClient, search: str = "") -> list[str]:
    found = await http.get("aqueduct/conversations", params={"search": search} if search else {})
    return [conversation["name"] for conversation in found.json()["data"]]


async def test_a_conversation_is_found_again_as_it_was(http: httpx.AsyncClient) -> None:
    made = await create(http, name=" Words ", turns=TURNS)
    assert (made["name"], made["revision"], made["object"]) == ("Words", 1, "conversation")
    found = (await http.get(f"aqueduct/conversations/{made['id']}")).json()
    assert found == made
    (turn,) = found["turns"]
    assert turn.items() >= TURNS[0].items()
    (summary,) = (await http.get("aqueduct/conversations")).json()["data"]
    assert summary == {**{name: made[name] for name in summary}, "turns": 1}


async def test_the_last_changed_comes_first_and_words_find_it(http: httpx.AsyncClient) -> None:
    first = await create(http, name="First", turns=TURNS)
    await create(http, name="Second")
    assert await names(http) == ["Second", "First"]
    change = {"turns": TURNS * 2, "revision": 1}
    changed = await http.patch(f"aqueduct/conversations/{first['id']}", json=change)
    assert changed.json().items() >= {"revision": 2, "turns": 2, "name": "First"}.items()
    assert await names(http) == ["First", "Second"]
    for search in ("\u00fcBUNG", "exercise", "100%", "FIRST"):
        assert await names(http, search) == ["First"], search
    for search in ("whole", "10_%", "tokens_out"):
        assert await names(http, search) == [], search


async def test_a_name_is_changed_alone(http: httpx.AsyncClient) -> None:
    made = await create(http, turns=TURNS)
    assert made["name"] == "New conversation"
    address = f"aqueduct/conversations/{made['id']}"
    summary = (await http.patch(address, json={"name": "Better"})).json()
    assert (summary["name"], summary["revision"]) == ("Better", 1)
    assert (await http.get(address)).json()["turns"] == made["turns"]
    assert await names(http, "better") == ["Better"]
    assert await names(http, "exercise") == ["Better"]


async def test_two_windows_cannot_undo_each_other_unseen(http: httpx.AsyncClient) -> None:
    made = await create(http, name="One")
    address = f"aqueduct/conversations/{made['id']}"
    assert (await http.patch(address, json={"turns": TURNS, "revision": 1})).status_code == 200
    error = error_of(await http.patch(address, json={"turns": [], "revision": 1}), 409)
    assert error["code"] == "conversation_changed"
    assert len((await http.get(address)).json()["turns"]) == 1


async def test_what_was_deleted_is_gone(http: httpx.AsyncClient) -> None:
    made = await create(http, name="One")
    address = f"aqueduct/conversations/{made['id']}"
    gone = {"id": made["id"], "object": "conversation", "deleted": True}
    assert (await http.delete(address)).json() == gone
    for response in (await http.get(address), await http.delete(address)):
        assert error_of(response, 404)["code"] == "conversation_not_found"
    assert await names(http) == []


@pytest.mark.parametrize("ending", ["md", "ipynb", "json"])
async def test_an_export_can_be_read_again(http: httpx.AsyncClient, ending: str) -> None:
    made = await create(http, name="a/b \u00fc", turns=TURNS)
    response = await http.get(f"aqueduct/conversations/{made['id']}/export?format={ending}")
    assert "filename*=UTF-8''a%20b%20%C3%BC." + ending in response.headers["content-disposition"]
    read = read_conversation(response.text, f".{ending}", "x")
    assert (read.turns[0].answer, read.turns[0].id) == ("**Exercise** 100%", "t1")
    if ending == "ipynb":
        assert json.loads(response.text)["nbformat"] == 4


async def test_an_export_of_another_kind_is_named(http: httpx.AsyncClient) -> None:
    error = error_of(await http.get("aqueduct/conversations/x/export?format=pdf"), 400)
    assert error["param"] == "format"


@pytest.mark.parametrize(
    ("words", "param"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"turns": {}}, "turns"),
        ({"turns": [{"prompt": "x"}]}, "turns[0].content"),
        ({"turns": [{**TURN, "state": "odd"}]}, "turns[0].state"),
        ({"revision": "x"}, "revision"),
    ],
)
async def test_a_bad_field_is_named(
    http: httpx.AsyncClient, words: dict[str, Any], param: str
) -> None:
    error = error_of(await http.post("aqueduct/conversations", json=words), 400)
    assert error["param"].startswith(param)
    error = error_of(await http.post("aqueduct/conversations", content=b"{x"), 400)
    assert error["code"] == "invalid_json"


async def test_there_is_an_end_to_how_many(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MOST_CONVERSATIONS", 1)
    await create(http)
    error = error_of(await http.post("aqueduct/conversations", json={}), 413)
    assert error["code"] == "quota_exceeded"


async def test_another_owner_sees_nothing(http: httpx.AsyncClient, extension: Any) -> None:
    made = await create(http, name="Mine")
    store = extension.gateway.conversations
    assert (await store.list("somebody else")).data == []
    with pytest.raises(Exception, match="There is no conversation"):
        await store.get("somebody else", made["id"])
