"""This file is which server a kernel talks to, and with which key.

Talking is left to :mod:`.client`. Looked at, in this order:

1. what the caller says;
2. ``AQUEDUCT_BASE_URL`` with ``AQUEDUCT_API_KEY``, which this extension puts into every kernel;
3. ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``, which a user may have set;
4. what JupyterHub tells a single-user server and its kernels;
5. the file in which the parent Jupyter server says where it listens.
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
"""Where an ``OPENAI_API_KEY`` without an address belongs."""


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address, the key for it, and where they were found."""

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
        base_url: its address, where the caller knows it.
        api_key: the key for it.
        environment: the variables to look at.
        runtime: the folder of the Jupyter servers' files; Jupyter's own by default.

    Raises:
        UnavailableError: there is none.
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
        # A key goes only to the address that it was set for.
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
        said = json.loads(file.read_text())
        return Address(_reachable(said["url"]), said["token"] or None, file.name)
    except (OSError, ValueError, KeyError):
        return None


def _reachable(url: str) -> str:
    # A server that listens everywhere is reached here.
    return url.replace("://0.0.0.0", "://127.0.0.1").replace("://[::]", "://127.0.0.1").rstrip("/")
