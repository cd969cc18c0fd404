"""The API's addresses in its description; this server's own are in :mod:`.openapi_own_paths`."""

from __future__ import annotations

from typing import Any

from ...gateway.requests.operation import Operation
from ...gateway.requests.operations import OPERATIONS
from ...protocol.files import PURPOSES, FileDeleted, FileList, FileObject
from ...protocol.models import Model, ModelList
from ...protocol.response_conversations import (
    ConversationWords,
    ItemsWords,
    MetadataWords,
    ResponseConversation,
    ResponseConversationDeleted,
)
from .openapi_parts import (
    EVENT,
    OBJECT,
    TEXT,
    Schema,
    json_content,
    operation_object,
    parameter,
    schema_of,
)

__all__ = ["api_paths"]

_NULLABLE_TEXT: Schema = {"type": ["string", "null"]}
_UPLOAD: Schema = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "purpose": {"enum": list(PURPOSES)},
        "expires_after[anchor]": {"enum": ["created_at"]},
        "expires_after[seconds]": TEXT,
    },
}


_RECORDING: Schema = {
    "type": "object",
    "required": ["file", "model"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "model": TEXT,
    },
}


def api_paths() -> dict[str, Any]:
    """Return the addresses that are also served below the prefixes of the API."""
    file_id = parameter("file_id", "path", {"type": "string", "pattern": "^file-[A-Za-z0-9]{24}$"})
    listing = [
        parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 10_000}),
        parameter("after", "query", TEXT),
        parameter("order", "query", {"enum": ["asc", "desc"]}),
        parameter("purpose", "query", {"enum": list(PURPOSES)}),
    ]
    identity = [parameter("id", "path", TEXT)]
    operations = {f"/{path}": _asked(operation) for path, operation in OPERATIONS.items()}
    return {
        **operations,
        "/responses/{id}": {
            "get": operation_object(
                "Get a stored response, or follow one that is being written.",
                {**json_content(OBJECT), "text/event-stream": {"schema": EVENT}},
                [
                    *identity,
                    parameter("stream", "query", {"enum": ["true", "false"]}),
                    parameter("starting_after", "query", {"type": "integer", "minimum": 0}),
                ],
            ),
            "delete": operation_object("Delete a stored response.", json_content(OBJECT), identity),
        },
        "/responses/{id}/cancel": {
            "post": operation_object(
                "Cancel a response that is being written in the background.",
                json_content(OBJECT),
                identity,
            )
        },
        "/responses/{id}/input_items": {
            "get": operation_object(
                "List the input of a stored response.",
                json_content(OBJECT),
                [*identity, *listing[:3]],
            )
        },
        **_conversation_paths(identity, listing[:3]),
        "/files": {
            "get": operation_object("List files.", json_content(schema_of(FileList)), listing),
            "post": operation_object(
                "Upload a file.",
                json_content(schema_of(FileObject)),
                body={"multipart/form-data": {"schema": _UPLOAD}},
            ),
        },
        "/files/{file_id}": {
            "get": operation_object(
                "Describe a file.", json_content(schema_of(FileObject)), [file_id]
            ),
            "delete": operation_object(
                "Delete a file.", json_content(schema_of(FileDeleted)), [file_id]
            ),
        },
        "/files/{file_id}/content": {
            "get": operation_object("Download a file.", {"*/*": {}}, [file_id]),
        },
        "/models": {
            "get": operation_object("List the models.", json_content(schema_of(ModelList)))
        },
        "/models/{model}": {
            "get": operation_object(
                "Describe a model.",
                json_content(schema_of(Model)),
                [parameter("model", "path", TEXT)],
            )
        },
    }


def _conversation_paths(identity: list[Schema], listing: list[Schema]) -> dict[str, Any]:
    conversation = json_content(schema_of(ResponseConversation))
    item = [*identity, parameter("item_id", "path", TEXT)]
    return {
        "/conversations": {
            "post": operation_object(
                "Create a conversation.",
                conversation,
                body=json_content(schema_of(ConversationWords)),
            )
        },
        "/conversations/{id}": {
            "get": operation_object("Get a conversation.", conversation, identity),
            "post": operation_object(
                "Change a conversation.",
                conversation,
                identity,
                json_content(schema_of(MetadataWords)),
            ),
            "delete": operation_object(
                "Delete a conversation.",
                json_content(schema_of(ResponseConversationDeleted)),
                identity,
            ),
        },
        "/conversations/{id}/items": {
            "get": operation_object(
                "List the items of a conversation.", json_content(OBJECT), [*identity, *listing]
            ),
            "post": operation_object(
                "Add items to a conversation.",
                json_content(OBJECT),
                identity,
                json_content(schema_of(ItemsWords)),
            ),
        },
        "/conversations/{id}/items/{item_id}": {
            "get": operation_object("Get an item.", json_content(OBJECT), item),
            "delete": operation_object("Delete an item.", conversation, item),
        },
    }


def _asked(operation: Operation) -> dict[str, Any]:
    answer: Schema = json_content(OBJECT) if operation.has_json else {"*/*": {}}
    if operation.stream:
        answer["text/event-stream"] = {"schema": EVENT}
    fields = schema_of(operation.fields)
    kind = "multipart/form-data" if operation.is_form else "application/json"
    body = {kind: {"schema": _RECORDING if operation.is_form else fields}}
    return {"post": operation_object(operation.summary, answer, body=body)}
