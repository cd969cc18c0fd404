"""This file is ``jupyter aqueduct status``: what a running server says of itself, for a person."""

from __future__ import annotations

from typing import Any

from .running import find_server

__all__ = ["status"]


def status(url: str | None, token: str | None) -> int:
    """Print a server's state.

    Args:
        url: the server, or None to find it.
        token: its token, or None.

    Returns:
        0, or 1 where an upstream does not answer or a setting could not be used.

    Raises:
        AqueductError: no server was found, or it did not answer.
    """
    with find_server(url, token) as client:
        said = client.get("aqueduct/status")
        print(f"aqueduct-jupyter {said['version']} at {client.base_url}")
    for upstream in said["upstreams"]:
        print(f"  upstream {upstream['name']}: {upstream['error'] or 'answers'}")
    print(f"  models: {', '.join(said['models']) or 'none'}")
    print(f"  default model: {said['default_model'] or 'none; name one in each request'}")
    if local := said["local_model"]:
        print(f"  embedded model: {local['model']}, {local['state']}")
    if documents := said.get("documents"):
        held = [word.replace("_", " ") for word, is_held in documents.items() if is_held]
        print(f"  document readers are held by: {', '.join(held) or 'nothing but the system user'}")
    for notice in said["notices"]:
        print(f"  note: {notice}")
    return int(bool(said["notices"]) or any(_is_silent(upstream) for upstream in said["upstreams"]))


def _is_silent(upstream: dict[str, Any]) -> bool:
    return not upstream["answers"]
