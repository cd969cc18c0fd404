"""What a start costs: of a kernel that imports us, of a server that has us.

Each figure stands beside another one of the same run, because machines differ.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from aqueduct_jupyter.command.throwaway import throwaway_server

__all__ = ["measure_start"]

ROUNDS = 15
QUIET_SECONDS = 2.0

# Prints how many seconds the last import took, in a process that has imported the first.
IMPORT = (
    "import time, {first}; t = time.perf_counter(); import {then}; print(time.perf_counter() - t)"
)


def measure_start() -> Iterator[str]:
    """Give a line for each measurement."""
    package = _import_seconds("sys", "aqueduct_jupyter")
    ipykernel = _import_seconds("sys", "ipykernel.kernelapp")
    yield _compared("import aqueduct_jupyter", package, "a kernel's own imports", ipykernel)
    extension = _import_seconds("jupyter_server.serverapp", "aqueduct_jupyter.server.jupyter.app")
    server = _import_seconds("sys", "jupyter_server.serverapp")
    yield _compared("import the extension", extension, "jupyter_server's own imports", server)
    magics = _import_seconds("IPython.core.interactiveshell", "aqueduct_jupyter.kernel.magics")
    yield _compared("load the magics", magics, "a kernel's own imports", ipykernel)
    quiet, during = _worst_latencies()
    yield _compared("the loop during the first request", during, "the loop at rest", quiet)


def _compared(what: str, seconds: float, beside: str, others: float) -> str:
    ratio = seconds / others
    return f"{what}: {seconds * 1000:.1f} ms, {ratio:.3f} of {beside} ({others * 1000:.1f} ms)"


def _import_seconds(first: str, then: str) -> float:
    command = [sys.executable, "-c", IMPORT.format(first=first, then=then)]
    runs = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(ROUNDS)]
    return statistics.median(map(float, runs))


def _worst_latencies() -> tuple[float, float]:
    """Give the slowest answer of Jupyter itself: with nothing else to do, and while we begin."""
    with tempfile.TemporaryDirectory() as folder, throwaway_server(Path(folder)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            http.get("api/status")
            quiet = _worst(server.url, headers, lambda: time.sleep(QUIET_SECONDS))
            body = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hi"}]}

            def ask() -> None:
                http.post("v1/chat/completions", json=body).raise_for_status()
                time.sleep(QUIET_SECONDS)

            return quiet, _worst(server.url, headers, ask)


def _worst(url: str, headers: dict[str, str], work: Callable[[], None]) -> float:
    slowest = [0.0]
    is_over = threading.Event()

    def probe() -> None:
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
            http.get("api/status")
            while not is_over.is_set():
                began = time.perf_counter()
                http.get("api/status")
                slowest[0] = max(slowest[0], time.perf_counter() - began)

    thread = threading.Thread(target=probe)
    thread.start()
    time.sleep(0.2)
    work()
    is_over.set()
    thread.join()
    return slowest[0]
