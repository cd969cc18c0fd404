"""This file is the doors that Jupyter knocks on; what is behind each is imported when it opens."""

from __future__ import annotations

from typing import Any

__all__ = ["__version__"]

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server which extension this package holds."""
    from .server.app import AqueductApp

    return [{"module": "aqueduct_jupyter", "app": AqueductApp}]
