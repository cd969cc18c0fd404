"""Child processes: the one way to start, hear, bound and end a program.

What the program does is left to itself, and what is said to it to whoever starts it.

* A child takes no module, library or program from the folder that the server was started in, which
  in Jupyter may hold a repository from anywhere: Python runs with ``-P``, in a folder of the
  child's own, and no relative or empty entry of a path variable is passed on.
* A child is given named variables only, so it knows none of the server's secrets.
* A child has a sure end. Programs of ours end when their standard input does, so they die with a
  parent that was killed; other people's run below :mod:`.tethered`, which sees to the same.
* What a child says on standard error is foreign text: the last of it is kept, and shown as one
  printable line.
"""

from __future__ import annotations

import asyncio
import os
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ...protocol.plain_text import plain_text

__all__ = [
    "Child",
    "Ended",
    "LastWords",
    "environment",
    "module_command",
    "run",
    "serving",
    "tethered_command",
    "without_relative_paths",
]

LAST_WORDS_BYTES = 2000
"""Bytes of a child's standard error that are kept."""

LONGEST_LINE_BYTES = 64 * 2**10
"""Bytes of the longest line that is read from a child."""

STOP_TIMEOUT = 5.0
"""Seconds in which a child must end by itself before it is killed."""

SERVER_STOP_TIMEOUT = 20.0
"""Seconds in which a server must have stopped its own children and itself."""

_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
_WORDS = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONNOUSERSITE", "SYSTEMROOT")
_HOMES = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")


def module_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Give the command that runs a Python module; ``-P`` keeps the working folder off its path."""
    return (python, "-P", "-m", module, *arguments)


def tethered_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Give the command that runs somebody else's module so that it ends with this process."""
    return module_command(
        "aqueduct_jupyter.gateway.children.tethered", module, *arguments, python=python
    )


def without_relative_paths(variables: Mapping[str, str]) -> dict[str, str]:
    """Copy environment variables, their path lists without relative and empty entries.

    Such an entry means whatever folder a program happens to run in.
    """
    cleaned = dict(variables)
    for name in _PATHS:
        entries = cleaned.pop(name, "").split(os.pathsep)
        if absolute := [entry for entry in entries if Path(entry).is_absolute()]:
            cleaned[name] = os.pathsep.join(absolute)
    return cleaned


def environment(folder: Path, *more: str) -> dict[str, str]:
    """Make a child's environment: what a Python program needs to run, and nothing else.

    Args:
        folder: the child's own, which is its home and its place for temporary files.
        *more: names that it needs as well, in capitals, ``*`` standing for anything; lower-case
            twins of them (``http_proxy``) are meant, too.
    """
    wanted = (*_PATHS, *_WORDS, *more)
    kept = {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name.upper(), pattern) for pattern in wanted)
    }
    own = dict.fromkeys(_HOMES, str(folder))
    # With another home, packages installed with "pip install --user" would not be found.
    return {"PYTHONUSERBASE": site.getuserbase(), **own, **without_relative_paths(kept)}


@dataclass(frozen=True, slots=True)
class LastWords:
    """What a process said last; foreign text, which is shown as one printable line.

    Attributes:
        raw: the words as they came, ``LAST_WORDS_BYTES`` at most.
    """

    raw: bytes = b""

    def __str__(self) -> str:
        return _printable(self.raw)

    @property
    def line(self) -> str:
        """The last line of them: of a traceback, the error."""
        return _printable((self.raw.strip().splitlines() or [b""])[-1])

    def then(self, said: bytes) -> LastWords:
        """Give the last words after more was said."""
        return LastWords((self.raw + said)[-LAST_WORDS_BYTES:])


class Child:
    """One child process, in a folder of its own, asked over its standard input and output.

    Attributes:
        ended: is done when the process has ended and its folder is gone.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018  # for mypy
        self._process = process
        self._folder = folder
        self._stdin, self._stdout = process.stdin, process.stdout
        self._words = LastWords()
        self.ended = asyncio.create_task(self._listen(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str], name: str) -> Child:
        """Start a child.

        Args:
            command: the program and its arguments.
            name: what the name of its folder says of it.

        Raises:
            OSError: it cannot be started.
            NotImplementedError: this event loop has no child processes.
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
                # A Ctrl-C for the server in the same terminal is not for its children.
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
            ConnectionError: it does not listen any more.
        """
        for piece in pieces:
            self._stdin.write(piece)
        await self._stdin.drain()

    async def read_line(self) -> bytes:
        """Wait for a line of its standard output; an empty one is the end.

        Raises:
            ValueError: the line is longer than ``LONGEST_LINE_BYTES``.
        """
        return await self._stdout.readline()

    async def read_bytes(self, size: int) -> bytes:
        """Wait for so many bytes of its standard output.

        Raises:
            EOFError: it ended before.
        """
        return await self._stdout.readexactly(size)

    async def last_words(self) -> LastWords:
        """Wait for the end, and give what it said last on standard error."""
        await asyncio.shield(self.ended)
        return self._words

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self, timeout: float = STOP_TIMEOUT) -> None:
        """Close the child's standard input, and kill it where it does not end by that.

        Args:
            timeout: seconds that it is given.
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
        while said := await stream.read(LAST_WORDS_BYTES):
            self._words = self._words.then(said)
        await self._process.wait()
        self._folder.cleanup()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit status, and what it said last on either output."""

    status: int
    words: LastWords


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Ended:
    """Run a program to its end; for commands, which may wait.

    Args:
        command: the program and its arguments.
        folder: where it runs; it must hold nothing from elsewhere.
        variables: its whole environment.

    Raises:
        OSError: it cannot be started.
    """
    words = LastWords()
    with subprocess.Popen(  # noqa: S603  # nothing in the commands comes from outside
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        cwd=folder,
        env=variables,
    ) as process:
        assert process.stdout  # noqa: S101  # for mypy
        try:
            while said := process.stdout.read(LAST_WORDS_BYTES):
                words = words.then(said)
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, words)


@contextmanager
def serving(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the context lasts.

    Args:
        command: the program and its arguments.
        folder: where it runs; it must hold nothing from elsewhere.
        variables: its whole environment.
        log: the file that takes all that it says.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # the command is the caller's own
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=variables,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SERVER_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def _printable(words: bytes) -> str:
    return plain_text(words.decode(errors="replace"), LAST_WORDS_BYTES)
