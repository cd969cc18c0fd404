"""Budgets that all replicas of a hub's service share: reserved before a request, settled after it.

What a request is expected to take is reserved in the database before it is sent upstream, and
replaced by what it did take when it ends. So no two replicas give away the same rest, and nobody
passes a budget by more than the answers that are under way: a request itself must fit into what is
left, and of its answer nobody knows the length. Budgets of a single server, which are
read from its ledger, are in :mod:`.limits`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ...protocol.errors import RateLimitError
from ..entry import Caller, Entry
from ..stores.running_interfaces import Claim, Claimed, Kind, NoRoomError, RunningStore, Span
from .limits import Expect
from .shared_limits import GroupLimits, SharedBudget, SharedLimits

__all__ = ["EVERYONE", "SharedBudgets"]

MINUTE, DAY = 60, 86_400
IN_FLIGHT_PAUSE = 1.0
"""Seconds after which a client with too many running requests may retry."""

RESERVED_PAUSE = 5.0
"""Seconds after which a client may retry if what is left is only reserved."""

EVERYONE = "everyone"
"""The holder of the budget that all requests share."""


@dataclass(slots=True)
class SharedBudgets:
    """Admits a request if the budgets of its user, its groups and everyone allow it.

    Args:
        limits: the operator's limits.
        store: the running requests of all replicas.
        changed: returns the budgets that administrators changed, by holder.
        clock: returns seconds since 1970; for tests.
    """

    limits: SharedLimits
    store: RunningStore
    changed: Callable[[], Mapping[str, SharedBudget]] = dict
    clock: Callable[[], float] = field(default=time.time)

    async def admit(self, entry: Entry, expect: Expect) -> dict[str, str]:
        """Admit a request, and return the headers that say what is left.

        Args:
            entry: the request, with its model and upstream.
            expect: tells what it is expected to take, if that matters.

        Raises:
            RateLimitError: a budget is used up; the message says which, and when to retry.
            UnavailableError: the database cannot be used.
        """
        claims = list(self._claims(entry, expect))
        try:
            states = await self.store.begin(entry, claims)
        except NoRoomError as full:
            raise self._used_up(full.state) from None
        return _headers(states, self.clock())

    def budgets(
        self, owner: str, kernel: str | None, groups: frozenset[str]
    ) -> dict[str, SharedBudget]:
        """Return the budgets that a request counts in, by holder."""
        changed, limits = self.changed(), self.limits
        found: dict[str, SharedBudget] = {}
        if kernel is not None:
            is_agent = Caller(owner, kernel).is_agent
            found[f"kernel:{owner}/{kernel}"] = limits.agent if is_agent else limits.kernel
        found[f"user:{owner}"] = limits.of_member(groups)
        for name in sorted(groups):
            found[f"group:{name}"] = limits.groups.get(name, GroupLimits()).together
        found[EVERYONE] = limits.everyone
        return {holder: changed.get(holder, budget) for holder, budget in found.items()}

    def _claims(self, entry: Entry, expect: Expect) -> Iterator[Claim]:
        expected: tuple[int, int] | None = None
        now = self.clock()
        for holder, budget in self.budgets(entry.owner, entry.kernel, entry.groups).items():
            for kind, span, limit in budget.limits():
                expected = expected or expect()
                begins, before = span_of(span, now)
                amount = _amount(kind, expected, entry)
                certain = _certain(kind, expected, entry)
                carry_over = budget.carry_over if span in ("day", "month") else 0.0
                yield Claim(holder, kind, span, begins, limit, amount, carry_over, before, certain)

    def _used_up(self, state: Claimed) -> RateLimitError:
        claim, now = state.claim, self.clock()
        whose = _whose(claim.holder)
        if claim.kind == "in flight":
            count = round(state.reserved)
            run = "request is" if count == 1 else "requests are"
            return RateLimitError(
                f"{count} {run} running; the limit for {whose} is {claim.limit:.0f} at a time. "
                "Wait until one has finished, or stop one.",
                retry_after=IN_FLIGHT_PAUSE,
            )
        kind = "US dollars" if claim.kind == "usd" else claim.kind
        seconds = math.ceil(ends(claim.span, claim.begins) - now)
        when = datetime.fromtimestamp(now + seconds, UTC)
        at = f"{when:%H:%M:%S} UTC" if seconds < DAY else f"{when:%d %B} UTC"
        limit = f"limit of {state.limit:.15g} {kind} per {claim.span} for {whose}"
        unused = state.limit - state.used
        if claim.kind == "requests":
            unused -= state.reserved  # a request that runs is one, whatever becomes of it
        if unused > claim.certain:
            error = RateLimitError(
                f"The rest of the {limit} is reserved by requests that are running. Try again when "
                "one of them has finished.",
                retry_after=RESERVED_PAUSE,
            )
        elif unused > 0:
            takes = math.ceil(claim.certain) if claim.kind == "tokens" else claim.certain
            error = RateLimitError(
                f"This request alone takes about {takes:,.15g} {kind}, and {unused:,.15g} are left "
                f"of the {limit}. Send less, or try again at {at}, in {seconds} seconds.",
                retry_after=max(1, seconds),
            )
        else:
            error = RateLimitError(
                f"The {limit} is used up. Try again at {at}, in {seconds} seconds.",
                retry_after=max(1, seconds),
            )
        error.more_headers = _headers([state], now)
        return error


def span_of(span: Span, now: float) -> tuple[int, int]:
    """Return when the current span began, and the one before it, in seconds since 1970."""
    if span == "now":
        return 0, 0
    if span == "month":
        first = datetime.fromtimestamp(now, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        before = datetime.fromtimestamp(first.timestamp() - 1, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        return int(first.timestamp()), int(before.timestamp())
    seconds = MINUTE if span == "minute" else DAY
    begins = int(now // seconds) * seconds
    return begins, begins - seconds


def ends(span: Span, begins: int) -> float:
    """Return when a span ends, in seconds since 1970."""
    if span == "month":
        # 32 days after its first day, the next month has begun.
        return float(span_of("month", begins + 32 * DAY)[0])
    return begins + (MINUTE if span == "minute" else DAY)


def _amount(kind: Kind, expected: tuple[int, int], entry: Entry) -> float:
    if kind == "tokens":
        return float(sum(expected))
    if kind == "usd":
        # What a model costs may not be known yet; what it did cost is counted in any case.
        return (entry.price.usd(*expected, 0) if entry.price else None) or 0.0
    return 1.0


def _certain(kind: Kind, expected: tuple[int, int], entry: Entry) -> float:
    """Return what a request takes in any case; a part of a token less, so that all can be used."""
    asked = expected[0]
    if kind == "tokens":
        return max(0.0, asked - 0.5)
    if kind == "usd":
        return (entry.price.usd(asked, 0, 0) if entry.price else None) or 0.0
    return 0.0


def _whose(holder: str) -> str:
    kind, _, name = holder.partition(":")
    if kind == "kernel":
        return "this agent" if Caller("", name.partition("/")[2]).is_agent else "this kernel"
    if kind == "group":
        return f"all members of the group '{name}' together"
    return "you" if kind == "user" else "everyone on this hub together"


def _headers(states: Sequence[Claimed], now: float) -> dict[str, str]:
    """Return the headers of the tightest budget of each kind; clients know two kinds."""
    headers: dict[str, str] = {}
    for state in sorted(states, key=lambda state: state.left, reverse=True):
        claim = state.claim
        if claim.kind in ("requests", "tokens"):
            seconds = max(1, math.ceil(ends(claim.span, claim.begins) - now))
            headers |= {
                f"x-ratelimit-limit-{claim.kind}": f"{state.limit:.0f}",
                f"x-ratelimit-remaining-{claim.kind}": f"{math.floor(state.left)}",
                f"x-ratelimit-reset-{claim.kind}": f"{seconds}s",
            }
    return headers
