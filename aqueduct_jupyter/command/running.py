"""The server that a command means: the one given, this terminal's own, or a running one.

Requests are sent by :class:`aqueduct_jupyter.kernel.client.Client`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_data_dir

from ..kernel.client import Client
from ..protocol.errors import UnavailableError

__all__ = ["data_folder", "find_owned_server", "find_server"]

LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
"""The names by which a server's files, and its children, know a server on this machine."""


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
    chosen = _find_running()
    return Client(chosen["url"], chosen["token"])


def find_owned_server(url: str | None, token: str | None) -> Client:
    """Find the server that a command means, with the token of its owner.

    A terminal's own key does not open everything. The token is in a file of the running server that
    only its system user can read.

    Args:
        url: the address that the user gave, or None.
        token: its token, or None.

    Raises:
        UnavailableError: as for :func:`find_server`, or the token was not found.
    """
    own = os.environ.get("AQUEDUCT_BASE_URL") if "AQUEDUCT_API_KEY" in os.environ else None
    if not (address := url or own):
        chosen = _find_running()
        return Client(chosen["url"], chosen["token"])
    if token is None:
        tokens = [server["token"] for server in _running() if _is_same(server["url"], address)]
        if not tokens:
            raise UnavailableError(
                f"The token of the server at {address} was not found. Pass it with --token."
            )
        token = tokens[0]
    return Client(address, token)


def _find_running() -> dict[str, Any]:
    running = _running()
    here = [server for server in running if Path.cwd().is_relative_to(server["root_dir"])]
    chosen = _only(here) or _only(running)
    if chosen is None:
        raise UnavailableError(_which_one(running))
    return chosen


def _running() -> list[dict[str, Any]]:
    # Four fifths of a command's start, for which only those wait who do not say which server.
    from jupyter_server.serverapp import list_running_servers

    return list(list_running_servers())


def data_folder() -> Path:
    """Return the server's default data folder."""
    return Path(jupyter_data_dir(), "aqueduct")


def _is_same(url: str, other: str) -> bool:
    """Compare two addresses of one machine, which may name it differently."""
    return _place(url) == _place(other)


def _place(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    host = "localhost" if parts.hostname in LOOPBACK else parts.hostname or ""
    return host, parts.port, parts.path.rstrip("/").removesuffix("/v1")


def _only(servers: list[dict[str, Any]]) -> dict[str, Any] | None:
    return servers[0] if len(servers) == 1 else None


def _which_one(running: list[dict[str, Any]]) -> str:
    if not running:
        return "No Jupyter server is running. Start one with 'jupyter lab', or pass --url."
    urls = ", ".join(server["url"] for server in running)
    return f"Several Jupyter servers are running: {urls}. Choose one with --url and --token."
