"""What a panel is told of its service: the models, the limits, and what is wrong with them.

The panel's other messages are in :mod:`.panel`.
"""

from __future__ import annotations

from typing import Any

from ..protocol.errors import AqueductError
from .notebook_chat import NotebookChat

__all__ = ["setup_for"]

LIMITS = {"attachment_bytes": 10 * 2**20, "attachments_bytes": 32 * 2**20}
"""The limits assumed for a service that does not report any: the same as ours."""


def setup_for(chats: NotebookChat) -> dict[str, Any]:
    """Return the setup of a panel, in the form of its message.

    Raises:
        AqueductError: the service does not answer.
    """
    client = chats.connected()
    try:
        status = client.get("aqueduct/status")
    except AqueductError:
        # Another OpenAI-compatible service: it lists models and nothing more.
        return {
            "models": client.models(),
            "default_model": chats.settings.model or None,
            "notices": [],
            "limits": LIMITS,
        }
    failing = [upstream["error"] for upstream in status["upstreams"] if upstream["error"]]
    return {
        "models": status["models"],
        "default_model": chats.settings.model or status["default_model"],
        "notices": [*status["notices"], *failing],
        "limits": status["limits"],
        "owners": status.get("owners", {}),
        "context_tokens": status.get("context_tokens", {}),
        "prompts": status.get("prompts", []),
    }
