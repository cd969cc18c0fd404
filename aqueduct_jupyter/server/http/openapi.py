"""``aqueduct/openapi.json``: the description of this server's API.

The document is generated from the pydantic classes, so the two cannot differ. Tests check that the
server conforms to it, with thousands of requests generated from it.

Source of the format: OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from tornado import web

from ...gateway.requests.operation import Operation
from ...gateway.requests.operations import OPERATIONS
from ...protocol.agent_keys import AgentKey, KeyDeleted, KeyList, KeyRequest, NewAgentKey
from ...protocol.files import PURPOSES, FileDeleted, FileList, FileObject
from ...protocol.models import Model, ModelList
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    StoredConversation,
)
from .base import AqueductHandler

__all__ = ["OpenAPIHandler", "openapi_document"]

_REFERENCE = "#/components/schemas/{model}"
_SCHEMAS: tuple[type[BaseModel], ...] = (
    AgentKey,
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    FileDeleted,
    FileList,
    FileObject,
    KeyDeleted,
    KeyList,
    KeyRequest,
    Model,
    ModelList,
    NewAgentKey,
    StoredConversation,
)

_Schema = dict[str, Any]
_TEXT: _Schema = {"type": "string"}
_OBJECT: _Schema = {"type": "object"}
_NULLABLE_TEXT: _Schema = {"type": ["string", "null"]}
_ERROR: _Schema = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "additionalProperties": False,
            "properties": {
                "message": _TEXT,
                "type": _TEXT,
                "param": _NULLABLE_TEXT,
                "code": _NULLABLE_TEXT,
            },
        },
        # Only Anthropic's form has these.
        "type": {"enum": ["error"]},
        "request_id": _TEXT,
    },
}
_EVENT: _Schema = {"type": "object", "required": ["data"], "properties": {"data": _TEXT}}
_UPLOAD: _Schema = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "purpose": {"enum": list(PURPOSES)},
        "expires_after[anchor]": {"enum": ["created_at"]},
        "expires_after[seconds]": _TEXT,
    },
}


_RECORDING: _Schema = {
    "type": "object",
    "required": ["file", "model"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "model": _TEXT,
    },
}


class OpenAPIHandler(AqueductHandler):
    """Serves the OpenAPI document."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the document."""
        self.answer({**openapi_document(), "servers": [{"url": self.serving.base_url}]})


@cache
def openapi_document() -> dict[str, Any]:
    """Return the document of all addresses, without the ``servers`` field."""
    _, definitions = models_json_schema(
        [
            *((kind, "serialization") for kind in _SCHEMAS),
            *((operation.fields, "validation") for operation in OPERATIONS.values()),
        ],
        ref_template=_REFERENCE,
    )
    api = _api_paths()
    # Without a prefix, files/ belongs to Jupyter, which serves its own files there.
    bare = {path: item for path, item in api.items() if not path.startswith("/files/")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aqueduct-jupyter",
            "version": version("aqueduct-jupyter"),
            "description": "An OpenAI-compatible gateway inside the Jupyter server.",
        },
        "security": [{"token": []}],
        "paths": {**bare, **{f"/v1{path}": item for path, item in api.items()}, **_own_paths()},
        "components": {
            "schemas": {**definitions["$defs"], "Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _api_paths() -> dict[str, Any]:
    file_id = _parameter("file_id", "path", {"type": "string", "pattern": "^file-[A-Za-z0-9]{24}$"})
    listing = [
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 10_000}),
        _parameter("after", "query", _TEXT),
        _parameter("order", "query", {"enum": ["asc", "desc"]}),
        _parameter("purpose", "query", {"enum": list(PURPOSES)}),
    ]
    identity = [_parameter("id", "path", _TEXT)]
    operations = {f"/{path}": _asked(operation) for path, operation in OPERATIONS.items()}
    return {
        **operations,
        "/responses/{id}": {
            "get": _operation("Get a stored response.", _json(_OBJECT), identity),
            "delete": _operation("Delete a stored response.", _json(_OBJECT), identity),
        },
        "/responses/{id}/input_items": {
            "get": _operation(
                "List the input of a stored response.", _json(_OBJECT), [*identity, *listing[:3]]
            )
        },
        "/files": {
            "get": _operation("List files.", _json(_words(FileList)), listing),
            "post": _operation(
                "Upload a file.",
                _json(_words(FileObject)),
                body={"multipart/form-data": {"schema": _UPLOAD}},
            ),
        },
        "/files/{file_id}": {
            "get": _operation("Describe a file.", _json(_words(FileObject)), [file_id]),
            "delete": _operation("Delete a file.", _json(_words(FileDeleted)), [file_id]),
        },
        "/files/{file_id}/content": {
            "get": _operation("Download a file.", {"*/*": {}}, [file_id]),
        },
        "/models": {"get": _operation("List the models.", _json(_words(ModelList)))},
        "/models/{model}": {
            "get": _operation(
                "Describe a model.", _json(_words(Model)), [_parameter("model", "path", _TEXT)]
            )
        },
    }


