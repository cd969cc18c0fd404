"""This file is a Jupyter server for a moment: on a free port, in a folder, gone at the end.

What it is asked is left to whoever started it, and how its process is started and ended to
:mod:`aqueduct_jupyter.gateway.children`.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..gateway.children.commands import tethered_command, without_relative_paths
from ..gateway.children.programs import serving
from ..kernel.client import Client
from ..protocol.errors import AqueductError, UnavailableError, UpstreamUnavailableError

__all__ = ["ThrowawayServer", "throwaway_server"]

START_TIMEOUT = 60.0
"""Seconds in which the server must have written where it listens."""

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Where it looks for a free port: below those that systems give to clients."""


@dataclass(frozen=True, slots=True)
class ThrowawayServer:
    """Where it listens (without a slash at the end), what opens it, its process and its log."""

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
) -> Iterator[ThrowawayServer]:
    """Start a Jupyter server with this extension, and stop it.

    Args:
        folder: where all that it writes goes, its log among it.
        arguments: more of ``jupyter server``'s.
        environment: more variables.
        python: the interpreter that runs it; this one by default.

    Raises:
        UnavailableError: it did not start; the message shows the end of its log.
    """
    token = secrets.token_hex(16)
    log = folder / "server.log"
    own = {
        f"JUPYTER_{word}_DIR": str(folder / word.lower()) for word in ("DATA", "CONFIG", "RUNTIME")
    }
    variables = {**os.environ, "JUPYTER_TOKEN": token, **own, **(environment or {})}
    # A server started inside a notebook must not take its parent's address for an upstream.
    for name in ("AQUEDUCT_BASE_URL", "AQUEDUCT_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        if name not in (environment or {}):
            variables.pop(name, None)
    # Jupyter servers before 2.20 do not say which port they got where they are told to take any.
    port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
    options = ["--no-browser", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    command = tethered_command(
        "jupyter_server", *options, "--ServerApp.allow_root=True", *arguments, python=python
    )
    with serving(command, folder, without_relative_paths(variables), log) as process:
        url = _wait_for_address(process, folder / "runtime", log)
        yield ThrowawayServer(url.rstrip("/"), token, process, log)


def _wait_for_address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait for the file in which a Jupyter server says where it listens, and until it does."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        for file in runtime.glob(f"jpserver-{process.pid}.json"):
            # The file is there a moment before its words are.
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
