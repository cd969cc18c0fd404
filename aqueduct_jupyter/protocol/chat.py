"""The words of a chat: what a request may say, and the tokens that an answer counts.

A request is checked, not rewritten: :func:`read_chat_request` keeps the JSON object exactly as the
client sent it, unknown parameters included, because that object is what goes upstream. Which model
answers, and what becomes of file parts, is left to the gateway.

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
"""Characters of a model's name, and of a field's as an error tells it."""

MOST_BIASES = 1000
"""How many tokens ``logit_bias`` may name; OpenAI takes 300."""

MAX_STOP_SEQUENCES = 4
"""How many ``stop`` sequences the API allows; more are refused, never cut silently."""


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


# Tags in angle brackets choose a member of a union and are left out of the names of fields.
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


class _Words(BaseModel):
    """Known fields are checked strictly ("1" is no number); unknown ones are kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class _ImageURL(_Words):
    url: str


class _TextPart(_Words):
    type: Literal["text"]
    text: str


class _ImagePart(_Words):
    type: Literal["image_url"]
    image_url: _ImageURL


class _FilePart(_Words):
    type: Literal["file"]
    file: dict[str, Any]


class _OtherPart(_Words):
    """A kind of part that only the upstream knows: audio, video, a refusal."""

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


class _Message(_Words):
    """A message whose content must be there: system, developer, user, tool and function."""

    role: Literal["system", "developer", "user", "function"]
    content: _Content
    name: str | None = None


class _ToolMessage(_Words):
    """What a tool gave."""

    role: Literal["tool"]
    content: _Content
    tool_call_id: str


class _AssistantMessage(_Words):
    """An assistant's content may be missing where it called tools or refused."""

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


class _JSONSchemaFormat(_Words):
    name: str
    schema_: Annotated[dict[str, Any], AfterValidator(_is_json_schema)] = Field(
        alias="schema", default_factory=dict
    )


class _ResponseFormat(_Words):
    type: str
    json_schema: _JSONSchemaFormat | None = None


class _StreamOptions(_Words):
    include_usage: bool | None = None


class ChatWords(_Words):
    """Every parameter that this server checks; all others go upstream unread."""

    # The first fault is told, so none is looked for after it: a million would take seconds.
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
    """The tokens that an upstream counted: those it read and those it wrote."""

    prompt_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)
    completion_tokens: int = Field(default=0, ge=0, le=MOST_TOKENS)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat request that has been checked; ``body`` is the client's own JSON object."""

    body: dict[str, Any]

    @property
    def model(self) -> str | None:
        """The model's name as the client wrote it; None asks for the default."""
        return self.body.get("model") or None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, oldest first."""
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def is_stream(self) -> bool:
        """Whether the answer is asked for as a stream of events."""
        return bool(self.body.get("stream"))

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return self.body.get("n") or 1

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked to see the tokens at the end of its stream."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))


def read_json_object(body: bytes) -> dict[str, Any]:
    """Decode a body that must be one JSON object.

    Raises:
        InvalidJSONError: it is empty, not JSON (NaN and lone surrogates included), or no object; or
            a number in it is too large to be passed on.
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
        raise InvalidJSONError("A number in the body is too large to be passed on.")
    return value


def _has_infinity(value: Any) -> bool:
    # "1e400" is JSON, but what Python makes of it is not.
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
            it, as ``messages[0].role``.
    """
    try:
        ChatWords.model_validate(request)
    except ValidationError as error:
        raise _complaint(error.errors(include_url=False, include_input=False)[0]) from None
    response_format = request.get("response_format") or {}
    if response_format.get("type") == "json_schema" and not response_format.get("json_schema"):
        raise InvalidRequestError(
            "response_format.json_schema is required where response_format.type is 'json_schema'.",
            param="response_format.json_schema",
        )
    _check_that_assistants_said_something(request["messages"])
    return ChatRequest(request)


def _check_that_assistants_said_something(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        said = ("content", "tool_calls", "function_call", "refusal", "audio")
        if message["role"] == "assistant" and all(message.get(word) is None for word in said):
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


_PLAIN_WORDS = {
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
    return _PLAIN_WORDS.get(error["type"]) or error["msg"].replace("Input should", "must", 1)
