"""A chat request and its checks, and the token counts of an answer.

A request is checked, not rewritten: :func:`read_chat_request` keeps the JSON object exactly as the
client sent it, unknown parameters included, because that object goes upstream. The gateway decides
which model answers and how file parts are handled.

Source: ``CreateChatCompletionRequest`` of the OpenAI API; the ranges are those of its reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import Any

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, from_json

from .chat_fields import LONGEST_NAME, ChatWords
from .chunks import MOST_TOKENS, read_tokens
from .errors import InvalidJSONError, InvalidRequestError
from .plain_text import plain_text
from .requests import APIRequest

__all__ = [
    "LONGEST_NAME",
    "ChatRequest",
    "ChatWords",
    "Usage",
    "complaint",
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
    """A checked chat request."""

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


def read_json_object(body: bytes) -> dict[str, Any]:
    """Decode a body that must be a single JSON object.

    Raises:
        InvalidJSONError: it is empty, not valid JSON (this includes NaN and lone surrogates) or not
            an object, or a number in it is too large to forward.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        where = str(error).split("\n", 1)[0] if body else "the body is empty"
        raise InvalidJSONError(
            f"The body is not valid JSON ({where}). Send a JSON object."
        ) from None
    if not isinstance(value, dict):
        raise InvalidJSONError('The body must be a JSON object, such as {"messages": [...]}.')
    if _has_infinity(value):
        raise InvalidJSONError("A number in the body is too large to forward.")
    return value


def _has_infinity(value: Any) -> bool:
    # "1e400" is valid JSON, but Python reads it as infinity, which is not.
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float) and isinf(value):
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def read_chat_request(request: dict[str, Any]) -> ChatRequest:
    """Check the body of a chat request.

    Args:
        request: the JSON object.

    Raises:
        InvalidRequestError: a field is missing, of the wrong type or out of range; ``param`` names
            it, for example ``messages[0].role``.
    """
    try:
        ChatWords.model_validate(request)
    except ValidationError as error:
        raise complaint(error) from None
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


def complaint(fault: ValidationError) -> InvalidRequestError:
    """Return the error for the first field that is wrong; ``param`` names it."""
    error = fault.errors(include_url=False, include_input=False)[0]
    param = ""
    for step in error["loc"]:
        if isinstance(step, int):
            param += f"[{step}]"
        elif not step.startswith("<"):
            param += f".{step}" if param else step
    if error["type"] == "role":
        param += ".role"
    param = plain_text(param, LONGEST_NAME)
    return InvalidRequestError(f"{param} {_what_is_wrong(error)}.", param=param)


_FAULTS = {
    "missing": "is required",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_too_long": f"must have at most {LONGEST_NAME} characters",
    "too_short": "must not be empty",
}


def _what_is_wrong(error: ErrorDetails) -> str:
    return _FAULTS.get(error["type"]) or error["msg"].replace("Input should", "must", 1)
