"""What the budgets of a hub's service cost: by the size of the ledger, in one run.

The database is a PostgreSQL of its own, whose processes' CPU counts, too. ``make bench-hub`` makes
a ledger of ten million rows; ``HUB_ROWS`` sets another size.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import psutil
from sqlalchemy import create_engine

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.shared_budgets import SharedBudgets
from aqueduct_jupyter.gateway.requests.shared_limits import read_shared_limits
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning

from ..postgresql import PostgreSQLServer, postgresql_server

__all__ = ["cpu_of", "measure_hub"]

ROWS = int(os.environ.get("HUB_ROWS", "10000000"))
USERS = 10_000
ACTIVE = 200
"""How many of them ask in the same minutes."""

REQUESTS = 2_000
AT_A_TIME = 8
LIMITS = {
    "user": {"tokens_per_day": 10**9, "requests_per_minute": 10**6},
    "everyone": {"tokens_per_month": 10**12, "usd_per_month": 10**6},
    "groups": {"students": {"together": {"tokens_per_day": 10**12}}},
}

FILL = """
INSERT INTO requests (request_id, time, owner, model, upstream, is_stream, status, outcome,
                      tokens_in, tokens_out, is_estimated, total_ms, api, groups)
SELECT 'req_' || n, extract(epoch from now()) - mod(n, 2500000), 'user-' || mod(n, {users}),
       'llama', 'campus', false, 200, 'whole', 30, 200, false, 900, 'chat', '["students"]'
FROM generate_series(1, {rows}) AS n
"""


def measure_hub() -> Iterator[str]:
    """Give a line for each measurement."""
    with postgresql_server() as server:
        small = asyncio.run(_measure(server, 1_000))
        large = asyncio.run(_measure(server, ROWS))
    for rows, found in ((1_000, small), (ROWS, large)):
        for what, (ours, theirs) in found.items():
            yield (
                f"{what}, {USERS:,} users, a ledger of {rows:,} rows: {ours * 1e6:.0f} us of CPU "
                f"here, {theirs * 1e6:.0f} us in PostgreSQL"
            )
    for what, before in small.items():
        here, there = (one / other for one, other in zip(large[what], before, strict=True))
        yield f"{what}, the larger ledger to the smaller: {here:.2f} here, {there:.2f} there"


async def _measure(server: PostgreSQLServer, rows: int) -> dict[str, tuple[float, float]]:
    """Give the seconds of CPU of an admission and of an end, here and in PostgreSQL."""
    url = server.new_database()
    database = PostgreSQLDatabase(url)
    running = DatabaseRunning(database, "bench")
    ledger = DatabaseLedger(database, settle=running.settle)
    await running.show_life()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(FILL.format(rows=rows, users=USERS))
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    budgets = SharedBudgets(read_shared_limits(LIMITS), running)
    entries = [_entry(number) for number in range(ACTIVE + REQUESTS)]

    async def admit(some: list[Entry]) -> None:
        for entry in some:
            await budgets.admit(entry, lambda: (30, 1000))

    async def end(some: list[Entry]) -> None:
        for entry in some:
            entry.tokens_in, entry.tokens_out = 30, 200
            ledger.record(entry)
            await database.run(lambda _: None)  # so that none waits for others

    await admit(entries[:ACTIVE])  # connections, and what a day and a month begin with
    await end(entries[:ACTIVE])
    found = {}
    for what, work in (("an admission", admit), ("an end and its row", end)):
        ours, theirs = time.process_time(), cpu_of(server)
        asking = entries[ACTIVE:]
        await asyncio.gather(*(work(asking[first::AT_A_TIME]) for first in range(AT_A_TIME)))
        found[what] = (
            (time.process_time() - ours) / REQUESTS,
            (cpu_of(server) - theirs) / REQUESTS,
        )
    await database.close()
    return found


def _entry(number: int) -> Entry:
    owner = f"user-{number % ACTIVE * 49}"
    groups = frozenset({"students"})
    return Entry(f"req_b{number}", owner, None, upstream="campus", groups=groups)


def cpu_of(server: PostgreSQLServer) -> float:
    """Give seconds of CPU that a server's processes have used."""
    pid = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    main = psutil.Process(pid)
    # What has ended is in its parent's account of children.
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return sum(sum(used[:4]) for used in times)
