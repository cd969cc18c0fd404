"""The ledger in the database: one row for every finished request, and totals.

It holds counts and times, never any text of a prompt or an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..entry import Caller, Entry
from .database import Database
from .interfaces import Used
from .rows import request_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["DatabaseLedger"]

_COLUMNS = (
    "request_id",
    "owner",
    "kernel",
    "time",
    "model",
    "upstream",
    "is_stream",
    "status",
    "outcome",
    "error_code",
    "tokens_in",
    "tokens_out",
    "is_estimated",
    "first_token_ms",
    "total_ms",
    "api",
    "upstream_api",
    "usd",
)


class DatabaseLedger:
    """The rows of all requests; see :class:`.interfaces.Ledger`.

    Args:
        database: the database that holds the rows.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._batch: list[dict[str, Any]] = []

    def record(self, entry: Entry) -> None:
        """Write a finished request's row, without waiting for the disk.

        Rows that arrive while the database is busy are written in one transaction.
        """
        row = {name: getattr(entry, name) for name in _COLUMNS}
        with self._lock:
            self._batch.append(row)
            if len(self._batch) == 1:
                self._database.submit(partial(self._write, self._batch))

    async def used(self, caller: Caller, minute: float, day: float) -> Used:
        """Sum the recent usage of an owner, or of one kernel."""
        row = await self._database.run(
            lambda db: request_rows(db).used(caller.owner, caller.kernel, minute, day)
        )
        requests, tokens, tokens_in_day, first, usd = row
        return Used(
            int(requests or 0), int(tokens or 0), int(tokens_in_day or 0), first, float(usd or 0)
        )

    async def sums(self, owner: str, *, days: int = 30) -> dict[str, Any]:
        """Sum an owner's requests, tokens and costs."""
        since = self._clock() - days * 86_400

        def read(db: Connection) -> dict[str, Any]:
            rows = request_rows(db)
            return {
                "days": days,
                "total": rows.sums(owner, since)[0],
                "by_day": rows.sums(owner, since, "day"),
                "by_model": rows.sums(owner, since, "model"),
                "by_kernel": rows.sums(owner, since, "kernel"),
            }

        return await self._database.run(read)

    def _write(self, batch: list[dict[str, Any]], db: Connection) -> None:
        with self._lock:
            if self._batch is batch:
                self._batch = []
        rows = request_rows(db)
        try:
            rows.add(batch)
        except (ValueError, OverflowError):
            if len(batch) == 1:
                raise
            # The database cannot store one of the rows, so each is written by itself.
            for row in batch:
                self._database.submit(partial(self._write, [row]))
