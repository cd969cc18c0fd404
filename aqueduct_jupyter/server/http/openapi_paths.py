"""The addresses in the description of this server's API; the document is in :mod:`.openapi`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ...gateway.requests.operation import Operation
from ...gateway.requests.operations import OPERATIONS
from ...protocol.agent_keys import KeyDeleted, KeyList, KeyRequest, NewAgentKey
from ...protocol.files import PURPOSES, FileDeleted, FileList, FileObject
from ...protocol.model_setup import ModelSetupState, Service, ServiceWords
from ...protocol.models import Model, ModelList
from ...protocol.response_conversations import (
    ConversationWords,
    ItemsWords,
    MetadataWords,
    ResponseConversation,
    ResponseConversationDeleted,
)
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    NewTurn,
    StoredConversation,
    VersionChoice,
)

__all__ = ["REFERENCE", "api_paths", "own_paths"]

REFERENCE = "#/components/schemas/{model}"
"""How a schema is referred to."""

_Schema = dict[str, Any]
_TEXT: _Schema = {"type": "string"}
_OBJECT: _Schema = {"type": "object"}
_NULLABLE_TEXT: _Schema = {"type": ["string", "null"]}
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


def api_paths() -> dict[str, Any]:
    """Return the addresses that are also served below the prefixes of the API."""
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
            "get": _operation(
                "Get a stored response, or follow one that is being written.",
                {**_json(_OBJECT), "text/event-stream": {"schema": _EVENT}},
                [
                    *identity,
                    _parameter("stream", "query", {"enum": ["true", "false"]}),
                    _parameter("starting_after", "query", {"type": "integer", "minimum": 0}),
                ],
            ),
            "delete": _operation("Delete a stored response.", _json(_OBJECT), identity),
        },
        "/responses/{id}/cancel": {
            "post": _operation(
                "Cancel a response that is being written in the background.",
                _json(_OBJECT),
                identity,
            )
        },
        "/responses/{id}/input_items": {
            "get": _operation(
                "List the input of a stored response.", _json(_OBJECT), [*identity, *listing[:3]]
            )
        },
        **_conversation_paths(identity, listing[:3]),
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


def _conversation_paths(identity: list[_Schema], listing: list[_Schema]) -> dict[str, Any]:
    conversation = _json(_words(ResponseConversation))
    item = [*identity, _parameter("item_id", "path", _TEXT)]
    return {
        "/conversations": {
            "post": _operation(
                "Create a conversation.", conversation, body=_json(_words(ConversationWords))
            )
        },
        "/conversations/{id}": {
            "get": _operation("Get a conversation.", conversation, identity),
            "post": _operation(
                "Change a conversation.", conversation, identity, _json(_words(MetadataWords))
            ),
            "delete": _operation(
                "Delete a conversation.", _json(_words(ResponseConversationDeleted)), identity
            ),
        },
        "/conversations/{id}/items": {
            "get": _operation(
                "List the items of a conversation.", _json(_OBJECT), [*identity, *listing]
            ),
            "post": _operation(
                "Add items to a conversation.", _json(_OBJECT), identity, _json(_words(ItemsWords))
            ),
        },
        "/conversations/{id}/items/{item_id}": {
            "get": _operation("Get an item.", _json(_OBJECT), item),
            "delete": _operation("Delete an item.", conversation, item),
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


def own_paths() -> dict[str, Any]:
    """Return the addresses that only this server has."""
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
        "/aqueduct/setup": {
            "get": _operation("What the chat has set up.", _json(_words(ModelSetupState)))
        },
        "/aqueduct/setup/embedded": {
            "post": _operation("Download the embedded model.", _json(_words(ModelSetupState)))
        },
        "/aqueduct/setup/services": {
            "post": _operation(
                "Connect a service.", _json(_words(Service)), body=_json(_words(ServiceWords))
            )
        },
        "/aqueduct/setup/services/{id}": {
            "delete": _operation(
                "Forget a connected service.", _json(_words(ModelSetupState)), identity
            )
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
        **_turn_paths(identity),
    }


def _turn_paths(identity: list[_Schema]) -> dict[str, Any]:
    turn = [*identity, _parameter("turn_id", "path", _TEXT)]
    events: _Schema = {"text/event-stream": {"schema": _EVENT}}
    return {
        "/aqueduct/conversations/{id}/events": {
            "get": _operation("Follow a conversation.", events, identity)
        },
        "/aqueduct/conversations/{id}/turns": {
            "post": _operation(
                "Ask a question in a conversation.",
                _json(_OBJECT),
                identity,
                _json(_words(NewTurn)),
            )
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}": {
            "delete": _operation("Remove a turn.", _json(_OBJECT), turn)
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/stop": {
            "post": _operation("Stop the answer of a turn.", _json(_OBJECT), turn)
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/restore": {
            "post": _operation("Put back a turn that was removed.", _json(_OBJECT), turn)
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/version": {
            "post": _operation(
                "Show another version of a turn.",
                _json(_OBJECT),
                turn,
                _json(_words(VersionChoice)),
            )
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
    return REFERENCE.format(model=name)
