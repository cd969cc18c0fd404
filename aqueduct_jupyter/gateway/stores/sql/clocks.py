"""The time that all servers of a database share, because their own clocks differ."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Double, cast, extract, func, select

__all__ = ["time_of"]

_NOW = select(cast(extract("epoch", func.clock_timestamp()), Double))


def time_of(connection: Connection, clock: Callable[[], float]) -> float:
    """Return the time, in seconds since 1970, by PostgreSQL's clock.

    Args:
        connection: the transaction's connection.
        clock: tells the time on SQLite, whose servers are on one machine.
    """
    if connection.dialect.name != "postgresql":
        return clock()
    return float(connection.execute(_NOW).scalar_one())
