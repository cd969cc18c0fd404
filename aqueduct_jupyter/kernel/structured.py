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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from ..protocol.errors import AnswerError, CellError
from ..protocol.plain_text import plain_text
from .json_in_text import read_bare_word, read_json_values
from .prompt import LONGEST_EXPRESSION

__all__ = ["AnswerType", "answer_type", "frame_of"]

WRAPPED = "value"
"""The only field of the object that wraps a type other than an object."""

LONGEST_COMPLAINT = 1500

_MODULES = (builtins, typing, datetime, decimal)


class _DoesNotFitError(Exception):
    """A JSON value does not fit a type."""


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
        """Find the object in an answer, validate it and return it.

        Raises:
            AnswerError: there is no JSON, or none that fits the type; the message says where.
        """
        values = read_json_values(text)
        if not values:
            for written, value in read_bare_word(text):
                with suppress(_DoesNotFitError):
                    return self._validated(written, value)
            raise AnswerError("The answer is not valid JSON, nor is any part of it.", text)
        faults = list[str]()
        for written, value in values:
            try:
                return self._validated(written, value)
            except _DoesNotFitError as error:
                faults.append(str(error))
        # The model reads this too, so recorded answers depend on its exact text.
        complaint = f"The answer is no {self.name}: {faults[0]}"[:LONGEST_COMPLAINT]
        raise AnswerError(complaint, text)

    def columns(self) -> list[str]:
        """Return the names of the fields of a list's elements; empty if it is no such list."""
        if not self.is_wrapped:
            return []
        items = self.schema["properties"][WRAPPED].get("items")
        if not isinstance(items, dict):
            return []
        name = str(items.get("$ref", "")).rpartition("/")[2]
        fields = self.schema.get("$defs", {}).get(name, items).get("properties", {})
        return list(fields)

    def _validated(self, written: str, value: Any) -> Any:
        if self.is_wrapped and isinstance(value, dict) and WRAPPED in value:
            with suppress(_DoesNotFitError):
                return self._read(json.dumps(value[WRAPPED]), value[WRAPPED])
        # Many models answer with the list or the number itself.
        return self._read(written, value)

    def _read(self, written: str, value: Any) -> Any:
        from pydantic import ValidationError

        try:
            # Validated as JSON, in which a date is a string.
            found = self.adapter.validate_json(written)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}"
                for fault in error.errors(include_url=False)
            )
            raise _DoesNotFitError(faults) from None
        if "decimal" not in str(self.adapter.core_schema):
            return found
        try:
            # JSON as pydantic reads it has only floats, which are not exact.
            return self.adapter.validate_python(value)
        except ValidationError:
            return found


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


def frame_of(rows: Any, columns: Sequence[str] = ()) -> Any:
    """Make a pandas DataFrame from a list of objects, with a column for each field.

    Args:
        rows: the objects.
        columns: the names of their fields, which an empty list does not have.

    Raises:
        CellError: pandas is not installed, or the argument is not a list.
    """
    try:
        import pandas
    except ImportError:
        raise CellError("A table requires pandas: pip install pandas.") from None
    if not isinstance(rows, list):
        raise CellError("Only a list can become a table; ask with --as 'list[...]'.")
    return pandas.DataFrame([_fields(row) for row in rows], columns=None if rows else [*columns])


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
