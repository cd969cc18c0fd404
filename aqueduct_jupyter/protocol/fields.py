"""Types of fields that the requests of several APIs share: ranges, unions, and a JSON schema.

The fields of each API are in its own module, such as :mod:`.chat_fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from .schemas import schema_fault

__all__ = [
    "LONGEST_NAME",
    "Fields",
    "at_least",
    "between",
    "is_json_schema",
    "text_or_list",
    "type_tag",
]

LONGEST_NAME = 512
"""Longest model name, and longest field name in an error, in characters."""


class Fields(BaseModel):
    """Known fields are checked strictly ("1" is not a number); unknown fields are kept."""

    # Built when first used: all of them together take a fifth of a second of every start.
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)


def between(low: float, high: float) -> AfterValidator:
    """Return the check that a number, if there is one, is within a range."""

    def check(value: float | None) -> float | None:
        if value is not None and not low <= value <= high:
            raise PydanticCustomError(
                "range",
                "must be between {low} and {high}",
                {"low": low, "high": high},
            )
        return value

    return AfterValidator(check)


def at_least(low: int) -> AfterValidator:
    """Return the check that a number, if there is one, is not below a bound."""

    def check(value: int | None) -> int | None:
        if value is not None and value < low:
            raise PydanticCustomError("range", "must be {low} or more", {"low": low})
        return value

    return AfterValidator(check)


def is_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Check that a JSON schema is valid, and small enough to check."""
    if reason := schema_fault(schema):
        raise PydanticCustomError(
            "json_schema", "is not a valid JSON schema: {reason}", {"reason": reason}
        )
    return schema


# Tags in angle brackets select a member of a union and are left out of field names.
def text_or_list(value: Any) -> str:
    """Return the tag of a field that is a string or a list."""
    return "<list>" if isinstance(value, list) else "<text>"


def type_tag(value: Any, known: frozenset[str]) -> str:
    """Return the tag of an object by its ``type``; ``<other>`` if the type is not known."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    return f"<{kind}>" if isinstance(kind, str) and kind in known else "<other>"
