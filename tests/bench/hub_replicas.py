"""A thousand streams in one replica of the hub's service, and two replicas beside one.

Two replicas answer twice as much if a request costs each as much as one alone, and if nobody else
needs the processors. The first can be measured on any machine; the second needs four.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Iterator

from .gateways import Gateway, direct
from .load import Load, Target, requests, streams
from .service import BenchService, Spent, bench_service
from .upstream import bench_upstream, model_name

__all__ = ["measure_hub_replicas"]

WARM_UP = 40
STREAMS, CHUNKS, PAUSE_MS, ARRIVALS_PER_SECOND = 1_000, 60, 250, 100
FIRST_MS = 30.0
"""How many milliseconds the first of a stream's chunks may take more than the upstream's own."""

ROUNDS = 5
REQUESTS, AT_ONCE = 300, 8
"""Of each replica: two get twice as many, because what comes together is written together."""

PROCESSORS = 4
"""How many it takes to see what two replicas answer: theirs, the load's and the database's."""


def measure_hub_replicas() -> Iterator[str]:
    """Give a line for each measurement."""
    with bench_upstream() as port:
        with direct(port) as upstream:
            own = _first_ms(upstream)
        with bench_service(port, replicas=2) as service:
            for replica in service.replicas:
                asyncio.run(requests(replica.target, model_name(1), WARM_UP, 4))
            here = _first_ms(service.replicas[0])
            yield (
                f"the first chunk of {STREAMS:,} streams in one replica, 99 of 100: {here:.1f} ms; "
                f"{here - own:.1f} ms more than the upstream's own (at most {FIRST_MS:g})"
            )
            yield from _one_and_two(service)


def _first_ms(gateway: Gateway) -> float:
    model = model_name(CHUNKS, PAUSE_MS)
    load = asyncio.run(streams(gateway.target, model, STREAMS, STREAMS / ARRIVALS_PER_SECOND))
    if load.failures:
        raise RuntimeError(f"{len(load.failures)} streams failed: {load.failures[0]}")
    times = sorted(load.first_seconds)
    return times[len(times) * 99 // 100] * 1000


def _one_and_two(service: BenchService) -> Iterator[str]:
    """Ask one replica and both, in turns."""
    costs: dict[int, list[Spent]] = {1: [], 2: []}
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for count in (1, 2):
            before = service.spent()
            loads = asyncio.run(_asked([one.target for one in service.replicas[:count]]))
            asked = REQUESTS * count
            costs[count].append((service.spent() - before).each(asked))
            rates[count].append(asked / max(load.seconds for load in loads))
    medians = {
        count: statistics.median(cost.here + cost.database for cost in costs[count])
        for count in costs
    }
    yield (
        f"a whole answer: {medians[1]:.0f} us of CPU in one replica and PostgreSQL, "
        f"{medians[2]:.0f} us in two; two to one {medians[2] / medians[1]:.2f}"
    )
    if (os.cpu_count() or 1) >= PROCESSORS:
        one, two = (statistics.median(rates[count]) for count in (1, 2))
        yield f"answers in a second: {one:.0f} of one, {two:.0f} of two: {two / one:.2f} (1.8)"
    else:
        yield f"answers in a second are not compared: that needs {PROCESSORS} processors"


async def _asked(targets: list[Target]) -> list[Load]:
    return await asyncio.gather(
        *(requests(one, model_name(1), REQUESTS, AT_ONCE) for one in targets)
    )
