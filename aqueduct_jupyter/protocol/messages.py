"""A request to Anthropic's Messages API and its checks.

A request is checked, not rewritten: an upstream that speaks this API gets the client's own JSON
object. For the others it is translated in :mod:`.bridges.messages_request`.

Source: the reference of the Messages API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequestError
from .messages_fields import MessagesWords
from .requests import APIRequest, check_fields

__all__ = ["MessagesRequest", "MessagesWords", "read_messages_request"]


@dataclass(frozen=True, slots=True)
class MessagesRequest(APIRequest):
    """A checked request; ``body`` is the client's own JSON object."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, oldest first."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def max_tokens(self) -> int:
        """The most tokens that the client wants, thinking included."""
        most: int = self.body["max_tokens"]
        return most


def read_messages_request(body: dict[str, Any]) -> MessagesRequest:
    """Check the body of a request to the Messages API.

    Args:
        body: the JSON object.

    Raises:
        InvalidRequestError: a field is missing, of the wrong type or out of range; ``param`` names
            it, for example ``messages[0].role``.
    """
    check_fields(MessagesWords, body)
    config = body.get("output_config") or {}
    for name, given in (
        ("output_config.format", config.get("format")),
        ("output_format", body.get("output_format")),
    ):
        if given and given["type"] == "json_schema" and given.get("schema") is None:
            raise InvalidRequestError(f"{name}.schema is required.", param=f"{name}.schema")
    if (choice := body.get("tool_choice")) and choice["type"] == "tool" and not choice.get("name"):
        raise InvalidRequestError(
            "tool_choice.name is required when tool_choice.type is 'tool'.",
            param="tool_choice.name",
        )
    return MessagesRequest(body)
