"""What an answer costs the hub's service, beside the extension and LiteLLM, in one run.

The service admits, reserves and settles in PostgreSQL, whose processes are counted by themselves.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from .gateways import GATEWAYS, Gateway
from .load import Load, requests, streams
from .service import Spent, bench_service
from .upstream import bench_upstream, model_name

__all__ = ["measure_hub_service"]

WARM_UP = 40
"""Requests before anything is measured: connections are made, code is imported."""

ROUNDS = 3
WHOLE_REQUESTS, WHOLE_AT_ONCE = 240, 8
ARRIVALS_PER_SECOND = 100

OURS, EXTENSION, LITELLM = "the hub's service", "the extension", "LiteLLM"

WITHOUT_DATABASE = (
    "LiteLLM runs without a database: its client for one, prisma, needs programs that are in no "
    "package registry."
)


@dataclass(frozen=True, slots=True)
class Burden:
    """A load by its name, and of how many things the cost is that it gives."""

    name: str
    streams: int
    chunks: int
    pause_ms: int = 0

    @property
    def count(self) -> int:
        """How many chunks, or whole answers where there are none."""
        return self.streams * max(1, self.chunks)

    async def put_on(self, gateway: Gateway) -> Load:
        """Have a gateway carry it."""
        if not self.chunks:
            return await requests(gateway.target, model_name(1), self.streams, WHOLE_AT_ONCE)
        arrive = self.streams / ARRIVALS_PER_SECOND if self.pause_ms else 0.0
        model = model_name(self.chunks, self.pause_ms)
        return await streams(gateway.target, model, self.streams, arrive)


BURDENS = (
    Burden("a chunk, 50 bursting streams", 50, 2_000),
    Burden("a chunk, 200 paced streams", 200, 100, 50),
    Burden("a whole answer", WHOLE_REQUESTS, 0),
)
SLOW_BURDENS = (
    Burden("a chunk, 50 bursting streams", 50, 200),
    Burden("a chunk, 200 paced streams", 200, 30, 50),
    Burden("a whole answer", WHOLE_REQUESTS, 0),
)
"""For who needs a millisecond and more for each chunk."""


def measure_hub_service() -> Iterator[str]:
    """Give a line for each gateway and burden."""
    found: dict[tuple[str, str], list[Spent]] = {}
    with bench_upstream() as port, ExitStack() as stack:
        service = stack.enter_context(bench_service(port))
        extension = stack.enter_context(GATEWAYS["aqueduct-jupyter"](port))
        litellm = stack.enter_context(GATEWAYS["LiteLLM"](port))
        measured: dict[str, tuple[Gateway, Callable[[], Spent], tuple[Burden, ...]]] = {
            OURS: (service.replicas[0], service.spent, BURDENS),
            EXTENSION: (extension, _spent_by(extension), BURDENS),
            LITELLM: (litellm, _spent_by(litellm), SLOW_BURDENS),
        }
        for gateway, _, _ in measured.values():
            asyncio.run(requests(gateway.target, model_name(1), WARM_UP, 4))
        for number in range(ROUNDS):
            for name, (gateway, spent, burdens) in measured.items():
                # LiteLLM takes a minute for a round, and is far away.
                if number and name == LITELLM:
                    continue
                for burden in burdens:
                    before = spent()
                    load = asyncio.run(burden.put_on(gateway))
                    if load.failures:
                        raise RuntimeError(f"{name} failed: {load.failures[0]}")
                    cost = (spent() - before).each(burden.count)
                    found.setdefault((burden.name, name), []).append(cost)
    for burden in BURDENS:
        base = _median(found[burden.name, EXTENSION]).here
        for name in (OURS, EXTENSION, LITELLM):
            cost = _median(found[burden.name, name])
            database = f" and {cost.database:.1f} us in PostgreSQL" if cost.database else ""
            yield (
                f"{burden.name}: {name} {cost.here:.1f} us of CPU{database}, "
                f"{(cost.here + cost.database) / base:.2f} times the extension's"
            )
    yield "A chunk's cost includes its share of the beginning and the end of its stream."
    yield WITHOUT_DATABASE


def _spent_by(gateway: Gateway) -> Callable[[], Spent]:
    return lambda: Spent(gateway.cost().cpu, 0.0)


def _median(costs: list[Spent]) -> Spent:
    return Spent(
        statistics.median(cost.here for cost in costs),
        statistics.median(cost.database for cost in costs),
    )
