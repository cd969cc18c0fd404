"""SQL statements for stored responses; the response store uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from .tables import responses

__all__ = ["ResponseRows"]

_ALIVE = or_(responses.c.expires_at.is_(None), responses.c.expires_at > bindparam("now"))

# Statements are built once, because building one takes ten times as long as reading a row.
_FIND = select(responses).where(
    responses.c.id == bindparam("id"), responses.c.owner == bindparam("owner"), _ALIVE
)
_INSERT = insert(responses)
_REMOVE = delete(responses).where(
    responses.c.id == bindparam("id"), responses.c.owner == bindparam("owner")
)
_EXPIRED = delete(responses).where(responses.c.expires_at <= bindparam("now"))


class ResponseRows:
    """The rows of responses in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, response_id: str, now: float) -> Mapping[str, Any] | None:
        """Return a row that has not expired."""
        asked = {"id": response_id, "owner": owner, "now": now}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a response."""
        self._connection.execute(_INSERT, row)

    def change(self, row: Mapping[str, Any]) -> None:
        """Replace a response that its owner has."""
        mine = (responses.c.id == row["id"]) & (responses.c.owner == row["owner"])
        self._connection.execute(update(responses).where(mine), row)

    def remove(self, owner: str, response_id: str) -> None:
        """Remove a response."""
        self._connection.execute(_REMOVE, {"id": response_id, "owner": owner})

    def remove_expired(self, now: float) -> None:
        """Remove all responses that have expired."""
        self._connection.execute(_EXPIRED, {"now": now})
