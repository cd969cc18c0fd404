"""SQL statements for finished requests; the ledger uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DataError

from .parts import in_parts
from .tables import day_of, requests

__all__ = ["LOST", "Group", "RequestRows"]

LOST = "replica_lost"
"""The error code of a request that was given up, because its replica died or lost it."""

Group = Literal["day", "model", "kernel", "user", "groups", "upstream"]
Row = Mapping[str, Any]

_COLUMNS = requests.c
_TOKENS = func.coalesce(_COLUMNS.tokens_in, 0) + func.coalesce(_COLUMNS.tokens_out, 0)
_IN_MINUTE = _COLUMNS.time >= bindparam("minute")
_IN_DAY = _COLUMNS.time >= bindparam("day")

USD_DIGITS = 6
"""Decimal places of a sum of costs in US dollars."""

_MARK = "add_requests"

# Statements are built once, because building one takes ten times as long as reading a row.
_INSERT = insert(requests)
_IS_ONE = _COLUMNS.request_id.in_(bindparam("ids", expanding=True))
_WAS_LOST = func.coalesce(_COLUMNS.error_code, "") == LOST
_ENDED = select(_COLUMNS.request_id).where(_IS_ONE, ~_WAS_LOST)
_UNLOSE = delete(requests).where(_IS_ONE, _WAS_LOST)
_USED = select(
    func.sum(case((_IN_MINUTE, 1), else_=0)),
    func.sum(case((_IN_MINUTE, _TOKENS), else_=0)),
    func.sum(case((_IN_DAY, _TOKENS), else_=0)),
    func.min(case((_IN_MINUTE, _COLUMNS.time))),
    func.sum(case((_IN_DAY, _COLUMNS.usd))),
).where(
    _COLUMNS.owner == bindparam("owner"),
    _COLUMNS.time >= bindparam("since"),
    # A request that was refused before an upstream was chosen used nothing.
    _COLUMNS.upstream.is_not(None),
)
_USED_BY_KERNEL = _USED.where(_COLUMNS.kernel == bindparam("kernel"))
_SUMS = (
    func.count().label("requests"),
    func.sum(case((_COLUMNS.outcome == "failed", 1), else_=0)).label("failed"),
    func.sum(case((_COLUMNS.outcome == "cancelled", 1), else_=0)).label("cancelled"),
    func.sum(_COLUMNS.tokens_in).label("tokens_in"),
    func.sum(_COLUMNS.tokens_out).label("tokens_out"),
    func.sum(_COLUMNS.usd).label("usd"),
)
_GROUPS: dict[Group, ColumnElement[Any]] = {
    "day": day_of(_COLUMNS.time),
    "model": _COLUMNS.model,
    "kernel": _COLUMNS.kernel,
    "user": _COLUMNS.owner,
    "groups": _COLUMNS.groups,
    "upstream": _COLUMNS.upstream,
}


class RequestRows:
    """The rows of requests in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[Row]) -> None:
        """Add requests: all of them, or none if one cannot be added.

        Raises:
            ValueError: one of them has a value that the database cannot store.
            OverflowError: one of them has a number that is too large.
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

    def ended(self, ids: Sequence[str]) -> set[str]:
        """Return which of some requests have rows, other than those that were given up."""
        found: set[str] = set()
        for part in in_parts(ids):
            found |= set(self._connection.execute(_ENDED, {"ids": part}).scalars())
        return found

    def unlose(self, ids: Sequence[str]) -> None:
        """Remove the rows of requests that were given up, but have ended after all."""
        for part in in_parts(ids):
            self._connection.execute(_UNLOSE, {"ids": part})

    def used(self, owner: str, kernel: str | None, minute: float, day: float) -> Sequence[Any]:
        """Sum the usage of an owner, or of one kernel.

        Args:
            owner: the requests' owner.
            kernel: count only this kernel's requests; None for all.
            minute: start of the last minute, in seconds since 1970.
            day: start of the day, in seconds since 1970.

        Returns:
            Requests in the minute, tokens in the minute, tokens in the day, the time of the first
            request in the minute, and US dollars in the day; each may be None.
        """
        asked = {"owner": owner, "minute": minute, "day": day, "since": min(minute, day)}
        if kernel is None:
            return self._connection.execute(_USED, asked).one()
        return self._connection.execute(_USED_BY_KERNEL, {**asked, "kernel": kernel}).one()

    def sums(
        self, owner: str | None, since: float, group: Group | None = None
    ) -> list[dict[str, Any]]:
        """Sum requests, tokens and costs since a time.

        Args:
            owner: the requests' owner; None for those of all owners.
            since: the time, in seconds since 1970.
            group: sums are made for each value of this column; None for one sum.
        """
        columns: list[ColumnElement[Any]] = [*_SUMS]
        if group:
            columns.insert(0, _GROUPS[group].label(group))
        statement = select(*columns).where(_COLUMNS.time >= since)
        if owner is not None:
            statement = statement.where(_COLUMNS.owner == owner)
        if group:
            by = _GROUPS[group]
            statement = statement.group_by(by).order_by(by.asc().nulls_first())
        rows = self._connection.execute(statement).mappings()
        return [
            {name: value if name == group else _sum(name, value) for name, value in row.items()}
            for row in rows
        ]

    def _insert(self, rows: Sequence[Row]) -> None:
        try:
            self._connection.execute(_INSERT, rows)
        except DataError as error:
            raise ValueError(str(error.orig)) from error


def _sum(name: str, value: Any) -> float | None:
    if name == "usd":
        return None if value is None else round(value, USD_DIGITS)
    # PostgreSQL returns sums of integers as decimals.
    return int(value or 0)
