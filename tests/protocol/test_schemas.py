"""A schema is checked by its own draft, within bounds, and nothing that it names is fetched."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from aqueduct_jupyter.protocol.schemas import DEEPEST, MOST_VALUES, schema_fault


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


DRAFT_4 = "http://json-schema.org/draft-04/schema#"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"$schema": DRAFT_4, "minimum": 1, "exclusiveMinimum": True},
        {"$schema": "https://example.invalid/mine", "type": "object"},
        {"$ref": "#/$defs/My Type", "$defs": {"My Type": {"pattern": "(?<=a)b(?!c)"}}},
        {"allOf": [{}] * (MOST_VALUES - 2)},
        nested(DEEPEST - 1),
    ],
)
def test_what_is_a_schema_is_taken(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) is None


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"exclusiveMinimum": True}, "number"),
        ({"pattern": "("}, "regex"),
        ({"properties": {"a": {"pattern": "a{2,1}"}}}, "regex"),
        ({"patternProperties": {"[": {}}}, "regex"),
        ({"$schema": ["x"]}, "$schema is not a string"),
        ({"allOf": [{}] * MOST_VALUES}, f"more than {MOST_VALUES} values"),
        (nested(DEEPEST), "nested more than"),
    ],
)
def test_what_is_none_says_why(schema: dict[str, Any], says: str) -> None:
    fault = schema_fault(schema) or ""
    assert says in fault
    assert fault.isprintable()
    assert len(fault) <= 200


def test_one_of_any_depth_is_none() -> None:
    assert "nested more than" in (schema_fault(nested(100_000)) or "")


def test_nothing_that_a_schema_names_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        here = f"http://127.0.0.1:{listening.getsockname()[1]}/schema"
        for schema in (
            {"$schema": here},
            {"$ref": here},
            {"$id": here, "$dynamicRef": here},
            {"$defs": {"a": {"$id": here, "$schema": here, "$vocabulary": {here: True}}}},
            {"$schema": DRAFT_4, "id": here, "$ref": here},
        ):
            schema_fault(schema)
        with pytest.raises(TimeoutError):
            listening.accept()
