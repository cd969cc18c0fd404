"""The statements about requests that are over; what they mean is left to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DataError

from .tables import day_of, requests

__all__ = ["RequestRows"]

Group = Literal["day", "model", "kernel"]
Row = Mapping[str, Any]

_COLUMNS = requests.c
_TOKENS = func.coalesce(_COLUMNS.tokens_in, 0) + func.coalesce(_COLUMNS.tokens_out, 0)
_IN_MINUTE = _COLUMNS.time >= bindparam("minute")
_IN_DAY = _COLUMNS.time >= bindparam("day")

_MARK = "add_requests"

# Statements are built once: that takes ten times as long as a row does.
_INSERT = insert(requests)
_USED = select(
    func.sum(case((_IN_MINUTE, 1), else_=0)),
    func.sum(case((_IN_MINUTE, _TOKENS), else_=0)),
    func.sum(case((_IN_DAY, _TOKENS), else_=0)),
    func.min(case((_IN_MINUTE, _COLUMNS.time))),
).where(
    _COLUMNS.owner == bindparam("owner"),
    _COLUMNS.time >= bindparam("since"),
    # One that was refused before it had an upstream used nothing.
    _COLUMNS.upstream.is_not(None),
)
_USED_BY_KERNEL = _USED.where(_COLUMNS.kernel == bindparam("kernel"))
_SUMS = (
    func.count().label("requests"),
    func.sum(case((_COLUMNS.outcome == "failed", 1), else_=0)).label("failed"),
    func.sum(case((_COLUMNS.outcome == "cancelled", 1), else_=0)).label("cancelled"),
    func.sum(_COLUMNS.tokens_in).label("tokens_in"),
    func.sum(_COLUMNS.tokens_out).label("tokens_out"),
)
_GROUPS: dict[Group, ColumnElement[Any]] = {
    "day": day_of(_COLUMNS.time),
    "model": _COLUMNS.model,
    "kernel": _COLUMNS.kernel,
}


class RequestRows:
    """The rows of requests, as one transaction sees them.

    Args:
        connection: the transaction's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[Row]) -> None:
        """Add requests: all of them, or none where one cannot be added.

        Raises:
            ValueError: one of them holds what the database cannot hold.
            OverflowError: one of them holds a number that is too large.
        """
        if len(rows) == 1:
            self._insert(rows)
            return
        self._connection.exec_driver_sql(f"SAVEPOINT {_MARK}")
        try:
            self._insert(rows)
        except BaseException:
            self._connection.exec_driver_sql(f"ROLLBACK TO {_MARK}")
            raise

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
        asked = {"owner": owner, "minute": minute, "day": day, "since": min(minute, day)}
        if kernel is None:
            return self._connection.execute(_USED, asked).one()
        return self._connection.execute(_USED_BY_KERNEL, {**asked, "kernel": kernel}).one()

    def sums(self, owner: str, since: float, group: Group | None = None) -> list[dict[str, Any]]:
        """Sum an owner's requests and tokens since a time; by a group where one is asked for."""
        columns: list[ColumnElement[Any]] = [*_SUMS]
        if group:
            columns.insert(0, _GROUPS[group].label(group))
        statement = select(*columns).where(_COLUMNS.owner == owner, _COLUMNS.time >= since)
        if group:
            by = _GROUPS[group]
            statement = statement.group_by(by).order_by(by.asc().nulls_first())
        rows = self._connection.execute(statement).mappings()
        # PostgreSQL gives sums as decimal numbers.
        return [
            {name: value if name == group else int(value or 0) for name, value in row.items()}
            for row in rows
        ]

    def _insert(self, rows: Sequence[Row]) -> None:
        try:
            self._connection.execute(_INSERT, rows)
        except DataError as error:
            raise ValueError(str(error.orig)) from error
