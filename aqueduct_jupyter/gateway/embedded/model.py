"""This file is the embedded model: a small real language model in a child process of the server.

* It is a transport, so it is asked through :class:`.upstream.Upstream` like any other upstream.
* The child starts at the first chat, under a lock, and stops when it was idle for a while. A child
  that died is started again; one that keeps dying is not, for a while, and says so.
* It listens on a random loopback port and answers only to a key made for this one start.

What runs in the child is left to :mod:`.process`, starting and ending it to
:mod:`aqueduct_jupyter.gateway.children.child`, the weights to :mod:`.weights`.
"""

from __future__ import annotations

import asyncio
import importlib.util
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
from ...protocol.plain_text import plain_text
from ..children.child import Child, module_command

__all__ = ["LocalModel", "State", "is_engine_installed"]

DEATH_SECONDS = 1.0
"""How long the end of a child may take to be told, once its connection broke."""

START_TIMEOUT = 60.0
"""Seconds in which the child must be ready; the pinned weights need about one."""

IDLE_SECONDS = 600.0
"""Seconds without a request after which the child is stopped."""

MOST_DEATHS = 2
"""How often the child may die without a whole answer between, before it is left alone."""

PAUSE_AFTER_DEATHS = 60.0
"""Seconds for which a child that keeps dying is not started again."""

State = Literal["stopped", "starting", "running", "failing"]

_CHILD = module_command("aqueduct_jupyter.gateway.embedded.process")

_log = logging.getLogger(__name__)


def is_engine_installed() -> bool:
    """Tell whether the engine (the extra ``local``) is there, without loading it."""
    return importlib.util.find_spec("xllamacpp") is not None


class LocalModel(httpx.AsyncBaseTransport):
    """The child process and the way to it.

    Args:
        path: the weights, a GGUF file.
        name: the model's name.
        idle_seconds: how long the child may be idle.
        command: what runs as the child; for tests.
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
        self._deaths = 0
        self._died_at = float("-inf")
        self._idle_timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """What the child is doing now."""
        if self._is_starting:
            return "starting"
        if self._is_running:
            return "running"
        return "failing" if self._is_resting else "stopped"

    @property
    def process_id(self) -> int | None:
        """The running child's process id."""
        return self._child.process_id if self._child and self._is_running else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request to the child, which is started if it does not run.

        Raises:
            UnavailableError: it cannot be started, or keeps dying.
        """
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": self.name}]})
        self._in_flight += 1
        try:
            try:
                response = await self._pass_on(request)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                # A child that has just died is found out by asking it; a new one is asked then.
                if not await self._has_died():
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

    async def _has_died(self) -> bool:
        """Tell whether the child is dead; its end is told a moment after it."""
        child = self._child
        if child is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(DEATH_SECONDS):
                await asyncio.shield(child.ended)
        return not child.is_alive

    async def aclose(self) -> None:
        """Stop the child."""
        if self._idle_timer:
            self._idle_timer.cancel()
        async with self._lock:
            await self._stop()

    def end_answer(self, *, is_whole: bool) -> None:
        """Note that an answer has ended; a whole one clears the child's record of deaths."""
        if is_whole:
            self._deaths = 0
        self._end_request()

    @property
    def _is_running(self) -> bool:
        return self._child is not None and self._child.is_alive

    @property
    def _is_resting(self) -> bool:
        is_recent = time.monotonic() - self._died_at < PAUSE_AFTER_DEATHS
        return self._deaths >= MOST_DEATHS and is_recent

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
                self._deaths += 1
                self._died_at = time.monotonic()
                words = await self._child.last_words()
                _log.warning(
                    "The embedded model's process died (%s): %s", self._child.status, words
                )
                await self._stop()
            if self._is_resting:
                raise UnavailableError(
                    "The embedded model's process keeps dying; the server's log says more. "
                    f"It is tried again after {PAUSE_AFTER_DEATHS:.0f} seconds.",
                    retry_after=PAUSE_AFTER_DEATHS,
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
        # The child works in a folder of its own.
        path = str(self._path.absolute())
        order = {"path": path, "name": self.name, "key": self._key.get_secret_value()}
        reply = await _ask(self._child, json.dumps(order).encode() + b"\n")
        if "address" not in reply:
            raise UnavailableError(_why_not(str(reply.get("error", "it said nothing"))))
        self._address = httpx.URL(reply["address"])
        self._network = _network()
        return self._network

    async def _spawn(self) -> Child:
        try:
            return await Child.start(self._command, "model")
        # The event loop of some platforms has no child processes.
        except (OSError, NotImplementedError) as error:
            raise UnavailableError(_why_not(repr(error))) from error

    async def _stop(self) -> None:
        network, self._network = self._network, None
        child, self._child = self._child, None
        if network:
            await network.aclose()
        if child:
            await child.end()


async def _ask(child: Child, order: bytes) -> dict[str, str]:
    """Tell a child what to run, and wait for its one line."""
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await child.write(order)
            return _read_reply(await child.read_line())
    except TimeoutError:
        return {"error": f"it was not ready after {START_TIMEOUT:.0f} seconds"}
    except (ConnectionError, ValueError):
        await child.end()
        words = await child.last_words()
        _log.warning("The embedded model's process ended at once: %s", words)
        return {"error": f"its process ended at once: {words.line}"}


def _read_reply(line: bytes) -> dict[str, str]:
    reply = json.loads(line)
    if not isinstance(reply, dict):
        raise ValueError("not an object")
    return reply


class _Counted(httpx.AsyncByteStream):
    """The child's answer, counted as in flight until it is closed."""

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
        """Close the way to the child, which ends what it does for this answer."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._response.aclose()
        finally:
            self._model.end_answer(is_whole=self._is_whole)


def _network() -> httpx.AsyncBaseTransport:
    from ..network.transport import (
        NetworkTransport,  # the first request needs it, and no start does
    )

    return NetworkTransport()


def _why_not(error: str) -> str:
    if "libgomp" in error:
        mend = "The system library libgomp.so.1 is missing; install it (Debian: libgomp1)."
    elif "xllamacpp" in error and "No module" in error:
        mend = "Install the engine with: pip install 'aqueduct-jupyter[local]'."
    else:
        mend = "Check local_model_path, or run 'jupyter aqueduct pull'."
    return f"The embedded model did not start ({plain_text(error)}). {mend}"
