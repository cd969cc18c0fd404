"""This file is what a cell says: its words literally, and ``@{name}`` where a value stands.

``@{df.shape}``, ``@{rows[0]}`` and ``@{settings["unit"]}`` are names, attributes and items, never
calls. ``@@{`` is a literal ``@{``, and so is one that no name follows (LaTeX has such). What was
inserted is not looked at again, so a value cannot insert another one. How objects are described
for a model is left to :mod:`.context`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from ..protocol.errors import CellError
from ..protocol.plain_text import plain_text

__all__ = ["LONGEST_EXPRESSION", "evaluate", "interpolate"]

LONGEST_EXPRESSION = 500
"""Characters of what stands for a value."""

_PLACE = re.compile(r"@@\{|@\{(?=\s*[^\W\d])([^{}\n]*)\}?")


def interpolate(prompt: str, namespace: Mapping[str, Any]) -> str:
    """Put values into a prompt.

    Args:
        prompt: the cell's words.
        namespace: the notebook's names.

    Raises:
        CellError: a name does not exist, or a place holds more than names, attributes and items.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] is None:
            return "@{"
        if not place[0].endswith("}"):
            raise CellError(
                f"'{place[0][:40]}' is not closed. Write @{{name}}, or @@{{ for a literal @{{."
            )
        return str(evaluate(place[1].strip(), namespace))

    return _PLACE.sub(value, prompt)


def evaluate(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Look up a name, its attributes and items.

    Raises:
        CellError: it does not exist, or is no such expression.
    """
    # Python's own parser gives up on what is nested too deeply, each time with another error.
    if len(expression) > LONGEST_EXPRESSION:
        raise _no_place(expression)
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_place(expression) from None
    return _look_up(tree, expression, namespace)


def _look_up(tree: ast.expr, expression: str, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            if name not in namespace:
                raise CellError(f"There is no name '{name}' in this notebook (in '{expression}').")
            return namespace[name]
        case ast.Attribute(value=inner, attr=name):
            owner = _look_up(inner, expression, namespace)
            try:
                return getattr(owner, name)
            except Exception as error:  # a property may raise anything
                raise CellError(f"'{expression}' cannot be looked up: {error}.") from None
        case ast.Subscript(value=inner, slice=ast.Constant(value=key)):
            return _item(_look_up(inner, expression, namespace), key, expression)
        case ast.Subscript(
            value=inner, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(key)))
        ):
            return _item(_look_up(inner, expression, namespace), -key, expression)
    raise _no_place(expression)


def _item(owner: Any, key: Any, expression: str) -> Any:
    try:
        return owner[key]
    except Exception as error:  # any object's own way to look up
        what = f"{type(error).__name__}: {error}"
        raise CellError(f"'{expression}' cannot be looked up ({what}).") from None


def _no_place(expression: str) -> CellError:
    return CellError(
        f"'{plain_text(expression, 80)}' is not a name, an attribute or an item; calls are not "
        "made here. Give the value a name in a cell before, and use that."
    )
