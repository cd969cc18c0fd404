"""A temporary Jupyter server: on a free port, in a folder of its own, stopped at the end.

Callers send the requests. Starting and ending the process is in
:mod:`aqueduct_jupyter.gateway.children`.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..gateway.children.commands import tethered_command, without_relative_paths
from ..gateway.children.programs import serving
from ..kernel.client import Client
from ..protocol.errors import AqueductError, UnavailableError, UpstreamUnavailableError

__all__ = ["ThrowawayServer", "throwaway_server"]

START_TIMEOUT = 60.0
"""Seconds within which the server must record its address."""

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""The range for its port: below the ports that systems assign to clients."""


@dataclass(frozen=True, slots=True)
class ThrowawayServer:
    """A running server: its address (without a trailing slash), token, process and log."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def throwaway_server(
    folder: Path,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    python: str = sys.executable,
    port: int | None = None,
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
) -> Iterator[ThrowawayServer]:
    """Start a Jupyter server with this extension, and stop it on exit.

    Args:
        folder: the folder for everything that it writes, including its log.
        arguments: more arguments for ``jupyter server``.
        environment: more environment variables.
        python: the interpreter to use; this one by default.
        port: the port, to come back to an address; by default a new one.
        popen: what starts the process, for tests.

    Raises:
        UnavailableError: it did not start; the message contains the end of its log.
    """
    token = secrets.token_hex(16)
    log = folder / "server.log"
    own = {
        f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("DATA", "CONFIG", "RUNTIME")
    }
    variables = {**os.environ, "JUPYTER_TOKEN": token, **own, **(environment or {})}
    # A server started inside a notebook must not use its parent as an upstream.
    for name in ("AQUEDUCT_BASE_URL", "AQUEDUCT_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        if name not in (environment or {}):
            variables.pop(name, None)
    # Before version 2.20, a Jupyter server on an automatic port does not report which one it got.
    port = port or FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
    options = ["--no-browser", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    command = tethered_command(
        "jupyter_server", *options, "--ServerApp.allow_root=True", *arguments, python=python
    )
    variables = without_relative_paths(variables)
    with serving(command, folder, variables, log, popen=popen) as process:
        url = _wait_for_address(process, folder / "runtime", log)
        yield ThrowawayServer(url.rstrip("/"), token, process, log)


def _wait_for_address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait until the Jupyter server has recorded its address and accepts connections."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        for file in runtime.glob(f"jpserver-{process.pid}.json"):
            # The file exists a moment before its content does.
            text = file.read_text()
            if text and _is_listening(url := str(json.loads(text)["url"])):
                return url
        time.sleep(0.05)
    end = log.read_text(errors="replace")[-2000:]
    raise UnavailableError(f"The Jupyter server did not start. The end of its log:\n{end}")


def _is_listening(url: str) -> bool:
    with Client(url, "") as client:
        try:
            client.get("api")
        except UpstreamUnavailableError:
            return False
        except AqueductError:
            return True
    return True
