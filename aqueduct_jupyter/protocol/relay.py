"""How a user's server asks a hub's service: the headers that only these two know."""

from __future__ import annotations

__all__ = ["DECLARED_TYPE_HEADER", "KERNEL_HEADER", "OWNER_HEADER"]

OWNER_HEADER = "X-Aqueduct-Owner"
"""The header with the user whose server passes an agent's key on; another's key opens nothing."""

DECLARED_TYPE_HEADER = "X-Aqueduct-Declared-Type"
"""The header with the media type that a file was uploaded with, such as one with a charset."""

KERNEL_HEADER = "X-Aqueduct-Kernel"
"""The header with the name in the key that was used in the user's server: a kernel's id, or
``server``. It only narrows what the server's own token opens."""
