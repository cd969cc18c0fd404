"""This file is where a kernel is: which notebook, which cell, which front end.

None of it is certain: a kernel serves whoever is connected. What is unknown is None.
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
    """Give the notebook's path, where Jupyter or VS Code told it."""
    told = namespace.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME", "")
    path = Path(str(told))
    return path if path.suffix == ".ipynb" else None


def is_notebook(shell: Any) -> bool:
    """Tell whether a shell's outputs go to a notebook, and not to a terminal."""
    return hasattr(shell, "kernel")


def running_cell(shell: Any) -> str | None:
    """Give the id of the cell that runs, as its front end calls it."""
    cell = _request_metadata(shell).get("cellId")
    return str(cell) if cell else None


def can_add_cells(shell: Any) -> bool:
    """Tell whether the front end adds the cells that a kernel asks for, once each."""
    # JupyterLab and Notebook name their cells so; VS Code's names are addresses.
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
