"""The pool of processes that read documents, started on demand and killed at their limits.

:mod:`.worker` runs in them. Starting and ending a process, and the sandbox, are in
:mod:`aqueduct_jupyter.gateway.children`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Sequence
from typing import Any

from ...protocol.errors import UnavailableError
from ..children.child import Child
from ..children.commands import module_command
from ..children.output import LastOutput
from ..children.sandbox import Confinement, available
from .kinds import Format
from .text import MAX_TEXT_BYTES
from .unreadable import Reason, UnreadableError
from .worker import FRAME_HEAD, OPEN, to_frame

__all__ = ["CHILD", "WorkerPool"]

START_TIMEOUT = 60.0
"""How long a child may take to start, in seconds; it needs under one, or more on a cold disk."""

MAX_FRAME_BYTES = 4 * MAX_TEXT_BYTES
"""Bytes of a child's longest answer; a character takes at most four."""

CHILD = module_command("aqueduct_jupyter.gateway.documents.worker")
"""The child's command; its arguments are the memory limit, and optionally OPEN."""

# Messages of Rust, C++ and Python when memory runs out.
_OUT_OF_MEMORY = (b"memory allocation of", b"bad_alloc", b"foreign exceptions", b"MemoryError")

_MEANS = {
    "landlock": "Landlock",
    "seccomp": "a filter of system calls (seccomp)",
    "memory_limit": "a limit on memory",
}

_log = logging.getLogger(__name__)


class WorkerPool:
    """A limited number of children, each started when it is first needed.

    Args:
        size: the maximum number of children.
        command: a child's command.
        timeout: how long a child may take for a document, in seconds.
    """

    def __init__(self, size: int, command: Sequence[str], timeout: float) -> None:
        self._command = command
        self._timeout = timeout
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Reader] = []
        self._readers: set[_Reader] = set()
        self._confinement: Confinement | None = None
        self._is_closed = False

    @property
    def confinement(self) -> Confinement:
        """The children's sandbox: as the last one reported, or as the system supports it."""
        return self._confinement or available()

    async def read(self, document_format: Format, data: bytes) -> str:
        """Have a child read a document.

        Raises:
            UnreadableError: no text can be extracted, or the child crashed.
            UnavailableError: no child can be started.
        """
        async with self._places:
            reader = await self._take()
            try:
                answer, text = await self._ask(reader, document_format, data)
            except BaseException:
                reader.child.kill()
                raise
            if answer["is_last"] or answer["reason"] == "memory":
                reader.child.kill()
            else:
                self._idle.append(reader)
        if answer["reason"]:
            raise UnreadableError(answer["reason"])
        return await asyncio.to_thread(text.decode)

    async def close(self) -> None:
        """Kill all children, and wait until their folders are removed."""
        self._is_closed = True
        readers = list(self._readers)
        for reader in readers:
            reader.child.kill()
        await asyncio.gather(*(reader.child.ended for reader in readers))

    async def _ask(
        self, reader: _Reader, document_format: Format, data: bytes
    ) -> tuple[dict[str, Any], bytes]:
        try:
            async with asyncio.timeout(self._timeout):
                return await reader.ask(document_format, data)
        except TimeoutError:
            raise UnreadableError("timeout") from None
        except ValueError as error:
            raise UnreadableError("crash") from error
        except (ConnectionError, EOFError) as error:
            if self._is_closed:
                raise UnavailableError("This server is stopping.") from None
            raise UnreadableError(await reader.cause_of_death()) from error

    async def _take(self) -> _Reader:
        if self._is_closed:
            raise UnavailableError("This server is stopping.")
        while self._idle:
            reader = self._idle.pop()
            if reader.child.is_alive:
                return reader
            reader.child.kill()
        return await self._started()

    async def _started(self) -> _Reader:
        """Start a child, without the sandbox if it does not start in it."""
        found = available()
        # Libraries may be installed in an unusual place, which the sandbox does not allow.
        ways = [(), (OPEN,)] if found.landlock or found.seccomp else [()]
        output = LastOutput()
        for more in ways:
            reader, output = await self._start(*more)
            if reader:
                return reader
            _log.warning("A process that reads documents did not start: %s", output)
        raise _not_started(str(output))

    async def _start(self, *more: str) -> tuple[_Reader | None, LastOutput]:
        """Start a child; if it does not become ready, end it and return only its output."""
        try:
            reader = _Reader(await Child.start((*self._command, *more), "documents"))
        # Some event loops do not support child processes.
        except (OSError, NotImplementedError) as error:
            raise _not_started(repr(error)) from error
        self._readers.add(reader)
        reader.child.ended.add_done_callback(lambda _: self._readers.discard(reader))
        try:
            async with asyncio.timeout(START_TIMEOUT):
                self._note(json.loads(await reader.receive()))
        except (TimeoutError, ConnectionError, EOFError, ValueError):
            reader.child.kill()
            return None, await reader.child.last_output()
        except BaseException:
            reader.child.kill()
            raise
        return reader, LastOutput()

    def _note(self, greeting: dict[str, Any]) -> None:
        found = Confinement(
            landlock=greeting["landlock"],
            seccomp=greeting["seccomp"],
            memory_limit=greeting["is_limited"],
        )
        missing = [means for name, means in _MEANS.items() if not getattr(found, name)]
        if missing and found != self._confinement:
            _log.warning("On this system, documents are read without %s.", " and ".join(missing))
        self._confinement = found


class _Reader:
    """One child that reads documents, and the protocol to talk to it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    async def ask(self, document_format: Format, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a document and wait for the answer and its text.

        Raises:
            ConnectionError, EOFError, ValueError: the child died or sent an invalid answer.
        """
        request = {"kind": document_format.kind, "charset": document_format.charset}
        await self.child.write(to_frame(json.dumps(request).encode()), to_frame(data))
        return json.loads(await self.receive()), await self.receive()

    async def receive(self) -> bytes:
        """Wait for the next frame.

        Raises:
            EOFError: the child ended.
            ValueError: the frame is longer than any answer.
        """
        size = int.from_bytes(await self.child.read_bytes(FRAME_HEAD), "big")
        if size > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {size} bytes")
        return await self.child.read_bytes(size)

    async def cause_of_death(self) -> Reason:
        """Determine why a child died."""
        output = await self.child.last_output()
        # We do not kill a child while it reads, so the system did, for lack of memory.
        was_killed = self.child.status == -signal.SIGKILL
        _log.info("A process that read a document died: %s", output)
        is_memory = was_killed or any(sign in output.raw for sign in _OUT_OF_MEMORY)
        return "memory" if is_memory else "crash"


def _not_started(why: str) -> UnavailableError:
    _log.error("No process that reads documents could be started: %s", why)
    return UnavailableError(
        "This server cannot read documents now; see its log. Send the text itself."
    )
