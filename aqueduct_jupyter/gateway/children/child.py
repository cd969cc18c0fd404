"""One child process of the server: started, read, written to, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .commands import environment
from .output import OUTPUT_BYTES, LastOutput

__all__ = ["Child"]

LONGEST_LINE_BYTES = 64 * 2**10
"""Length limit of a line that is read from a child, in bytes."""

STOP_TIMEOUT = 5.0
"""How long a child may take to end by itself before it is killed, in seconds."""


class Child:
    """One child process in its own folder, driven over its standard input and output.

    Attributes:
        ended: done once the process has ended and its folder is gone.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018  # for mypy
        self._process = process
        self._folder = folder
        self._stdin, self._stdout = process.stdin, process.stdout
        self._output = LastOutput()
        self.ended = asyncio.create_task(self._listen(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str], name: str) -> Child:
        """Start a child.

        Args:
            command: the program and its arguments.
            name: part of its folder's name.

        Raises:
            OSError: the program cannot be started.
            NotImplementedError: this event loop does not support child processes.
        """
        folder = tempfile.TemporaryDirectory(prefix=f"aqueduct-{name}-", ignore_cleanup_errors=True)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE_BYTES,
                cwd=folder.name,
                env=environment(Path(folder.name)),
                # Ctrl-C in the terminal is meant for the server only.
                start_new_session=True,
            )
        except BaseException:
            folder.cleanup()
            raise
        return cls(process, folder)

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, a signal's number below zero, or None while it runs."""
        return self._process.returncode

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.status is None

    async def write(self, *pieces: bytes) -> None:
        """Write to its standard input.

        Raises:
            ConnectionError: the child no longer reads it.
        """
        for piece in pieces:
            self._stdin.write(piece)
        await self._stdin.drain()

    async def read_line(self) -> bytes:
        """Wait for a line of its standard output; empty at the end.

        Raises:
            ValueError: the line is longer than ``LONGEST_LINE_BYTES``.
        """
        return await self._stdout.readline()

    async def read_bytes(self, size: int) -> bytes:
        """Wait for ``size`` bytes of its standard output.

        Raises:
            EOFError: the output ended first.
        """
        return await self._stdout.readexactly(size)

    async def last_output(self) -> LastOutput:
        """Wait for the process to end, and give the end of its standard error."""
        await asyncio.shield(self.ended)
        return self._output

    def kill(self) -> None:
        """End the process at once."""
        if not self.is_alive:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                # Before Python 3.13, the process's own kill() may reap it, and then asyncio, which
                # waits for it as well, warns of an unknown process and reports 255 as its status.
                os.kill(self.process_id, signal.SIGKILL)

    async def end(self, timeout: float = STOP_TIMEOUT) -> None:
        """Close the child's standard input, and kill the child if it does not end.

        Args:
            timeout: how long it may take, in seconds.
        """
        self._stdin.close()
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self.kill()
            await asyncio.shield(self.ended)
        except BaseException:
            self.kill()
            raise

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(OUTPUT_BYTES):
            self._output = self._output.then(data)
        await self._process.wait()
        self._folder.cleanup()
