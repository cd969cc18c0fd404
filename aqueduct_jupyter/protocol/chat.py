"""A chat request and its checks, and the token counts of an answer.

A request is checked, not rewritten: :func:`read_chat_request` keeps the JSON object exactly as the
client sent it, unknown parameters included, because that object goes upstream. The gateway decides
which model answers and how file parts are handled.

Source: ``CreateChatCompletionRequest`` of the OpenAI API; the ranges are those of its reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError, from_json

from .chunks import MOST_TOKENS
from .errors import InvalidJSONError, InvalidRequestError
from .plain_text import plain_text
from .schemas import schema_fault

__all__ = [
    "LONGEST_NAME",
    "ChatRequest",
    "ChatWords",
    "Usage",
    "read_chat_request",
    "read_json_object",
]

LONGEST_NAME = 512
"""Longest model name, and longest field name in an error, in characters."""

MOST_BIASES = 1000
"""Most tokens in ``logit_bias``; OpenAI allows 300."""

MAX_STOP_SEQUENCES = 4
"""Most ``stop`` sequences that the API allows; a longer list is refused, never cut silently."""


def _between(low: float, high: float) -> AfterValidator:
    def check(value: float | None) -> float | None:
        if value is not None and not low <= value <= high:
            raise PydanticCustomError(
                "range",
                "must be between {low} and {high}",
                {"low": low, "high": high},
            )
        return value

    return AfterValidator(check)


def _at_least(low: int) -> AfterValidator:
    def check(value: int | None) -> int | None:
        if value is not None and value < low:
            raise PydanticCustomError("range", "must be {low} or more", {"low": low})
        return value

    return AfterValidator(check)


def _at_most_four(stop: list[str]) -> list[str]:
    if len(stop) > MAX_STOP_SEQUENCES:
        raise PydanticCustomError(
            "stop", "may hold at most {most} sequences", {"most": MAX_STOP_SEQUENCES}
        )
    return stop


def _is_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if reason := schema_fault(schema):
        raise PydanticCustomError(
            "json_schema", "is not a valid JSON schema: {reason}", {"reason": reason}
        )
    return schema


# Tags in angle brackets select a member of a union and are left out of field names.
def _text_or_list(value: Any) -> str:
    return "<list>" if isinstance(value, list) else "<text>"


def _part_kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return f"<{kind}>" if kind in ("text", "image_url", "file") else "<other>"


def _message_role(message: Any) -> str | None:
    if not isinstance(message, Mapping):
        return "<user>"
    role = message.get("role")
    return f"<{role}>" if isinstance(role, str) else None


class _Fields(BaseModel):
    """Known fields are checked strictly ("1" is not a number); unknown fields are kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class _ImageURL(_Fields):
    url: str


class _TextPart(_Fields):
    type: Literal["text"]
    text: str


class _ImagePart(_Fields):
    type: Literal["image_url"]
    image_url: _ImageURL


class _FilePart(_Fields):
    type: Literal["file"]
    file: dict[str, Any]


class _OtherPart(_Fields):
    """A part that only the upstream understands: audio, video, a refusal."""

    type: str


_Part = Annotated[
    Annotated[_TextPart, Tag("<text>")]
    | Annotated[_ImagePart, Tag("<image_url>")]
    | Annotated[_FilePart, Tag("<file>")]
    | Annotated[_OtherPart, Tag("<other>")],
    Discriminator(_part_kind),
]
_Content = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[list[_Part], Field(min_length=1, fail_fast=True), Tag("<list>")],
    Discriminator(_text_or_list),
]


class _Message(_Fields):
    """A message that must have content: system, developer, user and function."""

    role: Literal["system", "developer", "user", "function"]
    content: _Content
    name: str | None = None


class _ToolMessage(_Fields):
    """The result of a tool call."""

    role: Literal["tool"]
    content: _Content
    tool_call_id: str


class _AssistantMessage(_Fields):
    """An assistant's message; it may lack content if it called tools or refused."""

    role: Literal["assistant"]
    content: _Content | None = None
    tool_calls: Annotated[list[dict[str, Any]], Field(fail_fast=True)] | None = None


_AnyMessage = Annotated[
    Annotated[_Message, Tag("<system>")]
    | Annotated[_Message, Tag("<developer>")]
    | Annotated[_Message, Tag("<user>")]
    | Annotated[_AssistantMessage, Tag("<assistant>")]
    | Annotated[_ToolMessage, Tag("<tool>")]
    | Annotated[_Message, Tag("<function>")],
    Discriminator(
        _message_role,
        custom_error_type="role",
        custom_error_message="must be one of system, developer, user, assistant, tool or function",
    ),
]


class _JSONSchemaFormat(_Fields):
    name: str
    schema_: Annotated[dict[str, Any], AfterValidator(_is_json_schema)] = Field(
        alias="schema", default_factory=dict
    )


class _ResponseFormat(_Fields):
    type: str
    json_schema: _JSONSchemaFormat | None = None


class _StreamOptions(_Fields):
    include_usage: bool | None = None


class ChatWords(_Fields):
    """The parameters that this server checks; all others go upstream unread."""

    # Only the first fault is reported, so the check stops there: a million would take seconds.
    messages: list[_AnyMessage] = Field(min_length=1, fail_fast=True)
    model: Annotated[str | None, Field(max_length=LONGEST_NAME)] = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Annotated[int | None, _at_least(1)] = None
    max_completion_tokens: Annotated[int | None, _at_least(1)] = None
    temperature: Annotated[float | None, _between(0, 2)] = None
    top_p: Annotated[float | None, _between(0, 1)] = None
    n: Annotated[int | None, _between(1, 128)] = None
    presence_penalty: Annotated[float | None, _between(-2, 2)] = None
    frequency_penalty: Annotated[float | None, _between(-2, 2)] = None
    stop: (
        Annotated[
            Annotated[str, Tag("<text>")]
            | Annotated[list[str], AfterValidator(_at_most_four), Tag("<list>")],
            Discriminator(_text_or_list),
        ]
        | None
    ) = None
    seed: int | None = None
    user: str | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, _between(0, 20)] = None
    logit_bias: Annotated[dict[str, float], Field(max_length=MOST_BIASES)] | None = None
    metadata: dict[str, Any] | None = None
    response_format: _ResponseFormat | None = None
    tools: Annotated[list[dict[str, Any]], Field(fail_fast=True)] | None = None
    parallel_tool_calls: bool | None = None


class Usage(BaseModel):
    """The tokens that an upstream counted: read and written."""

    prompt_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)
    completion_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked chat request; ``body`` is the client's own JSON object."""

    body: dict[str, Any]

    @property
    def model(self) -> str | None:
        """The model's name as the client wrote it; None means the default."""
        return self.body.get("model") or None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, oldest first."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def is_stream(self) -> bool:
        """Whether the client asked for a stream of events."""
        return bool(self.body.get("stream"))

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
        raise _complaint(error.errors(include_url=False, include_input=False)[0]) from None
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


def _complaint(error: ErrorDetails) -> InvalidRequestError:
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
