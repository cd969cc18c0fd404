"""What a replica does at each sign of life, however its database and its neighbours behave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.shared_running import SharedRunning
from aqueduct_jupyter.gateway.stores.notices import STOPPED, conversation_changed
from aqueduct_jupyter.gateway.stores.running_interfaces import Claim
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.errors import UnavailableError

IN_FLIGHT = Claim("user:ada", "in flight", "now", 0, 4, 1)


async def until(is_so: Callable[[], Any]) -> None:
    """Wait until something is so; it fails after ten seconds."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


class Noisy(SQLiteDatabase):
    """A database in which anybody may send notices."""

    notices: tuple[str, ...] = ()

    async def wait_for_notices(self, seconds: float) -> list[str]:
        if self.notices:
            sent, self.notices = [*self.notices], ()
            return sent
        return await super().wait_for_notices(seconds)


class House:
    """A replica, and its database."""

    def __init__(self, file: Path) -> None:
        self.database = Noisy(file)
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


async def test_a_sign_of_life_comes_again_whatever_fails(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 0

    async def fails() -> None:
        nonlocal failures
        failures += 1
        raise ValueError("not expected")

    house.running.beaten = fails
    house.running.start()
    await until(lambda: failures > 2)
    assert await house.store.show_life() == {}
    assert "not expected" in caplog.text
    house.running.beaten = house.beat
    await house.beats_again()


async def test_all_notices_are_heard_and_those_of_strangers_ignored(house: House) -> None:
    seen: list[tuple[str, str]] = []
    house.running.changed_elsewhere = lambda *changed: seen.append(changed)
    house.running.beat_seconds = 60
    strange = ("not JSON", "[1]", "null", '{"conversation": "c"}', "[" * 100_000)
    other = conversation_changed("two", "ada", "conv_1")
    own = conversation_changed("one", "ada", "conv_2")
    house.database.notices = (STOPPED, *strange, own, other)
    house.running.start()
    # A stop is looked for at once, and what came with it is not lost.
    await house.beats_again(2)
    assert seen == [("ada", "conv_1")]


async def test_a_replica_whose_signs_of_life_have_failed_can_be_closed(house: House) -> None:
    async def leave() -> None:
        raise ValueError("not expected")

    house.store.leave = leave  # type: ignore[method-assign]  # it fails
    house.running.start()
    await house.beats_again()
    await house.running.close()


async def test_nobody_counts_as_dead_before_all_could_show_that_they_live(house: House) -> None:
    swept: list[float] = []
    was_away = 0.0
    is_away = False
    show_life = house.store.show_life

    async def show_life_or_be_away() -> Mapping[str, bool]:
        nonlocal was_away
        if is_away:
            swept.clear()
            await asyncio.sleep(0.3)
            was_away = time.monotonic()
            raise UnavailableError("The database is away.")
        return await show_life()

    async def sweep() -> int:
        swept.append(time.monotonic())
        return 0

    house.store.show_life = show_life_or_be_away  # type: ignore[method-assign]  # it is away
    house.store.sweep = sweep  # type: ignore[method-assign]  # only when counts
    house.store.dead_seconds = 0.6
    house.running.beat_seconds = 0.05
    house.running.sweep_seconds = 0
    started = time.monotonic()
    house.running.start()
    await until(lambda: len(swept) > 1)
    assert swept[0] - started >= 0.6
    is_away = True
    await until(lambda: was_away)
    is_away = False
    await until(lambda: swept)
    assert swept[0] - was_away >= 0.6
