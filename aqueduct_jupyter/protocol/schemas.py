"""The check of a JSON schema in a request: its size, and its validity under its own draft.

The upstream applies the schema. jsonschema-rs does the check, at about a thousand values per
millisecond; the bounds keep each check to a few milliseconds. No reference in a schema is ever
fetched: only the drafts known here are used.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .plain_text import plain_text

__all__ = ["schema_fault"]

MOST_VALUES = 5000
"""Most values in a schema, nested ones included."""

DEEPEST = 64
"""Most levels of nested objects and lists in a schema."""

_LATEST = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = frozenset(
    {
        *(f"http://json-schema.org/draft-{number}/schema" for number in ("04", "06", "07")),
        "https://json-schema.org/draft/2019-09/schema",
        _LATEST,
    }
)


def schema_fault(schema: dict[str, Any]) -> str | None:
    """Return why a JSON schema is invalid or too large to check; None if it is valid."""
    if fault := _size_fault(schema):
        return fault
    import jsonschema_rs  # few requests have a schema, and starting up needs none

    named = schema.get("$schema", _LATEST)
    if not isinstance(named, str):
        return "its $schema is not a string"
    draft = named.removesuffix("#")
    draft = draft if draft in _DRAFTS else _LATEST
    try:
        jsonschema_rs.meta.validate({**schema, "$schema": draft})
        if draft == _LATEST:
            _expressions().validate(schema)
    except jsonschema_rs.ValidationError as error:
        return plain_text(error.message)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return plain_text(str(error).partition("\n")[0]) or "it cannot be read"
    return None


@cache
def _expressions() -> Any:
    """Return the validator for the latest draft, which also checks regular expressions."""
    import jsonschema_rs

    # URIs are left to the upstream; some tools write spaces into theirs.
    addresses = ("uri", "uri-reference", "iri", "iri-reference")
    formats = {name: lambda _: True for name in addresses}
    return jsonschema_rs.validator_for({"$ref": _LATEST}, validate_formats=True, formats=formats)


def _size_fault(schema: Any) -> str | None:
    count, level = 0, [schema]
    for _ in range(DEEPEST):
        count += len(level)
        if count > MOST_VALUES:
            return f"it has more than {MOST_VALUES} values"
        level = [inner for value in level for inner in _within(value)]
        if not level:
            return None
    return f"it is nested more than {DEEPEST} levels deep"


def _within(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
