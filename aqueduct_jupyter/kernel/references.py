"""The objects that references after ``--with`` mean: a name, an output, a cell, a file.

==================  ==============================================================
``df``, ``a.b[0]``  a name in the notebook, its attributes and items
``Out[3]``          a cell's output
``In[2]``           a cell's source
``cell:7``          the notebook's seventh cell, as saved, with its outputs
``err``             the last exception
``@notebook``       the whole notebook, as saved
``report.pdf``      a file; images are sent as images, the server reads other files
==================  ==============================================================

Only objects that are named are sent. Their descriptions are in :mod:`.describers`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..protocol.errors import CellError
from .card import user_error
from .context import Context, FilePart, Piece
from .describers import describe, describe_file
from .notebook import find_notebook
from .prompt import evaluate

__all__ = ["last_error", "look_up", "split_references"]

_CELL = re.compile(r"cell:(\d{1,9})")
_INPUT = re.compile(r"In\[(-?\d{1,9})\]")


def split_references(text: str) -> list[str]:
    """Split ``df,rows[0],report.pdf`` at its commas, except inside brackets."""
    parts, begun, depth = [], 0, 0
    for sign in re.finditer(r"[,\[\]]", text):
        depth = max(0, depth + {"[": 1, "]": -1}.get(sign[0], 0))
        if sign[0] == "," and not depth:
            parts.append(text[begun : sign.start()])
            begun = sign.end()
    parts.append(text[begun:])
    return [reference for part in parts if (reference := part.strip())]


def look_up(reference: str, namespace: Mapping[str, Any]) -> Context:
    """Return what a model sees of the object that a reference means.

    Args:
        reference: in one of the forms above.
        namespace: the notebook's names.

    Raises:
        CellError: the reference cannot be resolved.
    """
    if reference == "err":
        return describe("err", last_error())
    if reference == "@notebook":
        return _notebook(namespace)
    if cell := _CELL.fullmatch(reference):
        return _cell(int(cell[1]), namespace)
    if _INPUT.fullmatch(reference):
        source = str(evaluate(reference, namespace))
        return Context(reference, [Piece(f"```python\n{source.rstrip()}\n```")])
    root = re.split(r"[.\[]", reference, maxsplit=1)[0]
    if root not in namespace and _means_file(reference):
        return describe_file(Path(reference).expanduser())
    return describe(reference, evaluate(reference, namespace))


def last_error() -> BaseException:
    """Return the last exception raised by a cell, passing over those of the chat's own cells.

    Raises:
        CellError: no cell has raised one.
    """
    error = user_error(getattr(sys, "last_value", None))
    if error is None:
        raise CellError("No cell has raised an exception yet.")
    return error


def _means_file(reference: str) -> bool:
    try:
        is_there = Path(reference).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False  # too long for a path, or contains a null character
    return is_there or _looks_like_file(reference)


def _looks_like_file(reference: str) -> bool:
    return "/" in reference or re.search(r"\.[A-Za-z]\w{1,5}$", reference) is not None


def _notebook(namespace: Mapping[str, Any]) -> Context:
    path = _saved(namespace)
    return Context("@notebook", parts=[FilePart(path.name, path.read_bytes())])


def _cell(number: int, namespace: Mapping[str, Any]) -> Context:
    notebook = json.loads(_saved(namespace).read_text(encoding="utf-8"))
    cells = notebook["cells"]
    if not 1 <= number <= len(cells):
        raise CellError(f"The notebook has {len(cells)} cells as saved; there is no cell:{number}.")
    alone = {**notebook, "cells": [cells[number - 1]]}
    name = f"cell-{number}.ipynb"
    return Context(f"cell:{number}", parts=[FilePart(name, json.dumps(alone).encode())])


def _saved(namespace: Mapping[str, Any]) -> Path:
    path = find_notebook(namespace)
    if path is None or not path.is_file():
        raise CellError("The notebook's file is unknown, or the notebook was never saved.")
    return path
