"""Keys of agents: what is believed, for how long, for how many tokens; by an injected clock."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.entry import Caller, Entry
from aqueduct_jupyter.gateway.requests import agent_keys, shared_agent_keys
from aqueduct_jupyter.gateway.requests.agent_keys import AgentKeyring, AgentKeys
from aqueduct_jupyter.gateway.requests.shared_agent_keys import SharedAgentKeys
from aqueduct_jupyter.gateway.stores.agent_keys import AgentKeyStore
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.agent_keys import KeyRequest
from aqueduct_jupyter.protocol.errors import (
    AuthenticationError,
    ConflictError,
    InvalidJSONError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
)
from aqueduct_jupyter.protocol.requests import read_model


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


NUMBERS = itertools.count()


class OfService(SharedAgentKeys):
    """The keys of a hub's service, with the ledger of one replica, which counts their tokens."""

    def __init__(self, database: SQLiteDatabase, clock: Callable[[], float] = time.time) -> None:
        super().__init__(AgentKeyStore(database, clock=clock), clock=clock)
        self._ledger = DatabaseLedger(database, settle=DatabaseRunning(database, "one").settle)

    def record(self, entry: Entry) -> None:
        super().record(entry)
        self._ledger.record(entry)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["of one server", "of a hub's service"])
def keys(
    request: pytest.FixtureRequest,
    clock: Clock,
    tmp_path: Path,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[AgentKeyring]:
    if request.param == "of one server":
        yield AgentKeys(clock)
        return
    database = SQLiteDatabase(tmp_path / "aqueduct.sqlite")
    yield OfService(database, clock)
    jp_asyncio_loop.run_until_complete(database.close())


def codex(**more: int) -> KeyRequest:
    return KeyRequest(name="codex", **more)


def entry_of(caller: Caller | None, tokens: int = 0) -> Entry:
    assert caller is not None
    entry = Entry(f"req_{next(NUMBERS)}", caller.owner, caller.kernel)
    entry.tokens_in, entry.tokens_out = tokens, None
    return entry


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


async def test_a_key_names_its_agent_and_only_the_server_that_made_it_believes_it(
    keys: AgentKeyring,
) -> None:
    made, other = await keys.make("ada", codex()), await keys.make("ada", codex())
    caller = await keys.caller_of(made.key)
    assert caller == Caller("ada", f"agent:{made.id}", key=f"agent:{made.id}")
    assert caller.is_agent
    assert made.id.startswith("codex-")
    assert (made.id == other.id, made.key == other.key) == (False, False)
    assert await AgentKeys().caller_of(made.key) is None


async def test_the_secret_of_one_key_does_not_open_another(keys: AgentKeyring) -> None:
    made, other = await keys.make("ada", codex()), await keys.make("ada", codex())
    secret = made.key.rpartition(".")[2]
    assert await keys.caller_of(f"aqa.{other.id}.{secret}") is None
    assert await keys.caller_of(f"aqk.{made.id}.{secret}") is None


@pytest.mark.parametrize("end", ["", ".", ".\u00e9", ".x", "x", "." * 99])
async def test_what_is_no_key_opens_nothing(keys: AgentKeyring, end: str) -> None:
    made = await keys.make("ada", codex())
    assert await keys.caller_of(f"aqa.{made.id}{end}") is None
    assert await keys.caller_of(made.key + end) is None or not end


async def test_no_text_of_a_key_is_kept(keys: AgentKeyring, tmp_path: Path) -> None:
    made = await keys.make("ada", codex())
    secret = made.key.rpartition(".")[2]
    if isinstance(keys, AgentKeys):
        assert secret not in repr(keys._kept)
        return
    assert await keys.list("ada")
    assert not any(secret.encode() in data for data in contents(tmp_path))


async def test_a_key_ends_with_its_time(keys: AgentKeyring, clock: Clock) -> None:
    made = await keys.make("ada", codex(expires_after_seconds=60))
    assert made.expires_at == 1_060
    clock.now = 1_059.9
    assert await keys.caller_of(made.key)
    clock.now = 1_060
    assert await keys.caller_of(made.key) is None
    assert await keys.list("ada") == []
    with pytest.raises(NotFoundError, match="may have expired"):
        await keys.revoke("ada", made.id)


async def test_a_key_that_says_nothing_lives_for_twelve_hours(keys: AgentKeyring) -> None:
    assert (await keys.make("ada", codex())).expires_at == 1_000 + 12 * 3600


async def test_only_its_owner_lists_and_revokes_it(keys: AgentKeyring) -> None:
    made = await keys.make("ada", codex())
    assert await keys.list("ben") == []
    with pytest.raises(NotFoundError) as caught:
        await keys.revoke("ben", made.id)
    assert caught.value.code == "key_not_found"
    assert [key.id for key in await keys.list("ada")] == [made.id]
    assert (await keys.revoke("ada", made.id)).kernel == f"agent:{made.id}"
    assert await keys.caller_of(made.key) is None


async def test_the_newest_is_first(keys: AgentKeyring) -> None:
    made = [(await keys.make("ada", codex())).id for _ in range(3)]
    assert [key.id for key in await keys.list("ada")] == made[::-1]


async def test_a_used_up_key_says_what_to_do(keys: AgentKeyring) -> None:
    caller = await keys.caller_of((await keys.make("ada", codex(max_tokens=100))).key)
    keys.record(entry_of(caller, 99))
    await keys.admit(entry_of(caller))
    keys.record(entry_of(caller, 3))
    with pytest.raises(RateLimitError, match="used 102 of its 100 tokens") as e:
        await keys.admit(entry_of(caller))
    assert (e.value.code, e.value.headers()["x-should-retry"]) == ("insufficient_quota", "false")
    assert (await keys.list("ada"))[0].tokens == 102


async def test_without_a_cap_and_for_others_there_is_no_limit(keys: AgentKeyring) -> None:
    caller = await keys.caller_of((await keys.make("ada", codex())).key)
    keys.record(entry_of(caller, 10**9))
    for other in (caller, Caller("ada"), Caller("ada", "k1")):
        keys.record(entry_of(other, 1))
        await keys.admit(entry_of(other))


async def test_a_key_that_is_revoked_after_its_request_came_is_refused(keys: AgentKeyring) -> None:
    made = await keys.make("ada", codex())
    caller = await keys.caller_of(made.key)
    await keys.revoke("ada", made.id)
    with pytest.raises(AuthenticationError, match="was revoked"):
        await keys.admit(entry_of(caller))
    keys.record(entry_of(caller, 1))


async def test_there_are_only_so_many(keys: AgentKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_keys, "MOST_KEYS", 2)
    monkeypatch.setattr(shared_agent_keys, "MOST_KEYS", 2)
    made = [await keys.make("ada", codex()) for _ in range(2)]
    with pytest.raises(ConflictError, match="Revoke some"):
        await keys.make("ada", codex())
    await keys.make("ben", codex())
    await keys.revoke("ada", made[0].id)
    await keys.make("ada", codex())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "name"),
        (b'{"name": ""}', "name"),
        (b'{"name": "a b"}', "name"),
        (b'{"name": "a.b"}', "name"),
        (b'{"name": "a\\n"}', "name"),
        (b'{"name": "a", "max_tokens": 0}', "max_tokens"),
        (b'{"name": "a", "expires_after_seconds": 59}', "expires_after_seconds"),
        (b'{"name": "a", "expires_after_seconds": null}', "expires_after_seconds"),
        (b"[]", "body"),
    ],
)
def test_a_bad_request_is_named(body: bytes, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_model(KeyRequest, body)
    assert caught.value.param == param


def test_a_body_that_is_not_json_is_said() -> None:
    with pytest.raises(InvalidJSONError):
        read_model(KeyRequest, b"{not json")


async def test_a_key_of_a_service_is_valid_in_every_replica_and_keeps_its_users_token(
    tmp_path: Path,
) -> None:
    databases = [SQLiteDatabase(tmp_path / "shared.sqlite") for _ in range(2)]
    here, there = map(OfService, databases)
    made = await here.make("ada", codex(max_tokens=10), "t-of-ada")
    caller = await there.caller_of(made.key)
    assert caller is not None
    assert (caller.owner, caller.token, caller.is_agent) == ("ada", "t-of-ada", True)
    assert "t-of-ada" not in repr(caller)
    # Who reads the database gets neither the token nor the key.
    assert not [file for file in contents(tmp_path) if b"t-of-ada" in file]
    there.record(entry_of(caller, 10))
    await there.list("ada")
    with pytest.raises(RateLimitError):
        await here.admit(entry_of(caller))
    await there.revoke("ada", made.id)
    assert await here.caller_of(made.key) is None
    for database in databases:
        await database.close()
