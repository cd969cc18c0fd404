"""What the database of a soak holds: admissions as they were made, rows, and windows of budgets.

A trigger notes each admission with what it claimed, and the windows as they were then. So what a
budget must have counted is known without asking the service.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import create_engine

__all__ = [
    "DUST",
    "Accounts",
    "Admission",
    "Claimed",
    "Key",
    "LedgerRow",
    "Window",
    "count_unfinished",
    "note_admissions",
    "read_accounts",
]

NOTE = """
CREATE TABLE soak_admissions (
    sequence bigserial, request_id text, replica text, time float8,
    holder text, kind text, span text, begins bigint, amount float8,
    used float8, reserved float8, carried float8
);
CREATE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO soak_admissions (request_id, replica, time, holder, kind, span, begins, amount,
                                 used, reserved, carried)
    SELECT NEW.request_id, NEW.replica, extract(epoch FROM clock_timestamp()), w.holder, w.kind,
           w.span, w.begins, (c ->> 4)::float8, w.used, w.reserved, w.carried
    FROM jsonb_array_elements(NEW.claims::jsonb) AS c JOIN budget_windows AS w
      ON w.holder = c ->> 0 AND w.kind = c ->> 1 AND w.span = c ->> 2
     AND w.begins = (c ->> 3)::bigint;
    RETURN NULL;
END $$;
CREATE TRIGGER soak_note AFTER INSERT ON running_requests
FOR EACH ROW EXECUTE FUNCTION soak_note();
"""

TABLE = "SELECT to_regclass('running_requests') IS NOT NULL"

CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

DUST = 1e-6
"""What is left of sums of US dollars in floating point."""

UNFINISHED = f"""
SELECT (SELECT count(*) FROM running_requests)
     + (SELECT count(*) FROM budget_windows WHERE abs(reserved) > {DUST})
"""

Key = tuple[str, str, str, int]
"""A window: its holder, what it counts, for how long, and when it began."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an admission claimed of a window, and the window's state right after it."""

    key: Key
    amount: float
    used: float
    reserved: float
    carried: float


@dataclass(slots=True)
class Admission:
    """A request that was admitted, by which replica, and when in seconds since 1970."""

    request_id: str
    replica: str
    time: float
    claims: list[Claimed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger; ``ended`` is in seconds since 1970."""

    request_id: str
    api: str
    outcome: str
    status: int
    code: str | None
    tokens_in: int | None
    tokens_out: int | None
    is_estimated: bool
    usd: float | None
    ended: float

    def counts(self, kind: str) -> float:
        """Say how much of a budget it takes."""
        if kind == "tokens":
            return (self.tokens_in or 0) + (self.tokens_out or 0)
        if kind == "usd":
            return self.usd or 0.0
        return 1.0 if kind == "requests" else 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a budget."""

    used: float
    reserved: float
    carried: float


@dataclass(frozen=True, slots=True)
class Accounts:
    """All of it at one moment."""

    admissions: dict[str, Admission]
    rows: dict[str, LedgerRow]
    windows: dict[Key, Window]
    running: list[str]
    replicas: list[str]
    connections: int


async def note_admissions(url: str) -> None:
    """Have the database note admissions, as soon as the service has made its tables."""
    while not (await asyncio.to_thread(_read, url, TABLE))[0][0]:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # another process makes them
    await asyncio.to_thread(_read, url, NOTE)


async def count_unfinished(url: str) -> int:
    """Count what must be none once nobody asks: requests that run, and reservations."""
    return int((await asyncio.to_thread(_read, url, UNFINISHED))[0][0])


async def read_accounts(url: str) -> Accounts:
    """Read all that matters."""
    return await asyncio.to_thread(_accounts, url)


def _accounts(url: str) -> Accounts:
    found: dict[str, Admission] = {}
    for request_id, replica, time, *key, amount, used, reserved, carried in _read(
        url,
        "SELECT request_id, replica, time, holder, kind, span, begins, amount, used, reserved, "
        "carried FROM soak_admissions ORDER BY sequence",
    ):
        admission = found.setdefault(request_id, Admission(request_id, replica, time))
        holder, kind, span, begins = key
        claimed = Claimed((holder, kind, span, begins), amount, used, reserved, carried)
        admission.claims.append(claimed)
    rows = _read(
        url,
        "SELECT request_id, api, outcome, status, error_code, tokens_in, tokens_out, is_estimated, "
        "usd, time + total_ms / 1000 FROM requests",
    )
    windows = _read(
        url, "SELECT holder, kind, span, begins, used, reserved, carried FROM budget_windows"
    )
    return Accounts(
        admissions=found,
        rows={row[0]: LedgerRow(*row) for row in rows},
        windows={(row[0], row[1], row[2], row[3]): Window(*row[4:]) for row in windows},
        running=[row[0] for row in _read(url, "SELECT request_id FROM running_requests")],
        replicas=[row[0] for row in _read(url, "SELECT name FROM replicas")],
        connections=_read(url, CONNECTIONS)[0][0],
    )


def _read(url: str, statement: str) -> list[Any]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return list(found.all()) if found.returns_rows else []
    finally:
        engine.dispose()
