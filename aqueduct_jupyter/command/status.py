"""``jupyter aqueduct status``: prints the state of a running server."""

from __future__ import annotations

import math
from typing import Any

from .running import find_server

__all__ = ["status"]


def status(url: str | None, token: str | None) -> int:
    """Print a server's state.

    Args:
        url: the server, or None to find it.
        token: its token, or None.

    Returns:
        0, or 1 if an upstream does not answer or a setting cannot be used.

    Raises:
        AqueductError: no server was found, or it did not answer.
    """
    with find_server(url, token) as client:
        state = client.get("aqueduct/status")
        print(f"aqueduct-jupyter {state['version']} at {client.base_url}")
    for upstream in state["upstreams"]:
        print(f"  upstream {upstream['name']}: {upstream['error'] or 'answers'}")
    for name, deployments in state.get("deployments", {}).items():
        print(f"  deployments of {name}:")
        for one in deployments:
            print(f"    {one['model']}, weight {one['weight']:g}: {_state(one)}")
    print(f"  models: {', '.join(state['models']) or 'none'}")
    print(f"  default model: {state['default_model'] or 'none; name one in each request'}")
    if local := state["local_model"]:
        print(f"  embedded model: {local['model']}, {local['state']}")
    if documents := state.get("documents"):
        limits = [key.replace("_", " ") for key, is_active in documents.items() if is_active]
        confined = ", ".join(limits) or "only the system user's permissions"
        print(f"  document readers are confined by: {confined}")
    for notice in state["notices"]:
        print(f"  note: {notice}")
    is_silent = any(not upstream["answers"] for upstream in state["upstreams"])
    return int(bool(state["notices"]) or is_silent)


def _state(deployment: dict[str, Any]) -> str:
    """Say in words whether a deployment is asked."""
    match deployment["state"]:
        case "open":
            seconds = math.ceil(deployment["seconds"])
            return f"passed over for {seconds} s ({deployment['last_error']})"
        case "half_open":
            return f"will be tried again ({deployment['last_error']})"
    return "in use"
