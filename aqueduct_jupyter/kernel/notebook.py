"""A kernel's surroundings: its notebook, its cell, its front end.

None of it is certain, because any front end may connect to a kernel. Unknown means None.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = [
    "CELLS_MIMETYPE",
    "add_cells",
    "can_add_cells",
    "find_notebook",
    "in_words",
    "is_notebook",
    "running_cell",
]

CELLS_MIMETYPE = "application/vnd.aqueduct.cells+json"
"""The cells that our JupyterLab extension adds; other front ends show them as text."""

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


def add_cells(shell: Any, cells: Sequence[str]) -> None:
    """Put cells below the running one: the first by the kernel's protocol, which knows only one.

    Args:
        shell: the shell, for which :func:`can_add_cells` is true.
        cells: their sources, at least one.
    """
    from IPython.display import display

    first, *others = cells
    shell.set_next_input(first, replace=False)
    if others:
        data = {"first": first, "others": others}
        # IPython does not annotate it.
        show: Any = display
        show({CELLS_MIMETYPE: data, "text/plain": in_words(others)}, raw=True)


def in_words(cells: Sequence[str]) -> str:
    """Return the text for cells that the user has to add."""
    return "\n".join(f"For a cell of its own:\n\n{cell}" for cell in cells)


def _request_metadata(shell: Any) -> Mapping[str, Any]:
    if not is_notebook(shell):
        return {}
    try:
        metadata: Mapping[str, Any] = shell.kernel.get_parent("shell").get("metadata") or {}
    except (AttributeError, KeyError, RuntimeError):
        return {}
    return metadata
