"""The interface of what the replicas of a hub's service share: running requests and budgets.

:mod:`.running_requests` implements it. The owner is an argument of each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..entry import Caller, Entry

__all__ = ["Claim", "Claimed", "Kind", "NoRoomError", "RunningStore", "Span"]

Kind = Literal["requests", "tokens", "usd", "in flight"]
"""What a budget counts; "in flight" counts the requests that are running."""

Span = Literal["minute", "day", "month", "now"]
"""For how long it counts; "now" is the span of what is in flight."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request takes from one budget before it is sent upstream.

    Args:
        holder: whose budget: ``user:NAME``, ``group:NAME``, ``everyone`` and the like.
        kind: what it counts.
        span: for how long.
        begins: when the span began, in seconds since 1970.
        limit: the budget.
        amount: what the request is expected to take.
        carry_over: the share of what is left of the span before that is added to this one, 0 to 1.
        before: when the span before began.
        certain: the part of the amount that the request takes in any case, without its answer. The
            budget must have more left than this.
    """

    holder: str
    kind: Kind
    span: Span
    begins: int
    limit: float
    amount: float
    carry_over: float = 0.0
    before: int = 0
    certain: float = 0.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A budget after a claim: what is used and reserved of it, and what was carried over."""

    claim: Claim
    used: float
    reserved: float
    carried: float

    @property
    def limit(self) -> float:
        """The budget, with what was carried over."""
        return self.claim.limit + self.carried

    @property
    def left(self) -> float:
        """What is left of it."""
        return max(0.0, self.limit - self.used - self.reserved)


class NoRoomError(Exception):
    """A budget has no room for a request, so nothing was reserved.

    Attributes:
        state: the budget.
    """

    def __init__(self, state: Claimed) -> None:
        super().__init__(f"The budget of {state.claim.holder} has no room.")
        self.state = state


class RunningStore(Protocol):
    """The running requests of all replicas, and what they have reserved."""

    replica: str
    """The name of this process."""

    dead_seconds: float
    """How long a replica may show no sign of life, in seconds, before its requests are ended."""

    async def begin(self, entry: Entry, claims: Sequence[Claim]) -> list[Claimed]:
        """Note that a request runs, and reserve what it claims: all of it, or nothing.

        A budget has room as long as anything is left of it, so the last request may take more than
        that. Nobody is refused who has something left.

        Who is cancelled meanwhile waits for the end of it, so that what was reserved is settled.

        Raises:
            NoRoomError: a budget is used up.
            UnavailableError: the database cannot be used.
        """
        ...

    async def list_of(self, caller: Caller | None) -> list[dict[str, Any]]:
        """List the running requests of an owner, of one kernel, or of all, the oldest first."""
        ...

    async def stop(self, caller: Caller | None, request_id: str) -> str | None:
        """Ask whichever replica runs a request to stop it.

        Args:
            caller: who stops it; None for an administrator, who may stop any.
            request_id: the service's id for it, or the client's own.

        Returns:
            The service's id; None if the caller has no such running request.
        """
        ...

    async def show_life(self) -> Mapping[str, bool]:
        """Show that this replica lives; return its requests by id, and whether each must stop."""
        ...

    async def give_up(self, ids: Sequence[str]) -> int:
        """End requests of this replica that have ended, but were not settled; return how many.

        What they reserved is released. One that is settled after all counts once.
        """
        ...

    async def sweep(self) -> int:
        """End the requests of replicas that died, release what they reserved; return how many."""
        ...

    async def leave(self) -> None:
        """Note that this replica has ended on purpose."""
        ...
