"""The limits of a hub's service: budgets of users, groups and everyone, and models by group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..stores.running_interfaces import Kind, Span

__all__ = ["GroupLimits", "SharedBudget", "SharedLimits", "read_shared_limits"]

MOST = 10**15
"""The largest limit: databases count as far, and nobody uses more."""

_Count = Annotated[int, Field(gt=0, le=MOST, strict=True)]
_USD = Field(default=None, gt=0, le=MOST, allow_inf_nan=False, strict=True)


class SharedBudget(BaseModel):
    """What one holder may use; None means no limit. Days and months begin at midnight UTC.

    ``usd_...`` are in US dollars; requests whose cost is not known do not count. ``carry_over`` is
    the share, from 0 to 1, of what is left of a day or a month that is added to the next one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: _Count | None = None
    requests_per_day: _Count | None = None
    requests_per_month: _Count | None = None
    tokens_per_minute: _Count | None = None
    tokens_per_day: _Count | None = None
    tokens_per_month: _Count | None = None
    usd_per_day: float | None = _USD
    usd_per_month: float | None = _USD
    requests_in_flight: _Count | None = None
    carry_over: float = Field(default=0, ge=0, le=1, strict=True)

    def limits(self) -> Iterator[tuple[Kind, Span, float]]:
        """Yield each limit: what it counts, for how long, and how much."""
        for kind in _KINDS:
            for span in _SPANS:
                if limit := getattr(self, f"{kind}_per_{span}", None):
                    yield kind, span, limit
        if self.requests_in_flight:
            yield "in flight", "now", self.requests_in_flight

    def or_more(self, other: SharedBudget) -> SharedBudget:
        """Return the more generous of two budgets, limit by limit."""

        def more(name: str) -> float | None:
            mine, theirs = getattr(self, name), getattr(other, name)
            return None if mine is None or theirs is None else max(mine, theirs)

        return SharedBudget.model_validate({name: more(name) for name in SharedBudget.model_fields})


class GroupLimits(BaseModel):
    """The limits of one group of the hub.

    ``member`` is the budget of each member, in place of ``user``; ``together`` is one that all
    share. ``models`` are those that the members may use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: SharedBudget | None = None
    together: SharedBudget = SharedBudget()
    models: tuple[str, ...] | None = None


class SharedLimits(BaseModel):
    """``c.AqueductHub.limits``: budgets, models and limits of a request.

    ``user``, ``kernel`` and ``agent`` are the budgets of each of them, ``everyone`` is one that all
    requests share, and ``groups`` has the limits of the hub's groups by name. ``models`` are the
    only models that may be used by those whose groups say nothing else. ``max_tokens`` is the
    maximum for one answer, and the default for requests that set none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: SharedBudget = SharedBudget()
    kernel: SharedBudget = SharedBudget()
    agent: SharedBudget = SharedBudget()
    everyone: SharedBudget = SharedBudget()
    groups: dict[str, GroupLimits] = Field(default_factory=dict)
    models: tuple[str, ...] | None = None
    max_tokens: _Count | None = None

    def of_member(self, groups: frozenset[str]) -> SharedBudget:
        """Return the budget of a user: the most generous of the user's groups, or ``user``."""
        budgets = [
            limits.member
            for name, limits in self.groups.items()
            if name in groups and limits.member is not None
        ]
        if not budgets:
            return self.user
        found = budgets[0]
        for budget in budgets[1:]:
            found = found.or_more(budget)
        return found

    def models_of(self, groups: frozenset[str]) -> frozenset[str] | None:
        """Return the models that members of these groups may use; None for all."""
        named = [
            limits.models
            for name, limits in self.groups.items()
            if name in groups and limits.models is not None
        ]
        if not named:
            return None if self.models is None else frozenset(self.models)
        return frozenset(model for models in named for model in models)


_KINDS: tuple[Kind, ...] = ("requests", "tokens", "usd")
_SPANS: tuple[Span, ...] = ("minute", "day", "month")


def read_shared_limits(configured: object, section: str = "AqueductHub") -> SharedLimits:
    """Read ``c.AqueductHub.limits``.

    Args:
        configured: what the operator wrote.
        section: the name of the configuration's section, for messages.

    Raises:
        ValueError: an option is unknown or a value is out of range; the message names it.
    """
    try:
        return SharedLimits.model_validate(configured)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in ("limits", *first["loc"]))
        raise ValueError(f"{section}.{where}: {first['msg']}.") from None
