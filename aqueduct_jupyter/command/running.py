"""The server that a command means: the one given, this terminal's own, or a running one.

Requests are sent by :class:`aqueduct_jupyter.kernel.client.Client`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.serverapp import list_running_servers

from ..kernel.client import Client
from ..protocol.errors import UnavailableError

__all__ = ["data_folder", "find_server"]


def find_server(url: str | None, token: str | None) -> Client:
    """Find the server that a command means.

    Args:
        url: the address that the user gave, or None.
        token: its token, or None.

    Raises:
        UnavailableError: no server is running, or several are and not exactly one serves this
            folder.
    """
    if url:
        return Client(url, token)
    if "AQUEDUCT_BASE_URL" in os.environ and "AQUEDUCT_API_KEY" in os.environ:
        return Client(os.environ["AQUEDUCT_BASE_URL"], os.environ["AQUEDUCT_API_KEY"])
    running = list(list_running_servers())
    here = [server for server in running if Path.cwd().is_relative_to(server["root_dir"])]
    chosen = _only(here) or _only(running)
    if chosen is None:
        raise UnavailableError(_which_one(running))
    return Client(chosen["url"], chosen["token"])


def data_folder() -> Path:
    """Return the server's default data folder."""
    return Path(jupyter_data_dir(), "aqueduct")


def _only(servers: list[dict[str, Any]]) -> dict[str, Any] | None:
    return servers[0] if len(servers) == 1 else None


def _which_one(running: list[dict[str, Any]]) -> str:
    if not running:
        return "No Jupyter server is running. Start one with 'jupyter lab', or pass --url."
    urls = ", ".join(server["url"] for server in running)
    return f"Several Jupyter servers are running: {urls}. Choose one with --url and --token."
