"""Stored responses: found by their owner, continued in order, and gone when they expire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from aqueduct_jupyter.gateway.stores import responses as module
from aqueduct_jupyter.gateway.stores.response_interfaces import StoredResponse
from aqueduct_jupyter.gateway.stores.responses import ResponseStore
from aqueduct_jupyter.gateway.stores.sql.tables import response_events
from aqueduct_jupyter.protocol.errors import InvalidRequestError, NotFoundError

from .owned import Backend


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(backend: Backend, clock: Clock) -> ResponseStore:
    return ResponseStore(backend.open_database(), expiry_seconds=60, clock=clock)


def stored(number: int, previous: int | None = None, text: str = "Hi \0 \u2028") -> StoredResponse:
    items = [{"type": "message", "role": "user", "content": text}]
    before = None if previous is None else f"resp_{previous}"
    return StoredResponse(f"resp_{number}", {"id": f"resp_{number}"}, items, before, "campus")


async def test_a_response_comes_back_to_its_owner_only(store: ResponseStore) -> None:
    await store.put("ada", stored(1))
    assert await store.get("ada", "resp_1") == stored(1)
    for owner, name in (("ben", "resp_1"), ("ada", "resp_2")):
        with pytest.raises(NotFoundError, match="There is no response"):
            await store.get(owner, name)
        with pytest.raises(NotFoundError):
            await store.delete(owner, name)
        with pytest.raises(NotFoundError):
            await store.chain(owner, name)


async def test_it_is_replaced_by_its_own_id(store: ResponseStore) -> None:
    await store.put("ada", stored(1))
    await store.put("ada", stored(1, text="Later"))
    assert (await store.get("ada", "resp_1")).input[0]["content"] == "Later"


async def test_what_is_continued_comes_the_oldest_first(
    store: ResponseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await store.put("ada", stored(number, number - 1 if number else None))
    assert [one.id for one in await store.chain("ada", "resp_2")] == ["resp_0", "resp_1", "resp_2"]
    monkeypatch.setattr(module, "LONGEST_CHAIN", 3)
    with pytest.raises(InvalidRequestError, match="the maximum") as caught:
        await store.chain("ada", "resp_3")
    assert caught.value.param == "previous_response_id"
    await store.delete("ada", "resp_1")
    with pytest.raises(NotFoundError, match="resp_1"):
        await store.chain("ada", "resp_2")


async def test_it_is_gone_when_it_expires(store: ResponseStore, clock: Clock) -> None:
    await store.put("ada", stored(1))
    clock.now += 61
    with pytest.raises(NotFoundError):
        await store.get("ada", "resp_1")
    await store.put("ada", stored(2))
    await store.purge()
    clock.now -= 61
    with pytest.raises(NotFoundError):
        await store.get("ada", "resp_1")
    assert (await store.get("ada", "resp_2")).id == "resp_2"


async def test_a_response_is_written_by_and_by(store: ResponseStore, clock: Clock) -> None:
    begun = replace(stored(1), alive_at=clock.now)
    await store.put("ada", begun)
    first, second, last = (f"data: {n}\n\n".encode() for n in range(3))
    assert await store.progress("ada", "resp_1", 0, [first])
    clock.now += 5
    assert await store.progress("ada", "resp_1")
    assert not await store.progress("ben", "resp_1", 1, [second])
    assert await store.progress("ada", "resp_1", 1, [second])
    assert await store.events("ada", "resp_1") == (
        replace(begun, alive_at=clock.now),
        [first, second],
    )
    assert await store.finish("ada", stored(1, text="All"), 2, [last])
    assert await store.events("ada", "resp_1") == (stored(1, text="All"), [first, second, last])
    # Nobody writes it any more.
    assert not await store.progress("ada", "resp_1", 3, [last])
    assert not await store.finish("ada", stored(1), 3, [last])
    with pytest.raises(NotFoundError):
        await store.events("ben", "resp_1")


@pytest.mark.parametrize("way", ["deleted", "expired"])
async def test_events_go_with_their_response(
    store: ResponseStore, clock: Clock, backend: Backend, way: str
) -> None:
    for number in (1, 2):
        clock.now += 20
        await store.put("ada", replace(stored(number), alive_at=clock.now))
        await store.progress("ada", f"resp_{number}", 0, [b"data: 0\n\n"])
    if way == "deleted":
        await store.delete("ada", "resp_1")
        assert not await store.progress("ada", "resp_1", 1, [b"data: 1\n\n"])
    else:
        clock.now += 45
        await store.purge()
    database = backend.open_database()
    kept = await database.run(lambda db: list(db.execute(select(response_events.c.response_id))))
    assert [row.response_id for row in kept] == ["resp_2"]
