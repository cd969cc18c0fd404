"""Running requests of several replicas, and what they reserve of one budget, on both databases."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import Connection, text

from aqueduct_jupyter.gateway.entry import Caller, Entry
from aqueduct_jupyter.gateway.stores.agent_keys import AgentKeyStore
from aqueduct_jupyter.gateway.stores.database import Database, Work
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.notices import STOPPED
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase
from aqueduct_jupyter.gateway.stores.rows import budget_rows, running_rows
from aqueduct_jupyter.gateway.stores.running_interfaces import Claim, Claimed, NoRoomError
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.protocol.errors import UnavailableError

from ...postgresql import PostgreSQLServer
from .owned import Backend

ADA = Caller("ada")


class Replica:
    """One process: its running requests and its ledger, on a clock of its own."""

    def __init__(self, backend: Backend, name: str, clock: Any) -> None:
        self.database = backend.open_database()
        self.clock = clock
        self.running = DatabaseRunning(
            self.database, name, clock=clock, time_of=lambda _, clock: clock()
        )
        self.ledger = DatabaseLedger(self.database, settle=self.running.settle, clock=clock)

    async def begin(self, request_id: str, *claims: Claim, **more: Any) -> list[Claimed]:
        given = {"owner": "ada", "kernel": None, "time": self.clock(), **more}
        self.entry = Entry(request_id, **given)
        return await self.running.begin(self.entry, claims)

    async def end(self, entry: Entry, tokens: int = 0, usd: float | None = None) -> None:
        entry.tokens_in, entry.tokens_out, entry.usd = tokens, 0, usd
        entry.upstream = "campus"
        self.ledger.record(entry)
        await self.rows("SELECT 1")  # work sees what was submitted before it

    async def rows(self, statement: str) -> list[Any]:
        def read(db: Connection) -> list[Any]:
            return [tuple(row) for row in db.execute(text(statement))]

        return await self.database.run(read)

    async def windows(self) -> dict[str, tuple[float, float]]:
        found = await self.rows("SELECT holder, kind, used, reserved FROM budget_windows")
        return {f"{holder} {kind}": (used, reserved) for holder, kind, used, reserved in found}


async def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


class Slow:
    """A database whose transactions commit when they may."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_working, self.may_commit = threading.Event(), threading.Event()

    async def run(self, work: Work[Any]) -> Any:
        def slowly(db: Connection) -> Any:
            found = work(db)
            self.is_working.set()
            assert self.may_commit.wait(10)
            return found

        return await self._database.run(slowly)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class Campus:
    """Replicas that share a database, and the clock that they share."""

    def __init__(self, backend: Backend) -> None:
        self.now = 100_000.0
        self._backend = backend

    def replica(self, name: str) -> Replica:
        return Replica(self._backend, name, lambda: self.now)


@pytest.fixture
def campus(backend: Backend) -> Campus:
    return Campus(backend)


def tokens(limit: float, amount: float, holder: str = "user:ada", **more: Any) -> Claim:
    return Claim(holder, "tokens", "day", 0, limit, amount, **more)


async def test_what_is_reserved_is_replaced_by_what_was_used(campus: Campus) -> None:
    one = campus.replica("one")
    (state,) = await one.begin("req_1", tokens(100, 40))
    assert (state.used, state.reserved, state.left) == (0, 40, 60)
    await one.end(one.entry, tokens=25)
    assert await one.windows() == {"user:ada tokens": (25, 0)}
    assert await one.rows("SELECT request_id FROM running_requests") == []
    assert await one.rows("SELECT request_id, tokens_in FROM requests") == [("req_1", 25)]


async def test_the_last_request_may_pass_a_budget_and_no_other_begins(campus: Campus) -> None:
    one, two = campus.replica("one"), campus.replica("two")
    await one.begin("req_1", tokens(100, 90))
    await two.begin("req_2", tokens(100, 90))
    with pytest.raises(NoRoomError) as caught:
        await one.begin("req_3", tokens(100, 1))
    assert caught.value.state.left == 0
    assert (await one.windows())["user:ada tokens"] == (0, 180)
    assert len(await one.rows("SELECT 1 FROM running_requests")) == 2


