"""The prompt in a cell: literal text, with a value in place of ``@{name}``.

``@{df.shape}``, ``@{rows[0]}`` and ``@{settings["unit"]}`` are names, attributes and items, never
calls. ``@@{`` is a literal ``@{``, and so is ``@{`` without a name after it (LaTeX uses it).
Inserted text is not scanned again, so a value cannot insert another one. Descriptions of objects
are in :mod:`.context`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from ..protocol.errors import CellError
from ..protocol.plain_text import plain_text
from .stable_text import inserted

__all__ = ["LONGEST_EXPRESSION", "evaluate", "interpolate"]

LONGEST_EXPRESSION = 500
"""Longest expression for a value, in characters."""

_PLACE = re.compile(r"@@\{|@\{(?=\s*[^\W\d])([^{}\n]*)\}?")


def interpolate(prompt: str, namespace: Mapping[str, Any]) -> str:
    """Insert values into a prompt.

    Args:
        prompt: the cell's text.
        namespace: the notebook's names.

    Raises:
        CellError: a name does not exist, or an expression is more than names, attributes and items.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] is None:
            return "@{"
        if not place[0].endswith("}"):
            raise CellError(
                f"'{place[0][:40]}' has no closing brace. Write @{{name}}, or @@{{ for a literal "
                "@{."
            )
        return inserted(evaluate(place[1].strip(), namespace))

    return _PLACE.sub(value, prompt)


def evaluate(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Look up a name, its attributes and items.

    Raises:
        CellError: it does not exist, or is not such an expression.
    """
    # Python's parser fails on deep nesting, with a different error each time.
    if len(expression) > LONGEST_EXPRESSION:
        raise _unsupported(expression)
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unsupported(expression) from None
    return _look_up(tree, expression, namespace)


def _look_up(tree: ast.expr, expression: str, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            if name not in namespace:
                raise CellError(f"'{name}' is not defined in this notebook (in '{expression}').")
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
    raise _unsupported(expression)


def _item(owner: Any, key: Any, expression: str) -> Any:
    try:
        return owner[key]
    except Exception as error:  # an object's own lookup may raise anything
        what = f"{type(error).__name__}: {error}"
        raise CellError(f"'{expression}' cannot be looked up ({what}).") from None


def _unsupported(expression: str) -> CellError:
    return CellError(
        f"'{plain_text(expression, 80)}' is not a name, an attribute or an item; calls are not "
        "allowed here. Assign the value to a name in an earlier cell and use that name."
    )
