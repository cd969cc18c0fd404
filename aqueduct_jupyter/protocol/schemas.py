"""The JSON schema in a request: bounded, and valid by its own draft.

What it is asked for is left to the upstream. The check is jsonschema-rs's, which looks at some
thousand values a millisecond; the bounds keep every check below a few. Nothing that a schema names
is ever fetched: it is held only to drafts that are known here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .plain_text import plain_text

__all__ = ["schema_fault"]

MOST_VALUES = 5000
"""Values in a schema, counted with all that are within others."""

DEEPEST = 64
"""How many objects and lists of a schema may lie within each other."""

_LATEST = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = frozenset(
    {
        *(f"http://json-schema.org/draft-{number}/schema" for number in ("04", "06", "07")),
        "https://json-schema.org/draft/2019-09/schema",
        _LATEST,
    }
)


def schema_fault(schema: dict[str, Any]) -> str | None:
    """Say in words why a JSON schema is none, or too large to be checked; None where it is fine."""
    if fault := _size_fault(schema):
        return fault
    import jsonschema_rs  # few requests have a schema, and no start does

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
    """Give what holds schemas to the latest draft, the syntax of their regular expressions too."""
    import jsonschema_rs

    # Addresses are the upstream's to understand; some tools write spaces into theirs.
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
