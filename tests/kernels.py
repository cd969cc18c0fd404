"""This file is a kernel of a running Jupyter server, used as a front end would use it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

__all__ = ["Kernel", "new_kernel", "run_in_kernel"]

DEADLINE = 120.0


class Kernel:
    """A kernel; ``http`` is a client of its server."""

    def __init__(self, http: httpx.Client, url: str, token: str, identity: str) -> None:
        self.http = http
        self.address = f"/api/kernels/{identity}"
        self._channels = f"{url.replace('http', 'ws', 1)}{self.address}/channels"
        self._headers = {"Authorization": f"Bearer {token}"}

    def run(self, *cells: str) -> str:
        """Run cells and give what they printed, tracebacks included."""
        return asyncio.run(_run(HTTPRequest(self._channels, headers=self._headers), cells))


@contextmanager
def new_kernel(url: str, token: str, kernel: str = "python3") -> Iterator[Kernel]:
    """Start a kernel, and end it."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        started = http.post("/api/kernels", json={"name": kernel})
        started.raise_for_status()
        new = Kernel(http, url, token, started.json()["id"])
        try:
            yield new
        finally:
            http.delete(new.address)


def run_in_kernel(url: str, token: str, *cells: str, kernel: str = "python3") -> str:
    """Run cells in a new kernel and give what they printed, tracebacks included."""
    with new_kernel(url, token, kernel) as new:
        return new.run(*cells)


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
