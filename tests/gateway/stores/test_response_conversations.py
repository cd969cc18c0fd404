"""Conversations of the Responses API: found by their owner, in order, and gone when they expire."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from aqueduct_jupyter.gateway.stores import response_conversations as module
from aqueduct_jupyter.gateway.stores.response_conversations import ResponseConversationStore
from aqueduct_jupyter.gateway.stores.sql.tables import conversation_items
from aqueduct_jupyter.protocol.errors import BodyTooLargeError, NotFoundError

from .owned import Backend
from .test_responses import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(backend: Backend, clock: Clock) -> ResponseConversationStore:
    return ResponseConversationStore(backend.open_database(), expiry_seconds=60, clock=clock)


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def texts(items: list[dict[str, Any]]) -> list[str]:
    return [item["content"][0]["text"] for item in items]


async def test_it_comes_back_to_its_owner_only(store: ResponseConversationStore) -> None:
    made = await store.create("ada", {"a": "\u2028"}, [said("Hi \u2028")])
    assert await store.get("ada", made.id) == made
    item = (await store.items("ada", made.id))[0]
    assert texts([item]) == ["Hi \u2028"]
    for owner, name in (("ben", made.id), ("ada", "conv_none")):
        for reach in (
            store.get(owner, name),
            store.change(owner, name, {}),
            store.delete(owner, name),
            store.add(owner, name, [said("x")]),
            store.items(owner, name),
            store.page(owner, name, limit=1),
            store.item(owner, name, item["id"]),
            store.delete_item(owner, name, item["id"]),
        ):
            with pytest.raises(NotFoundError, match="There is no conversation"):
                await reach
    assert len(await store.items("ada", made.id)) == 1


async def test_the_same_item_twice_is_two(store: ResponseConversationStore) -> None:
    made = await store.create("ada", {}, [said("a", id="msg_1"), said("b", id="msg_1")])
    added = await store.add("ada", made.id, [said("c", id="msg_1"), said("d", id="msg_2")])
    items = await store.items("ada", made.id)
    assert texts(items) == ["a", "b", "c", "d"]
    assert items[2:] == added
    ids = [item["id"] for item in items]
    assert (ids[0], ids[3], len(set(ids))) == ("msg_1", "msg_2", 4)


async def test_pages_go_both_ways(store: ResponseConversationStore) -> None:
    made = await store.create("ada", {}, [said(f"{n}", id=f"msg_{n}") for n in range(5)])

    async def page(**asked: Any) -> tuple[list[str], bool]:
        items, has_more = await store.page("ada", made.id, **asked)
        return texts(items), has_more

    assert await page(limit=2) == (["4", "3"], True)
    assert await page(limit=3, after="msg_3") == (["2", "1", "0"], False)
    assert await page(limit=2, is_descending=False) == (["0", "1"], True)
    assert await page(limit=9, after="msg_3", is_descending=False) == (["4"], False)


async def test_it_has_a_bound(
    store: ResponseConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ITEMS", 2)
    made = await store.create("ada", {}, [said("a")])
    with pytest.raises(BodyTooLargeError, match="more than 2 items"):
        await store.add("ada", made.id, [said("b"), said("c")])
    assert texts(await store.items("ada", made.id)) == ["a"]


async def test_it_expires_after_its_last_change(
    store: ResponseConversationStore, clock: Clock, backend: Backend
) -> None:
    old = await store.create("ada", {}, [said("old")])
    kept = await store.create("ada", {}, [said("kept")])
    clock.now += 40
    await store.add("ada", kept.id, [said("more")])
    clock.now += 40
    with pytest.raises(NotFoundError):
        await store.get("ada", old.id)
    await store.purge()
    assert texts(await store.items("ada", kept.id)) == ["kept", "more"]
    database = backend.open_database()
    rows = await database.run(
        lambda db: set(db.execute(select(conversation_items.c.conversation_id)).scalars())
    )
    assert rows == {kept.id}
