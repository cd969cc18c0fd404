"""The fields of a request to the Responses API: their types, ranges and forms.

Reading a request is in :mod:`.responses`. What an upstream may know and we do not is kept: unknown
fields, and items, content parts and tools of unknown types.

Source: ``CreateResponse`` of the OpenAI API, and the Open Responses specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from .fields import LONGEST_NAME, Fields, at_least, between, is_json_schema, text_or_list, type_tag

__all__ = ["Items", "ResponsesWords", "item_type"]

_PARTS = frozenset({"input_text", "output_text", "refusal", "input_image", "input_file"})
_TOOLS = frozenset({"function", "custom", "namespace"})
_ITEMS = frozenset(
    {
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "item_reference",
        "additional_tools",
        "compaction",
    }
)


def item_type(item: Mapping[str, Any]) -> str | None:
    """Return an input item's type; messages and references may leave it out."""
    kind = item.get("type")
    if kind is None:
        return "message" if "role" in item else "item_reference" if "id" in item else None
    return kind if isinstance(kind, str) else None


def _part_tag(part: Any) -> str:
    return type_tag(part, _PARTS)


def _tool_tag(tool: Any) -> str:
    return type_tag(tool, _TOOLS)


def _item_tag(item: Any) -> str:
    kind = item_type(item) if isinstance(item, Mapping) else None
    return f"<{kind}>" if kind in _ITEMS else "<other>"


def _choice_tag(choice: Any) -> str:
    return "<object>" if isinstance(choice, Mapping) else "<text>"


class _Other(Fields):
    """What only the upstream may understand."""

    type: str


class _Text(Fields):
    text: str


class _Refusal(Fields):
    refusal: str


class _Image(Fields):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class _File(Fields):
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None


_Part = Annotated[
    Annotated[_Text, Tag("<input_text>")]
    | Annotated[_Text, Tag("<output_text>")]
    | Annotated[_Refusal, Tag("<refusal>")]
    | Annotated[_Image, Tag("<input_image>")]
    | Annotated[_File, Tag("<input_file>")]
    | Annotated[_Other, Tag("<other>")],
    Discriminator(_part_tag),
]
_Content = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[_Part], Field(fail_fast=True), Tag("<list>")],
    Discriminator(text_or_list),
]


class _FunctionTool(Fields):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _CustomTool(Fields):
    name: str
    description: str | None = None
    format: dict[str, Any] | None = None


_NamedTool = Annotated[
    Annotated[_FunctionTool, Tag("<function>")]
    | Annotated[_CustomTool, Tag("<custom>")]
    | Annotated[_Other, Tag("<namespace>")]
    | Annotated[_Other, Tag("<other>")],
    Discriminator(_tool_tag),
]


class _Namespace(Fields):
    name: str
    tools: list[_NamedTool] = Field(fail_fast=True)


_Tool = Annotated[
    Annotated[_FunctionTool, Tag("<function>")]
    | Annotated[_CustomTool, Tag("<custom>")]
    | Annotated[_Namespace, Tag("<namespace>")]
    | Annotated[_Other, Tag("<other>")],
    Discriminator(_tool_tag),
]


class _AllowedTool(Fields):
    type: str
    name: str | None = None
    namespace: str | None = None


class _ToolChoice(Fields):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: Annotated[list[_AllowedTool], Field(fail_fast=True)] | None = None


class _InputItem(Fields):
    id: str | None = None


class _OtherItem(_InputItem):
    """What only the upstream may understand."""

    type: str


class _Message(_InputItem):
    role: Literal["user", "assistant", "system", "developer"]
    content: _Content


class _Call(_InputItem):
    call_id: str
    name: str
    namespace: str | None = None


class _FunctionCall(_Call):
    arguments: str


class _CustomCall(_Call):
    input: str


class _Output(_InputItem):
    call_id: str
    output: _Content


class _Reasoning(_InputItem):
    summary: Annotated[list[_Text], Field(fail_fast=True)] | None = None
    content: Annotated[list[_Text], Field(fail_fast=True)] | None = None
    encrypted_content: str | None = None


class _Compaction(_InputItem):
    encrypted_content: str


class _Reference(Fields):
    id: str


class _AdditionalTools(_InputItem):
    tools: list[_Tool] = Field(fail_fast=True)


_Item = Annotated[
    Annotated[_Message, Tag("<message>")]
    | Annotated[_FunctionCall, Tag("<function_call>")]
    | Annotated[_Output, Tag("<function_call_output>")]
    | Annotated[_CustomCall, Tag("<custom_tool_call>")]
    | Annotated[_Output, Tag("<custom_tool_call_output>")]
    | Annotated[_Reasoning, Tag("<reasoning>")]
    | Annotated[_Reference, Tag("<item_reference>")]
    | Annotated[_AdditionalTools, Tag("<additional_tools>")]
    | Annotated[_Compaction, Tag("<compaction>")]
    | Annotated[_OtherItem, Tag("<other>")],
    Discriminator(_item_tag),
]

Items = Annotated[list[_Item], Field(fail_fast=True)]
"""A list of items, each checked by its type."""


class _Format(Fields):
    type: str
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    schema_: Annotated[dict[str, Any], AfterValidator(is_json_schema)] | None = Field(
        alias="schema", default=None
    )


class _TextOptions(Fields):
    format: _Format | None = None
    verbosity: str | None = None


class _ReasoningOptions(Fields):
    effort: str | None = None


class _Conversation(Fields):
    id: str


class ResponsesWords(Fields):
    """The parameters that this server checks; the others are kept."""

    input: (
        Annotated[
            Annotated[str, Tag("<text>")] | Annotated[Items, Tag("<list>")],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
    model: Annotated[str | None, Field(max_length=LONGEST_NAME)] = None
    instructions: str | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: Annotated[str | None, Field(max_length=LONGEST_NAME)] = None
    conversation: (
        Annotated[
            Annotated[str, Field(max_length=LONGEST_NAME), Tag("<text>")]
            | Annotated[_Conversation, Tag("<object>")],
            Discriminator(_choice_tag),
        ]
        | None
    ) = None
    max_output_tokens: Annotated[int | None, at_least(1)] = None
    temperature: Annotated[float | None, between(0, 2)] = None
    top_p: Annotated[float | None, between(0, 1)] = None
    top_logprobs: Annotated[int | None, between(0, 20)] = None
    presence_penalty: Annotated[float | None, between(-2, 2)] = None
    frequency_penalty: Annotated[float | None, between(-2, 2)] = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    include: Annotated[list[str], Field(fail_fast=True)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    parallel_tool_calls: bool | None = None
    text: _TextOptions | None = None
    reasoning: _ReasoningOptions | None = None
    tools: Annotated[list[_Tool], Field(fail_fast=True)] | None = None
    tool_choice: (
        Annotated[
            Annotated[str, Tag("<text>")] | Annotated[_ToolChoice, Tag("<object>")],
            Discriminator(_choice_tag),
        ]
        | None
    ) = None
