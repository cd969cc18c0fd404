"""The embedded model: a small real language model in a child process of the server.

* It is a transport, so an upstream uses it like any other.
* The process starts with the first chat and stops after a while without one. If it crashes, it is
  started again; if it keeps crashing, it is paused, and requests say so.
* It listens on a random loopback port and accepts only a key made for this one start.

What runs in the process is in :mod:`.process`, starting and ending it in
:mod:`aqueduct_jupyter.gateway.children`, its weights in :mod:`.weights`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import httpx
from pydantic import SecretStr

from ...protocol.errors import UnavailableError
from ..children.child import Child
from ..children.commands import module_command
from .engine import start_engine, startup_failure
from .process import CONTEXT_TOKENS

__all__ = ["LocalModel", "State"]

EXIT_TIMEOUT = 1.0
"""How long to wait for the process's exit after its connection broke, in seconds."""

IDLE_SECONDS = 600.0
"""How long the process may be idle before it is stopped, in seconds."""

MAX_CRASHES = 2
"""How often in a row the process may crash without a complete answer before it is paused."""

CRASH_PAUSE = 60.0
"""How long a process that keeps crashing is not started again, in seconds."""

State = Literal["stopped", "starting", "running", "failing"]

_CHILD = module_command("aqueduct_jupyter.gateway.embedded.process")

_log = logging.getLogger(__name__)


class LocalModel(httpx.AsyncBaseTransport):
    """The process and the connection to it.

    Args:
        path: the weights, a GGUF file.
        name: the model's name.
        idle_seconds: how long the process may be idle.
        command: the process's command; for tests.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        idle_seconds: float = IDLE_SECONDS,
        command: Sequence[str] = _CHILD,
    ) -> None:
        self.name = name
        self._path = path
        self._idle_seconds = idle_seconds
        self._command = command
        self._lock = asyncio.Lock()
        self._child: Child | None = None
        self._is_starting = False
        self._address = httpx.URL()
        self._key = SecretStr("")
        self._network: httpx.AsyncBaseTransport | None = None
        self._in_flight = 0
        self._crashes = 0
        self._crashed_at = float("-inf")
        self._idle_timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """What the process is doing now."""
        if self._is_starting:
            return "starting"
        if self._is_running:
            return "running"
        return "failing" if self._is_paused else "stopped"

    @property
    def process_id(self) -> int | None:
        """The id of the running process."""
        return self._child.process_id if self._child and self._is_running else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request to the process, which is started if it is not running.

        Raises:
            UnavailableError: it cannot be started, or keeps crashing.
        """
        if request.url.path.endswith("/models"):
            model = {"id": self.name, "context_length": CONTEXT_TOKENS}
            return httpx.Response(200, json={"data": [model]})
        self._in_flight += 1
        try:
            try:
                response = await self._pass_on(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                # A crash may show only now; if so, send the request to a new process.
                if not await self._has_crashed():
                    raise
                response = await self._pass_on(request)
        except BaseException:
            self._end_request()
            raise
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(response, self),
            extensions=response.extensions,
        )

    async def _pass_on(self, request: httpx.Request) -> httpx.Response:
        network = await self._started()
        request.url = request.url.copy_with(
            scheme="http", host=self._address.host, port=self._address.port
        )
        request.headers["Host"] = self._address.netloc.decode()
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return await network.handle_async_request(request)

    async def _has_crashed(self) -> bool:
        """Return whether the process has crashed; that may show only after a moment."""
        child = self._child
        if child is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_TIMEOUT):
                await asyncio.shield(child.ended)
        return not child.is_alive

    async def aclose(self) -> None:
        """Stop the process."""
        if self._idle_timer:
            self._idle_timer.cancel()
        async with self._lock:
            await self._stop()

    def end_answer(self, *, is_whole: bool) -> None:
        """Note that an answer has ended; a complete one resets the count of crashes."""
        if is_whole:
            self._crashes = 0
        self._end_request()

    @property
    def _is_running(self) -> bool:
        return self._child is not None and self._child.is_alive

    @property
    def _is_paused(self) -> bool:
        is_recent = time.monotonic() - self._crashed_at < CRASH_PAUSE
        return self._crashes >= MAX_CRASHES and is_recent

    def _end_request(self) -> None:
        self._in_flight -= 1
        if self._idle_timer:
            self._idle_timer.cancel()
        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(self._idle_seconds, self._stop_if_idle)

    def _stop_if_idle(self) -> None:
        if self._in_flight == 0:
            self._stopping = asyncio.create_task(self.aclose())

    async def _started(self) -> httpx.AsyncBaseTransport:
        async with self._lock:
            if self._is_running and self._network:
                return self._network
            if self._child is not None:
                self._crashes += 1
                self._crashed_at = time.monotonic()
                output = await self._child.last_output()
                _log.warning(
                    "The embedded model's process crashed (%s): %s", self._child.status, output
                )
                await self._stop()
            if self._is_paused:
                raise UnavailableError(
                    "The embedded model's process keeps crashing; see the server's log. It will be "
                    f"started again after {CRASH_PAUSE:.0f} seconds.",
                    retry_after=CRASH_PAUSE,
                )
            self._is_starting = True
            try:
                return await self._start()
            except BaseException:
                await self._stop()
                raise
            finally:
                self._is_starting = False

    async def _start(self) -> httpx.AsyncBaseTransport:
        self._key = SecretStr(secrets.token_urlsafe(32))
        self._child = await self._spawn()
        # The process runs in another folder.
        path = str(self._path.absolute())
        order = {"path": path, "name": self.name, "key": self._key.get_secret_value()}
        reply = await start_engine(self._child, json.dumps(order).encode() + b"\n")
        if "address" not in reply:
            raise UnavailableError(startup_failure(str(reply.get("error", "it gave no reason"))))
        self._address = httpx.URL(reply["address"])
        self._network = _network()
        return self._network

    async def _spawn(self) -> Child:
        try:
            return await Child.start(self._command, "model")
        # Some event loops do not support child processes.
        except (OSError, NotImplementedError) as error:
            raise UnavailableError(startup_failure(repr(error))) from error

    async def _stop(self) -> None:
        network, self._network = self._network, None
        child, self._child = self._child, None
        if network:
            await network.aclose()
        if child:
            await child.end()


class _Counted(httpx.AsyncByteStream):
    """The process's answer, in flight until it is closed."""

    def __init__(self, response: httpx.Response, model: LocalModel) -> None:
        self._response = response
        self._model = model
        self._is_whole = False
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._response.aiter_raw():
            yield data
        self._is_whole = True

    async def aclose(self) -> None:
        """Close the connection, so the process stops working on this answer."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._response.aclose()
        finally:
            self._model.end_answer(is_whole=self._is_whole)


def _network() -> httpx.AsyncBaseTransport:
    from ..network.transport import (
        NetworkTransport,  # needed by the first request, not at startup
    )

    return NetworkTransport()
