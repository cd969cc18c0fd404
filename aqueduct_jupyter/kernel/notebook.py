"""A kernel's surroundings: its notebook, its cell, its front end.

None of it is certain, because any front end may connect to a kernel. Unknown means None.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["can_add_cells", "find_notebook", "is_notebook", "running_cell"]


def find_notebook(
    namespace: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the notebook's path, if Jupyter or VS Code provides it."""
    given = namespace.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME", "")
    path = Path(str(given))
    return path if path.suffix == ".ipynb" else None


def is_notebook(shell: Any) -> bool:
    """Return whether a shell's output goes to a notebook rather than a terminal."""
    return hasattr(shell, "kernel")


def running_cell(shell: Any) -> str | None:
    """Return the front end's id of the running cell."""
    cell = _request_metadata(shell).get("cellId")
    return str(cell) if cell else None


def can_add_cells(shell: Any) -> bool:
    """Return whether the front end adds each cell that a kernel requests exactly once."""
    # JupyterLab and Notebook use ids without a colon; VS Code's ids are URIs.
    cell = running_cell(shell)
    return cell is not None and ":" not in cell


def _request_metadata(shell: Any) -> Mapping[str, Any]:
    if not is_notebook(shell):
        return {}
    try:
        metadata: Mapping[str, Any] = shell.kernel.get_parent("shell").get("metadata") or {}
    except (AttributeError, KeyError, RuntimeError):
        return {}
    return metadata
