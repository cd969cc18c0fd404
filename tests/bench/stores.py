"""What the ledger's rows cost: through the stores, and through sqlite3 alone, in the same run."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from aqueduct_jupyter.gateway.entry import Caller, Entry
from aqueduct_jupyter.gateway.stores.opening import open_folder
from aqueduct_jupyter.gateway.stores.sql.tables import requests

__all__ = ["measure_stores"]

ROWS = 5000
READS = 200
COLUMNS = [column.name for column in requests.columns if column.name != "groups"]


def measure_stores() -> Iterator[str]:
    """Give a line for each measurement."""
    rows = [Entry(f"req_{number}", "", None, tokens_in=3) for number in range(ROWS)]
    with tempfile.TemporaryDirectory() as folder:
        burst, apart, read = asyncio.run(_through_the_stores(Path(folder), rows))
        alone = _through_sqlite(Path(folder) / "alone.sqlite", rows)
    yield f"a row of a burst: {burst * 1e6:.0f} us of CPU, {burst / alone:.2f} of sqlite3 alone"
    yield f"a row by itself: {apart * 1e6:.0f} us of CPU, {apart / alone:.2f} of sqlite3 alone"
    yield f"sums for a budget, of {2 * ROWS} rows: {read * 1e6:.0f} us of CPU"


async def _through_the_stores(folder: Path, rows: list[Entry]) -> tuple[float, float, float]:
    stores = open_folder(folder)
    await stores.ledger.sums("")
    began = time.process_time()
    for row in rows:
        stores.ledger.record(row)
    await stores.ledger.sums("")
    burst = (time.process_time() - began) / ROWS
    began = time.process_time()
    for row in rows:
        row.request_id += "+"
        stores.ledger.record(row)
        await stores.database.run(lambda _: None)
    apart = (time.process_time() - began) / ROWS
    began = time.process_time()
    for _ in range(ROWS):
        await stores.database.run(lambda _: None)
    apart -= (time.process_time() - began) / ROWS
    began = time.process_time()
    for _ in range(READS):
        await stores.ledger.used(Caller(), 0, 0)
    read = (time.process_time() - began) / READS
    await stores.close()
    return burst, apart, read


def _through_sqlite(path: Path, rows: list[Entry]) -> float:
    """Give seconds for a row in a transaction of its own."""
    kept = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
    columns = ", ".join(kept[0])
    places = ", ".join(f":{name}" for name in kept[0])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE requests ({columns}, PRIMARY KEY (request_id))")
    connection.execute("CREATE INDEX requests_by_time ON requests (owner, time)")
    began = time.process_time()
    for row in kept:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"INSERT INTO requests ({columns}) VALUES ({places})", row)
        connection.execute("COMMIT")
    seconds = (time.process_time() - began) / len(kept)
    connection.close()
    return seconds
