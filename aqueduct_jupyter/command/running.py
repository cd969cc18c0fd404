"""This file is which server a command means: the one named, this terminal's own, or one that runs.

Talking to it is left to :class:`aqueduct_jupyter.kernel.client.Client`.
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
    """Find the server that a command is about.

    Args:
        url: what the person named, or None.
        token: its token, or None.

    Raises:
        UnavailableError: none runs, or several do and none is this folder's.
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
    """Say where the server keeps its data, unless it is configured to keep it elsewhere."""
    return Path(jupyter_data_dir(), "aqueduct")


def _only(servers: list[dict[str, Any]]) -> dict[str, Any] | None:
    return servers[0] if len(servers) == 1 else None


def _which_one(running: list[dict[str, Any]]) -> str:
    if not running:
        return "No Jupyter server runs here. Start one with 'jupyter lab', or name one with --url."
    urls = ", ".join(server["url"] for server in running)
    return f"Several Jupyter servers run here: {urls}. Name one with --url and --token."
