"""The keys of agents in the database of a hub's service, without their text.

What a key opens is in :mod:`aqueduct_jupyter.gateway.requests.shared_agent_keys`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..entry import AGENT
from .database import Database
from .notices import STOPPED, notify
from .rows import agent_key_rows, running_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["AgentKeyStore"]


class AgentKeyStore:
    """The rows of keys. A key that has expired counts as gone.

    Args:
        database: the database that all replicas share.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(self, row: Mapping[str, Any], *, most: int) -> bool:
        """Add a key; return whether its owner had room for one more.

        Args:
            row: the key, by the table's columns.
            most: how many valid keys an owner may have.

        Raises:
            UnavailableError: the database cannot be used; so for all methods.
        """
        now = self._clock()

        def work(db: Connection) -> bool:
            rows = agent_key_rows(db)
            has_room = rows.count(row["owner"], now) < most
            if has_room:
                rows.add(row)
            return has_room

        return await self._database.run(work)

    async def get(self, key_id: str) -> dict[str, Any] | None:
        """Return a key."""
        now = self._clock()
        row = await self._database.run(lambda db: agent_key_rows(db).get(key_id, now))
        return None if row is None else dict(row)

    async def list(self, owner: str) -> list[dict[str, Any]]:
        """List an owner's keys, newest first."""
        now = self._clock()
        rows = await self._database.run(lambda db: agent_key_rows(db).list(owner, now))
        return [dict(row) for row in rows]

    async def remove(self, owner: str, key_id: str) -> bool:
        """Remove a key of an owner, and stop its requests; return whether there was one."""
        now = self._clock()

        def work(db: Connection) -> bool:
            if not agent_key_rows(db).remove(owner, key_id, now):
                return False
            # They may run in any replica.
            if running_rows(db).stop_kernel(owner, AGENT + key_id):
                notify(db, STOPPED)
            return True

        return await self._database.run(work)
