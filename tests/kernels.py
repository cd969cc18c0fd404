"""A kernel of a running Jupyter server, used as a front end would use it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

__all__ = ["Kernel", "run_in_kernel", "running_kernel"]

DEADLINE = 120.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that runs: its id, where it is spoken to, and a client of its server."""

    id: str
    channels: HTTPRequest
    http: httpx.Client

    @property
    def address(self) -> str:
        """Where its server keeps it."""
        return f"/api/kernels/{self.id}"

    def run(self, *cells: str) -> str:
        """Run cells and give what they printed, tracebacks included."""
        return asyncio.run(_run(self.channels, cells))


@contextmanager
def running_kernel(url: str, token: str, *, kernel: str = "python3") -> Iterator[Kernel]:
    """Start a kernel, and delete it at the end."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        started = http.post("/api/kernels", json={"name": kernel})
        started.raise_for_status()
        kernel_id = started.json()["id"]
        try:
            channels = f"{url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
            yield Kernel(kernel_id, HTTPRequest(channels, headers=headers), http)
        finally:
            http.delete(f"/api/kernels/{kernel_id}")


def run_in_kernel(url: str, token: str, *cells: str, kernel: str = "python3") -> str:
    """Run cells in a new kernel and give what they printed, tracebacks included."""
    with running_kernel(url, token, kernel=kernel) as started:
        return started.run(*cells)


async def _run(request: HTTPRequest, cells: tuple[str, ...]) -> str:
    async with asyncio.timeout(DEADLINE):
        connection = await websocket_connect(request)
        printed = [await _execute(connection, cell) for cell in cells]
        connection.close()
    return "".join(printed)


async def _execute(connection: WebSocketClientConnection, code: str) -> str:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": uuid.uuid4().hex,
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await connection.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
    printed = ""
    while True:
        raw = await connection.read_message()
        assert raw is not None, "the kernel's connection closed"
        said: dict[str, Any] = json.loads(raw)
        if said["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        printed += _text_of(said)
        if said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
            return printed


def _text_of(said: dict[str, Any]) -> str:
    if said["msg_type"] == "stream":
        return str(said["content"]["text"])
    if said["msg_type"] == "error":
        return "\n".join(said["content"]["traceback"])
    if said["msg_type"] == "execute_result":
        return str(said["content"]["data"]["text/plain"])
    return ""
