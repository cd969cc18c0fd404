"""The statements about files; what they mean is left to the file store."""

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

# Statements are built once: that takes ten times as long as a row does.
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
    """The rows of files, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, file_id: str, now: float) -> Row | None:
        """Give the row of an owner's file that has not expired."""
        asked = {"id": file_id, "owner": owner, "now": now}
        row = self._connection.execute(_FIND, asked).mappings().first()
        return None if row is None else dict(row)

    def sequence_of(self, owner: str, file_id: str) -> int | None:
        """Give a file's place in the order of uploads, also of one that has expired."""
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
        """Give rows in the order of uploads; ``after`` is the place of the one before."""
        sequence = files.c.sequence
        statement = _PAGE.limit(limit).order_by(sequence if order == "asc" else sequence.desc())
        if after is not None:
            statement = statement.where(sequence > after if order == "asc" else sequence < after)
        if purpose is not None:
            statement = statement.where(files.c.purpose == purpose)
        found = self._connection.execute(statement, {"owner": owner, "now": now})
        return [dict(row) for row in found.mappings()]

    def total_bytes(self, owner: str, now: float) -> int:
        """Sum the sizes of an owner's files; until the transaction ends nobody adds to them."""
        lock_until_commit(self._connection, f"files of {owner}")
        return int(self._connection.execute(_TOTAL, {"owner": owner, "now": now}).scalar_one())

    def blob_of(self, sha256: str) -> str | None:
        """Give the blob of some file with these bytes."""
        return self._connection.execute(_BLOB, {"sha256": sha256}).scalar()

    def hold(self, blob: str) -> bool:
        """Tell whether some file has a blob; if so, it has it until the transaction ends."""
        return self._connection.execute(_HOLD, {"blob": blob}).scalar() is not None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a file."""
        self._connection.execute(_INSERT, row)

    def remove(self, file_id: str) -> None:
        """Remove a file."""
        self._connection.execute(_REMOVE, {"id": file_id})

    def remove_expired(self, now: float) -> set[str]:
        """Remove all that have expired, and give their blobs that no other file has."""
        blobs = set(self._connection.execute(_REMOVE_EXPIRED, {"now": now}).scalars())
        return blobs - self.used(blobs)

    def used(self, blobs: Collection[str], but: str = "") -> set[str]:
        """Give those of these blobs that some file has, other than the file ``but``."""
        asked = {"blobs": list(blobs), "but": but}
        return set(self._connection.execute(_USED, asked).scalars())
