"""This file is the doors that Jupyter knocks on; what is behind each is imported when it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel.client import Client
    from .kernel.panel import ChatPanel

__all__ = ["ChatPanel", "Client", "__version__"]

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server which extension this package holds."""
    from .server.jupyter.app import AqueductApp

    return [{"module": "aqueduct_jupyter", "app": AqueductApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell ``jupyter labextension develop`` where the built front end is."""
    return [{"src": "labextension", "dest": "aqueduct-jupyter"}]


def load_ipython_extension(shell: Any) -> None:
    """Give an IPython shell the magics ``%%chat`` and ``%chat``."""
    from .kernel.magics import ChatMagics

    shell.register_magics(ChatMagics)


def __getattr__(name: str) -> Any:
    """Bring what a notebook imports from here when it asks for it."""
    if name == "Client":
        from .kernel.client import Client

        return Client
    if name == "ChatPanel":
        from .kernel.panel import ChatPanel

        return ChatPanel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
