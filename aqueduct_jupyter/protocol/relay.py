"""How a user's server asks a hub's service: the headers that it adds to its users' requests."""

from __future__ import annotations

__all__ = ["KERNEL_HEADER"]

KERNEL_HEADER = "X-Aqueduct-Kernel"
"""The header with the name in the key that was used in the user's server: a kernel's id, or
``server``. It only narrows what the server's own token opens."""
