"""SQL statements for running requests, and for the replicas that run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from .parts import in_parts
from .tables import replicas, running_requests

__all__ = ["RunningRows"]

_R = running_requests.c
_ADD = insert(running_requests)
_IS_ONE = _R.request_id.in_(bindparam("ids", expanding=True))
_REMOVE = delete(running_requests).where(_IS_ONE).returning(_R.request_id)
_REMOVE_OWN = (
    delete(running_requests)
    .where(_IS_ONE, _R.replica == bindparam("replica"))
    .returning(running_requests)
)
_OWN = select(_R.request_id, _R.is_stopped).where(_R.replica == bindparam("replica"))
_ALIVE = (
    update(replicas)
    .where(replicas.c.name == bindparam("replica"))
    .values(alive_at=bindparam("now"))
)
_ENTER = insert(replicas)


class RunningRows:
    """The running requests in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: dict[str, Any]) -> None:
        """Add a request."""
        self._connection.execute(_ADD, row)

    def remove(self, ids: Sequence[str]) -> set[str]:
        """Remove requests, and return those that were there."""
        found: set[str] = set()
        for part in in_parts(ids):
            found |= set(self._connection.execute(_REMOVE, {"ids": part}).scalars())
        return found

    def list(self, owner: str | None, kernel: str | None) -> Sequence[RowMapping]:
        """List an owner's requests, a kernel's, or those of all owners, the oldest first."""
        found = select(running_requests).where(*_of(owner, kernel)).order_by(_R.time)
        return self._connection.execute(found).mappings().all()

    def stop(self, owner: str | None, kernel: str | None, request_id: str) -> RowMapping | None:
        """Mark a request as stopped, and return its id and replica."""
        is_meant = or_(_R.request_id == request_id, _R.client_id == request_id)
        marked = (
            update(running_requests)
            .where(*_of(owner, kernel), is_meant)
            .values(is_stopped=True)
            .returning(_R.request_id, _R.replica)
        )
        return self._connection.execute(marked).mappings().first()

    def stop_kernel(self, owner: str, kernel: str) -> int:
        """Mark all requests of a kernel, or of an agent, as stopped; return how many there are."""
        marked = update(running_requests).where(*_of(owner, kernel)).values(is_stopped=True)
        return self._connection.execute(marked).rowcount

    def show_life(self, replica: str, now: float) -> dict[str, bool]:
        """Note that a replica lives; return its requests by id, and whether each is stopped."""
        if not self._connection.execute(_ALIVE, {"replica": replica, "now": now}).rowcount:
            self._connection.execute(_ENTER, {"name": replica, "alive_at": now})
        own = self._connection.execute(_OWN, {"replica": replica})
        return {row.request_id: row.is_stopped for row in own}

    def remove_own(self, replica: str, ids: Sequence[str]) -> Sequence[RowMapping]:
        """Remove and return requests of a replica."""
        found: list[RowMapping] = []
        for part in in_parts(ids):
            asked = {"replica": replica, "ids": part}
            found += self._connection.execute(_REMOVE_OWN, asked).mappings()
        return found

    def remove_lost(self, since: float) -> Sequence[RowMapping]:
        """Remove and return the requests of replicas without a sign of life since a time.

        A replica may answer requests just before its first sign, and another that was thought dead
        just before its next one.
        """
        alive = select(replicas.c.name).where(replicas.c.alive_at >= since)
        is_lost = _R.replica.not_in(alive) & (_R.time < since)
        lost = delete(running_requests).where(is_lost).returning(running_requests)
        rows = self._connection.execute(lost).mappings().all()
        self._connection.execute(delete(replicas).where(replicas.c.alive_at < since))
        return rows

    def leave(self, replica: str) -> None:
        """Remove a replica that has ended."""
        self._connection.execute(delete(replicas).where(replicas.c.name == replica))


def _of(owner: str | None, kernel: str | None) -> list[ColumnElement[bool]]:
    found = [] if owner is None else [_R.owner == owner]
    return found if kernel is None else [*found, _R.kernel == kernel]
