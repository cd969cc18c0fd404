"""The fields of a chat request: their types, ranges and forms.

Reading a request is in :mod:`.chat`.

Source: ``CreateChatCompletionRequest`` of the OpenAI API; the ranges are those of its reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from .fields import LONGEST_NAME, Fields, at_least, between, is_json_schema, text_or_list

__all__ = ["MAX_STOP_SEQUENCES", "ChatWords"]

MOST_BIASES = 1000
"""Most tokens in ``logit_bias``; OpenAI allows 300."""

MAX_STOP_SEQUENCES = 4
"""Most ``stop`` sequences that the API allows; a longer list is refused, never cut silently."""


def _at_most_four(stop: list[str]) -> list[str]:
    if len(stop) > MAX_STOP_SEQUENCES:
        raise PydanticCustomError(
            "stop", "may hold at most {most} sequences", {"most": MAX_STOP_SEQUENCES}
        )
    return stop


def _part_kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return f"<{kind}>" if kind in ("text", "image_url", "file") else "<other>"


def _message_role(message: Any) -> str | None:
    if not isinstance(message, Mapping):
        return "<user>"
    role = message.get("role")
    return f"<{role}>" if isinstance(role, str) else None


class _ImageURL(Fields):
    url: str


class _TextPart(Fields):
    type: Literal["text"]
    text: str


class _ImagePart(Fields):
    type: Literal["image_url"]
    image_url: _ImageURL


class _FilePart(Fields):
    type: Literal["file"]
    file: dict[str, Any]


class _OtherPart(Fields):
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
    Discriminator(text_or_list),
]


class _Message(Fields):
    """A message that must have content: system, developer, user and function."""

    role: Literal["system", "developer", "user", "function"]
    content: _Content
    name: str | None = None


class _ToolMessage(Fields):
    """The result of a tool call."""

    role: Literal["tool"]
    content: _Content
    tool_call_id: str


class _AssistantMessage(Fields):
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


class _JSONSchemaFormat(Fields):
    name: str
    schema_: Annotated[dict[str, Any], AfterValidator(is_json_schema)] = Field(
        alias="schema", default_factory=dict
    )


class _ResponseFormat(Fields):
    type: str
    json_schema: _JSONSchemaFormat | None = None


class _StreamOptions(Fields):
    include_usage: bool | None = None


class ChatWords(Fields):
    """The parameters that this server checks; all others go upstream unread."""

    # Only the first fault is reported, so the check stops there: a million would take seconds.
    messages: list[_AnyMessage] = Field(min_length=1, fail_fast=True)
    model: Annotated[str | None, Field(max_length=LONGEST_NAME)] = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Annotated[int | None, at_least(1)] = None
    max_completion_tokens: Annotated[int | None, at_least(1)] = None
    temperature: Annotated[float | None, between(0, 2)] = None
    top_p: Annotated[float | None, between(0, 1)] = None
    n: Annotated[int | None, between(1, 128)] = None
    presence_penalty: Annotated[float | None, between(-2, 2)] = None
    frequency_penalty: Annotated[float | None, between(-2, 2)] = None
    stop: (
        Annotated[
            Annotated[str, Tag("<text>")]
            | Annotated[list[str], AfterValidator(_at_most_four), Tag("<list>")],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
    seed: int | None = None
    user: str | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, between(0, 20)] = None
    logit_bias: Annotated[dict[str, float], Field(max_length=MOST_BIASES)] | None = None
    metadata: dict[str, Any] | None = None
    response_format: _ResponseFormat | None = None
    tools: Annotated[list[dict[str, Any]], Field(fail_fast=True)] | None = None
    parallel_tool_calls: bool | None = None
