"""The ledger in the database: one row for every finished request, and totals.

It holds counts and times, never any text of a prompt or an answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

from ...protocol.errors import UnavailableError
from ..entry import Caller, Entry
from .database import Database
from .interfaces import Used
from .log import log
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


WRITTEN_PAUSE = 0.05
"""Seconds between two looks whether all rows are written."""

MOST_WAITING = 100_000
"""How many rows wait for a database that is away; each takes about a kilobyte of memory."""

Settle = Callable[["Connection", Sequence[Entry]], None]


class DatabaseLedger:
    """The rows of all requests; see :class:`.interfaces.Ledger`.

    Args:
        database: the database that holds the rows.
        settle: called in the transaction that writes rows, with their entries.
        clock: returns seconds since 1970; for tests.
    """

    retry_seconds = 1.0
    """Seconds after which rows are written again that the database did not take."""

    def __init__(
        self,
        database: Database,
        *,
        settle: Settle | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._settle = settle
        self._clock = clock
        self._lock = Lock()
        self._batch: list[Entry] = []
        self._retrying: Timer | None = None
        self._writing = 0

    def record(self, entry: Entry) -> None:
        """Write a finished request's row, without waiting for the disk.

        Rows that arrive while the database is busy are written in one transaction. While it is
        away, they wait in memory.
        """
        with self._lock:
            self._batch.append(entry)
            is_first = len(self._batch) == 1 and self._retrying is None
            batch = self._batch
        if is_first:
            self._submit(batch)

    async def written(self) -> None:
        """Wait until no row waits for the database, however long it is away."""
        # Rows are written by a thread, and only the end of a process waits for them.
        while self._batch or self._writing or self._retrying is not None:  # noqa: ASYNC110  # a thread's
            await asyncio.sleep(WRITTEN_PAUSE)

    async def close(self) -> None:
        """Try once more to write the rows that wait for the database."""
        with self._lock:
            timer, self._retrying = self._retrying, None
            batch = self._batch
        if timer is not None:
            timer.cancel()
            left = len(batch)
            try:
                await self._database.run(partial(self._write_again, batch))
            except UnavailableError:
                log.error("The rows of %d requests were not written.", left)

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

    def _submit(self, batch: list[Entry], *, is_repeated: bool = False) -> None:
        write = self._write_again if is_repeated else self._write
        with self._lock:
            self._writing += 1
        submitted = self._database.submit(partial(write, batch))
        submitted.add_done_callback(partial(self._try_again, batch))

    def _try_again(self, batch: list[Entry], done: Future[object]) -> None:
        """Keep what was not written, and write it later; entries that come after it wait, too."""
        with self._lock:
            self._writing -= 1
            if not isinstance(done.exception(), UnavailableError):
                return
            if self._batch is not batch:
                batch.extend(self._batch)
                self._batch.clear()  # its own writing then finds nothing
                self._batch = batch
            if lost := max(0, len(batch) - MOST_WAITING):
                del batch[:lost]
                log.error("The rows of %d requests were dropped: too many wait.", lost)
            self._retrying = Timer(self.retry_seconds, self._retry)
            self._retrying.daemon = True
            self._retrying.start()

    def _retry(self) -> None:
        with self._lock:
            if self._retrying is None:
                return
            self._retrying = None
            batch = self._batch
        try:
            self._submit(batch, is_repeated=True)
        except RuntimeError:  # the database was closed in the meantime
            log.error("The rows of %d requests were not written.", len(batch))

    def _write(self, batch: list[Entry], db: Connection) -> None:
        self._add(self._taken(batch), db)

    def _write_again(self, batch: list[Entry], db: Connection) -> None:
        """Write what was perhaps written: the database may have committed, and not have said so."""
        entries, rows = self._taken(batch), request_rows(db)
        ended = rows.ended([entry.request_id for entry in entries])
        left = [entry for entry in entries if entry.request_id not in ended]
        # Somebody may have given up a request that has ended.
        rows.unlose([entry.request_id for entry in left])
        self._add(left, db)

    def _taken(self, batch: list[Entry]) -> list[Entry]:
        """Return what a batch holds; what comes after it goes into another."""
        with self._lock:
            if self._batch is batch:
                self._batch = []
            return [*batch]

    def _add(self, entries: Sequence[Entry], db: Connection) -> None:
        if not entries:
            return
        if self._settle is not None:
            self._settle(db, entries)
        rows = request_rows(db)
        try:
            rows.add([_row(entry) for entry in entries])
        except (ValueError, OverflowError):
            if len(entries) == 1:
                raise
            # The database cannot store one of the rows, so each is written by itself.
            for entry in entries:
                self._database.submit(partial(self._write_row, entry))

    def _write_row(self, entry: Entry, db: Connection) -> None:
        request_rows(db).add([_row(entry)])


def _row(entry: Entry) -> dict[str, Any]:
    groups = json.dumps(sorted(entry.groups)) if entry.groups else None
    return {**{name: getattr(entry, name) for name in _COLUMNS}, "groups": groups}
