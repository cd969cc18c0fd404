"""What administrators of a hub's service see and change in the database.

What it means is in :mod:`aqueduct_jupyter.gateway.requests.administration`. Each change and its
line in the audit are written in one transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .database import Database
from .notices import STOPPED, notify
from .rows import administration_rows, request_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .sql.request_rows import Group

__all__ = ["AdministrationStore"]


class AdministrationStore:
    """The database, as administrators see it.

    Args:
        database: the database that all replicas share.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def usage(self, by: Group, *, days: int) -> list[dict[str, Any]]:
        """Sum the requests, tokens and costs of all users, by a column of the ledger.

        Raises:
            UnavailableError: the database cannot be used.
        """
        since = self._clock() - days * 86_400
        return await self._database.run(lambda db: request_rows(db).sums(None, since, by))

    async def budgets(self) -> dict[str, str]:
        """Return the budgets that were changed, by holder, as they were written: in JSON."""
        rows = await self._database.run(lambda db: administration_rows(db).budgets())
        return {row["holder"]: row["budget"] for row in rows}

    async def change_budget(
        self, holder: str, budget: Mapping[str, Any] | None, actor: str
    ) -> bool:
        """Replace a holder's budget, or remove the change.

        Returns:
            Whether it had been changed before.
        """
        text = None if budget is None else json.dumps(budget)
        now = self._clock()

        def work(db: Connection) -> bool:
            rows = administration_rows(db)
            was_changed = rows.change(holder, text, actor, now)
            action = "budget.remove" if text is None else "budget.set"
            rows.note(actor, action, holder, text or "", now)
            notify(db, STOPPED)
            return was_changed

        return await self._database.run(work)

    async def windows(
        self, spans: Sequence[tuple[str, int]], holders: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return what is used and reserved of budgets in the given spans; None for all holders."""
        rows = await self._database.run(lambda db: administration_rows(db).windows(spans, holders))
        return [dict(row) for row in rows]

    async def note(self, actor: str, action: str, subject: str) -> None:
        """Add a line to the audit."""
        now = self._clock()
        await self._database.run(
            lambda db: administration_rows(db).note(actor, action, subject, "", now)
        )

    async def audit(self, limit: int) -> list[dict[str, Any]]:
        """Return the last lines of the audit, the newest first."""
        rows = await self._database.run(lambda db: administration_rows(db).audit(limit))
        return [{name: value for name, value in row.items() if name != "sequence"} for row in rows]
