"""The addresses that only this server has, below ``aqueduct/``, in the description of its API."""

from __future__ import annotations

from typing import Any

from ...protocol.agent_keys import KeyDeleted, KeyList, KeyRequest, NewAgentKey
from ...protocol.model_setup import ModelSetupState, Service, ServiceWords
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    NewTurn,
    StoredConversation,
    VersionChoice,
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

__all__ = ["own_paths"]


def own_paths() -> dict[str, Any]:
    """Return the addresses that only this server has."""
    identity = [parameter("id", "path", TEXT)]
    days = [parameter("days", "query", {"type": "integer", "minimum": 1, "maximum": 3660})]
    change = json_content(schema_of(ConversationChange))
    kinds: Schema = {
        kind: {} for kind in ("text/markdown", "application/x-ipynb+json", "application/json")
    }
    form = [parameter("format", "query", {"enum": ["md", "ipynb", "json"]})]
    return {
        "/aqueduct/status": {
            "get": operation_object("The gateway's status.", json_content(OBJECT))
        },
        "/aqueduct/usage": {
            "get": operation_object("Requests, tokens and costs.", json_content(OBJECT), days)
        },
        "/aqueduct/metrics": {
            "get": operation_object("Metrics for Prometheus.", {"text/plain": {}})
        },
        "/aqueduct/openapi.json": {"get": operation_object("This document.", json_content(OBJECT))},
        "/aqueduct/requests": {
            "get": operation_object("List running requests.", json_content(OBJECT))
        },
        "/aqueduct/requests/{id}": {
            "delete": operation_object("Stop a request.", json_content(OBJECT), identity)
        },
        "/aqueduct/keys": {
            "get": operation_object("List the keys of agents.", json_content(schema_of(KeyList))),
            "post": operation_object(
                "Make a key for an agent.",
                json_content(schema_of(NewAgentKey)),
                body=json_content(schema_of(KeyRequest)),
            ),
        },
        "/aqueduct/keys/{id}": {
            "delete": operation_object(
                "Revoke a key.", json_content(schema_of(KeyDeleted)), identity
            )
        },
        "/aqueduct/setup": {
            "get": operation_object(
                "What the chat has set up.", json_content(schema_of(ModelSetupState))
            )
        },
        "/aqueduct/setup/embedded": {
            "post": operation_object(
                "Download the embedded model.", json_content(schema_of(ModelSetupState))
            )
        },
        "/aqueduct/setup/services": {
            "post": operation_object(
                "Connect a service.",
                json_content(schema_of(Service)),
                body=json_content(schema_of(ServiceWords)),
            )
        },
        "/aqueduct/setup/services/{id}": {
            "delete": operation_object(
                "Forget a connected service.", json_content(schema_of(ModelSetupState)), identity
            )
        },
        "/aqueduct/conversations": {
            "get": operation_object(
                "List or search conversations.",
                json_content(schema_of(ConversationList)),
                [parameter("search", "query", TEXT)],
            ),
            "post": operation_object(
                "Create a conversation.", json_content(schema_of(StoredConversation)), body=change
            ),
        },
        "/aqueduct/conversations/{id}": {
            "get": operation_object(
                "Get a conversation.", json_content(schema_of(StoredConversation)), identity
            ),
            "patch": operation_object(
                "Change a conversation.",
                json_content(schema_of(ConversationSummary)),
                identity,
                change,
            ),
            "delete": operation_object(
                "Delete a conversation.", json_content(schema_of(ConversationDeleted)), identity
            ),
        },
        "/aqueduct/conversations/{id}/export": {
            "get": operation_object("Export a conversation.", kinds, [*identity, *form])
        },
        **_turn_paths(identity),
    }


def _turn_paths(identity: list[Schema]) -> dict[str, Any]:
    turn = [*identity, parameter("turn_id", "path", TEXT)]
    events: Schema = {"text/event-stream": {"schema": EVENT}}
    return {
        "/aqueduct/conversations/{id}/events": {
            "get": operation_object("Follow a conversation.", events, identity)
        },
        "/aqueduct/conversations/{id}/turns": {
            "post": operation_object(
                "Ask a question in a conversation.",
                json_content(OBJECT),
                identity,
                json_content(schema_of(NewTurn)),
            )
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}": {
            "delete": operation_object("Remove a turn.", json_content(OBJECT), turn)
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/stop": {
            "post": operation_object("Stop the answer of a turn.", json_content(OBJECT), turn)
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/restore": {
            "post": operation_object(
                "Put back a turn that was removed.", json_content(OBJECT), turn
            )
        },
        "/aqueduct/conversations/{id}/turns/{turn_id}/version": {
            "post": operation_object(
                "Show another version of a turn.",
                json_content(OBJECT),
                turn,
                json_content(schema_of(VersionChoice)),
            )
        },
    }
