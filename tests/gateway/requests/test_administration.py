"""What administrators of a hub's service see and change, over two replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.administration import Administration
from aqueduct_jupyter.gateway.requests.shared_budgets import SharedBudgets
from aqueduct_jupyter.gateway.requests.shared_limits import SharedBudget, SharedLimits
from aqueduct_jupyter.gateway.requests.shared_running import SharedRunning
from aqueduct_jupyter.gateway.stores.administration import AdministrationStore
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.errors import InvalidRequestError, NotFoundError, RateLimitError


class Office:
    """One replica's administration, and requests of its users."""

    def __init__(self, file: Path) -> None:
        self.database = SQLiteDatabase(file)
        self.store = DatabaseRunning(self.database, f"replica-{id(self)}")
        self.ledger = DatabaseLedger(self.database, settle=self.store.settle)
        self.running = SharedRunning(self.store, self.database)
        self.administration = Administration(AdministrationStore(self.database), self.running)
        self.budgets = SharedBudgets(
            SharedLimits(), self.store, lambda: self.administration.changed
        )
        self.count = 0

    async def begin(self, owner: str, *groups: str) -> Entry:
        self.count += 1
        entry = Entry(f"req_{id(self)}_{self.count}", owner, None, groups=frozenset(groups))
        entry.model, entry.upstream = "m", "campus"
        await self.budgets.admit(entry, lambda: (5, 5))
        return entry

    async def end(self, entry: Entry, tokens: int, usd: float | None = None) -> None:
        entry.tokens_in, entry.tokens_out, entry.usd = tokens, 0, usd
        self.ledger.record(entry)
        await self.ledger.written()


@pytest.fixture
def offices(
    tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[tuple[Office, Office]]:
    both = Office(tmp_path / "shared.sqlite"), Office(tmp_path / "shared.sqlite")
    yield both
    for office in both:
        jp_asyncio_loop.run_until_complete(office.database.close())


async def test_what_is_used_is_told_of_some_holders_only(offices: tuple[Office, Office]) -> None:
    here, there = offices
    for holder in ("user:ada", "user:ben", "everyone"):
        await here.administration.change_budget("carol", holder, {"tokens_per_day": 100})
    await there.administration.refresh()
    await here.end(await here.begin("ada"), 7)
    await there.begin("ben")
    used = await there.administration.used({"user:ada", "everyone"})
    assert [(row["holder"], row["used"], row["reserved"]) for row in used] == [
        ("everyone", 7, 10),
        ("user:ada", 7, 0),
    ]


async def test_usage_is_summed_by_user_group_model_and_day(offices: tuple[Office, Office]) -> None:
    here, there = offices
    await here.end(await here.begin("ada", "students", "tutors"), 3, 0.5)
    await here.end(await here.begin("ada", "students", "tutors"), 4)
    await there.end(await there.begin("ben", "students"), 5, 0.25)
    await there.end(await there.begin("eve"), 6)

    async def sums(by: str) -> dict[str, tuple[int, float | None]]:
        rows = await here.administration.usage(by, days=30)
        return {row[by]: (row["tokens_in"], row["usd"]) for row in rows}

    await asyncio.sleep(0)
    assert await sums("user") == {"ada": (7, 0.5), "ben": (5, 0.25), "eve": (6, None)}
    # A request counts in each of its user's groups.
    assert await sums("group") == {None: (6, None), "students": (12, 0.75), "tutors": (7, 0.5)}
    assert await sums("model") == {"m": (18, 0.75)}
    assert list((await sums("day")).values()) == [(18, 0.75)]
    with pytest.raises(InvalidRequestError, match="user, group, model, upstream, day"):
        await sums("password")


async def test_a_changed_budget_reaches_every_replica_and_the_audit(
    offices: tuple[Office, Office],
) -> None:
    here, there = offices
    await here.begin("ada")
    await here.administration.change_budget("carol", "user:ada", {"requests_per_month": 1})
    await there.administration.refresh()
    await there.begin("ada")
    with pytest.raises(RateLimitError, match="1 requests per month for you"):
        await there.begin("ada")
    found = await there.administration.budgets()
    assert found["changed"] == {"user:ada": {"requests_per_month": 1}}
    (window,) = [row for row in found["used"] if row["span"] == "month"]
    assert (window["holder"], window["reserved"]) == ("user:ada", 1)
    await there.administration.restore_budget("carol", "user:ada")
    await there.begin("ada")
    with pytest.raises(NotFoundError, match="was not changed"):
        await there.administration.restore_budget("carol", "user:ada")
    lines = await here.administration.audit()
    assert [(line["actor"], line["action"], line["subject"], line["detail"]) for line in lines] == [
        ("carol", "budget.remove", "user:ada", ""),
        ("carol", "budget.set", "user:ada", '{"requests_per_month": 1}'),
    ]


@pytest.mark.parametrize(
    ("holder", "words", "what"),
    [
        ("ada", {}, "Name user:NAME"),
        ("kernel:ada/k", {}, "Name user:NAME"),
        ("everyone", {"requests": 1}, "requests: "),
        ("group:students", {"tokens_per_day": -1}, "tokens_per_day: "),
        ("group:students", {"carry_over": 7}, "carry_over: "),
    ],
)
async def test_an_impossible_budget_is_refused(
    offices: tuple[Office, Office], holder: str, words: dict[str, int], what: str
) -> None:
    with pytest.raises(InvalidRequestError, match=what):
        await offices[0].administration.change_budget("carol", holder, words)
    assert await offices[0].administration.audit() == []


async def test_any_request_is_stopped_from_any_replica(offices: tuple[Office, Office]) -> None:
    here, there = offices
    running, stopped = asyncio.Event(), asyncio.Event()

    async def ask() -> None:
        entry = await here.begin("ada")
        try:
            with here.running.running(entry):
                running.set()
                await asyncio.sleep(60)
        finally:
            stopped.set()

    here.running.beat_seconds = 0.02
    here.running.start()
    asking = asyncio.create_task(ask())
    await running.wait()
    (request,) = await there.administration.requests()
    assert (request["user"], request["model"]) == ("ada", "m")
    assert await there.administration.stop("carol", request["id"]) == request["id"]
    async with asyncio.timeout(10):
        await stopped.wait()
    with pytest.raises(Exception, match="was stopped"):
        await asking
    await here.running.close()
    assert [line["action"] for line in await there.administration.audit()] == ["request.stop"]
    with pytest.raises(NotFoundError):
        await there.administration.stop("carol", "req_nothing")


async def test_a_budget_that_this_release_cannot_read_is_left_out(
    offices: tuple[Office, Office], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = offices
    store = AdministrationStore(here.database)
    await store.change_budget("user:ada", {"requests_per_day": 1, "pictures_per_day": 2}, "later")
    await store.change_budget("user:ben", {"requests_per_day": 0}, "hand")
    await store.change_budget("user:eve", {"requests_per_day": 3}, "carol")
    for _ in range(3):
        await here.administration.refresh()
        assert here.administration.changed == {"user:eve": SharedBudget(requests_per_day=3)}
    assert caplog.text.count("user:ada") == caplog.text.count("user:ben") == 1
    # It can be removed, and written anew.
    await here.administration.restore_budget("carol", "user:ada")
    await here.administration.change_budget("carol", "user:ben", {"requests_per_day": 4})
    assert here.administration.changed["user:ben"].requests_per_day == 4
