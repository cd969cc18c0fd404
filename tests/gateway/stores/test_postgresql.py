"""A PostgreSQL that does not answer: nobody waits for it longer than said."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from aqueduct_jupyter.gateway.stores.opening import Replica, open_shared
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase
from aqueduct_jupyter.gateway.stores.response_interfaces import StoredResponse
from aqueduct_jupyter.gateway.stores.sql.locks import lock_until_commit
from aqueduct_jupyter.protocol.errors import UnavailableError
from aqueduct_jupyter.protocol.stored_conversations import ConversationChange

from ...postgresql import PostgreSQLServer

READ = text("SELECT 1")


@asynccontextmanager
async def opened(url: str, answer_seconds: float) -> AsyncIterator[PostgreSQLDatabase]:
    database = PostgreSQLDatabase(url, answer_seconds=answer_seconds)
    try:
        yield database
    finally:
        await database.close()


async def submitted(database: PostgreSQLDatabase, work: Callable[[Connection], Any]) -> Any:
    """Do work for which nobody waits, so that a slow machine does not matter."""
    return await asyncio.wrap_future(database.submit(work))


def parameters(db: Connection) -> dict[str, str]:
    driver: Any = db.connection.driver_connection
    return dict(driver.info.get_parameters())


async def test_who_asks_a_database_that_does_not_answer_is_told_soon(
    postgresql: PostgreSQLServer,
) -> None:
    async with opened(postgresql.new_database(), 1) as database:
        which = text("SELECT pg_backend_pid()")
        backend = await submitted(database, lambda db: db.execute(which).scalar_one())
        os.kill(backend, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(UnavailableError, match="does not answer") as caught:
                await database.run(lambda db: db.execute(READ))
            assert time.monotonic() - began < 10
            assert (caught.value.code, caught.value.retry_after) == ("storage_unavailable", 5)
        finally:
            os.kill(backend, signal.SIGCONT)
        assert await submitted(database, lambda db: db.execute(READ).scalar_one()) == 1
        # Nor does anybody wait longer for what was submitted before.
        may_end = threading.Event()
        database.submit(lambda _: may_end.wait(30))
        with pytest.raises(UnavailableError, match="does not answer"):
            await database.run(lambda db: db.execute(READ))
        may_end.set()


async def test_the_database_ends_what_takes_too_long(postgresql: PostgreSQLServer) -> None:
    url = postgresql.new_database()
    async with opened(url, 0.5) as database:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="QueryCanceled"):
            await submitted(database, lambda db: db.execute(text("SELECT pg_sleep(60)")))
        assert time.monotonic() - began < 30
        # Nor does it hold for long what a server has locked that has gone.
        idle = text("SHOW idle_in_transaction_session_timeout")
        assert await submitted(database, lambda db: db.execute(idle).scalar_one()) == "500ms"
        said = await submitted(database, parameters)
        assert (said["tcp_user_timeout"], said["keepalives_idle"]) == ("500", "10")
    # What the address says goes before it.
    async with opened(f"{url}&keepalives_idle=7", 10) as database:
        assert (await submitted(database, parameters))["keepalives_idle"] == "7"


async def test_nobody_cuts_an_upgrade_that_takes_longer(
    postgresql: PostgreSQLServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgresql.new_database()
    engine = create_engine(url)
    async with opened(url, 0.5) as database:
        with engine.begin() as connection:
            lock_until_commit(connection, "upgrade")  # another server upgrades it
            with pytest.raises(UnavailableError, match="does not answer"):
                await database.run(lambda db: db.execute(READ))
            await asyncio.sleep(0.3)
        await submitted(database, lambda db: db.execute(READ))
        assert "could not be used" not in caplog.text
    engine.dispose()


async def test_who_ends_waits_no_longer_for_an_answer(postgresql: PostgreSQLServer) -> None:
    database = PostgreSQLDatabase(postgresql.new_database(), answer_seconds=0.3)
    which = text("SELECT pg_backend_pid()")
    backend = await submitted(database, lambda db: db.execute(which).scalar_one())
    os.kill(backend, signal.SIGSTOP)
    try:
        last = database.submit(lambda db: db.execute(READ).scalar_one())
        async with asyncio.timeout(20):
            await database.close()
        # Another connection may get an answer.
        assert last.result(0) == 1
    finally:
        os.kill(backend, signal.SIGCONT)


async def test_the_time_is_the_databases_whatever_a_machine_says(
    postgresql: PostgreSQLServer, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    late = PostgreSQLDatabase(url, clock=lambda: time.time() - 3600)
    await late.run(lambda db: db.execute(READ))
    assert late.clock() == pytest.approx(time.time(), abs=30)
    await late.close()
    stores = open_shared(url, "", tmp_path, replica=Replica("one"))
    database: Any = stores.database
    await database.run(lambda db: db.execute(READ))
    database._ahead += 3600
    made = await stores.conversations.create("ada", ConversationChange(name="Plans", turns=[]))
    assert made.updated_at - time.time() == pytest.approx(3600, abs=30)
    await stores.responses.put("ada", StoredResponse("resp_1", {}, [], alive_at=1.0))
    alive_at = (await stores.responses.get("ada", "resp_1")).alive_at
    assert alive_at == pytest.approx(time.time() + 3600, abs=30)
    await stores.close()


async def test_a_sign_of_life_is_no_older_than_the_database_has_answered(
    postgresql: PostgreSQLServer,
) -> None:
    opened_at = time.monotonic()
    async with opened(postgresql.new_database(), 0.2) as database:
        await submitted(database, lambda db: db.execute(READ))
        await asyncio.sleep(0.1)
        assert 0.1 <= database.age(0) <= time.monotonic() - opened_at
        asked_at = time.monotonic()
        with pytest.raises(UnavailableError):
            await submitted(database, lambda db: db.execute(text("SELECT 1 / 0")))
        assert database.age(0) > time.monotonic() - asked_at
        with pytest.raises(UnavailableError):
            await submitted(database, lambda db: db.execute(text("SELECT pg_sleep(60)")))
        assert database.age(0) <= time.monotonic() - asked_at
