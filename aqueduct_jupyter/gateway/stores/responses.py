"""Stored responses: what a client may ask for again, or continue.

Each has its own input and output, and the id of the one that it continues. What was said before is
found by following these ids.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...protocol.errors import InvalidRequestError, NotFoundError
from ...protocol.sse import split_frames
from ..encoding import encode_json, read_json
from .database import Database
from .response_interfaces import StoredResponse
from .rows import response_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["LONGEST_CHAIN", "ResponseStore"]

LONGEST_CHAIN = 1000
"""Most responses that one may continue, one after the other."""


class ResponseStore:
    """All responses in one database; see :class:`.response_interfaces.Responses`.

    Args:
        database: the database that holds the rows.
        expiry_seconds: how long a response is kept, in seconds; 0 keeps it forever.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(
        self,
        database: Database,
        *,
        expiry_seconds: int = 30 * 86_400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._expiry_seconds = expiry_seconds
        self._clock = clock

    async def put(self, owner: str, stored: StoredResponse) -> None:
        """Store a response, or replace the one with its id."""

        def write(db: Connection) -> None:
            row, rows = self._written(owner, stored), response_rows(db)
            if rows.find(owner, stored.id, row["created_at"]) is None:
                rows.add(row)
            else:
                rows.change(row)

        await self._database.run(write)

    async def progress(
        self, owner: str, response_id: str, first: int = 0, events: Sequence[bytes] = ()
    ) -> bool:
        """Note that a response is still being written, and add events."""

        def write(db: Connection) -> bool:
            rows = response_rows(db)
            is_running = rows.note_alive(owner, response_id, self._clock())
            if is_running and events:
                rows.add_events(response_id, first, _packed(events))
            return is_running

        return await self._database.run(write)

    async def finish(
        self, owner: str, stored: StoredResponse, first: int = 0, events: Sequence[bytes] = ()
    ) -> bool:
        """Replace a response that is being written by the final one, and add its last events."""

        def write(db: Connection) -> bool:
            rows = response_rows(db)
            is_replaced = rows.change(self._written(owner, stored), is_running=True)
            if is_replaced and events:
                rows.add_events(stored.id, first, _packed(events))
            return is_replaced

        return await self._database.run(write)

    async def events(self, owner: str, response_id: str) -> tuple[StoredResponse, list[bytes]]:
        """Return a response and its events so far, one frame for each, from the first."""

        def read(db: Connection) -> tuple[StoredResponse, list[bytes]]:
            stored = _stored(self._row(db, owner, response_id))
            packed = response_rows(db).events(response_id)
            frames = [frame for _, part in packed for frame in split_frames(zlib.decompress(part))]
            return stored, frames

        return await self._database.run(read)

    async def get(self, owner: str, response_id: str) -> StoredResponse:
        """Return a response."""
        return await self._database.run(lambda db: _stored(self._row(db, owner, response_id)))

    async def chain(self, owner: str, response_id: str) -> list[StoredResponse]:
        """Return a response and all that it continues, the oldest first."""

        def read(db: Connection) -> list[StoredResponse]:
            found: list[StoredResponse] = []
            wanted: str | None = response_id
            while wanted is not None:
                if len(found) == LONGEST_CHAIN:
                    raise InvalidRequestError(
                        f"previous_response_id continues {LONGEST_CHAIN} responses, the maximum. "
                        "Start a new conversation.",
                        param="previous_response_id",
                    )
                found.append(_stored(self._row(db, owner, wanted)))
                wanted = found[-1].previous_id
            return found[::-1]

        return await self._database.run(read)

    async def delete(self, owner: str, response_id: str) -> None:
        """Delete a response."""

        def remove(db: Connection) -> None:
            self._row(db, owner, response_id)
            response_rows(db).remove(owner, response_id)

        await self._database.run(remove)

    async def purge(self) -> None:
        """Remove all responses that have expired."""
        await self._database.run(lambda db: response_rows(db).remove_expired(self._clock()))

    def _written(self, owner: str, stored: StoredResponse) -> dict[str, Any]:
        now = self._clock()
        return {
            "id": stored.id,
            "owner": owner,
            "created_at": now,
            "expires_at": now + self._expiry_seconds if self._expiry_seconds else None,
            "previous_id": stored.previous_id,
            "upstream": stored.upstream,
            "input": encode_json({"items": list(stored.input)}).decode(),
            "response": encode_json(dict(stored.response)).decode(),
            "alive_at": None if stored.alive_at is None else now,
        }

    def _row(self, db: Connection, owner: str, response_id: str) -> Mapping[str, Any]:
        row = response_rows(db).find(owner, response_id, self._clock())
        if row is None:
            raise NotFoundError(
                f"There is no response '{response_id[:80]}': it was not stored (store: false), was "
                "deleted, has expired, or belongs to someone else.",
                code="response_not_found",
            )
        return row


def _stored(row: Mapping[str, Any]) -> StoredResponse:
    return StoredResponse(
        row["id"],
        read_json(row["response"]),
        read_json(row["input"])["items"],
        row["previous_id"],
        row["upstream"],
        row["alive_at"],
    )


def _packed(events: Sequence[bytes]) -> bytes:
    # Events repeat most of their fields, so they take a tenth of their size.
    return zlib.compress(b"".join(events), 1)
