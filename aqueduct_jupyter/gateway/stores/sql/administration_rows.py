"""SQL statements for budgets that administrators changed, and for what they did."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select

from .tables import audit, budget_windows, budgets

__all__ = ["AdministrationRows"]


class AdministrationRows:
    """Changed budgets and the audit in one transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def budgets(self) -> Sequence[RowMapping]:
        """Return all changed budgets."""
        found = select(budgets).order_by(budgets.c.holder)
        return self._connection.execute(found).mappings().all()

    def change(self, holder: str, budget: str | None, actor: str, now: float) -> bool:
        """Replace a holder's budget, or remove it; return whether there was one."""
        removed = self._connection.execute(delete(budgets).where(budgets.c.holder == holder))
        if budget is not None:
            row = {"holder": holder, "budget": budget, "changed_at": now, "changed_by": actor}
            self._connection.execute(insert(budgets), row)
        return bool(removed.rowcount)

    def windows(
        self, spans: Sequence[tuple[str, int]], holders: Collection[str] | None
    ) -> Sequence[RowMapping]:
        """Return what is used and reserved of budgets in the given spans; None for all holders."""
        is_current = or_(
            *(
                (budget_windows.c.span == span) & (budget_windows.c.begins == begins)
                for span, begins in spans
            )
        )
        found = select(budget_windows).where(is_current).order_by(budget_windows.c.holder)
        if holders is not None:
            found = found.where(budget_windows.c.holder.in_(holders))
        return self._connection.execute(found).mappings().all()

    def note(self, actor: str, action: str, subject: str, detail: str, now: float) -> None:
        """Add a line to the audit."""
        row = {"time": now, "actor": actor, "action": action, "subject": subject, "detail": detail}
        self._connection.execute(insert(audit), row)

    def audit(self, limit: int) -> Sequence[RowMapping]:
        """Return the last lines of the audit, the newest first."""
        found = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
        return self._connection.execute(found).mappings().all()
