"""This file is the processes that read documents: started, asked, and killed at their limits.

What they do is left to :mod:`.document_worker`, which runs in them. They know no secret: their
environment is made for them, their home is an empty folder.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import site
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..protocol.errors import UnavailableError
from .document_kinds import Sort
from .document_text import MAX_TEXT_BYTES, Reason, UnreadableError
from .document_worker import FRAME_HEAD, to_frame

__all__ = ["CHILD", "WorkerPool"]

START_TIMEOUT = 60.0
"""Seconds in which a child must be ready; it needs less than one, and longer on a cold disk."""

MAX_FRAME_BYTES = 4 * MAX_TEXT_BYTES
"""Bytes of a child's longest answer; no character takes more than four."""

LAST_WORDS_BYTES = 2000
"""Bytes of a child's standard error that are kept for the log."""

CHILD = (sys.executable, "-P", "-m", "aqueduct_jupyter.gateway.document_worker")
"""What runs as a child; it gets one argument more, the memory limit."""

# What Rust, C++ and Python say when they get no memory.
_OUT_OF_MEMORY = ("memory allocation of", "bad_alloc", "foreign exceptions", "MemoryError")

_log = logging.getLogger(__name__)


class WorkerPool:
    """At most so many children, each started when it is needed first."""

    def __init__(self, size: int, command: Sequence[str], timeout: float) -> None:
        self._command = command
        self._timeout = timeout
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._is_closed = False
        self._has_warned = False

    async def read(self, sort: Sort, data: bytes) -> str:
        """Have a child read a document.

        Raises:
            UnreadableError: there is no text, or the child did not survive it.
            UnavailableError: there is no child to ask.
        """
        async with self._places:
            child = await self._take()
            try:
                answer, text = await self._ask(child, sort, data)
            except BaseException:
                child.kill()
                raise
            if answer["is_last"] or answer["reason"] == "memory":
                child.kill()
            else:
                self._idle.append(child)
        if answer["reason"]:
            raise UnreadableError(answer["reason"])
        return await asyncio.to_thread(text.decode)

    async def close(self) -> None:
        """Kill all children and take their folder away."""
        self._is_closed = True
        children = list(self._children)
        for child in children:
            child.kill()
        await asyncio.gather(*(child.ended for child in children))
        if self._folder:
            await asyncio.to_thread(self._folder.cleanup)

    async def _ask(self, child: _Child, sort: Sort, data: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            async with asyncio.timeout(self._timeout):
                return await child.ask(sort, data)
        except TimeoutError:
            raise UnreadableError("timeout") from None
        except ValueError as error:
            raise UnreadableError("crash") from error
        except (ConnectionError, EOFError) as error:
            if self._is_closed:
                raise UnavailableError("This server is stopping.") from None
            raise UnreadableError(await child.cause_of_death()) from error

    async def _take(self) -> _Child:
        if self._is_closed:
            raise UnavailableError("This server is stopping.")
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            child.kill()
        return await self._start()

    async def _start(self) -> _Child:
        try:
            process = await self._spawn()
        # The event loop of some platforms has no child processes.
        except (OSError, NotImplementedError) as error:
            raise self._not_started(repr(error)) from error
        child = _Child(process)
        self._children.add(child)
        child.ended.add_done_callback(lambda _: self._children.discard(child))
        try:
            async with asyncio.timeout(START_TIMEOUT):
                greeting = json.loads(await child.receive())
        except (TimeoutError, ConnectionError, EOFError, ValueError):
            child.kill()
            raise self._not_started(await child.last_words()) from None
        except BaseException:
            child.kill()
            raise
        self._warn_once(is_limited=greeting["is_limited"])
        return child

    async def _spawn(self) -> asyncio.subprocess.Process:
        # Systems tidy their folder for temporary files: it may be gone after some days.
        if self._folder is None or not os.path.exists(self._folder.name):  # noqa: PTH110, ASYNC240  # quick
            self._folder = tempfile.TemporaryDirectory(
                prefix="aqueduct-documents-", ignore_cleanup_errors=True
            )
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._folder.name,
            env=_environment(self._folder.name),
        )

    def _not_started(self, why: str) -> UnavailableError:
        _log.error("The process that reads documents did not start: %s", why)
        return UnavailableError(
            "This server cannot read documents now; its log says why. Send the text itself."
        )

    def _warn_once(self, *, is_limited: bool) -> None:
        if not is_limited and not self._has_warned:
            self._has_warned = True
            _log.warning("This platform cannot limit the memory that a document takes to read.")


class _Child:
    """One child process, and what it said last on standard error.

    Attributes:
        ended: is done when the process has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018  # for mypy
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._words = b""
        self.ended = asyncio.create_task(self._listen(process.stderr))

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.returncode is None

    async def ask(self, sort: Sort, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a document and wait for the answer and its text.

        Raises:
            ConnectionError, EOFError, ValueError: the child died or talks nonsense.
        """
        order = {"kind": sort.kind, "charset": sort.charset}
        self._stdin.write(to_frame(json.dumps(order).encode()))
        self._stdin.write(to_frame(data))
        await self._stdin.drain()
        return json.loads(await self.receive()), await self.receive()

    async def receive(self) -> bytes:
        """Wait for the next frame.

        Raises:
            EOFError: the child ended.
            ValueError: the frame is longer than any answer is.
        """
        size = int.from_bytes(await self._stdout.readexactly(FRAME_HEAD), "big")
        if size > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {size} bytes")
        return await self._stdout.readexactly(size)

    async def cause_of_death(self) -> Reason:
        """Tell what a child that has ended died of."""
        words = await self.last_words()
        # Nobody here kills a child that is asked: that was the system, for want of memory.
        was_killed = self._process.returncode == -signal.SIGKILL
        _log.info("A process that read a document died: %s", words)
        return "memory" if was_killed or any(sign in words for sign in _OUT_OF_MEMORY) else "crash"

    async def last_words(self) -> str:
        """Wait for the end, and give what the child said last."""
        await self.ended
        return self._words.decode(errors="replace").strip()

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while words := await stream.read(LAST_WORDS_BYTES):
            self._words = (self._words + words)[-LAST_WORDS_BYTES:]
        await self._process.wait()


def _environment(folder: str) -> dict[str, str]:
    """Give a child what a Python program needs to run, and nothing that the server knows."""
    names = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    # kreuzberg unpacks a library into the temporary folder and loads it: in the one that all users
    # of a machine share, somebody else's library may lie there already.
    own = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder)
    # With another home, packages installed with "pip install --user" would not be found.
    return {**kept, **own, "PYTHONUSERBASE": site.getuserbase()}
