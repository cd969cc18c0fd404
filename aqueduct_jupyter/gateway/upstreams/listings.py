"""The lists of models that upstreams give: asked for when they are old, and kept meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...protocol.errors import AqueductError
from ...protocol.models import Model
from .upstream import Upstream

__all__ = ["LIST_LIFETIME", "RETRY_LIST_AFTER", "Listings"]

LIST_LIFETIME = 60.0
"""How long an upstream's list is used, in seconds."""

RETRY_LIST_AFTER = 5.0
"""Seconds after which a list is requested again if it failed or lacks the requested name."""

LIST_PATIENCE = 3.0
"""Seconds that a list of all models waits for slow upstreams; later lists include their models."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Listing:
    """One upstream's last list and its time; ``error`` is set if it did not answer."""

    models: Sequence[Model] = ()
    error: AqueductError | None = None
    asked_at: float = float("-inf")


class Listings:
    """The last list of models of each upstream that is listed.

    Args:
        clock: a monotonic clock in seconds; for tests.

    Attributes:
        upstreams: the upstreams whose models are listed, in the operator's order.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._listings: dict[str, _Listing] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self.upstreams: list[Upstream] = []

    def change(self, upstreams: Sequence[Upstream]) -> None:
        """Ask these upstreams from now on; the list of one that stays the same stays known."""
        before = {upstream.name: upstream for upstream in self.upstreams}
        self.upstreams = [upstream for upstream in upstreams if upstream.is_listed]
        self._listings = {
            upstream.name: self._listings[upstream.name]
            if before.get(upstream.name) is upstream
            else _Listing()
            for upstream in self.upstreams
        }
        # Whoever waits for a list of one that is gone still gets its end; see _ask.
        for name, upstream in before.items():
            if upstream not in self.upstreams:
                self._asking.pop(name, None)

    def models(self, upstream: Upstream) -> Sequence[Model]:
        """Return the models that a listed upstream is known to have."""
        return self._listings[upstream.name].models

    def has(self, upstream: Upstream, model: str) -> bool:
        """Return whether a listed upstream is known to have a model."""
        return any(known.id == model for known in self.models(upstream))

    def errors(self) -> dict[str, AqueductError | None]:
        """Return each upstream's last error, or None if it answered."""
        return {name: listing.error for name, listing in self._listings.items()}

    def owners(self) -> Counter[str]:
        """Count how many upstreams list each name."""
        return Counter(model.id for listing in self._listings.values() for model in listing.models)

    async def wait(self, max_age: float) -> None:
        """Renew the lists that are older than ``max_age`` seconds; wait some seconds for them."""
        if asking := self.refresh(max_age):
            await asyncio.wait(asking, timeout=LIST_PATIENCE)

    def refresh(self, max_age: float) -> list[asyncio.Task[None]]:
        """Request each list that is older than ``max_age`` seconds; return the pending requests."""
        for upstream in self.upstreams:
            known, asking = self._listings[upstream.name], self._asking.get(upstream.name)
            allowed = min(max_age, RETRY_LIST_AFTER) if known.error else max_age
            is_old = self._clock() - known.asked_at >= allowed
            if is_old and (asking is None or asking.done()):
                self._asking[upstream.name] = asyncio.create_task(self._ask(upstream))
        return [task for task in self._asking.values() if not task.done()]

    def close(self) -> None:
        """Ask for nothing any more."""
        for task in self._asking.values():
            task.cancel()

    async def _ask(self, upstream: Upstream) -> None:
        listing = _Listing(asked_at=self._clock())
        try:
            listing.models = await upstream.models()
        except AqueductError as error:
            _log.warning("The upstream '%s' did not list its models: %s", upstream.name, error)
            listing.error = error
        if upstream not in self.upstreams:  # it went meanwhile
            return
        if listing.error:
            # Its last list stays in use: a short failure must not make its models unknown.
            listing.models = self.models(upstream)
        self._listings[upstream.name] = listing
