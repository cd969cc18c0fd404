"""The notebook's variables for a page: listed, and described as after ``--with``.

JupyterLab's page evaluates :func:`listed` and :func:`described` as the expression of a silent
request, so neither may raise: IPython would take that for the notebook's last error. The panel asks
with its own messages.
"""

from __future__ import annotations

import inspect
import mimetypes
from base64 import b64encode
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ..protocol.errors import AqueductError
from ..protocol.plain_text import plain_text
from ..protocol.variables import MEDIA_TYPE, Described, DescribedFile, Variable
from .context import Context, FilePart, ImagePart, fit, registered
from .references import look_up

__all__ = ["Answer", "as_described", "described", "listed", "variables_of"]

MOST_VARIABLES = 500
"""How many variables are listed."""

CONTEXT_TOKENS = 8000
"""The budget for the text of one variable, by estimate: that of a question's attachments."""

_SHAPED = {"PIL", "dask", "jax", "numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "xarray"}
"""Modules whose objects have a shape that costs nothing to read."""

_SIZED = (str, bytes, list, tuple, set, frozenset, dict)


class Answer:
    """An answer to the page, which IPython's formatters pass on as it is."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        return {MEDIA_TYPE: self._data}


def listed() -> Answer:
    """Return the notebook's variables."""
    shell = _shell()
    return Answer({"variables": variables_of(shell.user_ns, shell.user_ns_hidden)})


def described(reference: str) -> Answer:
    """Return what a model gets of an object, or the error for the user.

    Args:
        reference: as after ``--with``.
    """
    try:
        return Answer(as_described(look_up(reference, _shell().user_ns)))
    except AqueductError as error:
        return Answer({"error": error.message})
    except Exception as error:  # an object's own attributes may raise anything
        return Answer({"error": f"{reference} cannot be described ({type(error).__name__})."})


def variables_of(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> list[Variable]:
    """List the variables that a user has defined: data first, then the rest, each by name.

    Args:
        namespace: the notebook's names.
        hidden: the names that IPython put there itself, with their values.
    """
    own = [
        (name, value)
        for name, value in list(namespace.items())
        if not name.startswith("_")
        and not (name in hidden and hidden[name] is value)
        and not _is_imported(value)
    ]
    own.sort(key=lambda item: (registered(item[1]) is None, item[0].lower()))
    return [
        {"name": name, "type": plain_text(type(value).__name__, 80), "shape": _shape(value)}
        for name, value in own[:MOST_VARIABLES]
    ]


def as_described(context: Context) -> Described:
    """Return a context in the form for pages; its text is cut to the budget."""
    fit([context], CONTEXT_TOKENS)
    files = [_file(context.name, number, part) for number, part in enumerate(context.parts, 1)]
    named = "\n".join(f"[the file {file['name']}]" for file in files)
    text = "\n".join(part for part in (context.body, named) if part)
    return {"name": context.name, "text": text, "cut": list(context.cut), "files": files}


def _file(name: str, number: int, part: ImagePart | FilePart) -> DescribedFile:
    if isinstance(part, FilePart):
        kind = mimetypes.guess_type(part.filename)[0] or "application/octet-stream"
        filename = part.filename
    else:
        kind = part.media_type
        more = f" {number}" if number > 1 else ""
        filename = f"{name}{more}.{kind.rpartition('/')[2]}"
    return {"name": filename, "media_type": kind, "data": b64encode(part.data).decode()}


def _is_imported(value: Any) -> bool:
    """Return whether this is a module, or a function or class of another module."""
    if isinstance(value, ModuleType):
        return True
    is_definition = inspect.isroutine(value) or isinstance(value, type)
    return is_definition and getattr(value, "__module__", None) != "__main__"


def _shape(value: Any) -> str:
    """Return an object's size; empty if it has none, or if reading it could run a user's code."""
    try:
        if type(value).__module__.partition(".")[0] in _SHAPED:
            sides = getattr(value, "shape", None) or getattr(value, "size", None)
            if isinstance(sides, tuple):
                return " x ".join(str(side) for side in sides)
        if isinstance(value, _SIZED):
            return str(len(value))
    except Exception:  # another library's object
        return ""
    return ""


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
