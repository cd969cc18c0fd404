"""This file is the ledger: one row for every chat request, whichever way it ended, and its sums.

It holds counts and times, never a word of a prompt or an answer. What counts as the end of a
request is left to the requests, the SQLite file to :mod:`.database`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..entry import Caller, Entry
from .database import Database, read_rows

__all__ = ["LEDGER_SCHEMA", "Ledger", "Used"]

LEDGER_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    request_id TEXT PRIMARY KEY,
    time REAL NOT NULL,
    owner TEXT NOT NULL,
    kernel TEXT,
    model TEXT,
    upstream TEXT,
    is_stream INTEGER NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error_code TEXT,
    tokens_in INTEGER,
    tokens_out INTEGER,
    is_estimated INTEGER NOT NULL,
    first_token_ms REAL,
    total_ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (owner, time);
"""


_NAMES = (
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
)
_COLUMNS = ", ".join(_NAMES)
_PLACES = ", ".join(f":{name}" for name in _NAMES)
_SUMS = """
    count(*) AS requests,
    sum(outcome = 'failed') AS failed,
    sum(outcome = 'cancelled') AS cancelled,
    coalesce(sum(tokens_in), 0) AS tokens_in,
    coalesce(sum(tokens_out), 0) AS tokens_out
"""
# One that was refused before it had an upstream used nothing.
_USED = """
    SELECT
        sum(time >= :minute),
        sum(iif(time >= :minute, coalesce(tokens_in, 0) + coalesce(tokens_out, 0), 0)),
        sum(iif(time >= :day, coalesce(tokens_in, 0) + coalesce(tokens_out, 0), 0)),
        min(iif(time >= :minute, time, NULL))
    FROM requests
    WHERE owner = :owner AND time >= :since AND upstream IS NOT NULL
        AND (:kernel IS NULL OR kernel = :kernel)
"""
_GROUPS = {"day": "date(time, 'unixepoch')", "model": "model", "kernel": "kernel"}


@dataclass(frozen=True, slots=True)
class Used:
    """What requests that are over have used; ``first_in_minute`` is in seconds since 1970."""

    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    tokens_in_day: int = 0
    first_in_minute: float | None = None


class Ledger:
    """The rows of all requests in the data folder's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: Entry) -> None:
        """Write a finished request's row, without waiting for the disk."""
        row = {name: getattr(entry, name) for name in _NAMES}

        def insert(connection: sqlite3.Connection) -> None:
            # Column names come from the dataclass, never from a request.
            statement = f"INSERT INTO requests ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608
            connection.execute(statement, row)

        self._database.submit(insert)

    async def used(self, caller: Caller, minute: float, day: float) -> Used:
        """Sum what an owner, or one kernel of it, has used of late.

        Args:
            caller: whose requests; all of an owner's where it names no kernel.
            minute: where the last minute began, in seconds since 1970.
            day: where the day began.
        """
        asked = {"owner": caller.owner, "kernel": caller.kernel, "minute": minute, "day": day}

        def read(connection: sqlite3.Connection) -> Used:
            row = connection.execute(_USED, {**asked, "since": min(minute, day)}).fetchone()
            return Used(row[0] or 0, row[1] or 0, row[2] or 0, row[3])

        return await self._database.run(read)

    async def sums(
        self, owner: str, *, days: int = 30, clock: Callable[[], float] = time.time
    ) -> dict[str, Any]:
        """Sum an owner's requests and tokens.

        Args:
            owner: whose.
            days: how many days back, by UTC.
            clock: seconds since 1970; for tests.

        Returns:
            ``total``, and lists ``by_day``, ``by_model`` and ``by_kernel``; each sum has
            ``requests``, ``failed``, ``cancelled``, ``tokens_in`` and ``tokens_out``.
        """
        asked = {"owner": owner, "since": clock() - days * 86_400}

        def read(connection: sqlite3.Connection) -> dict[str, Any]:
            sums: dict[str, Any] = {"days": days, "total": _sum(connection, asked)[0]}
            for name in _GROUPS:
                sums[f"by_{name}"] = _sum(connection, asked, name)
            return sums

        return await self._database.run(read)


def _sum(
    connection: sqlite3.Connection, asked: dict[str, Any], group: str | None = None
) -> list[dict[str, Any]]:
    # The groups are constants of this file.
    key = f"{_GROUPS[group]} AS {group}, " if group else ""
    by = f" GROUP BY {_GROUPS[group]} ORDER BY {_GROUPS[group]}" if group else ""
    where = "owner = :owner AND time >= :since"
    cursor = connection.execute(
        f"SELECT {key}{_SUMS} FROM requests WHERE {where}{by}",  # noqa: S608
        asked,
    )
    return [
        {name: 0 if value is None and name != group else value for name, value in row.items()}
        for row in read_rows(cursor)
    ]
