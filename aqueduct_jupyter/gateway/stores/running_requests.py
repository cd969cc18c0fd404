"""The running requests of all replicas in the database, and what they have reserved of budgets.

A request's row is there from its admission to its end; then the ledger gets its row, and what it
used is counted, in one transaction. Each replica shows that it lives every few seconds. If one
stops doing so, any other ends its requests and releases what they had reserved.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..entry import AGENT, Caller, Entry
from .database import Database
from .notices import STOPPED, notify
from .rows import agent_key_rows, budget_rows, request_rows, running_rows
from .running_interfaces import Claim, Claimed

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["DEAD_SECONDS", "DatabaseRunning"]

DEAD_SECONDS = 30.0
"""How long a replica may show no sign of life before its requests are ended, in seconds."""

KEPT_SECONDS = {"minute": 3600.0, "day": 40 * 86_400.0, "month": 800 * 86_400.0}
"""How long what a budget counted is kept after its span began, in seconds; "now" never ends."""

FORGET_SECONDS = 3600.0
"""How often what nobody has in flight is forgotten, in seconds; opening it again costs time."""

_Changes = defaultdict[tuple[str, str, str, int], list[float]]


class DatabaseRunning:
    """The rows of running requests; see :class:`.running_interfaces.RunningStore`.

    Args:
        database: the database that all replicas share.
        replica: the unique name of this process.
        dead_seconds: how long a replica may show no sign of life, in seconds.
        clock: returns seconds since 1970; for tests.
        time_of: returns the time that all replicas share; for tests.

    Attributes:
        replica: the name of this process.
        dead_seconds: how long a replica may show no sign of life, in seconds.
    """

    def __init__(
        self,
        database: Database,
        replica: str,
        *,
        dead_seconds: float = DEAD_SECONDS,
        clock: Callable[[], float] = time.time,
        time_of: Callable[[Connection, Callable[[], float]], float] | None = None,
    ) -> None:
        self._database = database
        self.replica = replica
        self.dead_seconds = dead_seconds
        self._clock = clock
        self._time_of = time_of or _shared_time
        self._forgot_at = float("-inf")

    async def begin(self, entry: Entry, claims: Sequence[Claim]) -> list[Claimed]:
        """Note that a request runs, and reserve what it claims; raises as in the interface."""
        beginning = asyncio.ensure_future(self._begin(entry, claims))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            # The transaction goes on in its thread, and the ledger settles what it has reserved.
            while not beginning.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([beginning])
            if not beginning.cancelled():
                beginning.exception()  # asyncio would complain about one that nobody asks for
            raise

    async def _begin(self, entry: Entry, claims: Sequence[Claim]) -> list[Claimed]:
        row = {
            "request_id": entry.request_id,
            "replica": self.replica,
            "owner": entry.owner,
            "kernel": entry.kernel,
            "client_id": entry.client_id,
            "api": entry.api,
            "model": entry.model,
            "upstream": entry.upstream,
            "is_stream": entry.is_stream,
            "time": entry.time,
            "groups": json.dumps(sorted(entry.groups)) if entry.groups else None,
            "claims": json.dumps([[*_key(claim), claim.amount] for claim in claims]),
            "is_stopped": False,
        }

        def work(db: Connection) -> list[Claimed]:
            states = budget_rows(db).claim_all(claims)
            running_rows(db).add(row)
            return states

        states = await self._database.run(work)
        entry.claims = tuple(claims)
        entry.is_admitted = True
        return states

    def settle(self, db: Connection, entries: Sequence[Entry]) -> None:
        """Count what finished requests used, in the transaction that writes their rows."""
        _count_keys(db, entries)
        begun = {entry.request_id: entry for entry in entries if entry.is_admitted}
        if not begun:
            return
        rows = running_rows(db)
        present = rows.remove(list(begun))
        changes: _Changes = defaultdict(lambda: [0.0, 0.0])
        for request_id, entry in begun.items():
            for claim in entry.claims:
                is_here = request_id in present
                change = changes[_key(claim)]
                # What was given up has been released, and counted as a request, already.
                change[0] += _used(claim, entry, counts_request=is_here)
                change[1] += claim.amount if is_here else 0
        if given_up := [*begun.keys() - present]:
            request_rows(db).unlose(given_up)
        budget_rows(db).settle({key: (used, left) for key, (used, left) in changes.items()})

    async def list_of(self, caller: Caller | None) -> list[dict[str, Any]]:
        """List the running requests of an owner, of one kernel, or of all, the oldest first."""
        now = self._clock()
        owner, kernel = (None, None) if caller is None else (caller.owner, caller.kernel)
        found = await self._database.run(lambda db: running_rows(db).list(owner, kernel))
        return [
            {
                **({"user": row["owner"]} if caller is None else {}),
                "id": row["request_id"],
                "object": "request",
                "client_request_id": row["client_id"],
                "model": row["model"],
                "upstream": row["upstream"],
                "kernel": row["kernel"],
                "is_stream": row["is_stream"],
                "started_at": round(row["time"], 3),
                "seconds": round(max(0.0, now - row["time"]), 1),
                "state": "stopping" if row["is_stopped"] else "running",
            }
            for row in found
        ]

    async def stop(self, caller: Caller | None, request_id: str) -> str | None:
        """Ask whichever replica runs a request to stop it."""
        owner, kernel = (None, None) if caller is None else (caller.owner, caller.kernel)

        def work(db: Connection) -> RowMapping | None:
            rows = running_rows(db)
            found = rows.stop(owner, kernel, request_id)
            if found is not None:
                notify(db, STOPPED)
            return found

        found = await self._database.run(work)
        return None if found is None else str(found["request_id"])

    async def show_life(self) -> Mapping[str, bool]:
        """Show that this replica lives; return its requests by id, and whether each must stop."""

        def work(db: Connection) -> dict[str, bool]:
            now = self._time_of(db, self._clock)
            return running_rows(db).show_life(self.replica, now)

        return await self._database.run(work)

    async def give_up(self, ids: Sequence[str]) -> int:
        """End requests of this replica that nobody will, and release what they reserved."""
        now = self._clock()

        def work(db: Connection) -> int:
            given_up = running_rows(db).remove_own(self.replica, ids)
            _release(db, given_up, now)
            return len(given_up)

        return await self._database.run(work)

    async def sweep(self) -> int:
        """End the requests of replicas that died, release what they reserved; return how many."""

        def work(db: Connection) -> int:
            from .sql.locks import lock_until_commit

            lock_until_commit(db, "sweep")
            now = self._time_of(db, self._clock)
            lost = running_rows(db).remove_lost(now - self.dead_seconds)
            _release(db, lost, now)
            windows = budget_rows(db)
            for span, seconds in KEPT_SECONDS.items():
                windows.forget(span, now - seconds)
            if now - self._forgot_at >= FORGET_SECONDS:
                self._forgot_at = now
                windows.forget_unused()
            return len(lost)

        return await self._database.run(work)

    async def leave(self) -> None:
        """Note that this replica has ended on purpose."""
        await self._database.run(lambda db: running_rows(db).leave(self.replica))


def _shared_time(db: Connection, clock: Callable[[], float]) -> float:
    from .sql.clocks import time_of

    return time_of(db, clock)


def _key(claim: Claim) -> tuple[str, str, str, int]:
    return claim.holder, claim.kind, claim.span, claim.begins


def _count_keys(db: Connection, entries: Sequence[Entry]) -> None:
    used: Counter[str] = Counter()
    for entry in entries:
        if entry.kernel is not None and entry.kernel.startswith(AGENT):
            used[entry.kernel.removeprefix(AGENT)] += _tokens(entry)
    keys = agent_key_rows(db)
    # In one order, so that two replicas never wait for each other.
    for key_id, tokens in sorted(used.items()):
        if tokens:
            keys.use(key_id, tokens)


def _used(claim: Claim, entry: Entry, *, counts_request: bool) -> float:
    if claim.kind == "tokens":
        return _tokens(entry)
    if claim.kind == "usd":
        return entry.usd or 0.0
    return 1.0 if claim.kind == "requests" and counts_request else 0.0


def _release(db: Connection, given_up: Sequence[RowMapping], now: float) -> None:
    """Release what requests had reserved that were removed, and write their rows."""
    if not given_up:
        return
    requests = request_rows(db)
    # Whoever was told that the database is away was never sent upstream, and has a row.
    ended = requests.ended([row["request_id"] for row in given_up])
    changes: _Changes = defaultdict(lambda: [0.0, 0.0])
    for row in given_up:
        for holder, kind, span, begins, amount in json.loads(row["claims"]):
            change = changes[holder, kind, span, begins]
            # It was a request, but nobody knows what the upstream counted.
            change[0] += 1 if kind == "requests" and row["request_id"] not in ended else 0
            change[1] += amount
    budget_rows(db).settle({key: (used, left) for key, (used, left) in changes.items()})
    if lost := [_lost(row, now) for row in given_up if row["request_id"] not in ended]:
        requests.add(lost)


def _tokens(entry: Entry) -> int:
    return (entry.tokens_in or 0) + (entry.tokens_out or 0)


def _lost(row: RowMapping, now: float) -> dict[str, Any]:
    from .sql.request_rows import LOST

    kept = ("request_id", "time", "owner", "kernel", "model", "upstream", "is_stream", "api")
    return {
        **{name: row[name] for name in kept},
        "status": 500,
        "outcome": "failed",
        "error_code": LOST,
        "tokens_in": None,
        "tokens_out": None,
        "is_estimated": False,
        "first_token_ms": None,
        "total_ms": round(1000 * max(0.0, now - row["time"])),
        "upstream_api": None,
        "usd": None,
        "groups": row["groups"],
    }
