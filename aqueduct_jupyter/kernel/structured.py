"""Typed answers: a type in the notebook -> a JSON schema -> a validated object.

pydantic makes the schemas and validates, so models, dataclasses, TypedDicts and plain types all
work. Asking again after an invalid answer is in :mod:`.session`.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import decimal
import inspect
import json
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from ..protocol.errors import AnswerError, CellError
from ..protocol.plain_text import plain_text
from .prompt import LONGEST_EXPRESSION

__all__ = ["AnswerType", "answer_type", "frame_of"]

WRAPPED = "value"
"""The only field of the object that wraps a type other than an object."""

LONGEST_COMPLAINT = 1500

_MODULES = (builtins, typing, datetime, decimal)


@dataclass(frozen=True, slots=True)
class AnswerType:
    """A type that answers must have.

    ``schema`` is the JSON schema of an object; ``is_wrapped`` means that the type itself is not an
    object and is wrapped in one with a single field.
    """

    name: str
    schema: dict[str, Any]
    is_wrapped: bool
    adapter: Any

    def response_format(self) -> dict[str, Any]:
        """Return the API parameter that asks for such an answer."""
        name = "".join(letter if letter.isalnum() else "_" for letter in self.name)[:64]
        return {"type": "json_schema", "json_schema": {"name": name, "schema": self.schema}}

    def request(self) -> str:
        """Return the text that asks for it if an upstream does not support schemas."""
        text = "Answer with one JSON object only, without other words. Its JSON schema is: "
        return text + json.dumps(self.schema)

    def read(self, text: str) -> Any:
        """Validate an answer and return its object.

        Raises:
            AnswerError: it is not valid JSON or does not fit the type; the message says where.
        """
        from pydantic import ValidationError

        try:
            value = json.loads(_without_fence(text))
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"The answer is not valid JSON ({error}).", text) from None
        if self.is_wrapped:
            if not isinstance(value, dict) or WRAPPED not in value:
                raise AnswerError(f"The answer has no field '{WRAPPED}'.", text)
            value = value[WRAPPED]
        try:
            # Validated as JSON, in which a date is a string.
            return self.adapter.validate_json(json.dumps(value))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}"
                for fault in error.errors(include_url=False)
            )
            # The model reads this too, so recorded answers depend on its exact text.
            complaint = f"The answer is no {self.name}: {faults}"[:LONGEST_COMPLAINT]
            raise AnswerError(complaint, text) from None


def answer_type(expression: str, namespace: Mapping[str, Any]) -> AnswerType:
    """Find a type by its name.

    Args:
        expression: for example ``Invoice``, ``list[Row]`` or ``dict[str, int] | None``.
        namespace: the notebook's names; builtins and ``typing`` are also available.

    Raises:
        CellError: it is not a type, or it has no JSON schema.
    """
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    if len(expression) > LONGEST_EXPRESSION:
        raise CellError(f"--as '{plain_text(expression, 80)}' is too long. Give the type a name.")
    try:
        tree = ast.parse(expression, mode="eval").body
        kind = _type_of(tree, expression, namespace)
    except CellError:
        raise
    except Exception as error:
        # A subscript or an attribute of an arbitrary object may raise anything.
        raise CellError(f"--as '{expression}' is not a type ({error}).") from None
    if inspect.isroutine(kind) or inspect.ismodule(kind):
        raise CellError(f"--as '{expression}' is not a type.")
    try:
        adapter = TypeAdapter(kind)
        schema = adapter.json_schema()
    except (PydanticUserError, TypeError, NameError, RecursionError) as error:
        what = plain_text(str(error).partition("\n")[0])
        raise CellError(f"--as '{expression}' has no JSON schema: {what}") from None
    is_wrapped = schema.get("type") != "object" and "$ref" not in schema
    if is_wrapped:
        definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
        properties = {WRAPPED: schema}
        schema = {"type": "object", "properties": properties, "required": [WRAPPED], **definitions}
    return AnswerType(expression, schema, is_wrapped, adapter)


def frame_of(rows: Any) -> Any:
    """Make a pandas DataFrame from a list of objects, with a column for each field.

    Raises:
        CellError: pandas is not installed, or the argument is not a list.
    """
    try:
        import pandas
    except ImportError:
        raise CellError("A table requires pandas: pip install pandas.") from None
    if not isinstance(rows, list):
        raise CellError("Only a list can become a table; ask with --as 'list[...]'.")
    return pandas.DataFrame([_fields(row) for row in rows])


def _fields(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    if hasattr(row, "model_dump"):
        fields: dict[str, Any] = row.model_dump()
        return fields
    if is_dataclass(row) and not isinstance(row, type):
        return asdict(row)
    return {WRAPPED: row}


def _type_of(tree: ast.expr, expression: str, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Name(id=name):
            return _named(name, expression, namespace)
        case ast.Attribute(value=inner, attr=name):
            return getattr(_type_of(inner, expression, namespace), name)
        case ast.Subscript(value=inner, slice=parameters):
            return _type_of(inner, expression, namespace)[
                _type_of(parameters, expression, namespace)
            ]
        case ast.Tuple(elts=kinds):
            return tuple(_type_of(kind, expression, namespace) for kind in kinds)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type_of(left, expression, namespace) | _type_of(right, expression, namespace)
        case ast.Constant(value=value):
            return value
    raise CellError(f"--as '{expression}' is not a type.")


def _named(name: str, expression: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    for module in _MODULES:
        if hasattr(module, name):
            return getattr(module, name)
    raise CellError(f"The type '{name}' is not defined in this notebook (--as '{expression}').")


def _without_fence(text: str) -> str:
    # Models often wrap JSON in a fence.
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```") and "\n" in stripped:
        return stripped.split("\n", 1)[1].removesuffix("```")
    return stripped
