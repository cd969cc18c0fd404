"""This file is the processes that read documents: started, asked, and killed at their limits.

What they do is left to :mod:`.worker`, which runs in them; how a process is started and ended, and
what the system keeps it from, to :mod:`aqueduct_jupyter.gateway.children`.
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
from .text import MAX_TEXT_BYTES, Reason, UnreadableError
from .worker import FRAME_HEAD, OPEN, to_frame

__all__ = ["CHILD", "WorkerPool"]

START_TIMEOUT = 60.0
"""Seconds in which a child must be ready; it needs less than one, and longer on a cold disk."""

MAX_FRAME_BYTES = 4 * MAX_TEXT_BYTES
"""Bytes of a child's longest answer; no character takes more than four."""

CHILD = module_command("aqueduct_jupyter.gateway.documents.worker")
"""What runs as a child; it gets the memory limit as an argument, and maybe a word more."""

# What Rust, C++ and Python say when they get no memory.
_OUT_OF_MEMORY = (b"memory allocation of", b"bad_alloc", b"foreign exceptions", b"MemoryError")

_MEANS = {
    "landlock": "Landlock",
    "seccomp": "a filter of system calls (seccomp)",
    "memory_limit": "a limit on memory",
}

_log = logging.getLogger(__name__)


class WorkerPool:
    """At most so many children, each started when it is needed first.

    Args:
        size: how many children.
        command: what runs as a child.
        timeout: seconds that a child may take for a document.
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
        """What keeps the children in: what the last one said, or what the system has to offer."""
        return self._confinement or available()

    async def read(self, document_format: Format, data: bytes) -> str:
        """Have a child read a document.

        Raises:
            UnreadableError: there is no text, or the child did not survive it.
            UnavailableError: there is no child to ask.
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
        """Kill all children; their folders go with them."""
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
        """Start a child, and one without the sandbox where no other can be had."""
        found = available()
        # Libraries may lie in a place that nobody thought of, which the sandbox keeps from them.
        ways = [(), (OPEN,)] if found.landlock or found.seccomp else [()]
        words = LastOutput()
        for more in ways:
            reader, words = await self._start(*more)
            if reader:
                return reader
            _log.warning("A process that reads documents was not ready: %s", words)
        raise _not_started(str(words))

    async def _start(self, *more: str) -> tuple[_Reader | None, LastOutput]:
        """Start a child; one that does not become ready is ended, and only its words are given."""
        try:
            reader = _Reader(await Child.start((*self._command, *more), "documents"))
        # The event loop of some platforms has no child processes.
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
            _log.warning("Documents are read without %s here.", " and ".join(missing))
        self._confinement = found


class _Reader:
    """One child that reads documents, and what is said between it and us."""

    def __init__(self, child: Child) -> None:
        self.child = child

    async def ask(self, document_format: Format, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a document and wait for the answer and its text.

        Raises:
            ConnectionError, EOFError, ValueError: the child died or talks nonsense.
        """
        order = {"kind": document_format.kind, "charset": document_format.charset}
        await self.child.write(to_frame(json.dumps(order).encode()), to_frame(data))
        return json.loads(await self.receive()), await self.receive()

    async def receive(self) -> bytes:
        """Wait for the next frame.

        Raises:
            EOFError: the child ended.
            ValueError: the frame is longer than any answer is.
        """
        size = int.from_bytes(await self.child.read_bytes(FRAME_HEAD), "big")
        if size > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {size} bytes")
        return await self.child.read_bytes(size)

    async def cause_of_death(self) -> Reason:
        """Tell what a child that has ended died of."""
        words = await self.child.last_output()
        # Nobody here kills a child that is asked: that was the system, for want of memory.
        was_killed = self.child.status == -signal.SIGKILL
        _log.info("A process that read a document died: %s", words)
        is_memory = was_killed or any(sign in words.raw for sign in _OUT_OF_MEMORY)
        return "memory" if is_memory else "crash"


def _not_started(why: str) -> UnavailableError:
    _log.error("The process that reads documents did not start: %s", why)
    return UnavailableError(
        "This server cannot read documents now; its log says why. Send the text itself."
    )
