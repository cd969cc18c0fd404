"""A chat request and its checks, and the token counts of an answer.

A request is checked, not rewritten: :func:`read_chat_request` keeps the JSON object exactly as the
client sent it, unknown parameters included, because that object goes upstream. The gateway decides
which model answers and how file parts are handled.

Source: ``CreateChatCompletionRequest`` of the OpenAI API; the ranges are those of its reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, model_validator

from .chat_fields import ChatWords
from .chunks import MOST_TOKENS, read_tokens
from .errors import InvalidRequestError
from .fields import LONGEST_NAME
from .requests import APIRequest, check_fields, read_json_object

__all__ = [
    "LONGEST_NAME",
    "ChatRequest",
    "ChatWords",
    "Usage",
    "read_chat_request",
    "read_json_object",
]


class Usage(BaseModel):
    """The tokens that an upstream counted.

    ``cached_tokens`` are part of the prompt's, ``reasoning_tokens`` part of the completion's. They
    are read from OpenAI's details, or from a field of their own. A wrong one counts as 0.
    """

    prompt_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)
    completion_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @model_validator(mode="before")
    @classmethod
    def _read_details(cls, usage: Any) -> Any:
        if not isinstance(usage, dict):
            return usage
        details = {name: _detail(usage, where, name) for where, name in _DETAILS}
        return {**usage, **details}


_DETAILS = (
    ("prompt_tokens_details", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
)


def _detail(usage: dict[str, Any], where: str, name: str) -> int:
    details = usage.get(where)
    count = read_tokens(details.get(name)) if isinstance(details, dict) else None
    return read_tokens(usage.get(name)) or 0 if count is None else count


@dataclass(frozen=True, slots=True)
class ChatRequest(APIRequest):
    """A checked chat request; ``body`` is the client's own JSON object."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, oldest first."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def choices(self) -> int:
        """How many answers the client asked for."""
        return self.body.get("n") or 1

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for the token counts at the end of its stream."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))


def read_chat_request(request: dict[str, Any]) -> ChatRequest:
    """Check the body of a chat request.

    Args:
        request: the JSON object.

    Raises:
        InvalidRequestError: a field is missing, of the wrong type or out of range; ``param`` names
            it, for example ``messages[0].role``.
    """
    check_fields(ChatWords, request)
    response_format = request.get("response_format") or {}
    if response_format.get("type") == "json_schema" and not response_format.get("json_schema"):
        raise InvalidRequestError(
            "response_format.json_schema is required when response_format.type is 'json_schema'.",
            param="response_format.json_schema",
        )
    _check_assistant_messages(request["messages"])
    return ChatRequest(request)


def _check_assistant_messages(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        fields = ("content", "tool_calls", "function_call", "refusal", "audio")
        if message["role"] == "assistant" and all(message.get(name) is None for name in fields):
            raise InvalidRequestError(
                f"messages[{index}].content is required: this assistant message has neither "
                "content nor tool_calls.",
                param=f"messages[{index}].content",
            )
