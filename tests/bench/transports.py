"""Three transports below httpx side by side: ours, httpx-aiohttp's and httpx's own.

All are read through :class:`Upstream`, in this process, whose CPU is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic_core import to_json

from aqueduct_jupyter.gateway.network.transport import NetworkTransport
from aqueduct_jupyter.gateway.upstreams.settings import UpstreamSettings
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream

from .upstream import bench_upstream, model_name

__all__ = ["measure_transports"]

UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=None)
TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "ours": NetworkTransport,
    "httpx-aiohttp": lambda: AiohttpTransport(limits=UNLIMITED),
    "httpx": lambda: httpx.AsyncHTTPTransport(limits=UNLIMITED),
}
BURDENS = {"50 bursting": (50, 2_000, 0), "200 paced": (200, 100, 50)}


def measure_transports() -> Iterator[str]:
    """Give a line for each burden."""
    with bench_upstream() as port:
        for burden, (streams, chunks, pause) in BURDENS.items():
            model = model_name(chunks, pause)
            cost = {
                name: asyncio.run(_cost(port, make(), streams, model)) / (streams * chunks) * 1e6
                for name, make in TRANSPORTS.items()
            }
            yield f"{burden}: " + ", ".join(
                f"{name} {one:.1f} us a chunk ({one / cost['ours']:.1f})"
                for name, one in cost.items()
            )


async def _cost(port: int, transport: httpx.AsyncBaseTransport, streams: int, model: str) -> float:
    """Give the seconds of CPU that reading the streams takes."""
    settings = UpstreamSettings(base_url=f"http://127.0.0.1:{port}/v1")
    upstream = Upstream("bench", settings, transport=transport)
    body = to_json({"model": model, "stream": True, "messages": []})

    async def one() -> None:
        async with upstream.post("chat/completions", body, request_id="r") as answer:
            async for _ in answer.chunks():
                pass

    await one()
    began = time.process_time()
    await asyncio.gather(*(one() for _ in range(streams)))
    spent = time.process_time() - began
    await upstream.close()
    return spent
