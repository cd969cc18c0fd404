"""SQL statements for files; the file store uses them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from .locks import lock_until_commit
from .tables import files

__all__ = ["FileRows"]

Row = dict[str, Any]

_OF_OWNER = files.c.owner == bindparam("owner")
_IS_ALIVE = or_(files.c.expires_at.is_(None), files.c.expires_at > bindparam("now"))

# Statements are built once, because building one takes ten times as long as reading a row.
_INSERT = insert(files)
_FIND = select(files).where(files.c.id == bindparam("id"), _OF_OWNER, _IS_ALIVE)
_SEQUENCE = select(files.c.sequence).where(files.c.id == bindparam("id"), _OF_OWNER)
_PAGE = select(files).where(_OF_OWNER, _IS_ALIVE)
_TOTAL = select(func.coalesce(func.sum(files.c.bytes), 0)).where(_OF_OWNER, _IS_ALIVE)
_BLOB = select(files.c.blob).where(files.c.sha256 == bindparam("sha256")).limit(1)
_HOLD = select(files.c.id).where(files.c.blob == bindparam("blob")).limit(1).with_for_update()
_REMOVE = delete(files).where(files.c.id == bindparam("id"))
_REMOVE_EXPIRED = (
    delete(files).where(files.c.expires_at <= bindparam("now")).returning(files.c.blob)
)
_USED = select(files.c.blob).where(
    files.c.blob.in_(bindparam("blobs", expanding=True)), files.c.id != bindparam("but")
)


class FileRows:
    """The rows of files in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, file_id: str, now: float) -> Row | None:
        """Return the row of an owner's file, unless it has expired."""
        asked = {"id": file_id, "owner": owner, "now": now}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def sequence_of(self, owner: str, file_id: str) -> int | None:
        """Return a file's position in upload order, even if it has expired."""
        return self._connection.execute(_SEQUENCE, {"id": file_id, "owner": owner}).scalar()

    def page(
        self,
        owner: str,
        now: float,
        *,
        limit: int,
        after: int | None,
        order: Literal["asc", "desc"],
        purpose: str | None,
    ) -> list[Row]:
        """Return rows in upload order; ``after`` is the position of the row before the page."""
        sequence = files.c.sequence
        statement = _PAGE.limit(limit).order_by(sequence if order == "asc" else sequence.desc())
        if after is not None:
            statement = statement.where(sequence > after if order == "asc" else sequence < after)
        if purpose is not None:
            statement = statement.where(files.c.purpose == purpose)
        found = self._connection.execute(statement, {"owner": owner, "now": now})
        return [dict(row) for row in found.mappings()]

    def total_bytes(self, owner: str, now: float) -> int:
        """Sum the sizes of an owner's files; none can be added until the transaction ends."""
        lock_until_commit(self._connection, f"files of {owner}")
        return int(self._connection.execute(_TOTAL, {"owner": owner, "now": now}).scalar_one())

    def blob_of(self, sha256: str) -> str | None:
        """Return the blob of any file with this hash."""
        return self._connection.execute(_BLOB, {"sha256": sha256}).scalar()

    def hold(self, blob: str) -> bool:
        """Return whether a file uses a blob; its row is then locked until the transaction ends."""
        return self._connection.execute(_HOLD, {"blob": blob}).scalar() is not None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a file."""
        self._connection.execute(_INSERT, row)

    def remove(self, file_id: str) -> None:
        """Remove a file."""
        self._connection.execute(_REMOVE, {"id": file_id})

    def remove_expired(self, now: float) -> set[str]:
        """Remove expired files, and return their blobs that no other file uses."""
        blobs = set(self._connection.execute(_REMOVE_EXPIRED, {"now": now}).scalars())
        return blobs - self.used(blobs)

    def used(self, blobs: Collection[str], but: str = "") -> set[str]:
        """Return the blobs that any file uses, except the file ``but``."""
        asked = {"blobs": list(blobs), "but": but}
        return set(self._connection.execute(_USED, asked).scalars())
