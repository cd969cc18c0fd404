"""What streams cost a gateway: CPU for each chunk, time to the first, memory.

Every gateway stands before the same upstream in the same run. Bursting streams begin all at once;
paced ones, with a pause of 50 ms between two chunks as models make them, begin a hundred a second,
as people do. Where a gateway cannot keep up with a load within minutes, the load is not put on it:
the table says so with a dash.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .gateways import GATEWAYS, Gateway
from .load import Load, requests, streams
from .upstream import bench_upstream, model_name

__all__ = ["measure_bridges", "measure_null_usage", "measure_streams"]

WARM_UP = 20
"""Requests before anything is measured: connections are made, code is imported."""

ARRIVALS_PER_SECOND = 100

WHOLE_REQUESTS = 400
WHOLE_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Burden:
    """Some streams at once: how many, of how many chunks, with how many milliseconds between."""

    streams: int
    chunks: int
    pause_ms: int = 0
    slow_ones: int | None = None
    """Chunks for gateways that need a millisecond and more for each; None: not for them."""

    @property
    def name(self) -> str:
        return f"{self.streams} {'paced' if self.pause_ms else 'bursting'}"

    @property
    def arrive_seconds(self) -> float:
        return self.streams / ARRIVALS_PER_SECOND if self.pause_ms else 0.0


BURDENS = (
    Burden(1, 20_000, slow_ones=4_000),
    Burden(50, 4_000, slow_ones=200),
    Burden(200, 1_000, slow_ones=50),
    Burden(1_000, 200),
    Burden(1, 400, 20, slow_ones=100),
    Burden(50, 300, 50, slow_ones=60),
    Burden(200, 300, 50, slow_ones=30),
    Burden(1_000, 80, 250),
)
NULL_BURDENS = (Burden(50, 4_000), Burden(200, 300, 50))
NULL_ROUNDS = 3
SLOW = {"LiteLLM"}
HEADS = ("streams", "gateway", "us/chunk", "ratio", "first ms", "p99 ms", "chunks/s", "MB")


def measure_streams() -> Iterator[str]:
    """Give the lines of the table."""
    rows: dict[tuple[str, str], list[str]] = {}
    per_chunk: dict[tuple[str, str], float] = {}
    with bench_upstream() as port:
        for name, start in GATEWAYS.items():
            with start(port) as gateway:
                asyncio.run(requests(gateway.target, model_name(1), WARM_UP, 4))
                for burden in BURDENS:
                    chunks = burden.slow_ones if name in SLOW else burden.chunks
                    if chunks is not None:
                        row, cost = _measure(gateway, burden, chunks)
                        rows[burden.name, name], per_chunk[burden.name, name] = row, cost
                rows["whole answers", name] = _measure_whole(gateway)
    yield _line(HEADS)
    for burden_name in (*(burden.name for burden in BURDENS), "whole answers"):
        for name in GATEWAYS:
            row = rows.get((burden_name, name), ["-"] * 5)
            ratio = _ratio(per_chunk, burden_name, name)
            yield _line((burden_name, name, row[0], ratio, *row[1:]))
    yield "us/chunk: CPU of the gateway's processes; for whole answers, of each request."
    yield "ratio: to aqueduct-jupyter's."


def measure_null_usage() -> Iterator[str]:
    """Give what ``"usage": null`` in every chunk costs us, beside chunks without, taking turns."""
    yield "usage: null in every chunk, us/chunk (at most 1.2 times the row without)"
    with bench_upstream() as port, GATEWAYS["aqueduct-jupyter"](port) as gateway:
        asyncio.run(requests(gateway.target, model_name(1), WARM_UP, 4))
        for burden in NULL_BURDENS:
            costs: dict[bool, list[float]] = {False: [], True: []}
            for has_null_usage in (False, True) * NULL_ROUNDS:
                _, cost = _measure(gateway, burden, burden.chunks, has_null_usage=has_null_usage)
                costs[has_null_usage].append(cost)
            without, with_it = (statistics.median(costs[has]) for has in (False, True))
            ratio = with_it / without
            yield f"{burden.name}: without {without:.1f}, with {with_it:.1f}, ratio {ratio:.2f}"


def measure_bridges() -> Iterator[str]:
    """Give what a chunk costs that is translated, beside one that passes, taking turns."""
    yield "Responses over an upstream that has only chat, us/chunk (at most 4 times chat's)"
    with bench_upstream() as port, GATEWAYS["aqueduct-jupyter"](port) as gateway:
        url = gateway.target.url.replace("chat/completions", "responses")
        bridged = replace(
            gateway, target=replace(gateway.target, url=url, question=("input", "Hi"))
        )
        asyncio.run(requests(gateway.target, model_name(1), WARM_UP, 4))
        for burden in (*NULL_BURDENS, Burden(1, 20_000), Burden(1, 200_000)):
            costs: dict[bool, list[float]] = {False: [], True: []}
            for is_bridged in (False, True) * NULL_ROUNDS:
                _, cost = _measure(bridged if is_bridged else gateway, burden, burden.chunks)
                costs[is_bridged].append(cost)
            passed, translated = (statistics.median(costs[is_bridged]) for is_bridged in costs)
            yield (
                f"{burden.name}, {burden.chunks:,} chunks: passed {passed:.1f}, translated "
                f"{translated:.1f}, ratio {translated / passed:.2f}"
            )


def _measure(
    gateway: Gateway, burden: Burden, chunks: int, *, has_null_usage: bool = False
) -> tuple[list[str], float]:
    before = gateway.cost()
    model = model_name(chunks, burden.pause_ms, has_null_usage=has_null_usage)
    load = asyncio.run(streams(gateway.target, model, burden.streams, burden.arrive_seconds))
    after = gateway.cost()
    total = burden.streams * chunks
    microseconds = (after.cpu - before.cpu) / total * 1e6
    row = [f"{microseconds:.1f}", *_times(load), f"{total / load.seconds:,.0f}"]
    return [*row, f"{after.memory / 2**20:.0f}"], microseconds


def _measure_whole(gateway: Gateway) -> list[str]:
    before = gateway.cost()
    load = asyncio.run(requests(gateway.target, model_name(1), WHOLE_REQUESTS, WHOLE_AT_ONCE))
    after = gateway.cost()
    microseconds = (after.cpu - before.cpu) / WHOLE_REQUESTS * 1e6
    row = [f"{microseconds:.0f}", *_times(load), f"{WHOLE_REQUESTS / load.seconds:,.0f}"]
    return [*row, f"{after.memory / 2**20:.0f}"]


def _times(load: Load) -> tuple[str, str]:
    if load.failures:
        return (f"{len(load.failures)} failed", load.failures[0][:60])
    times = sorted(load.first_seconds)
    return (
        f"{statistics.median(times) * 1000:.1f}",
        f"{times[len(times) * 99 // 100] * 1000:.1f}",
    )


def _ratio(costs: dict[tuple[str, str], float], burden: str, name: str) -> str:
    ours, other = costs.get((burden, "aqueduct-jupyter")), costs.get((burden, name))
    return f"{other / ours:.2f}" if ours and other else "-"


def _line(cells: tuple[str, ...] | list[str]) -> str:
    widths = (15, 21, 9, 7, 9, 9, 10, 6)
    return " ".join(
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
