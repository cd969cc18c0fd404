"""Locks that a transaction holds until its end."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, func, select

__all__ = ["lock_until_commit"]


def lock_until_commit(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds this lock, and hold it.

    SQLite lets one transaction write at a time, so there is nothing to do there.

    Args:
        connection: the transaction's.
        name: what is locked, of any length.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
