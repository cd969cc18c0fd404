"""Throwaway servers that need not import what each of them needs: they are forks.

Half of a start is imports. So each process that runs tests has a program, :mod:`.forker`, that has
them behind it, for each interpreter that it starts servers with. Tests of how a server starts use
:func:`aqueduct_jupyter.command.throwaway.throwaway_server` itself.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from aqueduct_jupyter.command import throwaway

__all__ = ["MODULES", "ForkedProcess", "throwaway_server"]

MODULES = (
    "aqueduct_jupyter.server.jupyter.app",
    "aqueduct_jupyter.gateway.network.transport",
    "aqueduct_jupyter.gateway.stores.blobs",
    "aqueduct_jupyter.gateway.stores.sql.upgrade",
    "jupyter_server.nbconvert.handlers",
    "jupyter_server.serverapp",
    "jupyter_server.services.contents.handlers",
    "jupyter_server.services.events.handlers",
    "jupyter_server.services.kernels.handlers",
    "jupyter_server.services.sessions.handlers",
    "jupyter_server_terminals.app",
    "obstore.store",
    "sqlalchemy.dialects.sqlite",
)
"""What a server imports at its start and for its first requests."""

FORKER = Path(__file__).with_name("forker.py")


class ForkedProcess(subprocess.Popen[bytes]):
    """A process that was forked, which is watched like one that was started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int,
        stdout: IO[bytes],
        stderr: int,
        cwd: Path,
        env: Mapping[str, str],
        modules: tuple[str, ...] = MODULES,
    ) -> None:
        """Start it; the arguments are those of a server's start and mean what they do there.

        Other programs than servers say in ``modules`` what they import.
        """
        assert (stdin, stderr) == (subprocess.PIPE, subprocess.STDOUT)
        named = command.index("-m")
        python, *options = command[:named]
        words = command[named + 1 :]
        assert options in (["-P"], ["-P", "-u"])
        self.args = command
        self.returncode = None
        read_by, write_to = os.pipe()
        self.stdin = os.fdopen(write_to, "wb", buffering=0)
        ours, theirs = os.pipe()
        self._report = Connection(ours, writable=False)
        message = {"words": words, "folder": str(cwd), "variables": dict(env)}
        # What Python reads when it starts cannot be changed in a fork.
        own = frozenset(item for item in env.items() if item[0].startswith("PYTHON"))
        try:
            descriptors = [read_by, stdout.fileno(), theirs]
            _forker(python, tuple(options), own, modules).ask(
                json.dumps(message).encode(), descriptors
            )
        finally:
            os.close(read_by)
            os.close(theirs)
        self.pid = self._report.recv()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; gives its exit status, or what ended it as a negative number."""
        if self.returncode is None:
            if not self._report.poll(timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._report.recv()
            self._report.close()
        return self.returncode

    def poll(self) -> int | None:
        """Give its exit status, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)


@dataclass(frozen=True)
class _Forker:
    process: subprocess.Popen[bytes]
    requests: socket.socket

    def ask(self, message: bytes, descriptors: Sequence[int]) -> None:
        socket.send_fds(self.requests, [message], descriptors)


@functools.cache
def _forker(
    python: str,
    options: tuple[str, ...],
    own: frozenset[tuple[str, str]],
    modules: tuple[str, ...],
) -> _Forker:
    """Start the program for an interpreter; it ends with this process."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    command = [python, *options, str(FORKER), *modules]
    variables = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno(), env={**variables, **dict(own)})
    assert ours.recv(16) == b"ready"
    return _Forker(process, ours)


throwaway_server = functools.partial(throwaway.throwaway_server, popen=ForkedProcess)
"""Start a server as the function in the package does; the caller says no ``popen``."""
