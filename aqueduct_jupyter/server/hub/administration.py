"""``aqueduct/admin`` and below: what administrators see and do; ``aqueduct/budget``: a user's own.

What it means is in :mod:`aqueduct_jupyter.gateway.requests.administration`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from tornado import web

from ...gateway.requests.administration import Administration
from ...gateway.requests.shared_budgets import SharedBudgets
from ...protocol.errors import InvalidRequestError, NotFoundError
from ...protocol.requests import read_json_object
from ..http.base import AqueductHandler
from ..http.body import JSONBodyHandler, authenticated_after_body

__all__ = ["administration_routes"]

MAX_BODY_BYTES = 64 * 2**10
"""Bytes of a budget."""

MAX_DAYS = 3660

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run."""


class AdminHandler(AqueductHandler):
    """The base of all addresses for administrators."""

    is_for_kernels = False
    is_for_admins = True

    @property
    def administration(self) -> Administration:
        """What administrators see and do."""
        if (administration := self.gateway.administration) is None:
            raise NotFoundError("This server keeps nothing for administrators.")
        return administration


class AdminUsageHandler(AdminHandler):
    """The usage of all users."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with sums ``by`` user, group, model, upstream or day, as JSON or CSV."""
        days = self.integer_argument("days", 30)
        if not 1 <= days <= MAX_DAYS:
            raise InvalidRequestError(f"days must be between 1 and {MAX_DAYS}.", param="days")
        by = self.get_query_argument("by", "user")
        rows = await self.administration.usage(by, days=days)
        if self.get_query_argument("format", "json") != "csv":
            self.answer({"object": "list", "by": by, "days": days, "data": rows})
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="usage-by-{by}.csv"')
        self.finish(_as_csv(rows))


class AdminRequestsHandler(AdminHandler):
    """The running requests of all users."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the list, the oldest first."""
        self.answer({"object": "list", "data": await self.administration.requests()})


class AdminRequestHandler(AdminHandler):
    """One running request of any user."""

    @web.authenticated
    async def delete(self, request_id: str) -> None:
        """Stop it, in whichever replica it runs."""
        stopped = await self.administration.stop(self.caller.owner, request_id)
        self.answer({"id": stopped, "object": "request", "stopped": True})


class AdminBudgetsHandler(AdminHandler):
    """The budgets of users, groups and everyone."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the configured and the changed budgets, and what is used of all."""
        limits = self.gateway.settings.shared_limits.model_dump(exclude_defaults=True)
        self.answer({"configured": limits, **await self.administration.budgets()})


class AdminBudgetHandler(JSONBodyHandler, AdminHandler):
    """The budget of one holder."""

    verbs_with_body = ("PUT",)

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes."""
        return MAX_BODY_BYTES

    @authenticated_after_body
    async def put(self, holder: str) -> None:
        """Set it, in place of the one in the settings."""
        words = read_json_object(b"".join(self.pieces()))
        await self.administration.change_budget(self.caller.owner, holder, words)
        self.answer({"holder": holder, "object": "budget", "budget": words})

    @authenticated_after_body
    async def delete(self, holder: str) -> None:
        """Go back to the one in the settings."""
        await self.administration.restore_budget(self.caller.owner, holder)
        self.answer({"holder": holder, "object": "budget", "deleted": True})


class AdminUpstreamsHandler(AdminHandler):
    """The upstreams, and whether each answers."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the list."""
        answering = await self.gateway.catalog.answering()
        data = [
            {"name": name, "answers": error is None, "error": error and error.message}
            for name, error in answering.items()
        ]
        self.answer({"object": "list", "data": data, "notices": [*self.gateway.notices]})


class AdminAuditHandler(AdminHandler):
    """What administrators changed."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the last lines, the newest first."""
        self.answer({"object": "list", "data": await self.administration.audit()})


class BudgetHandler(AqueductHandler):
    """The budgets that a user's requests count in."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with each budget's limits, by holder, and what is used of them now."""
        caller, keeper = self.caller, self.gateway.budgets
        administration = self.gateway.administration
        if not isinstance(keeper, SharedBudgets) or administration is None:
            raise NotFoundError("This server has no shared budgets.")
        found = keeper.budgets(caller.owner, caller.kernel, caller.groups)
        data = [
            {"holder": holder, "budget": budget.model_dump(exclude_defaults=True)}
            for holder, budget in found.items()
        ]
        used = await administration.used(found)
        self.answer({"object": "list", "user": caller.owner, "data": data, "used": used})


def administration_routes() -> Iterator[tuple[str, type[AqueductHandler]]]:
    """Yield the addresses below the service's prefix, and their handlers."""
    yield "aqueduct/budget", BudgetHandler
    yield "aqueduct/admin/usage", AdminUsageHandler
    yield "aqueduct/admin/requests", AdminRequestsHandler
    yield "aqueduct/admin/requests/([^/]+)", AdminRequestHandler
    yield "aqueduct/admin/budgets", AdminBudgetsHandler
    yield "aqueduct/admin/budgets/([^/]+)", AdminBudgetHandler
    yield "aqueduct/admin/upstreams", AdminUpstreamsHandler
    yield "aqueduct/admin/audit", AdminAuditHandler


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _safe(value: Any) -> Any:
    """Return a cell that a spreadsheet does not run; clients choose the names of models."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