def _asked(operation: Operation) -> dict[str, Any]:
    answer: _Schema = _json(_OBJECT) if operation.has_json else {"*/*": {}}
    if operation.stream:
        answer["text/event-stream"] = {"schema": _EVENT}
    fields = _words(operation.fields)
    kind = "multipart/form-data" if operation.is_form else "application/json"
    body = {kind: {"schema": _RECORDING if operation.is_form else fields}}
    return {"post": _operation(operation.summary, answer, body=body)}


def _own_paths() -> dict[str, Any]:
    identity = [_parameter("id", "path", _TEXT)]
    days = [_parameter("days", "query", {"type": "integer", "minimum": 1, "maximum": 3660})]
    change = _json(_words(ConversationChange))
    kinds: _Schema = {
        kind: {} for kind in ("text/markdown", "application/x-ipynb+json", "application/json")
    }
    form = [_parameter("format", "query", {"enum": ["md", "ipynb", "json"]})]
    return {
        "/aqueduct/status": {"get": _operation("The gateway's status.", _json(_OBJECT))},
        "/aqueduct/usage": {"get": _operation("Requests, tokens and costs.", _json(_OBJECT), days)},
        "/aqueduct/metrics": {"get": _operation("Metrics for Prometheus.", {"text/plain": {}})},
        "/aqueduct/openapi.json": {"get": _operation("This document.", _json(_OBJECT))},
        "/aqueduct/requests": {"get": _operation("List running requests.", _json(_OBJECT))},
        "/aqueduct/requests/{id}": {
            "delete": _operation("Stop a request.", _json(_OBJECT), identity)
        },
        "/aqueduct/keys": {
            "get": _operation("List the keys of agents.", _json(_words(KeyList))),
            "post": _operation(
                "Make a key for an agent.",
                _json(_words(NewAgentKey)),
                body=_json(_words(KeyRequest)),
            ),
        },
        "/aqueduct/keys/{id}": {
            "delete": _operation("Revoke a key.", _json(_words(KeyDeleted)), identity)
        },
        "/aqueduct/conversations": {
            "get": _operation(
                "List or search conversations.",
                _json(_words(ConversationList)),
                [_parameter("search", "query", _TEXT)],
            ),
            "post": _operation(
                "Create a conversation.", _json(_words(StoredConversation)), body=change
            ),
        },
        "/aqueduct/conversations/{id}": {
            "get": _operation("Get a conversation.", _json(_words(StoredConversation)), identity),
            "patch": _operation(
                "Change a conversation.", _json(_words(ConversationSummary)), identity, change
            ),
            "delete": _operation(
                "Delete a conversation.", _json(_words(ConversationDeleted)), identity
            ),
        },
        "/aqueduct/conversations/{id}/export": {
            "get": _operation("Export a conversation.", kinds, [*identity, *form])
        },
    }


def _operation(
    summary: str,
    answer: _Schema,
    parameters: list[_Schema] | None = None,
    body: _Schema | None = None,
) -> _Schema:
    error = {"description": "An error.", "content": _json({"$ref": _ref("Error")})}
    operation: _Schema = {
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


def _parameter(name: str, where: str, schema: _Schema) -> _Schema:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _json(schema: _Schema) -> _Schema:
    return {"application/json": {"schema": schema}}


def _words(kind: type[BaseModel]) -> _Schema:
    return {"$ref": _ref(kind.__name__)}


def _ref(name: str) -> str:
    return _REFERENCE.format(model=name)
