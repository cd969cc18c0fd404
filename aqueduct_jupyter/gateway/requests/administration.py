"""What administrators of a hub's service do: see what is used, change budgets, stop requests.

Every change goes into the audit. Who is an administrator is the server's decision.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ...protocol.errors import InvalidRequestError, NotFoundError, UnavailableError
from ..stores.administration import AdministrationStore
from ..stores.running_interfaces import Span
from .running import no_such_request
from .shared_budgets import EVERYONE, span_of
from .shared_limits import SharedBudget
from .shared_running import SharedRunning

if TYPE_CHECKING:
    from ..stores.sql.request_rows import Group

__all__ = ["USAGE_BY", "Administration"]

USAGE_BY: tuple[Group, ...] = ("user", "groups", "model", "upstream", "day")
"""By what usage can be summed; a request counts in each of its user's groups."""

MOST_LINES = 1000
"""How many lines of the audit are answered at a time."""

_SPANS: tuple[Span, ...] = ("minute", "day", "month", "now")
_HOLDER = re.compile(r"everyone|(user|group):.{1,200}")
_SUMS = ("requests", "failed", "cancelled", "tokens_in", "tokens_out")

_log = logging.getLogger(__name__)


class Administration:
    """All users, as administrators see them.

    Args:
        store: the database.
        running: the running requests of all replicas.
        clock: returns seconds since 1970; for tests.

    Attributes:
        changed: the budgets that were changed, by holder, as this replica knows them.
    """

    def __init__(
        self,
        store: AdministrationStore,
        running: SharedRunning,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._running = running
        self._clock = clock
        self.changed: Mapping[str, SharedBudget] = {}
        self._unreadable: set[tuple[str, str]] = set()

    async def refresh(self) -> None:
        """Read the changed budgets again; if that fails, the known ones stay."""
        try:
            found = await self._store.budgets()
        except UnavailableError as error:
            _log.warning("The changed budgets cannot be read: %s", error)
            return
        read = {holder: self._read(holder, written) for holder, written in found.items()}
        self.changed = {holder: budget for holder, budget in read.items() if budget is not None}
        self._unreadable &= set(found.items())

    def _read(self, holder: str, written: str) -> SharedBudget | None:
        """Read a budget; None for one that a later release wrote, or another hand."""
        try:
            return SharedBudget.model_validate_json(written)
        except ValidationError as error:
            if (holder, written) not in self._unreadable:
                self._unreadable.add((holder, written))
                _log.error(
                    "The changed budget of %s cannot be read, so the one in the settings counts: "
                    "%s",
                    holder,
                    error.errors(include_url=False)[0]["msg"],
                )
            return None

    async def usage(self, by: str, *, days: int) -> list[dict[str, Any]]:
        """Sum the usage of all users; each sum has the value of ``by`` under that name.

        Raises:
            InvalidRequestError: there is no such column.
        """
        if by == "group":
            return _by_group(await self._store.usage("groups", days=days))
        if by not in USAGE_BY or by == "groups":
            known = ", ".join(name.removesuffix("s") for name in USAGE_BY)
            raise InvalidRequestError(f"by must be one of {known}.", param="by")
        return await self._store.usage(by, days=days)

    async def requests(self) -> list[dict[str, Any]]:
        """List the running requests of all users, the oldest first."""
        return await self._running.list_everyones()

    async def stop(self, actor: str, request_id: str) -> str:
        """Stop any request.

        Raises:
            NotFoundError: no request with this id is running.
        """
        stopped = await self._running.stop_anyones(request_id)
        if stopped is None:
            raise no_such_request(request_id)
        await self._store.note(actor, "request.stop", stopped)
        return stopped

    async def change_budget(self, actor: str, holder: str, words: Mapping[str, Any]) -> None:
        """Give a holder another budget, in place of the one in the settings.

        Args:
            actor: the administrator.
            holder: ``user:NAME``, ``group:NAME`` or ``everyone``.
            words: the budget's options.

        Raises:
            InvalidRequestError: the holder or an option is unknown, or a value is out of range.
        """
        _check_holder(holder)
        try:
            budget = SharedBudget.model_validate(words)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise InvalidRequestError(f"{where}: {first['msg']}.", param=where) from None
        await self._store.change_budget(holder, budget.model_dump(exclude_defaults=True), actor)
        await self.refresh()

    async def restore_budget(self, actor: str, holder: str) -> None:
        """Give a holder the budget in the settings back.

        Raises:
            InvalidRequestError: there is no such holder.
            NotFoundError: its budget was not changed.
        """
        _check_holder(holder)
        if holder not in await self._store.budgets():
            raise NotFoundError(f"The budget of {holder[:200]} was not changed.")
        await self._store.change_budget(holder, None, actor)
        await self.refresh()

    async def budgets(self) -> dict[str, Any]:
        """Return the changed budgets, and what is used and reserved of all in the current spans."""
        await self.refresh()
        return {
            "changed": {
                holder: budget.model_dump(exclude_defaults=True)
                for holder, budget in self.changed.items()
            },
            "used": await self._store.windows(self._current_spans()),
        }

    async def used(self, holders: Collection[str]) -> list[dict[str, Any]]:
        """Return what is used and reserved of some holders' budgets in the current spans."""
        return await self._store.windows(self._current_spans(), holders)

    def _current_spans(self) -> list[tuple[str, int]]:
        now = self._clock()
        return [(span, span_of(span, now)[0]) for span in _SPANS]

    async def audit(self) -> list[dict[str, Any]]:
        """Return what administrators did last, the newest first."""
        return await self._store.audit(MOST_LINES)


def _check_holder(holder: str) -> None:
    if not _HOLDER.fullmatch(holder):
        raise InvalidRequestError(
            f"There is no budget of '{holder[:80]}'. Name user:NAME, group:NAME or {EVERYONE}.",
            param="holder",
        )


def _by_group(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[str | None, dict[str, Any]] = {}
    for row in rows:
        names = json.loads(row["groups"]) if row["groups"] else [None]
        for name in names:
            total = sums.setdefault(name, {"group": name, **dict.fromkeys(_SUMS, 0), "usd": None})
            for kind in _SUMS:
                total[kind] += row[kind]
            if row["usd"] is not None:
                total["usd"] = (total["usd"] or 0) + row["usd"]
    return sorted(sums.values(), key=lambda total: str(total["group"] or ""))
