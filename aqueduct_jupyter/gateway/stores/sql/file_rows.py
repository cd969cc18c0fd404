"""The statements about files; what they mean is left to the file store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from .locks import lock_until_commit
from .tables import files

__all__ = ["FileRows"]

Row = dict[str, Any]


class FileRows:
    """The rows of files, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, owner: str, file_id: str, now: float) -> Row | None:
        """Give the row of an owner's file that has not expired."""
        statement = select(files).where(files.c.id == file_id, *_alive(owner, now))
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else dict(row)

    def sequence_of(self, owner: str, file_id: str) -> int | None:
        """Give a file's place in the order of uploads, also of one that has expired."""
        statement = select(files.c.sequence).where(files.c.id == file_id, files.c.owner == owner)
        return self._connection.execute(statement).scalar()

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
        statement = select(files).where(*_alive(owner, now)).limit(limit)
        statement = statement.order_by(sequence if order == "asc" else sequence.desc())
        if after is not None:
            statement = statement.where(sequence > after if order == "asc" else sequence < after)
        if purpose is not None:
            statement = statement.where(files.c.purpose == purpose)
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def total_bytes(self, owner: str, now: float) -> int:
        """Sum the sizes of an owner's files; until the transaction ends nobody adds to them."""
        lock_until_commit(self._connection, f"files of {owner}")
        total = func.coalesce(func.sum(files.c.bytes), 0)
        return int(self._connection.execute(select(total).where(*_alive(owner, now))).scalar_one())

    def blob_of(self, sha256: str) -> str | None:
        """Give the blob of some file with these bytes."""
        statement = select(files.c.blob).where(files.c.sha256 == sha256).limit(1)
        return self._connection.execute(statement).scalar()

    def hold(self, blob: str) -> bool:
        """Tell whether some file has a blob; if so, it has it until the transaction ends."""
        statement = select(files.c.id).where(files.c.blob == blob).limit(1).with_for_update()
        return self._connection.execute(statement).scalar() is not None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a file."""
        self._connection.execute(insert(files), dict(row))

    def remove(self, file_id: str) -> None:
        """Remove a file."""
        self._connection.execute(delete(files).where(files.c.id == file_id))

    def remove_expired(self, now: float) -> set[str]:
        """Remove all that have expired, and give their blobs that no other file has."""
        statement = delete(files).where(files.c.expires_at <= now).returning(files.c.blob)
        blobs = set(self._connection.execute(statement).scalars())
        return blobs - self.used(blobs)

    def used(self, blobs: Collection[str], but: str = "") -> set[str]:
        """Give those of these blobs that some file has, other than the file ``but``."""
        statement = select(files.c.blob).where(files.c.blob.in_(list(blobs)), files.c.id != but)
        return set(self._connection.execute(statement).scalars())


def _alive(owner: str, now: float) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return files.c.owner == owner, or_(files.c.expires_at.is_(None), files.c.expires_at > now)
