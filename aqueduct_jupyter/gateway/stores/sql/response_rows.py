"""SQL statements for stored responses and their events; the response store uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from .tables import response_events, responses

__all__ = ["ResponseRows"]

_ALIVE = or_(responses.c.expires_at.is_(None), responses.c.expires_at > bindparam("now"))
_MINE = (responses.c.id == bindparam("wanted")) & (responses.c.owner == bindparam("of"))
_RUNNING = responses.c.alive_at.is_not(None)

# Statements are built once, because building one takes ten times as long as reading a row.
_FIND = select(responses).where(_MINE, _ALIVE)
_INSERT = insert(responses)
_NOTE_ALIVE = update(responses).where(_MINE, _RUNNING).values(alive_at=bindparam("now"))
_REMOVE = delete(responses).where(_MINE)
_HAS_EXPIRED = responses.c.expires_at <= bindparam("now")
_EXPIRED = delete(responses).where(_HAS_EXPIRED)

_INSERT_EVENTS = insert(response_events)
_EVENTS = (
    select(response_events.c.first, response_events.c.events)
    .where(response_events.c.response_id == bindparam("wanted"))
    .order_by(response_events.c.first)
)
_REMOVE_EVENTS = delete(response_events).where(response_events.c.response_id == bindparam("wanted"))
_EXPIRED_EVENTS = delete(response_events).where(
    response_events.c.response_id.in_(select(responses.c.id).where(_HAS_EXPIRED))
)


class ResponseRows:
    """The rows of responses in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, response_id: str, now: float) -> Mapping[str, Any] | None:
        """Return a row that has not expired."""
        asked = {"wanted": response_id, "of": owner, "now": now}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a response."""
        self._connection.execute(_INSERT, row)

    def change(self, row: Mapping[str, Any], *, is_running: bool = False) -> bool:
        """Replace a response that its owner has.

        Args:
            row: the new row.
            is_running: replace it only if it is running.

        Returns:
            Whether it was replaced.
        """
        mine = (responses.c.id == row["id"]) & (responses.c.owner == row["owner"])
        statement = update(responses).where(mine & _RUNNING if is_running else mine)
        return self._connection.execute(statement, row).rowcount == 1

    def note_alive(self, owner: str, response_id: str, now: float) -> bool:
        """Note that a response is still running; returns False if it is not."""
        asked = {"wanted": response_id, "of": owner, "now": now}
        return self._connection.execute(_NOTE_ALIVE, asked).rowcount == 1

    def remove(self, owner: str, response_id: str) -> None:
        """Remove a response that its owner has, and its events."""
        self._connection.execute(_REMOVE, {"wanted": response_id, "of": owner})
        self._connection.execute(_REMOVE_EVENTS, {"wanted": response_id})

    def remove_expired(self, now: float) -> None:
        """Remove all responses that have expired."""
        self._connection.execute(_EXPIRED_EVENTS, {"now": now})
        self._connection.execute(_EXPIRED, {"now": now})

    def add_events(self, response_id: str, first: int, events: bytes) -> None:
        """Add events; ``first`` is the number of the first of them."""
        row = {"response_id": response_id, "first": first, "events": events}
        self._connection.execute(_INSERT_EVENTS, row)

    def events(self, response_id: str) -> list[tuple[int, bytes]]:
        """Return all events as they were added, with the number of the first of each."""
        found = self._connection.execute(_EVENTS, {"wanted": response_id})
        return [(row.first, row.events) for row in found]
