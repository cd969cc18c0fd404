"""Programs run from our commands, which may block: to their end, or as a server for a while."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .output import OUTPUT_BYTES, LastOutput

__all__ = ["Ended", "run", "serving"]

SERVER_STOP_TIMEOUT = 20.0
"""How long a server may take to stop its own children and itself, in seconds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit status, and the end of its output."""

    status: int
    output: LastOutput


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Ended:
    """Run a program to its end; for our commands, which may block.

    Args:
        command: the program and its arguments.
        folder: its working folder; must contain nothing untrusted.
        variables: its complete environment.

    Raises:
        OSError: the program cannot be started.
    """
    output = LastOutput()
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
            while data := process.stdout.read(OUTPUT_BYTES):
                output = output.then(data)
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, output)


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    log: Path,
    *,
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the context lasts.

    Args:
        command: the program and its arguments.
        folder: its working folder; must contain nothing untrusted.
        variables: its complete environment.
        log: the file for its output.
        popen: what starts it, for tests.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("wb") as file:
        process = popen(
            command,
            stdin=subprocess.PIPE,
            stdout=file,
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
