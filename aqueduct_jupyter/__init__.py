"""The package's entry points for Jupyter and IPython; each imports its code only when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel.client import Client
    from .kernel.panel import ChatPanel

__all__ = ["ChatPanel", "Client", "__version__"]

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server which extension this package contains."""
    from .server.jupyter.app import AqueductApp

    return [{"module": "aqueduct_jupyter", "app": AqueductApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell ``jupyter labextension develop`` where the built front end is."""
    return [{"src": "labextension", "dest": "aqueduct-jupyter"}]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics ``%%chat`` and ``%chat`` in an IPython shell.

    After ``%reload_ext`` the conversations, the recording and the settings are still there.
    """
    from .kernel.magics import ChatMagics

    before = shell.magics_manager.registry.get("ChatMagics")
    magics = ChatMagics(shell)
    if before is not None:
        magics.take_over(before)
    shell.register_magics(magics)


def __getattr__(name: str) -> Any:
    """Import the public classes on first use."""
    if name == "Client":
        from .kernel.client import Client

        return Client
    if name == "ChatPanel":
        from .kernel.panel import ChatPanel

        return ChatPanel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
