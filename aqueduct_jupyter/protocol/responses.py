"""A request to the Responses API and its checks.

A request is checked, not rewritten: an upstream that speaks this API gets the client's own JSON
object. For the others it is translated in :mod:`.bridges.responses_request`.

Source: ``CreateResponse`` of the OpenAI API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequestError
from .requests import APIRequest, check_fields
from .responses_fields import ResponsesWords

__all__ = ["ResponsesRequest", "ResponsesWords", "read_responses_request"]


@dataclass(frozen=True, slots=True)
class ResponsesRequest(APIRequest):
    """A checked request; ``body`` is the client's own JSON object."""

    @property
    def is_stored(self) -> bool:
        """Whether the answer is kept for later requests; the default of the API is yes."""
        return self.body.get("store") is not False

    @property
    def is_background(self) -> bool:
        """Whether the client will come back for the answer."""
        return bool(self.body.get("background"))

    @property
    def previous_response_id(self) -> str | None:
        """The id of the answer that this request continues."""
        return self.body.get("previous_response_id") or None

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation that this request belongs to."""
        conversation = self.body.get("conversation")
        if isinstance(conversation, dict):
            conversation = conversation["id"]
        return conversation or None

    @property
    def input_items(self) -> list[dict[str, Any]]:
        """The input as a list of items, oldest first; a string is one user message."""
        given = self.body.get("input")
        if isinstance(given, str):
            return [{"type": "message", "role": "user", "content": given}]
        return given or []

    @property
    def max_output_tokens(self) -> int | None:
        """The most tokens that the client wants, reasoning included."""
        return self.body.get("max_output_tokens")


def read_responses_request(body: dict[str, Any]) -> ResponsesRequest:
    """Check the body of a request to the Responses API.

    Args:
        body: the JSON object.

    Raises:
        InvalidRequestError: a field is missing, of the wrong type or out of range, or two fields
            contradict each other; ``param`` names it, for example ``input[0].role``.
    """
    check_fields(ResponsesWords, body)
    request = ResponsesRequest(body)
    if request.previous_response_id and request.conversation_id:
        raise InvalidRequestError(
            "conversation and previous_response_id exclude each other. Send only one of them.",
            param="conversation",
        )
    if request.is_background and not request.is_stored:
        raise InvalidRequestError(
            "background requires a stored answer. Leave out store, or set it to true.",
            param="background",
        )
    sources = ("input", "previous_response_id", "conversation", "prompt")
    if all(body.get(name) is None for name in sources):
        raise InvalidRequestError("input is required.", param="input")
    _check_format(body)
    return request


def _check_format(body: dict[str, Any]) -> None:
    text_format = (body.get("text") or {}).get("format") or {}
    if text_format.get("type") == "json_schema":
        for name in ("name", "schema"):
            if text_format.get(name) is None:
                raise InvalidRequestError(
                    f"text.format.{name} is required when text.format.type is 'json_schema'.",
                    param=f"text.format.{name}",
                )
