"""A PostgreSQL that is away for a while: what fails, what waits, and that nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.stores.agent_keys import AgentKeyStore
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase
from aqueduct_jupyter.gateway.stores.running_interfaces import Claim
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.protocol.errors import UnavailableError

from ...postgresql import PostgreSQLServer, postgresql_server

DEADLINE = 30.0


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A server that the test may stop."""
    with postgresql_server() as server:
        yield server


async def test_the_ledger_and_budgets_lose_nothing_while_the_database_is_away(
    own_postgresql: PostgreSQLServer,
) -> None:
    database = PostgreSQLDatabase(own_postgresql.new_database())
    running = DatabaseRunning(database, "one")
    ledger = DatabaseLedger(database, settle=running.settle)
    ledger.retry_seconds = 0.05
    claim = Claim("user:ada", "tokens", "day", 0, 1000, 10)

    async def rows(statement: str) -> list[tuple[object, ...]]:
        def read(db: Connection) -> list[tuple[object, ...]]:
            return [tuple(row) for row in db.execute(text(statement))]

        return await database.run(read)

    keys = AgentKeyStore(database)
    key = {"id": "codex-1", "owner": "ada", "name": "codex", "digest": "", "sealed_token": ""}
    await keys.add({**key, "created_at": 0, "expires_at": 2**33, "tokens": 0}, most=1)
    entries = [
        Entry(f"req_{number}", "ada", "agent:codex-1", upstream="campus") for number in range(6)
    ]
    for entry in entries:
        await running.begin(entry, [claim])
    own_postgresql.stop()
    for entry in entries[:5]:
        entry.tokens_in = 7
        ledger.record(entry)
        await asyncio.sleep(0.06)
    with pytest.raises(UnavailableError) as caught:
        await running.begin(Entry("req_new", "ada", None), [claim])
    assert (caught.value.code, caught.value.retry_after) == ("storage_unavailable", 5)
    own_postgresql.start()
    deadline = time.monotonic() + DEADLINE
    while True:
        assert time.monotonic() < deadline
        try:
            if len(await rows("SELECT 1 FROM requests")) == 5:
                break
        except UnavailableError:
            pass
        await asyncio.sleep(0.05)
    # Each row once, settled once, counted once for the agent's key; the sixth is still running.
    assert await rows("SELECT tokens FROM agent_keys") == [(35,)]
    assert await rows("SELECT used, reserved FROM budget_windows") == [(35.0, 10.0)]
    assert await rows("SELECT request_id FROM running_requests") == [("req_5",)]
    entries[5].tokens_in = 7
    ledger.record(entries[5])
    await ledger.close()
    assert len(await rows("SELECT 1 FROM requests")) == 6
    await database.close()


async def test_rows_that_wait_at_the_end_are_written_if_the_database_is_back(
    own_postgresql: PostgreSQLServer,
) -> None:
    url = own_postgresql.new_database()
    database = PostgreSQLDatabase(url)
    ledger = DatabaseLedger(database)
    ledger.retry_seconds = 3600
    await ledger.sums("ada")
    own_postgresql.stop()
    ledger.record(Entry("req_1", "ada", None))
    ledger.record(Entry("req_2", "ada", None))
    with pytest.raises(UnavailableError):
        await ledger.sums("ada")
    own_postgresql.start()
    await ledger.close()
    assert (await ledger.sums("ada"))["total"]["requests"] == 2
    # A process that is about to end can wait for it.
    ledger.retry_seconds = 0.05
    own_postgresql.stop()
    ledger.record(Entry("req_3", "ada", None))
    waiting = asyncio.create_task(ledger.written())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    own_postgresql.start()
    await asyncio.wait_for(waiting, DEADLINE)
    assert (await ledger.sums("ada"))["total"]["requests"] == 3
    await database.close()
