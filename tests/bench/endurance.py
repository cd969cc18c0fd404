"""What must not grow: a chunk's cost with the stream, memory with requests.

A reader that stops reading must cost a buffer and no more, however long its stream is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from .gateways import Gateway, ours
from .load import request_of, requests, streams
from .upstream import bench_upstream, model_name

__all__ = ["measure_endurance"]

MIB = 2**20
STREAMS = ((1_000, 300), (10_000, 100), (100_000, 20))
"""Chunks of a stream, and how many such streams are measured."""

FEW, MANY = 1_000, 10_000
AT_ONCE = 8
SLOW_SECONDS = 15.0
SLOW_CHUNKS, SLOW_BYTES = 1_000_000, 1_000


def measure_endurance() -> Iterator[str]:
    """Give a line for each measurement."""
    with bench_upstream() as port, ours(port) as gateway:
        asyncio.run(requests(gateway.target, model_name(1), FEW, AT_ONCE))
        after_few = gateway.cost().memory
        asyncio.run(requests(gateway.target, model_name(1), MANY - FEW, AT_ONCE))
        after_many = gateway.cost().memory
        yield (
            f"memory after {FEW:,} requests {after_few / MIB:.1f} MB, after {MANY:,} "
            f"{after_many / MIB:.1f} MB ({after_many / after_few:.3f})"
        )
        short, middle, long = (_cost(gateway, *burden) for burden in STREAMS)
        # What a request costs by itself is in each of them, and so in no difference.
        (few, _), (some, _), (many, _) = STREAMS
        first, last = (middle - short) / (some - few), (long - middle) / (many - some)
        yield (
            f"a chunk between the {few:,}th and the {some:,}th of a stream: {first * 1e6:.2f} us; "
            f"between the {some:,}th and the {many:,}th: {last * 1e6:.2f} us ({last / first:.2f})"
        )
        yield asyncio.run(_slow_reader(gateway))


def _cost(gateway: Gateway, chunks: int, times: int) -> float:
    """Give the seconds of CPU of a stream, from as many as can be measured."""
    before = gateway.cost().cpu
    for _ in range(times):
        load = asyncio.run(streams(gateway.target, model_name(chunks), 1))
        assert not load.failures, load.failures
    return (gateway.cost().cpu - before) / times


async def _slow_reader(gateway: Gateway) -> str:
    target = gateway.target
    parts = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**12)
    model = target.model_prefix + model_name(SLOW_CHUNKS, 0, SLOW_BYTES)
    before = gateway.cost()
    writer.write(request_of(target, {"model": model, "stream": True}))
    await reader.readuntil(b"data: ")
    began, most = time.monotonic(), 0
    while time.monotonic() - began < SLOW_SECONDS:
        await asyncio.sleep(0.2)
        most = max(most, gateway.cost().memory - before.memory)
    cpu = gateway.cost().cpu - before.cpu
    writer.transport.abort()
    return (
        f"a reader that stops reading a stream of {SLOW_CHUNKS * SLOW_BYTES / 1e9:.0f} GB: "
        f"{most / MIB:.1f} MB, and {cpu:.2f} s of CPU in {SLOW_SECONDS:.0f} s"
    )
