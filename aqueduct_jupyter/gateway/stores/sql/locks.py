"""Locks that a transaction holds until its end."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, func, select

__all__ = ["lock_until_commit"]


def lock_until_commit(connection: Connection, name: str) -> None:
    """Wait for a lock and hold it until the transaction ends.

    On SQLite this does nothing, because only one transaction writes at a time.

    Args:
        connection: the transaction's connection.
        name: the name of the lock, of any length.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
