"""A request's caller, and its entry in the ledger.

An entry holds counts and times, never any text of a prompt or an answer. The ledger stores entries.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from ..protocol.chat import Usage
from ..protocol.errors import AqueductError
from .prices.price import Price

__all__ = ["AGENT", "CLIENT_LEFT", "REPORTED", "Caller", "Entry", "Outcome"]

Outcome = Literal["whole", "failed", "cancelled"]
"""How a request ended: with a complete answer, with an error, or by the client's disconnect."""

CLIENT_LEFT = 499
"""The status if the client disconnected before the answer began; nginx's convention."""

REPORTED = (
    *("request_id", "outcome", "api", "kernel", "model", "upstream", "upstream_api", "error_code"),
    *("status", "total_ms", "tokens_in", "tokens_out", "usd", "first_token_ms"),
    *("is_stream", "is_estimated", "fallbacks"),
)
"""The fields of an entry that a log or a monitor may know."""

AGENT = "agent:"
"""How the name of an agent begins, where a kernel's id would be; no kernel's id does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Args:
        owner: the owner of the budget, files and conversations.
        kernel: the id of the kernel whose key was used, if any; for an agent's key, its name.
        groups: the owner's groups, if the server knows them.
        key: the name in a key, which gives access only to what kernels use: a kernel's id, an
            agent's name, or ``SERVER_LIFE``; None for a token, which gives access to everything.
        is_admin: whether this is somebody who administers the server.
        token: what a hub knows the owner by. Whatever is made for the owner opens no more, and no
            longer, than it does.
    """

    owner: str = ""
    kernel: str | None = None
    groups: frozenset[str] = frozenset()
    key: str | None = None
    is_admin: bool = False
    token: str = field(default="", repr=False, compare=False)

    @property
    def is_agent(self) -> bool:
        """Whether an agent's key was used."""
        return self.kernel is not None and self.kernel.startswith(AGENT)


@dataclass(slots=True)
class Entry:
    """One request's row in the ledger, while the request runs.

    ``api`` is the operation that was asked for, ``upstream_api`` the one that answered; ``usd`` is
    the cost in US dollars, None if it is not known; ``time`` is in seconds since 1970, ``started``
    in seconds of a monotonic clock. ``tokens_cached`` are those of ``tokens_in`` that the upstream
    had cached. ``client_id`` is the client's own id for it, ``groups`` are its owner's; ``claims``
    are what it reserved of budgets that replicas share. ``fell_back_from`` are the upstreams that
    failed before another one was asked, with the codes of their errors.
    """

    request_id: str
    owner: str
    kernel: str | None
    api: str = "chat"
    upstream_api: str | None = None
    time: float = field(default_factory=time.time)
    model: str | None = None
    upstream: str | None = None
    is_stream: bool = False
    status: int = 200
    outcome: Outcome = "whole"
    error_code: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int = 0
    price: Price | None = None
    usd: float | None = None
    is_estimated: bool = False
    first_token_ms: float | None = None
    total_ms: float = 0.0
    started: float = field(default_factory=perf_counter)
    is_admitted: bool = field(default=False)
    groups: frozenset[str] = frozenset()
    client_id: str | None = None
    claims: Sequence[Any] = ()
    fell_back_from: list[tuple[str, str | None]] = field(default_factory=list)
    is_answered: bool = field(default=False)

    @property
    def fallbacks(self) -> int:
        """How many deployments failed before another one was asked."""
        return len(self.fell_back_from)

    def begin_answer(self) -> None:
        """Note that the answer has begun; only the first call counts."""
        if self.first_token_ms is None:
            self.first_token_ms = self._milliseconds()

    def end_answer(self) -> None:
        """Note that the answer has arrived completely; it may still have to be sent."""
        self.is_answered = True

    def finish(self) -> None:
        """Note that the request has finished, and compute what it cost."""
        self.total_ms = self._milliseconds()
        if self.price is not None and self.tokens_in is not None:
            self.usd = self.price.usd(self.tokens_in, self.tokens_out or 0, self.tokens_cached)

    def _milliseconds(self) -> float:
        return round((perf_counter() - self.started) * 1000, 1)

    def count(self, usage: Usage) -> None:
        """Note the tokens that the upstream counted."""
        self.tokens_in, self.tokens_out = usage.prompt_tokens, usage.completion_tokens
        self.tokens_cached = usage.cached_tokens
        self.is_estimated = False

    def estimate(self, tokens_in: int, tokens_out: int) -> None:
        """Note estimated tokens, because the upstream reported none."""
        self.tokens_in, self.tokens_out = tokens_in, tokens_out
        self.is_estimated = True

    def fail(self, error: AqueductError) -> None:
        """Note that the request ended with an error."""
        self.outcome, self.status, self.error_code = "failed", error.status, error.code

    def report(self) -> dict[str, Any]:
        """Return what a log or a monitor may know of it: counts and times, never any text."""
        return {name: getattr(self, name) for name in REPORTED}

    def cancel(self) -> None:
        """Note that the client disconnected."""
        self.outcome = "cancelled"
        if self.first_token_ms is None:
            self.status = CLIENT_LEFT