async def test_all_that_is_claimed_is_reserved_or_nothing(campus: Campus) -> None:
    one = campus.replica("one")
    await one.begin("req_1", tokens(10, 10, "everyone"))
    requests = Claim("user:ada", "requests", "minute", 60, 5, 1)
    with pytest.raises(NoRoomError) as caught:
        await one.begin("req_2", requests, tokens(100, 10), tokens(10, 10, "everyone"))
    assert caught.value.state.claim.holder == "everyone"
    # A window that nothing was reserved in may exist or not.
    assert {key: state for key, state in (await one.windows()).items() if state != (0, 0)} == {
        "everyone tokens": (0, 10)
    }


async def test_requests_in_flight_and_money_are_counted_too(campus: Campus) -> None:
    one = campus.replica("one")
    claims = (
        Claim("user:ada", "in flight", "now", 0, 1, 1),
        Claim("user:ada", "requests", "day", 0, 9, 1),
        Claim("user:ada", "usd", "month", 0, 5.0, 0.25),
    )
    await one.begin("req_1", *claims)
    with pytest.raises(NoRoomError) as caught:
        await one.begin("req_2", *claims)
    assert caught.value.state.claim.kind == "in flight"
    first = Entry("req_1", "ada", None, claims=claims, is_admitted=True)
    await one.end(first, tokens=3, usd=0.125)
    assert await one.windows() == {
        "user:ada in flight": (0, 0),
        "user:ada requests": (1, 0),
        "user:ada usd": (0.125, 0),
    }
    await one.begin("req_3", *claims)


async def test_what_is_left_of_a_span_is_carried_over_as_set(campus: Campus) -> None:
    one = campus.replica("one")
    await one.begin("req_1", tokens(100, 10))
    await one.end(one.entry, tokens=40)
    later = Claim("user:ada", "tokens", "day", 86_400, 100, 10, 0.5, 0)
    (state,) = await one.begin("req_2", later)
    assert (state.carried, state.limit, state.left) == (30, 130, 120)
    # A day in which nothing was used is left as a whole, at most one budget adds up,
    for day, carry_over, carried in ((4, 0.5, 50), (6, 1.0, 100), (7, 1.0, 100)):
        begins = day * 86_400
        claim = Claim("user:ada", "tokens", "day", begins, 100, 10, carry_over, begins - 86_400)
        (state,) = await one.begin(f"req_of_day_{day}", claim)
        assert state.carried == carried
    # and somebody new does not begin with more.
    new = Claim("user:new", "tokens", "day", 86_400, 100, 10, 0.5, 0)
    assert (await one.begin("req_3", new))[0].carried == 0


async def test_many_at_once_reserve_no_more_than_there_is(campus: Campus) -> None:
    replicas = [campus.replica(name) for name in ("one", "two", "three")]
    claims = (
        Claim("user:ada", "requests", "day", 0, 20, 1),
        Claim("everyone", "requests", "day", 0, 1000, 1),
    )

    async def ask(number: int) -> bool:
        entry = Entry(f"req_{number}", "ada", None)
        try:
            await replicas[number % 3].running.begin(entry, claims)
        except NoRoomError:
            return False
        return True

    assert sum(await asyncio.gather(*map(ask, range(60)))) == 20
    assert (await replicas[0].windows())["everyone requests"] == (0, 20)


async def test_who_notices_that_a_replica_died_releases_what_it_reserved(campus: Campus) -> None:
    dead, other = campus.replica("dead"), campus.replica("other")
    await dead.running.show_life()
    claims = (tokens(100, 60), Claim("user:ada", "requests", "day", 0, 9, 1))
    await dead.begin("req_1", *claims, model="m", upstream="campus", is_stream=True)
    campus.now += 29
    await other.running.show_life()
    assert await other.running.sweep() == 0
    campus.now += 2
    assert await other.running.sweep() == 1
    assert await other.windows() == {"user:ada tokens": (0, 0), "user:ada requests": (1, 0)}
    lost = await other.rows("SELECT request_id, outcome, error_code, total_ms FROM requests")
    assert lost == [("req_1", "failed", "replica_lost", 31_000)]
    assert await other.running.sweep() == 0
    assert await other.rows("SELECT name FROM replicas") == [("other",)]


