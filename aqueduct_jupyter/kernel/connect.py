"""The search for the server that a kernel talks to, and for its key.

The requests are in :mod:`.client`. Sources, in this order:

1. the caller's arguments;
2. ``AQUEDUCT_BASE_URL`` with ``AQUEDUCT_API_KEY``, which this extension sets in every kernel;
3. ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``, which the user may have set;
4. the variables that JupyterHub sets for a single-user server and its kernels;
5. the file in which the parent Jupyter server records its address.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..protocol.errors import UnavailableError

__all__ = ["Address", "find_address"]

OPENAI = "https://api.openai.com/v1"
"""The address for an ``OPENAI_API_KEY`` without an ``OPENAI_BASE_URL``."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address, its key, and where they were found."""

    base_url: str
    api_key: str | None = field(repr=False)
    source: str


def find_address(
    base_url: str | None = None,
    api_key: str | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    runtime: Path | None = None,
) -> Address:
    """Find the server.

    Args:
        base_url: its address, if the caller knows it.
        api_key: its key.
        environment: the environment variables.
        runtime: the folder with the Jupyter servers' files; Jupyter's own by default.

    Raises:
        UnavailableError: no server was found.
    """
    found = (
        _given(base_url, api_key, environment)
        or _aqueduct(environment, api_key)
        or _openai(environment, api_key)
        or _hub(environment, api_key)
        or _parent(environment, runtime)
    )
    if found is None:
        raise UnavailableError(
            "No server was found. Start the notebook in a Jupyter server with aqueduct-jupyter, or "
            "set OPENAI_BASE_URL and OPENAI_API_KEY, or pass base_url and api_key."
        )
    return found


def _given(url: str | None, key: str | None, environment: Mapping[str, str]) -> Address | None:
    if not url:
        return None
    for name in ("AQUEDUCT", "OPENAI"):
        # A key is sent only to the address that it was set for.
        if key is None and environment.get(f"{name}_BASE_URL", "").rstrip("/") == url.rstrip("/"):
            key = environment.get(f"{name}_API_KEY")
    return Address(url, key, "arguments")


def _aqueduct(environment: Mapping[str, str], key: str | None) -> Address | None:
    url = environment.get("AQUEDUCT_BASE_URL")
    own = environment.get("AQUEDUCT_API_KEY") or environment.get("AQUEDUCT_TOKEN")
    return Address(url, key or own, "AQUEDUCT_BASE_URL") if url else None


def _openai(environment: Mapping[str, str], key: str | None) -> Address | None:
    url, own = environment.get("OPENAI_BASE_URL"), key or environment.get("OPENAI_API_KEY")
    if url:
        return Address(url, own, "OPENAI_BASE_URL")
    return Address(OPENAI, own, "OPENAI_API_KEY") if own else None


def _hub(environment: Mapping[str, str], key: str | None) -> Address | None:
    url, own = environment.get("JUPYTERHUB_SERVICE_URL"), environment.get("JUPYTERHUB_API_TOKEN")
    return Address(_reachable(url), key or own, "JUPYTERHUB_SERVICE_URL") if url and own else None


def _parent(environment: Mapping[str, str], runtime: Path | None) -> Address | None:
    parent = environment.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return None
    if runtime is None:
        from jupyter_core.paths import jupyter_runtime_dir

        runtime = Path(jupyter_runtime_dir())
    file = runtime / f"jpserver-{parent}.json"
    try:
        server = json.loads(file.read_text())
        return Address(_reachable(server["url"]), server["token"] or None, file.name)
    except (OSError, ValueError, KeyError):
        return None


def _reachable(url: str) -> str:
    # A server that listens on all interfaces is reachable on the loopback address.
    return url.replace("://0.0.0.0", "://127.0.0.1").replace("://[::]", "://127.0.0.1").rstrip("/")
