"""``aqueduct/openapi.json``: the description of this server's API.

The document is generated from the pydantic classes, so the two cannot differ. Tests check that the
server conforms to it, with thousands of requests generated from it.

The addresses are in :mod:`.openapi_paths`.

Source of the format: OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from tornado import web

from ...gateway.requests.operations import OPERATIONS
from ...protocol.agent_keys import AgentKey, KeyDeleted, KeyList, KeyRequest, NewAgentKey
from ...protocol.files import FileDeleted, FileList, FileObject
from ...protocol.model_setup import EmbeddedModel, ModelSetupState, Service, ServiceWords
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
from .base import AqueductHandler
from .openapi_own_paths import own_paths
from .openapi_parts import REFERENCE
from .openapi_paths import api_paths

__all__ = ["OpenAPIHandler", "openapi_document"]

_SCHEMAS: tuple[type[BaseModel], ...] = (
    AgentKey,
    EmbeddedModel,
    ModelSetupState,
    Service,
    ServiceWords,
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
    ResponseConversation,
    ResponseConversationDeleted,
    StoredConversation,
)
_BODIES: tuple[type[BaseModel], ...] = (
    ConversationWords,
    ItemsWords,
    MetadataWords,
    NewTurn,
    VersionChoice,
)

_TEXT = {"type": "string"}
_NULLABLE_TEXT = {"type": ["string", "null"]}
_ERROR: dict[str, Any] = {
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
            *((kind, "validation") for kind in _BODIES),
            *((operation.fields, "validation") for operation in OPERATIONS.values()),
        ],
        ref_template=REFERENCE,
    )
    api = api_paths()
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
        "paths": {**bare, **{f"/v1{path}": item for path, item in api.items()}, **own_paths()},
        "components": {
            "schemas": {**definitions["$defs"], "Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