async def test_a_replica_that_has_not_shown_a_sign_of_life_yet_is_not_dead(
    campus: Campus,
) -> None:
    new, other = campus.replica("new"), campus.replica("other")
    await new.begin("req_1", tokens(100, 60))
    await other.running.show_life()
    campus.now += 29
    assert await other.running.sweep() == 0
    campus.now += 2
    assert await other.running.sweep() == 1


async def test_replicas_whose_clocks_differ_do_not_end_each_others_requests(
    postgresql: PostgreSQLServer,
) -> None:
    database = PostgreSQLDatabase(postgresql.new_database())
    late = DatabaseRunning(database, "late", clock=lambda: time.time() - 3600)
    other = DatabaseRunning(database, "other")
    await late.show_life()
    await late.begin(Entry("req_1", "ada", None, time=time.time() - 3600), [])
    await other.show_life()
    assert await other.sweep() == 0
    await database.run(lambda db: db.execute(text("UPDATE replicas SET alive_at = alive_at - 31")))
    assert await late.sweep() == 1
    await database.close()


async def test_a_replica_that_was_only_slow_counts_once(campus: Campus) -> None:
    slow, other = campus.replica("slow"), campus.replica("other")
    await slow.running.show_life()
    claims = (tokens(100, 60), Claim("user:ada", "requests", "day", 0, 9, 1))
    await slow.begin("req_1", *claims)
    campus.now += 31
    await other.running.show_life()
    assert await other.running.sweep() == 1
    await slow.end(slow.entry, tokens=7)
    assert await other.windows() == {"user:ada tokens": (7, 0), "user:ada requests": (1, 0)}
    assert await other.rows("SELECT request_id, outcome, tokens_in FROM requests") == [
        ("req_1", "whole", 7)
    ]


async def test_who_leaves_while_it_begins_holds_no_room(campus: Campus) -> None:
    one = campus.replica("one")
    slow: Any = Slow(one.database)
    running = DatabaseRunning(slow, "one", clock=one.clock)
    claims = (tokens(100, 60), Claim("user:ada", "requests", "day", 0, 9, 1))
    entry = Entry("req_1", "ada", None)
    asking = asyncio.create_task(running.begin(entry, claims))
    assert await asyncio.to_thread(slow.is_working.wait, 10)
    for _ in range(2):
        asking.cancel()
        await asyncio.sleep(0)
        assert not asking.done()
    slow.may_commit.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await one.end(entry)
    assert await one.windows() == {"user:ada tokens": (0, 0), "user:ada requests": (1, 0)}
    assert await one.rows("SELECT request_id FROM running_requests") == []


async def test_what_a_replica_gives_up_is_released_once(campus: Campus) -> None:
    one = campus.replica("one")
    claims = (tokens(100, 60), Claim("user:ada", "requests", "day", 0, 9, 1))
    await one.begin("req_1", *claims)
    late = one.entry
    # The database has begun this one, but nobody was told, so its row is that of a refusal.
    await one.begin("req_2", *claims)
    one.entry.is_admitted, one.entry.status = False, 503
    one.ledger.record(one.entry)
    other = campus.replica("other")
    assert await other.running.give_up(["req_1", "req_2"]) == 0
    assert await one.running.give_up(["req_1", "req_2"]) == 2
    assert await one.windows() == {"user:ada tokens": (0, 0), "user:ada requests": (1, 0)}
    found = "SELECT request_id, status, error_code FROM requests ORDER BY request_id"
    assert await one.rows(found) == [("req_1", 500, "replica_lost"), ("req_2", 503, None)]
    await one.end(late, tokens=7)
    assert await one.windows() == {"user:ada tokens": (7, 0), "user:ada requests": (1, 0)}
    assert (await one.rows(found))[0] == ("req_1", 200, None)


