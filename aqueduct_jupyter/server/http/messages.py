"""``messages`` and ``messages/count_tokens``: errors as Anthropic's clients read them.

Source: https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...protocol.bridges.messages_writer import messages_error
from ...protocol.errors import AqueductError
from .operations import OperationHandler

__all__ = ["MessagesHandler"]

_PASSED_ON = "anthropic-"


class MessagesHandler(OperationHandler):
    """Answers a request in Anthropic's form."""

    def envelope(self, error: AqueductError) -> dict[str, Any]:
        """Return an error as this API's JSON object, with what our own clients read too."""
        described = messages_error(error)
        ours = error.envelope()["error"]
        return {**described, "error": {**ours, **described["error"]}, "request_id": self.request_id}

    def passed_headers(self) -> Mapping[str, str]:
        """Return the client's headers that go upstream: versions and betas."""
        return {
            name.lower(): value
            for name, value in self.request.headers.get_all()
            if name.lower().startswith(_PASSED_ON)
        }
