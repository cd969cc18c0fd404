"""The route table: which handler serves which address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...gateway.requests.operations import OPERATIONS
from .base import AqueductHandler, UnknownAddressHandler
from .conversation_turns import (
    ConversationEventsHandler,
    ConversationTurnHandler,
    ConversationTurnsHandler,
    RestoreTurnHandler,
    StopTurnHandler,
    TurnVersionHandler,
)
from .conversations import (
    ConversationExportHandler,
    ConversationHandler,
    ConversationsHandler,
)
from .files import FileContentHandler, FileHandler, FilesHandler
from .keys import KeyHandler, KeysHandler
from .messages import MessagesHandler
from .model_setup import (
    EmbeddedModelHandler,
    ModelSetupHandler,
    ServiceHandler,
    ServicesHandler,
)
from .models import ModelHandler, ModelsHandler
from .openapi import OpenAPIHandler
from .operations import OperationHandler
from .requests import RequestHandler, RequestsHandler
from .response_conversations import (
    ConversationItemHandler,
    ConversationItemsHandler,
    ResponseConversationHandler,
    ResponseConversationsHandler,
)
from .responses import CancelHandler, InputItemsHandler, ResponseHandler
from .serving import Serving
from .status import MetricsHandler, StatusHandler, UsageHandler

__all__ = ["application_routes", "routes"]

PREFIXES = ("", "v1/", "openai/", "openai/v1/")
"""The prefixes under which the API is served; Azure's clients use openai/."""

DEPLOYED = (
    "chat/completions",
    "completions",
    "embeddings",
    "audio/speech",
    "audio/transcriptions",
    "images/generations",
)
"""The operations that Azure has below openai/deployments/MODEL/."""

LIKE_OURS = (
    "v1|openai|aqueduct|api/v1|chat|responses|messages|embeddings|completions|moderations|rerank"
    "|images|audio|batches|uploads|vector_stores|fine_tuning|assistants|threads|realtime"
    "|conversations"
)
"""Prefixes of addresses that clients of such APIs request and that Jupyter does not have."""

_FILE_ID = r"(file-[A-Za-z0-9]{24,64})"
_ANY_ID = r"([^/]+)"

Route = tuple[str, type[AqueductHandler]]


def routes() -> Iterator[Route]:
    """Yield every address below the base URL, without a leading slash, and its handler."""
    for prefix in PREFIXES:
        # Without a prefix, all other names below files/ are Jupyter's own files.
        for pattern, handler in _api(_ANY_ID if prefix else _FILE_ID):
            yield prefix + pattern, handler
    yield "aqueduct/status", StatusHandler
    yield "aqueduct/usage", UsageHandler
    yield "aqueduct/metrics", MetricsHandler
    yield r"aqueduct/openapi\.json", OpenAPIHandler
    yield "aqueduct/requests", RequestsHandler
    yield f"aqueduct/requests/{_ANY_ID}", RequestHandler
    yield "aqueduct/keys", KeysHandler
    yield f"aqueduct/keys/{_ANY_ID}", KeyHandler
    yield "aqueduct/setup", ModelSetupHandler
    yield "aqueduct/setup/embedded", EmbeddedModelHandler
    yield "aqueduct/setup/services", ServicesHandler
    yield f"aqueduct/setup/services/{_ANY_ID}", ServiceHandler
    yield "aqueduct/conversations", ConversationsHandler
    yield f"aqueduct/conversations/{_ANY_ID}", ConversationHandler
    yield f"aqueduct/conversations/{_ANY_ID}/export", ConversationExportHandler
    yield f"aqueduct/conversations/{_ANY_ID}/events", ConversationEventsHandler
    yield f"aqueduct/conversations/{_ANY_ID}/turns", ConversationTurnsHandler
    yield f"aqueduct/conversations/{_ANY_ID}/turns/{_ANY_ID}", ConversationTurnHandler
    yield f"aqueduct/conversations/{_ANY_ID}/turns/{_ANY_ID}/stop", StopTurnHandler
    yield f"aqueduct/conversations/{_ANY_ID}/turns/{_ANY_ID}/restore", RestoreTurnHandler
    yield f"aqueduct/conversations/{_ANY_ID}/turns/{_ANY_ID}/version", TurnVersionHandler
    for path in DEPLOYED:
        yield f"openai/deployments/(?P<deployment>[^/]+)/(?P<path>{path})", OperationHandler
    yield f"(?:{LIKE_OURS})(?:/.*)?", UnknownAddressHandler
    # A base URL with an extra slash.
    yield f"(?:/+)(?:{LIKE_OURS}|models|files)(?:/.*)?", UnknownAddressHandler


def application_routes(serving: Serving) -> list[tuple[str, type[AqueductHandler], dict[str, Any]]]:
    """Return the routes in the form that a Tornado application takes."""
    return [
        (serving.base_url + pattern, handler, {"serving": serving}) for pattern, handler in routes()
    ]


def _api(file_id: str) -> Iterator[Route]:
    for path in OPERATIONS:
        is_anthropic = path.startswith("messages")
        yield f"(?P<path>{path})", MessagesHandler if is_anthropic else OperationHandler
    yield f"responses/{_ANY_ID}", ResponseHandler
    yield f"responses/{_ANY_ID}/cancel", CancelHandler
    yield f"responses/{_ANY_ID}/input_items", InputItemsHandler
    yield "conversations", ResponseConversationsHandler
    yield f"conversations/{_ANY_ID}", ResponseConversationHandler
    yield f"conversations/{_ANY_ID}/items", ConversationItemsHandler
    yield f"conversations/{_ANY_ID}/items/{_ANY_ID}", ConversationItemHandler
    yield "files", FilesHandler
    yield f"files/{file_id}", FileHandler
    yield f"files/{file_id}/content", FileContentHandler
    yield "models", ModelsHandler
    yield "models/(.+)", ModelHandler
