"""SQL statements for what budgets have left; the running requests use them.

Windows are always changed in one order, with everyone's last, so that two transactions never wait
for each other, and the one that all wait for is held only for a moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, tuple_, update

from ..running_interfaces import Claim, Claimed, NoRoomError
from .tables import budget_windows

__all__ = ["EVERYONE", "BudgetRows", "Key", "order"]

EVERYONE = "everyone"
"""The holder of the budget that all requests share."""

Key = tuple[str, str, str, int]
"""A window: its holder, what it counts, for how long, and when it began."""

_W = budget_windows.c
_IS_KEY = (
    (_W.holder == bindparam("key_holder"))
    & (_W.kind == bindparam("key_kind"))
    & (_W.span == bindparam("key_span"))
    & (_W.begins == bindparam("key_begins"))
)
_STATE = (_W.used, _W.reserved, _W.carried)

# Statements are built once, because building one takes ten times as long as reading a row.
_CLAIM = (
    update(budget_windows)
    .where(_IS_KEY, _W.used + _W.reserved < bindparam("most") + _W.carried)
    .values(reserved=_W.reserved + bindparam("amount"))
    .returning(*_STATE)
)
# PostgreSQL takes all windows of a request in one statement, because each is a round trip. An
# update would lock its rows in any order, so they are locked before.
_TOGETHER = """
    WITH c AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:holders AS text[]), CAST(:kinds AS text[]), CAST(:spans AS text[]),
            CAST(:begins AS bigint[]), CAST(:first AS float8[]), CAST(:second AS float8[])
        ) AS c (holder, kind, span, begins, first, second)
    ), locked AS MATERIALIZED (
        SELECT c.* FROM budget_windows AS w JOIN c USING (holder, kind, span, begins)
        ORDER BY c.holder = 'everyone', c.holder, c.kind, c.span, c.begins
        FOR UPDATE OF w
    )
    UPDATE budget_windows AS w SET {change} FROM locked AS c
    WHERE w.holder = c.holder AND w.kind = c.kind AND w.span = c.span AND w.begins = c.begins
