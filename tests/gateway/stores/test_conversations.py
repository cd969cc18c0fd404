"""The conversations of the browser in each database: edited in one transaction, by their owner."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aqueduct_jupyter.gateway.stores.conversations import ConversationStore
from aqueduct_jupyter.protocol import conversation_edits as edits
from aqueduct_jupyter.protocol.errors import NotFoundError
from aqueduct_jupyter.protocol.stored_conversations import (
    ConversationChange,
    ConversationParameters,
    StoredTurn,
)

from .owned import Backend


@pytest.fixture
def store(backend: Backend) -> ConversationStore:
    return ConversationStore(backend.open_database())


def turn(number: int, **more: Any) -> StoredTurn:
    return StoredTurn(f"Question {number}", "Hi \u2028", id=f"t{number}", **more)


async def test_an_edit_changes_turns_revision_and_what_is_searched(
    store: ConversationStore,
) -> None:
    made = await store.create("ada", ConversationChange(name="Talk", turns=[turn(1)]))
    edited = await store.edit("ada", made.id, lambda turns: turns.append(turn(2, answer="\u00dcb")))
    assert [other.id for other in edited.turns] == ["t1", "t2"]
    assert (edited.revision, edited.name) == (2, "Talk")
    assert edited.updated_at >= made.updated_at
    assert await store.get("ada", made.id) == edited
    (found,) = (await store.list("ada", "\u00fcb")).data
    assert (found.id, found.turns) == (made.id, 2)


async def test_an_edit_that_fails_changes_nothing(store: ConversationStore) -> None:
    made = await store.create("ada", ConversationChange(turns=[turn(1, state="whole")]))
    for edit in (edits.grow(turn(1)), edits.finish(turn(2))):
        with pytest.raises(NotFoundError) as caught:
            await store.edit("ada", made.id, edit)
        assert caught.value.code == "turn_not_found"
    assert await store.get("ada", made.id) == made


async def test_only_its_owner_edits_a_conversation(store: ConversationStore) -> None:
    made = await store.create("ada", ConversationChange(turns=[turn(1)]))
    for owner, name in (("ben", made.id), ("ada", "conv-x")):
        with pytest.raises(NotFoundError, match="There is no conversation"):
            await store.edit(owner, name, list.clear)


async def test_edits_at_the_same_time_are_all_kept(backend: Backend) -> None:
    stores = [ConversationStore(backend.open_database()) for _ in range(2)]
    made = await stores[0].create("ada", ConversationChange())

    def adding(number: int) -> edits.Edit:
        return lambda turns: turns.append(turn(number))

    await asyncio.gather(
        *(stores[n % 2].edit("ada", made.id, adding(n)) for n in range(8)),
    )
    stored = await stores[1].get("ada", made.id)
    assert {other.id for other in stored.turns} == {f"t{n}" for n in range(8)}
    assert stored.revision == 9


async def test_a_pin_is_kept_and_is_no_change_of_the_turns(store: ConversationStore) -> None:
    made = await store.create("ada", ConversationChange(name="Talk"))
    for is_pinned in (True, False):
        await store.change("ada", made.id, ConversationChange(is_pinned=is_pinned))
        (listed,) = (await store.list("ada")).data
        assert listed.is_pinned is is_pinned
        assert await store.get("ada", made.id) == made.model_copy(update={"is_pinned": is_pinned})


async def test_parameters_are_kept_with_a_conversation(store: ConversationStore) -> None:
    parameters = ConversationParameters(system="Be brief. \u2028", temperature=0.5)
    made = await store.create("ada", ConversationChange(turns=[turn(1)]))
    assert made.parameters == ConversationParameters()
    await store.change("ada", made.id, ConversationChange(parameters=parameters))
    await store.edit("ada", made.id, list.clear)
    stored = await store.get("ada", made.id)
    assert (stored.parameters, stored.turns) == (parameters, [])
    other = await store.create("ada", ConversationChange(parameters=parameters))
    assert (await store.get("ada", other.id)).parameters == parameters
