"""The fields of a request to Anthropic's Messages API: their types, ranges and forms.

Reading a request is in :mod:`.messages`. What an upstream may know and we do not is kept: unknown
fields, and blocks, sources and tools of unknown types.

Source: the reference of the Messages API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from .fields import LONGEST_NAME, Fields, at_least, between, is_json_schema, text_or_list, type_tag

__all__ = ["MessagesWords"]

_BLOCKS = frozenset(
    {
        "text",
        "image",
        "document",
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
    }
)
_SOURCES = frozenset({"base64", "text", "url", "file", "content"})


def _block_tag(block: Any) -> str:
    return type_tag(block, _BLOCKS)


def _source_tag(source: Any) -> str:
    return type_tag(source, _SOURCES)


def _tool_tag(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    return "<other>" if isinstance(kind, str) and kind != "custom" else "<custom>"


class _Other(Fields):
    """What only the upstream may understand."""

    type: str


class _TextBlock(Fields):
    text: str


class _Base64Source(Fields):
    media_type: str
    data: str


class _TextSource(Fields):
    data: str


class _URLSource(Fields):
    url: str


class _FileSource(Fields):
    file_id: str


class _ContentSource(Fields):
    content: _PlainContent


_Source = Annotated[
    Annotated[_Base64Source, Tag("<base64>")]
    | Annotated[_TextSource, Tag("<text>")]
    | Annotated[_URLSource, Tag("<url>")]
    | Annotated[_FileSource, Tag("<file>")]
    | Annotated[_ContentSource, Tag("<content>")]
    | Annotated[_Other, Tag("<other>")],
    Discriminator(_source_tag),
]


class _ImageBlock(Fields):
    source: _Source


class _Citations(Fields):
    enabled: bool | None = None


class _DocumentBlock(Fields):
    source: _Source
    title: str | None = None
    context: str | None = None
    citations: _Citations | None = None


class _ToolUseBlock(Fields):
    id: str
    name: str
    input: dict[str, Any]


class _ThinkingBlock(Fields):
    thinking: str
    signature: str | None = None


class _RedactedBlock(Fields):
    data: str


def _inner_tag(block: Any) -> str:
    return type_tag(block, frozenset({"text", "image", "document"}))


def _plain_tag(block: Any) -> str:
    return type_tag(block, frozenset({"text"}))


# Images in a document's own content are checked where they are translated, because a type that
# contained itself would be checked as deep as the client nests it.
_PlainContent = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[
        list[
            Annotated[
                Annotated[_TextBlock, Tag("<text>")] | Annotated[_Other, Tag("<other>")],
                Discriminator(_plain_tag),
            ]
        ],
        Field(fail_fast=True),
        Tag("<list>"),
    ],
    Discriminator(text_or_list),
]
_ResultContent = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[
        list[
            Annotated[
                Annotated[_TextBlock, Tag("<text>")]
                | Annotated[_ImageBlock, Tag("<image>")]
                | Annotated[_DocumentBlock, Tag("<document>")]
                | Annotated[_Other, Tag("<other>")],
                Discriminator(_inner_tag),
            ]
        ],
        Field(fail_fast=True),
        Tag("<list>"),
    ],
    Discriminator(text_or_list),
]


class _ToolResultBlock(Fields):
    tool_use_id: str
    content: _ResultContent | None = None
    is_error: bool | None = None


_Block = Annotated[
    Annotated[_TextBlock, Tag("<text>")]
    | Annotated[_ImageBlock, Tag("<image>")]
    | Annotated[_DocumentBlock, Tag("<document>")]
    | Annotated[_ToolUseBlock, Tag("<tool_use>")]
    | Annotated[_ToolResultBlock, Tag("<tool_result>")]
    | Annotated[_ThinkingBlock, Tag("<thinking>")]
    | Annotated[_RedactedBlock, Tag("<redacted_thinking>")]
    | Annotated[_Other, Tag("<other>")],
    Discriminator(_block_tag),
]
_Content = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[list[_Block], Field(fail_fast=True), Tag("<list>")],
    Discriminator(text_or_list),
]


class _Message(Fields):
    role: Literal["user", "assistant", "system"]
    content: _Content


class _CustomTool(Fields):
    name: str
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None


_Tool = Annotated[
    Annotated[_CustomTool, Tag("<custom>")] | Annotated[_Other, Tag("<other>")],
    Discriminator(_tool_tag),
]


class _ToolChoice(Fields):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(Fields):
    type: str
    budget_tokens: Annotated[int | None, at_least(1)] = None


class _Format(Fields):
    type: str
    schema_: Annotated[dict[str, Any], AfterValidator(is_json_schema)] | None = Field(
        alias="schema", default=None
    )


class _OutputConfig(Fields):
    effort: str | None = None
    format: _Format | None = None


class MessagesWords(Fields):
    """The parameters that this server checks; the others are kept."""

    max_tokens: Annotated[int, at_least(1)]
    messages: list[_Message] = Field(min_length=1, fail_fast=True)
    model: Annotated[str | None, Field(max_length=LONGEST_NAME)] = None
    system: (
        Annotated[
            Annotated[str, Tag("<text>")]
            | Annotated[list[_TextBlock], Field(fail_fast=True), Tag("<list>")],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
    stream: bool | None = None
    temperature: Annotated[float | None, between(0, 1)] = None
    top_p: Annotated[float | None, between(0, 1)] = None
    top_k: Annotated[int | None, at_least(0)] = None
    stop_sequences: Annotated[list[str], Field(fail_fast=True)] | None = None
    metadata: dict[str, Any] | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    tools: Annotated[list[_Tool], Field(fail_fast=True)] | None = None
    tool_choice: _ToolChoice | None = None