"""
_CLAIM_TOGETHER = text(
    _TOGETHER.format(change="reserved = w.reserved + c.second")
    + """
        AND w.used + w.reserved < c.first + w.carried
    RETURNING w.holder, w.kind, w.span, w.begins, w.used, w.reserved, w.carried
    """
)
_SETTLE_TOGETHER = text(
    _TOGETHER.format(change="used = w.used + c.first, reserved = w.reserved - c.second")
)
_PLACE = (_W.holder, _W.kind, _W.span, _W.begins)
_UNUSED = (
    select(*_PLACE).where(_W.span == "now", _W.reserved <= 0).with_for_update(skip_locked=True)
)
_FORGET_UNUSED = delete(budget_windows).where(tuple_(*_PLACE).in_(_UNUSED))
_FIND = select(*_STATE).where(_IS_KEY)
_LAST = (
    select(_W.begins, *_STATE)
    .where(
        _W.holder == bindparam("key_holder"),
        _W.kind == bindparam("key_kind"),
        _W.span == bindparam("key_span"),
        _W.begins <= bindparam("before"),
    )
    .order_by(_W.begins.desc())
    .limit(1)
)
_OPEN = insert(budget_windows)
_SETTLE = (
    update(budget_windows)
    .where(_IS_KEY)
    .values(used=_W.used + bindparam("taken"), reserved=_W.reserved - bindparam("released"))
)


def order(key: Key) -> tuple[bool, Key]:
    """Return what windows are sorted by before they are changed."""
    return key[0] == EVERYONE, key


class BudgetRows:
    """The windows of budgets in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim_all(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Reserve what a request claims of each budget, and return their states after it.

        Raises:
            NoRoomError: one of them has too little left; the transaction must be rolled back.
        """
        ordered = sorted(claims, key=lambda claim: order(_key(claim)))
        if not ordered or self._connection.dialect.name != "postgresql":
            return [self.claim(claim) for claim in ordered]
        asked: dict[str, Any] = {
            **_columns([_key(claim) for claim in ordered]),
            "first": [float(claim.limit - claim.certain) for claim in ordered],
            "second": [float(claim.amount) for claim in ordered],
        }
        rows = self._connection.execute(_CLAIM_TOGETHER, asked).all()
        found = {(row[0], row[1], row[2], row[3]): row[4:] for row in rows}
        # What was not found has not begun, or has no room.
        return [
            Claimed(claim, *found[_key(claim)]) if _key(claim) in found else self.claim(claim)
            for claim in ordered
        ]

    def claim(self, claim: Claim) -> Claimed:
        """Reserve what a request claims of one budget, and return its state after it.

        Raises:
            NoRoomError: the budget has too little left.
        """
        key = _named(_key(claim))
        asked = {**key, "most": claim.limit - claim.certain, "amount": claim.amount}
        while (row := self._connection.execute(_CLAIM, asked).first()) is None:
            found = self._connection.execute(_FIND, key).first()
            # It has not begun, or was forgotten at this moment because nobody used it; another
            # request may open it first.
            if found is None:
                self._open(claim)
            elif (full := Claimed(claim, *found)).left <= claim.certain:
                raise NoRoomError(full)
        return Claimed(claim, *row)

    def settle(self, changes: Mapping[Key, tuple[float, float]]) -> None:
        """Count what was used, and release what was reserved.

        Args:
            changes: both amounts by window.
        """
        if not changes:
            return
        keys = sorted(changes, key=order)
        if self._connection.dialect.name == "postgresql":
            amounts = {
                "first": [float(changes[key][0]) for key in keys],
                "second": [float(changes[key][1]) for key in keys],
            }
            self._connection.execute(_SETTLE_TOGETHER, {**_columns(keys), **amounts})
            return
        rows = [
            {**_named(key), "taken": changes[key][0], "released": changes[key][1]} for key in keys
        ]
        self._connection.execute(_SETTLE, rows)

    def forget(self, span: str, before: float) -> None:
        """Remove windows that ended long ago."""
        over = (_W.span == span) & (_W.begins < before)
        self._connection.execute(delete(budget_windows).where(over))

    def forget_unused(self) -> None:
        """Remove the windows of what is in flight in which nothing is.

        One that another transaction is just claiming is left alone.
        """
        self._connection.execute(_FORGET_UNUSED)

    def _open(self, claim: Claim) -> None:
        # Nobody new begins with more than the budget.
        carried = claim.carry_over * max(0.0, self._rest(claim)) if claim.carry_over else 0.0
        values: dict[str, Any] = {
            "holder": claim.holder,
            "kind": claim.kind,
            "span": claim.span,
            "begins": claim.begins,
            "used": 0.0,
            "reserved": 0.0,
            "carried": carried,
        }
        # Another replica may open the same window at the same moment.
        if self._connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as insert_there

            self._connection.execute(insert_there(budget_windows).on_conflict_do_nothing(), values)
        else:
            self._connection.execute(_OPEN, values)

    def _rest(self, claim: Claim) -> float:
        """Return what is left of the span before the one of a claim, at most the budget itself."""
        named = _named(_key(claim))
        del named["key_begins"]
        last = self._connection.execute(_LAST, {**named, "before": claim.before}).first()
        if last is None:
            return 0.0
        if last.begins < claim.before:  # in the span before, nothing was used
            return claim.limit
        return min(claim.limit, claim.limit + float(last.carried - last.used))


def _key(claim: Claim) -> Key:
    return claim.holder, claim.kind, claim.span, claim.begins


def _columns(keys: Sequence[Key]) -> dict[str, list[Any]]:
    holders, kinds, spans, begins = (list(column) for column in zip(*keys, strict=True))
    # PostgreSQL stores no NUL, and AnyText is not asked here.
    holders = [holder.replace("\0", "\ufffd") for holder in holders]
    return {"holders": holders, "kinds": kinds, "spans": spans, "begins": begins}


def _named(key: Key) -> dict[str, Any]:
    holder, kind, span, begins = key
    return {"key_holder": holder, "key_kind": kind, "key_span": span, "key_begins": begins}
