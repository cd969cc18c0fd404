"""Budgets: how much a user, a kernel and an agent may use, and who must wait.

Usage is read from the ledger and from the running requests. So a restart loses nothing, and two
servers of one owner on one data folder share a budget. Allowed models are checked in the upstreams'
catalog; an operator's own rules are in :mod:`aqueduct_jupyter.gateway.policy`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ...protocol.errors import InvalidRequestError, RateLimitError
from ...protocol.requests import APIRequest
from ..entry import Caller, Entry
from ..stores.interfaces import Ledger, Used
from .running import RunningRequests

__all__ = ["Budget", "Budgets", "Expect", "Keeper", "Limits", "bounded", "read_limits"]

MINUTE = 60.0
DAY = 86_400
IN_FLIGHT_PAUSE = 1.0
"""Seconds after which a client with too many running requests may retry."""

DOLLARS = "US dollars"


class Budget(BaseModel):
    """What one user, kernel or agent may use; None means no limit. Days begin at midnight UTC.

    ``usd_per_day`` is in US dollars; requests whose cost is not known do not count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None
    tokens_per_day: PositiveInt | None = None
    usd_per_day: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    requests_in_flight: PositiveInt | None = None


class Limits(BaseModel):
    """``c.AqueductApp.limits``: budgets of each user, kernel and agent, and limits of a request.

    ``models`` are the only models that may be used. ``max_tokens`` is the maximum for one answer,
    and the default for requests that set none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Budget = Budget()
    kernel: Budget = Budget()
    agent: Budget = Budget()
    models: tuple[str, ...] | None = None
    max_tokens: PositiveInt | None = None


def read_limits(configured: object, section: str = "AqueductApp") -> Limits:
    """Read ``c.AqueductApp.limits``.

    Args:
        configured: what the operator wrote.
        section: the name of the configuration's section, for messages.

    Raises:
        ValueError: an option is unknown or a value is out of range; the message names it.
    """
    try:
        return Limits.model_validate(configured)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in ("limits", *first["loc"]))
        raise ValueError(f"{section}.{where}: {first['msg']}.") from None


Expect = Callable[[], tuple[int, int]]
"""Tells how many tokens a request has, and how many its answer is expected to have."""


class Keeper(Protocol):
    """Keeps the budgets: those of one server, or those that replicas share."""

    async def admit(self, entry: Entry, expect: Expect) -> dict[str, str]:
        """Admit a request, and return the headers that say what is left.

        Args:
            entry: the request, with its model and upstream.
            expect: tells what it is expected to take.

        Raises:
            RateLimitError: a budget is used up; the message says which, and when to retry.
        """
        ...


def bounded(request: APIRequest, fields: Sequence[str], most: int | None) -> APIRequest:
    """Return the request with the operator's limit on the tokens of an answer.

    Args:
        request: the request.
        fields: those that limit the tokens; the first is added if all are missing.
        most: the limit, if there is one.

    Raises:
        InvalidRequestError: it asks for more tokens.
    """
    if most is None or not fields:
        return request
    asked = {name: request.body[name] for name in fields if request.body.get(name) is not None}
    for name, value in asked.items():
        if value > most:
            raise InvalidRequestError(
                f"{name} is {value}; this server allows at most {most} tokens per answer.",
                param=name,
            )
    return request if asked else replace(request, body={**request.body, fields[0]: most})


@dataclass(frozen=True, slots=True)
class _Meter:
    """One limit, how much of it is left, and in how many seconds it resets."""

    kind: str
    limit: float
    left: float
    reset: float
    whose: str
    span: str = "minute"

    def headers(self) -> dict[str, str]:
        if self.kind == DOLLARS:  # clients know headers for requests and tokens only
            return {}
        return {
            f"x-ratelimit-limit-{self.kind}": str(self.limit),
            f"x-ratelimit-remaining-{self.kind}": str(max(0, self.left)),
            f"x-ratelimit-reset-{self.kind}": f"{math.ceil(self.reset)}s",
        }


@dataclass(slots=True)
class Budgets:
    """Admits a request if its user's and its kernel's or agent's budgets allow it.

    Args:
        limits: the operator's limits.
        ledger: the usage of finished requests.
        running: the running requests.
        clock: returns seconds since 1970; for tests.
    """

    limits: Limits
    ledger: Ledger
    running: RunningRequests
    clock: Callable[[], float] = field(default=time.time)

    async def admit(
        self,
        entry: Entry,
        expect: Expect,  # noqa: ARG002  # what is used counts here, once it is
    ) -> dict[str, str]:
        """Admit a request, and return the headers that say what is left.

        Args:
            entry: the request, which is already among the running ones.
            expect: is not needed here.

        Raises:
            RateLimitError: a budget is used up; the message says which, and when to retry.
        """
        budgets = {Caller(entry.owner): self.limits.user}
        if entry.kernel is not None:
            caller = Caller(entry.owner, entry.kernel)
            budgets[caller] = self.limits.agent if caller.is_agent else self.limits.kernel
        used = [
            (caller, budget, await self.ledger.used(caller, *self._since()))
            for caller, budget in budgets.items()
            if budget != Budget()
        ]
        # No await from here to is_admitted, so that two requests cannot take the same last place.
        meters = [meter for limited in used for meter in self._meters(*limited)]
        for caller, budget in budgets.items():
            self._check_in_flight(caller, budget)
        for meter in meters:
            if meter.left <= 0:
                raise self._used_up(meter, meters)
        entry.is_admitted = True
        return _headers(meters)

    def _since(self) -> tuple[float, float]:
        now = self.clock()
        return now - MINUTE, now - now % DAY

    def _meters(self, caller: Caller, budget: Budget, used: Used) -> Iterator[_Meter]:
        whose = _whose(caller)
        now = self.clock()
        minute = max(1.0, used.first_in_minute + MINUTE - now) if used.first_in_minute else MINUTE
        if most := budget.requests_per_minute:
            running = self.running.count(caller, since=now - MINUTE)
            left = most - used.requests_in_minute - running
            yield _Meter("requests", most, left, minute, whose)
        if most := budget.tokens_per_minute:
            yield _Meter("tokens", most, most - used.tokens_in_minute, minute, whose)
        if most := budget.tokens_per_day:
            yield _Meter("tokens", most, most - used.tokens_in_day, DAY - now % DAY, whose, "day")
        if dollars := budget.usd_per_day:
            yield _Meter(DOLLARS, dollars, dollars - used.usd_in_day, DAY - now % DAY, whose, "day")

    def _check_in_flight(self, caller: Caller, budget: Budget) -> None:
        most = budget.requests_in_flight
        if most is not None and (running := self.running.count(caller)) >= most:
            raise RateLimitError(
                f"{running} of your requests are running; the limit for {_whose(caller)} is {most} "
                "at a time. Wait until one has finished, or stop one.",
                retry_after=IN_FLIGHT_PAUSE,
            )

    def _used_up(self, meter: _Meter, meters: list[_Meter]) -> RateLimitError:
        when = datetime.fromtimestamp(self.clock() + meter.reset, UTC)
        error = RateLimitError(
            f"The limit of {meter.limit:.15g} {meter.kind} per {meter.span} for {meter.whose} is "
            f"used up. Try again at {when:%H:%M:%S} UTC, in {math.ceil(meter.reset)} seconds.",
            retry_after=math.ceil(meter.reset),
        )
        error.more_headers = _headers(meters)
        return error


def _whose(caller: Caller) -> str:
    if caller.is_agent:
        return "this agent"
    return "this kernel" if caller.kernel else "you"


def _headers(meters: list[_Meter]) -> dict[str, str]:
    """Return the headers of the tightest limit of each kind."""
    headers: dict[str, str] = {}
    for meter in sorted(meters, key=lambda meter: meter.left, reverse=True):
        headers |= meter.headers()
    return headers
