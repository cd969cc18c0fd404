"""A kernel's surroundings: its notebook, its cell, its front end.

None of it is certain, because any front end may connect to a kernel. Unknown means None.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["can_add_cells", "find_notebook", "is_notebook", "running_cell"]

NOTEBOOK_TYPES = (".ipynb", ".py", ".md", ".Rmd", ".qmd")
"""How notebooks' names end; jupytext keeps them as text."""


def find_notebook(
    namespace: Mapping[str, Any], environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the notebook's path, if Jupyter or VS Code provides one that is there.

    A path of another machine, or of a notebook that was never saved, is none.
    """
    for given in (namespace.get("__vsc_ipynb_file__"), environment.get("JPY_SESSION_NAME")):
        path = Path(str(given or ""))
        try:
            if path.suffix in NOTEBOOK_TYPES and path.is_file():
                return path
        except (OSError, ValueError):
            continue
    return None


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
