"""The statements about requests that are over; what they mean is left to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    func,
    insert,
    select,
)

from .tables import day_of, requests

__all__ = ["RequestRows"]

Group = Literal["day", "model", "kernel"]
Row = Mapping[str, Any]

_TOKENS = func.coalesce(requests.c.tokens_in, 0) + func.coalesce(requests.c.tokens_out, 0)
_SUMS = (
    func.count().label("requests"),
    func.sum(case((requests.c.outcome == "failed", 1), else_=0)).label("failed"),
    func.sum(case((requests.c.outcome == "cancelled", 1), else_=0)).label("cancelled"),
    func.sum(requests.c.tokens_in).label("tokens_in"),
    func.sum(requests.c.tokens_out).label("tokens_out"),
)
_GROUPS: dict[Group, ColumnElement[Any]] = {
    "day": day_of(requests.c.time),
    "model": requests.c.model,
    "kernel": requests.c.kernel,
}
_INSERT = insert(requests)


class RequestRows:
    """The rows of requests, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: Row) -> None:
        """Add a request."""
        self._connection.execute(_INSERT, dict(row))

    def used(self, owner: str, kernel: str | None, minute: float, day: float) -> Sequence[Any]:
        """Sum what an owner, or one kernel of it, has used.

        Args:
            owner: whose.
            kernel: only this one's; None for all.
            minute: where the last minute began, in seconds since 1970.
            day: where the day began.

        Returns:
            Requests in the minute, tokens in the minute, tokens in the day, and the time of the
            first request in the minute; each may be None.
        """
        in_minute, in_day = requests.c.time >= minute, requests.c.time >= day
        statement = select(
            func.sum(case((in_minute, 1), else_=0)),
            func.sum(case((in_minute, _TOKENS), else_=0)),
            func.sum(case((in_day, _TOKENS), else_=0)),
            func.min(case((in_minute, requests.c.time))),
        ).where(
            requests.c.owner == owner,
            requests.c.time >= min(minute, day),
            # One that was refused before it had an upstream used nothing.
            requests.c.upstream.is_not(None),
        )
        if kernel is not None:
            statement = statement.where(requests.c.kernel == kernel)
        return self._connection.execute(statement).one()

    def sums(self, owner: str, since: float, group: Group | None = None) -> list[dict[str, Any]]:
        """Sum an owner's requests and tokens since a time; by a group where one is asked for."""
        columns: list[ColumnElement[Any]] = [*_SUMS]
        if group:
            columns.insert(0, _GROUPS[group].label(group))
        statement = select(*columns).where(requests.c.owner == owner, requests.c.time >= since)
        if group:
            by = _GROUPS[group]
            statement = statement.group_by(by).order_by(by.asc().nulls_first())
        rows = self._connection.execute(statement).mappings()
        # PostgreSQL gives sums as decimal numbers.
        return [
            {name: value if name == group else int(value or 0) for name, value in row.items()}
            for row in rows
        ]
