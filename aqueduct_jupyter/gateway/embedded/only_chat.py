"""The refusal of everything but chat, which is all that the embedded and the demo models do.

Responses, Messages and completions are bridged to chat before they get here.
"""

from __future__ import annotations

import httpx

from ...protocol.errors import NotFoundError

__all__ = ["ONLY_CHAT", "other_operation"]

ONLY_CHAT = {"responses": "bridge", "messages": "bridge", "completions": "bridge"}
"""The setting ``apis`` of an upstream that has only chat."""


def other_operation(request: httpx.Request, model: str) -> httpx.Response | None:
    """Return the refusal of a request that is not a chat; None for a chat.

    Args:
        request: the request.
        model: the model's name, for the message.
    """
    if request.method != "POST" or request.url.path.endswith("/chat/completions"):
        return None
    error = NotFoundError(
        f"The model '{model}' only chats: it has no {request.url.path.rpartition('/v1/')[2]}. "
        "Choose a model of an upstream that has.",
        code="unsupported_operation",
    )
    return httpx.Response(error.status, json=error.envelope(), request=request)
