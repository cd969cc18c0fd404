"""SQL statements for the keys of agents in a hub's service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from .tables import agent_keys

__all__ = ["AgentKeyRows"]

_K = agent_keys.c


class AgentKeyRows:
    """The keys of agents in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a key."""
        self._connection.execute(insert(agent_keys), [dict(row)])

    def get(self, key_id: str, now: float) -> RowMapping | None:
        """Return a valid key."""
        found = select(agent_keys).where(_K.id == key_id, _K.expires_at > now)
        return self._connection.execute(found).mappings().first()

    def count(self, owner: str, now: float) -> int:
        """Count an owner's valid keys, and forget the expired ones of all owners."""
        self._connection.execute(delete(agent_keys).where(_K.expires_at <= now))
        counted = select(func.count()).where(_K.owner == owner)
        return int(self._connection.execute(counted).scalar_one())

    def list(self, owner: str, now: float) -> Sequence[RowMapping]:
        """List an owner's valid keys, newest first."""
        found = select(agent_keys).where(_K.owner == owner, _K.expires_at > now)
        return self._connection.execute(found.order_by(_K.sequence.desc())).mappings().all()

    def remove(self, owner: str, key_id: str, now: float) -> bool:
        """Remove a valid key of an owner; return whether there was one."""
        gone = delete(agent_keys).where(_K.owner == owner, _K.id == key_id, _K.expires_at > now)
        return bool(self._connection.execute(gone).rowcount)

    def use(self, key_id: str, tokens: int) -> None:
        """Count the tokens that a key has used."""
        used = update(agent_keys).where(_K.id == key_id).values(tokens=_K.tokens + tokens)
        self._connection.execute(used)
