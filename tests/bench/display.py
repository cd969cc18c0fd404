"""What an answer costs on the kernel's websocket: bytes of messages for its chunks."""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Iterator

from jupyter_client.manager import start_new_kernel

from ..standin import DONE, StandIn, chunk, usage_chunk

__all__ = ["measure_display"]

CHUNKS = 4000
PAUSE_SECONDS = 0.002
EVERY_CHUNK = (
    "from aqueduct_jupyter.kernel import display\ndisplay.PAINT_SECONDS, display.GROWTH = 0.0, -1.0"
)


def measure_display() -> Iterator[str]:
    """Give a line for the measurement."""
    painted, naive = (
        _bytes_of("%load_ext aqueduct_jupyter"),
        _bytes_of(f"%load_ext aqueduct_jupyter\n{EVERY_CHUNK}"),
    )
    yield (
        f"{CHUNKS} chunks on the websocket: {painted / 1e6:.2f} MB, {painted / naive:.3f} of "
        f"painting at every chunk ({naive / 1e6:.1f} MB)"
    )


def _bytes_of(setup: str) -> int:
    with StandIn() as standin:
        steps = [step for number in range(CHUNKS) for step in (_piece(number), PAUSE_SECONDS)]
        standin.stream(*steps, usage_chunk(), DONE)
        given = {"AQUEDUCT_BASE_URL": standin.url, "AQUEDUCT_API_KEY": "key"}
        manager, client = start_new_kernel(env={**os.environ, **given})
        try:
            client.execute_interactive(setup, timeout=60)
            request = client.execute("%%chat\nHi")
            return sum(_sizes(client, request))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _piece(number: int) -> bytes:
    return chunk(f"w{number % 1000:03d}\n "[:6])


def _sizes(client: object, request: str) -> Iterator[int]:
    while True:
        try:
            message = client.get_iopub_msg(timeout=60)  # type: ignore[attr-defined]
        except queue.Empty:
            return
        if message["parent_header"].get("msg_id") != request:
            continue
        yield len(json.dumps(message, default=str))
        if message["content"].get("execution_state") == "idle":
            return
