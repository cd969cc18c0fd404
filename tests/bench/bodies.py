"""What large bodies cost: uploads, a chat with a PDF, and who waits beside them.

A stall of the server's loop is seen as a chunk of a stream that comes late: one that is due every
10 milliseconds, while ten requests of 30 MB with files arrive from another process. A stream that
does not pass the server says how much of that is the machine's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ..gateway.documents.samples import pdf
from .gateways import Gateway, ours
from .load import Target, request_of
from .upstream import bench_upstream, model_name

__all__ = ["measure_bodies"]

MIB = 2**20
SIZES = (10 * MIB, 512 * MIB)
PDF_BYTES = 5 * MIB
LARGE_REQUESTS, LARGE_FILES, LARGE_FILE_BYTES = 10, 3, 15 * MIB // 2
PAUSE_MS, CHUNKS = 10, 1_500
PNG = b"\x89PNG\r\n\x1a\n"


def measure_bodies() -> Iterator[str]:
    """Give a line for each measurement."""
    limits = [
        f"--AqueductApp.{name}={2**32}" for name in ("max_file_bytes", "max_total_file_bytes")
    ]
    # The large requests go to an upstream of their own, so that the other is not late by itself.
    with (
        bench_upstream() as port,
        bench_upstream() as sink,
        ours(port, *limits, sink=sink) as gateway,
    ):
        base = gateway.target.url.removesuffix("/chat/completions")
        headers = {"Authorization": f"Bearer {gateway.target.token}"}
        with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=300) as http:
            http.get("models")
            for size in SIZES:
                yield _upload(gateway, http, size)
            yield _document(http)
        direct = Target(f"http://127.0.0.1:{port}/v1/chat/completions")
        for encoding in ("float", "base64"):
            yield _beside_vectors(gateway.target, direct, encoding)
        yield _stalls(gateway.target, direct)


def _upload(gateway: Gateway, http: httpx.Client, size: int) -> str:
    with tempfile.NamedTemporaryFile() as file, _peak_memory(gateway) as peak:
        block = os.urandom(MIB)
        for _ in range(size // MIB):
            file.write(block)
        file.seek(0)
        began = time.perf_counter()
        form = {"files": {"file": ("a.bin", file)}, "data": {"purpose": "user_data"}}
        http.post("files", **form).raise_for_status()  # type: ignore[arg-type]
        seconds = time.perf_counter() - began
    return (
        f"upload of {size // MIB} MB: {size / MIB / seconds:.0f} MB/s, "
        f"{peak[0] / MIB:.1f} MB more memory"
    )


def _document(http: httpx.Client) -> str:
    data = pdf("The aqueduct has 167 arches. " * 40)
    data += b"\n%" + os.urandom(PDF_BYTES // 2).hex().encode()
    part = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_encoded(data)}"}
    content = [{"type": "file", "file": part}, {"type": "text", "text": "How many?"}]
    body = {"model": "bench/x", "messages": [{"role": "user", "content": content}]}
    http.post("chat/completions", json={**body, "messages": [{"role": "user", "content": "Hi"}]})
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        http.post("chat/completions", json=body).raise_for_status()
        seconds.append(time.perf_counter() - began)
    cold, cached = seconds[0] * 1000, sorted(seconds[1:])[2] * 1000
    return f"chat with a {len(data) / MIB:.0f} MB PDF: {cold:.0f} ms cold, {cached:.0f} ms cached"


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _stalls(target: Target, upstream: Target) -> str:
    resting, _ = asyncio.run(_latest(target, upstream))
    with tempfile.NamedTemporaryFile() as file:
        url = f"data:image/png;base64,{_encoded(PNG + os.urandom(LARGE_FILE_BYTES))}"
        part = {"type": "file", "file": {"filename": "a.png", "file_data": url}}
        messages = [{"role": "user", "content": [part] * LARGE_FILES}]
        file.write(json.dumps({"model": "sink/x", "messages": messages}).encode())
        file.flush()
        asked = [sys.executable, "-m", __name__, target.url, target.token]
        with subprocess.Popen([*asked, file.name], stdout=subprocess.PIPE, text=True) as process:
            beside, direct = asyncio.run(_latest(target, upstream))
            said, _ = process.communicate()
    return (
        f"a chunk that is due every {PAUSE_MS} ms, beside {said.strip()}: at the latest "
        f"{beside * 1000:.0f} ms after the one before, at the same time straight from the "
        f"upstream {direct * 1000:.0f}; with nothing beside it {resting * 1000:.0f}"
    )


def _beside_vectors(target: Target, upstream: Target, encoding: str) -> str:
    words = {"model": "sink/x", "input": ["Hi"] * 2_048, "encoding_format": encoding}
    url = target.url.replace("chat/completions", "embeddings")
    with tempfile.NamedTemporaryFile() as file:
        file.write(json.dumps(words).encode())
        file.flush()
        asked = [sys.executable, "-m", __name__, url, target.token, file.name, "3"]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
            beside, direct = asyncio.run(_latest(target, upstream))
            said, _ = process.communicate()
    return (
        f"a chunk that is due every {PAUSE_MS} ms, beside {said.strip()} for 2,048 vectors as "
        f"{encoding}: at the latest {beside * 1000:.0f} ms after the one before, at the same time "
        f"straight from the upstream {direct * 1000:.0f}"
    )


async def _latest(*targets: Target) -> list[float]:
    """Give the longest time between two reads of a stream of each, all at once, in seconds."""
    return await asyncio.gather(*map(_longest_pause, targets))


async def _longest_pause(target: Target) -> float:
    parts = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    model = target.model_prefix + model_name(CHUNKS, PAUSE_MS)
    writer.write(request_of(target, {"model": model, "stream": True}))
    await reader.readuntil(b"data: ")
    latest, before = 0.0, time.perf_counter()
    tail = b""
    while b"[DONE]" not in tail:
        data = await reader.read(2**16)
        now = time.perf_counter()
        latest, before = max(latest, now - before), now
        tail = (tail + data)[-200:]
    writer.close()
    return latest


@contextmanager
def _peak_memory(gateway: Gateway) -> Iterator[list[int]]:
    """Give the most memory that a gateway takes on top of what it has, once it is over."""
    before, peak, is_over = gateway.cost().memory, [0], threading.Event()

    def look() -> None:
        while not is_over.wait(0.02):
            peak[0] = max(peak[0], gateway.cost().memory - before)

    thread = threading.Thread(target=look)
    thread.start()
    yield peak
    is_over.set()
    thread.join()


def _ask_large(url: str, token: str, path: str, times: str = str(LARGE_REQUESTS)) -> None:
    """Send a body several times at once, and say what came; a process of its own."""
    body = Path(path).read_bytes()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    statuses: list[int] = []

    def ask() -> None:
        answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=300)
        statuses.append(answer.status_code)

    time.sleep(1)
    threads = [threading.Thread(target=ask) for _ in range(int(times))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{statuses.count(200)} of {times} requests of {len(body) / MIB:.0f} MB")


if __name__ == "__main__":
    _ask_large(*sys.argv[1:])