class Deaf:
    """A database that commits what is submitted first, but does not hear that it has."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.heard: list[BaseException | None] = []

    def submit(self, work: Work[object]) -> Future[object]:
        done = self._database.submit(work)
        done.exception()  # it has been written, or not
        self.heard.append(done.exception())
        if len(self.heard) > 1:
            return done
        unheard: Future[object] = Future()
        unheard.set_exception(UnavailableError("The connection was lost."))
        return unheard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_what_was_written_unheard_is_neither_written_nor_counted_again(
    campus: Campus,
) -> None:
    one = campus.replica("one")
    deaf: Any = Deaf(one.database)
    ledger = DatabaseLedger(deaf, settle=one.running.settle)
    ledger.retry_seconds = 0.01
    await one.begin("req_1", tokens(100, 60))
    first = one.entry
    await one.begin("req_2", tokens(100, 60))
    first.tokens_in = one.entry.tokens_in = 7
    ledger.record(first)
    ledger.record(one.entry)
    await eventually(lambda: len(deaf.heard) == 2)
    assert deaf.heard == [None, None]
    assert await one.windows() == {"user:ada tokens": (14, 0)}
    assert len(await one.rows("SELECT 1 FROM requests")) == 2
    assert await one.rows("SELECT 1 FROM running_requests") == []


async def test_the_end_of_a_request_comes_after_another_has_given_it_up(campus: Campus) -> None:
    one = campus.replica("one")
    await one.begin("req_1", tokens(100, 60))
    assert await one.running.give_up(["req_1"]) == 1
    # Its client was told that the database is away, so it was not admitted.
    one.entry.is_admitted, one.entry.status = False, 503
    one.ledger.retry_seconds = 0.01
    one.ledger.record(one.entry)
    found: list[Any] = []
    async with asyncio.timeout(10):
        while found != [(503, None)]:
            found = await one.rows("SELECT status, error_code FROM requests")
            await asyncio.sleep(0.01)


async def test_more_requests_end_at_once_than_a_statement_takes(campus: Campus) -> None:
    one = campus.replica("one")
    await one.begin("req_1")
    ids = [f"req_{number}" for number in range(66_000)]
    assert await one.database.run(lambda db: running_rows(db).remove(ids)) == {"req_1"}


async def test_a_request_is_listed_and_stopped_from_anywhere(campus: Campus) -> None:
    one, two = campus.replica("one"), campus.replica("two")
    await one.begin("req_1", kernel="k1", client_id="mine", model="m", time=campus.now - 3)
    await two.begin("req_2", owner="ben")
    (listed,) = await two.running.list_of(ADA)
    assert (listed["id"], listed["kernel"], listed["seconds"]) == ("req_1", "k1", 3)
    assert listed["client_request_id"] == "mine"
    assert await two.running.list_of(Caller("ada", "k2")) == []
    for caller in (Caller("ben"), Caller("ada", "k2")):
        assert await two.running.stop(caller, "req_1") is None
    assert await one.running.show_life() == {"req_1": False}
    assert await two.running.stop(Caller("ada", "k1"), "mine") == "req_1"
    assert await one.running.show_life() == {"req_1": True}
    assert await two.running.show_life() == {"req_2": False}
    assert (await two.running.list_of(ADA))[0]["state"] == "stopping"


async def test_a_stop_wakes_the_replica_that_waits(campus: Campus) -> None:
    one, two = campus.replica("one"), campus.replica("two")
    await one.begin("req_1")
    has_notices = isinstance(one.database, PostgreSQLDatabase)
    waiting = asyncio.create_task(one.database.wait_for_notices(60 if has_notices else 0))
    if has_notices:
        await asyncio.sleep(0.3)  # it must be listening
    await two.running.stop(ADA, "req_1")
    async with asyncio.timeout(10):
        assert await waiting == ([STOPPED] if has_notices else [])


async def test_a_revoked_key_stops_its_requests_in_all_replicas(campus: Campus) -> None:
    one, two = campus.replica("one"), campus.replica("two")
    keys = AgentKeyStore(two.database, clock=lambda: campus.now)
    for key_id in ("codex-1", "codex-2"):
        row = {"id": key_id, "owner": "ada", "name": "codex", "digest": "", "sealed_token": ""}
        await keys.add({**row, "created_at": 0, "expires_at": 10**6, "tokens": 0}, most=9)
    await one.begin("req_1", kernel="agent:codex-1")
    await one.begin("req_2", kernel="agent:codex-2")
    await one.begin("req_3", kernel="agent:codex-1", owner="ben")
    await one.begin("req_4")
    heard: list[str] = []
    has_notices = isinstance(one.database, PostgreSQLDatabase)
    if has_notices:
        assert await one.database.wait_for_notices(0.01) == []
    assert not await keys.remove("ben", "codex-1")
    assert await keys.remove("ada", "codex-1")
    if has_notices:
        heard = await one.database.wait_for_notices(10)
    assert heard == ([STOPPED] if has_notices else [])
    own = await one.running.show_life()
    assert {name for name, is_stopped in own.items() if is_stopped} == {"req_1"}


async def test_a_replica_that_ends_on_purpose_leaves_nothing(campus: Campus) -> None:
    one = campus.replica("one")
    await one.running.show_life()
    await one.running.leave()
    assert await one.rows("SELECT name FROM replicas") == []


async def test_old_spans_are_forgotten(campus: Campus) -> None:
    one = campus.replica("one")
    minute = int(campus.now // 60) * 60
    await one.begin("req_1", Claim("user:ada", "requests", "minute", minute, 9, 1))
    await one.end(one.entry)
    await one.running.sweep()
    assert await one.windows()
    campus.now += 2 * 3600
    await one.running.sweep()
    assert await one.windows() == {}


async def test_what_nobody_has_in_flight_is_forgotten(campus: Campus) -> None:
    one = campus.replica("one")

    def in_flight(kernel: str) -> Claim:
        return Claim(f"kernel:ada/{kernel}", "in flight", "now", 0, 2, 1)

    await one.begin("req_1", in_flight("invented"))
    await one.end(one.entry)
    await one.begin("req_2", in_flight("k1"))
    await one.running.sweep()
    assert await one.windows() == {"kernel:ada/k1 in flight": (0, 1)}
    (state,) = await one.begin("req_3", in_flight("invented"))
    assert state.left == 1


async def test_what_is_just_claimed_is_not_forgotten(postgresql: PostgreSQLServer) -> None:
    database = PostgreSQLDatabase(postgresql.new_database())
    claim = Claim("kernel:ada/k1", "in flight", "now", 0, 1, 1)
    key = (claim.holder, claim.kind, claim.span, claim.begins)

    def release(db: Connection) -> None:
        budget_rows(db).settle({key: (0, 1)})

    def reserved(db: Connection) -> list[Any]:
        return [*db.execute(text("SELECT reserved FROM budget_windows")).scalars()]

    await database.run(lambda db: budget_rows(db).claim_all([claim]))
    await database.run(release)
    has_begun, may_commit = threading.Event(), threading.Event()

    def then_wait(do: Callable[[Any], Any]) -> Callable[[Connection], Any]:
        def work(db: Connection) -> Any:
            done = do(budget_rows(db))
            has_begun.set()
            assert may_commit.wait(10)
            return done

        return work

    # Who forgets does not wait for who claims,
    claiming = asyncio.create_task(database.run(then_wait(lambda rows: rows.claim_all([claim]))))
    assert await asyncio.to_thread(has_begun.wait, 10)
    await database.run(lambda db: budget_rows(db).forget_unused())
    may_commit.set()
    await claiming
    assert await database.run(reserved) == [1]
    # and who claims what is being forgotten opens it again.
    await database.run(release)
    has_begun.clear()
    may_commit.clear()
    forgetting = asyncio.create_task(database.run(then_wait(lambda rows: rows.forget_unused())))
    assert await asyncio.to_thread(has_begun.wait, 10)
    claiming = asyncio.create_task(database.run(lambda db: budget_rows(db).claim_all([claim])))
    await asyncio.sleep(0.1)
    may_commit.set()
    await asyncio.gather(forgetting, claiming)
    assert await database.run(reserved) == [1]
    await database.close()
