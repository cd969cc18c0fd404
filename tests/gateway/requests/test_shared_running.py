"""What a replica does at each sign of life, however its database and its neighbours behave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.shared_running import SharedRunning
from aqueduct_jupyter.gateway.stores.running_interfaces import Claim
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase

IN_FLIGHT = Claim("user:ada", "in flight", "now", 0, 4, 1)


async def until(is_so: Callable[[], Any]) -> None:
    """Wait until something is so; it fails after ten seconds."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


class House:
    """A replica, and its database."""

    def __init__(self, file: Path) -> None:
        self.database = SQLiteDatabase(file)
        self.store = DatabaseRunning(self.database, "one")
        self.running = SharedRunning(self.store, self.database)
        self.running.beat_seconds = 0.01
        self.beats = 0
        self.running.beaten = self.beat

    async def beat(self) -> None:
        self.beats += 1

    async def beats_again(self, times: int = 3) -> None:
        enough = self.beats + times
        await until(lambda: self.beats >= enough)

    async def rows(self, statement: str) -> list[Any]:
        def read(db: Connection) -> list[Any]:
            return [tuple(row) for row in db.execute(text(statement))]

        return await self.database.run(read)


@pytest.fixture
def house(tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[House]:
    house = House(tmp_path / "aqueduct.sqlite")
    yield house
    jp_asyncio_loop.run_until_complete(house.running.close())
    jp_asyncio_loop.run_until_complete(house.database.close())


async def test_a_request_that_runs_nowhere_is_given_up_and_one_that_runs_is_not(
    house: House,
) -> None:
    await house.store.begin(Entry("req_forgotten", "ada", None), [IN_FLIGHT])
    running = Entry("req_running", "ada", None)
    with house.running.running(running):
        await house.store.begin(running, [IN_FLIGHT])
        house.running.start()
        await house.beats_again()
        assert await house.rows("SELECT request_id FROM running_requests") == [("req_running",)]
        assert await house.rows("SELECT reserved FROM budget_windows") == [(1.0,)]
