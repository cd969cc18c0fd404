"""The parts of which the description of an address is made."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

__all__ = [
    "EVENT",
    "OBJECT",
    "REFERENCE",
    "TEXT",
    "Schema",
    "json_content",
    "operation_object",
    "parameter",
    "schema_of",
]

REFERENCE = "#/components/schemas/{model}"
"""How a schema is referred to."""

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
OBJECT: Schema = {"type": "object"}
EVENT: Schema = {"type": "object", "required": ["data"], "properties": {"data": TEXT}}


def operation_object(
    summary: str,
    answer: Schema,
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
) -> Schema:
    """Describe one verb of an address.

    Args:
        summary: what it does.
        answer: the contents of its answer, by media type.
        parameters: those in its path and query.
        body: the contents of its body, by media type.
    """
    error = {"description": "An error.", "content": json_content({"$ref": reference_to("Error")})}
    operation: Schema = {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": answer},
            "4XX": error,
            "5XX": error,
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def parameter(name: str, where: str, schema: Schema) -> Schema:
    """Describe a parameter in the path or the query."""
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def json_content(schema: Schema) -> Schema:
    """Describe a content in JSON."""
    return {"application/json": {"schema": schema}}


def schema_of(kind: type[BaseModel]) -> Schema:
    """Refer to the schema of a class."""
    return {"$ref": reference_to(kind.__name__)}


def reference_to(name: str) -> str:
    return REFERENCE.format(model=name)
